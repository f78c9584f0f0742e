"""The check engine: runs an attempt safely, compares it with the reference, names the mistake.

How to write a check
--------------------
A lesson's checks live in ``helpers/checks/<topic>.py``::

    lesson = Lesson("03", "Convolution shapes")
    progress = lesson.progress

    conv_output_size = lesson.exercise(
        reference.conv_output_size,             # the oracle
        cases=[case(31, 5, 3, 0), case(28, 5, stride=2, padding=2)],
        mistakes={
            "no_padding": Mistake(
                "You leave the padding out.",
                lambda size, kernel_size, stride=1, padding=0, dilation=1: (
                    (size - dilation * (kernel_size - 1) - 1) // stride + 1
                ),
            ),
        },
        hints=["How many pixels are left once the first window is placed?", "..."],
        right=[...],                            # other right answers, for the tests
        difficulty=1, minutes=5,                # as the lesson says: (●○○, 5 min)
    )

Every wrong and right answer takes the arguments by the names that the cases use.

1. Choose ``cases`` so that every mistake you can think of gives other numbers than the reference
   and than every other mistake: small odd sizes, unequal values, non-default arguments. Order
   them simple to hard; the first one that differs is what the learner reads about.
2. Bank each wrong answer as code, with a diagnosis that says what was seen and what to look at.
   Two causes that no input can tell apart are one entry whose diagnosis lists both.
   Ten at least; where an exercise does not admit ten, ``tests/test_checks.py`` has a list.
3. List right answers in other styles. ``tests/test_checks.py`` proves for every exercise: stub
   not attempted, reference and ``right`` pass, each mistake fails and is named as itself.
4. Where calls are not enough (a class, a network, a train step) pass ``probe=`` instead of
   ``cases=``: a generator that yields questions and is sent each value back::

       def probe(attempt):
           layer = yield ask("BatchNorm(3)", lambda: attempt(3), compare=False)
           yield ask("its output in train mode", lambda: layer(x))

   An answer that raises ends the probe, unless the question says ``required=False``. Where a
   comparison would not say it well, an ``answer()`` may raise ``Complaint("is a list, ...")``.
   With ``names_mistakes=True`` the probe's complaints also say which mistake they saw,
   ``Complaint("passes on 0.30 ...", mistake="slope")``: the learner reads the complaint, then the
   diagnosis. The bank is then run by the tests only, which is quick where an answer is slow, and
   a mistake is named whatever else is unlike the banked one.
5. Judge behaviour only: no class names, attribute names or source text.

What is compared: whole numbers exactly (numpy's too; a float or a bool is not a whole number),
floats and arrays with a tolerance, sequences item by item (list or tuple), errors by their type.

What the engine takes care of: attempts that raise, loop or recurse for ever, exit, print, read
input, return None, nan, a wrong type or an endless generator, or change what they were given.
It cannot stop one that never returns from a single call into C code, such as
``sum(itertools.count())``; no Python program can.
"""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import json
import os
import pkgutil
import sys
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from helpers.checks import reports
from helpers.checks.explain import constant_difference, value_difference
from helpers.checks.sandbox import Complaint, Raised, Sandbox, TimeUp
from helpers.checks.values import describe, freeze, same, short_repr, whole

Status = Literal["passed", "failed", "not attempted"]


_AGAIN = "the first call, made again at the end"


class CheckFailed(AssertionError):
    """Raised by a failing or missing attempt when the environment says HELPERS_STRICT=1."""


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    status : ``"passed"``, ``"failed"`` or ``"not attempted"``.
    mistake : slug of the recognised mistake, a key of ``Exercise.mistakes``, or None.
    message : one or more sentences for the learner, plain text.
    """

    status: Status
    mistake: str | None
    message: str


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer: what to tell the learner, and the wrong answer itself as code."""

    diagnosis: str
    wrong: Callable


@dataclass(frozen=True)
class Case:
    """One call of a function exercise."""

    args: tuple
    kwargs: Mapping[str, Any]


def case(*args: Any, **kwargs: Any) -> Case:
    """The call ``attempt(*args, **kwargs)`` as a case of an exercise."""
    return Case(args, kwargs)


@dataclass(frozen=True)
class Question:
    """Something a probe wants to know; see ``ask``."""

    label: str
    answer: Callable[[], Any]
    required: bool = True
    compare: bool = True
    inputs: Mapping[str, Any] = field(default_factory=dict)


