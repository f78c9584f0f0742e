"""The reference answers of lesson 07: derivatives by tape, against what is known of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.keras import tf
from helpers.keras.gradient_tape import (
    gradient_at,
    linear_regression_step,
    mended_dtype,
    mended_numpy,
    mended_update,
    second_derivative,
)

SMALL = st.floats(-3, 3, width=32)
FEW = settings(max_examples=25, deadline=None)


@FEW
@given(st.lists(SMALL, min_size=1, max_size=5), SMALL)
def test_derivatives_of_polynomials(coefficients, x):
    polynomial = np.polynomial.Polynomial(coefficients)

    def function(t):
        value = 0.0 * t
        for coefficient in reversed(coefficients):  # t**0 has no slope at 0 to TensorFlow
            value = value * t + coefficient
        return value

    point = tf.constant(x, tf.float64)
    first, second = gradient_at(function, point), second_derivative(function, point)
    assert float(first) == pytest.approx(polynomial.deriv()(x), rel=1e-9, abs=1e-9)
    assert float(second) == pytest.approx(polynomial.deriv(2)(x), rel=1e-9, abs=1e-9)


def test_derivatives_of_functions_that_are_no_polynomials():
    assert float(gradient_at(tf.sin, 0.5)) == pytest.approx(math.cos(0.5), rel=1e-6)
    assert float(second_derivative(tf.sin, 0.5)) == pytest.approx(-math.sin(0.5), rel=1e-6)
    assert float(gradient_at(lambda t: gradient_at(tf.exp, t), 1.0)) == pytest.approx(math.e)


def test_whole_numbers_become_floats_and_a_tensor_keeps_its_precision():
    assert float(gradient_at(lambda x: x * x, 3)) == 6.0
    assert gradient_at(lambda x: x * x, tf.constant(3.0, tf.float64)).dtype == tf.float64


def test_a_straight_line_has_second_derivative_zero():
    assert float(second_derivative(lambda x: 3 * x, 1.0)) == 0.0


@pytest.mark.parametrize("derivative", [gradient_at, second_derivative])
@pytest.mark.parametrize(
    "function",
    [lambda x: tf.constant(5.0), lambda x: tf.constant(np.exp(x)), tf.round],
    ids=["constant", "NumPy", "no slope"],
)
def test_no_way_back_to_x_is_an_error_that_says_so(derivative, function):
    with pytest.raises(ValueError, match="NumPy"):
        derivative(function, 1.5)


@pytest.mark.parametrize("x", [-4, 0, 2, 7])
def test_mended_dtype_is_the_slope_of_the_cube(x):
    assert float(mended_dtype(x)) == 3.0 * x * x


@FEW
@given(st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=6))
def test_mended_numpy_is_the_sigmoid_over_their_number(logits):
    logits = np.array(logits, "float32")
    right = 1 / (1 + np.exp(-logits.astype(float))) / len(logits)
    np.testing.assert_allclose(mended_numpy(logits), right, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("learning_rate", "steps"), [(0.1, 0), (0.1, 1), (0.25, 4), (0.5, 1)])
def test_mended_update_shrinks_the_distance_by_the_same_factor_each_step(learning_rate, steps):
    end = float(mended_update(5.0, learning_rate, steps))
    assert end == pytest.approx(2 + 3 * (1 - 2 * learning_rate) ** steps, rel=1e-5)


@FEW
@given(SMALL, SMALL, st.integers(1, 6), st.integers(0, 9))
def test_linear_regression_step(w, b, points, seed):
    x, y = np.random.default_rng(seed).normal(size=(2, points)).astype("float32")
    w_variable, b_variable = tf.Variable(w), tf.Variable(b)
    loss = linear_regression_step(w_variable, b_variable, tf.constant(x), tf.constant(y), 0.1)
    error = w * x + b - y
    assert float(loss) == pytest.approx(np.mean(error**2), rel=1e-4, abs=1e-5)
    assert float(w_variable) == pytest.approx(w - 0.2 * np.mean(error * x), rel=1e-4, abs=1e-5)
    assert float(b_variable) == pytest.approx(b - 0.2 * np.mean(error), rel=1e-4, abs=1e-5)


def test_linear_regression_steps_find_a_line():
    x = tf.constant([-1.0, 0.0, 1.0, 2.0])
    w, b = tf.Variable(0.0), tf.Variable(0.0)
    losses = [float(linear_regression_step(w, b, x, 2 * x - 1, 0.2)) for _ in range(100)]
    assert losses[-1] < 1e-6 < losses[0]
    assert (float(w), float(b)) == pytest.approx((2, -1), abs=1e-3)
