"""What the latent walk shows and says, as pure functions."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from helpers.latent_space import norm_range
from helpers.widgets.parts import BLUE, ORANGE, line, text

#: Where the images of the map lie along each direction.
MAP_STEPS = (-10, -5, 0, 5, 10)
#: Images on the way from one to the other.
WAY_STEPS = tuple(step / 8 for step in range(9))


def plane(
    start: np.ndarray, directions: np.ndarray, places: Sequence[tuple[float, float]], factor: float
) -> np.ndarray:
    """Latent vectors factor * (start + x * first + y * second) of the places (x, y).

    start : (dim,). directions : (2, dim). Returns (len(places), dim).
    """
    return factor * (start + np.asarray(places, dtype=np.float64) @ directions)


def map_places() -> list[tuple[float, float]]:
    """The map's places row by row: the second direction grows upwards, the first to the right."""
    return [(x, y) for y in reversed(MAP_STEPS) for x in MAP_STEPS]


def contrast(image: np.ndarray) -> float:
    """Standard deviation of an image's bytes, all channels together, in grey levels."""
    return float(np.asarray(image, dtype=np.float64).std())


def png(image: np.ndarray) -> bytes:
    """A uint8 image (3, H, W) as a PNG file."""
    buffer = io.BytesIO()
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0))
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def mosaic(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, 3, H, W), row by row, as one image; N is a multiple of columns."""
    count, channels, height, width = images.shape
    rows = count // columns
    grid = images.reshape(rows, columns, channels, height, width)
    return grid.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)


def picture(image: np.ndarray, alt: str, width: int) -> str:
    """A uint8 image (3, H, W) in HTML, ``width`` pixels wide, every pixel a sharp square."""
    data = base64.b64encode(png(image)).decode("ascii")
    height = round(width * image.shape[1] / image.shape[2])
    return (
        f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}" width="{width}" '
        f'height="{height}" style="image-rendering:pixelated;display:block;max-width:none">'
    )


def figure(image: np.ndarray, name: str, notes: Sequence[str], alt: str, width: int) -> str:
    """A picture with its name above and notes below."""
    below = "".join(f'<div style="opacity:.85">{escape(note)}</div>' for note in notes)
    return (
        '<figure style="margin:0 18px 8px 0;display:inline-block;vertical-align:top">'
        f'<div style="font-weight:600;margin-bottom:2px">{escape(name)}</div>'
        f"{picture(image, alt, width)}<figcaption>{below}</figcaption></figure>"
    )


_TILE = 56


def map_picture(images: np.ndarray) -> str:
    """The images of ``map_places`` as one picture in HTML."""
    side = len(MAP_STEPS)
    alt = f"{side} by {side} images; to the right direction 1 grows, upwards direction 2"
    return picture(mosaic(images, side), alt, _TILE * side)


def map_html(drawn: str, place: tuple[float, float]) -> str:
    """The map, as ``map_picture`` drew it, and a frame round the place where the walker stands."""
    step, width = MAP_STEPS[1] - MAP_STEPS[0], _TILE * len(MAP_STEPS)
    left, top = (
        _TILE * (sign * at - MAP_STEPS[0]) / step for sign, at in ((1, place[0]), (-1, place[1]))
    )
    where = f"You are at {signed(place[0])}, {signed(place[1])}"
    return (
        '<figure style="margin:0 18px 8px 0;display:inline-block;vertical-align:top">'
        '<div style="font-weight:600;margin-bottom:2px">Map, the frame is where you are</div>'
        '<div style="display:flex"><div style="writing-mode:vertical-rl;transform:rotate(180deg);'
        'text-align:center;opacity:.85">direction 2 →</div>'
        f'<div class="latent-map" style="position:relative;width:{width}px;height:{width}px">'
        f'{drawn}<div class="latent-place" role="img" aria-label="{where}" '
        f'style="position:absolute;box-sizing:border-box;left:{left:.1f}px;top:{top:.1f}px;'
        f'width:{_TILE}px;height:{_TILE}px;border:3px solid {ORANGE};outline:1px solid #000">'
        "</div></div></div>"
        '<figcaption style="text-align:center;opacity:.85">direction 1 →</figcaption></figure>'
    )


def strip(images: np.ndarray, names: Sequence[str], captions: Sequence[str]) -> str:
    """Images in a row that wraps, a caption below each; ``names`` is what screen readers say."""
    cells = [
        f'<figure style="margin:0 6px 4px 0;text-align:center">{picture(image, name, 56)}'
        f'<figcaption style="opacity:.85">{escape(caption)}</figcaption></figure>'
        for image, name, caption in zip(images, names, captions, strict=True)
    ]
    return f'<div class="strip" style="display:flex;flex-wrap:wrap">{"".join(cells)}</div>'


def signed(value: float) -> str:
    """A number with at most one decimal and a true minus sign."""
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written.replace("-", "−")


def length_verdict(length: float, dim: int) -> tuple[bool | None, str]:
    """True where a random vector may well be so long, else None, and a sentence about it."""
    low, high = norm_range(dim)
    usual = f"(98 of 100 are {low:.1f} to {high:.1f} long)"
    if low <= length <= high:
        return True, f"z is {length:.1f} long, as random vectors are {usual}."
    how = "shorter" if length < low else "longer"
    return None, f"z is {length:.1f} long, {how} than almost all random vectors {usual}."


_WIDTH, _HEIGHT, _LEFT, _BASE = 440, 170, 40, 128


def length_svg(
    ways: Sequence[float], line_: Sequence[float], arc: Sequence[float], t: float, dim: int
) -> str:
    """The length of z along both ways, over the band where 98 of 100 random vectors lie.

    ways : from 0 to 1; line_ and arc : the lengths there.
    """
    low, high = norm_range(dim)
    top = 1.15 * max(high, *line_, *arc)

    def x(value: float) -> float:
        return _LEFT + value * (_WIDTH - _LEFT - 10)

    def y(length: float) -> float:
        return _BASE - length / top * (_BASE - 8)

    def curve(lengths: Sequence[float], colour: str, dashes: str) -> str:
        points = " ".join(
            f"{x(way):.1f},{y(length):.1f}" for way, length in zip(ways, lengths, strict=True)
        )
        return (
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"'
            f"{dashes}/>"
        )

    middle = len(ways) // 2
    label = (
        f"Length of z on the way. On the straight line it is {line_[middle]:.1f} in the middle, on "
        f"the arc {arc[middle]:.1f}; 98 of 100 random vectors are {low:.1f} to {high:.1f} long."
    )
    ticks = "".join(text(_LEFT - 6, y(value) + 4, f"{value:g}", "end") for value in (0, 5, 10))
    ends = "".join(text(x(value), _BASE + 16, f"{value:g}", "middle") for value in (0, 0.5, 1))
    return (
        f'<svg class="length-curve" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="width:100%;max-width:{_WIDTH}px;height:auto;'
        'color:inherit">'
        f'<rect x="{_LEFT}" y="{y(high):.1f}" width="{x(1) - _LEFT:.1f}" '
        f'height="{y(low) - y(high):.1f}" fill="currentColor" opacity=".14"/>'
        + line(_LEFT, _BASE, x(1), _BASE)
        + line(_LEFT, 8, _LEFT, _BASE)
        + line(x(t), 8, x(t), _BASE, dashed=True)
        + curve(arc, BLUE, "")
        + curve(line_, ORANGE, ' stroke-dasharray="7 4"')
        + ticks
        + ends
        + text(x(0.5), _HEIGHT - 6, "t, the share of the way", "middle")
        + "</svg>"
    )
