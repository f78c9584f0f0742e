"""Check of lesson 10 on global average pooling, in PyTorch: a part of ``improvements``.

There: ``gap_discriminator = gap_discriminator.register(lesson)``. The string below is what the
lesson has to tell the learner about the exercise. All but the end of the network is lesson 05's,
so its complaints are too; the twin for Keras is ``keras_gap_discriminator``.

How the pooling is judged. Maps that are constant over their pixels come out of an average as they
are, so fed with such maps the way from the last convolution to the dense layer is one of numbers,
where lesson 05's tools find normalisation and activation. What then becomes of maps that are not
constant has to be the mean of what becomes of their pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from helpers.checks import discriminator as lesson_05
from helpers.checks import torch_discriminator_parts as shared
from helpers.checks import torch_networks as tools
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask
from helpers.checks.torch_networks import Passage, Step, Trace, named
from helpers.pytorch.discriminator import conv_block

_IMAGES = shared.IMAGES
_CONV_DIM = 3  # so that there are 12 last maps of 16 pixels, and 16 of nothing else
_SMALL = f"gap_discriminator({_CONV_DIM})"


def _probe(attempt: Callable) -> Generator[Question, Any, None]:
    usual = yield ask("gap_discriminator()", lambda: _made(attempt), compare=False)
    yield ask("What gap_discriminator() makes of 8 images", lambda: _told_logits(usual))
    small = yield ask(_SMALL, lambda: _made(attempt, _CONV_DIM), compare=False)
    trace = yield ask(f"{_SMALL}:", lambda: _small_trace(small), compare=False)
    yield ask("The batch:", lambda: _told(shared.complain_of_batch_size, small, (5, 3)))
    yield ask("The weights:", lambda: _told(shared.complain_of_what_is_learnt, small, _IMAGES))
    yield ask("The layers:", lambda: _told(shared.complain_of_layers, trace))
    yield ask("Two places:", lambda: _told(shared.complain_of_sharing, small, trace))
    yield ask("The first weights:", lambda: _told(shared.complain_of_constant_weights, trace))
    yield ask("forward:", lambda: _told(_complain_of_switched_modes, small))
    larger = yield ask("gap_discriminator(5)", lambda: _made(attempt, 5), compare=False)
    yield ask("conv_dim:", lambda: _complain_of_widths(usual, _made(attempt, 32), trace, larger))
    yield ask("Eval mode:", lambda: _told(_complain_of_chance, small))
    yield ask("Train mode:", lambda: _told(_complain_of_noise, small))
    found = yield ask("The network", lambda: _passages(small, trace), compare=False)
    pooled = yield ask("The last maps:", lambda: _pooled(small, trace, found), compare=False)
    before = [each for each in found if each.target and each is not pooled]
    yield ask("The size of the maps:", lambda: _told(_complain_of_shrinking, trace, before))
    yield ask("The convolutions:", lambda: _told(shared.complain_of_strides, trace))
    yield ask("The images:", lambda: _told(shared.complain_of_images, found, trace))
    yield ask("The average:", lambda: _complain_of_the_average(pooled))
    constant = _ConstantMaps(small, pooled)
    hidden = [constant if each is pooled else each for each in found if each.source]
    inside = [each for each in hidden if each.target]
    yield ask("The normalisation:", lambda: _told(shared.complain_of_normalisation, inside))
    yield ask("The biases:", lambda: _told(shared.complain_of_biases, inside))
    yield ask("The end of the network:", lambda: _told(_complain_of_the_end, hidden))
    yield ask("A single image:", lambda: _told(shared.complain_of_batch_size, small, (1,)))
    yield ask("One image by itself:", lambda: _told(_complain_of_company, small))
    yield ask("The activations:", lambda: _told(shared.complain_of_activations, inside))
    yield ask("Training:", lambda: _told(_complain_of_statistics, small))


def _told(complain: Callable, *args: Any) -> None:
    """Lesson 05's complaint; with its diagnosis, where the bank here does not have the mistake."""
    try:
        complain(*args)
    except Complaint as complaint:
        slug = complaint.mistake
        if not slug or slug in _MISTAKES:
            raise
        diagnosis = lesson_05.Discriminator.mistakes[slug].diagnosis
        raise Complaint(f"{complaint} {diagnosis}") from None


def _complain_of_switched_modes(network: nn.Module) -> None:
    named("mode_switched", tools.complain_of_switched_modes, network, _IMAGES)


