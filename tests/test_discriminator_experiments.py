"""The experiments of lesson 05: they compare what they say and leave no trace."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.pytorch import discriminator_experiments as experiments
from helpers.pytorch.discriminator import Discriminator
from helpers.pytorch.threads import one_thread


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_each_rule_makes_one_pixel_of_four(number, height, width, seed):
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(number, 1, 2 * height, 2 * width, generator=draw)
    small = experiments.downsample(images)
    corners = [images[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    expected = {
        "their mean": sum(corners) / 4,
        "the lower right one": corners[3],
        "left minus right": (corners[0] - corners[1] + corners[2] - corners[3]) / 2,
        "the largest": torch.stack(corners).amax(0),
    }
    assert list(small) == list(expected)
    for name, pixels in small.items():
        torch.testing.assert_close(pixels, expected[name])


@pytest.mark.parametrize(
    ("layers", "each"),
    [
        (experiments.strided, 17),
        (experiments.pooled, 17),
        (experiments.pooled_and_mixed, 8 * 17 + 8 + 1),
    ],
)
def test_candidates_halve_the_size_and_their_outputs_share_nothing(layers, each):
    network = layers(3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 3 * each
    output = network(torch.randn(2, 1, 8, 8))
    assert output.shape == (2, 3, 4, 4)
    output[:, 1].sum().backward()
    for parameter in network.parameters():
        touched = parameter.grad.reshape(3, -1).abs().sum(1) > 0
        assert touched.tolist() == [False, True, False]


def test_the_verdicts_of_the_lesson():
    strided, network = experiments.learn_to_downsample(experiments.strided, seeds=2)
    pooled, _ = experiments.learn_to_downsample(experiments.pooled, seeds=2)
    assert list(strided) == [*experiments.RULES, "the largest"]
    assert all(share.shape == (2,) for share in strided.values())
    assert experiments.worst(strided) < 0.001 and strided["the largest"].min() > 0.4
    assert experiments.best(pooled) > 0.15 and pooled["the largest"].max() < 0.001
    # Outputs are sorted by rule, then by seed; the kernel's middle is the rule.
    for number, weights in enumerate(experiments.RULES.values()):
        for kernel in network.weight[2 * number : 2 * number + 2, 0].detach():
            np.testing.assert_allclose(kernel[1:3, 1:3], weights, atol=0.02)
            assert kernel[[0, 3]].abs().max() < 0.02 and kernel[:, [0, 3]].abs().max() < 0.02


def test_training_depends_on_nothing_outside_and_leaves_it_alone():
    runs = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before, threads = torch.get_rng_state(), torch.get_num_threads()
        runs.append(experiments.learn_to_downsample(experiments.pooled, seeds=1, steps=3)[0])
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.get_num_threads() == threads
    for name in runs[0]:
        np.testing.assert_array_equal(runs[0][name], runs[1][name])


def test_the_summaries_of_what_was_missed_leave_out_the_largest():
    missed = {name: np.array([0.1 * n, 0.2 * n]) for n, name in enumerate(experiments.RULES, 1)}
    missed["the largest"] = np.array([0.0, 9.0])
    assert experiments.best(missed) == pytest.approx(0.1)
    assert experiments.worst(missed) == pytest.approx(0.6)


def test_feature_maps_are_what_the_blocks_put_out_in_eval_mode():
    torch.manual_seed(0)
    network = Discriminator(4)
    images = torch.randn(5, 3, 32, 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    maps = experiments.feature_maps(network, images)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [each.shape[1:] for each in maps] == [(4, 16, 16), (8, 8, 8), (16, 4, 4)]
    with torch.no_grad():
        logits = network.eval()(images)
        torch.testing.assert_close(network.dense(maps[-1].flatten(1)), logits)
    features = experiments.features(network, images)
    assert features.shape == (5, (4 + 8 + 16) * 16)
    torch.testing.assert_close(features[:, -16 * 16 :], maps[-1].flatten(1))
    assert features[0, 0] == maps[0][0, 0, :4, :4].max()


def test_similarity_of_copies_and_of_noise():
    draw = torch.Generator().manual_seed(0)
    one = torch.randn(50, 1, 8, 8, generator=draw)
    assert experiments.similarity(torch.cat([one, -2 * one, one + 3], 1)) == pytest.approx(1)
    assert experiments.similarity(torch.randn(50, 6, 8, 8, generator=draw)) < 0.05
    dead = torch.cat([one, torch.zeros_like(one), -one], 1)  # says nothing: left out
    assert experiments.similarity(dead) == pytest.approx(1)


def test_a_linear_classifier_reads_what_is_linear_and_guesses_the_rest():
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(400, 30, generator=draw)
    labels = (inputs @ torch.randn(30, 4, generator=draw)).argmax(1)
    right = experiments.read_classes(inputs[:300], labels[:300], inputs[300:], labels[300:])
    assert right > 0.6
    shuffled = labels[torch.randperm(400, generator=draw)]
    guessed = experiments.read_classes(inputs[:300], shuffled[:300], inputs[300:], shuffled[300:])
    assert guessed < 0.45
    # Features are standardised: their size and place do not matter.
    moved = 100 * inputs - 7
    again = experiments.read_classes(moved[:300], labels[:300], moved[300:], labels[300:])
    assert again == pytest.approx(right, abs=0.02)


def test_one_thread_is_given_back_after_an_error():
    before = torch.get_num_threads()

    @one_thread()
    def fail():
        assert torch.get_num_threads() == 1
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before
    assert isinstance(experiments.pooled(1), nn.Module)
