"""The table of what the checks catch: fresh, and made from what the checks really say."""

from __future__ import annotations

from types import SimpleNamespace

from helpers.checks.engine import Lesson, Mistake, case, lessons
from tests import kill_table
from tests.kill_table import Row


def double(x):
    """Twice x."""
    return 2 * x


def toy_lesson() -> Lesson:
    lesson = Lesson("99", "Toys")
    lesson.exercise(
        double,
        cases=[case(1), case(2), case(5)],
        mistakes={
            "square": Mistake("You squared it.", lambda x: x * x),
            "not-a-mistake": Mistake("This bank is wrong: the answer is right.", lambda x: x + x),
        },
        hints=["Two.", "Times."],
        right=[lambda x: x + x],
    )
    return lesson


def test_table_is_fresh():
    """test_checks.py tries every answer; here it is enough that the table counts the same banks."""
    written = kill_table.read(kill_table.PATH.read_text(encoding="utf-8"))
    banks = {
        (lesson.number, exercise.name): (len(exercise.mistakes), len(exercise.right) + 1)
        for lesson in lessons().values()
        for exercise in lesson.exercises.values()
    }
    remedy = "python -m tests.kill_table makes it anew (with topics: only their rows)"
    assert {key: (row.wrong, row.right) for key, row in written.items()} == banks, remedy
    for row in written.values():
        assert (row.refused, row.named, row.accepted) == (row.wrong, row.wrong, row.right), row
    assert kill_table.PATH.read_text(encoding="utf-8") == kill_table.render(written.values())


def test_what_a_check_lets_through_or_cannot_name_is_counted():
    (exercise,) = toy_lesson().exercises.values()
    row = kill_table.grade(toy_lesson(), exercise)
    assert row == Row("99", "double", wrong=2, refused=1, named=1, right=2, accepted=2)


def test_only_the_topics_asked_for_are_graded_again(tmp_path):
    path = tmp_path / "table.md"
    old = Row("01", "kept", 7, 6, 5, 4, 3)
    path.write_text(kill_table.render([old]), encoding="utf-8")
    kept = SimpleNamespace(number="01", exercises={"kept": SimpleNamespace(name="kept")})
    rows = kill_table.write({"old": kept, "toys": toy_lesson()}, ["toys"], path)
    assert rows == list(kill_table.read(path.read_text(encoding="utf-8")).values())
    assert rows[0] == old and rows[1].exercise == "double"
