"""Checks of lesson 05: a block, the discriminator and its losses, in PyTorch and in Keras.

The Keras ones are written in ``keras_discriminator``. The string below each exercise is what the
lesson has to tell the learner about it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from helpers.checks import keras_discriminator
from helpers.checks import torch_discriminator_parts as shared
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask
from helpers.checks.torch_networks import (
    Passage,
    Trace,
    complain_of_chance,
    complain_of_company,
    complain_of_eval_mode,
    complain_of_noise,
    complain_of_statistics,
    complain_of_switched_modes,
    keeping_state,
    kind_of,
    listing,
    named,
    network_of,
    passages,
    tensor_of,
    watch,
)
from helpers.pytorch import discriminator as reference
from helpers.pytorch import losses

lesson = Lesson("05", "The discriminator")
progress = lesson.progress


def _in_train_mode(value: Any) -> nn.Module:
    network = network_of(value)
    named("left_in_eval_mode", complain_of_eval_mode, network)
    return network


# --- conv_block --------------------------------------------------------------------------------


_MAPS = 1.5 * shared.numbers(8, 3, 8, 12) + 0.3
_ON_MAPS = "applied to maps of shape (8, 3, 8, 12)"


def _block_probe(attempt: Callable) -> Generator[Question, Any, None]:
    blocks, told = {}, {True: "conv_block(3, 7)", False: "conv_block(3, 7, batch_norm=False)"}
    for batch_norm, call in told.items():
        blocks[batch_norm] = block = yield ask(
            call,
            lambda batch_norm=batch_norm: _block(shared.made(attempt, 3, 7, *[False][batch_norm:])),
            compare=False,
        )
        y = yield ask(
            f"{call}, {_ON_MAPS},", lambda block=block: block(_MAPS.clone()), compare=False
        )
        yield ask(f"{call}, {_ON_MAPS}:", lambda y=y: _complain_of_block_shape(y))
        trace = yield ask(
            f"The layers of {call}:", lambda block=block: _block_layers(block), compare=False
        )
        found = passages(block, _MAPS, trace)
        yield ask(
            f"The size of the maps in {call}:",
            lambda trace=trace, found=found: shared.complain_of_shrinking(trace, found),
        )
        yield ask(
            f"The convolution of {call}:",
            lambda trace=trace: _complain_of_block_layers(trace),
        )
        yield ask(
            f"The weights of {call}:",
            lambda block=block: shared.complain_of_what_is_learnt(block, _MAPS),
        )
    inside = {
        batch_norm: [p for p in passages(block, _MAPS) if p.source]
        for batch_norm, block in blocks.items()
    }
    start = passages(blocks[True], _MAPS)[0]
    yield ask("The beginning of the block:", lambda: _complain_of_block_beginning(start))
    yield ask(
        "Eval mode:", lambda: named("chance_in_eval_mode", complain_of_chance, blocks[True], _MAPS)
    )
    yield ask(
        "Train mode:", lambda: named("chance_in_train_mode", complain_of_noise, blocks[True], _MAPS)
    )
    told_true = yield ask(
        "conv_block(3, 7, batch_norm=True)",
        lambda: network_of(attempt(3, 7, batch_norm=True)),
        compare=False,
    )
    yield ask("The normalisation:", lambda: _complain_of_flag(inside, told_true))
    yield ask(
        "The normalisation with batch_norm=True:", lambda: shared.complain_of_kind(inside[True])
    )
    yield ask("The bias:", lambda: shared.complain_of_biases(inside[True]))
    for batch_norm, call in told.items():
        yield ask(
            f"The activation of {call}:",
            lambda batch_norm=batch_norm: shared.complain_of_activations(inside[batch_norm]),
        )
    yield ask(
        "Training:",
        lambda: named("statistics_do_not_move", complain_of_statistics, blocks[True], _MAPS),
    )
    other = yield ask("conv_block(5, 2)", lambda: network_of(attempt(5, 2)), compare=False)
    yield ask(
        "The shape that conv_block(5, 2) makes of (2, 5, 16, 4)",
        lambda: tuple(tensor_of(other(shared.numbers(2, 5, 16, 4))).shape),
    )
    again = yield ask("conv_block(3, 7) again", lambda: network_of(attempt(3, 7)), compare=False)
    yield ask("Two blocks:", lambda: _complain_of_common_weights(blocks[True], again))


def _block(value: Any) -> nn.Module:
    layers = list(value) if isinstance(value, list | tuple) else []
    if layers and all(isinstance(each, nn.Module) for each in layers):
        raise Complaint(f"is {kind_of(value)}.", "list_of_layers")
    return _in_train_mode(value)


def _complain_of_block_shape(y: Any) -> None:
    shape = tuple(tensor_of(y).shape)
    if shape == (8, 7, 4, 6):
        return
    mistake = ""
    if len(shape) == 4 and shape[2:] in ((8, 12), (7, 11), (9, 13)):
        mistake = "stride_missing"
    elif len(shape) == 4 and shape[2:] in ((3, 5), (2, 4), (3, 4)):
        mistake = "padding_missing"
    elif len(shape) == 4 and shape[2:] == (16, 24):
        mistake = "transposed"
    elif len(shape) == 4 and shape[2:] == (2, 3):
        mistake = "quartered"
    elif len(shape) == 4 and shape[2:] == (4, 6):
        mistake = "out_channels_ignored"
    raise Complaint(f"the shape is {shape}, not (8, 7, 4, 6).", mistake)


def _block_layers(block: nn.Module) -> Trace:
    with keeping_state(block):
        return watch(block, _MAPS)


def _complain_of_block_layers(trace: Trace) -> None:
    names = [step.name for step in trace.steps]
    if len(names) > 1:
        raise Complaint(f"there are {len(names)}: {listing(names)}.", "two_convolutions")
    if not names or trace.steps[0].kind != "convolution":
        raise Complaint(f"there is none; what has weights is: {listing(names) or 'nothing'}.")
    shared.complain_of_small_kernels(trace)


def _complain_of_block_beginning(passage: Passage) -> None:
    if passage.normalisation().over:
        raise Complaint(
            "what enters the convolution is normalised, not what leaves it.",
            "before_the_convolution",
        )
    if not shared.passes_all(passage):
        raise Complaint(
            f"an activation comes before the convolution: {passage.activation()}.",
            "before_the_convolution",
        )


def _complain_of_flag(inside: Mapping[bool, Sequence[Passage]], told_true: nn.Module) -> None:
    found = {
        flag: any(passage.normalisation().over for passage in each) for flag, each in inside.items()
    }
    seen = ["is not normalised", "is normalised"]
    mistakes = {
        (False, False): "no_batch_norm",
        (True, True): "flag_ignored",
        (False, True): "flag_inverted",
    }
    case = found[True], found[False]
    if case == (False, False) and any(
        passage.normalisation().over for passage in passages(told_true, _MAPS)
    ):
        raise Complaint(
            "conv_block(3, 7) normalises nothing, conv_block(3, 7, batch_norm=True) does.",
            "another_default",
        )
    if case in mistakes:
        raise Complaint(
            f"with batch_norm=True what the convolution puts out {seen[case[0]]}, with "
            f"batch_norm=False it {seen[case[1]]}.",
            mistakes[case],
        )


def _complain_of_common_weights(one: nn.Module, other: nn.Module) -> None:
    if {id(each) for each in one.parameters()} & {id(each) for each in other.parameters()}:
        raise Complaint(
            "a second call of conv_block(3, 7) gives the weights of the first.", "one_for_all"
        )


def _block_of(layers: Callable) -> Callable:
    """A wrong block from its layers, which ``layers(i, o, normalise)`` lists."""

    def conv_block(in_channels, out_channels, batch_norm=True):
        normalise = [nn.BatchNorm2d(out_channels)] if batch_norm else []
        return nn.Sequential(*layers(in_channels, out_channels, normalise))

    return conv_block


def _norm_whatever_the_flag(in_channels, out_channels, batch_norm=True):
    return reference.conv_block(in_channels, out_channels, True)


def _norm_without_the_flag(in_channels, out_channels, batch_norm=True):
    return reference.conv_block(in_channels, out_channels, not batch_norm)


def _list_of_layers(in_channels, out_channels, batch_norm=True):
    return list(reference.conv_block(in_channels, out_channels, batch_norm))


def _block_in_eval_mode(in_channels, out_channels, batch_norm=True):
    return reference.conv_block(in_channels, out_channels, batch_norm).eval()


def _frozen_block(in_channels, out_channels, batch_norm=True):
    return reference.conv_block(in_channels, out_channels, batch_norm).requires_grad_(False)


_BLOCKS: dict[tuple, nn.Module] = {}


def _block_from_a_store(in_channels, out_channels, batch_norm=True):
    key = in_channels, out_channels, batch_norm
    if key not in _BLOCKS:
        _BLOCKS[key] = reference.conv_block(*key)
    return _BLOCKS[key]


class _BlockWithoutSuper(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        self.block = reference.conv_block(in_channels, out_channels, batch_norm)


class _BlockWithAList(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.layers = list(reference.conv_block(in_channels, out_channels, batch_norm))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class _BlockMadeInForward(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.sizes = in_channels, out_channels, batch_norm

    def forward(self, x):
        return reference.conv_block(*self.sizes)(x)


class _BlockWithAnUnusedNorm(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.conv = shared.halve(in_channels, out_channels)
        self.norm = nn.BatchNorm2d(out_channels)
        self.batch_norm = batch_norm

    def forward(self, x):
        return F.leaky_relu(self.conv(x), 0.2)


class _DetachedBlock(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.conv = shared.halve(in_channels, out_channels)
        self.rest = reference.conv_block(in_channels, out_channels, batch_norm)[1:]

    def forward(self, x):
        return self.rest(self.conv(x).detach())


class _BlockAsAModule(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 5, 2, 2, bias=not batch_norm)
        self.norm = nn.BatchNorm2d(out_channels) if batch_norm else nn.Identity()

    def forward(self, x):
        return F.leaky_relu(self.norm(self.conv(x)), 0.2, inplace=True)


class _BlockByFunctions(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(out_channels, in_channels, 4, 4))
        self.norm = batch_norm
        if batch_norm:
            self.gamma = nn.Parameter(torch.ones(out_channels))
            self.beta = nn.Parameter(torch.zeros(out_channels))
            self.register_buffer("mean", torch.zeros(out_channels))
            self.register_buffer("var", torch.ones(out_channels))

    def forward(self, x):
        y = F.conv2d(x, self.weight, stride=2, padding=1)
        if self.norm:
            y = F.batch_norm(y, self.mean, self.var, self.gamma, self.beta, self.training)
        return torch.where(y > 0, y, 0.2 * y)


def _block_with_padding_apart(in_channels, out_channels, batch_norm=True):
    layers = nn.Sequential()
    layers.append(nn.ZeroPad2d(1))
    layers.append(nn.Conv2d(in_channels, out_channels, 4, 2, bias=False))
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01))
    layers.append(nn.LeakyReLU(negative_slope=0.2, inplace=True))
    return layers


class _Sliced(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.block = reference.conv_block(in_channels, out_channels, batch_norm)
        self.block[0] = shared.halve(in_channels, out_channels, kernel_size=3, stride=1)

    def forward(self, x):
        return self.block(x)[:, :, ::2, ::2]


class _Cropped(_Sliced):
    def forward(self, x):
        y = self.block(x)
        return y[:, :, : y.shape[2] // 2, : y.shape[3] // 2]


class _WithNoise(nn.Module):
    """Dropout that eval mode does not switch off, after the network."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return F.dropout(self.network(x), 0.3)


