"""The build: what it refuses, what it writes, and what its --check finds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from helpers import __version__, build, lesson_source

REPOSITORY = "https://github.com/someone/some-course"

SOURCE = """\
# %% [markdown]
# # Areas
# {{colab_badge}}
#
# Version {{version}} of [the course]({{repository}}).

# %% tags=["setup"]
# {{setup}}

# %%
import fakecheck as check


# %% exercise="area" points=2
def area(side):
    \"\"\"Return the area of a square.\"\"\"
    # Multiply.
    ### BEGIN SOLUTION
    return side * side
    ### END SOLUTION


# %% check="area"
area = check.area(area)

# %% [markdown]
# ## What it looks like
#
# A calculator and a figure.

# %%
import ipywidgets
import matplotlib.pyplot as plt


class Calculator(ipywidgets.VBox):
    def __repr__(self):
        return "A calculator: run this cell to move the sliders."


figure, axes = plt.subplots(figsize=(2, 1))
axes.plot([area(1), area(2)])
Calculator([ipywidgets.IntSlider()])

# %% tags=["nbval-ignore-output"]
import random
import sys

print(f"50 % {random.random()}", end="\\r")
print("a progress bar", file=sys.stderr)

# %% tags=["solution-only"]
print("for instructors")

# %% tags=["solution-only"]
print("for instructors")
"""
BROKEN = """\
# %% [markdown]
# # Broken

# %% tags=["setup"]
# {{setup}}

# %%
side = 2
print(side / 0)
"""
FAKE_CHECK = """\
def area(attempt):
    print("area: passed")
    return attempt
"""


def line_of(text: str, needle: str) -> int:
    """Return the number of the last line that holds ``needle``."""
    return max(number for number, row in enumerate(text.splitlines(), 1) if needle in row)


def make_project(root: Path, **texts: str) -> Path:
    """Make a course with the given sources, ``_03_areas="..."``, and a check module."""
    (root / "solutions").mkdir(parents=True)
    project = f'[project.urls]\nRepository = "{REPOSITORY}"\n[tool.pytest.ini_options]\n'
    (root / "pyproject.toml").write_text(project)
    (root / "fakecheck.py").write_text(FAKE_CHECK)
    shutil.copy(build.ROOT / "conftest.py", root)
    for name, text in texts.items():
        (root / "solutions" / f"{name.lstrip('_')}.py").write_text(text)
    return root


def files(root: Path) -> dict[str, bytes]:
    """Return the contents of the built files."""
    built = [*root.glob("solutions/*.ipynb"), *root.glob("lessons/*")]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(built)}


def read(root: Path, name: str) -> nbformat.NotebookNode:
    return nbformat.read(root / name, as_version=4)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A course whose lesson 03 is built; lesson 04 cannot be."""
    root = make_project(tmp_path_factory.mktemp("built"), _03_areas=SOURCE, _04_broken=BROKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(build.ROOT))
        assert build.main(["03"], root) == 0
    return root


@pytest.fixture
def project(built, tmp_path, monkeypatch) -> Path:
    """A copy of the built course, without the broken lesson, to change."""
    monkeypatch.setenv("PYTHONPATH", str(build.ROOT))
    root = tmp_path / "course"
    shutil.copytree(built, root)
    (root / "solutions" / "04_broken.py").unlink()
    return root


# ---- What is refused --------------------------------------------------------------------------

