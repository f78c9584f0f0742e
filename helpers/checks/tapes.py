"""What an attempt does with ``tf.GradientTape``, observed and not read: for lesson 07's checks.

    with watching() as seen:
        value = attempt(seen.spied(function), x)

records in ``seen.events``, in order, when each tape was opened and closed, what it was told to
watch, what it was asked for and what it answered, and when ``function`` ran. So a check that gets
None can say why. Whether an answer is right is for its numbers to say.

``tf`` and ``keras`` stand for the modules and import them when something of them is first used:
importing a module of checks must not take TensorFlow's ten seconds.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from helpers.checks.engine import Complaint


class _Later:
    """A name of ``helpers.keras``, which is imported when an attribute of it is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # asked by tools that inspect modules, not by a check
            raise AttributeError(attribute)
        return getattr(getattr(importlib.import_module("helpers.keras"), self._name), attribute)


tf: Any = _Later("tf")
keras: Any = _Later("keras")


@dataclass(eq=False)
class Event:
    """Something that happened.

    kind : "opened" or "closed", a tape; "watched", a tape was told to watch ``subject``; "asked",
        a tape was asked for the gradient of ``subject`` with respect to ``sources`` and gave
        ``result`` (None as well if it raised); "ran", a spied function was called with ``subject``
        and returned ``result``.
    open_tapes : those that were open at the time.
    """

    kind: Literal["opened", "closed", "watched", "asked", "ran"]
    tape: Any = None
    subject: Any = None
    sources: Any = None
    result: Any = None
    open_tapes: tuple[Any, ...] = ()


@dataclass
class Seen:
    """The events of one run of an attempt, in order."""

    events: list[Event] = field(default_factory=list)
    open_tapes: list[Any] = field(default_factory=list)

    def note(self, kind: str, tape: Any = None, subject: Any = None, sources: Any = None) -> Event:
        event = Event(kind, tape, subject, sources, open_tapes=tuple(self.open_tapes))
        self.events.append(event)
        return event

    def of_kind(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]

    def spied(self, function: Callable) -> Callable:
        """The function of one argument, its calls recorded."""

        @tf.autograph.experimental.do_not_convert
        def spied(x: Any) -> Any:
            event = self.note("ran", subject=x)
            event.result = function(x)
            return event.result

        return spied

    def watches(self, tape: Any, tensor: Any, before: Event) -> bool:
        """Whether the tape was told to watch the tensor before that event, or does by itself."""
        if isinstance(tensor, tf.Variable | keras.Variable):
            return tensor.trainable
        earlier = self.events[: self.events.index(before)]
        return any(
            event.kind == "watched" and event.tape is tape and tensor_in(tensor, event.subject)
            for event in earlier
        )


@contextlib.contextmanager
def watching() -> Iterator[Seen]:
    """Record what is done with tapes until the block ends, without TensorFlow's own remarks."""
    seen = Seen()
    logger = tf.get_logger()
    level = logger.level
    names = ("__enter__", "__exit__", "watch", "gradient", "jacobian")
    kept = {name: getattr(tf.GradientTape, name) for name in names}
    plain = tf.autograph.experimental.do_not_convert

    @plain
    def enter(tape: Any) -> Any:
        seen.note("opened", tape)
        seen.open_tapes.append(tape)
        return kept["__enter__"](tape)

    @plain
    def leave(tape: Any, *error: Any) -> Any:
        if any(tape is each for each in seen.open_tapes):
            seen.open_tapes[:] = [each for each in seen.open_tapes if each is not tape]
            seen.note("closed", tape)
        return kept["__exit__"](tape, *error)

    @plain
    def watch(tape: Any, *args: Any, **kwargs: Any) -> Any:
        seen.note("watched", tape, dict(zip(("tensor",), args, strict=False), **kwargs))
        seen.events[-1].subject = seen.events[-1].subject.get("tensor")
        return kept["watch"](tape, *args, **kwargs)

    def asking(name: str) -> Callable:
        @plain
        def ask(tape: Any, *args: Any, **kwargs: Any) -> Any:
            given = dict(zip(("target", "sources"), args, strict=False)) | kwargs
            event = seen.note("asked", tape, given.get("target"), given.get("sources"))
            event.result = kept[name](tape, *args, **kwargs)
            return event.result

        return ask

    replaced = dict(
        zip(
            names,
            (enter, leave, watch, asking("gradient"), asking("jacobian")),
            strict=True,
        )
    )
    try:
        logger.setLevel(
            "ERROR"
        )  # the checks say it themselves, of wrong answers in their banks too
        for name, method in replaced.items():
            setattr(tf.GradientTape, name, method)
        yield seen
    finally:
        logger.setLevel(level)
        for name, method in kept.items():
            setattr(tf.GradientTape, name, method)


