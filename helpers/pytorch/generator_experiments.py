"""The experiments of lesson 06: losses of a generator that loses, checkerboards, first weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from helpers.pixel_scaling import scale_uint8, unscale_to_uint8
from helpers.pytorch.losses import fake_loss, real_loss

#: A generator's loss on the discriminator's logits for its images.
Loss = Callable[[torch.Tensor], torch.Tensor]


def images_of(generator: nn.Module, z: np.ndarray | torch.Tensor) -> np.ndarray:
    """What a generator makes of latent vectors, in eval mode: uint8 (N, 3, H, W).

    z : (N, latent_dim). The generator puts out numbers in [-1, 1]; it is left in the mode in which
    it was.
    """
    modes = {module: module.training for module in generator.modules()}
    like = next(generator.parameters(), torch.zeros(()))
    try:
        generator.eval()
        with torch.no_grad():
            images = generator(torch.as_tensor(z, dtype=like.dtype, device=like.device))
    finally:
        for module, training in modes.items():
            module.training = training
    return unscale_to_uint8(images.float().cpu()).numpy()


def gradient_norm(network: nn.Module, loss: torch.Tensor) -> float:
    """Length of the loss's gradient with respect to all of the network's parameters together.

    The graph is kept, so that another loss on the same numbers can be asked too; ``.grad`` of the
    parameters stays as it is.
    """
    gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
    return float(sum(gradient.square().sum() for gradient in gradients).sqrt())


@dataclass
class LosingGenerator:
    """What ``discriminator_alone`` saw, an entry for each step at which it looked.

    logits : mean logit of the generator's images. norms : for each loss by name, the length of its
    gradient with respect to the generator's parameters.
    """

    steps: list[int] = field(default_factory=list)
    logits: list[float] = field(default_factory=list)
    norms: dict[str, list[float]] = field(default_factory=dict)


def discriminator_alone(
    generator: nn.Module,
    discriminator: nn.Module,
    images: np.ndarray,
    losses: Mapping[str, Loss],
    *,
    latent_dim: int = 100,
    steps: int = 60,
    look_every: int = 5,
    batch_size: int = 32,
) -> LosingGenerator:
    """Train the discriminator while the generator stands still, and ask what it would be told.

    images : uint8 (N, 3, H, W), the real ones. losses : the generator's losses to compare, by name.
    The discriminator is trained in place, with Adam (2e-4, beta1 0.5). The random numbers are
    PyTorch's: set ``torch.manual_seed``.

    Raises ValueError for fewer images than batch_size, and for no step to look at.
    """
    if len(images) < batch_size:
        raise ValueError(f"{len(images)} images: give at least {batch_size}, one batch.")
    if steps < 0 or look_every < 1:
        raise ValueError(f"steps={steps}, look_every={look_every}: give 0 or more and 1 or more.")
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    seen = LosingGenerator(norms={name: [] for name in losses})
    for step in range(steps + 1):
        fakes = generator(torch.randn(batch_size, latent_dim))
        if step % look_every == 0:
            logits = discriminator(fakes)
            seen.steps.append(step)
            seen.logits.append(logits.mean().item())
            for name, loss in losses.items():
                seen.norms[name].append(gradient_norm(generator, loss(logits)))
        chosen = torch.randint(len(images), (batch_size,)).numpy()
        real = scale_uint8(torch.from_numpy(images[chosen]))
        loss = real_loss(discriminator(real)) + fake_loss(discriminator(fakes.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return seen


def checkerboard(images: np.ndarray) -> float:
    """How much stronger the finest checkerboard is in images than patterns almost as fine.

    images : (N, 3, H, W) or (N, H, W) of any type, H and W even, at least 16. Each is made grey,
    its spectrum taken, the power averaged over the images. Returns the power at two pixels per
    period in both directions, divided by the median power of the 24 frequencies next to it: about
    1 where nothing is special about it.

    Raises ValueError for other shapes.
    """
    images = np.asarray(images, dtype=np.float64)
    grey = images.mean(axis=1) if images.ndim == 4 else images
    if grey.ndim != 3 or min(grey.shape[1:]) < 16 or grey.shape[1] % 2 or grey.shape[2] % 2:
        raise ValueError(f"images of shape {images.shape}: give even sizes of 16 pixels or more.")
    power = np.square(np.abs(np.fft.fft2(grey))).mean(axis=0)
    row, column = (size // 2 for size in grey.shape[1:])
    around = power[row - 2 : row + 3, column - 2 : column + 3]
    neighbours = np.delete(around.ravel(), 12)
    return float(power[row, column] / np.median(neighbours))


def set_deviation(network: nn.Module, deviation: float) -> None:
    """Draw all weights of convolutions and dense layers from N(0, deviation), in place.

    Biases and the parameters of batch normalisation have one axis and stay as they are.
    """
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, 0.0, deviation)