conv_block: Exercise = lesson.exercise(
    reference.conv_block,
    probe=_block_probe,
    names_mistakes=True,
    mistakes={
        "no_batch_norm": Mistake(
            "Put nn.BatchNorm2d(out_channels) between the convolution and LeakyReLU where "
            "batch_norm is True.",
            _block_of(lambda i, o, norm: [shared.halve(i, o), nn.LeakyReLU(0.2)]),
        ),
        "flag_ignored": Mistake(
            "Leave batch normalisation out where batch_norm is False: the input layer needs that.",
            _norm_whatever_the_flag,
        ),
        "flag_inverted": Mistake(
            "It is the wrong way round: batch normalisation belongs where batch_norm is True.",
            _norm_without_the_flag,
        ),
        "bias_before_batch_norm": Mistake(
            "So the bias is without effect: `bias=False`. The shift that can be learnt is batch "
            "normalisation's own beta.",
            _block_of(lambda i, o, norm: [shared.halve(i, o, bias=True), *norm, nn.LeakyReLU(0.2)]),
        ),
        "batch_norm_after_activation": Mistake(
            "The order is convolution, batch normalisation, LeakyReLU.",
            _block_of(lambda i, o, norm: [shared.halve(i, o), nn.LeakyReLU(0.2), *norm]),
        ),
        "batch_norm_twice": Mistake(
            "Once, between convolution and LeakyReLU, is enough.",
            _block_of(
                lambda i, o, norm: [
                    *(shared.halve(i, o), *norm, nn.LeakyReLU(0.2)),
                    *[nn.BatchNorm2d(o) for _ in norm],
                ]
            ),
        ),
        "before_the_convolution": Mistake(
            "The convolution is the first thing in the block; batch normalisation and LeakyReLU "
            "come after it.",
            _block_of(
                lambda i, o, norm: [
                    *[nn.BatchNorm2d(i) for _ in norm],
                    *(nn.LeakyReLU(0.2), shared.halve(i, o)),
                ]
            ),
        ),
        "normalised_per_image": Mistake(
            "That is instance, layer or group normalisation. nn.BatchNorm2d takes its statistics "
            "over the whole batch.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o),
                    *[nn.InstanceNorm2d(o, affine=True) for _ in norm],
                    nn.LeakyReLU(0.2),
                ]
            ),
        ),
        "no_running_statistics": Mistake(
            "Leave `track_running_stats` alone; with F.batch_norm, hand over running statistics "
            "and `training=self.training`.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o),
                    *[nn.BatchNorm2d(o, track_running_stats=False) for _ in norm],
                    nn.LeakyReLU(0.2),
                ]
            ),
        ),
        "statistics_do_not_move": Mistake(
            "Leave the momentum of batch normalisation alone; 0 keeps the running statistics "
            "where they begin.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o),
                    *[nn.BatchNorm2d(o, momentum=0.0) for _ in norm],
                    nn.LeakyReLU(0.2),
                ]
            ),
        ),
        "relu": Mistake(
            "ReLU stops gradients wherever its input is negative. Write nn.LeakyReLU(0.2).",
            _block_of(lambda i, o, norm: [shared.halve(i, o), *norm, nn.ReLU()]),
        ),
        "default_slope": Mistake(
            "0.01 is LeakyReLU's slope if it is told nothing. Write nn.LeakyReLU(0.2).",
            _block_of(lambda i, o, norm: [shared.halve(i, o), *norm, nn.LeakyReLU()]),
        ),
        "another_slope": Mistake(
            "Write nn.LeakyReLU(0.2). (Keras's is 0.3 if it is told nothing, PReLU begins at "
            "0.25.)",
            _block_of(lambda i, o, norm: [shared.halve(i, o), *norm, nn.LeakyReLU(0.3)]),
        ),
        "no_activation": Mistake(
            "There is no activation. The block ends in nn.LeakyReLU(0.2); without it, two blocks "
            "would be no more than one.",
            _block_of(lambda i, o, norm: [shared.halve(i, o), *norm]),
        ),
        "another_activation": Mistake(
            "The block ends in nn.LeakyReLU(0.2).",
            _block_of(lambda i, o, norm: [shared.halve(i, o), *norm, nn.ELU()]),
        ),
        "stride_missing": Mistake(
            "The maps should be halved: give the convolution `stride=2` (kernel 4, padding 1).",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o, stride=1, kernel_size=3),
                    *(*norm, nn.LeakyReLU(0.2)),
                ]
            ),
        ),
        "padding_missing": Mistake(
            "Without padding the edge is cut off: kernel 4, stride 2 and padding 1 halve exactly.",
            _block_of(lambda i, o, norm: [shared.halve(i, o, padding=0), *norm, nn.LeakyReLU(0.2)]),
        ),
        "quartered": Mistake(
            "The maps are a quarter as high and wide. Kernel 4, stride 2 and padding 1 halve them, "
            "without any pooling after that.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o, stride=4, padding=0),
                    *norm,
                    nn.LeakyReLU(0.2),
                ]
            ),
        ),
        "transposed": Mistake(
            "A transposed convolution doubles the maps; that is the generator's. Here it is "
            "nn.Conv2d, which halves them.",
            _block_of(
                lambda i, o, norm: [
                    nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False),
                    *(*norm, nn.LeakyReLU(0.2)),
                ]
            ),
        ),
        "out_channels_ignored": Mistake(
            "The second argument says how many channels come out, here 7.",
            lambda in_channels, out_channels, batch_norm=True: reference.conv_block(
                in_channels, 2 * in_channels, batch_norm
            ),
        ),
        "max_pooling": Mistake(
            "DCGAN has no pooling: the convolution itself takes the step, `stride=2`, so that the "
            "network learns how to make the maps smaller.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o, kernel_size=3, stride=1),
                    *(*norm, nn.LeakyReLU(0.2), nn.MaxPool2d(2)),
                ]
            ),
        ),
        "average_pooling": Mistake(
            "DCGAN has no pooling: the convolution itself takes the step, `stride=2`, so that the "
            "network learns how to make the maps smaller.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o, kernel_size=3, stride=1),
                    *(*norm, nn.LeakyReLU(0.2), nn.AvgPool2d(2)),
                ]
            ),
        ),
        "slicing": Mistake(
            "Pixels are thrown away that way. The convolution itself takes the step, `stride=2`.",
            _Sliced,
        ),
        "part_of_the_map": Mistake(
            "The rest is thrown away. The convolution itself makes the maps smaller: kernel 4, "
            "stride 2, padding 1.",
            _Cropped,
        ),
        "interpolation": Mistake(
            "The convolution itself makes the maps smaller: kernel 4, stride 2, padding 1.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o, kernel_size=3, stride=1),
                    *(*norm, nn.LeakyReLU(0.2), nn.Upsample(scale_factor=0.5)),
                ]
            ),
        ),
        "two_convolutions": Mistake(
            "A block is one convolution, batch normalisation, LeakyReLU.",
            _block_of(
                lambda i, o, norm: [
                    nn.Conv2d(i, i, 3, padding=1),
                    *(nn.LeakyReLU(0.2), shared.halve(i, o), *norm, nn.LeakyReLU(0.2)),
                ]
            ),
        ),
        "list_of_layers": Mistake(
            "A list is no layer yet. Return `nn.Sequential(*layers)`.", _list_of_layers
        ),
        "left_in_eval_mode": Mistake("Leave out `.eval()`.", _block_in_eval_mode),
        "frozen": Mistake("Leave requires_grad as it is made.", _frozen_block),
        "layers_in_a_list": Mistake(
            "Layers in a Python list or dict are not registered. Return an nn.Sequential, or use "
            "nn.ModuleList.",
            _BlockWithAList,
        ),
        "layers_made_in_forward": Mistake(
            "Make the layers once, when the block is made; forward only calls them.",
            _BlockMadeInForward,
        ),
        "unused_layer": Mistake(
            "Call that layer in forward, or leave it out.", _BlockWithAnUnusedNorm
        ),
        "detached": Mistake(
            "Take out the `.detach()`, `.data` or `torch.no_grad()`.", _DetachedBlock
        ),
        "another_default": Mistake(
            "Keep the first line as it was: `def conv_block(in_channels, out_channels, "
            "batch_norm=True):`",
            lambda in_channels, out_channels, batch_norm=False: reference.conv_block(
                in_channels, out_channels, batch_norm
            ),
        ),
        "input_detached": Mistake(
            "The layers before the block learn from that gradient: take out `.detach()`, `.data` "
            "and NumPy.",
            _block_of(
                lambda i, o, norm: [
                    *(shared.Apply(torch.Tensor.detach), shared.halve(i, o)),
                    *(*norm, nn.LeakyReLU(0.2)),
                ]
            ),
        ),
        "kernel_too_small": Mistake(
            "With stride 2 a kernel of 1 sees one pixel of four. Kernel 4 with padding 1 sees all.",
            _block_of(
                lambda i, o, norm: [
                    shared.halve(i, o, kernel_size=1, padding=0),
                    *(*norm, nn.LeakyReLU(0.2)),
                ]
            ),
        ),
        "chance_in_train_mode": Mistake(
            "Asked for is no dropout, no noise and no random slope (RReLU).",
            _block_of(
                lambda i, o, norm: [shared.halve(i, o), *norm, nn.LeakyReLU(0.2), nn.Dropout(0.3)]
            ),
        ),
        "super_missing": Mistake(
            "The first line of `__init__` in an nn.Module is `super().__init__()`.",
            _BlockWithoutSuper,
        ),
        "chance_in_eval_mode": Mistake(
            "Asked for is no dropout and no noise.",
            lambda in_channels, out_channels, batch_norm=True: _WithNoise(
                reference.conv_block(in_channels, out_channels, batch_norm)
            ),
        ),
        "one_for_all": Mistake(
            "Make the layers inside conv_block, anew in every call, or all blocks of a network "
            "learn the same.",
            _block_from_a_store,
        ),
    },
    hints=[
        "Which three layers stand between a block's input and its output, in which order? Only one "
        "of them depends on batch_norm, and one of them has an option that batch normalisation "
        "makes pointless.",
        "Collect in a list: nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, "
        "bias=False), then nn.BatchNorm2d(out_channels) if batch_norm, then nn.LeakyReLU(0.2). "
        "Return nn.Sequential(*layers).",
    ],
    right=[
        _BlockAsAModule,
        _BlockByFunctions,
        _block_with_padding_apart,
        _block_of(lambda i, o, norm: [shared.halve(i, o, kernel_size=3), *norm, nn.LeakyReLU(0.2)]),
        _block_of(
            lambda i, o, norm: [nn.LazyConv2d(o, 4, 2, 1, bias=False), *norm, nn.LeakyReLU(0.2)]
        ),
        _block_of(
            lambda i, o, norm: [
                parametrizations.spectral_norm(shared.halve(i, o, kernel_size=6, padding=2)),
                *(*norm, nn.LeakyReLU(0.2, True)),
            ]
        ),
    ],
    returns="a network",
    seconds=10.0,  # it takes well under 2, but a busy computer must not refuse a right answer
    difficulty=1,
    minutes=6,
)
"""conv_block(in_channels, out_channels, batch_norm=True) -> a module that halves height and width.

Convolution (kernel 4, stride 2, padding 1; another kernel that halves will do), without bias where
batch normalisation follows; batch normalisation if batch_norm; LeakyReLU with slope 0.2.
"""