LONG_CELL = "# %%\n" + "".join(f"x{number} = {number}\n" for number in range(16))
REFUSALS = {
    "unclosed": ("    ### END SOLUTION\n", "", "BEGIN SOLUTION", "not closed"),
    "end without begin": (
        "    ### BEGIN SOLUTION\n",
        "",
        "### END SOLUTION",
        "END SOLUTION without BEGIN",
    ),
    "nested": (
        "    return side * side\n",
        "    return side * side\n    ### BEGIN SOLUTION\n",
        "### BEGIN SOLUTION",
        "inside the one of line 18",
    ),
    "misspelt marker": (
        "    return side * side\n    ### END SOLUTION",
        "    return side * side\n    ### END SOLUTION\n    ## begin solutions",
        "## begin",
        "not quite a marker",
    ),
    "marker with a tail": ("### END SOLUTION", "### END SOLUTION x", "END SOLUTION x", "not quite"),
    "outside a function": (
        "    ### END SOLUTION\n",
        "    ### END SOLUTION\n\n\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n",
        "### BEGIN SOLUTION",
        "outside a function",
    ),
    "in a class body": (
        "    ### END SOLUTION\n",
        "    ### END SOLUTION\n\n\nclass A:\n    ### BEGIN SOLUTION\n    x = 1\n"
        "    ### END SOLUTION\n",
        "### BEGIN SOLUTION",
        "outside a function",
    ),
    "wrong indentation": (
        "    ### BEGIN SOLUTION",
        "        ### BEGIN SOLUTION",
        "### BEGIN SOLUTION",
        "not Python",
    ),
    "outside an exercise": (
        'print("for instructors")\n',
        "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n",
        "### BEGIN SOLUTION",
        "outside an exercise",
    ),
    "exercise without solution": (
        "    ### BEGIN SOLUTION\n    return side * side\n    ### END SOLUTION\n",
        "    return side * side\n",
        "def area(",
        "exercise without a solution",
    ),
    "duplicate exercise": (
        '# %% check="area"\n',
        '# %% exercise="area" points=1\ndef again():\n    ### BEGIN SOLUTION\n    return 1\n'
        '    ### END SOLUTION\n\n\n# %% check="area"\n',
        "def again",
        "stands in line 15 too",
    ),
    "exercise without check": (
        '# %% check="area"\narea = check.area(area)\n',
        "",
        "def area(",
        "without a check",
    ),
    "check without exercise": (
        '# %% exercise="area" points=2',
        '# %% exercise="surface" points=2',
        "= check.area(",
        "without an exercise `area`",
    ),
    "check before exercise": (
        "# %%\nimport fakecheck as check\n",
        '# %%\nimport fakecheck as check\n\n# %% check="area"\ncheck.area(print)\n',
        "check.area(print)",
        "without an exercise `area`",
    ),
    "checked twice": (
        '# %% check="area"\n',
        '# %% check="area"\ncheck.area(area)\n\n# %% check="area"\n',
        "area = check.area(",
        "is checked in line 24 too",
    ),
    "check that does not check": (
        "area = check.area(area)\n",
        "# check.area(area)\nprint(check.area)\n",
        "# check.area(area)",
        "does not call check.area(",
    ),
    "no points": (" points=2\ndef area", "\ndef area", "def area(", "without points"),
    "points zero": ("points=2", "points=0", "def area(", "without points"),
    "points elsewhere": ('# %% check="area"', '# %% check="area" points=1', "= check.area", "move"),
    "points in words": ("points=2", 'points="2"', '# %% exercise="area"', "cannot read"),
    "unknown option": ("points=2", "points=2 minutes=5", "minutes=5", "cannot read this header"),
    "unreadable header": ('tags=["setup"]', 'tags=["setup"', 'tags=["setup"', "cannot read"),
    "cell magic": ("# %%\nimport fakecheck", "# %%time\nimport fakecheck", "%%time", "cannot read"),
    "not a name": ('exercise="area"', 'exercise="the area"', "def area(", "not a Python name"),
    "exercise dropped": (
        '# %% exercise="area" points=2',
        '# %% exercise="area" points=2 tags=["solution-only"]',
        "def area(",
        "that the lesson keeps",
    ),
    "exercise and check": (
        'exercise="area"',
        'exercise="area" check="area"',
        "def area(",
        "make two cells",
    ),
    "long cell": (
        "# %% [markdown]\n# ## W",
        LONG_CELL + "\n# %% [markdown]\n# ## W",
        "x0",
        "16 li",
    ),
    "no title": ("# # Areas", "# Areas", "# %% [markdown]\n# Areas", "no title"),
    "two titles": ("# ## What", "# # What", "# # What", "a second title, the first is in line 2"),
    "heading jump": ("# ## What", "# ### What", "# ### What", "jumps from level 1 to 3"),
    "heading jump in the lesson": (
        "# %% [markdown]\n# ## What it looks like\n#\n",
        '# %% [markdown] tags=["solution-only"]\n# ## Hidden\n\n# %% [markdown]\n# ### Deep\n#\n',
        "# ### Deep",
        "jumps from level 1 to 3",
    ),
    "syntax error": ("axes.plot([", "axes.plot((", "axes.plot", "syntax error"),
    "magic": ("import random\n", "%matplotlib inline\n", "%matplotlib", "syntax error"),
    "stub by hand": ("    # Multiply.", "    # YOUR CODE HERE", "# YOUR CODE HERE", "by hand"),
    "raise by hand": (
        "    # Multiply.",
        "    if not side:\n        raise NotImplementedError",
        "raise NotImpl",
        "by hand",
    ),
    "unknown placeholder": ("# A calculator", "# A {{gadget}}", "{{gadget}}", "unknown {{gadget}}"),
    "text without a hash": ("# A calculator", "A calculator", "A calculator and", "without `# `"),
    "text above": (
        "# %% [markdown]\n# # Areas",
        "x = 1\n# %% [markdown]\n# # Areas",
        "x =",
        "above",
    ),
    "no setup": (
        '# %% tags=["setup"]\n# {{setup}}\n',
        "",
        "# %% [markdown]\n# # Areas",
        "no set-up",
    ),
    "setup by hand": ("# {{setup}}", "import helpers", "import helpers", "holds the one line"),
    "setup later": (
        '# %% tags=["setup"]',
        '# %%\nimport os\n\n# %% tags=["setup"]',
        "# {{setup}}",
        "has to be the first code cell",
    ),
    "skipped cell": ("nbval-ignore-output", "nbval-skip", "import random", "never tested"),
    "skipping comment": (
        "import random",
        "# NBVAL_SKIP\nimport random",
        "NBVAL_SKIP",
        "never test",
    ),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_refused_with_file_and_line(case, tmp_path, capsys):
    old, new, needle, sentence = case
    assert old in SOURCE
    text = SOURCE.replace(old, new, 1)
    root = make_project(tmp_path / "course", _03_areas=text)
    assert build.main([], root) == 1
    first, *others = needle.splitlines()
    line = line_of(text, others[-1]) - len(others) if others else line_of(text, first)
    said = capsys.readouterr().err.splitlines()
    where = f"solutions/03_areas.py:{line}: "
    assert [row for row in said if row.startswith(where) and sentence in row], said
    assert files(root) == {}
    assert build.main(["--check"], root) == 1


def test_all_problems_of_a_source_are_named_in_order(tmp_path, capsys):
    text = SOURCE.replace("points=2", "").replace("    ### END SOLUTION\n", "")
    text = text.replace("# ## What", "# ### What")
    root = make_project(tmp_path / "course", _03_areas=text)
    assert build.main([], root) == 1
    said = capsys.readouterr().err.splitlines()
    lines = [int(row.split(":")[1]) for row in said]
    assert len(said) >= 3
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("03_areas", ["07"], "There is no lesson 07; choose from: 03_areas."),
        ("areas", [], "solutions/areas.py: not a lesson's name"),
    ],
)
def test_unknown_and_misnamed_lessons(tmp_path, capsys, name, arguments, sentence):
    root = make_project(tmp_path / "course", **{f"_{name}": SOURCE})
    assert build.main(arguments, root) == 1
    assert sentence in capsys.readouterr().err