def ask(
    label: str, answer: Callable[[], Any], *, required: bool = True, compare: bool = True
) -> Question:
    """A question for a probe to yield: ``label`` describes it, ``answer()`` finds it out.

    required : when the answer raises, the probe ends.
    compare : False for an object that is only needed for later questions, such as a layer.
    """
    return Question(label, answer, required, compare)


Probe = Callable[[Callable], Generator[Question, Any, None]]


@dataclass(frozen=True)
class Answer:
    """One answer, frozen into plain data so that comparing it runs none of the attempt's code."""

    value: Any = None
    raised: Raised | None = None
    changed: Mapping[str, Any] = field(default_factory=dict)  # inputs by name, as they are now


class Lesson:
    """The exercises of one lesson, and where the learner stands."""

    def __init__(self, number: str, title: str) -> None:
        self.number = number
        self.title = title
        self.exercises: dict[str, Exercise] = {}

    def exercise(self, reference: Callable | str, **options: Any) -> Exercise:
        """Add an exercise; the options are those of Exercise.

        Raises ValueError where the lesson has one of that name, or it has fewer than two hints.
        """
        exercise = Exercise(reference, lesson_number=self.number, **options)
        if exercise.name in self.exercises:
            raise ValueError(f"lesson {self.number} has two exercises named {exercise.name!r}")
        self.exercises[exercise.name] = exercise
        return exercise

    def statuses(self) -> dict[str, Status]:
        """Each exercise's name with the status of its last check in this session."""
        return {name: exercise.status for name, exercise in self.exercises.items()}

    def progress(self) -> None:
        """Show the lesson's exercises and which of them are passed."""
        rows = [
            (name, exercise.effort, exercise.status) for name, exercise in self.exercises.items()
        ]
        reports.show(reports.Progress(f"Lesson {self.number}: {self.title}", rows))


