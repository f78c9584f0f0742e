"""Street digits: colour images of house numbers drawn by a program, a stand-in for SVHN.

They are 32×32 colour photographs that never were: digits from the fonts that matplotlib ships and
a few drawn here, warped, lit, blurred and damaged the way SVHN's crops are, with SVHN's class
frequencies and about its channel statistics. Same seed and ``VERSION``, same images.

    python -m helpers.data.street_digits --preview out.png

How one image comes about: `_lay_out` chooses a number in a font and the pose of its middle digit;
`_distance` asks for every pixel how far it lies inside or outside the digits' outline, which is
all that strokes, borders and shadows need; `_paint` chooses colours and light; `_photograph`
makes a poor photograph of it. Everything works on a block of images at once.
"""

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np

#: Changes whenever the same seed gives other images.
VERSION = 1
#: SVHN's training labels 0 to 9 (Netzer et al. 2011), the class frequencies of every split.
CLASS_COUNTS = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)
SIZE = 32
_BLOCK = 128  # images drawn at once; image i comes from block i // _BLOCK whatever the count
_SPLITS = ("train", "test", "extra")

# ------------------------------------------------------------------------------- the glyphs

# Fonts whose digits all stand on the line: how often each is used, and its weight in `_STROKES`.
# House numbers are mostly bold and without serifs; old enamel plates have serifs.
_FONTS = {
    "DejaVuSans.ttf": (2.0, 1),
    "DejaVuSans-Bold.ttf": (2.5, 2),
    "DejaVuSans-Oblique.ttf": (0.4, 1),
    "DejaVuSans-BoldOblique.ttf": (0.5, 2),
    "DejaVuSerif.ttf": (0.7, 0),
    "DejaVuSerif-Bold.ttf": (0.8, 2),
    "STIXGeneral.ttf": (1.5, 0),
    "STIXGeneralBol.ttf": (2.0, 1),
    "STIXGeneralBolIta.ttf": (0.3, 1),
    "cmr10.ttf": (0.7, 0),
    "cmb10.ttf": (1.0, 1),
    "cmss10.ttf": (3.0, 0),
    "cmtt10.ttf": (0.5, 0),
}
_CAP = 40  # height of a digit in the atlas, in cells
_FINE = 2  # glyphs are drawn this many times finer than the atlas
_MARGIN = 12
_CELL = _CAP + 2 * _MARGIN
_BLANK = 10 * len(_FONTS)  # the atlas entry without a digit


def _one(stroke: float, flag: float, drop: float, base: float) -> np.ndarray:
    """Draw a 1 that no bundled font has: a bar, perhaps with a flag and a foot."""
    from PIL import Image, ImageDraw

    height = _FINE * _CAP
    image = Image.new("L", (2 * height, height), 0)
    pen = ImageDraw.Draw(image)
    middle, half = height, stroke * height / 2
    pen.rectangle((middle - half, 0, middle + half, height), fill=255)
    if flag:
        tip, thick = middle - half - flag * height, stroke * 0.9 * height
        corners = [(middle + half, 0), (middle - half * 0.6, 0), (tip, drop * height)]
        corners += [(tip, drop * height + thick), (middle - half, thick * 1.15)]
        pen.polygon(corners, fill=255)
    if base:
        pen.rectangle(
            (middle - base * height, height * (1 - stroke * 0.75), middle + base * height, height),
            fill=255,
        )
    return np.asarray(image)


# The 1s of `_one`, thin to fat: bare bars, then flags as sign painters draw them, then a foot.
_STROKES = (0.13, 0.17, 0.22)
_SHAPES = (
    (0, 0, 0),
    (0, 0, 0),
    (0.10, 0.08, 0),
    (0.15, 0.13, 0),
    (0.20, 0.18, 0),
    (0.15, 0.13, 0.2),
)
_ONES = tuple((stroke, *shape) for stroke in _STROKES for shape in _SHAPES)


