"""Straight lines and arcs through latent space."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers import latent_space as latent

NUMBERS = st.floats(-50, 50).map(lambda value: round(value, 3))
T = st.floats(0, 1)


@st.composite
def pairs(draw):
    """Two vectors that have directions, not opposite ones."""
    dim = draw(st.integers(2, 8))
    vectors = [np.array(draw(st.lists(NUMBERS, min_size=dim, max_size=dim))) for _ in range(2)]
    assume(all(np.abs(vector).max() > 0.01 for vector in vectors))
    assume(latent.angle(*vectors) < 3.1)
    return vectors


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_norm_is_the_root_of_the_sum_of_squares(numbers):
    assert latent.norm(numbers) == pytest.approx(math.sqrt(sum(v * v for v in numbers)), abs=1e-12)


def test_norm_of_many_of_none_and_of_huge_vectors():
    assert latent.norm([[3.0, 4.0], [0.0, 0.0]]).tolist() == [5.0, 0.0]
    assert latent.norm(np.empty((0, 4))).shape == (0,)
    assert latent.norm([3e300, 4e300]) == pytest.approx(5e300)
    assert latent.norm([3e-300, 4e-300]) == pytest.approx(5e-300)


@given(pairs(), T)
def test_both_ways_begin_and_end_where_they_should(vectors, t):
    start, end = vectors
    for way in (latent.interpolate_linear, latent.interpolate_spherical):
        np.testing.assert_allclose(way(start, end, [0, 1]), [start, end], atol=1e-9)
        np.testing.assert_allclose(way(start, end, t), way(end, start, 1 - t), atol=1e-7)
        np.testing.assert_allclose(way(start, end, [t])[0], way(start, end, t), atol=1e-12)


@given(pairs(), T)
def test_the_arc_turns_evenly_and_its_length_changes_evenly(vectors, t):
    start, end = vectors
    point = latent.interpolate_spherical(start, end, t)
    expected = (1 - t) * latent.norm(start) + t * latent.norm(end)
    assert latent.norm(point) == pytest.approx(expected, rel=1e-6)
    assert latent.angle(start, point) == pytest.approx(t * latent.angle(start, end), abs=1e-5)


@given(pairs(), T, st.floats(0.1, 10))
def test_the_line_is_straight_and_never_longer_than_the_arc(vectors, t, factor):
    start, end = vectors
    point = latent.interpolate_linear(start, end, t)
    np.testing.assert_allclose(point - start, t * (end - start), atol=1e-9)
    arc = latent.interpolate_spherical(start, end, t)
    assert latent.norm(point) <= latent.norm(arc) * (1 + 1e-9) + 1e-9
    scaled = latent.interpolate_spherical(factor * start, factor * end, t)
    np.testing.assert_allclose(scaled, factor * arc, rtol=1e-6, atol=1e-6)


@given(pairs())
def test_the_angle_is_that_of_the_cosine(vectors):
    a, b = (vector / np.linalg.norm(vector) for vector in vectors)
    assert math.cos(latent.angle(*vectors)) == pytest.approx(float(a @ b), abs=1e-9)


def test_small_angles_keep_their_digits():
    assert latent.angle([1, 0], [1, 1e-9]) == pytest.approx(1e-9, rel=1e-6)
    assert latent.angle([0, 2], [0, 5]) == 0
    assert latent.angle([1, 0], [-3, 0]) == pytest.approx(math.pi)


def test_a_quarter_circle():
    arc = latent.interpolate_spherical([2, 0], [0, 2], [0, 1 / 3, 0.5])
    np.testing.assert_allclose(arc, [[2, 0], [3**0.5, 1], [2**0.5, 2**0.5]], atol=1e-12)
    line = latent.interpolate_linear([2, 0], [0, 2], 0.5)
    assert line.tolist() == [1, 1]


def test_vectors_in_one_direction_make_a_straight_arc():
    arc = latent.interpolate_spherical([1, 1], [3, 3], [0, 0.25, 1])
    np.testing.assert_allclose(arc, [[1, 1], [1.5, 1.5], [3, 3]])


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ([0, 0], [1, 0], "points nowhere"),
        ([1, 0], [-2, 0], "opposite"),
        ([1, 0], [1, 0, 0], r"\(2,\) and \(3,\)"),
        ([[1, 0]], [[0, 1]], r"give \(dim,\) twice"),
    ],
)
def test_what_has_no_arc_is_refused(start, end, words):
    with pytest.raises(ValueError, match=words):
        latent.interpolate_spherical(start, end, 0.5)


@given(st.integers(1, 12), st.data())
def test_directions_are_at_right_angles_and_of_length_1(dim, data):
    count = data.draw(st.integers(1, dim))
    found = latent.random_directions(dim, count, np.random.default_rng(dim))
    np.testing.assert_allclose(found @ found.T, np.eye(count), atol=1e-9)


def test_directions_favour_no_sign():
    rng = np.random.default_rng(0)
    firsts = [latent.random_directions(3, 2, rng)[0] for _ in range(400)]
    assert np.abs(np.mean(firsts, axis=0)).max() < 0.15


@pytest.mark.parametrize("count", [0, 4])
def test_more_directions_than_dimensions_are_refused(count):
    with pytest.raises(ValueError, match=f"{count} directions"):
        latent.random_directions(3, count, np.random.default_rng(0))


def test_random_vectors_lie_in_a_thin_shell_and_almost_at_right_angles():
    z = np.random.default_rng(0).standard_normal((2000, 100))
    lengths = latent.norm(z)
    assert 9.9 < lengths.mean() < 10.1 and 0.65 < lengths.std() < 0.75
    middles = latent.norm((z[::2] + z[1::2]) / 2)
    assert 7 < middles.mean() < 7.2 and middles.max() < lengths.mean()


@pytest.mark.parametrize("dim", [1, 2, 16, 100])
def test_the_range_of_lengths_holds_as_many_as_it_says(dim):
    lengths = latent.norm(np.random.default_rng(dim).standard_normal((20_000, dim)))
    low, high = latent.norm_range(dim, 0.9)
    assert (lengths < low).mean() == pytest.approx(0.05, abs=0.01)
    assert (lengths > high).mean() == pytest.approx(0.05, abs=0.01)
    wider = latent.norm_range(dim)
    assert wider[0] < low < high < wider[1]


@pytest.mark.parametrize(("dim", "share"), [(0, 0.5), (3, 0.0), (3, 1.0)])
def test_no_range_of_lengths(dim, share):
    with pytest.raises(ValueError, match=f"not {dim} and {share}"):
        latent.norm_range(dim, share)


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.latent_space\n"
        "print([m for m in ('torch', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
