"""How long the latent walk's Python takes per update, control by control.

Run from the root::

    python -m tests.benchmarks.bench_generator_widget

Each control is moved 30 times; the table has the median and the slowest update in milliseconds.
The image follows a slider before the map of its surroundings does, so for the controls that
change the map, both times are given. One thread. Nothing is asserted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import ipywidgets
import torch

from helpers.widgets.generator import LatentWalk

REPEATS = 30


def measure(move: Callable[[Any], None], values: Iterator[Any], shown: Any) -> list[float]:
    """Median and slowest milliseconds of ``move``, and the median until ``shown`` has changed."""
    times, until = [], []
    changed = [0.0]
    shown.observe(lambda _: changed.__setitem__(0, time.perf_counter()), "value")
    for _ in range(REPEATS):
        value = next(values)
        start = time.perf_counter()
        move(value)
        times.append(1000 * (time.perf_counter() - start))
        until.append(1000 * (changed[0] - start))
    return [statistics.median(times), max(times), statistics.median(until)]


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    walker = LatentWalk()
    walk, between = walker.walk, walker.between

    def setter(control: Any) -> Callable[[Any], None]:
        return lambda value: setattr(control, "value", value)

    steps = [step / 2 for step in range(1, 8)]
    cases = {
        "walk: direction 1": (setter(walk.first), steps, walk.image),
        "walk: direction 2": (setter(walk.second), steps, walk.image),
        "walk: multiply z by": (setter(walk.factor), [0.5, 1.5, 2.0], walk.image),
        "walk: new start": (lambda _: walk.new_start.click(), [0], walk.image),
        "between: share of the way": (setter(between.t), [0.2, 0.4, 0.6], between.rows),
        "between: from image": (setter(between.start), [3, 4, 5], between.rows),
        "between: new images": (lambda _: between.new_images.click(), [0], between.rows),
    }
    print(f"ipywidgets {ipywidgets.__version__}, {REPEATS} updates each, without a browser")
    print(f"{'update':<28}{'median ms':>10}{'slowest ms':>12}{'until the image':>17}")
    for name, (move, values, shown) in cases.items():
        median, slowest, until = measure(move, cycle(values), shown)
        print(f"{name:<28}{median:>10.1f}{slowest:>12.1f}{until:>17.1f}")


if __name__ == "__main__":
    main()
