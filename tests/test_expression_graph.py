"""The miniature tape: its gradients are the analytic ones, step by step."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.expression_graph import EXPRESSIONS, gradients, names, record, replay, sin

numbers = st.floats(-4, 4)
# Written down anew, so that a slip in the module's own formulas would show.
DERIVATIVES = {
    "x²": lambda x: x + x,
    "sin x · x": lambda x: math.sin(x) + x * math.cos(x),
    "x³ − 2x": lambda x: 3 * x * x - 2,
}
VALUES = {
    "x²": lambda x: x * x,
    "sin x · x": lambda x: x * math.sin(x),
    "x³ − 2x": lambda x: x * (x * x - 2),
}


@given(st.sampled_from(sorted(EXPRESSIONS)), numbers)
def test_values_and_gradients_are_the_analytic_ones(name, x):
    lines = record(EXPRESSIONS[name].function, x)
    assert lines[-1].value == pytest.approx(VALUES[name](x), abs=1e-9)
    right = pytest.approx(DERIVATIVES[name](x), abs=1e-9)
    assert gradients(lines)[0] == right
    assert EXPRESSIONS[name].derivative(x) == right


@st.composite
def polynomials(draw):
    """A random way to compute with x, and x's place to do it at."""
    x = draw(numbers)
    moves = draw(
        st.lists(
            st.tuples(st.sampled_from("+-*rs^"), st.floats(-2, 2), st.booleans()),
            min_size=1, max_size=6,
        )
    )  # fmt: skip

    def function(x, sine):
        y = x * 1.0
        for move, number, with_x in moves:
            other = x if with_x else number
            y = {
                "+": lambda y=y, other=other: other + y,
                "-": lambda y=y, other=other: y - other,
                "r": lambda y=y, other=other: other - y,
                "*": lambda y=y, other=other: other * y,
                "s": lambda y=y: sine(y),
                "^": lambda y=y: y**2,
            }[move]()
        return y

    return function, x


@given(polynomials())
def test_any_expression_agrees_with_forward_mode(drawn):
    """Dual numbers carry the derivative along with the value: another way to the same number."""
    function, x = drawn

    class Dual:
        def __init__(self, value, slope=0.0):
            self.value, self.slope = value, slope

        @staticmethod
        def of(other):
            return other if isinstance(other, Dual) else Dual(other)

        def __add__(self, other):
            other = Dual.of(other)
            return Dual(self.value + other.value, self.slope + other.slope)

        def __mul__(self, other):
            other = Dual.of(other)
            return Dual(
                self.value * other.value, self.slope * other.value + self.value * other.slope
            )

        __radd__, __rmul__ = __add__, __mul__

        def __sub__(self, other):
            return self + Dual.of(other) * -1.0

        def __rsub__(self, other):
            return Dual.of(other) - self

        def __pow__(self, exponent):
            return self * self

    dual = function(Dual(x, 1.0), lambda y: Dual(math.sin(y.value), math.cos(y.value) * y.slope))
    lines = record(lambda x: function(x, sin), x)
    assert lines[-1].value == pytest.approx(dual.value, rel=1e-6, abs=1e-6)
    assert gradients(lines)[0] == pytest.approx(dual.slope, rel=1e-6, abs=1e-6)


@given(st.sampled_from(sorted(EXPRESSIONS)), numbers)
def test_the_replay_goes_backwards_and_adds_up(name, x):
    lines = record(EXPRESSIONS[name].function, x)
    shares, sums = replay(lines), {}
    assert [share.source for share in shares] == sorted(
        (share.source for share in shares), reverse=True
    )
    for share in shares:
        assert share.target < share.source
        assert lines[share.source].inputs[share.which] == share.target
        assert share.slope == lines[share.source].slopes[share.which]
        # Nothing more may arrive at a line that has already handed on what it had.
        assert share.arriving == gradients(lines)[share.source]
        assert share.share == share.arriving * share.slope
        sums[share.target] = sums.get(share.target, 0.0) + share.share
        assert share.total == sums[share.target]


def test_a_value_used_twice_gets_a_share_for_each_use():
    lines = record(lambda x: x * x, 3.0)
    assert [(share.share, share.total) for share in replay(lines)] == [(3, 3), (3, 6)]
    assert gradients(lines) == [6, 1]


def test_what_is_not_watched_gets_no_gradient():
    lines = record(lambda x: x**3 - 2 * x, 2.0)
    assert names(lines) == ["x", "a", "2", "b", "y"]
    assert gradients(lines) == [10, 1, None, -1, 1]
    assert all(lines[share.target].watched for share in replay(lines))


def test_the_tape_in_words():
    lines = record(EXPRESSIONS["sin x · x"].function, 1.0)
    called = names(lines)
    said = [line.formula.format(*(called[place] for place in line.inputs)) for line in lines]
    assert said == ["x", "sin x", "a · x"] and called == ["x", "a", "y"]
    assert lines[1].slope_formulas == ("cos {0}",)
    assert [f.format("a", "x") for f in lines[2].slope_formulas] == ["x", "a"]
    assert record(lambda x: x**3, 2.0)[1].slope_formulas == ("3 · {0}²",)
    assert record(lambda x: x**2, 2.0)[1].slope_formulas == ("2 · {0}",)


def test_powers():
    assert gradients(record(lambda x: x**1, -2.0))[0] == 1
    assert gradients(record(lambda x: x**4, -2.0))[0] == -32
    for exponent in (0, -1, 0.5):
        with pytest.raises(ValueError, match="whole number from 1 on"):
            record(lambda x, exponent=exponent: x**exponent, 2.0)


def test_a_function_that_returns_something_else_is_refused():
    for function in (lambda x: 3.0, lambda x: (x * 2, x)[1], lambda x: None):
        with pytest.raises(ValueError, match="what it computed last"):
            record(function, 1.0)


def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys, helpers.expression_graph\n"
        "print([m for m in ('numpy', 'torch', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
