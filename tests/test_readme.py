"""What README.md and data/README.md promise is there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LESSONS = sorted(path.stem for path in (ROOT / "lessons").glob("*.ipynb"))


def test_links_and_pictures_exist():
    for document in (ROOT / "README.md", ROOT / "data" / "README.md"):
        for target in re.findall(r"\]\(([^)#\s]+)\)", document.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_is_in_the_map_with_its_minutes(lesson):
    rows = [line for line in README.splitlines() if f"(lessons/{lesson}.ipynb)" in line]
    assert rows, f"README.md's table of lessons has no row for {lesson}"
    row = rows[0]
    source = (ROOT / "solutions" / f"{lesson}.py").read_text(encoding="utf-8")
    minutes = re.search(r"\*\*Time\*\* \| (\d+) minutes", source)[1]
    assert f"| {minutes} |" in row
    assert f"/blob/main/lessons/{lesson}.ipynb" in row


def test_addresses_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"]
    name = repository.removeprefix("https://github.com/")
    found = set(re.findall(r"colab\.research\.google\.com/github/([^/]+/[^/]+)/", README))
    assert found == {name}
    assert f"url    = {{{repository}}}" in README


def test_the_list_of_mistakes_is_printed():
    done = subprocess.run(
        [sys.executable, "-m", "helpers.checks", "conv_shapes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "rounds_up" in done.stdout
    assert "You round up where the division leaves a remainder." in done.stdout
    unknown = subprocess.run(
        [sys.executable, "-m", "helpers.checks", "nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert unknown.returncode == 2
    assert "choose from" in unknown.stderr
