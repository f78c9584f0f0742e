"""Differentiable augmentation: equal in both frameworks for equal numbers, with right gradients."""

import numpy as np
import pytest
import torch  # before TensorFlow, see helpers.keras
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.keras import augment as theirs
from helpers.keras import tf
from helpers.pytorch import augment as ours
from helpers.recipes import AUGMENTATIONS, DIFF_POLICY, NUMBERS

ALL = tuple(AUGMENTATIONS)
BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))


def batch(count=6, height=32, width=32, seed=0):
    random = np.random.default_rng(seed)
    images = random.uniform(-1, 1, (count, 3, height, width)).astype(np.float32)
    return images, random.uniform(0, 1, (count, NUMBERS)).astype(np.float32)


def in_torch(images, policy, numbers):
    return ours.diff_augment(torch.from_numpy(images), policy, torch.from_numpy(numbers)).numpy()


def in_keras(images, policy, numbers):
    found = theirs.diff_augment(images.transpose(0, 2, 3, 1), policy, tf.constant(numbers))
    return found.numpy().transpose(0, 3, 1, 2)


def by_hand(images, policy, numbers):
    """The same, image by image and pixel by pixel, by slicing."""
    results = []
    for image, u in zip(images.astype(np.float64), numbers, strict=True):
        _, height, width = image.shape
        for name in policy:
            if name == "color":
                image = image + (u[0] - 0.5)
                grey = image.mean(0)
                image = grey + 2 * u[1] * (image - grey)
                image = image.mean() + (u[2] + 0.5) * (image - image.mean())
                image = np.clip(image, -1, 1)
            elif name == "translation":
                tall, wide = height // 8, width // 8
                down = min(int(u[3] * (2 * tall + 1)), 2 * tall)
                right = min(int(u[4] * (2 * wide + 1)), 2 * wide)
                padded = np.pad(image, ((0, 0), (tall, tall), (wide, wide)))
                top, left = 2 * tall - down, 2 * wide - right
                image = padded[:, top : top + height, left : left + width]
            elif name == "cutout":
                row = min(int(u[5] * (height + 1)), height) - height // 4
                column = min(int(u[6] * (width + 1)), width) - width // 4
                image = image.copy()
                image[:, max(row, 0) : row + height // 2, max(column, 0) : column + width // 2] = 0
            elif u[7] < 0.5:
                image = image[:, :, ::-1]
        results.append(image)
    return np.stack(results)


@pytest.mark.parametrize("policy", [*[(name,) for name in ALL], DIFF_POLICY, ALL[::-1], ()])
def test_both_frameworks_do_what_the_words_say(policy):
    images, numbers = batch()
    expected = by_hand(images, policy, numbers)
    np.testing.assert_allclose(in_torch(images, policy, numbers), expected, atol=1e-5)
    np.testing.assert_allclose(in_keras(images, policy, numbers), expected, atol=1e-5)
    if policy:
        assert np.abs(expected - images).max() > 0.1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0, float(BELOW_ONE), width=32), min_size=NUMBERS, max_size=NUMBERS),
    st.sampled_from([(32, 32), (64, 64), (16, 24)]),
    st.permutations(ALL),
)
def test_any_numbers_down_to_0_and_up_to_just_below_1(row, size, policy):
    images, _ = batch(1, *size)
    numbers = np.array([row], np.float32)
    expected = by_hand(images, policy, numbers)
    np.testing.assert_allclose(in_torch(images, tuple(policy), numbers), expected, atol=1e-5)
    np.testing.assert_allclose(in_keras(images, tuple(policy), numbers), expected, atol=1e-5)


def test_a_shift_reaches_an_eighth_both_ways_and_each_as_often():
    images = np.zeros((9, 3, 32, 32), np.float32)
    images[:, :, 16, 16] = 1
    numbers = np.zeros((9, NUMBERS), np.float32)
    numbers[:, 3] = (np.arange(9) + 0.5) / 9
    numbers[:, 4] = BELOW_ONE
    moved = in_torch(images, ("translation",), numbers)
    places = np.argwhere(moved[:, 0])
    assert places[:, 1].tolist() == list(range(12, 21))
    assert set(places[:, 2]) == {20}


def test_a_hole_is_a_quarter_of_the_image_where_the_border_does_not_cut_it():
    images, numbers = batch(200, seed=1)
    holes = (in_torch(images, ("cutout",), numbers) == 0).all(1)
    sizes = holes.sum((1, 2))
    assert sizes.max() == 16 * 16
    assert sizes.min() < 12 * 16
    middle = (np.abs(numbers[:, 5:7] - 0.5) < 0.2).all(1)
    assert (sizes[middle] == 16 * 16).all()


def test_grey_stays_grey_without_saturation_and_brightness_is_added():
    images = np.full((1, 3, 8, 8), 0.25, np.float32)
    numbers = np.full((1, NUMBERS), 0.5, np.float32)
    numbers[0, :3] = 0.7, 0, 0.9
    np.testing.assert_allclose(in_torch(images, ("color",), numbers), 0.45, atol=1e-6)
    images, numbers = batch(4)
    numbers[:, 1] = 0
    found = in_torch(images, ("color",), numbers)
    assert np.ptp(found, axis=1).max() < 1e-6  # no colour is left


