"""The experiments of lesson 06."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.data import load_images
from helpers.pytorch import generator_experiments as experiments
from helpers.pytorch.discriminator import build_discriminator
from helpers.pytorch.generator import build_generator
from helpers.pytorch.losses import generator_loss, saturating_generator_loss


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_images_are_those_of_eval_mode_and_the_mode_stays():
    generator = build_generator(conv_dim=2).train()
    generator.blocks.eval()
    z = torch.randn(3, 100)
    images = experiments.images_of(generator, z)
    assert generator.training and not generator.blocks.training
    assert images.dtype == np.uint8 and images.shape == (3, 3, 32, 32)
    expected = (generator.eval()(z) + 1) * 127.5
    assert np.abs(images - expected.detach().numpy()).max() <= 0.51
    assert np.array_equal(experiments.images_of(generator, z.double().numpy()), images)


def test_gradient_norm_is_the_length_of_all_gradients_together():
    network = nn.Linear(2, 1)
    x = torch.tensor([[3.0, 4.0]])
    loss = network(x).sum()
    for _ in range(2):  # the graph is kept
        assert experiments.gradient_norm(network, loss) == pytest.approx((9 + 16 + 1) ** 0.5)
    assert network.weight.grad is None


def alone(**options):
    generator, discriminator = build_generator(10, 2), build_discriminator(8)
    before = [p.detach().clone() for p in (*generator.parameters(), *discriminator.parameters())]
    images, _ = load_images("street_digits", "train", 40)
    losses = {"saturating": saturating_generator_loss, "non-saturating": generator_loss}
    seen = experiments.discriminator_alone(
        generator, discriminator, images, losses, latent_dim=10, batch_size=8, **options
    )
    after = [*generator.parameters(), *discriminator.parameters()]
    moved = [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    count = len(list(generator.parameters()))
    return seen, moved[:count], moved[count:]


def test_only_the_discriminator_learns():
    seen, generator_moved, discriminator_moved = alone(steps=4, look_every=2)
    assert not any(generator_moved) and all(discriminator_moved)
    assert seen.steps == [0, 2, 4] and len(seen.logits) == 3
    assert {len(norms) for norms in seen.norms.values()} == {3}


def test_the_saturating_gradient_fades_and_the_other_does_not():
    seen, _, _ = alone(steps=80, look_every=80)
    assert seen.logits[-1] < -2 < seen.logits[0]
    saturating, other = (seen.norms[name] for name in ("saturating", "non-saturating"))
    assert saturating[0] == pytest.approx(other[0], rel=0.5)  # logits near 0: both D and 1 - D are
    assert saturating[-1] < saturating[0] / 2
    assert other[-1] > 5 * saturating[-1]


@pytest.mark.parametrize("options", [{"steps": -1}, {"look_every": 0}, {"batch_size": 50}])
def test_impossible_settings_are_refused(options):
    arguments = {"losses": {}, "latent_dim": 10, "images": np.zeros((40, 3, 32, 32), np.uint8)}
    with pytest.raises(ValueError, match="give"):
        experiments.discriminator_alone(
            build_generator(10, 1), build_discriminator(1), **arguments | options
        )


def test_checkerboards_stand_out():
    noise = np.random.default_rng(0).integers(0, 256, (300, 3, 32, 32))
    assert 0.5 < experiments.checkerboard(noise) < 2
    rows, columns = np.indices((32, 32))
    board = 30 * (-1) ** (rows + columns)
    assert experiments.checkerboard(noise + board) > 20
    assert experiments.checkerboard((noise + board).mean(axis=1)) > 20
    stripes = 30 * (-1) ** rows  # fine in one direction only: not this frequency
    assert experiments.checkerboard(noise + stripes) < 2


def test_real_images_have_no_checkerboard():
    images, _ = load_images("street_digits", "test", 300)
    assert experiments.checkerboard(images) < 1.5


@pytest.mark.parametrize("shape", [(4, 3, 14, 32), (4, 3, 32, 31), (3, 32)])
def test_checkerboards_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="even sizes"):
        experiments.checkerboard(np.zeros(shape))


def test_set_deviation_changes_weights_and_nothing_else():
    network = build_generator()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    experiments.set_deviation(network, 0.3)
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            assert parameter.std().item() == pytest.approx(0.3, rel=0.1)
        else:
            assert torch.equal(parameter, before[name])
