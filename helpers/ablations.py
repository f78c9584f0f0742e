"""Ablations: what each improvement of a DCGAN does, as numbers.

    python -m helpers.ablations --recipe all --steps 1500 --seeds 3 --out data/results/ablations.csv

trains one small DCGAN on street digits per recipe (see ``helpers.recipes``) and seed, and looks at
each several times while it trains: one line per look in the CSV file, below a comment that says how
it was made. Beside it, as PNG, are twelve samples of every recipe, seed 0, at the last look, made
from the same z. Seed 0 of all recipes comes first, so a table that is not finished is of use.

A run that was killed goes on when the same command is started again: at most the steps since the
last look are done twice, and on the same CPU the table is the one it would have been.

Samples come from the running average of the generator's weights, as those of the course's bundled
generator do: a look then depends less on the step at which it happens to fall. Two recipes that
build the same networks start with the same weights, and see the same noise and images in the same
order.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from helpers import runs
from helpers.recipes import NUMBERS, RECIPES, Recipe

if TYPE_CHECKING:
    import torch

RESULTS = Path(__file__).resolve().parents[1] / "data" / "results" / "ablations.csv"

COLUMNS = (
    "recipe", "seed", "step", "d_loss", "g_loss", "distance", "floor", "sure", "digits",
    "share_gap", "grey", "mirrored", "seconds", "parameters",
)  # fmt: skip
_WHOLE = ("seed", "step", "digits", "parameters")

#: Samples of every recipe that are stored.
SAMPLES = 12

#: A pixel is mid-grey if each of its channels is this near to 127.5, in grey levels.
GREY = 6


@dataclass(frozen=True)
class Options:
    """How the networks of an ablation are trained, whatever the recipe.

    looks : the steps after which samples are looked at; the last one ends the run.
    images : training images; a recipe may use fewer. count : samples per look.
    """

    looks: tuple[int, ...] = (250, 500, 750, 1000, 1250, 1500)
    batch_size: int = 64
    conv_dim: int = 16
    latent_dim: int = 100
    learning_rate: float = 2e-4
    images: int = 20_000
    count: int = 2000

    def __post_init__(self) -> None:
        if not self.looks or list(self.looks) != sorted({*self.looks} - {0}):
            raise ValueError(f"looks are steps from 1 on, in order, not {self.looks}.")


def measure(images: np.ndarray) -> dict[str, float]:
    """Look at samples, uint8 (N, 3, 32, 32); N at least 2, better 1,000 and more.

    Returns
    -------
    distance, floor : Fréchet distance to N real images, and that of two sets of N real images.
    sure : share of the samples that the classifier reads with more than 0.9.
    digits : how many of the ten digits come up at least a quarter as often as in real images.
    share_gap : how much of the digits' shares would have to move to match the real ones, 0 to 1
        (total variation distance).
    grey : share of pixels that are mid-grey, which is what translation and cutout leave behind.
    mirrored : share of the samples, of the first 500, that are read more surely when mirrored.
    """
    from helpers import metrics
    from helpers.pytorch.digit_classifier import load_classifier, run

    images = np.ascontiguousarray(images)  # not mirrored by its strides: torch takes no such ones
    found = metrics.judge(images)
    shares, real = np.array(found.shares), _real_shares()
    classifier, some = load_classifier(), images[:500]
    as_it_is, turned = (
        run(classifier, these)[1].max(1) for these in (some, some[..., ::-1].copy())
    )
    near_grey = (np.abs(images - np.float32(127.5)) <= GREY).all(1)
    return {
        "distance": found.distance,
        "floor": found.floor,
        "sure": found.confident,
        "digits": int((shares >= real / 4).sum()),
        "share_gap": float(np.abs(shares - real).sum() / 2),
        "grey": float(near_grey.mean()),
        "mirrored": float((turned > as_it_is).mean()),
    }


@cache
def _real_shares() -> np.ndarray:
    from helpers.data import load_images

    _, labels = load_images("street_digits", "test", 2000)
    return np.bincount(labels, minlength=10) / len(labels)


def target_images(recipe: Recipe, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """What a perfect generator would draw under a recipe, made of real images.

    The generator learns what the discriminator sees of the real images: where the fakes are not
    augmented that is the augmented ones, otherwise (to a good approximation) the images themselves.
    ``measure`` of the result says what a recipe comes to at best, however long it is trained.

    images : real ones, uint8 (N, 3, H, W), which stay as they are. Returns as many.
    """
    if not recipe.augmentation or recipe.augment_fakes:
        return images.copy()
    import torch

    from helpers.pixel_scaling import scale_uint8, unscale_to_uint8
    from helpers.pytorch.augment import diff_augment

    numbers = torch.rand(len(images), NUMBERS, generator=torch.Generator().manual_seed(seed))
    seen = diff_augment(scale_uint8(torch.from_numpy(images)), recipe.augmentation, numbers)
    return unscale_to_uint8(seen).numpy()


class Run:
    """One DCGAN in training: ``advance(steps)`` trains it, ``sample(count)`` draws from it.

    recipe : what is different. images : uint8 (N, 3, 32, 32). seed : of weights, batches, noise and
    augmentation. device : see ``helpers.pytorch.training.pick_device``.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: np.ndarray,
        seed: int = 0,
        options: Options | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        import torch

        from helpers.pytorch.training import Trainer, build_networks, pick_device

        options = options or Options()
        device = pick_device() if device is None else torch.device(device)
        self._random_devices = [device] if device.type == "cuda" else []
        sizes = {"latent_dim": options.latent_dim, "conv_dim": options.conv_dim}
        with torch.random.fork_rng(self._random_devices):
            torch.manual_seed(seed)
            networks = build_networks(recipe, **sizes)
            averaged, _ = build_networks(recipe, **sizes)
        self.trainer = Trainer(
            *networks,
            images,
            averaged=averaged,
            latent_dim=options.latent_dim,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            recipe=recipe,
            seed=seed,
            device=device,
        )
        self.parameters = sum(w.numel() for network in networks for w in network.parameters())
        self.seconds = 0.0

    def advance(self, steps: int, bar: tqdm | None = None) -> tuple[float, float]:
        """Train for ``steps`` more steps; returns both losses, means over them.

        ``seconds`` grows by the time it took: the processor's on a CPU, which other programs on the
        same machine hardly change, else the clock's.
        """
        import torch

        clock = time.process_time if self.trainer.device.type == "cpu" else time.perf_counter
        started, losses = clock(), []
        with torch.random.fork_rng(self._random_devices):
            for _ in range(steps):
                losses.append(self.trainer.step())
                if bar is not None:
                    bar.update()
            d_loss, g_loss = self.trainer.read(losses).mean(0).tolist()  # waits for the device
        self.seconds += clock() - started
        return d_loss, g_loss

    def sample(self, count: int) -> np.ndarray:
        """uint8 images (count, 3, 32, 32); the same z in every run and at every look."""
        import torch

        from helpers.pytorch.training import sample_images

        random = torch.Generator().manual_seed(0)
        z = torch.randn(count, self.trainer.latent_dim, generator=random)
        parts = [
            sample_images(self.trainer.averaged, part.to(self.trainer.device))
            for part in z.split(500)
        ]
        return torch.cat(parts).cpu().contiguous().numpy()

    def look(self, losses: tuple[float, float], images: np.ndarray) -> dict[str, Any]:
        """A line of the table: COLUMNS, with nan for what cannot be measured any more."""
        if all(map(math.isfinite, losses)):
            measured = measure(images)
        else:
            measured = {**dict.fromkeys(COLUMNS[5:12], math.nan), "digits": 0}
        line = {
            "recipe": self.trainer.recipe.name,
            "seed": self.trainer.seed,
            "step": self.trainer.steps_done,
            "d_loss": losses[0],
            "g_loss": losses[1],
            **measured,
            "seconds": self.seconds,
            "parameters": self.parameters,
        }
        return {name: _rounded(line[name]) for name in COLUMNS}


