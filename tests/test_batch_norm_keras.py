"""Batch normalisation written out in Keras' convention, against Keras' own layer."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch  # before TensorFlow, see helpers.keras
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.keras import keras, tf
from helpers.keras.batch_norm import (
    BatchNorm,
    batch_norm_backward,
    batch_norm_eval,
    batch_norm_train,
    update_running_stats,
)
from helpers.pytorch import batch_norm as pytorch

SHAPES = [(2, 1), (5, 3), (2, 2, 1, 3), (1, 3, 4, 2), (1, 1, 1, 2)]


def close(value, expected, tolerance=1e-5):
    np.testing.assert_allclose(value, expected, tolerance, tolerance)


def data(shape, dtype="float32", seed=0):
    """x whose channels differ in mean and scale, with gamma and beta of either sign."""
    rng = np.random.default_rng(seed)
    steps = np.arange(1, shape[-1] + 1)
    x = rng.normal(size=shape) * steps + 3 * steps
    gamma, beta = rng.normal(size=(2, shape[-1]))
    return [tf.constant(value, dtype) for value in (x, gamma, beta)]


def layers(shape, dtype="float32", momentum=0.99, eps=1e-3):
    """Ours and Keras' layer, with the same unequal weights."""
    ours = BatchNorm(momentum, eps, dtype=dtype)
    theirs = keras.layers.BatchNormalization(momentum=momentum, epsilon=eps, dtype=dtype)
    _, gamma, beta = data(shape, seed=1)
    for layer in (ours, theirs):
        layer.build(shape)
        layer.set_weights([gamma, beta, beta + 1, gamma**2 + 0.5])
    return ours, theirs


def plain(layer):
    return layer


def traced(layer):
    """The layer inside a graph that knows neither the batch size nor the image size."""

    @tf.function
    def call(x, training=None):
        return layer(x, training=training)

    def run(x, training=None):
        shape = [None] * (len(x.shape) - 1) + [x.shape[-1]]
        return call.get_concrete_function(tf.TensorSpec(shape, x.dtype), training=training)(x)

    return run


@given(
    st.one_of(
        st.tuples(st.integers(1, 6), st.integers(1, 4)),
        st.tuples(*[st.integers(1, 4)] * 4),
    ),
    st.sampled_from([1e-5, 1e-3, 0.1, 2.0]),
    st.floats(0, 1),
    st.integers(0, 10_000),
)
@settings(max_examples=25, deadline=None)
def test_functions_equal_keras_for_any_shape_eps_and_momentum(shape, eps, momentum, seed):
    _, theirs = layers(shape, "float64", momentum, eps)
    x, gamma, beta = data(shape, "float64", seed)
    mean, var = beta + 1, gamma**2 + 0.5
    theirs.set_weights([gamma, beta, mean, var])
    close(batch_norm_eval(x, mean, var, gamma, beta, eps), theirs(x))
    with tf.GradientTape() as tape:
        tape.watch(x)
        expected = theirs(x, training=True)
    close(batch_norm_train(x, gamma, beta, eps), expected)
    new = update_running_stats(mean, var, x, momentum)
    close(new[0], theirs.moving_mean)
    close(new[1], theirs.moving_variance)
    dy = tf.constant(np.random.default_rng(seed + 1).normal(size=shape))
    sources = (x, theirs.gamma.value, theirs.beta.value)
    found = batch_norm_backward(dy, x, gamma, eps)
    for value, reference in zip(found, tape.gradient(expected, sources, dy), strict=True):
        assert value.shape == reference.shape
        close(value, reference)


@pytest.mark.parametrize("how", [plain, traced])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_layer_equals_keras_over_several_steps(shape, dtype, how):
    ours, theirs = layers(shape, dtype, momentum=0.7, eps=0.1)
    call = how(ours)
    for seed in range(3):
        x = data(shape, dtype, seed)[0]
        close(call(x, training=True), theirs(x, training=True))
    for value, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        close(value, expected)
    for options in ({"training": False}, {}):
        close(call(x[:1], **options), theirs(x[:1], **options))
    for value, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        close(value, expected)


