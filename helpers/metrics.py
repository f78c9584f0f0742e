"""How good are generated house numbers? Numbers to put beside the look of them.

    from helpers.metrics import judge

    print(judge(fake_images))

Two measures, both from one small classifier that was trained on street digits: a Fréchet distance
between its features of generated and of real images, and what digits it reads and how surely.
A distance means nothing alone, so it always comes with its floor: the distance between two sets
of *real* images of the same size. It is not "FID", which uses another network's features, and
values of the two cannot be compared.

Source: Heusel et al. 2017, "GANs trained by a two time-scale update rule converge to a local Nash
equilibrium", arXiv:1706.08500 (the distance); Dowson and Landau 1982, "The Fréchet distance
between multivariate normal distributions", doi:10.1016/0047-259X(82)90077-X (its formula).
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from helpers.data import load_images

#: A digit counts as read when the classifier gives it more than this probability.
CONFIDENT = 0.9


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the squared Fréchet distance between Gaussians fitted to two sets of features.

    ``|m1 - m2|² + trace(C1 + C2 - 2 (C1 C2)^½)`` with means m and covariances C (over n - 1).
    0 for equal sets. With few samples it is too large, so compare only values of the same n.

    Parameters
    ----------
    first : array of shape (n, d), one row of features per image.
    second : array of shape (m, d).

    Raises
    ------
    ValueError
        If one has fewer than two rows or a value that is not finite, or the widths differ.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            "Two sets of features are arrays of shape (images, features) with equally many "
            f"features, not {first.shape} and {second.shape}."
        )
    if min(len(first), len(second)) < 2:
        raise ValueError("A covariance needs at least two images in each set.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("Features must be finite; a NaN here comes from a NaN in the images.")
    (mean1, cov1), (mean2, cov2) = _moments(first), _moments(second)
    # The trace of (C1 C2)^½ is that of the symmetric (C1^½ C2 C1^½)^½, safe where C1 is singular.
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ cov2 @ root).clip(0)).sum()
    distance = np.sum((mean1 - mean2) ** 2) + np.trace(cov1) + np.trace(cov2) - 2 * overlap
    return max(0.0, float(distance))


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return features.mean(0), np.atleast_2d(np.cov(features, rowvar=False))


@dataclass(frozen=True)
class Judgement:
    """What `judge` says of a set of images.

    distance : Fréchet distance to as many real images, on the classifier's 64 features.
    floor : the same distance between two sets of real images; nothing real is much below it.
    confident : share of the images that the classifier reads with more than 0.9.
    shares : share of each digit 0 to 9 among what it reads, sure or not.
    count : number of images.
    """

    distance: float
    floor: float
    confident: float
    shares: tuple[float, ...]
    count: int

    def __str__(self) -> str:
        return (
            f"Fréchet distance {self.distance:.1f} on digit features "
            f"(two sets of {self.count:,} real images: {self.floor:.2f}); "
            f"{self.confident:.0%} read with confidence above {CONFIDENT}"
        )


def judge(images: np.ndarray, source: str = "street_digits") -> Judgement:
    """Compare images with as many real ones.

    Parameters
    ----------
    images : uint8 array of shape (N, 3, 32, 32), N from 2 to 13,016. With fewer than a few hundred
        the floor is so high that little stands out from it.
    source : what real means: "street_digits" or "svhn" (the test split).

    Raises
    ------
    TypeError
        If the images are not uint8.
    ValueError
        If they have another shape or number.
    """
    from helpers.pytorch.digit_classifier import run

    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise TypeError(
            f"Images for the judge are uint8, 0 to 255, not {images.dtype}; "
            "helpers.pixel_scaling.unscale_to_uint8 makes them from a tanh generator's output."
        )
    if images.ndim != 4 or images.shape[1:] != (3, 32, 32):
        raise ValueError(f"Images for the judge have shape (N, 3, 32, 32), not {images.shape}.")
    real, floor = _real(len(images), source)
    features, probabilities = run(_classifier(), images)
    read = np.bincount(probabilities.argmax(1), minlength=10) / len(images)
    return Judgement(
        distance=frechet_distance(features, real),
        floor=floor,
        confident=float((probabilities.max(1) > CONFIDENT).mean()),
        shares=tuple(read.tolist()),
        count=len(images),
    )


@cache
def _classifier():
    from helpers.pytorch.digit_classifier import load_classifier

    return load_classifier()


@lru_cache(maxsize=4)
def _real(count: int, source: str) -> tuple[np.ndarray, float]:
    """Return features of ``count`` real test images, and their distance to ``count`` others."""
    from helpers.data import SPLITS
    from helpers.pytorch.digit_classifier import run

    if not 2 <= count <= SPLITS["test"] // 2:
        raise ValueError(
            f"The judge compares 2 to {SPLITS['test'] // 2:,} images with as many real ones, "
            f"not {count:,}."
        )
    images, _ = load_images(source, "test", 2 * count)
    features, _ = run(_classifier(), images)
    return features[:count], frechet_distance(features[:count], features[count:])