# --- Discriminator -----------------------------------------------------------------------------


def _discriminator_probe(attempt: Callable) -> Generator[Question, Any, None]:
    usual = yield ask(
        "Discriminator()", lambda: _in_train_mode(shared.made(attempt)), compare=False
    )
    logits = yield ask(
        "Discriminator(), given 8 images,", lambda: shared.logits_of(usual), compare=False
    )
    yield ask("What Discriminator() makes of 8 images", lambda: shared.complain_of_logits(logits))
    small = yield ask("Discriminator(4)", lambda: _in_train_mode(attempt(4)), compare=False)
    trace = yield ask("Discriminator(4):", lambda: _small_trace(small), compare=False)
    yield ask("The batch:", lambda: shared.complain_of_batch_size(small, (5, 3)))
    yield ask("The weights:", lambda: shared.complain_of_what_is_learnt(small, shared.IMAGES))
    yield ask("The layers:", lambda: shared.complain_of_layers(trace))
    yield ask("Two places:", lambda: shared.complain_of_sharing(small, trace))
    yield ask("The dense layers:", lambda: _complain_of_hidden_dense_layers(trace))
    yield ask("The first weights:", lambda: shared.complain_of_constant_weights(trace))
    yield ask(
        "forward:", lambda: named("mode_switched", complain_of_switched_modes, small, shared.IMAGES)
    )
    larger = yield ask("Discriminator(6)", lambda: attempt(6), compare=False)
    yield ask("conv_dim:", lambda: _complain_of_widths(usual, attempt(32), trace, larger))
    yield ask(
        "Eval mode:", lambda: named("chance_in_eval_mode", complain_of_chance, small, shared.IMAGES)
    )
    yield ask("Train mode:", lambda: named("dropout", complain_of_noise, small, shared.IMAGES))
    found = yield ask("The network", lambda: passages(small, shared.IMAGES, trace), compare=False)
    inside = [each for each in found if each.target]
    hidden = [each for each in inside if each.source]
    yield ask("The size of the maps:", lambda: shared.complain_of_shrinking(trace, inside))
    yield ask("The convolutions:", lambda: shared.complain_of_strides(trace))
    yield ask("The images:", lambda: shared.complain_of_images(found, trace))
    yield ask("The normalisation:", lambda: shared.complain_of_normalisation(hidden))
    yield ask("The biases:", lambda: shared.complain_of_biases(hidden))
    yield ask("The end of the network:", lambda: shared.complain_of_end(found))
    yield ask("A single image:", lambda: shared.complain_of_batch_size(small, (1,)))
    yield ask(
        "One image by itself:",
        lambda: named("images_mixed", complain_of_company, small, shared.IMAGES),
    )
    yield ask("The activations:", lambda: shared.complain_of_activations(hidden))
    yield ask(
        "Training:",
        lambda: named("statistics_do_not_move", complain_of_statistics, small, shared.IMAGES),
    )


def _small_trace(network: nn.Module) -> Trace:
    try:
        with keeping_state(network):
            trace = watch(network, shared.IMAGES)
    except Exception as error:
        raise Complaint(
            f"given 8 images, it raises {type(error).__name__}: {error}. Discriminator() does not.",
            "numbers_written_in",
        ) from error
    shape = tuple(tensor_of(trace.output).shape)
    if shape != (8, 1):
        raise Complaint(
            f"given 8 images, it returns shape {shape}. Discriminator() does not.",
            "numbers_written_in",
        )
    return trace


def _complain_of_hidden_dense_layers(trace: Trace) -> None:
    hidden = [s for s in trace.of_kind("dense layer") if s.number not in trace.sources]
    if hidden:
        numbers = f"{hidden[0].width} number{'s'[: hidden[0].width > 1]}"
        raise Complaint(
            f"{hidden[0].name} puts out {numbers}, of which another layer makes the logit.",
            "hidden_dense",
        )


def _complain_of_widths(
    usual: nn.Module, of_32: nn.Module, small: Trace, larger: nn.Module
) -> None:
    seen = {
        "Discriminator(4)": [step.width for step in shared.hidden_convolutions(small)],
        "Discriminator(6)": shared.widths_of(larger),
        "Discriminator(32)": shared.widths_of(of_32),
        "Discriminator()": shared.widths_of(usual),
    }
    told = {call: f"{call} has the widths {listing(list(map(str, w)))}" for call, w in seen.items()}
    four, six, thirty_two, usual_widths = seen.values()
    both = f"{told['Discriminator(4)']}, {told['Discriminator(6)']}."
    if four == six:
        raise Complaint(both, "conv_dim_ignored")
    if len(four) != len(six) or any(a >= b for a, b in zip(four, six, strict=True)):
        raise Complaint(both, "conv_dim_used_in_part")
    if usual_widths != thirty_two:
        raise Complaint(
            f"{told['Discriminator()']}, {told['Discriminator(32)']}.", "another_default"
        )


def _all_with(norm: Callable, activation: Callable, **options: Any) -> Callable:
    """A discriminator with other normalisation and activation in all blocks."""
    return shared.build_like(
        first=lambda c: [shared.halve(3, c), activation()],
        second=lambda c: [shared.halve(c, 2 * c, **options), *norm(2 * c), activation()],
        third=lambda c: [shared.halve(2 * c, 4 * c, **options), *norm(4 * c), activation()],
    )


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _batch(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)]