def test_no_lessons(tmp_path, capsys):
    assert build.main(["--check"], make_project(tmp_path / "course")) == 1
    assert "run this in the course's folder" in capsys.readouterr().err


def test_two_lessons_with_one_number(tmp_path, capsys):
    root = make_project(tmp_path / "course", _03_areas=SOURCE, _03_volumes=SOURCE)
    assert build.main(["03"], root) == 1
    assert "solutions/03_volumes.py: number 03 is taken" in capsys.readouterr().err


# ---- What is read and written -----------------------------------------------------------------


def test_cells_are_those_of_jupytext():
    values = dict.fromkeys(["version", "repository", "colab_badge", "setup"], "x")
    ours = lesson_source.parse_source(SOURCE, "03.py", values)
    theirs = jupytext.reads(SOURCE, fmt="py:percent").cells
    assert [cell.kind for cell in ours] == [cell.cell_type for cell in theirs]
    for our, their in zip(ours, theirs, strict=True):
        wanted = lesson_source.fill(their.source, values)
        assert our.text == ("x" if "setup" in our.tags else wanted.strip())
        assert our.tags == their.metadata.get("tags", [])
        for key in ("exercise", "points", "check"):
            assert getattr(our, key) == their.metadata.get(key)


def test_lines_of_cells():
    values = dict.fromkeys(["version", "repository", "colab_badge", "setup"], "x")
    rows = SOURCE.splitlines()
    for cell in lesson_source.parse_source(SOURCE, "03.py", values)[3:]:
        for line, row in cell.rows():
            assert rows[line - 1] in (row, f"# {row}".rstrip())


