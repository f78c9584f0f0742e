"""Checks of lesson 01, parametric and non-parametric models."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import numpy as np

from helpers import parametric_models as reference
from helpers.checks.engine import Exercise, Lesson, Mistake, Question, ask, case

lesson = Lesson("01", "Parametric and non-parametric models")
progress = lesson.progress


gaussian_parameter_count: Exercise = lesson.exercise(
    reference.gaussian_parameter_count,
    cases=[case(1), case(2), case(3), case(5), case(10), case(64), case(3072)],
    mistakes={
        "whole_matrix": Mistake(
            "You count all dim² entries of the covariance. It is symmetric, cov[i, j] and "
            "cov[j, i] are one number: count each pair once.",
            lambda dim: dim + dim * dim,
        ),
        "whole_matrix_without_mean": Mistake(
            "dim² are all entries of the covariance. It is symmetric, so each pair of pixels "
            "counts once: dim·(dim + 1)/2. And the mean has dim numbers of its own.",
            lambda dim: dim * dim,
        ),
        "mean_or_variances_missing": Mistake(
            "dim numbers are missing. dim·(dim + 1)/2 is the covariance alone: add the mean. (Or "
            "you have the mean and the pairs of different pixels: add the variances.)",
            lambda dim: dim * (dim + 1) // 2,
        ),
        "pairs_only": Mistake(
            "You count the pairs of different pixels only. The dim variances on the diagonal and "
            "the dim numbers of the mean are missing.",
            lambda dim: dim * (dim - 1) // 2,
        ),
        "variances_twice": Mistake(
            "You count the variances twice: dim·(dim + 1)/2 contains the diagonal already.",
            lambda dim: 2 * dim + dim * (dim + 1) // 2,
        ),
        "independent_pixels": Mistake(
            "You count a mean and a variance per pixel. That is a Gaussian with independent "
            "pixels; this one has a covariance for every pair of pixels as well.",
            lambda dim: 2 * dim,
        ),
        "one_variance": Mistake(
            "You count one variance for all pixels. The covariance has one for each pixel and a "
            "number for each pair of pixels.",
            lambda dim: dim + 1,
        ),
        "two_numbers": Mistake(
            "A mean and a variance, two numbers, make a Gaussian of a single pixel. With dim "
            "pixels the mean is a vector and the covariance a matrix.",
            lambda dim: 2,
        ),
        "mean_is_one_number": Mistake(
            "You count the mean as one number. It is a vector: the mean of each of the dim pixels.",
            lambda dim: 1 + dim * (dim + 1) // 2,
        ),
        "half_of_everything": Mistake(
            "You halve too much: the mean too, or dim² instead of dim·(dim + 1), which would cut "
            "the diagonal in half. It is dim + dim·(dim + 1)/2.",
            lambda dim: (dim + dim * (dim + 1)) // 2,
        ),
        "not_added_up": Mistake(
            "You return the two counts apart. The lesson needs their sum, one number.",
            lambda dim: (dim, dim * (dim + 1) // 2),
        ),
        "float": Mistake(
            "The numbers are right but floats, such as 2144.0. A count is an int: divide by `//`, "
            "dim·(dim + 1) is always even.",
            lambda dim: dim + dim * (dim + 1) / 2,
        ),
    },
    hints=[
        "Write down a covariance matrix for 3 pixels. How many of its 9 entries can you choose "
        "freely, if it has to be symmetric?",
        "On and below the diagonal stand 1 + 2 + … + dim = dim·(dim + 1)/2 numbers. The mean adds "
        "dim. For 3 pixels: 6 + 3 = 9.",
    ],
    right=[
        lambda dim: dim * (dim + 3) // 2,
        lambda dim: dim + sum(range(1, dim + 1)),
        lambda dim: int(dim + dim + dim * (dim - 1) / 2),
        lambda dim: dim + len(np.tril_indices(dim)[0]),
    ],
    returns="an int",
    difficulty=1,
    minutes=3,
)


kde_parameter_count: Exercise = lesson.exercise(
    reference.kde_parameter_count,
    cases=[
        case(1, 1),
        case(5, 1),
        case(1, 7),
        case(3, 4),
        case(10, 2),
        case(1797, 64),
        case(73257, 3072),
    ],
    mistakes={
        "no_bandwidth": Mistake(
            "All the data are counted, but not the bandwidth: one number more.",
            lambda n, dim: n * dim,
        ),
        "bandwidth_only": Mistake(
            "The bandwidth is the one number that you choose, but the estimate cannot be evaluated "
            "without the training images: all of them have to be kept.",
            lambda n, dim: 1,
        ),
        "bandwidth_per_pixel": Mistake(
            "You count a bandwidth for every pixel. Here one bandwidth serves all pixels and all "
            "images.",
            lambda n, dim: n * dim + dim,
        ),
        "one_per_image": Mistake(
            "You count one number more for every image, a bandwidth or a label. All images share "
            "one bandwidth, and a density needs no labels.",
            lambda n, dim: n * dim + n,
        ),
        "bandwidth_and_labels": Mistake(
            "You count a label for every image. A density estimate does not use labels; the data "
            "are n·dim numbers.",
            lambda n, dim: n * dim + n + 1,
        ),
        "images_as_one_number": Mistake(
            "You count an image as one number. It has dim pixels: n·dim numbers.",
            lambda n, dim: n + 1,
        ),
        "images_only": Mistake(
            "You count the images. Each of them is dim numbers, and the bandwidth comes on top.",
            lambda n, dim: n,
        ),
        "one_image": Mistake(
            "You count the pixels of one image. The estimate keeps all n of them.",
            lambda n, dim: dim + 1,
        ),
        "added": Mistake(
            "You add n and dim. There are n images of dim pixels each: multiply.",
            lambda n, dim: n + dim + 1,
        ),
        "added_without_bandwidth": Mistake(
            "You add n and dim. There are n images of dim pixels each: multiply; and the bandwidth "
            "is one number more.",
            lambda n, dim: n + dim,
        ),
        "distances": Mistake(
            "You count the distances of all pairs of images. They can be computed from the images "
            "and need not be kept; the images do.",
            lambda n, dim: n * (n - 1) // 2 + 1,
        ),
        "mean_and_deviation_each": Mistake(
            "You count two numbers for each pixel of each image. The middle of a kernel is the "
            "image itself, but its width is the one bandwidth that all share.",
            lambda n, dim: 2 * n * dim,
        ),
        "gaussian": Mistake(
            "This is the count of one Gaussian, which does not depend on n. The kernel density "
            "estimate keeps every training image.",
            lambda n, dim: dim + dim * (dim + 1) // 2,
        ),
        "gaussian_each": Mistake(
            "You count a covariance for every image. The kernels all have the same shape, given by "
            "one bandwidth; only their middles, the images, differ.",
            lambda n, dim: n * (dim + dim * (dim + 1) // 2),
        ),
        "not_added_up": Mistake(
            "You return the two counts apart. The lesson needs their sum, one number.",
            lambda n, dim: (n * dim, 1),
        ),
        "float": Mistake(
            "The numbers are right but floats. A count is an int: `*` and `+` on ints keep it one.",
            lambda n, dim: float(n * dim + 1),
        ),
    },
    hints=[
        "You want to draw a sample, and the training data have been deleted. What did you have "
        "to write down beforehand?",
        "Every image (how many numbers is that?) and the bandwidth. For 10 images of 2 pixels: 21.",
    ],
    right=[
        lambda n, dim: 1 + dim * n,
        lambda n, dim: sum(dim for _ in range(n)) + 1,
    ],
    returns="an int",
    difficulty=1,
    minutes=2,
)


def _data(seed: int, n: int, dim: int) -> np.ndarray:
    """Rows whose pixels differ in mean and spread and are correlated, with one decimal."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dim, dim)) * np.arange(1, dim + 1)
    return np.round(rng.normal(size=(n, dim)) @ mixing + np.arange(dim) * 3, 1)


def _cov(x: np.ndarray) -> np.ndarray:
    return np.cov(x, rowvar=False)


