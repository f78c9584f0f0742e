"""Build the course's notebooks from their sources: ``python -m helpers.build [NN ...] [--check]``.

Every lesson has one source, ``solutions/NN_topic.py``; `helpers.lesson_source` says how to write
one. The build makes two notebooks from it:

- ``solutions/NN_topic.ipynb``: the source, executed, with its outputs, which
  ``pytest --nbval solutions/`` compares with a fresh run;
- ``lessons/NN_topic.ipynb``: what the learner opens, solutions blanked and outputs empty.

A second build gives the same bytes. ``--check`` executes nothing and fails when a built file is
missing, stale, never run or without a source.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import re
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers import __version__
from helpers.lesson_source import Cell, SourceError, blank, fill, parse_source, validate

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "main"
LARGEST_FILE = 3_000_000
CELL_TIMEOUT = 300
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
    "(https://colab.research.google.com/github/{{owner}}/{{folder}}/blob/{{branch}}/lessons/{{name}}.ipynb)"
)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
IGNORE_OUTPUT = "nbval-ignore-output"
NO_OUTPUT = "no-output"  # beside the other: what the cell shows is about the machine

_ADDRESS = re.compile(r"\bat (0x[0-9a-fA-F]+)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")

Notebook = dict[str, Any]


class BuildError(Exception):
    """A lesson could not be built; ``problems`` holds a sentence for each reason."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class ExecutionError(Exception):
    """The cell number ``index`` failed; ``rows`` are the lines of its traceback."""

    def __init__(self, index: int, reason: str, rows: Sequence[str] = ()) -> None:
        super().__init__(f"cell {index}: {reason}")
        self.index, self.reason, self.rows = index, reason, rows


# ---- Sources ---------------------------------------------------------------------------------


def sources(root: Path = ROOT, wanted: Sequence[str] = ()) -> list[Path]:
    """Return the sources named by number (``03``) or name (``03_conv_shapes``), or all of them.

    Raises BuildError for an unknown name, a source not named NN_topic.py and a number used twice.
    """
    found = sorted((root / "solutions").glob("*.py"))
    numbers = Counter(path.stem[:2] for path in found)
    problems = []
    for path in found:
        if not re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem):
            problems.append(f"solutions/{path.name}: not a lesson's name; call it NN_topic.py.")
        elif numbers[path.stem[:2]] > 1:
            problems.append(f"solutions/{path.name}: number {path.stem[:2]} is taken; rename one.")
    for name in wanted:
        if not any(name in (path.stem, path.stem[:2]) for path in found):
            names = ", ".join(path.stem for path in found) or "none yet"
            problems.append(f"There is no lesson {name}; choose from: {names}.")
    if problems:
        raise BuildError(*problems)
    return [path for path in found if not wanted or {path.stem, path.stem[:2]} & set(wanted)]


def placeholders(root: Path, name: str) -> dict[str, str]:
    """Return what each placeholder stands for in the lesson ``name``.

    Raises BuildError when pyproject.toml does not hold the repository's address.
    """
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        repository = project["urls"]["Repository"].rstrip("/")
    except (OSError, KeyError):
        raise BuildError("pyproject.toml: no [project.urls] Repository; add its address.") from None
    owner, folder = repository.split("/")[-2:]
    parts = {"owner": owner, "folder": folder, "branch": BRANCH, "name": name}
    values = {"version": __version__, "repository": repository}
    return values | {
        "colab_badge": fill(COLAB_BADGE, values | parts),
        "setup": fill(SETUP, values | parts),
    }


def load(path: Path, root: Path = ROOT) -> list[Cell]:
    """Return the cells of the source at ``path``. Raises SourceError with all its problems."""
    label = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8")
    cells = parse_source(text, label, placeholders(root, path.stem))
    if problems := validate(cells):
        raise SourceError(label, problems)
    return cells


# ---- Notebooks -------------------------------------------------------------------------------


def make_lesson(cells: Sequence[Cell]) -> Notebook:
    """Return the learner's notebook: solutions blanked, solution-only cells dropped, no outputs."""
    return _notebook(cells, lesson=True)


def make_solution(cells: Sequence[Cell]) -> Notebook:
    """Return the solutions notebook, not yet executed. Its markers stay: nbgrader needs them."""
    return _notebook(cells, lesson=False)


