"""Build the course's notebooks from their sources: ``python -m helpers.build [NN ...] [--check]``.

Every lesson has one source, ``solutions/NN_topic.py`` (jupytext's py:percent format). The build
makes two notebooks from it:

- ``solutions/NN_topic.ipynb``: the source, executed, with its outputs. ``pytest --nbval solutions/``
  compares them with a fresh run.
- ``lessons/NN_topic.ipynb``: what the learner opens. Solutions are blanked, outputs are empty.

How to write a source
---------------------
- ``# %% exercise="area" points=2`` starts the cell in which the learner works. What stands between
  ``### BEGIN SOLUTION`` and ``### END SOLUTION``, each on a line of its own inside a function,
  becomes ``# YOUR CODE HERE`` and ``raise NotImplementedError``. All other lines stand.
- ``# %% check="area"`` starts the cell below it, which calls ``check.area(area)``.
- ``# %% tags=["setup"]`` with the one line ``# {{setup}}`` becomes the cell `SETUP`. It is the first
  code cell.
- ``# %% tags=["solution-only"]``: the cell is left out of the lesson.
- ``# %% tags=["nbval-ignore-output"]``: the cell's output is not compared. Progress bars are not
  stored.
- ``{{version}}``, ``{{repository}}`` and ``{{colab_badge}}`` are replaced, in markdown and in code.

`validate` lists what a source may not contain; each refusal names the file and the line.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import re
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from helpers import __version__

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "main"
LONGEST_CELL = 15
LARGEST_FILE = 3_000_000
CELL_TIMEOUT = 300
STUB = ("# YOUR CODE HERE", "raise NotImplementedError")
SETUP = """\
import os
import subprocess
import sys

if "google.colab" in sys.modules:  # in Colab: fetch the course first
    if not os.path.isdir("/content/{{folder}}"):
        repository = "{{repository}}"
        subprocess.run(["git", "clone", "--depth=1", repository], cwd="/content", check=True)
    os.chdir("/content/{{folder}}/lessons")
if os.path.isdir("../helpers"):
    sys.path.insert(0, os.path.abspath(".."))
try:
    import helpers
except ModuleNotFoundError:
    raise ModuleNotFoundError("Open this notebook inside the course's folder lessons/.") from None
helpers.require("{{version}}")"""
COLAB_BADGE = (
    "[![Open this lesson in Google Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{{github}}/blob/{{branch}}/lessons/{{name}}.ipynb)"
)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_HEADER = re.compile(r"# ?%%(?!%|\w)")
_MARKER = re.compile(r"( *)### (BEGIN|END) SOLUTION")
_ALMOST_MARKER = re.compile(r"\s*#+\s*(BEGIN|END)[ _-]*SOLUTIONS?\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\{ ?([a-z_]+) ?\}\}")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_KEYS = {"exercise", "points", "check", "tags"}
_JUPYTEXT_KEYS = {"title", "cell_marker", "lines_to_next_cell"}


class BuildError(Exception):
    """A source, its execution or a built file was refused; ``problems`` holds one line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Cell:
    """One cell of a source; ``line`` is the line in the file on which its text starts."""

    kind: str
    text: str
    line: int
    tags: tuple[str, ...] = ()
    exercise: str | None = None
    points: int | None = None
    check: str | None = None


@dataclass(frozen=True)
class Source:
    """A parsed source. ``label`` is its path as messages print it: ``solutions/03_conv_shapes.py``."""

    label: str
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        return Path(self.label).stem

    def at(self, line: int, sentence: str) -> str:
        return f"{self.label}:{line}: {sentence}"


# ----------------------------------------------------------------------------------------------
# Reading a source
# ----------------------------------------------------------------------------------------------


