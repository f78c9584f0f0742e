"""A gradient tape in miniature: write down what is computed, then go through it backwards.

    lines = record(lambda x: sin(x) * x, 3.0)
    gradients(lines)[0]  # dy/dx = cos(x) * x + sin(x)

While a function runs on a ``Value``, every operation writes a line on the tape: its inputs, its
result, and its slope with respect to each input. ``replay`` reads the lines from the last to the
first. With gradient(y) = 1 at the start, each line hands to each of its inputs

    gradient(input) += gradient(line) * slope

which is the chain rule, summed over all ways from the input to y. One reading of the tape gives
the gradients of all inputs, however many: reverse-mode differentiation (S. Linnainmaa, "Taylor
expansion of the accumulated rounding error", 1976, doi:10.1007/BF01931367).

Numbers only, no arrays, and five operations; ``tf.GradientTape`` does the same with tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """What the tape keeps of one operation.

    formula : "{0} · {1}", to be filled with the inputs' names. value : the result. inputs : the
    places of the lines that it uses. slopes : the derivative of the value with respect to each
    input; slope_formulas : the same, to be filled with names. watched : whether it depends on x.
    """

    formula: str
    value: float
    inputs: tuple[int, ...] = ()
    slopes: tuple[float, ...] = ()
    slope_formulas: tuple[str, ...] = ()
    watched: bool = True


class Value:
    """A number that writes down what is done with it: ``+ - *`` with others, ``**`` a number."""

    def __init__(self, tape: list[Line], line: Line) -> None:
        self.tape, self.place, self.number = tape, len(tape), line.value
        tape.append(line)

    def __add__(self, other: Value | float) -> Value:
        other = self._lift(other)
        total = self.number + other.number
        return _write("{0} + {1}", total, [self, other], [1.0, 1.0], ["1", "1"])

    def __sub__(self, other: Value | float) -> Value:
        other = self._lift(other)
        difference = self.number - other.number
        return _write("{0} − {1}", difference, [self, other], [1.0, -1.0], ["1", "−1"])

    def __mul__(self, other: Value | float) -> Value:
        other = self._lift(other)
        product, slopes = self.number * other.number, [other.number, self.number]
        return _write("{0} · {1}", product, [self, other], slopes, ["{1}", "{0}"])

    def __pow__(self, exponent: int) -> Value:
        if not (isinstance(exponent, int) and exponent >= 1):
            raise ValueError(f"the exponent is a whole number from 1 on, not {exponent!r}.")
        slope = exponent * self.number ** (exponent - 1)
        formula = f"{exponent} · {_power(exponent - 1)}" if exponent > 1 else "1"
        return _write(_power(exponent), self.number**exponent, [self], [slope], [formula])

    def __radd__(self, other: float) -> Value:
        return self._lift(other) + self

    def __rsub__(self, other: float) -> Value:
        return self._lift(other) - self

    def __rmul__(self, other: float) -> Value:
        return self._lift(other) * self

    def _lift(self, number: Value | float) -> Value:
        """A plain number gets a line too, which nobody watches."""
        if isinstance(number, Value):
            return number
        return Value(self.tape, Line(f"{number:g}", float(number), watched=False))


def sin(x: Value) -> Value:
    """The sine of x, in radians."""
    return _write("sin {0}", math.sin(x.number), [x], [math.cos(x.number)], ["cos {0}"])


def _power(exponent: int) -> str:
    raised = str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return "{0}" if exponent == 1 else f"{{0}}{raised}"


def _write(
    formula: str, value: float, inputs: list[Value], slopes: list[float], slope_formulas: list[str]
) -> Value:
    tape, places = inputs[0].tape, tuple(each.place for each in inputs)
    watched = any(tape[place].watched for place in places)
    line = Line(formula, value, places, tuple(slopes), tuple(slope_formulas), watched)
    return Value(tape, line)


def record(function: Callable[[Value], Value], x: float) -> list[Line]:
    """The tape of ``function`` at x: line 0 is x itself, the last line is the result y.

    Raises ValueError where the last thing computed is not what the function returns.
    """
    tape: list[Line] = []
    y = function(Value(tape, Line("x", float(x))))
    if not isinstance(y, Value) or y.place != len(tape) - 1:
        raise ValueError("the function has to return what it computed last from its argument.")
    return tape


class Share(NamedTuple):
    """One step of the replay: what a line hands to one of its inputs.

    source, target : places of the line and of the input; ``which`` of the line's inputs it is.
    arriving : the line's gradient. share = arriving * slope. total : the input's gradient so far,
    this share included.
    """

    source: int
    target: int
    which: int
    arriving: float
    slope: float
    share: float
    total: float


def replay(lines: Sequence[Line]) -> list[Share]:
    """Read the tape from its last line to its first; inputs that nobody watches get nothing."""
    found = [0.0] * len(lines)
    found[-1] = 1.0
    shares = []
    for source in reversed(range(len(lines))):
        line = lines[source]
        for which, (target, slope) in enumerate(zip(line.inputs, line.slopes, strict=True)):
            if lines[target].watched:
                share = found[source] * slope
                found[target] += share
                shares.append(
                    Share(source, target, which, found[source], slope, share, found[target])
                )
    return shares


def gradients(lines: Sequence[Line]) -> list[float | None]:
    """The derivative of the last line with respect to each line; None for what nobody watches."""
    found = [0.0 if line.watched else None for line in lines]
    if lines[-1].watched:
        found[-1] = 1.0
    for share in replay(lines):
        found[share.target] = share.total
    return found


def names(lines: Sequence[Line]) -> list[str]:
    """What to call each line: x, y for the result, a, b, … between, and constants by themselves."""
    letters = iter("abcdefghijklmnopqrstuvw")
    found = []
    for place, line in enumerate(lines):
        if not line.inputs:
            found.append(line.formula)
        else:
            found.append("y" if place == len(lines) - 1 else next(letters))
    return found


class Expression(NamedTuple):
    """A function for the tape, and its derivative as one finds it on paper."""

    function: Callable[[Value], Value]
    derivative: Callable[[float], float]
    derivative_formula: str


EXPRESSIONS = {
    "x²": Expression(lambda x: x**2, lambda x: 2 * x, "2x"),
    "sin x · x": Expression(
        lambda x: sin(x) * x, lambda x: math.cos(x) * x + math.sin(x), "cos x · x + sin x"
    ),
    "x³ − 2x": Expression(lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2, "3x² − 2"),
}
