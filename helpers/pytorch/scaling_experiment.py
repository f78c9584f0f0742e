"""Model 1 against model 2: the same DCGAN on pixels in [0, 1] and in [-1, 1].

    python -m helpers.pytorch.scaling_experiment --out data/results/pixel_scaling.json

trains one DCGAN per setting and seed and writes, after each run, what the judge says of its images
(JSON) and the images themselves (PNG beside it). Started again with the same options it goes on
with the runs that are missing. With one seed all settings begin with the same weights and see the
same images and the same noise; they differ in nothing but the range and the last activation.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from helpers.pixel_scaling import scale, unscale_to_uint8
from helpers.pytorch.discriminator import Discriminator
from helpers.pytorch.generator import Generator, init_weights
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss
from helpers.runs import fingerprint

#: Takes uint8 images (N, 3, 32, 32), returns numbers by name.
Judge = Callable[[np.ndarray], Mapping[str, float]]

RESULTS = Path(__file__).resolve().parents[2] / "data" / "results" / "pixel_scaling.json"
SAMPLES_PER_RUN = 10


@dataclass(frozen=True)
class Setting:
    """What the discriminator sees of a byte, and what the generator can put out."""

    feature_range: tuple[int, int]
    last_activation: str


#: Model 1 and model 2 of the lesson, and the mismatch.
SETTINGS = {
    "[0, 1] and sigmoid": Setting((0, 1), "sigmoid"),
    "[-1, 1] and tanh": Setting((-1, 1), "tanh"),
    "[0, 1] and tanh": Setting((0, 1), "tanh"),
}


@dataclass(frozen=True)
class Options:
    """How the networks are trained; the learning rate and momentum are the DCGAN paper's."""

    steps: int = 1500
    batch_size: int = 64
    conv_dim: int = 16
    latent_dim: int = 100
    learning_rate: float = 2e-4
    beta1: float = 0.5
    looks: int = 5  # how often, at even distances, the judge is asked


class Run:
    """One DCGAN in training: ``advance(steps)`` trains it, ``sample(count)`` draws from it.

    setting : see SETTINGS. images : uint8 (N, 3, 32, 32). seed : weights, batches and noise.
    """

    def __init__(
        self,
        setting: Setting,
        images: np.ndarray,
        seed: int,
        options: Options | None = None,
        device: str = "cpu",
    ) -> None:
        self.setting, self.options = setting, options or Options()
        self._device = device
        self._images = torch.from_numpy(images).to(device)
        self._random = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator = Generator(
                self.options.latent_dim, self.options.conv_dim, setting.last_activation
            )
            self.generator = self._prepare(generator)
            self.discriminator = self._prepare(Discriminator(self.options.conv_dim))
        adam = {"lr": self.options.learning_rate, "betas": (self.options.beta1, 0.999)}
        self._g_optimizer = torch.optim.Adam(self.generator.parameters(), **adam)
        self._d_optimizer = torch.optim.Adam(self.discriminator.parameters(), **adam)
        self.steps = 0

    def _prepare(self, network: torch.nn.Module) -> torch.nn.Module:
        # Channels last is a quarter faster on a CPU and changes no number that matters.
        return network.apply(init_weights).to(self._device, memory_format=torch.channels_last)

    def _noise(self, count: int) -> torch.Tensor:
        return torch.randn(count, self.options.latent_dim, generator=self._random).to(self._device)

    def advance(self, steps: int) -> tuple[float, float]:
        """Train for ``steps`` more steps; returns the last (d_loss, g_loss)."""
        self.generator.train()
        for _ in range(steps):
            chosen = torch.randint(
                len(self._images), (self.options.batch_size,), generator=self._random
            )
            real = self._images[chosen.to(self._device)].float() / 255
            real = scale(real, self.setting.feature_range)
            real = real.contiguous(memory_format=torch.channels_last)
            fake = self.generator(self._noise(len(real)))

            d_loss = real_loss(self.discriminator(real)) + fake_loss(
                self.discriminator(fake.detach())
            )
            self._d_optimizer.zero_grad()
            d_loss.backward()
            self._d_optimizer.step()

            g_loss = generator_loss(self.discriminator(fake))
            self._g_optimizer.zero_grad()
            g_loss.backward()
            self._g_optimizer.step()
        self.steps += steps
        return (d_loss.item(), g_loss.item()) if steps else (float("nan"), float("nan"))

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """uint8 images (count, 3, 32, 32); the same noise for the same seed, in every setting."""
        self.generator.eval()
        random = torch.Generator().manual_seed(seed)
        z = torch.randn(count, self.options.latent_dim, generator=random).to(self._device)
        low, high = self.setting.feature_range
        # unscale_to_uint8 expects [-1, 1]; what a mismatched generator puts below low is cut off.
        outputs = [
            unscale_to_uint8(scale((self.generator(part) - low) / (high - low)))
            for part in z.split(256)
        ]
        return torch.cat(outputs).cpu().contiguous().numpy()


