"""Six short training runs, five of them broken, for their loss curves.

Lesson 08 shows the curves and asks what happened in each. The stored ones were made by::

    python -m helpers.pytorch.training_failures

Small networks on street digits; each defect is one that a training loop written by hand can have.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from helpers.data import load_images
from helpers.pixel_scaling import scale_uint8
from helpers.pytorch.discriminator import build_discriminator
from helpers.pytorch.generator import build_generator
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss

CURVES = Path(__file__).parents[2] / "data" / "results" / "loss_curves.json"
STEPS, BATCH_SIZE, CONV_DIM, LATENT_DIM = 600, 32, 8, 100


@dataclass(frozen=True)
class Recipe:
    """How a run differs from a healthy one.

    d_rate, g_rate : learning rates. swapped : the discriminator's two losses get each other's
    images. blind : the discriminator is shown images of zeros, real and generated ones alike.
    """

    d_rate: float = 2e-4
    g_rate: float = 2e-4
    swapped: bool = False
    blind: bool = False


#: By what is wrong with them.
RECIPES = {
    "healthy": Recipe(),
    "the discriminator wins": Recipe(d_rate=2e-3, g_rate=1e-5),
    "the discriminator is never updated": Recipe(d_rate=0.0),
    "the learning rate is far too high": Recipe(d_rate=0.03, g_rate=0.03),
    "the discriminator's labels are swapped": Recipe(swapped=True),
    "the discriminator sees no difference": Recipe(blind=True),
}

#: The letters under which lesson 08 shows them.
LETTERS = {
    "A": "the discriminator sees no difference",
    "B": "the discriminator wins",
    "C": "healthy",
    "D": "the discriminator is never updated",
    "E": "the learning rate is far too high",
    "F": "the discriminator's labels are swapped",
}


def read_curves(letter: str) -> str:
    """What happened in the run whose losses lesson 08 shows under this letter, "A" to "F".

    Raises ValueError for another letter.
    """
    if letter not in LETTERS:
        raise ValueError(f"The curves are called {', '.join(LETTERS)}, not {letter!r}.")
    return LETTERS[letter]


def losses_of(recipe: Recipe, images: np.ndarray, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """Train as the recipe says. Returns both losses of every step, (steps, 2), D's first."""
    torch.manual_seed(seed)
    generator, discriminator = build_generator(LATENT_DIM, CONV_DIM), build_discriminator(CONV_DIM)
    g_adam = torch.optim.Adam(generator.parameters(), recipe.g_rate, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(discriminator.parameters(), recipe.d_rate, betas=(0.5, 0.999))
    data = torch.from_numpy(images)
    curves = []
    for _ in range(steps):
        reals = scale_uint8(data[torch.randint(len(data), (BATCH_SIZE,))])
        fakes = generator(torch.randn(BATCH_SIZE, LATENT_DIM))
        if recipe.blind:
            reals, fakes = reals * 0, fakes * 0
        positive, negative = discriminator(reals), discriminator(fakes.detach())
        if recipe.swapped:
            positive, negative = negative, positive
        d_loss = real_loss(positive) + fake_loss(negative)
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        g_loss = generator_loss(discriminator(fakes))
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        curves.append((d_loss.item(), g_loss.item()))
    return np.array(curves)


def load_curves(path: str | Path = CURVES) -> dict[str, np.ndarray]:
    """The stored curves by what happened: (measurements, 2), each a mean over ten steps."""
    stored = json.loads(Path(path).read_text("utf-8"))["curves"]
    return {name: np.array(curve) for name, curve in stored.items()}


def main() -> None:
    """Run all six and store their curves."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.pytorch.training_failures", description=main.__doc__
    )
    parser.add_argument("--out", type=Path, default=CURVES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images, _ = load_images("street_digits", "train", 4000)
    curves = {}
    for name, recipe in RECIPES.items():
        curve = losses_of(recipe, images).reshape(-1, 10, 2).mean(1)
        curves[name] = [[round(float(d), 4), round(float(g), 4)] for d, g in curve]
        print(f"{name}: D {curve[-1, 0]:.3f}, G {curve[-1, 1]:.3f}", flush=True)
    facts = {
        "made_by": "python -m helpers.pytorch.training_failures",
        "torch": torch.__version__,
        "steps": STEPS,
        "curves": curves,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
