"""Every lesson: built files are fresh, the untouched lesson runs through, its blanks are filled.

The lesson is filled in from the text of the source, not from the solutions notebook: an
independent way to the same cells.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from helpers import build

SOURCES = build.sources()
BUILT = sorted([*build.ROOT.glob("lessons/*.ipynb"), *build.ROOT.glob("solutions/*.ipynb")])
ASK = {
    "cell_type": "code",
    "execution_count": None,
    "id": "statuses",
    "metadata": {},
    "outputs": [],
    "source": "import json\n\nprint(json.dumps(check.lesson.statuses()))",
}
SOLUTION = re.compile(
    r"^ *### BEGIN SOLUTION\n(.*?)\n^ *### END SOLUTION$", re.DOTALL | re.MULTILINE
)
MARKERS = re.compile(r"^ *### BEGIN SOLUTION\n|\n *### END SOLUTION$", re.MULTILINE)
STUB = re.compile(r"^ *# YOUR CODE HERE\n *raise NotImplementedError$", re.MULTILINE)
HOST = re.compile(r"/(?:home|Users|root|tmp)/|[A-Z]:\\\\|site-packages|pypi\.|/simple/")

lessons = pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])


def read(folder: str, source: Path) -> dict:
    """Return a built notebook with each cell's source as one string."""
    path = build.ROOT / folder / f"{source.stem}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def tagged(notebook: dict, tag: str) -> list[dict]:
    return [cell for cell in notebook["cells"] if tag in cell["metadata"].get("tags", ())]


def exercises(notebook: dict) -> dict[str, str]:
    """Return the text of each exercise's cell by the exercise's name."""
    cells = tagged(notebook, "exercise")
    return {cell["metadata"]["nbgrader"]["grade_id"]: cell["source"] for cell in cells}


def run(notebook: dict) -> tuple[dict, dict[str, str]]:
    """Run a lesson as a learner does; return it with its outputs, and each exercise's status."""
    has_exercises = bool(exercises(notebook))
    cells = notebook["cells"] + ([ASK] if has_exercises else [])
    done = build.execute({**notebook, "cells": cells}, build.ROOT / "lessons", strict=False)
    statuses = json.loads(done["cells"][-1]["outputs"][-1]["text"]) if has_exercises else {}
    return done, statuses


@lessons
def test_built_files_are_fresh(source):
    assert build.check(source) == []


def test_no_notebook_without_a_source():
    assert build.orphans() == []


@lessons
def test_untouched_lesson_runs_and_nothing_counts_as_attempted(source):
    lesson = read("lessons", source)
    done, statuses = run(lesson)
    assert statuses == dict.fromkeys(exercises(lesson), "not attempted")
    for cell in tagged(done, "check"):
        assert "not attempted" in json.dumps(cell["outputs"]).lower(), cell["source"]


@lessons
def test_filled_in_lesson_is_the_solutions_notebook(source):
    """So nbval, which runs that one with checks that must pass, proves that this one passes."""
    lesson = read("lessons", source)
    solutions = iter(SOLUTION.findall(source.read_text(encoding="utf-8")))
    for cell in tagged(lesson, "exercise"):
        cell["source"] = STUB.sub(lambda _: next(solutions), cell["source"])
    assert list(solutions) == [], "the lesson has fewer stubs than its source has solutions"
    solved = read("solutions", source)
    left_out = {cell["id"] for cell in tagged(solved, "solution-only")}
    expected = [cell for cell in solved["cells"] if cell["id"] not in left_out]
    assert [cell["source"] for cell in lesson["cells"]] == [
        MARKERS.sub("", cell["source"]) for cell in expected
    ]
    for cell in tagged(solved, "check"):
        assert "not attempted" not in json.dumps(cell["outputs"]).lower(), cell["source"]


@lessons
def test_every_line_of_a_stub_also_stands_in_its_solution(source):
    solved = exercises(read("solutions", source))
    stubs = exercises(read("lessons", source))
    assert stubs.keys() == solved.keys()
    for name, stub in stubs.items():
        remaining = iter(solved[name].splitlines())
        for row in STUB.sub("", stub).splitlines():
            assert not row.strip() or row in remaining, f"{name}: {row!r} is not in the solution"


@pytest.mark.parametrize("path", BUILT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_notebook_is_small_and_names_no_machine(path):
    assert path.stat().st_size < build.LARGEST_FILE
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop("image/png", None)
    text = json.dumps(notebook, ensure_ascii=False)
    assert HOST.findall(text) == []
    assert str(build.ROOT) not in text
