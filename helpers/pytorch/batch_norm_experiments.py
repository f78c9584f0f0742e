"""The experiments of lesson 04: what batch normalisation does to training, measured in seconds.

One run says little. ``train_side_by_side`` trains a network for every activation, deviation of the
first weights, learning rate and seed at the same time, as one computation. Each learns as if it
were alone, and two of them differ in nothing but their settings. The layer that normalises is an
argument, so the lesson's experiments run with the learner's own.

Data: the 1,797 digits of 8 x 8 pixels that scikit-learn brings.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.pytorch.threads import one_thread

#: Makes a layer for so many channels of images (N, C, H, W), such as nn.BatchNorm2d.
Norm = Callable[[int], nn.Module]
#: Applied to each number.
Activation = Callable[[torch.Tensor], torch.Tensor]

#: Standard deviations of a layer's first weights, by the number of its inputs.
INITIALISATIONS: dict[str, Callable[[int], float]] = {
    "PyTorch": lambda inputs: (1 / (3 * inputs)) ** 0.5,  # what nn.Linear starts with
    "He": lambda inputs: (2 / inputs) ** 0.5,  # made for ReLU: arXiv:1502.01852
}


class Digits(NamedTuple):
    """Images float32 (N, 64) with pixels in [-1, 1], labels int64 (N,), both in random order."""

    images: torch.Tensor
    labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


def load_digits(train: int = 1200, test: int = 400, split: int = 0) -> Digits:
    """Handwritten digits to train on and others to test on; each ``split`` deals them anew.

    Raises ValueError where there are not as many.
    """
    from sklearn import datasets

    found = datasets.load_digits()
    if train + test > len(found.data):
        raise ValueError(
            f"{train} + {test} images: there are {len(found.data)}, ask for fewer in all"
        )
    order = np.random.default_rng(split).permutation(len(found.data))
    images = torch.tensor(found.data[order] / 8 - 1, dtype=torch.float32)
    labels = torch.tensor(found.target[order])
    end = train + test
    return Digits(images[:train], labels[:train], images[train:end], labels[train:end])


class Networks(nn.Module):
    """Fully connected networks side by side, (runs, N, 64) -> (runs, N, 10).

    hidden : units of each hidden layer. norm : the layer between weights and activation, or None
    for a bias. The other arguments have an entry for each network: activations; deviations of the
    first weights, numbers or keys of INITIALISATIONS; seeds. Equal seeds draw equal weights, up to
    the deviation.
    """

    def __init__(
        self,
        hidden: Sequence[int],
        norm: Norm | None,
        activations: Sequence[Activation],
        deviations: Sequence[float | str],
        seeds: Sequence[int],
    ) -> None:
        super().__init__()
        self.runs = len(seeds)
        # Neighbours with the same activation are activated in one go.
        self.activations = [
            (activation, len(list(group))) for activation, group in itertools.groupby(activations)
        ]
        sizes = [64, *hidden, 10]
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights = nn.ParameterList(
            torch.stack(
                [
                    _deviation(deviation, inputs) * torch.randn(inputs, outputs, generator=draw)
                    for deviation, draw in zip(deviations, draws, strict=True)
                ]
            )
            for inputs, outputs in itertools.pairwise(sizes)
        )
        # All networks' units are channels of one layer: normalised one by one, as if alone.
        self.norms = nn.ModuleList(norm(self.runs * size) for size in hidden if norm)
        self.biases = nn.ParameterList(
            torch.zeros(self.runs, 1, size) for size in ([10] if norm else sizes[1:])
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x : (runs, N, 64). Returns the logits (runs, N, 10)."""
        *hidden, last = self.weights
        for layer, weight in enumerate(hidden):
            x = torch.bmm(x, weight)
            x = self._normalise(layer, x) if self.norms else x + self.biases[layer]
            x = self._activate(x)
        return torch.bmm(x, last) + self.biases[-1]

    def _normalise(self, layer: int, x: torch.Tensor) -> torch.Tensor:
        runs, number, units = x.shape
        channels = x.transpose(0, 1).reshape(number, runs * units, 1, 1)
        return self.norms[layer](channels).reshape(number, runs, units).transpose(0, 1)

    def _activate(self, x: torch.Tensor) -> torch.Tensor:
        if len(self.activations) == 1:
            return self.activations[0][0](x)
        parts = x.split([count for _, count in self.activations])
        pairs = zip(self.activations, parts, strict=True)
        return torch.cat([activation(part) for (activation, _), part in pairs])


