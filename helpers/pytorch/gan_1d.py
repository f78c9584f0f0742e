"""A GAN of single numbers: everything that it does fits into one drawing.

The real data are numbers from a mixture of Gaussians, whose density is known. The generator turns a
standard normal number z into a number x; since z has one dimension, the density of its fakes can be
computed too, and with both densities the discriminator that would be the best answer to this
generator::

    from helpers.pytorch.gan_1d import TWO_MODES, train
    history = train(TWO_MODES, steps=1000)      # some seconds on one CPU core

GAN, its value and its optimal discriminator: I. Goodfellow et al., "Generative adversarial
networks", 2014, arXiv:1406.2661. R1: L. Mescheder, A. Geiger, S. Nowozin, "Which training methods
for GANs do actually converge?", 2018, arXiv:1801.04406.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from helpers.games import jensen_shannon, optimal_discriminator
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss, saturating_generator_loss
from helpers.pytorch.threads import one_thread

#: The fakes' density is that of FAKES equally likely fakes, each blurred by a Gaussian of deviation
#: BLUR; the real density is blurred by as much, so that equal densities come out equal.
FAKES, BLUR = 1000, 0.08
_LOSSES = {"non-saturating": generator_loss, "saturating": saturating_generator_loss}


_OPTIMIZERS = {
    "adam": lambda network, rate, momentum: torch.optim.Adam(
        network.parameters(), rate, betas=(momentum, 0.99), fused=True
    ),
    "sgd": lambda network, rate, momentum: torch.optim.SGD(network.parameters(), rate, momentum),
}


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians: p(x) = Σ weight · N(x; mean, deviation²).

    means, deviations : one number for each mode. weights : the modes' shares, which sum to 1; equal
        if not given.
    Raises ValueError for no mode, for lists of different lengths, for a deviation that is not
    above 0 and for weights below 0 or with another sum than 1.
    """

    means: Sequence[float]
    deviations: Sequence[float]
    weights: Sequence[float] = ()

    def __post_init__(self) -> None:
        for name in ("means", "deviations", "weights"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        if not self.weights and self.means:
            object.__setattr__(self, "weights", (1 / len(self.means),) * len(self.means))
        lengths = len(self.means), len(self.deviations), len(self.weights)
        if not self.means or len(set(lengths)) > 1:
            raise ValueError(
                f"{lengths[0]} means, {lengths[1]} deviations, {lengths[2]} weights: give one of "
                "each for every mode, and at least one mode"
            )
        if not all(math.isfinite(mean) for mean in self.means):
            raise ValueError(f"means {self.means}: give finite numbers")
        if not all(0 < deviation < math.inf for deviation in self.deviations):
            raise ValueError(f"deviations {self.deviations}: give numbers above 0")
        if min(self.weights) < 0 or not math.isclose(sum(self.weights), 1, abs_tol=1e-6):
            raise ValueError(f"weights {self.weights}: give shares from 0 to 1 that sum to 1")

    def density(self, x: np.ndarray, blur: float = 0.0) -> np.ndarray:
        """The density at x, any shape; that of x + noise if ``blur`` is the noise's deviation."""
        variance = np.square(self.deviations) + blur**2
        distance = np.asarray(x, dtype=float)[..., None] - np.array(self.means)
        modes = np.exp(-(distance**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        return modes @ np.array(self.weights)

    def sample(self, number: int, randomness: torch.Generator | None = None) -> torch.Tensor:
        """``number`` real data, (number, 1)."""
        weights, means, deviations = map(torch.tensor, (self.weights, self.means, self.deviations))
        mode = torch.multinomial(weights, number, replacement=True, generator=randomness)
        noise = torch.randn(number, generator=randomness)
        return (means[mode] + deviations[mode] * noise)[:, None]

    def shares(self, x: np.ndarray, within: float = 3.0) -> np.ndarray:
        """The share of the numbers x that lie at each mode: at most ``within`` deviations away.

        x : (N,), or (..., N) for several sets. Returns (modes,), or (..., modes). What lies
        between the modes belongs to none.
        """
        distance = np.abs(np.asarray(x)[..., None] - np.array(self.means))
        return (distance <= within * np.array(self.deviations)).mean(axis=-2)


ONE_MODE = Mixture(means=(1.5,), deviations=(0.6,))
TWO_MODES = Mixture(means=(-2.0, 2.0), deviations=(0.5, 0.5))


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """What happened in a training run: R records, each of a grid of M places and S fakes.

    steps : (R,) how many steps had been done at each record; the first is 0.
    grid : (M,) places x. real_density : (M,) of the data at them.
    fake_density : (R, M) of the generator's fakes. discriminator : (R, M) D(x), probability that x
        is real. optimal : (R, M) p / (p + q), the best discriminator against this generator.
    samples : (R, S) fakes, always from the same z, in ascending order of z. pushes : (R, S) how a
        step of gradient descent on the generator's loss would move each of them:
        −d loss(D(x)) / dx.
    divergence : (R,) Jensen-Shannon divergence of the two densities, in nats: from 0 to ln 2.
    shares : (R, modes) share of the fakes at each mode, ``Mixture.shares``.
    d_losses, g_losses : (steps,) losses of all steps: cross-entropy of the discriminator, summed
        over real and fake, without R1, and the generator's loss.
    generator, discriminator_network : as they were at the end.
    """

    mixture: Mixture
    steps: np.ndarray
    grid: np.ndarray
    real_density: np.ndarray
    fake_density: np.ndarray
    discriminator: np.ndarray
    optimal: np.ndarray
    samples: np.ndarray
    pushes: np.ndarray
    divergence: np.ndarray
    shares: np.ndarray
    d_losses: np.ndarray
    g_losses: np.ndarray
    generator: nn.Module
    discriminator_network: nn.Module

    def __repr__(self) -> str:
        return (
            f"History of {len(self.d_losses):,} steps: {len(self.steps)} records of "
            f"{len(self.grid)} places and {self.samples.shape[1]} fakes"
        )


def make_generator(hidden: int = 32) -> nn.Sequential:
    """An untrained generator: z (N, 1) -> fakes (N, 1)."""
    return nn.Sequential(
        nn.Linear(1, hidden), nn.ELU(),
        nn.Linear(hidden, hidden), nn.ELU(),
        nn.Linear(hidden, 1),
    )  # fmt: skip


def make_discriminator(hidden: int = 32) -> nn.Sequential:
    """An untrained discriminator: x (N, 1) -> logits (N, 1)."""
    network = nn.Sequential(
        nn.Linear(1, hidden), nn.Tanh(),
        nn.Linear(hidden, hidden), nn.Tanh(),
        nn.Linear(hidden, 1),
    )  # fmt: skip
    with torch.no_grad():  # steps as steep as the modes are narrow, and spread over all of them
        network[0].weight *= 2
        network[0].bias *= 3
    return network


@one_thread()
def train(
    mixture: Mixture = TWO_MODES,
    *,
    steps: int = 1000,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    momentum: float = 0.5,
    optimizer: Literal["adam", "sgd"] = "adam",
    decay: bool = False,
    loss: Literal["non-saturating", "saturating"] = "non-saturating",
    r1: float = 0.0,
    hidden: int = 32,
    seed: int = 0,
    every: int = 10,
    grid: np.ndarray | None = None,
    samples: int = 40,
) -> History:
    """Train a GAN on numbers from ``mixture`` and return its history.

    Each step updates the discriminator, then the generator. The discriminator minimises
    −E log D(x) − E log(1 − D(G(z))), plus R1, r1/2 · E (d logit/dx)² over real x.

    learning_rate, optimizer : of both; "sgd" wants 0.1 and more. momentum : Adam's first beta, or
    that of plain gradient descent. decay : the learning rate falls linearly over the second half of
    the steps, to 3 % of itself. hidden : width of both networks.
    every : steps from one record to the next; the start and the end are always recorded.
    grid : the places of the records; by default 121 from 2 left of the data to 2 right of them.
    samples : how many fakes a record keeps. seed : of weights, data and z; the state of PyTorch's
    own random numbers does not matter and is left as it is.
    Raises ValueError for settings that make no sense, and when the losses are no longer finite.
    GANs amplify the smallest differences: the same seed gives the same history on one computer, and
    on another one a history that soon differs.
    """
    if not isinstance(mixture, Mixture):
        raise ValueError(f"mixture={mixture!r}: give a Mixture, such as TWO_MODES")
    _refuse_nonsense(
        steps=(steps, 1), batch_size=(batch_size, 1), hidden=(hidden, 1), every=(every, 1),
        samples=(samples, 1),
    )  # fmt: skip
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate={learning_rate}: give a number above 0, such as 0.002")
    if not 0 <= r1 < math.inf:
        raise ValueError(f"r1={r1}: give 0 for no regularisation, or a number above 0")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum={momentum}: give a number from 0 up to, but not, 1")
    for name, value, choices in (("loss", loss, _LOSSES), ("optimizer", optimizer, _OPTIMIZERS)):
        if value not in choices:
            raise ValueError(f"{name}={value!r}: choose from {', '.join(choices)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator, discriminator = make_generator(hidden), make_discriminator(hidden)
    randomness = torch.Generator().manual_seed(seed)
    g_optimizer, d_optimizer = (
        _OPTIMIZERS[optimizer](network, learning_rate, momentum)
        for network in (generator, discriminator)
    )
    recorder = _Recorder(mixture, generator, discriminator, _LOSSES[loss], grid, samples)
    recorder.record(0)
    d_losses, g_losses = [], []
    for step in range(1, steps + 1):
        if decay:
            for group in (*g_optimizer.param_groups, *d_optimizer.param_groups):
                group["lr"] = learning_rate * (1 - 0.97 * max(0.0, 2 * step / steps - 1))
        real = mixture.sample(batch_size, randomness).requires_grad_(r1 > 0)
        fake = generator(torch.randn(batch_size, 1, generator=randomness))
        real_logits = discriminator(real)
        d_loss = real_loss(real_logits) + fake_loss(discriminator(fake.detach()))
        d_losses.append(d_loss.item())
        if r1 > 0:
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            d_loss = d_loss + r1 / 2 * slope.square().mean()
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        g_loss = _LOSSES[loss](discriminator(fake))
        g_losses.append(g_loss.item())
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        if not (math.isfinite(d_losses[-1]) and math.isfinite(g_losses[-1])):
            raise ValueError(
                f"the losses are {d_losses[-1]} and {g_losses[-1]} at step {step}: lower "
                f"learning_rate={learning_rate} or r1={r1}"
            )
        if step % every == 0 or step == steps:
            recorder.record(step)
    return recorder.history(d_losses, g_losses)


def _refuse_nonsense(**settings: tuple[int, int]) -> None:
    for name, (value, smallest) in settings.items():
        if not isinstance(value, (int, np.integer)) or value < smallest:
            raise ValueError(f"{name}={value!r}: give a whole number, at least {smallest}")


def blurred_density(numbers: np.ndarray, grid: np.ndarray, blur: float = BLUR) -> np.ndarray:
    """The density at the grid's places (M,) of one of the ``numbers`` (N,) plus Gaussian noise."""
    distance = (np.asarray(grid)[:, None] - np.asarray(numbers)[None, :]) / blur
    # Cut off where no picture shows it: a density of 1e-300 makes 1 - p / (p + q) exactly 0.
    bumps = np.where(np.abs(distance) < 6, np.exp(-(distance**2) / 2), 0.0)
    return bumps.mean(axis=1) / (blur * math.sqrt(2 * math.pi))


def _divergence(p_real: np.ndarray, p_fake: np.ndarray, grid: np.ndarray) -> float:
    """The Jensen-Shannon divergence in nats; what lies beside the grid is one more place."""
    places = [density * np.gradient(grid) for density in (p_real, p_fake)]
    shares = [np.append(place, max(1 - place.sum(), 0.0)) for place in places]
    shares = [np.where(share > 1e-14, share, 0.0) for share in shares]
    return jensen_shannon(*(share / share.sum() for share in shares))


class _Recorder:
    """Takes the records of a run."""

    def __init__(self, mixture, generator, discriminator, loss, grid, samples) -> None:
        if grid is None:
            reach = [
                (mean - 3 * deviation, mean + 3 * deviation)
                for mean, deviation in zip(mixture.means, mixture.deviations, strict=True)
            ]
            grid = np.linspace(min(reach)[0] - 2, max(high for _, high in reach) + 2, 121)
        self.grid = np.array(grid, dtype=float)
        if self.grid.ndim != 1 or len(self.grid) < 2 or not (np.diff(self.grid) > 0).all():
            raise ValueError("grid: give at least two places in ascending order, shape (M,)")
        self.mixture, self.loss = mixture, loss
        self.generator, self.discriminator = generator, discriminator
        self.real_density = mixture.density(self.grid, BLUR)
        self.places = torch.tensor(self.grid, dtype=torch.float32)[:, None]
        self.many, self.few = _quantiles(FAKES), _quantiles(samples)
        self.rows: list[tuple] = []

    def record(self, step: int) -> None:
        with torch.no_grad():
            fakes = self.generator(self.many)[:, 0].double().numpy()
            judged = torch.sigmoid(self.discriminator(self.places))[:, 0].double().numpy()
            shown = self.generator(self.few)
        shown.requires_grad_()
        # Times the number of fakes: the loss is their mean, each is moved by its own share of it.
        loss = self.loss(self.discriminator(shown)) * len(shown)
        (slope,) = torch.autograd.grad(loss, shown)
        density = blurred_density(fakes, self.grid)
        self.rows.append(
            (
                step,
                density,
                judged,
                optimal_discriminator(self.real_density, density),
                shown.detach()[:, 0].double().numpy(),
                -slope[:, 0].double().numpy(),
                _divergence(self.real_density, density, self.grid),
                self.mixture.shares(fakes),
            )
        )

    def history(self, d_losses: list[float], g_losses: list[float]) -> History:
        steps, density, judged, optimal, shown, pushes, divergence, shares = map(
            np.array, zip(*self.rows, strict=True)
        )
        return History(
            self.mixture, steps, self.grid, self.real_density, density, judged, optimal, shown,
            pushes, divergence, shares, np.array(d_losses), np.array(g_losses),
            self.generator.eval(), self.discriminator.eval(),
        )  # fmt: skip


def _quantiles(number: int) -> torch.Tensor:
    """``number`` equally likely values of z, (number, 1)."""
    return torch.special.ndtri((torch.arange(number, dtype=torch.float64) + 0.5) / number)[
        :, None
    ].float()
