"""``pytest --nbval solutions/`` needs no further option, here or from inside ``solutions/``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from helpers.build import ANSI, CELL_TIMEOUT, kernel_environment


def pytest_configure(config: pytest.Config) -> None:
    """Choose nbval's options: this Python's kernel, a time limit, no colour codes in a log file."""
    option = config.option
    # Tests compute little at a time, and in parallel runs (pytest -n) each process has one core:
    # threads that wait for each other there cost many times what they gain.
    if hasattr(config, "workerinput") or not getattr(option, "nbval", False):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not getattr(option, "nbval", False):
        return
    option.nbval_current_env = option.nbval_kernel_name is None
    if option.nbval_cell_timeout == 2000:  # nbval's default: a dead kernel hangs for 33 minutes
        option.nbval_cell_timeout = CELL_TIMEOUT
    if option.color == "auto" and not sys.stdout.isatty():
        option.color = "no"


def _is_cell(item: pytest.Item) -> bool:
    return type(item).__name__ == "IPyNbCell"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Start a notebook's kernel in the environment in which the build starts it."""
    if not _is_cell(item):
        return (yield)
    before = dict(os.environ)
    os.environ.update(kernel_environment())
    try:
        return (yield)
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a cell that was never run or is skipped: nbval would let it pass."""
    if _is_cell(item) and item.options["skip"]:
        item.raise_cell_error("This cell is skipped, so nothing tests it.")
    result = yield
    if _is_cell(item) and item.cell.execution_count is None and item.cell.source.strip():
        item.raise_cell_error("This cell was never run, so there is no output to compare.")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """Add the remedy to the report of a failed cell."""
    report = yield
    if _is_cell(item) and report.failed:
        if item.config.option.color == "no":
            report.longrepr = ANSI.sub("", str(report.longrepr))
        number = item.path.stem[:2]
        report.sections.append(
            (
                "What to do",
                f"If the stored output is wrong, run `python3 course.py build {number}`. If the "
                "output changes from run to run, print a verdict instead of a number, or tag the "
                "cell nbval-ignore-output and assert the result in the next cell.",
            )
        )
    return report
