"""The look of the course's figures, and the figures that several lessons draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from helpers.architecture import LayerRow, parameter_totals, stages
from helpers.conv_shapes import Axis, Layer, axes

# Okabe and Ito's colours, which colour-blind readers can tell apart (jfly.uni-koeln.de/color).
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
GREY = "#8C8C8C"
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)


def use_style() -> None:
    """Set matplotlib's defaults for the course: sizes, fonts and colours."""
    plt.rcParams.update(
        {
            "figure.figsize": (7.0, 3.2),
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": plt.cycler(color=PALETTE),
            "lines.linewidth": 2,
            "legend.frameon": False,
        }
    )


def show(figure: Figure, alt: str) -> None:
    """Display the figure in a notebook, ``alt`` being its text for screen readers; close it."""
    from IPython.display import display

    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


def show_axis(title: str, size: int, kind: str = "conv", **options: int) -> None:
    """Show one axis of a layer on ``size`` pixels; the options are those of conv_shapes.Layer."""
    _, axis = axes(Layer(kind, out_channels=1, **options), (1, size, size))
    show(draw_axis(axis, title), alt=f"{title}. {describe_axis(axis)}")


def describe_axis(axis: Axis) -> str:
    """What draw_axis shows, in words, for those who cannot see it."""
    reads = "; ".join(
        f"output {output} reads input {', '.join(map(str, inside)) or 'nothing'}"
        for output in range(axis.output_size)
        for inside in [[place for place in axis.reads(output) if 0 <= place < axis.size]]
    )
    unread = [str(place) for place, count in enumerate(axis.input_coverage()) if not count]
    return f"{reads.capitalize()}." + (f" Never read: {', '.join(unread)}." if unread else "")


def draw_grids(grids: Mapping[str, np.ndarray], title: str) -> Figure:
    """Small grids of numbers side by side as shaded squares, each under its name."""
    figure, panels = plt.subplots(1, len(grids), figsize=(2.6 * len(grids), 3.1), squeeze=False)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    largest = max(grid.max() for grid in grids.values())
    for ax, (name, grid) in zip(panels[0], grids.items(), strict=True):
        ax.imshow(grid, cmap="gray", vmin=0, vmax=1.25 * largest)
        for (row, column), value in np.ndenumerate(grid):
            ink = "white" if value < 0.6 * largest else "black"
            ax.text(column, row, f"{value:g}", ha="center", va="center", fontsize=8, color=ink)
        ax.set_title(name, fontsize=11)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


