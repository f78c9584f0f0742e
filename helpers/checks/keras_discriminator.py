"""Checks of lesson 05 on the discriminator in Keras; part of ``helpers.checks.discriminator``.

There::

    build_discriminator = keras_discriminator.register_build_discriminator(lesson)
    same_weights = keras_discriminator.register_same_weights(lesson)

Neither importing this module nor registering loads TensorFlow: the first check does. The string
below each function is what the lesson has to tell the learner about the exercise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks import keras_discriminator_parts as shared
from helpers.checks import keras_networks as tools
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask

if TYPE_CHECKING:
    import keras


def _probe(attempt: Callable) -> Generator[Question, Any, None]:
    yield ask("build_discriminator()", functools.partial(shared.complain_of_the_default, attempt))
    made = f"build_discriminator({shared.CONV_DIM})"
    network = yield ask(made, lambda: tools.a_network(attempt(shared.CONV_DIM)), compare=False)
    yield ask("The output for 8 images", lambda: shared.complain_of_the_output(network))
    yield ask("The weights", lambda: tools.complain_of_weights(network))
    look = yield ask("In training it", lambda: tools.look_at(network, shared.IMAGES), compare=False)
    yield ask("In training, the network", lambda: tools.complain_of_randomness(look))
    yield ask("Between the layers", lambda: _complain_of_pooling(look))
    yield ask("The maps", lambda: _complain_of_the_maps(look))
    yield ask("The images", lambda: shared.complain_of_the_images(look))
    yield ask("In training,", lambda: _complain_of_the_layers(look))
    yield ask("The logits", lambda: _complain_of_the_logits(look))
    yield ask("Weights that", lambda: tools.complain_of_idle_weights(network, shared.IMAGES))
    yield ask("The gradient", lambda: tools.complain_of_cut_inputs(network, shared.IMAGES))
    yield ask("In inference,", lambda: tools.complain_of_inference(network, shared.IMAGES))


def _complain_of_pooling(look: tools.Look) -> None:
    steps = look.first.steps
    for number, (step, later) in enumerate(zip(steps, steps[1:], strict=False), 1):
        if step.out.ndim == 4 and later.entering[0].size == step.out.shape[3] < step.out[0].size:
            raise Complaint(
                f"only one number is left of each of the {step.out.shape[3]} maps of "
                f"{step.out.shape[1]}x{step.out.shape[2]} that convolution {number} puts out.",
                mistake="global_pooling",
            )
        if step.out.ndim == 4 and not tools.same_size(step.out, later.entering):
            shapes = shared.listed([step.out.shape[1:], later.entering.shape[1:]]).replace(
                ", ", " to "
            )
            pooling = {"MaxPool": "max_pooling", "AvgPool": "average_pooling"}
            mistakes = [pooling[each] for each in pooling if each in look.watch.operations]
            raise Complaint(
                f"what convolution {number} puts out goes from {shapes} without weights.",
                mistake=mistakes[0] if mistakes else "",
            )
    if look.watch.operations & {"MaxPool", "MaxPoolV2", "AvgPool"}:
        raise Complaint("there is a pooling layer. Leave it out.")


def _complain_of_the_maps(look: tools.Look) -> None:
    steps = look.first.steps
    hidden = [step.out.shape[1:] for step in steps[:-1] if step.out.ndim == 4]
    maps = [step.out.shape[1:] for step in steps if step.out.ndim == 4]
    dense = [step.out.shape[1] for step in steps[:-1] if step.out.ndim == 2]
    if dense:
        raise Complaint(
            f"are followed by a dense layer of {dense[0]} units before the one that makes the "
            "logit.",
            mistake="hidden_dense",
        )
    if hidden == shared.MAPS:
        return
    remaining = iter(maps)
    if all(wanted in remaining for wanted in shared.MAPS):
        raise Complaint(
            f"are those of {len(hidden)} convolutions before the layer that makes the logit: "
            f"{shared.listed(hidden)}. Asked for are three, {shared.listed(shared.MAPS)}.",
            mistake="too_many_convolutions",
        )
    sizes, channels = [each[0] for each in maps], [each[2] for each in maps]
    mistake = ""
    if channels[:3] == [32, 64, 128]:
        mistake = "conv_dim_ignored"
    elif any(sizes[:3] == _valid_sizes(kernel) for kernel in (3, 4, 5)):
        mistake = "valid_padding"
    elif sizes[:3] == [32, 32, 32]:
        mistake = "stride_missing"
    elif sizes[:3] == [16, 8, 4]:
        mistake = "other_channels"
    elif 4 not in sizes:
        mistake = "block_missing"
    raise Complaint(
        f"of the convolutions are {shared.listed(maps)} with conv_dim={shared.CONV_DIM}. "
        f"Asked for is {shared.listed(shared.MAPS)}.",
        mistake=mistake,
    )


def _valid_sizes(kernel: int) -> list[int]:
    sizes = [32]
    while len(sizes) < 4:
        sizes.append((sizes[-1] - kernel) // 2 + 1)
    return sizes[1:]


def _complain_of_the_layers(look: tools.Look) -> None:
    for number in range(len(look.first.steps) - 1):
        tools.complain_of_what_follows(look, number, normalised=number > 0, slope=0.2)


def _complain_of_the_logits(look: tools.Look) -> None:
    for seen in (look.first, look.second, look.moved):  # the last with large logits
        shared.complain_of_changed_logits(seen.steps[-1].out.ravel(), seen.output.ravel())


# --- build_discriminator: answers, right and wrong ----------------------------------------------


def _stop_gradient(x: Any) -> Any:
    from helpers.keras import keras

    return keras.ops.stop_gradient(x)


def _near_0() -> Any:
    from helpers.keras import keras

    return keras.initializers.RandomNormal(0.0, 0.02, seed=1)


def _fixed_training(fixed: bool) -> Callable:
    """Subclassed, with batch normalisation told once and for all whether it trains."""

    def build(conv_dim=32):
        from helpers.keras import keras

        class Discriminator(keras.Model):
            def __init__(self):
                super().__init__()
                self.blocks = [shared.conv(conv_dim * 2**i) for i in range(3)]
                self.norms = [shared.layers().BatchNormalization() for _ in range(2)]
                self.logit = shared.layers().Dense(1)

            def call(self, x, training=False):
                x = keras.ops.leaky_relu(self.blocks[0](x))
                for block, norm in zip(self.blocks[1:], self.norms, strict=True):
                    x = keras.ops.leaky_relu(norm(block(x), training=fixed))
                return self.logit(keras.ops.reshape(x, (x.shape[0], -1)))

        return Discriminator()

    return build


def _made_in_call(conv_dim=32):
    from helpers.keras import keras

    class Discriminator(keras.Model):
        def call(self, x):
            for number, width in enumerate((conv_dim, 2 * conv_dim, 4 * conv_dim)):
                x = shared.conv(width)(x)
                for layer in shared.norm(number):
                    x = layer(x)
                x = shared.leaky()(x)
            return shared.layers().Dense(1)(shared.layers().Flatten()(x))

    return Discriminator()


def _default_of_64(conv_dim=64):
    return shared.build_like()(conv_dim)


def _freeze(network: Any) -> None:
    network.trainable = False


WRONG = {
    "keras_slope": Mistake(
        "That is what Keras' LeakyReLU does if it is told nothing. DCGAN's passes on 0.20: "
        "`keras.layers.LeakyReLU(negative_slope=0.2)`.",
        shared.build_like(
            between=lambda number: [*shared.norm(number), shared.layers().LeakyReLU()]
        ),
    ),
    "torch_slope": Mistake(
        "That is what PyTorch's LeakyReLU does if it is told nothing. DCGAN's passes on 0.20: "
        "`keras.layers.LeakyReLU(negative_slope=0.2)`.",
        shared.build_like(between=lambda number: [*shared.norm(number), shared.leaky(0.01)]),
    ),
    "relu": Mistake(
        "That is ReLU, for negative values of which no gradient comes back. DCGAN's discriminator "
        "has LeakyReLU, which passes on 0.20.",
        shared.build_like(between=lambda number: [*shared.norm(number), shared.layers().ReLU()]),
    ),
    "no_activation": Mistake(
        "So there is no activation, and two layers without one between them are no more than one. "
        "Put `keras.layers.LeakyReLU(negative_slope=0.2)` there.",
        shared.build_like(between=shared.norm),
    ),
    "other_activation": Mistake(
        "DCGAN's discriminator has LeakyReLU in all hidden layers: it passes on positive values "
        "as they are and 0.20 of negative ones.",
        shared.build_like(
            between=lambda number: [*shared.norm(number), shared.layers().Activation("tanh")]
        ),
    ),
    "no_batch_norm": Mistake(
        "Between convolution and LeakyReLU of the second and the third block belongs "
        "`keras.layers.BatchNormalization()`.",
        shared.build_like(between=lambda number: [shared.leaky()]),
    ),
    "frozen_batch_norm": Mistake(
        "BatchNormalization is there, but normalises by its running statistics even in training. "
        "Leave out `training=False`, and leave its `trainable` as it is, True.",
        _fixed_training(False),
    ),
    "always_training": Mistake(
        "So batch normalisation takes the batch's statistics even in inference. Leave out "
        "`training=True`: Keras hands on what the network is called with.",
        _fixed_training(True),
    ),
    "batch_norm_on_the_input_layer": Mistake(
        "Leave batch normalisation out in the first block: DCGAN's discriminator has none on its "
        "input layer, so that it sees the images' own brightness and contrast.",
        shared.build_like(between=lambda number: [*shared.norm(1), shared.leaky()]),
    ),
    "batch_norm_on_the_images": Mistake(
        "Batch normalisation comes before the first convolution. The discriminator has to see the "
        "images as they are: only the second and third block have one.",
        shared.build_like(before=lambda: shared.norm(1)),
    ),
    "images_changed": Mistake(
        "The discriminator gets images in (-1, 1), as the generator makes them: nothing comes "
        "before the first convolution.",
        shared.build_like(before=lambda: [shared.layers().Rescaling(1 / 127.5, -1)]),
    ),
    "batch_norm_after_the_activation": Mistake(
        "Asked for is the paper's order: convolution, batch normalisation, LeakyReLU. An "
        "`activation=` inside the convolution acts before what follows it.",
        shared.build_like(between=lambda number: [shared.leaky(), *shared.norm(number)]),
    ),
    "activation_twice": Mistake(
        "Is there an `activation=` inside the convolution? It acts before the batch normalisation "
        "that follows. Leave it out: LeakyReLU comes once, after batch normalisation.",
        shared.build_like(
            convolution=lambda width, number: shared.conv(
                width, activation="leaky_relu" if number else None
            )
        ),
    ),
    "batch_norm_twice": Mistake(
        "Batch normalisation stands before and after the activation. Once, before it, is enough.",
        shared.build_like(
            between=lambda number: [*shared.norm(number), shared.leaky(), *shared.norm(number)]
        ),
    ),
    "per_image": Mistake(
        "That is layer, group or instance normalisation. `keras.layers.BatchNormalization()` takes "
        "a channel's mean and variance over the whole batch.",
        shared.build_like(between=lambda number: _per_image(number)),
    ),
    "bias_before_batch_norm": Mistake(
        "Batch normalisation subtracts the mean, and with it the bias of the convolution before "
        "it; its own beta takes the bias's place. `use_bias=False` in those convolutions.",
        shared.build_like(convolution=lambda width, number: shared.conv(width, use_bias=True)),
    ),
    "constant_weights": Mistake(
        "Filters that begin alike stay alike, and zeros do not even get a gradient. Leave out the "
        "initializer, or take `keras.initializers.RandomNormal(0.0, 0.02)`.",
        shared.build_like(
            convolution=lambda width, number: shared.conv(width, kernel_initializer="zeros")
        ),
    ),
    "detached": Mistake(
        "So nothing there can learn. Leave out `stop_gradient`, and compute with `keras.ops` all "
        "the way.",
        shared.build_like(
            head=lambda width: [
                shared.layers().Flatten(),
                shared.layers().Dense(1),
                shared.layers().Lambda(_stop_gradient),
            ]
        ),
    ),
    "input_detached": Mistake(
        "The generator learns from that gradient, which comes to it through the images: leave out "
        "`stop_gradient`.",
        shared.build_like(before=lambda: [shared.layers().Lambda(_stop_gradient)]),
    ),
    "sigmoid": Mistake(
        "Leave out the sigmoid: the losses of this course take logits and have it inside, where "
        "it does not overflow.",
        shared.build_like(
            head=lambda width: [shared.layers().Flatten(), shared.layers().Dense(1, "sigmoid")]
        ),
    ),
    "logits_changed": Mistake(
        "Nothing comes after the dense layer that makes the logit: no batch normalisation and no "
        "activation.",
        shared.build_like(
            head=lambda width: [
                shared.layers().Flatten(),
                shared.layers().Dense(1),
                *shared.norm(1),
            ]
        ),
    ),
    "max_pooling": Mistake(
        "That is max pooling. DCGAN lets the convolutions do it, with `strides=2`, so that how to "
        "halve the maps is learnt.",
        shared.build_like(
            convolution=lambda width, number: shared.conv(width, **shared.PADDED),
            between=lambda number: [
                *shared.norm(number),
                shared.leaky(),
                shared.layers().MaxPooling2D(),
            ],
        ),
    ),
    "average_pooling": Mistake(
        "That is average pooling. DCGAN lets the convolutions do it, with `strides=2`, so that "
        "how to halve the maps is learnt.",
        shared.build_like(
            convolution=lambda width, number: shared.conv(width, **shared.PADDED),
            between=lambda number: [
                *shared.norm(number),
                shared.leaky(),
                shared.layers().AveragePooling2D(2),
            ],
        ),
    ),
    "global_pooling": Mistake(
        "That is global pooling. The paper tried the average: more stable, but slower to "
        "converge. Here all numbers of the last maps count: `keras.layers.Flatten()`.",
        shared.build_like(
            head=lambda width: [shared.layers().GlobalAveragePooling2D(), shared.layers().Dense(1)]
        ),
    ),
    "valid_padding": Mistake(
        'Without padding a convolution loses the border. `padding="same"` with `strides=2` '
        "halves the size exactly.",
        shared.build_like(convolution=lambda width, number: shared.conv(width, padding="valid")),
    ),
    "stride_missing": Mistake(
        "A convolution has stride 1 if it is told nothing. Each one here halves the size: "
        "`strides=2`.",
        shared.build_like(convolution=lambda width, number: shared.conv(width, **shared.PADDED)),
    ),
    "too_many_convolutions": Mistake(
        "Three convolutions, each with stride 2, take 32 to 16, 8 and 4; no others stand between "
        "them or after them. (SeparableConv2D is two in one.)",
        shared.build_like(
            convolution=lambda width, number: shared.conv(width, strides=1 if number == 2 else 2),
            widths=lambda conv_dim: (conv_dim, 2 * conv_dim, 2 * conv_dim, 4 * conv_dim),
        ),
    ),
    "another_default": Mistake(
        "Keep the first line as it was: `def build_discriminator(conv_dim=32):`",
        _default_of_64,
    ),
    "block_missing": Mistake(
        "Three blocks take 32 to 16, 8 and 4: at least one of them is missing.",
        shared.build_like(widths=lambda conv_dim: (conv_dim, 2 * conv_dim)),
    ),
    "conv_dim_ignored": Mistake(
        "The numbers of filters are written into the function. They follow from conv_dim: "
        "conv_dim, 2 * conv_dim, 4 * conv_dim.",
        shared.build_like(widths=lambda conv_dim: (32, 64, 128)),
    ),
    "other_channels": Mistake(
        "The sizes are right, the numbers of filters are not: conv_dim, 2 * conv_dim, "
        "4 * conv_dim.",
        shared.build_like(widths=lambda conv_dim: (conv_dim, conv_dim, conv_dim)),
    ),
    "channels_first": Mistake(
        "Keras' images have the channels last: `keras.Input((32, 32, 3))`.",
        shared.build_like(shape=(3, 32, 32)),
    ),
    "flatten_missing": Mistake(
        "The last maps have to become one row per image before the dense layer: "
        "`keras.layers.Flatten()`. (After a last convolution to 1x1 it is missing just so.)",
        shared.build_like(head=lambda width: [shared.layers().Dense(1)]),
    ),
    "hidden_dense": Mistake(
        "DCGAN has no hidden dense layers: the flattened maps go straight to the one that makes "
        "the logit.",
        shared.build_like(
            head=lambda width: [
                shared.layers().Flatten(),
                shared.layers().Dense(10),
                shared.leaky(),
                shared.layers().Dense(1),
            ]
        ),
    ),
    "dropout": Mistake(
        "That is dropout, which DCGAN's guidelines do not have; batch normalisation already makes "
        "an image's logit depend a little on chance, on the rest of its batch. Leave it out.",
        shared.build_like(
            between=lambda number: [
                *shared.norm(number),
                shared.leaky(),
                shared.layers().Dropout(0.3),
            ]
        ),
    ),
    "not_trainable": Mistake(
        "Leave `trainable` True: the discriminator is frozen, if ever, by the optimiser that does "
        "not get its variables.",
        shared.build_like(change=_freeze),
    ),
    "layers_made_in_call": Mistake(
        "Make the layers in `__init__` and keep them in `self`: those made in `call` are new, "
        "with new weights, at each call.",
        _made_in_call,
    ),
}


def _per_image(number: int) -> list[Any]:
    return [*([shared.layers().GroupNormalization(1)] if number else []), shared.leaky()]


def _functional(conv_dim=32):
    from helpers.keras import keras

    layers = keras.layers
    images = keras.Input((32, 32, 3))
    x = layers.Conv2D(conv_dim, 5, 2, "same")(images)  # no normalisation follows: a bias is right
    x = layers.LeakyReLU(0.2)(x)
    for factor in (2, 4):
        x = layers.Conv2D(factor * conv_dim, 5, 2, "same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.8, epsilon=1e-5)(x)
        x = layers.LeakyReLU(0.2)(x)
    return keras.Model(images, layers.Dense(1)(layers.Flatten()(x)))


def _activation_in_the_layer(conv_dim=32):
    from helpers.keras import keras

    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(conv_dim, 4, 2, "same", activation=layers.LeakyReLU(negative_slope=0.2)),
            layers.Conv2D(2 * conv_dim, 4, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(negative_slope=0.2),
            layers.Conv2D(4 * conv_dim, 4, 2, "same", use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.Activation(lambda x: keras.activations.leaky_relu(x, negative_slope=0.2)),
            layers.Reshape((-1,)),
            layers.Dense(1, activation="linear"),
        ]
    )


def _subclassed(conv_dim=32):
    from helpers.keras import keras

    layers = keras.layers

    class Discriminator(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)  # not in the order of their use
            self.norms = [layers.BatchNormalization() for _ in range(2)]
            self.convolutions = [
                layers.Conv2D(conv_dim * 2**i, 4, strides=2, padding="same", use_bias=False)
                for i in range(3)
            ]

        def call(self, images, training=False):
            x = keras.ops.leaky_relu(self.convolutions[0](images), 0.2)
            for convolution, norm in zip(self.convolutions[1:], self.norms, strict=True):
                x = keras.ops.leaky_relu(norm(convolution(x), training=training), 0.2)
            return self.dense(keras.ops.reshape(x, (-1, 16 * 4 * conv_dim)))

    return Discriminator()


def _subclassed_with_tensorflow(conv_dim=32):
    from helpers.keras import keras, tf

    @tf.function
    def leaky(x):
        return tf.where(x > 0, x, 0.2 * x)

    class Discriminator(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [
                shared.conv(conv_dim),
                shared.conv(2 * conv_dim),
                shared.conv(4 * conv_dim),
            ]
            self.norms = {"1": shared.norm(1)[0], "2": shared.norm(2)[0]}
            self.logit = shared.layers().Dense(1)

        def call(self, x):  # Keras hands training on
            for i, block in enumerate(self.blocks):
                x = block(x)
                if i:
                    x = self.norms[str(i)](x)
                x = tf.maximum(x, 0.2 * x) if i < 2 else leaky(x)
            return self.logit(tf.reshape(x, [tf.shape(x)[0], -1]))

    return Discriminator()


def _by_hand(conv_dim=32):
    """Convolutions without Keras' layers, batch normalisation written out."""
    from helpers.keras import keras, tf
    from helpers.keras.batch_norm import BatchNorm

    class Convolution(keras.layers.Layer):
        def __init__(self, width):
            super().__init__()
            self.width = width

        def build(self, shape):
            self.kernel = self.add_weight(
                shape=(4, 4, shape[-1], self.width), initializer="glorot_uniform"
            )

        def call(self, x):
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            return tf.nn.conv2d(x, self.kernel, strides=2, padding="VALID")

    parts = []
    for number in range(3):
        parts.append(Convolution(conv_dim * 2**number))
        parts += [BatchNorm()] if number else []
        parts.append(keras.layers.Lambda(lambda x: tf.nn.leaky_relu(x)))  # its default is 0.2
    parts += [keras.layers.Flatten(), keras.layers.Dense(1)]
    return keras.Sequential(parts)


