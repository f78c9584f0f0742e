"""What an attempt answers, as plain data that can be compared and described without running it."""

from __future__ import annotations

import contextlib
import inspect
import math
import numbers
import operator
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Opaque:
    """A value that is not compared by content: its type's name, and its repr."""

    type_name: str
    text: str


def same(expected: Any, value: Any, tolerance: float = 1e-5) -> bool:
    """Whether two frozen values are equal: ints exactly, floats and arrays within tolerance."""
    if isinstance(expected, bool) or isinstance(value, bool) or expected is None:
        return type(expected) is type(value) and expected == value
    if isinstance(expected, int):
        return isinstance(value, int) and expected == value
    if isinstance(expected, float):
        return isinstance(value, int | float) and _close(expected, value, tolerance)
    if isinstance(expected, tuple):
        if is_array(value) and value.ndim:
            value = freeze(value.tolist())
        return (
            isinstance(value, tuple)
            and len(expected) == len(value)
            and all(same(a, b, tolerance) for a, b in zip(expected, value, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(value, dict)
            and expected.keys() == value.keys()
            and all(same(expected[key], value[key], tolerance) for key in expected)
        )
    if is_array(expected):
        numpy = sys.modules["numpy"]
        if not is_array(value) or expected.shape != value.shape:
            return False
        if not {expected.dtype.kind, value.dtype.kind} <= set("biufc"):  # words, objects
            return bool(numpy.array_equal(expected, value))
        return bool(numpy.allclose(expected, value, tolerance, tolerance, equal_nan=True))
    return type(expected) is type(value) and expected == value


def _close(expected: float, value: float, tolerance: float) -> bool:
    try:
        value = float(value)
    except OverflowError:  # an int that no float can hold
        return False
    both_nan = math.isnan(expected) and math.isnan(value)
    return both_nan or math.isclose(expected, value, rel_tol=tolerance, abs_tol=tolerance)


def whole(value: Any) -> Any:
    """The frozen value with every float that is a whole number made an int."""
    if is_array(value):
        value = freeze(value.tolist())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, tuple):
        return tuple(whole(item) for item in value)
    return value


_MOST_ITEMS = 10_000
_DEEPEST = 20


def freeze(value: Any, depth: int = 0) -> Any:
    """Plain data with the content of ``value``: int, float, str, tuple, dict, ndarray or Opaque.

    Runs the value's own code (``__index__``, ``__repr__``), so call it inside a sandbox.
    """
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, str):
        return str.__str__(value)  # NumPy's texts are strings, too
    if isinstance(value, float):
        return float(value)
    if depth > _DEEPEST:
        return Opaque(type(value).__name__, "nested too deeply")
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        if len(items) > _MOST_ITEMS:
            return Opaque(type(value).__name__, f"{len(items)} items, far too many")
        return tuple(freeze(item, depth + 1) for item in items)
    if isinstance(value, Mapping):
        return {freeze(key, depth + 1): freeze(value[key], depth + 1) for key in value}
    if inspect.iscoroutine(value):
        value.close()  # or Python warns, later and elsewhere, that nobody awaited it
    if not isinstance(value, type):
        if not getattr(value, "shape", ()):  # a one-entry array would pass for an int
            if str(getattr(value, "dtype", "")).endswith("bool"):  # an int in NumPy before 2.2
                return bool(value)
            with contextlib.suppress(Exception):
                return operator.index(value)
        if isinstance(value, numbers.Real):
            return float(value)
        array = _to_array(value)
        if array is not None:
            return array
    return Opaque(type(value).__name__, re.sub(r" at 0x[0-9a-fA-F]+", "", short_repr(value)))


def _to_array(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(value, "__array__"):
        return None
    if hasattr(value, "detach"):  # a PyTorch tensor, whose __array__ knows no copy=
        value = value.detach().cpu().numpy()
    return numpy.array(value)


def is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def short_repr(value: Any, most: int = 120) -> str:
    """The value's repr on one line, cut to ``most`` characters; never raises an Exception."""
    try:
        text = " ".join(repr(value).split())
    except Exception as error:
        if isinstance(value, int):
            return "a number too long to print"
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= most else text[: most - 1] + "…"


def describe(value: Any) -> str:
    """A frozen value in a sentence: ``16``, ``the float 16.0``, ``an array of shape (2, 3)``."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        if value.type_name in ("function", "method", "builtin_function_or_method"):
            return "a function"
        return f"a {value.type_name} ({value.text})"
    if is_array(value):
        if value.size <= 12:
            return f"the array {short_repr(value.tolist())}"
        return f"an array of shape {value.shape}"
    if isinstance(value, bool | float | str):
        return f"the {type(value).__name__} {short_repr(value)}"
    return short_repr(value)
