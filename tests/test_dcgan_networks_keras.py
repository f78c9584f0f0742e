"""The course's DCGAN in Keras: shapes, sizes, the paper's rules, and the losses on logits."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from helpers.keras import keras, tf
from helpers.keras.discriminator import build_discriminator, conv_block, gap_discriminator
from helpers.keras.generator import build_generator, deconv_block, init_weights
from helpers.keras.losses import (
    fake_loss,
    generator_loss,
    real_loss,
    saturating_generator_loss,
)

layers = keras.layers


@pytest.fixture
def precision():
    """A function that sets what layers compute in from here on, until the test's end."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def of_kind(network, *kinds):
    return [layer for layer in network.layers if isinstance(layer, kinds)]


def trainable_parameters(network):
    return sum(math.prod(weight.shape) for weight in network.trainable_weights)


def train_step(generator, discriminator, real, z):
    """Both losses, and their sum's gradient at every trainable weight of both networks."""
    with tf.GradientTape() as tape:
        fake = generator(z, training=True)
        d_loss = real_loss(discriminator(real, training=True), smooth=True)
        d_loss += fake_loss(discriminator(tf.stop_gradient(fake), training=True))
        g_loss = generator_loss(discriminator(fake, training=True))
        total = d_loss + g_loss
    weights = [w.value for network in (generator, discriminator) for w in network.trainable_weights]
    return (d_loss, g_loss), tape.gradient(total, weights)


@pytest.mark.parametrize(
    ("latent_dim", "conv_dim", "batch", "image_size"),
    [(100, 32, 5, 32), (7, 3, 1, 32), (7, 3, 2, 64), (7, 2, 3, 128)],
)
def test_shapes(latent_dim, conv_dim, batch, image_size):
    generator = build_generator(latent_dim, conv_dim, image_size=image_size)
    discriminator = build_discriminator(conv_dim, image_size)
    images = generator(tf.random.normal((batch, latent_dim)))
    assert images.shape == (batch, image_size, image_size, 3)
    assert discriminator(images).shape == (batch, 1)
    channels = [conv_dim * 2**block for block in range(int(math.log2(image_size)) - 2)]
    convolutions = of_kind(discriminator, layers.Conv2D)
    assert [layer.filters for layer in convolutions] == channels
    assert convolutions[-1].output.shape[1:3] == (4, 4)
    norms = of_kind(generator, layers.BatchNormalization)
    assert [norm.gamma.shape[0] for norm in norms] == channels[::-1]


def test_parameter_counts_are_the_pytorch_twins_():
    assert trainable_parameters(build_discriminator()) == 167_809
    assert trainable_parameters(build_generator()) == 370_627
    assert trainable_parameters(gap_discriminator()) == 165_889


def test_global_average_pooling_takes_the_mean_of_each_last_map():
    keras.utils.set_random_seed(0)
    discriminator = gap_discriminator(4)
    *_, dense = discriminator.layers
    maps = keras.Model(discriminator.inputs, of_kind(discriminator, layers.LeakyReLU)[-1].output)
    images = tf.random.uniform((3, 32, 32, 3), -1, 1)
    means = maps(images).numpy().mean((1, 2))
    np.testing.assert_allclose(discriminator(images), means @ dense.kernel.numpy(), atol=1e-6)
    assert 0.01 < dense.kernel.numpy().std() < 0.03 and not dense.bias.numpy().any()


def test_without_normalisation_hidden_layers_have_a_bias():
    generator = build_generator(5, 4, batch_norm=False)
    discriminator = build_discriminator(4, batch_norm=False)
    kinds = layers.Conv2D, layers.Conv2DTranspose, layers.Dense
    for network in (generator, discriminator):
        assert not of_kind(network, layers.BatchNormalization)
    has_bias = [
        [layer.use_bias for layer in of_kind(network, *kinds)]
        for network in (generator, discriminator)
    ]
    assert has_bias == [[True] * 4, [False, True, True, True]]  # the input layer is as it was


def test_blocks_halve_and_double():
    x = tf.random.normal((2, 12, 10, 3))
    assert conv_block(x, 5).shape == (2, 6, 5, 5)
    assert conv_block(x, 5, batch_norm=False).shape == (2, 6, 5, 5)
    images = deconv_block(x, 5)
    assert images.shape == (2, 24, 20, 5) and float(tf.reduce_min(images)) == 0