def _with_zero_padding_and_permutation(conv_dim=32):
    from helpers.keras import keras

    layers = keras.layers
    images = x = keras.Input((32, 32, 3))
    for number in range(3):
        x = layers.ZeroPadding2D(1)(x)
        x = layers.Conv2D(conv_dim * 2**number, 4, 2, use_bias=False)(x)
        x = layers.BatchNormalization()(x) if number else x
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))  # flattened as PyTorch does
    return keras.Model(images, layers.Dense(1)(x))


def _nested(conv_dim=32):
    from helpers.keras import keras

    def block(width, normalised):
        parts = [shared.conv(width), *shared.norm(int(normalised)), shared.leaky()]
        return keras.Sequential(parts)

    network = keras.Sequential([block(conv_dim, False), block(2 * conv_dim, True)])
    network.add(block(4 * conv_dim, True))
    network.add(keras.layers.Conv2D(1, 4, padding="valid"))
    network.add(keras.layers.Flatten())
    return network


_RIGHT = [
    shared.build_like(),
    _functional,
    _activation_in_the_layer,
    _subclassed,
    _subclassed_with_tensorflow,
    _by_hand,
    _with_zero_padding_and_permutation,
    _nested,
    shared.build_like(
        convolution=lambda width, number: shared.conv(width, 5, use_bias=number == 0)
    ),
    shared.build_like(  # scales that begin near 0
        between=lambda number: [*shared.norm(number, gamma_initializer=_near_0()), shared.leaky()],
    ),
]