def _complain_of_chance(network: nn.Module) -> None:
    named("chance_in_eval_mode", tools.complain_of_chance, network, _IMAGES)


def _complain_of_noise(network: nn.Module) -> None:
    named("dropout", tools.complain_of_noise, network, _IMAGES)


def _complain_of_company(network: nn.Module) -> None:
    named("images_mixed", tools.complain_of_company, network, _IMAGES)


def _complain_of_statistics(network: nn.Module) -> None:
    named("statistics_do_not_move", tools.complain_of_statistics, network, _IMAGES)


def _made(attempt: Callable, *args: Any) -> nn.Module:
    network = shared.made(attempt, *args)
    if isinstance(network, list | tuple) and all(isinstance(x, nn.Module) for x in network):
        raise Complaint(
            f"is {tools.kind_of(network)}. A list is no network yet: nn.Sequential(*layers)."
        )
    network = tools.network_of(network)
    _told(named, "left_in_eval_mode", tools.complain_of_eval_mode, network)
    return network


def _told_logits(network: nn.Module) -> None:
    """What comes of 8 images has shape (8, 1)."""
    try:
        logits = shared.logits_of(network)
    except Complaint as complaint:
        if complaint.mistake != "dense_layer_of_another_size":
            raise
        raise Complaint(str(complaint), "dense_size") from None
    _told(shared.complain_of_logits, logits)


def _small_trace(network: nn.Module) -> Trace:
    wrong = "gap_discriminator() does not."
    try:
        with tools.keeping_state(network):
            trace = tools.watch(network, _IMAGES)
    except Exception as error:
        raise Complaint(
            f"given 8 images, it raises {type(error).__name__}: {error}. {wrong}",
            "numbers_written_in",
        ) from error
    shape = tuple(tools.tensor_of(trace.output).shape)
    if shape != (8, 1):
        raise Complaint(f"given 8 images, it returns shape {shape}. {wrong}", "numbers_written_in")
    return trace


def _complain_of_widths(
    usual: nn.Module, of_32: nn.Module, small: Trace, larger: nn.Module
) -> None:
    three = [step.width for step in shared.hidden_convolutions(small)]
    five = shared.widths_of(larger)

    def told(call: str, widths: Sequence[int]) -> str:
        return f"gap_discriminator({call}) has the widths {tools.listing(list(map(str, widths)))}"

    both = f"{told(_CONV_DIM, three)}, {told(5, five)}."
    if three == five:
        raise Complaint(both, "conv_dim_ignored")
    if len(three) != len(five) or any(a >= b for a, b in zip(three, five, strict=True)):
        _told(_raise, both, "conv_dim_used_in_part")
    seen, wanted = shared.widths_of(usual), shared.widths_of(of_32)
    if seen != wanted:
        raise Complaint(f"{told('', seen)}, {told(32, wanted)}.", "another_default")


def _raise(text: str, mistake: str) -> None:
    raise Complaint(text, mistake)


def _complain_of_shrinking(trace: Trace, found: Sequence[Passage]) -> None:
    """Pooling between convolutions."""
    shared.complain_of_shrinking(trace, found)


def _passages(network: nn.Module, trace: Trace) -> list[Passage]:
    return tools.passages(network, _IMAGES, trace)


# --- the pooling -------------------------------------------------------------------------------


def _is_pointwise(step: Step) -> bool:
    """A convolution that is a dense layer for every pixel."""
    return step.kind == "convolution" and set(step.kernel_size) == {1} and set(step.stride) == {1}