def _with_correlation(x):
    with np.errstate(invalid="ignore"):  # a pixel that never changes
        return x.mean(axis=0), np.corrcoef(x, rowvar=False)


def _centres_in_place(x):
    mean = x.mean(axis=0)
    x -= mean
    return mean, x.T @ x / (len(x) - 1)


fit_gaussian: Exercise = lesson.exercise(
    reference.fit_gaussian,
    cases=[
        case(np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 5.0]])),
        case(np.array([[0.0, 4.0], [2.0, 1.0]])),
        case(np.array([[0, 9, 3], [0, 16, 1], [0, 2, 8], [0, 5, 5]])),
        case(_data(1, 3, 4)),
        case(_data(2, 8, 3)),
        case(_data(3, 12, 5)),
    ],
    mistakes={
        "divides_by_n": Mistake(
            "Your covariance is divided by n. The exercise asks for n − 1, as numpy.cov does: "
            "the mean was fitted to the same data, which makes the deviations a little too small.",
            lambda x: (x.mean(axis=0), np.cov(x, rowvar=False, bias=True)),
        ),
        "not_divided": Mistake(
            "You add up the products of the deviations but do not divide by n − 1.",
            lambda x: (x.mean(axis=0), _cov(x) * (len(x) - 1)),
        ),
        "divides_by_dim": Mistake(
            "You divide by the number of pixels. The sum runs over the images: divide by n − 1.",
            lambda x: (x.mean(axis=0), _cov(x) * (len(x) - 1) / x.shape[1]),
        ),
        "divides_by_dim_less_1": Mistake(
            "You divide by the number of pixels less 1. The sum runs over the images: n − 1.",
            lambda x: (x.mean(axis=0), _cov(x) * (len(x) - 1) / max(x.shape[1] - 1, 1)),
        ),
        "rows_and_columns_confused": Mistake(
            "You treat the images as variables and the pixels as observations: mean has an entry "
            "for each image. Take the mean over axis 0, and tell numpy.cov rowvar=False.",
            lambda x: (x.mean(axis=1), np.cov(x)),
        ),
        "rowvar": Mistake(
            "The mean is right, but your covariance is one between images. numpy.cov takes each "
            "row as a variable unless you say rowvar=False (or give it x.T).",
            lambda x: (x.mean(axis=0), np.cov(x)),
        ),
        "outer_product_the_wrong_way": Mistake(
            "You multiply the deviations by their transpose the other way round and get a matrix "
            "of images by images: (x - mean).T @ (x - mean) has pixels by pixels.",
            lambda x: (x.mean(axis=0), (d := x - x.mean(axis=0)) @ d.T / (len(x) - 1)),
        ),
        "one_mean_for_all": Mistake(
            "Your mean is a single number, taken over all pixels. Each pixel has its own: axis=0.",
            lambda x: (x.mean(), _cov(x)),
        ),
        "one_mean_subtracted": Mistake(
            "Your mean is a single number and you subtract it from all pixels. Each pixel has its "
            "own mean: axis=0.",
            lambda x: (x.mean(), (x - x.mean()).T @ (x - x.mean()) / (len(x) - 1)),
        ),
        "mean_with_two_axes": Mistake(
            "Your mean has shape (1, dim); it should be (dim,). Leave keepdims out, or return "
            "mean[0].",
            lambda x: (x.mean(axis=0, keepdims=True), _cov(x)),
        ),
        "not_centred": Mistake(
            "You multiply the pixels themselves. Subtract the mean first: covariance is about "
            "deviations from it.",
            lambda x: (x.mean(axis=0), x.T @ x / (len(x) - 1)),
        ),
        "variances_only": Mistake(
            "You return the variances, a vector. The covariance is a matrix that also says which "
            "pixels go together.",
            lambda x: (x.mean(axis=0), x.var(axis=0, ddof=1)),
        ),
        "diagonal_only": Mistake(
            "Outside the diagonal your covariance is 0, as if the pixels were independent. "
            "Multiply the deviations of every pair of pixels.",
            lambda x: (x.mean(axis=0), np.diag(x.var(axis=0, ddof=1))),
        ),
        "standard_deviations": Mistake(
            "You return standard deviations. The covariance is a matrix, with the squares of "
            "those on its diagonal.",
            lambda x: (x.mean(axis=0), x.std(axis=0, ddof=1)),
        ),
        "standard_deviations_by_n": Mistake(
            "You return standard deviations. The covariance is a matrix, with the squares of "
            "those on its diagonal.",
            lambda x: (x.mean(axis=0), x.std(axis=0)),
        ),
        "variances_by_n": Mistake(
            "You return the variances, a vector. The covariance is a matrix that also says which "
            "pixels go together.",
            lambda x: (x.mean(axis=0), x.var(axis=0)),
        ),
        "correlation": Mistake(
            "You return correlations, which have 1 on the diagonal. The model needs the spread of "
            "each pixel too: the covariance, numpy.cov.",
            _with_correlation,
        ),
        "lists": Mistake(
            "The numbers are right, but they are lists. Return arrays, without tolist().",
            lambda x: (x.mean(axis=0).tolist(), _cov(x).tolist()),
        ),
        "swapped": Mistake(
            "Both are right, but in the other order: return mean, cov.",
            lambda x: (_cov(x), x.mean(axis=0)),
        ),
        "covariance_only": Mistake(
            "You return the covariance without the mean: return mean, cov.",
            lambda x: _cov(x),
        ),
        "median": Mistake(
            "The covariance is right, but where the mean should be you return the median.",
            lambda x: (np.median(x, axis=0), _cov(x)),
        ),
        "centres_in_place": Mistake(
            "The numbers are right, but `x -= mean` changes the caller's data (and fails on whole "
            "numbers). Write `centred = x - mean`.",
            _centres_in_place,
        ),
    },
    hints=[
        "The mean is one line with axis=0. For the covariance, subtract it from every row and "
        "look at the product of two columns, averaged over the rows.",
        "mean = x.mean(axis=0); centred = x - mean; the covariance is centred.T @ centred divided "
        "by len(x) - 1.",
    ],
    right=[
        lambda x: (x.mean(0), np.cov(x, rowvar=False)),
        lambda x: (np.mean(x, axis=0), np.cov(x.T)),
        lambda x: [
            x.sum(axis=0) / len(x),
            sum(np.outer(row, row) for row in x - x.mean(0)) / (len(x) - 1),
        ],
        lambda x: (
            x.mean(axis=0),
            (x.T @ x - len(x) * np.outer(x.mean(axis=0), x.mean(axis=0))) / (len(x) - 1),
        ),
        lambda x: (
            np.average(x, axis=0),
            np.einsum("ni,nj->ij", x - x.mean(0), x - x.mean(0)) / (x.shape[0] - 1),
        ),
    ],
    returns="mean, cov",
    difficulty=2,
    minutes=5,
)


# The two samplers are judged by statistics of many samples. A number that is right within chance is
# answered as exactly right, so that no right answer is refused; a wrong one is answered in units in
# which chance is small beside the tolerance, so that the same mistake gives about the same numbers
# in whichever order somebody draws. What only luck decides is not asked.
Probe = Generator[Question, Any, None]
_MANY = 2000  # few enough for an answer that draws them one by one
_CHANCE = 6  # standard errors by which a statistic may be off and still count as right


def _shape(value: Any) -> Any:
    """The shape of an array of real numbers, words for another thing, None for None."""
    if isinstance(value, list | tuple) and value:
        return f"a {type(value).__name__}, not an array"
    if value is None or not hasattr(value, "shape"):
        return value
    array = np.asarray(value)
    if array.dtype.kind == "c":
        return "an array of complex numbers: take .real"
    if array.dtype.kind not in "fiu":
        return f"an array of {array.dtype}, not of numbers"
    return array.shape


def _by_chance(measured: np.ndarray, right: Any, standard_error: Any) -> np.ndarray:
    """Where the measured numbers differ from the right ones by no more than chance."""
    return np.abs(measured - right) <= _CHANCE * standard_error