def experiment(
    images: np.ndarray,
    judge: Judge,
    seeds: range,
    options: Options,
    count: int,
    device: str = "cpu",
    done: Callable[[str, int], bool] = lambda name, seed: False,
) -> Iterator[tuple[str, int, list[dict[str, Any]], np.ndarray]]:
    """Train and judge every setting with every seed, except where ``done(name, seed)``.

    Yields (name of the setting, seed, history, samples). The history has one entry per look with
    ``step`` and the judge's numbers for ``count`` images; samples are SAMPLES_PER_RUN images.
    """
    for seed in seeds:
        for name, setting in SETTINGS.items():
            if done(name, seed):
                continue
            run = Run(setting, images, seed, options, device)
            history = []
            for look in range(1, options.looks + 1):
                run.advance(options.steps * look // options.looks - run.steps)
                history.append({"step": run.steps, **judge(run.sample(count))})
            yield name, seed, history, run.sample(SAMPLES_PER_RUN)


def load_results(path: Path = RESULTS) -> dict[str, Any]:
    """The stored results: ``options``, ``floor`` and ``runs``, see ``main``.

    Raises FileNotFoundError with the command that makes the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path.name} is not there; make it with python -m helpers.pytorch.scaling_experiment"
        ) from None


def load_samples(path: Path = RESULTS) -> dict[str, dict[int, np.ndarray]]:
    """The stored images by setting and seed, each uint8 (SAMPLES_PER_RUN, 3, 32, 32)."""
    runs = load_results(path)["runs"]
    rows = np.asarray(Image.open(path.with_suffix(".png")))
    rows = rows.reshape(len(runs), 32, SAMPLES_PER_RUN, 32, 3).transpose(0, 2, 4, 1, 3)
    found: dict[str, dict[int, np.ndarray]] = {}
    for run, row in zip(runs, rows, strict=True):
        found.setdefault(run["setting"], {})[run["seed"]] = row
    return found


def distances(results: Mapping[str, Any], look: int = -1) -> dict[str, np.ndarray]:
    """Every run's distance at one look: setting to one number per seed, in the seeds' order.

    look : which look, counted from 0; -1 is the last.
    """
    found: dict[str, list[float]] = {}
    for run in results["runs"]:
        found.setdefault(run["setting"], []).append(run["history"][look]["distance"])
    return {name: np.array(numbers) for name, numbers in found.items()}


def verdict(first: np.ndarray, second: np.ndarray) -> str:
    """How ``first`` compares with ``second``, in words: "closer in every seed, ...".

    first, second : distances, smaller is better, paired by seed.
    """
    if np.all(first < second):
        found = "closer in every seed"
    elif np.all(first > second):
        found = "further away in every seed"
    else:
        return "not clearly better or worse: the seeds disagree"
    gap, spread = abs(first.mean() - second.mean()), max(np.ptp(first), np.ptp(second))
    if gap > spread:
        return f"{found}, and by more than the seeds differ"
    return f"{found}, but by less than the seeds differ"


def _save(path: Path, results: Mapping[str, Any], rows: list[np.ndarray]) -> None:
    """Write both files, each whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.stack(rows).transpose(0, 3, 1, 4, 2).reshape(32 * len(rows), -1, 3)
    picture, text = path.with_suffix(".png.part"), path.with_suffix(".json.part")
    Image.fromarray(np.ascontiguousarray(pixels)).save(picture, format="PNG", optimize=True)
    text.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    os.replace(picture, path.with_suffix(".png"))
    os.replace(text, path)


def main(arguments: list[str] | None = None, judge: Judge | None = None) -> None:
    """The command line; see the module's docstring and ``--help``."""
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m helpers.pytorch.scaling_experiment", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--steps", type=int, default=defaults.steps, help="of training, per run")
    parser.add_argument("--seeds", type=int, default=3, help="runs of every setting")
    parser.add_argument("--conv-dim", type=int, default=defaults.conv_dim, help="width")
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--images", type=int, default=10_000, help="street digits to train on")
    parser.add_argument("--count", type=int, default=2_000, help="images that the judge sees")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the JSON file")
    given = parser.parse_args(arguments)

    from helpers.data import load_images

    images, _ = load_images("street_digits", "train", given.images)
    others, _ = load_images("street_digits", "extra", given.count)
    judge = judge or street_digit_judge
    options = Options(given.steps, given.batch_size, given.conv_dim)
    head = {
        "command": "python -m helpers.pytorch.scaling_experiment "
        f"--steps {given.steps} --seeds {given.seeds} --conv-dim {given.conv_dim} "
        f"--batch-size {given.batch_size} --images {given.images} --count {given.count}",
        "options": asdict(options),
        "images": fingerprint(images),
        # What the judge says of real images: no generator can be expected to do better.
        "floor": dict(judge(others)),
    }
    runs: dict[tuple[str, int], tuple[dict, np.ndarray]] = {}
    if given.out.exists():
        old = load_results(given.out)
        if all(old.get(key) == head[key] for key in ("options", "images", "floor")):
            samples = load_samples(given.out)
            for run in old["runs"]:
                key = run["setting"], run["seed"]
                runs[key] = run, samples[run["setting"]][run["seed"]]
            print(f"{len(runs)} runs are there already.")
        else:
            print(f"{given.out} was made with other options, images or judge: starting anew.")
    names = list(SETTINGS)
    for name, seed, history, row in experiment(
        images, judge, range(given.seeds), options, given.count, given.device,
        done=lambda name, seed: (name, seed) in runs,
    ):  # fmt: skip
        runs[name, seed] = {"setting": name, "seed": seed, "history": history}, row
        ordered = [runs[key] for key in sorted(runs, key=lambda k: (names.index(k[0]), k[1]))]
        head["made_with"] = {"torch": torch.__version__.split("+")[0], "device": given.device}
        _save(given.out, {**head, "runs": [run for run, _ in ordered]}, [r for _, r in ordered])
        last = ", ".join(f"{key} {value:.4g}" for key, value in history[-1].items())
        print(f"{name}, seed {seed}: {last}", flush=True)


def street_digit_judge(images: np.ndarray) -> dict[str, float]:
    """What ``helpers.metrics.judge`` says of the images, as numbers to store.

    ``distance`` : Fréchet distance to as many real images; ``confident`` : share of the images on
    which the classifier is sure of a digit.
    """
    from helpers import metrics

    found = metrics.judge(images)
    return {"distance": round(found.distance, 3), "confident": round(found.confident, 3)}


if __name__ == "__main__":
    main(sys.argv[1:])
