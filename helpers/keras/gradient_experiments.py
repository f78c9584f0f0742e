"""For the measurements of lesson 07: a loss to differentiate, a fair clock, TensorFlow's words."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from helpers.keras import tf

_INPUTS, _POINTS = 4, 32


def network_loss(parameters: int, seed: int = 0) -> tuple[Callable, np.ndarray]:
    """A small network's loss as a function of all its weights, and a place to differentiate it at.

        loss(w) = mean over 32 points of (tanh(x U) v - y)²,    w = (U, v)

    parameters : a multiple of 5; each hidden unit has four weights in U and one in v.
    Returns (loss, w): loss takes all weights, (parameters,), and returns a scalar tensor; w holds
    random ones, float32. The points are random too.

    Raises ValueError for a number of parameters that is no multiple of 5.
    """
    units, rest = divmod(parameters, _INPUTS + 1)
    if rest or units < 1:
        raise ValueError(f"a multiple of {_INPUTS + 1} parameters is needed, not {parameters}.")
    rng = np.random.default_rng(seed)
    x = tf.constant(rng.standard_normal((_POINTS, _INPUTS)), tf.float32)
    y = tf.constant(rng.standard_normal((_POINTS, 1)), tf.float32)

    def loss(w: tf.Tensor | np.ndarray) -> tf.Tensor:
        into, out = tf.split(tf.convert_to_tensor(w), [_INPUTS * units, units])
        hidden = tf.tanh(x @ tf.reshape(into, (_INPUTS, units)))
        return tf.reduce_mean((hidden @ tf.reshape(out, (units, 1)) - y) ** 2)

    return loss, (rng.standard_normal(parameters) / units**0.5).astype(np.float32)


def median_seconds(
    functions: Mapping[str, Callable[[], object]], rounds: int, warm_up: bool = True
) -> dict[str, float]:
    """The median time of a call of each function, in seconds, by the functions' names.

    They are called in turn, all once per round, so that a moment in which the computer is busy with
    something else meets all of them alike. warm_up : begin with a round that does not count, as the
    first call often prepares something. Raises ValueError for less than one round.
    """
    if rounds < 1:
        raise ValueError(f"rounds is 1 or more, not {rounds}.")
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for counts in [False] * warm_up + [True] * rounds:
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if counts:
                taken[name].append(time.perf_counter() - start)
    return {name: float(np.median(times)) for name, times in taken.items()}


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what TensorFlow logs and what Keras warns of, in a list that is full at the end."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = tf.get_logger()
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [handler], False
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield said
        said += [str(warning.message) for warning in warned]
    finally:
        logger.handlers, logger.propagate = before