def _pooled(network: nn.Module, trace: Trace, found: Sequence[Passage]) -> Passage:
    """The way on which the last maps become one number each.

    It leads to the layer that makes the logit. Or it comes after that one, a 1 x 1 convolution:
    the mean of the sums is the sum of the means.
    """
    ends = [each for each in found if each.target is None]
    if len(ends) != 1:
        raise Complaint("several layers make the logit together. One dense layer should.")
    (end,) = ends
    last = end.source
    if last is None:
        raise Complaint("the logit is made of the images without weights.")
    if last.inputs.ndim == 4 and len(last.inputs[0, 0].flatten()) > 1:
        if last.kind == "convolution" and _is_pointwise(last) and last.width == 1:
            return end
        if last.kind == "convolution" and last.output[0, 0].numel() == 1:
            raise Complaint(
                f"{last.name} has a kernel of {shared.times(last.kernel_size)} and sees each "
                f"pixel of the last maps with a weight of its own: {last.weight.numel()} weights.",
                "convolution_in_place_of_pooling",
            )
        raise Complaint(
            f"{last.name} makes maps of {shared.times(last.output.shape[2:])} and the logit is "
            "made of these without weights.",
            "logits_averaged",
        )
    ways = [each for each in found if each.target is last]
    if not ways or ways[0].source is None:
        raise Complaint(f"{last.name} gets several things at once. It should get the averages.")
    way = ways[0]
    if way.source.kind == "dense layer":
        raise Complaint(
            f"{way.source.name} puts out {way.source.width} numbers, of which another layer makes "
            "the logit.",
            "hidden_dense",
        )
    channels, count = way.source.width, last.inputs[0].numel()
    pixels = way.source.output[0, 0].numel()
    if pixels == 1:
        raise Complaint(
            f"{way.source.name} puts out maps of a single pixel, so that there is nothing to "
            "average. Three convolutions with stride 2 leave 4 x 4.",
            "nothing_to_average",
        )
    numbers = "number" if count == 1 else "numbers"
    seen = f"the dense layer gets {count} {numbers} per image"
    maps = f"{channels} maps of {pixels} pixels"
    if count == channels * pixels:
        raise Complaint(f"{seen}: all pixels of {maps}.", "flattened")
    if count == pixels and count != channels:
        raise Complaint(
            f"{seen}, one for each pixel, though there are {maps}.", "over_the_channels"
        )
    if count == 1:
        raise Complaint(f"{seen} for {maps}.", "over_everything")
    if count != channels:
        slug = "pooled_in_part" if count > channels and count % channels == 0 else ""
        raise Complaint(f"{seen} for {maps}. One for each map makes {channels}.", slug)
    return way


class _ConstantMaps(Passage):
    """A passage to which only maps are fed that are constant: one number per map."""

    def __init__(self, network: nn.Module, way: Passage) -> None:
        super().__init__(network, _IMAGES, way.source, way.target)
        self._way = way
        self.shape = way.shape[:2]

    @property
    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.shape[1:], self.shape[1:]

    def feed(self, values: torch.Tensor, training: bool = False) -> torch.Tensor:
        maps = values.reshape(*self.shape, 1, 1).expand(self._way.shape).contiguous()
        got = self._way.feed(maps, training)
        return got.reshape(self.shape) if got.numel() == values.numel() else got


def _complain_of_the_average(way: Passage) -> None:
    """Feed maps that are not constant: the mean of what becomes of the pixels has to come out."""
    network = way.network
    maps = tools.ladder(way.shape)
    got = way.feed(maps).reshape(way.shape[:2])
    constant = _ConstantMaps(network, way)
    pixels = torch.zeros(way.shape)
    for rung in tools.RUNGS:
        level = constant.feed(torch.full(constant.shape, float(rung)))
        pixels = torch.where(maps == rung, level[:, :, None, None], pixels)
    scale = float(pixels.abs().max())
    gain = float(constant.feed(torch.full(constant.shape, 100.0)).abs().median()) / 100

    def fits(expected: torch.Tensor) -> bool:
        return bool((got - expected).abs().max() < 1e-3 * scale)

    if fits(pixels.mean((2, 3))):
        if gain > 4:
            raise Complaint(
                f"a map of nothing but 1 comes out as {gain:.1f}, not as about 1: the pixels are "
                "added up.",
                "summed",
            )
        return
    ways = {
        "maximum": (pixels.amax((2, 3)), "the largest"),
        "minimum": (pixels.amin((2, 3)), "the smallest"),
    }
    for slug, (expected, which) in ways.items():
        if fits(expected):
            _raise_of_average(f"of each map's pixels {which} comes out, not their mean.", slug)
    if fits(constant.feed(maps.mean((2, 3)))):
        if way.target is None:
            return  # what comes after the logit's average is told of with the end of the network
        raise Complaint(
            "the maps are averaged before the activation: positive and negative pixels cancel out "
            "before LeakyReLU sees them.",
            "pooled_too_early",
        )
    for row in range(way.shape[2]):
        for column in range(way.shape[3]):
            if fits(pixels[:, :, row, column]):
                raise Complaint(
                    f"of each map only the pixel in row {row + 1}, column {column + 1} comes out.",
                    "one_pixel",
                )
    off = float((got - pixels.mean((2, 3))).abs().max())
    raise Complaint(
        f"what the dense layer gets differs from the mean of a map's pixels by up to {off:.2g}.",
        "something_between",
    )