def register_build_discriminator(lesson: Lesson) -> Exercise:
    """Add the exercise ``build_discriminator`` to the lesson."""
    return lesson.exercise(
        "helpers.keras.discriminator.build_discriminator",
        probe=_probe,
        names_mistakes=True,
        mistakes=WRONG,
        hints=[
            "It is the network of `Discriminator`, layer by layer, with keras.layers' "
            '`Conv2D(filters, 4, strides=2, padding="same", use_bias=False)`, '
            "`BatchNormalization()`, `LeakyReLU(...)`, `Flatten()` and `Dense(1)`. Keras works out "
            "the input channels itself.",
            "Three things differ from PyTorch's defaults: a LeakyReLU without arguments has slope "
            "0.3, an `activation=` inside Conv2D acts before batch normalisation, and images are "
            "(32, 32, 3), the channels last.",
            "keras.Sequential([keras.Input((32, 32, 3)), convolution, LeakyReLU, and twice "
            "convolution, BatchNormalization, LeakyReLU with 2 and 4 times conv_dim filters; then "
            "Flatten and Dense(1)]).",
        ],
        right=_RIGHT,
        difficulty=3,
        minutes=12,
        seconds=10,
    )


"""build_discriminator(conv_dim=32) -> a Keras model, images (N, 32, 32, 3) to logits (N, 1).
(●●●, 12 min)

Three strided convolutions, padding "same", to 16 x 16 with conv_dim filters, 8 x 8 with
2 * conv_dim, 4 x 4 with 4 * conv_dim; kernel 4 (5 passes too). After each LeakyReLU with slope 0.2,
after the second and third BatchNormalization before it, and no bias where it follows. Flatten,
Dense(1), no sigmoid. No pooling and no dropout. Sequential, functional or subclassed."""


