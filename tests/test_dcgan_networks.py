"""The course's DCGAN in PyTorch: shapes, sizes, the paper's rules, and the losses on logits."""

import copy
import math

import pytest
import torch
from torch import nn

from helpers.pytorch.discriminator import (
    Discriminator,
    build_discriminator,
    conv_block,
    gap_discriminator,
)
from helpers.pytorch.generator import Generator, build_generator, deconv_block, init_weights
from helpers.pytorch.losses import (
    fake_loss,
    generator_loss,
    real_loss,
    saturating_generator_loss,
)

NO_DEVICE = pytest.mark.skip(reason="this machine has no such device")
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=[] if torch.cuda.is_available() else NO_DEVICE),
    pytest.param("mps", marks=[] if torch.backends.mps.is_available() else NO_DEVICE),
]


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def train_step(generator, discriminator, real, z):
    """The two losses' gradients, added up in both networks; returns the losses."""
    fake = generator(z)
    d_loss = real_loss(discriminator(real), smooth=True) + fake_loss(discriminator(fake.detach()))
    g_loss = generator_loss(discriminator(fake))
    (d_loss + g_loss).backward()
    return d_loss, g_loss


@pytest.mark.parametrize(
    ("latent_dim", "conv_dim", "batch", "image_size"),
    [(100, 32, 5, 32), (7, 3, 2, 32), (7, 3, 2, 64), (7, 2, 3, 128)],
)
def test_shapes(latent_dim, conv_dim, batch, image_size):
    generator = Generator(latent_dim, conv_dim, image_size=image_size)
    images = generator(torch.randn(batch, latent_dim))
    assert images.shape == (batch, 3, image_size, image_size)
    assert Discriminator(conv_dim, image_size)(images).shape == (batch, 1)


