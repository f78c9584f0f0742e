"""Checks of lesson 09, Nash equilibrium.

The string below each exercise is what the lesson has to tell the learner about it.
"""

from __future__ import annotations

import copy
import functools
import inspect
import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers import games
from helpers.checks.engine import Case, Complaint, Exercise, Lesson, Mistake, Question, ask, case
from helpers.checks.values import Opaque, describe, freeze, is_array, same

lesson = Lesson("09", "Nash equilibrium")
progress = lesson.progress


# --- how every exercise is judged ---------------------------------------------------------------


@dataclass(frozen=True)
class _Outcome:
    """What came of one call: a value as plain data, or what it raised, its type and message."""

    value: Any = None
    raised: str = ""
    message: str = ""

    def like(self, other: _Outcome) -> bool:
        if self.raised or other.raised:
            return bool(self.raised and other.raised)
        return same(self.value, other.value) or same(other.value, self.value)  # 0 and 0.0


def _same_outcomes(some: Sequence[_Outcome], others: Sequence[_Outcome]) -> bool:
    if all(outcome.raised for outcome in some):  # that it fails says little; why says more
        return list(some) == list(others)
    return all(a.like(b) for a, b in zip(some, others, strict=True))


@dataclass(frozen=True)
class _Judge:
    """A probe that asks every case, and says which mistake gives the answers it got.

    If none gives them all, one that gives those of the plain cases: so somebody who has swapped
    two things and has not thought of 0/0 yet hears about the swap.

    right : the right answer. cases : what is asked. mistakes : slug to Mistake.
    plain : whether a case is a plain one. aside : what to say where only the plain ones agree.
    also : more forms of a mistake, by its slug, which need not be told apart.
    tell : why a value is wrong, from the case and the value; starts after the call.
    """

    right: Callable
    cases: Sequence[Case]
    mistakes: Mapping[str, Mistake]
    plain: Callable[[Case], bool] = lambda each: True
    aside: str = ""
    tell: Callable[[Case, Any, Any], str] | None = None
    also: Mapping[str, Sequence[Callable]] = field(default_factory=dict)

    def __call__(self, attempt: Callable) -> Generator[Question, Any, None]:
        outcomes: list[_Outcome] = []
        changed: list[str] = []
        misfit = self._other_order(attempt)
        if misfit:
            yield ask("The first line", functools.partial(_complain, misfit))
        for number, each in enumerate((*self.cases, self.cases[0])):
            label = self._told(each)
            if number == len(self.cases):
                label = f"The first call, made again at the end, {label}"
            fresh = copy.deepcopy(each)
            names = inspect.signature(self.right).parameters
            inputs = {**dict(zip(names, fresh.args, strict=False)), **fresh.kwargs}
            answer = functools.partial(self._ask, attempt, each, fresh, outcomes)
            yield Question(label, answer, required=False, inputs=inputs)
            changed += [
                name
                for name, before, after in zip(names, each.args, fresh.args, strict=False)
                if not same(freeze(before), freeze(after), 0.0)
            ]
        if not all(outcome.raised == "NotImplementedError" for outcome in outcomes):  # a stub
            name = self.right.__name__
            yield ask(name, functools.partial(self._name_the_mistake, outcomes, changed))

    def _other_order(self, attempt: Callable) -> str:
        """What to say of arguments that were put into another order."""
        try:
            given = list(inspect.signature(attempt).parameters)
        except (TypeError, ValueError):  # some builtins have none
            return ""
        wanted = list(inspect.signature(self.right).parameters)
        if given == wanted or set(given) != set(wanted):
            return ""
        return (
            f"has the arguments in another order: ({', '.join(given)}). They come in the order "
            f"({', '.join(wanted)})."
        )

    def _ask(self, attempt: Callable, each: Case, fresh: Case, outcomes: list[_Outcome]) -> Any:
        outcome = _Outcome(raised="nothing")  # should the clock stop it
        outcomes.append(outcome)
        try:
            value = attempt(*fresh.args, **fresh.kwargs)
            outcomes[-1] = _Outcome(_frozen(value))
        except Exception as error:
            outcomes[-1] = _Outcome(None, type(error).__name__, str(error))
            raise
        frozen, expected = outcomes[-1].value, self._expected(each)
        if self.tell is not None and not same(expected, frozen):
            raise Complaint(self.tell(each, expected, frozen))
        return value if isinstance(frozen, Opaque) else frozen

    def _expected(self, each: Case) -> Any:
        return _frozen(self.right(*each.args, **each.kwargs))

    def _name_the_mistake(self, outcomes: Sequence[_Outcome], changed: Sequence[str]) -> None:
        *outcomes, again = outcomes
        right = [_Outcome(self._expected(each)) for each in self.cases]
        if _same_outcomes(right, outcomes):
            if changed and "in_place" in self.mistakes:
                raise Complaint(f"gives the right numbers, but changes {changed[0]}.", "in_place")
            return
        if not again.like(outcomes[0]) and "remembers" in self.mistakes:
            first, again = (_told(each.value) for each in (outcomes[0], again))
            arguments = self._arguments(self.cases[0])
            raise Complaint(
                f"gives {first} for {arguments}, and {again} for the same once more at the end.",
                "remembers",
            )
        bank = [
            (slug, self._outcomes_of(wrong))
            for slug, mistake in self.mistakes.items()
            for wrong in (mistake.wrong, *self.also.get(slug, ()))
        ]
        for slug, known in bank:
            if _same_outcomes(known, outcomes):
                raise Complaint(self._seen(range(len(right)), right, outcomes), slug)
        plain = [place for place, each in enumerate(self.cases) if self.plain(each)]
        some = [outcomes[place] for place in plain]
        if _same_outcomes([right[place] for place in plain], some):
            return
        named = {
            slug for slug, known in bank if _same_outcomes([known[place] for place in plain], some)
        }
        if len(named) == 1:
            raise Complaint(f"{self._seen(plain, right, outcomes)} {self.aside}", named.pop())

    def _outcomes_of(self, wrong: Callable) -> list[_Outcome]:
        outcomes = []
        for each in copy.deepcopy(tuple(self.cases)):
            try:
                with np.errstate(all="ignore"):
                    value = wrong(*each.args, **each.kwargs)
                outcomes.append(_Outcome(_frozen(value)))
            except Exception as error:
                outcomes.append(_Outcome(None, type(error).__name__, str(error)))
        return outcomes

    def _seen(
        self, places: Iterable[int], right: Sequence[_Outcome], outcomes: Sequence[_Outcome]
    ) -> str:
        """The first wrong answer, in numbers; for after the exercise's name."""
        place = next(place for place in places if not right[place].like(outcomes[place]))
        each, expected, outcome = self.cases[place], right[place].value, outcomes[place]
        arguments = self._arguments(each)
        if outcome.raised:
            return f"raises {outcome.raised} for {arguments}."
        if self.tell is not None:
            return f"for {arguments} {self.tell(each, expected, outcome.value)}"
        return f"gives {_told(outcome.value)} for {arguments}; right is {_told(expected)}."

    def _told(self, each: Case) -> str:
        return f"{self.right.__name__}{self._arguments(each)}"

    def _arguments(self, each: Case) -> str:
        words = [_told(value) for value in each.args]
        words += [f"{name}={_told(value)}" for name, value in each.kwargs.items()]
        return f"({', '.join(words)})"


def _complain(text: str) -> None:
    raise Complaint(text)


def _frozen(value: Any) -> Any:
    """A value as plain data; NumPy's bools as bools, which an older NumPy takes for ints."""
    if str(getattr(value, "dtype", "")).endswith("bool") and not getattr(value, "shape", ()):
        return bool(value)
    return _plain(freeze(value))


def _plain(value: Any) -> Any:
    """A frozen value with arrays as tuples, and floats without their rounding errors."""
    if is_array(value):
        return _plain(freeze(value.tolist()))
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, float):
        return float(f"{value:.8g}") + 0  # no -0
    return value


def _told(value: Any) -> str:
    """A value as a learner would write it, four digits of every number."""
    if isinstance(value, tuple):
        return f"({', '.join(_told(item) for item in value)})"
    if isinstance(value, np.ndarray | list):
        return f"[{', '.join(_told(item) for item in value)}]"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return str(value)
    return f"{value + 0:.4g}"


def _bank(entries: Mapping[str, tuple[str, Callable]]) -> dict[str, Mistake]:
    return {
        slug: Mistake(diagnosis, _without_warnings(wrong))
        for slug, (diagnosis, wrong) in entries.items()
    }


