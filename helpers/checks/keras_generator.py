"""Check of lesson 06 on the generator in Keras; part of ``helpers.checks.generator``.

There::

    build_generator = keras_generator.register_build_generator(lesson)

Neither importing this module nor registering loads TensorFlow: the first check does. The string
below each function is what the lesson has to tell the learner about the exercise.
"""

from __future__ import annotations

from helpers.checks.engine import Exercise, Lesson


def register_build_generator(lesson: Lesson) -> Exercise:
    """Add the exercise ``build_generator`` to the lesson."""
    raise NotImplementedError


"""build_generator(latent_dim=100, conv_dim=32) -> a Keras model, z (N, latent_dim) to images
(N, 32, 32, 3) in (-1, 1). (●●●, 12 min)

Dense to 4 * 4 * 4 * conv_dim numbers, reshaped to (4, 4, 4 * conv_dim), BatchNormalization (before
or after the reshape), ReLU; two Conv2DTranspose, stride 2, padding "same", to 8 x 8 with
2 * conv_dim and 16 x 16 with conv_dim filters, each followed by BatchNormalization and ReLU; a
third to 32 x 32 with 3, followed by tanh alone. Kernel 4 (5 passes too). No bias where
BatchNormalization follows. Sequential, functional or subclassed."""