def test_gradients_flow_in_a_traced_train_step():
    shape = (4, 2, 2, 3)
    results = []
    for layer in layers(shape):

        @tf.function
        def step(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x, training=True) ** 2 * x)
            return tape.gradient(loss, [x, *layer.trainable_variables])

        results.append(step(data(shape)[0]))
    for value, expected in zip(*results, strict=True):
        close(value, expected, 1e-4)


def test_weights_and_defaults_are_keras_s():
    ours, theirs = BatchNorm(), keras.layers.BatchNormalization()
    x = data((5, 3))[0]
    for _ in range(2):
        close(ours(x, training=True), theirs(x, training=True))
    close(ours(x), theirs(x))
    for kind in ("trainable_weights", "non_trainable_weights"):
        names = [[weight.name for weight in getattr(layer, kind)] for layer in (ours, theirs)]
        assert names[0] == names[1]
    theirs.set_weights(ours.get_weights())
    close(theirs(x), ours(x))


def test_a_model_hands_training_on_and_survives_saving(tmp_path):
    model = keras.Sequential(
        [keras.layers.Input((4, 4, 2)), keras.layers.Conv2D(3, 3, use_bias=False), BatchNorm(0.8)]
    )
    x = data((6, 4, 4, 2))[0]
    before = model.layers[1].moving_mean.numpy()
    model.compile("sgd", "mse")
    model.fit(x, tf.ones((6, 2, 2, 3)), verbose=0)
    assert not np.allclose(model.layers[1].moving_mean, before)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(
        tmp_path / "model.keras", custom_objects={"BatchNorm": BatchNorm}
    )
    close(again(x), model(x))
    assert again.layers[1].momentum == 0.8


def test_a_frozen_layer_infers():
    ours, theirs = layers((5, 3))
    ours.trainable = theirs.trainable = False
    x = data((5, 3))[0]
    close(ours(x, training=True), theirs(x, training=True))
    close(ours.moving_mean, data((5, 3), seed=1)[2] + 1)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_float32(policy):
    ours, theirs = layers((64, 4, 4, 3), policy)
    x = data((64, 4, 4, 3))[0] + 50
    for training in (True, False):
        y, expected = ours(x, training=training), theirs(x, training=training)
        assert y.dtype == expected.dtype != tf.float32
        close(tf.cast(y, "float32"), tf.cast(expected, "float32"), 0.02)
    assert ours.moving_mean.dtype == ours.gamma.dtype == "float32"
    close(ours.moving_mean, theirs.moving_mean)
    close(ours.moving_variance, theirs.moving_variance)


def test_no_gradient_flows_through_the_running_statistics():
    x, gamma, beta = data((4, 2))
    with tf.GradientTape() as tape:
        tape.watch([x, gamma, beta])
        mean, var = update_running_stats(beta, gamma, x)
        total = tf.reduce_sum(mean) + tf.reduce_sum(var)
    assert tape.gradient(total, [x, gamma, beta]) == [None] * 3


def test_differs_from_pytorch_s_convention_in_momentum_and_the_running_variance():
    x, mean, var = data((6, 2))[0], np.zeros(2, "float32"), np.ones(2, "float32")
    ours = update_running_stats(mean, var, x, momentum=0.9)
    theirs = pytorch.update_running_stats(
        torch.from_numpy(mean), torch.from_numpy(var), torch.from_numpy(x.numpy()), momentum=0.1
    )
    close(ours[0], theirs[0])
    close((ours[1] - 0.9) * 6 / 5, theirs[1] - 0.9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNorm(1.5), r"momentum.*kept.*not 1\.5"),
        (lambda: BatchNorm(eps=-1.0), r"eps.*not -1\.0"),
        (lambda: batch_norm_train(tf.ones(3), 1.0, 0.0), r"not of shape \(3,\)"),
    ],
)
def test_impossible_arguments_name_the_value_and_the_remedy(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_twins_have_the_same_public_names_and_do_not_import_each_other():
    helpers = Path(__file__).parents[1] / "helpers"
    names, imports = {}, {}
    for framework in ("keras", "pytorch"):
        tree = ast.parse((helpers / framework / "batch_norm.py").read_text(encoding="utf-8"))
        defined = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        names[framework] = {n.name for n in defined if not n.name.startswith("_")}
        froms = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        imports[framework] = {m for m in froms if m.startswith("helpers")}
    assert names["keras"] <= names["pytorch"]
    assert imports == {"keras": {"helpers.keras"}, "pytorch": set()}