def _raise_of_average(text: str, slug: str) -> None:
    raise Complaint(text, slug if slug in _MISTAKES else "")


def _complain_of_the_end(hidden: Sequence[Passage]) -> None:
    constant = [each for each in hidden if isinstance(each, _ConstantMaps)]
    if constant and constant[0].target and not constant[0].normalisation().over:
        return  # told of with the normalisation
    shared.complain_of_end(hidden)


# --- answers, right and wrong ------------------------------------------------------------------


def _gap(c: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * c, 1)]


def _built(head: Callable = _gap, **parts: Callable) -> Callable:
    """Lesson 05's network with the head of this lesson, or with another one."""
    return shared.build_like(head=head, **parts)


def _function(function: Callable) -> nn.Module:
    return shared.Apply(function)


def _head(function: Callable, size: Callable = lambda c: 4 * c) -> Callable:
    """A head whose dense layer gets what ``function`` makes of the last maps."""
    return lambda c: [_function(function), nn.Linear(size(c), 1)]


def _with_its_own_size(conv_dim=32):
    return _built(head=lambda c: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1)])(
        conv_dim
    )


def _of_width_32(conv_dim=32):
    return _built()(32)


def _default_of_64(conv_dim=64):
    return _built()(conv_dim)


class _InAList(nn.Module):
    def __init__(self, conv_dim):
        super().__init__()
        self.parts = list(_built()(conv_dim))

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x


class _MadeInForward(nn.Module):
    def __init__(self, conv_dim):
        super().__init__()
        self.conv_dim = conv_dim
        self.body = _built(head=lambda c: [])(conv_dim)

    def forward(self, x):
        return nn.Linear(4 * self.conv_dim, 1)(self.body(x).mean((2, 3)))


_same = lesson_05.Discriminator.mistakes

