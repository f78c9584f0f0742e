"""What a PyTorch network computes, however it is written: for the checks of lessons 05 and 06.

Nothing here reads a class name, an attribute name or source text. ``watch`` runs a network and
records below autograd, where ``nn.Conv2d``, ``F.conv2d`` and a subclass are the same operation:

    trace = watch(network, images)
    trace.steps      every use of weights in order: convolution, transposed convolution, dense
    trace.shrinking  pooling, interpolation, averages over a map, strided slices, in words
    trace.output     what the network returned, with its graph

Between one step and the next lies a ``Passage``. Whatever is fed to it comes out as the next
step's input, because ``watch`` can replace a step's output:

    for passage in passages(network, images):
        passage.activation()       what negatives are passed on with: 0.20, 0.00, 1.00, ...
        passage.normalisation()    of batch or image, before or after the activation, or none

Then there are the leaves of the graph (``learnable``), calls counted per module (``called_twice``)
and complaints that fit every network, one mistake each:

    yield ask("The parameters:", lambda: complain_of_unregistered(network, images))
    yield ask("The weights:", lambda: named("unused_layer", complain_of_unused, network, images))

Passages are found by what is computed from what, so shortcuts and parallel branches are seen as
such; a step fed by several others has no passage (``Step.sources`` tells).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.parameter import UninitializedTensorMixin
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.checks.engine import Complaint

Kind = Literal["convolution", "transposed convolution", "dense layer"]

#: Stands for the network's input among the sources of a step.
INPUT = -1

_AVERAGES = {"mean": "an average", "amax": "a maximum", "max": "a maximum", "sum": "a sum"}


@dataclass
class Step:
    """One use of weights on something that was computed from the network's input.

    number : place among the steps, from 0. name : for messages, such as "convolution 2", or
        "the dense layer" where there is no other.
    inputs, output : copies from before anything in-place could change them. output is what goes
        on: the replacement where there is one.
    weight : as used, so (in, out) for a dense layer. bias : None where it has none.
    learnt : whether a gradient flows to the weight.
    sources : the steps (or INPUT) whose output reaches this one without other weights between.
    kernel_size, stride, padding, dilation, output_padding, groups : of a convolution, else empty.
    """

    number: int
    kind: Kind
    name: str
    inputs: torch.Tensor
    output: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None
    learnt: bool
    sources: frozenset[int]
    kernel_size: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    output_padding: tuple[int, ...] = ()
    groups: int = 1

    @property
    def width(self) -> int:
        """Channels or features that it puts out."""
        return self.output.shape[1] if self.output.ndim > 1 else 1


@dataclass(frozen=True)
class Shrinking:
    """An operation that makes maps smaller or larger without weights.

    words : "max pooling". sources : as those of a Step. before, after : shapes.
    """

    words: str
    sources: frozenset[int]
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass
class Trace:
    """What one run of a network did; see the module's docstring.

    sources : the steps whose output reaches the network's output without weights between.
    """

    steps: list[Step] = field(default_factory=list)
    shrinking: list[Shrinking] = field(default_factory=list)
    output: Any = None
    sources: frozenset[int] = frozenset()

    def of_kind(self, *kinds: Kind) -> list[Step]:
        return [step for step in self.steps if step.kind in kinds]


def watch(
    network: Callable,
    inputs: torch.Tensor,
    replace: Mapping[int, torch.Tensor] | None = None,
    seed: int = 0,
    until: int | None = None,
) -> Trace:
    """Run the network on a copy of ``inputs`` and record what it does.

    replace : number of a step to the tensor that is to go on in place of that step's output.
    until : number of a step with whose output the run ends.
    seed : dropout and noise are the same in two runs with the same seed.
    """
    mode = _Watch(replace or {}, until)
    inputs = inputs.clone()
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # manual_seed would ask every device
        mode.mark(inputs, frozenset({INPUT}))
        try:
            with mode:
                output = network(inputs)
        except _Enough:
            return mode.trace
    mode.trace.output = output
    for kind in ("convolution", "transposed convolution", "dense layer"):
        steps = mode.trace.of_kind(kind)
        if len(steps) == 1:
            steps[0].name = f"the {kind}"
    if isinstance(output, torch.Tensor):
        mode.trace.sources = mode.sources_of(output)
    return mode.trace


class _Enough(BaseException):
    """Ends a run of which the rest does not matter; no `except Exception` swallows it."""


class _Watch(TorchDispatchMode):
    """Records steps, and for every tensor from which steps it was computed.

    Tensors are told apart by their storage, which views and in-place operations share.
    """

    _PRODUCTS: Mapping[str, tuple[int, int, int | None]] = {  # places of factors and summand
        "mm": (0, 1, None),
        "bmm": (0, 1, None),
        "mv": (0, 1, None),
        "addmm": (1, 2, 0),
        "addmv": (1, 2, 0),
        "baddbmm": (1, 2, 0),
        "_addmm_activation": (1, 2, 0),
    }

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or the first use imports torch._dynamo, which takes seconds

    def __init__(self, replace: Mapping[int, torch.Tensor], until: int | None) -> None:
        super().__init__()
        self.trace = Trace()
        self._replace, self._until = replace, until
        self._sources: dict[int, frozenset[int]] = {}
        self._alive: list[torch.Tensor] = []  # or a freed storage's address would be used again

    def mark(self, tensor: torch.Tensor, sources: frozenset[int]) -> None:
        self._alive.append(tensor)
        self._sources[tensor.untyped_storage()._cdata] = sources

    def sources_of(self, tensor: Any) -> frozenset[int]:
        if not isinstance(tensor, torch.Tensor) or tensor.layout is not torch.strided:
            return frozenset()
        return self._sources.get(tensor.untyped_storage()._cdata, frozenset())

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        if name in ("linear", "conv2d", "conv_transpose2d", "matmul", "batch_norm"):
            # Composite operations come undivided under torch.inference_mode.
            with self:
                whole = func.decompose(*args, **kwargs)
            if whole is not NotImplemented:
                return whole
        given = _tensors((args, kwargs))
        sources = frozenset().union(*map(self.sources_of, given))
        if not sources:
            output = func(*args, **kwargs)
            return output
        step, turn = self._step(name, args, sources)
        before = tuple(given[0].shape)
        output = func(*args, **kwargs)
        if step:
            rows = turn(output)  # a view
            if step.number in self._replace:
                rows.copy_(self._replace[step.number])
            step.output = rows.detach().clone()
            self.trace.steps.append(step)
            if step.number == self._until:
                raise _Enough
            sources = frozenset({step.number})
            self.mark(output, sources)
            return output
        results = _tensors(output)
        for each in results:
            if each.layout is torch.strided:
                self.mark(each, self.sources_of(each) | sources)
        if results:
            self._note_shrinking(name, args, before, tuple(results[0].shape), sources)
        return output

    def _step(
        self, name: str, args: Sequence[Any], sources: frozenset[int]
    ) -> tuple[Step | None, Callable[[torch.Tensor], torch.Tensor]]:
        """The step that an operation is, None for other operations; what puts the batch first.

        The step's output is not known yet.
        """
        turn: Callable[[torch.Tensor], torch.Tensor] = _as_it_is
        kind: Kind = "dense layer"
        options: dict[str, Any] = {}
        if name == "convolution":
            x, weight, bias, stride, padding, dilation, transposed, output_padding, groups = args
            kind = "transposed convolution" if transposed else "convolution"
            size = tuple(weight.shape[2:])
            options = {
                "kernel_size": size,
                "stride": _as_many(stride, size),
                "padding": _as_many(padding, size),
                "dilation": _as_many(dilation, size),
                "output_padding": _as_many(output_padding, size),
                "groups": groups,
            }
        elif name in self._PRODUCTS:
            first, second, summand = self._PRODUCTS[name]
            x, weight = args[first], args[second]
            swapped = not self.sources_of(x)  # weight @ x
            if swapped:
                x, weight = weight, x
            if x.ndim == 3 and len(x) == len(weight) == 1:  # as einsum does it
                turn = _transposed_first if swapped else _first
            elif x.ndim == 2 and weight.ndim == 2 and swapped:
                turn = torch.t
            elif weight.ndim == 1:
                turn = _as_column
            bias = None if summand is None or self.sources_of(args[summand]) else args[summand]
        else:
            return None, turn
        if not self.sources_of(x) or self.sources_of(weight):
            return None, turn
        same = 1 + len(self.trace.of_kind(kind))
        step = Step(
            number=len(self.trace.steps),
            kind=kind,
            name=f"{kind} {same}",
            inputs=turn(x).detach().clone(),
            output=x,
            weight=weight,
            bias=bias,
            learnt=weight.requires_grad,
            sources=sources,
            **options,
        )
        return step, turn

    def _note_shrinking(
        self,
        name: str,
        args: Sequence[Any],
        before: tuple[int, ...],
        after: tuple[int, ...],
        sources: frozenset[int],
    ) -> None:
        words = ""
        if "pool" in name:
            words = "max pooling" if "max" in name else "average pooling"
        elif "upsample" in name or "grid_sampler" in name:
            words = "interpolation"
        elif name == "slice" and len(before) == 4 and args[1] % 4 >= 2 and before != after:
            step = args[4] if len(args) > 4 else 1
            words = f"a slice that keeps every {_ORDINALS.get(step, f'{step}th')} pixel"
            if step == 1:
                words = "a slice that keeps only a part of the map"
        elif name in _AVERAGES and len(before) == 4 and len(args) > 1:
            dims = args[1] if isinstance(args[1], list | tuple) else [args[1]]
            if dims and all(isinstance(dim, int) and dim % 4 >= 2 for dim in dims):
                words = f"{_AVERAGES[name]} over the map"
        if words:
            self.trace.shrinking.append(Shrinking(words, sources, before, after))


def _as_it_is(x: torch.Tensor) -> torch.Tensor:
    return x


def _first(x: torch.Tensor) -> torch.Tensor:
    return x[0]


def _transposed_first(x: torch.Tensor) -> torch.Tensor:
    return x[0].t()


def _as_column(x: torch.Tensor) -> torch.Tensor:
    return x[:, None] if x.ndim == 1 else x


def _tensors(value: Any) -> list[torch.Tensor]:
    """The tensors in arguments or results, which may be nested."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, tuple | list | type({}.values())):
        return [tensor for each in value for tensor in _tensors(each)]
    return []


