"""Read a lesson's source, ``solutions/NN_topic.py``, and refuse what the build cannot honour.

A source is in jupytext's py:percent format. How to write one:

- ``# %% [markdown]`` starts a text cell, ``# %%`` a code cell.
- ``# %% exercise="area" points=2`` starts the cell in which the learner works. What stands between
  ``### BEGIN SOLUTION`` and ``### END SOLUTION``, each on a line of its own inside a function,
  becomes ``# YOUR CODE HERE`` and ``raise NotImplementedError``. All other lines stand.
- ``# %% check="area"`` starts a cell further down that calls ``check.area(area)``.
- ``# %% tags=["setup"]`` with the one line ``# {{setup}}`` is the first code cell. It becomes the
  cell that finds the course's helpers, or fetches them in Colab.
- ``tags=["solution-only"]`` leaves the cell out of the lesson.
- ``tags=["nbval-ignore-output"]`` leaves the cell's output uncompared; progress bars in it are not
  stored.
- ``{{version}}``, ``{{repository}}`` and ``{{colab_badge}}`` are replaced, in text and in code.

`parse_source` and `validate` list what a source may not contain.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_CELL = 15
STUB = ("# YOUR CODE HERE", "raise NotImplementedError")

_HEADER = re.compile(r"# %%(?: \[(markdown)\])?((?: \w+=(?:\"[^\"]*\"|\[[^\]]*\]|\d+))*)\s*")
_OPTION = re.compile(r"(\w+)=(\"[^\"]*\"|\[[^\]]*\]|\d+)")
_KEYS = {"exercise": str, "points": int, "check": str, "tags": list}
_MARKER = re.compile(r"( *)### (BEGIN|END) SOLUTION")
_ALMOST_MARKER = re.compile(r"\s*#+\s*(BEGIN|END)[ _-]*SOLUTIONS?\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}")

Problem = tuple[int, str]


class SourceError(Exception):
    """A source is refused; ``problems`` holds ``file:line: sentence with the remedy`` for each."""

    def __init__(self, label: str, problems: Iterable[Problem]) -> None:
        in_order = sorted(dict.fromkeys(problems), key=lambda problem: problem[0])
        self.problems = [f"{label}:{line}: {sentence}" for line, sentence in in_order]
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Cell:
    """One cell of a source; ``line`` is the line in the file on which its text starts."""

    kind: str
    text: str
    line: int
    tags: list[str] = field(default_factory=list)
    exercise: str | None = None
    points: int | None = None
    check: str | None = None

    def rows(self) -> Iterator[tuple[int, str]]:
        """Yield each line of the text with its number in the file."""
        return enumerate(self.text.splitlines(), self.line)

    def markers(self) -> Iterator[tuple[int, str]]:
        """Yield ``(line, "BEGIN" or "END")`` for each solution marker."""
        for line, row in self.rows():
            if marker := _MARKER.fullmatch(row):
                yield line, marker[2]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each ``{{name}}`` by its value and leave names without a value as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def blank(text: str) -> str:
    """Replace every solution block of a cell by the two stub lines, at the marker's indentation."""
    kept: list[str] = []
    inside = False
    for row in text.splitlines():
        marker = _MARKER.fullmatch(row)
        if marker:
            inside = marker[2] == "BEGIN"
            kept += [marker[1] + line for line in STUB] if inside else []
        elif not inside:
            kept.append(row)
    return "\n".join(kept)


