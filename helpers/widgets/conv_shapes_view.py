"""What the conv-shape calculator says: formulas, code lines, comparisons, solutions, challenges.

Pure functions of a ``helpers.conv_shapes.Layer`` and an input shape; nothing here knows about
widgets, PyTorch or Keras, so all of it is tested by calling it. ``conv_shapes_drawing`` draws,
``conv_shapes`` puts both on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from helpers.conv_shapes import (
    Axis,
    Layer,
    Shape,
    ShapeError,
    axes,
    keras_conv_output_size,
    keras_conv_transpose_crop,
    keras_conv_transpose_output_size,
    layer_parameter_count,
    multiply_adds,
    output_shape,
    receptive_field,
    same_padding,
)

LARGEST_SIZE = 4096
"""Pixels along one axis up to which the calculator calculates."""
LARGEST_OPTION = 256
"""Kernel, stride, dilation and padding up to which it does."""

KIND_NAMES = {
    "conv": "Convolution",
    "conv_transpose": "Transposed convolution",
    "max_pool": "Max pooling",
    "avg_pool": "Average pooling",
}


def calculated_axes(layer: Layer, shape: Sequence[int]) -> tuple[Axis, Axis]:
    """``helpers.conv_shapes.axes`` with the calculator's own limits.

    Raises ShapeError where PyTorch refuses, and for more than LARGEST_SIZE pixels in or out.
    """
    for name, pixels in zip(("height", "width"), shape[1:], strict=True):
        if pixels > LARGEST_SIZE:
            raise ShapeError(
                f"{name} {pixels} is more than this calculator draws",
                f"choose at most {LARGEST_SIZE} pixels",
            )
    for name in ("kernel_size", "stride", "dilation", "padding", "output_padding"):
        value = getattr(layer, name)
        if isinstance(value, int) and value > LARGEST_OPTION:
            raise ShapeError(
                f"{name} {value} is more than this calculator draws",
                f"choose at most {LARGEST_OPTION}",
            )
    if layer.kind == "avg_pool" and layer.dilation != 1:
        raise ShapeError(
            f"average pooling takes no dilation, here {layer.dilation}",
            "set dilation to 1",
            "AvgPool2d.__init__() got an unexpected keyword argument 'dilation'",
        )
    height, width = axes(layer, shape)
    for name, axis in (("height", height), ("width", width)):
        if axis.output_size > 4 * LARGEST_SIZE:
            raise ShapeError(
                f"an output {name} of {axis.output_size} is more than this calculator draws",
                "lower the stride or the input size",
            )
    return height, width


# --- The formula with the learner's numbers ---------------------------------------------------


@dataclass(frozen=True)
class AxisWork:
    """One axis worked out: ``formula`` with letters, ``numbers`` filled in, and what it means.

    remainder : what the floor throws away; None where nothing is divided.
    unread : input positions that no output reads.
    """

    name: str
    formula: str
    numbers: str
    result: int
    remainder: int | None
    note: str
    unread: tuple[int, ...]


def work_out(layer: Layer, shape: Sequence[int]) -> tuple[AxisWork, AxisWork]:
    """The size formula for height and width with the numbers of ``layer`` in it.

    Raises as calculated_axes does.
    """
    height, width = calculated_axes(layer, shape)
    return _work_out_axis("height", layer, height), _work_out_axis("width", layer, width)


def _work_out_axis(name: str, layer: Layer, axis: Axis) -> AxisWork:
    size, kernel, stride = axis.size, axis.kernel_size, axis.stride
    padding, dilation, result = axis.padding, axis.dilation, axis.output_size
    spread = f"{dilation}·({kernel} − 1)"
    unread = tuple(i for i, count in enumerate(axis.input_coverage()) if count == 0)
    if axis.transposed:
        extra = result - ((size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1)
        formula = "(W1 − 1)·S − 2P + D·(F − 1) + output padding + 1"
        numbers = f"({size} − 1)·{stride} − 2·{padding} + {spread} + {extra} + 1 = {result}"
        note = "Nothing is divided, so nothing is rounded."
        return AxisWork(name, formula, numbers, result, None, note, unread)
    if layer.padding == "same":
        before, after = same_padding(size, dilation * (kernel - 1) + 1)
        formula = "'same' with stride 1: W2 = W1, with D·(F − 1) zeros added"
        numbers = f"{spread} = {before + after} zeros, {before} before + {after} after: {result}"
        return AxisWork(name, formula, numbers, result, 0, "", unread)
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    whole, remainder = divmod(room, stride)
    up = layer.ceil_mode
    left, right = "⌈⌉" if up else "⌊⌋"
    formula = f"{left}(W1 + 2P − D·(F − 1) − 1) / S{right} + 1"
    rounded = -(-room // stride) if up else whole
    numbers = (
        f"{left}({size} + 2·{padding} − {spread} − 1) / {stride}{right} + 1 = "
        f"{left}{room} / {stride}{right} + 1 = {rounded} + 1 = {rounded + 1}"
    )
    division = f"{room} / {stride} = {whole} remainder {remainder}"
    if remainder == 0:
        note = f"{division}: the windows fit exactly."
    elif not up:
        padded = size + 2 * padding
        last = f"last {remainder} of the {padded} padded pixels hold"
        if remainder == 1:
            last = f"last of the {padded} padded pixels holds"
        if not padding:
            last = last.replace(" padded", "")
        note = f"{division}: the floor drops {remainder}, so the {last} no further window."
    elif result == rounded + 1:
        note = f"{division}: rounded up, so one more window hangs over the edge."
    else:
        note = (
            f"{division}: rounded up, but the last window would start in the padding on the "
            f"right, and PyTorch drops it: {result}."
        )
    return AxisWork(name, formula, numbers, result, remainder, note, unread)


@dataclass(frozen=True)
class Costs:
    """Parameters and work of one layer, each with the product that gives it."""

    weights: int
    biases: int
    multiply_adds: int
    field: tuple[int, int]
    weights_text: str
    multiply_adds_text: str


def costs(layer: Layer, shape: Sequence[int]) -> Costs:
    """Weights, biases, multiply-adds and receptive field. Raises as calculated_axes does."""
    height, width = calculated_axes(layer, shape)
    weights, biases = layer_parameter_count(layer, shape[0])
    work = multiply_adds(layer, shape)
    if layer.is_pool:
        window = height.kernel_size * width.kernel_size
        weights_text = "pooling has nothing to learn"
        work_text = f"none; each output pixel looks at {window} numbers instead"
    else:
        inner = f"({shape[0]}/{layer.groups})" if layer.groups > 1 else f"{shape[0]}"
        weights_text = (
            f"{height.kernel_size}·{width.kernel_size}·{inner}·{layer.out_channels} = {weights:,}"
        )
        if layer.kind == "conv_transpose":
            pixels = f"{height.size}·{width.size} input pixels"
        else:
            pixels = f"{height.output_size}·{width.output_size} output pixels"
        work_text = f"{weights:,} weights × {pixels} = {work:,}"
    return Costs(weights, biases, work, receptive_field([layer]), weights_text, work_text)


# --- Lines of code ----------------------------------------------------------------------------

_TORCH_NAMES = {
    "conv": "Conv2d",
    "conv_transpose": "ConvTranspose2d",
    "max_pool": "MaxPool2d",
    "avg_pool": "AvgPool2d",
}
_KERAS_NAMES = {
    "conv": "Conv2D",
    "conv_transpose": "Conv2DTranspose",
    "max_pool": "MaxPooling2D",
    "avg_pool": "AveragePooling2D",
}


def torch_code(layer: Layer, in_channels: int) -> str:
    """The layer as a line for ``import torch``; options that stand at their default are left out.

    in_channels : channels of the input.
    """
    stride = _stride(layer)
    if layer.is_pool:
        arguments = [f"kernel_size={layer.kernel_size}"]
        options = {"stride": (stride, layer.kernel_size), "padding": (layer.padding, 0)}
        options["dilation"] = (layer.dilation, 1)
        options["ceil_mode"] = (layer.ceil_mode, False)
    else:
        arguments = [str(in_channels), str(layer.out_channels), f"kernel_size={layer.kernel_size}"]
        options = {"stride": (stride, 1), "padding": (layer.padding, 0)}
        if layer.kind == "conv_transpose":
            options["output_padding"] = (layer.output_padding, 0)
        options["dilation"] = (layer.dilation, 1)
        options["groups"] = (layer.groups, 1)
        options["bias"] = (layer.bias, True)
    arguments += _given(options)
    return f"torch.nn.{_TORCH_NAMES[layer.kind]}({', '.join(arguments)})"


def keras_code(
    layer: Layer, padding: Literal["same", "valid"], output_padding: int | None = None
) -> str:
    """The layer as a line for ``import keras``, with Keras's ``padding`` and ``output_padding``."""
    stride = _stride(layer)
    options: dict[str, tuple[object, object]] = {}
    if layer.is_pool:
        arguments = [f"pool_size={layer.kernel_size}"]
        options["strides"] = (stride, layer.kernel_size)
        options["padding"] = (padding, "valid")
    else:
        arguments = [str(layer.out_channels), f"kernel_size={layer.kernel_size}"]
        options["strides"] = (stride, 1)
        options["padding"] = (padding, "valid")
        options["output_padding"] = (output_padding, None)
    options["dilation_rate"] = (layer.dilation, 1)
    if not layer.is_pool:
        options["groups"] = (layer.groups, 1)
        options["use_bias"] = (layer.bias, True)
    arguments += _given(options)
    return f"keras.layers.{_KERAS_NAMES[layer.kind]}({', '.join(arguments)})"


