"""List the layers of a Keras network in the order of their use; see ``helpers.architecture``."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from helpers.architecture import INPUT, UNUSED, LayerRow, layer_details
from helpers.keras import keras, tf


def trace_layers(network: keras.Model, input_shape: Sequence[int]) -> list[LayerRow]:
    """The layers that one example of ``input_shape`` passes, such as (32, 32, 3).

    Layers inside of layers are listed, not those around them. The network, functional or
    subclassed, is run on zeros with ``training=False`` and is left as it was, but built.

    Raises what the network raises for such an input, and ValueError for sizes below 1.
    """
    if any(size < 1 for size in input_shape):
        raise ValueError(f"input_shape is {tuple(input_shape)}: give sizes of 1 or more.")
    rows = [LayerRow(INPUT, tuple(input_shape), channels_last=True)]
    counted: set[int] = set()

    def record(layer: keras.layers.Layer, output: Any) -> None:
        shape = tuple(output.shape[1:])
        numbers = _count(layer.weights, counted)
        details = layer_details(layer)
        rows.append(LayerRow(type(layer).__name__, shape, *numbers, details, channels_last=True))

    example = tf.zeros((1, *input_shape))
    network(example, training=False)  # a first call may make layers and call them for that
    with _calls_recorded(network, rows, record):
        network(example, training=False)
    rest = _count(network.weights, counted)
    return rows + ([LayerRow(UNUSED, (), *rest, channels_last=True)] if any(rest) else [])


@contextlib.contextmanager
def _calls_recorded(
    network: keras.Model, rows: list[LayerRow], record: Callable[[keras.layers.Layer, Any], None]
) -> Iterator[None]:
    """Record every layer's call that records nothing itself, until the block ends.

    Keras has no hooks, so the method that all layers share is replaced for that time.
    """
    call = keras.layers.Layer.__call__

    def watched(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        before = len(rows)
        output = call(layer, *args, **kwargs)
        innermost = len(rows) == before and layer is not network
        if innermost and not isinstance(layer, keras.layers.InputLayer) and tf.is_tensor(output):
            record(layer, output)
        return output

    keras.layers.Layer.__call__ = watched
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = call


def _count(weights: Sequence[keras.Variable], counted: set[int]) -> tuple[int, int]:
    """(trainable, non-trainable) numbers not counted before; a random seed is no such number."""
    totals = [0, 0]
    for weight in weights:
        if id(weight) not in counted and "float" in str(weight.dtype):
            counted.add(id(weight))
            totals[0 if weight.trainable else 1] += math.prod(weight.shape)
    return totals[0], totals[1]