def test_blank_keeps_indentation_and_everything_outside():
    text = (
        "def f(x):\n    a = 1  # keep\n    ### BEGIN SOLUTION\n    a = 2\n    ### END SOLUTION\n"
        "    if x:\n        ### BEGIN SOLUTION\n        return a\n        ### END SOLUTION\n"
        "    # end"
    )
    assert lesson_source.blank(text) == (
        "def f(x):\n    a = 1  # keep\n    # YOUR CODE HERE\n    raise NotImplementedError\n"
        "    if x:\n        # YOUR CODE HERE\n        raise NotImplementedError\n    # end"
    )


def test_braces_in_code_stay():
    text = 'print(f"{{version}} {{other}} {{x}}")'
    assert lesson_source.fill(text, {"version": "1"}) == 'print(f"1 {{other}} {{x}}")'


def test_lesson(built):
    lesson = read(built, "lessons/03_areas.ipynb")
    nbformat.validate(lesson)
    code = [cell for cell in lesson.cells if cell.cell_type == "code"]
    assert all(cell.execution_count is None and cell.outputs == [] for cell in code)
    assert "for instructors" not in str(lesson)
    assert "side * side" not in str(lesson)
    title, setup, _, exercise, check, *_ = lesson.cells
    github = REPOSITORY.removeprefix("https://github.com/")
    assert f"/github/{github}/blob/main/lessons/03_areas.ipynb" in title.source
    assert f"Version {__version__} of [the course]({REPOSITORY})." in title.source
    assert setup.source.endswith(f'helpers.require("{__version__}")')
    assert len(setup.source.replace("\n\n", "\n").splitlines()) <= lesson_source.LONGEST_CELL
    assert exercise.source == (
        'def area(side):\n    """Return the area of a square."""\n    # Multiply.\n'
        "    # YOUR CODE HERE\n    raise NotImplementedError"
    )
    assert exercise.metadata == {
        "tags": ["exercise"],
        "nbgrader": {
            "cell_type": "code",
            "grade": False,
            "grade_id": "area",
            "locked": False,
            "schema_version": 3,
            "solution": True,
            "task": False,
        },
    }
    assert check.metadata == {
        "tags": ["check"],
        "nbgrader": {
            "cell_type": "code",
            "grade": True,
            "grade_id": "area_check",
            "locked": True,
            "points": 2,
            "schema_version": 3,
            "solution": False,
            "task": False,
        },
    }