def test_normalisation_and_bias_where_the_paper_has_them():
    generator, discriminator = build_generator(5, 4), build_discriminator(4)
    for network, widths in ((generator, [16, 8, 4]), (discriminator, [8, 16])):
        norms = of_kind(network, layers.BatchNormalization)
        assert [norm.gamma.shape[0] for norm in norms] == widths
        assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}
    slopes = [layer.negative_slope for layer in of_kind(discriminator, layers.LeakyReLU)]
    assert slopes == pytest.approx([0.2] * 3)
    biases = [w.path for n in (generator, discriminator) for w in n.weights if w.name == "bias"]
    assert len(biases) == 2  # the last layers'; the others' would be subtracted again


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("tanh", -1, 1), ("sigmoid", 0, 1), ("linear", -9e9, 9e9)]
)
def test_last_activation_sets_the_range(activation, low, high):
    keras.utils.set_random_seed(0)
    generator = build_generator(4, 2, activation)
    kernel = of_kind(generator, layers.Conv2DTranspose)[-1].kernel
    kernel.assign(30 * keras.random.normal(kernel.shape))
    images = generator(tf.random.normal((8, 4)), training=True).numpy()
    assert low <= images.min() and images.max() <= high
    assert np.ptp(images) > (10 if activation == "linear" else 0.99 * (high - low))


def test_gradients_reach_every_trainable_weight():
    generator, discriminator = build_generator(8, 4), build_discriminator(4)
    losses, gradients = train_step(
        generator, discriminator, tf.random.uniform((3, 32, 32, 3)), tf.random.normal((3, 8))
    )
    assert all(gradient is not None for gradient in gradients)
    assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in gradients)
    assert all(np.isfinite(loss) for loss in losses)


def test_initial_weights_are_the_paper_s():
    keras.utils.set_random_seed(0)
    for network in (build_generator(), build_discriminator()):
        for weight in network.weights:
            value = weight.numpy()
            if weight.name == "kernel":
                assert abs(value.mean()) < 0.002 and 0.018 < value.std() < 0.022
            elif weight.name == "gamma":
                assert abs(value.mean() - 1) < 0.01 and 0.01 < value.std() < 0.03
            else:
                assert (value == (weight.name == "moving_variance")).all(), weight.path


def test_no_two_layers_start_alike_and_a_seed_repeats_them():
    """A shared Keras initialiser would give layers of one shape the same numbers."""

    def first_weights(seed):
        keras.utils.set_random_seed(seed)
        network = keras.Sequential([keras.Input((6,)), layers.Dense(6), layers.Dense(6)])
        nested = keras.Sequential([network, layers.Dense(6)])
        nested.build((None, 6))
        init_weights(nested)
        return [weight.numpy() for weight in nested.weights if weight.name == "kernel"]

    first, second, third = first_weights(1)
    assert len({kernel.tobytes() for kernel in (first, second, third)}) == 3
    assert all(0.01 < kernel.std() < 0.03 for kernel in (first, second, third))
    np.testing.assert_array_equal(first, first_weights(1)[0])
    assert (first != first_weights(2)[0]).any()
    with pytest.raises(ValueError, match="no weights yet: call it on a batch"):
        init_weights(keras.Sequential([layers.Dense(3)]))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_float32_weights_by_float32_losses(policy, precision):
    precision(policy)
    keras.utils.set_random_seed(0)
    generator, discriminator = build_generator(8, 4), build_discriminator(4)
    real, z = tf.random.uniform((6, 32, 32, 3), -1, 1), tf.random.normal((6, 8))
    images = generator(z)
    assert images.dtype == discriminator(images).dtype == policy.removeprefix("mixed_")
    losses, gradients = train_step(generator, discriminator, real, z)
    assert all(loss.dtype == tf.float32 for loss in losses)
    assert all(weight.dtype == "float32" for weight in discriminator.weights)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    precision("float32")
    exact = build_discriminator(4)
    exact.set_weights(discriminator.get_weights())
    found = real_loss(discriminator(real, training=True))
    np.testing.assert_allclose(found, real_loss(exact(real, training=True)), atol=0.02)


