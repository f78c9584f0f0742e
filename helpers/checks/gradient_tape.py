"""Checks of lesson 07, GradientTape and the train step; the last is in ``keras_train_step``.

The string below each exercise is what the lesson has to tell the learner about it. Importing this
module does not load TensorFlow: the first check does.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Collection, Generator
from typing import Any

import numpy as np

from helpers.checks import keras_train_step
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask
from helpers.checks.tapes import (
    Seen,
    Why,
    flat,
    is_tensor,
    keras,
    number,
    shown,
    tensor_in,
    tf,
    watching,
    why_none,
)

lesson = Lesson("07", "GradientTape and the train step")
progress = lesson.progress

_REFERENCES = "helpers.keras.gradient_tape"


def _reference(name: str) -> Callable:
    return getattr(importlib.import_module(_REFERENCES), name)


def _near(value: Any, expected: float) -> bool:
    return isinstance(value, float) and math.isclose(value, expected, rel_tol=1e-4, abs_tol=1e-5)


def _plain(value: Any) -> bool:
    """Whether it is a number that could be an answer."""
    return isinstance(value, float) and math.isfinite(value)


# --- what all exercises share -------------------------------------------------------------------

_NOT_WATCHED = (
    "A tape records what is computed from trainable variables and from what it was told to watch. "
    "Write `tape.watch(x)` as the first line of the `with` block, or make x a `tf.Variable`."
)
_SWAPPED = (
    "Turn the arguments round: `tape.gradient(y, x)` is dy/dx, first what is differentiated, then "
    "by what."
)
_OUTSIDE = (
    "A tape records only while its `with` block runs. Compute the value inside the block, indented "
    "below `with tf.GradientTape() as tape:`."
)
_IN_A_LIST = (
    "`tape.gradient(y, [x])` answers a list with a list. Ask for `tape.gradient(y, x)`, or take "
    "entry 0."
)
_ASKED_TWICE = (
    "A tape answers once and then lets its record go. Keep the answer in a variable, or open the "
    "tape with `persistent=True`."
)


def _attempted(
    seen: Seen, call: Callable[[], Any], bank: Collection[str], explain: Callable | None = None
) -> Any:
    """What the call returns; an error that is well known is raised as a complaint about it."""
    try:
        return call()
    except Exception as error:
        why = (explain(seen, error) if explain else None) or _known_error(seen, error)
        if why is None:
            raise
        raise why.complaint(f"raised {type(error).__name__}.", bank) from error


def _known_error(seen: Seen, error: Exception) -> Why | None:
    if "non-persistent GradientTape" in str(error):
        times = len(seen.of_kind("asked"))
        return Why(f"The same tape was asked {times} times.", "asked_twice")
    asked = seen.of_kind("asked")
    if asked and callable(asked[-1].subject) and not is_tensor(asked[-1].subject):
        return Why(
            "The tape was asked to differentiate a function, not a value.", "function_not_called"
        )
    watched = seen.of_kind("watched")
    if isinstance(error, ValueError) and watched and not is_tensor(flat(watched[-1].subject)[0]):
        subject = flat(watched[-1].subject)[0]
        return Why(
            f"The tape was told to watch {subject!r}, a {type(subject).__name__}.",
            "number_watched",
        )
    return None


def _complain_of_collection(value: Any, pair: Callable[[Any], bool], bank: Collection[str]) -> None:
    """Raise Complaint about a list of one gradient, or about the value beside the gradient."""
    if not isinstance(value, list | tuple):
        return
    kind = type(value).__name__
    if len(value) == 1 and is_tensor(value[0]):
        raise Why(f"a {kind} with one tensor in it.", "in_a_list").complaint("returned", bank)
    if len(value) == 2 and any(pair(number(each)) for each in value):
        raise Why(f"a {kind} of two.", "value_too").complaint("returned", bank)


def _complain_of_none(seen: Seen, bank: Collection[str], otherwise: Why | None = None) -> None:
    """Raise Complaint about None that an attempt returned, if the tapes tell where it is from."""
    asked = seen.of_kind("asked")
    if not asked:
        if seen.of_kind("opened"):
            raise Why("No tape was asked for a gradient.", "never_asked").complaint(
                "returned None.", bank
            )
        return
    if any(each is not None for each in flat(asked[-1].result)):
        raise Why("The tape did give a gradient.", "no_return").complaint("returned None.", bank)
    why = why_none(seen) or otherwise
    if why:
        raise why.complaint("returned None.", bank)


# --- gradient_at and second_derivative ----------------------------------------------------------

# How f is written for the learner, f, x. The last tells finite differences from a tape: to the
# tape what stop_gradient returns is a constant.
_SLOPES: list[tuple[str, Callable, Callable[[], Any], str]] = [
    ("x * x", lambda x: x * x, lambda: 3.0, "3.0"),
    ("x ** 3 - 2 * x", lambda x: x**3 - 2 * x, lambda: tf.constant(-1.5), "tf.constant(-1.5)"),
    ("x * tf.sin(x)", lambda x: x * tf.sin(x), lambda: 0.5, "0.5"),
    ("x * tf.stop_gradient(x)", lambda x: x * tf.stop_gradient(x), lambda: 2.0, "2.0"),
]
_CURVATURES: list[tuple[str, Callable, Callable[[], Any], str]] = [
    ("x ** 3", lambda x: x**3, lambda: 2.0, "2.0"),
    ("x ** 4 - 3 * x ** 2", lambda x: x**4 - 3 * x**2, lambda: 1.5, "1.5"),
    ("x * tf.sin(x)", lambda x: x * tf.sin(x), lambda: tf.constant(0.5), "tf.constant(0.5)"),
    (
        "x * x * tf.stop_gradient(x)",
        lambda x: x * x * tf.stop_gradient(x),
        lambda: 2.0,
        "2.0",
    ),
]


def _probe_slopes(attempt: Callable) -> Generator[Question, Any, None]:
    for text, function, make_x, x_text in _SLOPES:
        label = f"gradient_at(f, {x_text}) with f(x) = {text}"
        yield ask(label, functools.partial(_slope, attempt, function, make_x))


def _probe_curvatures(attempt: Callable) -> Generator[Question, Any, None]:
    for text, function, make_x, x_text in _CURVATURES:
        label = f"second_derivative(f, {x_text}) with f(x) = {text}"
        yield ask(label, functools.partial(_curvature, attempt, function, make_x))


def _slope(attempt: Callable, function: Callable, make_x: Callable[[], Any]) -> Any:
    bank = _SLOPE_MISTAKES
    x = make_x()
    value = float(function(tf.constant(float(x))))
    with watching() as seen:
        answer = _attempted(seen, functools.partial(attempt, seen.spied(function), x), bank)
    right = float(_reference("gradient_at")(function, x))
    _complain_of_collection(answer, functools.partial(_near, expected=right), bank)
    if answer is None:
        _complain_of_none(seen, bank)
    answer = number(answer)
    if not _plain(answer) or _near(answer, right):
        return answer
    start = f"should be {shown(right)}, yours returned {shown(answer)}."
    _complain_of_misuse(seen, float(x), start, bank)
    if _near(answer, value):
        raise Complaint(f"{start} That is f({shown(float(x))}) itself.", mistake="value")
    return answer


def _complain_of_misuse(seen: Seen, x: float, start: str, bank: Collection[str]) -> None:
    """Raise Complaint where a wrong number came about without the function, or elsewhere."""
    runs = seen.of_kind("ran")
    if not runs:
        raise Why("f was never called.", "function_ignored").complaint(start, bank)
    places = [number(run.subject) for run in runs]
    if not seen.of_kind("asked"):
        if len(runs) > 1:
            text = f"f was called {len(runs)} times and no tape was asked."
            raise Why(text, "finite_differences").complaint(start, bank)
        return
    if len({round(place, 6) for place in places if _plain(place)}) > 1:
        text = f"f was called at {len(places)} places, {', '.join(map(shown, places))}."
        raise Why(text, "finite_differences").complaint(start, bank)
    elsewhere = [place for place in places if _plain(place) and not _near(place, x)]
    if elsewhere and len(elsewhere) == len(places):
        text = f"f was called with {shown(elsewhere[0])} instead of {shown(x)}."
        raise Why(text, "x_ignored").complaint(start, bank)


def _curvature(attempt: Callable, function: Callable, make_x: Callable[[], Any]) -> Any:
    bank = _CURVATURE_MISTAKES
    x = make_x()
    number_x = float(x)
    slope_at = functools.partial(_reference("gradient_at"), function)
    slope = float(slope_at(number_x))
    right = float(_reference("second_derivative")(function, number_x))
    with watching() as seen:
        call = functools.partial(attempt, seen.spied(function), x)
        answer = _attempted(seen, call, bank, _error_of_two_tapes)
    _complain_of_collection(answer, functools.partial(_near, expected=right), bank)
    if answer is None:
        why = _why_no_second(seen)
        if why:
            raise why.complaint("returned None.", bank)
        _complain_of_none(seen, bank)
    answer = number(answer)
    if not _plain(answer) or _near(answer, right):
        return answer
    start = f"should be {shown(right)}, yours returned {shown(answer)}."
    looks = {
        "composed": (float(slope_at(slope)), f"That is f'({shown(slope)})"),
        "first_derivative": (slope, f"That is f'({shown(number_x)})"),
        "value": (float(function(tf.constant(number_x))), f"That is f({shown(number_x)})"),
        "squared": (slope**2, f"That is {shown(slope)} squared"),
    }
    for slug, (wrong, text) in looks.items():
        if slug != "composed":  # which calls f at two places rightly
            _complain_of_misuse(seen, number_x, start, bank)
        if _near(answer, wrong) and seen.of_kind("ran"):
            raise Complaint(f"{start} {text}.", mistake=slug)
    return answer


def _error_of_two_tapes(seen: Seen, error: Exception) -> Why | None:
    asked = seen.of_kind("asked")
    if not asked:
        return None
    last = asked[-1]
    if "non-persistent GradientTape" in str(error):
        return Why("One tape was asked twice.", "one_tape")
    if last.subject is None:
        return Why(
            "The first derivative was None, and the other tape was asked for its derivative.",
            "inner_not_watching",
        )
    if len(asked) > 1 and not is_tensor(last.subject) and not callable(last.subject):
        kind = type(last.subject).__name__
        return Why(f"The first derivative came to the outer tape as a {kind}.", "number_between")
    return None


def _why_no_second(seen: Seen) -> Why | None:
    """Why a tape that was asked for the derivative of a derivative gave None."""
    asked = seen.of_kind("asked")
    if len(asked) < 2:
        return None
    last = asked[-1]
    first = next((each for each in asked[:-1] if tensor_in(last.subject, each.result)), None)
    if first is None:
        return None
    if first.tape is last.tape:
        return Why(
            "One tape was asked for both derivatives, after its block.", "one_tape_persistent"
        )
    if not any(last.tape is each for each in first.open_tapes):
        return Why(
            "The first derivative was taken when the other tape was not recording.",
            "first_outside_outer",
        )
    (source, *_) = flat(last.sources)
    runs = seen.of_kind("ran")
    if not seen.watches(last.tape, source, runs[0] if runs else last):
        return Why("The outer tape does not watch x.", "outer_not_watching")
    if runs and not any(run.subject is source for run in runs):
        return Why("f got a copy of x, which the outer tape does not watch.", "copy_inside")
    return None


def _slope_right(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, x)


def _slope_as_a_float(function: Callable, x: Any) -> float:
    with tf.GradientTape(persistent=True) as recorder:
        point = tf.convert_to_tensor(x, dtype=tf.float32)
        recorder.watch(point)
        value = function(point)
        answer = recorder.gradient(value, [point])[0]
    return float(answer.numpy())


def _slope_compiled(function: Callable, x: Any) -> Any:
    @tf.function
    def run(point):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(point)
            value = function(point)
        return tape.gradient(value, point)

    return run(tf.constant(x, tf.float32))


def _slope_forwards(function: Callable, x: Any) -> Any:
    x = tf.constant(x)
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as record:
        y = function(x)
    return record.jvp(y)


def _slope_by_jacobian(function: Callable, x: Any) -> Any:
    x = tf.identity(x)
    with tf.GradientTape() as tape:
        tape.watch([x])
        y = tf.reshape(function(x), [])
    return np.float32(tape.jacobian(y, x))


def _slope_not_watched(function: Callable, x: Any) -> Any:
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, x)


def _slope_watched_too_late(function: Callable, x: Any) -> Any:
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        y = function(x)
        tape.watch(x)
    return tape.gradient(y, x)


def _slope_watches_another(function: Callable, x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(tf.Variable(x) + 0.0)
        x = tf.convert_to_tensor(x)
        y = function(x)
    return tape.gradient(y, x)


def _slope_outside(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    y = function(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
    return tape.gradient(y, x)


def _slope_swapped(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    return tape.gradient(x, y)


def _slope_not_a_tensor(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = tf.convert_to_tensor(function(x.numpy()))
    return tape.gradient(y, x)


def _slope_number_watched(function: Callable, x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def _slope_in_a_list(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, [x])


def _slope_with_value(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    return y, tape.gradient(y, x)


def _slope_value(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    tape.gradient(y, x)
    return y


def _slope_at_three(function: Callable, x: Any) -> Any:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, x)


def _slope_by_differences(function: Callable, x: Any) -> Any:
    step = 1e-3
    return (function(x + step) - function(x - step)) / (2 * step)


def _slope_asked_twice(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    print(tape.gradient(y, x))
    return tape.gradient(y, x)


def _slope_of_the_function(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        function(x)
    return tape.gradient(function, x)


def _slope_without_return(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    tape.gradient(y, x)


def _slope_never_asked(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        function(x)


_SLOPE_MISTAKES = {
    "not_watched": Mistake(_NOT_WATCHED, _slope_not_watched),
    "watched_too_late": Mistake(
        "What was computed before is not on the tape any more: `tape.watch(x)` has to be the first "
        "line of the `with` block.",
        _slope_watched_too_late,
    ),
    "watches_another": Mistake(
        "Two tensors with the same number in them are two tensors. Make x a tensor once, watch "
        "that one, call function with it and ask for the gradient by it.",
        _slope_watches_another,
    ),
    "outside_the_tape": Mistake(_OUTSIDE, _slope_outside),
    "arguments_swapped": Mistake(_SWAPPED, _slope_swapped),
    "not_a_tensor": Mistake(
        "A tape follows tensors and variables only, neither NumPy's numbers nor Python's. Call "
        "function with the tensor itself, without `.numpy()` or `float()`.",
        _slope_not_a_tensor,
    ),
    "number_watched": Mistake(
        "Only a tensor can be watched, and x may come as a Python float: begin with "
        "`x = tf.convert_to_tensor(x)` or `x = tf.Variable(x)`.",
        _slope_number_watched,
    ),
    "in_a_list": Mistake(_IN_A_LIST, _slope_in_a_list),
    "value_too": Mistake("Return the derivative alone, without the value.", _slope_with_value),
    "value": Mistake(
        "Return what `tape.gradient(y, x)` gives, not y.",
        _slope_value,
    ),
    "x_ignored": Mistake(
        "The point is the argument x: nothing in the function should fix it to a number.",
        _slope_at_three,
    ),
    "finite_differences": Mistake(
        "You compute a difference quotient, (f(x + h) - f(x - h)) / 2h. It needs two evaluations "
        "for every input and loses digits; the tape gives the derivative itself after one.",
        _slope_by_differences,
    ),
    "function_ignored": Mistake(
        "Your answer holds for one function only. It has to work for whichever function comes: "
        "compute `y = function(x)` inside the tape's block.",
        lambda function, x: 2 * x,
    ),
    "asked_twice": Mistake(_ASKED_TWICE, _slope_asked_twice),
    "function_not_called": Mistake(
        "Keep the value, `y = function(x)`, and ask for `tape.gradient(y, x)`.",
        _slope_of_the_function,
    ),
    "no_return": Mistake("Write `return` in front of `tape.gradient(...)`.", _slope_without_return),
    "never_asked": Mistake(
        "Recording is half of it. After the block ask for the gradient: "
        "`return tape.gradient(y, x)`.",
        _slope_never_asked,
    ),
}

gradient_at: Exercise = lesson.exercise(
    f"{_REFERENCES}.gradient_at",
    probe=_probe_slopes,
    mistakes=_SLOPE_MISTAKES,
    hints=[
        "x may be a plain float: make a tensor of it first. Open the tape with "
        "`with tf.GradientTape() as tape:`, and let function run inside its block.",
        "A tensor is not watched by itself: `tape.watch(x)`, then `y = function(x)`. After the "
        "block, `return tape.gradient(y, x)`.",
    ],
    right=[
        _slope_right,
        _slope_as_a_float,
        _slope_compiled,
        _slope_forwards,
        _slope_by_jacobian,
    ],
    returns="a number: a float or a scalar tensor",
    difficulty=1,
    minutes=5,
    seconds=20,
    tolerance=1e-4,
)
"""gradient_at(function, x): the derivative of function at x, by a tape.