def _pooled(pooling: Callable) -> Callable:
    """A discriminator whose convolutions leave the size alone; ``pooling()`` halves it."""

    def part(i: int, o: int, norm: list[nn.Module]) -> list[nn.Module]:
        return [shared.halve(i, o, kernel_size=3, stride=1), *norm, _leaky(), pooling()]

    return shared.build_like(
        first=lambda c: part(3, c, []),
        second=lambda c: part(c, 2 * c, _batch(2 * c)),
        third=lambda c: part(2 * c, 4 * c, _batch(4 * c)),
    )


class _PlainList(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        self.blocks = list(shared.build_like()(conv_dim))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class _MadeInForward(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        self.conv_dim = conv_dim
        self.body = shared.build_like(head=lambda c: [nn.Flatten()])(conv_dim)

    def forward(self, x):
        return nn.Linear(64 * self.conv_dim, 1)(self.body(x))


class _OneNormForTwo(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        self.layers = shared.build_like(
            second=lambda c: [shared.halve(c, c)],
            third=lambda c: [shared.halve(c, c)],
            head=lambda c: [],
        )(conv_dim)
        self.norm = nn.BatchNorm2d(conv_dim)
        self.dense = nn.Linear(16 * conv_dim, 1)

    def forward(self, x):
        first, leaky, second, third = self.layers
        x = leaky(first(x))
        x = leaky(self.norm(second(x)))
        x = leaky(self.norm(third(x)))
        return self.dense(x.flatten(1))


class _Unused(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        self.network = shared.build_like()(conv_dim)
        self.more = nn.Conv2d(4 * conv_dim, 8 * conv_dim, 4, 2, 1)

    def forward(self, x):
        return self.network(x)


class _Written(nn.Module):
    """Attributes and functional calls; wrong ones override one method."""

    def __init__(self, conv_dim=32):
        super().__init__()
        self.conv_dim = conv_dim
        self.conv1 = nn.Conv2d(3, conv_dim, 4, 2, 1)
        self.conv2 = nn.Conv2d(conv_dim, conv_dim * 2, 4, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(conv_dim * 2)
        self.conv3 = nn.Conv2d(conv_dim * 2, conv_dim * 4, 4, 2, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(conv_dim * 4)
        self.fc = nn.Linear(conv_dim * 4 * 4 * 4, 1)

    def features(self, x):
        x = F.leaky_relu(self.conv1(x), 0.2)
        x = F.leaky_relu(self.bn2(self.conv2(x)), 0.2)
        return F.leaky_relu(self.bn3(self.conv3(x)), 0.2)

    def forward(self, x):
        x = self.features(x)
        return self.fc(x.view(-1, self.conv_dim * 4 * 4 * 4))


class _BatchGrows(_Written):
    def __init__(self, conv_dim=32):
        super().__init__(conv_dim)
        self.fc = nn.Linear(conv_dim * 4 * 4, 1)

    def forward(self, x):
        return self.fc(self.features(x).view(-1, self.conv_dim * 4 * 4))


class _BatchOfEight(_Written):
    def forward(self, x):
        return self.fc(self.features(x).view(8, -1))


class _Flattened(_Written):
    """The batch is flattened too and cut up again, so that images are mixed."""

    def forward(self, x):
        return self.fc(self.features(x).transpose(0, 1).reshape(len(x), -1))


class _DetachedInside(_Written):
    def forward(self, x):
        return self.fc(self.features(x).detach().flatten(1))


class _NumbersWrittenIn(_Written):
    def __init__(self, conv_dim=32):
        super().__init__(conv_dim)
        self.fc = nn.Linear(2048, 1)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


class _DropoutAlways(_Written):
    def forward(self, x):
        return self.fc(F.dropout(self.features(x).flatten(1), 0.3))


class _HalfTheMap(_Written):
    def __init__(self, conv_dim=32):
        super().__init__(conv_dim)
        self.fc = nn.Linear(conv_dim * 4 * 4 * 2, 1)

    def forward(self, x):
        return self.fc(self.features(x)[:, :, :2].flatten(1))


class _TwoClasses(_Written):
    def __init__(self, conv_dim=32):
        super().__init__(conv_dim)
        self.fc = nn.Linear(conv_dim * 64, 2)


class _DenseOnly(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3072, 4 * conv_dim), _leaky(), nn.Linear(4 * conv_dim, 1)
        )

    def forward(self, x):
        return self.layers(x.flatten(1))


class _WithoutSuper(nn.Module):
    def __init__(self, conv_dim=32):
        self.network = shared.build_like()(conv_dim)


class _SwitchesItself(_Written):
    def forward(self, x):
        self.eval()
        return super().forward(x)


class _CallsItselfTwice(_Written):
    def forward(self, x):
        super().forward(x)
        return super().forward(x)


def _constant(network: nn.Module) -> nn.Module:
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 0.02)
    return network


def _of_width_32(conv_dim=32):
    return reference.Discriminator(32)


def _default_of_64(conv_dim=64):
    return reference.Discriminator(conv_dim)


def _evaluating(network: nn.Module) -> nn.Module:
    return network.eval()


class _ByItsBlocks(nn.Module):
    """As the reference, but with blocks of its own and another kernel."""

    def __init__(self, conv_dim=32):
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                _BlockAsAModule(3, conv_dim, False),
                _BlockAsAModule(conv_dim, 2 * conv_dim),
                _BlockAsAModule(2 * conv_dim, 4 * conv_dim),
            ]
        )
        self.out = nn.Linear(64 * conv_dim, 1)

    def forward(self, images):
        x = images
        for block in self.blocks:
            x = block(x)
        return self.out(torch.flatten(x, start_dim=1))


class _ByHand(nn.Module):
    """No layer of PyTorch's: weights as parameters, batch normalisation as a formula."""

    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.kernels = nn.ParameterList(
            [0.1 * torch.randn(o, i, 4, 4) for i, o in ((3, c), (c, 2 * c), (2 * c, 4 * c))]
        )
        self.gammas = nn.ParameterList([torch.ones(2 * c), torch.ones(4 * c)])
        self.betas = nn.ParameterList([torch.zeros(2 * c), torch.zeros(4 * c)])
        for number, width in enumerate((2 * c, 4 * c)):
            self.register_buffer(f"mean{number}", torch.zeros(width))
            self.register_buffer(f"var{number}", torch.ones(width))
        self.weight = nn.Parameter(0.1 * torch.randn(64 * c, 1))
        self.bias = nn.Parameter(torch.zeros(1))

    def _normalise(self, x, number):
        mean, var = getattr(self, f"mean{number}"), getattr(self, f"var{number}")
        if self.training:
            m, v = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            with torch.no_grad():
                mean.lerp_(m, 0.1)
                var.lerp_(v, 0.1)
        else:
            m, v = mean, var
        z = (x - m[:, None, None]) / (v[:, None, None] + 1e-5).sqrt()
        return self.gammas[number][:, None, None] * z + self.betas[number][:, None, None]

    def forward(self, x):
        for number, kernel in enumerate(self.kernels):
            x = F.conv2d(x, kernel, stride=2, padding=1)
            if number:
                x = self._normalise(x, number - 1)
            x = torch.maximum(x, 0.2 * x)
        return x.permute(0, 2, 3, 1).reshape(len(x), -1) @ self.weight + self.bias


def _with_a_convolution_at_the_end(conv_dim=32):
    return shared.build_like(head=lambda c: [nn.Conv2d(4 * c, 1, 4, bias=False), nn.Flatten()])(
        conv_dim
    )


def _with_paper_weights(conv_dim=32):
    return reference.build_discriminator(conv_dim)


class _Deeper(nn.Module):
    """Four strided blocks, one that keeps the size, a squeezed head."""

    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.body = nn.Sequential(
            nn.Conv2d(3, c, 5, 2, 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(c, c, 3, padding="same", bias=False),
            *shared.norm_and_leaky(c),
            *(shared.halve(c, 2 * c), nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2, inplace=True)),
            *(shared.halve(2 * c, 4 * c), *shared.norm_and_leaky(4 * c)),
            *(shared.halve(4 * c, 8 * c), *shared.norm_and_leaky(8 * c)),
        )
        self.head = nn.Conv2d(8 * c, 1, kernel_size=2)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(3).squeeze(2)


def _lazily(conv_dim=32):
    return nn.Sequential(
        nn.LazyConv2d(conv_dim, 4, 2, 1),
        _leaky(),
        *[
            layer
            for width in (2 * conv_dim, 4 * conv_dim)
            for layer in (
                nn.LazyConv2d(width, 4, 2, 1, bias=False),
                nn.LazyBatchNorm2d(),
                _leaky(),
            )
        ],
        nn.Flatten(),
        nn.LazyLinear(1),
    )


def _with_spectral_norm(conv_dim=32):
    def with_norm(network):
        for number, layer in enumerate(network):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                network[number] = parametrizations.spectral_norm(layer)
        return network

    return shared.build_like(change=with_norm)(conv_dim)


def _channels_last(conv_dim=32):
    return shared.build_like()(conv_dim).to(memory_format=torch.channels_last)


def _with_gammas_around_0(conv_dim=32):
    def draw(network):
        for layer in network:
            if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 0.0, 0.02)
        return network

    return shared.build_like(change=draw)(conv_dim)


def _with_shortcuts(conv_dim=32):
    return shared.build_like(
        second=lambda c: [_Shortcut(c), *shared.norm_and_leaky(2 * c)],
    )(conv_dim)


class _Shortcut(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.way = shared.halve(channels, 2 * channels)
        self.short = shared.halve(channels, 2 * channels, kernel_size=2, padding=0)

    def forward(self, x):
        return self.way(x) + self.short(x)


Discriminator: Exercise = lesson.exercise(
    reference.Discriminator,
    probe=_discriminator_probe,
    names_mistakes=True,
    mistakes={
        "no_batch_norm": Mistake(
            "DCGAN normalises in all hidden layers but the first: conv_block with batch_norm=True.",
            _all_with(lambda c: [], _leaky),
        ),
        "batch_norm_missing_once": Mistake(
            "Batch normalisation belongs after every convolution but the first: conv_block with "
            "batch_norm=True.",
            shared.build_like(third=lambda c: [shared.halve(2 * c, 4 * c), _leaky()]),
        ),
        "batch_norm_on_the_input_layer": Mistake(
            "DCGAN leaves it out there: conv_block(3, conv_dim, batch_norm=False).",
            shared.build_like(first=lambda c: [shared.halve(3, c), *shared.norm_and_leaky(c)]),
        ),
        "batch_norm_misplaced": Mistake(
            "It is the other way round: none after the first convolution, one after each of the "
            "others.",
            shared.build_like(
                first=lambda c: [shared.halve(3, c), *shared.norm_and_leaky(c)],
                third=lambda c: [shared.halve(2 * c, 4 * c), _leaky()],
            ),
        ),
        "batch_norm_on_the_images": Mistake(
            "Their mean and contrast are what tells real images from generated ones. The first "
            "thing in the network is a convolution.",
            shared.build_like(start=lambda c: [nn.BatchNorm2d(3)]),
        ),
        "batch_norm_on_the_logits": Mistake(
            "Then half of any batch counts as generated. Nothing comes after the last layer.",
            shared.build_like(end=lambda c: [nn.BatchNorm1d(1)]),
        ),
        "batch_norm_after_activation": Mistake(
            "The order is convolution, batch normalisation, LeakyReLU.",
            shared.build_like(
                second=lambda c: [shared.halve(c, 2 * c), _leaky(), nn.BatchNorm2d(2 * c)],
                third=lambda c: [shared.halve(2 * c, 4 * c), _leaky(), nn.BatchNorm2d(4 * c)],
            ),
        ),
        "batch_norm_twice": Mistake(
            "Once, between convolution and LeakyReLU, is enough.",
            shared.build_like(
                third=lambda c: [
                    *(shared.halve(2 * c, 4 * c), *shared.norm_and_leaky(4 * c)),
                    nn.BatchNorm2d(4 * c),
                ]
            ),
        ),
        "normalised_per_image": Mistake(
            "That is instance, layer or group normalisation. nn.BatchNorm2d takes its statistics "
            "over the whole batch.",
            _all_with(lambda c: [nn.InstanceNorm2d(c, affine=True)], _leaky),
        ),
        "no_running_statistics": Mistake(
            "Leave `track_running_stats` alone; with F.batch_norm, hand over running statistics "
            "and `training=self.training`.",
            _all_with(lambda c: [nn.BatchNorm2d(c, track_running_stats=False)], _leaky),
        ),
        "statistics_do_not_move": Mistake(
            "Leave the momentum of batch normalisation alone; 0 keeps the running statistics "
            "where they begin.",
            _all_with(lambda c: [nn.BatchNorm2d(c, momentum=0.0)], _leaky),
        ),
        "bias_before_batch_norm": Mistake(
            "So a bias is without effect there: `bias=False`. (After the first convolution nothing "
            "is normalised, so a bias does something there.)",
            _all_with(_batch, _leaky, bias=True),
        ),
        "relu": Mistake(
            "ReLU stops gradients, which the generator learns from, wherever its input is "
            "negative. Use LeakyReLU(0.2).",
            _all_with(_batch, nn.ReLU),
        ),
        "default_slope": Mistake(
            "0.01 is LeakyReLU's slope if it is told nothing. Use LeakyReLU(0.2), or "
            "F.leaky_relu(x, 0.2).",
            _all_with(_batch, nn.LeakyReLU),
        ),
        "another_slope": Mistake(
            "Use LeakyReLU(0.2). (Keras's is 0.3 if it is told nothing, PReLU begins at 0.25.)",
            _all_with(_batch, lambda: nn.LeakyReLU(0.3)),
        ),
        "no_activation": Mistake(
            "There is no activation between the layers, so together they are no more than one. "
            "LeakyReLU(0.2) belongs after each but the last.",
            _all_with(_batch, nn.Identity),
        ),
        "another_activation": Mistake(
            "Use LeakyReLU(0.2) in all hidden layers.", _all_with(_batch, nn.ELU)
        ),
        "one_activation_differs": Mistake(
            "The others are right. LeakyReLU(0.2) belongs there too.",
            shared.build_like(
                third=lambda c: [shared.halve(2 * c, 4 * c), *_batch(4 * c), nn.ReLU()]
            ),
        ),
        "max_pooling": Mistake(
            "DCGAN has no pooling: let a convolution take the step (`stride=2`), so that the "
            "network learns how to make the maps smaller.",
            _pooled(lambda: nn.MaxPool2d(2)),
        ),
        "average_pooling": Mistake(
            "DCGAN has no pooling, not at the end either: flatten the last maps for the dense "
            "layer, and let convolutions with `stride=2` make maps smaller.",
            shared.build_like(
                head=lambda c: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * c, 1)],
            ),
        ),
        "slicing": Mistake(
            "Pixels are thrown away that way. Let the convolution take the step: `stride=2`.",
            _pooled(lambda: shared.Apply(lambda x: x[:, :, ::2, ::2])),
        ),
        "interpolation": Mistake(
            "Let convolutions with `stride=2` make the maps smaller, nothing else.",
            _pooled(lambda: nn.Upsample(scale_factor=0.5, mode="bilinear")),
        ),
        "part_of_the_map": Mistake(
            "The rest is thrown away. All of the images and of the maps count: flatten all of the "
            "last ones, and let convolutions with `stride=2` make maps smaller.",
            _HalfTheMap,
        ),
        "too_few_strides": Mistake(
            "Three or more convolutions with stride 2 belong in the network: 32 x 32, 16 x 16, "
            "8 x 8, 4 x 4.",
            shared.build_like(
                third=lambda c: [
                    shared.halve(2 * c, 4 * c, kernel_size=3, stride=1),
                    *shared.norm_and_leaky(4 * c),
                ],
                head=lambda c: [nn.Flatten(), nn.Linear(256 * c, 1)],
            ),
        ),
        "no_convolutions": Mistake(
            "Three or more strided convolutions come first: conv_block.", _DenseOnly
        ),
        "sigmoid": Mistake(
            "Leave the sigmoid out: forward returns the logit. The sigmoid sits in the loss, where "
            "it is computed without overflow; two of them would flatten the gradient.",
            shared.build_like(end=lambda c: [nn.Sigmoid()]),
        ),
        "tanh": Mistake(
            "Nothing comes after the last layer: forward returns the logit. tanh belongs at the "
            "end of the generator.",
            shared.build_like(end=lambda c: [nn.Tanh()]),
        ),
        "activation_at_the_end": Mistake(
            "Nothing comes after the last layer: a logit may be any number, and its gradient must "
            "not depend on its sign.",
            shared.build_like(end=lambda c: [_leaky()]),
        ),
        "softmax": Mistake(
            "Softmax over a single number is always 1. Leave it out: forward returns the logit.",
            shared.build_like(end=lambda c: [nn.Softmax(1)]),
        ),
        "logits_averaged": Mistake(
            "An average is pooling. End in one number per image: flatten and a dense layer, or a "
            "convolution whose kernel is as large as the last maps.",
            shared.build_like(
                head=lambda c: [
                    nn.Conv2d(4 * c, 1, 3, padding=1),
                    *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
                ]
            ),
        ),
        "logits_squeezed": Mistake(
            "Leave out `.squeeze()`, `.view(-1)` or `[:, 0]`, so that a batch of N gives (N, 1).",
            shared.build_like(end=lambda c: [nn.Flatten(0)]),
        ),
        "logits_as_maps": Mistake(
            "Flatten them: `.flatten(1)`. A map that is larger than 1 x 1 needs a convolution of "
            "its size, or flatten and a dense layer.",
            shared.build_like(head=lambda c: [nn.Conv2d(4 * c, 1, 4)]),
        ),
        "more_than_one_logit": Mistake(
            "One number says real or generated: one output unit.", _TwoClasses
        ),
        "batch_not_kept": Mistake(
            "There has to be a row for each image. A reshape has moved numbers between the batch "
            "and the features: write `.flatten(1)`, or `.view(len(x), -1)`, instead of "
            "`.view(-1, number)`.",
            _BatchGrows,
        ),
        "batch_size_fixed": Mistake(
            "Write no batch size into the network: `.flatten(1)`, or `.view(len(x), -1)`; and no "
            "`.squeeze()`, which takes the batch away where it is 1.",
            _BatchOfEight,
        ),
        "images_mixed": Mistake(
            "A reshape mixes the images: flatten with `.flatten(1)`, which leaves the batch where "
            "it is.",
            _Flattened,
        ),
        "numbers_written_in": Mistake(
            "A number that is right for conv_dim = 32 only has been written in. Compute all widths "
            "from conv_dim; the dense layer gets 4 * conv_dim * 4 * 4 numbers.",
            _NumbersWrittenIn,
        ),
        "conv_dim_ignored": Mistake(
            "All widths should come from conv_dim: conv_dim, 2 * conv_dim, 4 * conv_dim.",
            _of_width_32,
        ),
        "conv_dim_used_in_part": Mistake(
            "All widths should grow with conv_dim: conv_dim, 2 * conv_dim, 4 * conv_dim.",
            shared.build_like(
                second=lambda c: [shared.halve(c, 64), *shared.norm_and_leaky(64)],
                third=lambda c: [shared.halve(64, 4 * c), *shared.norm_and_leaky(4 * c)],
            ),
        ),
        "another_default": Mistake(
            "Keep the first line as it was: `def __init__(self, conv_dim=32):`", _default_of_64
        ),
        "layers_in_a_list": Mistake(
            "Layers in a Python list or dict are not registered. Use nn.Sequential or "
            "nn.ModuleList, or an attribute for each.",
            _PlainList,
        ),
        "layers_made_in_forward": Mistake(
            "Make all layers in __init__; forward only calls them.", _MadeInForward
        ),
        "shared_layer": Mistake("Make a layer of its own for each place.", _OneNormForTwo),
        "frozen": Mistake(
            "Leave requires_grad as it is made.",
            shared.build_like(change=lambda network: network.requires_grad_(False)),
        ),
        "detached": Mistake(
            "Take `.detach()`, `.data` or `torch.no_grad()` out of forward.", _DetachedInside
        ),
        "unused_layer": Mistake("Call that layer in forward, or leave it out.", _Unused),
        "chance_in_eval_mode": Mistake(
            "Asked for is no dropout and no noise. Batch normalisation of your own may move its "
            "running statistics in train mode only.",
            _DropoutAlways,
        ),
        "dropout": Mistake(
            "DCGAN's discriminator has no dropout, no noise and no random slope (RReLU): leave it "
            "out.",
            shared.build_like(
                third=lambda c: [
                    shared.halve(2 * c, 4 * c),
                    *shared.norm_and_leaky(4 * c),
                    nn.Dropout(0.3),
                ]
            ),
        ),
        "hidden_dense": Mistake(
            "DCGAN has no hidden dense layers: the flattened maps go straight to the one that "
            "makes the logit.",
            shared.build_like(
                head=lambda c: [
                    *(nn.Flatten(), nn.Linear(64 * c, 3 * c), _leaky()),
                    nn.Linear(3 * c, 1),
                ]
            ),
        ),
        "images_changed": Mistake(
            "The images go into the first convolution as they are, with pixels in (-1, 1) as the "
            "generator makes them: no scaling, no reshape, nothing in place.",
            shared.build_like(start=lambda c: [shared.Apply(lambda x: x / 127.5 - 1)]),
        ),
        "input_detached": Mistake(
            "The generator learns from that gradient, which comes to it through the images: take "
            "out `.detach()`, `.data`, NumPy and rounding.",
            shared.build_like(start=lambda c: [shared.Apply(torch.Tensor.detach)]),
        ),
        "kernel_too_small": Mistake(
            "With stride 2 a kernel of 1 sees one pixel of four. Kernel 4 with padding 1 sees all.",
            shared.build_like(
                first=lambda c: [shared.halve(3, c, kernel_size=1, padding=0), _leaky()]
            ),
        ),
        "logits_squashed": Mistake(
            "Nothing comes after the last layer, in neither mode: a logit may be any number.",
            shared.build_like(end=lambda c: [shared.Apply(lambda x: 10 * torch.tanh(x / 10))]),
        ),
        "flatten_missing": Mistake(
            "The maps have to become one row per image before the dense layer: `.flatten(1)`.",
            shared.build_like(head=lambda c: [nn.Linear(64 * c, 1)]),
        ),
        "dense_layer_of_another_size": Mistake(
            "After three blocks there are 4 * conv_dim maps of 4 x 4: `nn.Linear(4 * conv_dim * 4 "
            "* 4, 1)`.",
            shared.build_like(head=lambda c: [nn.Flatten(), nn.Linear(256 * c, 1)]),
        ),
        "super_missing": Mistake(
            "The first line of `__init__` in an nn.Module is `super().__init__()`.", _WithoutSuper
        ),
        "mode_switched": Mistake(
            "Leave `.train()` and `.eval()` out of forward: who uses the network sets its mode.",
            _SwitchesItself,
        ),
        "called_twice": Mistake(
            "Call them once, and keep what they return in a variable.", _CallsItselfTwice
        ),
        "constant_weights": Mistake(
            "Filters that begin alike stay alike, and behind zeros nothing gets a gradient. Leave "
            "the first weights as PyTorch makes them, or take nn.init.normal_(weight, 0, 0.02).",
            shared.build_like(change=_constant),
        ),
        "left_in_eval_mode": Mistake("Leave out `.eval()`.", shared.build_like(change=_evaluating)),
    },
    hints=[
        "Three blocks take 32 x 32 to 4 x 4, and each has twice the channels of the one before. "
        "Which of them goes without batch normalisation? And how many numbers are there per image "
        "after the last?",
        "In __init__: conv_block(3, conv_dim, batch_norm=False), conv_block(conv_dim, 2 * "
        "conv_dim), conv_block(2 * conv_dim, 4 * conv_dim), nn.Linear(4 * conv_dim * 4 * 4, 1). In "
        "forward: the blocks, `.flatten(1)`, the dense layer.",
    ],
    right=[
        shared.build_like(),
        _Written,
        _ByItsBlocks,
        _ByHand,
        _with_a_convolution_at_the_end,
        _with_paper_weights,
        _Deeper,
        _lazily,
        _with_spectral_norm,
        _channels_last,
        _with_gammas_around_0,
        _with_shortcuts,
        _all_with(_batch, lambda: nn.LeakyReLU(0.2, inplace=True), kernel_size=5, padding=2),
        _all_with(_batch, lambda: nn.PReLU(init=0.2)),
        shared.build_like(
            start=lambda c: [nn.ReflectionPad2d(1)],
            first=lambda c: [shared.halve(3, c, padding=0), _leaky()],
        ),
    ],
    returns="a network",
    seconds=10.0,  # it takes well under 2, but a busy computer must not refuse a right answer
    difficulty=2,
    minutes=12,
)
"""Discriminator(conv_dim=32): images (N, 3, 32, 32) to logits (N, 1).

Three or more strided convolutions, no pooling of any kind; batch normalisation after every
convolution but the first (and not on images or logits), without a bias in front of it; LeakyReLU
with slope 0.2 in all hidden layers; flatten and a dense layer, or a last convolution, to one logit;
no hidden dense layer, no dropout, no sigmoid. The images go into the first convolution as they are.
All widths grow with conv_dim. No design is prescribed beyond that.
"""