def _given(options: dict[str, tuple[object, object]]) -> list[str]:
    return [
        f'{name}="{value}"' if isinstance(value, str) else f"{name}={value!r}"
        for name, (value, default) in options.items()
        if value != default
    ]


def _stride(layer: Layer) -> int:
    if layer.stride is None:
        return layer.kernel_size if layer.is_pool else 1
    return layer.stride


# --- PyTorch and Keras side by side -----------------------------------------------------------

Verdict = Literal["equal", "same shape", "other shape", "refused"]


@dataclass(frozen=True)
class Side:
    """One framework's line and what comes of it: a shape, or its refusal.

    PyTorch's shape is (channels, height, width), Keras's (height, width, channels).
    """

    code: str
    shape: Shape | None
    refusal: str = ""


@dataclass(frozen=True)
class Comparison:
    """PyTorch's line beside Keras's nearest single line.

    verdict : ``"equal"`` when both give the same numbers with the same weights, ``"same shape"``
        when only the shapes agree, ``"other shape"``, or ``"refused"`` by one of them or both.
    reason : why, in a sentence.
    equal_code : the Keras line that gives PyTorch's numbers, where the nearest one does not;
        None where there is none, or where none is needed.
    """

    torch: Side
    keras: Side
    verdict: Verdict
    reason: str
    equal_code: str | None = None


