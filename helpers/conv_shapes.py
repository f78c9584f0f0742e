r"""Shapes, parameters and connections of convolutions, transposed convolutions and pooling.

Pure Python, nothing imported beyond the standard library. The functions compute what PyTorch
computes and, where the name says ``keras``, what Keras 3 computes; ``tests/test_conv_shapes.py``
compares them with the real layers over thousands of random settings.

One axis of a convolution, with W1 pixels in, W2 pixels out, filter extent F, padding P on both
sides, stride S and dilation D::

    W2 = floor((W1 + 2P - D(F - 1) - 1) / S) + 1        convolution
    W2 = (W1 - 1)S - 2P + D(F - 1) + 1 + output_padding  transposed convolution

Sources: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
arXiv:1603.07285; the reference pages of ``torch.nn.Conv2d``, ``ConvTranspose2d``, ``MaxPool2d``.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["conv", "conv_transpose", "max_pool", "avg_pool"]
KINDS: tuple[Kind, ...] = ("conv", "conv_transpose", "max_pool", "avg_pool")
Pair = tuple[int, int]
Shape = tuple[int, int, int]  # (channels, height, width)


class ShapeError(ValueError):
    """A setting that the framework refuses.

    ``reason`` says what is wrong with the numbers, ``framework`` is how PyTorch puts it (Keras,
    from a ``keras`` function; empty where it has no words for it), ``remedy`` is what to change.
    ``str(error)`` is the reason and the remedy.
    """

    def __init__(self, reason: str, remedy: str, framework: str = "") -> None:
        super().__init__(f"{reason}: {remedy}.")
        self.reason = reason
        self.remedy = remedy
        self.framework = framework


def conv_output_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Pixels that a convolution puts out along one axis.

    ``floor((size + 2*padding - dilation*(kernel_size - 1) - 1) / stride) + 1``

    size : pixels along the axis, at least 1.
    kernel_size, stride, dilation : at least 1. padding : zeros added on each side, at least 0.

    Raises ShapeError (a ValueError) where ``torch.nn.Conv2d`` refuses: a number out of range, or
    a kernel larger than the padded input. Raises TypeError for numbers that are not whole.
    """
    size, kernel_size, stride, padding, dilation = _whole_numbers(
        size=size, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    extent = dilation * (kernel_size - 1) + 1
    if extent > size + 2 * padding:
        raise _kernel_too_large(size, kernel_size, dilation, padding)
    return (size + 2 * padding - extent) // stride + 1


def conv_transpose_output_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Pixels that a transposed convolution puts out along one axis.

    ``(size - 1)*stride - 2*padding + dilation*(kernel_size - 1) + output_padding + 1``

    Arguments as in conv_output_size; ``padding`` pixels are cut off each side of the result and
    ``output_padding`` rows are added at its end.

    Raises ShapeError (a ValueError) where ``torch.nn.ConvTranspose2d`` refuses: a number out of
    range, output_padding not smaller than stride or dilation, nothing left after the padding is
    cut off (PyTorch on oneDNN may return an empty tensor there instead). Raises TypeError for
    numbers that are not whole.
    """
    size, kernel_size, stride, padding, output_padding, dilation = _whole_numbers(
        size=size,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
    )
    if output_padding >= max(stride, dilation):
        raise ShapeError(
            f"output_padding {output_padding} is not smaller than stride {stride} or "
            f"dilation {dilation}",
            f"lower output_padding to {max(stride, dilation) - 1} or raise stride to "
            f"{output_padding + 1}",
            "output padding must be smaller than either stride or dilation",
        )
    full = (size - 1) * stride + dilation * (kernel_size - 1) + 1 + output_padding
    if full - 2 * padding < 1:
        raise ShapeError(
            f"padding {padding} cuts {2 * padding} pixels off a result of {full}",
            f"lower padding to {(full - 1) // 2} or enlarge the kernel",
            "Output size is too small",
        )
    return full - 2 * padding


def pool_output_size(
    size: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Pixels that a pooling layer puts out along one axis; ``stride`` defaults to the kernel.

    Like a convolution, but with ``ceil_mode`` the division is rounded up, except that a last
    window is dropped if it would start in the padding on the right.

    Raises ShapeError (a ValueError) where ``torch.nn.MaxPool2d`` refuses: a number out of range,
    padding over half the kernel, no window that fits. Raises TypeError as conv_output_size does.
    """
    if stride is None:
        stride = kernel_size
    messages = _POOL_MESSAGES
    if stride == 0:  # PyTorch divides by the stride before it looks at the kernel
        messages = messages | {"kernel_size": messages["stride"]}
    size, kernel_size, stride, padding, dilation = _whole_numbers(
        messages,
        size=size,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    extent = dilation * (kernel_size - 1) + 1
    if padding > kernel_size // 2:
        raise ShapeError(
            f"padding {padding} is more than half of kernel {kernel_size}",
            f"lower padding to {kernel_size // 2} or raise the kernel to {2 * padding}",
            "pad should be at most half of effective kernel size"
            if padding > extent // 2
            else "pad should be smaller than or equal to half of kernel size",
        )
    room = size + 2 * padding - extent
    if ceil_mode:
        output_size = -(-room // stride) + 1
        if (output_size - 1) * stride >= size + padding:
            output_size -= 1
    else:
        output_size = room // stride + 1
    if output_size < 1:
        raise _kernel_too_large(
            size, kernel_size, dilation, padding, "Output size is too small", kernel_size // 2
        )
    return output_size


def conv_parameter_count(
    in_channels: int, out_channels: int, kernel_size: int | Pair, bias: bool = True
) -> int:
    """Learnable numbers in a convolution: F·F·D1 weights for each of the K filters, K biases.

    in_channels (D1), out_channels (K) : at least 1. kernel_size (F) : F, or (height, width).
    bias : without it there are no biases.

    Raises ShapeError (a ValueError) for a number below 1, TypeError for one that is not whole.
    """
    height, width = _pair(kernel_size)
    in_channels, out_channels, height, width = _whole_numbers(
        in_channels=in_channels, out_channels=out_channels, kernel_height=height, kernel_width=width
    )
    weights_per_filter = height * width * in_channels
    return weights_per_filter * out_channels + (out_channels if bias else 0)


def generator_parameter_count(latent_dim: int = 100, conv_dim: int = 32) -> int:
    """Learnable numbers of this course's 32 × 32 DCGAN generator: (100, 32) -> 370627.

    ======================================================= =========================
    layer                                                   parameters, c = conv_dim
    ======================================================= =========================
    dense, latent_dim → 4 × 4 × 4c, without bias            latent_dim · 64c
    batch normalisation of 4c channels                      2 · 4c
    transposed convolution 4c → 2c, kernel 4, without bias  16 · 4c · 2c
    batch normalisation of 2c channels                      2 · 2c
    transposed convolution 2c → c, kernel 4, without bias   16 · 2c · c
    batch normalisation of c channels                       2 · c
    transposed convolution c → 3, kernel 4, with bias       16 · c · 3 + 3
    ======================================================= =========================

    A transposed convolution has as many weights as the convolution in the other direction.

    Raises ValueError for a number below 1. Source: the layers of ``helpers.pytorch.generator``.
    """
    for name, number in (("latent_dim", latent_dim), ("conv_dim", conv_dim)):
        if number < 1:
            raise ValueError(f"{name} is {number}: give 1 or more, not less.")
    channels = (4 * conv_dim, 2 * conv_dim, conv_dim)
    dense = latent_dim * 4 * 4 * channels[0]
    upward = sum(
        conv_parameter_count(before, after, 4, bias=False)
        for before, after in zip(channels, channels[1:], strict=False)
    )
    batch_norms = 2 * sum(channels)
    return dense + upward + batch_norms + conv_parameter_count(channels[-1], 3, 4)


def same_padding(size: int, kernel_size: int, stride: int = 1) -> Pair:
    """Zeros that TensorFlow and Keras add for ``padding="same"``: (before, after).

    The output has ``ceil(size / stride)`` pixels; what the windows then need beyond the input is
    split in two, and where it is odd the extra zero goes after:
    ``total = max((ceil(size/stride) - 1)*stride + kernel_size - size, 0)``. With dilation D, pass
    the pixels that the kernel spans, ``D*(kernel_size - 1) + 1``, as its size.

    Raises ShapeError (a ValueError) for a number below 1, TypeError for one that is not whole.
    """
    size, kernel_size, stride = _whole_numbers(size=size, kernel_size=kernel_size, stride=stride)
    output_size = -(-size // stride)
    total = max((output_size - 1) * stride + kernel_size - size, 0)
    return total // 2, total - total // 2


def solve_conv(size: int, target: int, max_kernel_size: int = 7) -> list[tuple[int, int, int]]:
    """Every (kernel_size, stride, padding) that takes ``size`` pixels to ``target``.

    Searched: kernels 1 to ``max_kernel_size``, strides 1 to ``size``, paddings below the kernel
    (with more, a window could lie wholly in the padding). Dilation 1. Sorted.

    Raises ShapeError (a ValueError) for a number below 1, TypeError for one that is not whole.
    """
    size, target, max_kernel_size = _whole_numbers(
        size=size, target=target, max_kernel_size=max_kernel_size
    )
    return [
        (kernel_size, stride, padding)
        for kernel_size in range(1, max_kernel_size + 1)
        for stride in range(1, size + 1)
        for padding in range(kernel_size)
        if kernel_size <= size + 2 * padding
        and conv_output_size(size, kernel_size, stride, padding) == target
    ]


@dataclass(frozen=True)
class Layer:
    """One convolution, transposed convolution or pooling layer, as PyTorch describes it.

    kind : ``"conv"``, ``"conv_transpose"``, ``"max_pool"`` or ``"avg_pool"``.
    out_channels : filters; None for pooling, which keeps the channels.
    kernel_size, stride, padding, dilation, output_padding : one number, or (height, width).
    stride : None means 1, for pooling the kernel size.
    padding : zeros on each side, or ``"valid"`` (none), or ``"same"`` (conv with stride 1 only).
    groups, bias : conv and conv_transpose only. ceil_mode : pooling only.
    output_padding : conv_transpose only.

    Nothing is checked until a shape is asked for.
    """

    kind: Kind
    out_channels: int | None = None
    kernel_size: int | Pair = 1
    stride: int | Pair | None = None
    padding: int | Pair | Literal["same", "valid"] = 0
    dilation: int | Pair = 1
    output_padding: int | Pair = 0
    groups: int = 1
    ceil_mode: bool = False
    bias: bool = True

    @property
    def is_pool(self) -> bool:
        return self.kind in ("max_pool", "avg_pool")


@dataclass(frozen=True)
class Axis:
    """How the pixels of one axis are connected: who reads whom.

    ``padding`` is the number of zeros before the first pixel (for a transposed convolution: the
    pixels cut off the front of the result). Indices count from 0; those below 0, or from
    ``size`` on, are padding.
    """

    transposed: bool
    size: int
    output_size: int
    kernel_size: int
    stride: int
    padding: int
    dilation: int

    def reads(self, output: int) -> list[int]:
        """Input positions that output pixel ``output`` reads, the padding included."""
        taps = range(0, self.dilation * self.kernel_size, self.dilation)
        if not self.transposed:
            return [output * self.stride - self.padding + tap for tap in taps]
        origins = (output + self.padding - tap for tap in taps)
        return sorted(
            origin // self.stride
            for origin in origins
            if origin % self.stride == 0 and 0 <= origin // self.stride < self.size
        )

    def feeds(self, input: int) -> list[int]:
        """Output pixels that read input pixel ``input``: the true set, often not contiguous."""
        return [output for output in range(self.output_size) if input in self.reads(output)]

    def input_coverage(self) -> list[int]:
        """How many output pixels read each input pixel; 0 where the layer never looks."""
        counts = [0] * self.size
        for output in range(self.output_size):
            for position in self.reads(output):
                if 0 <= position < self.size:
                    counts[position] += 1
        return counts

    def output_coverage(self) -> list[int]:
        """How many real input pixels each output pixel reads.

        Uneven counts inside a transposed convolution's result are what shows as a checkerboard.
        """
        return [
            sum(0 <= position < self.size for position in self.reads(output))
            for output in range(self.output_size)
        ]


def axes(layer: Layer, shape: Sequence[int]) -> tuple[Axis, Axis]:
    """The layer's height and width axes on an input of ``shape`` (channels, height, width).

    Raises ShapeError (a ValueError) or TypeError where PyTorch refuses the layer or the shape.
    """
    channels, *sizes = _shape(shape)
    if layer.kind not in KINDS:
        raise ShapeError(f"kind {layer.kind!r} is unknown", f"choose one of {', '.join(KINDS)}")
    if layer.kind == "avg_pool" and _pair(layer.dilation) != (1, 1):
        raise ShapeError(
            "PyTorch's AvgPool2d has no dilation",
            "set dilation to 1 or take max_pool",
            "got an unexpected keyword argument 'dilation'",
        )
    if not layer.is_pool:
        _check_channels(layer, channels)
    stride = layer.stride
    if stride is None:
        stride = layer.kernel_size if layer.is_pool else 1
    options = zip(
        sizes,
        _pair(layer.kernel_size),
        _pair(stride),
        _paddings(layer, _pair(stride)),
        _pair(layer.dilation),
        _pair(layer.output_padding),
        strict=True,
    )
    height, width = (_axis(layer, *numbers) for numbers in options)
    return height, width


def output_shape(layer: Layer, shape: Sequence[int]) -> Shape:
    """Shape (channels, height, width) that the layer makes of ``shape``.

    Raises ShapeError (a ValueError) or TypeError where PyTorch refuses the layer or the shape.
    """
    height, width = axes(layer, shape)
    channels = shape[0] if layer.is_pool else layer.out_channels
    return operator.index(channels), height.output_size, width.output_size


def trace_shapes(shape: Sequence[int], layers: Iterable[Layer | Mapping]) -> list[Shape]:
    """Shapes along a stack of layers, the input's first.

    shape : (channels, height, width).
    layers : Layer objects, or mappings of their fields such as
        ``{"kind": "conv", "out_channels": 32, "kernel_size": 4, "stride": 2, "padding": 1}``.

    Raises ShapeError (a ValueError) that names the first layer that does not fit.
    """
    shapes = [_shape(shape)]
    for number, layer in enumerate(layers, start=1):
        layer = layer if isinstance(layer, Layer) else Layer(**layer)
        try:
            shapes.append(output_shape(layer, shapes[-1]))
        except ShapeError as error:
            raise ShapeError(
                f"layer {number}: {error.reason}", error.remedy, error.framework
            ) from None
    return shapes


def layer_parameter_count(layer: Layer, in_channels: int) -> Pair:
    """(weights, biases) of the layer; groups divide the weights. Pooling has none.

    Raises ShapeError (a ValueError) where the channels do not divide into the groups.
    """
    if layer.is_pool:
        return 0, 0
    _check_channels(layer, in_channels)
    weights = conv_parameter_count(
        in_channels // layer.groups, layer.out_channels, layer.kernel_size, bias=False
    )
    return weights, (layer.out_channels if layer.bias else 0)


def multiply_adds(layer: Layer, shape: Sequence[int]) -> int:
    """Multiplications (each with its addition) for one image; biases are not counted.

    A convolution spends them per output pixel, a transposed convolution per input pixel.
    Pooling multiplies nothing. Raises as output_shape does.
    """
    height, width = axes(layer, shape)
    if layer.is_pool:
        return 0
    weights, _ = layer_parameter_count(layer, shape[0])
    pixels = (
        height.size * width.size
        if layer.kind == "conv_transpose"
        else height.output_size * width.output_size
    )
    return weights * pixels


def receptive_field(layers: Sequence[Layer | Mapping]) -> Pair:
    """Rows and columns of the input that one output pixel can see, borders ignored.

    For convolutions and pooling this is the usual recursion ``r += (extent - 1)*jump``,
    ``jump *= stride``. Transposed convolutions make it depend on the output pixel (its phase);
    the largest is returned. An empty stack sees 1 pixel.

    ``padding="same"`` is read as stride-1 padding. Raises ShapeError for an unknown kind or
    padding and for numbers out of range, TypeError for numbers that are not whole.
    """
    stack = [layer if isinstance(layer, Layer) else Layer(**layer) for layer in layers]
    return _receptive_field(stack, 0), _receptive_field(stack, 1)


def keras_conv_output_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: Literal["same", "valid"] = "valid",
    dilation: int = 1,
) -> int:
    """Pixels that ``keras.layers.Conv2D`` (and, without dilation, its pooling) puts out.

    ``ceil(size / stride)`` for ``"same"``; for ``"valid"`` the formula without padding.

    Raises ShapeError (a ValueError) where Keras refuses: kernel larger than the input with
    ``"valid"`` (its pooling, called on numbers, may return an empty image instead), stride and
    dilation both above 1, be it on different axes, an unknown padding.
    """
    size, kernel_size, stride, dilation = _whole_numbers(
        _KERAS_MESSAGES, size=size, kernel_size=kernel_size, stride=stride, dilation=dilation
    )
    if stride > 1 and dilation > 1:
        raise ShapeError(
            f"Keras refuses stride {stride} together with dilation {dilation}",
            "set one of them to 1",
            "`strides > 1` not supported in conjunction with `dilation_rate > 1`",
        )
    if padding == "same":
        return -(-size // stride)
    if padding != "valid":
        raise _unknown_padding(padding)
    extent = dilation * (kernel_size - 1) + 1
    if extent > size:
        raise ShapeError(
            f"{_kernel_phrase(kernel_size, dilation)} does not fit in {size} pixels",
            'choose padding="same" or shrink the kernel',
            "Computed output size would be zero or negative",
        )
    return (size - extent) // stride + 1


def keras_conv_transpose_output_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: Literal["same", "valid"] = "valid",
) -> int:
    """Pixels that ``keras.layers.Conv2DTranspose`` puts out, output_padding and dilation unset.

    ``size * stride`` for ``"same"``; ``(size - 1)*stride + max(kernel_size, stride)`` for
    ``"valid"``.

    Raises ShapeError (a ValueError) for a number below 1 or an unknown padding.
    """
    size, kernel_size, stride = _whole_numbers(
        _KERAS_MESSAGES, size=size, kernel_size=kernel_size, stride=stride
    )
    if padding == "same":
        return size * stride
    if padding == "valid":
        return (size - 1) * stride + max(kernel_size, stride)
    raise _unknown_padding(padding)


def keras_conv_transpose_crop(kernel_size: int, stride: int = 1) -> Pair:
    """Pixels that Keras cuts off (before, after) the full result for ``padding="same"``.

    The full result has ``(size - 1)*stride + kernel_size`` pixels, ``size * stride`` are kept.
    With a kernel smaller than the stride nothing is cut: (0, 0), zeros are added at the end.
    """
    kernel_size, stride = _whole_numbers(_KERAS_MESSAGES, kernel_size=kernel_size, stride=stride)
    total = max(kernel_size - stride, 0)
    return total // 2, total - total // 2


_MINIMUM = {"padding": 0, "output_padding": 0}
# What the frameworks say of a zero, and of a negative number.
_CONV_MESSAGES = {
    "kernel_size": (
        "kernel size should be greater than zero",
        "Trying to create tensor with negative dimension",
    ),
    "stride": ("non-positive stride is not supported",) * 2,
    "padding": ("", "negative padding is not supported"),
    "output_padding": ("", "negative output_padding is not supported"),
    "dilation": ("dilation should be greater than zero",) * 2,
    "groups": ("groups must be a positive integer",) * 2,
}
_POOL_MESSAGES = {
    "kernel_size": ("kernel size should be greater than zero",) * 2,
    "stride": ("stride should not be zero", "stride should be greater than zero"),
    "padding": ("", "pad must be non-negative"),
    "dilation": ("dilation should be greater than zero",) * 2,
}
_KERAS_MESSAGES = {
    "kernel_size": ("The `kernel_size` argument must be a tuple of 2 integers",) * 2,
    "stride": ("The `strides` argument must be a tuple of 2 integers",) * 2,
    "dilation": ("The `dilation_rate` argument must be a tuple of 2 integers",) * 2,
}


def _whole_numbers(
    messages: Mapping[str, tuple[str, str]] = _CONV_MESSAGES, /, **numbers: int
) -> tuple[int, ...]:
    whole = []
    for name, value in numbers.items():
        try:
            value = operator.index(value)
        except TypeError:
            raise TypeError(f"{name} must be a whole number, got {value!r}.") from None
        minimum = _MINIMUM.get(name, 1)
        if value < minimum:
            on_zero, on_negative = messages.get(name, ("", ""))
            raise ShapeError(
                f"{name} is {value}",
                f"it must be at least {minimum}",
                on_negative if value < 0 else on_zero,
            )
        whole.append(value)
    return tuple(whole)


def _pair(value: int | Pair) -> Pair:
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ShapeError(f"{tuple(value)} has {len(value)} numbers", "give (height, width)")
        return value[0], value[1]
    return value, value


def _shape(shape: Sequence[int]) -> Shape:
    if len(shape) != 3:
        raise ShapeError(
            f"shape {tuple(shape)} has {len(shape)} numbers", "give (channels, height, width)"
        )
    channels, height, width = shape
    return _whole_numbers(channels=channels, height=height, width=width)


def _check_channels(layer: Layer, in_channels: int) -> None:
    if layer.out_channels is None:
        raise ShapeError(f"a {layer.kind} layer has no out_channels", "say how many filters")
    _, out_channels, groups = _whole_numbers(
        in_channels=in_channels, out_channels=layer.out_channels, groups=layer.groups
    )
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ShapeError(
                f"{name} {channels} does not divide into {groups} groups",
                f"choose groups that divide both {in_channels} and {out_channels}, such as 1",
                f"{name} must be divisible by groups",
            )


def _paddings(layer: Layer, stride: Pair) -> tuple[int | str, int | str]:
    if not isinstance(layer.padding, str):
        return _pair(layer.padding)
    if layer.padding not in ("same", "valid"):
        raise _unknown_padding(layer.padding)
    if layer.kind != "conv":
        raise ShapeError(
            f"PyTorch's {layer.kind} takes no padding={layer.padding!r}",
            "give the padding as a number",
            "must be tuple of ints",
        )
    if layer.padding == "same" and stride != (1, 1):
        raise ShapeError(
            f"PyTorch refuses padding='same' with stride {max(stride)}",
            "set stride to 1 or give the padding as a number",
            "padding='same' is not supported for strided convolutions",
        )
    return (layer.padding, layer.padding)


def _axis(
    layer: Layer,
    size: int,
    kernel_size: int,
    stride: int,
    padding: int | str,
    dilation: int,
    output_padding: int,
) -> Axis:
    before = 0 if padding == "valid" else padding
    if padding == "same":
        kernel_size, dilation = _whole_numbers(kernel_size=kernel_size, dilation=dilation)
        before, _ = same_padding(size, dilation * (kernel_size - 1) + 1)
        output_size = size
    elif layer.kind == "conv":
        output_size = conv_output_size(size, kernel_size, stride, before, dilation)
    elif layer.kind == "conv_transpose":
        output_size = conv_transpose_output_size(
            size, kernel_size, stride, before, output_padding, dilation
        )
    else:
        output_size = pool_output_size(size, kernel_size, stride, before, dilation, layer.ceil_mode)
    return Axis(
        layer.kind == "conv_transpose", size, output_size, kernel_size, stride, before, dilation
    )


def _receptive_field(layers: Sequence[Layer], axis: int) -> int:
    # Positions on an endless line, so that no border cuts the field short. Outputs repeat their
    # pattern with a period of at most the product of the transposed layers' strides.
    period, lines = 1, []
    for layer in layers:
        if layer.kind not in KINDS:
            raise ShapeError(f"kind {layer.kind!r} is unknown", f"choose one of {', '.join(KINDS)}")
        kernel_size = _pair(layer.kernel_size)[axis]
        stride = layer.stride
        if stride is None:
            stride = layer.kernel_size if layer.is_pool else 1
        stride = _pair(stride)[axis]
        dilation = _pair(layer.dilation)[axis]
        padding = layer.padding
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise _unknown_padding(padding)
            padding = dilation * (kernel_size - 1) // 2 if padding == "same" else 0
        kernel_size, stride, padding, dilation = _whole_numbers(
            kernel_size=kernel_size,
            stride=stride,
            padding=_pair(padding)[axis],
            dilation=dilation,
        )
        transposed = layer.kind == "conv_transpose"
        period *= stride if transposed else 1
        lines.append((transposed, kernel_size, stride, padding, dilation))
    return max(_field_of(output, lines) for output in range(period))


def _field_of(output: int, lines: Sequence[tuple[bool, int, int, int, int]]) -> int:
    positions = {output}
    for transposed, kernel_size, stride, padding, dilation in reversed(lines):
        taps = range(0, dilation * kernel_size, dilation)
        if transposed:
            origins = {position + padding - tap for position in positions for tap in taps}
            positions = {origin // stride for origin in origins if origin % stride == 0}
        else:
            positions = {
                position * stride - padding + tap for position in positions for tap in taps
            }
    return max(positions) - min(positions) + 1 if positions else 0


def _kernel_too_large(
    size: int,
    kernel_size: int,
    dilation: int,
    padding: int,
    framework: str = "Kernel size can't be greater than actual input size",
    most_padding: int | None = None,
) -> ShapeError:
    extent = dilation * (kernel_size - 1) + 1
    enough = -(-(extent - size) // 2)
    remedies = []
    if most_padding is None or enough <= most_padding:
        remedies.append(f"raise padding to {enough}")
    if dilation > 1:
        remedies.append("lower the dilation")
    remedies.append("shrink the kernel")
    return ShapeError(
        f"{_kernel_phrase(kernel_size, dilation)} does not fit in {size} + 2·{padding} pixels",
        " or ".join(remedies),
        framework,
    )


def _kernel_phrase(kernel_size: int, dilation: int) -> str:
    if dilation == 1:
        return f"kernel {kernel_size}"
    extent = dilation * (kernel_size - 1) + 1
    return f"kernel {kernel_size} with dilation {dilation} spans {extent} pixels and"


def _unknown_padding(padding: object) -> ShapeError:
    return ShapeError(f"padding {padding!r} is unknown", 'give "same" or "valid"')