# --- real_loss and fake_loss -------------------------------------------------------------------


# (3, 1) and (3,), logits of either sign; the extreme ones overflow where log and sigmoid are apart.
_LOGITS = torch.tensor([[2.0], [-1.0], [0.5]])
_FAKE_LOGITS = torch.tensor([[-2.0], [1.0], [3.0]])
_ONE = torch.tensor([[-0.7]])
_LARGE = torch.tensor([[18.0], [-18.0]])  # the sigmoid of 18 is 1 in float32
_EXTREME = torch.tensor([[-200.0], [200.0]])
_BATCH = 3 * shared.numbers(16, 1, seed=3)


def _words(logits: torch.Tensor) -> str:
    if len(logits) > 4:
        return f"{len(logits)} logits, shape {tuple(logits.shape)}"
    return str([[round(x, 4) for x in row] for row in logits.tolist()])


def _loss_questions(
    call: str, loss: Callable, batches: Sequence[torch.Tensor]
) -> Generator[Question, Any, None]:
    """Ask for values, for what kind of value it is, and for the gradient.

    loss : the attempt with everything but the logits filled in.
    """
    for logits in batches:
        given = logits.clone()
        yield Question(
            f"{call} with logits {_words(logits)}",
            lambda given=given: _number(loss(given)),
            required=False,
            inputs={"logits": given},
        )

    def gradient(logits: torch.Tensor) -> torch.Tensor:
        leaf = logits.clone().requires_grad_()
        value = loss(leaf)
        if not isinstance(value, torch.Tensor) or not value.requires_grad:
            raise Complaint("is nothing: the result carries no graph, so no gradient flows back.")
        (found,) = torch.autograd.grad(value.sum(), leaf, allow_unused=True)
        found = torch.zeros_like(leaf) if found is None else found
        if found.isnan().any():
            raise Complaint(
                "is nan. Where exp, log or sigmoid leave float32, torch.where and clamp mend the "
                "loss, but not its gradient: 0 times infinity is nan."
            )
        return found

    for logits in (batches[0], batches[-1]):
        yield ask(
            f"The gradient that flows back to logits {_words(logits)} through {call}",
            functools.partial(gradient, logits),
            required=False,
        )


