"""Words for a mistake that is in no bank."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Sequence
from typing import Any

from helpers.checks.values import Opaque, describe, freeze, is_array, short_repr


def constant_difference(pairs: Sequence[tuple[Any, Any]]) -> str:
    """Whether all answers are off by one and the same number or factor, in words."""
    if not all(type(right) is int and type(given) is int for right, given in pairs):
        return ""
    differences = {given - right for right, given in pairs}
    if len(differences) == 1:
        difference = differences.pop()
        size = short_repr(abs(difference), 40)
        return f"all answers are {size} too {'large' if difference > 0 else 'small'}"
    factors = {divmod(given, right) if right else None for right, given in pairs}
    if len(factors) == 1 and (factor := factors.pop()) and factor[1] == 0:
        if factor[0] == -1:
            return "all answers have the wrong sign"
        if factor[0] > 1:
            return f"all answers are {short_repr(factor[0], 40)} times the right ones"
    return ""


def collection_difference(label: str, expected: tuple, value: tuple) -> str:
    """How two collections differ whose order does not matter."""
    missing = [item for item in expected if item not in value]
    extra = [item for item in value if item not in expected]
    parts = []
    if missing:
        of = f"{len(missing)} of {len(expected)} entries are" if missing[1:] else "1 entry is"
        parts.append(f"{of} missing, for example {short_repr(missing[0])}")
    if extra:
        of = f"{len(extra)} of your entries do" if extra[1:] else "1 of your entries does"
        parts.append(f"{of} not belong there, for example {short_repr(extra[0])}")
    return f"{label}: {' and '.join(parts)}."


def nested_difference(label: str, expected: tuple, value: tuple) -> str:
    """Where two sequences differ for the first time."""
    if len(expected) != len(value):
        return (
            f"{label} should have {len(expected)} entries, yours has {len(value)}: expected "
            f"{short_repr(expected, 200)}, got {short_repr(value, 200)}."
        )
    where = next(i for i, (a, b) in enumerate(zip(expected, value, strict=True)) if a != b)
    return (
        f"{label}: entry {where} should be {short_repr(expected[where])}, yours is "
        f"{describe(value[where])}."
    )


def value_difference(
    label: str, expected: Any, value: Any, printed: str, returns: str, ordered: bool
) -> str:
    """A sentence on one answer: what it should be, what it is, and what the difference suggests."""
    if is_array(value) and not is_array(expected):
        plain = freeze(value.tolist())
        if not isinstance(expected, int | float) or not isinstance(plain, tuple):
            value = plain
    if value is None:
        remedy = (
            "It prints something; printing shows a value to you, only `return` hands it on."
            if printed
            else "Does every way through your function end in `return ...`?"
        )
        return f"{label} returned None. {remedy}"
    if isinstance(value, float) and math.isnan(value):
        return f"{label} returned nan, not a number: look for 0/0 or infinity minus infinity."
    if isinstance(value, Opaque):
        remedy = {
            "generator": "a `yield` makes a generator: collect the values in a list, return that",
            "coroutine": "write `def`, not `async def`",
            "function": "the brackets of a call seem to be missing",
        }.get(value.type_name, f"it should be {returns or describe(expected)}")
        return f"{label} returned {describe(value)}: {remedy}."
    if isinstance(expected, int) and isinstance(value, float | str | bool):
        with contextlib.suppress(ValueError, OverflowError):
            if float(value) == expected:
                kind = type(value).__name__
                return (
                    f"{label} returned {describe(value)}: the right number as {kind}, but the "
                    f"lesson needs an int, {expected}."
                )
    if isinstance(expected, int) and isinstance(value, tuple) and len(value) == 1:
        return f"{label} returned a collection with one entry: return the number itself."
    if isinstance(expected, tuple) and isinstance(value, tuple):
        entries = [*expected, *value]
        if not ordered and all(isinstance(entry, tuple) for entry in entries):
            return collection_difference(label, expected, value)
        if any(isinstance(entry, tuple) for entry in expected):
            return nested_difference(label, expected, value)
    if is_array(expected) and isinstance(value, tuple):
        return (
            f"{label} should be {returns or f'an array of shape {expected.shape}'}, yours returned "
            f"a collection with {len(value)} entries."
        )
    if is_array(expected) and is_array(value):
        if expected.shape != value.shape:
            return f"{label} should have shape {expected.shape}, yours has {value.shape}."
        numpy = sys.modules["numpy"]
        if not {expected.dtype.kind, value.dtype.kind} <= set("biuf"):
            return f"{label} should be {describe(expected)}, yours returned {describe(value)}."
        expected, value = expected.astype(float), value.astype(float)  # bytes would wrap round
        if numpy.isnan(value).any():
            return f"{label} contains nan: look for 0/0 or infinity minus infinity."
        where = numpy.unravel_index(numpy.abs(expected - value).argmax(), expected.shape)
        digits = 4 if f"{value[where]:.4g}" != f"{expected[where]:.4g}" else 9
        if not where:  # a single number
            return f"{label}: yours is {value:.{digits}g}, right is {expected:.{digits}g}."
        return (
            f"{label}: at index {tuple(map(int, where))} yours is {value[where]:.{digits}g}, right "
            f"is {expected[where]:.{digits}g}.{_common_difference(expected, value)}"
        )
    return f"{label} should be {short_repr(expected, 200)}, yours returned {describe(value)}."


def _common_difference(expected: Any, value: Any) -> str:
    """What two arrays differ by, if it is the same everywhere."""
    numpy = sys.modules["numpy"]
    if expected.size < 2 or not numpy.isfinite(value).all():
        return ""
    shift = value - expected
    near = 1e-4 * numpy.abs(expected).max()
    if numpy.ptp(shift) < near:
        size = abs(shift.mean())
        return f" All are {size:.4g} too {'large' if shift.mean() > 0 else 'small'}."
    factor = (value * expected).sum() / max((expected * expected).sum(), 1e-30)
    if abs(factor) > 1e-3 and numpy.abs(value - factor * expected).max() < near * abs(factor):
        return f" All are {factor:.4g} times the right ones."
    return _difference_per_column(expected, value)


def _difference_per_column(expected: Any, value: Any) -> str:
    """The same for each index of axis 1, a channel or a column, by itself."""
    numpy = sys.modules["numpy"]
    if expected.ndim < 2 or expected[:, 0].size < 3 or expected.shape[1] < 2:
        return ""
    near = 1e-4 * numpy.abs(expected).max()
    shifts, factors, lines = [], [], []
    for column in range(expected.shape[1]):
        right, given = expected[:, column].ravel(), value[:, column].ravel()
        slope, start = numpy.polyfit(right, given, 1) if numpy.ptp(right) > near else (0.0, 0.0)
        on_a_line = abs(slope) > 1e-2 and numpy.abs(slope * right + start - given).max() < near
        lines.append(on_a_line)
        shifts.append(on_a_line and abs(slope - 1) < 1e-3)
        factors.append(on_a_line and abs(start) < near)
    if all(shifts):
        return (
            " For each index of axis 1, all are shifted by one number: look at what is added or "
            "subtracted."
        )
    if all(factors):
        return (
            " For each index of axis 1, all are off by one factor: look at what is multiplied or "
            "divided."
        )
    if all(lines):
        return " For each index of axis 1, all are off by one factor and one shift."
    return ""