function takes a scalar tensor and returns one, and is made of TensorFlow operations. x is a Python
float or a scalar float tensor, which nobody watches yet. Returns the derivative as a number: a
scalar tensor, or a float. (A scalar tensor can be differentiated again; the next exercise is where
that helps.)
"""


def _curvature_right(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = function(x)
        first = inner.gradient(y, x)
    return outer.gradient(first, x)


def _curvature_in_one_line(function: Callable, x: Any) -> float:
    x = tf.constant(x)
    with tf.GradientTape() as t2, tf.GradientTape() as t1:
        t2.watch(x)
        t1.watch(x)
        slope = t1.gradient(function(x), x)
    return t2.gradient(slope, x).numpy()


def _curvature_by_composition(function: Callable, x: Any) -> Any:
    slope = functools.partial(_reference("gradient_at"), function)
    return _reference("gradient_at")(slope, x)


def _curvature_with_one_persistent_tape(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape(persistent=True) as tape:
        first = tape.gradient(function(x), x)
    return tape.gradient(first, x)


def _curvature_forward_over_reverse(function: Callable, x: Any) -> Any:
    x = tf.convert_to_tensor(x)
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as forward:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        slope = tape.gradient(y, x)
    return forward.jvp(slope)


def _curvature_first_outside(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        y = function(x)
    first = inner.gradient(y, x)
    return outer.gradient(first, x)


def _curvature_first(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = function(x)
        inner.gradient(y, x)
    return outer.gradient(y, x)


def _curvature_squared(function: Callable, x: Any) -> Any:
    return _slope_right(function, x) ** 2


def _curvature_outer_not_watching(function: Callable, x: Any) -> Any:
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(x)
        first = inner.gradient(y, x)
    return outer.gradient(first, x)


def _curvature_inner_not_watching(function: Callable, x: Any) -> Any:
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            y = function(x)
        first = inner.gradient(y, x)
    return outer.gradient(first, x)


def _curvature_one_persistent_tape(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape(persistent=True) as tape:
        y = function(x)
    first = tape.gradient(y, x)
    return tape.gradient(first, x)


def _curvature_one_tape(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(x)
    first = tape.gradient(y, x)
    return tape.gradient(first, x)


def _curvature_number_between(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = function(x)
        first = inner.gradient(y, x).numpy()
    return outer.gradient(first, x)


def _curvature_by_differences(function: Callable, x: Any) -> Any:
    step = 1e-2
    return (_slope_right(function, x + step) - _slope_right(function, x - step)) / (2 * step)


def _curvature_both(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = function(x)
        first = inner.gradient(y, x)
    return first, outer.gradient(first, x)


def _curvature_value(function: Callable, x: Any) -> Any:
    return function(tf.Variable(x)) + 0.0


def _curvature_composed(function: Callable, x: Any) -> Any:
    return _slope_right(function, _slope_right(function, x))


def _curvature_copy_inside(function: Callable, x: Any) -> Any:
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        first = _slope_right(function, x)
    return outer.gradient(first, x)


def _curvature_at_two(function: Callable, x: Any) -> Any:
    return _curvature_right(function, 2.0)


def _curvature_in_a_list(function: Callable, x: Any) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = function(x)
        first = inner.gradient(y, [x])
    return outer.gradient(first, [x])


def _curvature_without_return(function: Callable, x: Any) -> Any:
    _curvature_right(function, x)


_CURVATURE_MISTAKES = {
    "first_outside_outer": Mistake(
        "The first derivative has to be taken inside the outer tape's block, so that the steps "
        "that make it are recorded too: indent `first = inner.gradient(y, x)` below the outer "
        "`with`, but not below the inner one.",
        _curvature_first_outside,
    ),
    "first_derivative": Mistake(
        "It has to be differentiated once more: the outer tape is asked for the derivative of the "
        "first derivative, `outer.gradient(first, x)`, not of y.",
        _curvature_first,
    ),
    "squared": Mistake(
        "d²f/dx² is not (df/dx)²: the 2 says that the derivative is taken twice.",
        _curvature_squared,
    ),
    "outer_not_watching": Mistake(
        "Each tape watches for itself. Tell both: `outer.watch(x)` and `inner.watch(x)`, or make x "
        "a `tf.Variable`, which all watch.",
        _curvature_outer_not_watching,
    ),
    "inner_not_watching": Mistake(
        "Each tape watches for itself, and the inner one does not watch x: `inner.watch(x)` before "
        "function runs, or make x a `tf.Variable`, which all tapes watch.",
        _curvature_inner_not_watching,
    ),
    "one_tape_persistent": Mistake(
        "The tape was closed when the first derivative was taken, so it has no record of it. Take "
        "the first derivative inside an outer tape's block.",
        _curvature_one_persistent_tape,
    ),
    "one_tape": Mistake(
        "A tape answers once, and it has no record of its own answer. Take a second tape around "
        "the first, and differentiate inside its block.",
        _curvature_one_tape,
    ),
    "number_between": Mistake(
        "A plain number has no record of how it was computed. Keep the first derivative a tensor: "
        "no `float()` and no `.numpy()` before the outer tape was asked.",
        _curvature_number_between,
    ),
    "finite_differences": Mistake(
        "You compute a difference quotient, (f'(x + h) - f'(x - h)) / 2h, which loses digits. A "
        "second tape around the first gives the derivative itself.",
        _curvature_by_differences,
    ),
    "value_too": Mistake("Return the second derivative alone, without the first.", _curvature_both),
    "value": Mistake("Differentiate it, twice.", _curvature_value),
    "composed": Mistake(
        "You take f' at the point f'(x). What is differentiated the second time is the function "
        "f', at x: `gradient_at(lambda t: gradient_at(function, t), x)`.",
        _curvature_composed,
    ),
    "copy_inside": Mistake(
        "Inside the outer block, `tf.Variable(x)` makes a copy that has no connection with x any "
        "more. Make the variable once, before both tapes.",
        _curvature_copy_inside,
    ),
    "x_ignored": Mistake(
        "The point is the argument x: nothing in the function should fix it to a number.",
        _curvature_at_two,
    ),
    "function_ignored": Mistake(
        "Your answer holds for one function only. It has to work for whichever function comes: "
        "compute `y = function(x)` inside both tapes' blocks.",
        lambda function, x: 6 * x,
    ),
    "in_a_list": Mistake(_IN_A_LIST, _curvature_in_a_list),
    "no_return": Mistake(
        "Write `return` in front of `outer.gradient(...)`.",
        _curvature_without_return,
    ),
}

second_derivative: Exercise = lesson.exercise(
    f"{_REFERENCES}.second_derivative",
    probe=_probe_curvatures,
    mistakes=_CURVATURE_MISTAKES,
    hints=[
        "A tape records everything in its block, also what another tape computes there. So the "
        "first derivative has to be taken inside the block of a second tape.",
        "`with tf.GradientTape() as outer:`, in it `with tf.GradientTape() as inner:`, in that "
        "`y = function(x)`. One step out, still below outer: `first = inner.gradient(y, x)`. After "
        "both: `outer.gradient(first, x)`. Both have to watch x.",
    ],
    right=[
        _curvature_right,
        _curvature_in_one_line,
        _curvature_by_composition,
        _curvature_with_one_persistent_tape,
        _curvature_forward_over_reverse,
    ],
    returns="a number: a float or a scalar tensor",
    difficulty=2,
    minutes=8,
    seconds=20,
    tolerance=1e-4,
)
"""second_derivative(function, x): the second derivative of function at x, with nested tapes.