def _number(value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return value.reshape(())
    if isinstance(value, torch.Tensor):
        return value
    kind = "nan" if isinstance(value, float) and math.isnan(value) else kind_of(value)
    raise Complaint(f"is {kind}, not a tensor with one number. Return a tensor.")


def _real_probe(attempt: Callable) -> Generator[Question, Any, None]:
    yield from _loss_questions("real_loss(logits)", attempt, [_LOGITS, _ONE, _BATCH, _EXTREME])

    def smooth(logits):
        return attempt(logits, True)

    yield from _loss_questions(
        "real_loss(logits, smooth=True)", smooth, [_LOGITS, _ONE, _BATCH, _EXTREME]
    )


def _fake_probe(attempt: Callable) -> Generator[Question, Any, None]:
    yield from _loss_questions(
        "fake_loss(logits)", attempt, [_FAKE_LOGITS, _ONE, _BATCH, _LARGE, _EXTREME]
    )


def _bce(logits: torch.Tensor, target: float, **options: Any) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), **options)


def _real(formula: Callable) -> Callable:
    """A wrong real_loss from a formula in logits and target, 1 or 0.9."""

    def real_loss(logits, smooth=False):
        return formula(logits, 0.9 if smooth else 1.0)

    return real_loss


def _written_out(logits: torch.Tensor, target: float) -> torch.Tensor:
    d = torch.sigmoid(logits)
    return -(target * torch.log(d) + (1 - target) * torch.log(1 - d)).mean()