def compare(layer: Layer, shape: Sequence[int]) -> Comparison:
    """What PyTorch and Keras make of the layer, and whether the numbers would be equal.

    The Keras line is the one that is usually written: ``"valid"`` without padding, else
    ``"same"``. Its windows are compared with PyTorch's, axis by axis.
    """
    try:
        pair = calculated_axes(layer, shape)
        torch = Side(torch_code(layer, shape[0]), output_shape(layer, shape))
    except ShapeError as error:
        pair = None
        torch = Side(torch_code(layer, shape[0]), None, error.framework or error.reason)
    padding = _usual_padding(layer, shape)
    keras, keras_axes = _keras_side(layer, shape, padding)
    if torch.shape is None and keras.shape is None:
        return Comparison(torch, keras, "refused", "Both frameworks refuse this setting.")
    if torch.shape is None:
        return Comparison(torch, keras, "refused", "PyTorch refuses, Keras computes this.")
    equal_code = _equal_keras_code(layer, shape, pair)
    if keras.shape is None:
        reason = "PyTorch computes this, Keras refuses the line."
        if equal_code is None:
            reason += " Keras has no counterpart."
        return Comparison(torch, keras, "refused", reason, equal_code)
    channels, *sizes = torch.shape
    if (*sizes, channels) != keras.shape:
        reason = f"Keras's “{padding}” gives another shape than PyTorch's padding."
        return Comparison(torch, keras, "other shape", reason, equal_code)
    if all(
        _equal_axes(layer, mine, theirs, padding)
        for mine, theirs in zip(pair, keras_axes, strict=True)
    ):
        return Comparison(
            torch, keras, "equal", "Both read the same pixels with the same weights.", None
        )
    return Comparison(
        torch, keras, "same shape", _why_unequal(layer, pair, keras_axes, padding), equal_code
    )


def _usual_padding(layer: Layer, shape: Sequence[int]) -> Literal["same", "valid"]:
    if isinstance(layer.padding, str):
        return layer.padding
    if layer.padding > 0:
        return "same"
    if layer.is_pool and layer.ceil_mode and _ceil_adds(layer, shape):
        return "same"
    return "valid"


def _ceil_adds(layer: Layer, shape: Sequence[int]) -> bool:
    """Whether rounding up gives another output than rounding down."""
    try:
        return output_shape(layer, shape) != output_shape(replace(layer, ceil_mode=False), shape)
    except ShapeError:
        return False


def _keras_side(
    layer: Layer, shape: Sequence[int], padding: Literal["same", "valid"]
) -> tuple[Side, tuple[Axis, Axis] | None]:
    code = keras_code(layer, padding)
    channels, *sizes = shape
    try:
        _check_ranges(layer, shape)
    except ShapeError as error:
        return Side(code, None, error.reason), None
    refusal = _keras_refusal(layer, channels, sizes, padding)
    if refusal:
        return Side(code, None, refusal), None
    height, width = (_keras_axis(layer, size, padding) for size in sizes)
    out_channels = channels if layer.is_pool else layer.out_channels
    return Side(code, (height.output_size, width.output_size, out_channels)), (height, width)


def _check_ranges(layer: Layer, shape: Sequence[int]) -> None:
    lowest = {"kernel_size": 1, "stride": 1, "dilation": 1, "groups": 1, "out_channels": 1}
    numbers = {name: getattr(layer, name) for name in lowest}
    numbers |= dict(zip(("channels", "height", "width"), shape, strict=True))
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ShapeError(f"{name} is {value}, it must be at least 1", "raise it")
    for name, value in zip(("height", "width"), shape[1:], strict=True):
        if value > LARGEST_SIZE:
            raise ShapeError(f"{name} {value} is more than this calculator draws", "lower it")


