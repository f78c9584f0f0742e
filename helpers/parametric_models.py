r"""Parametric and non-parametric models of images: what each of them has to keep.

A parametric model has a number of parameters that is fixed before it sees data; a non-parametric
one keeps something that grows with the data. With N images of d pixels::

    Gaussian                     d + d(d + 1)/2
    mixture of K Gaussians       K(d + d(d + 1)/2) + K - 1
    kernel density estimate      N d + 1
    k nearest neighbours         N (d + 1), the label included

Images are rows: ``x`` of shape (n, dim), here n = 1,797 handwritten digits of dim = 64 pixels. Only
numpy is needed.

Sources: K. Murphy, "Probabilistic machine learning: an introduction", 2022, chapters 4 and 16;
E. Parzen, "On estimation of a probability density function and mode", 1962,
doi:10.1214/aoms/1177704472.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helpers.conv_shapes import generator_parameter_count

DIGITS_GAN = Path(__file__).resolve().parent.parent / "data" / "models" / "digits_gan.safetensors"


def gaussian_parameter_count(dim: int) -> int:
    """Parameters of a Gaussian in ``dim`` dimensions: ``dim + dim*(dim + 1)/2``.

    The mean has dim numbers. The covariance has dim variances and, being symmetric, one covariance
    for each *pair* of pixels: dim*(dim + 1)/2 numbers, not dim².

    Raises ValueError for a dim below 1.
    """
    _at_least_one(dim=dim)
    return dim + dim * (dim + 1) // 2


def gaussian_mixture_parameter_count(components: int, dim: int) -> int:
    """Parameters of a mixture: a Gaussian per component, and the components' shares.

    The shares add up to 1, so the last one is no free number: components - 1 of them.

    Raises ValueError for a number below 1.
    """
    _at_least_one(components=components, dim=dim)
    return components * gaussian_parameter_count(dim) + components - 1


def kde_parameter_count(n: int, dim: int) -> int:
    """Numbers that a kernel density estimate keeps: all the data and one bandwidth, ``n*dim + 1``.

    Raises ValueError for a number below 1.
    """
    _at_least_one(n=n, dim=dim)
    return n * dim + 1


def nearest_neighbours_parameter_count(n: int, dim: int) -> int:
    """Numbers that a k-NN classifier keeps: every image and its label, ``n*(dim + 1)``.

    (k itself is chosen, not learned; it would be one number more.)

    Raises ValueError for a number below 1.
    """
    _at_least_one(n=n, dim=dim)
    return n * (dim + 1)


def dcgan_generator_parameter_count(latent_dim: int = 100, conv_dim: int = 32) -> int:
    """Learnable numbers of this course's DCGAN generator, whatever it is trained on.

    See ``helpers.conv_shapes.generator_parameter_count``, which counts layer by layer.
    """
    return generator_parameter_count(latent_dim, conv_dim)


def fit_gaussian(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Gaussian that fits the rows of ``x``: their mean and their covariance.

    ``mean = sum(x) / n``, ``cov = (x - mean)ᵀ (x - mean) / (n - 1)``

    Parameters
    ----------
    x : ndarray of shape (n, dim), a row per image, at least 2.

    Returns
    -------
    mean : ndarray of shape (dim,). cov : ndarray of shape (dim, dim).

    Raises ValueError for another shape or fewer than 2 rows.
    """
    x = _rows(x, least=2)
    mean = x.mean(axis=0)
    centred = x - mean
    return mean, centred.T @ centred / (len(x) - 1)


