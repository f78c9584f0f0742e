"""What the kernel-density explorer says and draws."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from helpers import parametric_models as models
from helpers.widgets import parametric_models_view as view


@pytest.fixture(scope="module")
def kde():
    from sklearn.datasets import load_digits

    return view.Kde(load_digits().data[:300] / 16)


def test_counts_end_with_all_images(kde):
    assert kde.counts == (20, 50, 100, 200, 300)
    with pytest.raises(ValueError, match="give 20 or more"):
        view.Kde(np.zeros((19, 4)))


def test_numbers_are_those_of_the_reference(kde):
    for count, bandwidth in [(20, 0.01), (100, 0.13), (300, 1.0)]:
        numbers = kde.numbers(count, bandwidth)
        some = kde.x[:count]
        (right,) = models.kde_log_likelihood(some, [bandwidth])
        assert numbers.log_likelihood == pytest.approx(right, rel=1e-5)
        assert numbers.stored == count * 64 + 1
        curve = models.kde_log_likelihood(some, view.BANDWIDTHS)
        assert numbers.best_bandwidth == view.BANDWIDTHS[curve.argmax()]
        nearest = [np.sort(np.linalg.norm(some - row, axis=1))[1] for row in some]
        assert numbers.real_distance == pytest.approx(np.mean(nearest), rel=1e-5)


def test_samples_come_from_the_first_n_and_keep_their_noise(kde):
    narrow, wide = kde.draw(50, 0.01, seed=3), kde.draw(50, 0.02, seed=3)
    assert narrow.samples.shape == narrow.nearest.shape == (view.SHOWN, 64)
    for row in narrow.nearest:
        assert (kde.x[:50] == row).all(axis=1).any()
    np.testing.assert_allclose(wide.distances, 2 * narrow.distances)
    assert (kde.draw(50, 0.01, seed=4).samples != narrow.samples).any()


def test_verdict_names_both_sides(kde):
    numbers = kde.numbers(300, 0.13)
    assert view.verdict(numbers, 0.01).startswith("Too narrow")
    assert view.verdict(numbers, 1.0).startswith("Too wide")
    assert view.verdict(numbers, numbers.best_bandwidth).startswith("About right")


def test_strip_shows_the_pixels():
    images = np.array([[0, 1, 0.5, 2.0], [1, 1, 1, -1.0]])
    html = view.image_strip(images, "two <images>")
    assert 'alt="two &lt;images&gt;"' in html and "pixelated" in html
    code = re.search(r"base64,([^\"]+)", html)[1]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(code))))
    assert pixels.tolist() == [[0, 255, 128, 255, 255], [128, 255, 128, 255, 0]]


def test_curve_marks_the_bandwidth_and_says_so(kde):
    curve = kde.curve(300)
    best = int(curve.argmax())
    drawn = view.draw_curve(view.BANDWIDTHS, curve, best)
    assert f"highest at {view.BANDWIDTHS[best]:g}; now at {view.BANDWIDTHS[best]:g}." in drawn
    marker = re.search(r'<circle class="kde-marker" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    later = view.draw_curve(view.BANDWIDTHS, curve, best + 3)
    moved = re.search(r'<circle class="kde-marker" cx="([\d.]+)" cy="([\d.]+)"', later)
    assert float(moved[1]) > float(marker[1]) and float(moved[2]) > float(marker[2])


def test_a_point_below_the_picture_is_marked_at_its_edge(kde):
    drawn = view.draw_curve(view.BANDWIDTHS, kde.curve(300), 0)
    assert "<circle" not in drawn and '<path class="kde-marker"' in drawn
    assert "now at 0.01, far below the picture." in drawn


def test_signed():
    assert view.signed(-20476.01) == "−20,476.0" and view.signed(31.59) == "31.6"
