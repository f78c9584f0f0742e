"""The figures of lesson 06 show the numbers that PyTorch computes."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from helpers import plots

matplotlib.use("agg")


def texts(figure):
    found = [text.get_text() for ax in figure.axes for text in ax.texts]
    plt.close(figure)
    return found


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "padding"), [(3, 4, 2, 1), (2, 3, 2, 1), (2, 4, 3, 0)]
)
def test_zero_stuffing_ends_in_what_pytorch_computes(size, kernel_size, stride, padding):
    rng = np.random.default_rng(0)
    pixels, kernel = (rng.integers(0, 5, (side, side)) for side in (size, kernel_size))
    shown = texts(plots.draw_zero_stuffing(pixels, kernel, stride, padding, (0, 1)))
    x, weight = (torch.tensor(each)[None, None].double() for each in (pixels, kernel))
    expected = F.conv_transpose2d(x, weight, stride=stride, padding=padding)[0, 0].numpy()
    numbers = shown[shown.index("kernel, turned") + 1 : -1]
    assert [float(number) for number in numbers] == expected.ravel().tolist()
    assert shown[: size * size] == [str(pixel) for pixel in pixels.ravel()]


def test_phases_count_the_weights_that_a_flat_image_adds_up():
    shown = plots.draw_phases((3, 4, 5), "Weights")
    titles = [ax.get_title(loc="center") for ax in shown.axes]
    texts(shown)
    for size, title in zip((3, 4, 5), titles, strict=True):
        ones = torch.ones(1, 1, 8, 8), torch.ones(1, 1, size, size)
        sums = F.conv_transpose2d(*ones, stride=2)[0, 0, 6:8, 6:8].int().flatten().tolist()
        told = ", ".join(f"{name} {count}" for name, count in zip("ABCD", sums, strict=True))
        assert title == f"kernel {size}\n{told}"
