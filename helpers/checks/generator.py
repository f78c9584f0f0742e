"""Checks of lesson 06, the generator, in PyTorch; those in Keras are in ``keras_generator``.

The string below each exercise is what the lesson has to tell the learner about it.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import math
import re
from collections import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.parameter import UninitializedTensorMixin
from torch.overrides import TorchFunctionMode

from helpers import conv_shapes
from helpers.checks import keras_generator
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask, case
from helpers.checks.torch_networks import (
    Passage,
    Step,
    Trace,
    changes,
    complain_of_company,
    complain_of_eval_mode,
    complain_of_learning,
    complain_of_new_layers,
    complain_of_shared_modules,
    complain_of_shared_weights,
    complain_of_statistics,
    complain_of_traces,
    keeping_state,
    kind_of,
    learnable,
    listing,
    named,
    network_of,
    state,
    tensor_of,
    watch,
)
from helpers.pytorch import generator as reference
from helpers.pytorch import losses
from helpers.pytorch.batch_norm import BatchNorm as ByHand
from helpers.pytorch.threads import one_thread

lesson = Lesson("06", "The generator")
progress = lesson.progress

Asking = abc.Generator[Question, Any, None]


# --- what the checks of the block and of the network have in common -----------------------------

# How far from 1 the scale of a new BatchNorm may be: from N(1, 0.02), and eps is felt a little.
_SCALE_WITHIN = 0.12


def _on_one_thread(probe: Callable[[Callable], Asking]) -> Callable[[Callable], Asking]:
    """Networks this small only lose by several threads, ten times the time if others compute."""

    @functools.wraps(probe)
    def probe_on_one_thread(attempt: Callable) -> Asking:
        with one_thread():
            yield from probe(attempt)

    return probe_on_one_thread


def _draw(shape: Sequence[int], seed: int) -> torch.Tensor:
    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(seed))


def _pixels(shape: Sequence[int]) -> str:
    """ "4 × 4", of a shape that ends in height and width."""
    return f"{shape[-2]} × {shape[-1]}"


@dataclass(frozen=True)
class _Between:
    """What comes between a layer and the next one.

    norm : "batch", "image" or "".
    ratio : what negative numbers are multiplied with, None where no such number exists.
    activation : then its name. late : the normalisation comes after the activation.
    before : standard deviation of what the layer puts out.
    lowest : the smallest number that arrives at the next layer.
    """

    norm: str
    ratio: float | None
    activation: str = ""
    late: bool = False
    before: float = 1.0
    lowest: float = 0.0

    @property
    def slug(self) -> str:
        """The mistake; empty for BatchNorm and ReLU in this order."""
        if self.norm == "image":
            return "instance_norm"
        if self.late:
            return "relu_first"
        activation = "another_activation"
        if self.ratio is not None:
            activation = "leaky_relu" if abs(self.ratio) > 0.002 else ""
            activation = "no_relu" if abs(self.ratio - 1) < 0.002 else activation
        if self.norm:
            return activation
        return {
            "": "no_norm",
            "no_relu": "bare",
            "leaky_relu": "no_norm_and_leaky_relu",
            "another_activation": "no_norm_and_another_activation",
        }[activation]

    def words(self, places: str, deviations: str) -> str:
        """What was seen, to follow "Your generator:". deviations : what comes out of the places."""
        not_normalised = (
            f"does not normalise after {places}, where the numbers have standard deviation "
            f"{deviations}"
        )
        ratio = f"{self.ratio or 0:.2f}"
        late = f"numbers down to {self.lowest:.2f} arrive at what comes next. After ReLU none is "
        late += "below 0."
        if self.lowest >= 0:
            late = (
                "5 more for each number changes what comes next. BatchNorm alone takes that away."
            )
        return {
            "": "",
            "instance_norm": f"normalises each image by itself after {places}.",
            "relu_first": f"has the activation before BatchNorm after {places}: {late}",
            "no_relu": f"passes on {ratio} of each negative number after {places}; ReLU passes on "
            "0.00.",
            "leaky_relu": f"passes on {ratio} of each negative number after {places}; ReLU passes "
            "on 0.00.",
            "another_activation": f"has {self.activation} after {places}.",
            "no_norm": f"{not_normalised}; ReLU is there.",
            "bare": f"{not_normalised}, and passes on {ratio} of each negative one; ReLU passes on "
            "0.00.",
            "no_norm_and_leaky_relu": f"{not_normalised}, and passes on {ratio} of each negative "
            "one; ReLU passes on 0.00.",
            "no_norm_and_another_activation": f"{not_normalised}, and has {self.activation} there.",
        }[self.slug]


def _make_norms_new(network: nn.Module) -> None:
    """Scale 1 and shift 0, whatever the first weights: they are another exercise's matter.

    Only PyTorch's own layers, and only for what is measured to be near 1 and 0; nothing is judged
    by what kind of layer it is. Raises Complaint if nothing can be learnt with the first ones.
    """
    lazy = {
        type(module).__name__
        for module in network.modules()
        for each in itertools.chain(module.parameters(False), module.buffers(False))
        if isinstance(each, UninitializedTensorMixin)
    }
    if lazy:
        raise Complaint(
            f"comes from layers without weights so far: {listing(sorted(lazy))}.", "lazy"
        )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            if module.weight is not None and not module.weight.any():
                raise Complaint(
                    f"cannot be learnt: the {module.num_features} scales (`weight`) of a BatchNorm "
                    "begin as 0.",
                    "dead",
                )
            module.reset_parameters()


def _arranged(numbers: torch.Tensor, shape: Sequence[int]) -> Iterator[torch.Tensor]:
    """The numbers of each image in another shape, in every order that its axes can have."""
    if tuple(numbers.shape) == tuple(shape):
        yield numbers
    elif numbers.numel() == torch.Size(shape).numel() and len(numbers) == shape[0]:
        for order in itertools.permutations(range(1, len(shape))):
            mixed = numbers.reshape(shape[0], *[shape[axis] for axis in order])
            yield mixed.permute(0, *[1 + order.index(axis) for axis in range(1, len(shape))])


def _slopes(
    x: torch.Tensor, y: torch.Tensor, axes: Sequence[int], near: float
) -> tuple[torch.Tensor, float] | None:
    """(scale, ratio) where y is scale * x above 0 and ratio times that below; else None."""
    above, below = x.clamp(min=0), x.clamp(max=0)
    scale = (y * above).sum(axes, keepdim=True) / above.square().sum(axes, keepdim=True)
    scale = torch.where(scale.isfinite(), scale, 1.0)
    ratio = float((y * below).sum() / (scale * below.square()).sum().clamp(min=1e-12))
    straight = scale * (above + ratio * below)
    if (y - straight).abs().max() > near * y.abs().max():
        return None
    return scale, ratio


def _normalised(x: torch.Tensor) -> torch.Tensor:
    return F.batch_norm(x, None, None, training=True)


def _normalised_per_feature(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()


_OTHER_ACTIVATIONS = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "ELU": F.elu,
    "SELU": F.selu,
    "GELU": F.gelu,
    "SiLU": F.silu,
    "softplus": F.softplus,
}


def _between_by_numbers(before: torch.Tensor, after: torch.Tensor) -> _Between | None:
    """What was done in train mode to a batch, if it is one of the usual things."""
    deviation, lowest = float(before.std()), float(after.min())
    if before.ndim == 3 and len(before) == 1:  # a product of batches, as torch.einsum makes it
        before = before[0]
    if before.ndim == 2 and len(before) != len(after):  # weight @ z.T
        before = before.T
    if after.ndim != 4:
        return None
    channel, feature = (0, 2, 3), (0,)
    norms = [("batch", _normalised, channel), ("image", F.instance_norm, channel)]
    if before.ndim < 4 or before.shape[2:] == (1, 1):
        norms.append(("batch", _normalised_per_feature, feature))
    for x in _arranged(before, after.shape):
        found = _slopes(x, after, (0, 1, 2, 3), 1e-4)
        if found and abs(float(found[0]) - 1) < 1e-3:
            return _Between("", found[1], before=deviation)
        for name, norm, axes in norms:
            found = _slopes(norm(x), after, axes, 0.02)
            if found and (found[0] - 1).abs().max() < _SCALE_WITHIN:
                return _Between(name, found[1])
        for name, norm, _ in norms:
            for activation, function in _OTHER_ACTIVATIONS.items():
                if (function(norm(x)) - after).abs().max() < 0.05 * after.abs().max():
                    return _Between(name, None, activation)
        for activation, function in _OTHER_ACTIVATIONS.items():
            if torch.allclose(function(x), after, 1e-3, 1e-3):
                return _Between("", None, activation, before=deviation)
        for activation in (F.relu, functools.partial(F.leaky_relu, negative_slope=0.2)):
            found = _slopes(_normalised(activation(x)), after, channel, 0.02)
            if found and abs(found[1] - 1) < 0.02:
                return _Between("batch", 0.0, late=True, lowest=lowest)
    return None


def _between_by_feeding(passage: Passage, after: torch.Tensor) -> _Between:
    """The same, from what is made of other numbers in place of the layer's."""
    before = passage.source.output
    seen, norm = passage.activation(), passage.normalisation()
    name = str(seen) if seen.elementwise else "something that makes a number of several others"
    ratio = seen.ratio
    if norm.over == "batch" and ratio is not None and abs(ratio) < 0.002 and bool(after.all()):
        ratio = None
        name = "something else than ReLU (which makes half of the numbers 0, here none)"
    return _Between(
        norm.over,
        ratio,
        name,
        late=norm.over == "batch" and not norm.before,
        before=float(before.std()),
        lowest=float(after.min()),
    )


def _between(
    network: nn.Module,
    inputs: torch.Tensor,
    step: Step,
    target: Step | None,
    after: torch.Tensor,
) -> _Between:
    """What comes between a step and the next, of whose input ``after`` are the numbers."""
    seen = _between_by_numbers(step.output, after.detach())
    return seen or _between_by_feeding(Passage(network, inputs, step, target), after.detach())


def _unstuffed(step: Step, size: Sequence[int]) -> Step:
    """A convolution over zero-stuffed maps as the transposed convolution that it is.

    size : height and width before the zeros were put between.
    """
    x = step.inputs
    if step.kind != "convolution" or set(step.stride) != {1} or x.ndim != 4:
        return step
    for top, left in itertools.product(range(2), repeat=2):
        kept, rest = x[:, :, top::2, left::2], x.clone()
        rest[:, :, top::2, left::2] = 0
        spare = [kept.shape[axis + 2] - size[axis] for axis in range(2)]
        if not rest.any() and kept.any() and min(spare) >= 0:
            rows, columns = (slice(s // 2, s // 2 + n) for s, n in zip(spare, size, strict=True))
            kept = kept[:, :, rows, columns]
            return dataclasses.replace(step, kind="transposed convolution", inputs=kept)
    return step


def _complain_of_noise(network: nn.Module, inputs: torch.Tensor, trace: Trace) -> None:
    again = watch(network, inputs, seed=1).output.detach()
    difference = float((again - trace.output.detach()).abs().max())
    if difference > 1e-5 * (1 + float(again.abs().max())):
        raise Complaint(
            f"two calls with the same input differ by up to {difference:.2g}.",
            "noise",
        )


def _complain_of_parameters(network: nn.Module, inputs: torch.Tensor, trace: Trace) -> None:
    """Weights that are not learnt, not known to the network, or in two places."""
    reached = {id(each) for each in learnable(trace.output)}
    if reached != {id(each) for each in network.parameters()}:
        complain_of_learning(network, inputs)
    named("shared", complain_of_shared_weights, network, trace)
    named("shared", complain_of_shared_modules, network, inputs)


def _complain_of_seeds(network: nn.Module, inputs: torch.Tensor) -> None:
    """After a seed is set in forward, the random numbers no longer depend on those before."""
    after = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]), keeping_state(network), torch.no_grad():
            torch.default_generator.manual_seed(seed)
            network(inputs.clone())
            after.append(torch.random.get_rng_state())
    if torch.equal(*after):
        raise Complaint(
            "sets the seed in forward, so that whatever is drawn after it is the same each time, "
            "the next batch of z too. Leave out `torch.manual_seed`."
        )


def _complain_of_first_weights(steps: Sequence[Step]) -> None:
    """Those of the last layer may be 0: it learns all the same."""
    for step in steps:
        if step.weight.numel() > 1 and not step.weight.detach().diff(dim=0).any():
            number = float(step.weight.flatten()[0])
            if (step.weight == number).all():
                raise Complaint(f"has weights that all begin as {number:g} in {step.name}.", "dead")


def _complain_of_gaps(steps: Sequence[Step]) -> None:
    for step in steps:
        if step.output.ndim != 4:
            continue
        if step.groups > 1:
            raise Complaint(
                f"divides the channels of {step.name} into {step.groups} groups that do not see "
                "each other. Leave out `groups`."
            )
        bias = 0 if step.bias is None else step.bias.detach().reshape(1, -1, 1, 1)
        gaps = float((step.output == bias).all(1).all(0).float().mean())
        if step.kind == "transposed convolution" and 0.4 < gaps < 1:
            raise Complaint(
                f"makes maps by {step.name} that are 0 at {100 * gaps:.0f} % of the pixels, "
                "whatever it learns.",
                "kernel_too_small",
            )


def _complain_of_what_large_numbers_become(
    network: nn.Module, inputs: torch.Tensor, trace: Trace
) -> None:
    """With scales ten times as large, ReLU still cuts off at 0 and nowhere else."""
    used = {
        each.untyped_storage()._cdata
        for step in trace.steps
        for each in (step.weight, step.bias)
        if each is not None
    }
    with keeping_state(network):
        with torch.no_grad():
            for each in network.parameters():
                if each.untyped_storage()._cdata not in used:
                    each.copy_(torch.where(each == 0, 0.3, 10 * each))
        moved = watch(network, inputs)
    ends = [step.inputs for step in moved.steps[1:]]
    if len(trace.steps) == 1:  # a block
        ends.append(moved.output.detach())
    for step, end in zip(trace.steps, ends, strict=False):
        largest, lowest = float(end.max()), float(end.min())
        if largest > 0 and (end > 0.999 * largest).float().mean() > 0.01:
            raise Complaint(
                f"has no number above {largest:.2f} after {step.name}, however large the scales of "
                "BatchNorm are. ReLU cuts off at 0 alone.",
                "another_activation",
            )
        if lowest < 0:
            raise Complaint(
                f"learns after {step.name} what it passes on of a negative number, as nn.PReLU "
                "does; ReLU passes on 0.00.",
                "another_activation",
            )


class _FunctionalNorms(TorchFunctionMode):
    """Notes whether F.batch_norm is told to take its running statistics."""

    told = False

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is F.batch_norm:
            self.told |= not (args[5] if len(args) > 5 else kwargs.get("training", False))
        return func(*args, **kwargs)


def _on_functional_norms(network: nn.Module, inputs: torch.Tensor) -> str:
    """What to add where nothing is normalised in train mode."""
    with keeping_state(network), torch.no_grad(), _FunctionalNorms() as norms:
        network(inputs.clone())
    if not norms.told:
        return ""
    return (
        " F.batch_norm is called with training=False there, which it is if told nothing: "
        "`training=self.training`."
    )


def _complain_of_norms_in_a_row(network: nn.Module, inputs: torch.Tensor, layers: int) -> None:
    """layers : how many of them a BatchNorm follows."""
    calls: list[nn.Module] = []
    norms = [
        each for each in network.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)
    ]
    handles = [each.register_forward_hook(lambda *given: calls.append(given[0])) for each in norms]
    try:
        with keeping_state(network), torch.no_grad():
            network(inputs.clone())
    finally:
        for handle in handles:
            handle.remove()
    if len(calls) > layers:
        raise Complaint(
            f"normalises {len(calls)} times after {layers} layer{'s' if layers > 1 else ''}.",
            "norm_twice",
        )


