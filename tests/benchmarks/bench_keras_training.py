"""Images per second of the Keras trainer, beside a training loop as TensorFlow's tutorial has it.

Run from the root::

    python -m tests.benchmarks.bench_keras_training

Every loop runs in a Python of its own, since what TensorFlow is told before its import (such as
``TF_ENABLE_ONEDNN_OPTS``) differs among them; they take turns, a few steps each, and the table has
the medians. All train the same networks on the same street digits in batches of 128. The CPU time
counts all threads; unlike the clock it hardly depends on what else the computer does. The loops:

- *tutorial*: ``tf.data`` with ``shuffle`` and ``batch``, and under ``tf.function`` a step with two
  tapes and two Adams, as in TensorFlow's published DCGAN tutorial; written anew, nothing copied.
- *ours*: ``helpers.keras.training``, images resident as bytes, as ``train`` runs it.
- *eager*: the same step without ``tf.function``.
- *XLA*: the same step with ``jit_compile=True``.
- *oneDNN*: the convolutions of Intel's library. TensorFlow uses them by default on Linux, but only
  on CPUs with instructions for neural networks (AVX512-VNNI, AMX).

Nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

BATCH_SIZE = 128

#: Name: what the loop is, and what TensorFlow is told of oneDNN ("": nothing, its own choice).
LOOPS = {
    "tutorial": ("tutorial", ""),
    "ours": ("ours", ""),
    "ours, XLA": ("XLA", ""),
    "ours, eager": ("eager", ""),
    "tutorial, oneDNN": ("tutorial", "1"),
    "ours, oneDNN": ("ours", "1"),
    "ours, oneDNN, XLA": ("XLA", "1"),
    "ours, oneDNN, eager": ("eager", "1"),
}


def tutorial_loop(generator: Any, discriminator: Any, images: Any) -> Callable[[int], None]:
    """A function that trains for so many steps, in the manner of the tutorial."""
    from helpers.keras import keras, tf
    from helpers.keras.losses import fake_loss, generator_loss, real_loss

    pixels = images.transpose(0, 2, 3, 1).astype("float32") / 127.5 - 1
    dataset = tf.data.Dataset.from_tensor_slices(pixels).shuffle(len(pixels))
    dataset = dataset.batch(BATCH_SIZE, drop_remainder=True).repeat()
    g_adam, d_adam = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2))
    g_adam.build(generator.trainable_variables)
    d_adam.build(discriminator.trainable_variables)

    @tf.function
    def step(reals: Any) -> Any:
        z = tf.random.normal([BATCH_SIZE, 100])
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fakes = generator(z, training=True)
            real_logits = discriminator(reals, training=True)
            fake_logits = discriminator(fakes, training=True)
            g_loss = generator_loss(fake_logits)
            d_loss = real_loss(real_logits) + fake_loss(fake_logits)
        g_grads = g_tape.gradient(g_loss, generator.trainable_variables)
        d_grads = d_tape.gradient(d_loss, discriminator.trainable_variables)
        g_adam.apply_gradients(zip(g_grads, generator.trainable_variables, strict=True))
        d_adam.apply_gradients(zip(d_grads, discriminator.trainable_variables, strict=True))
        return d_loss

    batches = iter(dataset)

    def run(steps: int) -> None:
        for _ in range(steps):
            d_loss = step(next(batches))
        d_loss.numpy()  # waits for the device

    return run


def our_loop(generator: Any, discriminator: Any, images: Any, kind: str) -> Callable[[int], None]:
    """The same for ``helpers.keras.training``."""
    from helpers.keras.training import Trainer

    jit_compile = {"XLA": True, "eager": False}.get(kind)
    trainer = Trainer(
        generator, discriminator, images, batch_size=BATCH_SIZE, jit_compile=jit_compile
    )
    if kind == "eager":
        trainer._graph = trainer._step_on_all_devices

    def run(steps: int) -> None:
        for _ in range(steps):
            losses = trainer.step()
        losses.numpy()

    return run


def work(kind: str, conv_dim: int, count: int) -> None:
    """One loop's process: for each number of steps on standard input, seconds and CPU seconds."""
    from helpers.data import load_images
    from helpers.keras import keras
    from helpers.keras.discriminator import build_discriminator
    from helpers.keras.generator import build_generator

    keras.utils.set_random_seed(0)
    networks = build_generator(conv_dim=conv_dim), build_discriminator(conv_dim)
    images, _ = load_images(count=count)
    make = tutorial_loop if kind == "tutorial" else our_loop
    run = make(*networks, images, *([] if kind == "tutorial" else [kind]))
    for line in sys.stdin:
        began, cpu = time.perf_counter(), time.process_time()
        run(int(line))
        print(time.perf_counter() - began, time.process_time() - cpu, flush=True)