The arguments are those of gradient_at; so is what is returned, a scalar tensor or a float. function
is not a straight line. (For one the second derivative is 0, but a tape says None.)
"""


# --- three broken cells -------------------------------------------------------------------------


def _probe_dtype(attempt: Callable) -> Generator[Question, Any, None]:
    for x in (2, -1, 5):
        yield ask(f"mended_dtype({x})", functools.partial(_dtype_answer, attempt, x))


def _dtype_answer(attempt: Callable, x: int) -> Any:
    bank = _DTYPE_MISTAKES
    with watching() as seen:
        answer = _attempted(seen, functools.partial(attempt, x), bank)
    right = 3.0 * x * x
    _complain_of_collection(answer, functools.partial(_near, expected=right), bank)
    if answer is None:
        _complain_of_none(
            seen, bank, Why("The tape watches x, but has no record of y.", "outside_the_tape")
        )
    answer = number(answer)
    if _near(answer, right) and not seen.of_kind("asked"):
        text = "is the right number, but no tape was asked for it."
        raise Complaint(text, mistake="no_tape")
    return answer


def _dtype_with_constant(x: int) -> Any:
    x = tf.constant(x, dtype=tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x**3
    return tape.gradient(y, x)


def _dtype_cast_inside(x: int) -> float:
    with tf.GradientTape() as tape:
        x = tf.cast(x, tf.float32)
        tape.watch(x)
        y = tf.pow(x, 3)
    return float(tape.gradient(y, x))


def _dtype_with_gradient_at(x: int) -> Any:
    return _reference("gradient_at")(lambda t: t * t * t, float(x))


def _dtype_slope(
    *,
    start: Callable[[Any], Any] = lambda x: tf.constant(float(x)),
    watched: Callable[[Any], Any] = lambda x: x,
    power: Callable[[Any], Any] = lambda x: x * x * x,
    ask_for: Callable[[Any, Any, Any], Any] = lambda tape, y, x: tape.gradient(y, x),
) -> Callable:
    """The slope of x³ with one thing done otherwise."""

    def slope(x: int) -> Any:
        x = start(x)
        with tf.GradientTape() as tape:
            seen = watched(x)
            if seen is not None:
                tape.watch(seen)
            y = power(x)
        return ask_for(tape, y, x)

    return slope


def _dtype_source_is_integer(x: int) -> Any:
    x = tf.constant(x)
    x_float = tf.cast(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x_float)
        y = x_float * x_float * x_float
    return tape.gradient(y, x)


def _dtype_watches_the_integer(x: int) -> Any:
    x = tf.constant(x)
    x_float = tf.cast(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x_float * x_float * x_float
    return tape.gradient(y, x_float)


def _dtype_outside(x: int) -> Any:
    x = tf.Variable(float(x))
    y = x * x * x
    with tf.GradientTape() as tape:
        tape.watch(x)
    return tape.gradient(y, x)


def _dtype_asked_twice(x: int) -> Any:
    x = tf.Variable(float(x))
    with tf.GradientTape() as tape:
        y = x * x * x
    print(tape.gradient(y, x))
    return tape.gradient(y, x)


_DTYPE_MISTAKES = {
    "integer": Mistake(
        "Whole numbers have no slopes: between 2 and 3 there is no integer. Start from a float, "
        "`tf.constant(float(x))` or `tf.Variable(float(x))`; another integer type changes nothing.",
        _dtype_slope(start=lambda x: tf.constant(x)),
    ),
    "cast_too_late": Mistake(
        "Casting y, or x on its way into y, comes too late: the gradient is asked for by the "
        "integer, which a tape does not follow. Make x itself a float, before the tape.",
        _dtype_slope(start=lambda x: tf.constant(x), power=lambda x: tf.cast(x, tf.float32) ** 3),
    ),
    "source_is_integer": Mistake(
        "The float is another tensor than the integer it was made from. Ask for the gradient by "
        "the float that is watched.",
        _dtype_source_is_integer,
    ),
    "watches_another": Mistake(
        "Watch the float that y is computed from, not the integer it was made from.",
        _dtype_watches_the_integer,
    ),
    "not_watched": Mistake(_NOT_WATCHED, _dtype_slope(watched=lambda x: None)),
    "outside_the_tape": Mistake(_OUTSIDE, _dtype_outside),
    "arguments_swapped": Mistake(
        _SWAPPED, _dtype_slope(ask_for=lambda tape, y, x: tape.gradient(x, y))
    ),
    "in_a_list": Mistake(
        _IN_A_LIST, _dtype_slope(ask_for=lambda tape, y, x: tape.gradient(y, [x]))
    ),
    "value_too": Mistake(
        "Return the slope alone, without y.",
        _dtype_slope(ask_for=lambda tape, y, x: (y, tape.gradient(y, x))),
    ),
    "value": Mistake(
        "You return y itself, 8 at x = 2. The slope there is 12: return `tape.gradient(y, x)`.",
        _dtype_slope(ask_for=lambda tape, y, x: y),
    ),
    "square": Mistake(
        "Your y is x². The broken cell has x³: mend what is broken, keep the rest.",
        _dtype_slope(power=lambda x: x * x),
    ),
    "x_ignored": Mistake(
        "You return 12 for every x, the slope at 2. Keep the argument x.",
        _dtype_slope(start=lambda x: tf.constant(2.0)),
    ),
    "no_tape": Mistake(
        "3x² by hand is right for this one function. Mend the cell so that the tape finds it.",
        lambda x: 3.0 * x * x,
    ),
    "asked_twice": Mistake(_ASKED_TWICE, _dtype_asked_twice),
    "no_return": Mistake(
        "Write `return` in front of `tape.gradient(y, x)`.",
        _dtype_slope(ask_for=lambda tape, y, x: [tape.gradient(y, x), None][1]),
    ),
}

mended_dtype: Exercise = lesson.exercise(
    f"{_REFERENCES}.mended_dtype",
    probe=_probe_dtype,
    mistakes=_DTYPE_MISTAKES,
    hints=[
        "Print `x.dtype` in the broken cell. From which dtype on can a number change a little?",
        "Start with `x = tf.Variable(float(x))`; the rest can stay as it is.",
    ],
    right=[_dtype_with_constant, _dtype_cast_inside, _dtype_with_gradient_at],
    returns="a number: a float or a scalar tensor",
    difficulty=1,
    minutes=3,
    seconds=20,
    tolerance=1e-4,
)
"""mended_dtype(x): the slope of x³ at the whole number x, by a tape; a float or a scalar tensor.