def _complain_of_norms_without_parameters(
    network: nn.Module, steps: Sequence[Step], channels: int
) -> None:
    """channels : how many need a scale and a shift."""
    used = sum(step.weight.numel() for step in steps)
    used += sum(step.bias.numel() for step in steps if step.bias is not None)
    rest = sum(each.numel() for each in network.parameters()) - used
    if rest < 2 * channels:
        raise Complaint(
            f"learns {rest} numbers besides the layers' weights. A scale and a shift for each of "
            f"{channels} normalised channels make {2 * channels}.",
            "not_affine",
        )


def _complain_of_eval(network: nn.Module, inputs: torch.Tensor) -> None:
    """Eval mode: the same for one alone, without traces, and by statistics that have moved."""
    with keeping_state(network), torch.no_grad():
        network.eval()
        before = state(network)
        together = network(inputs.clone())
        try:
            alone = network(inputs[:1].clone())
        except Exception as error:
            raise Complaint(
                f"in eval mode fails with one alone: {type(error).__name__}: {error}",
                "batch_statistics",
            ) from None
        left = changes(before, network)
        network.train()
        network(3 * inputs + 1)
        network.eval()
        later = network(inputs[:1].clone())
    if alone.shape != together[:1].shape:
        raise Complaint(
            f"makes shape {tuple(alone.shape)} of a batch of one, should be "
            f"{tuple(together[:1].shape)}. Is there a `.squeeze()`? It drops the batch axis too, "
            "where that is 1."
        )
    near = 1e-3 * (1e-3 + float(together.abs().max()))
    if left or (together[:1] - alone).abs().max() > near:
        named("batch_statistics", complain_of_company, network, inputs[:3])
        named("batch_statistics", complain_of_traces, network, inputs[:3])
    if torch.allclose(alone, later, 1e-3, 1e-6):
        named("statistics_stand_still", complain_of_statistics, network, inputs)


# What both banks say of the same mistakes.
_NOT_NORMALISED = "nn.BatchNorm2d comes between the transposed convolution and ReLU"
_SAID = {
    "leaky_relu": "LeakyReLU is for the discriminator; the generator's hidden layers have nn.ReLU.",
    "another_activation": "The hidden layers of the generator have nn.ReLU.",
    "relu_first": "The order is transposed convolution, BatchNorm, ReLU.",
    "instance_norm": "Take nn.BatchNorm2d, whose statistics run over the batch as well.",
    "not_affine": "Leave out `affine=False`: the shift takes the place of the bias.",
    "noise": "Leave out dropout and random numbers; the only chance in a GAN's generator is z.",
    "layers_in_a_list": "Layers in a Python list or dict are not registered: use nn.ModuleList or "
    "nn.Sequential, or an attribute for each.",
    "layers_made_in_forward": "Make the layers in __init__ and only call them in forward.",
    "frozen": "Leave requires_grad as it is.",
    "detached": "Is there a `.detach()`, `.data` or `torch.no_grad()` in forward?",
    "unused_layer": "Leave that layer out, or call it in forward.",
    "left_in_eval_mode": "Leave out `.eval()`: BatchNorm would never learn its running statistics.",
    "batch_statistics": "BatchNorm has to use its running statistics in eval mode: leave "
    "`track_running_stats` alone; with F.batch_norm, hand over buffers and "
    "`training=self.training`.",
    "lazy": "A lazy layer has no weights before its first call, so they can be neither counted nor "
    "initialised. Take the layer without Lazy and give it the size of its input.",
    "dead": "Then nothing can be learnt there, or all channels learn the same. Leave the first "
    "weights as PyTorch makes them, or draw them at random.",
    "kernel_too_small": "With stride 2 a kernel of 1 (or one with dilation) reaches one pixel of "
    "four: kernel 4, stride 2, padding 1 reaches all of them.",
    "norm_twice": "One BatchNorm after each layer is enough: the next one takes the first one's "
    "scale and shift away.",
    "statistics_stand_still": "Leave BatchNorm's momentum as it is, and let `.train()` reach it.",
}


def _said(**wrong: Callable) -> dict[str, Mistake]:
    return {slug: Mistake(_SAID[slug], answer) for slug, answer in wrong.items()}


# --- deconv_block -----------------------------------------------------------------------------

_MAPS = _draw((6, 3, 3, 5), 1) * 1.5 + 0.5


@_on_one_thread
def _deconv_probe(attempt: Callable) -> Asking:
    block = yield ask("deconv_block(3, 5)", lambda: network_of(attempt(3, 5)), compare=False)
    trace = yield ask(
        "The output of deconv_block(3, 5) for maps of shape (6, 3, 3, 5)",
        lambda: _run_of_a_block(block),
        compare=False,
    )
    yield ask("Your block:", lambda: _complain_of_block(block, trace))
    other = yield ask("deconv_block(4, 6)", lambda: network_of(attempt(4, 6)), compare=False)
    yield ask("It", lambda: _complain_of_gaps(watch(other, _draw((2, 4, 3, 3), 9)).steps))


def _run_of_a_block(block: nn.Module) -> Trace:
    _make_norms_new(block)
    try:
        trace = watch(block, _MAPS)
    except RuntimeError:
        swapped = _output_or_none(block, _MAPS[:, :1].expand(-1, 5, -1, -1))
        if swapped is not None and swapped.shape[1] == 3:
            raise Complaint(
                "cannot be computed: it takes 5 channels and puts out 3.", "channels_swapped"
            ) from None
        raise
    y = tensor_of(trace.output)
    if tuple(y.shape) == (6, 5, 6, 10):
        return trace
    told = f"has shape {tuple(y.shape)}, should be (6, 5, 6, 10)."
    slug = ""
    if y.ndim == 4 and len(y) == 6 and y.shape[1] == 5:
        told = f"has maps of {_pixels(y.shape)}. Of 3 × 5 it should make 6 × 10."
        slug = "wrong_size"
        if any(step.kind == "convolution" and 2 in step.stride for step in trace.steps):
            slug = "convolution"
        elif tuple(y.shape[2:]) in ((2, 4), (3, 5), (4, 6)):
            slug = "no_stride"
    raise Complaint(told, slug)


def _output_or_none(network: nn.Module, inputs: torch.Tensor) -> torch.Tensor | None:
    """What the network makes of other inputs than it was given, None where it fails."""
    try:
        with keeping_state(network):
            output = network(inputs.clone())
    except Exception:
        return None
    return output if isinstance(output, torch.Tensor) else None


def _complain_of_block(block: nn.Module, trace: Trace) -> None:
    named("left_in_eval_mode", complain_of_eval_mode, block)
    if not trace.steps:
        raise Complaint("uses no weights of its own. It needs an nn.ConvTranspose2d.")
    step, y = _unstuffed(trace.steps[0], (3, 5)), trace.output.detach()
    if tuple(step.inputs.shape[2:]) != (3, 5):
        raise Complaint(
            f"makes {_pixels(step.inputs.shape)} of 3 × 5 without weights, and convolves that.",
            "upsampling",
        )
    if len(trace.steps) > 1:
        names = listing([each.name for each in trace.steps])
        raise Complaint(f"has {len(trace.steps)} layers with weights, {names}.", "two_convolutions")
    if step.kind != "transposed convolution":
        raise Complaint(
            f"convolves the maps of 3 × 5, and makes {_pixels(y.shape)} of the {step.width} maps "
            "after that, without weights.",
            "pixel_shuffle",
        )
    if not torch.allclose(step.inputs, _MAPS, 1e-4, 1e-4):
        raise Complaint("changes the maps before the transposed convolution.", "convolution_last")
    _complain_of_first_weights([step])
    _complain_of_gaps([step])
    _complain_of_parameters(block, _MAPS, trace)
    _complain_of_noise(block, _MAPS, trace)
    _complain_of_seeds(block, _MAPS)
    seen = _between(block, _MAPS, trace.steps[0], None, y)
    if seen.slug:
        deviation = f"{seen.before:.2g}"
        more = _on_functional_norms(block, _MAPS) if not seen.norm else ""
        raise Complaint(seen.words("the transposed convolution", deviation) + more, seen.slug)
    if step.bias is not None:
        raise Complaint(f"has {step.bias.numel()} biases in its transposed convolution.", "bias")
    _complain_of_norms_without_parameters(block, trace.steps, 5)
    _complain_of_what_large_numbers_become(block, _MAPS, trace)
    _complain_of_norms_in_a_row(block, _MAPS, 1)
    _complain_of_eval(block, _MAPS)


def _block(
    *,
    convolution: Callable = lambda a, b: [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)],
    norm: Callable = lambda b: [nn.BatchNorm2d(b)],
    activation: Callable = lambda: [nn.ReLU()],
    order: Callable = lambda *parts: itertools.chain(*parts),
    change: Callable = lambda block: block,
) -> Callable:
    """A block that differs from the reference's in some part."""

    def deconv_block(in_channels, out_channels):
        parts = convolution(in_channels, out_channels), norm(out_channels), activation()
        block = nn.Sequential(*order(*parts))
        return change(block) or block

    return deconv_block


def _scales_of_0(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.weight)


def _transposed(*settings: Any, **options: Any) -> Callable:
    return lambda a, b: [nn.ConvTranspose2d(a, b, *settings, bias=False, **options)]


class _ListedBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.layers = list(reference.deconv_block(in_channels, out_channels))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class _BlockMadeAnew(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels

    def forward(self, x):
        return reference.deconv_block(self.in_channels, self.out_channels)(x)


class _FunctionalBlock(nn.Module):
    """The layers as attributes, ReLU as a function."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(out_channels)
        self.deconv = nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1, bias=False)

    def forward(self, x):
        return F.relu(self.norm(self.deconv(x)), inplace=True)


class _StuffedBlock(nn.Module):
    """A transposed convolution written as what it is: zeros in between, then a convolution."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 4, 4) * 0.1)
        self.norm = ByHand(out_channels)

    def forward(self, x):
        n, c, h, w = x.shape
        stuffed = x.new_zeros(n, c, 2 * h - 1, 2 * w - 1)
        stuffed[:, :, ::2, ::2] = x
        return self.norm(F.conv2d(stuffed, self.weight, padding=2)).clamp(min=0)


def _lazy_block(in_channels, out_channels):
    layers = nn.Sequential()
    layers.append(nn.LazyConvTranspose2d(out_channels, (4, 4), (2, 2), (1, 1), bias=False))
    layers.append(nn.LazyBatchNorm2d())
    layers.append(nn.ReLU())
    return layers


deconv_block: Exercise = lesson.exercise(
    reference.deconv_block,
    probe=_deconv_probe,
    names_mistakes=True,
    mistakes={
        "convolution": Mistake(
            "nn.Conv2d with stride 2 halves. nn.ConvTranspose2d with the same numbers, "
            "(in_channels, out_channels, 4, stride=2, padding=1), doubles.",
            _block(convolution=lambda a, b: [nn.Conv2d(a, b, 4, 2, 1, bias=False)]),
        ),
        "channels_swapped": Mistake(
            "nn.ConvTranspose2d takes in_channels first, then out_channels, like nn.Conv2d.",
            lambda in_channels, out_channels: reference.deconv_block(out_channels, in_channels),
        ),
        "wrong_size": Mistake(
            "A transposed convolution makes (n - 1) * stride - 2 * padding + kernel_size + "
            "output_padding of n. Kernel 4, stride 2, padding 1 gives 2 * n.",
            _block(convolution=_transposed(3, 2, 1)),
        ),
        "no_stride": Mistake(
            "Without `stride=2` there are no zeros between the pixels, so nothing doubles.",
            _block(convolution=_transposed(4, 1, 1)),
        ),
        "upsampling": Mistake(
            "A good way too, without checkerboards, but not a fractionally strided convolution, "
            "whose weights learn how to enlarge: nn.ConvTranspose2d(in_channels, out_channels, 4, "
            "stride=2, padding=1).",
            _block(
                convolution=lambda a, b: [
                    nn.Upsample(scale_factor=2),
                    nn.Conv2d(a, b, 3, padding=1, bias=False),
                ]
            ),
        ),
        "pixel_shuffle": Mistake(
            "A good way too, but not a fractionally strided convolution: nn.ConvTranspose2d("
            "in_channels, out_channels, 4, stride=2, padding=1).",
            _block(
                convolution=lambda a, b: [
                    nn.Conv2d(a, 4 * b, 3, padding=1, bias=False),
                    nn.PixelShuffle(2),
                ]
            ),
        ),
        "two_convolutions": Mistake(
            "A block has one, the transposed convolution.",
            _block(
                convolution=lambda a, b: [
                    nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False),
                    nn.Conv2d(b, b, 3, padding=1, bias=False),
                ]
            ),
        ),
        "convolution_last": Mistake(
            "The transposed convolution comes first, then BatchNorm, then ReLU.",
            lambda in_channels, out_channels: nn.Sequential(
                nn.BatchNorm2d(in_channels),
                nn.ReLU(),
                nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1, bias=False),
            ),
        ),
        "bias": Mistake(
            "BatchNorm subtracts them again, as part of the mean: `bias=False`.",
            _block(convolution=lambda a, b: [nn.ConvTranspose2d(a, b, 4, 2, 1)]),
        ),
        "no_norm": Mistake(
            f"{_NOT_NORMALISED}.",
            _block(norm=lambda b: []),
        ),
        "no_relu": Mistake(
            "nn.ReLU comes last in the block.",
            _block(activation=lambda: []),
        ),
        "bare": Mistake(
            f"{_NOT_NORMALISED}, which comes last.",
            _block(norm=lambda b: [], activation=lambda: []),
        ),
        "no_norm_and_leaky_relu": Mistake(
            f"{_NOT_NORMALISED}; LeakyReLU is for the discriminator.",
            _block(norm=lambda b: [], activation=lambda: [nn.LeakyReLU(0.2)]),
        ),
        "no_norm_and_another_activation": Mistake(
            f"{_NOT_NORMALISED}.",
            _block(norm=lambda b: [], activation=lambda: [nn.Tanh()]),
        ),
    }
    | _said(
        leaky_relu=_block(activation=lambda: [nn.LeakyReLU(0.2)]),
        another_activation=_block(activation=lambda: [nn.Tanh()]),
        relu_first=_block(order=lambda c, n, a: [*c, *a, *n]),
        instance_norm=_block(norm=lambda b: [nn.InstanceNorm2d(b, affine=True)]),
        lazy=_lazy_block,
        dead=_block(change=_scales_of_0),
        kernel_too_small=_block(convolution=_transposed(1, 2, 0, output_padding=1)),
        norm_twice=_block(norm=lambda b: [nn.BatchNorm2d(b), nn.BatchNorm2d(b)]),
        not_affine=_block(norm=lambda b: [nn.BatchNorm2d(b, affine=False)]),
        noise=_block(activation=lambda: [nn.ReLU(), nn.Dropout(0.3)]),
        layers_in_a_list=_ListedBlock,
        layers_made_in_forward=_BlockMadeAnew,
        frozen=_block(change=lambda block: block.requires_grad_(False)),
        left_in_eval_mode=_block(change=lambda block: block.eval()),
        batch_statistics=_block(norm=lambda b: [nn.BatchNorm2d(b, track_running_stats=False)]),
        statistics_stand_still=_block(norm=lambda b: [nn.BatchNorm2d(b, momentum=0.0)]),
    ),
    hints=[
        "Which layer of PyTorch is a convolution with stride 1/2? Which kernel, stride and padding "
        "make 2n of n: (n - 1) * stride - 2 * padding + kernel_size? And what becomes of a bias "
        "when BatchNorm follows?",
        "`nn.Sequential` of `nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, "
        "padding=1, bias=False)`, `nn.BatchNorm2d(out_channels)` and `nn.ReLU()`.",
    ],
    right=[
        _FunctionalBlock,
        _StuffedBlock,
        _block(convolution=_transposed(5, 2, 2, output_padding=1)),
        _block(activation=lambda: [nn.ReLU(inplace=True)]),
        _block(norm=lambda b: [ByHand(b)], activation=lambda: [nn.LeakyReLU(0.0)]),
        _block(
            change=lambda block: nn.ModuleDict({"all": block})["all"].apply(reference.init_weights)
        ),
    ],
    returns="a network",
    difficulty=1,
    minutes=5,
    seconds=5.0,
)
"""deconv_block(in_channels, out_channels) returns a network, an nn.Module, that makes maps
(N, out_channels, 2H, 2W) of maps (N, in_channels, H, W), whatever N, H and W.

In this order: transposed convolution with stride 2 and without bias, kernel 4 and padding 1 (or
another kernel that doubles exactly, such as the paper's 5 with padding 2 and output_padding 1);
batch normalisation; ReLU. No upsampling layer. It comes in train mode.

Not a lazy layer (nn.LazyConvTranspose2d), whose weights can be neither counted nor initialised.
"""


