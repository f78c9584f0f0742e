r"""Pixels from bytes to the numbers a network works with, and back.

Works on NumPy arrays and on PyTorch tensors, whichever it is given, without importing PyTorch; what
comes back is of the same kind. No function changes its argument.

====================== ======================== ===============================
word                   formula                  result
====================== ======================== ===============================
min-max normalisation  (x - min) / (max - min)  [0, 1]; for bytes x / 255
centring               2 x - 1                  [-1, 1] from [0, 1]
standardisation        (x - mean) / deviation   mean 0, deviation 1, no bounds
====================== ======================== ===============================

Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998,
doi:10.1007/3-540-49430-8_2, section 4.3 (why inputs are centred).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: The numbers that each last layer of a generator can put out, narrowest first.
ACTIVATION_RANGES = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "linear": (-math.inf, math.inf),
}


def scale(x: Any, feature_range: tuple[float, float] = (-1, 1)) -> Any:
    """Map [0, 1] to ``feature_range`` by a straight line: ``x * (high - low) + low``.

    x : array or tensor of floats, any shape. Numbers outside [0, 1] follow the same line.
    feature_range : (low, high), where 0 and 1 go.

    Raises ValueError where low is not below high.
    """
    low, high = feature_range
    if not low < high:
        raise ValueError(f"feature_range is (low, high) with low < high, not {feature_range}.")
    return x * (high - low) + low


def scale_uint8(images: Any) -> Any:
    """Bytes to floats in [-1, 1]: ``images / 127.5 - 1``, as float32.

    images : uint8 array or tensor, any shape; 0 becomes -1 and 255 becomes 1.

    Raises ValueError for anything but uint8, which would be scaled twice.
    """
    if str(images.dtype).removeprefix("torch.") != "uint8":
        raise ValueError(f"images are uint8, 0 to 255, not {images.dtype}; scale() takes floats.")
    floats = images.astype(np.float32) if isinstance(images, np.ndarray) else images.float()
    return floats / 127.5 - 1


def unscale_to_uint8(x: Any) -> Any:
    """Floats in [-1, 1] back to bytes: ``round((x + 1) * 127.5)``, the inverse of scale_uint8.

    x : array or tensor of floats, any shape. What lies outside [-1, 1] becomes 0 or 255; a byte
        that was left to overflow would wrap round, and a bright pixel would turn black.

    Halves are rounded to even, as in NumPy and PyTorch.
    """
    bytes_ = (x + 1) * 127.5
    if isinstance(bytes_, np.ndarray):
        return np.clip(np.rint(bytes_), 0, 255).astype(np.uint8)
    return bytes_.round().clamp(0, 255).byte()


def matching_activation(low: float, high: float) -> str:
    """The last layer of a generator for data between low and high: the narrowest that reaches all.

    low, high : the data's smallest and largest number.
    Returns "sigmoid" for data within [0, 1], "tanh" within [-1, 1], "relu" for data without
    negative numbers, else "linear".

    Raises ValueError where low is above high.
    """
    if low > high:
        raise ValueError(f"low is at most high, not {low} and {high}.")
    return next(
        name
        for name, (lowest, highest) in ACTIVATION_RANGES.items()
        if lowest <= low and high <= highest
    )


def to_display(x: Any) -> Any:
    """An image as matplotlib's ``imshow`` wants it: (3, H, W) in [-1, 1] to (H, W, 3) in [0, 1].

    x : array or tensor of floats, channels first. The result is a new array or a view-based copy,
        values outside [-1, 1] cut off.
    """
    channels_last = x.transpose(1, 2, 0) if isinstance(x, np.ndarray) else x.permute(1, 2, 0)
    return ((channels_last + 1) / 2).clip(0, 1)


def standardise(images: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1 in every channel, over the whole data set: ``(x - mean) / deviation``.

    images : floats (N, C, H, W).

    Raises ValueError where a channel is constant, so that its deviation is 0.
    """
    mean = images.mean(axis=(0, 2, 3), keepdims=True)
    deviation = images.std(axis=(0, 2, 3), keepdims=True)
    if not deviation.all():
        raise ValueError("a channel is constant: its deviation is 0, so leave it out.")
    return (images - mean) / deviation


def patches(images: np.ndarray, size: int = 4, stride: int = 2) -> np.ndarray:
    """What a first convolution reads: all windows of the images as rows.

    images : (N, C, H, W). size, stride : the window's height and width, and its step.
    Returns (N * windows, C * size * size).

    Raises ValueError where the window is larger than the image.
    """
    if size > min(images.shape[2:]):
        raise ValueError(f"a window of {size} pixels does not fit on images of {images.shape[2:]}.")
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]  # (N, C, rows, columns, size, size)
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, images.shape[1] * size * size)


def second_moments(inputs: np.ndarray) -> np.ndarray:
    """Eigenvalues of the second-moment matrix ``inputs.T @ inputs / N``, largest first.

    They are the curvatures of a linear layer's squared error: gradient descent needs a step below
    2 / largest and takes about largest / smallest steps.

    inputs : (N, features). Returns (features,).
    """
    inputs = inputs.astype(np.float64)
    return np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[::-1]


def condition_number(eigenvalues: np.ndarray) -> float:
    """Largest over smallest eigenvalue; infinite where the smallest is 0 or below.

    Unchanged when all inputs are multiplied by one number.
    """
    smallest = float(eigenvalues.min())
    return float(eigenvalues.max()) / smallest if smallest > 0 else math.inf


def out_of_reach(x: np.ndarray, activation: str) -> float:
    """Share of numbers that a last layer cannot put out, from 0 to 1.

    x : floats, any shape. activation : a key of ACTIVATION_RANGES.

    Raises ValueError for an unknown activation.
    """
    lowest, highest = _range_of(activation)
    return float(np.mean((x < lowest) | (x > highest)))


def nearest_reachable(x: np.ndarray, activation: str) -> np.ndarray:
    """The best that a generator with this last layer can do: each number moved to its range."""
    return np.clip(x, *_range_of(activation))


def _range_of(activation: str) -> tuple[float, float]:
    if activation not in ACTIVATION_RANGES:
        known = ", ".join(map(repr, ACTIVATION_RANGES))
        raise ValueError(f"activation is one of {known}, not {activation!r}.")
    return ACTIVATION_RANGES[activation]
