"""What the checks of discriminators in PyTorch share: complaints, and parts of banked answers.

Lesson 05 asks for a DCGAN discriminator, lesson 10 for one that ends in an average. A complaint
looks at what a network computes (see ``torch_networks``) and names the mistake as lesson 05's bank
does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from helpers.checks.engine import Complaint
from helpers.checks.torch_networks import (
    INPUT,
    Passage,
    Step,
    Trace,
    complain_of_cut_inputs,
    complain_of_learning,
    complain_of_shared_modules,
    complain_of_shared_weights,
    keeping_state,
    listing,
    named,
    network_of,
    tensor_of,
    watch,
)


def numbers(*shape: int, seed: int = 1) -> torch.Tensor:
    """Standard normal numbers, the same in every process."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=draw)


IMAGES = torch.tanh(numbers(8, 3, 32, 32, seed=2))


# --- complaints ---------------------------------------------------------------------------------


def _slope(ratio: float) -> str:
    """The mistake that a slope other than 0.2 is a sign of."""
    known = {"relu": 0.0, "default_slope": 0.01, "no_activation": 1.0}
    found = [slug for slug, slope in known.items() if abs(ratio - slope) < 0.004]
    return found[0] if found else "another_slope"


def complain_of_activations(hidden: Sequence[Passage]) -> None:
    """Anything but LeakyReLU with slope 0.2 between two layers."""
    told: list[str] = []
    slugs: list[str] = []
    leaky: dict[str, list[str]] = {}
    for passage in hidden:
        activation = passage.activation()
        name = passage.source.name
        if not activation.elementwise:
            raise Complaint(
                f"what follows {name} does not treat each number by itself. Between two layers "
                "come batch normalisation (where it belongs) and LeakyReLU, nothing else."
            )
        if activation.ratio is None:
            told.append(f"{name} is followed by {activation}")
            slugs.append("another_activation")
        elif abs(activation.ratio - 0.2) > 0.006:
            leaky.setdefault(f"{activation.ratio:.2f}", []).append(name)
            slugs.append(_slope(activation.ratio))
    told += [
        f"for negative inputs, what follows {listing(names)} passes on {ratio} of the value"
        for ratio, names in leaky.items()
    ]
    if told:
        mistake = slugs[0]
        if len(slugs) < len(hidden):
            mistake = "one_activation_differs"
        elif len(set(slugs)) > 1:
            mistake = "another_activation" if "another_activation" in slugs else "another_slope"
        raise Complaint(f"{'; '.join(told)}; DCGAN's LeakyReLU passes 0.20.", mistake)


def passes_all(passage: Passage) -> bool:
    """Whether nothing is done to single numbers, apart from a scale and a shift."""
    ratio = passage.activation().ratio
    return ratio is not None and abs(ratio - 1) < 0.01


def complain_of_kind(normalised: Sequence[Passage]) -> None:
    """Normalisation that is not batch normalisation in its usual place."""
    other, late, twice, always = [], [], [], []
    for passage in normalised:
        seen, name = passage.normalisation(), passage.source.name
        if seen.over == "image":
            other.append(name)
        elif not seen.before:
            late.append(name)
        elif seen.after and not passes_all(passage):
            twice.append(name)
        elif passage.normalisation(training=False).over:
            always.append(name)
    if other:
        raise Complaint(
            f"after {listing(other)} each image is normalised by itself: three times the values in "
            "the first image change nothing in the others.",
            "normalised_per_image",
        )
    if late:
        raise Complaint(
            f"after {listing(late)} the activation comes first and batch normalisation second: a "
            "number that is added before both is not taken out again.",
            "batch_norm_after_activation",
        )
    if twice:
        raise Complaint(
            f"after {listing(twice)} another batch normalisation follows the activation: what "
            "comes out has the same mean and deviation whatever goes in.",
            "batch_norm_twice",
        )
    if always:
        raise Complaint(
            f"after {listing(always)} eval mode, too, normalises by the batch that it is given.",
            "no_running_statistics",
        )


def complain_of_biases(hidden: Sequence[Passage]) -> None:
    """A bias that batch normalisation subtracts again."""
    names = [p.source.name for p in hidden if p.source.bias is not None and p.normalisation().over]
    if names:
        raise Complaint(
            f"{listing(names)} {'adds a bias' if len(names) == 1 else 'add biases'}; batch "
            "normalisation comes next and subtracts it with the mean.",
            "bias_before_batch_norm",
        )


