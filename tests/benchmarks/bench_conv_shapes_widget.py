"""How long the conv-shape calculator's Python takes per update, control by control.

Run from the root::

    python -m tests.benchmarks.bench_conv_shapes_widget

Each control is moved 30 times; the table has the median and the slowest update in milliseconds,
and the size of what is sent to the browser. Nothing is asserted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import ipywidgets

from helpers.widgets.conv_shapes import ConvShapeCalculator

REPEATS = 30


def measure(move: Callable[[Any], None], values: Iterator[Any]) -> tuple[float, float]:
    """Median and maximum milliseconds of ``move``."""
    times = []
    for _ in range(REPEATS):
        value = next(values)
        start = time.perf_counter()
        move(value)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times), max(times)


def one_layer_cases(calculator: ConvShapeCalculator) -> Iterator[tuple[str, Any, list[Any]]]:
    """(name, control, values to alternate) for the first tab."""
    tab = calculator.one_layer
    size = tab.height.value
    yield "height", tab.height, [size + 1, size]
    yield "channels in", tab.channels, [4, 2]
    yield "channels out", tab.out_channels, [32, 16]
    yield "kernel", tab.kernel_size, [5, 11, 4]
    yield "stride", tab.stride, [3, 1, 2]
    yield "padding", tab.padding, [2, 0, 1]
    yield "padding is", tab.padding_mode, ["valid", "number"]
    yield "dilation", tab.dilation, [2, 1]
    yield "groups", tab.groups, [2, 1]
    yield "bias", tab.bias, [False, True]
    yield "layer", tab.kind, ["conv_transpose", "max_pool", "avg_pool", "conv"]
    yield "side", tab.side, ["input", "output"]
    yield "row", tab.row, [3, 4, 5]
    yield "column", tab.column, [3, 4, 5]
    yield "play", tab.play, [17, 18, 19]
    yield "coverage", tab.coverage, [True, False]


def main() -> None:
    """Print the table."""
    rows: list[tuple[str, float | None, float | None]] = []
    for size in (32, 227, 1024):
        calculator = ConvShapeCalculator(size)
        for name, control, values in one_layer_cases(calculator):

            def move(value: Any, control: Any = control) -> None:
                control.value = value

            rows.append((f"one layer, {size} × {size}: {name}", *measure(move, cycle(values))))
        sent = len(calculator.one_layer.drawing.value)
        rows.append((f"one layer, {size} × {size}: drawing of {sent / 1000:.0f} kB", None, None))
    calculator = ConvShapeCalculator()
    reverse, network, challenge = calculator.reverse, calculator.network, calculator.challenge

    def largest_kernel(value: int) -> None:
        reverse.max_kernel_size.value = value

    for reverse.size.value, reverse.target.value in ((32, 16), (224, 7)):
        name = f"reverse: {reverse.size.value} to {reverse.target.value}, largest kernel"
        rows.append((name, *measure(largest_kernel, cycle([11, 15, 7]))))
    for index, (name, _) in enumerate(network.preset.options):
        network.preset.value = index

        def edit(value: int) -> None:
            network.rows[0].padding.value = value

        rows.append((f"network: {name}, first padding", *measure(edit, cycle([1, 2, 0]))))

    def preset(value: int) -> None:
        network.preset.value = value

    rows.append(("network: another preset", *measure(preset, cycle([0, 1, 2, 3]))))
    rows.append(("challenge: check", *measure(lambda _: challenge.check.click(), cycle([0]))))

    def build(_: int) -> None:
        ConvShapeCalculator()

    rows.append(("build the calculator", *measure(build, cycle([0]))))

    print(f"ipywidgets {ipywidgets.__version__}, {REPEATS} updates each, without a browser")
    print(f"{'update':<52}{'median ms':>10}{'slowest ms':>12}")
    for name, median, slowest in rows:
        figures = "" if median is None else f"{median:>10.1f}{slowest:>12.1f}"
        print(f"{name:<52}{figures}")
    updates = [median for name, median, _ in rows if median and "build" not in name]
    print(f"{'slowest median of an update':<52}{max(updates):>10.1f}")


if __name__ == "__main__":
    main()