def _crop(bitmap: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(bitmap.max(1) > 127)[0], np.nonzero(bitmap.max(0) > 127)[0]
    return bitmap[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _signed_distance(bitmap: np.ndarray) -> tuple[np.ndarray, float]:
    """Turn a glyph into an atlas cell: distance to its outline in digit heights, and its width."""
    from PIL import Image
    from scipy.ndimage import distance_transform_edt

    glyph = _crop(bitmap)
    height, side = _FINE * _CAP, _FINE * _CELL
    width = round(glyph.shape[1] * height / glyph.shape[0])
    glyph = np.asarray(Image.fromarray(glyph).resize((width, height), Image.Resampling.BILINEAR))
    ink = np.zeros((side, side), bool)
    top, left = (side - height) // 2, (side - width) // 2
    ink[top : top + height, left : left + width] = glyph > 127
    distance = distance_transform_edt(ink) - distance_transform_edt(~ink)
    cell = distance.reshape(_CELL, _FINE, _CELL, _FINE).mean((1, 3)) / height
    return cell.astype(np.float32), width / height


@cache
def _atlas() -> tuple[np.ndarray, np.ndarray]:
    """Return signed distances (glyphs, cells, cells) and widths (glyphs,), both in digit heights.

    Entry 10 f + d is digit d of font f; then the empty glyph; then the 1s of `_ONES`.
    """
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    cells, widths = [], []
    for name in _FONTS:
        try:
            font = ImageFont.truetype(str(folder / name), 150)
        except OSError:
            raise FileNotFoundError(
                f"The street digits are drawn with matplotlib's own fonts, and {name} is not in "
                f"{folder}. Install matplotlib again: pip install --force-reinstall matplotlib."
            ) from None
        for digit in "0123456789":
            image = Image.new("L", (250, 250), 0)
            ImageDraw.Draw(image).text((50, 20), digit, font=font, fill=255)
            cell, width = _signed_distance(np.asarray(image))
            cells.append(cell)
            widths.append(width)
    cells.append(np.full((_CELL, _CELL), -1, np.float32))
    widths.append(0.0)
    for shape in _ONES:
        cell, width = _signed_distance(_one(*shape))
        cells.append(cell)
        widths.append(width)
    return np.stack(cells), np.array(widths, np.float32)


# -------------------------------------------------------------------------- where they stand


def _choose(rng: np.random.Generator, count: int, weights) -> np.ndarray:
    """Draw ``count`` indices with these relative weights."""
    edges = np.cumsum(np.asarray(weights, float))
    return np.searchsorted(edges / edges[-1], rng.random(count), side="right")


def _column(values) -> np.ndarray:
    """One number per image, ready to meet (N, 32, 32)."""
    return np.asarray(values, np.float32)[:, None, None]


def _lay_out(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Choose digits, font, size, pose; lengths in pixels or, for strokes, in digit heights."""
    digits = _choose(rng, 3 * n, CLASS_COUNTS).reshape(3, n)  # left, middle, right
    frequency, weight = np.array(list(_FONTS.values())).T
    font = _choose(rng, n, frequency)
    glyphs = 10 * font + digits
    # A bundled font's 1 stands on a foot; on houses most do not.
    own = _BLANK + 1 + len(_SHAPES) * weight[font].astype(int) + rng.integers(len(_SHAPES), size=n)
    glyphs = np.where((digits == 1) & (rng.random(n) < 0.68), own, glyphs)
    # Neighbours: none, left, right, both.
    sides = _choose(rng, n, (0.17, 0.33, 0.33, 0.17))
    glyphs[0, (sides == 0) | (sides == 2)] = _BLANK
    glyphs[2, (sides == 0) | (sides == 1)] = _BLANK
    # A person, too, cannot read every crop: these are off centre, faint and blurred.
    hard = rng.random(n) < 0.04
    return {
        "labels": digits[1],
        "hard": hard,
        "glyphs": glyphs,
        "height": np.clip(rng.normal(0.81, 0.08, n), 0.64, 1.0) * SIZE,
        "narrow": np.exp(np.clip(rng.normal(-0.25, 0.17, n), -0.6, 0.15)),
        "gap": rng.uniform(0.06, 0.26, n),
        "slant": rng.normal(0, 0.06, n),
        "turn": rng.normal(0, 0.06, n),
        "x": rng.normal(0, 0.9, n) * (1 + 2 * hard),
        "y": rng.normal(0, 0.8, n) * (1 + 2 * hard),
        "bold": rng.normal(0.010, 0.012, n),
    }


def _place(layout: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each pixel is in its number, in digit heights from the middle digit's centre."""
    axis = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    x = axis[None, None, :] - _column(layout["x"])
    y = axis[None, :, None] - _column(layout["y"])
    cos, sin = _column(np.cos(layout["turn"])), _column(np.sin(layout["turn"]))
    height = _column(layout["height"])
    across = (cos * x + sin * y) / height
    down = (cos * y - sin * x) / height
    return (across + _column(layout["slant"]) * down) / _column(layout["narrow"]), down


def _distance(layout: dict[str, np.ndarray], across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return each pixel's distance to the nearest outline in digit heights, positive inside."""
    cells, widths = _atlas()
    left, middle, right = layout["glyphs"]
    gap = layout["gap"]
    to_left = widths[middle] / 2 + gap + widths[left] / 2
    to_right = widths[middle] / 2 + gap + widths[right] / 2
    is_left = across < _column(-(widths[middle] + gap) / 2)
    is_right = across > _column((widths[middle] + gap) / 2)
    glyph = np.where(is_left, left[:, None, None], middle[:, None, None])
    glyph = np.where(is_right, right[:, None, None], glyph)
    across = across + is_left * _column(to_left) - is_right * _column(to_right)
    # Bilinear look-up in the atlas; what lies outside a cell takes its edge.
    u = np.clip(across * _CAP + (_CELL - 1) / 2, 0, _CELL - 1.001)
    v = np.clip(down * _CAP + (_CELL - 1) / 2, 0, _CELL - 1.001)
    column, row = u.astype(np.int32), v.astype(np.int32)
    u -= column
    v -= row
    at = (glyph * _CELL + row) * _CELL + column
    flat = cells.ravel()
    top = flat[at] * (1 - u) + flat[at + 1] * u
    at += _CELL
    return top * (1 - v) + (flat[at] * (1 - u) + flat[at + 1] * u) * v


# ---------------------------------------------------------------------------- colour and light


def _tint(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return slight tints (n, 3): light varies from warm to cool more than from green to pink."""
    warm, pink = rng.normal(0, 0.022, n), rng.normal(0, 0.007, n)
    return np.stack([warm + pink, -pink, pink - warm], 1)


def _palette(rng: np.random.Generator, hard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of the wall and of the digits, each (n, 3, 1, 1), around 0 to 1."""
    n = len(hard)
    # Walls and plates: grey, blue, brown, white. Brightness, its spread, red and blue tint.
    kinds = np.array(
        [
            (0.42, 0.14, 0.00, 0.015),
            (0.30, 0.10, -0.05, 0.15),
            (0.42, 0.12, 0.09, -0.07),
            (0.76, 0.10, 0.00, 0.01),
            (0.20, 0.08, 0.00, 0.02),
        ]
    )
    mean, spread, red, blue = kinds[_choose(rng, n, (0.50, 0.15, 0.12, 0.15, 0.08))].T
    wall = np.clip(mean + spread * rng.normal(size=n), 0.06, 0.95)
    strength = rng.uniform(0.2, 1.2, n)
    tint = np.stack([red * strength, np.zeros(n), blue * strength], 1)
    tint += _tint(rng, n) + np.array([-0.005, 0, 0.024])
    # Digits differ from the wall by a contrast of either sign, as far as there is room.
    contrast = np.clip(0.09 + rng.gamma(2.2, 0.115, n), 0.09, 0.75) * (1 - 0.5 * hard)
    lighter = rng.random(n) < np.clip(1.2 - 1.6 * wall, 0.06, 0.94)
    digit = np.where(lighter, wall + contrast, wall - contrast)
    digit = np.where(digit > 1.0, wall - contrast, digit)
    digit = np.where(digit < 0.0, wall + contrast, digit)
    digit_tint = 0.35 * tint + _tint(rng, n)
    digit_tint += (rng.random(n) < 0.08)[:, None] * np.array([0.08, 0.0, -0.10])  # brass
    colours = wall[:, None] + tint, digit[:, None] + digit_tint
    return tuple(colour[:, :, None, None].astype(np.float32) for colour in colours)


def _smooth(rng: np.random.Generator, n: int, cells: int) -> np.ndarray:
    """Return blotches (n, 32, 32) of deviation about 1, with about ``cells`` per side."""
    coarse = rng.normal(size=(n, cells, cells)).astype(np.float32)
    up = _interpolate(cells)
    return up @ coarse @ up.T


@cache
def _interpolate(cells: int) -> np.ndarray:
    """Return the matrix (32, cells) that stretches ``cells`` samples over 32 pixels, linearly."""
    at = (np.arange(SIZE) + 0.5) * cells / SIZE - 0.5
    weights = 1 - np.abs(np.clip(at, 0, cells - 1)[:, None] - np.arange(cells)[None])
    return np.clip(weights, 0, 1).astype(np.float32)


def _paint(rng: np.random.Generator, layout: dict[str, np.ndarray]) -> np.ndarray:
    """Return the scene (n, 3, 32, 32), linear in brightness, around 0 to 1."""
    n = len(layout["labels"])
    across, down = _place(layout)
    height = _column(layout["height"])
    inside = (_distance(layout, across, down) + _column(layout["bold"])) * height  # pixels
    ink = np.clip(inside + 0.5, 0, 1)
    wall, digit = _palette(rng, layout["hard"])

    scene = np.repeat(np.repeat(wall, SIZE, 2), SIZE, 3)
    texture = 0.035 * _smooth(rng, n, 8) + _column(rng.uniform(0.0, 0.07, n)) * _smooth(rng, n, 3)
    boards = rng.random(n) < 0.12  # clapboard or bricks: dark lines
    period, phase = rng.uniform(7, 16, n), rng.random(n)
    line = (down * height / _column(period) + _column(phase)) % 1 < 0.14
    texture -= _column(boards * rng.uniform(0.05, 0.15, n)) * line

    # A plate: beyond its edge the colour changes, perhaps with a rim.
    plate = rng.random(n) < 0.35
    above, below = rng.uniform(0.56, 0.80, (2, n))
    beside = rng.uniform(0.35, 1.3, n)
    left, middle, right = layout["glyphs"]
    widths = _atlas()[1]
    reach = [
        widths[middle] / 2 + np.where(g == _BLANK, 0, layout["gap"] + widths[g])
        for g in (left, right)
    ]
    edge = np.minimum(down + _column(above), _column(below) - down)
    edge = np.minimum(edge, across + _column(reach[0] + beside * 0.5))
    edge = np.minimum(edge, _column(reach[1] + beside * 0.5) - across) * height
    beyond = np.clip(0.5 - edge, 0, 1) * _column(plate)
    rim = np.clip(1.3 - np.abs(edge - 2.0), 0, 1) * _column(plate & (rng.random(n) < 0.4))
    around = rng.normal(0, 0.13, (n, 1)) + _tint(rng, n)
    scene += texture[:, None]
    scene += beyond[:, None] * around.astype(np.float32)[:, :, None, None]
    scene += rim[:, None] * (0.6 * (digit - wall))

    # Raised digits throw a shadow: the ink, moved by whole pixels.
    raised = rng.random(n) < 0.25
    step_x, step_y = rng.integers(-2, 3, n), rng.integers(0, 3, n)
    index = np.arange(SIZE)
    rows = np.clip(index[None] - step_y[:, None], 0, SIZE - 1)
    columns = np.clip(index[None] - step_x[:, None], 0, SIZE - 1)
    moved = ink[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    scene *= 1 - (moved * _column(raised * rng.uniform(0.15, 0.45, n)))[:, None]

    # Some digits have a contrasting outline.
    outlined = _column((rng.random(n) < 0.06) * rng.uniform(0.3, 0.9, n))
    rim = np.clip(inside + 1.6, 0, 1)[:, None] * outlined[:, None]
    scene += rim * (0.5 * (1 - digit - wall))
    wear = np.clip(1 - _column(rng.uniform(0, 0.10, n)) * np.abs(_smooth(rng, n, 6)), 0, 1)
    scene += (ink * wear)[:, None] * (digit - scene)

    # Light: a slope over the crop, sometimes the edge of a shadow, sometimes a wire across.
    axis = (np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2) / SIZE
    angle = rng.uniform(0, 2 * np.pi, n)
    slope = axis * _column(np.cos(angle)) + axis[:, None] * _column(np.sin(angle))
    light = 1 + _column(np.abs(rng.normal(0, 0.22, n))) * slope
    shade = (rng.random(n) < 0.12) * rng.uniform(0.15, 0.45, n)
    cut = slope * SIZE - _column(rng.normal(0, 7, n))
    light *= 1 - _column(shade) * np.clip(cut / _column(rng.uniform(1, 4, n)) + 0.5, 0, 1)
    wire = (rng.random(n) < 0.03) * rng.uniform(0.2, 0.6, n)
    light *= 1 - _column(wire) * np.clip(1.5 - np.abs(cut), 0, 1)
    return scene * light[:, None]


# ----------------------------------------------------------------------- a poor photograph


_COARSEST, _FINEST = 11, 40  # pixels that a crop had before it was resized to 32


@cache
def _resampling() -> np.ndarray:
    """Return matrices (K, 32, 32): an axis shrunk to 11, 12, … 40 pixels and enlarged again."""
    matrices = []
    for size in range(_COARSEST, _FINEST + 1):
        centres = (np.arange(size) + 0.5) * SIZE / size - 0.5
        spread = 0.42 * max(1.0, SIZE / size)
        shrink = np.exp(-0.5 * ((np.arange(SIZE)[None] - centres[:, None]) / spread) ** 2)
        shrink /= shrink.sum(1, keepdims=True)
        at = np.clip((np.arange(SIZE) + 0.5) * size / SIZE - 0.5, 0, size - 1)
        enlarge = np.clip(1 - np.abs(at[:, None] - np.arange(size)[None]), 0, 1)
        matrices.append(enlarge @ shrink)
    return np.array(matrices, np.float32)


@cache
def _cosines() -> np.ndarray:
    """Return the 8×8 cosine transform of JPEG, four times along the diagonal of (32, 32)."""
    k, x = np.arange(8)[:, None], np.arange(8)[None]
    transform = np.cos(np.pi * (2 * x + 1) * k / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5)
    return np.kron(np.eye(4), transform).astype(np.float32)


def _photograph(rng: np.random.Generator, scene: np.ndarray, hard: np.ndarray) -> np.ndarray:
    """Return uint8 images: noise, blur from resampling, rounding of frequencies as JPEG does."""
    n = len(scene)
    grain = rng.standard_normal((n, SIZE, SIZE), np.float32) * _column(rng.uniform(0, 0.035, n))
    scene += grain[:, None]
    # Noise in colour is coarser.
    up = _interpolate(16)
    scene += 0.01 * (up @ rng.standard_normal((n, 3, 16, 16), np.float32)) @ up.T
    size = np.clip(np.rint(rng.normal(20.5, 6, n) - 8 * hard), _COARSEST, _FINEST).astype(int)
    # JPEG rounds frequencies: in coarser steps for higher ones, and coarser still in some images.
    cosines = _cosines()
    operator = (cosines @ _resampling())[size - _COARSEST][:, None]
    frequencies = operator @ scene @ operator.transpose(0, 1, 3, 2)
    k = np.arange(SIZE, dtype=np.float32) % 8
    steps = (1 + 0.6 * (k[:, None] + k)) * _column(rng.uniform(0.004, 0.03, n))
    steps = steps[:, None]
    frequencies = np.rint(frequencies / steps) * steps
    image = cosines.T @ frequencies @ cosines
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


# ------------------------------------------------------------------------------------ the door


def _draw_block(split: str, seed: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([VERSION, _SPLITS.index(split), seed, block])
    layout = _lay_out(rng, _BLOCK)
    return _photograph(rng, _paint(rng, layout), layout["hard"]), layout["labels"].astype(np.int64)


def draw(split: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw street digits; `helpers.data.load_images` is the door to this.

    Parameters
    ----------
    split : "train", "test" or "extra": three different streams of random numbers.
    count : how many; the first ones do not depend on it.
    seed : 0 or more.

    Returns
    -------
    images : uint8 array of shape (count, 3, 32, 32), RGB.
    labels : int64 array of shape (count,), 0 to 9, as frequent as in SVHN's training split.
    """
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    labels = np.empty(count, np.int64)

    def fill(block: int) -> None:
        here = slice(block * _BLOCK, min((block + 1) * _BLOCK, count))
        some_images, some_labels = _draw_block(split, seed, block)
        images[here] = some_images[: here.stop - here.start]
        labels[here] = some_labels[: here.stop - here.start]

    _atlas()  # before the threads ask for it at once
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(-(-count // _BLOCK))))
    return images, labels


def preview(path: str, columns: int = 16, rows: int = 10, seed: int = 0) -> None:
    """Write the first images of the training split as a PNG, one row after the other."""
    from PIL import Image

    images, _ = draw("train", columns * rows, seed)
    grid = images.reshape(rows, columns, 3, SIZE, SIZE).transpose(0, 3, 1, 4, 2)
    picture = Image.fromarray(grid.reshape(rows * SIZE, columns * SIZE, 3))
    picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST).save(path)


def main() -> None:
    """Run the command line: ``python -m helpers.data.street_digits --preview out.png``."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.data.street_digits", description="Draw a grid of street digits."
    )
    parser.add_argument("--preview", metavar="PNG", required=True, help="the picture to write")
    parser.add_argument("--seed", type=int, default=0, help="which images (default 0)")
    arguments = parser.parse_args()
    try:
        preview(arguments.preview, seed=arguments.seed)
    except (OSError, ValueError) as error:
        parser.error(f"{arguments.preview} could not be written: {error}")
    print(f"{arguments.preview}: the first 160 street digits of the training split.")


if __name__ == "__main__":
    main()
