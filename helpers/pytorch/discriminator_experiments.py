"""The experiments of lesson 05: what a strided convolution can learn, what a discriminator knows.

Sources: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2015, arXiv:1511.06434, whose section 5 reads
classes from a discriminator's features as ``features`` and ``read_classes`` do, with a support
vector machine where these take ridge regression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.pytorch.threads import one_thread

#: Ways to make one pixel of 2 x 2: the weights of its four pixels.
RULES: dict[str, list[list[float]]] = {
    "their mean": [[0.25, 0.25], [0.25, 0.25]],
    "the lower right one": [[0.0, 0.0], [0.0, 1.0]],
    "left minus right": [[0.5, -0.5], [0.5, -0.5]],
}
#: One more way, which is not a weighted sum.
LARGEST = "the largest"


def downsample(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Images (N, 1, H, W) of even size at half the size, once for each rule and the largest."""
    small = {
        name: F.conv2d(images, torch.tensor(weights)[None, None], stride=2)
        for name, weights in RULES.items()
    }
    return {**small, LARGEST: F.max_pool2d(images, 2)}


def strided(outputs: int) -> nn.Module:
    """For each output one convolution with kernel 4, stride 2, padding 1: 17 numbers."""
    return nn.Conv2d(1, outputs, 4, stride=2, padding=1)


def pooled(outputs: int) -> nn.Module:
    """For each output one convolution with kernel 4, and its largest value of 2 x 2: 17 numbers."""
    return nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(1, outputs, 4), nn.MaxPool2d(2))


def pooled_and_mixed(outputs: int, filters: int = 8) -> nn.Module:
    """For each output several such convolutions, pooled and summed with learned weights."""
    return nn.Sequential(
        pooled(outputs * filters), nn.Conv2d(outputs * filters, outputs, 1, groups=outputs)
    )


@one_thread()
def learn_to_downsample(
    layers: Callable[[int], nn.Module], seeds: int = 3, steps: int = 300
) -> tuple[dict[str, np.ndarray], nn.Module]:
    """Train ``layers`` to do what ``downsample`` does, on images of noise.

    layers : makes the layers for a number of outputs that share no weight, such as ``strided``.
    Every rule is learned ``seeds`` times, from other first weights.

    Returns for each rule the share of the target's variance that is missed on new images,
    (seeds,), and the trained layers, whose outputs are sorted by rule, then by seed.
    """
    draw = torch.Generator().manual_seed(0)

    def images_and_targets(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        images = 2 * torch.rand(number, 1, 8, 8, generator=draw) - 1
        targets = torch.cat(list(downsample(images).values()), dim=1)
        return images, targets.repeat_interleave(seeds, dim=1)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = layers(seeds * (len(RULES) + 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.03, steps)
    for _ in range(steps):
        images, targets = images_and_targets(32)
        # Adam's steps do not depend on a gradient's size, so each output learns as if alone.
        loss = ((network(images) - targets) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    images, targets = images_and_targets(1000)
    with torch.no_grad():
        missed = ((network(images) - targets) ** 2).mean((0, 2, 3)) / targets.var((0, 2, 3))
    by_rule = missed.reshape(-1, seeds).numpy()
    return dict(zip([*RULES, LARGEST], by_rule, strict=True)), network


def worst(missed: Mapping[str, np.ndarray]) -> float:
    """The largest share that was missed, of all seeds, where the target is a weighted sum."""
    return max(float(missed[rule].max()) for rule in RULES)


def best(missed: Mapping[str, np.ndarray]) -> float:
    """The smallest share that was missed, of all seeds, where the target is a weighted sum."""
    return min(float(missed[rule].min()) for rule in RULES)


@one_thread()
@torch.no_grad()
def feature_maps(discriminator: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """What each block of a ``Discriminator`` puts out, in eval mode: a list of (N, C, H, W)."""
    was_training = discriminator.training
    discriminator.eval()
    maps = [images]
    for block in discriminator.blocks:
        maps.append(block(maps[-1]))
    discriminator.train(was_training)
    return maps[1:]


def similarity(maps: torch.Tensor) -> float:
    """How alike the channels of (N, C, H, W) are: mean size of the correlation of two of them.

    0 where no channel tells anything about another, 1 where all tell the same.
    """
    correlations = torch.corrcoef(maps.transpose(0, 1).flatten(1)).abs()
    return correlations[~torch.eye(len(correlations), dtype=torch.bool)].nanmean().item()


def features(discriminator: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The maps of all blocks, each max-pooled to 4 x 4, side by side: (N, features)."""
    maps = feature_maps(discriminator, images)
    return torch.cat([F.adaptive_max_pool2d(each, 4).flatten(1) for each in maps], dim=1)


@one_thread()
def read_classes(
    inputs: torch.Tensor,
    labels: torch.Tensor,
    test_inputs: torch.Tensor,
    test_labels: torch.Tensor,
    strength: float = 0.3,
) -> float:
    """Fit a linear classifier on (N, features) and labels; the share it gets right on the others.

    Ridge regression on the standardised features, solved in the space of the N examples.
    strength : of the penalty on the weights, against a mean of 1 for the squared features.
    """
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    inputs, test_inputs = ((x - mean) / deviation for x in (inputs, test_inputs))
    targets = F.one_hot(labels).double()
    mean_target = targets.mean(0)
    products = (inputs @ inputs.T).double() / inputs.shape[1]
    penalty = strength * torch.eye(len(inputs), dtype=torch.float64)
    weights = torch.linalg.solve(products + penalty, targets - mean_target)
    scores = (test_inputs @ inputs.T).double() / inputs.shape[1] @ weights + mean_target
    return (scores.argmax(1) == test_labels).double().mean().item()
