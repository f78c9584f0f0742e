"""A training run from the outside: its loop, and what it leaves behind. For both frameworks.

A run's folder::

    runs/first/
        metrics.jsonl                  one line per measurement, as JSON
        samples/step_00001000.png      images from the same z each time
        curves.png                     both losses
        checkpoints/step_00001000.safetensors

A checkpoint is one file: named arrays in the safetensors format, which can hold nothing but numbers
(unlike a pickle, which runs code when it is opened), and facts about the run as JSON in the file's
header. It is written beside its place and then renamed, so that it is there whole or not at all,
and it carries a checksum, so that damage is noticed.

This module loads no framework.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import signal
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm.auto import tqdm

from helpers.recipes import BASELINE, RECIPES

#: Raised by one when a checkpoint of the new kind cannot be read by the old code.
CHECKPOINT_VERSION = 1

_FORMAT = "dcgan-course checkpoint"


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used; the message says why and what to do."""


class TrainingStopped(RuntimeError):
    """Training cannot go on: the losses are no longer numbers, or exploded."""


@dataclass
class History:
    """What a training run measured, one entry per measurement.

    steps : after how many steps. d_losses, g_losses : the two losses, in nats, each a mean over the
    steps since the last measurement. images_per_second : real images that went by, per second.
    """

    steps: list[int] = field(default_factory=list)
    d_losses: list[float] = field(default_factory=list)
    g_losses: list[float] = field(default_factory=list)
    images_per_second: list[float] = field(default_factory=list)

    def add(self, step: int, d_loss: float, g_loss: float, images_per_second: float) -> None:
        """Append one measurement."""
        self.steps.append(step)
        self.d_losses.append(d_loss)
        self.g_losses.append(g_loss)
        self.images_per_second.append(images_per_second)


class Trainer(Protocol):
    """What a framework's trainer offers, so that a run can be led and saved from outside.

    steps_done : steps so far. batch_size : real images per step. settings : what a run must have in
    common with the one that it goes on from. is_first_process : whether it writes and shows.
    """

    steps_done: int
    batch_size: int
    settings: Mapping[str, Any]
    is_first_process: bool

    def step(self) -> Any:
        """Train on one batch; return both losses, on the device."""

    def read(self, losses: Sequence[Any]) -> np.ndarray:
        """The losses of several steps as an array, (steps, 2), D's first. Waits for the device."""

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next step depends on, by name."""

    def restore(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Go back to a ``state()`` after ``step`` steps; CheckpointError if it is another's."""

    def any_process(self, yes: bool, ask_others: bool) -> bool:
        """Whether any process says yes; where there are several, only when all ask."""


def lead(
    trainer: Trainer, steps: int, folder: RunFolder | None, log_every: int, progress: bool
) -> History:
    """Train until ``steps`` steps are done; measure, show, save. Returns the losses.

    Losses are read back every log_every steps, since reading waits for the device, and before
    anything is saved. Raises TrainingStopped when one is not finite or exploded, and
    KeyboardInterrupt after Ctrl-C, once the step is done and saved.
    """
    history = folder.metrics.history() if folder else History()
    bar = tqdm(
        total=steps,
        initial=trainer.steps_done,
        unit="step",
        disable=not (progress and trainer.is_first_process),
    )
    losses: list[Any] = []
    started = time.perf_counter()
    with bar, stop_requests() as asked:
        while trainer.steps_done < steps:
            losses.append(trainer.step())
            bar.update()
            done = trainer.steps_done
            finished, measure = done == steps, done % log_every == 0
            stop = trainer.any_process(asked.is_set(), measure or finished)
            save = folder is not None and folder.is_due(done)
            if not (measure or finished or stop or save):
                continue
            d_losses, g_losses = trainer.read(losses).T
            advice = folder.advice() if folder else ADVICE
            require_finite(done - len(losses) + 1, d_losses, g_losses, advice)
            speed = len(losses) * trainer.batch_size / (time.perf_counter() - started)
            d_loss, g_loss = float(d_losses.mean()), float(g_losses.mean())
            history.add(done, d_loss, g_loss, speed)
            bar.set_postfix_str(f"{speed:,.0f} images/s, D {d_loss:.2f}, G {g_loss:.2f}")
            if folder:
                folder.write(history, save or finished or stop)
            if stop:
                raise KeyboardInterrupt(folder.advice() if folder else "Nothing was saved.")
            losses, started = [], time.perf_counter()
    return history