def _notebook(cells: Sequence[Cell], lesson: bool) -> Notebook:
    points = {cell.exercise: cell.points for cell in cells if cell.exercise}
    seen: Counter[str] = Counter()
    nodes = []
    for cell in cells:
        # The id comes from what the learner sees: the same cell has the same id in both notebooks,
        # and a better solution does not touch the lesson.
        content = f"{cell.kind}\n{blank(cell.text)}"
        seen[content] += 1
        identity = hashlib.sha256(f"{content}\n{seen[content]}".encode()).hexdigest()[:12]
        if lesson and "solution-only" in cell.tags:
            continue
        node: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": identity,
            "metadata": _cell_metadata(cell, points),
            "source": blank(cell.text) if lesson else cell.text,
        }
        if cell.kind == "code":
            node |= {"execution_count": None, "outputs": []}
        nodes.append(node)
    return {"cells": nodes, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def _cell_metadata(cell: Cell, points: dict[str, int]) -> dict[str, Any]:
    """Return the cell's tags and, for exercises and checks, nbgrader's metadata (its schema 3)."""
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


def to_text(notebook: Notebook) -> str:
    """Return the text of a notebook's file, as Jupyter lays it out: sorted keys, lists of lines."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        for output in cell.get("outputs", ()):
            if "text" in output:
                output["text"] = output["text"].splitlines(keepends=True)
            for mime, value in output.get("data", {}).items():
                if mime.startswith("text/") or mime == "image/svg+xml":
                    output["data"][mime] = value.splitlines(keepends=True)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


# ---- Execution -------------------------------------------------------------------------------


def kernel_environment(root: Path = ROOT, strict: bool = True) -> dict[str, str]:
    """Return the environment of a kernel; the build and ``pytest --nbval`` use the same one.

    strict : set HELPERS_STRICT, so that a check which is not passed raises.
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
    notebook: Notebook, folder: Path, *, root: Path = ROOT, strict: bool = True
) -> Notebook:
    """Run a notebook in a kernel of this Python, in ``folder``; return a copy with the outputs.

    Cells run as nbval runs them, outside the kernel's history, so that both see the same outputs.
    Raises ExecutionError when a cell fails, takes over 300 s or ends the kernel.
    """
    import nbformat
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

    node = nbformat.from_dict(copy.deepcopy(notebook))
    nbformat.validate(node)
    client = NotebookClient(
        node,
        timeout=CELL_TIMEOUT,
        kernel_manager_class=Manager,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        store_widget_state=False,
    )
    count = 0
    with client.setup_kernel(env=kernel_environment(root, strict)):
        for index, cell in enumerate(node.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            count += 1
            try:
                client.execute_cell(cell, index, store_history=False)
            except CellExecutionError as error:
                rows = ANSI.sub("", error.traceback).rstrip().splitlines()
                raise ExecutionError(index, f"{error.ename}: {error.evalue}", rows) from None
            except CellTimeoutError:
                raise ExecutionError(index, f"took over {CELL_TIMEOUT} s") from None
            except DeadKernelError:
                raise ExecutionError(index, "the kernel died, perhaps out of memory") from None
            cell.execution_count = count
            tags = cell.metadata.get("tags", ())
            cell.outputs = [] if NO_OUTPUT in tags else _tidy(cell.outputs, IGNORE_OUTPUT in tags)
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
    return json.loads(json.dumps(node))


def _tidy(outputs: list[Any], ignored: bool) -> list[Any]:
    """Join streams, strip widget views and, where nbval ignores the output, drop progress bars."""
    kept: list[Any] = []
    for output in outputs:
        if output.output_type == "stream":
            if ignored and (output.name == "stderr" or set("\r\b") & set(output.text)):
                continue
            if kept and kept[-1].get("name") == output.name:
                kept[-1].text += output.text
                continue
        elif output.get("data", {}).pop(WIDGET_VIEW, None) and ignored:
            continue
        kept.append(output)
    return kept


def output_problems(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """Yield ``(cell number, sentence)`` for each stored output that no second run repeats."""
    for index, cell in enumerate(notebook["cells"]):
        ignored = IGNORE_OUTPUT in cell["metadata"].get("tags", ())
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            text = json.dumps([output.get("text"), *(data[m] for m in data if m[:5] == "text/")])
            if output["output_type"] == "error":
                yield index, "this cell stores an error; catch the exception and print it."
            elif output.get("name") == "stderr":
                wrote = "".join(output["text"]).strip()[-200:]
                yield index, f"this cell writes to stderr; silence it. It wrote: {wrote}"
            elif WIDGET_VIEW in data:
                yield index, "this cell stores a widget view, which has a random name."
            elif not ignored and (found := _ADDRESS.search(text)):
                sentence = f"this cell's output holds a memory address, {found[1]}; give the object"
                yield index, f"{sentence} a __repr__ or do not display it."


# ---- Files -----------------------------------------------------------------------------------


def build(path: Path, root: Path = ROOT) -> list[Path]:
    """Build both notebooks of the source at ``path`` and return their paths.

    Nothing is written unless both can be made. Raises SourceError when the source is refused,
    BuildError when a cell fails, an output cannot be repeated or a notebook is too large.
    """
    cells = load(path, root)
    label = path.relative_to(root).as_posix()
    try:
        solution = execute(make_solution(cells), path.parent, root=root)
    except ExecutionError as error:
        rows = "".join(f"\n    {row}" for row in error.rows[-12:])
        sentence = f"the cell that starts here failed: {error.reason}{rows}"
        raise BuildError(f"{label}:{cells[error.index].line}: {sentence}") from None
    solution["metadata"]["course"] = {"outputs_sha256": outputs_hash(to_text(solution))}
    found = output_problems(solution)
    problems = [f"{label}:{cells[index].line}: {sentence}" for index, sentence in found]
    texts = {
        root / "solutions" / f"{path.stem}.ipynb": to_text(solution),
        root / "lessons" / f"{path.stem}.ipynb": to_text(make_lesson(cells)),
    }
    for target, text in texts.items():
        problems += _size_problems(target.relative_to(root).as_posix(), text)
    if problems:
        raise BuildError(*problems)
    for target, text in texts.items():
        write(target, text)
    return list(texts)


def outputs_hash(text: str) -> str:
    """Return a fingerprint of all outputs in a notebook's text, pictures included."""
    outputs = [cell.get("outputs") for cell in json.loads(text)["cells"]]
    return hashlib.sha256(json.dumps(outputs, sort_keys=True).encode()).hexdigest()


def write(target: Path, text: str) -> None:
    """Write a file so that it is either the old one or the new one, never half of it."""
    target.parent.mkdir(exist_ok=True)
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def _size_problems(label: str, text: str) -> Iterator[str]:
    size = len(text.encode())
    if size > LARGEST_FILE:
        yield f"{label}: {size / 1e6:.1f} MB, 3 MB are the most; make its figures smaller."


def check(path: Path, root: Path = ROOT) -> list[str]:
    """Return a sentence for each built file of ``path`` that is missing, stale or not run cleanly.

    Raises SourceError when the source itself is refused.
    """
    cells = load(path, root)
    remedy = f"run `python3 course.py build {path.stem[:2]}`."
    problems = []
    for folder, wanted in (("solutions", make_solution(cells)), ("lessons", make_lesson(cells))):
        label = f"{folder}/{path.stem}.ipynb"
        try:
            text = (root / label).read_text(encoding="utf-8")
        except FileNotFoundError:
            problems.append(f"{label}: missing; {remedy}")
            continue
        problems += _size_problems(label, text)
        if folder == "lessons" and text != to_text(wanted):
            problems.append(f"{label}: stale, its source gives another notebook; {remedy}")
        elif folder == "solutions":
            found = _solution_problems(text, wanted)
            problems += [f"{label}: {sentence}; {remedy}" for sentence in found]
    return problems


def _solution_problems(text: str, wanted: Notebook) -> Iterator[str]:
    """Compare everything but the outputs with the source, and the outputs with their hash."""
    try:
        notebook = json.loads(text)
        bare = copy.deepcopy(notebook)
        recorded = bare["metadata"].pop("course", {}).get("outputs_sha256")
        layout = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        edited = recorded != outputs_hash(text) or text != layout
        for cell in bare["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"execution_count": None, "outputs": []}
        stale = bare != json.loads(to_text(wanted))
    except (ValueError, KeyError, TypeError):
        yield "not a notebook"
        return
    if stale:
        yield "stale, its source gives other cells"
    elif edited:
        yield "changed since it was built"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["source"]]
    if [cell.get("execution_count") for cell in code] != list(range(1, len(code) + 1)):
        yield "not every cell was run, from the first to the last"
    for index, sentence in output_problems(notebook):
        yield f"cell {index}: {sentence.rstrip('.')}"


def orphans(root: Path = ROOT) -> list[str]:
    """Return a sentence for every notebook in solutions/ or lessons/ that has no source."""
    built = [
        path for folder in ("solutions", "lessons") for path in (root / folder).glob("*.ipynb")
    ]
    return [
        f"{path.parent.name}/{path.name}: orphaned, solutions/{path.stem}.py does not exist; "
        f"run `git rm -f {path.parent.name}/{path.name}`."
        for path in sorted(built)
        if not (root / "solutions" / f"{path.stem}.py").is_file()
    ]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return 0 when every chosen lesson is built, or fresh, and else 1."""
    parser = argparse.ArgumentParser(
        prog="course.py build", description="Build the notebooks from solutions/NN_topic.py."
    )
    parser.add_argument("lessons", nargs="*", metavar="NN", help="a lesson: 03 or 03_conv_shapes")
    parser.add_argument("--check", action="store_true", help="only say whether all are fresh")
    options = parser.parse_args(arguments)
    problems: list[str] = []

    def report(found: Sequence[str]) -> None:
        problems.extend(found)
        print(*found, sep="\n", end="\n" if found else "", file=sys.stderr, flush=True)

    try:
        chosen = sources(root, options.lessons)
        if not chosen:
            raise BuildError(
                f"No sources in {root / 'solutions'}: run this in the course's folder."
            )
    except BuildError as error:
        report(error.problems)
        return 1
    for path in chosen:
        try:
            if options.check:
                report(check(path, root))
                continue
            started = time.perf_counter()
            targets = build(path, root)
        except (SourceError, BuildError) as error:
            report(error.problems)
            continue
        for target in targets:
            seconds = time.perf_counter() - started
            print(f"{target.relative_to(root).as_posix()}  {seconds:.1f} s", flush=True)
    if options.check and not options.lessons:
        report(orphans(root))
    if options.check and not problems:
        print("All built notebooks are fresh.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