def ablate(
    recipe: Recipe,
    images: np.ndarray,
    *,
    seed: int = 0,
    device: str | torch.device | None = None,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """Train one DCGAN as the recipe says and yield what each look finds: a dict with COLUMNS.

        for look in ablate(RECIPES["smooth-labels"], images, looks=(50, 100), count=500):
            print(look["step"], look["distance"])

    images : uint8 (N, 3, 32, 32). options : those of ``Options``, but ``images``.
    """
    chosen = Options(**options, images=len(images))
    run = Run(recipe, images, seed, chosen, device)
    for step in chosen.looks:
        losses = run.advance(step - run.trainer.steps_done)
        yield run.look(losses, run.sample(chosen.count))


@dataclass(frozen=True)
class Results:
    """A table of ablations.

    facts : how it was made: ``command``, ``device``, ``versions``, ``options``, ``recipes``, and
        ``real``, what ``measure`` finds in real images.
    rows : one dict per look, with COLUMNS.
    """

    facts: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]

    @property
    def steps(self) -> list[int]:
        """The looks' steps."""
        return list(self.facts["options"]["looks"])

    @property
    def recipes(self) -> list[str]:
        """Names of the recipes with a run that is complete, in the order of the file."""
        return list(dict.fromkeys(row["recipe"] for row in self.rows if self._ends(row)))

    def curve(self, recipe: str, column: str) -> np.ndarray:
        """A column over the looks, (seeds, looks), of the runs that are complete.

        Raises KeyError for a recipe without one, or another column.
        """
        if recipe not in self.recipes:
            raise KeyError(f"{recipe!r} is not in the table; there are {self.recipes}.")
        if column not in COLUMNS:
            raise KeyError(f"{column!r} is no column; there are {COLUMNS}.")
        found: dict[int, list[float]] = {}
        complete = {r["seed"] for r in self.rows if r["recipe"] == recipe and self._ends(r)}
        for row in self.rows:
            if row["recipe"] == recipe and row["seed"] in complete:
                found.setdefault(row["seed"], []).append(row[column])
        return np.array(list(found.values()))

    def values(self, recipe: str, column: str, step: int | None = None) -> np.ndarray:
        """A column at one look, by default the last, (seeds,). Errors as in ``curve``."""
        look = -1 if step is None else self.steps.index(step)
        return self.curve(recipe, column)[:, look]

    def _ends(self, row: Mapping[str, Any]) -> bool:
        return row["step"] == self.steps[-1]


