"""The same weights in PyTorch and Keras: equal images, logits, losses, gradients and steps.

And what ``helpers.parity`` refuses to copy.
"""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch  # before TensorFlow, see helpers.keras
from torch import nn

from helpers.keras import discriminator as keras_discriminator
from helpers.keras import generator as keras_generator
from helpers.keras import keras, tf
from helpers.keras import losses as keras_losses
from helpers.keras import training as keras_training
from helpers.parity import to_keras, to_torch
from helpers.pytorch import discriminator as torch_discriminator
from helpers.pytorch import generator as torch_generator
from helpers.pytorch import losses as torch_losses
from helpers.pytorch import training as torch_training
from helpers.recipes import RECIPES

layers = keras.layers
LATENT_DIM, CONV_DIM = 7, 3
LOSSES = ("real_loss", "fake_loss", "generator_loss", "saturating_generator_loss")


def scramble(network, seed=0):
    """Weights and statistics as after some training: none is left at 0 or 1, variances differ."""
    random = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if "running_var" in name:
            value.copy_(0.3 + torch.rand(value.shape, generator=random))
        elif value.is_floating_point():
            value.add_(0.1 * torch.randn(value.shape, generator=random))
    return network


def twins(image_size=32):
    """((generator, discriminator) in PyTorch, the same in Keras), with equal weights."""
    torch.manual_seed(0)
    ours = (
        torch_generator.build_generator(LATENT_DIM, CONV_DIM, image_size=image_size),
        torch_discriminator.build_discriminator(CONV_DIM, image_size),
    )
    theirs = (
        keras_generator.build_generator(LATENT_DIM, CONV_DIM, image_size=image_size),
        keras_discriminator.build_discriminator(CONV_DIM, image_size),
    )
    for network, twin in zip(ours, theirs, strict=True):
        to_keras(scramble(network), twin)
    return ours, theirs


def data(batch=6, image_size=32, seed=0):
    """Noise, and images with the channels last."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(batch, LATENT_DIM))
    real = rng.uniform(-1, 1, (batch, image_size, image_size, 3))
    return z.astype("float32"), real.astype("float32")


def in_torch(array):
    """Channels first, if they are images."""
    return torch.tensor(array.transpose(0, 3, 1, 2) if array.ndim == 4 else array)


def channels_last(tensor):
    return tensor.detach().permute(0, 2, 3, 1).numpy()


def close(value, expected, tolerance=1e-5):
    """To the tolerance relative to the largest number, or absolutely where that is below 1."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(value, expected, 0, tolerance * max(1, np.abs(expected).max()))


def equal_states(network, other):
    state = other.state_dict()
    assert network.state_dict().keys() == state.keys()
    return all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_equal_weights_give_equal_images_and_logits(image_size, training):
    ours, theirs = twins(image_size)
    z, real = data(4, image_size)
    for network in ours:
        network.train(training)
    images = ours[0](in_torch(z))
    close(theirs[0](tf.constant(z), training=training), channels_last(images))
    logits = ours[1](in_torch(real)).detach()
    assert logits.std() > 0.1  # numbers to compare, not zeros
    close(theirs[1](tf.constant(real), training=training), logits)


@pytest.mark.parametrize("name", ["no-batch-norm", "global-average-pooling"])
def test_other_recipes_build_twins_too(name):
    sizes = {"latent_dim": LATENT_DIM, "conv_dim": CONV_DIM}
    ours = torch_training.build_networks(RECIPES[name], **sizes)
    theirs = keras_training.build_networks(RECIPES[name], **sizes)
    for network, twin in zip(ours, theirs, strict=True):
        to_keras(scramble(network), twin)
    z, real = data(4)
    close(theirs[0](tf.constant(z), training=True), channels_last(ours[0](in_torch(z))))
    logits = ours[1](in_torch(real)).detach()
    assert logits.std() > 0.01
    close(theirs[1](tf.constant(real), training=True), logits)
    for network, twin in zip(ours, theirs, strict=True):
        other = copy.deepcopy(network)
        for value in other.parameters():
            torch.nn.init.zeros_(value)
        to_torch(twin, other)
        assert all(
            torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True)
        )


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients_are_equal(name):
    values = np.array([[-40.0], [-3.0], [-0.2], [0.0], [0.7], [5.0], [40.0]], np.float32)
    for options in ({}, {"smooth": True}) if name == "real_loss" else ({},):
        logits = torch.tensor(values, requires_grad=True)
        loss = getattr(torch_losses, name)(logits, **options)
        loss.backward()
        twin = tf.constant(values)
        with tf.GradientTape() as tape:
            tape.watch(twin)
            other = getattr(keras_losses, name)(twin, **options)
        close(other, loss.detach(), 1e-6)
        close(tape.gradient(other, twin), logits.grad, 1e-6)


