"""Checks of lesson 05 on the discriminator in Keras; part of ``helpers.checks.discriminator``.

There::

    build_discriminator = keras_discriminator.register_build_discriminator(lesson)
    same_weights = keras_discriminator.register_same_weights(lesson)

Neither importing this module nor registering loads TensorFlow: the first check does. The string
below each function is what the lesson has to tell the learner about the exercise.
"""

from __future__ import annotations

from helpers.checks.engine import Exercise, Lesson


def register_build_discriminator(lesson: Lesson) -> Exercise:
    """Add the exercise ``build_discriminator`` to the lesson."""
    raise NotImplementedError


"""build_discriminator(conv_dim=32) -> a Keras model, images (N, 32, 32, 3) to logits (N, 1).
(●●●, 12 min)

Three strided convolutions, padding "same", to 16 x 16 with conv_dim filters, 8 x 8 with
2 * conv_dim, 4 x 4 with 4 * conv_dim; kernel 4 (5 passes too). After each LeakyReLU with slope 0.2,
after the second and third BatchNormalization before it, and no bias where it follows. Flatten,
Dense(1), no sigmoid. No pooling and no dropout. Sequential, functional or subclassed."""


def register_same_weights(lesson: Lesson) -> Exercise:
    """Add the exercise ``same_weights`` to the lesson."""
    raise NotImplementedError


"""same_weights(torch_discriminator, keras_discriminator): gives the Keras network, in place, the
weights and running statistics of the PyTorch one. (●●●, 12 min)

Both are the course's own (helpers.pytorch.discriminator.Discriminator and
helpers.keras.discriminator.build_discriminator) with the same conv_dim, which may be any number.
Kernels are (out, in, H, W) there and (H, W, in, out) here; the dense layer's inputs are the last
maps flattened in the order C, H, W there and H, W, C here (4 x 4 maps). Gamma, beta, running mean
and running variance are copied as they are; num_batches_tracked has no twin. What is returned does
not matter. The PyTorch network must stay as it is."""