def complain_of_shrinking(trace: Trace, found: Sequence[Passage]) -> None:
    """Pooling of any kind, wherever it hides."""
    for passage in found:
        source = INPUT if passage.source is None else passage.source.number
        here = [each for each in trace.shrinking if each.sources == {source}]
        resized = [each.words for each in here if each.before != each.after]
        before, after = passage.sizes
        maps = len(before) == 3 and (passage.target is not None or before[1:] != (1, 1))
        if maps and (passage.shrinks or "interpolation" in resized):
            how = f" by {resized[0]}" if resized else ""
            raise Complaint(
                f"{passage.place} the maps go from {times(before)} to {times(after)}{how}. No "
                "weight takes part in it.",
                _way_of_shrinking(resized),
            )
        pools = [each.words for each in here if "pooling" in each.words]
        if pools and not passage.activation().elementwise:
            raise Complaint(f"{passage.place} comes {pools[0]}.", _way_of_shrinking(pools))


def _way_of_shrinking(words: Sequence[str]) -> str:
    said = words[0] if words else ""
    if not said or "part" in said:
        return "part_of_the_map"
    if "slice" in said:
        return "slicing"
    if said == "interpolation":
        return "interpolation"
    return "max_pooling" if "max" in said else "average_pooling"


def times(shape: Sequence[int]) -> str:
    """(4, 4) in words: 4 × 4."""
    return " × ".join(map(str, shape))


def complain_of_what_is_learnt(network: nn.Module, inputs: torch.Tensor) -> None:
    """Weights that are not learnt, or images that a generator could not learn by."""
    complain_of_learning(network, inputs)
    named("input_detached", complain_of_cut_inputs, network, inputs)


def made(attempt: Callable, *args: Any) -> Any:
    """What the call returns; a missing super().__init__() or default is named."""
    try:
        return attempt(*args)
    except AttributeError as error:
        if "before Module.__init__() call" not in str(error):
            raise
        raise Complaint(f"raised AttributeError: {error}.", "super_missing") from error
    except TypeError as error:
        if "required positional argument" not in str(error):
            raise
        raise Complaint(f"raised TypeError: {error}.", "another_default") from error


def complain_of_small_kernels(trace: Trace) -> None:
    """Kernels smaller than the stride; beside a larger one, in a shortcut, they lose nothing."""
    for step in trace.of_kind("convolution"):
        beside = [each for each in trace.steps if each.sources == step.sources]
        if all(min(each.kernel_size, default=99) < max(each.stride, default=1) for each in beside):
            kernel, stride = times(step.kernel_size), times(step.stride)
            raise Complaint(
                f"{step.name} has a kernel of {kernel} and a stride of {stride}: it skips pixels.",
                "kernel_too_small",
            )


def complain_of_constant_weights(trace: Trace) -> None:
    """Filters that all begin alike, but for a last layer's, which can learn."""
    constant = [
        step.name
        for step in trace.steps
        if step.number not in trace.sources
        and step.weight.numel() > 1
        and step.weight.max() == step.weight.min()
    ]
    if constant:
        raise Complaint(f"in {listing(constant)} all of them are the same.", "constant_weights")


def complain_of_logits(logits: Any) -> None:
    shape = tuple(tensor_of(logits).shape)
    if shape == (8, 1):
        return
    count = tensor_of(logits).numel()
    mistake = ""
    if shape == (8,):
        mistake = "logits_squeezed"
    elif len(shape) == 4 and shape[:2] == (8, 1):
        mistake = "logits_as_maps"
    elif shape and shape[0] != 8 and shape[0] * (shape[1] if shape[1:] else 1) != 8:
        mistake = "batch_not_kept"
    elif len(shape) == 2 and shape[0] == 8:
        mistake = "more_than_one_logit"
    elif count == 1:
        mistake = "batch_not_kept"
    raise Complaint(f"has shape {shape}, not (8, 1).", mistake)


def logits_of(network: nn.Module) -> Any:
    """What comes of 8 images; maps that reach the dense layer unflattened are told so."""
    try:
        return network(IMAGES.clone())
    except RuntimeError as error:
        found = re.search(r"shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x", str(error))
        if not found:
            raise
        rows, columns, expected = map(int, found.groups())
        told = f"raised RuntimeError: {error}. The dense layer expects {expected} numbers and gets "
        if rows != len(IMAGES):
            raise Complaint(f"{told}rows of {columns}.", "flatten_missing") from error
        raise Complaint(
            f"{told}{columns} for each image.", "dense_layer_of_another_size"
        ) from error


