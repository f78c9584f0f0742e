"""What the kernel-density explorer says and draws: numbers, a curve and images as HTML.

Pure functions and one class without state that a reader could change; ``parametric_models`` puts
them on the screen. Text takes the colour of the surrounding theme.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from helpers import parametric_models as reference
from helpers.widgets.parts import BLUE, ORANGE, line, text

BANDWIDTHS = (
    0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15,
    0.16, 0.18, 0.2, 0.22, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0,
)  # fmt: skip
COUNTS = (20, 50, 100, 200, 400, 800)  # and all images
SHOWN = 10


@dataclass(frozen=True)
class Draw:
    """Samples of one setting, (SHOWN, dim), each with the nearest of the N images."""

    samples: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Numbers:
    """What the explorer reports of one setting.

    stored : numbers that the estimate keeps. log_likelihood : leave-one-out, nats per image.
    best_bandwidth, best_log_likelihood : the highest of the curve for this N.
    real_distance : mean distance of the N images to the nearest other one.
    """

    stored: int
    log_likelihood: float
    best_bandwidth: float
    best_log_likelihood: float
    real_distance: float


class Kde:
    """Kernel density estimates of the first N of ``x``, everything slow computed beforehand.

    x : ndarray of shape (rows, dim), 20 rows or more, in any order; it is shuffled once.
    bandwidths : where the leave-one-out log-likelihood is computed, rising.
    """

    def __init__(self, x: np.ndarray, bandwidths: Sequence[float] = BANDWIDTHS) -> None:
        if len(x) < COUNTS[0]:
            raise ValueError(f"{len(x)} images are too few to explore: give {COUNTS[0]} or more.")
        self.x = x[np.random.default_rng(0).permutation(len(x))]
        self.bandwidths = tuple(bandwidths)
        self.counts = (*(count for count in COUNTS if count < len(x)), len(x))
        squares = reference.squared_distances(self.x, self.x)
        self._curves, self._real = {}, {}
        for count in self.counts:
            some = squares[:count, :count].copy()
            self._curves[count] = reference.log_likelihood_from_distances(
                some, x.shape[1], self.bandwidths
            )
            np.fill_diagonal(some, np.inf)
            self._real[count] = float(np.sqrt(some.min(axis=1)).mean())

    def curve(self, count: int) -> np.ndarray:
        """Leave-one-out log-likelihood, nats per image, at each of the bandwidths."""
        return self._curves[count]

    def numbers(self, count: int, bandwidth: float) -> Numbers:
        """What there is to report; ``count`` and ``bandwidth`` as in the tables above."""
        curve = self._curves[count]
        best = int(curve.argmax())
        return Numbers(
            reference.kde_parameter_count(count, self.x.shape[1]),
            float(curve[self.bandwidths.index(bandwidth)]),
            self.bandwidths[best],
            float(curve[best]),
            self._real[count],
        )

    def draw(self, count: int, bandwidth: float, seed: int) -> Draw:
        """SHOWN samples; equal seeds give the same images and noise at every bandwidth."""
        rng = np.random.default_rng(seed)
        samples = reference.sample_kde(self.x[:count], bandwidth, SHOWN, rng)
        distances, nearest = reference.nearest_rows(samples, self.x[:count])
        return Draw(samples, self.x[nearest], distances)


def verdict(numbers: Numbers, bandwidth: float) -> str:
    """One sentence on the bandwidth."""
    if bandwidth < 0.6 * numbers.best_bandwidth:
        return (
            "Too narrow: the samples are copies of training images, and an image that was left "
            "out gets almost no probability."
        )
    if bandwidth > 1.6 * numbers.best_bandwidth:
        return "Too wide: the noise drowns the digits."
    return (
        "About right for images that were left out, and still each sample is one training image "
        "with noise."
    )


def image_strip(images: np.ndarray, name: str, scale: int = 6) -> str:
    """Square grey images, (n, pixels) with values from 0 to 1, side by side as one HTML image."""
    side = round(images.shape[1] ** 0.5)
    pixels = (np.clip(images, 0, 1) * 255).round().astype(np.uint8).reshape(-1, side, side)
    gap = np.full((len(pixels), side, 1), 128, np.uint8)
    strip = np.concatenate([pixels, gap], axis=2).transpose(1, 0, 2).reshape(side, -1)[:, :-1]
    file = io.BytesIO()
    Image.fromarray(strip).save(file, "PNG")
    code = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img class="kde-strip" alt="{escape(name)}" src="data:image/png;base64,{code}" '
        f'style="width:{strip.shape[1] * scale}px;max-width:100%;image-rendering:pixelated;'
        'display:block">'
    )


_WIDTH, _HEIGHT = 420, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_SPAN = 120  # nats that the curve's axis shows below its highest point


def draw_curve(bandwidths: Sequence[float], values: np.ndarray, current: int) -> str:
    """The leave-one-out log-likelihood over the bandwidth as SVG, the current one marked.

    The highest point and 120 nats below it are shown; the curve runs out of the picture below, and
    a current value down there is marked by a triangle at the edge.
    """
    top = float(values.max()) + 8
    low = top - 8 - _SPAN
    logs = np.log(bandwidths)

    def across(log: float) -> float:
        share = (log - logs[0]) / (logs[-1] - logs[0])
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def down(value: float) -> float:
        return _TOP + (top - value) / (top - low) * (_HEIGHT - _TOP - _BOTTOM)

    floor = _HEIGHT - _BOTTOM
    points = " ".join(
        f"{across(log):.1f},{min(down(value), 10 * _HEIGHT):.1f}"
        for log, value in zip(logs, values, strict=True)
    )
    parts = [
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH - _LEFT - _RIGHT}" '
        f'height="{floor - _TOP}" fill="none" stroke="currentColor" opacity=".5"/>'
    ]
    for tick in (0.01, 0.03, 0.1, 0.3, 1.0):
        if bandwidths[0] <= tick <= bandwidths[-1]:
            x = across(np.log(tick))
            parts.append(line(x, floor, x, floor + 4))
            parts.append(text(x, floor + 16, f"{tick:g}", "middle"))
    for tick in range(int(np.ceil(low / 40)) * 40, int(top) + 1, 40):
        parts.append(line(_LEFT - 4, down(tick), _LEFT, down(tick)))
        parts.append(text(_LEFT - 7, down(tick) + 4, f"{tick}".replace("-", "−"), "end"))
    middle = (_TOP + floor) / 2
    parts.append(text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "bandwidth", "middle"))
    parts.append(
        f'<text x="12" y="{middle}" text-anchor="middle" fill="currentColor" font-size="12" '
        f'transform="rotate(-90 12 {middle})">nats per image</text>'
    )
    parts.append(
        f'<svg x="{_LEFT}" y="{_TOP}" width="{_WIDTH - _LEFT - _RIGHT}" height="{floor - _TOP}" '
        f'viewBox="{_LEFT} {_TOP} {_WIDTH - _LEFT - _RIGHT} {floor - _TOP}">'
        f'<polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="2.5"/></svg>'
    )
    x, value = across(logs[current]), float(values[current])
    if value >= low:
        parts.append(
            f'<circle class="kde-marker" cx="{x:.1f}" cy="{down(value):.1f}" r="6" '
            f'fill="{ORANGE}" stroke="currentColor"/>'
        )
    else:
        parts.append(
            f'<path class="kde-marker" d="M{x - 6:.1f} {floor - 11} h12 l-6 10 z" '
            f'fill="{ORANGE}" stroke="currentColor"/>'
        )
    where = "" if value >= low else ", far below the picture"
    label = (
        f"Leave-one-out log-likelihood over the bandwidth: highest at "
        f"{bandwidths[int(values.argmax())]:g}; now at {bandwidths[current]:g}{where}."
    )
    return (
        f'<svg class="kde-curve" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="width:100%;max-width:{_WIDTH}px">'
        f"{''.join(parts)}</svg>"
    )


def signed(number: float) -> str:
    """One decimal, thousands apart, with a real minus sign."""
    return f"{number:,.1f}".replace("-", "−")