ADVICE = (
    "Start again with a smaller learning_rate or another seed; with out=... there are "
    "checkpoints to go back to."
)


class RunFolder:
    """Writes a run's folder, and takes up the run that is in it.

    Parameters
    ----------
    trainer : whose run it is; with ``resume`` it is restored from the newest usable checkpoint.
    framework : "pytorch" or "keras"; a checkpoint of the other one is refused.
    versions : of what computes, for the record.
    sample : gives uint8 images (N, 3, H, W) from the same z each time.

    Raises CheckpointError when no checkpoint can be used, the run to go on with had other settings,
    or the folder holds a run and ``resume`` is False.
    """

    def __init__(
        self,
        folder: str | Path,
        trainer: Trainer,
        *,
        framework: str,
        versions: Mapping[str, str],
        sample: Callable[[], np.ndarray],
        resume: bool,
        sample_every: int,
        checkpoint_every: int,
    ) -> None:
        self.folder, self.trainer, self.sample = Path(folder), trainer, sample
        self.sample_every, self.checkpoint_every = sample_every, checkpoint_every
        self.checkpoints = self.folder / "checkpoints"
        self.facts = {"framework": framework, **versions, "settings": dict(trainer.settings)}
        self.saved: Path | None = None
        checkpoint = newest_checkpoint(self.checkpoints, framework) if resume else None
        if checkpoint is not None:
            require_same_settings(checkpoint, trainer.settings)
            trainer.restore(checkpoint.step, checkpoint.arrays)
            self.saved = checkpoint.path
        elif not resume and any(self.checkpoints.glob("step_*")):
            raise CheckpointError(
                f"{self.folder} holds a run already: go on with it (--resume, or resume=True), or "
                "give this one another folder."
            )
        self.metrics = MetricsFile(self.folder / "metrics.jsonl", trainer.steps_done)

    def is_due(self, step: int) -> bool:
        """Whether samples or a checkpoint are to be written after this step."""
        return step % self.sample_every == 0 or step % self.checkpoint_every == 0

    def write(self, history: History, save: bool) -> None:
        """Append the newest measurement; with ``save``, write samples, curves and a checkpoint."""
        if not self.trainer.is_first_process:
            return
        step = self.trainer.steps_done
        self.metrics.add(
            step,
            d_loss=history.d_losses[-1],
            g_loss=history.g_losses[-1],
            images_per_second=history.images_per_second[-1],
        )
        if not save:
            return
        save_grid(self.folder / "samples" / f"step_{step:08d}.png", self.sample())
        save_curves(self.folder / "curves.png", history)
        self.saved = write_checkpoint(self.checkpoints, step, self.trainer.state(), self.facts)

    def advice(self) -> str:
        """How to go on from here."""
        if self.saved is None:
            return f"No checkpoint was written yet to {self.checkpoints}."
        return f"The last good checkpoint is {self.saved}; resume=True or --resume goes on from it."