# --- Generator --------------------------------------------------------------------------------

_LATENT, _CONV = 12, 4
_Z, _OTHER_Z = _draw((8, _LATENT), 2), _draw((8, _LATENT), 3)


@_on_one_thread
def _generator_probe(attempt: Callable) -> Asking:
    def make(**arguments: int) -> nn.Module:
        if isinstance(attempt, nn.Module):
            raise Complaint("cannot be made from a network: pass the class, without calling it.")
        return network_of(attempt(**arguments))

    made = f"Generator(latent_dim={_LATENT}, conv_dim={_CONV})"
    network = yield ask(
        made, functools.partial(make, latent_dim=_LATENT, conv_dim=_CONV), compare=False
    )
    trace = yield ask(
        f"The output of {made} for z of shape (8, {_LATENT})",
        lambda: _run_of_a_generator(network, _Z),
        compare=False,
    )
    yield ask("Your generator:", lambda: _complain_of_generator(network, trace))
    made = "Generator(latent_dim=5, conv_dim=6)"
    other = yield ask(made, functools.partial(make, latent_dim=5, conv_dim=6), compare=False)
    wider = yield ask(
        f"The output of {made} for z of shape (8, 5)",
        lambda: _run_of_a_generator(other, _draw((8, 5), 4)),
        compare=False,
    )
    yield ask("The width of the layers", lambda: _complain_of_widths(trace, wider))
    usual = yield ask("Generator()", make, compare=False)
    yield ask("Generator() with its defaults", lambda: _complain_of_defaults(usual))


def _run_of_a_generator(network: nn.Module, z: torch.Tensor) -> Trace:
    """What it does with z. Raises Complaint unless it makes images of the right shape."""
    _make_norms_new(network)
    try:
        trace = watch(network, z)
    except NotImplementedError:
        raise
    except Exception as error:
        _complain_of_failure(network, z, error)
        raise
    y = tensor_of(trace.output)
    shape = tuple(y.shape)
    if shape == (8, 3, 32, 32):
        return trace
    told = f"has shape {shape}, should be (8, 3, 32, 32)."
    if shape == (8, 32, 32, 3):
        raise Complaint(told, "channels_last_images")
    if shape == (8, 3 * 32 * 32):
        raise Complaint(told, "flat_images")
    if len(shape) != 4:
        raise Complaint(told)
    if shape[0] != 8:
        raise Complaint(
            f"has shape {shape}: of 8 vectors it makes {shape[0]} images.", "batch_size"
        )
    if shape[2:] == (32, 32):
        raise Complaint(told, "colours")
    sizes = [_pixels(step.output.shape) for step in trace.steps if step.output.ndim == 4]
    raise Complaint(
        f"has images of {_pixels(shape)}, should be 32 × 32. The layers make {listing(sizes)}.",
        {64: "one_block_too_many", 16: "one_block_too_few"}.get(shape[2], "wrong_size"),
    )


def _complain_of_failure(network: nn.Module, z: torch.Tensor, error: Exception) -> None:
    """Find out what the network would have taken."""
    count, latent_dim = z.shape
    if _output_or_none(network, z[:, :, None, None]) is not None:
        raise Complaint(
            f"cannot be computed. It wants z of shape {(count, latent_dim, 1, 1)}.", "z_of_pixels"
        ) from None
    for batch in (64, 128, 32, 16, 1):
        if _output_or_none(network, _draw((batch, latent_dim), 5)) is not None:
            raise Complaint(
                f"cannot be computed: only z with {batch} vectors will do.", "batch_size_fixed"
            ) from None
    for wanted in (100, 128, 64, 10):
        if _output_or_none(network, _draw((count, wanted), 5)) is not None:
            raise Complaint(
                f"cannot be computed. It wants vectors of {wanted} numbers, latent_dim is "
                f"{latent_dim}.",
                "latent_dim_fixed",
            ) from None
    found = re.search(r"expected input\[(\d+), 4, 4, (\d+)\] to have", str(error))
    if found:
        n, channels = found.groups()
        raise Complaint(
            f"cannot be computed: a transposed convolution gets maps of shape ({n}, 4, 4, "
            f"{channels}).",
            "channels_last",
        ) from None


def _complain_of_generator(network: nn.Module, trace: Trace) -> None:
    named("left_in_eval_mode", complain_of_eval_mode, network)
    _complain_of_first_weights(trace.steps[:-1])
    other = watch(network, _OTHER_Z)
    if torch.equal(other.output, trace.output):
        raise Complaint("makes the same images of two different z.", "z_ignored")
    if not {id(each) for each in learnable(other.output)} >= {
        id(each) for each in learnable(trace.output)
    }:
        named("layers_made_in_forward", complain_of_new_layers, network, _Z)
    _complain_of_noise(network, _Z, trace)
    _complain_of_seeds(network, _Z)
    steps = _complain_of_path(trace)
    _complain_of_parameters(network, _Z, trace)
    _complain_of_start_and_width(steps)
    _complain_of_gaps(steps)
    _complain_of_leaps(steps)
    _complain_of_what_is_between(network, trace, steps)
    _complain_of_biases(steps)
    _complain_of_norms_without_parameters(
        network, steps, sum(step.inputs.shape[1] for step in steps[1:])
    )
    _complain_of_what_large_numbers_become(network, _Z, trace)
    _complain_of_the_end(network, trace, steps[-1])
    _complain_of_norms_in_a_row(network, _Z, len(steps) - 1)
    _complain_of_eval(network, _Z)
    _complain_of_unused_numbers(network)


def _complain_of_path(trace: Trace) -> list[Step]:
    """The layers from z to the images. Raises Complaint unless one leads to the next."""
    steps = trace.steps
    if not steps and learnable(trace.output):
        raise Complaint("takes z out of PyTorch on the way to its layers. Leave out NumPy.")
    if not steps:
        raise Complaint("uses no weights of its own on z.")
    first_weight = steps[0].weight.untyped_storage()._cdata
    if sum(step.weight.untyped_storage()._cdata == first_weight for step in steps) == len(_Z):
        raise Complaint(
            f"calls its first layer {len(_Z)} times, once for each vector. Hand it the whole "
            "batch, over which BatchNorm takes its statistics."
        )
    for number, step in enumerate(steps):
        if step.sources != {number - 1}:
            raise Complaint(
                f"has a shortcut: {step.name} gets more than what the layer before puts out. DCGAN "
                "has none, each layer follows the one before."
            )
    first, rest = steps[0], steps[1:]
    if first.inputs.numel() != _Z.numel() or not torch.allclose(
        first.inputs.flatten().sort().values, _Z.flatten().sort().values, 1e-4, 1e-4
    ):
        raise Complaint("changes z before the first layer.", "z_changed")
    if steps[-1].kind == "dense layer":
        raise Complaint(f"ends in a dense layer. Its layers are {_names(steps)}.", "dense_alone")
    if any(step.kind == "dense layer" for step in rest):
        raise Complaint(
            f"has a dense layer in between. Its layers are {_names(steps)}.", "hidden_dense"
        )
    straight = [first]
    ends = [*[step.inputs for step in rest], trace.output.detach()]
    for number, (step, end) in enumerate(zip(list(steps), ends, strict=True)):
        following = steps[number + 1] if number + 1 < len(steps) else None
        before, after = _size(step, end), tuple(end.shape[2:])
        padded = following and all(b <= a < 2 * b for a, b in zip(after, before, strict=True))
        if before != after and not padded:
            known = following and _unstuffed(following, before)
            if not known or known is following:
                _complain_of_growth(step, before, following, end)
            following = known
        if following:
            straight.append(following)
    return straight


def _names(steps: Sequence[Step]) -> str:
    return listing([step.name for step in steps])


def _size(step: Step, end: torch.Tensor) -> tuple[int, ...]:
    """Height and width of what a layer puts out; of a dense layer, if it is maps for ``end``."""
    if step.output.ndim == 4 and tuple(step.output.shape[2:]) != (1, 1):
        return tuple(step.output.shape[2:])
    side = math.isqrt(step.output.numel() // end.shape[:2].numel())
    return side, side


def _complain_of_growth(
    step: Step, before: Sequence[int], following: Step | None, end: torch.Tensor
) -> None:
    to = following.name if following else "the images"
    change = f"{_pixels(before)} becomes {_pixels(end.shape)}"
    told = f"changes the size without weights: between {step.name} and {to}, {change}."
    if end.numel() == step.output.numel():
        raise Complaint(told, "pixel_shuffle")
    if end.numel() < step.output.numel():
        raise Complaint(told, "cropped")
    raise Complaint(told, "upsampling")


def _complain_of_start_and_width(steps: Sequence[Step]) -> None:
    if len(steps) < 2:
        raise Complaint(f"has one layer with weights alone, {steps[0].name}.")
    maps, last = steps[1].inputs, steps[-1].inputs
    if tuple(maps.shape[2:]) != (4, 4):
        raise Complaint(f"begins with maps of {_pixels(maps.shape)}.", "other_start")
    widths = [step.inputs.shape[1] for step in steps[1:]]
    if widths[-1] == _CONV:
        return
    told = (
        f"was made with conv_dim={_CONV} and has {last.shape[1]} channels before the image. The "
        f"channels are {', '.join(map(str, widths))} and 3."
    )
    if widths[0] == _CONV:
        raise Complaint(told, "widths_upside_down")
    raise Complaint(told, "conv_dim_fixed" if widths[-1] in (16, 32, 64, 128) else "last_width")


def _complain_of_leaps(steps: Sequence[Step]) -> None:
    for step in steps[1:]:
        before, after = step.inputs.shape[2:], step.output.shape[2:]
        if max(b / a for a, b in zip(before, after, strict=True)) >= 3:
            raise Complaint(f"makes {_pixels(after)} of {_pixels(before)} in {step.name}.", "leap")


def _complain_of_mixed_images(network: nn.Module, source: Step, target: Step) -> None:
    """Other numbers for one image may change that image alone, in eval mode."""
    passage = Passage(network, _Z, source, target)
    values = passage.values()
    others = values.clone()
    others[0] = values[0] + 1
    changed = passage.feed(values) != passage.feed(others)
    # Statistics of the batch would change nearly all of them.
    few = float(changed.float().mean()) < 1.5 / len(_Z)
    if few and len(changed) == len(_Z) and changed[1:].any():
        raise Complaint(
            f"mixes the images: what {source.name} makes of one z gets into others.",
            "images_mixed",
        )


def _complain_of_what_is_between(network: nn.Module, trace: Trace, steps: Sequence[Step]) -> None:
    """steps : those of the trace, seen as transposed convolutions where they are."""
    places: dict[_Between, list[Step]] = {}
    count = len(steps) - 1
    for number in range(count):
        source, target = trace.steps[number : number + 2]
        seen = _between_by_numbers(source.output, steps[number + 1].inputs)
        if not seen:
            if any(each.slug for each in places):
                break  # one thing at a time: to find out takes a while
            passage = Passage(network, _Z, source, target)
            seen = _between_by_feeding(passage, steps[number + 1].inputs)
        same = next((each for each in places if each.slug == seen.slug), seen)
        places.setdefault(same, []).append(source)
    wrong = {seen: where for seen, where in places.items() if seen.slug}
    if not wrong:
        return
    seen, where = next(iter(wrong.items()))
    _complain_of_mixed_images(
        network, where[0], trace.steps[[each is where[0] for each in trace.steps].index(True) + 1]
    )
    slug = seen.slug
    if len(wrong) == 1 and where == [trace.steps[0]] and count > 1:
        slug = {
            "bare": "projection_bare",
            "no_norm": "projection_without_norm",
            "no_relu": "projection_without_relu",
        }.get(slug, slug)
    elif len(where) < count and len(wrong) == 1:
        slug = {"no_norm": "one_norm_missing", "no_relu": "one_relu_missing"}.get(slug, slug)
    told = [
        each.words(_names(at), listing([f"{step.output.std():.2g}" for step in at]))
        for each, at in wrong.items()
    ]
    more = _on_functional_norms(network, _Z) if not seen.norm else ""
    raise Complaint(" It ".join(told) + more, slug)


def _complain_of_biases(steps: Sequence[Step]) -> None:
    biased = [step for step in steps[:-1] if step.bias is not None]
    if not biased:
        return
    told = " and ".join(f"{each.bias.numel()} in {each.name}" for each in biased)
    if biased == [steps[0]]:
        raise Complaint(f"has biases before BatchNorm: {told}.", "bias_of_the_projection")
    raise Complaint(f"has biases before BatchNorm: {told}.", "bias")


def _complain_of_the_end(network: nn.Module, trace: Trace, last: Step) -> None:
    """What becomes of other numbers in place of those that the last layer puts out."""
    x = 1.5 * _draw((8, 3, 32, 32), 6) + torch.tensor([-0.5, 0.2, 0.8]).reshape(1, 3, 1, 1)
    source = trace.steps[-1]
    if source.output.shape != x.shape:
        raise Complaint(
            f"has maps of shape {tuple(source.output.shape[1:])} after its last layer, should be "
            "(3, 32, 32).",
            "colours",
        )
    y = Passage(network, _Z, source, None).feed(x, training=True)
    if any(torch.allclose(y, right, 1e-3, 1e-3) for right in (x.tanh(), (x / 2).tanh())):
        return  # 2 * sigmoid(x) - 1 is tanh(x / 2): a matter of the weights' scale
    norm = _normalised(x)
    known = {
        "sigmoid": [x.sigmoid()],
        "no_tanh": [x],
        "batch_norm_on_the_images": [
            norm.tanh(), norm, norm.sigmoid(), _normalised(x.tanh()), norm.relu(),
            norm.relu().tanh(),
        ],
        "tanh_twice": [x.tanh().tanh()],
        "relu_before_tanh": [x.relu().tanh()],
        "relu_at_the_end": [x.relu()],
        "clamp": [x.clamp(-1, 1)],
    }  # fmt: skip
    told = (
        f"makes pixels between {float(y.min()):.2f} and {float(y.max()):.2f} of numbers between "
        f"{float(x.min()):.1f} and {float(x.max()):.1f} from its last layer"
    )
    for slug, candidates in known.items():
        if any(torch.allclose(y, each, 1e-2, 1e-2) for each in candidates):
            raise Complaint(f"{told}.", slug)
    flat, squashed = y.flatten(), x.tanh().flatten()
    scale = float(
        ((flat - flat.mean()) * squashed).sum() / (squashed - squashed.mean()).square().sum()
    )
    shift = float((flat - scale * squashed).mean())
    if torch.allclose(y, scale * x.tanh() + shift, 1e-2, 1e-2):
        raise Complaint(f"{told}: {scale:.4g} * tanh + {round(shift, 3) + 0.0:.4g}.", "rescaled")
    raise Complaint(f"{told}, and that is not their tanh.", "another_end")


def _complain_of_unused_numbers(network: nn.Module) -> None:
    """Each number of z alone has to change the image, however little."""
    with keeping_state(network), torch.enable_grad():
        z = _Z.clone().requires_grad_()
        images = network(z)
        if images.requires_grad:
            (gradient,) = torch.autograd.grad(
                (images * _draw(images.shape, 8)).sum(), z, allow_unused=True
            )
            if gradient is not None and gradient.any(0).all():
                return
    z = torch.cat([_Z[:1], _Z[:1] + 2 * torch.eye(_LATENT)])
    with keeping_state(network), torch.no_grad():
        images = network.eval()(z)
    without = [i for i in range(_LATENT) if torch.equal(images[0], images[i + 1])]
    if without:
        raise Complaint(
            f"makes the same image whatever {len(without)} of the {_LATENT} numbers of z are.",
            "z_ignored",
        )


def _complain_of_widths(narrow: Trace, wide: Trace) -> None:
    few, many = ([step.inputs.shape[1] for step in trace.steps[1:]] for trace in (narrow, wide))
    told = (
        f"is {', '.join(map(str, few))} channels with conv_dim={_CONV} and "
        f"{', '.join(map(str, many))} with conv_dim=6."
    )
    if [6 * width for width in few] != [_CONV * width for width in many]:
        raise Complaint(told, "widths_not_scaled")


def _complain_of_defaults(network: nn.Module) -> None:
    trace = None
    try:
        trace = watch(network, _draw((2, 100), 7))
    except Exception as error:
        raise Complaint(
            f"fails for z of shape (2, 100): {type(error).__name__}: {error}", "defaults"
        ) from None
    shape, width = tuple(tensor_of(trace.output).shape), trace.steps[-1].inputs.shape[1]
    if shape != (2, 3, 32, 32) or width != 32:
        raise Complaint(
            f"makes images of shape {shape} from {width} channels; (2, 3, 32, 32) from 32 would be "
            "right.",
            "defaults",
        )


def _generator(
    *,
    before: Callable = lambda: [],
    dense: Callable = lambda z, c: [
        nn.Linear(z, 64 * c, bias=False),
        nn.Unflatten(1, (4 * c, 4, 4)),
    ],
    start: Callable = lambda b: [nn.BatchNorm2d(b), nn.ReLU()],
    up: Callable = lambda a, b: [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)],
    first: Callable = lambda b: [nn.BatchNorm2d(b), nn.ReLU()],
    second: Callable = lambda b: [nn.BatchNorm2d(b), nn.ReLU()],
    image: Callable = lambda c: [nn.ConvTranspose2d(c, 3, 4, 2, 1)],
    end: Callable = lambda: [nn.Tanh()],
    change: Callable = lambda network: network,
) -> Callable:
    """A generator as an nn.Sequential, with other layers in some places."""

    def build(latent_dim=100, conv_dim=32):
        c = conv_dim
        network = nn.Sequential(
            *before(), *dense(latent_dim, c), *start(4 * c),
            *up(4 * c, 2 * c), *first(2 * c), *up(2 * c, c), *second(c), *image(c), *end(),
        )  # fmt: skip
        return change(network) or network

    return build