# --- same_weights -----------------------------------------------------------------------------


_WIDTHS = (2, 3)  # two, so that none can be written into the answer
_NORMALISATION = ("gamma", "beta", "running mean", "running variance")
_NAMES = (
    "the kernel of convolution 1",
    "the kernel of convolution 2",
    *(f"the {name} of normalisation 1" for name in _NORMALISATION),
    "the kernel of convolution 3",
    *(f"the {name} of normalisation 2" for name in _NORMALISATION),
    "the kernel of the dense layer",
    "the bias of the dense layer",
)


def _named(*parts: str) -> list[str]:
    return [name for name in _NAMES if any(part in name for part in parts)]


# Mistakes by the arrays that Keras keeps.
_LEFT_OUT = {
    "running_statistics_missing": _named("running"),
    "running_variance_missing": _named("running variance"),
    "running_mean_missing": _named("running mean"),
    "gamma_and_beta_missing": _named("gamma", "beta"),
    "normalisation_missing": _named("normalisation"),
    "dense_bias_missing": _named("bias"),
    "dense_layer_missing": _named("dense"),
    "convolutions_missing": _named("convolution"),
    "convolutions_only": _named("normalisation", "dense"),
    "kernels_only": _named("normalisation", "bias"),
    "first_layer_only": list(_NAMES[1:]),
}