def gradients_in_torch(networks, z, real, training=True):
    """The losses, and the gradients of the first by D's weights and of the second by G's."""
    generator, discriminator = (network.train(training) for network in networks)
    fake = generator(z)
    d_loss = torch_losses.real_loss(discriminator(real), smooth=True)
    d_loss = d_loss + torch_losses.fake_loss(discriminator(fake.detach()))
    g_loss = torch_losses.generator_loss(discriminator(fake))
    return (
        (d_loss, g_loss),
        torch.autograd.grad(g_loss, list(generator.parameters())),
        torch.autograd.grad(d_loss, list(discriminator.parameters())),
    )


def gradients_in_keras(networks, z, real, training=True):
    generator, discriminator = networks
    weights = [[w.value for w in network.trainable_weights] for network in networks]
    with tf.GradientTape(persistent=True) as tape:
        fake = generator(z, training=training)
        d_loss = keras_losses.real_loss(discriminator(real, training=training), smooth=True)
        d_loss += keras_losses.fake_loss(discriminator(tf.stop_gradient(fake), training=training))
        g_loss = keras_losses.generator_loss(discriminator(fake, training=training))
    return (d_loss, g_loss), tape.gradient(g_loss, weights[0]), tape.gradient(d_loss, weights[1])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("image_size", [32, 64])
def test_losses_and_gradients_of_the_game_are_equal(image_size, training):
    ours, theirs = twins(image_size)
    z, real = data(image_size=image_size)
    losses, *found = gradients_in_torch(ours, in_torch(z), in_torch(real), training)
    other_losses, *others = gradients_in_keras(theirs, tf.constant(z), tf.constant(real), training)
    for loss, other in zip(losses, other_losses, strict=True):
        close(other, loss.detach())
    for network, twin, gradients, twin_gradients in zip(ours, theirs, found, others, strict=True):
        # A gradient has its weight's layout, so it goes the weight's way through to_torch.
        for weight, gradient in zip(twin.trainable_weights, twin_gradients, strict=True):
            weight.assign(gradient)
        carrier = copy.deepcopy(network)
        to_torch(twin, carrier)
        for (name, carried), gradient in zip(carrier.named_parameters(), gradients, strict=True):
            assert gradient.any(), name
            close(carried.detach(), gradient)


class MatchedAdam(keras.optimizers.Adam):
    """Keras' Adam with PyTorch's epsilon, which is added after the correction of the bias.

    Both divide by sqrt(v / c) + epsilon with c = 1 - beta_2^t, Keras in the form sqrt(v) + its
    epsilon, which therefore has to be sqrt(c) times PyTorch's.
    """

    def update_step(self, gradient, variable, learning_rate):
        steps = keras.ops.cast(self.iterations + 1, variable.dtype)
        correction = 1 - keras.ops.power(keras.ops.cast(self.beta_2, variable.dtype), steps)
        self.epsilon = 1e-8 * keras.ops.sqrt(correction)
        super().update_step(gradient, variable, learning_rate)


def test_ten_training_steps_are_equal():
    ours, theirs = twins()
    starts = [copy.deepcopy(network) for network in ours]
    adam = {"lr": 2e-4, "betas": (0.5, 0.999), "eps": 1e-8}
    optimizers = [torch.optim.Adam(network.parameters(), **adam) for network in ours]
    others = [MatchedAdam(2e-4, beta_1=0.5, beta_2=0.999) for _ in theirs]
    for step in range(10):
        z, real = data(8, seed=step)
        losses, *gradients = gradients_in_torch(ours, in_torch(z), in_torch(real))
        for network, optimizer, found in zip(ours, optimizers, gradients, strict=True):
            for parameter, gradient in zip(network.parameters(), found, strict=True):
                parameter.grad = gradient
            optimizer.step()
        twin_losses, *gradients = gradients_in_keras(theirs, tf.constant(z), tf.constant(real))
        for network, optimizer, found in zip(theirs, others, gradients, strict=True):
            optimizer.apply(found, network.trainable_weights)
        for loss, other in zip(losses, twin_losses, strict=True):
            close(other, loss.detach())
    for network, twin, start in zip(ours, theirs, starts, strict=True):
        carrier = copy.deepcopy(network)
        to_torch(twin, carrier)
        before = dict(start.named_parameters())
        after = dict(network.named_parameters())
        for name, value in carrier.named_parameters():
            assert (after[name] - before[name]).detach().abs().max() > 5e-4, name
            close(value.detach(), after[name].detach())
        for name, value in carrier.named_buffers():
            if "running_mean" in name:
                close(value, network.get_buffer(name))