_MISTAKES = {
    "flattened": Mistake(
        "That is flatten and dense, as in lesson 05. Average each map over its pixels first: "
        "nn.AdaptiveAvgPool2d(1) before nn.Flatten(), or `.mean((2, 3))`.",
        _built(head=lambda c: [nn.Flatten(), nn.Linear(64 * c, 1)]),
    ),
    "dense_size": Mistake(
        "After the average there is one number per map: nn.Linear(4 * conv_dim, 1).",
        _built(head=lambda c: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64 * c, 1)]),
    ),
    "flatten_missing": Mistake(
        "The averages come out of the pooling as (N, 4 * conv_dim, 1, 1), which is still maps. "
        "Flatten them before the dense layer: nn.Flatten().",
        _built(head=lambda c: [nn.AdaptiveAvgPool2d(1), nn.Linear(4 * c, 1)]),
    ),
    "maximum": Mistake(
        "That is global max pooling, whose gradient reaches one pixel of sixteen. Asked for is the "
        "mean: nn.AdaptiveAvgPool2d(1).",
        _built(head=lambda c: [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4 * c, 1)]),
    ),
    "summed": Mistake(
        "Then the logit grows with the size of the maps. Take the mean: `.mean((2, 3))`.",
        _built(head=_head(lambda x: x.sum((2, 3)))),
    ),
    "over_the_channels": Mistake(
        "The average is taken over the channels, axis 1. Take it over height and width, axes 2 "
        "and 3, so that every channel keeps a number of its own.",
        _built(head=_head(lambda x: x.mean(1).flatten(1), lambda c: 16)),
    ),
    "over_everything": Mistake(
        "Channels are averaged too, so that what the network has told apart is mixed again. Only "
        "height and width: `.mean((2, 3))`.",
        _built(head=_head(lambda x: x.mean((1, 2, 3))[:, None], lambda c: 1)),
    ),
    "pooled_in_part": Mistake(
        "Global means over the whole map, down to 1 x 1: nn.AdaptiveAvgPool2d(1).",
        _built(head=lambda c: [nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16 * c, 1)]),
    ),
    "one_pixel": Mistake(
        "The others are thrown away. All of them count: nn.AdaptiveAvgPool2d(1).",
        _built(head=_head(lambda x: x[:, :, 0, 0])),
    ),
    "pooled_too_early": Mistake(
        "The average comes last, after batch normalisation and LeakyReLU of the third block; then "
        "the dense layer.",
        _built(
            third=lambda c: [
                shared.halve(2 * c, 4 * c),
                nn.BatchNorm2d(4 * c),
                nn.AdaptiveAvgPool2d(1),
                nn.LeakyReLU(0.2),
            ],
            head=lambda c: [nn.Flatten(), nn.Linear(4 * c, 1)],
        ),
    ),
    "something_between": Mistake(
        "Nothing but the average over the whole map, with equal weights, stands between the third "
        "block and the dense layer: no other activation, no normalisation, no root or square. (And "
        "in the block normalisation is over the batch.)",
        _built(
            head=lambda c: [
                *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LeakyReLU(0.2)),
                nn.Linear(4 * c, 1),
            ]
        ),
    ),
    "nothing_to_average": Mistake(
        "Leave the last strided convolution out.",
        _built(
            head=lambda c: [
                *(nn.Conv2d(4 * c, 8 * c, 4, bias=False), *shared.norm_and_leaky(8 * c)),
                *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * c, 1)),
            ]
        ),
    ),
    "convolution_in_place_of_pooling": Mistake(
        "That is a dense layer on the flattened maps in another guise, with as many weights. "
        "Average first, then one weight per map.",
        _built(head=lambda c: [nn.Conv2d(4 * c, 1, 4), nn.Flatten()]),
    ),
    "logits_averaged": Mistake(
        "Average the last maps first; then one dense layer makes the logit. (A 1 x 1 convolution "
        "to one map and its average would be the same; larger kernels are not.)",
        _built(
            head=lambda c: [
                nn.Conv2d(4 * c, 1, 3, padding=1),
                *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            ]
        ),
    ),
    "hidden_dense": Mistake(
        "Global average pooling is there to get rid of dense layers: the averages go straight to "
        "the one that makes the logit.",
        _built(
            head=lambda c: [
                *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * c, 10)),
                *(nn.LeakyReLU(0.2), nn.Linear(10, 1)),
            ]
        ),
    ),
    "average_pooling": Mistake(
        "That is average pooling. The convolutions make the maps smaller, `stride=2`; only the "
        "last maps are averaged.",
        _built(
            second=lambda c: [
                shared.halve(c, 2 * c, kernel_size=3, stride=1),
                *(*shared.norm_and_leaky(2 * c), nn.AvgPool2d(2)),
            ]
        ),
    ),
    "max_pooling": Mistake(
        "That is max pooling. The convolutions make the maps smaller, `stride=2`; only the last "
        "maps are averaged.",
        _built(
            second=lambda c: [
                shared.halve(c, 2 * c, kernel_size=3, stride=1),
                *(*shared.norm_and_leaky(2 * c), nn.MaxPool2d(2)),
            ]
        ),
    ),
    "too_few_strides": Mistake(
        "Three blocks with stride 2 come before the average: 32 x 32, 16 x 16, 8 x 8, 4 x 4.",
        _built(
            third=lambda c: [
                shared.halve(2 * c, 4 * c, kernel_size=3, stride=1),
                *shared.norm_and_leaky(4 * c),
            ]
        ),
    ),
    "batch_norm_twice": Mistake(
        "The averages go into the dense layer as they are, without another batch normalisation.",
        _built(
            head=lambda c: [
                *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(4 * c)),
                nn.Linear(4 * c, 1),
            ]
        ),
    ),
    "batch_norm_on_the_input_layer": Mistake(
        "DCGAN leaves it out there: conv_block(3, conv_dim, batch_norm=False).",
        _built(first=lambda c: [shared.halve(3, c), *shared.norm_and_leaky(c)]),
    ),
    "no_batch_norm": Mistake(
        "The blocks are lesson 05's: conv_block with batch_norm=True, but for the first.",
        _built(
            second=lambda c: [shared.halve(c, 2 * c), nn.LeakyReLU(0.2)],
            third=lambda c: [shared.halve(2 * c, 4 * c), nn.LeakyReLU(0.2)],
        ),
    ),
    "sigmoid": Mistake(
        "Leave the sigmoid out: it sits in the loss.", _built(end=lambda c: [nn.Sigmoid()])
    ),
    "logits_squeezed": Mistake(
        "Leave out `.squeeze()`, `.view(-1)` or `[:, 0]`, so that a batch of N gives (N, 1).",
        _built(end=lambda c: [nn.Flatten(0)]),
    ),
    "logits_as_maps": Mistake(
        "Flatten them: nn.Flatten().",
        _built(head=lambda c: [nn.AdaptiveAvgPool2d(1), nn.Conv2d(4 * c, 1, 1)]),
    ),
    "batch_size_fixed": Mistake(
        "`.squeeze()` takes the batch away too where it is 1, and a batch size that is written in "
        "fits no other: nn.Flatten(), or `.flatten(1)`.",
        _built(head=_head(lambda x: F.adaptive_avg_pool2d(x, 1).squeeze())),
    ),
    "numbers_written_in": Mistake(
        "A number that is right for conv_dim = 32 only has been written in. The dense layer gets "
        "4 * conv_dim numbers.",
        _with_its_own_size,
    ),
    "conv_dim_ignored": Mistake(
        "All widths should come from conv_dim: conv_dim, 2 * conv_dim, 4 * conv_dim.",
        _of_width_32,
    ),
    "another_default": Mistake(
        "Keep the first line as it was: `def gap_discriminator(conv_dim=32):`", _default_of_64
    ),
    "layers_in_a_list": Mistake(
        "Layers in a Python list or dict are not registered. Use nn.Sequential or nn.ModuleList.",
        lambda conv_dim=32: _InAList(conv_dim),
    ),
    "layers_made_in_forward": Mistake(
        "Make all layers once, when the network is made; forward only calls them.",
        lambda conv_dim=32: _MadeInForward(conv_dim),
    ),
}


