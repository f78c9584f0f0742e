"""The arithmetic of lesson 02, on arrays and on tensors."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers import pixel_scaling
from helpers.pixel_scaling import (
    condition_number,
    matching_activation,
    nearest_reachable,
    out_of_reach,
    patches,
    scale,
    scale_uint8,
    second_moments,
    standardise,
    to_display,
    unscale_to_uint8,
)

UNIT = st.floats(0, 1, width=32)
ALL_BYTES = np.arange(256, dtype=np.uint8)


def kinds(x):
    """The same numbers as array and as tensor."""
    return x, torch.from_numpy(x)


@given(arrays.arrays(np.float32, (3, 2), elements=UNIT), st.integers(-9, 9), st.integers(1, 9))
def test_scale_is_the_line_through_both_ends(x, low, width):
    before = x.copy()
    for same_x in kinds(x):
        result = np.asarray(scale(same_x, (low, low + width)))
        assert np.all(result >= low - 1e-5) and np.all(result <= low + width + 1e-5)
        np.testing.assert_allclose((result - low) / width, x, atol=1e-5)
    assert np.array_equal(x, before)


@given(arrays.arrays(np.float32, 5, elements=UNIT))
def test_method_1_and_method_2_are_one_map(x):
    np.testing.assert_allclose(scale(x, (-1, 1)), 2 * x - 1, atol=1e-6)


def test_bytes_there_and_back_are_unchanged():
    for images in kinds(ALL_BYTES):
        x = scale_uint8(images)
        assert str(x.dtype).endswith("float32") and type(x) is type(images)
        assert (float(x.min()), float(x.max())) == (-1, 1)
        back = unscale_to_uint8(x)
        assert str(back.dtype).endswith("uint8") and type(back) is type(images)
        assert np.array_equal(np.asarray(back), ALL_BYTES)


@given(arrays.arrays(np.float32, 4, elements=st.floats(-1000, 1000, width=32)))
def test_unscale_takes_the_nearest_byte_and_never_wraps_round(x):
    results = [np.asarray(unscale_to_uint8(same_x)).astype(float) for same_x in kinds(x)]
    ideal = np.clip((x.astype(float) + 1) * 127.5, 0, 255)
    for result in results:
        assert np.abs(result - ideal).max() <= 0.5 + 1e-3


@given(st.floats(-3, 3, allow_nan=False), st.floats(0, 4, allow_nan=False), st.sampled_from([0, 1]))
def test_matching_activation_is_the_narrowest_that_reaches_all(low, width, snap):
    low = round(low) if snap else low
    high = low + width
    chosen = matching_activation(low, high)
    ends = np.array([low, high])
    assert out_of_reach(ends, chosen) == 0
    names = list(pixel_scaling.ACTIVATION_RANGES)
    for narrower in names[: names.index(chosen)]:
        assert out_of_reach(ends, narrower) > 0


@pytest.mark.parametrize(
    ("low", "high", "name"),
    [(0, 1, "sigmoid"), (-1, 1, "tanh"), (0, 255, "relu"), (-2.2, 2.6, "linear")],
)
def test_matching_activation_of_the_usual_ranges(low, high, name):
    assert matching_activation(low, high) == name


def test_to_display_puts_each_number_where_imshow_reads_it():
    x = np.linspace(-1, 1, 3 * 2 * 4, dtype=np.float32).reshape(3, 2, 4)
    for same_x in kinds(x):
        shown = np.asarray(to_display(same_x))
        assert shown.shape == (2, 4, 3)
        for channel, row, column in np.ndindex(3, 2, 4):
            expected = (x[channel, row, column] + 1) / 2
            assert shown[row, column, channel] == pytest.approx(expected)
    assert to_display(x + 5).max() == 1  # cut off rather than refused by imshow


def test_standardise():
    rng = np.random.default_rng(0)
    images = rng.uniform(0.2, 0.7, (6, 3, 4, 4)) * np.array([1, 2, 3]).reshape(3, 1, 1)
    x = standardise(images)
    np.testing.assert_allclose(x.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(x.std((0, 2, 3)), 1)


def test_patches_are_what_a_convolution_reads():
    rng = np.random.default_rng(1)
    images = rng.normal(size=(2, 3, 8, 6)).astype(np.float32)
    layer = torch.nn.Conv2d(3, 1, 4, stride=2, bias=False)
    with torch.no_grad():
        expected = layer(torch.from_numpy(images)).flatten().numpy()
        weights = layer.weight.flatten().numpy()
    np.testing.assert_allclose(patches(images) @ weights, expected, atol=1e-5)


@given(st.floats(0.1, 10))
def test_condition_number_of_a_known_matrix(factor):
    # Two inputs, independent, with mean m and deviation 1: eigenvalues 1 and 1 + 2 m**2.
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=float)
    for mean in (0.0, 3.0):
        eigenvalues = second_moments(factor * (signs + mean))
        np.testing.assert_allclose(eigenvalues / factor**2, [1 + 2 * mean**2, 1])
        assert condition_number(eigenvalues) == pytest.approx(1 + 2 * mean**2)


def test_condition_number_without_a_smallest_eigenvalue_is_infinite():
    assert condition_number(np.array([2.0, 0.0])) == np.inf


def test_reach():
    x = np.array([-1, -0.5, 0, 0.25, 1])
    assert out_of_reach(x, "sigmoid") == 0.4
    assert out_of_reach(x, "tanh") == 0
    assert nearest_reachable(x, "sigmoid").tolist() == [0, 0, 0, 0.25, 1]


@pytest.mark.parametrize(
    "call",
    [
        lambda: scale(0.5, (1, 1)),
        lambda: scale_uint8(np.zeros(2)),
        lambda: scale_uint8(torch.zeros(2)),
        lambda: matching_activation(1, 0),
        lambda: standardise(np.ones((2, 3, 4, 4))),
        lambda: patches(np.ones((1, 3, 3, 8))),
        lambda: out_of_reach(np.ones(2), "softmax"),
    ],
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ValueError):
        call()


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.pixel_scaling\n"
        "print([m for m in ('torch', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
