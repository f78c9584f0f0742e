"""Lesson 09's experiment finds what is there, nothing where nothing is, and leaves no trace."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from helpers.pytorch import nash_experiments as experiments
from helpers.pytorch.generator import build_generator


def noise(count, seed, lowest=0):
    """Images of independent pixels."""
    drawn = np.random.default_rng(seed).integers(lowest, 256, (count, 3, 32, 32))
    return drawn.astype(np.uint8)


def brightness(images):
    """A discriminator that is sure that what is brighter than middle grey is real."""
    return 100 * images.mean((1, 2, 3))[:, None]


def constant(images):
    return torch.zeros(len(images), 1)


def test_split_keeps_every_image_once():
    images = noise(7, 0)
    parts = experiments.split(images, 2)
    np.testing.assert_array_equal(np.concatenate([parts.training, parts.held_out]), images)
    assert len(parts.held_out) == 2
    for wrong in (0, 7, 8, -1):
        with pytest.raises(ValueError, match=f"held_out is {wrong} of 7"):
            experiments.split(images, wrong)


def test_draw_gives_bytes_in_eval_mode_and_leaves_the_generator_alone():
    torch.manual_seed(0)
    generator = build_generator(5, 2).train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    random_state = torch.get_rng_state()
    images = experiments.draw(generator, 205, seed=1)
    assert images.shape == (205, 3, 32, 32) and images.dtype == np.uint8
    assert generator.training
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    # In eval mode an image does not depend on the others of its batch, up to rounding.
    fewer = experiments.draw(generator, 3, seed=1).astype(int)
    assert abs(fewer - images[:3]).max() <= 1
    assert (experiments.draw(generator, 3, seed=2) != images[:3]).any()


def test_a_constant_discriminator_pays_two_ln_two_whatever_it_is_shown():
    loss, accuracy = experiments.loss_and_accuracy(constant, noise(5, 0), noise(3, 1, 200))
    assert loss == pytest.approx(experiments.SETTLED) == pytest.approx(math.log(4))
    assert accuracy == 0.5


def test_loss_and_accuracy_by_hand():
    bright, dark = np.full((2, 3, 32, 32), 255, np.uint8), np.zeros((6, 3, 32, 32), np.uint8)
    right = experiments.loss_and_accuracy(brightness, bright, dark)
    assert right == (pytest.approx(0, abs=1e-9), 1)
    wrong = experiments.loss_and_accuracy(brightness, dark, bright)
    assert wrong == (pytest.approx(200), 0)
    # Half of the reals are called fake, and all fakes are: three quarters are right, though the
    # fakes are three times as many as each half of the reals.
    half = np.concatenate([bright[:1], dark[:1]])
    assert experiments.loss_and_accuracy(brightness, half, dark) == (pytest.approx(50), 0.75)


@pytest.mark.parametrize("training", [True, False])
def test_measuring_is_in_eval_mode_and_changes_nothing(training):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(3072), nn.Linear(3072, 1))
    network.train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    reals, fakes = noise(600, 0), noise(600, 1, 100)
    measured = experiments.loss_and_accuracy(network, reals, fakes)
    assert network.training is training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    # By its statistics, mean 0 and variance 1, normalisation in eval mode does next to nothing.
    network[1] = nn.Identity()
    assert experiments.loss_and_accuracy(network, reals, fakes) == pytest.approx(measured, abs=1e-4)


@given(st.floats(0, 20))
def test_the_divergence_that_a_loss_shows_is_possible(loss):
    shown = experiments.divergence_shown(loss)
    assert 0 <= shown <= math.log(2)
    assert shown == 0 or 2 * math.log(2) - 2 * shown == pytest.approx(loss)


def test_no_discriminator_shows_more_than_there_is():
    # Images of one pixel value: 0 or 255, each kind with another frequency.
    from helpers.games import jensen_shannon

    values = np.zeros((100, 3, 32, 32), np.uint8)
    reals, fakes = values.copy(), values.copy()
    reals[:70], fakes[:20] = 255, 255
    there = jensen_shannon([0.3, 0.7], [0.8, 0.2])
    best = [math.log(0.3 / 0.8), math.log(0.7 / 0.2)]  # logit of p / (p + q)
    for sharper in (0.5, 1, 1.5):

        def discriminator(images, scale=sharper):
            bright = (images.mean((1, 2, 3)) > 0)[:, None]
            return scale * torch.where(bright, best[1], best[0])

        loss, _ = experiments.loss_and_accuracy(discriminator, reals, fakes)
        shown = experiments.divergence_shown(loss)
        assert shown == pytest.approx(there, abs=1e-6) if sharper == 1 else shown < there - 1e-3


def test_a_fresh_discriminator_finds_a_difference_and_finds_none_where_there_is_none():
    reals = experiments.split(noise(400, 0), 150)
    settings = {"steps": 25, "batch_size": 32, "look_every": 10, "conv_dim": 4}
    darker = experiments.split(noise(400, 1, 30), 150)
    network, looks = experiments.fresh_discriminator(reals, darker, **settings)
    assert looks.steps == [0, 10, 20, 25]
    assert looks.losses[-1] < 0.7 and looks.accuracies[-1] > 0.9
    assert looks.accuracies[0] < 0.9  # it had to learn it
    assert math.isnan(looks.training_losses[0]) and looks.training_losses[-1] < 0.7
    # What comes back is the network of the last look.
    again = experiments.loss_and_accuracy(network, reals.held_out, darker.held_out)
    assert again == pytest.approx((looks.losses[-1], looks.accuracies[-1]))
    alike = experiments.split(noise(400, 2), 150)
    _, looks = experiments.fresh_discriminator(reals, alike, **settings)
    assert min(looks.losses) > experiments.SETTLED - 0.03
    assert max(looks.accuracies) < 0.6


def test_a_run_depends_on_its_seed_and_on_nothing_else():
    reals, fakes = (experiments.split(noise(40, seed), 8) for seed in (0, 1))
    settings = {"steps": 3, "batch_size": 8, "look_every": 1, "conv_dim": 2}
    runs = []
    for outside, seed in ((0, 5), (1, 5), (0, 6)):
        torch.manual_seed(outside)
        before, threads = torch.get_rng_state(), torch.get_num_threads()
        runs.append(experiments.fresh_discriminator(reals, fakes, seed=seed, **settings))
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.get_num_threads() == threads
    assert runs[0][1].losses == runs[1][1].losses
    assert runs[0][1].losses != runs[2][1].losses
    network = runs[0][0]
    assert not network.training
    assert {each.momentum for each in network.modules() if isinstance(each, nn.BatchNorm2d)} == {
        0.1
    }


def test_statistics_are_those_of_both_kinds_under_the_present_weights():
    # After a long stride the running statistics of momentum 0.1 would still be the old ones.
    reals, fakes = (experiments.split(noise(72, seed, 100 * seed), 8) for seed in (0, 1))
    network, _ = experiments.fresh_discriminator(
        reals, fakes, steps=2, batch_size=32, look_every=1, conv_dim=2, learning_rate=0.05
    )
    both = np.concatenate([reals.training, fakes.training]).astype(np.float32) / 127.5 - 1
    with torch.no_grad():
        inner = network.blocks[1][0](network.blocks[0](torch.from_numpy(both)))
    norm = network.blocks[1][1]
    torch.testing.assert_close(norm.running_mean, inner.mean((0, 2, 3)), rtol=0.05, atol=0.05)
    torch.testing.assert_close(norm.running_var, inner.var((0, 2, 3)), rtol=0.1, atol=0.05)


def test_too_few_images_are_refused():
    few, enough = experiments.split(noise(10, 0), 4), experiments.split(noise(20, 0), 4)
    for pair, name in (((few, enough), "6 reals"), ((enough, few), "6 fakes")):
        with pytest.raises(ValueError, match=name):
            experiments.fresh_discriminator(*pair, batch_size=8)