def _after(layers: Callable) -> dict[str, Callable]:
    """The same layers after the projection and both blocks."""
    return {"start": layers, "first": layers, "second": layers}


class _Pieces(nn.Module):
    """The right layers as attributes; wrong answers use them otherwise."""

    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        self.latent_dim, self.conv_dim = latent_dim, conv_dim
        self.project = reference.Generator(latent_dim, conv_dim).dense
        self.start = nn.Sequential(nn.BatchNorm2d(4 * conv_dim), nn.ReLU())
        self.up1 = reference.deconv_block(4 * conv_dim, 2 * conv_dim)
        self.up2 = reference.deconv_block(2 * conv_dim, conv_dim)
        self.image = nn.ConvTranspose2d(conv_dim, 3, 4, 2, 1)

    def maps(self, z):
        return self.start(self.project(z).reshape(len(z), -1, 4, 4))

    def forward(self, z):
        return torch.tanh(self.image(self.up2(self.up1(self.maps(z)))))


def _forward(forward: Callable, base: type[nn.Module] = _Pieces) -> type[nn.Module]:
    """The right layers with another forward."""
    return type("Generator", (base,), {"forward": forward})


class _Listed(nn.Module):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        self.layers = list(_generator()(latent_dim, conv_dim))

    def forward(self, z):
        for layer in self.layers:
            z = layer(z)
        return z


class _MadeAnew(_Pieces):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__(latent_dim, conv_dim)
        del self.up1, self.up2

    def forward(self, z):
        c = self.conv_dim
        x = reference.deconv_block(4 * c, 2 * c)(self.maps(z))
        return torch.tanh(self.image(reference.deconv_block(2 * c, c)(x)))


class _Shared(nn.Module):
    """One block used twice, which needs equal widths."""

    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        self.project = nn.Linear(latent_dim, 16 * conv_dim, bias=False)
        self.norm = nn.BatchNorm2d(conv_dim)
        self.up = reference.deconv_block(conv_dim, conv_dim)
        self.image = nn.ConvTranspose2d(conv_dim, 3, 4, 2, 1)

    def forward(self, z):
        x = F.relu(self.norm(self.project(z).view(len(z), -1, 4, 4)))
        return torch.tanh(self.image(self.up(self.up(x))))


class _Functional(nn.Module):
    """Attributes in no order, functions where there are some, equal widths."""

    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        self.image = nn.ConvTranspose2d(conv_dim, 3, 4, 2, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(conv_dim) for _ in range(3))
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(conv_dim, conv_dim, 4, 2, 1, bias=False) for _ in range(2)
        )
        self.project = nn.Linear(latent_dim, 16 * conv_dim, bias=False)

    def forward(self, z):
        x = self.project(z).view(z.size(0), -1, 4, 4)
        x = F.relu_(self.norms[0](x))
        for up, norm in zip(self.ups, self.norms[1:], strict=True):
            x = torch.relu(norm(up(x)))
        return self.image(x).tanh()