class Exercise:
    """One exercise. Call it with an attempt; it shows the outcome and returns what to go on with.

    reference : the right answer, a function or class; its name names the exercise. Or its full
        name, ``"helpers.keras.generator.build_generator"``, where importing it takes long: it is
        imported when it is first needed.
    cases or probe : what is asked of it; see the module's docstring.
    mistakes : slug to Mistake.
    hints : at least two, from a nudge to nearly the answer.
    right : right answers in other styles, used by the tests.
    features : sentence part to predicate over a case's arguments by name, e.g.
        ``{"the division leaves a remainder": lambda size, ...: ...}``. Where the wrong cases are
        just those with a feature, the message says so.
    normalise : applied to frozen values before they are compared, e.g. for answers whose order
        does not matter. It sees anything an attempt may return.
    returns : what the answer is, for messages ("an int").
    names_mistakes : the probe names the mistakes by its complaints; see the module's docstring.
    add_ons : arguments that a learner takes up last, such as dilation. Where the calls without
        them show a banked mistake, that one is named first.
    difficulty : 1 to 3. minutes : for a learner. seconds : for one check of an attempt.
    """

    def __init__(
        self,
        reference: Callable | str,
        *,
        cases: Sequence[Case] = (),
        probe: Probe | None = None,
        names_mistakes: bool = False,
        mistakes: Mapping[str, Mistake] | None = None,
        hints: Sequence[str] = (),
        right: Sequence[Callable] = (),
        features: Mapping[str, Callable[..., bool]] | None = None,
        normalise: Callable[[Any], Any] | None = None,
        returns: str = "",
        add_ons: Sequence[str] = (),
        name: str | None = None,
        lesson_number: str = "",
        difficulty: int = 1,
        minutes: int = 5,
        seconds: float = 2.0,
        tolerance: float = 1e-5,
    ) -> None:
        if isinstance(reference, str):
            self._imported_later = reference
            self.name = name or reference.rpartition(".")[2]
        else:
            self.reference = reference
            self.name = name or reference.__name__
        if len(hints) < 2:
            raise ValueError(f"exercise {self.name!r} needs at least two hints")
        if bool(cases) == (probe is not None):
            raise ValueError(f"exercise {self.name!r} needs either cases or a probe")
        self._names_mistakes = names_mistakes
        self.lesson_number = lesson_number
        self.mistakes = dict(mistakes or {})
        self.hints = tuple(hints)
        self.right = tuple(right)
        self.returns = returns
        self._add_ons = tuple(add_ons)
        self.seconds = seconds
        self.effort = f"{'●' * difficulty}{'○' * (3 - difficulty)} {minutes} min"
        self.status: Status = "not attempted"
        self._cases = tuple(cases)
        self._probe = probe or self._probe_cases
        self._features = dict(features or {})
        self._ordered = normalise is None
        self._normalise = normalise or (lambda value: value)
        self._tolerance = tolerance
        labels = [self._label(each) for each in self._cases]
        if len(set(labels)) < len(labels):
            raise ValueError(f"exercise {self.name!r} has two cases that read the same")
        self._next_hint = 0
        self._outcome: Outcome | None = None
        self._handed_out = False

    @functools.cached_property
    def reference(self) -> Callable:
        module, _, name = self._imported_later.rpartition(".")
        return getattr(importlib.import_module(module), name)

    def __repr__(self) -> str:
        return f"Exercise {self.name} ({self.effort}): {self.status}. Call it with your answer."

    def __call__(self, attempt: Any) -> Any:
        """Check the attempt, show the outcome, and return what the lesson should go on with.

        Returns the attempt if it passed, otherwise the reference.
        Raises CheckFailed (an AssertionError) with HELPERS_STRICT=1 unless it passed; the name
        in the caller's module then holds the reference.
        """
        printed = ""
        if self._handed_out and attempt is self.reference:
            outcome = Outcome(
                "not attempted" if self._outcome.status == "not attempted" else "failed",
                self._outcome.mistake,
                f"{self.name} is the course's reference at the moment, which the last check "
                "gave you. Run the cell with your own answer again, then this one.",
            )
        else:
            outcome, printed = self._judge_safely(attempt)
        self._outcome, self.status = outcome, outcome.status
        passed = outcome.status == "passed"
        self._handed_out = not passed
        reports.show(reports.Result(self.name, outcome.status, outcome.message, printed))
        if not passed and os.environ.get("HELPERS_STRICT") == "1":
            # The assignment in the learner's cell never happens: later exercises that call this
            # function must not be failed for it.
            caller = sys._getframe(1).f_globals
            if caller.get(self.name) is attempt:
                caller[self.name] = self.reference
            raise CheckFailed(f"{self.name}: {outcome.status}. {outcome.message}")
        return attempt if passed else self.reference

    def grade(self, attempt: Any) -> Outcome:
        """Check the attempt for a program: nothing is shown, stored or raised."""
        outcome, _ = self._judge_safely(attempt)
        return outcome

    def look_at(self, attempt: Any) -> None:
        """Show what the check says of an attempt without counting it; never raises."""
        outcome, printed = self._judge_safely(attempt)
        reports.show(
            reports.Result(self.name, outcome.status, outcome.message, printed, counts=False)
        )

    def hint(self) -> None:
        """Show the next hint; after the last one, the last again."""
        number = min(self._next_hint, len(self.hints) - 1)
        self._next_hint += 1
        more = (
            f"`check.{self.name}.hint()` again for the next one."
            if number + 1 < len(self.hints)
            else f"That was the last; `check.{self.name}.solution()` shows an answer."
        )
        title = f"Hint {number + 1} of {len(self.hints)} for {self.name}"
        reports.show(reports.Note(title, self.hints[number], more))

    def solution(self) -> None:
        """Show the lesson's answer, and the reference with its source."""
        origin = f"{self.reference.__module__}.{self.reference.__qualname__}"
        source = inspect.cleandoc("\n" + inspect.getsource(self.reference))
        sources = {f"The reference, {origin}": source}
        answer = self._answer_in_the_lesson()
        if answer:
            sources = {f"An answer to {self.name}": answer, **sources}
        reports.show(reports.Source(sources))

    def _answer_in_the_lesson(self) -> str:
        """The exercise's cell in the solution notebook; empty where ``helpers`` came alone."""
        folder = Path(__file__).resolve().parents[2] / "solutions"
        for path in folder.glob(f"{self.lesson_number}_*.ipynb"):
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["metadata"].get("nbgrader", {}).get("grade_id") == self.name:
                    lines = "".join(cell["source"]).splitlines()
                    markers = ("### BEGIN SOLUTION", "### END SOLUTION")
                    return "\n".join(line for line in lines if line.strip() not in markers)
        return ""

    def _judge_safely(self, attempt: Any) -> tuple[Outcome, str]:
        try:
            return self._judge(attempt)
        except KeyboardInterrupt:  # somebody pressed stop while the bank was being computed
            raise
        except BaseException as error:  # our own fault must not reach a learner as a traceback
            message = (
                f"The check itself failed on this answer ({type(error).__name__}: {error}). "
                "That is a bug of the course, not of yours: please report it with your answer."
            )
            return Outcome("failed", None, message), ""

    def _judge(self, attempt: Any) -> tuple[Outcome, str]:
        if attempt is None or attempt is ...:
            return Outcome("not attempted", None, self._start_here()), ""
        misfit = self._no_function(attempt) or self._signature_misfit(attempt)
        if misfit:
            return Outcome("failed", None, misfit), ""
        expected = self._reference_answers
        mistakes = {} if self._names_mistakes else self._mistake_answers
        answers, printed = self._observe(attempt, self.seconds)
        if answers and all(answer.raised and answer.raised.is_stub for answer in answers.values()):
            return Outcome("not attempted", None, self._start_here()), printed
        if self._agree(expected, answers):
            return Outcome("passed", None, self._praise(answers)), printed
        named = self._named_by_the_probe(answers)
        if named:
            return named, printed
        for slug, seen in mistakes.items():
            if self._agree(seen, answers) and self._fail_alike(seen, answers):
                return Outcome("failed", slug, self.mistakes[slug].diagnosis), printed
        slug, message = None, self._right_but_floats(expected, answers)
        if not message:
            slug, message = self._one_of_two_mistakes(expected, answers)
        message = message or self._explain(expected, answers, printed)
        return Outcome("failed", slug, message), printed

    def _start_here(self) -> str:
        return (
            "Replace the line `raise NotImplementedError` by your answer and run the cell again. "
            f"Stuck? `check.{self.name}.hint()`"
        )

    def _praise(self, answers: Mapping[str, Answer]) -> str:
        return f"Right in all {len(self._cases)} cases." if self._cases else "Right."

    def _no_function(self, attempt: Any) -> str:
        if isinstance(attempt, Exercise):
            return f"This is the check, not your function: `check.{self.name}({self.name})`."
        if callable(attempt):
            return ""
        with Sandbox(self.seconds) as sandbox:
            given, _ = sandbox.run(lambda: describe(freeze(attempt)))
        return (
            f"The check got {given or 'something'} instead of {self.name} itself. Pass the name "
            f"without calling it, `check.{self.name}({self.name})`; if that is what you did, the "
            "name holds a value by now: run the cell with your function again."
        )

    def _signature_misfit(self, attempt: Callable) -> str:
        try:
            signature = inspect.signature(attempt)
        except (TypeError, ValueError):  # some builtins have none
            return ""
        wanted = list(inspect.signature(self.reference).parameters)
        given = list(signature.parameters)
        if self._cases and given != wanted and set(given) == set(wanted):
            return (
                f"Your first line has the arguments in another order ({', '.join(given)}). Keep it "
                f"as it was: `def {self.name}{_bare(self.reference)}:`"
            )
        for each in self._cases:
            try:
                signature.bind(*each.args, **each.kwargs)
            except TypeError as error:
                kind = "class" if isinstance(attempt, type) else "function"
                return (
                    f"Your {kind} cannot be called as {self._label(each)}: {error}. Keep the "
                    f"first line as it was: `def {self.name}{_bare(self.reference)}:`"
                )
        return ""

    def _label(self, each: Case) -> str:
        words = [short_repr(value, 400) for value in each.args]
        words += [f"{name}={short_repr(value, 400)}" for name, value in each.kwargs.items()]
        return f"{self.name}({', '.join(words)})"

    def _arguments(self, each: Case) -> dict[str, Any]:
        bound = inspect.signature(self.reference).bind(*each.args, **each.kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def _probe_cases(self, attempt: Callable) -> Generator[Question, Any, None]:
        # The first case comes again at the end: an answer must not depend on earlier calls.
        for number, each in enumerate((*self._cases, self._cases[0])):
            label = self._label(each) if number < len(self._cases) else _AGAIN
            args, kwargs = copy.deepcopy((each.args, dict(each.kwargs)))
            names = list(self._arguments(each))[: len(args)]
            inputs = dict(zip(names, args, strict=False)) | kwargs
            call = functools.partial(attempt, *args, **kwargs)
            yield Question(label, call, required=False, inputs=inputs)

    def _observe(self, attempt: Callable, seconds: float) -> tuple[dict[str, Answer], str]:
        answers: dict[str, Answer] = {}
        with Sandbox(seconds) as sandbox:
            probe = self._probe(attempt)
            value = None
            while True:
                try:
                    question = probe.send(value)
                except StopIteration:
                    break
                if question.label in answers:  # its first answer would be lost
                    raise ValueError(f"the probe asks {question.label!r} twice")
                before = freeze(question.inputs)
                value, raised = sandbox.run(question.answer)
                if raised:
                    answer = Answer(raised=raised)
                elif not question.compare:
                    answer = Answer()
                else:
                    # Freezing may run the attempt's code too: generators, __repr__, __index__.
                    frozen, raised = sandbox.run(lambda value=value: freeze(value))
                    answer = Answer(None if raised else self._normalise(frozen), raised)
                after, failed = sandbox.run(lambda question=question: freeze(question.inputs))
                if not failed and not same(before, after, 0.0):
                    changed = {
                        name: after[name]
                        for name in before
                        if not same(before[name], after[name], 0.0)
                    }
                    answer = Answer(answer.value, answer.raised, changed)
                answers[question.label] = answer
                if raised and (question.required or raised.type_name == TimeUp.__name__):
                    break
        return answers, sandbox.printed

    @functools.cached_property
    def _reference_answers(self) -> dict[str, Answer]:
        return self._observe_ours(self.reference)

    @functools.cached_property
    def _mistake_answers(self) -> dict[str, dict[str, Answer]]:
        return {slug: self._observe_ours(mistake.wrong) for slug, mistake in self.mistakes.items()}

    def _observe_ours(self, answer: Callable) -> dict[str, Answer]:
        """Observe code of the course, which must not be cut short and then be remembered."""
        answers, _ = self._observe(answer, 60.0)
        for each in answers.values():
            if each.raised and each.raised.type_name in ("KeyboardInterrupt", TimeUp.__name__):
                raise KeyboardInterrupt
        return answers

    def _agree(
        self,
        expected: Mapping[str, Answer],
        answers: Mapping[str, Answer],
        labels: Collection[str] | None = None,
    ) -> bool:
        if labels is None:
            labels = expected
            if list(expected) != list(answers):
                return False
        return all(
            label in expected
            and label in answers
            and self._same_answer(expected[label], answers[label])
            for label in labels
        )

    def _fail_alike(self, seen: Mapping[str, Answer], answers: Mapping[str, Answer]) -> bool:
        """Whether the same errors say the same: a type alone does not make it the same mistake."""
        return all(
            seen[label].raised.text == answer.raised.text
            for label, answer in answers.items()
            if answer.raised
        )

    def _same_answer(self, expected: Answer, answer: Answer) -> bool:
        if not same(expected.changed, answer.changed):
            return False
        if expected.raised or answer.raised:
            if not (expected.raised and answer.raised):
                return False
            of_one_type = expected.raised.type_name == answer.raised.type_name
            if of_one_type and answer.raised.type_name == Complaint.__name__:
                return expected.raised.text == answer.raised.text
            return of_one_type
        return same(expected.value, answer.value, self._tolerance)

    def _right_but_floats(
        self, expected: Mapping[str, Answer], answers: Mapping[str, Answer]
    ) -> str:
        as_ints = {
            label: replace(answer, value=self._normalise(whole(answer.value)))
            for label, answer in answers.items()
        }
        if not self._agree(expected, as_ints):
            return ""
        example = next(
            label for label in answers if not same(as_ints[label].value, answers[label].value)
        )
        return (
            f"All numbers are right, but they are floats: {example} is "
            f"{short_repr(answers[example].value)}. Make them ints: with `//` instead of `/`, or "
            "with `int(...)` around a result that is already whole."
        )

    def _named_by_the_probe(self, answers: Mapping[str, Answer]) -> Outcome | None:
        """The first of the mistakes that the probe's complaints name."""
        for label, answer in answers.items():
            if answer.raised and answer.raised.mistake:
                slug = answer.raised.mistake
                message = f"{label} {answer.raised.text} {self.mistakes[slug].diagnosis}"
                return Outcome("failed", slug, message)
        return None

    def _one_of_two_mistakes(
        self, expected: Mapping[str, Answer], answers: Mapping[str, Answer]
    ) -> tuple[str | None, str]:
        """A banked mistake that explains all cases in which an add-on has its default.

        So that somebody who rounds the wrong way and has not come to dilation yet hears about
        the rounding.
        """
        for name in self._add_ons:
            default = self._defaults[name]
            plain = [
                self._label(each)
                for each in self._cases
                if same(freeze(self._arguments(each)[name]), freeze(default))
            ]
            if len(plain) == len(self._cases) or self._agree(expected, answers, plain):
                continue
            slugs = [
                slug
                for slug, seen in self._mistake_answers.items()
                if self._agree(seen, answers, plain)
            ]
            if len(slugs) == 1:
                message = (
                    f"Leave {name} aside for now. {self.mistakes[slugs[0]].diagnosis} "
                    f"Then look at how {name} enters: where it is not {default!r}, something else "
                    "is wrong too."
                )
                return slugs[0], message
        return None, ""

    @functools.cached_property
    def _defaults(self) -> dict[str, Any]:
        return {
            name: parameter.default
            for name, parameter in inspect.signature(self.reference).parameters.items()
            if parameter.default is not parameter.empty
        }

    def _explain(
        self, expected: Mapping[str, Answer], answers: Mapping[str, Answer], printed: str
    ) -> str:
        """Words for a mistake that is in no bank: the first question that went wrong."""
        wrong = [
            label
            for label in answers
            if not self._same_answer(expected.get(label, Answer()), answers[label])
        ]
        if not wrong:  # it ended before the reference does
            missing = next(label for label in expected if label not in answers)
            return f"Your answer ends before {missing}."
        label, answer = wrong[0], answers[wrong[0]]
        sentence = self._difference(label, expected.get(label, Answer()), answer, printed)
        if not self._cases:
            return sentence
        first = self._label(self._cases[0])
        if _AGAIN in answers and not self._same_answer(answers[first], answers[_AGAIN]):
            return (
                f"{first} gives another answer when it is called again at the end: your function "
                "remembers something between calls. What it collects has to begin inside it."
            )
        if answers[wrong[-1]].raised and answers[wrong[-1]].raised.type_name == TimeUp.__name__:
            if len(answers) == 1:
                return f"{sentence} Does a loop never end?"
            slow = f"All calls together took longer than the check's {self.seconds:g} seconds."
            return f"{sentence} {slow}" if wrong[1:] else slow + " Does one of the loops never end?"
        wrong = [each for each in wrong if each != _AGAIN]
        right = len(self._cases) - len(wrong)
        verb = "is" if right == 1 else "are"
        total = len(self._cases)
        counts = f" {right} of {total} cases {verb} right" if right else " No case is right"
        pairs = [(expected[each].value, answers[each].value) for each in wrong]
        clue = self._clue(set(wrong)) or ("" if right else constant_difference(pairs))
        return f"{sentence}{counts}{'; ' + clue if clue else ''}."

    def _clue(self, wrong: set[str]) -> str:
        """What the wrong cases have in common and the right ones have not, if anything."""
        cases = {self._label(each): self._arguments(each) for each in self._cases}
        features = dict(self._features)
        for name, default in self._defaults.items():
            sentence = f"{name} is not {default!r}"
            features[sentence] = lambda _n=name, _d=default, **given: given[_n] != _d
        subset = ""
        for sentence, holds in features.items():
            having = {label for label, given in cases.items() if holds(**given)}
            if having == wrong:
                return f"the wrong ones are exactly those where {sentence}"
            # A feature that many right cases have too would only mislead.
            rare = 3 * len(having - wrong) <= len(cases) - len(wrong)
            if wrong < having and len(wrong) > 1 and rare and not subset:
                subset = f"in every wrong one {sentence}"
        return subset

    def _difference(self, label: str, expected: Answer, answer: Answer, printed: str) -> str:
        if answer.changed:
            names = " and ".join(answer.changed)
            return (
                f"{label} changes {names}, which belongs to the caller: work on a copy, or build "
                "a new value and return that."
            )
        if answer.raised:
            return f"{label} {answer.raised.sentence(self.seconds)}"
        if expected.raised:
            return (
                f"{label} should raise {expected.raised.type_name}, yours returned "
                f"{describe(answer.value)}."
            )
        return value_difference(
            label, expected.value, answer.value, printed, self.returns, self._ordered
        )


def _bare(function: Callable) -> str:
    """The signature without type hints, as a lesson's stub has it."""
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()
    ]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def lessons() -> dict[str, Lesson]:
    """Every lesson that has checks, by the name of its module in ``helpers.checks``."""
    import helpers.checks as package

    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    topics = [name for name in names if not name.startswith("_")]
    modules = {name: importlib.import_module(f"helpers.checks.{name}") for name in topics}
    found = {n: m.lesson for n, m in modules.items() if isinstance(vars(m).get("lesson"), Lesson)}
    return dict(sorted(found.items(), key=lambda item: item[1].number))