def _without_warnings(wrong: Callable) -> Callable:
    """NumPy warns of 0/0 and log 0, which some mistakes are about."""

    @functools.wraps(wrong)
    def quiet(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return wrong(*args, **kwargs)

    return quiet


def _array(*values: float) -> np.ndarray:
    return np.array(values, float)


# --- is_nash ------------------------------------------------------------------------------------


_THIRD = _array(1 / 3, 1 / 3, 1 / 3)
_PRISONERS = np.array([[-1.0, -3], [0, -2]])
_ROCK_PAPER_SCISSORS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
_PENNIES = np.array([[1.0, -1], [-1, 1]])
# Row likes the first meeting point better, column the second.
_MEETING = np.array([[3.0, 0], [0, 1]]), np.array([[1.0, 0], [0, 3]])
_COORDINATION = np.array([[2.0, 0], [0, 1]])
_WIDE = np.array([[2.0, 0, 1], [1, 3, 1]]), np.array([[1.0, 3, 0], [2, 1, 0.5]])
_TENTHS = np.array([[0.1, 0.7], [0.5, 0.2]]), np.array([[0.3, 0.6], [0.9, 0.2]])
_SADDLE_POINT = np.array([[3.0, 2], [1, 0]])
_INDIFFERENT = np.array([[1.0, 1], [1, 0]])
# Equilibria; the first is none if row_payoff is read the other way round, the second if
# column_payoff is.
_ROW_DECIDES = np.array([[2.0, 3], [0, 1]]), np.array([[0.0, 3], [1, 2]])
_COLUMN_DECIDES = np.array([[0.0, 2], [3, 1]]), np.array([[2.0, 3], [1, 0]])
_TALL = np.array([[1.0, 4], [2, 0], [0, 3]]), np.array([[2.0, 1], [0, 3], [1, 1]])

_NASH_CASES = [
    case(_PRISONERS, _PRISONERS.T.copy(), _array(0, 1), _array(0, 1)),
    case(_PRISONERS, _PRISONERS.T.copy(), _array(1, 0), _array(1, 0)),
    case(*_ROW_DECIDES, _array(1, 0), _array(0, 1)),
    case(*_COLUMN_DECIDES, _array(1, 0), _array(0, 1)),
    case(_PENNIES, -_PENNIES, _array(0.5, 0.5), _array(0.5, 0.5)),
    case(_PENNIES, -_PENNIES, _array(0.5, 0.5), _array(0.75, 0.25)),
    case(10 + _PENNIES, 10 - _PENNIES, _array(0.75, 0.25), _array(0.5, 0.5)),
    case(_PENNIES, -_PENNIES, _array(0.5, 0.5), _array(0.515, 0.485)),
    case(_ROCK_PAPER_SCISSORS, -_ROCK_PAPER_SCISSORS, _THIRD, _THIRD),
    case(_ROCK_PAPER_SCISSORS, -_ROCK_PAPER_SCISSORS, _THIRD, _array(1, 0, 0)),
    case(_ROCK_PAPER_SCISSORS, -_ROCK_PAPER_SCISSORS, _array(1, 0, 0), _THIRD),
    case(_SADDLE_POINT, -_SADDLE_POINT, _array(1, 0), _array(0, 1)),
    case(*_MEETING, _array(1, 0), _array(1, 0)),
    case(*_MEETING, _array(1, 0), _array(0, 1)),
    case(*_MEETING, _array(0.75, 0.25), _array(0.25, 0.75)),
    case(*_MEETING, _array(0.25, 0.75), _array(0.75, 0.25)),
    case(*_MEETING, _array(0.75, 0.25), _array(1, 0)),
    case(*_MEETING, _array(1, 0), _array(0.25, 0.75)),
    case(_COORDINATION, _COORDINATION.copy(), _array(0, 1), _array(0, 1)),
    case(_COORDINATION, _COORDINATION.copy(), _array(0.9, 0.1), _array(1, 0)),
    case(_INDIFFERENT, _INDIFFERENT.copy(), _array(1, 0), _array(1, 0)),
    case(_INDIFFERENT, _INDIFFERENT.copy(), _array(0, 1), _array(0, 1)),
    case(*_TENTHS, _array(0.7, 0.3), _array(5 / 9, 4 / 9)),
    case(*_WIDE, _array(1 / 3, 2 / 3), _array(0.75, 0.25, 0)),
    case(*_WIDE, _array(1 / 3, 2 / 3), _array(0.75, 0.15, 0.1)),
    case(*_WIDE, _array(0.5, 0.5), _array(0, 0, 1)),
    case(*_TALL, _array(0, 1, 0), _array(0, 1)),
    case(*_TALL, _array(0, 1, 0), _array(1, 0)),
    case(np.array([[1.0, 2]]), np.array([[0.0, 3]]), _array(1), _array(0, 1)),
]


def is_nash(
    row_payoff: np.ndarray,
    column_payoff: np.ndarray,
    row_strategy: np.ndarray,
    column_strategy: np.ndarray,
) -> bool:
    """Return whether neither player gains by changing strategy alone.

    It is enough to try the pure strategies: a mixture gets a mean of what they get, so where no
    pure one gains, no mixture does.
    """
    gain_of_row = max(row_payoff @ column_strategy) - row_strategy @ row_payoff @ column_strategy
    gain_of_column = (
        max(row_strategy @ column_payoff) - row_strategy @ column_payoff @ column_strategy
    )
    return bool(max(gain_of_row, gain_of_column) < 1e-6)


_is_nash = is_nash


def _tell_nash(each: Case, expected: bool, value: Any) -> str:
    if not isinstance(value, bool):
        return f"returned {describe(value)}. It has to return True or False."
    return f"returned {value}. {_nash_in_words(*each.args)}"


def _nash_in_words(row_payoff, column_payoff, row_strategy, column_strategy) -> str:
    """Why it is an equilibrium, or who would gain."""
    players = {
        "row": (row_payoff @ column_strategy, row_strategy),
        "column": (row_strategy @ column_payoff, column_strategy),
    }
    stays = []
    for player, (values, strategy) in players.items():
        now, best = values @ strategy, int(np.argmax(values))
        if values[best] > now + 1e-6:
            return (
                f"It is none: {player} gets {_near(now)} on average and would get "
                f"{_near(values[best])} by always playing {player} {best}, counted from 0."
            )
        stays.append(f"{player} gets {_near(now)}, its single actions {_told(values.round(9))}")
    told = f"It is one, since nobody can do better: {'; '.join(stays)}."
    if all(float(share * 4).is_integer() for share in (*row_strategy, *column_strategy)):
        return told
    return f"{told} Do you compare exactly? Then rounding errors of 1e-16 decide."


def _near(value: float) -> str:
    return f"{round(float(value), 9) + 0:.4g}"


def _exactly_best(values: np.ndarray, strategy: np.ndarray) -> bool:
    return (values[strategy > 0] == values.max()).all()


def _for_both(good: Callable) -> Callable:
    """An answer that asks the same of both players.

    good : of what each own action gets against the other's strategy, and of the own strategy.
    """
    return lambda row_payoff, column_payoff, row_strategy, column_strategy: bool(
        good(row_payoff @ column_strategy, row_strategy)
        and good(row_strategy @ column_payoff, column_strategy)
    )


def _with_tolerance(tolerance: float) -> Callable:
    return _for_both(lambda values, strategy: values.max() <= values @ strategy + tolerance)


def _no_gain(values: np.ndarray, strategy: np.ndarray) -> bool:
    return values.max() <= values @ strategy + 1e-9


def _of_game(judge: Callable) -> Callable:
    """A wrong answer from both matrices a and b and both strategies x and y."""
    return lambda row_payoff, column_payoff, row_strategy, column_strategy: judge(
        row_payoff, column_payoff, row_strategy, column_strategy
    )


def _exact(row_payoff, column_payoff, row_strategy, column_strategy):
    rows, columns = range(len(row_strategy)), range(len(column_strategy))
    row = [sum(row_payoff[i][j] * column_strategy[j] for j in columns) for i in rows]
    column = [sum(column_payoff[i][j] * row_strategy[i] for i in rows) for j in columns]
    of_row = sum(row_strategy[i] * row[i] for i in rows)
    of_column = sum(column_strategy[j] * column[j] for j in columns)
    return bool(of_row >= max(row) and of_column >= max(column))


def _exact_by_products(row_payoff, column_payoff, row_strategy, column_strategy):
    of_row, of_column = row_payoff @ column_strategy, row_strategy @ column_payoff
    return bool(
        of_row.max() <= row_strategy @ row_payoff @ column_strategy
        and of_column.max() <= row_strategy @ column_payoff @ column_strategy
    )


def _dominated(a, b, x, y) -> bool:
    """No pair of actions is better for one and not worse for the other."""
    of_row, of_column = x @ a @ y, x @ b @ y
    better = (a >= of_row - 1e-9) & (b >= of_column - 1e-9)
    return not (better & ((a > of_row + 1e-9) | (b > of_column + 1e-9))).any()


def _pure(a, b, x, y) -> bool:
    return x.max() == 1 and y.max() == 1


def _nash_by_loops(row_payoff, column_payoff, row_strategy, column_strategy):
    n, m = row_payoff.shape
    row_now = column_now = 0.0
    for i in range(n):
        for j in range(m):
            row_now += row_strategy[i] * column_strategy[j] * row_payoff[i][j]
            column_now += row_strategy[i] * column_strategy[j] * column_payoff[i][j]
    for i in range(n):
        if sum(column_strategy[j] * row_payoff[i][j] for j in range(m)) > row_now + 1e-9:
            return False
    for j in range(m):
        if sum(row_strategy[i] * column_payoff[i][j] for i in range(n)) > column_now + 1e-9:
            return False
    return True


def _nash_by_support(row_payoff, column_payoff, row_strategy, column_strategy):
    """Every action that is played must be a best response."""
    row_values = row_payoff.dot(column_strategy)
    column_values = column_payoff.T.dot(row_strategy)
    row_best = np.isclose(row_values, row_values.max())
    column_best = np.isclose(column_values, column_values.max())
    return np.all(row_best[row_strategy > 0]) and np.all(column_best[column_strategy > 0])


def _nash_by_best_responses(row_payoff, column_payoff, row_strategy, column_strategy):
    row_best = games.best_responses(row_payoff, column_strategy)
    column_best = games.best_responses(column_payoff.T, row_strategy)
    return set(np.flatnonzero(row_strategy)) <= set(row_best) and set(
        np.flatnonzero(column_strategy)
    ) <= set(column_best)


def _nash_by_trying(row_payoff, column_payoff, row_strategy, column_strategy):
    now = np.einsum("i,ij,j", row_strategy, row_payoff, column_strategy)
    now_column = np.einsum("i,ij,j", row_strategy, column_payoff, column_strategy)
    for pure in np.eye(len(row_strategy)):
        if pure @ row_payoff @ column_strategy - now > 1e-3:
            return False
    return all(
        row_strategy @ column_payoff @ pure - now_column <= 1e-3
        for pure in np.eye(len(column_strategy))
    )


_NASH_ENTRIES: dict[str, tuple[str, Callable]] = {
    "only_row": (
        "You look at the row player only. In an equilibrium neither gains: ask the same of the "
        "column player, with column_payoff.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x))),
    ),
    "only_column": (
        "You look at the column player only. In an equilibrium neither gains: ask the same of the "
        "row player, with row_payoff.",
        _of_game(lambda a, b, x, y: bool(_no_gain(x @ b, y))),
    ),
    "either": (
        "You are content when one of the two cannot gain. Both have to be: `and` instead of `or`.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x) or _no_gain(x @ b, y))),
    ),
    "column_payoff_transposed": (
        "You read column_payoff the other way round: `column_payoff @ row_strategy` sums over "
        "the columns. In both matrices the first index is row's action, so what each column gets "
        "is `row_strategy @ column_payoff`, or `column_payoff.T @ row_strategy`.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x) and (b @ x).max() <= x @ b @ y + 1e-9)),
    ),
    "column_payoff_transposed_everywhere": (
        "You read column_payoff the other way round, as if its first index were the column "
        "player's action. In both matrices the first index is row's action: column gets "
        "`row_strategy @ column_payoff` by its single actions.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x) & _no_gain(b @ x, y))),
    ),
    "column_payoff_with_its_own_strategy": (
        "You weight column_payoff with column's own strategy: `column_payoff @ column_strategy`. "
        "Column's single actions are met by what row plays: `row_strategy @ column_payoff`.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x) & _no_gain(b @ y, y))),
    ),
    "row_payoff_transposed": (
        "You read row_payoff the other way round: `column_strategy @ row_payoff` sums over row's "
        "own actions. What each row gets is `row_payoff @ column_strategy`.",
        _of_game(lambda a, b, x, y: bool(_no_gain(y @ a, x) & _no_gain(x @ b, y))),
    ),
    "payoffs_swapped": (
        "You compare each player with the other's numbers: the two matrices are swapped, or "
        "`row_strategy @ row_payoff` stands for what row gets. By its single actions row gets "
        "`row_payoff @ column_strategy`, and column `row_strategy @ column_payoff`.",
        _of_game(
            lambda a, b, x, y: bool(
                (x @ a).max() <= x @ a @ y + 1e-9 and (b @ y).max() <= x @ b @ y + 1e-9
            )
        ),
    ),
    "strategies_swapped": (
        "You have swapped the two strategies: row_strategy goes with the first index of both "
        "matrices.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ x, y) and _no_gain(y @ b, x))),
    ),
    "zero_sum": (
        "You take −row_payoff for what column gets. That holds in a zero-sum game; here it is "
        "column_payoff, whatever row gets.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x) and _no_gain(-(x @ a), y))),
    ),
    "row_payoff_for_both": (
        "You take row_payoff for both players. Column gets column_payoff.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x) and _no_gain(x @ a, y))),
    ),
    "column_minimises": (
        "Your column player wants as little as possible. column_payoff is what it gets: it "
        "maximises that, also in a zero-sum game, where column_payoff is −row_payoff already.",
        _of_game(lambda a, b, x, y: bool(_no_gain(a @ y, x) and (x @ b).min() >= x @ b @ y - 1e-9)),
    ),
    "both_minimise": (
        "Your players want as little as possible. Payoffs are gains: compare with the max of what "
        "the single actions get, not the min.",
        _for_both(lambda values, strategy: values.min() >= values @ strategy - 1e-9),
    ),
    "pure_only": (
        "You accept pure strategies only. A mixture can be an equilibrium too: compare what it "
        "gets on average, strategy @ values, with the best single action.",
        _of_game(lambda a, b, x, y: bool(_pure(a, b, x, y) and _is_nash(a, b, x, y))),
    ),
    "mixed_only": (
        "You accept only strategies that mix all actions. A pure strategy, or one that leaves "
        "actions out, can be an equilibrium too.",
        _of_game(lambda a, b, x, y: bool(x.min() > 0 and y.min() > 0 and _is_nash(a, b, x, y))),
    ),
    "uniform_only": (
        "You compare with the uniform mixture. That is the equilibrium of rock-paper-scissors, not "
        "of every game: ask whether somebody would gain.",
        _for_both(lambda values, strategy: np.allclose(strategy, 1 / len(strategy))),
    ),
    "most_likely_action": (
        "You look at the most likely action of a mixture only (argmax). The others are played too: "
        "take the average, strategy @ values.",
        _for_both(
            lambda values, strategy: values[strategy.argmax()] >= values.max() - 1e-9,
        ),
    ),
    "best_action_is_played": (
        "You ask whether the best action is among those that are played, or whether one that is "
        "played is best. All that are played have to be best; with a worse one among them, leaving "
        "it out is a gain.",
        _for_both(
            lambda values, strategy: (values[strategy > 0] >= values.max() - 1e-9).any(),
        ),
    ),
    "played_actions_compared": (
        "You compare only the actions that are played with each other. One that is not played may "
        "be better: compare with the max over all actions.",
        _for_both(
            lambda values, strategy: np.ptp(values[strategy > 0]) < 1e-9,
        ),
    ),
    "all_actions_equal": (
        "You ask for all actions to be equally good. That has to hold for the actions that are "
        "played; the others may be worse.",
        _for_both(lambda values, strategy: np.ptp(values) < 1e-9),
    ),
    "strict": (
        "You ask for every other action to be worse. Equally good is enough: nobody gains by "
        "changing, so compare with >= (and a tolerance).",
        _for_both(
            lambda values, strategy: all(
                values[i] < values @ strategy - 1e-9 for i in range(len(values)) if strategy[i] < 1
            )
        ),
    ),
    "no_tolerance": (
        "Here they do: allow for a little, such as `gain <= 1e-6`.",
        _exact,
    ),
    "tolerance_too_large": (
        "Your tolerance is so large that real gains pass. It is meant for rounding errors: 1e-6 "
        "is enough.",
        _with_tolerance(0.5),
    ),
    "best_for_both": (
        "You ask whether no pair of actions is better for both together (Pareto's criterion). In "
        "an equilibrium nobody gains by changing *alone*; both together might, as in the "
        "prisoner's dilemma.",
        _of_game(lambda a, b, x, y: bool(_dominated(a, b, x, y))),
    ),
    "largest_sum": (
        "You ask whether the sum of both payoffs is as large as possible. An equilibrium may be "
        "bad for both: ask whether somebody gains by changing alone.",
        _of_game(lambda a, b, x, y: bool(x @ (a + b) @ y >= (a + b).max() - 1e-9)),
    ),
    "best_entry_of_the_matrix": (
        "You compare with the largest entry of the whole matrix. To get there the other player "
        "might have to change too: compare with the best against the strategy that the other one "
        "plays.",
        _of_game(
            lambda a, b, x, y: bool(x @ a @ y >= a.max() - 1e-9 and x @ b @ y >= b.max() - 1e-9)
        ),
    ),
    "compared_with_the_mean": (
        "You compare with the mean over the actions. A player who changes takes the best one: "
        "compare with the max.",
        _for_both(lambda values, strategy: values @ strategy >= values.mean() - 1e-9),
    ),
    "value_zero": (
        "You ask whether both get 0. Some equilibria are worth something: ask whether somebody "
        "gains by changing.",
        _of_game(lambda a, b, x, y: bool(abs(x @ a @ y) < 1e-9 and abs(x @ b @ y) < 1e-9)),
    ),
    "equal_payoffs": (
        "You ask whether both get the same. Equilibrium is not fairness: ask whether somebody "
        "gains by changing.",
        _of_game(lambda a, b, x, y: bool(abs(x @ a @ y - x @ b @ y) < 1e-9)),
    ),
    "equal_strategies": (
        "You ask whether both play the same. Compare payoffs, not strategies.",
        _of_game(lambda a, b, x, y: bool(len(x) == len(y) and np.allclose(x, y))),
    ),
    "negated": (
        "Your answer is the opposite, True where somebody gains. `not` is missing or one too many, "
        "or the comparison is the wrong way round.",
        _of_game(lambda a, b, x, y: not _is_nash(a, b, x, y)),
    ),
    "always_true": (
        "You say True to everything. Compare what each player gets with the best that it could get "
        "alone; a tolerance is for rounding errors, 1e-6 is enough.",
        _of_game(lambda a, b, x, y: True),
    ),
    "always_false": (
        "You say False to everything. With `>` nothing passes: in an equilibrium the strategy gets "
        "*as much as* the best action, never more.",
        _of_game(lambda a, b, x, y: False),
    ),
    "gains_returned": (
        "You return the two gains. Return whether neither is above a tolerance.",
        _of_game(
            lambda a, b, x, y: ((a @ y).max() - x @ a @ y, (x @ b).max() - x @ b @ y),
        ),
    ),
}
_NASH_MISTAKES = _bank(_NASH_ENTRIES)


def _is_plain(each: Case) -> bool:
    """Whether no rounding error decides, and no transposed matrix fails."""
    row_payoff, _, *strategies = each.args
    quarters = 4 * np.concatenate(strategies)
    return row_payoff.shape[0] == row_payoff.shape[1] and bool((quarters % 1 == 0).all())


is_nash: Exercise = lesson.exercise(
    is_nash,
    probe=_Judge(
        _is_nash,
        _NASH_CASES,
        _NASH_MISTAKES,
        plain=_is_plain,
        aside="(Something else is wrong too: do you allow for rounding errors, and for "
        "matrices that are not square?)",
        also={
            "no_tolerance": [_exact_by_products, _for_both(_exactly_best)],
            "column_payoff_transposed_everywhere": [
                lambda row_payoff, column_payoff, row_strategy, column_strategy: bool(
                    _no_gain(row_payoff @ column_strategy, row_strategy)
                    and _no_gain(column_payoff @ row_strategy, column_strategy)
                )
            ],
            "row_payoff_transposed": [
                lambda row_payoff, column_payoff, row_strategy, column_strategy: bool(
                    _no_gain(row_strategy @ column_payoff, column_strategy)
                    and _no_gain(column_strategy @ row_payoff, row_strategy)
                )
            ],
            "most_likely_action": [
                _for_both(lambda values, strategy: values.argmax() == strategy.argmax()),
                lambda row_payoff, column_payoff, row_strategy, column_strategy: (
                    (row_strategy.argmax(), column_strategy.argmax())
                    in games.pure_equilibria(row_payoff, column_payoff)
                ),
            ],
            "tolerance_too_large": [
                *(_with_tolerance(each) for each in (0.05, 0.1, 0.2, 1.0)),
                _for_both(lambda values, strategy: values.max() <= 1.1 * (values @ strategy)),
                _for_both(
                    lambda values, strategy: np.isclose(values.max(), values @ strategy, 0.1)
                ),
            ],
        },
        tell=_tell_nash,
    ),
    names_mistakes=True,
    mistakes=_NASH_MISTAKES,
    hints=[
        "One player at a time, the other's strategy held fixed. What does each single action get? "
        "For row: `row_payoff @ column_strategy`, one number for each row.",
        "What does the strategy itself get? The mean of those numbers, weighted by the strategy. "
        "No mixture gets more than the best single action, so compare with the max.",
        "For column: `row_strategy @ column_payoff`, one number for each column. Both gains, max "
        "minus mean, have to be at most a tolerance such as 1e-6.",
    ],
    right=[
        _nash_by_loops,
        _nash_by_support,
        _nash_by_best_responses,
        _nash_by_trying,
        _for_both(_no_gain),
        _for_both(lambda values, strategy: values.max() - values @ strategy < 1e-2),
        _for_both(lambda values, strategy: np.isclose(values.max(), values @ strategy)),
        lambda row_payoff, column_payoff, row_strategy, column_strategy: np.bool_(
            games.is_nash(row_payoff, column_payoff, row_strategy, column_strategy)
        ),
    ],
    returns="True or False",
    difficulty=2,
    minutes=8,
)
"""is_nash(row_payoff, column_payoff, row_strategy, column_strategy) -> bool. (●●○, 8 min)

Two matrices and two arrays of probabilities. payoff[i, j] is, in both matrices, what that player
gets when row plays i and column plays j; they need not be square. The strategies sum to 1, which
need not be checked. Returns whether neither player gains by changing strategy alone. Mixed
equilibria count. Rounding errors must not decide: a gain below 1e-6 is none. Tolerances from 1e-9
to 1e-2 pass."""


# --- optimal_discriminator ----------------------------------------------------------------------

_DISCRIMINATOR_CASES = [
    case(_array(0.1, 0.6, 0.3), _array(0.3, 0.2, 0.5)),
    case(_array(0.9), _array(0.6)),
    case(_array(2, 1.2, 0.3), _array(0.5, 0.4, 2.1)),
    case(_array(0.5, 0.5), _array(0.3, 0)),
    case(_array(0.5, 0.5, 0, 0), _array(0, 0.2, 0.8, 0)),
    case(_array(1e-7, 0.7, 2e-7), _array(3e-7, 0.7, 1e-7)),
]


def _divides_in_place(p_real, p_fake):
    p_real /= np.where(p_real + p_fake > 0, p_real + p_fake, 1)
    p_real[(p_real == 0) & (p_fake == 0)] = 0.5
    return p_real


#: What people write to keep a denominator or a logarithm from 0, as far as it shows.
_SMALL = tuple(10.0**-power for power in range(1, 12))


def _with_small(above: float, below: float) -> Callable:
    return lambda p_real, p_fake: (p_real + above) / (p_real + p_fake + below)


def _at_least(least: float) -> Callable:
    return lambda p_real, p_fake: games.optimal_discriminator(
        np.maximum(p_real, least), np.maximum(p_fake, least)
    )


def _half_where(condition: Callable) -> Callable:
    """The right share, but 1/2 where the condition holds."""
    return lambda p_real, p_fake: np.where(
        condition(p_real, p_fake), 0.5, p_real / (p_real + p_fake)
    )


def _share_of_scaled(p_real, p_fake):
    return games.optimal_discriminator(p_real / p_real.sum(), p_fake / p_fake.sum())


def _discriminator_by_loop(p_real, p_fake):
    shares = []
    for p, q in zip(p_real, p_fake, strict=True):
        if p + q == 0:
            shares.append(0.5)
        else:
            shares.append(p / (p + q))
    return shares


def _discriminator_by_index(p_real, p_fake):
    best = np.full(len(p_real), 0.5)
    for i in range(len(p_real)):
        if p_real[i] > 0 or p_fake[i] > 0:
            best[i] = p_real[i] / (p_real[i] + p_fake[i])
    return best


def _discriminator_by_mask(p_real, p_fake):
    best = 0.5 * np.ones_like(p_real)
    seen = (p_real + p_fake) != 0
    best[seen] = p_real[seen] / (p_real + p_fake)[seen]
    return best


def _discriminator_by_search(p_real, p_fake):
    """Where the slope of p log D + q log(1 - D) changes its sign, by halving."""
    low, high = np.zeros_like(p_real), np.ones_like(p_real)
    for _ in range(60):
        middle = (low + high) / 2
        rises = p_real * (1 - middle) > p_fake * middle
        level = p_real * (1 - middle) == p_fake * middle
        low, high = np.where(rises | level, middle, low), np.where(rises & ~level, high, middle)
    return middle


_DISCRIMINATOR_MISTAKES = _bank(
    {
        "swapped": (
            "That is the share of the fakes. The discriminator answers how likely it is that "
            "the place is real: p_real goes on top.",
            lambda p_real, p_fake: games.optimal_discriminator(p_fake, p_real),
        ),
        "ratio": (
            "You divide by p_fake alone, so the answer can be above 1. Divide by the sum of "
            "both: p_real / (p_real + p_fake).",
            lambda p_real, p_fake: p_real / p_fake,
        ),
        "nan_where_nothing_comes": (
            "0/0 is nan. Where both densities are 0 the answer is 1/2: use "
            "`np.divide(..., where=...)`, a mask, or `np.where`.",
            lambda p_real, p_fake: p_real / (p_real + p_fake),
        ),
        "zero_where_nothing_comes": (
            "Where both densities are 0 you answer 0: that is what a small number in the "
            "denominator, or `np.nan_to_num`, makes of 0/0. Asked for is 1/2 there.",
            _with_small(0, 1e-15),
        ),
        "one_where_nothing_comes": (
            "Where both densities are 0 you answer 1: the same small number above and below "
            "makes 1 of 0/0. Asked for is 1/2 there.",
            _with_small(1e-15, 1e-15),
        ),
        "small_number_that_shows": (
            "A small number such as 1e-8 in the denominator is not small where both densities "
            "are: in the tails it changes the answer, and where both are 0 it makes it 0. Look "
            "for those places instead (`p_real + p_fake > 0`) and answer 1/2 there.",
            _with_small(0, 1e-8),
        ),
        "small_numbers_that_show": (
            "A small number on both densities gives 1/2 where both are 0, but even 1e-8 is not "
            "small where the densities are: in the tails it pulls the answer towards 1/2. Look for "
            "the places where both are 0 instead.",
            _with_small(1e-8, 2e-8),
        ),
        "half_everywhere": (
            "1/2 everywhere is the answer once the fakes are distributed like the real data. "
            "Against this generator the discriminator can do better: "
            "p_real / (p_real + p_fake).",
            lambda p_real, p_fake: np.full(len(p_real), 0.5),
        ),
        "yes_or_no": (
            "You answer 1 or 0, whichever density is larger. That guesses right most often, "
            "but V is made of logarithms, and one certain mistake costs infinitely much: "
            "answer with the share p_real / (p_real + p_fake).",
            lambda p_real, p_fake: np.where(
                p_real == p_fake, 0.5, np.where(p_real > p_fake, 1.0, 0.0)
            ),
        ),
        "yes_or_no_as_bools": (
            "You answer by True or False. Asked for is a probability, the share "
            "p_real / (p_real + p_fake).",
            lambda p_real, p_fake: p_real > p_fake,
        ),
        "logit": (
            "That is the logit, log(p_real / p_fake), before the sigmoid. Asked for is the "
            "probability, p_real / (p_real + p_fake).",
            lambda p_real, p_fake: np.log(p_real) - np.log(p_fake),
        ),
        "sum_over_all_places": (
            "You divide by the sum over all places. Each place has a denominator of its own: "
            "p_real + p_fake there, without `.sum()`.",
            lambda p_real, p_fake: p_real / (p_real.sum() + p_fake.sum()),
        ),
        "divided_by_the_mean": (
            "You divide by the mean of the two densities, so the answer is twice too large "
            "and reaches 2. Divide by their sum.",
            lambda p_real, p_fake: 2 * games.optimal_discriminator(p_real, p_fake),
        ),
        "difference": (
            "You subtract. Answer with the share of the real, p_real / (p_real + p_fake), "
            "which is always between 0 and 1.",
            lambda p_real, p_fake: p_real - p_fake,
        ),
        "relative_difference": (
            "(p_real − p_fake) / (p_real + p_fake) goes from −1 to 1. A probability goes from "
            "0 to 1: only p_real belongs on top.",
            lambda p_real, p_fake: np.where(
                p_real + p_fake > 0, (p_real - p_fake) / (p_real + p_fake), 0.5
            ),
        ),
        "softmax": (
            "That is the sigmoid of p_real − p_fake (or a softmax of the two, the same). No "
            "exponential is needed: p_real / (p_real + p_fake).",
            lambda p_real, p_fake: 1 / (1 + np.exp(p_fake - p_real)),
        ),
        "squares": (
            "You square the densities. p_real / (p_real + p_fake) has none.",
            lambda p_real, p_fake: games.optimal_discriminator(p_real**2, p_fake**2),
        ),
        "scaled_first": (
            "You make each array sum to 1 first. On a grid densities need not, and the answer "
            "at one place must not depend on the others: leave them as they come.",
            _share_of_scaled,
        ),
        "brackets_missing": (
            "`p_real / p_real + p_fake` divides first: it is 1 + p_fake. Put the sum in brackets.",
            lambda p_real, p_fake: p_real / p_real + p_fake,
        ),
        "one_number": (
            "You return one number for all places. Every place has an answer of its own: "
            "leave the sum or mean over places out.",
            lambda p_real, p_fake: p_real.sum() / (p_real.sum() + p_fake.sum()),
        ),
        "mean_of_the_shares": (
            "You return the mean over all places. The answer is an array, one number for each "
            "place.",
            lambda p_real, p_fake: np.mean(games.optimal_discriminator(p_real, p_fake)),
        ),
        "kept_from_certainty": (
            "You keep the answer away from 0 and 1. Where only real data come from, the "
            "optimal discriminator is certain.",
            lambda p_real, p_fake: np.clip(games.optimal_discriminator(p_real, p_fake), 0.01, 0.99),
        ),
        "half_where_one_is_zero": (
            "You answer 1/2 where one of the densities is 0. That is meant for places where "
            "both are; where only one is, the discriminator can be certain.",
            _half_where(lambda p, q: (p == 0) | (q == 0)),
        ),
        "half_where_nothing_real_comes": (
            "You answer 1/2 where p_real is 0. If fakes come from there, the answer is 0: "
            "1/2 is for places where both densities are 0.",
            _half_where(lambda p, q: p == 0),
        ),
        "half_where_no_fakes_come": (
            "You answer 1/2 where p_fake is 0. If real data come from there, the answer is 1: "
            "1/2 is for places where both densities are 0.",
            lambda p_real, p_fake: np.where(
                p_fake == 0, 0.5, games.optimal_discriminator(p_real, p_fake)
            ),
        ),
        "places_left_out": (
            "You return fewer numbers than there are places. Keep those where both densities "
            "are 0, with 1/2.",
            lambda p_real, p_fake: (p_real / (p_real + p_fake))[p_real + p_fake > 0],
        ),
        "in_place": (
            "The lesson still needs what it hands in: make a new array, without `/=` and without "
            "writing into p_real or p_fake.",
            _divides_in_place,
        ),
    },
)


optimal_discriminator: Exercise = lesson.exercise(
    games.optimal_discriminator,
    probe=_Judge(
        games.optimal_discriminator,
        _DISCRIMINATOR_CASES,
        _DISCRIMINATOR_MISTAKES,
        plain=lambda each: bool((np.array(each.args) > 1e-3).all()),
        aside="(Leave the places where one or both are 0, or nearly, for later.)",
        also={
            "one_where_nothing_comes": [_with_small(each, each) for each in _SMALL],
            "small_number_that_shows": [_with_small(0, each) for each in _SMALL],
            "small_numbers_that_show": [
                *(_with_small(each, 2 * each) for each in _SMALL),
                *(_at_least(each) for each in _SMALL),
            ],
        },
    ),
    names_mistakes=True,
    mistakes=_DISCRIMINATOR_MISTAKES,
    hints=[
        "Look at one place only. In V it occurs as p log D + q log(1 − D). For which D is the "
        "derivative, p/D − q/(1 − D), equal to 0?",
        "D = p / (p + q). One line of NumPy does it for all places; 0/0 is left.",
        "`both = p_real + p_fake`, then `np.divide(p_real, both, where=both > 0, "
        "out=np.full_like(both, 0.5))`.",
    ],
    normalise=_plain,
    right=[
        _discriminator_by_loop,
        _discriminator_by_index,
        _discriminator_by_mask,
        _discriminator_by_search,
        lambda p_real, p_fake: np.where(
            p_real + p_fake == 0, 0.5, p_real / (p_real + p_fake + (p_real + p_fake == 0))
        ),
        _without_warnings(
            lambda p_real, p_fake: np.nan_to_num(p_real / (p_real + p_fake), nan=0.5)
        ),
        lambda p_real, p_fake: 1 - games.optimal_discriminator(p_fake, p_real),
        lambda p_real, p_fake: (p_real + 1e-15) / (p_real + p_fake + 2e-15),
        lambda p_real, p_fake: tuple(
            float(p / (p + q)) if p + q else 0.5 for p, q in zip(p_real, p_fake, strict=True)
        ),
    ],
    returns="an array with one probability for each place",
    difficulty=1,
    minutes=4,
)
"""optimal_discriminator(p_real, p_fake) -> array. (●○○, 4 min)

Two arrays of n numbers: the densities (or probabilities) of real data and of fakes at the same n
places. They need not sum to 1 and are not to be rescaled. Returns the discriminator that maximises
p_real log D + p_fake log(1 - D) at each place: the share of the real; 1/2 where both are 0. The
arrays stay as they are. A list or tuple passes too, so cells that go on with the result wrap it in
np.asarray. Call it with arrays of one axis only."""


# --- gan_value ----------------------------------------------------------------------------------


_VALUE_CASES = [
    case(_array(0.2, 0.5, 0.3), _array(0.6, 0.3, 0.1), _array(0.3, 0.6, 0.8)),
    case(_array(0.7, 0.3), _array(0.7, 0.3), _array(0.5, 0.5)),
    case(_array(0.4, 0.6, 0), _array(0, 0.25, 0.75), _array(0.9, 0.7, 0.2)),
    case(_array(1), _array(1), _array(0.2)),
    case(_array(0.5, 0.5, 0, 0, 0), _array(0, 0.25, 0.75, 0, 0), _array(1, 2 / 3, 0, 0.5, 1)),
    case(_array(0, 1, 0), _array(0.5, 0, 0.5), _array(0, 1, 0)),
]


def _terms(p_real, p_fake, discriminator):
    """Both terms at every place, with 0 log 0 = 0."""
    d = discriminator
    real = [p * math.log(x) if p else 0.0 for p, x in zip(p_real, d, strict=True)]
    fake = [q * math.log(1 - x) if q else 0.0 for q, x in zip(p_fake, d, strict=True)]
    return np.array(real), np.array(fake)


def _of_terms(formula: Callable) -> Callable:
    """A wrong answer from the two arrays of terms."""
    return lambda p_real, p_fake, discriminator: formula(*_terms(p_real, p_fake, discriminator))


def _log(x):
    """A logarithm that is 0 at 0, for wrong answers that would otherwise be nan before all."""
    return np.log(np.where(x > 0, x, 1))


def _kept_away(least: float) -> Callable:
    return lambda p_real, p_fake, discriminator: games.gan_value(
        p_real, p_fake, np.clip(discriminator, least, 1 - least)
    )


def _with_small_in_logs(small: float) -> Callable:
    return lambda p_real, p_fake, discriminator: np.sum(
        p_real * np.log(discriminator + small) + p_fake * np.log(1 - discriminator + small)
    )


def _value_by_loop(p_real, p_fake, discriminator):
    value = 0
    for p, q, d in zip(p_real, p_fake, discriminator, strict=True):
        if p > 0:
            value += p * math.log(d)
        if q > 0:
            value += q * math.log(1 - d)
    return value


def _value_by_masks(p_real, p_fake, discriminator):
    real, fake = p_real > 0, p_fake > 0
    return np.dot(p_real[real], np.log(discriminator[real])) + np.dot(
        p_fake[fake], np.log1p(-discriminator[fake])
    )


def _value_by_where(p_real, p_fake, discriminator):
    with np.errstate(all="ignore"):
        real = np.where(p_real == 0, 0, p_real * np.log(discriminator))
        fake = np.where(p_fake == 0, 0, p_fake * np.log(1 - discriminator))
    return (real + fake).sum()


def _value_by_powers(p_real, p_fake, discriminator):
    return math.log(np.prod(discriminator**p_real * (1 - discriminator) ** p_fake))


_VALUE_MISTAKES = _bank(
    {
        "nan": (
            "Where nothing comes from, 0 · log 0 is nan in NumPy, and one nan makes the sum "
            "nan. Such a place adds nothing: take only the places with p_real > 0 into the "
            "first sum and those with p_fake > 0 into the second.",
            lambda p_real, p_fake, discriminator: np.sum(
                p_real * np.log(discriminator) + p_fake * np.log(1 - discriminator)
            ),
        ),
        "only_places_with_both": (
            "You leave out the places from which only one of the two comes. They count: leave "
            "a place out of the first sum where p_real is 0, out of the second where p_fake "
            "is 0.",
            lambda p_real, p_fake, discriminator: sum(
                p * math.log(d) + q * math.log(1 - d)
                for p, q, d in zip(p_real, p_fake, discriminator, strict=True)
                if p > 0 and q > 0
            ),
        ),
        "real_term_only": (
            "The second term is missing: plus the sum of p_fake · log(1 − D).",
            _of_terms(lambda real, fake: real.sum()),
        ),
        "fake_term_only": (
            "The first term is missing: the sum of p_real · log D.",
            _of_terms(lambda real, fake: fake.sum()),
        ),
        "labels_swapped": (
            "You reward the discriminator for calling fakes real: log D goes with p_real, "
            "log(1 − D) with p_fake.",
            lambda p_real, p_fake, discriminator: np.sum(
                p_real * _log(1 - discriminator) + p_fake * _log(discriminator)
            ),
        ),
        "loss": (
            "That is the discriminator's loss, −V. The value has no minus: it is 0 or less.",
            _of_terms(lambda real, fake: -(real.sum() + fake.sum())),
        ),
        "subtracted": (
            "You subtract the second sum. Both are added: the minus stands inside, in log(1 − D).",
            _of_terms(lambda real, fake: real.sum() - fake.sum()),
        ),
        "brackets": (
            "You compute 1 − log D where log(1 − D) is meant: the 1 − belongs inside the "
            "logarithm.",
            lambda p_real, p_fake, discriminator: np.sum(
                p_real * _log(discriminator) + p_fake * (1 - _log(discriminator))
            ),
        ),
        "log_of_d_twice": (
            "You take log D for the fakes too. They are rewarded for being called fake: "
            "log(1 − D).",
            lambda p_real, p_fake, discriminator: np.sum((p_real + p_fake) * _log(discriminator)),
        ),
        "non_saturating": (
            "You subtract p_fake · log D: that is the other loss, which the generator gets in "
            "training so that its gradient does not vanish. The value has log(1 − D).",
            lambda p_real, p_fake, discriminator: np.sum((p_real - p_fake) * _log(discriminator)),
        ),
        "bits": (
            "Those are bits: you take logarithms to base 2. V is in nats, with np.log or math.log.",
            _of_terms(lambda real, fake: (real.sum() + fake.sum()) / math.log(2)),
        ),
        "base_ten": (
            "You take logarithms to base 10. V is in nats, with np.log or math.log.",
            _of_terms(lambda real, fake: (real.sum() + fake.sum()) / math.log(10)),
        ),
        "mean_over_places": (
            "You divide by the number of places. The probabilities are the weights already: "
            "sum, do not average.",
            _of_terms(lambda real, fake: np.mean(real + fake)),
        ),
        "unweighted": (
            "You sum log D and log(1 − D) over the places without their probabilities. A place "
            "counts as often as something comes from it: times p_real, times p_fake.",
            lambda p_real, p_fake, discriminator: np.sum(
                _log(discriminator) + _log(1 - discriminator)
            ),
        ),
        "unweighted_means": (
            "You average log D and log(1 − D) over the places, as if all were equally likely. "
            "The expectation weights each place: sum p_real · log D, and p_fake · log(1 − D).",
            lambda p_real, p_fake, discriminator: np.mean(
                _log(discriminator) + _log(1 - discriminator)
            ),
        ),
        "halved": (
            "You halve the value: real and fake are added in V, not averaged.",
            _of_terms(lambda real, fake: (real.sum() + fake.sum()) / 2),
        ),
        "no_logarithm": (
            "The logarithms are missing. You compute how often the discriminator is right; "
            "asked for is the sum of p_real · log D and p_fake · log(1 − D).",
            lambda p_real, p_fake, discriminator: np.sum(
                p_real * discriminator + p_fake * (1 - discriminator)
            ),
        ),
        "logarithm_of_the_mean": (
            "You take the logarithm of a mean. It is the mean of logarithms: log first, then "
            "weight and sum.",
            lambda p_real, p_fake, discriminator: (
                math.log(np.sum(p_real * discriminator))
                + math.log(np.sum(p_fake * (1 - discriminator)))
            ),
        ),
        "weighted_by_the_real_only": (
            "You weight both terms by p_real. The fakes come from p_fake.",
            lambda p_real, p_fake, discriminator: np.sum(
                p_real * (_log(discriminator) + _log(1 - discriminator))
            ),
        ),
        "weighted_by_the_fakes_only": (
            "You weight both terms by p_fake. The real data come from p_real.",
            lambda p_real, p_fake, discriminator: np.sum(
                p_fake * (_log(discriminator) + _log(1 - discriminator))
            ),
        ),
        "weights_inside": (
            "The probabilities stand inside the logarithm. They are weights: p_real times "
            "log D, p_fake times log(1 − D).",
            lambda p_real, p_fake, discriminator: np.sum(
                _log(p_real * discriminator) + _log(p_fake * (1 - discriminator))
            ),
        ),
        "not_summed": (
            "You return one number for each place. The value is their sum.",
            _of_terms(lambda real, fake: real + fake),
        ),
        "not_added": (
            "You return the two sums apart. The value is both together.",
            _of_terms(lambda real, fake: (real.sum(), fake.sum())),
        ),
        "optimal_instead": (
            "You compute the value for the optimal discriminator. The argument discriminator "
            "may be any other, and here it is.",
            lambda p_real, p_fake, discriminator: games.gan_value(
                p_real, p_fake, games.optimal_discriminator(p_real, p_fake)
            ),
        ),
        "log_four_added": (
            "You add log 4. V itself reaches −log 4 at the equilibrium; what lies above that "
            "is 2 JSD.",
            _of_terms(lambda real, fake: real.sum() + fake.sum() + math.log(4)),
        ),
        "divergence": (
            "You compute the Jensen–Shannon divergence of the two distributions. V is for the "
            "discriminator that is given, and only for the optimal one it is −log 4 + 2 JSD.",
            lambda p_real, p_fake, discriminator: games.jensen_shannon(p_real, p_fake),
        ),
        "taken_for_logits": (
            "You put the discriminator through a sigmoid. It is given in probabilities already.",
            lambda p_real, p_fake, discriminator: (
                -np.sum(
                    p_real * np.log1p(np.exp(-discriminator))
                    + p_fake * np.log1p(np.exp(discriminator))
                )
            ),
        ),
        "kept_from_certainty": (
            "You keep D away from 0 and 1, or add a small number inside the logarithm, and it is "
            "not small enough: a discriminator that is certain and right pays for it. Leave out "
            "the places from which nothing comes, then no log 0 occurs.",
            _kept_away(0.01),
        ),
        "domain_error": (
            "math.log does not take 0. A place from which nothing comes adds nothing: skip the "
            "first term where p_real is 0, the second where p_fake is 0.",
            lambda p_real, p_fake, discriminator: sum(
                p * math.log(d) + q * math.log(1 - d)
                for p, q, d in zip(p_real, p_fake, discriminator, strict=True)
            ),
        ),
        "places_by_the_discriminator": (
            "You leave out the places where D is 0 or 1. Leave out those from which nothing comes: "
            "p_real = 0 in the first sum, p_fake = 0 in the second.",
            lambda p_real, p_fake, discriminator: sum(
                p * math.log(d) + q * math.log(1 - d)
                for p, q, d in zip(p_real, p_fake, discriminator, strict=True)
                if 0 < d < 1
            ),
        ),
        "log_four": (
            "You return −log 4 for everything. That is V once the fakes are distributed like the "
            "real data and the discriminator answers 1/2; here it is the sum over the places.",
            lambda p_real, p_fake, discriminator: -math.log(4),
        ),
    },
)


_judge_value = _Judge(
    games.gan_value,
    _VALUE_CASES,
    _VALUE_MISTAKES,
    plain=lambda each: all(((values > 0) & (values < 1)).all() for values in each.args),
    aside="(Leave the places from which nothing comes for later.)",
    also={
        "kept_from_certainty": [
            *(_kept_away(each) for each in _SMALL[:5]),
            *(_with_small_in_logs(each) for each in _SMALL[:5]),
        ]
    },
)


def _value_probe(attempt: Callable) -> Generator[Question, Any, None]:
    yield from _judge_value(attempt)
    yield ask("Certain and wrong:", functools.partial(_complain_of_mercy, attempt))


def _complain_of_mercy(attempt: Callable) -> None:
    """Minus infinity, an error or, after a cut, a large loss are right; no loss is not."""
    half = _array(0.5, 0.5)
    try:
        with np.errstate(all="ignore"):
            value = float(attempt(half, half.copy(), _array(0, 1)))
    except (ValueError, ArithmeticError):
        return
    if value > math.log(0.05):
        raise Complaint(
            "for p_real = p_fake = [0.5, 0.5] and D = [0, 1], a discriminator that is sure and "
            f"wrong at both places, it gives {_told(value)}. It loses without end: −∞.",
            "places_by_the_discriminator",
        )


gan_value: Exercise = lesson.exercise(
    games.gan_value,
    probe=_value_probe,
    names_mistakes=True,
    mistakes=_VALUE_MISTAKES,
    hints=[
        "An expectation over finitely many places is a sum: each place's value times its "
        "probability. V has two, one over p_real and one over p_fake.",
        "Σ p_real · log D + Σ p_fake · log(1 − D). Where a probability is 0, its place adds 0, "
        "whatever D says there.",
        "`real = p_real > 0`, then `(p_real[real] * np.log(discriminator[real])).sum()` is the "
        "first term; the second goes alike with p_fake and 1 − D.",
    ],
    normalise=_plain,
    right=[
        _value_by_loop,
        _value_by_masks,
        _value_by_where,
        _value_by_powers,
        _without_warnings(
            lambda p_real, p_fake, discriminator: (
                np.nansum(p_real * np.log(discriminator))
                + np.nansum(p_fake * np.log(1 - discriminator))
            )
        ),
        lambda p_real, p_fake, discriminator: (
            p_real @ np.log(discriminator + 1e-12) + p_fake @ np.log(1 - discriminator + 1e-12)
        ),
        lambda p_real, p_fake, discriminator: np.sum(
            p_real * np.log(np.clip(discriminator, 1e-12, 1))
            + p_fake * np.log(np.clip(1 - discriminator, 1e-12, 1))
        ),
    ],
    returns="one number",
    difficulty=2,
    minutes=6,
)
"""gan_value(p_real, p_fake, discriminator) -> float. (●●○, 6 min)

Three arrays of n numbers: how likely each of n places is for real data and for fakes (both sum to
1), and the probability of "real" that the discriminator gives each place. Returns
V = Σ p_real log D + Σ p_fake log(1 - D), natural logarithm, with 0 log 0 = 0: a place from which
nothing comes adds nothing. Where a place from which something comes is called impossible, V is
-inf; an error, or a cut that leaves a large loss, passes too."""


# --- simultaneous_step and alternating_step -----------------------------------------------------


@dataclass(frozen=True)
class _Gradient:
    """A gradient for a learner to call, which a message can name."""

    told: str
    function: Callable[[float, float], tuple[float, float]]

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        return self.function(x, y)

    def __repr__(self) -> str:
        return f"<gradient of {self.told}>"

    __str__ = __repr__


_PRODUCT = _Gradient("x·y", lambda x, y: (y, x))
_SADDLE = _Gradient("x² + 3xy − y² + x", lambda x, y: (2 * x + 3 * y + 1, 3 * x - 2 * y))
_CURVED = _Gradient("x²y − y²", lambda x, y: (2 * x * y, x * x - 2 * y))
_STEP_CASES = [
    case(1.0, 2.0, _PRODUCT, 0.1),
    case(-1.5, 0.5, _PRODUCT, 0.4),
    case(1.0, -2.0, _SADDLE, 0.1),
    case(0.5, 1.5, _CURVED, 0.2),
    case(-2.0, 1.0, _CURVED, 0.05),
    case(0.0, 0.0, _PRODUCT, 0.3),
]


def simultaneous_step(
    x: float, y: float, gradient: Callable, learning_rate: float
) -> tuple[float, float]:
    """Return both players' numbers after both have moved at once.

    ``x - η ∂f/∂x(x, y)`` and ``y + η ∂f/∂y(x, y)``: x minimises f, y maximises it.
    """
    df_dx, df_dy = gradient(x, y)
    return x - learning_rate * df_dx, y + learning_rate * df_dy


def alternating_step(
    x: float, y: float, gradient: Callable, learning_rate: float
) -> tuple[float, float]:
    """Return both players' numbers after x has moved, and then y, which sees where x is now.

    ``x' = x - η ∂f/∂x(x, y)``, then ``y + η ∂f/∂y(x', y)``.
    """
    x = x - learning_rate * gradient(x, y)[0]
    y = y + learning_rate * gradient(x, y)[1]
    return x, y


_together, _in_turn = simultaneous_step, alternating_step


def _moves(formula: Callable) -> Callable:
    """A wrong step from a formula in x, y, both derivatives there, and the learning rate."""
    return lambda x, y, gradient, learning_rate: formula(x, y, *gradient(x, y), learning_rate)


def _turns(x_sign: int = -1, y_sign: int = 1, x_part: int = 0, y_part: int = 1) -> Callable:
    """An alternating step with other signs or derivatives."""

    def step(x, y, gradient, learning_rate):
        x = x + x_sign * learning_rate * gradient(x, y)[x_part]
        return x, y + y_sign * learning_rate * gradient(x, y)[y_part]

    return step


def _y_turns_first(x_sign: int = -1, y_sign: int = 1) -> Callable:
    """As ``_turns``, but y begins."""

    def step(x, y, gradient, learning_rate):
        y = y + y_sign * learning_rate * gradient(x, y)[1]
        return x + x_sign * learning_rate * gradient(x, y)[0], y

    return step


def _together_with_signs(x_sign: int, y_sign: int) -> Callable:
    return _moves(lambda x, y, dx, dy, rate: (x + x_sign * rate * dx, y + y_sign * rate * dy))


def _looks_ahead(x, y, gradient, learning_rate):
    return _from(x, y, gradient(*_together(x, y, gradient, learning_rate)), learning_rate)


def _from(x, y, derivatives, learning_rate):
    return x - learning_rate * derivatives[0], y + learning_rate * derivatives[1]


def _twice(step: Callable) -> Callable:
    return lambda x, y, gradient, learning_rate: step(
        *step(x, y, gradient, learning_rate), gradient, learning_rate
    )


def _to_y_and_x(step: Callable) -> Callable:
    return lambda x, y, gradient, learning_rate: step(x, y, gradient, learning_rate)[::-1]


def _at_rate(step: Callable, rate: Callable) -> Callable:
    return lambda x, y, gradient, learning_rate: step(x, y, gradient, rate(learning_rate))


def _arguments_swapped(step: Callable) -> Callable:
    return lambda x, y, gradient, learning_rate: step(
        x, y, lambda x, y: gradient(y, x), learning_rate
    )


def _counting(step: Callable) -> Callable:
    """A step whose length depends on how often it was called, by whomever."""
    calls = [0]

    def wrong(x, y, gradient, learning_rate):
        calls[0] += 1
        return step(x, y, gradient, learning_rate * (1 + calls[0] % 5))  # the first comes 6 later

    return wrong


def _increments(step: Callable) -> Callable:
    def wrong(x, y, gradient, learning_rate):
        new_x, new_y = step(x, y, gradient, learning_rate)
        return new_x - x, new_y - y

    return wrong


def _by_arrays(x, y, gradient, learning_rate):
    point = np.array([x, y])
    return point + learning_rate * np.array([-1, 1]) * np.array(gradient(x, y))


def _by_list(x, y, gradient, learning_rate):
    slopes = gradient(x, y)
    moved = [x, y]
    for i, direction in enumerate((-1, +1)):
        moved[i] += direction * learning_rate * slopes[i]
    return moved


def _turns_by_list(x, y, gradient, learning_rate):
    point = [x, y]
    for i, direction in enumerate((-1, +1)):
        point[i] += direction * learning_rate * gradient(*point)[i]
    return point


def _turns_by_array(x, y, gradient, learning_rate):
    point = np.array([x, y])
    for axis, sign in ((0, -1.0), (1, 1.0)):
        point[axis] += sign * learning_rate * np.asarray(gradient(point[0], point[1]))[axis]
    return point


def _turns_by_names(x, y, gradient, learning_rate):
    df_dx, _ = gradient(x, y)
    new_x = x - learning_rate * df_dx
    _, df_dy = gradient(new_x, y)
    new_y = y + learning_rate * df_dy
    return (new_x, new_y)


_SIMULTANEOUS_MISTAKES = _bank(
    {
        "alternating": (
            "Your y moves after x and sees where x went: that is the alternating step, the "
            "next exercise. Ask for the gradient once, before anybody moves.",
            _in_turn,
        ),
        "y_first": (
            "Your x moves after y and sees where y went. Here both move at once: ask for the "
            "gradient once, before anybody moves.",
            _y_turns_first(),
        ),
        "both_descend": (
            "Both players go down. y maximises f: it goes along its derivative, with a plus.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * dx, y - rate * dy)),
        ),
        "both_ascend": (
            "Both players go up. x minimises f: it goes against its derivative, with a minus.",
            _moves(lambda x, y, dx, dy, rate: (x + rate * dx, y + rate * dy)),
        ),
        "goals_swapped": (
            "Your x goes up and your y goes down. x minimises f (minus), y maximises it (plus).",
            _moves(lambda x, y, dx, dy, rate: (x + rate * dx, y - rate * dy)),
        ),
        "learning_rate_missing": (
            "You go by the whole derivative. Multiply it by learning_rate.",
            _at_rate(_together, lambda rate: 1.0),
        ),
        "learning_rate_fixed": (
            "Right for a learning rate of 0.1 only. Use the argument learning_rate.",
            _at_rate(_together, lambda rate: 0.1),
        ),
        "divided_by_the_rate": (
            "You divide by the learning rate. A small rate has to make a small step: multiply.",
            _at_rate(_together, lambda rate: 1 / rate),
        ),
        "rate_for_x_only": (
            "You multiply only x's derivative by learning_rate. Both players use it.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * dx, y + dy)),
        ),
        "rate_for_y_only": (
            "You multiply only y's derivative by learning_rate. Both players use it.",
            _moves(lambda x, y, dx, dy, rate: (x - dx, y + rate * dy)),
        ),
        "half_steps": (
            "Your steps are half as long as they should be. No 1/2 belongs into a gradient step.",
            _at_rate(_together, lambda rate: rate / 2),
        ),
        "derivatives_swapped": (
            "You move x along ∂f/∂y and y along ∂f/∂x. gradient(x, y) returns (∂f/∂x, ∂f/∂y), "
            "and each player uses its own.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * dy, y + rate * dx)),
        ),
        "arguments_swapped": (
            "You call gradient(y, x). Its arguments are (x, y).",
            _arguments_swapped(_together),
        ),
        "returned_swapped": (
            "The numbers are right, but you return (y, x). Return (x, y).",
            _to_y_and_x(_together),
        ),
        "only_the_change": (
            "You return by how much each player moves. Return where they are afterwards: add "
            "x and y.",
            _increments(_together),
        ),
        "only_the_gradient": (
            "You return the gradient. Return where the players are after a step along it.",
            _moves(lambda x, y, dx, dy, rate: (dx, dy)),
        ),
        "only_x_moves": (
            "Your y stays where it is. Both players move.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * dx, y)),
        ),
        "only_y_moves": (
            "Your x stays where it is. Both players move.",
            _moves(lambda x, y, dx, dy, rate: (x, y + rate * dy)),
        ),
        "nobody_moves": (
            "Nobody moves. `x - ...` alone changes nothing: assign the result or return it.",
            lambda x, y, gradient, learning_rate: (x, y),
        ),
        "bilinear_only": (
            "Right for f = x·y only. Do not write the derivatives y and x yourself: call "
            "gradient(x, y), which knows its own f.",
            lambda x, y, gradient, learning_rate: (
                x - learning_rate * y,
                y + learning_rate * x,
            ),
        ),
        "two_steps": (
            "You make two steps. One is asked for.",
            _twice(_together),
        ),
        "looks_ahead": (
            "You use the gradient from where a step would lead (that is the extragradient "
            "step). Use the one from where the players are now.",
            _looks_ahead,
        ),
        "sign_only": (
            "Your step has always the same length: you use the sign of the derivative, or "
            "divide it by its size. Use the derivative itself.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * np.sign(dx), y + rate * np.sign(dy))),
        ),
        "unit_length": (
            "You scale the gradient to length 1. Use it as it is: it becomes small where f is "
            "flat.",
            _moves(
                lambda x, y, dx, dy, rate: (
                    x - rate * dx / max(math.hypot(dx, dy), 1e-12),
                    y + rate * dy / max(math.hypot(dx, dy), 1e-12),
                )
            ),
        ),
        "x_derivative_twice": (
            "y moves along ∂f/∂x, the first of the pair. Its own derivative is the second.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * dx, y + rate * dx)),
        ),
        "y_derivative_twice": (
            "x moves along ∂f/∂y, the second of the pair. Its own derivative is the first.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * dy, y + rate * dy)),
        ),
        "pair_multiplied": (
            "gradient(x, y) returns two numbers, a pair, which cannot be multiplied by "
            "learning_rate as a whole. Unpack it, `df_dx, df_dy = gradient(x, y)`, or take "
            "`gradient(x, y)[0]` and `[1]`.",
            lambda x, y, gradient, learning_rate: x - learning_rate * gradient(x, y),
        ),
        "one_argument": (
            "gradient takes two arguments, not a pair: gradient(x, y).",
            lambda x, y, gradient, learning_rate: gradient((x, y)),
        ),
        "remembers": (
            "Your function remembers something from one call to the next, such as a velocity or a "
            "count. What a step needs it gets as arguments.",
            _counting(_together),
        ),
        "steps_doubled": (
            "Your steps are twice as long as they should be. No 2 belongs into a gradient step.",
            _at_rate(_together, lambda rate: 2 * rate),
        ),
        "new_x_only": (
            "You return one number, x. Return both, (x, y).",
            _moves(lambda x, y, dx, dy, rate: x - rate * dx),
        ),
    },
)


simultaneous_step: Exercise = lesson.exercise(
    simultaneous_step,
    probe=_Judge(
        _together,
        _STEP_CASES,
        _SIMULTANEOUS_MISTAKES,
        also={
            "both_descend": [_turns(y_sign=-1), _y_turns_first(y_sign=-1)],
            "both_ascend": [_turns(x_sign=1), _y_turns_first(x_sign=1)],
            "goals_swapped": [_turns(1, -1), _y_turns_first(1, -1)],
            "learning_rate_missing": [_at_rate(_in_turn, lambda rate: 1.0)],
            "learning_rate_fixed": [_at_rate(_together, lambda rate: 0.01)],
            "two_steps": [_twice(_in_turn)],
        },
    ),
    names_mistakes=True,
    mistakes=_SIMULTANEOUS_MISTAKES,
    hints=[
        "Ask once, `df_dx, df_dy = gradient(x, y)`, before anybody has moved.",
        "x minimises: x − learning_rate · ∂f/∂x. y maximises: the same with a plus and its own "
        "derivative. For f = x·y at (1, 2) with rate 0.1: (0.8, 2.1).",
    ],
    normalise=_plain,
    right=[
        _by_arrays,
        _by_list,
        lambda x, y, gradient, learning_rate: (
            x - learning_rate * gradient(x, y)[0],
            y + learning_rate * gradient(x, y)[1],
        ),
        lambda x, y, gradient, learning_rate: _from(x, y, gradient(x, y), learning_rate),
    ],
    returns="a pair (x, y)",
    difficulty=1,
    minutes=3,
)
"""simultaneous_step(x, y, gradient, learning_rate) -> (x, y). (●○○, 3 min)

gradient(x, y) returns the pair (∂f/∂x, ∂f/∂y) of some f. x minimises f, y maximises it, and both
move at once from where they are. x, y and learning_rate are plain numbers. A tuple, list or array
of two passes."""


_ALTERNATING_MISTAKES = _bank(
    {
        "simultaneous": (
            "That is the simultaneous step: your y uses the derivative from before x moved. "
            "Call gradient a second time, with the new x.",
            _together,
        ),
        "y_first": (
            "Your y moves first. Here x begins, and y answers what x did.",
            _y_turns_first(),
        ),
        "both_descend": (
            "Both players go down. y maximises f: it goes along its derivative, with a plus.",
            _turns(y_sign=-1),
        ),
        "both_ascend": (
            "Both players go up. x minimises f: it goes against its derivative, with a minus.",
            _turns(x_sign=1),
        ),
        "goals_swapped": (
            "Your x goes up and your y goes down. x minimises f (minus), y maximises it (plus).",
            _turns(x_sign=1, y_sign=-1),
        ),
        "learning_rate_missing": (
            "You go by the whole derivative. Multiply it by learning_rate.",
            _at_rate(_in_turn, lambda rate: 1.0),
        ),
        "learning_rate_fixed": (
            "Right for a learning rate of 0.1 only. Use the argument learning_rate.",
            _at_rate(_in_turn, lambda rate: 0.1),
        ),
        "divided_by_the_rate": (
            "You divide by the learning rate. A small rate has to make a small step: multiply.",
            _at_rate(_in_turn, lambda rate: 1 / rate),
        ),
        "half_steps": (
            "Your steps are half as long as they should be. Taking turns does not halve them.",
            _at_rate(_in_turn, lambda rate: rate / 2),
        ),
        "rate_for_x_only": (
            "You multiply only x's derivative by learning_rate. Both players use it.",
            lambda x, y, gradient, learning_rate: (
                (moved := x - learning_rate * gradient(x, y)[0]),
                y + gradient(moved, y)[1],
            ),
        ),
        "rate_for_y_only": (
            "You multiply only y's derivative by learning_rate. Both players use it.",
            lambda x, y, gradient, learning_rate: (
                (moved := x - gradient(x, y)[0]),
                y + learning_rate * gradient(moved, y)[1],
            ),
        ),
        "derivatives_swapped": (
            "You move x along ∂f/∂y and y along ∂f/∂x. gradient(x, y) returns (∂f/∂x, ∂f/∂y), "
            "and each player uses its own.",
            _turns(x_part=1, y_part=0),
        ),
        "x_derivative_twice": (
            "y moves along ∂f/∂x, the first of the pair. Its own derivative is the second.",
            _turns(y_part=0),
        ),
        "y_derivative_twice": (
            "x moves along ∂f/∂y, the second of the pair. Its own derivative is the first.",
            _turns(x_part=1),
        ),
        "arguments_swapped": (
            "You call gradient(y, x). Its arguments are (x, y).",
            _arguments_swapped(_in_turn),
        ),
        "returned_swapped": (
            "The numbers are right, but you return (y, x). Return (x, y).",
            _to_y_and_x(_in_turn),
        ),
        "only_the_change": (
            "You return by how much each player moves. Return where they are afterwards: add "
            "x and y.",
            _increments(_in_turn),
        ),
        "only_x_moves": (
            "Your y stays where it is. In one step both move, x first.",
            _moves(lambda x, y, dx, dy, rate: (x - rate * dx, y)),
        ),
        "only_y_moves": (
            "Your x stays where it is. In one step both move, x first.",
            _moves(lambda x, y, dx, dy, rate: (x, y + rate * dy)),
        ),
        "old_x_returned": (
            "y answers the new x, but you return the old one. Return both new numbers.",
            lambda x, y, gradient, learning_rate: (
                x,
                _in_turn(x, y, gradient, learning_rate)[1],
            ),
        ),
        "bilinear_only": (
            "Right for f = x·y only. Do not write the derivatives y and x yourself: call "
            "gradient, which knows its own f.",
            lambda x, y, gradient, learning_rate: (
                x - learning_rate * y,
                y + learning_rate * (x - learning_rate * y),
            ),
        ),
        "two_steps": (
            "You make two steps, x, y, x, y. In one step each player moves once.",
            _twice(_in_turn),
        ),
        "x_moves_again": (
            "Your x moves a second time, after y. In one step each player moves once.",
            lambda x, y, gradient, learning_rate: _y_turns_first()(
                x - learning_rate * gradient(x, y)[0], y, gradient, learning_rate
            ),
        ),
        "x_moves_twice": (
            "Your x makes two steps before y makes its one: the second call of gradient must "
            "move y only.",
            lambda x, y, gradient, learning_rate: _together(
                x - learning_rate * gradient(x, y)[0], y, gradient, learning_rate
            ),
        ),
        "x_starts_over": (
            "Your x moves from where it was along the derivative that belongs to where it went "
            "to. x uses the first call of gradient, y the second.",
            lambda x, y, gradient, learning_rate: _from(
                x, y, gradient(x - learning_rate * gradient(x, y)[0], y), learning_rate
            ),
        ),
        "looks_ahead": (
            "You make a step, take the gradient there and go with it from the old place: that "
            "is the extragradient step. Here x moves, then y, who sees the new x.",
            _looks_ahead,
        ),
        "pair_multiplied": (
            "gradient(x, y) returns two numbers, a pair, which cannot be multiplied by "
            "learning_rate as a whole. Unpack it, `df_dx, df_dy = gradient(x, y)`, or take "
            "`gradient(x, y)[0]` and `[1]`.",
            lambda x, y, gradient, learning_rate: x - learning_rate * gradient(x, y),
        ),
        "one_argument": (
            "gradient takes two arguments, not a pair: gradient(x, y).",
            lambda x, y, gradient, learning_rate: gradient((x, y)),
        ),
        "remembers": (
            "Your function remembers something from one call to the next, such as a velocity or a "
            "count. What a step needs it gets as arguments.",
            _counting(_in_turn),
        ),
        "steps_doubled": (
            "Your steps are twice as long as they should be. No 2 belongs into a gradient step.",
            _at_rate(_in_turn, lambda rate: 2 * rate),
        ),
        "new_y_only": (
            "You return one number, y. Return both, (x, y).",
            lambda x, y, gradient, learning_rate: _in_turn(x, y, gradient, learning_rate)[1],
        ),
    },
)


alternating_step: Exercise = lesson.exercise(
    alternating_step,
    probe=_Judge(
        _in_turn,
        _STEP_CASES,
        _ALTERNATING_MISTAKES,
        also={
            "both_descend": [_together_with_signs(-1, -1), _y_turns_first(y_sign=-1)],
            "both_ascend": [_together_with_signs(1, 1), _y_turns_first(x_sign=1)],
            "goals_swapped": [_together_with_signs(1, -1), _y_turns_first(1, -1)],
            "learning_rate_missing": [_at_rate(_together, lambda rate: 1.0)],
            "learning_rate_fixed": [_at_rate(_in_turn, lambda rate: 0.01)],
            "two_steps": [_twice(_together)],
            "bilinear_only": [
                lambda x, y, gradient, learning_rate: (
                    x - learning_rate * y,
                    y + learning_rate * x,
                ),
            ],
        },
    ),
    names_mistakes=True,
    mistakes=_ALTERNATING_MISTAKES,
    hints=[
        "Two calls of gradient: one before x moves, one after.",
        "The first line is `x = x - learning_rate * gradient(x, y)[0]`; the second does the same "
        "for y, with a plus. For f = x·y at (1, 2) with rate 0.1: (0.8, 2.08).",
    ],
    normalise=_plain,
    right=[
        _turns_by_list,
        _turns_by_array,
        _turns_by_names,
        lambda x, y, gradient, learning_rate: (
            x - learning_rate * gradient(x, y)[0],
            y + learning_rate * gradient(x - learning_rate * gradient(x, y)[0], y)[1],
        ),
    ],
    returns="a pair (x, y)",
    difficulty=1,
    minutes=3,
)
"""alternating_step(x, y, gradient, learning_rate) -> (x, y). (●○○, 3 min)

As simultaneous_step, but x moves first, and y moves then along its derivative where x is now."""


# --- dirac_gan_gradient -------------------------------------------------------------------------


_DIRAC_CASES = [
    case(1.0, 1.0),
    case(0.5, -2.0),
    case(-1.2, 0.8),
    case(2.0, 1.5),
    case(0.0, 1.0),
    case(1.0, 0.0),
    case(1.0, 1.0, r1=0.5),
    case(0.5, -2.0, 0.3),
    case(-1.2, 0.8, r1=1.5),
    case(0.0, -3.0, r1=1.0),
]


def dirac_gan_gradient(theta: float, psi: float, r1: float = 0.0) -> tuple[float, float]:
    """Return the directions in which generator and discriminator of the Dirac-GAN move.

    ``(-ψ g'(θψ), θ g'(θψ) - r1 ψ)`` with ``g'(t) = 1 / (1 + exp(t))``: θ descends on
    ``f = g(θψ) + g(0)``, ψ ascends on ``f - r1/2 ψ²``.
    """
    slope = 1 / (1 + math.exp(theta * psi))
    return -psi * slope, theta * slope - r1 * psi


_dirac = dirac_gan_gradient


def _sigmoid(t: float) -> float:
    return 1 / (1 + math.exp(-t))


def _with_slope(slope: Callable) -> Callable:
    """The right answer with another function in place of g'."""
    return lambda theta, psi, r1=0.0: (
        -psi * slope(theta * psi),
        theta * slope(theta * psi) - r1 * psi,
    )


def _players(formula: Callable) -> Callable:
    """A wrong answer from a formula in θ, ψ, g'(θψ) and r1."""
    return lambda theta, psi, r1=0.0: formula(theta, psi, _sigmoid(-theta * psi), r1)


def _dirac_by_differences(theta, psi, r1=0.0):
    def f(theta, psi):
        return -math.log(1 + math.exp(-theta * psi)) - math.log(2)

    step = 1e-6
    by_theta = (f(theta + step, psi) - f(theta - step, psi)) / (2 * step)
    by_psi = (f(theta, psi + step) - f(theta, psi - step)) / (2 * step)
    return -by_theta, by_psi - r1 * psi


def _dirac_by_arrays(theta, psi, r1=0.0):
    slope = np.exp(-np.logaddexp(0, theta * psi))
    return slope * np.array([-psi, theta]) - r1 * np.array([0, psi])


def _dirac_in_steps(theta, psi, r1=0.0):
    e = np.exp(-theta * psi)
    derivative = e / (1 + e)
    velocity = [-derivative * psi, derivative * theta]
    if r1:
        velocity[1] -= r1 * psi
    return velocity


_DIRAC_MISTAKES = _bank(
    {
        "penalty_missing": (
            "r1 never enters. ψ also descends on the penalty r1/2 · ψ²: minus r1 · ψ in the "
            "second direction.",
            lambda theta, psi, r1=0.0: _dirac(theta, psi),
        ),
        "penalty_rewarded": (
            "Your penalty drives ψ away from 0. It is subtracted from what ψ maximises, so it "
            "pulls: minus r1 · ψ.",
            lambda theta, psi, r1=0.0: _dirac(theta, psi, -r1),
        ),
        "penalty_on_the_generator": (
            "You punish the generator. The penalty is on the discriminator's slope ψ: minus "
            "r1 · ψ in the second direction, nothing in the first.",
            _players(lambda theta, psi, slope, r1: (-psi * slope - r1 * theta, theta * slope)),
        ),
        "penalty_added_to_the_generator": (
            "The penalty stands in the first direction. It is part of what the discriminator "
            "maximises: minus r1 · ψ in the second.",
            _players(lambda theta, psi, slope, r1: (-psi * slope - r1 * psi, theta * slope)),
        ),
        "penalty_on_both": (
            "You pull both players to 0. R1 is a penalty on the discriminator only; θ does not "
            "occur in r1/2 · ψ².",
            _players(
                lambda theta, psi, slope, r1: (
                    -psi * slope - r1 * theta,
                    theta * slope - r1 * psi,
                )
            ),
        ),
        "penalty_twice": (
            "r1 · ψ stands in both directions. It is part of what the discriminator maximises: "
            "minus r1 · ψ in the second, nothing in the first.",
            _players(
                lambda theta, psi, slope, r1: (-psi * slope - r1 * psi, theta * slope - r1 * psi)
            ),
        ),
        "penalty_with_theta": (
            "You subtract r1 · θ. The derivative of r1/2 · ψ² by ψ is r1 · ψ.",
            _players(lambda theta, psi, slope, r1: (-psi * slope, theta * slope - r1 * theta)),
        ),
        "penalty_halved": (
            "Your penalty is half as strong as it should be. The 1/2 goes when you "
            "differentiate r1/2 · ψ²: minus r1 · ψ.",
            lambda theta, psi, r1=0.0: _dirac(theta, psi, r1 / 2),
        ),
        "penalty_doubled": (
            "Your penalty is twice as strong as it should be. The derivative of r1/2 · ψ² is "
            "r1 · ψ; the 2 goes with the 1/2.",
            lambda theta, psi, r1=0.0: _dirac(theta, psi, 2 * r1),
        ),
        "penalty_not_differentiated": (
            "You subtract the penalty itself, r1/2 · ψ². The direction needs its derivative by "
            "ψ: r1 · ψ.",
            _players(
                lambda theta, psi, slope, r1: (
                    -psi * slope,
                    theta * slope - r1 / 2 * psi**2,
                )
            ),
        ),
        "penalty_squared": (
            "You subtract r1 · ψ². Differentiate r1/2 · ψ² by ψ: r1 · ψ.",
            _players(lambda theta, psi, slope, r1: (-psi * slope, theta * slope - r1 * psi**2)),
        ),
        "penalty_without_psi": (
            "You subtract r1, whatever ψ is. The penalty pulls the harder the steeper the "
            "discriminator is: r1 · ψ.",
            _players(lambda theta, psi, slope, r1: (-psi * slope, theta * slope - r1)),
        ),
        "penalty_times_slope": (
            "You multiply the penalty by g′ too. It stands beside g: θ · g′(θψ) − r1 · ψ; "
            "check your brackets.",
            _players(lambda theta, psi, slope, r1: (-psi * slope, (theta - r1 * psi) * slope)),
        ),
        "gradient_of_f": (
            "You return the derivatives themselves. θ minimises: it moves against its "
            "derivative, so the first direction has a minus.",
            _players(lambda theta, psi, slope, r1: (psi * slope, theta * slope - r1 * psi)),
        ),
        "both_descend": (
            "Your ψ goes down. It maximises: along its derivative, plus θ · g′(θψ), minus r1 · ψ.",
            _players(lambda theta, psi, slope, r1: (-psi * slope, r1 * psi - theta * slope)),
        ),
        "discriminator_descends": (
            "Your ψ goes down on f. It maximises f: plus θ · g′(θψ). (The penalty is right.)",
            _players(lambda theta, psi, slope, r1: (-psi * slope, -theta * slope - r1 * psi)),
        ),
        "signs_swapped": (
            "Both directions point the wrong way: θ minimises f and ψ maximises it. (g′ is "
            "positive: g(t) = −log(1 + e^(−t)) rises.)",
            _players(lambda theta, psi, slope, r1: (psi * slope, r1 * psi - theta * slope)),
        ),
        "signs_of_f_swapped": (
            "Both players move the wrong way on f; the penalty is right. θ minimises: "
            "−ψ · g′(θψ). ψ maximises: +θ · g′(θψ). (g′ is positive: g(t) = −log(1 + e^(−t)) "
            "rises.)",
            _players(lambda theta, psi, slope, r1: (psi * slope, -theta * slope - r1 * psi)),
        ),
        "large_stands_for_real": (
            "You let a large D(x) = ψx stand for “real”, the usual way round. In this game, as in "
            "its paper, it stands for “fake”: θ minimises g(θψ), ψ maximises it. (Or you took "
            "−1 / (1 + e^(−t)) for g′, the derivative of −log without that of what stands inside, "
            "−e^(−t).)",
            lambda theta, psi, r1=0.0: (
                psi * _sigmoid(theta * psi),
                -theta * _sigmoid(theta * psi) - r1 * psi,
            ),
        ),
        "slope_mirrored": (
            "Your g′ is 1 / (1 + e^(−t)), which rises. For g(t) = −log(1 + e^(−t)) the inner "
            "derivative gives e^(−t) / (1 + e^(−t)) = 1 / (1 + e^t), which falls.",
            _with_slope(_sigmoid),
        ),
        "non_saturating": (
            "Your generator plays the non-saturating loss: it uses g′(−θψ). In the standard "
            "loss both players use g′(θψ).",
            lambda theta, psi, r1=0.0: (
                -psi * _sigmoid(theta * psi),
                _dirac(theta, psi, r1)[1],
            ),
        ),
        "discriminator_mirrored": (
            "Your discriminator uses g′(−θψ), the generator g′(θψ). Both use g′(θψ): they "
            "differentiate the same f.",
            lambda theta, psi, r1=0.0: (
                _dirac(theta, psi)[0],
                theta * _sigmoid(theta * psi) - r1 * psi,
            ),
        ),
        "wasserstein": (
            "You take g′ = 1: that is the Wasserstein loss, g(t) = t. For "
            "g(t) = −log(1 + e^(−t)) it is 1 / (1 + e^t).",
            _with_slope(lambda t: 1.0),
        ),
        "linearised": (
            "You take g′ = 1/2, its value at 0. Elsewhere it depends on t = θψ: 1 / (1 + e^t).",
            _with_slope(lambda t: 0.5),
        ),
        "value_instead_of_slope": (
            "You multiply by g itself. The chain rule has its derivative, g′(t) = 1 / (1 + e^t).",
            _with_slope(lambda t: -math.log(1 + math.exp(-t))),
        ),
        "slope_of_the_sigmoid": (
            "Your g′ is σ(t) · (1 − σ(t)), the derivative of the sigmoid. g is the logarithm "
            "of the sigmoid; its derivative is 1 − σ(t) = 1 / (1 + e^t).",
            _with_slope(lambda t: _sigmoid(t) * (1 - _sigmoid(t))),
        ),
        "logarithm_only": (
            "Your g′ is e^(−t), which is the derivative of what stands inside the logarithm. "
            "Divide by the inside: e^(−t) / (1 + e^(−t)).",
            _with_slope(lambda t: math.exp(-t)),
        ),
        "not_through_the_product": (
            "You stop at g′(θψ). The chain rule goes on: by θ times ψ, by ψ times θ.",
            _players(lambda theta, psi, slope, r1: (-slope, slope - r1 * psi)),
        ),
        "own_number": (
            "You multiply by the player's own number. The derivative of θψ by θ is ψ, and by ψ "
            "it is θ.",
            _players(lambda theta, psi, slope, r1: (-theta * slope, psi * slope - r1 * psi)),
        ),
        "slope_of_theta": (
            "You take g′ at θ. The fake lies at θ, and the discriminator answers ψθ there: g′(θψ).",
            lambda theta, psi, r1=0.0: (
                -psi * _sigmoid(-theta),
                theta * _sigmoid(-theta) - r1 * psi,
            ),
        ),
        "order_swapped": (
            "The numbers are right but in the other order. The generator θ comes first.",
            lambda theta, psi, r1=0.0: _dirac(theta, psi, r1)[::-1],
        ),
        "only_the_generator": (
            "You return one number. Two players move: (direction of θ, direction of ψ).",
            lambda theta, psi, r1=0.0: _dirac(theta, psi, r1)[0],
        ),
        "moved": (
            "You return where the players are after a step. Only the two directions are asked "
            "for; the learning rate comes later.",
            lambda theta, psi, r1=0.0: (
                theta + _dirac(theta, psi, r1)[0],
                psi + _dirac(theta, psi, r1)[1],
            ),
        ),
        "penalty_fixed": (
            "Your penalty has weight 1 whatever r1 says. Use the argument; without it there "
            "is no penalty.",
            lambda theta, psi, r1=0.0: _dirac(theta, psi, 1.0),
        ),
    },
)


dirac_gan_gradient: Exercise = lesson.exercise(
    dirac_gan_gradient,
    probe=_Judge(
        _dirac,
        _DIRAC_CASES,
        _DIRAC_MISTAKES,
        plain=lambda each: len(each.args) == 2 and not each.kwargs,
        aside="(Leave r1 for later: where it is not 0, something else is wrong too.)",
    ),
    names_mistakes=True,
    mistakes=_DIRAC_MISTAKES,
    hints=[
        "First g′. With g(t) = −log(1 + e^(−t)) it is e^(−t) / (1 + e^(−t)) = 1 / (1 + e^t); at 0 "
        "it is 1/2.",
        "The chain rule: ∂/∂θ g(θψ) = ψ · g′(θψ) and ∂/∂ψ g(θψ) = θ · g′(θψ). θ goes against its "
        "derivative, ψ along.",
        "ψ also goes against the derivative of r1/2 · ψ²: `(-psi * slope, theta * slope - r1 * "
        "psi)`. At (1, 1) with r1 = 0.5: (−0.269, −0.231).",
    ],
    normalise=_plain,
    right=[
        _dirac_by_differences,
        _dirac_by_arrays,
        _dirac_in_steps,
        lambda theta, psi, r1=0.0: games.DiracGAN(r1=r1).field((theta, psi)),
        lambda theta, psi, r1=0.0: (
            -psi * (1 - _sigmoid(theta * psi)),
            theta * (1 - _sigmoid(theta * psi)) - r1 * psi,
        ),
        lambda theta, psi, r1=0.0: [
            -psi / (math.exp(theta * psi) + 1),
            theta / (math.exp(theta * psi) + 1) - psi * r1,
        ],
    ],
    returns="a pair (direction of theta, direction of psi)",
    add_ons=["r1"],
    difficulty=2,
    minutes=8,
)
"""dirac_gan_gradient(theta, psi, r1=0.0) -> (direction of theta, direction of psi). (●●○, 8 min)

Real data at 0, fakes at θ, D(x) = ψx. f(θ, ψ) = g(θψ) + g(0) with g(t) = -log(1 + exp(-t)). θ
minimises f, ψ maximises f - r1/2 ψ². Returned are the directions in which they move: minus the
derivative by θ, plus the one by ψ. State f and g: as in Mescheder et al. a large D(x) stands for
"fake". theta, psi and r1 are plain numbers."""