def _keras_refusal(
    layer: Layer, channels: int, sizes: Sequence[int], padding: Literal["same", "valid"]
) -> str:
    """Keras's own words (their beginning) where it refuses the line, else an empty string."""
    name, stride, dilation = _KERAS_NAMES[layer.kind], _stride(layer), layer.dilation
    unknown = "Unrecognized keyword arguments passed to"
    if layer.is_pool:
        if dilation > 1:
            return f"{unknown} {name}: {{'dilation_rate': {dilation}}}"
        if padding == "valid" and layer.kernel_size > min(sizes):
            return "No error, but the output is empty: 0 pixels."
        return ""
    if layer.kind == "conv_transpose" and layer.groups > 1:
        return f"{unknown} {name}: {{'groups': {layer.groups}}}"
    if layer.out_channels % layer.groups:
        return "The number of filters must be evenly divisible by the number of groups."
    if stride > 1 and dilation > 1:
        return "`strides > 1` not supported in conjunction with `dilation_rate > 1`."
    if layer.kind == "conv_transpose":
        if dilation > 1:
            return "Current CPU implementations do not yet support dilation rates larger than 1."
        return ""
    if channels % layer.groups:
        return (
            "The number of input channels must be evenly divisible by the number of groups. "
            f"Received groups={layer.groups}, but the input has {channels} channels"
        )
    if padding == "valid" and dilation * (layer.kernel_size - 1) + 1 > min(sizes):
        return "Computed output size would be zero or negative."
    return ""


def _keras_axis(layer: Layer, size: int, padding: Literal["same", "valid"]) -> Axis:
    kernel, stride, dilation = layer.kernel_size, _stride(layer), layer.dilation
    transposed, before = layer.kind == "conv_transpose", 0
    if transposed:
        output_size = keras_conv_transpose_output_size(size, kernel, stride, padding)
        if padding == "same":
            before, _ = keras_conv_transpose_crop(kernel, stride)
    else:
        output_size = keras_conv_output_size(size, kernel, stride, padding, dilation)
        if padding == "same":
            before, _ = same_padding(size, dilation * (kernel - 1) + 1, stride)
    return Axis(transposed, size, output_size, kernel, stride, before, dilation)


def _equal_axes(layer: Layer, mine: Axis, theirs: Axis, padding: str, zeros_added: int = 0) -> bool:
    """Whether PyTorch's axis and Keras's give the same numbers.

    zeros_added : zeros that a ZeroPadding2D before Keras's layer put on each side; ``theirs``
        then describes the padded axis.
    """
    if layer.kind == "avg_pool":
        return _average_windows(mine) == _keras_average_windows(theirs, zeros_added)
    if mine == theirs:
        return True
    if mine.output_size != theirs.output_size or mine.output_size > 64:
        return False
    # Another offset can still read the same pixels, where all that differs falls in the padding.
    return all(
        _taps(layer, mine, output) == _taps(layer, theirs, output)
        for output in range(mine.output_size)
    )


def _taps(layer: Layer, axis: Axis, output: int) -> list[tuple[int, int]]:
    """The (tap of the kernel, input position) pairs of one output that are real pixels."""
    pairs = []
    for position in axis.reads(output):
        if 0 <= position < axis.size:
            if layer.is_pool:  # a maximum does not care which tap saw it
                tap = 0
            elif axis.transposed:
                tap = output + axis.padding - position * axis.stride
            else:
                tap = position - output * axis.stride + axis.padding
            pairs.append((tap, position))
    return pairs


def _average_windows(axis: Axis) -> list[tuple[int, int, int]]:
    """PyTorch's average: (first real pixel, end, divisor); the divisor counts the padding."""
    windows = []
    for output in range(axis.output_size):
        start = output * axis.stride - axis.padding
        end = min(start + axis.kernel_size, axis.size + axis.padding)
        windows.append((max(start, 0), min(end, axis.size), end - start))
    return windows


def _keras_average_windows(axis: Axis, zeros_added: int) -> list[tuple[int, int, int]]:
    """Keras's average: 'same' divides by the pixels inside, its own padding not counted."""
    size = axis.size - 2 * zeros_added
    windows = []
    for output in range(axis.output_size):
        start = output * axis.stride - axis.padding
        first, end = max(start, 0), min(start + axis.kernel_size, axis.size)
        inside = max(first - zeros_added, 0), min(end - zeros_added, size)
        windows.append((*inside, end - first))
    return windows