The broken cell, of which mended_dtype(2) is None instead of 12.0::

    def mended_dtype(x):
        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x * x
        return tape.gradient(y, x)
"""


_LOGITS = ([2.0, -1.0, 0.5], [0.0, -3.0, 1.0, 4.0])


def _probe_numpy(attempt: Callable) -> Generator[Question, Any, None]:
    for logits in _LOGITS:
        given = np.array(logits, "float32")
        call = functools.partial(_numpy_answer, attempt, given)
        yield Question(
            f"mended_numpy(np.array({logits}, 'float32'))", call, inputs={"logits": given}
        )


def _numpy_answer(attempt: Callable, logits: np.ndarray) -> Any:
    bank = _NUMPY_MISTAKES
    with watching() as seen:
        answer = _attempted(seen, functools.partial(attempt, logits), bank, _numpy_error)
    right = 1 / (1 + np.exp(-logits)) / len(logits)

    def is_right(value: Any) -> bool:
        value = np.asarray(value) if is_tensor(value) or isinstance(value, np.ndarray) else None
        return value is not None and value.shape == right.shape and np.allclose(value, right, 1e-4)

    _complain_of_collection(answer, is_right, bank)
    if answer is None:
        _complain_of_none(seen, bank, Why("The tape has no record from logits to loss.", "cut"))
    if is_right(answer) and not seen.of_kind("asked"):
        text = "has the right numbers, but no tape was asked for them."
        raise Complaint(text, mistake="no_tape")
    return np.asarray(answer) if is_tensor(answer) else answer


def _numpy_error(seen: Seen, error: Exception) -> Why | None:
    asked = seen.of_kind("asked")
    if asked and not is_tensor(asked[-1].subject) and asked[-1].subject is not None:
        kind = type(asked[-1].subject).__name__
        if not callable(asked[-1].subject):
            return Why(
                f"The loss that the tape is asked about is a {kind} of NumPy.", "cut_at_the_end"
            )
    return None


def _numpy_gradient(
    *,
    start: Callable[[Any], Any] = lambda logits: tf.Variable(logits),
    loss: Callable[[Any], Any] = lambda x: tf.reduce_mean(tf.math.log1p(tf.exp(x))),
    ask_for: Callable[[Any, Any, Any], Any] = lambda tape, y, x: tape.gradient(y, x),
) -> Callable:
    """The mended cell with one thing done otherwise."""

    def gradient(logits: np.ndarray) -> Any:
        x = start(logits)
        with tf.GradientTape() as tape:
            value = loss(x)
        return ask_for(tape, value, x)

    return gradient


def _numpy_asked_twice(logits: np.ndarray) -> Any:
    x = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.softplus(x))
    print(tape.gradient(loss, x))
    return tape.gradient(loss, x)


def _numpy_with_a_constant(logits: np.ndarray) -> Any:
    x = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(tf.math.log(1 + tf.exp(x))) / len(logits)
    return tape.gradient(loss, x).numpy()


def _numpy_with_keras(logits: np.ndarray) -> Any:
    x = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(keras.ops.softplus(x))
    return tape.gradient(loss, [x])[0]


def _numpy_with_cross_entropy(logits: np.ndarray) -> Any:
    x = tf.Variable(tf.reshape(logits, [-1, 1]))
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        loss = entropy(tf.zeros_like(x), x)
    return tf.squeeze(tape.gradient(loss, x), axis=1)


_NUMPY_MISTAKES = {
    "cut": Mistake(
        "Either NumPy still computes something between the two (`np.exp` of a tensor is an array, "
        "and making a tensor of it again does not bring the record back), or the loss is computed "
        "outside the `with` block. Use `tf.exp` and `tf.math.log1p`, inside.",
        _numpy_gradient(loss=lambda x: tf.reduce_mean(tf.math.log1p(np.exp(x)))),
    ),
    "cut_at_the_end": Mistake(
        "NumPy's mean gives NumPy's number, of which no tape knows how it was computed. Use "
        "`tf.reduce_mean` and the other operations of TensorFlow throughout.",
        _numpy_gradient(loss=lambda x: np.mean(np.log1p(np.exp(x)))),
    ),
    "by_the_exponential": Mistake(
        "At the logit 2 your slope is 0.0397; right is 0.294. "
        "Your gradient is by exp(logits), not by the logits: NumPy computes the exponential before "
        "the tape starts. Make the logits themselves the variable.",
        _numpy_gradient(
            start=lambda logits: tf.Variable(np.exp(logits)),
            loss=lambda x: tf.reduce_mean(tf.math.log1p(x)),
        ),
    ),
    "sum": Mistake(
        "At the logit 2 your slope is 0.881; right is 0.294. "
        "Every entry is N times too large for N logits: the loss is their mean, `tf.reduce_mean`. "
        "(Without it, the tape adds up the entries.)",
        _numpy_gradient(loss=lambda x: tf.math.log1p(tf.exp(x))),
    ),
    "no_logarithm": Mistake(
        "At the logit 2 your slope is 2.46; right is 0.294. "
        "The logarithm is lost: your loss is mean(exp(logits)). `tf.math.log1p(x)` is log(1 + x).",
        _numpy_gradient(loss=lambda x: tf.reduce_mean(tf.exp(x))),
    ),
    "no_one": Mistake(
        "At the logit 2 your slope is 0.333; right is 0.294. "
        "The 1 is lost: log(exp(logits)) is the logits again, so every slope is 1/N. "
        "`tf.math.log1p(x)` is log(1 + x), `tf.math.log(x)` is not.",
        _numpy_gradient(loss=lambda x: tf.reduce_mean(tf.math.log(tf.exp(x)))),
    ),
    "sign_of_the_logits": Mistake(
        "At the logit 2 your slope is -0.0397; right is 0.294. "
        "Your loss is log(1 + exp(-logits)), the one for real images. Here there is no minus.",
        _numpy_gradient(loss=lambda x: tf.reduce_mean(tf.math.softplus(-x))),
    ),
    "sign": Mistake(
        "At the logit 2 your slope is -0.294; right is 0.294. "
        "All signs are turned round: the loss has no minus in front.",
        _numpy_gradient(loss=lambda x: -tf.reduce_mean(tf.math.softplus(x))),
    ),
    "not_watched": Mistake(_NOT_WATCHED, _numpy_gradient(start=lambda x: tf.constant(x))),
    "arguments_swapped": Mistake(
        _SWAPPED, _numpy_gradient(ask_for=lambda tape, y, x: tape.gradient(x, y))
    ),
    "in_a_list": Mistake(
        _IN_A_LIST, _numpy_gradient(ask_for=lambda tape, y, x: tape.gradient(y, [x]))
    ),
    "value_too": Mistake(
        "Return the gradient alone, without the loss.",
        _numpy_gradient(ask_for=lambda tape, y, x: (y, tape.gradient(y, x))),
    ),
    "loss": Mistake(
        "You return the loss, one number. The gradient has an entry for every logit: return "
        "`tape.gradient(loss, logits)`.",
        _numpy_gradient(ask_for=lambda tape, y, x: y),
    ),
    "no_tape": Mistake(
        "The formula sigmoid(logits) / N is right for this one loss. Mend the cell so that the "
        "tape finds it.",
        lambda logits: 1 / (1 + np.exp(-logits)) / len(logits),
    ),
    "asked_twice": Mistake(_ASKED_TWICE, _numpy_asked_twice),
    "no_return": Mistake(
        "Write `return` in front of `tape.gradient(...)`.",
        _numpy_gradient(ask_for=lambda tape, y, x: [tape.gradient(y, x), None][1]),
    ),
}

mended_numpy: Exercise = lesson.exercise(
    f"{_REFERENCES}.mended_numpy",
    probe=_probe_numpy,
    mistakes=_NUMPY_MISTAKES,
    hints=[
        "What types do `np.exp(logits)` and `np.log1p(...)` return? A tape records operations of "
        "TensorFlow only.",
        "`np.exp` is `tf.exp`, `np.log1p` is `tf.math.log1p`, and the rest can stay as it is.",
    ],
    right=[
        _numpy_gradient(),
        _numpy_with_a_constant,
        _numpy_with_keras,
        _numpy_with_cross_entropy,
    ],
    returns="a tensor with an entry for every logit",
    difficulty=1,
    minutes=3,
    seconds=20,
    tolerance=1e-4,
)
"""mended_numpy(logits): the gradient of mean(log(1 + exp(logits))) by a tape; a tensor or an array.