def test_running_variances_differ_by_n_over_n_minus_1():
    """PyTorch's is of the unbiased variance, Keras' of the biased one."""
    ours, theirs = twins()
    _, real = data(2)
    start = copy.deepcopy(ours[1])
    ours[1](in_torch(real))
    theirs[1](tf.constant(real), training=True)
    carrier = copy.deepcopy(start)
    to_torch(theirs[1], carrier)
    for block, values in ((1, 2 * 8 * 8), (2, 2 * 4 * 4)):
        new, twin, old = (d.blocks[block][1].running_var for d in (ours[1], carrier, start))
        ratio = (new - 0.9 * old) / (twin - 0.9 * old)
        np.testing.assert_allclose(ratio, values / (values - 1), rtol=1e-3)


@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_there_and_back_is_bit_equal(image_size):
    ours, theirs = twins(image_size)
    for network, twin in zip(ours, theirs, strict=True):
        other = scramble(copy.deepcopy(network), seed=1)
        assert not equal_states(other, network)
        to_torch(twin, other)
        assert equal_states(other, network)
        before = twin.get_weights()
        to_keras(other, twin)
        for value, expected in zip(twin.get_weights(), before, strict=True):
            np.testing.assert_array_equal(value, expected)


def test_copies_do_not_share_memory_and_keep_the_memory_format():
    (network, _), (twin, _) = twins()
    network.to(memory_format=torch.channels_last)
    before = twin.get_weights()[-2]
    with torch.no_grad():
        network.to_image.weight.zero_()
    np.testing.assert_array_equal(twin.get_weights()[-2], before)
    to_torch(twin, network)
    assert network.to_image.weight.any()
    assert network.to_image.weight.is_contiguous(memory_format=torch.channels_last)
    assert network.to_image.weight.requires_grad


# Other designs of the same two networks: where flattened maps meet a dense layer, its rows or
# columns are sorted; and so is a normalisation that comes between them.
DESIGNS = {
    "a convolution at the end": (
        [nn.Conv2d(3, 4, 4, 2, 1), nn.ReLU(), nn.Conv2d(4, 1, 4), nn.Flatten()],
        [
            layers.Conv2D(4, 4, 2, "same", activation="relu"),
            layers.Conv2D(1, 4),
            layers.Flatten(),
        ],
        (8, 8, 3),
    ),
    "normalisation of the flattened maps, two dense layers": (
        [
            nn.Conv2d(3, 4, 5, padding="same"),
            nn.Flatten(),
            nn.BatchNorm1d(4 * 36),
            nn.Linear(4 * 36, 16),
            nn.Linear(16, 1),
        ],
        [
            layers.Conv2D(4, 5, padding="same"),
            layers.Flatten(),
            layers.BatchNormalization(epsilon=1e-5),
            layers.Dense(16),
            layers.Dense(1),
        ],
        (6, 6, 3),
    ),
    "normalisation before the reshape": (
        [
            nn.Linear(5, 4 * 16),
            nn.BatchNorm1d(4 * 16),
            nn.Unflatten(1, (4, 4, 4)),
            nn.ConvTranspose2d(4, 3, 2, 2),
        ],
        [
            layers.Dense(4 * 16),
            layers.BatchNormalization(epsilon=1e-5),
            layers.Reshape((4, 4, 4)),
            layers.Conv2DTranspose(3, 2, 2),
        ],
        (5,),
    ),
    "averaged maps": (
        [nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)],
        [layers.Conv2D(4, 3, padding="same"), layers.GlobalAveragePooling2D(), layers.Dense(2)],
        (6, 6, 3),
    ),
    "images to numbers to images, nested": (
        [
            nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.Flatten(), nn.Linear(4 * 16, 2 * 9)),
            nn.Sequential(nn.Unflatten(1, (2, 3, 3)), nn.ConvTranspose2d(2, 3, 4, 2, 1)),
        ],
        [
            keras.Sequential([layers.Conv2D(4, 4, 2, "same"), layers.Flatten(), layers.Dense(18)]),
            keras.Sequential([layers.Reshape((3, 3, 2)), layers.Conv2DTranspose(3, 4, 2, "same")]),
        ],
        (8, 8, 3),
    ),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_other_designs_agree_too(name):
    modules, twin_layers, shape = DESIGNS[name]
    network = scramble(nn.Sequential(*modules)).eval()
    twin = keras.Sequential([keras.Input(shape), *twin_layers])
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    with torch.no_grad():
        expected = network(in_torch(x))
    expected = channels_last(expected) if expected.ndim == 4 else expected
    assert np.abs(np.asarray(twin(x)) - np.asarray(expected)).max() > 0.1
    to_keras(network, twin)
    close(twin(x), expected)
    again = scramble(copy.deepcopy(network), seed=1)
    to_torch(twin, again)
    assert equal_states(again, network)