def _why_unequal(
    layer: Layer, mine: tuple[Axis, Axis], theirs: tuple[Axis, Axis], padding: str
) -> str:
    unlike = next(
        (pair for pair in zip(mine, theirs, strict=True) if pair[0].padding != pair[1].padding),
        (mine[0], theirs[0]),
    )
    mine_before, theirs_before = unlike[0].padding, unlike[1].padding
    if layer.kind == "avg_pool":
        return (
            "PyTorch counts the zeros of the padding in the average, Keras divides by the real "
            "pixels only."
        )
    if layer.kind == "conv_transpose":
        return (
            f"PyTorch cuts {_pixels(mine_before)} off the front, Keras's “{padding}” cuts "
            f"{_pixels(theirs_before)}: the result is shifted."
        )
    return (
        f"PyTorch's windows start {_pixels(mine_before)} before the image, those of Keras's "
        f"“{padding}” {_pixels(theirs_before)} before it: they read shifted pixels."
    )


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count} pixels"


def _equal_keras_code(layer: Layer, shape: Sequence[int], pair: tuple[Axis, Axis]) -> str | None:
    """A Keras line with PyTorch's numbers, built from a 'valid' layer and explicit padding."""
    stride, dilation, padding = _stride(layer), layer.dilation, layer.padding
    if padding == "same":
        return keras_code(layer, "same")
    padding = 0 if padding == "valid" else padding
    if layer.kind == "conv":
        pieces = [f"keras.layers.ZeroPadding2D({padding})"] if padding else []
        if stride > 1 and dilation > 1:
            # A 1x1 pooling with stride keeps every stride-th pixel of the dense result.
            pieces.append(keras_code(replace(layer, stride=1), "valid"))
            pieces.append(f"keras.layers.MaxPooling2D(pool_size=1, strides={stride})")
        else:
            pieces.append(keras_code(layer, "valid"))
        return _sequence(pieces)
    if layer.kind == "conv_transpose":
        if layer.groups > 1 or dilation > 1:
            return None
        extra = layer.output_padding
        if extra > padding:
            pieces = [keras_code(layer, "valid", extra)]
            crop = (padding, padding)
        else:
            # Left alone, Keras would stretch a kernel smaller than the stride to the stride.
            pieces = [keras_code(layer, "valid", 0 if layer.kernel_size < stride else None)]
            crop = (padding, padding - extra)
        if crop != (0, 0):
            amount = crop[0] if crop[0] == crop[1] else (crop, crop)
            pieces.append(f"keras.layers.Cropping2D({amount})")
        return _sequence(pieces)
    if dilation > 1:
        return None
    if layer.kind == "max_pool":
        pads = []
        for axis in pair:
            end = (axis.output_size - 1) * axis.stride - axis.padding + axis.kernel_size
            pads.append([axis.padding, max(end - axis.size, 0)])
        pieces = []
        if any(any(pad) for pad in pads):
            widths = [[0, 0], *pads, [0, 0]]
            pieces.append(
                f"keras.layers.Lambda(lambda x: keras.ops.pad(x, {widths}, constant_values="
                'float("-inf")))'
            )
        return _sequence([*pieces, keras_code(layer, "valid")])
    return _equal_average_code(layer, shape, pair, padding)


def _equal_average_code(
    layer: Layer, shape: Sequence[int], pair: tuple[Axis, Axis], padding: int
) -> str | None:
    pieces = [f"keras.layers.ZeroPadding2D({padding})"] if padding else []
    for mode in ("valid", "same"):
        if mode == "valid" and layer.kernel_size > min(shape[1:]) + 2 * padding:
            continue
        theirs = (_keras_axis(layer, size + 2 * padding, mode) for size in shape[1:])
        if all(
            _equal_axes(layer, mine, axis, mode, padding)
            for mine, axis in zip(pair, theirs, strict=True)
        ):
            return _sequence([*pieces, keras_code(layer, mode)])
    return None


def _sequence(pieces: list[str]) -> str:
    return pieces[0] if len(pieces) == 1 else f"keras.Sequential([{', '.join(pieces)}])"


# --- Checkerboard -----------------------------------------------------------------------------


def overlap_counts(kernel_size: int, stride: int, dilation: int = 1) -> list[int]:
    """Input pixels that reach an output pixel far from any border, for each of its phases.

    A transposed convolution repeats this pattern of ``stride`` numbers along its output; where
    they differ, some output pixels add up more terms than their neighbours: the checkerboard.
    """
    counts = [0] * stride
    for tap in range(kernel_size):
        counts[tap * dilation % stride] += 1
    return counts


