"""The course's DCGAN in PyTorch: shapes, sizes, the paper's rules, and the losses on logits."""

import math

import pytest
import torch
from torch import nn

from helpers.pytorch.discriminator import Discriminator
from helpers.pytorch.generator import Generator, init_weights
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("latent_dim", "conv_dim", "batch"), [(100, 32, 5), (7, 3, 2)])
def test_shapes(latent_dim, conv_dim, batch):
    images = Generator(latent_dim, conv_dim)(torch.randn(batch, latent_dim))
    assert images.shape == (batch, 3, 32, 32)
    assert Discriminator(conv_dim)(images).shape == (batch, 1)


def test_parameter_counts():
    assert parameters(Discriminator()) == 167_809
    blocks = 128 * 64 * 16 + 64 * 32 * 16 + 2 * (128 + 64 + 32)
    assert parameters(Generator()) == 100 * 2048 + blocks + 32 * 3 * 16 + 3


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("tanh", -1, 1), ("sigmoid", 0, 1), ("linear", -9e9, 9e9)]
)
def test_last_activation_sets_the_range(activation, low, high):
    torch.manual_seed(0)
    generator = Generator(4, 2, activation)
    nn.init.normal_(generator.to_image.weight, 0, 30)
    images = generator(torch.randn(8, 4))
    assert low <= images.min() and images.max() <= high
    reach = images.max() - images.min()
    assert reach > (10 if activation == "linear" else 0.99 * (high - low))


def test_normalisation_and_bias_where_the_paper_has_them():
    generator, discriminator = Generator(), Discriminator()
    norms = [m.num_features for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms == [128, 64, 32]  # not on the images
    norms = [m.num_features for m in discriminator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms == [64, 128]  # not on the input layer
    assert not any(isinstance(m, nn.Sigmoid) for m in discriminator.modules())
    slopes = {m.negative_slope for m in discriminator.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2}


def test_gradients_reach_every_parameter():
    generator, discriminator = Generator(8, 4), Discriminator(4)
    generator_loss(discriminator(generator(torch.randn(3, 8)))).backward()
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        assert parameter.grad is not None and parameter.grad.isfinite().all()
    # A bias before batch normalisation would have no effect; there is none to be without one.
    assert generator.dense.bias is None


def test_init_weights():
    torch.manual_seed(0)
    network = nn.Sequential(Generator(), Discriminator())
    network.apply(init_weights)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert abs(module.weight.mean() - 1) < 0.01 and 0.01 < module.weight.std() < 0.03
            assert not module.bias.any()
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert abs(module.weight.mean()) < 0.002 and 0.018 < module.weight.std() < 0.022
            assert module.bias is None or not module.bias.any()
    nn.BatchNorm2d(3, affine=False).apply(init_weights)  # nothing to set, no error


@pytest.mark.parametrize(
    "make",
    [
        lambda: Generator(0),
        lambda: Generator(conv_dim=0),
        lambda: Generator(last_activation="softmax"),
        lambda: Discriminator(0),
    ],
)
def test_impossible_networks_say_so(make):
    with pytest.raises(ValueError, match="not"):
        make()


def test_losses_on_known_logits():
    real, fake = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-2.0, 1.0, 3.0])
    assert float(real_loss(real) + fake_loss(fake)) == pytest.approx(2.1343, abs=1e-4)
    assert float(generator_loss(fake)) == pytest.approx(0.8296, abs=1e-4)


def test_label_smoothing_is_one_sided():
    logits = torch.tensor([[0.3], [4.0]])
    expected = 0.9 * real_loss(logits) + 0.1 * fake_loss(logits)
    assert float(real_loss(logits, smooth=True)) == pytest.approx(float(expected))
    best = torch.tensor([math.log(9.0)], requires_grad=True)  # sigmoid of it is 0.9
    real_loss(best, smooth=True).backward()
    assert abs(best.grad.item()) < 1e-6


@pytest.mark.parametrize("loss", [real_loss, fake_loss, generator_loss])
def test_losses_are_finite_far_out_and_for_a_batch_of_one(loss):
    for value in (-200.0, 200.0):
        logits = torch.tensor([[value]], requires_grad=True)
        result = loss(logits)
        result.backward()
        assert result.isfinite() and result.shape == () and logits.grad.isfinite().all()


def test_the_generator_s_gradient_does_not_vanish_where_it_loses():
    logits = torch.tensor([-5.0], requires_grad=True)
    generator_loss(logits).backward()
    assert abs(logits.grad.item()) > 0.5
