"""The experiment of lesson 09: is a trained generator at an equilibrium, or does it only look so?

A discriminator that answers 0.5 to everything pays 2 ln 2, at the equilibrium of the game and also
when it has learnt nothing. What tells them apart is the definition: at an equilibrium, no
discriminator does better against *this* generator. So keep the generator as it is, train a new
discriminator against it, and measure its loss on images that it has not seen:

    reals, fakes = split(real_images), split(draw(load_generator(), 4000))
    discriminator, looks = fresh_discriminator(reals, fakes)
    print(looks.losses[-1] < SETTLED)

A loss L of any discriminator on new images, below 2 ln 2, is evidence that real and generated
images differ: their Jensen-Shannon divergence is ln 2 - L/2 or more (``divergence_shown``). A loss
of 2 ln 2 is none that they are equal: another discriminator, or more steps, may find a difference.

Three things would give a false answer, and are avoided here. Real and generated images are both
bytes, so that rounding does not give one kind away. Losses are measured on images that were not
trained on: a discriminator can learn any images by heart, even where there is nothing to tell. And
batch normalisation sees both kinds in one batch and, when losses are measured, uses statistics that
are fixed: a batch of one kind in train mode is judged as a batch, by what its images have in
common, which is far easier than to judge each image. The running statistics are collected anew
before each measurement, since early in training they lag far behind the weights.

Sources: I. Goodfellow et al., "Generative adversarial nets", 2014, arXiv:1406.2661, section 4.1;
D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", 2016, arXiv:1610.06545, who
decide by a classifier's accuracy on new examples whether two samples come from one distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from helpers.pixel_scaling import scale_uint8
from helpers.pytorch.discriminator import build_discriminator
from helpers.pytorch.generator_experiments import images_of
from helpers.pytorch.losses import fake_loss, real_loss
from helpers.pytorch.threads import one_thread

#: What a discriminator pays that answers 0.5 to everything, in nats.
SETTLED = 2 * math.log(2)


@dataclass(frozen=True)
class Images:
    """Images of one kind, uint8 (N, 3, 32, 32): some to train on, others to measure with."""

    training: np.ndarray
    held_out: np.ndarray


@dataclass
class Looks:
    """What ``fresh_discriminator`` saw, an entry for each step at which it looked.

    losses, accuracies : on the held-out images, in nats and as a share.
    training_losses : means over the batches since the look before, on images that were trained on;
        ``nan`` at step 0.
    """

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    training_losses: list[float] = field(default_factory=list)


def split(images: np.ndarray, held_out: int = 1000) -> Images:
    """Keep the last ``held_out`` images apart.

    Raises ValueError unless there are more images than that.
    """
    if not 0 < held_out < len(images):
        raise ValueError(
            f"held_out is {held_out} of {len(images)} images; keep at least one on either side."
        )
    return Images(images[:-held_out], images[-held_out:])


@one_thread()
def draw(generator: nn.Module, count: int, seed: int = 0) -> np.ndarray:
    """Generated images as bytes, uint8 (count, 3, H, W), in eval mode, from z ~ N(0, 1).

    generator : with a ``latent_dim``; it is left in the mode in which it was. Of one seed, a
    smaller count gives the first images of a larger one.
    """
    z = np.random.default_rng(seed).standard_normal((count, generator.latent_dim))
    return np.concatenate([images_of(generator, part) for part in _parts(z, 200)])


@one_thread()
@torch.no_grad()
def loss_and_accuracy(
    discriminator: Callable[[torch.Tensor], torch.Tensor], reals: np.ndarray, fakes: np.ndarray
) -> tuple[float, float]:
    """A discriminator's loss ``real_loss + fake_loss`` in nats, and the share that it gets right.

    Parameters
    ----------
    discriminator : a network, which answers in eval mode and is left as it was, or any function
        that gives images (N, 3, H, W) in [-1, 1] logits (N, 1), positive for "real".
    reals, fakes : uint8 (N, 3, H, W); the two kinds count the same, however many there are.

    Returns
    -------
    loss : ``SETTLED``, 1.386, for one that answers 0.5 to everything.
    accuracy : a logit of exactly 0 is counted as half right.
    """
    was_training = getattr(discriminator, "training", False)
    if isinstance(discriminator, nn.Module):
        discriminator.eval()
    on_reals, on_fakes = (
        torch.cat([discriminator(_scaled(part)) for part in _parts(images, 500)]).double()
        for images in (reals, fakes)
    )
    if isinstance(discriminator, nn.Module):
        discriminator.train(was_training)
    # sign is 1, 0 or -1: right, undecided or wrong.
    rightness = (on_reals.sign().mean() - on_fakes.sign().mean()) / 2
    return (real_loss(on_reals) + fake_loss(on_fakes)).item(), (1 + rightness.item()) / 2


def divergence_shown(loss: float) -> float:
    """How far apart two distributions are at least, if a discriminator has this loss on new images.

    ``ln 2 - loss / 2`` nats of Jensen-Shannon divergence, which lies between 0 and ln 2, or 0 if
    that is negative: the best discriminator pays ``2 ln 2 - 2 JSD``, and no other one pays less.
    (For a loss over all images there are; on a sample it is an estimate.)
    """
    return max(0.0, math.log(2) - loss / 2)


@one_thread()
def fresh_discriminator(
    reals: Images,
    fakes: Images,
    *,
    steps: int = 150,
    batch_size: int = 64,
    look_every: int = 30,
    conv_dim: int = 16,
    learning_rate: float = 4e-4,
    seed: int = 0,
) -> tuple[nn.Module, Looks]:
    """Train a new discriminator against images that do not change.

    Parameters
    ----------
    reals, fakes : for a control, ``fakes`` are real images too; then there is nothing to learn.
    steps : of Adam, each on ``batch_size`` images of either kind.
    look_every : steps between two looks at the held-out images; the first is before training.
    conv_dim : width of the discriminator; half of the usual one, for speed.
    seed : of the first weights and the order of the images; the global generator is left alone.

    Returns
    -------
    the discriminator, in eval mode, and what was seen.

    Raises
    ------
    ValueError
        If there are fewer images to train on than a batch has.
    """
    for name, images in (("reals", reals), ("fakes", fakes)):
        if len(images.training) < batch_size:
            raise ValueError(
                f"{len(images.training)} {name} to train on do not fill a batch of {batch_size}; "
                "give more, or a smaller batch_size."
            )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        discriminator = build_discriminator(conv_dim)
    optimizer = torch.optim.Adam(discriminator.parameters(), learning_rate, betas=(0.5, 0.999))
    orders = np.random.default_rng(seed).spawn(2)
    batches = [
        _batches(images.training, batch_size, order)
        for images, order in zip((reals, fakes), orders, strict=True)
    ]
    looks, recent = Looks(), []
    for step in range(steps + 1):
        if step % look_every == 0 or step == steps:
            _collect_statistics(discriminator, batches)
            loss, accuracy = loss_and_accuracy(discriminator, reals.held_out, fakes.held_out)
            looks.steps.append(step)
            looks.losses.append(loss)
            looks.accuracies.append(accuracy)
            looks.training_losses.append(float(np.mean(recent)) if recent else math.nan)
            recent = []
        if step < steps:
            # Both kinds go through in one batch: see above.
            logits = discriminator(_mixed(batches))
            loss = real_loss(logits[:batch_size]) + fake_loss(logits[batch_size:])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recent.append(loss.item())
    return discriminator.eval(), looks


@torch.no_grad()
def _collect_statistics(network: nn.Module, batches: list[Iterator[np.ndarray]]) -> None:
    """Set the running statistics to what the weights make of five batches of both kinds."""
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    momenta = [each.momentum for each in norms]
    for each in norms:
        each.reset_running_stats()
        each.momentum = None  # the mean over all batches since the reset
    for _ in range(5):
        network(_mixed(batches))
    for each, momentum in zip(norms, momenta, strict=True):
        each.momentum = momentum


def _batches(
    images: np.ndarray, batch_size: int, order: np.random.Generator
) -> Iterator[np.ndarray]:
    """Shuffled batches without end; what does not fill a batch waits for another round."""
    while True:
        shuffled = order.permutation(len(images))
        for start in range(0, len(images) - batch_size + 1, batch_size):
            yield images[shuffled[start : start + batch_size]]


def _mixed(batches: list[Iterator[np.ndarray]]) -> torch.Tensor:
    """The next batch of each kind, one after the other in one tensor."""
    return _scaled(np.concatenate([next(each) for each in batches]))


def _parts(array: np.ndarray, size: int) -> list[np.ndarray]:
    return [array[start : start + size] for start in range(0, len(array), size)]


def _scaled(images: np.ndarray) -> torch.Tensor:
    """Bytes (N, 3, H, W) as floats in [-1, 1]."""
    return torch.from_numpy(scale_uint8(images))