def start(name: str, options: argparse.Namespace) -> subprocess.Popen:
    """The process of a loop."""
    kind, one_dnn = LOOPS[name]
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    if one_dnn:
        environment["TF_ENABLE_ONEDNN_OPTS"] = one_dnn
    module = "tests.benchmarks.bench_keras_training"
    sizes = [f"--conv-dim={options.conv_dim}", f"--count={options.count}"]
    return subprocess.Popen(
        [sys.executable, "-m", module, "--work", kind, *sizes],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def main() -> None:
    """Let the loops take turns and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="turns of every loop")
    parser.add_argument("--steps", type=int, default=5, help="per turn")
    parser.add_argument("--conv-dim", type=int, default=32, help="the networks' width")
    parser.add_argument("--count", type=int, default=10_000, help="street digits")
    parser.add_argument("--loops", nargs="*", choices=LOOPS, default=list(LOOPS))
    parser.add_argument("--work", choices=["tutorial", "ours", "XLA", "eager"], help="internal")
    options = parser.parse_args()
    if options.work:
        work(options.work, options.conv_dim, options.count)
        return
    processes = {name: start(name, options) for name in options.loops}

    def turn(name: str, steps: int) -> tuple[float, float]:
        process = processes[name]
        print(steps, file=process.stdin, flush=True)
        seconds, cpu = map(float, process.stdout.readline().split())
        return seconds, cpu

    first = {name: turn(name, 1)[0] for name in processes}  # tracing and compiling
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    for number in range(options.rounds):
        # Forwards and backwards, so that no loop always follows the same one.
        for name in sorted(processes, key=list(processes).index, reverse=number % 2 == 1):
            times[name].append(turn(name, options.steps))
    for process in processes.values():
        process.stdin.close()
        process.wait()

    print(
        f"{os.cpu_count()} CPUs; width {options.conv_dim}, batch {BATCH_SIZE}; medians of "
        f"{options.rounds} turns of {options.steps} steps, the loops interleaved"
    )
    print(f"{'loop':<22}{'images/s':>10}{'ms a step':>11}{'CPU ms a step':>15}{'first step s':>14}")
    for name, measured in times.items():
        seconds, cpu = (
            statistics.median(values) / options.steps for values in zip(*measured, strict=True)
        )
        print(
            f"{name:<22}{BATCH_SIZE / seconds:>10.0f}{1000 * seconds:>11.0f}"
            f"{1000 * cpu:>15.0f}{first[name]:>14.1f}"
        )

    def against(name: str, other: str) -> None:
        if name in times and other in times:
            ratios = [
                [b[clock] / a[clock] for a, b in zip(times[name], times[other], strict=True)]
                for clock in (0, 1)
            ]
            by_clock, by_cpu = map(statistics.median, ratios)
            print(f"{name}: {by_clock:.2f} times as fast as {other} ({by_cpu:.2f} by CPU time)")

    for name in ("ours", "ours, XLA", "ours, oneDNN", "ours, oneDNN, XLA"):
        against(name, "tutorial")
    for name in ("ours, oneDNN", "ours, oneDNN, XLA"):
        against(name, "tutorial, oneDNN")
    against("ours", "ours, eager")
    against("ours, oneDNN", "ours, oneDNN, eager")


if __name__ == "__main__":
    main()