@dataclass(frozen=True)
class _Pair:
    """Both networks, PyTorch's arrays, and Keras' as they start and as they should become."""

    torch_network: Any
    keras_network: Any
    given: list[np.ndarray]
    before: list[np.ndarray]
    expected: list[np.ndarray]

    def now(self) -> list[np.ndarray]:
        return self.keras_network.get_weights()

    def now_equal(self, arrays: Sequence[np.ndarray]) -> list[bool]:
        return [_near(now, array) for now, array in zip(self.now(), arrays, strict=True)]


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, 1e-5, 1e-6)


def _arrays(torch_network: Any) -> list[np.ndarray]:
    values = [value.numpy().copy() for value in torch_network.state_dict().values()]
    return [array for array in values if array.ndim]


def _pair(conv_dim: int) -> _Pair:
    import torch

    from helpers.parity import same_weights
    from helpers.pytorch.discriminator import Discriminator

    torch_network = Discriminator(conv_dim).eval()
    draw = np.random.default_rng(conv_dim)
    for name, value in torch_network.state_dict().items():
        if "num_batches" not in name:
            most = 3.0 if "running_var" in name else 0.9
            sign = draw.choice([-1, 1], value.shape) if value.ndim > 1 else 1
            value.copy_(torch.tensor(sign * draw.uniform(0.3, most, value.shape)))
    keras_network = _keras_network(conv_dim)
    same_weights(torch_network, keras_network)
    expected = keras_network.get_weights()
    before = [draw.uniform(0.1, 0.11, each.shape) for each in expected]
    keras_network.set_weights(before)
    return _Pair(torch_network, keras_network, _arrays(torch_network), before, expected)


def _keras_network(conv_dim: int) -> keras.Model:
    """A new one for every attempt, which may change more than its weights."""
    from helpers.keras.discriminator import build_discriminator

    return build_discriminator(conv_dim)


def _same_weights_probe(attempt: Callable) -> Generator[Question, Any, None]:
    for conv_dim in _WIDTHS:
        with_width = f"with conv_dim={conv_dim}"
        pair = _pair(conv_dim)
        result = yield ask(
            f"same_weights(torch_discriminator, keras_discriminator) {with_width}",
            functools.partial(_copy, attempt, pair),
            compare=False,
        )
        yield ask(
            f"The PyTorch discriminator {with_width}",
            functools.partial(_complain_of_a_change, pair),
        )
        yield ask(
            f"The Keras discriminator {with_width}",
            functools.partial(_complain_of_what_is_copied, pair, result),
        )
    yield ask("Afterwards, in inference,", lambda: _complain_of_logits(pair))


