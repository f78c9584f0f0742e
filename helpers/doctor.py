"""Say what this computer has and whether the lessons can run: ``python -m helpers.doctor``.

In a notebook ``doctor()`` shows the same report as a table, and ``widget_test()`` shows a slider
with which the learner sees whether widgets work there.
"""

import html
import os
import platform
import re
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import __version__

if TYPE_CHECKING:
    import ipywidgets

__all__ = ["Finding", "Report", "doctor", "widget_test"]

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ((3, 11), (3, 13))
# requirements.txt lists these for the tests, the build and JupyterLab at home; Colab lacks some.
NOT_FOR_LESSONS = {"jupyter", "jupyterlab", "nbformat", "nbclient", "nbval", "jupytext"} | {
    "pytest",
    "hypothesis",
    "ruff",
    "playwright",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    topic : what was looked at, e.g. ``"Python"``.
    text : what was found, in words.
    problem : empty, or what is wrong for the lessons and the remedy, in one sentence.
    """

    topic: str
    text: str
    problem: str = ""


@dataclass(frozen=True)
class Report:
    """The findings of ``doctor()``; prints as text and shows as a table in a notebook."""

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong and the remedy, one sentence each; empty if the lessons can run."""
        return [finding.problem for finding in self.findings if finding.problem]

    @property
    def verdict(self) -> str:
        """One paragraph: all is well, or every problem with its remedy."""
        return " ".join(self.problems) or "Everything the lessons need is here."

    def __repr__(self) -> str:
        width = max(len(finding.topic) for finding in self.findings)
        lines = [
            f"{finding.topic:<{width}}  {'PROBLEM  ' if finding.problem else ''}{finding.text}"
            for finding in self.findings
        ]
        return "\n".join([*lines, "", *(self.problems or [self.verdict])])

    def _repr_html_(self) -> str:
        # No colours of our own: text and lines take the theme's, and words carry the meaning.
        cell = 'style="text-align: left; padding: 0.2em 0.8em; vertical-align: top'
        rows = "".join(
            f'<tr><th scope="row" {cell}; white-space: nowrap">{html.escape(finding.topic)}</th>'
            f'<td {cell}">{"<strong>Problem:</strong> " if finding.problem else ""}'
            f"{html.escape(finding.text)}</td></tr>"
            for finding in self.findings
        )
        verdict = "".join(
            f"<p><strong>{html.escape(line)}</strong></p>"
            for line in self.problems or [self.verdict]
        )
        return (
            '<div style="color: inherit; background: transparent">'
            '<table aria-label="What this computer has" style="border: 1px solid currentColor; '
            f'background: transparent; color: inherit">{rows}</table>{verdict}</div>'
        )


def doctor() -> Report:
    """Look at this computer and report what the lessons need; never raises.

    Imports PyTorch to name the device; all other versions are read without importing.
    """
    looks: list[tuple[str, Callable[[], Finding]]] = [
        ("Course", _course),
        ("Python", _python),
        ("Computer", _computer),
        ("Packages", _packages),
        ("Device", _device),
        ("Widgets", _widgets),
        ("Full SVHN", _svhn),
    ]
    return Report(tuple(_safely(topic, look) for topic, look in looks))


def _safely(topic: str, look: Callable[[], Finding]) -> Finding:
    # A doctor that falls ill on the very computer that needs one is of no use.
    try:
        return look()
    except Exception as error:
        return Finding(topic, f"could not be examined ({type(error).__name__}: {error})")


def in_colab() -> bool:
    """Whether this Python runs in Google Colab."""
    return "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules


def in_notebook() -> bool:
    """Whether this Python serves a notebook (Jupyter, VS Code, Colab)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def _renew(packages: str = "") -> str:
    """The remedy for packages that are missing or too old."""
    if in_colab():
        return f"run `%pip install -U {packages}` in a cell, then restart the session"
    return "delete the folder .venv, if there is one, and type `python3 course.py lab`"


def _course() -> Finding:
    return Finding("Course", f"version {__version__}, in {ROOT}")


def _python() -> Finding:
    version = platform.python_version()
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Finding("Python", f"{version}, supported")
    lowest, highest = (".".join(map(str, bound)) for bound in PYTHONS)
    return Finding(
        "Python",
        version,
        f"The course is tested with Python {lowest} to {highest}: install one of these, delete "
        "the folder .venv and type `python3.12 course.py lab`.",
    )


def _computer() -> Finding:
    system = "Google Colab" if in_colab() else f"{platform.system()} {platform.machine()}"
    free = shutil.disk_usage(ROOT).free / 1e9
    text = f"{system}, {_cpu_count()} CPU cores, {_memory()}, {free:.0f} GB of disk free"
    if free < 0.5:
        return Finding("Computer", text, "The disk is nearly full: free a gigabyte.")
    return Finding("Computer", text)


def _cpu_count() -> int:
    # The cores we may use: a container or a batch job often has fewer than the machine.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    try:
        import psutil

        memory = psutil.virtual_memory()
        return f"{memory.total / 1e9:.0f} GB of memory ({memory.available / 1e9:.0f} free)"
    except ImportError:  # a Jupyter package brings it, but nothing here requires it
        return "memory unknown"


def _requirements() -> list[str]:
    """The direct dependencies, as lines such as ``torch>=2.8``."""
    file = ROOT / "requirements.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    lines = [line.split("#")[0].strip() for line in lines]
    return [line for line in lines if line]


def _older(version: str, bound: str) -> bool:
    try:
        from packaging.version import Version

        return Version(version) < Version(bound)
    except ImportError:
        numbers = [[int(n) for n in re.findall(r"\d+", text)[:3]] for text in (version, bound)]
        return numbers[0] < numbers[1]


def _packages() -> Finding:
    found, wrong, optional = [], [], []
    for line in _requirements():
        name, _, bound = line.partition(">=")
        needed = name not in NOT_FOR_LESSONS
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            (wrong if needed else optional).append(f"{name} (not installed)")
            continue
        if bound and _older(version, bound):
            (wrong if needed else optional).append(f"{name} ({version}, older than {bound})")
        elif needed:
            found.append(f"{name} {version}")
    text = ", ".join(found)
    if optional:
        text += f"; not needed by lessons: {', '.join(optional)}"
    if not wrong:
        return Finding("Packages", text)
    names = " ".join(entry.split()[0] for entry in wrong)
    return Finding("Packages", text, f"Needed and missing: {', '.join(wrong)}: {_renew(names)}.")


def _device() -> Finding:
    try:
        torch = import_module("torch")
    except Exception as error:  # a broken installation raises OSError and worse
        return Finding(
            "Device",
            f"unknown, for PyTorch cannot be imported ({type(error).__name__}: {error})",
            # A missing PyTorch is reported once, among the packages.
            ""
            if isinstance(error, ModuleNotFoundError) and error.name == "torch"
            else f"PyTorch is damaged: {_renew('torch')}.",
        )
    with warnings.catch_warnings(record=True) as caught:  # an old driver makes torch warn
        warnings.simplefilter("always")
        cuda = torch.cuda.is_available()
    if cuda:
        gigabytes = torch.cuda.get_device_properties(0).total_memory / 1e9
        count = torch.cuda.device_count()
        more = f", the first of {count}" if count > 1 else ""
        return Finding("Device", f"cuda: {torch.cuda.get_device_name(0)}, {gigabytes:.0f} GB{more}")
    if torch.backends.mps.is_available():
        return Finding("Device", "mps: the GPU of this Mac")
    text = "cpu: enough for every lesson"
    if caught:
        text += f" (a GPU is not used: {' '.join(str(caught[0].message).split())[:200]})"
    return Finding("Device", text)


def _widgets() -> Finding:
    try:
        version = metadata.version("ipywidgets")
    except metadata.PackageNotFoundError:
        return Finding("Widgets", "ipywidgets is not installed")  # judged among the packages
    where = "run widget_test() in a cell" if in_notebook() else "open a lesson"
    return Finding("Widgets", f"ipywidgets {version}; to see whether they show, {where}")


def _svhn() -> Finding:
    folder = Path(os.environ.get("HELPERS_DATA") or ROOT / "data").expanduser() / "svhn"
    files = [folder / f"{split}_32x32.mat" for split in ("train", "test", "extra")]
    here = [f"{file.name} {file.stat().st_size / 1e6:.0f} MB" for file in files if file.exists()]
    return Finding("Full SVHN", f"{', '.join(here) or 'not on disk'} (no lesson needs it)")


def widget_test() -> "ipywidgets.VBox":
    """A slider, and a text that Python rewrites when it moves: proof that widgets work here."""
    import ipywidgets

    class WidgetTest(ipywidgets.VBox):
        # What the stored notebook shows in place of the live widget.
        def __repr__(self) -> str:
            return "Widget test: if you see a slider, widgets work. Run this cell to move it."

    slider = ipywidgets.IntSlider(value=3, min=0, max=12, description="Move me:")
    text = ipywidgets.Label()

    def follow(_: object = None) -> None:
        text.value = f"Python answers: {slider.value} squared is {slider.value**2}."

    slider.observe(follow, names="value")
    follow()
    return WidgetTest([slider, text])


if __name__ == "__main__":
    report = doctor()
    print(report)
    sys.exit(1 if report.problems else 0)