def _criterion_with_targets(logits, smooth=False):
    labels = torch.ones(logits.size(0))
    if smooth:
        labels = labels * 0.9
    return nn.BCEWithLogitsLoss()(logits.squeeze(1), labels)


def _by_softplus(logits, smooth=False):
    target = 0.9 if smooth else 1
    return (F.softplus(logits) - target * logits).mean()


def _by_logsigmoid(logits, smooth=False):
    real = -F.logsigmoid(logits).mean()
    return 0.9 * real - 0.1 * F.logsigmoid(-logits).mean() if smooth else real


def _changes_the_logits(logits, smooth=False):
    with torch.no_grad():
        logits.clamp_(-30, 30).mul_(1.01)
    return _bce(logits, 0.9 if smooth else 1.0)


real_loss: Exercise = lesson.exercise(
    losses.real_loss,
    probe=_real_probe,
    mistakes={
        "targets_zero": Mistake(
            "The targets are 0, which is what fake images get. Real images get 1: "
            "`torch.ones_like(logits)`.",
            _real(lambda x, t: _bce(x, 1 - t)),
        ),
        "smooth_ignored": Mistake(
            "smooth is ignored. With smooth=True the targets are 0.9 instead of 1.",
            _real(lambda x, t: _bce(x, 1.0)),
        ),
        "always_smooth": Mistake(
            "The targets are 0.9 in either case. Without smooth they are 1.",
            _real(lambda x, t: _bce(x, 0.9)),
        ),
        "smooth_inverted": Mistake(
            "It is the wrong way round: targets of 0.9 belong to smooth=True, 1 to smooth=False.",
            _real(lambda x, t: _bce(x, 1.9 - t)),
        ),
        "smooth_target_of_a_tenth": Mistake(
            "With smooth=True your targets are 0.1. They go down from 1 by 0.1, to 0.9.",
            _real(lambda x, t: _bce(x, 1.0 if t == 1 else 0.1)),
        ),
        "smooth_half_as_much": Mistake(
            "With smooth=True your targets are 0.95, which is what a smoothing of 0.1 over two "
            "classes gives. Here it is 0.9.",
            _real(lambda x, t: _bce(x, 1.0 if t == 1 else 0.95)),
        ),
        "smooth_scales_the_loss": Mistake(
            "With smooth=True you multiply the loss by 0.9. It is the target that becomes 0.9; "
            "then a logit can be too large as well.",
            _real(lambda x, t: t * _bce(x, 1.0)),
        ),
        "smooth_scales_the_logits": Mistake(
            "With smooth=True you multiply the logits by 0.9. It is the target that becomes 0.9.",
            _real(lambda x, t: _bce(t * x, 1.0)),
        ),
        "smooth_of_zero_targets": Mistake(
            "With smooth=True your targets are 0 times 0.9 or the like, so 0. They are 0.9.",
            _real(lambda x, t: _bce(x, 1.0 if t == 1 else 0.0)),
        ),
        "sigmoid_twice": Mistake(
            "You take the sigmoid twice: binary_cross_entropy_with_logits has it built in. Hand it "
            "the logits as they are.",
            _real(lambda x, t: _bce(torch.sigmoid(x), t)),
        ),
        "sigmoid_missing": Mistake(
            "You hand logits to F.binary_cross_entropy, which expects probabilities. Use "
            "F.binary_cross_entropy_with_logits.",
            _real(lambda x, t: F.binary_cross_entropy(x, torch.full_like(x, t))),
        ),
        "probabilities": Mistake(
            "Right for moderate logits, but the loss of large ones is cut off at 100, where no "
            "gradient is left. F.binary_cross_entropy does that, as the sigmoid of -200 is 0 in "
            "float32, and so does a clamp. F.binary_cross_entropy_with_logits needs neither.",
            _real(lambda x, t: F.binary_cross_entropy(torch.sigmoid(x), torch.full_like(x, t))),
        ),
        "log_of_the_sigmoid": Mistake(
            "Right for moderate logits, but the sigmoid of -200 is 0 in float32, and its logarithm "
            "is infinite. F.binary_cross_entropy_with_logits does both in one step.",
            _real(_written_out),
        ),
        "exponential_overflows": Mistake(
            "Right for moderate logits, but in float32 exp(200) is infinite and the sigmoid of "
            "-200 is 0, whose logarithm is infinite. Use F.binary_cross_entropy_with_logits, or "
            "F.softplus.",
            _real(lambda x, t: (torch.log1p(torch.exp(-x)) + (1 - t) * x).mean()),
        ),
        "eps_in_the_logarithm": Mistake(
            "A small number inside the logarithm keeps it finite, but changes the loss for large "
            "logits and leaves no gradient there. F.binary_cross_entropy_with_logits needs none.",
            _real(
                lambda x, t: (
                    -(
                        t * torch.log(torch.sigmoid(x) + 1e-8)
                        + (1 - t) * torch.log(1 - torch.sigmoid(x) + 1e-8)
                    ).mean()
                )
            ),
        ),
        "second_term_missing": Mistake(
            "You have the first term, minus target * log D, alone. Against a target of 0.9 there "
            "is a second: minus 0.1 * log(1 - D). And log and sigmoid apart overflow at -200: "
            "F.binary_cross_entropy_with_logits has both terms and is safe.",
            _real(lambda x, t: -(t * torch.log(torch.sigmoid(x))).mean()),
        ),
        "sign": Mistake(
            "The sign is wrong: the loss is minus the mean logarithm, small where the logits are "
            "large.",
            _real(lambda x, t: -_bce(x, t)),
        ),
        "sum": Mistake(
            "You sum over the batch. Take the mean, so that the loss does not depend on how many "
            "images there are.",
            _real(lambda x, t: _bce(x, t, reduction="sum")),
        ),
        "not_reduced": Mistake(
            "You return a loss per image. Take the mean over the batch.",
            _real(lambda x, t: _bce(x, t, reduction="none")),
        ),
        "squared_error": Mistake(
            "That is the squared distance of the logits from the target (least-squares GAN). Asked "
            "for is binary cross-entropy.",
            _real(lambda x, t: F.mse_loss(x, torch.full_like(x, t))),
        ),
        "squared_error_of_probabilities": Mistake(
            "That is the squared error of the probabilities, whose gradient vanishes where the "
            "discriminator is sure and wrong. Asked for is binary cross-entropy.",
            _real(lambda x, t: F.mse_loss(torch.sigmoid(x), torch.full_like(x, t))),
        ),
        "wasserstein": Mistake(
            "That is minus the mean logit (Wasserstein GAN). Asked for is binary cross-entropy.",
            _real(lambda x, t: -t * x.mean()),
        ),
        "hinge": Mistake(
            "That is the hinge loss. Asked for is binary cross-entropy.",
            _real(lambda x, t: F.relu(t - x).mean()),
        ),
        "squared_error_without_smooth": Mistake(
            "That is the squared distance of the logits from 1 (least-squares GAN), and smooth is "
            "ignored. Asked for is binary cross-entropy, against 0.9 with smooth=True.",
            _real(lambda x, t: F.mse_loss(x, torch.ones_like(x))),
        ),
        "wasserstein_without_smooth": Mistake(
            "That is minus the mean logit (Wasserstein GAN), and smooth is ignored. Asked for is "
            "binary cross-entropy, against 0.9 with smooth=True.",
            _real(lambda x, t: -x.mean()),
        ),
        "hinge_without_smooth": Mistake(
            "That is the hinge loss, and smooth is ignored. Asked for is binary cross-entropy, "
            "against 0.9 with smooth=True.",
            _real(lambda x, t: F.relu(1 - x).mean()),
        ),
        "softmax_over_one": Mistake(
            "F.cross_entropy takes the softmax over a row, which here has one number: the result "
            "is always 0. Use F.binary_cross_entropy_with_logits.",
            _real(lambda x, t: F.cross_entropy(x, torch.full_like(x, t))),
        ),
        "detached": Mistake(
            "The numbers are right, but no gradient flows back: take out `.detach()`, `.data` or "
            "`torch.no_grad()`.",
            _real(lambda x, t: _bce(x.detach(), t)),
        ),
        "item": Mistake(
            "The number is right, but a Python float has no gradient: leave out `.item()`.",
            _real(lambda x, t: _bce(x, t).item()),
        ),
        "fixed_batch": Mistake(
            "The targets are as many as a batch that you had in mind. Make them of the logits' "
            "shape: `torch.ones_like(logits)`.",
            _real(lambda x, t: F.binary_cross_entropy_with_logits(x, torch.full((64, 1), t))),
        ),
        "targets_without_a_column": Mistake(
            "The logits have shape (N, 1), your targets (N,). Make them alike: "
            "`torch.ones_like(logits)`.",
            _real(lambda x, t: F.binary_cross_entropy_with_logits(x, torch.full((len(x),), t))),
        ),
        "batch_of_one_squeezed": Mistake(
            "`.squeeze()` takes away the batch as well where it has one logit: (1, 1) becomes (). "
            "Leave it out, and make the targets of the logits' shape: `torch.ones_like(logits)`.",
            _real(lambda x, t: nn.BCEWithLogitsLoss()(x.squeeze(), torch.full((x.size(0),), t))),
        ),
        "logits_changed": Mistake(
            "You change the logits in place. They belong to the caller.", _changes_the_logits
        ),
    },
    hints=[
        "The discriminator should say 1 for every real image. Which loss takes logits and targets "
        "and has the sigmoid built in?",
        "`F.binary_cross_entropy_with_logits(logits, targets)` with "
        "`targets = torch.full_like(logits, 0.9 if smooth else 1.0)`.",
    ],
    right=[
        _criterion_with_targets,
        _by_softplus,
        _by_logsigmoid,
        _real(lambda x, t: _bce(x, t, reduction="none").mean(0)),
        _real(lambda x, t: nn.BCEWithLogitsLoss()(x.view(-1), torch.ones(x.numel()) * t)),
        _real(lambda x, t: F.binary_cross_entropy_with_logits(x, x.new_ones(x.shape) * t)),
        _real(lambda x, t: _bce(x.double(), t)),
    ],
    returns="a tensor with one number",
    difficulty=1,
    minutes=5,
    tolerance=1e-4,
)
"""real_loss(logits, smooth=False): the discriminator's loss on real images, one number.

logits : (N, 1), before any sigmoid. Binary cross-entropy against 1, or against 0.9 with
smooth=True (one-sided label smoothing), the mean over the batch, in nats; finite at -200 and 200.
"""