def _copy(attempt: Callable, pair: _Pair) -> Any:
    try:
        return attempt(pair.torch_network, pair.keras_network)
    except ValueError as error:
        told = str(error).partition(". Target variable")[0][:300].rstrip(".")
        signs = {
            "weight list of length": "number_of_arrays",
            "cannot reshape": "sizes_written_in",
            "shape": "shapes",
        }
        found = [mistake for sign, mistake in signs.items() if sign in told]
        if not found:
            raise
        raise Complaint(f"raised ValueError: {told}.", mistake=found[0]) from None


def _complain_of_a_change(pair: _Pair) -> None:
    now = _arrays(pair.torch_network)
    if all(map(_near, now, pair.given)):
        return
    copied_back = _near(now[0], pair.before[0].transpose(3, 2, 0, 1))
    raise Complaint(
        "has other weights than before.",
        mistake="copied_the_other_way" if copied_back else "pytorch_changed",
    )


def _complain_of_what_is_copied(pair: _Pair, result: Any) -> None:
    right, untouched = pair.now_equal(pair.expected), pair.now_equal(pair.before)
    if all(right):
        return
    if all(untouched):
        if hasattr(result, "get_weights"):
            raise Complaint("is as it was, though you return a network.", mistake="another_network")
        raise Complaint(
            "is as it was. What `get_weights()` and `.numpy()` give are copies: hand the new "
            "arrays to `set_weights` or to a variable's `assign`."
        )
    left = [name for name, is_left in zip(_NAMES, untouched, strict=True) if is_left]
    if left:
        slugs = [slug for slug, names in _LEFT_OUT.items() if left == names]
        raise Complaint(
            f"keeps {len(left)} of its {len(_NAMES)} arrays: {_listed(left)}.",
            mistake=slugs[0] if slugs else "",
        )
    wrong = [number for number, is_right in enumerate(right) if not is_right]
    told, slug = _what_is_wrong(pair, wrong[0])
    names = _listed([_NAMES[number] for number in wrong])
    raise Complaint(
        f"has wrong numbers in {len(wrong)} of its {len(_NAMES)} arrays: {names}. {told}",
        mistake=slug,
    )


def _listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - 2} more"] if names[3:] else []
    return ", ".join([*names[: 2 if more else 3], *more])


def _what_is_wrong(pair: _Pair, number: int) -> tuple[str, str]:
    """In words and by slug, for the first array that is wrong."""
    now, given, expected = pair.now()[number], pair.given[number], pair.expected[number]
    if given.ndim == 4:
        if _near(now, given.reshape(expected.shape)):
            return "PyTorch's numbers in PyTorch's order fill another shape.", "reshaped"
        if _near(now, expected[::-1, ::-1]):
            return "Each kernel is turned by half.", "kernels_turned"
        if _near(now, expected.swapaxes(0, 1)):
            return "Height and width have changed places.", "height_and_width_swapped"
    elif given.ndim == 2:
        if _near(now, given.T):
            return "They still are in the order C, H, W.", "dense_not_sorted"
        maps = expected.reshape(4, 4, -1)
        if _near(now, maps.swapaxes(0, 1).reshape(-1, 1)):
            return "They are in the order W, H, C.", "dense_height_and_width_swapped"
        if _near(np.sort(now, axis=0), np.sort(expected, axis=0)):
            return "They are the right ones in another order.", "dense_sorted_otherwise"
    elif "normalisation" in _NAMES[number]:
        mine = next(each for each in _NORMALISATION if f"the {each} " in _NAMES[number])
        start = number - _NORMALISATION.index(mine)
        group = dict(zip(_NORMALISATION, pair.given[start : start + 4], strict=True))
        found = [name for name, array in group.items() if _near(now, array)]
        if found:
            swapped = {
                ("gamma", "beta"): "gamma_and_beta_swapped",
                ("running mean", "running variance"): "statistics_swapped",
            }
            slug = swapped.get((mine, found[0]), "normalisation_order")
            return f"The {mine} is PyTorch's {found[0]}.", slug
        if _near(now, np.sqrt(expected)):
            return f"The {mine} is the root of PyTorch's.", "deviations"
    wanted, seen = (np.ravel(each)[np.abs(now - expected).argmax()] for each in (expected, now))
    return f"In {_NAMES[number]} one number is {seen:.3g} and should be {wanted:.3g}.", ""


def _complain_of_logits(pair: _Pair) -> None:
    import torch

    with torch.no_grad():
        wanted = pair.torch_network(torch.tensor(shared.IMAGES).permute(0, 3, 1, 2)).numpy()
    logits = np.asarray(pair.keras_network(shared.IMAGES, training=False))
    difference = np.abs(logits - wanted).max() / np.abs(wanted).max()
    if difference > 0.01:  # a GPU may compute with three digits; the weights are equal by now
        raise Complaint(
            f"the logits differ by a share of {difference:.2g}, though all arrays are equal. Has "
            "something else changed in one of the networks, such as a mode, an eps or a slope?"
        )


# --- same_weights: answers, right and wrong ---------------------------------------------------