def sequential(*twin_layers, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *twin_layers])


@pytest.mark.parametrize(
    ("network", "twin", "message"),
    [
        (
            lambda: torch_discriminator.Discriminator(3),
            lambda: keras_discriminator.build_discriminator(4),
            "layer 1 .* in PyTorch a convolution 3 -> 3, .*; in Keras a convolution 3 -> 4",
        ),
        (
            lambda: torch_discriminator.Discriminator(3, 64),
            lambda: keras_discriminator.build_discriminator(3),
            "layer 6 .* a convolution 12 -> 24, .* in Keras a dense layer 192 -> 1",
        ),
        (
            lambda: torch_discriminator.Discriminator(3).blocks,
            lambda: keras_discriminator.build_discriminator(3),
            "5 layers .* in PyTorch, 6 in Keras.* without a twin is a dense layer 192 -> 1",
        ),
        (
            lambda: nn.Conv2d(3, 4, 4, 2, 1),
            lambda: sequential(layers.Conv2D(4, 4, 2, "same", use_bias=False)),
            "with kernel and bias; in Keras .* with kernel\\.",
        ),
        (
            lambda: nn.Conv2d(3, 4, 5, 2, 2),
            lambda: sequential(layers.Conv2D(4, 5, 2, "same")),
            "padding 2x2, .* in Keras .* padding 1.5x1.5",  # 1 on the one side, 2 on the other
        ),
        (
            lambda: nn.Conv2d(3, 4, 4, 2, 1),
            lambda: sequential(layers.Conv2D(4, 4, 1, "same")),
            "stride 2x2, .* in Keras .* stride 1x1",
        ),
        (
            lambda: nn.ConvTranspose2d(3, 4, 4, 2, 1, output_padding=1),
            lambda: sequential(layers.Conv2DTranspose(4, 4, 2, "same")),
            "output padding 1x1",
        ),
        (
            lambda: nn.BatchNorm2d(3),
            lambda: sequential(layers.BatchNormalization()),
            "epsilon 1e-05, .* in Keras .* epsilon 0.001",
        ),
        (
            lambda: nn.BatchNorm2d(3, affine=False),
            lambda: sequential(layers.BatchNormalization(epsilon=1e-5)),
            "with mean and variance; in Keras .* with scale and shift and mean and variance",
        ),
        (
            lambda: nn.PReLU(),
            lambda: sequential(layers.PReLU()),
            "PReLU has weights and no twin here",
        ),
        (
            lambda: nn.Linear(3, 4),
            lambda: sequential(layers.Dense(4), layers.PReLU(), shape=(3,)),
            "PReLU has weights and no twin here",
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6, 1)),
            lambda: sequential(
                layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(1), shape=(4, 5, 3)
            ),
            "24 features do not make square maps of 4 channels",
        ),
        (
            lambda: nn.Linear(3, 4),
            lambda: keras.Sequential([layers.Dense(4)]),
            "no weights yet: call it on a batch first",
        ),
    ],
)
def test_what_differs_is_named_and_nothing_is_copied(network, twin, message):
    network, twin = network(), twin()
    before, twin_before = copy.deepcopy(network), twin.get_weights()
    for copying in (lambda: to_keras(network, twin), lambda: to_torch(twin, network)):
        with pytest.raises(ValueError, match=message):
            copying()
    assert equal_states(network, before)
    for value, expected in zip(twin.get_weights(), twin_before, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_networks_in_the_wrong_order_are_noticed():
    network, twin = nn.Linear(2, 1), sequential(layers.Dense(1), shape=(2,))
    with pytest.raises(TypeError, match=r"torch_network is a torch\.nn\.Module, not a Sequential"):
        to_keras(twin, network)
    with pytest.raises(TypeError, match=r"torch_network is a torch\.nn\.Module, not a Sequential"):
        to_torch(network, twin)
    with pytest.raises(TypeError, match=r"keras_network is a keras\.Model, not a Linear"):
        to_keras(network, network)


def test_importing_it_loads_no_framework():
    code = (
        "import sys, helpers.parity\n"
        "print([m for m in ('torch', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
