"""Derivatives by tape: what lesson 07 asks for, from a slope to a step of gradient descent.

A ``tf.GradientTape`` records the operations that touch what it watches: every trainable
``tf.Variable`` by itself, a constant when told to. ``tape.gradient`` goes through the record
backwards and multiplies local derivatives, the chain rule from the end (reverse mode).

Source: A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind, "Automatic differentiation in
machine learning: a survey", JMLR 18 (2018), arXiv:1502.05767.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.keras import tf

#: What a function of one number takes and returns here.
Number = tf.Tensor


def gradient_at(function: Callable[[Number], Number], x: float | Number) -> Number:
    """The derivative of ``function`` at ``x``, f'(x).

    function : scalar tensor -> scalar tensor, made of TensorFlow operations.
    x : a number or a scalar tensor; whole numbers become floats. Returns a scalar tensor, so that
    derivatives can be taken of it: ``gradient_at(lambda t: gradient_at(f, t), x)`` is f''(x).

    Raises ValueError where the tape finds no way from ``function``'s value back to ``x``.
    """
    x = _floating(x)
    with tf.GradientTape() as tape:
        tape.watch(x)  # a constant is not watched by itself
        y = function(x)
    return _connected(tape.gradient(y, x))


def second_derivative(function: Callable[[Number], Number], x: float | Number) -> Number:
    """The second derivative of ``function`` at ``x``, f''(x), by a tape inside a tape.

    The arguments are those of ``gradient_at``. Returns a scalar tensor, 0 where the first
    derivative does not depend on ``x``.

    Raises ValueError where the tape finds no way from ``function``'s value back to ``x``.
    """
    x = _floating(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(x)
        slope = _connected(inner.gradient(y, x))  # inside the outer block, so outer records it
    return outer.gradient(slope, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def mended_dtype(x: int) -> Number:
    """The slope of x³ at the whole number ``x``, 3x². Returns a scalar float tensor.

    Whole numbers have no slopes: from an integer tensor the tape gives None.
    """
    x = tf.Variable(float(x))
    with tf.GradientTape() as tape:
        y = x * x * x
    return tape.gradient(y, x)


def mended_numpy(logits: np.ndarray) -> tf.Tensor:
    """The gradient of ``mean(log(1 + exp(logits)))``, sigmoid(logits) / N for N logits.

    Returns a tensor of the shape of ``logits``. What NumPy computes is on no tape.
    """
    logits = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.math.softplus(logits))
    return tape.gradient(loss, logits)


def mended_update(x: float, learning_rate: float, steps: int) -> tf.Variable:
    """Gradient descent on (x - 2)² from ``x``: ``steps`` times x <- x - learning_rate · 2(x - 2).

    Returns the variable, changed in place; ``x - ...`` would make a tensor, which the next tape
    would not watch.
    """
    x = tf.Variable(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        x.assign_sub(learning_rate * tape.gradient(y, x))
    return x


def linear_regression_step(
    w: tf.Variable, b: tf.Variable, x: tf.Tensor, y: tf.Tensor, learning_rate: float
) -> tf.Tensor:
    """One step of gradient descent on the mean squared error of ``w * x + b``, in place.

    w, b : scalar variables; both move by -learning_rate times their gradient.
    x, y : floats of shape (N,). Returns the loss before the step, a scalar:

        mean((w·x + b - y)²),  dw = 2 · mean((w·x + b - y) · x),  db = 2 · mean(w·x + b - y)
    """
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(w * x + b - y))
    w_gradient, b_gradient = tape.gradient(loss, [w, b])
    w.assign_sub(learning_rate * w_gradient)
    b.assign_sub(learning_rate * b_gradient)
    return loss


def _floating(x: float | Number) -> Number:
    x = tf.convert_to_tensor(x)
    return x if x.dtype.is_floating else tf.cast(x, tf.float32)


def _connected(gradient: Number | None) -> Number:
    if gradient is None:
        raise ValueError(
            "The gradient is None: function's value does not depend on x, or not by way of "
            "TensorFlow operations on floats. NumPy, .numpy() and integers cut the record."
        )
    return gradient
