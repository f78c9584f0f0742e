"""The checks of the Keras networks on answers that no bank holds, and what they observe with.

``tests/test_checks.py`` tests banks and references. Here are cells as learners write them.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch  # before TensorFlow, see helpers.keras

from helpers.checks import keras_discriminator, keras_generator
from helpers.checks import keras_networks as tools
from helpers.checks.engine import Lesson
from helpers.keras import keras, tf
from helpers.keras.discriminator import build_discriminator as course_discriminator
from helpers.parity import same_weights, to_keras
from helpers.pytorch.discriminator import Discriminator

LESSON = Lesson("99", "Keras networks")
EXERCISES = {
    "discriminator": keras_discriminator.register_build_discriminator(LESSON),
    "same_weights": keras_discriminator.register_same_weights(LESSON),
    "generator": keras_generator.register_build_generator(LESSON),
}


def grade(name, cell):
    """The outcome of the function that the cell defines as ``f``."""
    names = {"keras": keras, "layers": keras.layers, "tf": tf, "np": np, "torch": torch}
    exec(cell, names)
    return EXERCISES[name].grade(names["f"])


DISCRIMINATOR = """
def f(conv_dim=32):
    model = keras.Sequential()
    model.add(keras.Input((32, 32, 3)))
    model.add(layers.Conv2D(conv_dim, 4, 2, "same", use_bias=False))
    model.add(layers.LeakyReLU(negative_slope=0.2))
    model.add(layers.Conv2D(2 * conv_dim, 4, 2, "same", use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU(negative_slope=0.2))
    model.add(layers.Conv2D(4 * conv_dim, 4, 2, "same", use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU(negative_slope=0.2))
    model.add(layers.Flatten())
    model.add(layers.Dense(1))
    return model
"""
LAST_BLOCK = """    model.add(layers.Conv2D(4 * conv_dim, 4, 2, "same", use_bias=False))
    model.add(layers.BatchNormalization())
"""
LAST_ACTIVATION = """    model.add(layers.LeakyReLU(negative_slope=0.2))
    model.add(layers.Flatten())
"""
GENERATOR = """
def f(latent_dim=100, conv_dim=32):
    z = keras.Input((latent_dim,))
    x = layers.Dense(64 * conv_dim, use_bias=False)(z)
    x = layers.Reshape((4, 4, 4 * conv_dim))(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(2 * conv_dim, 4, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(conv_dim, 4, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(3, 4, 2, "same")(x)
    return keras.Model(z, layers.Activation("tanh")(x))
"""
SECOND_BLOCK = 'Conv2DTranspose(2 * conv_dim, 4, 2, "same", use_bias=False)(x)'


def changed(cell, *replacements):
    for old, new in replacements:
        assert old in cell
        cell = cell.replace(old, new)
    return cell


RIGHT = {
    "as the lesson writes it": ("discriminator", DISCRIMINATOR),
    "eps and momentum": (
        "discriminator",
        changed(
            DISCRIMINATOR, ("BatchNormalization()", "BatchNormalization(momentum=0.1, epsilon=0.1)")
        ),
    ),
    "the paper's first weights, legacy argument names": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "BatchNormalization()",
                "BatchNormalization(gamma_initializer=keras.initializers.RandomNormal(1, 0.02))",
            ),
            (
                "use_bias=False)",
                "use_bias=False, kernel_initializer=keras.initializers.RandomNormal(0, 0.02))",
            ),
        ),
    ),
    "one activation layer used three times": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "    model = keras.Sequential()",
                "    act = layers.LeakyReLU(negative_slope=0.2)\n"
                "    layers_ = []\n    model = type('M', (), {'add': layers_.append})",
            ),
            ("model.add(layers.LeakyReLU(negative_slope=0.2))", "model.add(act)"),
            (
                "    return model",
                "    x = layers_[0]\n    for layer in layers_[1:]:\n"
                "        x = layer(x)\n    return keras.Model(layers_[0], x)",
            ),
        ),
    ),
    "batch normalisation behind the flattening": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                LAST_BLOCK + LAST_ACTIVATION,
                LAST_BLOCK.splitlines()[0]
                + "\n    model.add(layers.Flatten())\n    model.add(layers.BatchNormalization())\n"
                + LAST_ACTIVATION.splitlines()[0]
                + "\n",
            ),
        ),
    ),
    "scales from N(0, 0.02)": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "BatchNormalization()",
                "BatchNormalization(gamma_initializer=keras.initializers.RandomNormal(0, 0.02))",
            ),
        ),
    ),
    "momentum 0": (
        "discriminator",
        changed(DISCRIMINATOR, ("BatchNormalization()", "BatchNormalization(momentum=0.0)")),
    ),
    "spectral normalisation": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                'layers.Conv2D(conv_dim, 4, 2, "same", use_bias=False)',
                'layers.SpectralNormalization(layers.Conv2D(conv_dim, 4, 2, "same"))',
            ),
        ),
    ),
    "functional": ("generator", GENERATOR),
    "scales and shifts that begin elsewhere": (
        "generator",
        changed(
            GENERATOR,
            (
                "BatchNormalization()",
                "BatchNormalization(momentum=0.0, "
                "gamma_initializer=keras.initializers.RandomUniform(0.5, 3), "
                "beta_initializer=keras.initializers.RandomNormal(0.5, 1))",
            ),
        ),
    ),
    "the last layer begins with zeros": (
        "generator",
        changed(
            GENERATOR,
            ('(3, 4, 2, "same")', '(3, 4, 2, "same", kernel_initializer="zeros")'),
        ),
    ),
    "2 sigmoid - 1 is tanh of half": (
        "generator",
        changed(
            GENERATOR,
            ('layers.Activation("tanh")(x)', "2 * keras.activations.sigmoid(x) - 1"),
        ),
    ),
    "projection with batch normalisation of flat values in PyTorch's order": (
        "generator",
        changed(
            GENERATOR,
            (
                "    x = layers.Reshape((4, 4, 4 * conv_dim))(x)\n"
                "    x = layers.ReLU()(layers.BatchNormalization()(x))\n",
                "    x = layers.ReLU()(layers.BatchNormalization()(x))\n"
                "    x = layers.Permute((2, 3, 1))(layers.Reshape((4 * conv_dim, 4, 4))(x))\n",
            ),
        ),
    ),
}

WRONG = {
    "only the last slope is Keras' own": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                LAST_BLOCK + LAST_ACTIVATION,
                LAST_BLOCK + LAST_ACTIVATION.replace("negative_slope=0.2", ""),
            ),
        ),
        "keras_slope",
        "after convolution 3 the activation passes on 0.30",
    ),
    "a slope of its own, and 5x5 kernels": (
        "discriminator",
        changed(
            DISCRIMINATOR, ("negative_slope=0.2", "negative_slope=0.1"), (", 4, 2,", ", 5, 2,")
        ),
        None,
        "after convolution 1 the activation passes on 0.10 of a negative value",
    ),
    "relu in the convolution and LeakyReLU behind": (
        "discriminator",
        changed(DISCRIMINATOR, ("use_bias=False", 'use_bias=False, activation="relu"')),
        "relu",
        "after convolution 1 the activation passes on 0.00",
    ),
    "only the last block lacks batch normalisation": (
        "discriminator",
        changed(DISCRIMINATOR, (LAST_BLOCK, LAST_BLOCK.splitlines()[0] + "\n")),
        "no_batch_norm",
        "after convolution 3 nothing is normalised",
    ),
    "max pooling that keeps the size": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (LAST_BLOCK, '    model.add(layers.MaxPooling2D(3, 1, "same"))\n' + LAST_BLOCK),
        ),
        None,
        "there is a pooling layer",
    ),
    "every second pixel thrown away": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                LAST_BLOCK,
                LAST_BLOCK.replace("4, 2,", "4, 1,")
                + "    model.add(layers.Lambda(lambda x: x[:, ::2, ::2]))\n",
            ),
        ),
        None,
        "goes from 8x8x12 to 192 without weights",
    ),
    "images flipped": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "    model.add(keras.Input((32, 32, 3)))\n",
                "    model.add(keras.Input((32, 32, 3)))\n"
                "    model.add(layers.Lambda(lambda x: x[:, :, ::-1]))\n",
            ),
        ),
        "images_changed",
        "in another order",
    ),
    "images cut off from the graph": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "    model.add(keras.Input((32, 32, 3)))\n",
                "    model.add(keras.Input((32, 32, 3)))\n"
                "    model.add(layers.Lambda(keras.ops.stop_gradient))\n",
            ),
        ),
        "input_detached",
        "does not get back to the input",
    ),
    "ELU with another alpha": (
        "discriminator",
        changed(DISCRIMINATOR, ("layers.LeakyReLU(negative_slope=0.2)", "layers.ELU(0.2)")),
        None,
        "something else happens than LeakyReLU",
    ),
    "SiLU": (
        "discriminator",
        changed(
            DISCRIMINATOR, ("layers.LeakyReLU(negative_slope=0.2)", 'layers.Activation("silu")')
        ),
        "other_activation",
        "the activation is SiLU",
    ),
    "GELU": (
        "discriminator",
        changed(
            DISCRIMINATOR, ("layers.LeakyReLU(negative_slope=0.2)", 'layers.Activation("gelu")')
        ),
        "other_activation",
        "the activation is GELU",
    ),
    "logits cut off": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "layers.Dense(1))",
                "layers.Dense(1))\n"
                "    model.add(layers.Lambda(lambda x: keras.ops.clip(x, -5, 5)))",
            ),
        ),
        "logits_changed",
        "to 5.00",
    ),
    "no default": (
        "discriminator",
        changed(DISCRIMINATOR, ("conv_dim=32", "conv_dim")),
        "another_default",
        "missing 1 required positional argument",
    ),
    "another default": (
        "discriminator",
        changed(DISCRIMINATOR, ("conv_dim=32", "conv_dim=64")),
        "another_default",
        "has convolutions of 64, 128, 256 filters",
    ),
    "four blocks": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                LAST_BLOCK + LAST_ACTIVATION,
                LAST_BLOCK + LAST_ACTIVATION.splitlines()[0] + "\n" + LAST_BLOCK + LAST_ACTIVATION,
            ),
        ),
        "too_many_convolutions",
        "are those of 4 convolutions",
    ),
    "separable convolutions": (
        "discriminator",
        changed(DISCRIMINATOR, ("layers.Conv2D", "layers.SeparableConv2D")),
        "too_many_convolutions",
        "are those of 6 convolutions",
    ),
    "statistics that never move": (
        "discriminator",
        changed(DISCRIMINATOR, ("BatchNormalization()", "BatchNormalization(momentum=1.0)")),
        None,
        "is their momentum less than 1",
    ),
    "an eps changed as well": (
        "same_weights",
        "from helpers.parity import same_weights\n"
        "def f(t, k):\n    same_weights(t, k)\n"
        "    for layer in k.layers:\n"
        "        if hasattr(layer, 'epsilon'):\n            layer.epsilon = 0.5",
        None,
        "though all arrays are equal",
    ),
    "rounded kernels": (
        "same_weights",
        "from helpers.parity import same_weights\n"
        "def f(t, k):\n    same_weights(t, k)\n"
        "    k.set_weights([np.round(w, 1) if w.ndim == 4 else w for w in k.get_weights()])",
        None,
        "one number is",
    ),
    "global maximum": (
        "discriminator",
        changed(DISCRIMINATOR, ("layers.Flatten()", "layers.GlobalMaxPooling2D()")),
        "global_pooling",
        "only one number is left of each of the 12 maps",
    ),
    "noise on the images": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "    model.add(keras.Input((32, 32, 3)))\n",
                "    model.add(keras.Input((32, 32, 3)))\n"
                "    model.add(layers.GaussianNoise(0.1))\n",
            ),
        ),
        None,
        "draws random numbers",
    ),
    "hidden dropout of a rate of its own": (
        "discriminator",
        changed(DISCRIMINATOR, (LAST_BLOCK, "    model.add(layers.Dropout(0.5))\n" + LAST_BLOCK)),
        "dropout",
        "of the values behind convolution 2 to 0",
    ),
    "one bias before batch normalisation": (
        "discriminator",
        changed(DISCRIMINATOR, (LAST_BLOCK, LAST_BLOCK.replace("use_bias=False", "use_bias=True"))),
        "bias_before_batch_norm",
        "(12 numbers)",
    ),
    "layer normalisation": (
        "discriminator",
        changed(DISCRIMINATOR, ("BatchNormalization", "LayerNormalization")),
        "per_image",
        "after convolution 2 each pixel is normalised by itself",
    ),
    "softmax of one number": (
        "discriminator",
        changed(DISCRIMINATOR, ("Dense(1)", 'Dense(1, activation="softmax")')),
        "logits_changed",
        "become 1.00 to 1.00",
    ),
    "sigmoid by TensorFlow": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            ("layers.Dense(1))", "layers.Dense(1))\n    model.add(layers.Lambda(tf.nn.sigmoid))"),
        ),
        "sigmoid",
        "are probabilities",
    ),
    "the class instead of a network": (
        "discriminator",
        "def f(conv_dim=32):\n    class Net(keras.Model):\n        pass\n    return Net",
        None,
        "returned a class",
    ),
    "the output instead of a network": (
        "discriminator",
        "def f(conv_dim=32):\n    return layers.Flatten()(keras.Input((32, 32, 3)))",
        None,
        "keras.Model(inputs, outputs)",
    ),
    "an error of Keras": (
        "discriminator",
        changed(DISCRIMINATOR, ("layers.Flatten()", "layers.Reshape((1000,))")),
        None,
        "raised ValueError",
    ),
    "a network that only works outside of graphs": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (
                "    return model",
                "    class Net(keras.Model):\n"
                "        def __init__(self):\n            super().__init__()\n"
                "            self.inner = model\n"
                "        def call(self, x):\n"
                "            return self.inner(tf.constant(x.numpy()))\n    return Net()",
            ),
        ),
        None,
        "cannot be traced",
    ),
    "two normalisations in the generator's second layer": (
        "generator",
        changed(
            GENERATOR,
            (f"layers.{SECOND_BLOCK}", f"layers.BatchNormalization()(layers.{SECOND_BLOCK})"),
        ),
        None,
        "A scale is idle if another batch normalisation follows at once",
    ),
    "relu inside a transposed convolution as well as behind it": (
        "generator",
        changed(
            GENERATOR, (SECOND_BLOCK, SECOND_BLOCK.replace("False", 'False, activation="relu"'))
        ),
        "activation_twice",
        "after transposed convolution 2 ReLU acts before batch normalisation",
    ),
    "relu inside the dense layer as well as behind it": (
        "generator",
        changed(GENERATOR, ("False)(z)", 'False, activation="relu")(z)')),
        "activation_twice",
        "after dense layer 1 ReLU acts before batch normalisation",
    ),
    "LeakyReLU inside all layers": (
        "generator",
        changed(GENERATOR, ("use_bias=False", 'use_bias=False, activation="leaky_relu"')),
        "activation_twice",
        "LeakyReLU with slope 0.20 acts before batch normalisation",
    ),
    "tanh inside a layer": (
        "generator",
        changed(
            GENERATOR, (SECOND_BLOCK, SECOND_BLOCK.replace("False", 'False, activation="tanh"'))
        ),
        "activation_twice",
        "tanh acts before batch normalisation",
    ),
    "LeakyReLU in the last convolution as well as behind it": (
        "discriminator",
        changed(
            DISCRIMINATOR,
            (LAST_BLOCK, LAST_BLOCK.replace("False", 'False, activation="leaky_relu"')),
        ),
        "activation_twice",
        "after convolution 3 LeakyReLU with slope 0.20 acts before batch normalisation",
    ),
    "a bias of the projection": (
        "generator",
        changed(GENERATOR, ("64 * conv_dim, use_bias=False", "64 * conv_dim")),
        "bias_of_the_projection",
        "(192 numbers)",
    ),
    "no gradient comes back": (
        "generator",
        changed(
            GENERATOR,
            ('layers.Activation("tanh")(x)', "keras.ops.stop_gradient(keras.ops.tanh(x))"),
        ),
        "detached",
        "11 of 11 arrays",
    ),
    "no gradient comes back to the first layer": (
        "generator",
        changed(
            GENERATOR,
            ("x = layers.Reshape(", "x = keras.ops.stop_gradient(x)\n    x = layers.Reshape("),
        ),
        "detached",
        "get no gradient, though the network uses them: 1 of 11",
    ),
    "all weights begin with 0": (
        "generator",
        changed(GENERATOR, ("use_bias=False", 'use_bias=False, kernel_initializer="zeros"')),
        "constant_weights",
        "of 3 layers begin as one number each, 0 all over",
    ),
    "all scales begin with 0": (
        "generator",
        changed(
            GENERATOR, ("BatchNormalization()", 'BatchNormalization(gamma_initializer="zeros")')
        ),
        None,
        "Are the scales (gamma) 0?",
    ),
    "a largest value": (
        "generator",
        changed(GENERATOR, ("layers.ReLU()", "layers.ReLU(max_value=6)")),
        "other_activation",
        "no value gets larger than 6.00",
    ),
    "a slope that is learnt": (
        "generator",
        changed(GENERATOR, ("layers.ReLU()", "layers.PReLU(shared_axes=[1, 2])")),
        "other_activation",
        "the activation learns what it passes on of a negative value",
    ),
    "a kernel of 1": (
        "generator",
        changed(GENERATOR, ('(3, 4, 2, "same")', '(3, 1, 2, "same")')),
        "kernel_too_small",
        "transposed convolution 4 puts out are 0 at 75% of the pixels",
    ),
    "noise on z": (
        "generator",
        changed(GENERATOR, ("use_bias=False)(z)", "use_bias=False)(layers.GaussianNoise(0.1)(z))")),
        None,
        "draws random numbers",
    ),
    "layer normalisation in the generator": (
        "generator",
        changed(GENERATOR, ("BatchNormalization", "LayerNormalization")),
        "per_image",
        "after dense layer 1 each pixel is normalised by itself",
    ),
    "another axis": (
        "generator",
        changed(GENERATOR, ("BatchNormalization()", "BatchNormalization(axis=1)")),
        None,
        "leave out `axis=`",
    ),
    "height and width swapped": (
        "generator",
        changed(
            GENERATOR,
            (
                "    x = layers.Conv2DTranspose(2",
                "    x = layers.Permute((2, 1, 3))(x)\n    x = layers.Conv2DTranspose(2",
            ),
        ),
        None,
        "after dense layer 1 height and width change places",
    ),
    "one image without its batch axis": (
        "generator",
        changed(
            GENERATOR,
            (
                '    return keras.Model(z, layers.Activation("tanh")(x))',
                '    model = keras.Model(z, layers.Activation("tanh")(x))\n'
                "    class Net(keras.Model):\n"
                "        def __init__(self):\n            super().__init__()\n"
                "            self.inner = model\n"
                "        def call(self, x, training=False):\n"
                "            return keras.ops.squeeze(self.inner(x, training=training))\n"
                "    return Net()",
            ),
        ),
        None,
        "the answer to a batch of one has shape (32, 32, 3), should be (1, 32, 32, 3)",
    ),
    "one channel three times": (
        "generator",
        changed(
            GENERATOR,
            ("Conv2DTranspose(3", "Conv2DTranspose(1"),
            ('"tanh")(x))', '"tanh")(layers.Concatenate()([x, x, x])))'),
        ),
        None,
        "goes from 32x32x1 to 32x32x3 without weights",
    ),
    "relu inside the layers": (
        "generator",
        changed(
            GENERATOR,
            ("layers.ReLU()(layers.BatchNormalization()(x))", "layers.BatchNormalization()(x)"),
            ("use_bias=False", 'use_bias=False, activation="relu"'),
        ),
        "batch_norm_after_the_activation",
        "after dense layer 1 the activation comes first",
    ),
    "relu but no normalisation behind the projection": (
        "generator",
        changed(
            GENERATOR,
            (
                "(x)\n    x = layers.ReLU()(layers.BatchNormalization()(x))\n    x = layers.Conv2DT"
                "ranspose(2",
                "(x)\n    x = layers.ReLU()(x)\n    x = layers.Conv2DTranspose(2",
            ),
        ),
        "no_batch_norm",
        "after dense layer 1 nothing is normalised at all",
    ),
    "tanh twice": (
        "generator",
        changed(GENERATOR, ('"same")(x)\n    return', '"same", activation="tanh")(x)\n    return')),
        None,
        "but not by tanh alone",
    ),
    "clipped instead of squashed": (
        "generator",
        changed(
            GENERATOR,
            (
                'layers.Activation("tanh")(x)',
                "layers.Lambda(lambda x: tf.clip_by_value(x, -1, 1))(x)",
            ),
        ),
        None,
        "The images reach from -1.00 to 1.00",
    ),
    "z normalised first": (
        "generator",
        changed(
            GENERATOR, ("use_bias=False)(z)", "use_bias=False)(layers.BatchNormalization()(z))")
        ),
        None,
        "is not z",
    ),
    "one channel": (
        "generator",
        changed(GENERATOR, ("Conv2DTranspose(3", "Conv2DTranspose(1")),
        None,
        "has shape (24, 32, 32, 1)",
    ),
    "only the first statistics": (
        "same_weights",
        """
def f(torch_discriminator, keras_discriminator):
    arrays = [v.numpy() for v in torch_discriminator.state_dict().values() if v.ndim]
    for array, variable in zip(arrays, keras_discriminator.weights):
        if array.ndim == 4:
            variable.assign(array.transpose(2, 3, 1, 0))
        elif array.ndim == 1 and "moving_variance" not in variable.path:
            variable.assign(array)
""",
        None,
        "keeps 3 of its 13 arrays: the running variance of normalisation 1",
    ),
    "gradients in the way": (
        "same_weights",
        """
def f(torch_discriminator, keras_discriminator):
    for p, v in zip(torch_discriminator.parameters(), keras_discriminator.trainable_variables):
        v.assign(p.numpy().transpose(2, 3, 1, 0))
""",
        None,
        "detach().numpy()",
    ),
}


@pytest.mark.parametrize("told", RIGHT)
def test_right_answers_in_other_styles_pass(told):
    outcome = grade(*RIGHT[told])
    assert outcome.status == "passed", outcome


@pytest.mark.parametrize("told", WRONG)
def test_wrong_answers_that_no_bank_holds_are_described(told):
    name, cell, mistake, part = WRONG[told]
    outcome = grade(name, cell)
    assert (outcome.status, outcome.mistake) == ("failed", mistake), outcome
    assert part in outcome.message
    assert "bug of the course" not in outcome.message


def test_each_attempt_copies_into_a_keras_network_of_its_own():
    right = keras_discriminator._copier()

    def freezes_and_bends(torch_discriminator, keras_discriminator):
        right(torch_discriminator, keras_discriminator)
        keras_discriminator.trainable = False
        for layer in keras_discriminator.layers:
            if isinstance(layer, keras.layers.LeakyReLU):
                layer.negative_slope = 0.9

    def by_trainable_variables(torch_discriminator, keras_discriminator):
        assert len(keras_discriminator.trainable_variables) == 9
        right(torch_discriminator, keras_discriminator)

    assert EXERCISES["same_weights"].grade(freezes_and_bends).status == "failed"
    assert EXERCISES["same_weights"].grade(by_trainable_variables).status == "passed"


def test_importing_and_registering_loads_neither_framework():
    code = """
import sys
from helpers.checks import keras_discriminator, keras_generator
from helpers.checks.engine import Lesson
lesson = Lesson("99", "")
keras_discriminator.register_build_discriminator(lesson)
keras_discriminator.register_same_weights(lesson)
keras_generator.register_build_generator(lesson)
assert not {"tensorflow", "keras", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_solution_shows_the_source_of_the_course_s_network(capsys):
    EXERCISES["generator"].solution()
    shown = capsys.readouterr().out
    assert "The reference, helpers.keras.generator.build_generator" in shown
    assert "deconv_block(maps, width" in shown


@pytest.mark.parametrize("conv_dim", [1, 4])
def test_same_weights_does_what_the_general_copy_does(conv_dim):
    ours = Discriminator(conv_dim)
    for value in ours.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape) + 0.1)
    one, other = course_discriminator(conv_dim), course_discriminator(conv_dim)
    same_weights(ours, one)
    to_keras(ours, other)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# --- what the checks observe with -------------------------------------------------------------


def test_watching_finds_every_layer_and_leaves_the_network_alone():
    network = course_discriminator(2)
    before = network.get_weights()
    images = tools.numbers((5, 32, 32, 3), 0)
    seen = tools.Watch(network, images)()
    assert [step.kind for step in seen.steps] == 3 * ["convolution"] + ["dense layer"]
    shapes = [step.out.shape for step in seen.steps]
    assert shapes == [(5, 16, 16, 2), (5, 8, 8, 4), (5, 4, 4, 8), (5, 1)]
    np.testing.assert_array_equal(seen.steps[0].entering, images)
    np.testing.assert_allclose(seen.output, network(images, training=True), 1e-4, 1e-5)
    after = tools.Watch(network, images)()
    np.testing.assert_allclose(after.output, seen.output, 1e-5, 1e-6)
    network.set_weights(before)


U = 2.0 * tools.numbers((6, 8, 8, 3), 1) + [1.0, -0.5, 0.3]
NORMALISED = (U - U.mean((0, 1, 2))) / U.std((0, 1, 2))


def leaky(v, slope):
    return np.where(v > 0, v, slope * v)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 0.3, 1.0])
@pytest.mark.parametrize("v", [U, U + 0.7, NORMALISED, 0.5 * NORMALISED - 0.2])
def test_the_slope_is_found_whatever_comes_before_it(v, slope):
    relation = tools.relate(U, leaky(v, slope))
    assert (relation.kink, relation.groups) == ("v", "channel")
    assert relation.slope == pytest.approx(slope, abs=1e-6)


def test_an_activation_before_the_normalisation_is_told_from_one_behind_it():
    first = leaky(U, 0.2)
    relation = tools.relate(U, (first - first.mean((0, 1, 2))) / first.std((0, 1, 2)))
    assert relation.kink == "u" and relation.slope == pytest.approx(0.2)


def test_padding_cropping_and_flattening_are_seen_through():
    entering = leaky(NORMALISED, 0.2)
    shapes = [
        np.pad(entering, [(0, 0), (1, 2), (1, 2), (0, 0)]),
        entering[:, 1:-1, :-2],
        entering.reshape(6, -1),
        entering.transpose(0, 3, 1, 2).reshape(6, -1),
    ]
    for shaped in shapes:
        assert tools.relate(U, shaped).slope == pytest.approx(0.2)
        assert tools.same_size(U, shaped)
    pooled = entering.reshape(6, 4, 2, 4, 2, 3).max((2, 4))
    assert tools.relate(U, pooled) is None


def test_each_image_by_itself_is_told_from_the_batch():
    image = (U - U.mean((1, 2), keepdims=True)) / U.std((1, 2), keepdims=True)
    assert tools.relate(U, leaky(image, 0.2)).groups == "image"


@pytest.mark.parametrize(
    ("name", "function"),
    [("tanh", np.tanh), ("sigmoid", lambda v: 1 / (1 + np.exp(-v))), ("ELU", keras.ops.elu)],
)
def test_curved_activations_are_named(name, function):
    assert tools.relate(U, np.asarray(function(NORMALISED))) is None
    assert tools.curve(U, np.asarray(function(NORMALISED))) == name
    assert tools.curve(U, np.asarray(function(U))) == name
    assert tools.curve(U, np.sin(3 * U)) == ""


def test_batch_statistics_are_told_from_a_fixed_line():
    lines = [tools.relate(scale * U, leaky(scale * U, 0.2)) for scale in (1.0, 2.0)]
    assert tools.follows_the_batch(*lines) is False
    lines = [tools.relate(scale * U, leaky(NORMALISED, 0.2)) for scale in (1.0, 2.0)]
    assert tools.follows_the_batch(*lines) is True
    lines = [tools.relate(scale * U, leaky(scale**2 * U, 0.2)) for scale in (1.0, 2.0)]
    assert tools.follows_the_batch(*lines) is None
