"""``helpers.conv_shapes`` against the real layers of PyTorch and Keras.

Each property draws its settings from hypothesis, always the same ones, and counts how many the
framework accepted and refused, so that neither side goes untested.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # before Keras: see helpers.keras
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.conv_shapes import (
    KINDS,
    Axis,
    Kind,
    Layer,
    Shape,
    ShapeError,
    axes,
    conv_output_size,
    conv_parameter_count,
    conv_transpose_output_size,
    keras_conv_output_size,
    keras_conv_transpose_crop,
    keras_conv_transpose_output_size,
    layer_parameter_count,
    multiply_adds,
    output_shape,
    pool_output_size,
    receptive_field,
    same_padding,
    solve_conv,
    trace_shapes,
)
from helpers.keras import keras, tf

pytestmark = pytest.mark.filterwarnings(
    "ignore:Initializing zero-element tensors",
    "ignore:Using padding='same' with even kernel lengths",
    "ignore:TF32 acceleration on top of oneDNN",
)
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope="module")
def torch_by_itself() -> Iterator[None]:
    """PyTorch's own code on one thread.

    oneDNN takes over for some settings on some machines. It has other words of refusal, and lets
    pass a transposed convolution with nothing left (an empty image comes out).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.backends.mkldnn.flags(enabled=False):
        yield
    torch.set_num_threads(threads)


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


# --- settings ------------------------------------------------------------------------------------

KERNELS = st.integers(1, 6)
STRIDES = st.integers(1, 4)
DILATIONS = st.integers(1, 3)
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))
OUT_OF_RANGE = st.integers(-2, 0)