def course_values(root: Path, name: str) -> dict[str, str]:
    """Return what each placeholder stands for in the lesson ``name``.

    Raises OSError or KeyError when pyproject.toml lacks the repository's address.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"].rstrip("/")
    values = {
        "version": __version__,
        "repository": repository,
        "folder": repository.rsplit("/", 1)[-1],
        "github": repository.removeprefix("https://github.com/"),
        "branch": BRANCH,
        "name": name,
    }
    values["colab_badge"] = _fill(COLAB_BADGE, values)
    values["setup"] = _fill(SETUP, values)
    return {key: values[key] for key in ("version", "repository", "colab_badge", "setup")}


def _fill(text: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def parse_source(text: str, label: str, values: dict[str, str]) -> Source:
    """Split a py:percent source into cells and fill in its placeholders.

    text : the source; label : its path for messages; values : see `course_values`.
    Raises BuildError for text above the first cell, for a cell header that cannot be read and for
    an unknown placeholder in markdown.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    cells, problems = [], []
    above = [n for n in range(starts[0] if starts else len(lines)) if not lines[n].startswith("#")]
    if any(lines[n].strip() for n in above) or not starts:
        problems.append(f"{label}:1: text above the first cell; start it with `# %% [markdown]`.")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        fmt = {"extension": ".py", "format_name": "percent", "comment_magics": False}
        cell = jupytext.reads("\n".join(lines[start:end]) + "\n", fmt=fmt).cells[0]
        keys = {key: value for key, value in cell.metadata.items() if key not in _JUPYTEXT_KEYS}
        for key in sorted(keys.keys() - _KEYS):
            problems.append(
                f"{label}:{start + 1}: cannot use `{key}` in this cell header; known are "
                'exercise="name" points=2, check="name" and tags=["name"].'
            )
        source = cell.source.lstrip("\n")
        line = start + 2 + len(cell.source) - len(source)
        if cell.cell_type == "markdown":
            for number, row in enumerate(source.splitlines()):
                for word in _PLACEHOLDER.findall(row):
                    if word not in values:
                        problems.append(
                            f"{label}:{line + number}: unknown placeholder {{{{{word}}}}}; known "
                            "are {{version}}, {{repository}} and {{colab_badge}}."
                        )
        elif source.strip() in ("{{setup}}", "# {{setup}}"):
            source = "{{setup}}"
        cells.append(
            Cell(
                kind=cell.cell_type,
                text=_fill(source, values).rstrip(),
                line=line,
                tags=tuple(keys.get("tags", ())),
                exercise=keys.get("exercise"),
                points=keys.get("points"),
                check=keys.get("check"),
            )
        )
    if problems:
        raise BuildError(problems)
    return Source(label, tuple(cells))


def blank(text: str) -> str:
    """Replace every solution block of a cell by the two stub lines, at the marker's indentation."""
    kept: list[str] = []
    inside = False
    for row in text.splitlines():
        marker = _MARKER.fullmatch(row)
        if marker and marker[2] == "BEGIN":
            kept += [marker[1] + line for line in STUB]
        inside = marker[2] == "BEGIN" if marker else inside
        if not inside and not marker:
            kept.append(row)
    return "\n".join(kept)


# ----------------------------------------------------------------------------------------------
# Refusing a source
# ----------------------------------------------------------------------------------------------


def validate(source: Source) -> list[str]:
    """Return every problem of a source as ``file:line: sentence with the remedy``, in file order."""
    problems = [
        *_marker_problems(source),
        *_code_problems(source),
        *_exercise_problems(source),
        *_heading_problems(source),
        *_setup_problems(source),
    ]
    return sorted(dict.fromkeys(problems), key=lambda problem: int(problem.split(":")[1]))


def _marker_problems(source: Source) -> Iterator[str]:
    for cell in source.cells:
        opened = None
        blocks = 0
        for line, row in enumerate(cell.text.splitlines(), cell.line):
            marker = _MARKER.fullmatch(row)
            if marker is None:
                if _ALMOST_MARKER.match(row):
                    yield source.at(
                        line,
                        "not quite a marker; write `### BEGIN SOLUTION` or `### END SOLUTION`.",
                    )
            elif marker[2] == "BEGIN":
                if opened is not None:
                    yield source.at(
                        line, f"a solution inside the one of line {opened}; end that one first."
                    )
                opened = line
                blocks += 1
            else:
                if opened is None:
                    yield source.at(line, "END SOLUTION without BEGIN SOLUTION; add or remove one.")
                opened = None
        if opened is not None:
            yield source.at(opened, "solution not closed; add `### END SOLUTION` in this cell.")
        if blocks and cell.exercise is None:
            yield source.at(
                cell.line,
                'solution outside an exercise; add exercise="name" points=1 to the header.',
            )
        if cell.exercise is not None and not blocks:
            yield source.at(
                cell.line, "exercise without a solution; put `### BEGIN SOLUTION` and END round it."
            )


