"""Images of house numbers: drawn by a program, or the real SVHN.

    from helpers.data import load_images

    images, labels = load_images()  # street digits: here at once, offline, on every machine
    images, labels = load_images("svhn", "train")  # downloads 182 MB once

Both sources give the same: uint8 images of shape (N, 3, 32, 32), RGB, and int64 labels of shape
(N,) where label 0 is the digit 0.
"""

from operator import index
from typing import Literal

import numpy as np

__all__ = ["SPLITS", "load_images"]

#: Images in each split of SVHN (Netzer et al. 2011); street digits have as many.
SPLITS = {"train": 73_257, "test": 26_032, "extra": 531_131}


def load_images(
    source: Literal["street_digits", "svhn"] = "street_digits",
    split: Literal["train", "test", "extra"] = "train",
    count: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels: ``images, labels = load_images("street_digits", count=1000)``.

    The first ``count`` images do not depend on ``count``: whoever asks for 100 gets the first 100
    that somebody else gets who asks for 10,000 with the same seed.

    Parameters
    ----------
    source : "street_digits" (drawn, offline) or "svhn" (real; downloaded once to ``data/svhn``,
        182, 64 or 1,329 MB for train, test and extra; non-commercial use only).
    split : "train", "test" or "extra". Splits have no image in common.
    count : number of images, by default all of the split: 73,257, 26,032 or 531,131.
    seed : which images. For "svhn" it shuffles the split.

    Returns
    -------
    images : uint8 array of shape (count, 3, 32, 32), values 0 to 255, channels red, green, blue.
    labels : int64 array of shape (count,), the digits 0 to 9.

    Raises
    ------
    TypeError
        For a count or seed that is no whole number.
    ValueError
        For an unknown source or split, a negative seed, or a count below 1 or above the split.
    helpers.data.svhn.DownloadError
        If SVHN is not on disk and cannot be fetched.

    Source: Netzer et al. 2011, "Reading digits in natural images with unsupervised feature
    learning" (http://ufldl.stanford.edu/housenumbers).
    """
    if source not in ("street_digits", "svhn"):
        raise ValueError(f'source is "street_digits" or "svhn", not {source!r}.')
    if split not in SPLITS:
        raise ValueError(f'split is "train", "test" or "extra", not {split!r}.')
    count, seed = SPLITS[split] if count is None else index(count), index(seed)
    if not 1 <= count <= SPLITS[split]:
        raise ValueError(f"count is 1 to {SPLITS[split]:,} for the {split} split, not {count}.")
    if seed < 0:
        raise ValueError(f"seed is 0 or more, not {seed}.")
    if source == "street_digits":
        from helpers.data import street_digits

        return street_digits.draw(split, count, seed)
    from helpers.data import svhn

    return svhn.read(split, count, seed)
