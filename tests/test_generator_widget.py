"""The latent walk without a browser: pure functions, and controls from Python."""

import base64
import io
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from helpers import latent_space
from helpers.widgets import generator_view as view
from helpers.widgets.generator import LatentWalk

DIM = 6


class Painter(nn.Module):
    """A generator whose pixels are z: the first 3 numbers in the left half, the rest right."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(DIM, affine=False)

    def forward(self, z):
        assert not self.training and not torch.is_grad_enabled()
        halves = torch.tanh(z / 4).reshape(-1, 2, 3)
        return halves.repeat_interleave(4, dim=1).transpose(1, 2)[:, :, None].repeat(1, 1, 8, 1)


@pytest.fixture
def walker():
    return LatentWalk(Painter().train(), DIM)


def text(html):
    """What a reader sees of an HTML widget."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.value))


def pictures(html):
    """The images in an HTML widget by their text alternatives, as arrays (H, W, 3)."""
    found = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)"', html.value)
    return {alt: np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for alt, data in found}


def painted(z):
    """The painter's image of z as a browser shows it."""
    halves = np.rint((np.tanh(np.asarray(z) / 4) + 1) * 127.5).reshape(2, 3)
    return halves.repeat(4, axis=0)[None].repeat(8, axis=0)


def near(image, z):
    return image.shape == (8, 8, 3) and np.abs(image - painted(z)).max() <= 1


@given(st.integers(1, 4), st.integers(1, 4))
def test_a_mosaic_has_every_image_in_its_place(rows, columns):
    images = np.random.default_rng(0).integers(0, 256, (rows * columns, 3, 2, 5), dtype=np.uint8)
    whole = view.mosaic(images, columns)
    assert whole.shape == (3, 2 * rows, 5 * columns)
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        tile = whole[:, 2 * row : 2 * row + 2, 5 * column : 5 * column + 5]
        assert np.array_equal(tile, image)


def test_a_png_is_the_image():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 7), dtype=np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(view.png(image))))
    assert np.array_equal(decoded, image.transpose(1, 2, 0))
    assert 'width="14" height="8"' in view.picture(image, "a <b>", 14)
    assert 'alt="a &lt;b&gt;"' in view.picture(image, "a <b>", 14)


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 3))
def test_places_lie_in_the_plane(x, y, factor):
    start, directions = np.arange(4.0), np.eye(4)[:2]
    z = view.plane(start, directions, [(x, y), (0, 0)], factor)
    np.testing.assert_allclose(z[0], [factor * x, factor * (1 + y), 2 * factor, 3 * factor])
    np.testing.assert_allclose(z[1], factor * start)


def test_the_map_grows_to_the_right_and_upwards():
    places = view.map_places()
    assert places[0] == (-10, 10) and places[1] == (-5, 10) and places[-1] == (10, -10)
    middle = view.map_html("", (0, 0))
    corner = view.map_html("", (10, 10))
    assert "left:112.0px;top:112.0px" in middle
    assert "left:224.0px;top:0.0px" in corner and "You are at 10, 10" in corner


@pytest.mark.parametrize(
    ("length", "usual", "words"),
    [(10, True, "as random"), (7, None, "shorter"), (13, None, "longer")],
)
def test_lengths_in_words(length, usual, words):
    good, sentence = view.length_verdict(length, 100)
    assert good is usual and words in sentence
    assert "98 of 100 are 8.4 to 11.7 long" in sentence


@pytest.mark.parametrize(("value", "words"), [(-0.5, "−0.5"), (3.0, "3"), (-0.01, "0")])
def test_numbers_in_words(value, words):
    assert view.signed(value) == words


def test_the_curve_says_what_it_shows():
    ways = [0, 0.5, 1]
    drawn = view.length_svg(ways, [10, 7.1, 10], [10, 10, 10], 0.25, 100)
    assert "in the middle, on the arc 10.0" in drawn and "is 7.1" in drawn
    line_points, arc_points = (
        [float(pair.split(",")[1]) for pair in points.split()]
        for points in re.findall(r'points="([^"]*)"', drawn)[::-1]
    )
    assert line_points[1] > arc_points[1] == arc_points[0]  # lower on the page is shorter


def test_the_image_is_that_of_z(walker):
    walk = walker.walk
    (image,) = pictures(walk.image).values()
    assert near(image, walk.z) and np.array_equal(walk.z, walk.start)
    walk.first.value, walk.second.value, walk.factor.value = 4.5, -7.0, 0.5
    z = 0.5 * (walk.start + 4.5 * walk.directions[0] - 7 * walk.directions[1])
    np.testing.assert_allclose(walk.z, z)
    (image,) = pictures(walk.image).values()
    assert near(image, z)
    assert f"length of z {np.linalg.norm(z):.1f}" in text(walk.image)
    assert f"contrast {image.std():.0f} grey" in text(walk.image)