def test_solution(built):
    solution = read(built, "solutions/03_areas.ipynb")
    nbformat.validate(solution)
    code = [cell for cell in solution.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert "### BEGIN SOLUTION" in code[2].source
    assert code[3].outputs[0].text == "area: passed\n"
    widget, figure = code[4].outputs
    assert widget.data == {"text/plain": "A calculator: run this cell to move the sliders."}
    assert set(figure.data) == {"text/plain", "image/png"}
    assert code[5].outputs == []  # progress bars
    assert set(solution.metadata) == {"course", "kernelspec", "language_info"}
    assert "version" not in solution.metadata.language_info
    identities = [cell.id for cell in solution.cells]
    assert len(set(identities)) == len(identities)
    lesson = read(built, "lessons/03_areas.ipynb")
    assert [cell.id for cell in lesson.cells] == identities[:-2]


def test_files_are_laid_out_as_jupyter_saves_them(built):
    for name, content in files(built).items():
        again = nbformat.writes(nbformat.reads(content.decode(), as_version=4), version=4)
        assert content.decode() == again.rstrip("\n") + "\n", name


def test_rebuild_gives_the_same_bytes_and_one_lesson_may_fail_alone(project, capsys):
    before = files(project)
    assert len(before) == 2
    assert b"\r" not in b"".join(before.values())
    assert all(content.endswith(b"}\n") for content in before.values())
    for name in before:
        (project / name).unlink()
    (project / "solutions" / "02_broken.py").write_text(BROKEN)
    assert build.main([], project) == 1
    assert files(project) == before
    said = capsys.readouterr()
    assert "solutions/03_areas.ipynb  " in said.out
    assert "solutions/02_broken.py:8: the cell that starts here failed: ZeroDiv" in said.err
    assert "----> 2 print(side / 0)" in said.err
    assert "nbclient" not in said.err


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "lessons" / "03_areas.ipynb"
    build.write(target, "old")

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(build.os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        build.write(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["03_areas.ipynb"]


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ({"output_type": "stream", "name": "stderr", "text": "careful"}, "stderr"),
        ({"output_type": "error", "ename": "E", "evalue": "", "traceback": []}, "stores an error"),
        ({"output_type": "stream", "name": "stdout", "text": "<A at 0x7f0a>"}, "address, 0x7f0a"),
        (
            {"output_type": "display_data", "data": {"text/html": "<b>f at 0x1</b>"}},
            "memory address, 0x1",
        ),
        ({"output_type": "display_data", "data": {build.WIDGET_VIEW: {}}}, "widget view"),
        ({"output_type": "stream", "name": "stdout", "text": "a pixel at 0 and 0x10"}, None),
        ({"output_type": "display_data", "data": {"image/png": "at 0x7f0a"}}, None),
    ],
)
def test_outputs_that_cannot_be_repeated(output, sentence):
    notebook = {"cells": [{"cell_type": "code", "metadata": {}, "outputs": [output]}]}
    found = list(build.output_problems(notebook))
    assert (len(found) == 1 and sentence in found[0][1]) if sentence else found == []


# ---- --check ----------------------------------------------------------------------------------


def edit(path: Path, change) -> None:
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def never_run(notebook):
    notebook["cells"][2]["execution_count"] = None


def stored_stderr(notebook):
    stream = {"name": "stderr", "output_type": "stream", "text": ["careful\n"]}
    notebook["cells"][2]["outputs"] = [stream]


def edited_by_hand(notebook):
    notebook["cells"][2]["source"] = ["import fakecheck as check  # by hand"]


def test_check_is_content_with_a_fresh_build(project, capsys):
    assert build.main(["--check"], project) == 0
    assert capsys.readouterr().out == "All built notebooks are fresh.\n"


@pytest.mark.parametrize("folder", ["solutions", "lessons"])
def test_check_names_a_missing_file(project, capsys, folder):
    (project / folder / "03_areas.ipynb").unlink()
    assert build.main(["--check"], project) == 1
    said = capsys.readouterr().err
    assert said == f"{folder}/03_areas.ipynb: missing; run `python3 course.py build 03`.\n"


def test_check_names_stale_files(project, capsys):
    source = project / "solutions" / "03_areas.py"
    source.write_text(SOURCE.replace("A calculator and a figure", "A figure"))
    assert build.main(["--check", "03"], project) == 1
    said = capsys.readouterr().err.splitlines()
    assert [row.split(";")[0] for row in said] == [
        "solutions/03_areas.ipynb: stale, its source gives other cells",
        "lessons/03_areas.ipynb: stale, its source gives another notebook",
    ]


def test_check_finds_a_better_solution_stale_in_the_solutions_only(project, capsys):
    source = project / "solutions" / "03_areas.py"
    source.write_text(SOURCE.replace("side * side", "side**2"))
    assert build.main(["--check"], project) == 1
    assert [row[:9] for row in capsys.readouterr().err.splitlines()] == ["solutions"]


def other_picture(notebook):
    figure = next(
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    )
    figure["data"]["image/png"] = "AAAA" + figure["data"]["image/png"]


def test_check_finds_another_layout(project, capsys):
    path = project / "solutions" / "03_areas.ipynb"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert build.main(["--check"], project) == 1
    assert "changed since it was built" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (never_run, "not every cell was run, from the first to the last; run"),
        (stored_stderr, "cell 2: this cell writes to stderr"),
        (edited_by_hand, "stale, its source gives other cells; run"),
        (other_picture, "changed since it was built; run"),
        (lambda notebook: notebook["metadata"].update(widgets={}), "stale"),
        (lambda notebook: notebook.pop("cells"), "not a notebook; run"),
    ],
    ids=["never run", "stderr", "edited", "other picture", "widget state", "no notebook"],
)
def test_check_of_the_solutions_notebook(project, capsys, change, sentence):
    edit(project / "solutions" / "03_areas.ipynb", change)
    assert build.main(["--check"], project) == 1
    assert f"solutions/03_areas.ipynb: {sentence}" in capsys.readouterr().err