_ORDINALS = {2: "second", 3: "third", 4: "fourth"}


def _as_many(values: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    values = tuple(values)
    return values * len(size) if len(values) == 1 else values


# --- what lies between two steps ---------------------------------------------------------------


@dataclass(frozen=True)
class Activation:
    """What happens to each number of a passage, in eval mode.

    ratio : what negatives are multiplied with, measured against positives: 0.2 for DCGAN's
        LeakyReLU, 0 for ReLU, 1 for none. None where it is not made of two straight lines.
    name : the activation in words, "" where nothing known fits.
    elementwise : False where an output depends on more than one number, or on its place.
    """

    ratio: float | None
    name: str
    elementwise: bool = True

    def __str__(self) -> str:
        return self.name or "something that is not piecewise linear"


@dataclass(frozen=True)
class Normalisation:
    """What a passage takes its statistics over, if it normalises.

    over : "batch", "image" (instance, layer and group normalisation) or "" for none.
    before : the activation gets normalised numbers, so that a bias before it is without effect.
    after : what leaves the passage is normalised once the activation is through.
    """

    over: Literal["batch", "image", ""]
    before: bool = False
    after: bool = False


class Passage:
    """All that happens between one step's output and the next step's input.

    source : the step, or None for the network's input. target : the next step, or None for the
    network's output. Feeding a passage leaves the network as it was, and what was found out about
    it is remembered: make another after changing the network.
    """

    def __init__(
        self, network: nn.Module, inputs: torch.Tensor, source: Step | None, target: Step | None
    ) -> None:
        self.network, self.source, self.target = network, source, target
        self._inputs = inputs
        self._known: dict[Any, Any] = {}
        start = inputs if source is None else source.output
        self.shape = tuple(start.shape)

    @property
    def place(self) -> str:
        """For messages: "after convolution 1"."""
        return f"after {self.source.name}" if self.source else "before the first layer"

    def _remembered(self, key: Any, find: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]

    @property
    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes at the beginning and at the end, without the batch."""
        if self.target:
            end = self.target.inputs.shape
        else:
            end = self._remembered("end", lambda: self.feed(self.values())).shape
        return self.shape[1:], tuple(end[1:])

    @property
    def shrinks(self) -> bool:
        """Whether less comes out than goes in, as pooling does."""
        before, after = self.sizes
        return torch.Size(after).numel() < torch.Size(before).numel()

    def feed(self, values: torch.Tensor, training: bool = False) -> torch.Tensor:
        """What comes out when ``values`` take the place of the source's output."""
        until = self.target.number if self.target else None
        with keeping_state(self.network):
            self.network.train(training)
            if self.source is None:
                trace = watch(self.network, values, until=until)
            else:
                trace = watch(self.network, self._inputs, {self.source.number: values}, until=until)
        if self.target is None:
            return trace.output.detach().clone()
        return trace.steps[self.target.number].inputs

    def values(self) -> torch.Tensor:
        """Normal numbers to feed, with another mean and scale for every channel."""
        values = _normal(self.shape)
        channels = torch.arange(self.shape[1]) if len(self.shape) > 1 else torch.zeros(1)
        channels = channels.reshape(1, -1, *[1] * (len(self.shape) - 2))
        return values * (1 + channels % 3) + channels % 5 - 1

    def activation(self) -> Activation:
        """What becomes of -4, ..., 4, measured in eval mode."""
        return self._remembered("activation", self._find_activation)

    def _find_activation(self) -> Activation:
        fed = ladder(self.shape)
        got = self.feed(fed)
        aligned = _aligned(got, fed)
        if aligned is None:
            return Activation(None, "", elementwise=False)
        return _recognise(fed, aligned)

    def normalisation(self, training: bool = True) -> Normalisation:
        """Feed other means and scales, and see what difference they make."""
        return self._remembered(training, lambda: self._find_normalisation(training))

    def _find_normalisation(self, training: bool) -> Normalisation:
        # Large numbers, beside which the largest eps in use (0.8) is nothing; not for tanh and its
        # like, which would be as good as constant there.
        scale = 1.0 if self.activation().ratio is None else 30.0
        values = scale * self.values()
        plain = self.feed(values, training)
        near = 0.08 * float(plain.std()) if plain.numel() > 1 else 0.0
        if not near:
            return Normalisation("")

        def unchanged(changed: torch.Tensor, images: slice = slice(None)) -> bool:
            got = self.feed(changed, training)
            if got.shape != plain.shape:
                return False
            return bool((got[images] - plain[images]).abs().max() < near)

        if not unchanged(3 * values):
            return Normalisation("")
        first = values.clone()
        first[0] *= 3
        over = "image" if unchanged(first, slice(1, None)) else "batch"
        before = unchanged(values + 5 * scale)
        skewed = self.feed(values.abs() ** 1.5, training)
        after = any(
            _same_moments(one, other)
            for one, other in zip(
                _arrangements(plain, self.shape), _arrangements(skewed, self.shape), strict=False
            )
        )
        return Normalisation(over, before, after)


def passages(network: nn.Module, inputs: torch.Tensor, trace: Trace | None = None) -> list[Passage]:
    """The passages of a network in order, from its input to its output.

    Only those with a single beginning; see ``Step.sources``.
    """
    trace = trace or watch(network, inputs)
    ends: list[tuple[frozenset[int], Step | None]] = [(s.sources, s) for s in trace.steps]
    found = []
    for sources, target in [*ends, (trace.sources, None)]:
        if len(sources) == 1:
            (number,) = sources
            source = None if number == INPUT else trace.steps[number]
            found.append(Passage(network, inputs, source, target))
    return found


def _normal(shape: Sequence[int], seed: int = 1) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(tuple(shape), generator=draw)


RUNGS = torch.tensor([-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0])


def ladder(shape: Sequence[int]) -> torch.Tensor:
    """-4, ..., 4 without 0 in random order, in every channel equally often if the count allows."""
    shape = tuple(shape)
    channels = shape[1] if len(shape) > 1 else 1
    each = torch.Size(shape).numel() // channels
    draw = torch.Generator().manual_seed(2)
    rungs = RUNGS.repeat(-(-each // len(RUNGS)))[:each]
    columns = torch.stack([rungs[torch.randperm(each, generator=draw)] for _ in range(channels)])
    if len(shape) < 2:
        return columns[0].reshape(shape)
    return columns.reshape(channels, shape[0], *shape[2:]).transpose(0, 1).contiguous()


def _aligned(got: torch.Tensor, fed: torch.Tensor) -> torch.Tensor | None:
    """``got`` in the shape of ``fed``, each number in the place of what it was computed from.

    Flattened, unflattened, in another order of axes or with padding around it; None if none of
    that fits.
    """
    best, score = None, 0.3
    for candidate in _arrangements(got, fed.shape):
        found = _correlation(candidate, fed)
        if found > score + 1e-6:
            best, score = candidate, found
    return best


def _arrangements(got: torch.Tensor, shape: Sequence[int]) -> Iterator[torch.Tensor]:
    shape = tuple(shape)
    if got.numel() == torch.Size(shape).numel():
        yield got.reshape(shape)
        if got.ndim == 2 and len(shape) > 2:
            for order in itertools.permutations(range(1, len(shape))):
                mixed = got.reshape(shape[0], *[shape[axis] for axis in order])
                back = [1 + order.index(axis) for axis in range(1, len(shape))]
                yield mixed.permute(0, *back)
        elif got.ndim > 2:
            for order in itertools.permutations(range(1, got.ndim)):
                yield got.permute(0, *order).reshape(shape)
    elif got.ndim == len(shape) == 4 and got.shape[:2] == shape[:2]:
        spare = [got.shape[axis] - shape[axis] for axis in (2, 3)]
        if min(spare) >= 0:
            for top, left in itertools.product(range(spare[0] + 1), range(spare[1] + 1)):
                yield got[:, :, top : top + shape[2], left : left + shape[3]]


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = (each.transpose(0, 1).flatten(1) for each in (a, b))
    a, b = (each - each.mean(1, keepdim=True) for each in (a, b))
    scale = a.norm(dim=1) * b.norm(dim=1)
    return float(((a * b).sum(1) / scale.clamp(min=1e-12)).abs().mean())


_KNOWN_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "ELU": F.elu,
    "SELU": F.selu,
    "GELU": F.gelu,
    "SiLU": F.silu,
    "Mish": F.mish,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "hardtanh": F.hardtanh,
    "ReLU6": F.relu6,
    "a square": torch.square,
    "the absolute value": torch.abs,
    "log-sigmoid": F.logsigmoid,
    "a hard sigmoid": F.hardsigmoid,
    "a sine": torch.sin,
}


def _recognise(fed: torch.Tensor, got: torch.Tensor) -> Activation:
    """The activation that makes ``got`` of the rungs in ``fed``."""
    x, y = (each.transpose(0, 1).flatten(1) for each in (fed, got))
    near = 0.02 * float(y.abs().max())
    levels = []  # per rung, one number per channel
    for rung in RUNGS:
        here = x == rung
        counts = here.sum(1)
        if not counts.all():  # a dense layer with few images
            return Activation(None, "", elementwise=False)
        level = (y * here).sum(1) / counts
        if ((y - level[:, None]).abs() * here).max() > near:
            return Activation(None, "", elementwise=False)
        levels.append(level)
    heights = torch.stack(levels)  # (rungs, channels)
    relative = heights / heights.abs().amax(0).clamp(min=1e-12)  # channels may differ in gamma
    turned = relative[4:].mean(0) < relative[:4].mean(0)  # scaled by a negative number
    relative = torch.where(turned, relative.flip(0), relative)
    if ((relative[4:].mean(0) - relative[:4].mean(0)) < 0.02).any():  # as a square
        relative = heights / heights.abs().max().clamp(min=1e-12)
    low, high = relative[:4], relative[4:]
    straight = all((half.diff(dim=0).diff(dim=0)).abs().max() < 0.02 for half in (low, high))
    slopes = [(half[3] - half[0]) / 3 for half in (low, high)]
    if straight and slopes[1].abs().min() > 0.005:
        ratios = slopes[0] / slopes[1]
        ratio = float(ratios.median())
        if (ratios - ratio).abs().max() > 0.02:
            return Activation(None, "a slope that is not the same for all channels")
        return Activation(ratio, _in_words(ratio))
    for name, function in _KNOWN_ACTIVATIONS.items():
        expected = function(RUNGS)[:, None]
        if (heights - expected).abs().max() < max(near, 0.03):
            return Activation(None, name)
    return Activation(None, "")


def _in_words(ratio: float) -> str:
    for known, words in ((0.0, "ReLU"), (1.0, "nothing"), (-1.0, "the absolute value")):
        if abs(ratio - known) < 0.002:
            return words
    return f"LeakyReLU with slope {ratio:.2f}"


def _same_moments(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether every channel has the same mean and deviation in both, though not the same values."""
    if min(a.ndim, b.ndim) < 2:
        return False
    a, b = (each.transpose(0, 1).flatten(1) for each in (a, b))
    deviation = a.std(1).clamp(min=1e-12)  # near 0 where gamma is
    mean_shift, ratio = (b.mean(1) - a.mean(1)) / deviation, b.std(1) / deviation
    return bool(mean_shift.abs().max() < 0.02 and (ratio - 1).abs().max() < 0.02)


# --- what a network holds ----------------------------------------------------------------------


@contextlib.contextmanager
def keeping_state(network: nn.Module) -> Iterator[None]:
    """Puts parameters, buffers and modes back, whatever is done to them inside."""
    every = itertools.chain(network.parameters(), network.buffers())
    # Those of lazy layers have no values before the first call.
    tensors = [each for each in every if not isinstance(each, UninitializedTensorMixin)]
    values = [each.detach().clone() for each in tensors]
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(tensors, values, strict=True):
                if tensor.shape == value.shape and not _identical(tensor, value):
                    tensor.copy_(value)
        for module, training in modes:
            module.training = training


def _identical(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.detach(), b)


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters and buffers by name, those outside of state_dict too."""
    named = itertools.chain(network.named_parameters(), network.named_buffers())
    return {name: tensor.detach().clone() for name, tensor in named}


def changes(before: Mapping[str, torch.Tensor], network: nn.Module) -> list[str]:
    """The names of parameters and buffers that are not as they were."""
    after = state(network)
    return [
        name
        for name in after
        if name not in before
        or before[name].shape != after[name].shape
        or not torch.equal(before[name], after[name])
    ]


def learnable(output: torch.Tensor) -> list[torch.Tensor]:
    """The tensors that a gradient of the output would reach: the leaves of its graph."""
    found: dict[int, torch.Tensor] = {}
    seen, waiting = set(), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, torch.Tensor):
            found[id(leaf)] = leaf
        waiting += [following for following, _ in node.next_functions]
    return list(found.values())


def called_twice(network: nn.Module, inputs: torch.Tensor) -> list[nn.Module]:
    """Modules with parameters of their own that one forward pass calls more than once."""
    counts: dict[nn.Module, int] = {}

    def count(module: nn.Module, *_: Any) -> None:
        counts[module] = counts.get(module, 0) + 1

    handles = [
        module.register_forward_pre_hook(count)
        for module in network.modules()
        if any(True for _ in module.parameters(recurse=False))
    ]
    try:
        with torch.no_grad():
            network(inputs.clone())
    finally:
        for handle in handles:
            handle.remove()
    return [module for module, calls in counts.items() if calls > 1]


# --- complaints that fit every network ---------------------------------------------------------


def kind_of(value: Any) -> str:
    """What a value is, without its numbers: "a tensor of shape (5, 1)"."""
    if value is None:
        return "None"
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list) and len(value) <= 6:
        return f"a {type(value).__name__} of {len(value)}"
    article = "an" if type(value).__name__[:1].lower() in "aeiou" else "a"
    return f"{article} {type(value).__name__}"


def network_of(value: Any) -> nn.Module:
    """The value if it is a network. Raises Complaint."""
    if isinstance(value, type):
        raise Complaint(
            "is a class. What is needed is a network made from it, with the brackets of a call."
        )
    value = getattr(value, "_orig_mod", value)  # what torch.compile was given
    if isinstance(value, torch.jit.ScriptModule):
        raise Complaint(
            "is a compiled network, into which the check cannot look. Pass it as it was before "
            "torch.jit."
        )
    if not isinstance(value, nn.Module):
        raise Complaint(
            f"is {kind_of(value)}, not a network: an nn.Module, such as nn.Sequential or an object "
            "of a class of your own that begins with `class ...(nn.Module):`."
        )
    return value


def tensor_of(value: Any) -> torch.Tensor:
    """The value if it is a tensor of floats. Raises Complaint."""
    if not isinstance(value, torch.Tensor):
        remedy = (
            "Does forward end in `return ...`?" if value is None else "Return a tensor, no more."
        )
        raise Complaint(f"is {kind_of(value)}. {remedy}")
    if not value.is_floating_point():
        raise Complaint(f"is a tensor of {str(value.dtype).removeprefix('torch.')}, not of floats.")
    if not bool(torch.isfinite(value).all()):
        raise Complaint("contains nan or infinity.")
    return value


def listing(names: Sequence[str], most: int = 6) -> str:
    """ "a", "a and b", "a, b and c"."""
    names = list(names)
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def named(mistake: str, complain: Callable[..., None], *args: Any) -> None:
    """``complain(*args)``, whose Complaint then names the banked mistake."""
    try:
        complain(*args)
    except Complaint as complaint:
        raise Complaint(str(complaint), mistake) from None


def _unregistered(network: nn.Module, inputs: torch.Tensor) -> tuple[list[torch.Tensor], bool]:
    """Learnable tensors that ``parameters()`` does not give; whether every call has others."""
    known = {id(each) for each in network.parameters()}
    with keeping_state(network):
        first, again = (learnable(watch(network, inputs).output) for _ in "ab")
    lost = [each for each in first if id(each) not in known]
    kept = {id(each) for each in again}
    return lost, bool(lost) and not any(id(each) in kept for each in lost)


def complain_of_unregistered(network: nn.Module, inputs: torch.Tensor) -> None:
    """Weights that forward uses and ``parameters()`` does not give: layers in a list."""
    lost, made_anew = _unregistered(network, inputs)
    if lost and not made_anew:
        shapes = listing([str(tuple(each.shape)) for each in lost], 3)
        count = sum(1 for _ in network.parameters())
        raise Complaint(
            f"forward uses {_tensors_of_weights(lost)} (of shape {shapes}) that parameters() does "
            f"not give; it gives {count}. No optimiser would train them, and .to(), .eval() and "
            "state_dict() miss them."
        )


def complain_of_new_layers(network: nn.Module, inputs: torch.Tensor) -> None:
    """Weights that are made anew in every call."""
    lost, made_anew = _unregistered(network, inputs)
    if made_anew:
        shapes = listing([str(tuple(each.shape)) for each in lost], 3)
        raise Complaint(
            f"forward makes {_tensors_of_weights(lost)} (of shape {shapes}) anew in every call, so "
            "nothing that they learn is kept."
        )


def _tensors_of_weights(tensors: Sequence[torch.Tensor]) -> str:
    return f"{len(tensors)} tensors of weights" if len(tensors) > 1 else "a tensor of weights"


def complain_of_frozen(network: nn.Module) -> None:
    """Parameters that cannot learn, or none at all."""
    if not list(network.parameters()):
        raise Complaint("parameters() gives nothing, so nothing can learn.")
    frozen = [name for name, each in network.named_parameters() if not each.requires_grad]
    if frozen:
        raise Complaint(f"requires_grad is False for {listing(frozen, 4)}, so they cannot learn.")


def complain_of_cut_gradients(network: nn.Module, inputs: torch.Tensor) -> None:
    """Parameters that forward uses and no gradient reaches."""
    with keeping_state(network):
        trace = watch(network, inputs)
    if not trace.output.requires_grad:
        raise Complaint(
            "the output carries no graph, so no gradient flows back from it to any parameter."
        )
    reached = {id(each) for each in learnable(trace.output)}
    used = {
        each.untyped_storage()._cdata
        for step in trace.steps
        for each in (step.weight, step.bias)
        if each is not None
    }
    cut = [
        name
        for name, each in network.named_parameters()
        if id(each) not in reached and each.untyped_storage()._cdata in used
    ]
    if cut:
        raise Complaint(f"forward uses {listing(cut, 4)}, but no gradient flows back there.")


def complain_of_unused(network: nn.Module, inputs: torch.Tensor) -> None:
    """Parameters of which forward makes no use."""
    with keeping_state(network):
        reached = {id(each) for each in learnable(watch(network, inputs).output)}
    every = dict(network.named_parameters())
    unused = [name for name, each in every.items() if id(each) not in reached]
    if unused:
        raise Complaint(
            f"forward makes no use of {listing(unused, 4)}: {len(unused)} of {len(every)} "
            "parameters get no gradient."
        )


def complain_of_learning(network: nn.Module, inputs: torch.Tensor) -> None:
    """Weights that no optimiser would get hold of, or that no gradient reaches."""
    named("layers_made_in_forward", complain_of_new_layers, network, inputs)
    named("layers_in_a_list", complain_of_unregistered, network, inputs)
    named("frozen", complain_of_frozen, network)
    named("detached", complain_of_cut_gradients, network, inputs)
    named("unused_layer", complain_of_unused, network, inputs)


def complain_of_eval_mode(network: nn.Module) -> None:
    """A network that does not come in train mode."""
    if not all(module.training for module in network.modules()):
        raise Complaint("comes in eval mode, or a part of it does.")


def complain_of_shared_weights(network: nn.Module, trace: Trace) -> None:
    """Weights that are used in two places."""
    weights: dict[int, Step] = {}
    for step in trace.steps:
        other = weights.setdefault(step.weight.untyped_storage()._cdata, step)
        if other is not step and step.learnt:
            raise Complaint(f"{other.name} and {step.name} have the same weights.")


def complain_of_shared_modules(network: nn.Module, inputs: torch.Tensor) -> None:
    """A module with parameters that one forward pass calls twice."""
    with keeping_state(network):
        shared = called_twice(network, inputs)
    if shared:
        kinds = listing(sorted({type(module).__name__ for module in shared}))
        raise Complaint(f"one and the same {kinds} is called in two places.")


def complain_of_chance(network: nn.Module, inputs: torch.Tensor) -> None:
    """An output that is another one when eval mode is asked again."""
    with keeping_state(network), torch.no_grad():
        network.eval()
        first, second = (watch(network, inputs, seed=seed).output.detach() for seed in (1, 2))
    difference = float((first - second).abs().max())
    if difference > 1e-4 * (1e-3 + float(first.abs().max())):
        raise Complaint(
            f"two calls with the same input, in eval mode, differ by up to {difference:.2g}."
        )


def complain_of_noise(network: nn.Module, inputs: torch.Tensor) -> None:
    """Random numbers in train mode: dropout, noise, a random slope."""

    def run(seed: int) -> Trace:
        with keeping_state(network), torch.no_grad():
            return watch(network, inputs, seed=seed)

    def numbers(trace: Trace) -> list[tuple[str, torch.Tensor]]:
        pairs = [(f"what enters {step.name}", step.inputs) for step in trace.steps]
        return [*pairs, ("the output", trace.output.detach())]

    one = numbers(run(1))
    for seed in (2, 3, 4):  # a coin may fall alike twice
        for (what, first), (_, second) in zip(one, numbers(run(seed)), strict=False):
            if first.shape != second.shape:
                raise Complaint(f"in train mode, {what} has another shape from call to call.")
            difference = float((first - second).abs().max())
            if difference <= 1e-4 * (1e-3 + float(first.abs().max())):
                continue
            zeros = float((first == 0).float().mean())
            share = f" ({zeros:.0%} of the numbers are 0)" if zeros > 0.02 else ""
            raise Complaint(
                f"in train mode, {what} differs by up to {difference:.2g} from call to call, for "
                f"the same input{share}."
            )


def complain_of_switched_modes(network: nn.Module, inputs: torch.Tensor) -> None:
    """A forward that puts the network, or a part of it, into train or eval mode."""
    for training in (True, False):
        with keeping_state(network), torch.no_grad():
            network.train(training)
            before = [module.training for module in network.modules()]
            network(inputs.clone())
            after = [module.training for module in network.modules()]
        if before != after:
            modes = ["eval", "train"]
            raise Complaint(
                f"a call in {modes[training]} mode leaves the network, or a part of it, in "
                f"{modes[not training]} mode."
            )


def complain_of_cut_inputs(network: nn.Module, inputs: torch.Tensor) -> None:
    """A network through which no gradient gets back to its input, though its output follows it."""
    leaf = inputs.clone().requires_grad_()
    with keeping_state(network), torch.enable_grad():
        try:
            output = network(leaf * 1)  # not the leaf itself, which forbids in-place changes
            total = (output * _normal(output.shape)).sum()
            (found,) = torch.autograd.grad(total, leaf, allow_unused=True)
        except RuntimeError as error:
            if "numpy" not in str(error):
                raise
            found = None
    if found is not None and found.any():
        return
    with keeping_state(network), torch.no_grad():
        network.eval()
        follows = not torch.equal(network(inputs.clone()), network(inputs.flip(0)))
    if follows:
        raise Complaint("no gradient flows back from the output to the input.")


def complain_of_company(network: nn.Module, inputs: torch.Tensor) -> None:
    """An output for one example that depends on the others of the batch, in eval mode."""
    with keeping_state(network), torch.no_grad():
        network.eval()
        together = network(inputs.clone())
        alone = torch.cat([network(each.clone()) for each in inputs.split(1)])
    if alone.shape != together.shape:
        raise Complaint(
            f"{len(inputs)} together give shape {tuple(together.shape)}, one at a time and put "
            f"together {tuple(alone.shape)}."
        )
    difference = float((alone - together).abs().max())
    if difference > 1e-3 * (1e-3 + float(together.abs().max())):
        raise Complaint(
            f"in eval mode the output for one changes by up to {difference:.2g} with the others "
            "that are in its batch."
        )


def complain_of_traces(network: nn.Module, inputs: torch.Tensor) -> None:
    """Parameters or buffers that a call in eval mode changes."""
    with keeping_state(network), torch.no_grad():
        network.eval()
        before = state(network)
        network(inputs.clone())
        changed = changes(before, network)
    if changed:
        raise Complaint(f"a call in eval mode changes {listing(changed, 4)}. Only train mode may.")


def complain_of_statistics(network: nn.Module, inputs: torch.Tensor) -> None:
    """Running statistics that training leaves where they were, seen by what eval mode computes."""

    def computed() -> list[torch.Tensor]:
        network.eval()
        trace = watch(network, inputs)
        return [trace.output.detach(), *[step.inputs for step in trace.steps]]

    with keeping_state(network), torch.no_grad():
        before = computed()
        network.train()
        for _ in range(3):
            network(inputs.clone())
        after = computed()
    if all(torch.allclose(a, b, 1e-4, 1e-6) for a, b in zip(before, after, strict=True)):
        raise Complaint(
            "eval mode computes the same before and after three batches in train mode: the running "
            "statistics do not move."
        )