def flat(value: Any) -> list[Any]:
    """The entries of a list, a tuple or a dict, however deeply nested; else the value itself."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [entry for item in value for entry in flat(item)]
    return [value]


def tensor_in(tensor: Any, value: Any) -> bool:
    """Whether the tensor itself, not an equal one, is the value or among its entries."""
    return any(each is tensor for each in flat(value))


def is_tensor(value: Any) -> bool:
    """Whether a tape can record it: a tensor or a variable."""
    return isinstance(value, tf.Variable | keras.Variable) or tf.is_tensor(value)


def number(value: Any) -> Any:
    """The float in a float, a scalar array, tensor or variable; any other value as it is."""
    if isinstance(value, bool | str | bytes | list | tuple | dict) or value is None:
        return value
    if is_tensor(value) or isinstance(value, np.ndarray | np.generic | int | float):
        array = np.asarray(value)
        if array.shape == () and array.dtype.kind in "iuf":
            return float(str(array))  # 4.4 also of a float32, not 4.400000095
    return value


def shown(value: Any) -> str:
    """A number with four digits at most."""
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


@dataclass(frozen=True)
class Why:
    """What was seen of a gradient that is None: a sentence, and the mistake it is a sign of."""

    text: str
    mistake: str

    def complaint(self, start: str, bank: Collection[str]) -> Complaint:
        """To be raised; ``bank`` holds the mistakes of the exercise."""
        return Complaint(
            f"{start} {self.text}", mistake=self.mistake if self.mistake in bank else ""
        )


def why_none(seen: Seen) -> Why | None:
    """Why the last gradient that was asked for is None, as far as the events tell."""
    asked = seen.of_kind("asked")
    if not asked:
        return None
    last = asked[-1]
    tape, (source, *_) = last.tape, flat(last.sources) or [None]
    runs = seen.of_kind("ran")
    if any(tensor_in(run.result, last.sources) for run in runs) or (
        seen.watches(tape, last.subject, last) and not seen.watches(tape, source, last)
    ):
        return Why("The tape was asked for the derivative of x by y.", "arguments_swapped")
    dtype = getattr(source, "dtype", None)
    if dtype is not None and not tf.as_dtype(dtype).is_floating:
        name = tf.as_dtype(dtype).name
        if last.subject is not None and _floating(last.subject) and _watches_floats(seen, tape):
            return Why(
                f"The tape watches a float, but is asked for the gradient by another tensor, of "
                f"dtype {name}.",
                "source_is_integer",
            )
        if _floating(last.subject):
            return Why(
                f"The value is a float, but the gradient is asked for by a tensor of dtype {name}.",
                "cast_too_late",
            )
        return Why(f"The tape is asked for the gradient by a tensor of dtype {name}.", "integer")
    run = next((run for run in runs if tensor_in(run.result, last.subject)), None)
    run = run or (runs[-1] if runs else None)
    if run is not None and not any(tape is each for each in run.open_tapes):
        opened = next(
            event for event in seen.events if event.kind == "opened" and event.tape is tape
        )
        when = "before" if seen.events.index(run) < seen.events.index(opened) else "after"
        block = "was opened" if when == "before" else "was closed"
        return Why(f"function ran {when} the tape {block}.", "outside_the_tape")
    if run is not None and not is_tensor(run.subject):
        kind = type(run.subject).__name__
        return Why(f"function got a {kind}, on which no tape can watch anything.", "not_a_tensor")
    moment = run or last
    if not seen.watches(tape, source, moment):
        if run is not None and seen.watches(tape, source, last):
            return Why("The tape watches x, but only since function ran.", "watched_too_late")
        if any(event.kind == "watched" and event.tape is tape for event in seen.events):
            return Why("The tape watches another tensor than this one.", "watches_another")
        return Why("The tape watches nothing: x is a constant.", "not_watched")
    if run is not None and run.subject is not source:
        return Why("function got another tensor than the one that is watched.", "watches_another")
    return None


def _floating(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is not None and tf.as_dtype(dtype).is_floating


def _watches_floats(seen: Seen, tape: Any) -> bool:
    return any(
        event.kind == "watched" and event.tape is tape and all(map(_floating, flat(event.subject)))
        for event in seen.events
    )