def _copier(
    kernel: Callable = lambda array: array.transpose(2, 3, 1, 0),
    dense: Callable = lambda array: array.reshape(-1, 4, 4).transpose(1, 2, 0).reshape(-1, 1),
    normalisation: Callable = lambda arrays: arrays,
    kept: Sequence[str] = (),
) -> Callable:
    """Copies as same_weights does but for a part; what is kept stays as it is in Keras."""

    def same_weights(torch_discriminator, keras_discriminator):
        arrays = _arrays(torch_discriminator)
        for number, array in enumerate(arrays):
            if array.ndim > 1:
                arrays[number] = (kernel if array.ndim == 4 else dense)(array)
        for start in (2, 7):
            arrays[start : start + 4] = normalisation(arrays[start : start + 4])
        own = zip(_NAMES, keras_discriminator.get_weights(), arrays, strict=True)
        keras_discriminator.set_weights([old if name in kept else new for name, old, new in own])

    return same_weights


def _left(slug: str) -> Callable:
    return _copier(kept=_LEFT_OUT[slug])


def _all_of_the_state(torch_discriminator, keras_discriminator):
    arrays = [value.numpy() for value in torch_discriminator.state_dict().values()]
    keras_discriminator.set_weights(arrays)


def _parameters_only(torch_discriminator, keras_discriminator):
    for parameter, variable in zip(
        torch_discriminator.parameters(), keras_discriminator.trainable_variables, strict=True
    ):
        array = parameter.detach().numpy()
        if array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        elif array.ndim == 2:
            array = array.reshape(-1, 4, 4).transpose(1, 2, 0).reshape(-1, 1)
        variable.assign(array)


def _other_way(torch_discriminator, keras_discriminator):
    from helpers.parity import to_torch

    to_torch(keras_discriminator, torch_discriminator)


def _halves_the_kernels(torch_discriminator, keras_discriminator):
    _copier()(torch_discriminator, keras_discriminator)
    for value in torch_discriminator.state_dict().values():
        if value.ndim == 4:
            array = value.numpy()
            array /= 2


def _a_new_network(torch_discriminator, keras_discriminator):
    from helpers.keras import keras

    network = keras.models.clone_model(keras_discriminator)
    _copier()(torch_discriminator, network)
    return network


_WRONG_COPIES = {
    "number_of_arrays": Mistake(
        "PyTorch's state_dict has arrays without a twin: each BatchNorm2d counts its batches in "
        "num_batches_tracked. Leave them out.",
        _all_of_the_state,
    ),
    "shapes": Mistake(
        "PyTorch keeps a convolution's kernel as (out, in, H, W), Keras as (H, W, in, out): "
        "`transpose(2, 3, 1, 0)`. A dense layer's is (out, in) there and (in, out) here.",
        _copier(kernel=lambda array: array.transpose(2, 3, 0, 1)),
    ),
    "sizes_written_in": Mistake(
        "The number of maps depends on conv_dim: let reshape work it out, `reshape(-1, 4, 4)`.",
        _copier(dense=lambda a: a.reshape(128, 4, 4).transpose(1, 2, 0).reshape(-1, 1)),
    ),
    "reshaped": Mistake(
        "`reshape` keeps the numbers in their order and only counts them off otherwise. Axes "
        "change places by `transpose(2, 3, 1, 0)`.",
        _copier(kernel=lambda a: a.reshape(*a.shape[2:], a.shape[1], a.shape[0])),
    ),
    "height_and_width_swapped": Mistake(
        "`.T` and `transpose(3, 2, 1, 0)` turn the order of all four axes round, so each kernel "
        "is mirrored. From (out, in, H, W) to (H, W, in, out) is `transpose(2, 3, 1, 0)`.",
        _copier(kernel=lambda array: array.T),
    ),
    "kernels_turned": Mistake(
        "No kernel has to be turned: both frameworks lay it on the image as it is (mathematicians "
        "call that a cross-correlation).",
        _copier(kernel=lambda array: array[:, :, ::-1, ::-1].transpose(2, 3, 1, 0)),
    ),
    "dense_not_sorted": Mistake(
        "PyTorch flattens the last maps (C, 4, 4), Keras (4, 4, C). Make maps of the dense "
        "layer's kernel, `reshape(-1, 4, 4)`, transpose them, and flatten them again.",
        _copier(dense=lambda array: array.T),
    ),
    "dense_height_and_width_swapped": Mistake(
        "From (C, H, W) to (H, W, C) is `transpose(1, 2, 0)`; `.T` gives (W, H, C).",
        _copier(dense=lambda array: array.reshape(-1, 4, 4).T.reshape(-1, 1)),
    ),
    "dense_sorted_otherwise": Mistake(
        "PyTorch flattens the last maps (C, 4, 4), so that is what the dense layer's kernel has "
        "to be reshaped to: `reshape(-1, 4, 4)`. Then `transpose(1, 2, 0)`, and flatten.",
        _copier(dense=lambda array: array.reshape(4, 4, -1).transpose(2, 0, 1).reshape(-1, 1)),
    ),
    "gamma_and_beta_swapped": Mistake(
        "PyTorch's `weight` of a normalisation is gamma, its `bias` is beta.",
        _copier(normalisation=lambda arrays: [arrays[i] for i in (1, 0, 2, 3)]),
    ),
    "statistics_swapped": Mistake(
        "Keras lists the moving mean before the moving variance, as PyTorch does.",
        _copier(normalisation=lambda arrays: [arrays[i] for i in (0, 1, 3, 2)]),
    ),
    "normalisation_order": Mistake(
        "Keras lists a normalisation's arrays in the order gamma, beta, moving mean, moving "
        "variance; PyTorch's weight, bias, running_mean, running_var are the same ones.",
        _copier(normalisation=lambda arrays: [arrays[i] for i in (2, 3, 0, 1)]),
    ),
    "deviations": Mistake(
        "Both frameworks keep the variance. Copy running_var as it is.",
        _copier(normalisation=lambda arrays: [*arrays[:3], np.sqrt(arrays[3])]),
    ),
    "running_statistics_missing": Mistake(
        "The running mean and variance are no parameters, but inference needs them: they are in "
        "the `state_dict()`, and in Keras among the `weights`.",
        _parameters_only,
    ),
    "running_variance_missing": Mistake(
        "Copy running_var too, to the moving variance.", _left("running_variance_missing")
    ),
    "running_mean_missing": Mistake(
        "Copy running_mean too, to the moving mean.", _left("running_mean_missing")
    ),
    "gamma_and_beta_missing": Mistake(
        "A normalisation learns too: its weight is Keras' gamma, its bias Keras' beta.",
        _left("gamma_and_beta_missing"),
    ),
    "normalisation_missing": Mistake(
        "Each normalisation has four arrays to copy: weight, bias, running_mean and running_var.",
        _left("normalisation_missing"),
    ),
    "dense_bias_missing": Mistake(
        "The dense layer is the one with a bias. Copy it as it is.", _left("dense_bias_missing")
    ),
    "dense_layer_missing": Mistake(
        "The dense layer makes the logit: copy its kernel, sorted, and its bias.",
        _left("dense_layer_missing"),
    ),
    "convolutions_missing": Mistake(
        "The kernels of the convolutions go from (out, in, H, W) to (H, W, in, out).",
        _left("convolutions_missing"),
    ),
    "convolutions_only": Mistake(
        "Normalisations and the dense layer have weights as well.", _left("convolutions_only")
    ),
    "kernels_only": Mistake(
        "Arrays with one axis count too: gamma, beta, the running statistics and the bias. Copy "
        "them as they are.",
        _left("kernels_only"),
    ),
    "first_layer_only": Mistake(
        "You stop after the first layer: does the loop end in a `return`?",
        _left("first_layer_only"),
    ),
    "copied_the_other_way": Mistake(
        "You copy from Keras to PyTorch. The second network gets the weights of the first.",
        _other_way,
    ),
    "pytorch_changed": Mistake(
        "What `.numpy()` gives shares its memory with the tensor: change numbers in a copy only.",
        _halves_the_kernels,
    ),
    "another_network": Mistake(
        "Give the weights to the network that you get: `keras_discriminator.set_weights(...)`.",
        _a_new_network,
    ),
}


