"""Write tests/kill_table.md: python -m tests.kill_table [topic ...].

Every exercise of every lesson, with how many wrong answers were given to its check, how many of
them it refused and how many it named, and how many right answers in other styles it accepted.
With topics (``pixel_scaling``, ...), only their rows are made anew.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tqdm import tqdm

from helpers.checks.engine import Exercise, Lesson, lessons
from helpers.runs import write_whole

PATH = Path(__file__).with_suffix(".md")
COLUMNS = (
    "lesson",
    "exercise",
    "wrong answers tried",
    "refused",
    "named",
    "right answers tried",
    "accepted",
)
INTRODUCTION = """# Which wrong answers the checks catch

Each exercise's check is given the wrong answers in its bank, and right answers in several styles.
*Refused* means that the attempt does not pass; *named* that the learner is told which mistake it
is. `python -m helpers.checks` lists the mistakes themselves. Made by `python -m tests.kill_table`;
`tests/test_kill_table.py` finds it stale, and `tests/test_checks.py` tries every answer again.
"""


@dataclass(frozen=True)
class Row:
    """One exercise's line of the table."""

    lesson: str
    exercise: str
    wrong: int
    refused: int
    named: int
    right: int
    accepted: int


def grade(lesson: Lesson, exercise: Exercise) -> Row:
    """Give an exercise's check all that its bank holds."""
    right_answers = [exercise.reference, *exercise.right]
    outcomes = {slug: exercise.grade(bad.wrong) for slug, bad in exercise.mistakes.items()}
    return Row(
        lesson.number,
        exercise.name,
        wrong=len(outcomes),
        refused=sum(outcome.status == "failed" for outcome in outcomes.values()),
        named=sum(outcome.mistake == slug for slug, outcome in outcomes.items()),
        right=len(right_answers),
        accepted=sum(exercise.grade(answer).status == "passed" for answer in right_answers),
    )


def render(rows: Iterable[Row]) -> str:
    """The table as Markdown, with a last line of sums."""
    rows = list(rows)
    sums = [sum(column) for column in list(zip(*map(astuple, rows), strict=True))[2:]]
    lines = ["| " + " | ".join(COLUMNS) + " |", "| --- | --- |" + " ---: |" * len(sums)]
    for row in rows:
        lesson, exercise, *counts = astuple(row)
        lines.append(f"| {lesson} | `{exercise}` | " + " | ".join(map(str, counts)) + " |")
    lines.append(f"| | **{len(rows)} exercises** | " + " | ".join(f"{n:,}" for n in sums) + " |")
    return INTRODUCTION + "\n" + "\n".join(lines) + "\n"


def read(text: str) -> dict[tuple[str, str], Row]:
    """The rows of a written table, by lesson and exercise."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(COLUMNS) and cells[0].isdigit():
            lesson, exercise = cells[0], cells[1].strip("`")
            rows[lesson, exercise] = Row(lesson, exercise, *map(int, cells[2:]))
    return rows


def write(known: Mapping[str, Lesson], topics: Iterable[str], path: Path = PATH) -> list[Row]:
    """Grade the topics' exercises, keep the other rows, and write the table."""
    kept = read(path.read_text(encoding="utf-8")) if path.exists() else {}
    each = [
        (topic, lesson, e) for topic, lesson in known.items() for e in lesson.exercises.values()
    ]
    each.sort(key=lambda entry: entry[1].number)
    rows = []
    for topic, lesson, exercise in tqdm(each, unit="exercise"):
        old = kept.get((lesson.number, exercise.name))
        rows.append(grade(lesson, exercise) if topic in topics or old is None else old)
    write_whole(path, render(rows).encode())
    return rows


def main() -> None:
    known = lessons()
    parser = argparse.ArgumentParser(prog="python -m tests.kill_table", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="topic", help=", ".join(known))
    topics = parser.parse_args().topics
    for topic in topics:
        if topic not in known:
            parser.error(f"no lesson has checks named {topic!r}; choose from {', '.join(known)}")
    rows = write(known, topics or known)
    for row in rows:
        if row.named < row.wrong or row.accepted < row.right:
            print(f"Lesson {row.lesson}, {row.exercise}: not all as it should be: {row}")
    print(f"{PATH.name}: {len(rows)} exercises, {sum(row.wrong for row in rows):,} wrong answers.")


if __name__ == "__main__":
    main()