def _snap(measured: np.ndarray, right: Any, standard_error: Any) -> np.ndarray:
    """The right numbers where the measured ones are right by chance, otherwise the measured."""
    return np.where(_by_chance(measured, right, standard_error), right, measured)


_AS_NORMAL = "about 68 %"


def _within_one_deviation(standardised: np.ndarray) -> str:
    """How many of the numbers lie within one standard deviation: 68 % of normal ones.

    Uniform noise of the same deviation has 58 %, Laplace noise 76 %.
    """
    share = (np.abs(standardised) < 1).mean()
    if abs(share - 0.6827) < 0.045:
        return _AS_NORMAL
    return "fewer than normal noise has" if share < 0.6827 else "more than normal noise has"


def _correlation(samples: np.ndarray, least: float = 1e-9) -> np.ndarray:
    """Correlations of the columns; 0 for a column that varies by no more than ``least``."""
    deviations = samples - samples.mean(axis=0)
    spread = deviations.std(axis=0)
    deviations /= np.where(spread > least, spread, np.inf)
    return deviations.T @ deviations / len(samples)


_HARDLY_ANY = "none, or hardly any"


def _equal_rows(rows: np.ndarray) -> str:
    """Whether rows are repeated, in words: how many would be luck where they are rounded."""
    different = len(np.unique(rows.round(6), axis=0))
    return _HARDLY_ANY if different > 0.75 * len(rows) else "many"


def _same_covariance(samples: np.ndarray, right: np.ndarray) -> bool:
    variances = np.diag(right).clip(min=0)
    error = np.sqrt((np.outer(variances, variances) + right**2) / len(samples))
    return bool(_by_chance(np.cov(samples, rowvar=False), right, error + 1e-3).all())


def _seed_questions(name: str, draw: Callable[[np.random.Generator], Any], seed: int) -> Probe:
    """Does an answer take its randomness from the generator that it is given, and only there?"""
    call = f"{name}(…, rng)"
    rng = np.random.default_rng

    def equal(a: Any, b: Any) -> bool:
        return bool(np.array_equal(np.asarray(a), np.asarray(b)))

    def twice() -> bool:
        one = rng(seed)
        return equal(draw(one), draw(one))

    yield ask(f"whether two calls of {call} with one and the same rng give equal samples", twice)
    yield ask(
        f"whether {call} gives equal samples for two rngs with the same seed",
        lambda: equal(draw(rng(seed)), draw(rng(seed))),
    )
    yield ask(
        f"whether {call} gives equal samples for two rngs with different seeds",
        lambda: equal(draw(rng(seed)), draw(rng(seed + 1))),
    )


_MEAN = np.array([0.2, -4.0, 0.9])
_COV = np.array([[9.0, 4.0, 0.0], [4.0, 4.0, -1.0], [0.0, -1.0, 1.0]]) / 100
# Pixel 1 never changes, pixel 0 is twice pixel 2. Rounding leaves such matrices with an
# eigenvalue just below 0; here it is so on every computer.
_NULL = np.array([1.0, 0.0, -2.0, 0.0])
_FLAT_MEAN = np.array([1.0, 3.0, -1.0, 0.0])
_FLAT_COV = np.array([[4.0, 0, 2, 0], [0, 0, 0, 0], [2, 0, 1, 0], [0, 0, 0, 1]])
_FLAT_COV = _FLAT_COV - 1e-12 * np.outer(_NULL, _NULL)


