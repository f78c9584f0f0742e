"""Checks of lesson 08: the steps of a training loop in PyTorch, sampling, and reading loss curves.

The string below each exercise is what the lesson has to tell the learner about it.

How a step is judged. The attempt gets two small networks that note what they are called with, an
optimiser without momentum, and a 1 in every ``.grad``. So for every call the noise is known, and
with it the gradients of the four terms that the losses are made of: real images called real, real
images called fake, fakes called real, fakes called fake. How much of each is in the weights'
change, and how much of what was in ``.grad`` before, is a linear system with one solution. It says
what was minimised, however it was written: (1, 0, 0, 1) and 0 for the discriminator. Lesson 07's
check of the TensorFlow step works alike (``keras_train_step``). On which device the noise is drawn
shows in a last call with everything on an imagined GPU.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from helpers.checks.engine import Complaint, Lesson, Mistake, Question, ask
from helpers.pytorch import training as reference
from helpers.pytorch import training_failures
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss

lesson = Lesson("08", "Training a DCGAN")
progress = lesson.progress

_LATENT_DIM = 24
_IMAGE = (3, 32, 32)
_INPUTS = {"generator": (_LATENT_DIM,), "discriminator": _IMAGE}
_RATE = 0.5
_NEAR = 2e-3


# --- the networks, under observation ------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Event:
    """Something that happened to a network, in the order of the log.

    kind : "called", "ran" (the call came to its end), "backward" (a gradient reached its output),
    "cleared" (zero_grad) or "stepped". inputs, output : of a call. training : batch normalisation
    used the batch. attached : the inputs asked for gradients. history : they came with a graph.
    recorded : the output has one. grad_enabled : no ``no_grad`` was around it.
    """

    kind: str
    network: str
    inputs: np.ndarray = field(default_factory=lambda: np.zeros(0))
    output: np.ndarray = field(default_factory=lambda: np.zeros(0))
    training: bool = True
    attached: bool = False
    history: bool = False
    recorded: bool = False
    grad_enabled: bool = True


class _Log(list[_Event]):
    """What happened, in order; a copy of a network writes to the same one."""

    def __deepcopy__(self, memo: dict) -> _Log:
        return self


class _Observed(nn.Module):
    """A network that notes its calls in a log."""

    def __init__(self, name: str, layers: nn.Module, log: _Log) -> None:
        super().__init__()
        self.name, self.layers, self.log = name, layers, log
        self.latent_dim = _LATENT_DIM  # the course's generators know theirs

    @property
    def dense(self) -> nn.Linear:
        """The layer that has this name in the course's networks."""
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        return linear[0 if self.name == "generator" else -1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._require(x)
        inputs = _array(x)
        self.log.append(_Event("called", self.name, inputs))
        output = self.layers(x)
        norms = [layer for layer in self.layers if isinstance(layer, nn.BatchNorm2d)]
        self.log.append(
            _Event(
                "ran",
                self.name,
                inputs,
                _array(output),
                training=all(norm.training for norm in norms),
                attached=x.requires_grad,
                history=x.grad_fn is not None,
                recorded=output.requires_grad,
                grad_enabled=torch.is_grad_enabled(),
            )
        )
        if output.requires_grad:
            output.register_hook(self._note_backward)
        return output

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.log.append(_Event("cleared", self.name))
        super().zero_grad(set_to_none)

    def _note_backward(self, gradient: torch.Tensor) -> None:
        self.log.append(_Event("backward", self.name))

    def _require(self, x: Any) -> None:
        start = f"gave the {self.name}"
        if not isinstance(x, torch.Tensor):
            raise Complaint(f"{start} a {type(x).__name__}; it takes a tensor.")
        wanted = _INPUTS[self.name]
        if tuple(x.shape[1:]) != wanted:
            takes = "(N, latent_dim)" if self.name == "generator" else "(N, 3, 32, 32)"
            slug = ""
            if self.name == "generator" and x.ndim == 2:
                slug = "latent_dim_fixed"
                takes = f"(N, {_LATENT_DIM}) here, since latent_dim is {_LATENT_DIM}"
            raise Complaint(f"{start} a tensor of shape {tuple(x.shape)}; it takes {takes}.", slug)
        if x.dtype != torch.float32:
            slug = "float64_noise" if (self.name, x.dtype) == ("generator", torch.float64) else ""
            raise Complaint(f"{start} {x.dtype}; its weights are torch.float32.", slug)


class _Optimizer(torch.optim.SGD):
    """Gradient descent that notes when it is used."""

    def __init__(self, network: _Observed) -> None:
        super().__init__(network.parameters(), lr=_RATE)
        self._network = network

    def step(self, closure: Callable | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._network.log.append(_Event("stepped", self._network.name))
        super().step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        self._network.log.append(_Event("cleared", self._network.name))
        super().zero_grad(set_to_none)


class _ImaginedGPU(TorchFunctionMode):
    """Tensors on the device "meta" say that they are on a GPU, and "cuda" means "meta".

    So an attempt can be asked on any machine where it draws its numbers. Meta tensors have shapes
    and no values: it comes as far as the generator.
    """

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if function is torch.Tensor.get_device:
            return 0 if args[0].device.type == "meta" else -1
        if function is torch.Tensor.cuda or (function is torch.Tensor.to and args[1:] == (0,)):
            return args[0].to("meta")
        args = tuple(map(self._real_device, args))
        kwargs = {name: self._real_device(value) for name, value in (kwargs or {}).items()}
        result = function(*args, **kwargs)
        if function == torch.Tensor.is_cuda.__get__:
            return args[0].device.type == "meta"
        if isinstance(result, torch.device) and result.type == "meta":
            return torch.device("cuda", 0)
        return result

    @staticmethod
    def _real_device(value: Any) -> Any:
        named = isinstance(value, str | torch.device) and str(value).startswith("cuda")
        return "meta" if named else value


class _OnlyLooks(_Observed):
    """A network on the imagined GPU; the generator notes where its input is, and stops there."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.name == "generator":
            self.log.append(_Event(x.device.type, self.name))
            raise RuntimeError("An imagined GPU makes no images.")
        return self.layers(x)


def _networks(log: _Log, kind: type[_Observed] = _Observed) -> dict[str, _Observed]:
    """A generator and a discriminator of few weights, always the same."""
    pixels = nn.Linear(12, math.prod(_IMAGE))
    generator = nn.Sequential(
        nn.Linear(_LATENT_DIM, 12, bias=False),
        nn.Unflatten(1, (12, 1, 1)),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Flatten(),
        pixels,
        nn.Unflatten(1, _IMAGE),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(_IMAGE), 12),  # no batch normalisation: it would not see the scale
        nn.LeakyReLU(0.2),
        nn.Linear(12, 12, bias=False),
        nn.Unflatten(1, (12, 1, 1)),
        nn.BatchNorm2d(12),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(12, 1),
    )
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for layer in (*generator, *discriminator):
            if isinstance(layer, nn.Linear):
                layer.weight.normal_(0, 1 / math.sqrt(layer.in_features), generator=draw)
                if layer.bias is not None:
                    layer.bias.normal_(0, 0.3, generator=draw)
            elif isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.8, 1.6, generator=draw)
                layer.bias.normal_(0, 0.3, generator=draw)
                layer.running_mean.normal_(0, 0.5, generator=draw)
                layer.running_var.uniform_(0.5, 3, generator=draw)
        pixels.weight /= 2  # no image goes down to -1 ...
        pixels.bias[::200] = 20  # ... and all go up to 1, to the last bit
    return {
        "generator": kind("generator", generator, log),
        "discriminator": kind("discriminator", discriminator, log),
    }


def _array(x: torch.Tensor) -> np.ndarray:
    return x.detach().cpu().float().numpy().copy()


def _weights(network: nn.Module) -> np.ndarray:
    """All weights as one vector."""
    return np.concatenate([_array(each).ravel() for each in network.parameters()]).astype(float)


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, atol=1e-5))


@dataclass
class _Run:
    """One call of a step: what it was given, what was seen, and both networks after it.

    network : the one whose step it is. images : real ones; None in the generator's step.
    before : the weights of both networks. start : their state, statistics included.
    """

    network: str
    size: int
    images: torch.Tensor | None
    log: _Log
    networks: dict[str, _Observed]
    before: dict[str, np.ndarray]
    start: dict[str, dict[str, torch.Tensor]]
    returned: Any = None

    @property
    def other(self) -> str:
        return "generator" if self.network == "discriminator" else "discriminator"

    def ran(self, network: str) -> list[_Event]:
        return [each for each in self.log if (each.kind, each.network) == ("ran", network)]

    def places(self, kind: str, network: str) -> list[int]:
        """Where in the log it happened."""
        return [
            place
            for place, each in enumerate(self.log)
            if (each.kind, each.network) == (kind, network)
        ]

    def moved(self, network: str) -> bool:
        return not np.array_equal(self.before[network], _weights(self.networks[network]))


def _images(size: int) -> torch.Tensor:
    """As different from the fakes as real images are, in (-1, 1)."""
    draw = torch.Generator().manual_seed(size)
    return torch.tanh(0.3 + 0.7 * torch.randn((size, *_IMAGE), generator=draw))


def _arguments(
    networks: Mapping[str, _Observed], network: str, size: int, images: torch.Tensor | None
) -> tuple:
    """What the step of ``network`` is called with."""
    optimizer = _Optimizer(networks[network])
    if network == "generator":
        return (*networks.values(), optimizer, size, _LATENT_DIM)
    return (*networks.values(), images, optimizer, _LATENT_DIM)


@contextlib.contextmanager
def _gradients_stay_on() -> Iterator[None]:
    """Raise Complaint where recording for gradients is off afterwards, and undo that."""
    before = torch.is_grad_enabled()
    try:
        yield
        if before and not torch.is_grad_enabled():
            raise Complaint(
                "switched recording for gradients off, for all of PyTorch, and left it off.",
                "gradients_left_off",
            )
    finally:
        torch.set_grad_enabled(before)


def _observe(attempt: Callable, network: str, size: int) -> _Run:
    """Call a step on fresh networks.

    Raises Complaint, or what the attempt raises where that says it best.
    """
    log = _Log()
    networks = _networks(log)
    for each in networks.values():
        for weight in each.parameters():
            weight.grad = torch.ones_like(weight)
    images = _images(size) if network == "discriminator" else None
    given = None if images is None else images.clone()
    arguments = _arguments(networks, network, size, given)
    start = {
        name: {key: value.clone() for key, value in each.state_dict().items()}
        for name, each in networks.items()
    }
    before = {name: _weights(each) for name, each in networks.items()}
    run = _Run(network, size, images, log, networks, before, start)
    try:
        with _gradients_stay_on():
            run.returned = attempt(*arguments)
    except (NotImplementedError, Complaint):
        raise
    except Exception as error:
        _complain_of_error(error, run)
        raise
    if images is not None and not _alike(_array(given), _array(images)):
        raise Complaint(
            "changed the images that it was given, which belong to the caller.", "images_changed"
        )
    return run


# --- the judgement of a step --------------------------------------------------------------------

_REAL_AS_REAL, _REAL_AS_FAKE, _FAKE_AS_REAL, _FAKE_AS_FAKE, _LEFT_OVER = range(5)
_TERMS = (
    "real images called real",
    "real images called fake",
    "fakes called real",
    "fakes called fake",
    "the 1 that every .grad held before",
)
#: A network's own loss in shares of the terms; for the discriminator also with smoothed labels.
_RIGHT_SHARES = {
    "discriminator": ((1.0, 0.0, 0.0, 1.0, 0.0), (0.9, 0.1, 0.0, 1.0, 0.0)),
    "generator": ((0.0, 0.0, 1.0, 0.0, 0.0),),
}
#: What the shares are a sign of.
_SIGNS: dict[str, dict[str, tuple[float, ...]]] = {
    "discriminator": {
        "labels_swapped": (0, 1, 1, 0),
        "real_alone": (1, 0, 0, 0),
        "fake_alone": (0, 0, 0, 1),
        "all_called_real": (1, 0, 1, 0),
        "all_called_fake": (0, 1, 0, 1),
        "difference": (1, 0, 0, -1),
        "ascends": (-1, 0, 0, -1),
        "arguments_swapped": (1, -1, 0, 0),
        "scores": (1, -1, -1, 1),
        "generators_loss": (0, 0, 1, 0),
        "sum_of_both": (1, 0, 1, 1),
        "reals_as_fakes": (1, 1, 0, 0),
        "both_smoothed": (0.9, 0.1, 0.1, 0.9),
        "fakes_smoothed": (1, 0, 0.1, 0.9),
    },
    "generator": {
        "called_fake": (0, 0, 0, 1),
        "saturating": (0, 0, 0, -1),
        "ascends": (0, 0, -1, 0),
        "arguments_swapped": (0, 0, 1, -1),
        "smoothed": (0, 0, 0.9, 0.1),
        "sum_of_both": (0, 0, 1, 1),
    },
}
#: Losses that are no mixture of the terms: mistake to loss of the logits on real images and fakes.
_OTHER_LOSSES: dict[str, dict[str, Callable[[Any, Any], Any]]] = {
    "discriminator": {
        "sigmoid_twice": lambda real, fake: (
            real_loss(torch.sigmoid(real)) + fake_loss(torch.sigmoid(fake))
        ),
        "least_squares": lambda real, fake: ((real - 1) ** 2).mean() + (fake**2).mean(),
    },
    "generator": {
        "sigmoid_twice": lambda real, fake: generator_loss(torch.sigmoid(fake)),
        "least_squares": lambda real, fake: ((fake - 1) ** 2).mean(),
    },
}


@dataclass(frozen=True)
class _Fit:
    """What a network's change of weights is made of.

    shares : of the terms. values : of the terms before the step. residual : the part of the change
    that they do not explain. other : a loss that does. joined : real images and fakes were one
    batch.
    """

    shares: np.ndarray
    values: np.ndarray
    residual: float
    other: str = ""
    joined: bool = False

    @property
    def found(self) -> bool:
        return self.residual < _NEAR

    def is_one_of(self, rights: Sequence[Sequence[float]], scale: float = 1.0) -> bool:
        return any(
            np.allclose(self.shares, np.multiply(right, scale), atol=0.01) for right in rights
        )

    def words(self) -> str:
        """ "1 x real images called fake - 1 x fakes called real"."""
        parts = [
            f"{'-' if share < 0 else '+'} {abs(share):.3g} x {term}"
            for share, term in zip(self.shares, _TERMS, strict=True)
            if abs(share) > 0.005
        ]
        return " ".join(parts).removeprefix("+ ") or "nothing"


def _fit(run: _Run) -> _Fit:
    """The best explanation of how the weights changed."""
    change = (run.before[run.network] - _weights(run.networks[run.network])) / _RATE
    zs = [each.inputs for each in run.ran("generator")]
    zs = [z for number, z in enumerate(zs) if not any(_alike(z, each) for each in zs[:number])][:4]
    joins = [False]
    if any(len(each.inputs) == 2 * run.size for each in run.ran("discriminator")):
        joins = [True, False]
    tried = []
    for joined in joins:
        for z in zs:
            tried.append(_fit_one(run, torch.from_numpy(z), joined, change))
            if tried[-1].found:
                return tried[-1]
    return next((each for each in tried if each.other), min(tried, key=lambda fit: fit.residual))


def _fit_one(run: _Run, z: torch.Tensor, joined: bool, change: np.ndarray) -> _Fit:
    networks = _networks(_Log())
    real, fake = _logits(networks, z, run.images, joined)
    weights = list(networks[run.network].parameters())

    def gradient(loss: torch.Tensor) -> np.ndarray:
        found = torch.autograd.grad(loss, weights, retain_graph=True)
        return np.concatenate([_array(each).ravel() for each in found]).astype(float)

    terms = _terms(real, fake)
    used = [*terms, _LEFT_OVER]
    columns = np.stack([*map(gradient, terms.values()), np.ones_like(change)], axis=1)
    shares = np.zeros(len(_TERMS))
    size = float(np.linalg.norm(change))
    values = np.array([terms[n].item() if n in terms else 0.0 for n in range(4)])
    if not size or not np.isfinite(size):
        return _Fit(shares, values, 0.0 if size == 0 else 1.0, joined=joined)
    shares[used] = np.linalg.lstsq(columns, change, rcond=None)[0]
    residual = float(np.linalg.norm(change - columns @ shares[used])) / size
    other = ""
    if residual >= _NEAR:
        for slug, loss in _OTHER_LOSSES[run.network].items():
            if np.linalg.norm(change - gradient(loss(real, fake))) < _NEAR * size:
                other = slug
    return _Fit(shares, values, residual, other, joined)


def _logits(
    networks: Mapping[str, nn.Module], z: torch.Tensor, images: torch.Tensor | None, joined: bool
) -> tuple[torch.Tensor | None, torch.Tensor]:
    """What the discriminator says of real images and of fakes."""
    fakes = networks["generator"](z)
    discriminator = networks["discriminator"]
    if images is None:
        return None, discriminator(fakes)
    if joined:
        logits = discriminator(torch.cat([images, fakes]))
        return logits[: len(images)], logits[len(images) :]
    return discriminator(images), discriminator(fakes)


def _terms(real: torch.Tensor | None, fake: torch.Tensor) -> dict[int, torch.Tensor]:
    terms = {_FAKE_AS_REAL: real_loss(fake), _FAKE_AS_FAKE: fake_loss(fake)}
    if real is not None:
        terms = {_REAL_AS_REAL: real_loss(real), _REAL_AS_FAKE: fake_loss(real), **terms}
    return terms


def _is_right(run: _Run, fit: _Fit) -> bool:
    rights = _RIGHT_SHARES[run.network]
    halved = run.network == "discriminator" and fit.is_one_of(rights, 0.5)
    return fit.found and (fit.is_one_of(rights) or halved)


def _judge(run: _Run) -> _Fit:
    """Raise Complaint unless the right step was made and the loss is returned."""
    _complain_of_noise(run)
    _complain_of_modes(run)
    _complain_of_graph(run)
    _complain_of_order(run)
    fit = _fit(run)
    if not _is_right(run, fit):
        _complain_of_clearing(run)
        _complain_of_loss(run, fit)
    _complain_of_traces(run)
    _complain_of_answer(run, fit)
    return fit


def _complain_of_noise(run: _Run) -> None:
    """Raise Complaint about the calls of the generator and the numbers it was given."""
    calls = run.ran("generator")
    if not calls:
        seen = run.ran("discriminator")
        if run.images is not None and len(seen) > 1:
            images = _array(run.images)
            if all(_alike(each.inputs, images) for each in seen):
                raise Complaint(
                    f"never called the generator; the discriminator got the real images "
                    f"{len(seen)} times.",
                    "reals_as_fakes",
                )
        raise Complaint("never called the generator.")
    for call in calls:
        rows = len(call.inputs)
        if rows > 1 and np.allclose(call.inputs, call.inputs[:1]):
            raise Complaint(
                f"gave the generator the same random vector {rows} times.", "one_vector"
            )
        if rows != run.size:
            what = f"{run.size} images" if run.images is not None else f"batch_size={run.size}"
            slug = "one_vector" if rows == 1 else "batch_size_fixed"
            vectors = "1 random vector" if rows == 1 else f"{rows} random vectors"
            raise Complaint(f"gave the generator {vectors} for {what}.", slug)
    z = np.sort(calls[0].inputs.astype(float).ravel())
    mean, deviation, largest = z.mean(), z.std(), np.abs(z).max()
    if z.size >= 300 and (abs(mean) > 0.35 or not 0.75 < deviation < 1.25 or largest < 1.9):
        even = np.linspace(z[0], z[-1], z.size)
        uniform = np.abs(z - even).max() < 0.1 * (z[-1] - z[0])
        raise Complaint(
            f"gave the generator numbers from {z[0]:.2f} to {z[-1]:.2f} with mean {mean:.2f} and "
            f"standard deviation {deviation:.2f}.",
            "uniform_noise" if uniform else "other_noise",
        )
    if not run.ran("discriminator"):
        raise Complaint("never called the discriminator.")


def _complain_of_modes(run: _Run) -> None:
    """Raise Complaint where a network ran in eval mode."""
    for name in ("generator", "discriminator"):
        calls = run.ran(name)
        still = sum(not each.training for each in calls)
        if still:
            raise Complaint(
                f"ran the {name} in eval mode, in {still} of {len(calls)} calls.", f"{name}_in_eval"
            )


def _complain_of_graph(run: _Run) -> None:
    """Raise Complaint where no gradient can reach the weights that are to be trained."""
    looked, made = run.ran("discriminator"), run.ran("generator")
    if run.network == "discriminator":
        if looked and not any(each.recorded for each in looked):
            if not any(each.grad_enabled for each in looked):
                raise Complaint(
                    "ran the discriminator without recording for gradients.",
                    "no_grad_around_discriminator",
                )
            raise Complaint("ran the discriminator while its weights asked for no gradient.")
        return
    if not looked or any(each.attached and each.recorded for each in looked):
        return
    start = "got no gradient into the generator:"
    if not any(each.recorded for each in made):
        if any(each.grad_enabled for each in made):
            raise Complaint(
                f"{start} its weights had requires_grad=False when it ran.", "generator_frozen"
            )
        raise Complaint(f"{start} it ran without recording for gradients.", "no_grad")
    if not any(each.grad_enabled for each in looked):
        raise Complaint(
            f"{start} the discriminator ran without recording.", "no_grad_around_discriminator"
        )
    raise Complaint(f"{start} the fakes reached the discriminator without history.", "detached")


def _complain_of_order(run: _Run) -> None:
    """Raise Complaint about zero_grad, backward and step: missing, or in the wrong order."""
    own, other = run.network, run.other
    if run.moved(other):
        difference = np.abs(run.before[other] - _weights(run.networks[other])).max()
        raise Complaint(
            f"changed the {other}'s weights, by up to {difference:.2g}.", f"{other}_moved"
        )
    if not np.isfinite(_weights(run.networks[own])).all():
        raise Complaint(f"turned the {own}'s weights into nan.")
    stepped = run.places("stepped", own)
    # The gradient of D's output is on the way to both networks' weights.
    backward = run.places("backward", "discriminator")
    if not stepped:
        if run.moved(own):
            raise Complaint(
                f"changed the {own}'s weights, but optimizer.step() was never called.",
                "not_the_optimizer",
            )
        raise Complaint(
            f"left the {own}'s weights as they were: optimizer.step() was never called.", "no_step"
        )
    if len(stepped) > 1:
        raise Complaint(f"called optimizer.step() {len(stepped)} times.", "stepped_twice")
    if not backward:
        raise Complaint(
            "called optimizer.step(), but no gradient had come back from what the discriminator "
            "says.",
            "no_backward",
        )
    if stepped[0] < backward[0]:
        raise Complaint("called optimizer.step() before backward().", "step_before_backward")
    if run.moved(own):
        return
    _complain_of_clearing(run)
    looked = run.ran("discriminator")
    if own == "generator" and not any(each.history for each in looked):
        raise Complaint(
            "got no gradient into the generator: what the discriminator saw was a new tensor, "
            "without the history of the fakes.",
            "detached",
        )
    raise Complaint(
        f"called optimizer.step(), but left the {own}'s weights as they were: there was no "
        "gradient in them."
    )


def _complain_of_clearing(run: _Run) -> None:
    """Raise Complaint where gradients were cleared that were still needed.

    For a step that is wrong: with torch.autograd.grad, gradients are asked for before .grad is
    cleared and filled.
    """
    own = run.network
    cleared, backward = run.places("cleared", own), run.places("backward", "discriminator")
    (stepped,) = run.places("stepped", own)
    if any(backward[-1] < place < stepped for place in cleared):
        raise Complaint(
            "cleared the gradients between backward() and optimizer.step().", "cleared_before_step"
        )
    if own == "discriminator" and any(backward[0] < place < backward[-1] for place in cleared):
        raise Complaint("cleared the gradients between two calls of backward().", "cleared_between")


def _complain_of_loss(run: _Run, fit: _Fit) -> None:
    """Raise Complaint about what was minimised."""
    own = run.network
    start = f"moved the {own}'s weights"
    if not fit.found:
        _complain_of_inputs(run)
        if fit.other:
            how = {
                "sigmoid_twice": "down a loss of sigmoid(sigmoid(logit))",
                "least_squares": "down a squared error of the logits",
            }[fit.other]
            raise Complaint(f"{start} {how}.", fit.other)
        raise Complaint(
            f"{start} in a direction that is no mixture of the gradients of real and fake images "
            f"called real or fake: {100 * fit.residual:.2g} % of the change is something else. The "
            "loss may be another one, or the gradients were changed before the step."
        )
    asked = " + ".join(
        f"1 x {term}" for term, share in zip(_TERMS, _RIGHT_SHARES[own][0], strict=True) if share
    )
    text = f"{start} down the gradient of {fit.words()}, instead of {asked}."
    if abs(fit.shares[_LEFT_OVER]) > 0.01:
        raise Complaint(text, "no_zero_grad")
    for slug, shares in _SIGNS[own].items():
        wanted = (*shares, 0)
        if fit.is_one_of([wanted]) or (own == "discriminator" and fit.is_one_of([wanted], 0.5)):
            whole = fit.values[_REAL_AS_REAL] + fit.values[_FAKE_AS_FAKE]
            if slug in ("real_alone", "fake_alone"):
                looked = run.ran("discriminator")
                still = sum(not each.grad_enabled for each in looked)
                if still:
                    raise Complaint(
                        f"{text} It ran the discriminator without recording for gradients in "
                        f"{still} of {len(looked)} calls.",
                        "no_grad_around_discriminator",
                    )
                if _close(run.returned, whole):
                    slug = "backward_of_one"
            raise Complaint(text, slug)
    if fit.is_one_of(_RIGHT_SHARES[own], run.size):
        raise Complaint(text, "summed")
    share = fit.shares[_FAKE_AS_FAKE if own == "discriminator" else _FAKE_AS_REAL]
    if share > 0 and fit.is_one_of(_RIGHT_SHARES[own][:1], share):
        raise Complaint(text, "rescaled")
    raise Complaint(text)


def _complain_of_inputs(run: _Run) -> None:
    """Raise Complaint where the discriminator saw something else than it should."""
    seen = [each.inputs for each in run.ran("discriminator")]
    fakes = [each.output for each in run.ran("generator")]
    if run.images is not None and not any(len(each) == 2 * run.size for each in seen):
        images = _array(run.images)
        if not any(_alike(each, images) for each in seen):
            for factor, shift, how in (
                (127.5, 1.0, "/ 127.5 - 1"),
                (255.0, 0.0, "/ 255"),
                (0.5, 1.0, "* 2 - 1"),
            ):
                if any(_alike(each, images / factor - shift) for each in seen):
                    raise Complaint(
                        f"gave the discriminator images {how}; they were in [-1, 1] already.",
                        "scaled_again",
                    )
            raise Complaint("never gave the discriminator the images as they are.")
    if not any(_alike(each[-len(fake) :], fake) or _alike(each[: len(fake)], fake)
               for each in seen for fake in fakes):  # fmt: skip
        raise Complaint("never gave the discriminator what the generator made, as it is.")


def _complain_of_traces(run: _Run) -> None:
    """Raise Complaint about modes and switches that are not as they were."""
    for name, network in run.networks.items():
        if not all(module.training for module in network.modules()):
            raise Complaint(
                f"made the right step, but left the {name} in eval mode.", "left_in_eval"
            )
        if not all(weight.requires_grad for weight in network.parameters()):
            raise Complaint(
                f"made the right step, but left the {name}'s weights with requires_grad=False.",
                "left_frozen" if name == run.other else "",
            )
        now = network.state_dict()
        if all(
            torch.equal(now[key], value)
            for key, value in run.start[name].items()
            if key.endswith(("running_mean", "running_var"))
        ):
            raise Complaint(
                f"made the right step, but the {name}'s running statistics, which batch "
                "normalisation needs later, are what they were before."
            )


def _close(value: Any, expected: float) -> bool:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, float | np.floating):
        return False
    return abs(value - expected) < 1e-3 * max(1.0, abs(expected))


def _complain_of_answer(run: _Run, fit: _Fit) -> None:
    """Raise Complaint unless the loss before the step was returned, as a float."""
    halved = fit.is_one_of(_RIGHT_SHARES[run.network], 0.5)
    scales = (1.0, 0.5) if halved else (1.0,)
    rights = [
        scale * float(np.dot(shares[:4], fit.values))
        for shares in _RIGHT_SHARES[run.network]
        for scale in scales
    ]
    value = run.returned
    start = f"made the right step and should return its loss, {rights[0]:.3f}, as a float."
    if value is None:
        raise Complaint(f"{start} It returned None.", "no_return")
    if isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind == "f":
        value = value.item()
    if isinstance(value, torch.Tensor):
        graph = ", with the graph of the whole step behind it" if value.requires_grad else ""
        raise Complaint(
            f"{start} It returned a tensor of shape {tuple(value.shape)}{graph}.", "tensor_returned"
        )
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        raise Complaint(f"{start} It returned a {type(value).__name__}.")
    if any(_close(value, right) for right in rights):
        return
    text = f"{start} It returned {value:.3f}"
    after = _networks(_Log())
    for name, network in after.items():
        network.load_state_dict(run.networks[name].state_dict())
    for event in run.ran("generator"):
        with torch.no_grad():
            z = torch.from_numpy(event.inputs)
            terms = _terms(*_logits(after, z, run.images, fit.joined))
        values = [terms[n].item() if n in terms else 0.0 for n in range(4)]
        if _close(value, float(np.dot(_RIGHT_SHARES[run.network][0][:4], values))):
            raise Complaint(f"{text}, the loss after the step.", "loss_after_the_step")
    if any(_close(2 * value, right) for right in rights):
        raise Complaint(f"{text}, half of it.", "half_returned")
    for place in (_REAL_AS_REAL, _FAKE_AS_FAKE):
        if run.network == "discriminator" and _close(value, fit.values[place]):
            raise Complaint(f"{text}, the part of {_TERMS[place]}.", "one_term_returned")
    raise Complaint(f"{text}.")


def _complain_of_error(error: Exception, run: _Run) -> None:
    """Raise Complaint in place of an error that is well known."""
    text, name = str(error), type(error).__name__
    if run.ran("generator"):
        rows = len(run.ran("generator")[-1].inputs)
        if rows != run.size:
            _complain_of_noise(run)
    if "Expected more than 1 value per channel" in text:
        network = run.log[-1].network
        raise Complaint(
            f"raised {name}: the {network} got a batch of 1 in train mode, where batch "
            "normalisation needs more. It takes the whole batch in one call.",
            "one_vector" if network == "generator" else "",
        ) from error
    if "Inference tensors cannot be saved" in text:
        raise Complaint(
            f"raised {name}: the fakes were made under torch.inference_mode().", "inference_mode"
        ) from error
    if "between 0 and 1" in text:
        raise Complaint(
            f"raised {name}: logits, from any range, where probabilities are expected.", "no_logits"
        ) from error
    if "modified by an inplace operation" in text and run.places("stepped", run.network):
        raise Complaint(
            f"raised {name}: optimizer.step() changed the weights before a backward() that needs "
            "them as they were.",
            "step_before_backward",
        ) from error
    if "does not require grad" in text:
        _complain_of_graph(run)
        if not run.ran("discriminator"):
            raise Complaint(
                f"raised {name}: backward() was called on a loss that the discriminator has no "
                "part in; it was never called.",
                "discriminator_left_out",
            ) from error
        raise Complaint(
            f"raised {name}: backward() was called on a loss without history, although the "
            "discriminator's logits have one.",
            "logits_detached",
        ) from error


def _step_probe(
    attempt: Callable, network: str, labels: Sequence[str]
) -> Generator[Question, Any, None]:
    torch.default_generator.manual_seed(8)  # the same answer meets the same verdict
    drawn: list[np.ndarray] = []
    notes: dict[str, None] = {}

    def step(size: int) -> str:
        run = _observe(attempt, network, size)
        fit = _judge(run)
        z = run.ran("generator")[0].inputs
        if any(_alike(z, each) for each in drawn):
            numbers = ", ".join(f"{value:.3f}" for value in z.ravel()[:3])
            raise Complaint(
                f"gave the generator the numbers of an earlier call again, {numbers}, ...",
                "noise_fixed",
            )
        drawn.append(z)
        notes.update(dict.fromkeys(_notes(run, fit)))
        return "as asked"

    for label, size in zip(labels, (16, 5, 16), strict=True):
        yield ask(label, functools.partial(step, size))
    where = f"{network}_step with everything on an imagined GPU"
    yield ask(where, functools.partial(_judge_device, attempt, network))
    for note in notes:
        print(note)


def _judge_device(attempt: Callable, network: str) -> str:
    """Raise Complaint where the noise is on the CPU while all the rest is not."""
    log = _Log()
    networks = {name: each.to("meta") for name, each in _networks(log, _OnlyLooks).items()}
    arguments = _arguments(networks, network, 16, _images(16).to("meta"))
    # It was right before. Here it ends in an error, at the generator at the latest.
    with _ImaginedGPU(), contextlib.suppress(Exception), _gradients_stay_on():
        attempt(*arguments)
    where = next((each.kind for each in log if each.kind in ("cpu", "cuda")), "cuda")
    if where == "cpu":
        raise Complaint("gave the generator numbers that are on the CPU.", "device_fixed")
    return "as asked"


def _notes(run: _Run, fit: _Fit) -> list[str]:
    """What may be done otherwise without being wrong; shown below the verdict."""
    if run.network == "generator":
        return []
    notes = []
    if any(each.history for each in run.ran("discriminator")):
        notes.append(
            "The fakes kept their history, so backward() ran through the generator too: harmless "
            "here, since its gradients are cleared before its own step, but slower. "
            "generator(z).detach() saves the work."
        )
    if any(fit.is_one_of(_RIGHT_SHARES["discriminator"][1:], scale) for scale in (1.0, 0.5)):
        notes.append(
            "The labels of real images are smoothed to 0.9: a known variant, with another loss. "
            "`real_loss(...)` as it is aims at 1."
        )
    if fit.is_one_of(_RIGHT_SHARES["discriminator"], 0.5):
        notes.append("This is half of the loss: the same direction with half the learning rate.")
    if fit.joined:
        notes.append(
            "Real images and fakes went through the discriminator as one batch, so its batch "
            "normalisation took both together. That is allowed, but another computation than two "
            "calls: most DCGANs keep the two apart."
        )
    return notes


# --- wrong and right steps ----------------------------------------------------------------------


def _update(s: SimpleNamespace) -> None:
    s.optimizer.zero_grad()
    s.loss.backward()
    s.optimizer.step()


_D_STAGES: dict[str, Callable[[SimpleNamespace], Any]] = {
    "before": lambda s: None,
    "z": lambda s: torch.randn(s.rows, s.latent_dim, device=s.generator.dense.weight.device),
    "fakes": lambda s: s.generator(s.z).detach(),
    "real": lambda s: s.discriminator(s.images),
    "fake": lambda s: s.discriminator(s.fakes),
    "loss": lambda s: real_loss(s.real) + fake_loss(s.fake),
    "update": _update,
    "after": lambda s: None,
    "answer": lambda s: s.loss.item(),
}
_G_STAGES = {
    **{name: do for name, do in _D_STAGES.items() if name != "real"},
    "fakes": lambda s: s.generator(s.z),
    "loss": lambda s: generator_loss(s.fake),
}


def _d_step(**changes: Callable[[SimpleNamespace], Any]) -> Callable:
    """A discriminator step with some of its stages done otherwise."""

    def discriminator_step(generator, discriminator, images, optimizer, latent_dim):
        s = SimpleNamespace(**locals(), rows=len(images))
        s.own, s.other = discriminator, generator
        for name, do in {**_D_STAGES, **changes}.items():
            setattr(s, name, do(s))
        return s.answer

    return discriminator_step


def _g_step(**changes: Callable[[SimpleNamespace], Any]) -> Callable:
    """A generator step with some of its stages done otherwise."""

    def generator_step(generator, discriminator, optimizer, batch_size, latent_dim):
        s = SimpleNamespace(**locals(), rows=batch_size)
        s.own, s.other = generator, discriminator
        for name, do in {**_G_STAGES, **changes}.items():
            setattr(s, name, do(s))
        return s.answer

    return generator_step


def _in_order(*calls: str) -> Callable[[SimpleNamespace], None]:
    """The update with these calls, "zero_grad", "backward" or "step", in this order."""

    def update(s: SimpleNamespace) -> None:
        for call in calls:
            getattr(s.loss if call == "backward" else s.optimizer, call)()

    return update


def _updates_by_hand(s: SimpleNamespace) -> None:
    s.optimizer.zero_grad()
    s.loss.backward()
    with torch.no_grad():
        for weight in s.own.parameters():
            weight -= 0.5 * weight.grad


def _updates_both(s: SimpleNamespace) -> None:
    s.optimizer.zero_grad()
    s.loss.backward()
    s.optimizer.step()
    torch.optim.SGD(s.other.parameters(), lr=0.5).step()


def _ascends(s: SimpleNamespace) -> None:
    s.optimizer.zero_grad()
    (-s.loss).backward()
    s.optimizer.step()


def _frozen_seed(s: SimpleNamespace) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(s.rows, s.latent_dim)


def _loss_again(s: SimpleNamespace) -> float:
    if hasattr(s, "real"):
        loss = real_loss(s.discriminator(s.images)) + fake_loss(s.discriminator(s.fakes))
    else:
        loss = generator_loss(s.discriminator(s.generator(s.z)))
    return loss.item()


def _without_grad(network: str, inputs: str) -> Callable[[SimpleNamespace], torch.Tensor]:
    def call(s: SimpleNamespace) -> torch.Tensor:
        with torch.no_grad():
            return getattr(s, network)(getattr(s, inputs))

    return call


def _fakes_in_inference_mode(s: SimpleNamespace) -> torch.Tensor:
    with torch.inference_mode():
        return s.generator(s.z)


def _images_in_place(s: SimpleNamespace) -> torch.Tensor:
    logits = s.discriminator(s.images.clone())
    s.images.add_(1).div_(2)
    return logits


def _backward_of_the_fakes(s: SimpleNamespace) -> None:
    s.optimizer.zero_grad()
    fake_loss(s.fake).backward()
    s.optimizer.step()


def _cleared_between(s: SimpleNamespace) -> None:
    s.optimizer.zero_grad()
    real_loss(s.real).backward()
    s.optimizer.zero_grad()
    fake_loss(s.fake).backward()
    s.optimizer.step()


def _two_steps(s: SimpleNamespace) -> None:
    _update(s)
    s.optimizer.step()


def _bce(logits: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _arguments_swapped(logits: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(torch.full_like(logits, target), logits)


def _probability(logits: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy(logits, torch.full_like(logits, target))


def _summed(logits: torch.Tensor, target: float) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, target), reduction="sum"
    )


def _with(bce: Callable, d: bool) -> Callable[[SimpleNamespace], torch.Tensor]:
    """The loss made with this cross-entropy."""
    if d:
        return lambda s: bce(s.real, 1.0) + bce(s.fake, 0.0)
    return lambda s: bce(s.fake, 1.0)


def _of_both(step: Callable, d: bool) -> dict[str, Mistake]:
    """The mistakes that either step can have; ``d``: it is the discriminator's."""
    own, other = ("discriminator", "generator") if d else ("generator", "discriminator")
    rows = "len(images)" if d else "batch_size"
    loss = "`real_loss(...) + fake_loss(...)`" if d else "`generator_loss(...)`"
    left = (
        "the generator's last step sent through the discriminator"
        if d
        else "earlier steps left there"
    )
    return {
        "no_zero_grad": Mistake(
            f"backward() adds to what is in .grad already, here to what {left}. Call "
            "`optimizer.zero_grad()` before `loss.backward()`.",
            step(update=_in_order("backward", "step")),
        ),
        "step_before_backward": Mistake(
            "The order is zero_grad(), backward(), step(): backward() computes the gradients that "
            "step() uses.",
            step(update=_in_order("zero_grad", "step", "backward")),
        ),
        "cleared_before_step": Mistake(
            "They were gone before the optimiser could use them. The order is zero_grad(), "
            "backward(), step().",
            step(update=_in_order("backward", "zero_grad", "step")),
        ),
        "no_backward": Mistake(
            "Call `loss.backward()` before the step, on the loss itself and not on a number made "
            "from it: it computes the gradients.",
            step(update=_in_order("zero_grad", "step")),
        ),
        "no_step": Mistake(
            "backward() only computes gradients; `optimizer.step()` moves the weights.",
            step(update=_in_order("zero_grad", "backward")),
        ),
        "stepped_twice": Mistake(
            "One step per call: the sum of the losses, one backward(), one step().",
            step(update=_two_steps),
        ),
        "not_the_optimizer": Mistake(
            "Use the `optimizer` that is handed in. One that is built inside the step, or an "
            "update by hand, forgets Adam's averages from one step to the next.",
            step(update=_updates_by_hand),
        ),
        f"{other}_moved": Mistake(
            f"This step belongs to the {own}. The {other} has an optimiser and a step of its own; "
            "here its weights stay as they are.",
            step(update=_updates_both),
        ),
        "ascends": Mistake(
            f"The {own} gets worse with every step. Optimisers go down: minimise {loss} itself, "
            "without a minus and without maximize=True.",
            step(update=_ascends),
        ),
        "arguments_swapped": Mistake(
            "The cross-entropy's arguments are swapped: logits first, labels second. Swapped, "
            "every image pulls alike, however sure the discriminator is."
            + ("" if d else " (So it does with the mean score, a Wasserstein GAN's loss.)"),
            step(loss=_with(_arguments_swapped, d)),
        ),
        "sigmoid_twice": Mistake(
            "The sigmoid is taken twice: by you and by the loss. The losses take the "
            "discriminator's logits as they are.",
            step(loss=_with(lambda x, target: _bce(torch.sigmoid(x), target), d)),
        ),
        "no_logits": Mistake(
            f"The discriminator gives logits. Take {loss}, or "
            "`F.binary_cross_entropy_with_logits`.",
            step(loss=_with(_probability, d)),
        ),
        "summed": Mistake(
            "That is as many times too much as there are images: the losses are means over the "
            "batch, not sums.",
            step(loss=_with(_summed, d)),
        ),
        "rescaled": Mistake(
            "The direction is right, its length is not: leave out the factor before the loss, or "
            "what changes the gradients before the step.",
            step(loss=lambda s: 0.3 * (_with(_bce, d)(s))),
        ),
        "least_squares": Mistake(
            f"That is the loss of another kind of GAN (least squares). Take {loss}.",
            step(loss=_with(lambda x, target: ((x - target) ** 2).mean(), d)),
        ),
        "no_grad_around_discriminator": Mistake(
            "Under `torch.no_grad()` no graph is built, and backward() has no way back to the "
            f"{own}. Take the discriminator's calls out of it.",
            step(
                fake=_without_grad("discriminator", "fakes"),
                **({"real": _without_grad("discriminator", "images")} if d else {}),
            ),
        ),
        "logits_detached": Mistake(
            "What the discriminator says must not be detached, nor made into a number before "
            "backward(): the gradient comes back through it."
            + (" Detach the fakes, before it sees them." if d else ""),
            step(
                fake=lambda s: s.discriminator(s.fakes).detach(),
                **({"real": lambda s: s.discriminator(s.images).detach()} if d else {}),
            ),
        ),
        "inference_mode": Mistake(
            "Tensors from inference mode cannot take part in training. "
            + (
                "`generator(z).detach()`, or `torch.no_grad()` around the generator, does what you "
                "want."
                if d
                else "Run the generator outside of it: all that it learns comes back through "
                "the discriminator."
            ),
            step(fakes=_fakes_in_inference_mode),
        ),
        "generator_in_eval": Mistake(
            "Both networks stay in train mode while they train. In eval mode the generator "
            "normalises by its running statistics, makes other images than it is trained to make, "
            "and the statistics do not move. Call `generator.eval()` only for looking at samples.",
            step(before=lambda s: s.generator.eval()),
        ),
        "discriminator_in_eval": Mistake(
            "Both networks stay in train mode while they train. In eval mode the discriminator "
            "normalises by its running statistics, and its answers and gradients are others. To "
            "protect its weights it is enough not to step its optimiser.",
            step(before=lambda s: s.discriminator.eval(), after=lambda s: s.discriminator.train()),
        ),
        "left_in_eval": Mistake(
            "The next step would train with running statistics. Call `.train()` on it again after "
            "looking at samples, or leave the modes alone.",
            step(after=lambda s: s.generator.eval()),
        ),
        "left_frozen": Mistake(
            f"Its own step would then fail or do nothing. Put it back with "
            f"`{other}.requires_grad_(True)`.",
            step(before=lambda s: s.other.requires_grad_(False)),
        ),
        "uniform_noise": Mistake(
            "z comes from the normal distribution: `torch.randn`, with an n at the end. "
            "`torch.rand` is uniform between 0 and 1.",
            step(z=lambda s: torch.rand(s.rows, s.latent_dim)),
        ),
        "other_noise": Mistake(
            "z is normal with mean 0 and standard deviation 1, as `torch.randn` draws it.",
            step(z=lambda s: 0.02 * torch.randn(s.rows, s.latent_dim)),
        ),
        "one_vector": Mistake(
            f"Every image needs a random vector of its own: `torch.randn({rows}, latent_dim)`.",
            step(z=lambda s: torch.randn(1, s.latent_dim).repeat(s.rows, 1)),
        ),
        "batch_size_fixed": Mistake(
            f"The number changes from call to call: take it from `{rows}`.",
            step(z=lambda s: torch.randn(64, s.latent_dim)),
        ),
        "latent_dim_fixed": Mistake(
            f"Draw z of shape ({rows}, latent_dim), with the argument latent_dim.",
            step(z=lambda s: torch.randn(s.rows, 100)),
        ),
        "device_fixed": Mistake(
            "Networks on a GPU take no numbers from the CPU. Draw them where "
            + (
                "the images are: `device=images.device`."
                if d
                else "the generator's weights are: `device=next(generator.parameters()).device`."
            ),
            step(z=lambda s: torch.randn(s.rows, s.latent_dim)),
        ),
        "float64_noise": Mistake(
            "NumPy's random numbers are float64. Take `torch.randn`, or add `.float()`.",
            step(z=lambda s: torch.from_numpy(np.random.normal(size=(s.rows, s.latent_dim)))),
        ),
        "noise_fixed": Mistake(
            "Draw new z in every step. A seed that is set inside the step, or noise that is kept "
            "from call to call, trains on the same few fakes for ever.",
            step(z=_frozen_seed),
        ),
        "gradients_left_off": Mistake(
            "No later step could learn anything. `with torch.no_grad():` ends by itself, "
            "`torch.set_grad_enabled(False)` does not.",
            step(after=lambda s: torch.set_grad_enabled(False)),
        ),
        "no_return": Mistake("Write `return loss.item()` at the end.", step(answer=lambda s: None)),
        "tensor_returned": Mistake(
            "Return `loss.item()`. A list of loss tensors keeps every step's graph, or at least "
            "every tensor, in memory.",
            step(answer=lambda s: s.loss),
        ),
        "loss_after_the_step": Mistake(
            "Return the loss that you called backward() on: the networks run once, before the "
            "step.",
            step(answer=_loss_again),
        ),
    }


_D_MISTAKES = {
    "labels_swapped": Mistake(
        "The labels are swapped: `real_loss` is for what the discriminator says of the images, "
        "`fake_loss` for what it says of the fakes.",
        _d_step(loss=lambda s: fake_loss(s.real) + real_loss(s.fake)),
    ),
    "real_alone": Mistake(
        "It learns from the real images alone, so it calls everything real. Add "
        "`fake_loss(discriminator(fakes))`.",
        _d_step(loss=lambda s: real_loss(s.real)),
    ),
    "fake_alone": Mistake(
        "It learns from the fakes alone, so it calls everything fake. Add "
        "`real_loss(discriminator(images))`.",
        _d_step(loss=lambda s: fake_loss(s.fake)),
    ),
    "backward_of_one": Mistake(
        "The sum of both losses is returned, but only one of them was differentiated. Call "
        "backward() on the sum, and detach nothing of what the discriminator says.",
        _d_step(update=_backward_of_the_fakes),
    ),
    "cleared_between": Mistake(
        "That forgets what the first half of the loss asked for. Clear once, before the first "
        "backward(): gradients add up, which is what you want here.",
        _d_step(update=_cleared_between),
    ),
    "all_called_real": Mistake(
        "The discriminator calls fakes fake: `fake_loss` for them.",
        _d_step(loss=lambda s: real_loss(s.real) + real_loss(s.fake)),
    ),
    "all_called_fake": Mistake(
        "The discriminator calls real images real: `real_loss` for them.",
        _d_step(loss=lambda s: fake_loss(s.real) + fake_loss(s.fake)),
    ),
    "difference": Mistake(
        "Add the two losses. With a minus between them it unlearns the fakes.",
        _d_step(loss=lambda s: real_loss(s.real) - fake_loss(s.fake)),
    ),
    "scores": Mistake(
        "That is the difference of the mean scores, a critic's loss, which has no lower bound. "
        "Take `real_loss(...) + fake_loss(...)`.",
        _d_step(loss=lambda s: s.fake.mean() - s.real.mean()),
    ),
    "generators_loss": Mistake(
        "That is what the generator wants. The discriminator's is "
        "`real_loss(discriminator(images)) + fake_loss(discriminator(fakes))`.",
        _d_step(loss=lambda s: generator_loss(s.fake)),
    ),
    "both_smoothed": Mistake(
        "Labels are smoothed on one side only, that of the real images. A fake's label is 0.",
        _d_step(loss=lambda s: _bce(s.real, 0.9) + _bce(s.fake, 0.1)),
    ),
    "fakes_smoothed": Mistake(
        "Labels of fakes are not smoothed: 0, as in `fake_loss`.",
        _d_step(loss=lambda s: _bce(s.real, 1.0) + _bce(s.fake, 0.1)),
    ),
    "sum_of_both": Mistake(
        "The generator's loss has no place in this step: the two are opponents.",
        _d_step(loss=lambda s: real_loss(s.real) + fake_loss(s.fake) + generator_loss(s.fake)),
    ),
    "reals_as_fakes": Mistake(
        "It is told that the same images are real and fake. `fake_loss` is for "
        "`discriminator(fakes)`.",
        _d_step(fake=lambda s: s.discriminator(s.images)),
    ),
    "scaled_again": Mistake(
        "Scaled twice they are nearly one colour, which the discriminator tells at once. Use the "
        "images as they are.",
        _d_step(real=lambda s: s.discriminator(s.images / 127.5 - 1)),
    ),
    "images_changed": Mistake(
        "The next step would see other images. Work on a new tensor, without in-place operations.",
        _d_step(real=_images_in_place),
    ),
    "one_term_returned": Mistake(
        "Return the whole loss, the sum of both parts.",
        _d_step(answer=lambda s: real_loss(s.real).item()),
    ),
    "half_returned": Mistake(
        "Return the loss that you called backward() on: the sum of both parts, not their mean. "
        "Only the sum is 2 ln 2 where the discriminator cannot tell.",
        _d_step(answer=lambda s: s.loss.item() / 2),
    ),
    "discriminator_left_out": Mistake(
        "The losses are of what the discriminator says of the images, not of the images: "
        "`real_loss(discriminator(images))`.",
        _d_step(real=lambda s: s.images, fake=lambda s: s.fakes),
    ),
    **_of_both(_d_step, d=True),
}


def _d_apart(generator, discriminator, images, optimizer, latent_dim):
    optimizer.zero_grad(set_to_none=False)
    loss_on_real = nn.BCEWithLogitsLoss()(discriminator(images), torch.ones(len(images), 1))
    loss_on_real.backward()
    with torch.no_grad():
        fakes = generator(torch.randn(images.size(0), latent_dim).to(images.device))
    loss_on_fake = nn.BCEWithLogitsLoss()(discriminator(fakes), torch.zeros(len(images), 1))
    loss_on_fake.backward()
    optimizer.step()
    return loss_on_real.item() + loss_on_fake.item()


def _d_joined(generator, discriminator, images, optimizer, latent_dim):
    fakes = generator(torch.randn(len(images), latent_dim).type_as(images)).detach()
    logits = discriminator(torch.cat([fakes, images])).squeeze(1)
    labels = torch.cat([torch.zeros(len(fakes)), torch.ones(len(images))])
    loss = F.binary_cross_entropy_with_logits(logits, labels)
    discriminator.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def _d_by_hand(generator, discriminator, images, optimizer, latent_dim):
    generator.train()
    discriminator.train()
    z = torch.from_numpy(np.random.normal(size=(len(images), latent_dim))).float()
    if images.is_cuda:
        z = z.cuda()
    real = torch.sigmoid(discriminator(images))
    fake = torch.sigmoid(discriminator(generator(z)))
    loss = -torch.log(real).mean() - torch.log(1 - fake).mean()
    for weight in discriminator.parameters():
        weight.grad = None
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    generator.zero_grad()
    return loss.detach().numpy().item()


def _d_by_closure(generator, discriminator, images, optimizer, latent_dim):
    fakes = generator(images.new_empty(len(images), latent_dim).normal_()).detach()

    def closure():
        optimizer.zero_grad()
        loss = real_loss(discriminator(images)) + fake_loss(discriminator(fakes))
        loss.backward()
        return loss

    return optimizer.step(closure).item()


def _frozen_other(s: SimpleNamespace) -> None:
    s.other.requires_grad_(False)


def _thawed_other(s: SimpleNamespace) -> None:
    s.other.requires_grad_(True)


def _gradients_asked_for(s: SimpleNamespace) -> None:
    weights = list(s.own.parameters())
    for weight, gradient in zip(weights, torch.autograd.grad(s.loss, weights), strict=True):
        weight.grad = gradient
    s.optimizer.step()


_D_RIGHT = [
    _d_step(),
    _d_step(fakes=lambda s: s.generator(s.z)),
    _d_step(update=_in_order("zero_grad", "backward", "step", "zero_grad")),
    _d_step(loss=lambda s: (_bce(s.real, 1.0) + _bce(s.fake, 0.0)) / 2),
    _d_step(loss=lambda s: real_loss(s.real, smooth=True) + fake_loss(s.fake)),
    _d_step(before=_frozen_other, after=_thawed_other),
    _d_step(before=lambda s: s.optimizer.zero_grad(), update=_in_order("backward", "step")),
    _d_step(fakes=_without_grad("generator", "z")),
    _d_step(update=_gradients_asked_for),
    _d_apart,
    _d_joined,
    _d_by_hand,
    _d_by_closure,
]

discriminator_step = lesson.exercise(
    reference.discriminator_step,
    probe=functools.partial(
        _step_probe,
        network="discriminator",
        labels=(
            "discriminator_step on 16 images",
            "discriminator_step on 5 images",
            "discriminator_step on 16 images again",
        ),
    ),
    names_mistakes=True,
    mistakes=_D_MISTAKES,
    hints=[
        "Draw z, let the generator make fakes, ask the discriminator about images and fakes, add "
        "the two losses. Then the three calls of every PyTorch step.",
        "`fakes = generator(z).detach()` with `z = torch.randn(len(images), latent_dim, "
        "device=images.device)`; the loss is `real_loss(discriminator(images)) + "
        "fake_loss(discriminator(fakes))`.",
        "`optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`, `return loss.item()`.",
    ],
    right=_D_RIGHT,
    difficulty=2,
    minutes=8,
    seconds=20,
)
"""discriminator_step(generator, discriminator, images, optimizer, latent_dim) -> float.
(●●○, 8 min)

images are float32 (N, 3, 32, 32) in [-1, 1]; N differs from call to call. z is (N, latent_dim) from
N(0, 1), new in every call, on the images' device. The loss is real_loss of the discriminator's
logits for the images plus fake_loss of those for the fakes. Gradients are cleared, the optimiser
(the discriminator's) steps once. Both networks are in train mode and stay there. The generator's
weights stay as they are. Returned is the loss before the step, as a Python float.

Passes as well, with a note below the verdict: fakes that are not detached, half of the loss, images
and fakes as one batch, one-sided label smoothing."""


_G_MISTAKES = {
    "detached": Mistake(
        "All that the generator learns comes back through the discriminator: leave the detach() "
        "out in this step.",
        _g_step(fakes=lambda s: s.generator(s.z).detach()),
    ),
    "no_grad": Mistake(
        "Under `torch.no_grad()` no graph is built. All that the generator learns comes back "
        "through the discriminator: run the generator outside of it.",
        _g_step(fakes=_without_grad("generator", "z")),
    ),
    "generator_frozen": Mistake(
        "The generator is the one that learns here. If a network is to be frozen for the step, it "
        "is the discriminator.",
        _g_step(
            before=lambda s: s.generator.requires_grad_(False),
            after=lambda s: s.generator.requires_grad_(True),
        ),
    ),
    "called_fake": Mistake(
        "It learns to make what the discriminator calls fake. It wants its images to be called "
        "real: `generator_loss`.",
        _g_step(loss=lambda s: fake_loss(s.fake)),
    ),
    "saturating": Mistake(
        "That is the saturating loss, log(1 - D(G(z))): right in the game's theory, but where the "
        "discriminator is sure its gradient vanishes. Use `generator_loss`.",
        _g_step(loss=lambda s: -fake_loss(s.fake)),
    ),
    "smoothed": Mistake(
        "Labels are smoothed on one side only, for the discriminator's real images. The generator "
        "aims at 1: `generator_loss`.",
        _g_step(loss=lambda s: _bce(s.fake, 0.9)),
    ),
    "sum_of_both": Mistake(
        "The discriminator's loss has no place in this step: the two are opponents.",
        _g_step(loss=lambda s: generator_loss(s.fake) + fake_loss(s.fake)),
    ),
    **_of_both(_g_step, d=False),
}


def _g_plainly(generator, discriminator, optimizer, batch_size, latent_dim):
    optimizer.zero_grad(set_to_none=False)
    device = optimizer.param_groups[0]["params"][0].device
    logits = discriminator(generator(torch.randn((batch_size, latent_dim)).to(device))).view(-1)
    loss = nn.BCEWithLogitsLoss()(logits, torch.ones(batch_size))
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def _g_by_hand(generator, discriminator, optimizer, batch_size, latent_dim):
    for weight in discriminator.parameters():
        weight.requires_grad = False
    z = torch.tensor(np.random.standard_normal((batch_size, latent_dim)), dtype=torch.float32)
    if generator.dense.weight.device.type == "cuda":
        z = z.to("cuda")
    loss = F.softplus(-discriminator(generator(z))).mean()
    generator.zero_grad()
    loss.backward()
    optimizer.step()
    discriminator.zero_grad()
    for weight in discriminator.parameters():
        weight.requires_grad = True
    return loss.detach().cpu().numpy().item()


def _g_in_two_parts(generator, discriminator, optimizer, batch_size, latent_dim):
    weight = next(iter(generator.state_dict().values()))
    fakes = generator(torch.randn(batch_size, latent_dim).to(weight))
    seen = fakes.detach().requires_grad_()
    loss = generator_loss(discriminator(seen))
    (wish,) = torch.autograd.grad(loss, seen)
    optimizer.zero_grad()
    fakes.backward(wish)
    optimizer.step()
    return loss.item()


_G_RIGHT = [
    _g_step(),
    _g_step(update=_in_order("zero_grad", "backward", "step", "zero_grad")),
    _g_step(before=_frozen_other, after=_thawed_other),
    _g_step(loss=lambda s: F.binary_cross_entropy(s.fake.sigmoid(), torch.ones_like(s.fake))),
    _g_step(before=lambda s: s.generator.train()),
    _g_step(update=_gradients_asked_for),
    _g_plainly,
    _g_by_hand,
    _g_in_two_parts,
]

generator_step = lesson.exercise(
    reference.generator_step,
    probe=functools.partial(
        _step_probe,
        network="generator",
        labels=(
            "generator_step with batch_size=16",
            "generator_step with batch_size=5",
            "generator_step with batch_size=16 again",
        ),
    ),
    names_mistakes=True,
    mistakes=_G_MISTAKES,
    hints=[
        "New z, the generator's images, what the discriminator says of them, generator_loss. "
        "Nothing is detached: the gradient has to come back all the way.",
        "`loss = generator_loss(discriminator(generator(z)))`; the generator's device is "
        "`next(generator.parameters()).device`.",
        "`optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`, `return loss.item()`.",
    ],
    right=_G_RIGHT,
    difficulty=2,
    minutes=7,
    seconds=20,
)
"""generator_step(generator, discriminator, optimizer, batch_size, latent_dim) -> float.
(●●○, 7 min)

z is (batch_size, latent_dim) from N(0, 1), new in every call, on the generator's device. The loss
is generator_loss of the discriminator's logits. Gradients are cleared, the optimiser (the
generator's) steps once. The discriminator's weights stay as they are; both networks are in train
mode and stay there. Returned is the loss before the step, as a Python float.

Freezing the discriminator's weights for the step and thawing them passes; eval mode does not."""


# --- sample_images ------------------------------------------------------------------------------


def _sample_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for label, training, rows in (
        ("sample_images with a generator in train mode", True, 7),
        ("sample_images with a generator in eval mode", False, 7),
        ("sample_images for a single z", False, 1),
    ):
        yield ask(label, functools.partial(_judge_samples, attempt, training, rows))


def _judge_samples(attempt: Callable, training: bool, rows: int) -> str:
    """Raise Complaint unless the images are right and the generator is as it was."""
    log = _Log()
    generator = _networks(log)["generator"].train(training)
    z = torch.randn(rows, _LATENT_DIM, generator=torch.Generator().manual_seed(rows))
    with torch.no_grad():
        x = _array(_networks(_Log())["generator"].eval()(z)).astype(float)
    start = {key: value.clone() for key, value in generator.state_dict().items()}
    given = z.clone()
    try:
        with _gradients_stay_on():
            value = attempt(generator, given)
    except Complaint as complaint:  # of what the generator got: in this bank there is none
        if complaint.mistake == "gradients_left_off":
            raise
        raise Complaint(str(complaint)) from complaint
    except RuntimeError as error:
        if "on Tensor that requires grad" in str(error):
            raise Complaint(f"raised {type(error).__name__}: {error}", "graph") from error
        raise
    calls = [each for each in log if each.kind == "ran"]
    _complain_of_sampling(calls, _array(z), _array(given))
    _complain_of_pixels(value, x)
    modes = {module.training for module in generator.modules()}
    if modes != {training}:
        names = {True: "train mode", False: "eval mode"}
        raise Complaint(
            f"returned the right images, but the generator, which came in {names[training]}, is in "
            f"{names[not training]} now.",
            "left_in_eval" if training else "left_in_train",
        )
    for key, now in generator.state_dict().items():
        if not torch.equal(now, start[key]):
            raise Complaint(f"returned the right images, but changed the generator's {key}.")
    if not all(weight.requires_grad for weight in generator.parameters()):
        raise Complaint(
            "returned the right images, but left the generator's weights with requires_grad=False."
        )
    return "as asked"


def _complain_of_sampling(calls: Sequence[_Event], z: np.ndarray, left: np.ndarray) -> None:
    """Raise Complaint about how the generator was called; ``left`` is z afterwards."""
    if not calls:
        raise Complaint("never called the generator.")
    if any(each.training for each in calls):
        raise Complaint("ran the generator in train mode.", "train_mode")
    if not _alike(left, z):
        raise Complaint("changed z, which belongs to the caller.", "z_changed")
    inputs = np.concatenate([each.inputs for each in calls])
    if not _alike(inputs, z):
        how = f"it got {len(inputs)} vectors instead of {len(z)}"
        if inputs.shape == z.shape:
            place = np.unravel_index(np.abs(inputs - z).argmax(), z.shape)
            how = f"it got {inputs[place]:.3f} where z has {z[place]:.3f}"
        raise Complaint(f"gave the generator other numbers than z: {how}.", "other_z")
    if any(each.recorded for each in calls):
        raise Complaint("ran the generator with recording for gradients on.", "graph")


def _complain_of_pixels(value: Any, x: np.ndarray) -> None:
    """Raise Complaint unless ``value`` is the generator's images ``x`` as bytes."""
    if value is None:
        raise Complaint("returned None; it is to be a tensor of bytes.", "no_return")
    if not isinstance(value, torch.Tensor):
        slug = "numpy_array" if isinstance(value, np.ndarray) else ""
        what = "NumPy array" if slug else type(value).__name__
        raise Complaint(f"returned a {what}; it is to be a tensor of bytes.", slug)
    kind = str(value.dtype).removeprefix("torch.")
    pixels = value.detach().cpu().double().numpy()
    if pixels.shape != x.shape:
        text = f"returned images of shape {pixels.shape} instead of {x.shape}."
        last = (len(x), *x.shape[2:], x.shape[1])
        raise Complaint(text, "channels_last" if pixels.shape == last else "")
    pixels = pixels.astype(float)
    text = f"returned {kind} from {pixels.min():.4g} to {pixels.max():.4g}"
    wanted = (x + 1) * 127.5
    if kind.startswith(("float", "bfloat")):
        for slug, candidate in (
            ("not_scaled", x),
            ("unit_floats", (x + 1) / 2),
            ("float_pixels", wanted),
        ):
            if np.abs(pixels - candidate).max() <= (0.501 if slug == "float_pixels" else 0.01):
                raise Complaint(f"{text}; bytes are asked for.", slug)
        raise Complaint(f"{text}; bytes from 0 to 255 are asked for.")
    off = pixels - wanted
    right = bool((np.abs(off) <= 0.501).all())
    if kind != "uint8":
        raise Complaint(f"{text}; uint8 is asked for.", "other_integers" if right else "")
    if right:
        return
    # Each with the mask of the pixels that it is recognised by, rounded or cut off.
    everywhere = np.ones_like(x, bool)
    stretched = (x - x.min()) / (x.max() - x.min()) * 255
    low, high = x.min((1, 2, 3), keepdims=True), x.max((1, 2, 3), keepdims=True)
    candidates = (
        ("truncated", wanted, everywhere),
        ("rounded_up", wanted + 0.5, everywhere),
        ("as_if_unit", x * 255, x > 0),
        ("no_shift", x * 127.5, x > 0),
        ("not_halved", (x + 1) * 255, x < -0.01),
        ("unit_bytes", (x + 1) / 2, everywhere),
        ("times_128", (x + 1) * 128, x < 0.98),
        ("stretched", stretched, everywhere),
        ("stretched", (x - low) / (high - low) * 255, everywhere),
    )
    place = np.unravel_index(np.abs(off).argmax(), off.shape)
    found = {}
    for slug, candidate, mask in candidates:
        distance = (pixels - candidate)[mask]
        rounded = np.abs(distance).max() <= 0.502
        if rounded or (distance.min() > -1.002 and distance.max() < 0.002):
            found[slug] = np.abs(distance).mean()
    if "truncated" in found:  # a plain example: 80.7 that became 80
        place = np.unravel_index(np.abs(off + 0.7).argmin(), off.shape)
    raise Complaint(
        f"{text}. The generator's {x[place]:.4f} became {pixels[place]:.0f}; it is "
        f"{wanted[place]:.2f} on the scale from 0 to 255.",
        min(found, key=found.__getitem__, default=""),
    )


def _bytes(x: torch.Tensor) -> torch.Tensor:
    return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _sampler(
    pixels: Callable[[torch.Tensor], Any] = _bytes,
    *,
    context: Callable[[], Any] = torch.no_grad,
    enter: Callable[[nn.Module], Any] = lambda generator: generator.eval(),
    leave: Callable[[nn.Module, bool], Any] = lambda generator, training: generator.train(training),
    run: Callable[[nn.Module, torch.Tensor], torch.Tensor] = lambda generator, z: generator(z),
) -> Callable:
    """``sample_images`` with one thing done otherwise."""

    def sample_images(generator, z):
        training = generator.training
        enter(generator)
        with context():
            x = run(generator, z)
        leave(generator, training)
        return pixels(x)

    return sample_images


def _changes_z(generator, z):
    z.mul_(2).div_(4)
    return _sampler(run=lambda generator, z: generator(z * 2))(generator, z)


def _left_off(generator, z):
    torch.set_grad_enabled(False)
    return _sampler(context=contextlib.nullcontext)(generator, z)


def _per_image(x: torch.Tensor) -> torch.Tensor:
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return ((x - low) / (high - low) * 255).round().to(torch.uint8)


_SAMPLE_MISTAKES = {
    "train_mode": Mistake(
        "In train mode batch normalisation takes mean and variance of this very batch, so each "
        "image depends on the others, and looking moves the running statistics. Call "
        "`generator.eval()` first.",
        _sampler(enter=lambda generator: None),
    ),
    "graph": Mistake(
        "Nobody will differentiate these images, but the whole graph is kept in memory while they "
        "are made; a later .detach() comes too late for that. Put the call of the generator under "
        "`with torch.no_grad():`.",
        _sampler(lambda x: _bytes(x.detach()), context=torch.enable_grad),
    ),
    "left_in_eval": Mistake(
        "Training would go on in eval mode. Note `generator.training` before and put it back with "
        "`generator.train(training)`.",
        _sampler(leave=lambda generator, training: None),
    ),
    "left_in_train": Mistake(
        "`generator.train()` at the end is right only for one that came in train mode. Note "
        "`generator.training` before and put it back with `generator.train(training)`.",
        _sampler(leave=lambda generator, training: generator.train()),
    ),
    "other_z": Mistake(
        "Use the z that is handed in: only then can the same z be looked at again later.",
        _sampler(run=lambda generator, z: generator(torch.randn_like(z))),
    ),
    "z_changed": Mistake(
        "The next look would be at other images. Leave out operations that end in an underscore, "
        "or work on a copy.",
        _changes_z,
    ),
    "not_scaled": Mistake(
        "From [-1, 1] to bytes: `(x + 1) * 127.5`, rounded, then `.to(torch.uint8)`.",
        _sampler(lambda x: x),
    ),
    "unit_floats": Mistake(
        "Those are from 0 to 1. Multiply by 255, round, and make them uint8.",
        _sampler(lambda x: (x + 1) / 2),
    ),
    "float_pixels": Mistake(
        "The range is right. Round and convert with `.to(torch.uint8)`.",
        _sampler(lambda x: ((x + 1) * 127.5).round()),
    ),
    "other_integers": Mistake(
        "The numbers are right: convert them with `.to(torch.uint8)`, one byte each.",
        _sampler(lambda x: ((x + 1) * 127.5).round().long()),
    ),
    "rounded_up": Mistake(
        "To round is to take the nearest integer: `round()`, without `ceil()` and without another "
        "0.5 before it.",
        _sampler(lambda x: ((x + 1) * 127.5).ceil().to(torch.uint8)),
    ),
    "truncated": Mistake(
        "`.to(torch.uint8)` cuts off what is behind the point, so the images get darker by half a "
        "step on average. Round first.",
        _sampler(lambda x: ((x + 1) * 127.5).to(torch.uint8)),
    ),
    "as_if_unit": Mistake(
        "The generator's pixels are from -1 to 1, not from 0 to 1. Times 255 the dark half wraps "
        "round or is cut off: add 1 first, then multiply by 127.5.",
        _sampler(lambda x: (x * 255).round().clamp(0, 255).to(torch.uint8)),
    ),
    "no_shift": Mistake(
        "The shift is missing: add 1 before you multiply by 127.5, or -1 does not become 0.",
        _sampler(lambda x: (x * 127.5).round().clamp(0, 255).to(torch.uint8)),
    ),
    "not_halved": Mistake(
        "x + 1 goes from 0 to 2: multiply by 127.5, or halve it before you multiply by 255. As it "
        "is, the bright half wraps round or is cut off.",
        _sampler(lambda x: ((x + 1) * 255).round().clamp(0, 255).to(torch.uint8)),
    ),
    "unit_bytes": Mistake(
        "In [0, 1] bytes can only be 0 or 1: multiply by 255 before the conversion.",
        _sampler(lambda x: ((x + 1) / 2).to(torch.uint8)),
    ),
    "times_128": Mistake(
        "The factor is 127.5: 255 / 2. With 128 a white pixel becomes 256, which a byte cannot "
        "hold.",
        _sampler(lambda x: ((x + 1) * 128).round().to(torch.int64).to(torch.uint8)),
    ),
    "stretched": Mistake(
        "Each batch or image is stretched to its own darkest and brightest pixel, so equal numbers "
        "get unequal colours. The range is always [-1, 1].",
        _sampler(_per_image),
    ),
    "numpy_array": Mistake(
        "The lesson goes on with tensors, `torch.cat` and `.numpy()` for the figures. Leave the "
        "`.numpy()` to the one who draws.",
        _sampler(lambda x: _bytes(x).numpy()),
    ),
    "no_return": Mistake("Write `return` before the images.", _sampler(lambda x: None)),
    "gradients_left_off": Mistake(
        "No later training step could learn anything. `with torch.no_grad():` ends by itself, "
        "`torch.set_grad_enabled(False)` does not.",
        _left_off,
    ),
    "channels_last": Mistake(
        "Keep the channels where they are, (N, 3, 32, 32): permuting is for the one who draws.",
        _sampler(lambda x: _bytes(x).permute(0, 2, 3, 1)),
    ),
}


def _in_chunks(generator, z):
    modes = [(module, module.training) for module in generator.modules()]
    generator.train(False)
    parts = []
    with torch.inference_mode():
        for some in z.split(3):
            parts.append(generator(some).mul(127.5).add(127.5).round().byte())
    for module, training in modes:
        module.training = training
    return torch.cat(parts)


@torch.no_grad()
def _by_numpy(generator, z):
    was_training = generator.training
    generator.eval()
    try:
        x = generator(z).cpu().numpy()
    finally:
        if was_training:
            generator.train()
    return torch.from_numpy(np.clip(np.rint((x + 1) / 2 * 255), 0, 255).astype(np.uint8))


sample_images = lesson.exercise(
    reference.sample_images,
    probe=_sample_probe,
    names_mistakes=True,
    mistakes=_SAMPLE_MISTAKES,
    hints=[
        "Note the mode, switch to eval mode, run the generator under torch.no_grad(), put the mode "
        "back, convert.",
        "`training = generator.training` before, `generator.train(training)` after.",
        "`((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)`",
    ],
    right=[
        _sampler(),
        _sampler(context=torch.inference_mode),
        _sampler(lambda x: (x * 127.5 + 128).to(torch.uint8)),
        _sampler(lambda x: ((x * 0.5 + 0.5) * 255).round().byte()),
        _in_chunks,
        _by_numpy,
    ],
    difficulty=2,
    minutes=6,
    seconds=20,
)
"""sample_images(generator, z) -> uint8 (N, 3, 32, 32). (●●○, 6 min)

The generator's images for z in eval mode, made under torch.no_grad() (no graph is built: a detach()
afterwards is refused), from [-1, 1] to 0 ... 255, rounded. Afterwards the generator is in the mode
in which it came, train or eval. A NumPy array is refused: the lesson concatenates tensors."""


# --- read_curves --------------------------------------------------------------------------------

#: For the lesson's figure: what its panels show, and not why.
CURVES_IN_WORDS = (
    "Six panels, A to F, each with the losses of discriminator and generator over 600 steps. "
    "A: two flat lines from beginning to end, the discriminator's at 1.39 and the generator's at "
    "0.69. "
    "B: the discriminator's falls to 0 within 20 steps; the generator's climbs from 3 to 11. "
    "C: the discriminator's falls from 1.3 to about 0.1 within 200 steps, the generator's rises "
    "from 0.9 to nearly 4; later both turn back, with jumps, and end at 0.7 and 1.7. "
    "D: the discriminator's rises from 1.5 to 4.8, ever more slowly; the generator's falls to 0. "
    "E: both jump from one measurement to the next, the discriminator's between 0 and 1.6, the "
    "generator's between 1.4 and 8.5. "
    "F: both fall to 0 within 200 steps and stay there."
)

_SHORT = {
    "no_difference": "the discriminator sees no difference",
    "wins": "the discriminator wins",
    "healthy": "healthy",
    "never_updated": "the discriminator is never updated",
    "high_rate": "the learning rate is far too high",
    "swapped": "the discriminator's labels are swapped",
}
#: How each would look.
_WOULD = {
    "no_difference": "If real images and fakes look the same to it, all that the discriminator "
    "can learn is to answer 0.5 to everything: 2 ln 2 = 1.39 and ln 2 = 0.69, and nothing moves.",
    "wins": "A discriminator that wins tells every fake: its own loss is near 0, and the loss of "
    "the generator, which pays for every fake that is told, climbs and climbs.",
    "healthy": "In a healthy run both losses move all the time, a little from one measurement to "
    "the next; neither lies at 0 for long, and neither climbs for good.",
    "never_updated": "A discriminator that never changes is soon fooled: the generator's loss "
    "falls to 0, and the loss of the discriminator, which pays for every fake that passes, climbs.",
    "high_rate": "With far too high a rate every step overshoots: both losses jump up and down "
    "from one measurement to the next, typically by 0.3 and more.",
    "swapped": "With swapped labels the discriminator learns to call fakes real. That is what its "
    "loss asks for then, and it is what the generator wants too: nobody works against anybody.",
}


def lettered_curves(curves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The curves of ``load_curves()`` by the letters of the lesson's figure, in order."""
    return {letter: curves[name] for letter, name in training_failures.LETTERS.items()}


@functools.cache
def _curve_in_words(letter: str) -> str:
    curve = lettered_curves(training_failures.load_curves())[letter]
    told = [
        f"the {name}'s loss goes from {loss[0]:.2f} to {loss[-1]:.2f} (lowest {loss.min():.2f}, "
        f"highest {loss.max():.2f}, from one measurement to the next typically "
        f"{np.median(np.abs(np.diff(loss))):.2f})"
        for name, loss in zip(("discriminator", "generator"), curve.T, strict=True)
    ]
    return f"In {letter} {told[0]}, {told[1]}."


def _curves_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for letter in training_failures.LETTERS:
        yield ask(f'read_curves("{letter}")', functools.partial(_judge_curve, attempt, letter))


def _judge_curve(attempt: Callable, letter: str) -> str:
    value = attempt(letter)
    if value == training_failures.LETTERS[letter]:
        return "as asked"
    if not isinstance(value, str):
        raise Complaint(f"returned {value!r:.60}, which is none of the six texts.")
    for short, name in _SHORT.items():
        if value == name:
            raise Complaint(
                f'is not "{name}". {_curve_in_words(letter)}', _confusion(letter, short)
            )
    close = difflib.get_close_matches(value.lower(), _SHORT.values(), 1, 0.8)
    if close:
        raise Complaint(
            f'returned "{value:.60}", which is none of the six texts; "{close[0]}" is one.',
            "spelling",
        )
    raise Complaint(f'returned "{value:.60}", which is none of the six texts.')


def _confusion(letter: str, short: str) -> str:
    return f"{letter.lower()}_as_{short}"


def _reading(**changes: str) -> Callable[[str], str]:
    """The right answers but for these letters."""

    def read_curves(letter):
        return changes.get(letter, training_failures.LETTERS[letter])

    return read_curves


def _by_branches(letter):
    if letter in "AB":
        return "the discriminator " + ("sees no difference" if letter == "A" else "wins")
    if letter == "C":
        return "healthy"
    if letter == "D":
        return "the discriminator is never updated"
    return {"E": "the learning rate is far too high"}.get(letter, _SHORT["swapped"])


def _in_capitals(letter):
    return training_failures.LETTERS[letter].capitalize()


read_curves = lesson.exercise(
    training_failures.read_curves,
    probe=_curves_probe,
    names_mistakes=True,
    mistakes={
        **{
            _confusion(letter, short): Mistake(_WOULD[short], _reading(**{letter: name}))
            for letter, right in training_failures.LETTERS.items()
            for short, name in _SHORT.items()
            if name != right
        },
        "spelling": Mistake("Copy the text from the list, letter by letter.", _in_capitals),
    },
    hints=[
        "Begin with the odd ones: two curves that never move, and two that do nothing but jump.",
        "Ask of each of the rest: who gets what it wants? A loss at 0 means that its player is "
        "content. Where both are content, they do not play against each other.",
        "If the discriminator is content and the generator pays more and more, who has won? And if "
        "it is the other way round from the first steps on, who has stood still?",
    ],
    right=[_reading(), _by_branches],
    difficulty=2,
    minutes=8,
)
"""read_curves(letter) -> str. (●●○, 8 min)

letter is "A" to "F"; the answer is one of the six texts in the lesson's list, spelled as there."""
