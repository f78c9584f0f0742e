"""What the pixel-scaling explorer says and draws, as pure functions."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from helpers.pixel_scaling import ACTIVATION_RANGES, nearest_reachable, out_of_reach, scale
from helpers.widgets.parts import percent

#: The numbers that the histogram's axis shows.
AXIS = (-3.0, 3.0)
_BIN = 0.05

Range = tuple[float, float]


@dataclass(frozen=True)
class Trip:
    """One image on its way: bytes, scaled, through a generator's last layer, back to bytes.

    scaled : the numbers that the network is to produce. reached : the nearest that its last layer
    can put out. back : the bytes made of them.
    out_of_reach : share of the numbers that the last layer cannot put out.
    off_scale : share that lies outside the range from which the way back starts, so that it has
    to be clamped, or wraps round.
    changed : share of the bytes that are not what they were.
    """

    image: np.ndarray
    scaled: np.ndarray
    reached: np.ndarray
    back: np.ndarray
    out_of_reach: float
    off_scale: float
    changed: float


def travel(
    image: np.ndarray,
    feature_range: Range,
    activation: str,
    back_from: Range | None = None,
    wraps: bool = False,
) -> Trip:
    """Follow an image there and back.

    image : uint8 (3, H, W). feature_range : where 0 and 255 go.
    activation : a key of ACTIVATION_RANGES.
    back_from : the range that the way back takes the numbers for; None for feature_range.
    wraps : let bytes overflow instead of clamping them.

    Raises ValueError for an empty range or an unknown activation.
    """
    scaled = scale(image.astype(np.float64) / 255, feature_range)
    reached = nearest_reachable(scaled, activation)
    whole = _whole(reached, back_from or feature_range)
    back = (whole % 256 if wraps else whole.clip(0, 255)).astype(np.uint8)
    return Trip(
        image,
        scaled,
        reached,
        back,
        out_of_reach(scaled, activation),
        float(np.mean((whole < 0) | (whole > 255))),
        float(np.mean(back != image)),
    )


def _whole(values: np.ndarray, feature_range: Range) -> np.ndarray:
    low, high = feature_range
    if not low < high:
        raise ValueError(f"a range is (low, high) with low < high, not {feature_range}.")
    # Rounded first to nine digits, so that halves fall the same way wherever the range lies.
    return np.rint(np.round((values - low) / (high - low) * 255, 9)).astype(np.int64)


def nearest_bytes(values: np.ndarray, feature_range: Range) -> np.ndarray:
    """The bytes that numbers in ``feature_range`` stand for; what lies outside is clamped."""
    return _whole(values, feature_range).clip(0, 255).astype(np.uint8)


def number(value: float) -> str:
    """A number with a true minus sign and no superfluous digits."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def verdict(trip: Trip, activation: str, wraps: bool) -> tuple[bool, list[str]]:
    """Whether all went well, and what happened, in sentences."""
    lines = []
    if trip.out_of_reach:
        low, high = (number(end) for end in ACTIVATION_RANGES[activation])
        reach = {"relu": "nothing below 0", "linear": "everything"}.get(
            activation, f"{low} to {high} only"
        )
        lines.append(
            f"{percent(trip.out_of_reach)} of the numbers are out of reach: {activation} puts out "
            f"{reach}."
        )
    if trip.off_scale:
        what = "wrap round, bright to dark and dark to bright" if wraps else "are clamped"
        lines.append(
            f"{percent(trip.off_scale)} of the numbers lie outside what the way back expects; "
            f"they {what}."
        )
    if trip.changed:
        lines.append(f"{percent(trip.changed)} of the bytes are not what they were.")
    if lines:
        return False, lines
    return True, ["Every number can be reached, and every byte comes back as it was."]


def histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and left edges of the bins over AXIS; what lies beyond is in the last bin."""
    edges = np.round(np.arange(AXIS[0], AXIS[1] + _BIN / 2, _BIN), 6)
    # 0.05 is no binary fraction: without the nudge a number on an edge may fall to its left.
    inside = np.clip(values + 1e-9, AXIS[0], AXIS[1] - _BIN / 2)
    counts, _ = np.histogram(inside, edges)
    return counts, edges[:-1]


_WIDTH, _HEIGHT, _BASE = 620, 190, 150


def _x(value: float) -> float:
    low, high = AXIS
    return round((min(max(value, low), high) - low) / (high - low) * _WIDTH, 1)


def histogram_svg(values: np.ndarray, activation: str) -> str:
    """The histogram of the scaled numbers, and the band that the last layer can reach."""
    low, high = ACTIVATION_RANGES[activation]
    start, end = _x(low), _x(high)
    share = out_of_reach(values, activation)
    within = (low <= values) & (values <= high)
    filled, lefts = histogram(values[within])
    outlined, _ = histogram(values[~within])
    tallest = max(int((filled + outlined).max()), 1)
    bars = {"filled": "", "outlined": ""}
    for left, below, above in zip(lefts, filled, outlined, strict=True):
        base = float(_BASE)
        for kind, count in (("filled", below), ("outlined", above)):
            height = round(110 * int(count) / tallest, 1)
            if count:
                bars[kind] += (
                    f"M{_x(left) + 0.4:.1f} {base:.1f}v{-height}h{_WIDTH * _BIN / 6 - 0.8:.1f}"
                    f"v{height}z"
                )
            base -= height
    ticks = "".join(
        f'<line x1="{_x(tick)}" x2="{_x(tick)}" y1="{_BASE}" y2="{_BASE + 5}" '
        'stroke="currentColor"/>'
        f'<text x="{min(max(_x(tick), 8), _WIDTH - 8)}" y="{_BASE + 18}" text-anchor="middle">'
        f"{number(tick)}</text>"
        for tick in range(-3, 4)
    )
    label = (
        f"Histogram of the scaled numbers, from {number(float(values.min()))} to "
        f"{number(float(values.max()))}. {percent(share)} of them are out of reach of {activation}."
    )
    return (
        f'<svg class="pixel-histogram" role="img" aria-label="{escape(label)}" '
        f'viewBox="-4 0 {_WIDTH + 8} {_HEIGHT}" '
        f'style="width:100%;max-width:{_WIDTH}px;height:auto;color:inherit" '
        'font-size="13" fill="currentColor">'
        f'<rect x="{start}" y="16" width="{round(end - start, 1)}" height="{_BASE - 16}" '
        'fill="#56B4E9" fill-opacity=".22" stroke="#56B4E9" stroke-dasharray="5 4"/>'
        f'<text x="{(start + end) / 2:.1f}" y="11" text-anchor="middle">'
        f"{activation} reaches this</text>"
        f'<path d="{bars["filled"]}" fill="#3f8fc4"/>'
        f'<path d="{bars["outlined"]}" fill="none" stroke="#e0662b" stroke-width="2"/>'
        f'<line x1="0" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}" stroke="currentColor"/>{ticks}'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">'
        "scaled numbers (filled: within reach, outlined: out of reach)</text></svg>"
    )


def picture_html(image: np.ndarray, name: str, note: str) -> str:
    """A uint8 image (3, H, W) as an HTML figure with its name above and a note below."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        '<figure style="margin:0 14px 8px 0;display:inline-block;vertical-align:top;width:150px">'
        f'<div style="font-weight:600">{escape(name)}</div>'
        f'<img alt="{escape(f"{name}: {note}")}" src="data:image/png;base64,{data}" width="144" '
        'height="144" style="image-rendering:pixelated;margin:2px 0;display:block">'
        f'<figcaption style="opacity:.85">{escape(note)}</figcaption></figure>'
    )