@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_every_size_goes_down_to_4_x_4_with_twice_the_channels_per_block(image_size):
    generator, discriminator = Generator(5, 2, image_size=image_size), Discriminator(2, image_size)
    maps, sizes = torch.zeros(1, 3, image_size, image_size), []
    for block in discriminator.blocks:
        maps = block.eval()(maps)
        sizes.append(maps.shape[1:])
    channels = [2 * 2**block for block in range(len(sizes))]
    assert [size[0] for size in sizes] == channels and sizes[-1][1:] == (4, 4)
    norms = [m.num_features for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms == channels[::-1]


def test_the_paper_s_own_size():
    """64 x 64 from 1024 maps of 4 x 4, in four transposed convolutions."""
    with torch.device("meta"):
        generator = Generator(100, 128, image_size=64)
    convolutions = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [m.in_channels for m in convolutions] == [1024, 512, 256, 128]


def test_blocks_halve_and_double():
    x = torch.randn(2, 3, 12, 10)
    assert conv_block(3, 5)(x).shape == (2, 5, 6, 5)
    assert deconv_block(3, 5)(x).shape == (2, 5, 24, 20)
    slopes = conv_block(3, 5, batch_norm=False)
    with torch.no_grad():
        before = slopes[0](x)
        torch.testing.assert_close(slopes(x), torch.where(before > 0, before, 0.2 * before))
        assert deconv_block(3, 5)(x).min() == 0


def test_a_seed_draws_the_layers_in_order():
    """Recorded results say which seed they began with; the sequence of draws is part of them."""
    torch.manual_seed(3)
    g, d = Generator(5, 2), Discriminator(2)
    torch.manual_seed(3)
    by_hand = [
        nn.Linear(5, 128, bias=False),
        nn.ConvTranspose2d(8, 4, 4, bias=False),
        nn.ConvTranspose2d(4, 2, 4, bias=False),
        nn.ConvTranspose2d(2, 3, 4),
        nn.Conv2d(3, 2, 4, bias=False),
        nn.Conv2d(2, 4, 4, bias=False),
        nn.Conv2d(4, 8, 4, bias=False),
        nn.Linear(128, 1),
    ]
    ours = [g.dense, g.blocks[0][0], g.blocks[1][0], g.to_image]
    ours += [d.blocks[0][0], d.blocks[1][0], d.blocks[2][0], d.dense]
    for layer, expected in zip(ours, by_hand, strict=True):
        assert torch.equal(layer.weight, expected.weight)


@pytest.mark.parametrize("device", DEVICES)
def test_trains_on_every_device_in_both_memory_formats(device):
    torch.manual_seed(0)
    generator, discriminator = build_generator(8, 4), build_discriminator(4)
    real, z = torch.rand(6, 3, 32, 32) * 2 - 1, torch.randn(6, 8)
    there = [copy.deepcopy(network) for network in (generator, discriminator)]
    losses = train_step(generator, discriminator, real, z)
    for network in there:
        network.to(device, memory_format=torch.channels_last)
    real = real.to(device, memory_format=torch.channels_last)
    found = train_step(*there, real, z.to(device))
    for value, expected in zip(found, losses, strict=True):
        assert float(value.detach()) == pytest.approx(float(expected.detach()), rel=1e-3)
    for network, expected in zip(there, (generator, discriminator), strict=True):
        for parameter, other in zip(network.parameters(), expected.parameters(), strict=True):
            torch.testing.assert_close(parameter.grad.cpu(), other.grad, rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("device", DEVICES[:2])
def test_autocast_trains_float32_weights_by_float32_losses(device):
    torch.manual_seed(0)
    generator, discriminator = (
        n.to(device) for n in (build_generator(8, 4), build_discriminator(4))
    )
    real, z = torch.rand(6, 3, 32, 32, device=device) * 2 - 1, torch.randn(6, 8, device=device)
    with torch.no_grad():
        expected = real_loss(discriminator(real), smooth=True)
    with torch.autocast(device, dtype=torch.bfloat16):
        images = generator(z)
        assert images.dtype == discriminator(images).dtype == torch.bfloat16
        losses = train_step(generator, discriminator, real, z)
        again = real_loss(discriminator(real), smooth=True)
    assert all(loss.dtype == torch.float32 for loss in losses)
    assert float(again.detach()) == pytest.approx(float(expected), abs=0.02)
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        assert parameter.dtype == parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all() and parameter.grad.any()


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


@pytest.mark.parametrize(("image_size", "width"), [(32, 128), (64, 256)])
def test_global_average_pooling_takes_the_mean_of_each_last_map(image_size, width):
    discriminator = gap_discriminator(image_size=image_size).eval()
    # One weight per map instead of one per place in it.
    assert parameters(Discriminator(32, image_size)) - parameters(discriminator) == 15 * width
    images = torch.rand(3, 3, image_size, image_size) * 2 - 1
    maps = discriminator.blocks(images)
    weights, bias = discriminator.dense.weight, discriminator.dense.bias
    expected = (maps * weights.view(1, width, 1, 1)).sum((1, 2, 3), keepdim=True)[..., 0, 0] / 16
    torch.testing.assert_close(discriminator(images), expected + bias)


def test_the_gap_discriminator_of_the_course_has_165_889_parameters():
    discriminator = gap_discriminator()
    assert parameters(discriminator) == 165_889
    norms = [m.num_features for m in discriminator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms == [64, 128]
    assert not discriminator.dense.bias.any()  # the paper's first weights
    assert 0.015 < discriminator.dense.weight.std() < 0.025


def test_without_normalisation_hidden_layers_have_a_bias():
    generator, discriminator = Generator(5, 4, batch_norm=False), Discriminator(4, batch_norm=False)
    for network in (generator, discriminator):
        assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
    has_bias = [
        [m.bias is not None for m in network.modules() if isinstance(m, kinds)]
        for network in (generator, discriminator)
    ]
    assert has_bias == [[True] * 4, [False, True, True, True]]  # the input layer is as it was


def test_without_normalisation_an_image_does_not_depend_on_its_batch():
    torch.manual_seed(0)
    generator, discriminator = (
        build_generator(5, 4, batch_norm=False),
        build_discriminator(4, batch_norm=False),
    )
    z = torch.randn(6, 5)
    torch.testing.assert_close(generator(z)[:2], generator(z[:2]))
    images = generator(z).detach()
    torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))
    assert not torch.allclose(build_generator(5, 4)(z)[:2], build_generator(5, 4)(z[:2]))


@pytest.mark.parametrize(
    ("batch_norm", "head"), [(True, "dense"), (False, "dense"), (True, "gap"), (False, "gap")]
)
def test_gradients_reach_every_parameter(batch_norm, head):
    generator = Generator(8, 4, batch_norm=batch_norm)
    discriminator = Discriminator(4, batch_norm=batch_norm, head=head)
    generator_loss(discriminator(generator(torch.randn(3, 8)))).backward()
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        assert parameter.grad is not None and parameter.grad.isfinite().all()
    # A bias before batch normalisation would have no effect; there is none to be without one.
    assert (generator.dense.bias is None) == batch_norm


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


def test_building_is_making_and_initialising():
    for build, make, sizes in (
        (build_generator, Generator, (5, 2, "sigmoid", 64)),
        (build_discriminator, Discriminator, (2, 64)),
    ):
        torch.manual_seed(0)
        built = build(*sizes)
        torch.manual_seed(0)
        expected = make(*sizes).apply(init_weights)
        for name, value in expected.state_dict().items():
            assert torch.equal(built.state_dict()[name], value), name
    assert type(build_generator(5, 2, "sigmoid").activation) is nn.Sigmoid


@pytest.mark.parametrize(
    "make",
    [
        lambda: Generator(0),
        lambda: Generator(conv_dim=0),
        lambda: Generator(last_activation="softmax"),
        lambda: Discriminator(0),
        lambda: Discriminator(head="mean"),
        lambda: gap_discriminator(0),
    ],
)
def test_impossible_networks_say_so(make):
    with pytest.raises(ValueError, match="not"):
        make()


@pytest.mark.parametrize("image_size", [0, 4, 16, 28, 48, 63, 65, 256, 32.5, "32", None, (32, 32)])
def test_other_image_sizes_are_refused_with_those_that_work(image_size):
    for make in (Discriminator, Generator, build_discriminator, build_generator):
        with pytest.raises(ValueError, match="image_size is 32, 64 or 128, not ") as caught:
            make(image_size=image_size)
        assert str(image_size) in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (2, 32, 32, 3), (3, 32, 32), (2, 1, 32, 32)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"made for \(N, 3, 32, 32\)") as caught:
        Discriminator(2)(torch.zeros(shape))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(5,), (2, 6), (2, 5, 1, 1)])
def test_noise_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"made for \(N, 5\)"):
        Generator(5, 2)(torch.zeros(shape))


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


@pytest.mark.parametrize("loss", [real_loss, fake_loss, generator_loss, saturating_generator_loss])
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


def test_the_saturating_loss_pulls_the_same_way_and_its_gradient_vanishes():
    logits = torch.tensor([-5.0, 0.0, 5.0], requires_grad=True)
    (3 * saturating_generator_loss(logits)).backward()
    torch.testing.assert_close(logits.grad, -torch.sigmoid(logits.detach()))
    assert float(saturating_generator_loss(logits).detach()) < 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_of_half_precision_are_computed_in_float32(dtype):
    logits = torch.tensor([0.5, -3.0, 2.0], dtype=dtype)
    for loss in (fake_loss, generator_loss, real_loss, lambda x: real_loss(x, smooth=True)):
        assert torch.equal(loss(logits), loss(logits.float()))