def test_a_step_can_be_traced_with_batches_of_any_size():
    generator, discriminator = build_generator(4, 2), build_discriminator(2)

    @tf.function(input_signature=[tf.TensorSpec((None, 4))])
    def losses(z):
        logits = discriminator(generator(z, training=True), training=True)
        return fake_loss(logits), generator_loss(logits)

    for batch in (2, 5):
        z = tf.random.normal((batch, 4))
        logits = discriminator(generator(z, training=True), training=True)
        for value, expected in zip(
            losses(z), (fake_loss(logits), generator_loss(logits)), strict=True
        ):
            np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_networks_survive_saving(tmp_path):
    generator = build_generator(4, 2)
    generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    z = tf.random.normal((3, 4))
    np.testing.assert_array_equal(again(z), generator(z))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build_generator(0), "latent_dim is 1 or more, not 0"),
        (lambda: build_generator(conv_dim=0), "conv_dim is 1 or more, not 0"),
        (lambda: build_generator(last_activation="softmax"), "'linear', not 'softmax'"),
        (lambda: build_discriminator(0), "conv_dim is 1 or more, not 0"),
        (lambda: build_discriminator(2)(tf.zeros((2, 64, 64, 3))), "incompatible"),
        (lambda: build_discriminator(head="mean"), "not 'mean'"),
        (lambda: gap_discriminator(0), "conv_dim is 1 or more, not 0"),
    ],
)
def test_impossible_networks_say_so(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("image_size", [0, 16, 28, 65, 256, 32.5, "32", None])
def test_other_image_sizes_are_refused_with_those_that_work(image_size):
    for make in (build_discriminator, build_generator):
        with pytest.raises(ValueError, match=f"is 32, 64 or 128, not {image_size}"):
            make(image_size=image_size)


def test_losses_on_known_logits():
    real, fake = tf.constant([2.0, -1.0, 0.5]), [-2.0, 1.0, 3.0]
    assert float(real_loss(real) + fake_loss(fake)) == pytest.approx(2.1343, abs=1e-4)
    assert float(generator_loss(fake)) == pytest.approx(0.8296, abs=1e-4)
    assert float(saturating_generator_loss(fake)) == -float(fake_loss(fake))


def test_label_smoothing_is_one_sided():
    logits = tf.constant([[0.3], [4.0]])
    expected = 0.9 * real_loss(logits) + 0.1 * fake_loss(logits)
    assert float(real_loss(logits, smooth=True)) == pytest.approx(float(expected))
    best = tf.constant([math.log(9.0)], tf.float64)  # sigmoid of it is 0.9
    with tf.GradientTape() as tape:
        tape.watch(best)
        loss = real_loss(best, smooth=True)
    assert abs(float(tape.gradient(loss, best)[0])) < 1e-15


@pytest.mark.parametrize("loss", [real_loss, fake_loss, generator_loss, saturating_generator_loss])
def test_losses_are_finite_far_out_and_for_a_batch_of_one(loss):
    for value in (-200.0, 200.0):
        logits = tf.constant([[value]])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            result = loss(logits)
        assert np.isfinite(result) and result.shape == ()
        assert np.isfinite(tape.gradient(result, logits)).all()


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
def test_losses_of_half_precision_are_computed_in_float32(dtype):
    logits = tf.constant([0.5, -3.0, 2.0], dtype)
    for loss in (fake_loss, generator_loss, real_loss, lambda x: real_loss(x, smooth=True)):
        assert float(loss(logits)) == float(loss(tf.cast(logits, tf.float32)))


@pytest.mark.parametrize("topic", ["discriminator", "generator", "losses"])
def test_the_twins_have_the_same_public_functions_and_do_not_import_each_other(topic):
    """The same arguments too; only the blocks differ: Keras' take x, and no ``in_channels``."""
    helpers = Path(__file__).parents[1] / "helpers"
    functions, imports = {}, {}
    for framework in ("keras", "pytorch"):
        tree = ast.parse((helpers / framework / f"{topic}.py").read_text(encoding="utf-8"))
        functions[framework] = {
            node.name: [ast.unparse(arg) for arg in node.args.args if "_block" not in node.name]
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        }
        if "init_weights" in functions[framework]:  # of a network there, of one module here
            functions[framework]["init_weights"] = []
        froms = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        imports[framework] = {m.split(".")[1] for m in froms if m.startswith("helpers")}
    for found in functions.values():
        for name, arguments in found.items():
            found[name] = [a.replace("tf.Tensor", "torch.Tensor") for a in arguments]
    assert functions["keras"] == functions["pytorch"]
    for framework, found in imports.items():
        assert found <= {framework, "recipes"}  # what is without a framework