def load_results(path: str | Path = RESULTS) -> Results:
    """Read a table of ablations.

    Raises FileNotFoundError with the command that makes one, ValueError for another file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not there; make it: python -m helpers.ablations")
    first, _, table = path.read_text("utf-8").partition("\n")
    try:
        facts = json.loads(first.removeprefix("# "))
        rows = [
            {
                name: text if name == "recipe" else int(text) if name in _WHOLE else float(text)
                for name, text in row.items()
            }
            for row in csv.DictReader(io.StringIO(table))
        ]
        facts["options"]["looks"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is no table of ablations.") from None
    return Results(facts, rows)


def load_samples(path: str | Path = RESULTS) -> dict[str, np.ndarray]:
    """The stored samples by recipe, each uint8 (SAMPLES, 3, 32, 32), the same z in each.

    path : the table's; the picture is beside it. Raises FileNotFoundError as ``load_results``.
    """
    from PIL import Image

    path = Path(path).with_suffix(".png")
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not there; make it: python -m helpers.ablations")
    with Image.open(path) as picture:
        names, pixels = json.loads(picture.text["recipes"]), np.asarray(picture)
    pixels = pixels.reshape(len(names), 32, SAMPLES, 32, 3).transpose(0, 2, 4, 1, 3)
    return dict(zip(names, pixels, strict=True))


class _Table:
    """The table that a command writes, and the samples beside it; each file whole or not at all."""

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path, self.facts = path, facts
        self.rows: list[Mapping[str, Any]] = []
        self.samples: dict[str, np.ndarray] = {}
        if path.is_file():
            old = load_results(path)
            for name in ("options", "recipes"):
                theirs, ours = old.facts[name], facts[name]
                both = theirs.keys() & ours.keys()
                other = {key: theirs[key] for key in sorted(both) if theirs[key] != ours[key]}
                if other:
                    raise ValueError(
                        f"{path} was made with other {name} ({other}): give them, or another --out."
                    )
            self.facts = {**facts, "recipes": {**old.facts["recipes"], **facts["recipes"]}}
            self.rows = list(old.rows)
            if path.with_suffix(".png").is_file():
                self.samples = load_samples(path)

    def rows_of(self, recipe: str, seed: int) -> list[Mapping[str, Any]]:
        return [row for row in self.rows if (row["recipe"], row["seed"]) == (recipe, seed)]

    def replace(self, recipe: str, seed: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store a run's looks so far."""
        names = list(RECIPES)
        others = [row for row in self.rows if (row["recipe"], row["seed"]) != (recipe, seed)]
        self.rows = sorted(
            [*others, *rows], key=lambda row: (names.index(row["recipe"]), row["seed"], row["step"])
        )
        text = io.StringIO()
        text.write(f"# {json.dumps(self.facts)}\n")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        runs.write_whole(self.path, text.getvalue().encode())

    def add_samples(self, recipe: str, images: np.ndarray) -> None:
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        self.samples[recipe] = images
        names = [name for name in RECIPES if name in self.samples]
        grid = np.stack([self.samples[name] for name in names]).transpose(0, 3, 1, 4, 2)
        grid = np.ascontiguousarray(grid).reshape(32 * len(names), 32 * SAMPLES, 3)
        info, buffer = PngInfo(), io.BytesIO()
        info.add_text("recipes", json.dumps(names))
        Image.fromarray(grid).save(buffer, "PNG", optimize=True, pnginfo=info)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        runs.write_whole(self.path.with_suffix(".png"), buffer.getvalue())