def _deviation(deviation: float | str, inputs: int) -> float:
    if not isinstance(deviation, str):
        return deviation
    if deviation not in INITIALISATIONS:
        known = ", ".join(map(repr, INITIALISATIONS))
        raise ValueError(f"no initialisation {deviation!r}: give a number, or one of {known}")
    return INITIALISATIONS[deviation](inputs)


@dataclass(frozen=True)
class Runs:
    """What came of training. ``settings`` stands for the axes of what was varied.

    steps : (looks,), after how many steps somebody looked. accuracy : (looks, *settings), on the
    test images. loss : (training steps, *settings), on each batch.
    """

    steps: np.ndarray
    accuracy: np.ndarray
    loss: np.ndarray

    def best(self) -> np.ndarray:
        """The best test accuracy at any look: (*settings)."""
        return self.accuracy.max(axis=0)

    def steps_to(self, accuracy: float) -> np.ndarray:
        """Steps until a look first found ``accuracy``, infinite if none did: (*settings)."""
        reached = self.accuracy >= accuracy
        return np.where(reached.any(axis=0), self.steps[reached.argmax(axis=0)], np.inf)


@one_thread()
def train_side_by_side(
    digits: Digits,
    norm: Norm | None,
    *,
    hidden: Sequence[int] = (50, 50, 50),
    activation: Activation | list[Activation] = torch.relu,
    deviation: float | str | list[float | str] = "He",
    rate: float | list[float] = 0.1,
    seeds: Iterable[int] = (0, 1, 2),
    steps: int = 300,
    batch_size: int = 60,
    look_every: int = 25,
) -> Runs:
    """Train a network for every setting by plain gradient descent.

    activation, deviation and the learning rate may each be a list; every combination is trained
    with every seed. What is a list becomes an axis of the results, in the order activation,
    deviation, rate, seed. The seed decides the first weights and the batches. The test images are
    classified in eval mode. hidden, norm, deviation : see Networks.
    """
    varied = [activation, deviation, rate, list(seeds)]
    shape = [len(each) for each in varied if isinstance(each, list)]
    settings = itertools.product(*(e if isinstance(e, list) else [e] for e in varied))
    activations, deviations, rates, all_seeds = zip(*settings, strict=True)
    networks = Networks(hidden, norm, activations, deviations, all_seeds)
    parameters, runs = list(networks.parameters()), networks.runs
    rates = torch.tensor(rates)
    draws = {seed: torch.Generator().manual_seed(1000 + seed) for seed in all_seeds}
    looks, accuracies, losses = [], [], []
    for step in range(1, steps + 1):
        number = len(digits.images)
        batches = {s: torch.randint(number, (batch_size,), generator=d) for s, d in draws.items()}
        chosen = torch.stack([batches[seed] for seed in all_seeds])
        networks.train()
        logits = networks(digits.images[chosen])
        labels = digits.labels[chosen].flatten()
        loss = cross_entropy(logits.flatten(0, 1), labels, reduction="none")
        loss = loss.view(runs, batch_size).mean(dim=1)
        # No two networks share a weight: each one's gradient of this sum is its own times its rate.
        gradients = torch.autograd.grad((rates * loss).sum(), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient)
        losses.append(loss.detach())
        if step % look_every == 0:
            looks.append(step)
            accuracies.append(_test(networks, digits))
    return Runs(
        np.array(looks),
        torch.stack(accuracies).reshape(-1, *shape).numpy(),
        torch.stack(losses).reshape(-1, *shape).numpy(),
    )


@torch.no_grad()
def _test(networks: Networks, digits: Digits) -> torch.Tensor:
    """The share of right answers of each network: (runs,)."""
    networks.eval()
    logits = networks(digits.test_images.expand(networks.runs, -1, -1))
    return (logits.argmax(dim=2) == digits.test_labels).double().mean(dim=1)


@one_thread()
def train_network(
    network: nn.Module,
    digits: Digits,
    *,
    steps: int,
    learning_rate: float = 0.1,
    batch_size: int = 60,
    seed: int = 0,
) -> nn.Module:
    """Train one network on images (N, 1, 8, 8), in train mode and by plain gradient descent.

    Returns the network, which is changed in place and left in train mode.
    """
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    draw = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(steps):
        chosen = torch.randint(len(digits.images), (batch_size,), generator=draw)
        logits = network(digits.images[chosen].view(-1, 1, 8, 8))
        loss = cross_entropy(logits, digits.labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def graph_size(tensor: torch.Tensor) -> int:
    """How many operations autograd keeps in memory to be able to differentiate ``tensor``."""
    found, waiting = set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting += [following for following, _ in node.next_functions]
    return len(found)