def _by_layers(torch_discriminator, keras_discriminator):
    from torch import nn

    layers = [layer for layer in keras_discriminator.layers if layer.weights]
    modules = [
        m for m in torch_discriminator.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)
    ]
    for module, layer in zip(modules, layers, strict=False):
        if isinstance(module, nn.Conv2d):
            layer.set_weights([module.weight.detach().permute(2, 3, 1, 0).numpy()])
        else:
            learnt = [module.weight.detach(), module.bias.detach()]
            layer.set_weights([*learnt, module.running_mean, module.running_var])
    dense = torch_discriminator.dense
    maps = dense.weight.detach().numpy().reshape(-1, 4, 4)
    layers[-1].kernel.assign(np.moveaxis(maps, 0, -1).reshape(-1, 1))
    layers[-1].bias.assign(dense.bias.detach().numpy())
    return keras_discriminator


def _by_variables(torch_discriminator, keras_discriminator):
    values = [value for value in torch_discriminator.state_dict().values() if value.ndim]
    for value, variable in zip(values, keras_discriminator.weights, strict=True):
        if value.ndim == 4:
            value = value.permute(2, 3, 1, 0)
        if value.ndim == 2:
            channels = len(value[0]) // 16
            rows = [value[0, c * 16 + p] for p in range(16) for c in range(channels)]
            value = np.array(rows, "float32")[:, None]
        variable.assign(value)


def _by_parity(torch_discriminator, keras_discriminator):
    from helpers.parity import to_keras

    return to_keras(torch_discriminator, keras_discriminator)


def register_same_weights(lesson: Lesson) -> Exercise:
    """Add the exercise ``same_weights`` to the lesson."""
    return lesson.exercise(
        "helpers.parity.same_weights",
        probe=_same_weights_probe,
        names_mistakes=True,
        mistakes=_WRONG_COPIES,
        hints=[
            "`torch_discriminator.state_dict()` and `keras_discriminator.weights` list the same "
            "arrays in the same order, but for num_batches_tracked, which has no axis. Go through "
            "the values, bring each into Keras' shape, and hand the list to `set_weights`.",
            "By its number of axes: 4 is a convolution's kernel, (out, in, H, W) to (H, W, in, "
            "out); 2 is the dense layer's, (1, C * 4 * 4) to (4 * 4 * C, 1); 1 stays as it is; 0 "
            "is left out.",
            "`array.transpose(2, 3, 1, 0)` for 4 axes, `array.reshape(-1, 4, 4).transpose(1, 2, "
            "0).reshape(-1, 1)` for 2.",
        ],
        right=[_copier(), _by_layers, _by_variables, _by_parity],
        difficulty=3,
        minutes=12,
        seconds=10,
    )


"""same_weights(torch_discriminator, keras_discriminator): gives the Keras network, in place, the
weights and running statistics of the PyTorch one. (●●●, 12 min)

Both are the course's own (helpers.pytorch.discriminator.Discriminator and
helpers.keras.discriminator.build_discriminator) with the same conv_dim, which may be any number.
Kernels are (out, in, H, W) there and (H, W, in, out) here; the dense layer's inputs are the last
maps flattened in the order C, H, W there and H, W, C here (4 x 4 maps). Gamma, beta, running mean
and running variance are copied as they are; num_batches_tracked has no twin. What is returned does
not matter. The PyTorch network must stay as it is."""
