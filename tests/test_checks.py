"""Every exercise of every lesson: what its check must accept, refuse and name."""

import inspect
import re
from pathlib import Path

import pytest

from helpers.checks.engine import Exercise, lessons

EXERCISES = {
    f"{topic}.{name}": exercise
    for topic, lesson in lessons().items()
    for name, exercise in lesson.exercises.items()
}
MISTAKES = [(each, slug) for each, exercise in EXERCISES.items() for slug in exercise.mistakes]
# Where an exercise admits no ten different wrong answers: the number that it does admit.
FEWER_MISTAKES: dict[str, int] = {}


SOURCES = Path(__file__).resolve().parent.parent / "solutions"


def _stub(exercise: Exercise):
    def stub(*args, **kwargs):
        raise NotImplementedError

    return stub


@pytest.mark.parametrize("each", EXERCISES)
def test_stub_is_not_attempted(each):
    exercise = EXERCISES[each]
    outcome = exercise.grade(_stub(exercise))
    assert (outcome.status, outcome.mistake) == ("not attempted", None)


@pytest.mark.parametrize("each", EXERCISES)
def test_reference_and_other_right_answers_pass(each):
    exercise = EXERCISES[each]
    for answer in (exercise.reference, *exercise.right):
        outcome = exercise.grade(answer)
        assert outcome.status == "passed", f"{inspect.getsource(answer)}\n{outcome}"


@pytest.mark.parametrize("each", EXERCISES)
def test_no_question_fails_on_the_reference(each):
    """A probe that trips over the right answer itself would accept every answer."""
    for label, answer in EXERCISES[each]._reference_answers.items():
        assert answer.raised is None, f"{label}: {answer.raised}"


@pytest.mark.parametrize(("each", "slug"), MISTAKES)
def test_mistake_is_refused_and_named_as_itself(each, slug):
    mistake = EXERCISES[each].mistakes[slug]
    outcome = EXERCISES[each].grade(mistake.wrong)
    assert (outcome.status, outcome.mistake) == ("failed", slug), outcome
    assert mistake.diagnosis in outcome.message


@pytest.mark.parametrize("each", EXERCISES)
def test_bank_is_large_enough_and_right_variants_exist(each):
    exercise = EXERCISES[each]
    assert len(exercise.mistakes) >= FEWER_MISTAKES.get(each, 10)
    assert len(exercise.hints) >= 2
    assert exercise.right


@pytest.mark.parametrize("each", EXERCISES)
@pytest.mark.parametrize("answer", [None, "x", float("nan"), (), object()])
def test_constant_answers_are_refused(each, answer):
    outcome = EXERCISES[each].grade(lambda *args, **kwargs: answer)
    assert outcome.status == "failed"
    assert outcome.mistake is None


@pytest.mark.parametrize("each", EXERCISES)
def test_the_lesson_states_the_same_effort(each):
    exercise = EXERCISES[each]
    (source,) = SOURCES.glob(f"{exercise.lesson_number}_*.py")
    text = source.read_text(encoding="utf-8")
    stated = re.search(rf"\*\*Exercise \d+\*\* `{exercise.name}` \((...), (\d+ min)\)", text)
    assert stated, f"{source.name} has no line '**Exercise n** `{exercise.name}` (●○○, n min)'"
    assert f"{stated[1]} {stated[2]}" == exercise.effort


@pytest.mark.parametrize("each", EXERCISES)
def test_solution_shows_the_lesson_s_answer_and_the_reference(each, capsys):
    EXERCISES[each].solution()
    shown = capsys.readouterr().out
    assert f"An answer to {EXERCISES[each].name}" in shown
    assert "SOLUTION" not in shown
    assert "The reference, helpers." in shown


@pytest.mark.parametrize("source", sorted(SOURCES.glob("*.py")), ids=lambda path: path.stem)
def test_quiz_has_one_right_option_each_and_not_always_in_the_same_place(source):
    text = source.read_text(encoding="utf-8")
    assert "# ## Check yourself" in text and "# ## What to remember" in text, (
        f"{source.name} needs the sections 'Check yourself' (a quiz) and 'What to remember'"
    )
    quiz = text.split("## Check yourself")[1].split("## What to remember")[0]
    questions = re.split(r"(?m)^# \*\*\d+\. ", quiz)[1:]
    places = []
    for question in questions:
        options = re.findall(r"</summary>(.*?)</details>", question)
        right = [place for place, told in enumerate(options) if told.startswith("Yes.")]
        assert len(options) >= 3 and len(right) == 1, question
        assert all(told.startswith(("Yes.", "No.")) for told in options), question
        places += right
    assert 3 <= len(questions) <= 6
    assert len(set(places)) > 1