class _AsAClass(nn.Module):
    """With a mean, as a class."""

    def __init__(self, conv_dim=32):
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                conv_block(3, conv_dim, batch_norm=False),
                conv_block(conv_dim, 2 * conv_dim),
                conv_block(2 * conv_dim, 4 * conv_dim),
            ]
        )
        self.logit = nn.Linear(4 * conv_dim, 1)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.logit(x.mean(dim=[-2, -1]))


def _by_class(conv_dim=32):
    return _AsAClass(conv_dim)


_RIGHT = [
    _built(),
    _by_class,
    _AsAClass,
    _built(head=_head(lambda x: F.avg_pool2d(x, 4).view(len(x), -1))),
    _built(head=_head(lambda x: F.adaptive_avg_pool2d(x, (1, 1)).squeeze(3).squeeze(2))),
    _built(head=_head(lambda x: x.flatten(2).mean(2))),
    _built(head=_head(lambda x: x.sum((2, 3)) / (x.shape[2] * x.shape[3]))),
    _built(head=_head(lambda x: torch.einsum("nchw->nc", x) / 16)),
    _built(head=lambda c: [nn.AvgPool2d(4), nn.Conv2d(4 * c, 1, 1), nn.Flatten()]),
    _built(head=lambda c: [nn.Conv2d(4 * c, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]),
    _built(head=lambda c: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(1, bias=False)]),
]


def register(lesson: Lesson) -> Exercise:
    """Add the exercise ``gap_discriminator`` to the lesson."""
    return lesson.exercise(
        "helpers.pytorch.discriminator.gap_discriminator",
        probe=_probe,
        names_mistakes=True,
        mistakes=_MISTAKES,
        hints=[
            "The three blocks are those of lesson 05; only what comes after them is new. How many "
            "numbers are left of 4 * conv_dim maps if each is averaged over its pixels?",
            "nn.AdaptiveAvgPool2d(1) averages every map to 1 x 1; nn.Flatten() makes a row of the "
            "averages; a dense layer with 4 * conv_dim inputs makes the logit.",
            "nn.Sequential(conv_block(3, conv_dim, batch_norm=False), conv_block(conv_dim, "
            "2 * conv_dim), conv_block(2 * conv_dim, 4 * conv_dim), nn.AdaptiveAvgPool2d(1), "
            "nn.Flatten(), nn.Linear(4 * conv_dim, 1))",
        ],
        right=_RIGHT,
        returns="a network",
        seconds=10.0,
        difficulty=2,
        minutes=6,
    )


"""gap_discriminator(conv_dim=32) -> a module, images (N, 3, 32, 32) to logits (N, 1).
(●●○, 6 min)

Lesson 05's three blocks (conv_block, or blocks of one's own), then every last map averaged over
its pixels, then one dense layer of 4 * conv_dim numbers to the logit. No other pooling, no hidden
dense layer, no sigmoid."""