That is the discriminator's loss on fakes, written with NumPy. logits comes as a float32 array of
shape (N,). The broken cell, which returns None::

    def mended_numpy(logits):
        logits = tf.Variable(logits)
        with tf.GradientTape() as tape:
            losses = np.log1p(np.exp(logits))
            loss = tf.reduce_mean(losses)
        return tape.gradient(loss, logits)
"""


_DESCENTS = [(5.0, 0.1, 1), (5.0, 0.1, 3), (-1.0, 0.25, 2)]


def _probe_update(attempt: Callable) -> Generator[Question, Any, None]:
    for x, learning_rate, steps in _DESCENTS:
        label = f"mended_update({x}, learning_rate={learning_rate}, steps={steps})"
        yield ask(label, functools.partial(_update_answer, attempt, x, learning_rate, steps))


def _update_answer(attempt: Callable, x: float, learning_rate: float, steps: int) -> Any:
    bank = _UPDATE_MISTAKES
    with watching() as seen:
        call = functools.partial(attempt, x, learning_rate, steps)
        answer = _attempted(seen, call, bank, _update_error)
    asked = seen.of_kind("asked")
    missing = sum(event.result is None for event in asked)
    if answer is None and asked and not missing:
        raise Why("The tapes did give gradients.", "no_return").complaint("returned None.", bank)
    right = 2 + (x - 2) * (1 - 2 * learning_rate) ** steps
    if not _near(number(answer), right) and missing:
        text = f"{missing} of {len(asked)} gradients were None and went unused."
        start = f"should be {shown(right)}, yours returned {shown(number(answer))}."
        raise Why(text, "none_swallowed").complaint(start, bank)
    if _near(number(answer), right) and not asked:
        raise Complaint("is the right number, but no tape was asked for it.", mistake="no_tape")
    if isinstance(answer, keras.Variable):
        answer = answer.value
    return number(answer)


def _update_error(seen: Seen, error: Exception) -> Why | None:
    asked = seen.of_kind("asked")
    if not asked or asked[-1].result is not None or "non-persistent" in str(error):
        return None
    source = flat(asked[-1].sources)[0]
    if isinstance(source, tf.Variable | keras.Variable):
        return Why("The gradient was None: the tape has no record of y.", "outside_the_tape")
    kind = "a tensor" if is_tensor(source) else f"a {type(source).__name__}"
    if len(asked) == 1:
        return Why(
            f"The first gradient was None: x was {kind}, which nobody watches.", "not_watched"
        )
    return Why(
        f"Gradient {len(asked)} was None: by then x was {kind}, not a variable.", "still_replaced"
    )


def _update(
    change: Callable[[Any, float, Any], Any] = lambda x, rate, g: x.assign_sub(rate * g),
    *,
    height: Callable[[Any], Any] = lambda x: (x - 2.0) ** 2,
    rounds: Callable[[int], int] = lambda steps: steps,
    answer: Callable[[Any, Any, Any], Any] = lambda x, y, g: x,
) -> Callable:
    """Gradient descent on (x - 2)² with one thing done otherwise."""

    def update(x: float, learning_rate: float, steps: int) -> Any:
        x, y, gradient = tf.Variable(x), None, None
        for _ in range(rounds(steps)):
            with tf.GradientTape() as tape:
                y = height(x)
            gradient = tape.gradient(y, x)
            change(x, learning_rate, gradient)
        return answer(x, y, gradient)

    return update


def _update_still_replaced(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.Variable(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        x = x - learning_rate * tape.gradient(y, x)
    return x


def _update_none_swallowed(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.Variable(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        gradient = tape.gradient(y, x)
        if gradient is not None:
            x = x - learning_rate * gradient
    return x


def _update_not_watched(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.constant(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        x = x - learning_rate * tape.gradient(y, x)
    return x


def _update_outside(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.Variable(x)
    for _ in range(steps):
        y = (x - 2.0) ** 2
        with tf.GradientTape() as tape:
            tape.watch(x)
        x.assign_sub(learning_rate * tape.gradient(y, x))
    return x


def _update_one_tape(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = (x - 2.0) ** 2
    for _ in range(steps):
        x.assign_sub(learning_rate * tape.gradient(y, x))
    return x


def _update_stale(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.Variable(x)
    with tf.GradientTape(persistent=True) as tape:
        y = (x - 2.0) ** 2
    for _ in range(steps):
        x.assign_sub(learning_rate * tape.gradient(y, x))
    return x


def _update_starts_again(x: float, learning_rate: float, steps: int) -> Any:
    for _ in range(steps):
        variable = tf.Variable(x)
        with tf.GradientTape() as tape:
            y = (variable - 2.0) ** 2
        variable.assign_sub(learning_rate * tape.gradient(y, variable))
    return variable


def _update_by_hand(x: float, learning_rate: float, steps: int) -> Any:
    for _ in range(steps):
        x = x - learning_rate * 2 * (x - 2)
    return x


def _update_watching(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.constant(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = (x - 2.0) ** 2
        x = x - learning_rate * tape.gradient(y, x)
    return x


def _update_with_optimizer(x: float, learning_rate: float, steps: int) -> Any:
    x = tf.Variable(x)
    optimizer = keras.optimizers.SGD(learning_rate)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = tf.square(x - 2.0)
        optimizer.apply_gradients([(tape.gradient(y, x), x)])
    return x.numpy()


def _update_new_variables(x: float, learning_rate: float, steps: int) -> float:
    for _ in range(steps):
        x = tf.Variable(x)
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        x = x - learning_rate * tape.gradient(y, x)
    return float(x)


_UPDATE_MISTAKES = {
    "still_replaced": Mistake(
        "`x = x - ...` makes a tensor, which the next tape does not watch. Change the variable in "
        "place, `x.assign_sub(...)`, or let every tape watch x.",
        _update_still_replaced,
    ),
    "none_swallowed": Mistake(
        "Skipping a None hides that x has become a tensor, which the tape does not watch. Change "
        "the variable in place, `x.assign_sub(...)`, and there is none to skip.",
        _update_none_swallowed,
    ),
    "not_watched": Mistake(_NOT_WATCHED, _update_not_watched),
    "outside_the_tape": Mistake(_OUTSIDE, _update_outside),
    "asked_twice": Mistake(
        "Every step needs a tape of its own: put the `with` block inside the loop. x has moved, so "
        "y and its slope have to be computed anew.",
        _update_one_tape,
    ),
    "stale_gradient": Mistake(
        "From 5 three steps end at 3.2; right is 3.54. "
        "You take the slope at the first x in every step. Put the `with` block inside the loop: x "
        "has moved, so y and its slope have to be computed anew.",
        _update_stale,
    ),
    "starts_again": Mistake(
        "From 5 three steps end at 4.4; right is 3.54. "
        "One step is right, but three steps end where one does: each starts from the first x "
        "again. Make the variable once, before the loop.",
        _update_starts_again,
    ),
    "ascends": Mistake(
        "From 5 one step ends at 5.6; right is 4.4. "
        "You go uphill, away from 2. The gradient points up: subtract it, `assign_sub`.",
        _update(lambda x, rate, g: x.assign_add(rate * g)),
    ),
    "no_learning_rate": Mistake(
        "From 5 one step ends at -1; right is 4.4. "
        "You subtract the whole gradient. Multiply it by learning_rate first.",
        _update(lambda x, rate, g: x.assign_sub(g)),
    ),
    "assigned": Mistake(
        "From 5 one step ends at 0.6; right is 4.4. "
        "`assign` puts the new number in place of x. What you want to subtract from x goes into "
        "`assign_sub`.",
        _update(lambda x, rate, g: x.assign(rate * g)),
    ),
    "unmoved": Mistake(
        "From 5 one step ends at 5; right is 4.4. "
        "x stays where it starts: `x - ...` computes a new number and leaves the variable as it "
        "is. Write `x.assign_sub(...)`.",
        _update(lambda x, rate, g: x - rate * g),
    ),
    "gradient": Mistake(
        "From 5 one step ends at 6; right is 4.4. You return the last gradient. Return x.",
        _update(answer=lambda x, y, g: g),
    ),
    "height": Mistake(
        "From 5 one step ends at 9; right is 4.4. "
        "You return y, how high x was before the last step. Return x.",
        _update(answer=lambda x, y, g: y),
    ),
    "one_too_few": Mistake(
        "From 5 one step ends at 5; right is 4.4. "
        "You make one step less than asked for: `range(steps)` has steps entries.",
        _update(rounds=lambda steps: steps - 1),
    ),
    "one_too_many": Mistake(
        "From 5 one step ends at 3.92; right is 4.4. "
        "You make one step more than asked for: `range(steps)` has steps entries.",
        _update(rounds=lambda steps: steps + 1),
    ),
    "square": Mistake(
        "From 5 one step ends at 4; right is 4.4. "
        "You descend on x², whose lowest point is 0. In the broken cell y is (x - 2)²: mend what "
        "is broken, keep the rest.",
        _update(height=lambda x: x**2),
    ),
    "no_tape": Mistake(
        "2(x - 2) by hand is right for this one function. Mend the cell so that the tape finds it.",
        _update_by_hand,
    ),
    "no_return": Mistake("Write `return x` at the end.", _update(answer=lambda x, y, g: None)),
}

mended_update: Exercise = lesson.exercise(
    f"{_REFERENCES}.mended_update",
    probe=_probe_update,
    mistakes=_UPDATE_MISTAKES,
    hints=[
        "Print `type(x)` at the end of each turn of the loop in the broken cell. What is watched "
        "without being told?",
        "A variable has `assign_sub`, which changes it in place: "
        "`x.assign_sub(learning_rate * tape.gradient(y, x))`.",
    ],
    right=[
        _update_watching,
        _update_with_optimizer,
        _update_new_variables,
        _update(lambda x, rate, g: x.assign(x - rate * g), height=lambda x: x * x - 4 * x),
        _update(lambda x, rate, g: x.assign_add(-g * rate), answer=lambda x, y, g: float(x)),
    ],
    returns="x after the last step: a number, a scalar tensor or a variable",
    difficulty=1,
    minutes=4,
    seconds=20,
    tolerance=1e-4,
)
"""mended_update(x, learning_rate, steps): where gradient descent on (x - 2)² from x ends.