class _AsInTheTorchPort(nn.Module):
    """Begins with a transposed convolution of 1 x 1, as the paper's Torch code."""

    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.main = nn.Sequential(
            nn.ConvTranspose2d(latent_dim, c * 4, 4, 1, 0, bias=False),
            nn.BatchNorm2d(c * 4),
            nn.ReLU(True),
            nn.ConvTranspose2d(c * 4, c * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(c * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(c * 2, c, 4, 2, 1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(True),
            nn.ConvTranspose2d(c, 3, 4, 2, 1, bias=False),
            nn.Tanh(),
        )
        self.apply(reference.init_weights)

    def forward(self, z):
        return self.main(z[:, :, None, None])


class _ChannelsLastInside(_Pieces):
    """Dense numbers seen as (4, 4, C), as in Keras, then brought into PyTorch's order."""

    def maps(self, z):
        x = self.project(z).reshape(len(z), 4, 4, 4 * self.conv_dim)
        return self.start(x.permute(0, 3, 1, 2))


class _AllByHand(nn.Module):
    """Parameters and functions alone."""

    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        self.c = c = conv_dim
        self.project = nn.Parameter(0.02 * torch.randn(latent_dim, 64 * c))
        shapes = [(4 * c, 2 * c, 4, 4), (2 * c, c, 4, 4), (c, 3, 4, 4)]
        self.kernels = nn.ParameterList(0.02 * torch.randn(shape) for shape in shapes)
        self.norms = nn.ModuleList(ByHand(width) for width in (4 * c, 2 * c, c))

    def forward(self, z):
        x = (z @ self.project).unflatten(1, (4 * self.c, 4, 4))
        for norm, kernel in zip(self.norms, self.kernels, strict=True):
            x = norm(x)
            x = F.conv_transpose2d(torch.where(x > 0, x, 0.0), kernel, stride=2, padding=1)
        return 2 * torch.sigmoid(2 * x) - 1


def _lazily(latent_dim=100, conv_dim=32):
    layers = [nn.LazyLinear(64 * conv_dim, bias=False), nn.Unflatten(1, (4 * conv_dim, 4, 4))]
    for width in (2 * conv_dim, conv_dim):
        layers += [nn.LazyBatchNorm2d(), nn.ReLU()]
        layers += [nn.LazyConvTranspose2d(width, 4, 2, 1, bias=False)]
    layers += [nn.LazyBatchNorm2d(), nn.ReLU(), nn.LazyConvTranspose2d(3, 4, 2, 1), nn.Tanh()]
    return nn.Sequential(*layers)


def _norm_relu(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.ReLU()]


class _TwiceAsManyNumbers(_Pieces):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__(latent_dim, conv_dim)
        self.project = nn.Linear(latent_dim, 128 * conv_dim, bias=False)


def _doubles_the_batch(self, z):
    x = self.start(self.project(z).view(-1, 4 * self.conv_dim, 4, 4))
    return torch.tanh(self.image(self.up2(self.up1(x))))


def _mixes_the_images(self, z):
    x = self.project(z).view(4 * self.conv_dim, -1, 4, 4).permute(1, 0, 2, 3)
    return torch.tanh(self.image(self.up2(self.up1(self.start(x)))))


def _with_a_leap(latent_dim=100, conv_dim=32):
    return nn.Sequential(
        nn.Linear(latent_dim, 32 * conv_dim, bias=False),
        nn.Unflatten(1, (2 * conv_dim, 4, 4)),
        *_norm_relu(2 * conv_dim),
        nn.ConvTranspose2d(2 * conv_dim, conv_dim, 4, 4, bias=False),
        *_norm_relu(conv_dim),
        nn.ConvTranspose2d(conv_dim, 3, 4, 2, 1),
        nn.Tanh(),
    )


class _WithAnUnusedLayer(_Pieces):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__(latent_dim, conv_dim)
        self.up3 = reference.deconv_block(conv_dim, conv_dim)


def _eight_by_eight(latent_dim=100, conv_dim=32):
    return nn.Sequential(
        nn.Linear(latent_dim, 128 * conv_dim, bias=False),
        nn.Unflatten(1, (2 * conv_dim, 8, 8)),
        *_norm_relu(2 * conv_dim),
        reference.deconv_block(2 * conv_dim, conv_dim),
        nn.ConvTranspose2d(conv_dim, 3, 4, 2, 1),
        nn.Tanh(),
    )


def _upside_down(latent_dim=100, conv_dim=32):
    return nn.Sequential(
        nn.Linear(latent_dim, 16 * conv_dim, bias=False),
        nn.Unflatten(1, (conv_dim, 4, 4)),
        *_norm_relu(conv_dim),
        reference.deconv_block(conv_dim, 2 * conv_dim),
        reference.deconv_block(2 * conv_dim, 4 * conv_dim),
        nn.ConvTranspose2d(4 * conv_dim, 3, 4, 2, 1),
        nn.Tanh(),
    )


def _fixed_start(latent_dim=100, conv_dim=32):
    return nn.Sequential(
        nn.Linear(latent_dim, 16 * 24, bias=False),
        nn.Unflatten(1, (24, 4, 4)),
        *_norm_relu(24),
        reference.deconv_block(24, 2 * conv_dim),
        reference.deconv_block(2 * conv_dim, conv_dim),
        nn.ConvTranspose2d(conv_dim, 3, 4, 2, 1),
        nn.Tanh(),
    )


def _up_with(*settings: int, **options: Any) -> Callable:
    return lambda a, b: [nn.ConvTranspose2d(a, b, *settings, bias=False, **options)]


def _norm_and(activation: Callable) -> dict[str, Callable]:
    return _after(lambda b: [nn.BatchNorm2d(b), activation()])


Generator: Exercise = lesson.exercise(
    reference.Generator,
    probe=_generator_probe,
    names_mistakes=True,
    mistakes={
        "projection_bare": Mistake(
            "BatchNorm and ReLU come after the first layer too, once its numbers are maps of 4 × "
            "4: nn.BatchNorm2d(4 * conv_dim) and nn.ReLU().",
            _generator(start=lambda b: []),
        ),
        "projection_without_norm": Mistake(
            "BatchNorm comes after the first layer too, before its ReLU: nn.BatchNorm2d(4 * "
            "conv_dim) behind the reshape.",
            _generator(start=lambda b: [nn.ReLU()]),
        ),
        "projection_without_relu": Mistake(
            "ReLU comes after the first BatchNorm too; without it the first layer and the next "
            "are no more than one.",
            _generator(start=lambda b: [nn.BatchNorm2d(b)]),
        ),
        "no_norm": Mistake(
            "BatchNorm comes after every layer but the last, before ReLU.",
            _generator(**_after(lambda b: [nn.ReLU()])),
        ),
        "no_relu": Mistake(
            "ReLU comes after every BatchNorm.",
            _generator(**_after(lambda b: [nn.BatchNorm2d(b)])),
        ),
        "bare": Mistake(
            "BatchNorm and ReLU come after every layer but the last.",
            _generator(**_after(lambda b: [])),
        ),
        "one_norm_missing": Mistake(
            "The others have their BatchNorm; this place needs one too, before ReLU.",
            _generator(second=lambda b: [nn.ReLU()]),
        ),
        "one_relu_missing": Mistake(
            "The others have their ReLU; this place needs one too, after BatchNorm.",
            _generator(first=lambda b: [nn.BatchNorm2d(b)]),
        ),
        "no_norm_and_leaky_relu": Mistake(
            "After every layer but the last come BatchNorm and ReLU; LeakyReLU is for the "
            "discriminator.",
            _generator(**_after(lambda b: [nn.LeakyReLU(0.2)])),
        ),
        "no_norm_and_another_activation": Mistake(
            "After every layer but the last come BatchNorm and ReLU.",
            _generator(**_after(lambda b: [nn.Tanh()])),
        ),
        "bias": Mistake(
            "BatchNorm subtracts a bias again, as part of the mean: `bias=False`. Only the last "
            "layer, which no BatchNorm follows, has use for one.",
            _generator(up=lambda a, b: [nn.ConvTranspose2d(a, b, 4, 2, 1)]),
        ),
        "bias_of_the_projection": Mistake(
            "BatchNorm takes away what the biases of a map have in common, and its own shift "
            "stands in for that: by convention `bias=False` in the first layer too.",
            _generator(dense=lambda z, c: [nn.Linear(z, 64 * c), nn.Unflatten(1, (4 * c, 4, 4))]),
        ),
        "sigmoid": Mistake(
            "That is a sigmoid. Real images are scaled to -1..1 (lesson 02), so the last "
            "activation is tanh.",
            _generator(end=lambda: [nn.Sigmoid()]),
        ),
        "no_tanh": Mistake(
            "Nothing bounds the pixels. tanh comes at the end, for pixels between -1 and 1.",
            _generator(end=lambda: []),
        ),
        "relu_before_tanh": Mistake(
            "No pixel can be below 0: a ReLU comes before or after tanh. After the last layer "
            "comes tanh alone.",
            _generator(end=lambda: [nn.ReLU(), nn.Tanh()]),
        ),
        "relu_at_the_end": Mistake(
            "That is a ReLU. After the last layer comes tanh alone, for pixels between -1 and 1.",
            _generator(end=lambda: [nn.ReLU()]),
        ),
        "tanh_twice": Mistake(
            "That is tanh of tanh, which never gets beyond 0.76, while real images go to 1. Once, "
            "in the network or in forward.",
            _generator(end=lambda: [nn.Tanh(), nn.Tanh()]),
        ),
        "rescaled": Mistake(
            "Leave what tanh gives as it is: real images lie between -1 and 1 (lesson 02).",
            _forward(lambda self, z: (_Pieces.forward(self, z) + 1) / 2),
        ),
        "clamp": Mistake(
            "Cutting off at -1 and 1 gives pixels beyond them no gradient. Use tanh.",
            _generator(end=lambda: [nn.Hardtanh()]),
        ),
        "another_end": Mistake(
            "The last layer is followed by tanh alone.",
            _generator(end=lambda: [nn.Softsign()]),
        ),
        "batch_norm_on_the_images": Mistake(
            "The images are normalised. No BatchNorm on the last layer: it would give every batch "
            "the same mean and contrast, which real images do not have.",
            _generator(end=lambda: [nn.BatchNorm2d(3), nn.Tanh()]),
        ),
        "wrong_size": Mistake(
            "A transposed convolution makes (n - 1) * stride - 2 * padding + kernel_size + "
            "output_padding of n: kernel 4, stride 2, padding 1 doubles exactly, kernel 3 is one "
            "pixel short.",
            _generator(up=_up_with(3, 2, 1), image=lambda c: [nn.ConvTranspose2d(c, 3, 3, 2, 1)]),
        ),
        "one_block_too_many": Mistake(
            "From 4 × 4 to 32 × 32 the size doubles three times, the last time in the layer that "
            "makes the image.",
            _generator(
                second=lambda b: [
                    *_norm_relu(b),
                    nn.ConvTranspose2d(b, b, 4, 2, 1, bias=False),
                    *_norm_relu(b),
                ]
            ),
        ),
        "one_block_too_few": Mistake(
            "From 4 × 4 to 32 × 32 the size doubles three times. There are two hidden transposed "
            "convolutions and the one that makes the image.",
            _generator(image=lambda c: [nn.ConvTranspose2d(c, 3, 3, 1, 1)]),
        ),
        "other_start": Mistake(
            "The first layer makes maps of 4 × 4, and three transposed convolutions make 32 × 32 "
            "of them.",
            _eight_by_eight,
        ),
        "batch_size": Mistake(
            "The first layer makes more (or fewer) numbers per vector than the reshape takes, and "
            "`-1` in its first place hides that. The layer makes 4 * conv_dim * 4 * 4; reshape to "
            "(len(z), 4 * conv_dim, 4, 4), which fails when the numbers do not fit.",
            _forward(_doubles_the_batch, _TwiceAsManyNumbers),
        ),
        "batch_size_fixed": Mistake(
            "A batch size is written into the reshape. Take the one that comes: `len(z)`, or "
            "nn.Unflatten, which leaves the batch alone.",
            _forward(
                lambda self, z: torch.tanh(
                    self.image(self.up2(self.up1(self.start(self.project(z).view(64, -1, 4, 4)))))
                )
            ),
        ),
        "channels_last": Mistake(
            "That is Keras's order. PyTorch has channels first: reshape to (len(z), 4 * conv_dim, "
            "4, 4), or `permute(0, 3, 1, 2)` afterwards.",
            _forward(
                lambda self, z: torch.tanh(
                    self.image(self.up2(self.up1(self.project(z).view(len(z), 4, 4, -1))))
                )
            ),
        ),
        "channels_last_images": Mistake(
            "That is Keras's order. In PyTorch the channels come first; leave out `permute`.",
            _forward(lambda self, z: _Pieces.forward(self, z).permute(0, 2, 3, 1)),
        ),
        "flat_images": Mistake(
            "Leave the images as the last transposed convolution makes them, (N, 3, 32, 32).",
            _forward(lambda self, z: _Pieces.forward(self, z).flatten(1)),
        ),
        "colours": Mistake(
            "Images are red, green and blue: the last layer makes 3 channels.",
            _generator(image=lambda c: [nn.ConvTranspose2d(c, 1, 4, 2, 1)]),
        ),
        "z_of_pixels": Mistake(
            "z comes as (N, latent_dim). Begin forward with `z = z[:, :, None, None]`, or with a "
            "dense layer.",
            _forward(lambda self, z: self.main(z), _AsInTheTorchPort),
        ),
        "z_ignored": Mistake(
            "What the images are has to come from all numbers of z: the z that forward is given, "
            "not one of its own.",
            _forward(lambda self, z: _Pieces.forward(self, torch.ones_like(z))),
        ),
        "z_changed": Mistake(
            "Nothing comes before it: no activation, no BatchNorm.",
            _generator(before=lambda: [nn.ReLU()]),
        ),
        "latent_dim_fixed": Mistake(
            "The first layer has `latent_dim` inputs, not a number that you wrote in.",
            lambda latent_dim=100, conv_dim=32: reference.Generator(100, conv_dim),
        ),
        "conv_dim_fixed": Mistake(
            "The widths are made from conv_dim: 4 * conv_dim, 2 * conv_dim, conv_dim.",
            lambda latent_dim=100, conv_dim=32: reference.Generator(latent_dim, 32),
        ),
        "widths_upside_down": Mistake(
            "The generator begins wide and ends narrow: 4 * conv_dim, 2 * conv_dim, conv_dim. The "
            "other way round is the discriminator.",
            _upside_down,
        ),
        "leap": Mistake(
            "Each transposed convolution doubles the size: 4, 8, 16, 32, three of them.",
            _with_a_leap,
        ),
        "images_mixed": Mistake(
            "The first axis is the batch's, and stays first: reshape to (len(z), 4 * conv_dim, 4, "
            "4).",
            _forward(_mixes_the_images),
        ),
        "last_width": Mistake(
            "The channels before the image are conv_dim, those before that 2 * conv_dim and 4 * "
            "conv_dim.",
            lambda latent_dim=100, conv_dim=32: reference.Generator(latent_dim, 2 * conv_dim),
        ),
        "widths_not_scaled": Mistake(
            "All widths are made from conv_dim: with a conv_dim half as large again they are half "
            "as large again.",
            _fixed_start,
        ),
        "defaults": Mistake(
            "Keep the first line as it was: `def __init__(self, latent_dim=100, conv_dim=32):`",
            lambda latent_dim=128, conv_dim=64: reference.Generator(latent_dim, conv_dim),
        ),
        "upsampling": Mistake(
            "Upsampling and a convolution are a good way too, without checkerboards, but asked for "
            "are fractionally strided convolutions, whose weights learn how to enlarge: "
            "nn.ConvTranspose2d(in, out, 4, stride=2, padding=1).",
            _generator(
                up=lambda a, b: [nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, 1, 1, bias=False)]
            ),
        ),
        "pixel_shuffle": Mistake(
            "nn.PixelShuffle is a good way too, but asked for are fractionally strided "
            "convolutions: nn.ConvTranspose2d(in, out, 4, stride=2, padding=1).",
            _generator(
                up=lambda a, b: [nn.Conv2d(a, 4 * b, 3, 1, 1, bias=False), nn.PixelShuffle(2)]
            ),
        ),
        "cropped": Mistake(
            "Choose the layers so that nothing has to be cut off or pooled: kernel 4, stride 2, "
            "padding 1 doubles exactly.",
            _generator(
                image=lambda c: [nn.ConvTranspose2d(c, 3, 4, 2, 0)],
                end=lambda: [nn.Tanh(), nn.ZeroPad2d(-1)],
            ),
        ),
        "hidden_dense": Mistake(
            "The only dense layer of a DCGAN's generator is the first; transposed convolutions do "
            "the rest.",
            _generator(
                dense=lambda z, c: [
                    nn.Linear(z, 8 * c, bias=False),
                    nn.BatchNorm1d(8 * c),
                    nn.ReLU(),
                    nn.Linear(8 * c, 64 * c, bias=False),
                    nn.Unflatten(1, (4 * c, 4, 4)),
                ]
            ),
        ),
        "dense_alone": Mistake(
            "DCGAN is convolutional: a dense layer to maps of 4 × 4, then three transposed "
            "convolutions.",
            lambda latent_dim=100, conv_dim=32: nn.Sequential(
                nn.Linear(latent_dim, 8 * conv_dim, bias=False),
                nn.BatchNorm1d(8 * conv_dim),
                nn.ReLU(),
                nn.Linear(8 * conv_dim, 3072),
                nn.Tanh(),
                nn.Unflatten(1, (3, 32, 32)),
            ),
        ),
        "shared": Mistake("Make one for each place, or both have to learn the same.", _Shared),
    }
    | _said(
        leaky_relu=_generator(**_norm_and(lambda: nn.LeakyReLU(0.2))),
        another_activation=_generator(**_norm_and(nn.ELU)),
        relu_first=_generator(**_after(lambda b: [nn.ReLU(), nn.BatchNorm2d(b)])),
        instance_norm=_generator(
            **_after(lambda b: [nn.InstanceNorm2d(b, affine=True), nn.ReLU()])
        ),
        lazy=_lazily,
        dead=_generator(change=_scales_of_0),
        kernel_too_small=_generator(up=_up_with(1, 2, 0, output_padding=1)),
        norm_twice=_generator(first=lambda b: [nn.BatchNorm2d(b), *_norm_relu(b)]),
        not_affine=_generator(**_after(lambda b: [nn.BatchNorm2d(b, affine=False), nn.ReLU()])),
        noise=_generator(first=lambda b: [nn.BatchNorm2d(b), nn.ReLU(), nn.Dropout(0.5)]),
        layers_in_a_list=_Listed,
        unused_layer=_WithAnUnusedLayer,
        detached=_forward(
            lambda self, z: torch.tanh(self.image(self.up2(self.up1(self.maps(z)).detach())))
        ),
        layers_made_in_forward=_MadeAnew,
        frozen=_generator(change=lambda network: network.requires_grad_(False)),
        left_in_eval_mode=_generator(change=lambda network: network.eval()),
        batch_statistics=_generator(
            **_after(lambda b: [nn.BatchNorm2d(b, track_running_stats=False), nn.ReLU()])
        ),
        statistics_stand_still=_generator(
            **_after(lambda b: [nn.BatchNorm2d(b, momentum=0.0), nn.ReLU()])
        ),
    ),
    hints=[
        "Sizes first: 4, 8, 16, 32. Which layer makes 4 * conv_dim maps of 4 × 4 of latent_dim "
        "numbers, and how do the numbers become maps? Your deconv_block does the two doublings in "
        "the middle.",
        "What comes after each layer: BatchNorm and ReLU after the first (nn.Linear without bias, "
        "reshape) and in each block; after the last transposed convolution to 3 channels only "
        "tanh.",
        "`nn.Sequential(nn.Linear(latent_dim, 64 * conv_dim, bias=False), nn.Unflatten(1, (4 * "
        "conv_dim, 4, 4)), nn.BatchNorm2d(4 * conv_dim), nn.ReLU(), deconv_block(4 * conv_dim, 2 * "
        "conv_dim), deconv_block(2 * conv_dim, conv_dim), nn.ConvTranspose2d(conv_dim, 3, 4, "
        "stride=2, padding=1), nn.Tanh())`.",
    ],
    right=[
        _generator(),
        _Pieces,
        _Functional,
        _AsInTheTorchPort,
        _ChannelsLastInside,
        _AllByHand,
        _generator(
            dense=lambda z, c: [
                nn.Linear(z, 64 * c, bias=False),
                nn.BatchNorm1d(64 * c),
                nn.ReLU(),
                nn.Unflatten(1, (4 * c, 4, 4)),
            ],
            start=lambda b: [],
        ),
        _generator(
            up=_up_with(5, 2, 2, output_padding=1),
            image=lambda c: [nn.ConvTranspose2d(c, 3, 5, 2, 2, 1)],
            **_norm_and(lambda: nn.ReLU(inplace=True)),
        ),
        _generator(
            image=lambda c: [
                nn.ConvTranspose2d(c, c, 4, 2, 1, bias=False),
                *_norm_relu(c),
                nn.Conv2d(c, 3, 3, padding=1),
            ]
        ),
        _generator(change=lambda network: network.apply(reference.init_weights)),
        reference.build_generator,
    ],
    returns="a network",
    difficulty=3,
    minutes=15,
    seconds=10.0,  # for computers that are busy: it takes 0.3
)
"""The class Generator(latent_dim=100, conv_dim=32), an nn.Module (or a function that returns one):
z (N, latent_dim) to images (N, 3, 32, 32) in (-1, 1).

A dense layer from z to maps of 4 x 4 (a transposed convolution from 1 x 1 will do as well), then
transposed convolutions that double the size, 4, 8, 16, 32, and nothing else that enlarges.
BatchNorm and ReLU after the first layer and after every transposed convolution but the last, in
this order; no bias in a layer that a BatchNorm follows. After the last one tanh alone, no
BatchNorm. conv_dim is the number of channels before the image, and all other widths are multiples
of it: 4 * conv_dim, 2 * conv_dim, conv_dim in the course's. In eval mode one vector alone gives the
image that it gives among others, (1, 3, 32, 32). No lazy layers, no groups, nothing cropped, a
learnt scale and shift in each BatchNorm. Any way of writing it will do: the check looks at what is
computed.
"""


# --- generator_parameter_count ----------------------------------------------------------------


def _count(
    *,
    kernel: int = 16,
    maps: int = 16,
    widths: Callable = lambda c: [4 * c, 2 * c, c],
    dense_bias: bool = False,
    biases: bool = False,
    last_bias: bool = True,
    norms: Callable = lambda widths: 2 * sum(widths),
    colours: int = 3,
    changes: Callable = lambda total: total,
) -> Callable:
    """A wrong count: the numbers of a network that differs from the reference's."""

    def count(latent_dim=100, conv_dim=32):
        w = widths(conv_dim)
        total = latent_dim * w[0] * maps + norms(w)
        total += sum(a * b for a, b in zip(w, [*w[1:], colours], strict=True)) * kernel
        total += w[0] * maps * dense_bias + sum(w[1:]) * biases + colours * last_bias
        return changes(total)

    return count


def _fixed(**fixed: int) -> Callable:
    def count(latent_dim=100, conv_dim=32):
        return conv_shapes.generator_parameter_count(
            fixed.get("latent_dim", latent_dim), fixed.get("conv_dim", conv_dim)
        )

    return count


def _count_without_input_channels(latent_dim=100, conv_dim=32):
    c = conv_dim
    return latent_dim * 64 * c + 16 * (2 * c + c + 3) + 14 * c + 3


def _count_of_the_real_one(latent_dim=100, conv_dim=32):
    network = reference.Generator(latent_dim, conv_dim)
    return sum(parameter.numel() for parameter in network.parameters())


def _count_layer_by_layer(latent_dim=100, conv_dim=32):
    channels = 4 * conv_dim
    total = latent_dim * channels * 4**2 + 2 * channels
    for _ in range(2):
        total += channels * (channels // 2) * 4**2 + 2 * (channels // 2)
        channels //= 2
    return total + channels * 3 * 4**2 + 3


def _count_as_a_polynomial(latent_dim=100, conv_dim=32):
    return 160 * conv_dim**2 + (64 * latent_dim + 62) * conv_dim + 3


generator_parameter_count: Exercise = lesson.exercise(
    conv_shapes.generator_parameter_count,
    cases=[case(), case(10, 1), case(latent_dim=1, conv_dim=5), case(100, 64), case(64, 16)],
    mistakes={
        "dense_bias_counted": Mistake(
            "You count 4 * conv_dim * 16 biases of the dense layer. A BatchNorm follows it, so it "
            "has none.",
            _count(dense_bias=True),
        ),
        "hidden_biases_counted": Mistake(
            "You count biases of the hidden transposed convolutions, 2 * conv_dim + conv_dim of "
            "them. A BatchNorm follows each, so they have none.",
            _count(biases=True),
        ),
        "all_biases_counted": Mistake(
            "You count a bias for every layer. Only the last one has biases, 3: all the others "
            "are followed by a BatchNorm, whose shift takes the bias's place.",
            _count(biases=True, dense_bias=True),
        ),
        "last_bias_missing": Mistake(
            "You are 3 short: the last layer has a bias per colour, for no BatchNorm follows it.",
            _count(last_bias=False),
        ),
        "batch_norm_missing": Mistake(
            "The three BatchNorms are missing: each learns a scale and a shift per channel, "
            "2 * (4 + 2 + 1) * conv_dim in all.",
            _count(norms=lambda widths: 0),
        ),
        "batch_norm_and_last_bias_missing": Mistake(
            "You count the weights alone. The three BatchNorms are missing, 2 * (4 + 2 + 1) * "
            "conv_dim, and the 3 biases of the last layer.",
            _count(norms=lambda widths: 0, last_bias=False),
        ),
        "batch_norm_half": Mistake(
            "You count one number per channel for each BatchNorm. It learns two, a scale and a "
            "shift.",
            _count(norms=sum),
        ),
        "running_statistics_counted": Mistake(
            "You count four numbers per channel for each BatchNorm. Running mean and variance are "
            "kept, not learnt: two are parameters.",
            _count(norms=lambda widths: 4 * sum(widths)),
        ),
        "first_batch_norm_missing": Mistake(
            "The BatchNorm after the dense layer is missing: 2 * 4 * conv_dim.",
            _count(norms=lambda widths: 2 * sum(widths[1:])),
        ),
        "first_batch_norm_per_feature": Mistake(
            "You count a scale and a shift for each of the 4 * conv_dim * 16 outputs of the dense "
            "layer. The first BatchNorm comes after the reshape: 2 * 4 * conv_dim.",
            _count(norms=lambda widths: 2 * (16 * widths[0] + sum(widths[1:]))),
        ),
        "batch_norm_on_the_images": Mistake(
            "You are 6 too many: no BatchNorm follows the last layer, so that the images keep "
            "their own mean and scale.",
            _count(norms=lambda widths: 2 * (sum(widths) + 3)),
        ),
        "kernel_counted_once": Mistake(
            "You count 4 weights for a kernel of 4 x 4. It has 16.",
            _count(kernel=4),
        ),
        "kernel_of_3": Mistake(
            "You count 3 * 3 = 9 weights per kernel. Here a kernel is 4 x 4, 16 weights.",
            _count(kernel=9),
        ),
        "kernel_of_5": Mistake(
            "You count 5 * 5 = 25 weights per kernel, as in the paper. Here a kernel is 4 x 4, 16.",
            _count(kernel=25),
        ),
        "maps_of_one_pixel": Mistake(
            "Your dense layer makes 4 * conv_dim numbers. It makes that many maps of 4 x 4, 16 "
            "times more.",
            _count(maps=1),
        ),
        "maps_of_four_pixels": Mistake(
            "Your dense layer makes 4 numbers per map. A map is 4 x 4, 16 of them.",
            _count(maps=4),
        ),
        "input_channels_forgotten": Mistake(
            "Your transposed convolutions have 16 weights per output channel. They have a kernel "
            "for each pair of channels: in_channels * out_channels * 16.",
            _count_without_input_channels,
        ),
        "widths_upside_down": Mistake(
            "Your widths go conv_dim, 2 * conv_dim, 4 * conv_dim, as in the discriminator. The "
            "generator begins wide: 4, 2, 1 times conv_dim, then 3.",
            _count(widths=lambda c: [c, 2 * c, 4 * c]),
        ),
        "widths_all_equal": Mistake(
            "You take conv_dim channels everywhere. They are 4, 2, 1 times conv_dim, then 3.",
            _count(widths=lambda c: [c, c, c]),
        ),
        "one_block_too_many": Mistake(
            "You count three hidden transposed convolutions, which is the network for 64 x 64. "
            "From 4 x 4 to 32 x 32 there are two, and the one that makes the image.",
            _count(widths=lambda c: [8 * c, 4 * c, 2 * c, c]),
        ),
        "one_block_too_few": Mistake(
            "You count one hidden transposed convolution. From 4 x 4 to 32 x 32 the size doubles "
            "three times: two hidden ones, and the one that makes the image.",
            _count(widths=lambda c: [2 * c, c]),
        ),
        "grey_images": Mistake(
            "Your images have one channel. They have three, red, green and blue: 3 * conv_dim * "
            "16 weights and 3 biases in the last layer.",
            _count(colours=1),
        ),
        "last_layer_missing": Mistake(
            "The layer that makes the images is missing: conv_dim * 3 * 16 weights and 3 biases.",
            _count(colours=0),
        ),
        "conv_dim_fixed": Mistake(
            "Right for conv_dim=32, but you wrote the widths in as numbers. Make them from "
            "conv_dim.",
            _fixed(conv_dim=32),
        ),
        "latent_dim_fixed": Mistake(
            "Right for latent_dim=100, but you wrote the 100 in. The dense layer has latent_dim "
            "inputs.",
            _fixed(latent_dim=100),
        ),
        "both_fixed": Mistake(
            "370627 is right for latent_dim=100 and conv_dim=32. For other arguments the count "
            "has to be computed from them.",
            _fixed(latent_dim=100, conv_dim=32),
        ),
    },
    hints=[
        "Layer by layer: dense, BatchNorm, transposed convolution, BatchNorm, and so on. A layer "
        "with a 4 x 4 kernel has in_channels * out_channels * 16 weights. Which layers have a "
        "bias?",
        "With c = conv_dim: dense latent_dim * 4c * 16, the convolutions (4c * 2c + 2c * c + "
        "c * 3) * 16, the BatchNorms 2 * (4c + 2c + c), and 3 biases at the end.",
    ],
    right=[_count_of_the_real_one, _count_layer_by_layer, _count_as_a_polynomial],
    returns="an int",
    difficulty=2,
    minutes=5,
)
"""How many numbers the generator learns, an int, as a formula in latent_dim and conv_dim.

The network: dense layer without bias from latent_dim to 4 * conv_dim maps of 4 x 4; BatchNorm and
ReLU; transposed convolution to 2 * conv_dim, BatchNorm, ReLU; another to conv_dim, BatchNorm, ReLU;
another to 3 channels, with bias; tanh. All kernels are 4 x 4, no convolution but the last has a
bias, each BatchNorm has a scale and a shift per channel.
"""


# --- init_weights -----------------------------------------------------------------------------

# 4096 numbers per layer: the mean of a right answer is off by 0.00031 typically, its deviation by
# 0.00022, its kurtosis (3 for a normal distribution) by 0.077. More than five times that happens
# less than once in a million checks.
_MEAN_WITHIN, _DEVIATION_WITHIN, _KURTOSIS_WITHIN = 0.0017, 0.0012, 0.5

_WEIGHTED: dict[str, Callable[[], nn.Module]] = {
    "nn.ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 64, 4),
    "nn.Conv2d": lambda: nn.Conv2d(4, 64, 4),
    "nn.Linear": lambda: nn.Linear(64, 64),
}
_NORMS: dict[str, Callable[[], nn.Module]] = {
    "nn.BatchNorm2d": lambda: nn.BatchNorm2d(4096),
    "nn.BatchNorm1d": lambda: nn.BatchNorm1d(4096),
}
_WITHOUT_SOMETHING: dict[str, Callable[[], nn.Module]] = {
    "nn.ConvTranspose2d(3, 2, 4, bias=False)": lambda: nn.ConvTranspose2d(3, 2, 4, bias=False),
    "nn.Linear(3, 2, bias=False)": lambda: nn.Linear(3, 2, bias=False),
    "nn.BatchNorm2d(3, affine=False)": lambda: nn.BatchNorm2d(3, affine=False),
    "nn.ReLU()": nn.ReLU,
    "nn.Unflatten(1, (2, 4, 4))": lambda: nn.Unflatten(1, (2, 4, 4)),
}


def _used(make: Callable[[], nn.Module], evaluated: bool = False) -> nn.Module:
    """As training leaves it: shifts and running statistics are no longer 0 and 1."""
    layer = make()
    nn.init.constant_(layer.bias, 0.5)
    for each in layer.buffers():
        each.fill_(3)
    return layer.eval() if evaluated else layer


_USED: dict[str, Callable[[], nn.Module]] = {
    "nn.BatchNorm2d": functools.partial(_used, lambda: nn.BatchNorm2d(8)),
    "nn.BatchNorm1d": functools.partial(_used, lambda: nn.BatchNorm1d(8), evaluated=True),
    "nn.Conv2d": functools.partial(_used, lambda: nn.Conv2d(3, 2, 4)),
}
_OTHERS: dict[str, Callable[[], nn.Module]] = {
    "nn.Embedding(10, 8)": lambda: nn.Embedding(10, 8),
    "nn.GroupNorm(2, 8)": lambda: nn.GroupNorm(2, 8),
    "nn.LayerNorm(8)": lambda: nn.LayerNorm(8),
    "nn.PReLU(8)": lambda: nn.PReLU(8),
    "nn.GRUCell(2, 3)": lambda: nn.GRUCell(2, 3),
}

Before = Mapping[str, torch.Tensor]


@_on_one_thread
def _init_probe(attempt: Callable) -> Asking:
    def question(label: str, make: Callable[[], nn.Module]) -> Question:
        def initialise() -> tuple[nn.Module, Before]:
            layer = make()
            before = {name: each.clone() for name, each in layer.state_dict().items()}
            before[_MODE] = torch.tensor(layer.training)
            network = nn.Sequential(layer)
            network.training = layer.training
            network.apply(attempt)
            return layer, before

        return ask(label, initialise, compare=False)

    torch.manual_seed(6)  # the same answer meets the same verdict; the engine puts the seed back
    for name, make in _WEIGHTED.items():
        layer, before = yield question(f"init_weights on an {name}", make)
        yield ask(
            f"The weights of an {name}",
            functools.partial(_complain_of_numbers, layer, "weight", before, 0),
            required=False,
        )
        yield ask(
            f"The biases of an {name}",
            functools.partial(_complain_of_what_is_not_0, layer, before),
            required=False,
        )
    twin, _ = yield question("init_weights on another nn.Linear", make)
    yield ask(
        "The weights of two layers of one shape",
        functools.partial(_complain_of_equal_weights, layer, twin),
        required=False,
    )
    for name, make in _NORMS.items():
        layer, before = yield question(f"init_weights on an {name}", make)
        yield ask(
            f"The scales (`weight`) of an {name}",
            functools.partial(_complain_of_numbers, layer, "weight", before, 1),
            required=False,
        )
        yield ask(
            f"The shifts (`bias`) of an {name}",
            functools.partial(_complain_of_what_is_not_0, layer, before),
            required=False,
        )
    for call, make in _WITHOUT_SOMETHING.items():
        layer, before = yield question(f"init_weights({call})", make)
    for call, make in _USED.items():
        layer, before = yield question(f"init_weights on {call} that has been trained", make)
        if call in _NORMS:
            yield ask(
                f"Then the shifts (`bias`) of {call}",
                functools.partial(_complain_of_what_is_not_0, layer, before),
                required=False,
            )
        yield ask(
            f"Apart from weight and bias, {call}",
            functools.partial(_complain_of_the_rest, layer, before),
            required=False,
        )
    for call, make in _OTHERS.items():
        layer, before = yield question(f"init_weights on {call}", make)
        yield ask(
            f"Afterwards {call}",
            functools.partial(_complain_of_the_rest, layer, before, ()),
            required=False,
        )


def _numbers_of(layer: nn.Module, name: str, before: Before) -> torch.Tensor:
    """A layer's parameter, flat, if it still is what the layer needs."""
    value = getattr(layer, name, None)
    if not isinstance(value, nn.Parameter):
        raise Complaint(
            f"are {kind_of(value)} afterwards. Change the numbers in `{name}` in place."
        )
    if value.shape != before[name].shape:
        raise Complaint(
            f"have shape {tuple(value.shape)} afterwards, before it was "
            f"{tuple(before[name].shape)}. Change the numbers in place."
        )
    if not value.requires_grad:
        raise Complaint("cannot learn afterwards: requires_grad is False. Leave it True.")
    return value.detach().flatten()


def _complain_of_numbers(layer: nn.Module, name: str, before: Before, mean: int) -> None:
    """Whether the numbers are normal with deviation 0.02."""
    numbers = _numbers_of(layer, name, before)
    if torch.equal(numbers, before[name].flatten()):
        started = "they are all 1" if mean else f"deviation {float(numbers.std()):.2g}"
        raise Complaint(
            f"stay as PyTorch made them ({started}). They should come from N({mean}, 0.02)."
        )
    found, deviation = float(numbers.mean()), float(numbers.std())
    wanted = f"Wanted are mean {mean} and standard deviation 0.02."
    if not math.isfinite(deviation):
        raise Complaint(f"are not all finite numbers. {wanted}")
    if deviation < 1e-6:
        raise Complaint(f"are all {found:.2g}, so that all channels learn alike. {wanted}")
    # Rounded so that the text is the same for any random numbers.
    near = next((whole for whole in (0, 1) if abs(found - whole) < 0.05 * deviation), None)
    told = f"{found:.2g}" if near is None else near
    seen = f"have mean {told} and standard deviation {deviation:.2g}."
    if abs(found - mean) > _MEAN_WITHIN or abs(deviation - 0.02) > _DEVIATION_WITHIN:
        raise Complaint(f"{seen} {wanted}")
    kurtosis = float(((numbers - found).square() / deviation**2).square().mean())
    if abs(kurtosis - 3) > _KURTOSIS_WITHIN:
        distances = (numbers - found).abs()
        beyond = float((distances > 0.04).float().mean())
        raise Complaint(
            f"have the right mean and standard deviation, but {100 * beyond:.0f} % of them are "
            f"further than 0.04 from the mean, the furthest {float(distances.max()):.2g}. Of a "
            "normal distribution it is 5 %. Use `nn.init.normal_`."
        )


def _complain_of_what_is_not_0(layer: nn.Module, before: Before) -> None:
    numbers = _numbers_of(layer, "bias", before)
    if not numbers.any():
        return
    if torch.equal(numbers, before["bias"]):
        raise Complaint(
            f"stay as they were, up to {float(numbers.abs().max()):.1g}. They should be 0: "
            "`nn.init.zeros_`."
        )
    if numbers.std() < 1e-6:
        raise Complaint(f"are all {float(numbers[0]):.2g}. They should be 0.")
    raise Complaint(
        f"are random, with standard deviation {float(numbers.std()):.1g}. They should be 0: "
        "`nn.init.zeros_`."
    )


# Stands for a module's mode among what it held before.
_MODE = "train mode"


def _complain_of_the_rest(
    layer: nn.Module, before: Before, ours: Sequence[str] = ("weight", "bias")
) -> None:
    """What is not to be initialised stays as it is. ours : what may have other numbers."""
    if bool(before[_MODE]) != layer.training:
        modes = ["eval mode", "train mode"]
        raise Complaint(
            f"is in {modes[layer.training]}, before it was in {modes[not layer.training]}. "
            "Initialising has nothing to do with it."
        )
    after = layer.state_dict()
    for name, value in before.items():
        if name == _MODE:
            continue
        now = after.get(name)
        if now is None:
            raise Complaint(f"has no `{name}` any more. Leave it as it is.")
        if now.dtype != value.dtype:
            raise Complaint(
                f"has a `{name}` of {now.dtype}, before it was {value.dtype}. Change the numbers "
                "in place."
            )
        if name not in ours and not torch.equal(now, value):
            raise Complaint(
                f"has another `{name}` than before. Only weights and biases of convolutions and "
                "dense layers, scales and shifts of BatchNorm are to change."
            )


def _complain_of_equal_weights(one: nn.Module, other: nn.Module) -> None:
    if torch.equal(one.weight, other.weight):
        raise Complaint(
            "are the same numbers. Leave the seed out of init_weights: whoever builds the network "
            "sets it, once."
        )


_KINDS = (nn.ConvTranspose2d, nn.Conv2d, nn.Linear)
_NORM_KINDS = (nn.BatchNorm2d, nn.BatchNorm1d)


def _normal(mean: float, deviation: float) -> Callable:
    return functools.partial(nn.init.normal_, mean=mean, std=deviation)


def _uniform(half: float, about: float = 0.0) -> Callable:
    return functools.partial(nn.init.uniform_, a=about - half, b=about + half)


_as_asked, _scales_as_asked = _normal(0.0, 0.02), _normal(1.0, 0.02)


def _zero(bias: torch.Tensor) -> None:
    nn.init.zeros_(bias)


def _leave(numbers: torch.Tensor) -> None:
    pass


def _init(
    *,
    kinds: tuple = _KINDS,
    norm_kinds: tuple = _NORM_KINDS,
    weights: Callable = _as_asked,
    biases: Callable = _zero,
    scales: Callable = _scales_as_asked,
    shifts: Callable = _zero,
) -> Callable:
    """A wrong answer that differs from the reference in some part."""

    def init_weights(module):
        if isinstance(module, kinds):
            weights(module.weight)
            if module.bias is not None:
                biases(module.bias)
        elif isinstance(module, norm_kinds) and module.affine:
            scales(module.weight)
            shifts(module.bias)

    return init_weights


def _works_on_a_copy(module):
    module = copy.deepcopy(module)
    reference.init_weights(module)
    return module


def _assigns_a_tensor(module):
    if isinstance(module, _KINDS):
        module.weight = torch.randn(module.weight.shape) * 0.02


def _in_place_on_a_leaf(module):
    if isinstance(module, _KINDS):
        module.weight.normal_(0.0, 0.02)


def _needs_weights(module):
    if isinstance(module, _NORM_KINDS):
        if module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
    else:
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _needs_biases(module):
    if isinstance(module, _KINDS):
        nn.init.normal_(module.weight, 0.0, 0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, _NORM_KINDS) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _needs_scales(module):
    if isinstance(module, _KINDS):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, _NORM_KINDS):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _needs_scales_with_data(module):
    name = module.__class__.__name__
    if "Conv" in name or "Linear" in name:
        nn.init.normal_(module.weight.data, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias.data)
    elif "BatchNorm" in name:
        nn.init.normal_(module.weight.data, 1.0, 0.02)
        nn.init.zeros_(module.bias.data)


def _whatever_has_weights(module):
    if isinstance(module, _NORM_KINDS) or getattr(module, "weight", None) is None:
        return reference.init_weights(module)
    nn.init.normal_(module.weight, 0.0, 0.02)
    if getattr(module, "bias", None) is not None:
        nn.init.zeros_(module.bias)


def _whatever_has_parameters(module):
    for name, parameter in module.named_parameters(recurse=False):
        if name == "bias":
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, float(parameter.ndim == 1), 0.02)


def _switches_to_eval(module):
    reference.init_weights(module)
    module.eval()


def _resets_statistics(module):
    reference.init_weights(module)
    if isinstance(module, _NORM_KINDS):
        module.reset_running_stats()


def _makes_doubles(module):
    reference.init_weights(module)
    module.double()


def _looks_at_children(module):
    for child in module.children():
        reference.init_weights(child)


def _freezes_weights(module):
    reference.init_weights(module)
    for parameter in module.parameters(recurse=False):
        parameter.requires_grad_(False)


def _seeds(module):
    torch.manual_seed(0)
    reference.init_weights(module)


def _init_by_class_name(module):
    name = module.__class__.__name__
    bias = getattr(module, "bias", None)
    if name.startswith("Conv") or "Linear" in name:
        nn.init.normal_(module.weight.data, 0.0, 0.02)
    elif name.find("BatchNorm") != -1 and module.weight is not None:
        nn.init.normal_(module.weight.data, 1.0, 0.02)
    if isinstance(bias, torch.Tensor):
        nn.init.constant_(bias.data, 0)


def _init_by_shape(module):
    if not isinstance(module, (*_KINDS, *_NORM_KINDS)):
        return
    with torch.no_grad():
        for name, parameter in module.named_parameters(recurse=False):
            if name == "bias":
                parameter.zero_()
            else:
                mean = 1.0 if parameter.ndim == 1 else 0.0
                parameter.copy_(mean + 0.02 * torch.randn_like(parameter))


def _init_by_match(module):
    match module:
        case nn.Conv2d() | nn.ConvTranspose2d() | nn.Linear():
            module.weight.data.normal_(0, 0.02)
            if module.bias is not None:
                module.bias.data.fill_(0)
        case nn.BatchNorm2d(affine=True) | nn.BatchNorm1d(affine=True):
            module.weight.data.normal_(1.0, 0.02)
            module.bias.data.zero_()
    return module


def _init_by_numpy(module):
    if not isinstance(module, (*_KINDS, *_NORM_KINDS)) or module.weight is None:
        return
    is_norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    drawn = np.random.normal(float(is_norm), 0.02, module.weight.shape)
    module.weight.data = torch.from_numpy(drawn.astype(np.float32))
    if module.bias is not None:
        module.bias.data *= 0


def _init_with_new_parameters(module):
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        module.weight = nn.Parameter(torch.empty_like(module.weight).normal_(std=0.02))
        if module.bias is not None:
            module.bias = nn.Parameter(torch.zeros_like(module.bias))
    elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and module.affine:
        module.weight = nn.Parameter(1 + 0.02 * torch.randn(module.num_features))
        module.bias = nn.Parameter(torch.zeros(module.num_features))


def _init_of_everything_below(module):
    for each in module.modules():
        reference.init_weights(each)


_PLAIN_NORMAL = "`nn.init.normal_(module.weight, 0.0, 0.02)`"

init_weights: Exercise = lesson.exercise(
    reference.init_weights,
    probe=_init_probe,
    mistakes={
        "deviation_ten_times": Mistake(
            "Your weights have standard deviation 0.2. It is 0.02: " + _PLAIN_NORMAL + ".",
            _init(weights=_normal(0.0, 0.2)),
        ),
        "deviation_a_tenth": Mistake(
            "Your weights have standard deviation 0.002. It is 0.02: " + _PLAIN_NORMAL + ".",
            _init(weights=_normal(0.0, 0.002)),
        ),
        "variance": Mistake(
            "Your weights have standard deviation 0.14, the root of 0.02: you take 0.02 for the "
            "variance. It is the standard deviation, which `normal_` takes.",
            _init(weights=_normal(0.0, math.sqrt(0.02))),
        ),
        "variance_everywhere": Mistake(
            "Weights and scales have standard deviation 0.14, the root of 0.02: you take 0.02 for "
            "the variance. It is the standard deviation, which `normal_` takes.",
            _init(weights=_normal(0.0, math.sqrt(0.02)), scales=_normal(1.0, math.sqrt(0.02))),
        ),
        "deviation_squared": Mistake(
            "Your weights have standard deviation 0.0004, the square of 0.02. `normal_` takes the "
            "standard deviation as it is: " + _PLAIN_NORMAL + ".",
            _init(weights=_normal(0.0, 0.0004)),
        ),
        "deviation_one": Mistake(
            "Your weights have standard deviation 1. It is 0.02. (`normal_(w, 0.02)` sets the mean "
            "to 0.02; the deviation is the next argument.) " + _PLAIN_NORMAL + ".",
            _init(weights=nn.init.normal_),
        ),
        "weights_about_one": Mistake(
            "The weights of convolutions and dense layers are drawn about 1. That is for "
            "BatchNorm's scale; theirs have mean 0.",
            _init(weights=_normal(1.0, 0.02)),
        ),
        "scales_about_zero": Mistake(
            "BatchNorm's scale has mean 0, so it shrinks what it has normalised to a fiftieth. It "
            "is drawn about 1: `nn.init.normal_(module.weight, 1.0, 0.02)`.",
            _init(scales=_normal(0.0, 0.02)),
        ),
        "everything_about_zero": Mistake(
            "You draw every `weight` and `bias` from N(0, 0.02), BatchNorm's too. Its scale is "
            "drawn about 1, and all biases and shifts are 0.",
            _init(biases=_normal(0.0, 0.02), scales=_normal(0.0, 0.02), shifts=_normal(0.0, 0.02)),
        ),
        "scales_untouched": Mistake(
            "BatchNorm stays as PyTorch made it, its scales are all 1. They are drawn from N(1, "
            "0.02): ask for nn.BatchNorm1d and nn.BatchNorm2d, then "
            "`nn.init.normal_(module.weight, 1.0, 0.02)`.",
            _init(scales=_leave),
        ),
        "scales_zero": Mistake(
            "BatchNorm's scale becomes 0, so nothing comes through it any more. It is drawn from "
            "N(1, 0.02); 0 is for the shift.",
            _init(scales=_zero),
        ),
        "scale_and_shift_swapped": Mistake(
            "BatchNorm's scale becomes 0 and its shift is drawn about 1: the other way round. "
            "`weight` is the scale, `bias` the shift.",
            _init(scales=_zero, shifts=_normal(1.0, 0.02)),
        ),
        "shifts_random": Mistake(
            "BatchNorm's shift (its `bias`) is drawn at random, with standard deviation 0.02. It "
            "starts at 0.",
            _init(shifts=_normal(0.0, 0.02)),
        ),
        "shifts_one": Mistake(
            "BatchNorm's shift (its `bias`) becomes 1. It starts at 0; the scale is about 1.",
            _init(shifts=nn.init.ones_),
        ),
        "biases_untouched": Mistake(
            "The biases of convolutions and dense layers stay random, as PyTorch made them. Set "
            "them to 0, where there are any.",
            _init(biases=_leave),
        ),
        "biases_random": Mistake(
            "The biases of convolutions and dense layers are drawn from N(0, 0.02) like the "
            "weights. They start at 0.",
            _init(biases=_normal(0.0, 0.02)),
        ),
        "biases_one": Mistake(
            "The biases of convolutions and dense layers become 1. They start at 0.",
            _init(biases=nn.init.ones_),
        ),
        "transposed_forgotten": Mistake(
            "The weights of nn.ConvTranspose2d stay as they were: it is no subclass of nn.Conv2d, "
            "so name both.",
            _init(kinds=(nn.Conv2d, nn.Linear)),
        ),
        "convolution_forgotten": Mistake(
            "The weights of nn.Conv2d stay as they were. The discriminator is made of them: name "
            "it as well.",
            _init(kinds=(nn.ConvTranspose2d, nn.Linear)),
        ),
        "linear_forgotten": Mistake(
            "The weights of nn.Linear stay as they were, with a deviation of 0.072 for 64 "
            "inputs. The first layer of the generator is one: name it as well.",
            _init(kinds=(nn.ConvTranspose2d, nn.Conv2d)),
        ),
        "convolution_only": Mistake(
            "Only nn.Conv2d changes. nn.ConvTranspose2d is no subclass of it; name it, and "
            "nn.Linear.",
            _init(kinds=(nn.Conv2d,)),
        ),
        "batch_norm_1d_forgotten": Mistake(
            "nn.BatchNorm1d stays as it was, of all BatchNorms only nn.BatchNorm2d changes. Name "
            "both.",
            _init(norm_kinds=(nn.BatchNorm2d,)),
        ),
        "only_convolutions_and_batch_norm_2d": Mistake(
            "nn.Linear and nn.BatchNorm1d stay as they were. The generator's first layer is an "
            "nn.Linear, and an nn.BatchNorm1d may follow it: name them as well.",
            _init(kinds=(nn.ConvTranspose2d, nn.Conv2d), norm_kinds=(nn.BatchNorm2d,)),
        ),
        "convolutions_only": Mistake(
            "Only the two kinds of convolution change. nn.Linear has weights from N(0, 0.02) too, "
            "BatchNorm scales from N(1, 0.02).",
            _init(kinds=(nn.ConvTranspose2d, nn.Conv2d), norm_kinds=()),
        ),
        "weights_constant": Mistake(
            "All your weights are 0.02. Then all channels compute the same and learn the same: "
            "draw them from N(0, 0.02).",
            _init(weights=functools.partial(nn.init.constant_, val=0.02)),
        ),
        "weights_zero": Mistake(
            "All your weights are 0. Then all channels compute the same and learn the same: draw "
            "them from N(0, 0.02).",
            _init(weights=_zero),
        ),
        "uniform": Mistake(
            "Your weights are uniform between -0.02 and 0.02, deviation 0.012. Draw them from a "
            "normal distribution: " + _PLAIN_NORMAL + ".",
            _init(weights=_uniform(0.02)),
        ),
        "uniform_everywhere": Mistake(
            "Weights and scales are uniform within 0.02, deviation 0.012. Draw them from a normal "
            "distribution: `nn.init.normal_`.",
            _init(weights=_uniform(0.02), scales=_uniform(0.02, 1.0)),
        ),
        "uniform_of_the_same_deviation": Mistake(
            "Your weights have the right standard deviation but are uniform: none is further than "
            "0.035 from 0. Draw them from a normal distribution: " + _PLAIN_NORMAL + ".",
            _init(weights=_uniform(0.02 * math.sqrt(3))),
        ),
        "truncated": Mistake(
            "You cut the normal distribution off at two deviations, which leaves a deviation of "
            "0.018. Use `normal_`, or `trunc_normal_` without bounds.",
            _init(weights=lambda w: nn.init.trunc_normal_(w, 0.0, 0.02, -0.04, 0.04)),
        ),
        "xavier": Mistake(
            "Your weights have Xavier's (Glorot's) deviation, which depends on the size of the "
            "layer: 0.043 and 0.12 here. DCGAN takes 0.02 for all: " + _PLAIN_NORMAL + ".",
            _init(weights=nn.init.xavier_normal_),
        ),
        "kaiming": Mistake(
            "Your weights have Kaiming He's deviation, which depends on the number of inputs: "
            "0.044 and 0.18 here. DCGAN takes 0.02 for all: " + _PLAIN_NORMAL + ".",
            _init(weights=nn.init.kaiming_normal_),
        ),
        "copied": Mistake(
            "Nothing has changed: your function works on a copy, or gives a variable of its own "
            "another value. `apply` throws away what is returned: change the module itself, as "
            "the functions `nn.init.…_` do.",
            _works_on_a_copy,
        ),
        "assigns_a_tensor": Mistake(
            "A parameter cannot be replaced by a plain tensor. Change its numbers in place: "
            + _PLAIN_NORMAL
            + ".",
            _assigns_a_tensor,
        ),
        "in_place_on_a_leaf": Mistake(
            "PyTorch refuses to change a parameter in place while it records gradients. "
            + _PLAIN_NORMAL
            + " switches that off, as does `with torch.no_grad():`.",
            _in_place_on_a_leaf,
        ),
        "needs_weights": Mistake(
            "Your function fails on modules without weights of their own, such as nn.ReLU: "
            "`apply` hands over every module, the network itself included. Ask with `isinstance` "
            "first.",
            _needs_weights,
        ),
        "needs_biases": Mistake(
            "Your function fails on layers without a bias (`bias=False`), where `module.bias` is "
            "None. Ask `if module.bias is not None` first.",
            _needs_biases,
        ),
        "needs_scales": Mistake(
            "Your function fails on a BatchNorm with `affine=False`, whose `weight` and `bias` "
            "are None. Ask `module.affine` first.",
            _needs_scales,
        ),
        "needs_scales_with_data": Mistake(
            "A BatchNorm made with affine=False has no `weight` and no `bias`; they are None. Ask "
            "`module.affine` first.",
            _needs_scales_with_data,
        ),
        "shifts_left": Mistake(
            "Right for a new network, whose shifts are 0. Set BatchNorm's `bias` to 0 all the "
            "same: init_weights has to start a used network anew, too.",
            _init(shifts=_leave),
        ),
        "other_layers_too": Mistake(
            "You draw the weights of everything that has some. Ask for nn.Conv2d, "
            "nn.ConvTranspose2d, nn.Linear and the BatchNorms; any other module stays as it is.",
            _whatever_has_weights,
        ),
        "other_parameters_too": Mistake(
            "You draw every parameter, whatever the module. Ask for nn.Conv2d, nn.ConvTranspose2d, "
            "nn.Linear and the BatchNorms; any other module stays as it is.",
            _whatever_has_parameters,
        ),
        "switched_to_eval": Mistake("Leave out `.eval()`.", _switches_to_eval),
        "statistics_reset": Mistake(
            "Running statistics are no weights: leave them as they are.", _resets_statistics
        ),
        "doubles": Mistake("Leave the dtype as it is.", _makes_doubles),
        "frozen": Mistake(
            "The numbers are right, but afterwards they cannot learn: requires_grad is False. "
            "Leave it alone.",
            _freezes_weights,
        ),
        "seeds": Mistake(
            "You set the seed inside init_weights, so all layers of one shape get the same "
            "numbers, in the generator and in every other network. Leave it out.",
            _seeds,
        ),
    },
    hints=[
        "`apply` calls the function with every module of the network in turn, also with ReLU and "
        "with the network itself. `isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)` "
        "tells whether it has weights to set. Which of them have a bias?",
        "`nn.init.normal_(module.weight, 0.0, 0.02)` and, if `module.bias is not None`, "
        "`nn.init.zeros_(module.bias)`; for a BatchNorm whose `module.affine` is true "
        "`nn.init.normal_(module.weight, 1.0, 0.02)` and `nn.init.zeros_(module.bias)`.",
    ],
    right=[
        _init_by_class_name,
        _init_by_shape,
        _init_by_match,
        _init_by_numpy,
        _init_with_new_parameters,
        _init_of_everything_below,
        _looks_at_children,
        _init(weights=functools.partial(nn.init.trunc_normal_, std=0.02)),
    ],
    returns="nothing",
    difficulty=2,
    minutes=6,
    seconds=5.0,
)
"""init_weights(module) initialises one module in place; network.apply(init_weights) calls it with
every module of the network, the network itself included.

nn.Conv2d, nn.ConvTranspose2d, nn.Linear: weights from N(0, 0.02), 0.02 being the standard
deviation, biases (where there are any) 0. nn.BatchNorm1d and nn.BatchNorm2d: scale from N(1, 0.02),
shift 0 (unless `affine=False`). Any other module stays as it is. What the function returns does not
matter.
"""


# --- generator_loss ---------------------------------------------------------------------------

_LOGITS = torch.tensor([[-2.0], [1.0], [3.0]])
_MORE_LOGITS = torch.tensor([[0.5], [-1.0], [2.0], [-0.3], [4.0]])
_ONE_LOGIT = torch.tensor([[-1.5]])
_EXTREME_LOGITS = torch.tensor([[-200.0], [200.0]])
# None is 0, where formulas with abs or clamp have another gradient.
_SURE_LOGITS = torch.tensor([[-5.0], [0.3], [2.0], [6.0]])


def _written(logits: torch.Tensor) -> str:
    return "[" + ", ".join(f"[{float(f'{logit:g}')}]" for logit in logits.flatten().tolist()) + "]"


def _scalar(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        told = f"the float {value:.4g}" if isinstance(value, float) else kind_of(value)
        raise Complaint(
            f"is {told}. It has to be a tensor, through which gradients flow back: leave out "
            "`.item()`, `.tolist()`, `float()` and NumPy."
        )
    if value.numel() != 1:
        raise Complaint(
            f"has shape {tuple(value.shape)}: it still has several numbers. The loss of a batch "
            "is one number, the mean over its images."
        )
    return value.reshape(())


def _loss_value(value: Any) -> float | None:
    """To six digits, as the learner reads it."""
    return None if value is None else float(f"{_scalar(value).item():.6g}")


def _loss_of(attempt: Callable, logits: torch.Tensor) -> float | None:
    try:
        return _loss_value(attempt(logits))
    except (RuntimeError, ValueError) as error:
        if len(logits) > 1 or "size" not in str(error):
            raise
        raise Complaint(
            f"cannot be computed: {error} Is there a `.squeeze()`? It drops the batch axis of a "
            "batch of one, too; make the targets of the logits' shape instead, `torch.ones_like`."
        ) from None


def _loss_probe(attempt: Callable) -> Asking:
    for logits in (_LOGITS, _ONE_LOGIT, _MORE_LOGITS, _EXTREME_LOGITS):
        given = logits.clone()
        yield Question(
            f"generator_loss(torch.tensor({_written(logits)}))",
            lambda given=given: _loss_of(attempt, given),
            required=False,
            inputs={"fake_logits": given},
        )
    yield ask(
        f"The gradient of generator_loss at the logits {_written(_SURE_LOGITS)}",
        lambda: _loss_gradient(attempt, _SURE_LOGITS),
        required=False,
    )
    yield ask(
        f"The gradient of generator_loss at the logits {_written(_EXTREME_LOGITS)}",
        lambda: _loss_gradient(attempt, _EXTREME_LOGITS),
        required=False,
    )


def _loss_gradient(attempt: Callable, logits: torch.Tensor) -> torch.Tensor:
    leaf = logits.clone().requires_grad_()
    loss = _scalar(attempt(leaf * 1.0))  # logits are no leaf, they come from a network
    if not loss.requires_grad:
        raise Complaint(
            "does not exist: the loss is cut off from the logits. Leave out `.detach()`, `.data` "
            "and `torch.no_grad()`."
        )
    (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
    if gradient is None:
        raise Complaint("does not exist: the loss does not depend on these logits.")
    return gradient


_bce = F.binary_cross_entropy_with_logits


def _towards(target: float) -> Callable:
    return lambda fake_logits: _bce(fake_logits, torch.full_like(fake_logits, target))


def _targets_of_shape(*shape: int) -> Callable:
    return lambda fake_logits: _bce(fake_logits, torch.ones(*shape))


def _loss_by_a_criterion(fake_logits):
    criterion = nn.BCEWithLogitsLoss()
    return criterion(fake_logits.squeeze(1), torch.ones(fake_logits.size(0)))


def _loss_by_two_classes(fake_logits):
    pairs = torch.cat([torch.zeros_like(fake_logits), fake_logits], 1)
    return F.cross_entropy(pairs, torch.ones(len(pairs), dtype=torch.long))


generator_loss: Exercise = lesson.exercise(
    losses.generator_loss,
    probe=_loss_probe,
    mistakes={
        "labels_swapped": Mistake(
            "You compare the fakes with 0, as the discriminator does. The generator wants them to "
            "pass for real: its targets are 1.",
            _towards(0.0),
        ),
        "saturating": Mistake(
            "You return minus the discriminator's loss, the game as it stands on paper. It has the "
            "right optimum but hardly a gradient where the discriminator is sure: for an image "
            "with a logit of -5 it is 0.007, not 0.993. Compare the logits with targets of 1.",
            lambda fake_logits: -_bce(fake_logits, torch.zeros_like(fake_logits)),
        ),
        "negative": Mistake(
            "The sign is the wrong way round: you return the mean of log D, which gets larger the "
            "better the fakes are. A loss is minimised: minus that.",
            lambda fake_logits: F.logsigmoid(fake_logits).mean(),
        ),
        "sigmoid_twice": Mistake(
            "The sigmoid comes twice: you apply it, and `binary_cross_entropy_with_logits` does so "
            "again. Hand it the logits as they are.",
            lambda fake_logits: _bce(fake_logits.sigmoid(), torch.ones_like(fake_logits)),
        ),
        "no_sigmoid": Mistake(
            "You hand logits to `binary_cross_entropy`, which takes probabilities between 0 and 1. "
            "Its name has to end in `_with_logits`.",
            lambda fake_logits: F.binary_cross_entropy(fake_logits, torch.ones_like(fake_logits)),
        ),
        "naive_logarithm": Mistake(
            "At a logit of -200 your loss is infinite; it should be 200. In float32 the sigmoid is "
            "0 there, and exp(200) infinite, before the logarithm is taken. Use "
            "`F.binary_cross_entropy_with_logits` or `F.logsigmoid`, which do both in one.",
            lambda fake_logits: -torch.log(torch.sigmoid(fake_logits)).mean(),
        ),
        "clamped_logarithm": Mistake(
            "You take the sigmoid first and then `binary_cross_entropy`. At a logit of -200 the "
            "sigmoid is 0 in float32, the logarithm is cut off at -100, and no gradient comes "
            "back. Use `F.binary_cross_entropy_with_logits` on the logits.",
            lambda fake_logits: F.binary_cross_entropy(
                fake_logits.sigmoid(), torch.ones_like(fake_logits)
            ),
        ),
        "logarithm_with_eps": Mistake(
            "You add 1e-8 to the sigmoid before the logarithm. At a logit of -200 the loss stops "
            "at 18.4 instead of 200, and no gradient comes back. Use "
            "`F.binary_cross_entropy_with_logits` on the logits.",
            lambda fake_logits: -torch.log(fake_logits.sigmoid() + 1e-8).mean(),
        ),
        "logarithm_of_a_clamp": Mistake(
            "You keep the sigmoid away from 0 by a clamp of 1e-7. At a logit of -200 the loss "
            "stops at 16.1 instead of 200, and no gradient comes back. Use "
            "`F.binary_cross_entropy_with_logits` on the logits.",
            lambda fake_logits: -torch.log(fake_logits.sigmoid().clamp(1e-7, 1 - 1e-7)).mean(),
        ),
        "sum": Mistake(
            "You add the images up. Take their mean, or the step size depends on the batch size.",
            lambda fake_logits: _bce(fake_logits, torch.ones_like(fake_logits), reduction="sum"),
        ),
        "not_reduced": Mistake(
            "You return a loss for each image. Take their mean, one number: leave "
            "`reduction='none'` out, or end in `.mean()`.",
            lambda fake_logits: F.softplus(-fake_logits),
        ),
        "mean_first": Mistake(
            "You average the logits and then take the loss of that one number. Take the loss of "
            "each logit first, then the mean.",
            lambda fake_logits: F.softplus(-fake_logits.mean()),
        ),
        "detached": Mistake(
            "The value is right, but no gradient comes back to the logits, so the generator would "
            "learn nothing: leave out `.detach()` and `torch.no_grad()`.",
            lambda fake_logits: _towards(1.0)(fake_logits.detach()),
        ),
        "item": Mistake(
            "The value is right, but it is a Python float (`.item()` or `float()`). Return the "
            "tensor, or no gradient can flow back.",
            lambda fake_logits: _towards(1.0)(fake_logits).item(),
        ),
        "hinge": Mistake(
            "You return minus the mean logit, the generator's loss in a Wasserstein or hinge GAN. "
            "DCGAN takes -log D: cross entropy with targets of 1.",
            lambda fake_logits: -fake_logits.mean(),
        ),
        "hinge_with_margin": Mistake(
            "You return the hinge loss max(0, 1 - logit), which gives sure fakes no gradient. "
            "DCGAN takes -log D: cross entropy with targets of 1.",
            lambda fake_logits: F.relu(1 - fake_logits).mean(),
        ),
        "least_squares": Mistake(
            "You return the squared distance of the logits from 1, as in a least-squares GAN. "
            "DCGAN takes -log D: cross entropy with targets of 1.",
            lambda fake_logits: F.mse_loss(fake_logits, torch.ones_like(fake_logits)),
        ),
        "squares_of_probabilities": Mistake(
            "You return the squared distance of D from 1. Its gradient vanishes where D is near 0: "
            "take -log D, cross entropy with targets of 1.",
            lambda fake_logits: ((fake_logits.sigmoid() - 1) ** 2).mean(),
        ),
        "probability": Mistake(
            "You return the mean of 1 - D, without a logarithm. Its gradient vanishes where D is "
            "near 0: take -log D, cross entropy with targets of 1.",
            lambda fake_logits: (1 - fake_logits.sigmoid()).mean(),
        ),
        "smooth": Mistake(
            "Your targets are 0.9. Smoothing is for the discriminator's real images alone; here "
            "the targets are 1.",
            _towards(0.9),
        ),
        "target_half": Mistake(
            "Your targets are 0.5, and the generator would aim at fakes that leave D undecided. "
            "Its targets are 1.",
            _towards(0.5),
        ),
        "both_losses": Mistake(
            "You add the loss with targets of 0 as well. That is the discriminator's business; "
            "here the targets are 1, and that is all.",
            lambda fake_logits: _towards(1.0)(fake_logits) + _towards(0.0)(fake_logits),
        ),
        "half": Mistake(
            "You take half of the loss. The half is sometimes put before the discriminator's two "
            "terms; the generator has one.",
            lambda fake_logits: 0.5 * _towards(1.0)(fake_logits),
        ),
        "bits": Mistake(
            "You take the logarithm to base 2. The loss is in nats: the natural logarithm.",
            lambda fake_logits: F.softplus(-fake_logits).mean() / math.log(2),
        ),
        "softmax": Mistake(
            "Your loss is always 0: `cross_entropy` takes a softmax over the classes, and over a "
            "single logit that is always 1. Use `binary_cross_entropy_with_logits`.",
            lambda fake_logits: F.cross_entropy(
                fake_logits, torch.zeros(len(fake_logits), dtype=torch.long)
            ),
        ),
        "first_logit_only": Mistake(
            "You look at the first image of the batch alone. Take the mean over all of them.",
            lambda fake_logits: F.softplus(-fake_logits[0, 0]),
        ),
        "divided_by_64": Mistake(
            "You divide by 64, whatever the size of the batch. Take the mean, or divide by "
            "`len(fake_logits)`.",
            lambda fake_logits: F.softplus(-fake_logits).sum() / 64,
        ),
        "targets_of_64": Mistake(
            "Your targets are 64, whatever the size of the batch. Make them of the logits' shape: "
            "`torch.ones_like(fake_logits)`.",
            _targets_of_shape(64, 1),
        ),
        "targets_without_a_column": Mistake(
            "The logits have shape (N, 1), your targets (N,). Make them alike: "
            "`torch.ones_like(fake_logits)`.",
            lambda fake_logits: _bce(fake_logits, torch.ones(len(fake_logits))),
        ),
    },
    hints=[
        "The generator wants the discriminator to say real, that is 1, of its images. Which loss "
        "is small when a logit is large and positive, and still has a gradient when it is -5?",
        "`F.binary_cross_entropy_with_logits(fake_logits, targets)` with targets of the same shape "
        "that are all 1.",
    ],
    right=[
        _loss_by_a_criterion,
        _loss_by_two_classes,
        lambda fake_logits: F.softplus(-fake_logits).mean(),
        lambda fake_logits: -F.logsigmoid(fake_logits).sum() / fake_logits.numel(),
        lambda fake_logits: torch.logaddexp(torch.zeros(()), -fake_logits).mean(),
        lambda fake_logits: torch.mean(_bce(fake_logits, fake_logits * 0 + 1, reduction="none"), 0),
    ],
    returns="a tensor with one number",
    difficulty=1,
    minutes=4,
    tolerance=1e-4,
)
"""generator_loss(fake_logits) is the generator's loss on the discriminator's logits for its images.

fake_logits : (N, 1), before any sigmoid. Returns a tensor with one number, the mean over the batch
of -log D, where D = sigmoid(logit): in nats, finite for logits of -200 and 200 too, and with a
gradient for the logits.
"""


# --- build_generator, in Keras ------------------------------------------------------------------

build_generator: Exercise = keras_generator.register_build_generator(lesson)
