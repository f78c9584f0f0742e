"""List what students get wrong: ``python -m helpers.checks [topic ...]``."""

from __future__ import annotations

import argparse
import textwrap

from helpers.checks.engine import Lesson, lessons


def listing(lesson: Lesson) -> str:
    """Every exercise of the lesson with the mistakes that its check names, as text."""
    lines = [f"Lesson {lesson.number}: {lesson.title}"]
    for exercise in lesson.exercises.values():
        count = len(exercise.mistakes)
        lines += ["", f"  {exercise.name}  {exercise.effort}, {count} known wrong answers"]
        for slug, mistake in exercise.mistakes.items():
            indent = " " * 8
            told = textwrap.fill(
                mistake.diagnosis, 96, initial_indent=indent, subsequent_indent=indent
            )
            lines += [f"    {slug}", told]
    return "\n".join(lines)


def main() -> None:
    known = lessons()
    parser = argparse.ArgumentParser(
        prog="python -m helpers.checks",
        description="List the wrong answers that the checks know, and what they say to each.",
    )
    parser.add_argument("topics", nargs="*", metavar="topic", help=", ".join(known))
    topics = parser.parse_args().topics
    for topic in topics:
        if topic not in known:
            parser.error(f"no lesson has checks named {topic!r}; choose from {', '.join(known)}")
    print("\n\n".join(listing(known[topic]) for topic in topics or known))


if __name__ == "__main__":
    main()
