"""The measurements of lesson 07: the loss that is differentiated, the clock, what is overheard."""

import warnings

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from helpers.keras import tf
from helpers.keras.gradient_experiments import heard, median_seconds, network_loss


@pytest.mark.parametrize("parameters", [5, 100])
def test_the_network_has_as_many_parameters_as_asked_for(parameters):
    loss, w = network_loss(parameters)
    assert w.shape == (parameters,) and w.dtype == np.float32
    x = tf.constant(w)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    gradient = tape.gradient(value, x).numpy()
    assert value.shape == () and gradient.shape == (parameters,)
    assert (gradient != 0).all()  # every parameter counts
    for place in (0, parameters - 1):
        step = np.zeros_like(w)
        step[place] = 1e-2
        slope = (float(loss(w + step)) - float(loss(w - step))) / 2e-2
        assert slope == pytest.approx(gradient[place], rel=0.02, abs=1e-3)


def test_the_same_seed_gives_the_same_network():
    (loss, w), (again, w_again), (other, w_other) = (network_loss(10, seed) for seed in (1, 1, 2))
    assert (w == w_again).all() and (w != w_other).all()
    assert float(loss(w)) == float(again(w)) != float(other(w))


@pytest.mark.parametrize("parameters", [0, -5, 12])
def test_other_numbers_of_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match=f"multiple of 5 .* not {parameters}"):
        network_loss(parameters)


def test_all_are_timed_in_turn_and_the_first_round_does_not_count(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])

    def call(name, times):
        def function():
            order.append(name)
            clock[0] += times.pop(0)

        return function

    found = median_seconds({"a": call("a", [99, 1, 2, 30]), "b": call("b", [7, 5, 5, 4])}, rounds=3)
    assert found == {"a": 2, "b": 5}
    assert order == ["a", "b"] * 4
    assert median_seconds({"a": call("a", [3])}, rounds=1, warm_up=False) == {"a": 3}
    with pytest.raises(ValueError, match="1 or more, not 0"):
        median_seconds({}, 0)


def test_logs_and_warnings_are_heard_and_afterwards_shown_again(caplog):
    logger = tf.get_logger()
    before = logger.handlers, logger.propagate
    with heard() as said:
        logger.warning("one %s", "two")
        warnings.warn("three", stacklevel=1)
    assert said == ["one two", "three"]
    assert (logger.handlers, logger.propagate) == before
    with pytest.raises(RuntimeError), heard():
        raise RuntimeError
    assert (logger.handlers, logger.propagate) == before


def test_watching_an_integer_is_heard():
    with heard() as said, tf.GradientTape() as tape:
        tape.watch(tf.constant(3))
    assert any("must be floating" in sentence for sentence in said)