def _code_problems(source: Source) -> Iterator[str]:
    for cell in source.cells:
        if cell.kind != "code":
            continue
        rows = cell.text.splitlines()
        try:
            ast.parse(cell.text)
        except SyntaxError as error:
            yield source.at(cell.line + (error.lineno or 1) - 1, f"syntax error: {error.msg}.")
            continue
        filled = sum(1 for row in rows if row.strip())
        if cell.exercise is None and "setup" not in cell.tags and filled > LONGEST_CELL:
            yield source.at(
                cell.line, f"{filled} lines in one cell; split it, {LONGEST_CELL} are the most."
            )
        for line, row in enumerate(rows, cell.line):
            by_hand = row.strip() == STUB[0] or (cell.exercise and row.strip().startswith(STUB[1]))
            if by_hand:
                yield source.at(
                    line, f"`{row.strip()}` by hand; write the solution between markers instead."
                )
            if row.strip("# ").upper().replace("-", "_") == "NBVAL_SKIP":
                yield source.at(line, "a skipped cell is never tested; remove NBVAL_SKIP.")
        if "nbval-skip" in cell.tags:
            yield source.at(cell.line, "a skipped cell is never tested; remove the tag nbval-skip.")
        if cell.exercise is not None:
            yield from _stub_problems(source, cell)


def _stub_problems(source: Source, cell: Cell) -> Iterator[str]:
    """A stub raises when it is called, never when its cell runs: the lesson has to go on."""
    begins = [
        line
        for line, row in enumerate(cell.text.splitlines(), cell.line)
        if _MARKER.fullmatch(row) and "BEGIN" in row
    ]
    stub = blank(cell.text)
    try:
        tree = ast.parse(stub)
    except SyntaxError as error:
        yield source.at(
            begins[0] if begins else cell.line,
            f"without its solution this cell is not Python ({error.msg}); indent the marker like "
            "the code below it and leave whole statements outside.",
        )
        return
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {line for f in functions for line in range(f.body[0].lineno, f.end_lineno + 1)}
    raises = [n for n, row in enumerate(stub.splitlines(), 1) if row.strip() == STUB[1]]
    for line, number in zip(begins, raises, strict=False):
        if number not in inside:
            yield source.at(
                line, "solution outside a function, its stub would stop the lesson; use a `def`."
            )


def _exercise_problems(source: Source) -> Iterator[str]:
    exercises: dict[str, Cell] = {}
    checks: dict[str, Cell] = {}
    for cell in source.cells:
        for name in filter(None, (cell.exercise, cell.check)):
            if cell.kind != "code" or "solution-only" in cell.tags:
                yield source.at(cell.line, f"`{name}` must be a code cell that the lesson keeps.")
            if not str(name).isidentifier():
                yield source.at(cell.line, f"`{name}` is not a Python name; use letters and _.")
        if cell.exercise is not None:
            if cell.exercise in exercises:
                first = exercises[cell.exercise].line - 1
                yield source.at(
                    cell.line, f"exercise `{cell.exercise}` is also in line {first}; rename one."
                )
            exercises.setdefault(cell.exercise, cell)
            if type(cell.points) is not int or cell.points < 1:
                yield source.at(
                    cell.line, f"exercise `{cell.exercise}` needs points=1 or more in its header."
                )
        elif cell.points is not None:
            yield source.at(cell.line, "points belong to the exercise's cell header; move them.")
        if cell.check is not None:
            if cell.check not in exercises:
                yield source.at(
                    cell.line, f"no exercise `{cell.check}` above this check; add or rename one."
                )
            if cell.check in checks:
                yield source.at(cell.line, f"`{cell.check}` is checked twice; remove one cell.")
            checks.setdefault(cell.check, cell)
            if not _calls_check(cell):
                yield source.at(
                    cell.line, f"this cell never calls check.{cell.check}(...); add the call."
                )
    for name, cell in exercises.items():
        if name not in checks:
            yield source.at(
                cell.line, f'exercise `{name}` has no check; add a cell with check="{name}" below.'
            )


def _calls_check(cell: Cell) -> bool:
    try:
        calls = [n.func for n in ast.walk(ast.parse(cell.text)) if isinstance(n, ast.Call)]
    except SyntaxError:
        return True  # reported as a syntax error
    return any(ast.unparse(function) == f"check.{cell.check}" for function in calls)


def _heading_problems(source: Source) -> Iterator[str]:
    for kept in (source.cells, [c for c in source.cells if "solution-only" not in c.tags]):
        headings = []
        for cell in kept:
            fenced = False
            for line, row in enumerate(cell.text.splitlines(), cell.line):
                if cell.kind != "markdown":
                    break
                fenced ^= row.lstrip().startswith(("```", "~~~"))
                heading = re.match(r"(#{1,6}) ", row)
                if heading and not fenced:
                    headings.append((line, len(heading[1])))
        titles = [line for line, level in headings if level == 1]
        if not titles:
            yield source.at(1, "no title; start the first cell with a `# Heading`.")
        for line in titles[1:]:
            yield source.at(line, f"a second title, the first is in line {titles[0]}; use `##`.")
        before = 0
        for line, level in headings:
            if level > before + 1:
                yield source.at(
                    line, f"heading jumps from level {before} to {level}; use level {before + 1}."
                )
            before = level