def one_or_pair(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return numbers | st.tuples(numbers, numbers)


@st.composite
def layers(draw: st.DrawFn, kind: Kind) -> tuple[Layer, Shape]:
    """A layer with numbers in range, though they need not go together, and an input's shape."""
    sizes = draw(SIZES)
    kernel_size, dilation = draw(one_or_pair(KERNELS)), draw(one_or_pair(DILATIONS))
    stride = draw(st.none() | one_or_pair(STRIDES))
    if kind in ("max_pool", "avg_pool"):
        padding = draw(one_or_pair(st.integers(0, 3)))
        dilation = 1 if kind == "avg_pool" else dilation
        ceil_mode = draw(st.booleans())
        layer = Layer(kind, None, kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
        return layer, (draw(st.integers(1, 3)), *sizes)
    padding = draw(one_or_pair(st.integers(0, 3)))
    output_padding = 0
    if kind == "conv_transpose":
        output_padding = draw(st.just(0) | one_or_pair(st.integers(0, 2)))
    elif draw(st.integers(0, 4)) == 0:
        padding = draw(st.sampled_from(["same", "valid"]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    in_channels, out_channels = (groups * draw(st.integers(1, 2)) for _ in range(2))
    if draw(st.integers(0, 9)) == 0:
        groups += 1
    bias = draw(st.booleans())
    layer = Layer(
        kind,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        output_padding,
        groups,
        bias=bias,
    )
    return layer, (in_channels, *sizes)


@st.composite
def layers_with_faults(draw: st.DrawFn, kind: Kind) -> tuple[Layer, Shape]:
    """As ``layers``; one time in four a number is zero or negative."""
    layer, shape = draw(layers(kind))
    fields = ["kernel_size", "stride", "padding", "size"]
    fields += [] if kind == "avg_pool" else ["dilation"]
    fields += [] if layer.is_pool else ["groups", "out_channels"]
    fields += ["output_padding"] if kind == "conv_transpose" else []
    field = draw(st.sampled_from([None] * 3 * len(fields) + fields))
    if field == "size":
        return layer, (shape[0], draw(OUT_OF_RANGE), shape[2])
    if field in ("groups", "out_channels"):
        return changed(layer, field, draw(OUT_OF_RANGE)), shape
    if field is not None:
        layer = changed(layer, field, draw(OUT_OF_RANGE | st.tuples(OUT_OF_RANGE, KERNELS)))
    return layer, shape


def changed(layer: Layer, field: str, value: object) -> Layer:
    return Layer(**{**vars(layer), field: value})


@st.composite
def layers_with_one_fault(draw: st.DrawFn, kind: Kind) -> tuple[Layer, Shape]:
    """A layer that PyTorch accepts, with one setting spoilt."""
    layer, shape = draw(layers(kind))
    fault = draw(st.sampled_from(sorted(FAULTS[kind])))
    if layer.is_pool and fault in ("kernel_size", "dilation"):
        # Else the padding is too large as well.
        layer = Layer(layer.kind, None, layer.kernel_size, layer.stride, ceil_mode=layer.ceil_mode)
    if layer.is_pool and fault == "padding,large":
        layer = changed(layer, "dilation", 1)  # else it depends which axis is looked at first
    if layer.is_pool and fault == "kernel_size,large":
        layer = changed(layer, "stride", 1)  # ceil_mode would let a last large window pass
    if layer.padding == "same" and fault in ("kernel_size", "kernel_size,large", "dilation"):
        layer = changed(layer, "padding", 0)  # it adapts, to a negative padding if need be
    try:
        output_shape(layer, shape)
    except ShapeError:
        assume(False)
    field, values = fault.split(",")[0], FAULTS[kind][fault]
    bad = draw(st.sampled_from(values))
    if draw(st.booleans()) and isinstance(bad, int) and field not in ("groups", "out_channels"):
        good = getattr(layer, field)
        if good is None:
            good = layer.kernel_size if layer.is_pool else 1
        if isinstance(good, str):
            good = 0
        bad = (bad, good if isinstance(good, int) else good[1])
    return changed(layer, field, bad), shape


RANGE_FAULTS = {"kernel_size": [0, -1], "stride": [0, -1], "padding": [-1], "dilation": [0, -1]}
FAULTS: dict[Kind, dict[str, list]] = {
    "conv": RANGE_FAULTS
    | {"kernel_size,large": [40], "groups": [0, -1], "groups,odd": [5, 7]}
    | {"out_channels": [0, -1]},
    "conv_transpose": RANGE_FAULTS
    | {"padding,large": [40, "same"], "output_padding": [-1], "output_padding,large": [9]}
    | {"groups": [0, -1], "groups,odd": [5, 7], "out_channels": [0, -1]},
    "max_pool": RANGE_FAULTS
    | {"dilation": [0], "kernel_size,large": [60], "padding,large": [4, 9, "same"]},
    "avg_pool": {name: RANGE_FAULTS[name] for name in ("kernel_size", "stride", "padding")}
    | {"kernel_size,large": [60], "padding,large": [4, 9, "same"]},
}


# --- PyTorch -------------------------------------------------------------------------------------


def torch_layer(layer: Layer, in_channels: int) -> nn.Module:
    spatial = {"kernel_size": layer.kernel_size, "padding": layer.padding}
    if layer.stride is not None:
        spatial["stride"] = layer.stride
    if layer.kind != "avg_pool" or layer.dilation not in (1, (1, 1)):
        spatial["dilation"] = layer.dilation
    if layer.is_pool:
        pool = nn.MaxPool2d if layer.kind == "max_pool" else nn.AvgPool2d
        return pool(**spatial, ceil_mode=layer.ceil_mode)
    channels = {"in_channels": in_channels, "out_channels": layer.out_channels}
    channels |= {"groups": layer.groups, "bias": layer.bias}
    if layer.kind == "conv":
        return nn.Conv2d(**channels, **spatial)
    return nn.ConvTranspose2d(**channels, **spatial, output_padding=layer.output_padding)


def torch_says(layer: Layer, shape: Shape) -> Shape | str:
    """The shape that PyTorch computes, or its refusal."""
    try:
        with torch.no_grad():
            return tuple(torch_layer(layer, shape[0])(torch.zeros(1, *shape)).shape[1:])
    except (RuntimeError, ValueError, TypeError) as error:
        return str(error)


def we_say(layer: Layer, shape: Shape) -> Shape | ShapeError:
    try:
        return output_shape(layer, shape)
    except ShapeError as error:
        return error


OTHER_WORDS = [
    "integer out of range",  # torch 2.11 says no more of a bad number in AvgPool2d
    "Computed output size would be negative",  # Keras 3.13
    "resulted in an empty output",  # Keras 3.13
]


def quotes_framework(ours: ShapeError, theirs: str) -> bool:
    """Whether our quotation stands in their message, numbers aside, or theirs is an older one."""
    quotation, message = (re.sub(r"-?\d+", "#", text) for text in (ours.framework, theirs))
    return quotation in message or any(words in message for words in OTHER_WORDS)


@pytest.mark.parametrize("kind", KINDS)
def test_torch_layers_have_our_shape_or_our_refusal(kind):
    outcomes = Counter()

    @examples(300)
    @given(layers_with_faults(kind), st.lists(SIZES, min_size=3, max_size=3))
    def compare(setting: tuple[Layer, Shape], more_sizes: list[tuple[int, int]]) -> None:
        layer, (channels, *sizes) = setting
        for shape in [(channels, *pair) for pair in (sizes, *more_sizes)]:
            theirs, ours = torch_says(layer, shape), we_say(layer, shape)
            if isinstance(theirs, str):
                assert isinstance(ours, ValueError), theirs
                assert ours.reason
                assert ours.remedy
            else:
                assert ours == theirs
            outcomes["refused" if isinstance(theirs, str) else "accepted"] += 1

    compare()
    assert outcomes.total() == 1200
    assert min(outcomes["refused"], outcomes["accepted"]) >= 200, outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_quote_torch(kind):
    quoted = Counter()

    @examples(150)
    @given(layers_with_one_fault(kind))
    def compare(setting: tuple[Layer, Shape]) -> None:
        theirs, ours = torch_says(*setting), we_say(*setting)
        assert isinstance(theirs, str)
        assert isinstance(ours, ShapeError), theirs
        assert quotes_framework(ours, theirs), theirs
        quoted[ours.framework] += 1

    compare()
    assert len(quoted) >= 6, quoted


def test_refusals_that_no_single_number_causes():
    strided = Layer("conv", 1, 3, 2, "same")
    assert we_say(strided, (1, 8, 8)).framework in torch_says(strided, (1, 8, 8))
    half_of_kernel = Layer("max_pool", None, 3, 1, 2, dilation=2)
    assert we_say(half_of_kernel, (1, 8, 8)).framework in torch_says(half_of_kernel, (1, 8, 8))
    dilated = Layer("avg_pool", None, 2, dilation=2)
    assert we_say(dilated, (1, 8, 8)).framework in torch_says(dilated, (1, 8, 8))
    for dilation in (0, -1):  # "same" reads the dilation in another place
        assert isinstance(torch_says(Layer("conv", 1, 1, 1, "same", dilation), (1, 8, 8)), str)
        with pytest.raises(ShapeError, match=f"^dilation is {dilation}"):
            output_shape(Layer("conv", 1, 1, 1, "same", dilation), (1, 8, 8))


def test_remedies_work():
    tried = Counter()
    functions: list[Callable] = [conv_output_size, conv_transpose_output_size, pool_output_size]

    @examples(800)
    @given(st.data())
    def cure(data: st.DataObject) -> None:
        function = data.draw(st.sampled_from(functions))
        numbers = {
            "size": data.draw(st.integers(1, 8)),
            "kernel_size": data.draw(KERNELS),
            "stride": data.draw(STRIDES),
            "padding": data.draw(st.integers(0, 9)),
            "dilation": data.draw(DILATIONS),
        }
        if function is conv_transpose_output_size:
            numbers["output_padding"] = data.draw(st.integers(0, 4))
        if function is pool_output_size:
            numbers["ceil_mode"] = data.draw(st.booleans())
        try:
            function(**numbers)
        except ShapeError as error:
            refusal = error
        else:
            return
        for name, number in re.findall(r"(?:lower|raise) (?:the )?(\w+) to (\d+)", refusal.remedy):
            field = {"kernel": "kernel_size"}.get(name, name)
            try:
                function(**numbers | {field: int(number)})
            except ShapeError as error:
                # Two faults: with the first one gone, the second one is reported.
                assert refusal.framework != error.framework
                tried[field, "next fault"] += 1
            else:
                tried[field, "works"] += 1

    cure()
    for field in ("padding", "kernel_size", "output_padding", "stride"):
        works, next_fault = tried[field, "works"], tried[field, "next fault"]
        assert works >= 20 and works > next_fault, tried


@examples(200)
@given(st.sampled_from(["conv", "conv_transpose"]).flatmap(layers))
def test_parameter_counts(setting):
    layer, (in_channels, *_) = setting
    try:
        module = torch_layer(layer, in_channels)
    except ValueError:
        assume(False)
    weights, biases = layer_parameter_count(layer, in_channels)
    assert weights + biases == sum(parameter.numel() for parameter in module.parameters())
    assert biases == (0 if module.bias is None else module.bias.numel())
    if layer.groups == 1:
        ours = conv_parameter_count(in_channels, layer.out_channels, layer.kernel_size, layer.bias)
        assert ours == weights + biases


def test_multiply_adds_are_half_the_flops():
    counted = Counter()

    @examples(150)
    @given(st.sampled_from(KINDS).flatmap(layers))
    def compare(setting: tuple[Layer, Shape]) -> None:
        layer, shape = setting
        with FlopCounterMode(display=False) as counter:
            theirs = torch_says(layer, shape)
        assume(not isinstance(theirs, str))
        assert 2 * multiply_adds(layer, shape) == counter.get_total_flops()
        counted[layer.kind] += 1

    compare()
    assert all(counted[kind] >= 10 for kind in KINDS), counted


# --- which pixel reads which ---------------------------------------------------------------------


def connections(layer: Layer, size: int) -> torch.Tensor:
    """(size, output_size): True where the output pixel reads the input pixel.

    One image per pixel of a column, all black but for this pixel, goes through the layer, whose
    weights are ones.
    """
    module = torch_layer(layer, 1)
    if not layer.is_pool:
        nn.init.ones_(module.weight)
    images = torch.eye(size)[:, None, :, None]
    with torch.no_grad():
        return module(images)[:, 0, :, 0] > 0


@st.composite
def columns(draw: st.DrawFn) -> tuple[Layer, int]:
    """A layer on one column of pixels, and its height."""
    layer, (_, size, _) = draw(st.sampled_from(KINDS).flatmap(layers))
    pairs = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
    for field, across in pairs.items():
        value = getattr(layer, field)
        if isinstance(value, tuple):
            value = value[0]
        if value is None:
            value = layer.kernel_size[0] if layer.is_pool else 1
        if not isinstance(value, str):
            layer = changed(layer, field, (value, across))
    return Layer(**{**vars(layer), "out_channels": 1, "groups": 1, "bias": False}), size


def column_axis(layer: Layer, size: int) -> Axis:
    try:
        axis, _ = axes(layer, (1, size, 1))
    except ShapeError:
        assume(False)
    return axis


def compare_connections(layer: Layer, size: int) -> None:
    axis = column_axis(layer, size)
    theirs = connections(layer, size)
    assert theirs.shape == (axis.size, axis.output_size)
    for output in range(axis.output_size):
        real = [position for position in axis.reads(output) if 0 <= position < size]
        assert real == theirs[:, output].nonzero().flatten().tolist()
    for pixel in range(size):
        assert axis.feeds(pixel) == theirs[pixel].nonzero().flatten().tolist()
    assert axis.input_coverage() == theirs.sum(1).tolist()
    assert axis.output_coverage() == theirs.sum(0).tolist()


def test_axis_knows_who_reads_whom():
    seen = Counter()

    @examples(250)
    @given(columns())
    def compare(setting: tuple[Layer, int]) -> None:
        compare_connections(*setting)
        seen[setting[0].kind] += 1

    compare()
    assert all(seen[kind] >= 15 for kind in KINDS), seen


def test_axis_knows_where_same_padding_goes():
    for kernel_size in range(1, 7):
        for dilation in range(1, 4):
            layer = Layer("conv", 1, (kernel_size, 1), 1, "same", (dilation, 1), bias=False)
            compare_connections(layer, size=9)


@examples(80)
@given(columns())
def test_coverage_is_what_ones_and_autograd_show(setting):
    layer, size = setting
    assume(not layer.is_pool)
    axis = column_axis(layer, size)
    module = torch_layer(layer, 1)
    nn.init.ones_(module.weight)
    image = torch.ones(1, 1, size, 1, requires_grad=True)
    result = module(image)
    result.sum().backward()
    assert axis.output_coverage() == result.flatten().tolist()
    assert axis.input_coverage() == image.grad.flatten().tolist()


@examples(80)
@given(columns(), st.integers(-3, 15))
def test_reads_and_feeds_are_transposes(setting, pixel):
    axis = column_axis(*setting)
    assert axis.feeds(pixel) == [
        output for output in range(axis.output_size) if pixel in axis.reads(output)
    ]
    if not axis.transposed:
        assert all(len(axis.reads(output)) == axis.kernel_size for output in range(3))


@st.composite
def stacks(draw: st.DrawFn, kinds: tuple[Kind, ...]) -> list[Layer]:
    return [
        Layer(
            draw(st.sampled_from(kinds)),
            out_channels=1,
            kernel_size=draw(one_or_pair(st.integers(1, 4))),
            stride=draw(one_or_pair(st.integers(1, 3))),
            padding=draw(one_or_pair(st.integers(0, 2))),
            dilation=draw(one_or_pair(st.integers(1, 2))),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]


def number_on(axis: int, value: int | tuple[int, int]) -> int:
    return value[axis] if isinstance(value, tuple) else value


def field_by_autograd(stack: list[Layer], axis: int, size: int = 200) -> int:
    """Widest stretch of input pixels that one output pixel has a gradient for, along one axis.

    A sum of ones stands for each window: unlike a maximum, it reads every pixel of it.
    """
    image = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    result = image
    for layer in stack:
        options = {
            name: number_on(axis, getattr(layer, name))
            for name in ("stride", "padding", "dilation")
        }
        window = torch.ones(1, 1, number_on(axis, layer.kernel_size), dtype=torch.float64)
        transposed = layer.kind == "conv_transpose"
        sum_up = nn.functional.conv_transpose1d if transposed else nn.functional.conv1d
        result = sum_up(result, window, **options)
    outputs = torch.eye(result.shape[-1], dtype=torch.float64)[:, None, None]
    (gradients,) = torch.autograd.grad(result, image, outputs, is_grads_batched=True)
    widest = 0
    for gradient in gradients[:, 0, 0]:
        seen = gradient.nonzero().flatten()
        if len(seen):
            widest = max(widest, int(seen[-1] - seen[0]) + 1)
    return widest


@examples(100)
@given(stacks(KINDS))
def test_receptive_field_is_where_the_gradient_is(stack):
    lines = max(1, np.prod([max(number_on(axis, s.stride) for axis in (0, 1)) for s in stack]))
    assume(lines <= 12)  # keeps the results short
    assert receptive_field(stack) == (field_by_autograd(stack, 0), field_by_autograd(stack, 1))


@examples(200)
@given(stacks(("conv", "max_pool", "avg_pool")))
def test_receptive_field_of_convolutions_is_the_usual_recursion(stack):
    fields = []
    for axis in (0, 1):
        field, jump = 1, 1
        for layer in stack:
            span = number_on(axis, layer.dilation) * (number_on(axis, layer.kernel_size) - 1)
            field += span * jump
            jump *= number_on(axis, layer.stride)
        fields.append(field)
    assert receptive_field(stack) == tuple(fields)


# --- Keras ---------------------------------------------------------------------------------------

PADDINGS = st.sampled_from(["same", "valid"] * 8 + ["full"])
WITHOUT_BIAS = {"use_bias": False, "kernel_initializer": "ones"}


def now_and_then_out_of_range(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[int]:
    return st.integers(0, 11).flatmap(lambda dice: OUT_OF_RANGE if dice == 0 else numbers)


def keras_says(layer: Any, sizes: tuple[int, int]) -> tuple[int, int] | str:
    """Height and width that a built Keras layer computes, or its refusal.

    An empty image counts as a refusal: pooling returns one on numbers, but when a model is built
    it raises.
    """
    try:
        result = tuple(layer(tf.ones((1, *sizes, 1))).shape[1:3])
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        return str(error)
    return result if min(result) > 0 else "empty"


def compare_with_keras(
    make: Callable[[], Any],
    sizes: list[tuple[int, int]],
    ours: Callable[[int, int], int],
    outcomes: Counter,
    quotes: bool,
) -> None:
    """Compares on every size; ``ours(axis, size)`` is our answer along one axis.

    quotes : whether a refusal of ours is to be in Keras's words, too.
    """
    try:
        layer = make()
    except ValueError as error:
        layer, refusal = None, str(error)
        sizes = [(99, 99)]  # the layer is at fault on every size
    for number, (height, width) in enumerate(sizes):
        theirs = refusal if layer is None else keras_says(layer, (height, width))
        outcomes["refused" if isinstance(theirs, str) else "accepted"] += 1
        if not isinstance(theirs, str):
            assert (ours(0, height), ours(1, width)) == theirs
            continue
        with pytest.raises(ShapeError) as caught:
            ours(0, height), ours(1, width)
        if quotes and number == 0:  # a layer that has met another image has other words
            assert quotes_framework(caught.value, theirs), theirs


IMAGE_SIZES = st.lists(st.tuples(st.integers(1, 16), st.integers(1, 16)), min_size=3, max_size=5)


def test_keras_convolutions_have_our_size_or_our_refusal():
    outcomes = Counter()

    @examples(300)
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        kernels, strides, dilations = (
            data.draw(st.tuples(numbers, numbers))
            for numbers in map(now_and_then_out_of_range, (KERNELS, STRIDES, DILATIONS))
        )
        # Else most draws would have both above 1, which Keras refuses.
        plain = data.draw(st.sampled_from(["stride", "stride", "dilation", "dilation", "neither"]))
        strides = (1, 1) if plain == "stride" else strides
        dilations = (1, 1) if plain == "dilation" else dilations
        padding = data.draw(PADDINGS)

        def make() -> Any:
            options = {"strides": strides, "padding": padding, "dilation_rate": dilations}
            return keras.layers.Conv2D(1, kernels, **options, **WITHOUT_BIAS)

        def ours(axis: int, size: int) -> int:
            stride, dilation = strides[axis], dilations[axis]
            if min(*kernels, *strides, *dilations) > 0:  # refused on different axes, too
                stride, dilation = (
                    (max(strides), max(dilations))
                    if max(strides) > 1 and max(dilations) > 1
                    else (stride, dilation)
                )
            return keras_conv_output_size(size, kernels[axis], stride, padding, dilation)

        faults = [min(numbers) < 1 for numbers in (kernels, strides, dilations)]
        faults += [padding == "full", max(strides) > 1 and max(dilations) > 1]
        compare_with_keras(make, data.draw(IMAGE_SIZES), ours, outcomes, quotes=sum(faults) <= 1)

    compare()
    assert outcomes["accepted"] >= 400 and outcomes["refused"] >= 150, outcomes


def test_keras_transposed_convolutions_have_our_size_or_our_refusal():
    outcomes = Counter()

    @examples(200)
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        kernels, strides = (
            data.draw(st.tuples(numbers, numbers))
            for numbers in map(now_and_then_out_of_range, (KERNELS, STRIDES))
        )
        padding = data.draw(PADDINGS)

        def make() -> Any:
            options = {"strides": strides, "padding": padding}
            return keras.layers.Conv2DTranspose(1, kernels, **options, **WITHOUT_BIAS)

        def ours(axis: int, size: int) -> int:
            return keras_conv_transpose_output_size(size, kernels[axis], strides[axis], padding)

        faults = [min(kernels) < 1, min(strides) < 1, padding == "full"]
        compare_with_keras(make, data.draw(IMAGE_SIZES), ours, outcomes, quotes=sum(faults) <= 1)

    compare()
    assert outcomes["accepted"] >= 300 and outcomes["refused"] >= 30, outcomes


@pytest.mark.parametrize("pool", [keras.layers.MaxPooling2D, keras.layers.AveragePooling2D])
def test_keras_pooling_has_our_size_or_our_refusal(pool):
    outcomes = Counter()

    @examples(200)
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        kernels, strides = (
            data.draw(st.tuples(numbers, numbers))
            for numbers in map(now_and_then_out_of_range, (KERNELS, STRIDES))
        )
        padding = data.draw(PADDINGS)

        def ours(axis: int, size: int) -> int:
            return keras_conv_output_size(size, kernels[axis], strides[axis], padding)

        compare_with_keras(
            lambda: pool(kernels, strides, padding=padding),
            data.draw(IMAGE_SIZES),
            ours,
            outcomes,
            quotes=False,  # pooling has other words, some of them TensorFlow's
        )

    compare()
    assert outcomes["accepted"] >= 300 and outcomes["refused"] >= 100, outcomes


def random_image(height: int, width: int) -> Any:
    values = np.random.default_rng(height * 100 + width).uniform(1, 2, (1, height, width, 1))
    return tf.constant(values, "float32")


@examples(100)
@given(st.data())
def test_same_padding_is_what_keras_adds(data):
    sizes, kernels = (data.draw(st.tuples(n, n)) for n in (st.integers(1, 16), KERNELS))
    strides, dilations = (1, 1), (1, 1)
    if data.draw(st.booleans()):
        strides = data.draw(st.tuples(STRIDES, STRIDES))
    else:
        dilations = data.draw(st.tuples(DILATIONS, DILATIONS))
    extents = [d * (k - 1) + 1 for k, d in zip(kernels, dilations, strict=True)]
    zeros = tuple(map(same_padding, sizes, extents, strides))
    weights = tf.random.stateless_uniform((*kernels, 1, 1), seed=(1, 2))
    options = {"strides": strides, "dilation_rate": dilations, "use_bias": False}
    image = random_image(*sizes)
    same = keras.layers.Conv2D(1, kernels, padding="same", **options)
    valid = keras.layers.Conv2D(1, kernels, padding="valid", **options)
    padded = keras.layers.ZeroPadding2D(zeros)(image)
    for layer, its_input in ((same, image), (valid, padded)):
        layer.build(its_input.shape)
        layer.set_weights([weights])
    np.testing.assert_allclose(same(image), valid(padded), rtol=1e-5)


@examples(60)
@given(st.data())
def test_pooling_has_the_same_same_padding(data):
    sizes, kernels = (data.draw(st.tuples(n, n)) for n in (st.integers(1, 16), KERNELS))
    strides = data.draw(st.tuples(STRIDES, STRIDES))
    zeros = tuple(map(same_padding, sizes, kernels, strides))
    image = random_image(*sizes)  # above zero, so that zeros are never the maximum
    padded = keras.layers.ZeroPadding2D(zeros)(image)
    same = keras.layers.MaxPooling2D(kernels, strides, "same")(image)
    valid = keras.layers.MaxPooling2D(kernels, strides, "valid")(padded)
    np.testing.assert_array_equal(same, valid)


@examples(100)
@given(st.data())
def test_keras_crops_transposed_convolutions_so(data):
    sizes, kernels = (data.draw(st.tuples(n, n)) for n in (st.integers(1, 8), KERNELS))
    strides = data.draw(st.tuples(STRIDES, STRIDES))
    weights = tf.random.stateless_uniform((*kernels, 1, 1), seed=(1, 2))
    image = random_image(*sizes)
    same, full = (
        keras.layers.Conv2DTranspose(1, kernels, strides, padding=padding, use_bias=False)
        for padding in ("same", "valid")
    )
    for layer in (same, full):
        layer.build(image.shape)
        layer.set_weights([weights])
    crops = tuple(map(keras_conv_transpose_crop, kernels, strides))
    cropped = keras.layers.Cropping2D(crops)(full(image))
    np.testing.assert_allclose(same(image), cropped, rtol=1e-5)


# --- values to know, and the interface -----------------------------------------------------------


def test_classic_values():
    assert conv_output_size(227, 11, 4) == 55  # AlexNet's first layer
    with pytest.raises(ShapeError):
        conv_output_size(5, 7)
    assert pool_output_size(5, 2, 3, 1, ceil_mode=True) == 2  # the textbook's formula says 3
    discriminator = [Layer("conv", channels, 4, 2, 1) for channels in (32, 64, 128)]
    shapes = trace_shapes((3, 32, 32), discriminator)
    assert shapes == [(3, 32, 32), (32, 16, 16), (64, 8, 8), (128, 4, 4)]
    fields = [receptive_field(discriminator[:depth]) for depth in range(4)]
    assert fields == [(1, 1), (4, 4), (10, 10), (22, 22)]
    generator = [vars(Layer("conv_transpose", channels, 4, 2, 1)) for channels in (64, 32, 3)]
    assert trace_shapes((128, 4, 4), generator)[1:] == [(64, 8, 8), (32, 16, 16), (3, 32, 32)]
    assert same_padding(32, 4, 2) == (1, 1)
    assert same_padding(32, 3, 2) == (0, 1)
    assert same_padding(32, 5, 2) == (1, 2)
    assert (keras_conv_transpose_crop(3, 2), keras_conv_transpose_crop(5, 2)) == ((0, 1), (1, 2))


@examples(150)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 8))
def test_solve_conv_finds_all(size, target, max_kernel_size):
    assert solve_conv(size, target, max_kernel_size) == [
        (kernel_size, stride, padding)
        for kernel_size in range(1, max_kernel_size + 1)
        for stride in range(1, size + 1)
        for padding in range(kernel_size)
        # the windows' first pixels
        if len(range(-padding, size + padding - kernel_size + 1, stride)) == target
    ]


def test_solve_conv_halves_in_eleven_ways():
    solutions = solve_conv(32, 16, 11)
    assert len(solutions) == 11
    assert {stride for _, stride, _ in solutions} == {2}
    lossless = [
        (kernel_size, padding)
        for kernel_size, stride, padding in solutions
        if (32 + 2 * padding - kernel_size) % stride == 0
    ]
    assert lossless == [(k, k // 2 - 1) for k in (2, 4, 6, 8, 10)]


@pytest.mark.parametrize("wrong", [2.0, "2", None, 1.5, (2,), float("nan")])
def test_numbers_that_are_not_whole_are_type_errors(wrong):
    calls: list[Callable] = [
        lambda: conv_output_size(8, wrong),
        lambda: conv_output_size(wrong, 3),
        lambda: conv_transpose_output_size(8, 3, 2, padding=wrong),
        lambda: pool_output_size(8, 2, padding=wrong),
        lambda: conv_parameter_count(wrong, 4, 3),
        lambda: same_padding(8, 3, wrong),
        lambda: solve_conv(8, wrong),
        lambda: keras_conv_output_size(8, wrong),
        lambda: keras_conv_transpose_output_size(8, 3, wrong),
        lambda: keras_conv_transpose_crop(wrong),
        lambda: output_shape(Layer("conv", 4, 3, dilation=(1, wrong)), (3, 8, 8)),
        lambda: output_shape(Layer("conv", 4, 3, padding="same", dilation=(1, wrong)), (3, 8, 8)),
        lambda: output_shape(Layer("conv", 4, 3, groups=wrong), (4, 8, 8)),
        lambda: output_shape(Layer("max_pool", None, 3), (wrong, 8, 8)),
        lambda: receptive_field([Layer("conv", 4, 3, (1, wrong))]),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


def test_numpy_integers_are_whole_numbers():
    assert conv_output_size(np.int64(8), np.int32(3)) == 6
    layer = Layer("conv", np.int64(4), np.int64(3), np.int64(2))
    assert all(type(number) is int for number in output_shape(layer, np.array([3, 9, 9])))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Layer("convolution", 4, 3), "kind 'convolution' is unknown"),
        (Layer("conv", 4, 3, padding="full"), "padding 'full' is unknown"),
        (Layer("conv", 4, 3, stride=0), "stride is 0"),
        (Layer("conv_transpose", 4, 3, stride=0), "stride is 0"),
        (Layer("max_pool", None, 0), "kernel_size is 0"),
        (Layer("conv", 4, (3, 3, 3)), "(3, 3, 3) has 3 numbers"),
    ],
)
def test_receptive_field_and_trace_refuse_alike(layer, reason):
    with pytest.raises(ShapeError) as caught:
        receptive_field([layer])
    assert caught.value.reason == reason
    with pytest.raises(ShapeError) as caught:
        trace_shapes((3, 8, 8), [Layer("conv", 3, 3), layer])
    assert caught.value.reason == f"layer 2: {reason}"
    assert str(caught.value) == f"layer 2: {reason}: {caught.value.remedy}."


def test_import_loads_no_framework():
    code = """
import sys, helpers, helpers.conv_shapes
print(sorted({"torch", "tensorflow", "keras", "numpy", "matplotlib"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
