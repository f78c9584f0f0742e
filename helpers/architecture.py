"""What a network is made of, read from the network itself: layer, output shape, parameters.

``helpers.pytorch.summary`` and ``helpers.keras.summary`` each have a ``trace_layers`` that sends
zeros through a network and lists what it meets as ``LayerRow``s; ``table`` and
``helpers.plots.draw_architecture`` show the list, whichever framework it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: The kind of the row that stands for what goes in.
INPUT = "input"
#: The kind of the row that stands for layers which have weights and were never called.
UNUSED = "never called"


@dataclass(frozen=True)
class LayerRow:
    """One layer, or one function that the network calls by itself.

    kind : its name, such as ``Conv2d``. output_shape : without the batch, in the framework's order.
    trainable : numbers that training changes. non_trainable : numbers that the layer keeps all the
        same, such as running statistics. Both are 0 where a layer is used again.
    details : settings worth knowing, such as ``4×4, stride 2``. channels_last : Keras' order.
    """

    kind: str
    output_shape: tuple[int, ...]
    trainable: int = 0
    non_trainable: int = 0
    details: str = ""
    channels_last: bool = False

    @property
    def maps(self) -> tuple[int, int, int] | None:
        """(channels, height, width), or None where the output is no stack of feature maps."""
        if len(self.output_shape) != 3:
            return None
        if self.channels_last:
            height, width, channels = self.output_shape
            return channels, height, width
        return self.output_shape

    @property
    def mixes(self) -> bool:
        """Whether it computes new features: a convolution or a dense layer does."""
        name = self.kind.lower()
        return "conv" in name or name in ("linear", "dense")


def parameter_totals(rows: Sequence[LayerRow]) -> tuple[int, int]:
    """(trainable, non-trainable) numbers of all rows."""
    return sum(row.trainable for row in rows), sum(row.non_trainable for row in rows)


def table(rows: Sequence[LayerRow]) -> str:
    """The rows as text, one line each, with the totals below."""
    lines = [("layer", "output shape", "trainable", "not trainable")]
    for row in rows:
        name = f"{row.kind} {row.details}".strip()
        shape = "" if row.kind == UNUSED else _shape(row.output_shape)
        numbers = [f"{n:,}" if n else "" for n in (row.trainable, row.non_trainable)]
        lines.append((name, shape, *numbers))
    lines.append(("total", "", *(f"{total:,}" for total in parameter_totals(rows))))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([text[0], rule, *text[1:-1], rule, text[-1]])


def stages(rows: Sequence[LayerRow]) -> list[list[LayerRow]]:
    """The rows in groups: a new one wherever features are computed anew or the shape changes.

    So a convolution, its normalisation and its activation are one stage. Rows that were never
    called are left out.
    """
    groups: list[list[LayerRow]] = []
    for row in rows:
        if row.kind == UNUSED:
            continue
        if not groups or row.mixes or row.output_shape != groups[-1][-1].output_shape:
            groups.append([])
        groups[-1].append(row)
    return groups


def describe(rows: Sequence[LayerRow]) -> str:
    """The stages in words: what a figure of them shows, for those who cannot see it."""
    return "; ".join(
        f"{', '.join(row.kind for row in stage)}: {_shape(stage[-1].output_shape)}"
        for stage in stages(rows)
    )


def layer_details(layer: Any) -> str:
    """Kernel, stride, slope and activation of either framework's layer, as far as it has them."""
    found = []
    kernel_size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if kernel_size is not None:
        found.append("×".join(map(str, _pair(kernel_size))))
        stride = getattr(layer, "stride", None) or getattr(layer, "strides", None)
        if stride is not None and set(_pair(stride)) != {1}:
            found.append(f"stride {'×'.join(dict.fromkeys(map(str, _pair(stride))))}")
    if (slope := getattr(layer, "negative_slope", None)) is not None and _is_leaky(layer):
        found.append(f"{float(slope):g}")
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if activation != "linear":
        found.append(activation)
    return ", ".join(found)


def _is_leaky(layer: Any) -> bool:
    # Keras' ReLU has a negative_slope too, 0 unless it is asked to leak.
    return bool(float(layer.negative_slope)) or "leaky" in type(layer).__name__.lower()


def _pair(value: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value, value)


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(f"{size:,}" for size in shape) or "one number"
