"""Ways through latent space: straight lines, arcs, and the lengths of random vectors.

A latent vector z of ``dim`` standard normal numbers has a length close to sqrt(dim): its square is
a sum of ``dim`` squares whose mean is 1. So random vectors lie in a thin shell, any two of them
almost at a right angle, and the straight line between two cuts through the inside of the shell,
where hardly any random vector ever is. The arc stays in it (T. White, "Sampling generative
networks", 2016, arXiv:1609.04468).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def norm(z: ArrayLike) -> np.ndarray:
    """Length of each vector, the root of the sum of its squares.

    z : (..., dim). Returns (...,). Scaled before it is squared, so that no length overflows.
    """
    z = np.asarray(z, dtype=np.float64)
    largest = np.max(np.abs(z), axis=-1, keepdims=True, initial=0.0)
    safe = np.where(largest > 0, largest, 1.0)
    return np.sqrt(np.sum((z / safe) ** 2, axis=-1)) * safe[..., 0]


def norm_range(dim: int, share: float = 0.98) -> tuple[float, float]:
    """Between which lengths ``share`` of all vectors of ``dim`` standard normal numbers lie.

    As many are shorter as are longer. The squared length has a chi-squared distribution.
    Raises ValueError for dim below 1 or a share not between 0 and 1.
    """
    if dim < 1 or not 0 < share < 1:
        raise ValueError(f"dim is 1 or more, share between 0 and 1, not {dim} and {share}.")
    from scipy.special import gammaincinv

    shorter = (1 - share) / 2
    low, high = (math.sqrt(2 * gammaincinv(dim / 2, q)) for q in (shorter, 1 - shorter))
    return low, high


def angle(start: ArrayLike, end: ArrayLike) -> float:
    """Angle between two vectors in radians, from 0 to pi.

    start, end : (dim,). Raises ValueError for a vector of length 0, which points nowhere.
    """
    a, b = (_direction(vector) for vector in _pair(start, end))
    # The arc cosine of the product loses half the digits of small angles; this does not.
    return 2 * math.atan2(float(norm(a - b)), float(norm(a + b)))


def interpolate_linear(start: ArrayLike, end: ArrayLike, t: ArrayLike) -> np.ndarray:
    """Points of the straight line: (1 - t) * start + t * end.

    start, end : (dim,). t : a number or (T,), 0 is start and 1 is end; beyond them the line goes
    on. Returns (dim,) or (T, dim).
    Raises ValueError for vectors of different lengths or with another shape than (dim,).
    """
    a, b = _pair(start, end)
    t = np.asarray(t, dtype=np.float64)[..., None]
    return (1 - t) * a + t * b


def interpolate_spherical(start: ArrayLike, end: ArrayLike, t: ArrayLike) -> np.ndarray:
    """Points of the arc from start to end: the direction turns evenly, the length changes evenly.

    With omega the angle between them, and a and b the two vectors divided by their lengths,

        direction(t) = (sin((1 - t) * omega) * a + sin(t * omega) * b) / sin(omega)
        length(t)    = (1 - t) * |start| + t * |end|

    For two vectors of one length this is the "slerp" of K. Shoemake, "Animating rotation with
    quaternion curves", 1985, doi:10.1145/325165.325242.

    start, end : (dim,). t : a number or (T,), 0 is start and 1 is end. Returns (dim,) or (T, dim).
    Raises ValueError for a vector of length 0, for opposite vectors, between which there are many
    arcs and none is the shortest, and for other shapes.
    """
    a, b = _pair(start, end)
    omega = angle(a, b)
    if math.pi - omega < 1e-6:
        raise ValueError(
            "start and end are opposite: no arc between them is the shortest. Go through a third "
            "vector, or move one of them a little."
        )
    t = np.asarray(t, dtype=np.float64)[..., None]
    lengths = interpolate_linear(norm(a)[None], norm(b)[None], t[..., 0])
    a, b = _direction(a), _direction(b)
    if omega < 1e-6:  # the arc is a straight line to within rounding, and sin(omega) nearly 0
        return lengths * ((1 - t) * a + t * b)
    turned = np.sin((1 - t) * omega) * a + np.sin(t * omega) * b
    return lengths * turned / math.sin(omega)


def random_directions(dim: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Directions at right angles to each other, each of length 1, every one equally likely.

    Returns (count, dim). Raises ValueError for more directions than there are dimensions.
    """
    if not 1 <= count <= dim:
        raise ValueError(f"{count} directions: in {dim} dimensions there are 1 to {dim} of them.")
    columns, triangle = np.linalg.qr(rng.standard_normal((dim, count)))
    return (columns * np.sign(np.diag(triangle))).T


def _pair(start: ArrayLike, end: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    a, b = (np.asarray(vector, dtype=np.float64) for vector in (start, end))
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"start and end have shapes {a.shape} and {b.shape}: give (dim,) twice.")
    return a, b


def _direction(vector: np.ndarray) -> np.ndarray:
    length = norm(vector)
    if not length > 0:
        raise ValueError("a vector of length 0 points nowhere: give one with a direction.")
    return vector / length