def _setup_problems(source: Source) -> Iterator[str]:
    code = [cell for cell in source.cells if cell.kind == "code"]
    setups = [cell for cell in code if "setup" in cell.tags]
    if not setups:
        yield source.at(1, 'no set-up cell; add `# %% tags=["setup"]` and below it `# {{setup}}`.')
    for cell in setups:
        if cell is not code[0]:
            yield source.at(cell.line, "the set-up cell is the first code cell and the only one.")
        if "helpers.require(" not in cell.text:
            yield source.at(cell.line, "the set-up cell holds one line, `# {{setup}}`.")


# ----------------------------------------------------------------------------------------------
# Making notebooks
# ----------------------------------------------------------------------------------------------


def make_lesson(source: Source) -> NotebookNode:
    """Return the learner's notebook: solutions blanked, solution-only cells dropped, no outputs."""
    return _notebook(source, lesson=True)


def make_solution(source: Source) -> NotebookNode:
    """Return the solutions notebook, not yet executed. Markers stay, because nbgrader needs them."""
    return _notebook(source, lesson=False)


def _notebook(source: Source, lesson: bool) -> NotebookNode:
    points = {cell.exercise: cell.points for cell in source.cells if cell.exercise}
    seen: Counter[str] = Counter()
    cells = []
    for cell in source.cells:
        shown = blank(cell.text)
        # The id is made from what the learner sees: a better solution leaves the lesson unchanged,
        # and a cell has the same id in both notebooks.
        content = f"{cell.kind}\n{shown}"
        seen[content] += 1
        identity = hashlib.sha256(f"{content}\n{seen[content]}".encode()).hexdigest()[:12]
        if lesson and "solution-only" in cell.tags:
            continue
        node: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": identity,
            "metadata": _cell_metadata(cell, points),
            "source": shown if lesson else cell.text,
        }
        if cell.kind == "code":
            node |= {"execution_count": None, "outputs": []}
        cells.append(node)
    notebook = nbformat.from_dict(
        {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    )
    nbformat.validate(notebook)
    return notebook


def _cell_metadata(cell: Cell, points: dict[str, int]) -> dict[str, Any]:
    """Return tags and, for exercises and checks, nbgrader's metadata (its schema 3)."""
    tags = list(cell.tags)
    nbgrader: dict[str, Any] = {}
    if cell.exercise:
        tags.append("exercise")
        nbgrader = {"grade_id": cell.exercise, "grade": False, "locked": False, "solution": True}
    elif cell.check:
        tags.append("check")
        nbgrader = {"grade_id": f"{cell.check}_check", "grade": True, "locked": True}
        nbgrader |= {"solution": False, "points": points[cell.check]}
    if nbgrader:
        nbgrader |= {"cell_type": "code", "schema_version": 3, "task": False}
    return ({"tags": tags} if tags else {}) | ({"nbgrader": nbgrader} if nbgrader else {})


def to_text(notebook: NotebookNode) -> str:
    """Return the notebook file's text: sorted keys, one trailing newline, nothing that varies."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


# ----------------------------------------------------------------------------------------------
# Executing
# ----------------------------------------------------------------------------------------------


def kernel_environment(root: Path = ROOT, strict: bool = True) -> dict[str, str]:
    """Return the environment of a kernel; the build and ``pytest --nbval`` use the same.

    strict : sets HELPERS_STRICT, so that a check which does not pass raises.
    """
    environment = dict(os.environ)
    paths = [str(root), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    # ipykernel captures C-level output unless this is set, and pytest sets it for nbval's kernels.
    environment.setdefault("PYTEST_CURRENT_TEST", "helpers.build")
    environment.pop("HELPERS_STRICT", None)
    return environment | ({"HELPERS_STRICT": "1"} if strict else {})


def execute(
    notebook: NotebookNode, folder: Path, *, root: Path = ROOT, strict: bool = True
) -> NotebookNode:
    """Run a notebook in this Python's kernel, in ``folder``, and return a copy with its outputs.

    Cells run as nbval runs them, outside the kernel's history, so that both see the same output.
    Raises ExecutionError, with the index of the cell, when a cell fails, takes over 300 s or ends
    the kernel.
    """
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    class Manager(AsyncKernelManager):
        def _kernel_spec_manager_default(self) -> KernelSpecManager:
            return ThisPython(parent=self)

    notebook = nbformat.from_dict(notebook)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_manager_class=Manager,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        store_widget_state=False,
    )
    count = 0
    with client.setup_kernel(env=kernel_environment(root, strict)):
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            count += 1
            try:
                client.execute_cell(cell, index, store_history=False)
            except CellExecutionError as error:
                rows = _ANSI.sub("", error.traceback).rstrip().splitlines()
                raise ExecutionError(index, f"{error.ename}: {error.evalue}", rows) from None
            except CellTimeoutError:
                raise ExecutionError(index, f"took over {CELL_TIMEOUT} s") from None
            except DeadKernelError:
                raise ExecutionError(index, "the kernel died, perhaps out of memory") from None
            cell.execution_count = count
            cell.outputs = _tidy(
                cell.outputs, "nbval-ignore-output" in cell.metadata.get("tags", [])
            )
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
    return notebook


class ExecutionError(Exception):
    """The cell ``index`` failed; ``rows`` are the lines of its traceback."""

    def __init__(self, index: int, reason: str, rows: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.index, self.reason, self.rows = index, reason, list(rows)


def _tidy(outputs: list[NotebookNode], ignored: bool) -> list[NotebookNode]:
    """Join streams, strip widget views and, where outputs are ignored, drop progress bars."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            bar = output.name == "stderr" or "\r" in output.text or "\b" in output.text
            if ignored and bar:
                continue
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += output.text
                continue
        elif "data" in output and output.data.pop(WIDGET_VIEW, None) and ignored:
            continue
        kept.append(output)
    return kept


def output_problems(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """Yield ``(cell index, sentence)`` for every stored output that a second run would not repeat."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            texts = [output.get("text", "")]
            texts += [v for k, v in output.get("data", {}).items() if k.startswith("text/")]
            if output.output_type == "error":
                yield index, "this cell stores an error; catch the exception and print it."
            elif output.get("name") == "stderr":
                yield (
                    index,
                    f"this cell writes to stderr; silence it: {output.text.strip()[:200]!r}",
                )
            elif WIDGET_VIEW in output.get("data", {}):
                yield index, "this cell stores a widget view; build it again."
            elif "nbval-ignore-output" in cell.metadata.get("tags", []):
                continue
            elif found := next(filter(None, map(_ADDRESS.search, map(str, texts))), None):
                yield (
                    index,
                    f"this cell's output holds a memory address ({found[0].strip()!r}), which "
                    "every run changes; give the object a __repr__ or assign the value.",
                )


# ----------------------------------------------------------------------------------------------
# Building and checking files
# ----------------------------------------------------------------------------------------------


def load(path: Path, root: Path) -> Source:
    """Read, parse and validate the source at ``path``. Raises BuildError with all its problems."""
    label = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8")
    source = parse_source(text, label, course_values(root, path.stem))
    if problems := validate(source):
        raise BuildError(problems)
    return source


def build(path: Path, root: Path) -> list[Path]:
    """Build both notebooks of the source at ``path``; both are written, or neither.

    Raises BuildError when the source is refused, a cell fails or an output cannot be repeated.
    """
    source = load(path, root)
    solution = make_solution(source)
    try:
        solution = execute(solution, path.parent, root=root)
    except ExecutionError as error:
        rows = "".join(f"\n    {row}" for row in error.rows[-12:])
        line = source.cells[error.index].line
        raise BuildError(
            [source.at(line, f"the cell that starts here failed: {error.reason}{rows}")]
        ) from None
    problems = [
        source.at(source.cells[index].line, sentence)
        for index, sentence in output_problems(solution)
    ]
    texts = {}
    for folder, notebook in (("solutions", solution), ("lessons", make_lesson(source))):
        texts[root / folder / f"{path.stem}.ipynb"] = to_text(notebook)
    for target, text in texts.items():
        if len(text.encode()) > LARGEST_FILE:
            size = f"{len(text.encode()) / 1e6:.1f} MB"
            problems.append(source.at(1, f"{target.name} has {size}; 3 MB is the most, shrink it."))
    if problems:
        raise BuildError(problems)
    for target, text in texts.items():
        write(target, text)
    return list(texts)


def write(target: Path, text: str) -> None:
    """Write a file so that it is either the old one or the new one, never half of it."""
    target.parent.mkdir(exist_ok=True)
    scratch = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def check(path: Path, root: Path) -> list[str]:
    """Return what is missing, stale or never run among the built files of ``path``."""
    try:
        source = load(path, root)
    except BuildError as error:
        return error.problems
    remedy = f"run `python course.py build {path.stem[:2]}`."
    problems = []
    for folder, wanted in (("solutions", make_solution(source)), ("lessons", make_lesson(source))):
        built = root / folder / f"{path.stem}.ipynb"
        label = f"{folder}/{built.name}"
        if not built.is_file():
            problems.append(f"{label}: missing; {remedy}")
            continue
        text = built.read_text(encoding="utf-8")
        if folder == "lessons":
            if text != to_text(wanted):
                problems.append(f"{label}: stale, {source.label} gives another one; {remedy}")
            continue
        try:
            notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        except (ValueError, nbformat.ValidationError):
            problems.append(f"{label}: not a notebook; {remedy}")
            continue
        if _without_outputs(notebook) != _without_outputs(wanted):
            problems.append(f"{label}: stale, {source.label} gives other cells; {remedy}")
            continue
        code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
        if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
            problems.append(f"{label}: not every cell was run, from first to last; {remedy}")
        for index, sentence in output_problems(notebook):
            problems.append(f"{label}: cell {index}: {sentence} Then {remedy}")
        if len(text.encode()) > LARGEST_FILE:
            problems.append(f"{label}: over 3 MB; store fewer or smaller figures, then {remedy}")
    return problems


def _without_outputs(notebook: NotebookNode) -> dict[str, Any]:
    cells = [
        {key: value for key, value in cell.items() if key not in ("outputs", "execution_count")}
        for cell in notebook.cells
    ]
    return {**notebook, "cells": cells}


def orphans(root: Path) -> list[str]:
    """Return a sentence for every notebook in solutions/ or lessons/ that has no source."""
    return [
        f"{folder}/{path.name}: orphaned, there is no solutions/{path.stem}.py; "
        f"run `git rm -f {folder}/{path.name}`, or restore the source."
        for folder in ("solutions", "lessons")
        for path in sorted((root / folder).glob("*.ipynb"))
        if not (root / "solutions" / f"{path.stem}.py").is_file()
    ]


def sources(root: Path = ROOT, wanted: Sequence[str] = ()) -> list[Path]:
    """Return the sources named by number (``03``) or name (``03_conv_shapes``), or all of them.

    Raises BuildError for an unknown name, a source not named NN_topic.py and a number used twice.
    """
    found = sorted((root / "solutions").glob("*.py"))
    problems = [
        f"solutions/{path.name}:1: not a lesson's name; rename it like 03_conv_shapes.py."
        for path in found
        if not re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem)
    ]
    numbers = Counter(path.stem[:2] for path in found)
    problems += [
        f"solutions/{path.name}:1: another source has the number {path.stem[:2]}; rename one."
        for path in found
        if numbers[path.stem[:2]] > 1
    ]
    chosen = {name: [p for p in found if name in (p.stem, p.stem[:2])] for name in wanted}
    names = ", ".join(path.stem for path in found) or "none yet"
    problems += [
        f"There is no lesson {name!r}; the lessons are: {names}."
        for name, paths in chosen.items()
        if not paths
    ]
    if problems:
        raise BuildError(problems)
    return [p for p in found if not wanted or any(p in paths for paths in chosen.values())]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return 0 when every chosen lesson is built (or fresh), else 1."""
    parser = argparse.ArgumentParser(
        prog="course.py build", description="Build the notebooks from solutions/NN_topic.py."
    )
    parser.add_argument("lessons", nargs="*", metavar="NN", help="a lesson, 03 or 03_conv_shapes")
    parser.add_argument("--check", action="store_true", help="only say whether all are fresh")
    options = parser.parse_args(arguments)
    try:
        chosen = sources(root, options.lessons)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    problems: list[str] = []
    for path in chosen:
        started = time.perf_counter()
        try:
            if options.check:
                problems += check(path, root)
                continue
            for built in build(path, root):
                seconds = time.perf_counter() - started
                print(f"{built.relative_to(root).as_posix()}  {seconds:.1f} s", flush=True)
        except BuildError as error:
            problems += error.problems
            print(error, file=sys.stderr, flush=True)
    if options.check:
        problems += [] if options.lessons else orphans(root)
        print("\n".join(problems) or "All built notebooks are fresh.", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