def require_positive(**steps: int) -> None:
    """Raise ValueError for a number of steps below 1, by its name."""
    for name, every in steps.items():
        if every < 1:
            raise ValueError(f"{name} is 1 or more steps, not {every}.")


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Turn Ctrl-C into an event, so that the step under way ends; a second Ctrl-C stops at once.

    So too the request to end that job schedulers and torchrun send. Outside the main thread, where
    Python delivers no signals, nothing changes.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def hear(number: int, _: Any) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read: its place, step, arrays by name, and the facts beside them."""

    path: Path
    step: int
    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]


def write_checkpoint(
    folder: str | Path,
    step: int,
    arrays: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    keep: int = 2,
) -> Path:
    """Write ``folder/step_00001000.safetensors`` whole or not at all; return its path.

    arrays : what to store, by name. facts : anything JSON can hold, such as the framework and the
    settings of the run. keep : how many checkpoints stay; older ones are removed afterwards.

    Raises OSError when it cannot be written (the disk is full, say); older ones stay.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    header = {
        "format": _FORMAT,
        "version": str(CHECKPOINT_VERSION),
        "step": str(step),
        "facts": json.dumps(facts),
        "sha256": _checksum(arrays),
    }
    path = folder / f"step_{step:08d}.safetensors"
    write_whole(path, save(arrays, header))
    for old in _by_age(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read one checkpoint.

    Raises CheckpointError for a file that is missing, damaged, no checkpoint of this course, or of
    a newer version of it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        arrays, header = load(data), _header(data)
    except (SafetensorError, ValueError, KeyError, struct.error):
        raise CheckpointError(
            f"{path} is damaged, or no safetensors file: remove it, and the run goes on from the "
            "checkpoint before it."
        ) from None
    if header.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is no checkpoint of this course: it holds other arrays.")
    version = int(header["version"])
    if version > CHECKPOINT_VERSION:
        raise CheckpointError(
            f"{path} was written by a newer version of the course (checkpoint version {version}, "
            f"this one reads up to {CHECKPOINT_VERSION}): update the course."
        )
    if header["sha256"] != _checksum(arrays):
        raise CheckpointError(
            f"{path} is damaged: its numbers do not match its checksum. Remove it, and the run "
            "goes on from the checkpoint before it."
        )
    return Checkpoint(path, int(header["step"]), arrays, json.loads(header["facts"]))


def newest_checkpoint(folder: str | Path, framework: str) -> Checkpoint | None:
    """The newest checkpoint of ``folder`` that can be used, or None where there is none at all.

    framework : the ``facts["framework"]`` that it must have. One that cannot be used is passed over
    with a warning for the one before it. Raises CheckpointError when there are checkpoints but none
    can be used.
    """
    reasons = []
    for path in _by_age(Path(folder)):
        try:
            checkpoint = read_checkpoint(path)
            written_by = checkpoint.facts.get("framework")
            if written_by != framework:
                raise CheckpointError(
                    f"{path} was written by the {written_by} trainer, not by the {framework} one: "
                    "give this run another folder."
                )
        except CheckpointError as error:
            reasons.append(str(error))
        else:
            for reason in reasons:
                warnings.warn(f"{reason} Using {path.name} instead.", stacklevel=2)
            return checkpoint
    if reasons:
        raise CheckpointError("No checkpoint can be used. " + " ".join(reasons))
    return None


def require_same_settings(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> None:
    """Raise CheckpointError where the run to go on with had other settings, naming the first."""
    before = checkpoint.facts.get("settings", {})
    for name, value in settings.items():
        if name in before and before[name] != value:
            raise CheckpointError(
                f"{checkpoint.path} belongs to a run with {name}={before[name]!r}, not {value!r}: "
                "go on with the same settings, or give the new run another folder."
            )


def fingerprint(images: np.ndarray) -> str:
    """A short text that other images do not have: their shape, and a checksum of 64 of them."""
    some = np.ascontiguousarray(images[:: max(1, len(images) // 64)][:64])
    return f"{tuple(images.shape)}, crc32 {zlib.crc32(some):08x}"


def training_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The options that both frameworks' training commands have: ``python -m module --help``."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument(
        "--data",
        choices=["street_digits", "svhn"],
        default="street_digits",
        help="svhn is downloaded once (182 MB)",
    )
    parser.add_argument("--count", type=int, default=73_257, help="training images")
    parser.add_argument("--steps", type=int, default=20_000, help="updates of each network")
    parser.add_argument(
        "--batch-size", type=int, default=128, help="over all devices and processes"
    )
    parser.add_argument("--conv-dim", type=int, default=32, help="the networks' width")
    parser.add_argument("--latent-dim", type=int, default=100, help="random numbers per image")
    parser.add_argument("--learning-rate", type=float, default=2e-4, help="Adam's")
    parser.add_argument(
        "--recipe", choices=RECIPES, default=BASELINE.name, help="see helpers.recipes"
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights, batches and noise")
    parser.add_argument("--sample-every", type=int, default=500, help="steps")
    parser.add_argument("--checkpoint-every", type=int, default=500, help="steps")
    return parser


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile."""
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


class MetricsFile:
    """``metrics.jsonl``: one JSON object per line, each with its step.

    Opening it for a run that goes on from ``step`` drops the lines after that step, which the run
    is going to measure again, and a last line that was cut off.
    """

    def __init__(self, path: str | Path, step: int = 0) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.lines = [line for line in self.read(self.path) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        write_whole(self.path, text.encode())

    @staticmethod
    def read(path: str | Path) -> list[dict[str, Any]]:
        """All whole lines of such a file; none if there is no file."""
        path = Path(path)
        lines = []
        for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                continue  # cut off by a crash
        return lines

    def add(self, step: int, **numbers: float) -> None:
        """Append a line."""
        line = {"step": step, **numbers}
        self.lines.append(line)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def history(self) -> History:
        """The losses that the file holds."""
        history = History()
        for line in self.lines:
            if "d_loss" in line:
                history.add(line["step"], line["d_loss"], line["g_loss"], line["images_per_second"])
        return history


def require_finite(
    first_step: int, d_losses: np.ndarray, g_losses: np.ndarray, advice: str
) -> None:
    """Raise TrainingStopped at the first loss that is not a number or exploded.

    first_step : the step of the first loss. d_losses, g_losses : arrays of shape (steps,).
    advice : a sentence on what to do, put at the end of the message.
    """
    for step, d_loss, g_loss in zip(
        range(first_step, first_step + len(d_losses)), d_losses, g_losses, strict=True
    ):
        for who, loss in (("discriminator", d_loss), ("generator", g_loss)):
            if not math.isfinite(loss) or abs(loss) > EXPLODED:
                raise TrainingStopped(
                    f"At step {step} the {who}'s loss is {loss:.4g}. Training stopped. {advice}"
                )


#: A mean cross-entropy above this, in nats, is no bad luck: logits in the thousands.
EXPLODED = 1e4


def save_grid(path: str | Path, images: np.ndarray, columns: int = 10) -> None:
    """Write uint8 images (N, 3, H, W) as one PNG, in rows of ``columns``, left to right."""
    import io

    from PIL import Image

    images = np.asarray(images)
    number, channels, height, width = images.shape
    rows = -(-number // columns)
    grid = np.full((rows * columns, channels, height, width), 255, np.uint8)
    grid[:number] = images
    grid = grid.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    buffer = io.BytesIO()
    Image.fromarray(grid.reshape(rows * height, columns * width, channels)).save(buffer, "PNG")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def save_curves(path: str | Path, history: History) -> None:
    """Draw both losses over the steps and write the figure as a PNG."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), dpi=110, layout="constrained")
    ax = figure.subplots()
    ax.plot(history.steps, history.d_losses, color="#0072B2", label="discriminator")
    ax.plot(history.steps, history.g_losses, color="#D55E00", label="generator")
    ax.axhline(2 * math.log(2), color="#0072B2", lw=1, ls=":")
    ax.axhline(math.log(2), color="#D55E00", lw=1, ls=":")
    ax.set(xlabel="steps", ylabel="loss (nats)", title="Dotted: where a D that cannot tell ends up")
    ax.legend(frameon=False)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    write_whole(path, buffer.getvalue())


def _by_age(folder: Path) -> list[Path]:
    """Checkpoints, newest first."""
    named = [path for path in folder.glob("step_*.safetensors") if re.search(r"_\d+\.", path.name)]
    return sorted(named, key=lambda path: int(path.stem.removeprefix("step_")), reverse=True)


def _header(data: bytes) -> dict[str, str]:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length])["__metadata__"]


def _checksum(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