def parse_source(text: str, label: str, values: Mapping[str, str]) -> list[Cell]:
    """Split a source into cells and replace its placeholders.

    label : the source's path, for messages; values : what the placeholders stand for.
    Raises SourceError for text above the first cell, a cell header that cannot be read, a text cell
    with a line that is not commented, and an unknown placeholder in a text cell.
    """
    lines = text.splitlines()
    starts = [number for number, row in enumerate(lines) if row.startswith("# %%")]
    problems: list[Problem] = []
    cells = []
    for number, row in enumerate(lines[: starts[0] if starts else None], 1):
        if row.strip() and not row.startswith("#"):
            problems.append((number, "text above the first cell; put `# %%` above it."))
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        header = _HEADER.fullmatch(lines[start])
        options: dict[str, Any] = dict(_OPTION.findall(header[2])) if header else {}
        try:
            options = {key: json.loads(value) for key, value in options.items()}
            known = all(type(value) is _KEYS[key] for key, value in options.items())
        except (KeyError, ValueError):
            known = False
        if not header or not known:
            sentence = 'cannot read this header; known are [markdown] and exercise="name" points=2,'
            problems.append(
                (start + 1, sentence + ' check="name", tags=["name"], in plain `# %%`.')
            )
            continue
        body = lines[start + 1 : end]
        first = next((number for number, row in enumerate(body) if row.strip()), 0)
        kind = "markdown" if header[1] else "code"
        rows = body[first:]
        if kind == "markdown":
            for line, row in enumerate(rows, start + 2 + first):
                if row.strip() and not (row == "#" or row.startswith("# ")):
                    problems.append((line, "a line of text without `# `; add it, or a `# %%`."))
                for name in set(_PLACEHOLDER.findall(row)) - values.keys():
                    known_names = ", ".join(f"{{{{{name}}}}}" for name in sorted(values))
                    problems.append((line, f"unknown {{{{{name}}}}}; known are {known_names}."))
            rows = [row[2:] for row in rows]
        source = "\n".join(rows).rstrip()
        source = fill("{{setup}}" if source == "# {{setup}}" else source, values)
        cells.append(Cell(kind, source, start + 2 + first, **options))
    if problems:
        raise SourceError(label, problems)
    return cells


def validate(cells: list[Cell]) -> list[Problem]:
    """Return every problem of a source as ``(line, sentence with the remedy)``."""
    kept = [cell for cell in cells if "solution-only" not in cell.tags]
    return [
        *(problem for cell in cells for problem in _marker_problems(cell)),
        *(problem for cell in cells if cell.kind == "code" for problem in _code_problems(cell)),
        *_exercise_problems(cells),
        *_heading_problems(cells),
        *_heading_problems(kept),
        *_setup_problems(cells),
    ]


def _marker_problems(cell: Cell) -> Iterator[Problem]:
    opened = 0
    for line, word in cell.markers():
        if word == "BEGIN" and opened:
            yield line, f"a solution inside the one of line {opened}; end that one first."
        if word == "END" and not opened:
            yield line, "END SOLUTION without BEGIN SOLUTION; add or remove a marker."
        opened = line if word == "BEGIN" else 0
    if opened:
        yield opened, "solution not closed; add `### END SOLUTION` to this cell."
    for line, row in cell.rows():
        if _ALMOST_MARKER.match(row) and not _MARKER.fullmatch(row):
            yield line, "not quite a marker; write `### BEGIN SOLUTION` or `### END SOLUTION`."
    begins = [line for line, word in cell.markers() if word == "BEGIN"]
    if begins and cell.exercise is None:
        yield begins[0], 'solution outside an exercise; put exercise="name" points=1 in the header.'
    if cell.exercise is not None and not begins:
        yield cell.line, "exercise without a solution; put `### BEGIN SOLUTION` and END round it."


def _code_problems(cell: Cell) -> Iterator[Problem]:
    try:
        ast.parse(cell.text)
    except SyntaxError as error:
        yield cell.line + (error.lineno or 1) - 1, f"syntax error: {error.msg}."
        return
    length = sum(1 for _, row in cell.rows() if row.strip())
    if cell.exercise is None and length > LONGEST_CELL:
        yield cell.line, f"{length} lines in one cell; split it, {LONGEST_CELL} are the most."
    for line, row in cell.rows():
        raises = cell.exercise is not None and row.strip().startswith(STUB[1])
        if row.strip() == STUB[0] or raises:
            yield line, f"`{row.strip()}` by hand; write the solution between markers instead."
        if "NBVAL_SKIP" in row:
            yield line, "a skipped cell is never tested; remove NBVAL_SKIP."
    if {"nbval-skip", "skip-execution"} & set(cell.tags):
        yield cell.line, "a skipped cell is never tested; remove the tag."
    if cell.exercise is not None:
        yield from _stub_problems(cell)