def complain_of_batch_size(network: nn.Module, counts: Sequence[int]) -> None:
    """Batches that are not 8; one of a single image in eval mode, others in train mode."""
    with keeping_state(network), torch.no_grad():
        for count in counts:
            network.train(count > 1)
            mode = "" if count > 1 else " in eval mode"
            images = "1 image" if count == 1 else f"{count} images"
            try:
                logits = network(IMAGES[:count].clone())
            except Exception as error:
                raise Complaint(
                    f"8 images are fine; {images}{mode} end in {type(error).__name__}: {error}.",
                    "batch_size_fixed",
                ) from error
            try:
                shape = tuple(tensor_of(logits).shape)
            except Complaint as complaint:
                raise Complaint(f"what comes of {images}{mode} {complaint}") from None
            if shape != (count, 1):
                raise Complaint(
                    f"for {images}{mode} the logits have shape {shape}, not ({count}, 1).",
                    "batch_size_fixed",
                )


def complain_of_layers(trace: Trace) -> None:
    if not trace.sources:
        raise Complaint("the logits do not depend on the images.")
    if not trace.of_kind("convolution"):
        raise Complaint(
            f"there is no convolution; what has weights is: {_named_steps(trace.steps)}.",
            "no_convolutions",
        )
    fixed = [step.name for step in trace.steps if not step.learnt]
    if fixed:
        raise Complaint(
            f"the weights of {listing(fixed)} cannot learn. That is pooling in another guise."
        )


def _named_steps(steps: Sequence[Step]) -> str:
    return listing([step.name for step in steps]) or "nothing"


def complain_of_sharing(network: nn.Module, trace: Trace) -> None:
    places = [step.weight.untyped_storage()._cdata for step in trace.steps]
    half = len(places) // 2
    if half > 1 and places == 2 * places[:half]:
        raise Complaint(
            f"forward goes through all {half} layers twice: {trace.steps[0].name} and "
            f"{trace.steps[half].name} have the same weights, and so on.",
            "called_twice",
        )
    named("shared_layer", complain_of_shared_weights, network, trace)
    named("shared_layer", complain_of_shared_modules, network, IMAGES)


def hidden_convolutions(trace: Trace) -> list[Step]:
    """All but a convolution that makes the logits."""
    return [step for step in trace.of_kind("convolution") if step.number not in trace.sources]


def widths_of(network: Any) -> list[int]:
    trace = watch(network_of(network), IMAGES[:2])
    return [step.width for step in hidden_convolutions(trace)]


def complain_of_strides(trace: Trace) -> None:
    convolutions = hidden_convolutions(trace)
    strided = [step.name for step in convolutions if min(step.stride) >= 2]
    if len(strided) < 3:
        rest = [step.name for step in convolutions if step.name not in strided]
        strides = f"stride 2 or more: {listing(strided) or 'none'}; stride 1: {listing(rest)}"
        raise Complaint(
            f"{strides if rest else listing(strided) + ' have stride 2, and that is all'}.",
            "too_few_strides",
        )
    complain_of_small_kernels(trace)


def complain_of_images(found: Sequence[Passage], trace: Trace) -> None:
    for passage in found:
        if passage.source:
            continue
        if passage.normalisation().over:
            raise Complaint(
                "they are normalised before the first convolution: made three times as bright, "
                "they have the same effect.",
                "batch_norm_on_the_images",
            )
        if not passes_all(passage):
            activation = passage.activation()
            raise Complaint(
                "something happens to them before the first convolution"
                f"{f' ({activation})' if activation.name else ''}. Nothing should.",
                "images_changed",
            )
    for step in trace.steps:
        if step.sources == {INPUT} and step.kind == "convolution" and not _are_images(step.inputs):
            seen, given = step.inputs, IMAGES
            told = (
                f"{step.name} gets numbers from {seen.min():.2f} to {seen.max():.2f}, given were "
                f"{given.min():.2f} to {given.max():.2f}."
            )
            if torch.allclose(seen.flatten().sort()[0], given.flatten().sort()[0]):
                told = f"{step.name} gets their numbers in another order."
            raise Complaint(told, "images_changed")


def _are_images(maps: torch.Tensor) -> bool:
    """Whether a convolution gets the images as they are, but for a margin."""
    if maps.shape[:2] != IMAGES.shape[:2] or maps.ndim != 4:
        return False
    height, width = IMAGES.shape[2:]
    spare = [maps.shape[2] - height, maps.shape[3] - width]
    return any(
        bool((maps[:, :, i : i + height, j : j + width] - IMAGES).abs().max() < 0.01)
        for i in range(spare[0] + 1)
        for j in range(spare[1] + 1)
    )


def _put_out(names: Sequence[str]) -> str:
    return f"{listing(names)} {'puts' if len(names) == 1 else 'put'} out"