def test_the_map_shows_the_plane_and_where_you_are(walker):
    walk = walker.walk
    (whole,) = pictures(walk.map).values()
    assert whole.shape == (40, 40, 3)
    assert near(whole[16:24, 16:24], walk.start)
    assert near(whole[:8, 32:], walk.start + 10 * walk.directions.sum(0))
    walk.first.value = 5
    assert "You are at 5, 0" in walk.map.value
    assert np.array_equal(next(iter(pictures(walk.map).values())), whole)
    walk.factor.value = 2
    assert near(next(iter(pictures(walk.map).values()))[16:24, 16:24], 2 * walk.start)


def test_buttons_of_the_walk(walker):
    walk = walker.walk
    start, directions = walk.start, walk.directions
    walk.first.value, walk.factor.value = 3, 2
    walk.back.click()
    assert (walk.first.value, walk.second.value, walk.factor.value) == (0, 0, 1)
    assert near(next(iter(pictures(walk.image).values())), start)
    walk.new_directions.click()
    assert np.array_equal(walk.start, start) and not np.allclose(walk.directions, directions)
    walk.new_start.click()
    assert not np.allclose(walk.start, start)
    assert near(next(iter(pictures(walk.image).values())), walk.start)
    assert near(next(iter(pictures(walk.map).values()))[16:24, 16:24], walk.start)


def test_a_z_of_zeros_explains_itself(walker):
    walker.walk.factor.value = 0
    assert "z is 0.0 long, shorter than almost all" in text(walker.walk.result)
    assert "✓" not in text(walker.walk.result)
    walker.walk.back.click()
    assert "✓" in text(walker.walk.result)


def test_both_ways_show_what_lies_on_them(walker):
    between = walker.between
    between.start.value, between.end.value, between.t.value = 3, 5, 0.25
    a, b = between.vectors[2], between.vectors[4]
    found = pictures(between.rows)
    for name, way in (
        ("Straight line", latent_space.interpolate_linear),
        ("Arc", latent_space.interpolate_spherical),
    ):
        for share in view.WAY_STEPS:
            assert near(found[f"{name}, {share:.0%} of the way"], way(a, b, share))
        here = [image for alt, image in found.items() if alt.startswith(f"{name} at 0.25")]
        assert len(here) == 1 and near(here[0], way(a, b, 0.25))
        assert f"{np.linalg.norm(way(a, b, 0.5)):.1f}" in text(between.rows)
    choice = pictures(between.choice)
    assert near(choice["Image 3"], a) and near(choice["Image 8"], between.vectors[7])
    assert "3 from" in text(between.choice) and "5 to" in text(between.choice)
    degrees = np.degrees(latent_space.angle(a, b))
    assert f"angle of {degrees:.0f}°" in text(between.result)


def test_new_images_and_the_same_image_twice(walker):
    between = walker.between
    before = between.vectors
    between.new_images.click()
    assert not np.allclose(before, between.vectors)
    assert near(pictures(between.choice)["Image 1"], between.vectors[0])
    between.end.value = 1
    assert "choose two" in text(between.result)
    assert near(pictures(between.rows)["Arc, 50% of the way"], between.vectors[0])


def test_it_leaves_the_generator_in_its_mode():
    generator = Painter().train()
    generator.norm.eval()
    LatentWalk(generator, DIM)
    assert generator.training and not generator.norm.training


def test_a_failure_is_shown_and_forgotten(walker, monkeypatch):
    monkeypatch.setattr(view, "contrast", lambda image: 1 / 0)
    for tab, slider, value in ((walker.walk, "first", 1), (walker.between, "t", 0.2)):
        getattr(tab, slider).value = value
        shown = " ".join(text(html) for html in tab._shown)
        assert "itself failed: ZeroDivisionError" in shown
    monkeypatch.undo()
    walker.walk.first.value = 2
    assert "itself failed" not in text(walker.walk.result)


def test_repr_is_a_sentence_and_follows_the_controls(walker):
    length = np.linalg.norm(walker.walk.start)
    assert repr(walker) == (
        f"Latent walk: z is {length:.1f} long. Run this cell to move the sliders."
    )
    walker.walk.factor.value = 0
    assert "z is 0.0 long" in repr(walker)


def test_every_control_has_a_label(walker):
    for tab in (walker.walk, walker.between):
        for box in tab.children[:2]:
            assert all(control.description for control in box.children)


def test_without_a_generator_it_takes_the_courses_own():
    walker = LatentWalk()
    (image,) = pictures(walker.walk.image).values()
    assert image.shape == (32, 32, 3) and image.std() > 5


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.widgets.generator\n"
        "print([m for m in ('torch', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