def checkerboard_warning(layer: Layer) -> str:
    """A sentence where the transposed convolution overlaps unevenly, else an empty string."""
    if layer.kind != "conv_transpose":
        return ""
    kernel_size, stride = layer.kernel_size, _stride(layer)
    counts = overlap_counts(kernel_size, stride, layer.dilation)
    if min(counts) == max(counts):
        return ""
    pattern = ", ".join(map(str, counts))
    if kernel_size % stride:
        cause = (
            f"kernel {kernel_size} is not a multiple of stride {stride} "
            f"(remainder {kernel_size % stride})"
        )
    else:
        cause = f"dilation {layer.dilation} makes the taps miss some of the {stride} phases"
    holes = " Output pixels with 0 get nothing but the bias." if min(counts) == 0 else ""
    better = max(stride, kernel_size // stride * stride)
    remedy = f"kernel {better} or {better + stride}" if kernel_size % stride else "dilation 1"
    return (
        f"Checkerboard: {cause}, so along each axis neighbouring output pixels add up "
        f"{pattern}, … terms in turn.{holes} Even overlap: {remedy}."
    )


# --- Reverse: which settings take one size to another? ----------------------------------------


@dataclass(frozen=True)
class Solution:
    """A setting that takes one size to another, and what speaks for it.

    exact : no floored remainder (conv), no output padding (conv_transpose).
    even : the kernel is a multiple of the stride, so all pixels are overlapped equally often, in
        a convolution on the way back, in the gradient. What the weights make of it is theirs.
    equal : Keras's one-line "same" or "valid" gives the same numbers.
    unread : input pixels that reach no output.
    """

    kernel_size: int
    stride: int
    padding: int
    output_padding: int
    remainder: int
    exact: bool
    even: bool
    equal: bool
    unread: int

    @property
    def score(self) -> int:
        """How many of the four good properties it has."""
        return sum((self.exact, self.even, self.equal, self.unread == 0))


def reverse(size: int, target: int, max_kernel_size: int = 7, kind: str = "conv") -> list[Solution]:
    """Every setting with dilation 1 that takes ``size`` to ``target`` pixels, the best first.

    Ranked by: exact, overlaps evenly, equal in both frameworks, loses no pixel; then by kernel.
    kind : ``"conv"`` or ``"conv_transpose"``. The paddings are below the kernel, as in
    ``helpers.conv_shapes.solve_conv``.

    Raises ShapeError for a number below 1 or above what the calculator draws.
    """
    for name, value, most in (
        ("from", size, LARGEST_SIZE),
        ("to", target, 4 * LARGEST_SIZE),
        ("largest kernel", max_kernel_size, 64),
    ):
        if not 1 <= value <= most:
            raise ShapeError(f"{name} is {value}", f"choose a number from 1 to {most}")
    find = _reverse_conv if kind == "conv" else _reverse_transpose
    solutions = []
    for kernel_size in range(1, max_kernel_size + 1):
        for padding in range(kernel_size):
            for stride, output_padding in find(size, target, kernel_size, padding):
                if stride > LARGEST_OPTION:
                    break
                solutions.append(
                    _judge(kind, size, target, kernel_size, stride, padding, output_padding)
                )
    solutions.sort(
        key=lambda s: (
            not s.exact,
            not s.even,
            not s.equal,
            s.unread > 0,
            s.kernel_size,
            s.stride,
            s.padding,
        )
    )
    return solutions


def _reverse_conv(size: int, target: int, kernel_size: int, padding: int) -> list[tuple[int, int]]:
    room = size + 2 * padding - kernel_size
    if room < 0:
        return []
    # floor(room / stride) = target - 1 holds from the first stride below to the last.
    first = room // target + 1
    last = size if target == 1 else min(size, room // (target - 1))
    return [(stride, 0) for stride in range(first, last + 1)]


def _reverse_transpose(
    size: int, target: int, kernel_size: int, padding: int
) -> list[tuple[int, int]]:
    # What (size - 1)*stride + output_padding has to supply; output_padding < stride.
    needed = target + 2 * padding - kernel_size
    if needed < 0:
        return []
    if size == 1:  # a single pixel has no distance to its neighbour: stride would say nothing
        return [(1, 0)] if needed == 0 else []
    strides = range(max(needed // size, 1), needed // (size - 1) + 1)
    pairs = [(stride, needed - (size - 1) * stride) for stride in strides]
    return [(stride, extra) for stride, extra in pairs if extra < stride]


def _judge(
    kind: str,
    size: int,
    target: int,
    kernel_size: int,
    stride: int,
    padding: int,
    output_padding: int,
) -> Solution:
    transposed = kind == "conv_transpose"
    layer = Layer(kind, 1, kernel_size, stride, padding, output_padding=output_padding)
    axis = Axis(transposed, size, target, kernel_size, stride, padding, 1)
    mode = "same" if padding else "valid"
    equal = False
    if transposed or mode == "same" or kernel_size <= size:
        theirs = _keras_axis(layer, size, mode)
        equal = theirs.output_size == target and _equal_axes(layer, axis, theirs, mode)
    if transposed:
        remainder, exact, unread = 0, output_padding == 0, _transpose_unread(axis)
    else:
        remainder = (size + 2 * padding - kernel_size) % stride
        exact, unread = remainder == 0, _conv_unread(axis)
    return Solution(
        kernel_size,
        stride,
        padding,
        output_padding,
        remainder,
        exact,
        kernel_size % stride == 0,
        equal,
        unread,
    )


def _conv_unread(axis: Axis) -> int:
    """Pixels that no window covers: gaps between windows and what the floor leaves over."""
    read, end = 0, 0
    for output in range(axis.output_size):
        start = output * axis.stride - axis.padding
        first = max(start, end)
        end = min(max(start + axis.kernel_size, end), axis.size)
        read += max(end - first, 0)
    return axis.size - read


def _transpose_unread(axis: Axis) -> int:
    return sum(
        input * axis.stride - axis.padding + axis.kernel_size <= 0
        or input * axis.stride - axis.padding >= axis.output_size
        for input in range(axis.size)
    )


# --- Network ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class NetworkRow:
    """A layer inside a stack. ``error`` is set on the first layer that does not fit; the ones
    after it have neither shape nor error, because their input is unknown."""

    shape: Shape | None
    parameters: int | None
    field: tuple[int, int] | None
    error: ShapeError | None = None


# Positions to visit for an exact receptive field; beyond it counting takes longer than a moment.
_MOST_FIELD_WORK = 15_000


def trace_network(shape: Sequence[int], layers: Sequence[Layer]) -> list[NetworkRow]:
    """Shapes, parameters and receptive field down a stack, up to the first error.

    The field is None where counting it would take too long: below several transposed
    convolutions with large strides each output pixel of a long period has its own.
    """
    rows: list[NetworkRow] = []
    current: Sequence[int] | None = tuple(shape)
    period, jump, field = 1, 1, (1, 1)
    for number, layer in enumerate(layers, start=1):
        if current is None:
            rows.append(NetworkRow(None, None, None))
            continue
        try:
            calculated_axes(layer, current)
            weights, biases = layer_parameter_count(layer, current[0])
            if field is not None:
                extent = layer.dilation * (layer.kernel_size - 1) + 1
                period *= _stride(layer) if layer.kind == "conv_transpose" else 1
                bound = max(field) + extent * jump
                jump *= 1 if layer.kind == "conv_transpose" else _stride(layer)
                quick = period * bound * number <= _MOST_FIELD_WORK
                field = receptive_field(layers[:number]) if quick else None
            current = output_shape(layer, current)
            rows.append(NetworkRow(current, weights + biases, field))
        except (ShapeError, TypeError) as error:
            if not isinstance(error, ShapeError):
                error = ShapeError(str(error).rstrip("."), "give whole numbers")
            rows.append(NetworkRow(None, None, None, error))
            current = None
    return rows


@dataclass(frozen=True)
class Network:
    """A named stack of layers and the shape of its input."""

    name: str
    shape: Shape
    layers: tuple[Layer, ...]


PRESETS: tuple[Network, ...] = (
    Network(
        "DCGAN discriminator",
        (3, 32, 32),
        (
            Layer("conv", 32, 4, 2, 1),
            Layer("conv", 64, 4, 2, 1),
            Layer("conv", 128, 4, 2, 1),
            Layer("conv", 1, 4, 1, 0),
        ),
    ),
    Network(
        "DCGAN generator",
        (100, 1, 1),
        (
            Layer("conv_transpose", 128, 4, 1, 0),
            Layer("conv_transpose", 64, 4, 2, 1),
            Layer("conv_transpose", 32, 4, 2, 1),
            Layer("conv_transpose", 3, 4, 2, 1),
        ),
    ),
    Network(
        "LeNet-5",
        (1, 32, 32),
        (
            Layer("conv", 6, 5, 1, 0),
            Layer("avg_pool", None, 2, 2, 0),
            Layer("conv", 16, 5, 1, 0),
            Layer("avg_pool", None, 2, 2, 0),
            Layer("conv", 120, 5, 1, 0),
            Layer("conv", 84, 1, 1, 0),
            Layer("conv", 10, 1, 1, 0),
        ),
    ),
    Network(
        "AlexNet, first layers",
        (3, 227, 227),
        (
            Layer("conv", 96, 11, 4, 0),
            Layer("max_pool", None, 3, 2, 0),
            Layer("conv", 256, 5, 1, 2),
            Layer("max_pool", None, 3, 2, 0),
            Layer("conv", 384, 3, 1, 1),
        ),
    ),
)


# --- Challenges -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Challenge:
    """A task: take ``shape`` to ``target`` (height and width) with exactly ``count`` layers.

    kind : of every layer. exact, even, equal : further demands, as in Solution.
    """

    text: str
    size: int
    target: int
    count: int
    kind: Literal["conv", "conv_transpose"] = "conv"
    exact: bool = False
    even: bool = False
    equal: bool = False
    field: int | None = None


CHALLENGES: tuple[Challenge, ...] = (
    Challenge("Take 32 to 16 with one convolution that rounds nothing off.", 32, 16, 1, exact=True),
    Challenge("Take 28 to 7 in two convolutions.", 28, 7, 2),
    Challenge("Take 227 to 55 with one convolution, as AlexNet does.", 227, 55, 1),
    Challenge(
        "Take 4 to 16 in two transposed convolutions whose kernels overlap evenly.",
        4,
        16,
        2,
        kind="conv_transpose",
        even=True,
    ),
    Challenge(
        "Take 32 to 8 in two convolutions that give the same numbers in PyTorch and in Keras "
        "(with “same” or “valid”).",
        32,
        8,
        2,
        equal=True,
    ),
    Challenge("Take 64 to 1 in three convolutions, rounding nothing off.", 64, 1, 3, exact=True),
    Challenge(
        "Take 32 to 16 in two convolutions so that each output pixel sees exactly 10 × 10 input "
        "pixels.",
        32,
        16,
        2,
        field=10,
    ),
)


@dataclass(frozen=True)
class ChallengeResult:
    """``passed``, what happened layer by layer, and the sentence that says what to change."""

    passed: bool
    steps: tuple[str, ...]
    message: str


def check_challenge(challenge: Challenge, layers: Sequence[Layer]) -> ChallengeResult:
    """Judge an answer by what it computes; every right answer passes.

    A layer that changes nothing (1×1 with stride 1 and no padding) is not accepted as a layer.
    """
    if len(layers) != challenge.count:
        message = f"The task asks for {challenge.count} layers, here are {len(layers)}."
        return ChallengeResult(False, (), message)
    shape: Shape = (1, challenge.size, challenge.size)
    steps: list[str] = []
    complaints: list[str] = []
    for number, layer in enumerate(layers, start=1):
        setting = f"kernel {layer.kernel_size}, stride {_stride(layer)}, padding {layer.padding}"
        if layer.kind == "conv_transpose" and layer.output_padding:
            setting += f", output padding {layer.output_padding}"
        if layer.kind != challenge.kind:
            name = KIND_NAMES[challenge.kind].lower()
            return ChallengeResult(False, tuple(steps), f"Layer {number} is not a {name}.")
        try:
            height, _ = calculated_axes(layer, shape)
        except ShapeError as error:
            steps.append(f"Layer {number} ({setting}): {error.reason}.")
            message = f"Layer {number} is impossible: {error.reason}. Remedy: {error.remedy}."
            return ChallengeResult(False, tuple(steps), message)
        before, after = height.size, height.output_size
        steps.append(f"Layer {number} ({setting}): {before} → {after}")
        if layer.kernel_size == 1 and _stride(layer) == 1 and before == after:
            complaints.append(
                f"Layer {number} moves nothing: 1×1 with stride 1 only mixes channels. Let it "
                "do part of the work."
            )
        facts = _judge(
            layer.kind,
            before,
            after,
            layer.kernel_size,
            _stride(layer),
            layer.padding,
            layer.output_padding,
        )
        if challenge.exact and not facts.exact:
            complaints.append(
                f"Layer {number} rounds off a remainder of {facts.remainder}: "
                f"({before} + 2·{layer.padding} − {layer.kernel_size}) / {_stride(layer)} is not "
                "whole."
            )
        if challenge.even and not facts.even:
            complaints.append(
                f"Layer {number} overlaps unevenly: kernel {layer.kernel_size} is not a multiple "
                f"of stride {_stride(layer)}."
            )
        if challenge.equal and not facts.equal:
            keras = "same" if layer.padding else "valid"
            complaints.append(
                f"Layer {number} differs in Keras: “{keras}” gives other windows than padding "
                f"{layer.padding}. An even total of padding is the same on both sides."
            )
        shape = (1, after, after)
    if shape[1] != challenge.target:
        complaints = [_missed(challenge, shape[1])]
    elif challenge.field is not None:
        field = receptive_field(layers)[0]
        if field != challenge.field:
            complaints.append(
                f"The sizes are right, but an output pixel sees {field} × {field} input pixels, "
                f"not {challenge.field} × {challenge.field}."
            )
    if complaints:
        return ChallengeResult(False, tuple(steps), " ".join(complaints))
    return ChallengeResult(True, tuple(steps), "Solved.")


def _missed(challenge: Challenge, arrived: int) -> str:
    difference = arrived - challenge.target
    much = _pixels(abs(difference))
    if difference > 0:
        hint = "a larger stride or kernel, or less padding, makes it smaller"
        if challenge.kind == "conv_transpose":
            hint = "a smaller stride or kernel, or more padding, makes it smaller"
        return f"You arrive at {arrived}, {much} too many for {challenge.target}: {hint}."
    hint = "a smaller stride or kernel, or more padding, makes it larger"
    if challenge.kind == "conv_transpose":
        hint = "a larger stride or kernel, output padding, or less padding makes it larger"
    return f"You arrive at {arrived}, {much} too few for {challenge.target}: {hint}."