def sample_gaussian(
    mean: np.ndarray, cov: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw ``n`` rows from the Gaussian with this mean and covariance.

    ``sample = mean + A z`` with ``z`` standard normal and ``A Aᵀ = cov``. A comes from the
    eigenvectors, ``A = V sqrt(w)``, which works for a singular covariance too: pixels that are 0
    in every image make one. Rounding can leave an eigenvalue just below 0; it counts as 0.

    Parameters
    ----------
    mean : ndarray of shape (dim,). cov : ndarray of shape (dim, dim), symmetric, no eigenvalue
        clearly below 0.

    Returns an ndarray of shape (n, dim). Raises ValueError for shapes that do not belong together
    and for a covariance that is none.
    """
    mean, cov = np.asarray(mean), np.asarray(cov)
    if mean.ndim != 1 or cov.shape != (len(mean), len(mean)):
        raise ValueError(
            f"mean of shape {mean.shape} and cov of shape {cov.shape}: give (dim,) and (dim, dim)."
        )
    values, vectors = np.linalg.eigh(cov)
    if values[0] < -1e-6 * max(values[-1], 1e-6):
        raise ValueError(
            f"cov has the eigenvalue {values[0]:.3g}, which would be a negative variance: give a "
            "covariance, such as that of fit_gaussian."
        )
    z = rng.standard_normal((n, len(mean)))
    return mean + (z * np.sqrt(values.clip(min=0))) @ vectors.T


def sample_kde(x: np.ndarray, bandwidth: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``n`` rows from the kernel density estimate of ``x`` with a Gaussian kernel.

    Each sample is a row of ``x``, drawn at random with replacement, plus independent normal noise
    of standard deviation ``bandwidth`` in each pixel.

    Parameters
    ----------
    x : ndarray of shape (rows, dim). bandwidth : 0 or more, in the unit of the pixels.

    Returns an ndarray of shape (n, dim). Raises ValueError for another shape and for a negative
    bandwidth.
    """
    x = _rows(x)
    if bandwidth < 0:
        raise ValueError(f"bandwidth is {bandwidth}: it is a standard deviation, give 0 or more.")
    rows = rng.integers(len(x), size=n)
    return x[rows] + bandwidth * rng.standard_normal((n, x.shape[1]))


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared Euclidean distance of every row of ``a`` to every row of ``b``: (len(a), len(b))."""
    a, b = _rows(a), _rows(b)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return squares.clip(min=0)  # rounding can leave a distance to itself just below 0


def nearest_rows(samples: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each sample: its distance to the nearest row of ``x``, and that row's index."""
    squares = squared_distances(samples, x)
    nearest = squares.argmin(axis=1)
    return np.linalg.norm(samples - x[nearest], axis=1), nearest


def kde_log_likelihood(
    x: np.ndarray, bandwidths: Sequence[float], leave_one_out: bool = True
) -> np.ndarray:
    """Mean log-likelihood of the rows of ``x`` under their own kernel density estimate, in nats.

    ``log p(x_i) = log 1/m sum_j exp(-|x_i - x_j|² / 2h²) - dim/2 log(2π h²)``

    leave_one_out : the sum leaves out j = i (m = n - 1), so every image is judged by the others.
        Otherwise (m = n) each image is judged by itself too, and the smaller the bandwidth h, the
        better it looks.

    Returns an ndarray of shape (len(bandwidths),). Raises ValueError for a bandwidth that is not
    above 0, and for fewer than 2 rows.
    """
    x = _rows(x, least=2)
    return log_likelihood_from_distances(
        squared_distances(x, x), x.shape[1], bandwidths, leave_one_out
    )


def log_likelihood_from_distances(
    squares: np.ndarray, dim: int, bandwidths: Sequence[float], leave_one_out: bool = True
) -> np.ndarray:
    """`kde_log_likelihood` where the squared distances (n, n) of the rows are known already."""
    bandwidths = np.asarray(bandwidths, dtype=float)
    if not (bandwidths > 0).all():
        raise ValueError(f"bandwidths are {bandwidths.tolist()}: each has to be above 0.")
    n = len(squares)
    squares = squares.astype(np.float32)
    np.fill_diagonal(squares, np.inf if leave_one_out else 0.0)
    log_sums = np.zeros(len(bandwidths))
    for rows in np.array_split(squares, -(-n // 64)):  # small enough for the processor's cache
        # The nearest image is taken out of the sum, so that no small bandwidth turns it into 0.
        nearest = rows.min(axis=1, keepdims=True)
        farther = nearest - rows
        for number, bandwidth in enumerate(bandwidths):
            terms = np.exp(farther * np.float32(0.5 / bandwidth**2))
            log_sums[number] += np.log(terms.sum(axis=1)).sum(dtype=float)
            log_sums[number] -= nearest.sum(dtype=float) / (2 * bandwidth**2)
    others = n - 1 if leave_one_out else n
    return log_sums / n - np.log(others) - dim / 2 * np.log(2 * np.pi * bandwidths**2)


#: Each model of the lesson's table: whether it is parametric, and what it keeps.
MODELS: dict[str, tuple[bool, str]] = {
    "linear regression": (True, "a weight per feature and a bias"),
    "logistic regression": (True, "a weight per feature and class, a bias per class"),
    "naive Bayes": (True, "a few numbers per class and feature, such as mean and variance"),
    "k-NN": (False, "all training rows and their labels"),
    "KDE": (False, "all training rows"),
    "Gaussian process": (False, "all training rows, and a weight for each"),
    "random forest grown to purity": (False, "trees that split until no leaf mixes classes"),
    "k-means with k fixed": (True, "k centres"),
    "kernel SVM": (False, "the training rows at and inside its margin, the support vectors"),
    "Gaussian mixture": (True, "mean, covariance and share of each component"),
    "GAN": (True, "the weights of its networks"),
    "histogram with fixed bins": (True, "a count per bin"),
}


def is_parametric(model: str) -> bool:
    """Whether the number of parameters of this model is fixed before it sees data.

    model : a key of `MODELS`. Raises ValueError for another.
    """
    if model not in MODELS:
        raise ValueError(f"unknown model {model!r}: choose one of {', '.join(MODELS)}.")
    parametric, _ = MODELS[model]
    return parametric


class DigitsGenerator:
    """The generator of a small trained GAN: random numbers to 8 × 8 digits, with numpy alone.

    ``a = relu(W₁z + b₁)``, ``a = relu(W₂a + b₂)``, ``pixels = sigmoid(W₃a + b₃)``

    The weights were trained by ``helpers.pytorch.digits_gan``.

    path : a safetensors file with ``weight1``, ``bias1``, ``weight2`` and so on, weights of shape
        (out, in). Raises FileNotFoundError, with the command that makes it, where it is missing.
    """

    def __init__(self, path: str | Path = DIGITS_GAN) -> None:
        from safetensors.numpy import load_file

        if not Path(path).exists():
            raise FileNotFoundError(
                f"{path} is missing. `python -m helpers.pytorch.digits_gan --out {path}` trains it "
                "again; `git checkout` brings the course's own back."
            )
        arrays = load_file(path)
        self.layers = [
            (arrays[f"weight{number}"], arrays[f"bias{number}"])
            for number in range(1, len(arrays) // 2 + 1)
        ]

    @property
    def latent_dim(self) -> int:
        """How many random numbers make one image."""
        return self.layers[0][0].shape[1]

    @property
    def parameter_count(self) -> int:
        """How many numbers the generator keeps."""
        return sum(weight.size + bias.size for weight, bias in self.layers)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """z : (n, latent_dim), standard normal. Returns images (n, 64) of numbers in (0, 1)."""
        activation = np.asarray(z)
        for weight, bias in self.layers[:-1]:
            activation = np.maximum(activation @ weight.T + bias, 0)
        weight, bias = self.layers[-1]
        return 1 / (1 + np.exp(-(activation @ weight.T + bias)))


def _at_least_one(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} is {number}: give 1 or more.")


def _rows(x: np.ndarray, least: int = 1) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 2 or len(x) < least:
        raise ValueError(
            f"x has shape {x.shape}: give (rows, dim) with {least} rows or more, an image per row."
        )
    return x