def image_grid(
    images: np.ndarray,
    columns: int,
    title: str = "",
    *,
    row_labels: Sequence[str] = (),
    captions: Sequence[str] = (),
    size: float = 0.7,
) -> Figure:
    """Images in rows of ``columns``, from left to right and from top to bottom.

    images : (N, H, W) in grey, (N, 3, H, W) or (N, H, W, 3) in colour; uint8, or floats from 0 to 1
        (what lies outside is clipped).
    row_labels : a text to the left of each row. captions : a short text below each image.
    size : an image's width in inches.
    Raises ValueError for another shape, and for as many texts as fit neither rows nor images.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[1] == 3:
        images = images.transpose(0, 2, 3, 1)
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise ValueError(f"images of shape {images.shape}: give (N, H, W) or (N, 3, H, W)")
    images = images / 255 if images.dtype == np.uint8 else np.clip(images, 0, 1)
    number, height, width = images.shape[:3]
    rows = -(-number // columns)
    if len(row_labels) not in (0, rows) or len(captions) not in (0, number):
        raise ValueError(
            f"{len(row_labels)} row labels and {len(captions)} captions for {rows} rows of "
            f"{number} images: give one for each, or none"
        )
    gap, below = 0.12, 0.42 if captions else 0.12  # in widths of an image
    tall = height / width
    figure, ax = plt.subplots(
        figsize=(
            size * columns * (1 + gap) + (0.11 * max(map(len, row_labels), default=0)),
            size * rows * (tall + below) + (0.35 if title else 0.0),
        ),
        layout="constrained",
    )
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        left, top = column * (1 + gap), row * (tall + below)
        extent = (left, left + 1, top + tall, top)
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest")
        if captions:
            middle = left + 0.5
            ax.text(middle, top + tall + 0.05, captions[place], ha="center", va="top", fontsize=8.5)
    for row, label in enumerate(row_labels):
        middle = row * (tall + below) + tall / 2
        ax.text(-0.15, middle, label, ha="right", va="center", fontsize=10)
    ax.set(
        xlim=(-0.02, columns * (1 + gap) - gap + 0.02),
        ylim=(rows * (tall + below) - (0 if captions else below) + 0.02, -0.02),
    )
    ax.axis("off")
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    return figure


def draw_axis(axis: Axis, title: str, ax: Axes | None = None) -> Figure:
    """One axis of a layer as a picture: who reads whom.

    For a convolution each row is one position of the window over the input pixels in the top
    row; pixels that no window reads are hatched. For a transposed convolution each row is the
    kernel that one input pixel lays down, and the bottom row counts how many land on each output
    pixel. Dashed squares are padding, or what the padding cuts off.
    """
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    rows = _draw_transposed(axis, ax) if axis.transposed else _draw_windows(axis, ax)
    left, right, height = rows
    ax.set(xlim=(left - 2.6, right + 0.6), ylim=(-height - 0.2, 1.2), aspect="equal")
    ax.axis("off")
    ax.set_title(title)
    ax.figure.set_size_inches(
        min(max((right - left + 3.2) * 0.36, 5.0), 9.5), 0.36 * (height + 1.4) + 0.5
    )
    return ax.figure


def _draw_windows(axis: Axis, ax: Axes) -> tuple[int, int, float]:
    coverage = axis.input_coverage()
    last = max(axis.reads(axis.output_size - 1)[-1], axis.size - 1)
    end = max(last, axis.size + axis.padding - 1)
    for position in range(-axis.padding, end + 1):
        inside = 0 <= position < axis.size
        _cell(
            ax,
            position,
            0,
            str(position) if inside else "",
            face="white" if not inside or coverage[position] else "#E6E6E6",
            hatch="" if not inside or coverage[position] else "////",
            dashed=not inside,
        )
    _row_label(ax, -axis.padding, 0, "input")
    for output in range(axis.output_size):
        taps = axis.reads(output)
        row = -1.3 - output
        ax.plot([taps[0], taps[-1]], [row + 0.5] * 2, color=BLUE, linewidth=1, zorder=0)
        for tap in taps:
            _cell(ax, tap, row, "", face=SKY, height=0.7)
        _row_label(ax, -axis.padding, row, f"output {output}")
    return -axis.padding, end, axis.output_size + 0.3


def _draw_transposed(axis: Axis, ax: Axes) -> tuple[int, int, float]:
    lands = {
        source: [
            source * axis.stride - axis.padding + axis.dilation * tap
            for tap in range(axis.kernel_size)
        ]
        for source in range(axis.size)
    }
    left = min(0, lands[0][0])
    right = max(axis.output_size - 1, lands[axis.size - 1][-1])
    for source, positions in lands.items():
        ax.plot([positions[0], positions[-1]], [0.5 - source] * 2, color=RED, linewidth=1, zorder=0)
        for position in positions:
            inside = 0 <= position < axis.output_size
            _cell(
                ax,
                position,
                -source,
                "",
                face="#F3C9A8" if inside else "white",
                dashed=not inside,
                height=0.7,
            )
        _row_label(ax, left, -source, f"input {source}")
    row = -axis.size - 0.3
    for position, count in enumerate(axis.output_coverage()):
        shade = ("white", "#FBE3D2", "#F3C9A8", "#E99A5F", RED)[min(count, 4)]
        _cell(ax, position, row, str(count), face=shade)
    _row_label(ax, left, row, "kernels")
    return left, right, axis.size + 0.3


def _cell(
    ax: Axes,
    column: float,
    row: float,
    text: str,
    face: str,
    hatch: str = "",
    dashed: bool = False,
    height: float = 1.0,
) -> None:
    ax.add_patch(
        Rectangle(
            (column - 0.5, row + (1 - height) / 2),
            1,
            height,
            facecolor=face,
            edgecolor=GREY if dashed else "#333333",
            linestyle="--" if dashed else "-",
            linewidth=0.8,
            hatch=hatch,
        )
    )
    if text:
        color = GREY if dashed else "black"
        box = {"facecolor": face, "edgecolor": "none", "pad": 0.6} if hatch else None
        ax.text(
            column, row + 0.5, text, ha="center", va="center", fontsize=8.5, color=color, bbox=box
        )


def _row_label(ax: Axes, left: int, row: float, text: str) -> None:
    ax.text(left - 0.8, row + 0.5, text, ha="right", va="center", fontsize=9)


def draw_zero_stuffing(
    pixels: np.ndarray, kernel: np.ndarray, stride: int, padding: int, at: tuple[int, int]
) -> Figure:
    """A transposed convolution of one small image as a convolution over its zero-stuffed pixels.

    From left to right: the pixels; the same with stride - 1 zeros between them and
    kernel_size - 1 - padding zeros round them, on which the window for the output pixel ``at``
    (row, column) is framed; the kernel turned by 180 degrees; the output.
    """
    size = len(kernel)
    border = size - 1 - padding
    height, width = (side + (stride - 1) * (side - 1) for side in pixels.shape)
    stuffed = np.zeros((height + 2 * border, width + 2 * border), dtype=pixels.dtype)
    stuffed[border : border + height : stride, border : border + width : stride] = pixels
    turned = kernel[::-1, ::-1]
    windows = np.lib.stride_tricks.sliding_window_view(stuffed, kernel.shape)
    output = (windows * turned).sum((2, 3))
    # What each cell is: a pixel, a zero between pixels, a zero of the border.
    kinds = np.full(stuffed.shape, "#F4F4F4", dtype=object)
    kinds[border : border + height, border : border + width] = "#DCDCDC"
    kinds[border : border + height : stride, border : border + width : stride] = "#BFE0F5"
    panels = (
        ("pixels", pixels, np.full(pixels.shape, "#BFE0F5", dtype=object), None),
        ("zeros between and around", stuffed, kinds, (*at, size)),
        ("kernel, turned", turned, np.full(turned.shape, "white", dtype=object), (0, 0, size)),
        ("output", output, np.full(output.shape, "white", dtype=object), (*at, 1)),
    )
    gap, tallest = 1.6, max(len(panel[1]) for panel in panels)
    total = sum(panel[1].shape[1] + gap for panel in panels) - gap
    figure, ax = plt.subplots(figsize=(0.31 * (total + 1), 0.31 * (tallest + 2.2) + 0.4))
    left = 0.0
    for name, grid, colors, frame in panels:
        top = -(tallest - len(grid)) / 2
        for (row, column), value in np.ndenumerate(grid):
            dashed = colors[row, column] == "#F4F4F4"
            place = left + column, top - row - 1
            _cell(ax, *place, f"{value:g}", face=colors[row, column], dashed=dashed)
        ax.text(left + grid.shape[1] / 2 - 0.5, 0.5, name, ha="center", va="bottom", fontsize=10)
        if frame:
            row, column, side = frame
            corner = left + column - 0.5, top - row - side
            ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=RED, linewidth=2.5))
        left += grid.shape[1] + gap
    ax.set(xlim=(-0.7, left - gap), ylim=(-tallest - 0.2, 1.9), aspect="equal")
    ax.axis("off")
    ax.set_title("A transposed convolution is a convolution over a zero-stuffed image")
    return figure


def draw_phases(kernel_sizes: Sequence[int], title: str) -> Figure:
    """Which of the four kinds of output pixel each weight of a kernel serves, at stride 2.

    The kinds are A (even row, even column), B (even, odd), C (odd, even), D (odd, odd).
    """
    names, colors = "ABCD", (SKY, ORANGE, "#8FD3BD", PURPLE)
    figure, panels = plt.subplots(
        1, len(kernel_sizes), figsize=(2.5 * len(kernel_sizes), 2.9), squeeze=False
    )
    for ax, size in zip(panels[0], kernel_sizes, strict=True):
        counts = dict.fromkeys(names, 0)
        for row, column in np.ndindex(size, size):
            kind = 2 * (row % 2) + column % 2
            counts[names[kind]] += 1
            _cell(ax, column, -row - 1, names[kind], face=colors[kind])
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        ax.set_title(f"kernel {size}\n{told}", fontsize=10, loc="center")
        ax.set(xlim=(-0.7, size - 0.3), ylim=(-size - 0.2, 0.2), aspect="equal")
        ax.axis("off")
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    return figure


def draw_gan() -> Figure:
    """The two networks of a GAN, what each is given and what it is told."""
    figure, ax = plt.subplots(figsize=(8.6, 3.5), layout="constrained")
    ax.set(xlim=(0, 17.2), ylim=(0, 7))
    ax.axis("off")
    boxes = {
        "noise z": (0.2, 4.3, 2.3, "random\nnumbers z", "#EDEDED"),
        "generator": (3.7, 4.3, 2.9, "Generator", "#CFE8F7"),
        "fake": (7.8, 4.3, 2.3, "fake\nimage", "#EDEDED"),
        "real": (7.8, 1.1, 2.3, "real\nimage", "#EDEDED"),
        "discriminator": (11.3, 2.7, 2.9, "Discriminator", "#FBE3D2"),
        "verdict": (15.2, 2.7, 1.9, "real\nor fake?", "#EDEDED"),
    }
    for x, y, width, text, color in boxes.values():
        ax.add_patch(
            FancyBboxPatch(
                (x, y), width, 1.5, "round,pad=0.05,rounding_size=0.2", fc=color, ec="#333333"
            )
        )
        ax.text(x + width / 2, y + 0.75, text, ha="center", va="center")
    for start, end in (
        ((2.6, 5.05), (3.6, 5.05)),
        ((6.7, 5.05), (7.7, 5.05)),
        ((10.2, 4.9), (11.2, 3.9)),
        ((10.2, 1.9), (11.2, 3.0)),
        ((14.3, 3.45), (15.1, 3.45)),
    ):
        _arrow(ax, start, end, "#333333")
    _arrow(ax, (16.1, 4.35), (5.2, 5.95), BLUE, "arc3,rad=0.22", "--")
    ax.text(
        10.9, 6.75, "“it saw through you here”: the generator learns", color=BLUE, ha="center",
        va="center", fontsize=10,
    )  # fmt: skip
    _arrow(ax, (16.1, 2.6), (12.8, 2.55), RED, "arc3,rad=-0.55", "--")
    ax.text(
        14.3, 0.75, "“you were wrong here”:\nthe discriminator learns", color=RED, ha="center",
        va="center", fontsize=10,
    )  # fmt: skip
    return figure


def _arrow(
    ax: Axes,
    start: Sequence[float],
    end: Sequence[float],
    color: str,
    connection: str = "arc3",
    style: str = "-",
) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=connection,
            arrowstyle="-|>",
            mutation_scale=14,
            color=color,
            linestyle=style,
            linewidth=1.6,
        )
    )


def draw_architecture(rows: Sequence[LayerRow], title: str) -> Figure:
    """A network as boxes from left to right, drawn from ``trace_layers`` of either framework.

    A box's height is that of the feature maps in pixels and its width the number of channels, to
    scale within the figure; a vector is a bar whose height follows the logarithm of its length.
    Below each stand its shape, the layers that compute it and how many numbers they learn.
    """
    groups = stages(rows)
    shapes = [group[-1] for group in groups]
    maps = [row.maps for row in shapes if row.maps]
    tallest = max((each[1] for each in maps), default=1)
    deepest = max((each[0] for each in maps), default=1)
    longest = max([100, *(np.prod(row.output_shape) for row in shapes if not row.maps)])
    lines = max(len(_stage_lines(group)) for group in groups)
    # One unit is one inch.
    column, room, line = 1.62, 2.0, 0.19
    below = 0.3 + line * lines
    figure, ax = plt.subplots(figsize=(column * len(groups) + 0.2, room + below + 0.45))
    for place, (group, row) in enumerate(zip(groups, shapes, strict=True)):
        center = (place + 0.5) * column
        ends = place in (0, len(groups) - 1)
        if row.maps:
            channels, height, width = row.maps
            _cuboid(
                ax,
                center,
                max(1.0 * channels / deepest, 0.03),
                max(1.45 * height / tallest, 0.05),
                max(0.42 * width / tallest, 0.03),
                "#E6E6E6" if ends else "#BFE0F5",
            )
        else:
            share = np.log2(1 + np.prod(row.output_shape)) / np.log2(1 + longest)
            _cuboid(ax, center, 0.1, max(1.45 * share, 0.1), 0, "#E6E6E6" if ends else "#FBE3D2")
        shape = " × ".join(f"{size:,}" for size in row.output_shape)
        ax.text(center, -1.08, shape, ha="center", va="top", fontsize=11, fontweight="bold")
        for number, text in enumerate(_stage_lines(group)):
            style = {"color": BLUE} if text.endswith("learned") else {}
            y = -1.36 - line * number
            ax.text(center, y, text, ha="center", va="top", fontsize=10, **style)
        if place:
            start = (center - 0.5 * column - 0.1, -0.86)
            _arrow(ax, start, (center - 0.5 * column + 0.22, -0.86), "#555555")
    ax.set(xlim=(0, column * len(groups)), ylim=(-1.06 - below, 1.1), aspect="equal")
    ax.axis("off")
    ax.set_title(title)
    return figure


def _stage_lines(group: Sequence[LayerRow]) -> list[str]:
    lines = []
    for row in group:
        lines += [row.kind, row.details] if row.mixes and row.details else [_named(row)]
    learned = parameter_totals(group)[0]
    return [*lines, *([f"{learned:,} learned"] if learned else [])]


def _named(row: LayerRow) -> str:
    return f"{row.kind} {row.details}".strip()


def _cuboid(ax: Axes, center: float, width: float, height: float, depth: float, color: str) -> None:
    """A box whose front is ``width`` by ``height``, standing at a common middle height."""
    left, bottom, slant = center - (width + depth) / 2, -height / 2, depth * 0.6
    edge = {"edgecolor": "#333333", "linewidth": 0.9, "joinstyle": "round"}
    ax.add_patch(Rectangle((left, bottom), width, height, facecolor=color, **edge))
    if depth:
        top, right = bottom + height, left + width
        back = [(right, bottom), (right + depth, bottom + slant), (right + depth, top + slant)]
        ax.add_patch(Polygon([*back, (right, top)], facecolor=_darker(color, 0.8), **edge))
        lid = [(left, top), (left + depth, top + slant), (right + depth, top + slant)]
        ax.add_patch(Polygon([*lid, (right, top)], facecolor=_darker(color, 0.92), **edge))


def _darker(color: str, share: float) -> tuple[float, ...]:
    return tuple(share * part for part in to_rgb(color))