x is a float; returns x after so many steps: a float, a scalar tensor or the variable. The broken
cell, which raises TypeError in the second step because the gradient is None::

    def mended_update(x, learning_rate, steps):
        x = tf.Variable(x)
        for _ in range(steps):
            with tf.GradientTape() as tape:
                y = (x - 2.0) ** 2
            x = x - learning_rate * tape.gradient(y, x)
        return x
"""


# --- linear_regression_step ---------------------------------------------------------------------

_LINE = (0.5, -1.0)  # w and b at the start
_BATCHES = {
    "x = [1, 2, 4], y = [2, 3, 9]": ([1.0, 2.0, 4.0], [2.0, 3.0, 9.0], 0.1),
    "x = [-1, 0.5, 1, 3, 2], y = [0, 1, 2, 1, 4]": (
        [-1.0, 0.5, 1.0, 3.0, 2.0],
        [0.0, 1.0, 2.0, 1.0, 4.0],
        0.02,
    ),
}


def _probe_regression(attempt: Callable) -> Generator[Question, Any, None]:
    w, b = (tf.Variable(value) for value in _LINE)
    for text, (x, y, learning_rate) in _BATCHES.items():
        label = f"linear_regression_step(w, b, x, y, {learning_rate}) with {text}"
        call = functools.partial(_regression_answer, attempt, w, b, x, y, learning_rate)
        yield ask(label, call)


def _regression_answer(
    attempt: Callable, w: Any, b: Any, x: list[float], y: list[float], learning_rate: float
) -> dict[str, Any]:
    """w and b after the step, and the loss that was returned."""
    bank = _REGRESSION_MISTAKES
    before = float(w), float(b)
    x, y = tf.constant(x), tf.constant(y)
    with watching() as seen:
        call = functools.partial(attempt, w, b, x, y, learning_rate)
        loss = _attempted(seen, call, bank, _regression_error)
    after = float(w), float(b)
    error = before[0] * x.numpy() + before[1] - y.numpy()
    right = (
        before[0] - learning_rate * 2 * float(np.mean(error * x.numpy())),
        before[1] - learning_rate * 2 * float(np.mean(error)),
    )
    asked = seen.of_kind("asked")
    if not asked and all(map(_near, after, right)):
        raise Complaint("moves w and b rightly, but no tape was asked.", mistake="no_tape")
    if after == before and (asked or is_tensor(loss)):
        moved = f"should move w from {shown(before[0])} to {shown(right[0])} and b from "
        moved += f"{shown(before[1])} to {shown(right[1])}. Both stay where they are."
        raise Complaint(moved, mistake="not_in_place" if asked else "never_asked")
    if is_tensor(loss) and tuple(loss.shape):
        text = f"returned a tensor of shape {tuple(loss.shape)}."
        raise Why("The loss is one number.", "not_averaged").complaint(text, bank)
    loss = number(loss)
    if after != before and loss is None:
        text = f"should return the loss, {shown(float(np.mean(error**2)))}, yours returned None."
        raise Complaint(text, mistake="no_return")
    if not isinstance(loss, float | tuple | list):
        return loss
    return {
        "w after the step": number(w),
        "b after the step": number(b),
        "the loss": tuple(map(number, loss)) if isinstance(loss, tuple | list) else loss,
    }


def _regression_error(seen: Seen, error: Exception) -> Why | None:
    asked = seen.of_kind("asked")
    if not asked or any(each is not None for each in flat(asked[-1].result)):
        return None
    if "non-persistent" in str(error) or not is_tensor(asked[-1].subject):
        return None
    sources = flat(asked[-1].sources)
    if not all(isinstance(each, tf.Variable | keras.Variable) for each in sources):
        return Why("The gradient by something that is no variable is None.", "by_a_tensor")
    return Why("The gradients are None: the tape has no record of the loss.", "outside_the_tape")


def _regression(
    *,
    error: Callable[..., Any] = lambda w, b, x, y: w * x + b - y,
    loss: Callable[[Any], Any] = lambda error: tf.reduce_mean(tf.square(error)),
    change: Callable[..., None] = lambda w, b, dw, db, rate: (
        w.assign_sub(rate * dw),
        b.assign_sub(rate * db),
    ),
    sources: Callable[[Any, Any], list] = lambda w, b: [w, b],
    answer: Callable[..., Any] = lambda loss, w, b, again: loss,
) -> Callable:
    """The step with one thing done otherwise."""

    def step(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
        def measure() -> Any:
            return loss(error(w, b, x, y))

        with tf.GradientTape() as tape:
            value = measure()
        dw, db = tape.gradient(value, sources(w, b))
        change(w, b, dw, db, learning_rate)
        return answer(value, w, b, measure)

    return step


def _regression_one_after_another(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((w * x + b - y) ** 2)
    w.assign_sub(learning_rate * tape.gradient(loss, w))
    with tf.GradientTape() as tape:
        second = tf.reduce_mean((w * x + b - y) ** 2)
    b.assign_sub(learning_rate * tape.gradient(second, b))
    return loss


def _regression_outside(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    loss = tf.reduce_mean((w * x + b - y) ** 2)
    with tf.GradientTape() as tape:
        tape.watch([w, b])
    dw, db = tape.gradient(loss, [w, b])
    w.assign_sub(learning_rate * dw)
    b.assign_sub(learning_rate * db)
    return loss


def _regression_asked_twice(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((w * x + b - y) ** 2)
    w.assign_sub(learning_rate * tape.gradient(loss, w))
    b.assign_sub(learning_rate * tape.gradient(loss, b))
    return loss


def _regression_rebinding(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((w * x + b - y) ** 2)
    dw, db = tape.gradient(loss, [w, b])
    w = w - learning_rate * dw
    b = b - learning_rate * db
    return loss


def _regression_by_hand(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    error = w * x + b - y
    w.assign_sub(learning_rate * 2 * tf.reduce_mean(error * x))
    b.assign_sub(learning_rate * 2 * tf.reduce_mean(error))
    return tf.reduce_mean(error**2)


def _regression_by_a_tensor(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((w * x + b - y) ** 2)
    dw, db = tape.gradient(loss, [w + 0.0, b + 0.0])
    w.assign_sub(learning_rate * dw)
    b.assign_sub(learning_rate * db)
    return loss


def _regression_never_asked(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape():
        loss = tf.reduce_mean((w * x + b - y) ** 2)
    return loss


def _regression_with_persistent_tape(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape(persistent=True) as tape:
        loss = keras.losses.MeanSquaredError()(y, x * w + b)
    w_slope, b_slope = tape.gradient(loss, w), tape.gradient(loss, b)
    del tape
    w.assign(w - learning_rate * w_slope)
    b.assign_add(-learning_rate * b_slope)
    return loss.numpy()


def _regression_with_optimizer(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape() as tape:
        residuals = y - (b + w * x)
        loss = tf.reduce_sum(residuals * residuals) / tf.size(x, tf.float32)
    optimizer = keras.optimizers.SGD(learning_rate)
    optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b], strict=True))
    return float(loss)


def _regression_with_two_tapes(w: Any, b: Any, x: Any, y: Any, learning_rate: float) -> Any:
    with tf.GradientTape() as first, tf.GradientTape() as second:
        loss = tf.math.reduce_mean(tf.math.squared_difference(w * x + b, y), axis=0)
    gradients = {"w": first.gradient(loss, {"w": w})["w"], "b": second.gradient(loss, b)}
    for name, variable in (("b", b), ("w", w)):
        variable.assign_sub(gradients[name] * learning_rate)
    return loss


_REGRESSION_MISTAKES = {
    "not_in_place": Mistake(
        "`w = w - ...` makes a new tensor with the name w inside your function; the variable that "
        "was handed in does not change. Write `w.assign_sub(learning_rate * w_gradient)`, and the "
        "same for b.",
        _regression_rebinding,
    ),
    "never_asked": Mistake(
        "You compute the loss. Ask the tape for its gradients by w and b, and move both against "
        "them.",
        _regression_never_asked,
    ),
    "outside_the_tape": Mistake(_OUTSIDE, _regression_outside),
    "by_a_tensor": Mistake(
        "Ask for the gradient by the variables themselves, `tape.gradient(loss, [w, b])`: "
        "`w + 0.0` is a new tensor that the loss was not computed from.",
        _regression_by_a_tensor,
    ),
    "asked_twice": Mistake(
        "A tape answers once and then lets its record go. Ask for both gradients in one call, "
        "`w_gradient, b_gradient = tape.gradient(loss, [w, b])`, or open the tape with "
        "`persistent=True`.",
        _regression_asked_twice,
    ),
    "one_after_another": Mistake(
        "The first step takes b from -1 to -1.36; right is -0.1. "
        "w is right, b is not: its gradient is taken when w has already moved. One step moves both "
        "from the same place: take both gradients first.",
        _regression_one_after_another,
    ),
    "summed": Mistake(
        "The first step takes w from 0.5 to 8.6; right is 3.2. "
        "Both move N times too far for N points: the loss is the mean of the squared errors, "
        "`tf.reduce_mean`, not their sum.",
        _regression(loss=lambda error: tf.reduce_sum(tf.square(error))),
    ),
    "not_averaged": Mistake(
        "Take the mean of the squared errors. (Without it, the tape adds up the gradients of all "
        "entries, and the step is N times too long.)",
        _regression(loss=lambda error: tf.square(error)),
    ),
    "halved": Mistake(
        "The first step takes w from 0.5 to 1.85; right is 3.2. "
        "Your loss is half of the mean squared error, so the steps are half as long. Leave the 1/2 "
        "out.",
        _regression(loss=lambda error: tf.reduce_mean(tf.square(error)) / 2),
    ),
    "absolute": Mistake(
        "The first step takes w from 0.5 to 0.733; right is 3.2. "
        "You take the mean of |error|. The mean squared error has error²: `tf.square`.",
        _regression(loss=lambda error: tf.reduce_mean(tf.abs(error))),
    ),
    "not_squared": Mistake(
        "The first step takes w from 0.5 to 0.267; right is 3.2. "
        "You take the mean of the errors themselves, in which too high and too low cancel. Square "
        "them first.",
        _regression(loss=lambda error: tf.reduce_mean(error)),
    ),
    "square_of_the_mean": Mistake(
        "The first step takes w from 0.5 to 2.6; right is 3.2. "
        "You square the mean error. Square each error first, then take the mean.",
        _regression(loss=lambda error: tf.square(tf.reduce_mean(error))),
    ),
    "root": Mistake(
        "The first step takes w from 0.5 to 0.763; right is 3.2. "
        "You take the root of the mean squared error. Leave the root out.",
        _regression(loss=lambda error: tf.sqrt(tf.reduce_mean(tf.square(error)))),
    ),
    "ascends": Mistake(
        "The first step takes w from 0.5 to -2.2; right is 3.2. "
        "w and b move uphill: the gradient points to where the loss grows. Subtract it, "
        "`assign_sub`.",
        _regression(
            change=lambda w, b, dw, db, rate: (w.assign_add(rate * dw), b.assign_add(rate * db))
        ),
    ),
    "w_alone": Mistake(
        "b does not move. It has a gradient too.",
        _regression(change=lambda w, b, dw, db, rate: w.assign_sub(rate * dw)),
    ),
    "b_alone": Mistake(
        "w does not move. It has a gradient too.",
        _regression(change=lambda w, b, dw, db, rate: b.assign_sub(rate * db)),
    ),
    "no_learning_rate": Mistake(
        "The first step takes w from 0.5 to 27.5; right is 3.2. "
        "You subtract the whole gradients. Multiply them by learning_rate first.",
        _regression(change=lambda w, b, dw, db, rate: (w.assign_sub(dw), b.assign_sub(db))),
    ),
    "assigned": Mistake(
        "The first step takes w from 0.5 to -2.7; right is 3.2. "
        "`assign` puts learning_rate * gradient in place of w and b. What is to be subtracted from "
        "them goes into `assign_sub`.",
        _regression(change=lambda w, b, dw, db, rate: (w.assign(rate * dw), b.assign(rate * db))),
    ),
    "gradients_swapped": Mistake(
        "The first step takes w from 0.5 to 1.4; right is 3.2. "
        "w moves by the gradient of b, and b by that of w: the gradients come in the order of the "
        "list that was asked for.",
        _regression(sources=lambda w, b: [b, w]),
    ),
    "no_b": Mistake(
        "The first step takes w from 0.5 to 2.73; right is 3.2. "
        "b is missing from the prediction, which is w * x + b.",
        _regression(error=lambda w, b, x, y: w * x - y + 0.0 * b),
    ),
    "y_added": Mistake(
        "The first step takes w from 0.5 to -2.67; right is 3.2. "
        "You add y to the prediction. The error is their difference, w * x + b - y.",
        _regression(error=lambda w, b, x, y: w * x + b + y),
    ),
    "a_column": Mistake(
        "The first step takes w from 0.5 to 2.44; right is 3.2. "
        "You subtract a row of N targets from a column of N predictions, which makes N times N "
        "differences, each prediction with each target. Keep both of shape (N,).",
        _regression(error=lambda w, b, x, y: (w * x + b)[:, None] - y),
    ),
    "loss_after": Mistake(
        "The first step returns 8.6; right is 26.4. "
        "w and b move rightly, but you return the loss after the step. Return the one that the "
        "gradients were taken of.",
        _regression(answer=lambda loss, w, b, again: again()),
    ),
    "variables_returned": Mistake(
        "w and b move rightly, but you return them. The caller has them already: return the loss.",
        _regression(answer=lambda loss, w, b, again: (w, b)),
    ),
    "no_return": Mistake(
        "Write `return loss` at the end.",
        _regression(answer=lambda loss, w, b, again: None),
    ),
    "no_tape": Mistake(
        "The gradients by hand are right for this one loss. Let the tape find them: in the train "
        "step nobody could write them down.",
        _regression_by_hand,
    ),
}

linear_regression_step: Exercise = lesson.exercise(
    f"{_REFERENCES}.linear_regression_step",
    probe=_probe_regression,
    mistakes=_REGRESSION_MISTAKES,
    hints=[
        "Inside the tape's block: the prediction w * x + b, its differences from y, their squares, "
        "the mean. After the block: both gradients in one call.",
        "`w_gradient, b_gradient = tape.gradient(loss, [w, b])`, then "
        "`w.assign_sub(learning_rate * w_gradient)`, the same for b, and `return loss`.",
    ],
    right=[
        _regression_with_persistent_tape,
        _regression_with_optimizer,
        _regression_with_two_tapes,
    ],
    returns="the loss before the step: a float or a scalar tensor",
    difficulty=2,
    minutes=8,
    seconds=20,
    tolerance=1e-4,
)
"""linear_regression_step(w, b, x, y, learning_rate): one step of gradient descent on the mean
squared error of w * x + b, by a tape.

w and b are scalar tf.Variables and are changed in place; x and y are float tensors of shape (N,).
Both gradients are taken before either variable moves. Returns the loss before the step, a scalar
tensor or a float.
"""

train_step: Exercise = keras_train_step.register_train_step(lesson)