def _train(
    recipe: Recipe,
    images: np.ndarray,
    seed: int,
    options: Options,
    device: str | None,
    table: _Table,
    bar: tqdm,
) -> None:
    """Do what is left of one run. After each look there is a checkpoint to go on from."""
    folder = table.path.with_suffix(".checkpoints") / f"{recipe.name}-{seed}"
    rows = table.rows_of(recipe.name, seed)
    if not rows or rows[-1]["step"] < options.looks[-1]:
        run = Run(recipe, images, seed, options, device)
        checkpoint = runs.newest_checkpoint(folder, "pytorch")
        done = 0
        if checkpoint is not None and rows:
            run.trainer.restore(checkpoint.step, checkpoint.arrays)
            done = checkpoint.step
        rows = [row for row in rows if row["step"] <= done]
        run.seconds = rows[-1]["seconds"] if rows else 0.0
        bar.update(done)
        for step in options.looks:
            if step <= done:
                continue
            losses = run.advance(step - run.trainer.steps_done, bar)
            images_now = run.sample(options.count)
            rows.append(run.look(losses, images_now))
            if step == options.looks[-1] and seed == 0:
                table.add_samples(recipe.name, images_now[:SAMPLES])
            # The table first: rows after the newest checkpoint are thrown away and done again.
            table.replace(recipe.name, seed, rows)
            if step < options.looks[-1]:
                facts = {"framework": "pytorch", "settings": run.trainer.settings}
                runs.write_checkpoint(folder, step, run.trainer.state(), facts, keep=1)
            bar.write(
                f"{recipe.name}, seed {seed}, step {step}: distance {rows[-1]['distance']:.1f}, "
                f"{rows[-1]['sure']:.0%} read surely, {rows[-1]['seconds']:.0f} s",
                file=sys.stdout,
            )
            sys.stdout.flush()
    else:
        bar.update(options.looks[-1])
    shutil.rmtree(folder, ignore_errors=True)


def _rounded(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring and ``--help``."""
    given = _parser().parse_args(arguments)
    try:
        _run(given)
    except KeyboardInterrupt:
        sys.exit(f"\nStopped. The same command goes on; so far there is {given.out}.")
    except (ValueError, OSError, runs.CheckpointError) as error:
        sys.exit(f"{error}")


def _parser() -> argparse.ArgumentParser:
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m helpers.ablations",
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--recipe", nargs="+", choices=["all", *RECIPES], default=["all"], metavar="NAME",
        help=f"all, or some of: {', '.join(RECIPES)}",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=defaults.looks[-1], help="of every run")
    parser.add_argument("--every", type=int, default=250, help="steps between two looks")
    parser.add_argument("--seeds", type=int, default=3, help="runs of every recipe")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the table, a CSV file")
    parser.add_argument("--conv-dim", type=int, default=defaults.conv_dim, help="width")
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--images", type=int, default=defaults.images, help="to train on")
    parser.add_argument("--count", type=int, default=defaults.count, help="samples per look")
    parser.add_argument("--device", help="cuda, mps or cpu (default: the quickest there is)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's choice)")
    return parser


def _run(given: argparse.Namespace) -> None:
    import torch

    from helpers.data import load_images
    from helpers.pytorch.training import pick_device

    runs.require_positive(steps=given.steps, every=given.every, seeds=given.seeds)
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    looks = sorted({*range(given.every, given.steps + 1, given.every), given.steps})
    options = Options(
        tuple(looks), given.batch_size, given.conv_dim, images=given.images, count=given.count
    )
    device = str(given.device or pick_device())
    names = list(RECIPES) if "all" in given.recipe else list(dict.fromkeys(given.recipe))
    images, _ = load_images("street_digits", "train", given.images)
    others, _ = load_images("street_digits", "extra", given.count)
    facts = {
        "command": (
            f"python -m helpers.ablations --recipe {' '.join(given.recipe)} --steps {given.steps} "
            f"--every {given.every} --seeds {given.seeds} --conv-dim {given.conv_dim} "
            f"--batch-size {given.batch_size} --images {given.images} --count {given.count}"
        ),
        "device": _describe(device),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "options": {**asdict(options), "looks": looks},
        "recipes": {name: _as_json(RECIPES[name]) for name in names},
        # No generator can be expected to do better than real images do.
        "real": {name: _rounded(value) for name, value in measure(others).items()},
    }
    table = _Table(given.out, facts)
    with tqdm(total=len(names) * given.seeds * given.steps, unit="step", smoothing=0.05) as bar:
        for seed in range(given.seeds):
            for name in names:
                bar.set_description(f"{name}, seed {seed}")
                _train(RECIPES[name], images, seed, options, device, table, bar)
    shutil.rmtree(given.out.with_suffix(".checkpoints"), ignore_errors=True)


def _as_json(recipe: Recipe) -> dict[str, Any]:
    return {**asdict(recipe), "augmentation": list(recipe.augmentation)}


def _describe(device: str) -> str:
    import torch

    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}; seconds by the clock"
    if device == "cpu":
        return f"cpu, {torch.get_num_threads()} threads; seconds of processor time"
    return f"{device}; seconds by the clock"


if __name__ == "__main__":
    main()
