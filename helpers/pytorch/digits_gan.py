"""A small GAN of handwritten digits, trained in a minute on one CPU core.

Lesson 01 compares its generator with a Gaussian and a kernel density estimate; the lesson runs the
generator with numpy, ``helpers.parametric_models.DigitsGenerator``. The bundled weights were made
by::

    python -m helpers.pytorch.digits_gan --out data/models/digits_gan.safetensors

Data: the 1,797 digits of 8 × 8 pixels that scikit-learn brings (E. Alpaydin, C. Kaynak, "Optical
recognition of handwritten digits", UCI Machine Learning Repository, 1998, CC BY 4.0). GAN: I.
Goodfellow et al., "Generative adversarial networks", 2014, arXiv:1406.2661.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

STEPS = 6000
LATENT_DIM = 16


def train(steps: int = STEPS, seed: int = 0) -> nn.Sequential:
    """Train the GAN and return its generator: (N, 16) random numbers -> (N, 64) pixels in (0, 1).

    Fully connected networks, the non-saturating loss, dropout in the discriminator, and a running
    average of the generator's weights, which is what is returned, in eval mode.
    """
    from sklearn.datasets import load_digits

    torch.manual_seed(seed)
    images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    generator, averaged = make_generator(), make_generator()
    averaged.load_state_dict(generator.state_dict())
    discriminator = nn.Sequential(
        nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.Linear(256, 1),
    )  # fmt: skip
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), 5e-4, betas=(0.5, 0.9))
        for network in (generator, discriminator)
    )
    for _ in range(steps):
        real = images[torch.randint(len(images), (64,))]
        fake = generator(torch.randn(64, LATENT_DIM))
        # softplus(-logit) is the cross-entropy against "real", softplus(logit) against "fake".
        d_loss = softplus(-discriminator(real)).mean()
        d_loss = d_loss + softplus(discriminator(fake.detach())).mean()
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = softplus(-discriminator(fake)).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        _average(averaged, generator, keep=0.999)
    return averaged.eval()


def make_generator() -> nn.Sequential:
    """An untrained generator."""
    return nn.Sequential(
        nn.Linear(LATENT_DIM, 128), nn.BatchNorm1d(128), nn.ReLU(),
        nn.Linear(128, 128), nn.BatchNorm1d(128), nn.ReLU(),
        nn.Linear(128, 64), nn.Sigmoid(),
    )  # fmt: skip


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    current = network.state_dict()
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], 1 - keep)
        else:
            value.copy_(current[name])


def fold(generator: nn.Sequential) -> dict[str, np.ndarray]:
    """The trained generator as ``weight1``, ``bias1``, ... without its batch normalisation.

    After training, batch normalisation multiplies each unit by one fixed number and adds another,
    so it fits into the dense layer before it: ``weight * s`` and ``(bias - mean) * s + shift`` with
    ``s = scale / sqrt(variance + eps)``.
    """
    arrays = {}
    layers = [*generator, nn.Identity()]
    for layer, following in zip(layers, layers[1:], strict=False):
        if not isinstance(layer, nn.Linear):
            continue
        weight, bias = layer.weight.detach(), layer.bias.detach()
        if isinstance(following, nn.BatchNorm1d):
            scale = following.weight / torch.sqrt(following.running_var + following.eps)
            weight = weight * scale.detach()[:, None]
            bias = ((bias - following.running_mean) * scale + following.bias).detach()
        number = len(arrays) // 2 + 1
        arrays[f"weight{number}"] = weight.numpy().copy()
        arrays[f"bias{number}"] = bias.numpy().copy()
    return arrays


def main() -> None:
    """Train and save; the command in the module's docstring."""
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # such small networks are slower on more
    arrays = fold(train(options.steps, options.seed))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    command = f"python -m helpers.pytorch.digits_gan --steps {options.steps} --seed {options.seed}"
    save_file(arrays, options.out, metadata={"made_by": command})
    print(f"{options.out}: {sum(array.size for array in arrays.values()):,} numbers")


if __name__ == "__main__":
    main()