def test_check_names_orphans(project, capsys):
    (project / "lessons" / "09_gone.ipynb").write_text("{}")
    assert build.main(["--check"], project) == 1
    assert "lessons/09_gone.ipynb: orphaned" in capsys.readouterr().err


def test_check_finds_a_notebook_that_is_too_large(project, capsys, monkeypatch):
    monkeypatch.setattr(build, "LARGEST_FILE", 4000)
    assert build.main(["--check"], project) == 1
    assert "solutions/03_areas.ipynb: 0.0 MB, 3 MB are the most" in capsys.readouterr().err


def test_check_starts_no_kernel_and_loads_no_jupyter():
    heavy = {"torch", "tensorflow", "nbformat", "nbclient", "jupytext"}
    code = f"import sys, helpers.build; print([m for m in sys.modules if m in {heavy}])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=build.ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# ---- nbval ------------------------------------------------------------------------------------


def test_strict_nbval_fails_where_it_should_and_only_there(project):
    """From inside solutions/; what has a figure, a widget or a progress bar passes."""

    def change(notebook):
        never_run(notebook)
        notebook["cells"][4]["outputs"][0]["text"] = ["area: failed\n"]
        notebook["cells"][-1]["metadata"]["tags"] = ["nbval-skip"]

    edit(project / "solutions" / "03_areas.ipynb", change)
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    environment["PYTHONPATH"] = os.pathsep.join([str(project), str(build.ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval"],
        cwd=project / "solutions",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "3 failed, 5 passed" in done.stdout, done.stdout
    assert "Cell 7: This cell is skipped" in done.stdout
    assert "Cell 1: This cell was never run" in done.stdout
    assert "area: failed" in done.stdout
    assert "run `python3 course.py build 03`" in done.stdout
    assert "\x1b" not in done.stdout


# ---- The set-up cell --------------------------------------------------------------------------

SETUP_RUN = """\
import os, sys, types
if {colab}:
    sys.modules["google.colab"] = types.ModuleType("google.colab")
for _ in range(2):
    exec(open({cell!r}).read())
print(os.getcwd())
print(sum(os.path.samefile(p, "..") for p in sys.path if os.path.isdir(p)))
"""


def run_setup(folder: Path, content: Path, repository: str, colab: bool):
    """Run the set-up cell twice in a bare Python (no installed helpers), Colab's /content moved."""
    values = {"folder": "some-course", "repository": repository, "version": "9.9"}
    cell = content / "cell.py"
    cell.write_text(lesson_source.fill(build.SETUP, values).replace("/content", str(content)))
    code = SETUP_RUN.format(colab=colab, cell=str(cell))
    command = [sys.executable, "-S", "-E", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def course(tmp_path) -> Path:
    """A git repository with a helpers package."""
    root = tmp_path / "origin" / "some-course"
    (root / "helpers").mkdir(parents=True)
    (root / "lessons").mkdir()
    (root / "helpers" / "__init__.py").write_text("def require(v):\n    print('required', v)\n")
    (root / "lessons" / "a.ipynb").write_text("{}")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *command], cwd=root, check=True)
    return root


def test_setup_cell_in_the_course_folder(course, tmp_path):
    done = run_setup(course / "lessons", tmp_path, "unused", colab=False)
    assert done.stdout.splitlines()[:3] == ["required 9.9"] * 2 + [str(course / "lessons")]


def test_setup_cell_in_colab(course, tmp_path):
    content = tmp_path / "content"
    content.mkdir()
    done = run_setup(content, content, course.as_uri(), colab=True)
    clone = content / "some-course"
    assert done.stdout.splitlines()[:3] == ["required 9.9"] * 2 + [str(clone / "lessons")]


def test_setup_cell_elsewhere_says_what_to_do(tmp_path):
    done = run_setup(tmp_path, tmp_path, "unused", colab=False)
    assert "ModuleNotFoundError: Open this notebook inside the course's" in done.stderr
    assert "During handling" not in done.stderr