def _stub_problems(cell: Cell) -> Iterator[Problem]:
    """A stub may raise when it is called, not when its cell runs: the lesson has to go on."""
    begins = [line for line, word in cell.markers() if word == "BEGIN"]
    stub = blank(cell.text)
    try:
        nodes = list(ast.walk(ast.parse(stub)))
    except SyntaxError as error:
        sentence = f"without its solution this cell is not Python ({error.msg}); give the markers"
        yield begins[0], f"{sentence} the indentation of the code between them."
        return
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    inside = {line for f in functions for line in range(f.body[0].lineno, f.end_lineno + 1)}
    raises = [number for number, row in enumerate(stub.splitlines(), 1) if row.strip() == STUB[1]]
    for begin, number in zip(begins, raises, strict=False):
        if number not in inside:
            yield begin, "solution outside a function: its stub would stop the lesson; use `def`."


def _exercise_problems(cells: list[Cell]) -> Iterator[Problem]:
    exercises: dict[str, Cell] = {}
    checks: dict[str, Cell] = {}
    for cell in cells:
        name = cell.exercise or cell.check
        if name is not None:
            if cell.kind != "code" or "solution-only" in cell.tags:
                yield cell.line, f"`{name}` has to be a code cell that the lesson keeps."
            if cell.exercise is not None and cell.check is not None:
                yield cell.line, "an exercise and a check in one cell; make two cells."
            if not name.isidentifier():
                yield cell.line, f"`{name}` is not a Python name; use letters, digits and _."
        if cell.exercise is not None:
            if not cell.points:
                yield cell.line, f"exercise `{name}` without points; put points=1 in the header."
            if name in exercises:
                above = exercises[name].line
                yield cell.line, f"exercise `{name}` stands in line {above} too; rename one."
            exercises.setdefault(name, cell)
        elif cell.points is not None:
            yield cell.line, "points belong in the header of the exercise; move them."
        if cell.check is not None:
            if name not in exercises:
                yield cell.line, f"a check without an exercise `{name}` above it; add or rename."
            if name in checks:
                yield cell.line, f"`{name}` is checked in line {checks[name].line} too; remove one."
            if not _calls(cell, f"check.{name}"):
                yield cell.line, f"this cell does not call check.{name}(...); add the call."
            checks.setdefault(name, cell)
    for name in exercises.keys() - checks.keys():
        line = exercises[name].line
        yield line, f'exercise `{name}` without a check; add a cell `# %% check="{name}"` below.'


def _calls(cell: Cell, function: str) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(cell.text)))
    except SyntaxError:
        return True  # the syntax error is reported already
    return any(isinstance(n, ast.Call) and ast.unparse(n.func) == function for n in nodes)


def _heading_problems(cells: list[Cell]) -> Iterator[Problem]:
    headings = []
    for cell in cells:
        fenced = False
        for line, row in cell.rows() if cell.kind == "markdown" else ():
            fenced ^= row.lstrip().startswith(("```", "~~~"))
            if not fenced and (heading := re.match(r"(#{1,6}) ", row)):
                headings.append((line, len(heading[1])))
    titles = [line for line, level in headings if level == 1]
    if not titles:
        yield 1, "no title; start the first text cell with `# # Title`."
    for line in titles[1:]:
        yield line, f"a second title, the first is in line {titles[0]}; use `##`."
    for (_, before), (line, level) in zip([(0, 0), *headings], headings, strict=False):
        if level > before + 1:
            yield line, f"heading jumps from level {before} to {level}; use level {before + 1}."


def _setup_problems(cells: list[Cell]) -> Iterator[Problem]:
    code = [cell for cell in cells if cell.kind == "code"]
    setups = [cell for cell in code if "setup" in cell.tags]
    if not setups:
        yield 1, 'no set-up cell; add `# %% tags=["setup"]` and below it `# {{setup}}`.'
    for cell in setups:
        if cell is not code[0]:
            yield cell.line, "the set-up cell has to be the first code cell; move it up."
        if "helpers.require(" not in cell.text:
            yield cell.line, "the set-up cell holds the one line `# {{setup}}`; replace its text."