def test_range_shape_and_type_are_kept_and_the_images_too():
    images, numbers = batch(20)
    images[:10] = np.sign(images[:10])  # at the very ends of the range
    before = images.copy()
    found, twin = in_torch(images, ALL, numbers), in_keras(images, ALL, numbers)
    for augmented in (found, twin):
        assert augmented.shape == images.shape and augmented.dtype == np.float32
        assert augmented.min() >= -1 and augmented.max() <= 1
    assert np.array_equal(images, before)


@pytest.mark.parametrize("policy", [*[(name,) for name in ALL], DIFF_POLICY])
def test_gradients_are_those_of_finite_differences(policy):
    images, numbers = batch(2, 8, 8)
    x = torch.from_numpy(images * 0.3).double().requires_grad_()  # far from the range's ends
    u = torch.from_numpy(numbers).double()
    assert torch.autograd.gradcheck(lambda x: ours.diff_augment(x, policy, u), (x,))


@pytest.mark.parametrize("policy", [*[(name,) for name in ALL], DIFF_POLICY])
def test_gradients_are_the_same_in_both_frameworks(policy):
    images, numbers = batch()
    weights = np.random.default_rng(2).normal(size=images.shape).astype(np.float32)
    x = torch.from_numpy(images).requires_grad_()
    augmented = ours.diff_augment(x, policy, torch.from_numpy(numbers))
    (augmented * torch.from_numpy(weights)).sum().backward()
    with tf.GradientTape() as tape:
        twin = tf.constant(images.transpose(0, 2, 3, 1))
        tape.watch(twin)
        augmented = theirs.diff_augment(twin, policy, tf.constant(numbers))
        total = tf.reduce_sum(augmented * weights.transpose(0, 2, 3, 1))
    gradient = tape.gradient(total, twin).numpy().transpose(0, 3, 1, 2)
    np.testing.assert_allclose(x.grad.numpy(), gradient, atol=1e-4)
    assert (np.abs(gradient).sum((1, 2, 3)) > 0).all()  # every image gets one


@pytest.mark.parametrize("policy", [(name,) for name in ALL])
def test_every_image_has_its_own_numbers_and_every_call_draws_anew(policy):
    image, _ = batch(1)
    images = np.repeat(image, 40, axis=0)
    torch.manual_seed(0)
    torch_calls = [ours.diff_augment(torch.from_numpy(images), policy).numpy() for _ in range(2)]
    graph = tf.function(lambda x: theirs.diff_augment(x, policy))
    tf.random.set_seed(0)
    keras_calls = [graph(tf.constant(images.transpose(0, 2, 3, 1))).numpy() for _ in range(2)]
    for first, second in (torch_calls, keras_calls):
        assert not np.array_equal(first, second)
        different = len({augmented.tobytes() for augmented in first})
        assert different == 2 if policy == ("flip",) else different > 20


def test_a_graph_computes_what_it_computes_eagerly_also_for_any_number_of_images():
    images, numbers = batch()
    images = images.transpose(0, 2, 3, 1)
    eager = theirs.diff_augment(images, ALL, numbers)
    graph = tf.function(
        lambda x, u: theirs.diff_augment(x, ALL, u),
        input_signature=[tf.TensorSpec((None, 32, 32, 3)), tf.TensorSpec((None, NUMBERS))],
    )
    for count in (6, 2):
        found = graph(tf.constant(images[:count]), tf.constant(numbers[:count]))
        np.testing.assert_allclose(found.numpy(), eager.numpy()[:count], atol=1e-6)


def test_channels_last_memory_changes_nothing():
    images, numbers = batch()
    x = torch.from_numpy(images)
    plain = ours.diff_augment(x, ALL, torch.from_numpy(numbers))
    other = ours.diff_augment(
        x.contiguous(memory_format=torch.channels_last), ALL, torch.from_numpy(numbers)
    )
    torch.testing.assert_close(plain, other)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"policy": ("colour",)}, "'colour'"),
        ({"policy": "color"}, "a tuple of names"),
        ({"policy": ("flip", "flip")}, "comes once"),
        ({"numbers": np.zeros((5, NUMBERS), np.float32)}, r"\(6, 8\)"),
        ({"numbers": np.zeros((1, NUMBERS), np.float32)}, "has its own"),
        ({"numbers": np.zeros((6, 7), np.float32)}, r"\(6, 8\)"),
        ({"images": np.zeros((6, 4, 4, 4), np.float32)}, "images have shape"),
        ({"images": np.zeros((3, 4, 4), np.float32)}, "images have shape"),
    ],
)
def test_arguments_that_make_no_sense(change, says):
    images, numbers = batch()
    given = {"images": images, "policy": DIFF_POLICY, "numbers": numbers, **change}
    with pytest.raises(ValueError, match=says):
        ours.diff_augment(
            torch.from_numpy(given["images"]), given["policy"], torch.from_numpy(given["numbers"])
        )
    if given["images"].ndim == 4:
        given["images"] = given["images"].transpose(0, 2, 3, 1)
    with pytest.raises(ValueError, match=says):
        theirs.diff_augment(tf.constant(given["images"]), given["policy"], given["numbers"])