def gaussian_probe(attempt: Callable, seed: int = 0) -> Probe:
    """What sample_gaussian is asked; what it answers must not depend on the seed."""
    rng = np.random.default_rng
    mean, cov = _MEAN.copy(), _COV.copy()
    drawn = []
    for number, n in enumerate((_MANY, 5, 1)):
        # Called without a lambda of ours in between, which an error message would name.
        drawn.append(
            (
                yield ask(
                    f"sample_gaussian(mean, cov, {n}, rng)",
                    partial(attempt, mean, cov, n, rng(seed + number)),
                    compare=False,
                )
            )
        )
        shape = yield ask(
            f"The shape of sample_gaussian(mean, cov, {n}, rng), for a mean of 3 pixels,",
            lambda: _shape(drawn[-1]),
        )
        if shape != (n, 3):
            return
    changed = yield ask(
        "What sample_gaussian(mean, cov, 5, rng) changes of the caller's arrays",
        lambda: (
            " and ".join(
                name
                for name, now, before in (("mean", mean, _MEAN), ("cov", cov, _COV))
                if not np.array_equal(now, before)
            )
            or "nothing"
        ),
    )
    if changed != "nothing":
        return
    samples = np.array(drawn[0], dtype=float)
    spread, right_spread = samples.std(axis=0), np.sqrt(np.diag(_COV))
    agrees = _same_covariance(samples, _COV)
    yield ask(
        f"The mean of {_MANY} samples",
        # Where all samples are equal their mean is luck, and not what is wrong.
        lambda: (
            np.round(_snap(samples.mean(axis=0), _MEAN, right_spread * _MANY**-0.5), 2)
            if spread.max() > 1e-9
            else _MEAN
        ),
    )
    yield ask(
        f"The ratio of the standard deviations of {_MANY} samples to the right ones",
        lambda: np.round(_snap(spread / right_spread, 1, (2 * _MANY) ** -0.5), 2),
    )
    yield ask(
        f"The share of {_MANY} samples that are equal to another one",
        # Where all are equal that is another mistake, and told already.
        lambda: _equal_rows(samples) if spread.max() > 1e-9 else _HARDLY_ANY,
    )
    correlation = _COV / np.outer(right_spread, right_spread)
    yield ask(
        f"The correlations of {_MANY} samples",
        lambda: np.round(_snap(_correlation(samples), correlation, _MANY**-0.5), 2),
    )
    yield ask(
        f"whether the covariance of {_MANY} samples is cov, as far as chance allows,",
        lambda: agrees,
    )
    whitener = np.linalg.inv(np.linalg.cholesky(_COV)).T
    yield ask(
        "The share of samples within one standard deviation",
        lambda: (
            _within_one_deviation((samples - _MEAN) @ whitener)
            if agrees
            else _AS_NORMAL  # it cannot be said
        ),
    )
    yield from _seed_questions(
        "sample_gaussian", lambda given: attempt(mean, cov, 4, given), seed + 3
    )
    mean, cov = _FLAT_MEAN.copy(), _FLAT_COV.copy()
    singular = "with a singular covariance (a pixel that never changes, two that go together)"
    flat = yield ask(
        f"sample_gaussian {singular}",
        partial(attempt, mean, cov, _MANY // 2, rng(seed + 5)),
        compare=False,
    )
    shape = yield ask(f"The shape of samples {singular}", lambda: _shape(flat))
    if shape != (_MANY // 2, 4):
        return
    flat = np.array(flat, dtype=float)
    yield ask(f"Samples {singular}: their standard deviations", lambda: flat.std(axis=0).round(2))
    yield ask(f"Samples {singular}: their correlations", lambda: _correlation(flat, 0.05).round(2))
    yield ask(
        f"whether samples {singular} leave that pixel alone and keep the two together",
        lambda: bool(flat[:, 1].std() < 0.05 and (flat @ _NULL).std() < 0.1),
    )


def _factor(cov: np.ndarray) -> np.ndarray:
    """A with A Aᵀ = cov."""
    values, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(values.clip(min=0))


def _gaussian(mean, cov, z):
    return mean + z @ _factor(cov).T


def _unclipped(mean, cov, n, rng):
    values, vectors = np.linalg.eigh(cov)
    with np.errstate(invalid="ignore"):
        return mean + (rng.standard_normal((n, len(mean))) * np.sqrt(values)) @ vectors.T


def _eigenvectors_missing(mean, cov, n, rng):
    values = np.linalg.eigvalsh(cov).clip(min=0)
    return mean + rng.standard_normal((n, len(mean))) * np.sqrt(values)


def _eigenvectors_transposed(mean, cov, n, rng):
    values, vectors = np.linalg.eigh(cov)
    return mean + (rng.standard_normal((n, len(mean))) * np.sqrt(values.clip(min=0))) @ vectors


def _cholesky(cov: np.ndarray, jitter: float = 0.0) -> np.ndarray:
    return np.linalg.cholesky(cov + jitter * np.eye(len(cov)))


def _jitter_in_place(mean, cov, n, rng):
    cov += 1e-8 * np.eye(len(cov))
    return mean + rng.standard_normal((n, len(mean))) @ np.linalg.cholesky(cov).T


def _mean_in_place(mean, cov, n, rng):
    samples = rng.multivariate_normal(mean, cov, n)
    mean -= mean
    return samples


def _global_normal(mean, cov, n, rng):
    return np.random.multivariate_normal(mean, cov, n)


def _squeezed(mean, cov, n, rng):
    samples = _gaussian(mean, cov, rng.standard_normal((n, len(mean))))
    return samples[0] if n == 1 else samples


def _standard_deviations(cov: np.ndarray) -> np.ndarray:
    return np.sqrt(np.diag(cov).clip(min=0))


sample_gaussian: Exercise = lesson.exercise(
    reference.sample_gaussian,
    probe=gaussian_probe,
    mistakes={
        "independent_pixels": Mistake(
            "Each pixel has the right mean and spread, but your pixels are independent. What "
            "lies outside the covariance's diagonal, which pixels go together, has to enter.",
            lambda mean, cov, n, rng: (
                mean + rng.standard_normal((n, len(mean))) * _standard_deviations(cov)
            ),
        ),
        "variance_as_deviation": Mistake(
            "Your pixels are independent, and spread by their variances instead of standard "
            "deviations. The whole covariance has to enter, by a matrix A with A Aᵀ = cov.",
            lambda mean, cov, n, rng: mean + rng.standard_normal((n, len(mean))) * np.diag(cov),
        ),
        "no_root": Mistake(
            "You multiply the noise by the covariance itself (or by its eigenvalues without a "
            "square root). Noise times A has the covariance A Aᵀ, so A has to be a root of cov.",
            lambda mean, cov, n, rng: mean + rng.standard_normal((n, len(mean))) @ cov,
        ),
        "unit_noise": Mistake(
            "You add standard normal noise to the mean. The covariance does not enter.",
            lambda mean, cov, n, rng: mean + rng.standard_normal((n, len(mean))),
        ),
        "root_of_each_entry": Mistake(
            "numpy.sqrt takes the root of each entry. You need a root of the matrix: A with "
            "A Aᵀ = cov, which its eigenvectors or a Cholesky factor give.",
            lambda mean, cov, n, rng: (
                mean + rng.standard_normal((n, len(mean))) @ (np.sqrt(np.abs(cov)) * np.sign(cov))
            ),
        ),
        "no_mean": Mistake(
            "The spread is right, but the samples lie around 0: add the mean.",
            lambda mean, cov, n, rng: _gaussian(0, cov, rng.standard_normal((n, len(mean)))),
        ),
        "mean_twice": Mistake(
            "You add the mean twice: multivariate_normal(mean, …) contains it already.",
            lambda mean, cov, n, rng: mean + rng.multivariate_normal(mean, cov, n),
        ),
        "cholesky_of_singular": Mistake(
            "numpy.linalg.cholesky refuses a singular covariance, and the digits' one is: some "
            "pixels are 0 in every image. Use eigenvectors, multivariate_normal, or add a tiny "
            "number such as 1e-6 to the diagonal first.",
            lambda mean, cov, n, rng: mean + rng.standard_normal((n, len(mean))) @ _cholesky(cov).T,
        ),
        "cholesky_transposed": Mistake(
            "You multiply by the Cholesky factor the wrong way round. For noise in rows it is "
            "z @ L.T, which has the covariance L Lᵀ.",
            lambda mean, cov, n, rng: (
                mean + rng.standard_normal((n, len(mean))) @ _cholesky(cov, 1e-8)
            ),
        ),
        "cholesky_transposed_and_singular": Mistake(
            "Two things: for noise in rows it is z @ L.T instead of z @ L; and "
            "numpy.linalg.cholesky refuses a singular covariance, such as the digits' one. Add a "
            "tiny number such as 1e-6 to the diagonal, or use eigenvectors.",
            lambda mean, cov, n, rng: mean + rng.standard_normal((n, len(mean))) @ _cholesky(cov),
        ),
        "large_jitter": Mistake(
            "What you add to the diagonal is noise in every pixel, also in those that never "
            "change. Something tiny such as 1e-6 is enough for a Cholesky factor.",
            lambda mean, cov, n, rng: (
                mean + rng.standard_normal((n, len(mean))) @ _cholesky(cov, 0.03).T
            ),
        ),
        "negative_eigenvalues": Mistake(
            "nan: the singular covariance has an eigenvalue just below 0, from rounding, and its "
            "square root is not a number. Clip the eigenvalues at 0 before you take the root.",
            _unclipped,
        ),
        "eigenvectors_missing": Mistake(
            "You spread the noise by the roots of the eigenvalues but along the pixels. Turn it "
            "into the directions of the eigenvectors: @ vectors.T.",
            _eigenvectors_missing,
        ),
        "eigenvectors_transposed": Mistake(
            "You turn the noise the wrong way. The eigenvectors are the columns of what eigh "
            "gives; for noise in rows it is (z * sqrt(values)) @ vectors.T.",
            _eigenvectors_transposed,
        ),
        "svd_transposed": Mistake(
            "You turn the noise the wrong way. After u, s, vt = numpy.linalg.svd(cov) the "
            "directions are the rows of vt: (z * sqrt(s)) @ vt, for noise in rows.",
            lambda mean, cov, n, rng: (
                mean
                + (rng.standard_normal((n, len(mean))) * np.sqrt((svd := np.linalg.svd(cov))[1]))
                @ svd[0]
            ),
        ),
        "covariance_as_deviation": Mistake(
            "rng.normal wants the standard deviation of every number, and a covariance has "
            "entries below 0. rng.multivariate_normal takes a covariance.",
            lambda mean, cov, n, rng: rng.normal(mean, cov, (n, len(mean))),
        ),
        "one_noise_for_all_pixels": Mistake(
            "You draw one random number per sample, so all pixels move together. Draw one for "
            "each pixel: rng.standard_normal((n, dim)).",
            lambda mean, cov, n, rng: (
                mean + rng.standard_normal((n, 1)) * _standard_deviations(cov)
            ),
        ),
        "samples_repeated": Mistake(
            "Many of your samples are equal: you draw fewer than n and repeat them. Each of the n "
            "samples needs noise of its own, shape (n, dim).",
            lambda mean, cov, n, rng: np.repeat(
                rng.multivariate_normal(mean, cov, (n + 1) // 2), 2, axis=0
            )[:n],
        ),
        "one_sample_repeated": Mistake(
            "All n samples are equal: the noise is drawn once. Draw it for each sample.",
            lambda mean, cov, n, rng: np.tile(rng.multivariate_normal(mean, cov), (n, 1)),
        ),
        "uniform_noise": Mistake(
            "Mean and covariance are right, but the noise is not normal: too few samples lie near "
            "the mean, none far away. Use rng.standard_normal.",
            lambda mean, cov, n, rng: _gaussian(
                mean, cov, rng.uniform(-(3**0.5), 3**0.5, (n, len(mean)))
            ),
        ),
        "uniform_from_0_to_1": Mistake(
            "rng.random gives numbers from 0 to 1, all equally likely. A Gaussian needs normal "
            "noise around 0: rng.standard_normal.",
            lambda mean, cov, n, rng: _gaussian(mean, cov, rng.random((n, len(mean)))),
        ),
        "clipped": Mistake(
            "You clip the samples to the range 0 to 1. A Gaussian knows no range, and clipping "
            "changes its mean and covariance. Clip where you draw the image, not here.",
            lambda mean, cov, n, rng: np.clip(rng.multivariate_normal(mean, cov, n), 0, 1),
        ),
        "global_random_state": Mistake(
            "Your samples do not come from rng: two generators with the same seed give different "
            "samples. Call the methods of rng instead of functions of numpy.random.",
            _global_normal,
        ),
        "own_generator": Mistake(
            "You make a generator of your own inside the function, so every call gives the same "
            "samples. Draw from the rng that you are given.",
            lambda mean, cov, n, rng: np.random.default_rng(0).multivariate_normal(mean, cov, n),
        ),
        "old_interface": Mistake(
            "rng is a numpy Generator, which has no randn: rng.standard_normal((n, dim)).",
            lambda mean, cov, n, rng: _gaussian(mean, cov, rng.randn(n, len(mean))),
        ),
        "transposed": Mistake(
            "Your samples stand in columns, shape (dim, n). Put a sample in each row.",
            lambda mean, cov, n, rng: rng.multivariate_normal(mean, cov, n).T,
        ),
        "one_sample_only": Mistake(
            "You draw one sample, of shape (dim,). n of them have the shape (n, dim).",
            lambda mean, cov, n, rng: rng.multivariate_normal(mean, cov),
        ),
        "size_with_dim": Mistake(
            "Your array has three axes. multivariate_normal draws whole rows: its size is n, not "
            "(n, dim).",
            lambda mean, cov, n, rng: rng.multivariate_normal(mean, cov, (n, len(mean))),
        ),
        "squeezed": Mistake(
            "For n = 1 your array has shape (dim,). It should be (1, dim), as for any other n "
            "(scipy's rvs drops the axis: reshape(n, -1)).",
            _squeezed,
        ),
        "list": Mistake(
            "You return a list of arrays. Make one array of it: numpy.array(samples).",
            lambda mean, cov, n, rng: list(rng.multivariate_normal(mean, cov, n)),
        ),
        "jitter_in_place": Mistake(
            "`cov += …` changes the covariance that the caller gave you. Write `cov = cov + …`.",
            _jitter_in_place,
        ),
        "mean_in_place": Mistake(
            "You change the mean that the caller gave you. Build a new array instead of using "
            "`-=`, `+=` or `mean[:] =` on it.",
            _mean_in_place,
        ),
    },
    hints=[
        "Standard normal noise z has the identity as covariance, and z @ A.T has A Aᵀ. So you "
        "need a matrix A with A Aᵀ = cov, or a method of rng that knows one.",
        "Short: rng.multivariate_normal(mean, cov, n). By hand: values, vectors = "
        "numpy.linalg.eigh(cov); A = vectors * numpy.sqrt(values.clip(min=0)); the samples are "
        "mean + rng.standard_normal((n, len(mean))) @ A.T.",
    ],
    right=[
        lambda mean, cov, n, rng: rng.multivariate_normal(mean, cov, n),
        lambda mean, cov, n, rng: rng.multivariate_normal(mean, cov, size=n, method="eigh"),
        lambda mean, cov, n, rng: rng.multivariate_normal(mean, cov, (n,), check_valid="ignore"),
        lambda mean, cov, n, rng: np.array([rng.multivariate_normal(mean, cov) for _ in range(n)]),
        lambda mean, cov, n, rng: np.stack(
            [mean + _factor(cov) @ rng.normal(size=len(mean)) for _ in range(n)]
        ),
        lambda mean, cov, n, rng: (
            mean + rng.standard_normal((n, len(mean))) @ _cholesky(cov, 1e-6).T
        ),
        lambda mean, cov, n, rng: (
            (mean[:, None] + _cholesky(cov, 1e-4) @ rng.normal(size=(len(mean), n))).T
        ),
        lambda mean, cov, n, rng: (
            mean + (rng.normal(0, 1, (n, len(mean))) * np.sqrt((s := np.linalg.svd(cov))[1])) @ s[2]
        ),
        lambda mean, cov, n, rng: _gaussian(
            mean, cov, np.vstack([rng.normal(size=(1, len(mean))) for _ in range(n)])
        ),
    ],
    returns="an array of shape (n, dim)",
    tolerance=0.15,
    difficulty=2,
    minutes=7,
    seconds=4.0,
)


# Far apart, so that the row which a sample comes from is beyond doubt.
_ROWS = np.array(
    [[8.0, -6, 4], [30, 10, -20], [-40, 20, 35], [0, -50, 15], [60, 45, 70], [-15, -25, -60]]
)


def kde_probe(attempt: Callable, seed: int = 0) -> Probe:
    """What sample_kde is asked; what it answers must not depend on the seed."""
    rng = np.random.default_rng
    x = _ROWS.copy()
    rows, dim = x.shape
    drawn = []
    right_shapes = True
    for number, n in enumerate((_MANY, 3, 1)):
        drawn.append(
            (
                yield ask(
                    f"sample_kde(x, 0.25, {n}, rng)",
                    partial(attempt, x, 0.25, n, rng(seed + number)),
                    compare=False,
                )
            )
        )
        shape = yield ask(
            f"The shape of sample_kde(x, 0.25, {n}, rng), for {rows} images of {dim} pixels,",
            lambda: _shape(drawn[-1]),
        )
        right_shapes = right_shapes and shape == (n, dim)
    changed = yield ask(
        f"What sample_kde(x, 0.25, {_MANY}, rng) changes in x",
        lambda: (
            "nothing"
            if np.array_equal(x, _ROWS)
            else "its order"
            if np.array_equal(np.sort(x, axis=0), np.sort(_ROWS, axis=0))
            else "its numbers"
        ),
    )
    if changed != "nothing":
        return
    yield ask(
        "whether single samples from 30 rngs come from different rows of x",
        lambda: bool(
            np.ptp([np.ravel(attempt(x, 0.25, 1, rng(seed + k)))[0] for k in range(30)]) > 5
        ),
    )
    if not right_shapes:
        return
    yield from _seed_questions("sample_kde", lambda given: attempt(x, 0.25, 4, given), seed + 5)
    yield ask(
        f"whether {rows} samples from {rows} rows of x come twice from the same row in some call",
        lambda: any(
            len(set(_nearest(np.array(attempt(x, 0.25, rows, rng(seed + k)), dtype=float)))) < rows
            for k in range(8)
        ),
    )
    wide = yield ask(
        f"sample_kde(x, 2.0, {_MANY}, rng)",
        partial(attempt, x, 2.0, _MANY, rng(seed + 3)),
        compare=False,
    )
    shape = yield ask(f"The shape of sample_kde(x, 2.0, {_MANY}, rng)", lambda: _shape(wide))
    if shape != (_MANY, dim):
        return
    yield from _kde_statistics(np.array(drawn[0], dtype=float), 0.25)
    yield from _kde_statistics(np.array(wide, dtype=float), 2.0)


def _nearest(samples: np.ndarray) -> np.ndarray:
    """For each sample the index of the row that is nearest to it."""
    return reference.squared_distances(np.nan_to_num(samples), _ROWS).argmin(axis=1)


def _kde_statistics(samples: np.ndarray, bandwidth: float) -> Probe:
    rows, dim = _ROWS.shape
    nearest = _nearest(samples)
    noise = (samples - _ROWS[nearest]) / bandwidth
    spread = noise.std(axis=0)
    agrees = bool(_by_chance(spread, 1, (2 * _MANY) ** -0.5).all())
    many = f"{_MANY} samples with bandwidth {bandwidth:g}"
    of = f"of {many}"
    if bandwidth < 1:  # wider noise reaches other rows
        shares = np.bincount(nearest, minlength=rows) / _MANY
        yield ask(
            f"The rows of x that are nearest to {many}",
            lambda: tuple(np.unique(nearest).tolist()) if np.ptp(nearest) else "one row only",
        )
        yield ask(
            f"whether {many} come from all rows of x about equally often",
            lambda: bool(
                spread.max() > 5  # too far from all rows to say
                or _by_chance(shares, 1 / rows, np.sqrt(1 / rows * (1 - 1 / rows) / _MANY)).all()
            ),
        )
        yield ask(
            f"whether pixels of {many} have values near those of the same pixel in x",
            lambda: bool(
                (np.abs(samples[:, None] - _ROWS).min(axis=1) < 4 * bandwidth).mean() > 0.8
            ),
        )
        yield ask(
            f"whether the noise {of} reaches the pixel that is 0 in one row of x",
            lambda: bool(
                not (nearest == 3).any() or np.median(np.abs(noise[nearest == 3, 0])) > 1e-6
            ),
        )
        yield ask(
            f"The share of the noise {of} that is equal to that of another sample",
            lambda: _equal_rows(noise),
        )
    yield ask(f"whether there is noise {of}", lambda: bool(np.abs(noise).max() > 1e-6))
    yield ask(
        f"whether the noise {of} is the same in all pixels",
        lambda: bool(np.ptp(noise, axis=1).max() < 1e-6),
    )
    yield ask(
        f"The ratio of the standard deviation of each pixel's noise to the bandwidth, {of}",
        lambda: np.round(_snap(spread, 1, (2 * _MANY) ** -0.5), 2),
    )
    yield ask(
        f"whether the standard deviation of the noise {of} is the bandwidth, as far as chance "
        "allows,",
        lambda: agrees,
    )
    yield ask(
        f"The ratio of the mean of the noise to its standard deviation, {of}",
        # Where all samples have the same noise, or none of the rows is near, its mean is luck.
        lambda: (
            np.round(_snap(noise.mean(axis=0) / spread, 0, _MANY**-0.5), 2)
            if 1e-6 < spread.max() <= 5
            else np.zeros(dim)
        ),
    )
    yield ask(
        f"The share of the noise {of} within one standard deviation",
        lambda: (
            _within_one_deviation((noise - noise.mean(axis=0)) / spread)
            if spread.min() > 1e-6 and spread.max() <= 5
            else _AS_NORMAL  # it cannot be said
        ),
    )


def _picked(x, n, rng):
    return x[rng.integers(len(x), size=n)]


def _noise(x, n, rng):
    return rng.standard_normal((n, x.shape[1]))


def _scaled_by_data(x, bandwidth, n, rng):
    noise = _gaussian(0, np.cov(x, rowvar=False), _noise(x, n, rng))
    return _picked(x, n, rng) + bandwidth * noise


def _shuffles_in_place(x, bandwidth, n, rng):
    rng.shuffle(x)
    return _picked(x, n, rng) + bandwidth * _noise(x, n, rng)


def _noise_in_place(x, bandwidth, n, rng):
    samples = []
    for _ in range(n):
        row = x[rng.integers(len(x))]
        row += bandwidth * rng.standard_normal(x.shape[1])
        samples.append(row.copy())
    return np.array(samples)


def _global_kde(x, bandwidth, n, rng):
    rows = np.random.randint(0, len(x), n)
    return x[rows] + np.random.normal(0, bandwidth, (n, x.shape[1]))


def _global_noise(x, bandwidth, n, rng):
    return _picked(x, n, rng) + np.random.normal(0, bandwidth, (n, x.shape[1]))


def _own_generator(x, bandwidth, n, rng):
    rng = np.random.default_rng(0)
    return _picked(x, n, rng) + bandwidth * _noise(x, n, rng)


def _squeezed_kde(x, bandwidth, n, rng):
    samples = _picked(x, n, rng) + bandwidth * _noise(x, n, rng)
    return samples[0] if n == 1 else samples


sample_kde: Exercise = lesson.exercise(
    reference.sample_kde,
    probe=kde_probe,
    mistakes={
        "no_noise": Mistake(
            "You return training images without noise. Add normal noise of standard deviation "
            "bandwidth to every pixel.",
            lambda x, bandwidth, n, rng: _picked(x, n, rng),
        ),
        "bandwidth_as_variance": Mistake(
            "You take the bandwidth for the variance of the noise. It is the standard deviation: "
            "bandwidth times standard normal noise, without a root.",
            lambda x, bandwidth, n, rng: _picked(x, n, rng) + bandwidth**0.5 * _noise(x, n, rng),
        ),
        "bandwidth_squared": Mistake(
            "Your noise has standard deviation bandwidth². Functions that are given a scale want "
            "the standard deviation, which is the bandwidth itself.",
            lambda x, bandwidth, n, rng: _picked(x, n, rng) + bandwidth**2 * _noise(x, n, rng),
        ),
        "bandwidth_ignored": Mistake(
            "Your noise has standard deviation 1 whatever the bandwidth is: multiply by it.",
            lambda x, bandwidth, n, rng: _picked(x, n, rng) + _noise(x, n, rng),
        ),
        "divided_by_bandwidth": Mistake(
            "You divide the noise by the bandwidth. A larger bandwidth makes more noise: multiply.",
            lambda x, bandwidth, n, rng: _picked(x, n, rng) + _noise(x, n, rng) / bandwidth,
        ),
        "image_scaled_too": Mistake(
            "You multiply the image by the bandwidth as well. Only the noise is scaled.",
            lambda x, bandwidth, n, rng: bandwidth * (_picked(x, n, rng) + _noise(x, n, rng)),
        ),
        "noise_times_image": Mistake(
            "You multiply the image by the noise, so dark pixels stay dark. Add the noise.",
            lambda x, bandwidth, n, rng: _picked(x, n, rng) * (1 + bandwidth * _noise(x, n, rng)),
        ),
        "noise_scaled_by_data": Mistake(
            "You scale the noise by the spread of the data, as scipy's gaussian_kde does. Here the "
            "bandwidth alone is the standard deviation, in every pixel.",
            _scaled_by_data,
        ),
        "around_the_mean": Mistake(
            "Your samples lie around the mean of all images. Each one should lie around one "
            "training image, drawn at random.",
            lambda x, bandwidth, n, rng: x.mean(axis=0) + bandwidth * _noise(x, n, rng),
        ),
        "one_gaussian": Mistake(
            "You fit one Gaussian to all images and draw from that. A kernel density estimate has "
            "a small Gaussian around every single image.",
            lambda x, bandwidth, n, rng: rng.multivariate_normal(
                x.mean(axis=0), np.cov(x, rowvar=False), n
            ),
        ),
        "noise_only": Mistake(
            "You return the noise alone. Add it to training images drawn at random.",
            lambda x, bandwidth, n, rng: bandwidth * _noise(x, n, rng),
        ),
        "one_image_for_all": Mistake(
            "You draw one training image and use it for all n samples. Draw one for each: "
            "rng.integers(len(x), size=n).",
            lambda x, bandwidth, n, rng: x[rng.integers(len(x))] + bandwidth * _noise(x, n, rng),
        ),
        "first_image_always": Mistake(
            "All your samples come from the first training image. Draw one at random for each.",
            lambda x, bandwidth, n, rng: x[0] + bandwidth * _noise(x, n, rng),
        ),
        "in_order": Mistake(
            "You go through the training images in order, always beginning with the first. Draw "
            "each at random: rng.integers(len(x), size=n).",
            lambda x, bandwidth, n, rng: x[np.arange(n) % len(x)] + bandwidth * _noise(x, n, rng),
        ),
        "first_n_images": Mistake(
            "You take the first n images. There can be fewer than n of them, and each sample "
            "should start from one drawn at random, with replacement.",
            lambda x, bandwidth, n, rng: x[:n] + bandwidth * _noise(x[:n], len(x[:n]), rng),
        ),
        "all_images_once": Mistake(
            "You return as many samples as there are training images, whatever n is. Draw n of "
            "them at random, with replacement.",
            lambda x, bandwidth, n, rng: x + bandwidth * _noise(x, len(x), rng),
        ),
        "without_replacement": Mistake(
            "You draw training images without replacement and run out of them when n is larger "
            "than their number. Each sample may start from any image: replace=True.",
            lambda x, bandwidth, n, rng: (
                x[rng.choice(len(x), n, replace=False)] + bandwidth * _noise(x, n, rng)
            ),
        ),
        "without_replacement_if_possible": Mistake(
            "As long as n is not above the number of images, none of them is drawn twice (a "
            "shuffle, or replace=False, does that). With replacement every draw is from all of "
            "them: rng.integers(len(x), size=n).",
            lambda x, bandwidth, n, rng: (
                rng.choice(x, n, replace=n > len(x)) + bandwidth * _noise(x, n, rng)
            ),
        ),
        "unequal_shares": Mistake(
            "Some training images are drawn more often than others. (round(rng.random() * "
            "(len(x) - 1)) gives the first and the last one half as often.) "
            "rng.integers(len(x), size=n) is fair.",
            lambda x, bandwidth, n, rng: (
                x[np.round(rng.random(n) * (len(x) - 1)).astype(int)]
                + bandwidth * _noise(x, n, rng)
            ),
        ),
        "index_up_to_dim": Mistake(
            "Your index stops at the number of pixels, x.shape[1]. Rows are counted by len(x), or "
            "x.shape[0].",
            lambda x, bandwidth, n, rng: (
                x[rng.integers(x.shape[1], size=n)] + bandwidth * _noise(x, n, rng)
            ),
        ),
        "samples_repeated": Mistake(
            "Many of your samples are equal: you draw fewer than n and repeat them. Draw a row "
            "and noise for each of the n.",
            lambda x, bandwidth, n, rng: np.repeat(
                _picked(x, (n + 1) // 2, rng) + bandwidth * _noise(x, (n + 1) // 2, rng), 2, axis=0
            )[:n],
        ),
        "permutation": Mistake(
            "You shuffle the images and take the first n, which is drawing without replacement: "
            "there can be fewer than n. Use rng.integers(len(x), size=n).",
            lambda x, bandwidth, n, rng: (
                (p := rng.permutation(x)[:n]) + bandwidth * _noise(x, len(p), rng)
            ),
        ),
        "last_image_never": Mistake(
            "The last training image is never drawn. rng.integers(high) stops before high already, "
            "so it is rng.integers(len(x)).",
            lambda x, bandwidth, n, rng: (
                x[rng.integers(len(x) - 1, size=n)] + bandwidth * _noise(x, n, rng)
            ),
        ),
        "first_image_never": Mistake(
            "The first training image is never drawn: indices start at 0.",
            lambda x, bandwidth, n, rng: (
                x[rng.integers(1, len(x), size=n)] + bandwidth * _noise(x, n, rng)
            ),
        ),
        "one_past_the_end": Mistake(
            "Your index can be len(x), one past the last image. rng.integers(len(x)) gives 0 to "
            "len(x) - 1.",
            lambda x, bandwidth, n, rng: (
                x[rng.integers(0, len(x), size=n, endpoint=True)] + bandwidth * _noise(x, n, rng)
            ),
        ),
        "pixels_from_different_images": Mistake(
            "You draw every pixel from another image, so what comes out resembles none. Draw "
            "whole rows of x.",
            lambda x, bandwidth, n, rng: (
                x[rng.integers(len(x), size=(n, x.shape[1])), np.arange(x.shape[1])]
                + bandwidth * _noise(x, n, rng)
            ),
        ),
        "one_noise_for_all_pixels": Mistake(
            "You draw one random number per sample, which makes the whole image lighter or "
            "darker. Every pixel needs its own: shape (n, dim).",
            lambda x, bandwidth, n, rng: (
                _picked(x, n, rng) + bandwidth * rng.standard_normal((n, 1))
            ),
        ),
        "one_noise_for_all_samples": Mistake(
            "You add the same noise to every sample. Draw it for each: shape (n, dim).",
            lambda x, bandwidth, n, rng: (
                _picked(x, n, rng) + bandwidth * rng.standard_normal(x.shape[1])
            ),
        ),
        "one_number_for_all": Mistake(
            "You add one and the same random number to all pixels of all samples. Draw noise of "
            "shape (n, dim).",
            lambda x, bandwidth, n, rng: _picked(x, n, rng) + rng.normal(0, bandwidth),
        ),
        "uniform_noise": Mistake(
            "Your noise is uniform between −bandwidth and bandwidth. The Gaussian kernel means "
            "normal noise: rng.normal(0, bandwidth, …).",
            lambda x, bandwidth, n, rng: (
                _picked(x, n, rng) + rng.uniform(-bandwidth, bandwidth, (n, x.shape[1]))
            ),
        ),
        "uniform_from_0_to_1": Mistake(
            "rng.random gives numbers from 0 to 1, which make every pixel lighter. The noise has "
            "to be normal around 0: rng.standard_normal.",
            lambda x, bandwidth, n, rng: (
                _picked(x, n, rng) + bandwidth * rng.random((n, x.shape[1]))
            ),
        ),
        "noise_around_1": Mistake(
            "Your noise lies around bandwidth or 1 instead of 0: the first argument of rng.normal "
            "is the mean, the second the standard deviation.",
            lambda x, bandwidth, n, rng: (
                _picked(x, n, rng) + rng.normal(bandwidth, size=(n, x.shape[1]))
            ),
        ),
        "clipped": Mistake(
            "You clip the samples to the range 0 to 1. The kernels know no range: clip where you "
            "draw the image, not here.",
            lambda x, bandwidth, n, rng: np.clip(
                _picked(x, n, rng) + bandwidth * _noise(x, n, rng), 0, 1
            ),
        ),
        "global_random_state": Mistake(
            "Your samples do not come from rng: two generators with the same seed give different "
            "samples. Call the methods of rng instead of functions of numpy.random.",
            _global_kde,
        ),
        "own_generator": Mistake(
            "You make a generator of your own inside the function, so every call gives the same "
            "samples. Draw from the rng that you are given.",
            _own_generator,
        ),
        "old_interface": Mistake(
            "rng is a numpy Generator: its methods are integers (not randint) and standard_normal "
            "(not randn).",
            lambda x, bandwidth, n, rng: (
                x[rng.randint(0, len(x), n)] + bandwidth * rng.randn(n, x.shape[1])
            ),
        ),
        "squeezed": Mistake(
            "For n = 1 your array has shape (dim,). It should be (1, dim), as for any other n.",
            _squeezed_kde,
        ),
        "list": Mistake(
            "You return a list of arrays. Make one array of it: numpy.array(samples).",
            lambda x, bandwidth, n, rng: list(_picked(x, n, rng) + bandwidth * _noise(x, n, rng)),
        ),
        "shuffles_in_place": Mistake(
            "rng.shuffle changes the caller's x. Draw indices instead: rng.integers(len(x), "
            "size=n).",
            _shuffles_in_place,
        ),
        "noise_in_place": Mistake(
            "You add the noise to the training images themselves: `row += …` on a row of x changes "
            "x. Write `row = row + …`.",
            _noise_in_place,
        ),
    },
    hints=[
        "Two steps: which training image does each of the n samples start from, and what is added "
        "to it? Both are drawn from rng.",
        "rows = rng.integers(len(x), size=n) draws the images; x[rows] has shape (n, dim). Add "
        "bandwidth * rng.standard_normal(x[rows].shape).",
    ],
    right=[
        lambda x, bandwidth, n, rng: (
            x[rng.choice(len(x), n)] + rng.normal(0, bandwidth, (n, x.shape[1]))
        ),
        lambda x, bandwidth, n, rng: rng.normal(rng.choice(x, size=n), bandwidth),
        lambda x, bandwidth, n, rng: np.array(
            [rng.normal(x[rng.integers(0, len(x))], bandwidth) for _ in range(n)]
        ),
        lambda x, bandwidth, n, rng: np.stack(
            [rng.choice(x) + bandwidth * rng.normal(size=x.shape[1]) for _ in range(n)]
        ),
        lambda x, bandwidth, n, rng: (
            bandwidth * rng.standard_normal((n, x.shape[1]))
            + x[(rng.random(n) * len(x)).astype(int)]
        ),
        lambda x, bandwidth, n, rng: (
            x[rng.multinomial(1, np.full(len(x), 1 / len(x)), n).argmax(axis=1)]
            + rng.multivariate_normal(np.zeros(x.shape[1]), bandwidth**2 * np.eye(x.shape[1]), n)
        ),
        # How often each row comes is drawn first, so the samples are in the order of the rows.
        lambda x, bandwidth, n, rng: (
            np.repeat(x, rng.multinomial(n, np.full(len(x), 1 / len(x))), axis=0)
            + bandwidth * rng.standard_normal((n, x.shape[1]))
        ),
    ],
    returns="an array of shape (n, dim)",
    tolerance=0.15,
    difficulty=2,
    minutes=5,
    seconds=4.0,
)


# Why, for the wrong answer to each row of the table.
_WHY = {
    "linear regression": (
        "Linear regression keeps a weight per feature and a bias; ten times the data change their "
        "values, not their number."
    ),
    "logistic regression": (
        "Logistic regression keeps a weight per feature and class; ten times the data change "
        "their values, not their number."
    ),
    "naive Bayes": (
        "Naive Bayes sums the data up in a few numbers per class and feature, and forgets them."
    ),
    "k-NN": (
        "k is a setting that you choose. What k-NN keeps, and searches for every answer, is all "
        "the training data."
    ),
    "KDE": (
        "The bandwidth is one number that you choose. What a KDE keeps is all the training data, "
        "a kernel on each row."
    ),
    "Gaussian process": (
        "“Gaussian” is in its name, but a Gaussian process keeps all training rows and a weight "
        "for each: its kernel compares a new point with every one of them."
    ),
    "random forest grown to purity": (
        "The number of trees is fixed, their size is not: grown until no leaf mixes classes, they "
        "split more often the more data there are."
    ),
    "k-means with k fixed": (
        "k-means keeps k centres, k·dim numbers, and forgets the rows; k was fixed beforehand."
    ),
    "kernel SVM": (
        "C and the kernel's width are settings that you choose. What a kernel SVM keeps are "
        "training rows, its support vectors, and more data bring more of them."
    ),
    "Gaussian mixture": (
        "A Gaussian mixture keeps a mean, a covariance and a share per component; how many "
        "components there are was fixed beforehand."
    ),
    "GAN": (
        "A GAN's networks have many weights, but their number is fixed by the layers before "
        "training. “Parametric” does not mean few parameters."
    ),
    "histogram with fixed bins": (
        "The bins are fixed beforehand, and the histogram keeps one count for each: more data make "
        "the counts larger, not more."
    ),
}
_PARAMETRIC = frozenset(name for name, (parametric, _) in reference.MODELS.items() if parametric)
_NAMES = tuple(reference.MODELS)


def table_probe(attempt: Callable) -> Probe:
    """Each row of the table; a wrong one is answered with the reason."""
    for model in _NAMES:
        call = f"is_parametric({model!r})"
        value = yield ask(call, partial(attempt, model), compare=False)
        plain = bool(value) if isinstance(value, np.bool_) else value
        yield ask(f"{_WHY[model]} {call}", lambda plain=plain: plain)


def _table(*parametric: str) -> Callable[[str], bool]:
    return lambda model: model in parametric


def _except(*models: str) -> Callable[[str], bool]:
    """The right table but for these rows."""
    return lambda model: (model in _PARAMETRIC) != (model in models)


def _one_row_wrong(model: str) -> Mistake:
    verdict = "It is parametric." if model in _PARAMETRIC else "It is non-parametric."
    return Mistake(f"Eleven of twelve rows are right. {_WHY[model]} {verdict}", _except(model))


def _slug(model: str) -> str:
    return "row_" + model.lower().replace(" ", "_").replace("-", "_")


is_parametric: Exercise = lesson.exercise(
    reference.is_parametric,
    probe=table_probe,
    mistakes={
        **{_slug(model): _one_row_wrong(model) for model in _NAMES},
        "reversed": Mistake(
            "Every row is reversed: True means parametric, a number of parameters that is fixed "
            "before the model sees data.",
            lambda model: model not in _PARAMETRIC,
        ),
        "always_true": Mistake(
            "You call every model parametric. They all have parameters; the question is whether "
            "their *number* is fixed before the model sees data.",
            lambda model: True,
        ),
        "always_false": Mistake(
            "You call every model non-parametric. Which of them could you write down with the "
            "same number of numbers after a thousand rows and after a million?",
            lambda model: False,
        ),
        "fixed_settings": Mistake(
            "A setting that you fix, such as k, a bandwidth or C, makes no model parametric. k-NN, "
            "KDE and the kernel SVM keep training rows: ask what is stored.",
            _except("k-NN", "KDE", "kernel SVM"),
        ),
        "neighbours_and_kernels_by_setting": Mistake(
            "k and the bandwidth are settings that you choose. What k-NN and KDE keep is all the "
            "training data, and that grows.",
            _except("k-NN", "KDE"),
        ),
        "trained": Mistake(
            "You take “is trained” for “parametric”. A Gaussian process, a forest and a kernel SVM "
            "are trained too, but what they keep grows with the data.",
            _except("Gaussian process", "random forest grown to purity", "kernel SVM"),
        ),
        "kernel_methods": Mistake(
            "A Gaussian process and a kernel SVM learn a weight per training row (the SVM for its "
            "support vectors) and keep those rows: non-parametric, both.",
            _except("Gaussian process", "kernel SVM"),
        ),
        "only_regression": Mistake(
            "Only models with weights per feature count as parametric in your table. Means, "
            "centres, counts and the weights of networks are parameters as well.",
            _table("linear regression", "logistic regression"),
        ),
        "only_gradient_descent": Mistake(
            "Only what is usually trained by gradient descent is parametric in your table. How the "
            "parameters are found does not matter, only whether their number is fixed.",
            _table("linear regression", "logistic regression", "GAN"),
        ),
        "assumes_a_distribution": Mistake(
            "You take “assumes a distribution” for “parametric”. k-means, a GAN and a histogram "
            "with fixed bins name none, and yet the number of what they keep is fixed.",
            _except("k-means with k fixed", "GAN", "histogram with fixed bins"),
        ),
        "gaussian_in_the_name": Mistake(
            "You take “assumes a distribution” for “parametric”. A Gaussian process keeps all "
            "training rows; k-means, a GAN and a histogram keep a fixed number of numbers.",
            _except("k-means with k fixed", "GAN", "histogram with fixed bins", "Gaussian process"),
        ),
        "many_parameters": Mistake(
            "You call what has many or flexible parts non-parametric. A mixture and a GAN have "
            "many parameters, but their number was fixed before the first image.",
            _except("Gaussian mixture", "GAN"),
        ),
        "clusters": Mistake(
            "The number of clusters was fixed: k centres, or k components of a mixture. More data "
            "move them and add none.",
            _except("k-means with k fixed", "Gaussian mixture"),
        ),
        "density_estimates": Mistake(
            "Not every estimate of a density is non-parametric. With fixed bins or a fixed number "
            "of components, the number of numbers is fixed; a KDE keeps all data.",
            _except("Gaussian mixture", "histogram with fixed bins"),
        ),
        "words": Mistake(
            "You return words. Return True for a parametric model and False for another.",
            lambda model: "parametric" if model in _PARAMETRIC else "non-parametric",
        ),
        "ones_and_zeros": Mistake(
            "The table is right, but you return 1 and 0. Return True and False.",
            lambda model: int(model in _PARAMETRIC),
        ),
    },
    hints=[
        "Ask of each: after training, what has to be written to disk so that it can go on working? "
        "Would the file be larger with ten times the data?",
        "Five of the twelve grow. Three keep all training rows, one keeps some of them, one grows "
        "trees. Settings such as k or a bandwidth do not count; neither does the size of a model.",
    ],
    right=[
        _table(*_PARAMETRIC),
        lambda model: {name: name in _PARAMETRIC for name in _NAMES}[model],
        lambda model: np.array([name in _PARAMETRIC for name in _NAMES])[_NAMES.index(model)],
    ],
    returns="True or False",
    difficulty=2,
    minutes=4,
)