def complain_of_normalisation(hidden: Sequence[Passage]) -> None:
    """Batch normalisation after all convolutions but the first; as you like after dense layers."""
    first = [each for each in hidden if INPUT in each.source.sources]
    others = [each for each in hidden if each not in first and each.source.kind == "convolution"]
    spare = [each.source.name for each in first if each.normalisation().over]
    missing = [each.source.name for each in others if not each.normalisation().over]
    if spare and missing:
        raise Complaint(
            f"what {_put_out(spare)} is normalised, what {_put_out(missing)} is not.",
            "batch_norm_misplaced",
        )
    if spare:
        raise Complaint(
            f"what {_put_out(spare)} is normalised: made three times as large, it has the "
            "same effect. So the images' own mean and contrast are lost.",
            "batch_norm_on_the_input_layer",
        )
    if missing:
        raise Complaint(
            f"what {_put_out(missing)} is not normalised: made three times as large, it "
            "has another effect.",
            "no_batch_norm" if len(missing) == len(others) else "batch_norm_missing_once",
        )
    complain_of_kind([each for each in hidden if each.normalisation().over])


def complain_of_end(found: Sequence[Passage]) -> None:
    """Something between the last layer's number and the logit."""
    for passage in found:
        if passage.target:
            continue
        name, before = passage.source.name, passage.sizes[0]
        if torch.Size(before).numel() > 1:
            raise Complaint(
                f"{name} puts out {times(before)} numbers per image, and the logit is made of "
                "these without weights.",
                "logits_averaged",
            )
        if passage.normalisation().over:
            raise Complaint(
                f"what {name} puts out is normalised over the batch.", "batch_norm_on_the_logits"
            )
        values = passage.values()
        change = float((passage.feed(values + 100) - passage.feed(values)).abs().mean())
        told = f"adding 100 to what {name} puts out changes the logit by {change:.2g}"
        if change < 1e-3 and passes_all(passage):
            raise Complaint(f"{told}: the batch's mean is taken away.", "batch_norm_on_the_logits")
        activation = passage.activation()
        if change < 1e-3 and not activation.elementwise:
            raise Complaint(f"{told}: it is the same for all images.", "softmax")
        if not passes_all(passage):
            mistakes = {"sigmoid": "sigmoid", "tanh": "tanh"}
            what = activation.name or "something that is no straight line"
            raise Complaint(
                f"{told}; after it comes {what}.",
                mistakes.get(activation.name, "activation_at_the_end"),
            )
        _complain_of_squashing(passage)


_LONG_LADDER = torch.tensor([-300.0, -100.0, -30.0, -3.0, 3.0, 30.0, 100.0, 300.0])


def _complain_of_squashing(passage: Passage) -> None:
    """Large logits that do not come through, or not in train mode."""
    name = passage.source.name
    for training, mode in ((False, ""), (True, " in train mode")):
        got = passage.feed(_LONG_LADDER.reshape(passage.shape), training).flatten().double()
        middle = got[3:5]  # -3 and 3
        expected = middle.mean() + (middle[1] - middle[0]) / 6 * _LONG_LADDER.double()
        if (got - expected).abs().max() <= 0.02 * expected.abs().max():
            continue
        table = ", ".join(
            f"{float(fed):g} becomes {float(logit):.3g}"
            for fed, logit in zip(_LONG_LADDER[[0, 3, 4, 7]], got[[0, 3, 4, 7]], strict=True)
        )
        raise Complaint(
            f"of what {name} puts out{mode}, {table}. Logits are not squashed.",
            "logits_squashed",
        )


# --- parts of banked answers --------------------------------------------------------------------


def halve(i: int, o: int, **options: Any) -> nn.Conv2d:
    """A convolution that halves a map's sides, as DCGAN's do."""
    return nn.Conv2d(
        i, o, **({"kernel_size": 4, "stride": 2, "padding": 1, "bias": False} | options)
    )


def norm_and_leaky(channels: int) -> list[nn.Module]:
    """What follows a convolution between two layers."""
    return [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2)]


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def build_like(
    *,
    start: Callable = lambda c: [],
    first: Callable = lambda c: [halve(3, c), nn.LeakyReLU(0.2)],
    second: Callable = lambda c: [halve(c, 2 * c), *norm_and_leaky(2 * c)],
    third: Callable = lambda c: [halve(2 * c, 4 * c), *norm_and_leaky(4 * c)],
    head: Callable = lambda c: [nn.Flatten(), nn.Linear(64 * c, 1)],
    end: Callable = lambda c: [],
    change: Callable = lambda network: network,
) -> Callable:
    """A discriminator with other layers in some places."""

    def build(conv_dim=32):
        parts = [part(conv_dim) for part in (start, first, second, third, head, end)]
        return change(nn.Sequential(*[layer for part in parts for layer in part]))

    return build