def _fake(formula: Callable) -> Callable:
    def fake_loss(logits):
        return formula(logits)

    return fake_loss


def _fake_by_criterion(logits):
    return nn.BCEWithLogitsLoss()(logits.squeeze(), torch.zeros_like(logits.squeeze()))


def _fake_changing_the_logits(logits):
    with torch.no_grad():
        logits.neg_()
    return _bce(logits, 1.0)


fake_loss: Exercise = lesson.exercise(
    losses.fake_loss,
    probe=_fake_probe,
    mistakes={
        "targets_one": Mistake(
            "The targets are 1, which is what real images get. Generated ones get 0: "
            "`torch.zeros_like(logits)`. (A loss with 1 is what the generator wants.)",
            _fake(lambda x: _bce(x, 1.0)),
        ),
        "smoothed": Mistake(
            "The targets are 0.1. Smoothing is one-sided: those of generated images stay 0. (A "
            "target above 0 would reward the generator for the mistakes it makes already.)",
            _fake(lambda x: _bce(x, 0.1)),
        ),
        "smooth_target": Mistake(
            "The targets are 0.9. That is for real images; generated ones get 0.",
            _fake(lambda x: _bce(x, 0.9)),
        ),
        "minus_the_real_loss": Mistake(
            "That is minus the loss on real images, the mean of log D. Asked for is minus the mean "
            "of log(1 - D): targets of 0.",
            _fake(lambda x: -_bce(x, 1.0)),
        ),
        "one_minus_the_real_loss": Mistake(
            "You subtract the loss from 1. It is the probability that is subtracted from 1, inside "
            "the logarithm: minus the mean of log(1 - D), that is targets of 0.",
            _fake(lambda x: 1 - _bce(x, 1.0)),
        ),
        "sign": Mistake(
            "The sign is wrong: the loss is minus the mean of log(1 - D), never below 0.",
            _fake(lambda x: -_bce(x, 0.0)),
        ),
        "targets_minus_one": Mistake(
            "The targets are -1. They are probabilities: 0 for generated images.",
            _fake(lambda x: _bce(x, -1.0)),
        ),
        "sigmoid_twice": Mistake(
            "You take the sigmoid twice: binary_cross_entropy_with_logits has it built in. Hand it "
            "the logits as they are.",
            _fake(lambda x: _bce(torch.sigmoid(x), 0.0)),
        ),
        "sigmoid_missing": Mistake(
            "You hand logits to F.binary_cross_entropy, which expects probabilities. Use "
            "F.binary_cross_entropy_with_logits.",
            _fake(lambda x: F.binary_cross_entropy(x, torch.zeros_like(x))),
        ),
        "probabilities": Mistake(
            "Right for moderate logits, but the loss of large ones is cut off at 100, where no "
            "gradient is left. F.binary_cross_entropy does that, as the sigmoid of 200 is 1 in "
            "float32, and so does a clamp. F.binary_cross_entropy_with_logits needs neither.",
            _fake(lambda x: F.binary_cross_entropy(torch.sigmoid(x), torch.zeros_like(x))),
        ),
        "log_of_the_sigmoid": Mistake(
            "Right for moderate logits, but the sigmoid of 200 is 1 in float32, and log(1 - 1) is "
            "infinite. F.binary_cross_entropy_with_logits does both in one step.",
            _fake(lambda x: -torch.log(1 - torch.sigmoid(x)).mean()),
        ),
        "exponential_overflows": Mistake(
            "Right for moderate logits, but in float32 exp(200) is infinite and the sigmoid of "
            "-200 is 0, whose logarithm is infinite. Use F.binary_cross_entropy_with_logits, or "
            "F.softplus.",
            _fake(lambda x: torch.log(1 + torch.exp(x)).mean()),
        ),
        "eps_in_the_logarithm": Mistake(
            "A small number inside the logarithm keeps it finite, but changes the loss for large "
            "logits and leaves no gradient there. F.binary_cross_entropy_with_logits needs none.",
            _fake(lambda x: -torch.log(1 - torch.sigmoid(x) + 1e-8).mean()),
        ),
        "sum": Mistake(
            "You sum over the batch. Take the mean, so that the loss does not depend on how many "
            "images there are.",
            _fake(lambda x: _bce(x, 0.0, reduction="sum")),
        ),
        "not_reduced": Mistake(
            "You return a loss per image. Take the mean over the batch.",
            _fake(lambda x: _bce(x, 0.0, reduction="none")),
        ),
        "squared_error": Mistake(
            "That is the mean square of the logits (least-squares GAN). Asked for is binary "
            "cross-entropy.",
            _fake(lambda x: (x**2).mean()),
        ),
        "squared_error_of_probabilities": Mistake(
            "That is the squared error of the probabilities, whose gradient vanishes where the "
            "discriminator is sure and wrong. Asked for is binary cross-entropy.",
            _fake(lambda x: torch.sigmoid(x).square().mean()),
        ),
        "wasserstein": Mistake(
            "That is the mean logit (Wasserstein GAN). Asked for is binary cross-entropy.",
            _fake(lambda x: x.mean()),
        ),
        "hinge": Mistake(
            "That is the hinge loss. Asked for is binary cross-entropy.",
            _fake(lambda x: F.relu(1 + x).mean()),
        ),
        "softmax_over_one": Mistake(
            "F.cross_entropy takes the softmax over a row, which here has one number: the result "
            "is always 0. Use F.binary_cross_entropy_with_logits.",
            _fake(lambda x: F.cross_entropy(x, torch.zeros_like(x))),
        ),
        "detached": Mistake(
            "The numbers are right, but no gradient flows back: take out `.detach()`, `.data` or "
            "`torch.no_grad()`. (Fakes are detached from the generator, before they enter the "
            "discriminator; its logits are not.)",
            _fake(lambda x: _bce(x.detach(), 0.0)),
        ),
        "item": Mistake(
            "The number is right, but a Python float has no gradient: leave out `.item()`.",
            _fake(lambda x: _bce(x, 0.0).item()),
        ),
        "fixed_batch": Mistake(
            "The targets are as many as a batch that you had in mind. Make them of the logits' "
            "shape: `torch.zeros_like(logits)`.",
            _fake(lambda x: F.binary_cross_entropy_with_logits(x, torch.zeros(64, 1))),
        ),
        "targets_without_a_column": Mistake(
            "The logits have shape (N, 1), your targets (N,). Make them alike: "
            "`torch.zeros_like(logits)`.",
            _fake(lambda x: F.binary_cross_entropy_with_logits(x, torch.zeros(len(x)))),
        ),
        "batch_of_one_squeezed": Mistake(
            "`.squeeze()` takes away the batch as well where it has one logit: (1, 1) becomes (). "
            "Leave it out, and make the targets of the logits' shape: `torch.zeros_like(logits)`.",
            _fake(lambda x: nn.BCEWithLogitsLoss()(x.squeeze(), torch.zeros(x.size(0)))),
        ),
        "logits_changed": Mistake(
            "You change the logits in place. They belong to the caller.",
            _fake_changing_the_logits,
        ),
    },
    hints=[
        "The discriminator should say 0 for every generated image. It is real_loss with other "
        "targets, and nothing is smoothed.",
        "`F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))`.",
    ],
    right=[
        _fake_by_criterion,
        _fake(lambda x: F.softplus(x).mean()),
        _fake(lambda x: -F.logsigmoid(-x).mean()),
        _fake(lambda x: _bce(-x, 1.0)),
        _fake(lambda x: _bce(x, 0.0, reduction="sum") / x.numel()),
        _fake(lambda x: torch.logaddexp(x, torch.zeros(())).mean()),
    ],
    returns="a tensor with one number",
    difficulty=1,
    minutes=3,
    tolerance=1e-4,
)
"""fake_loss(logits): the discriminator's loss on generated images, one number.

logits : (N, 1), before any sigmoid. Binary cross-entropy against 0, never smoothed, the mean over
the batch, in nats; finite at -200 and 200.
"""


build_discriminator: Exercise = keras_discriminator.register_build_discriminator(lesson)
same_weights: Exercise = keras_discriminator.register_same_weights(lesson)
