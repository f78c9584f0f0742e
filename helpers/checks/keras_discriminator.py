"""Checks of lesson 05 on the discriminator in Keras; part of ``helpers.checks.discriminator``.

There::

    build_discriminator = keras_discriminator.register_build_discriminator(lesson)
    same_weights = keras_discriminator.register_same_weights(lesson)

Neither importing this module nor registering loads TensorFlow: the first check does. The string
below each function is what the lesson has to tell the learner about the exercise.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks import keras_networks as tools
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask

if TYPE_CHECKING:
    import keras

_CONV_DIM = 3
_IMAGES = np.tanh(0.2 + 0.6 * tools.numbers((8, 32, 32, 3), 1))
_MAPS = [(16, 16, _CONV_DIM), (8, 8, 2 * _CONV_DIM), (4, 4, 4 * _CONV_DIM)]


def _probe(attempt: Callable) -> Generator[Question, Any, None]:
    made = f"build_discriminator({_CONV_DIM})"
    network = yield ask(made, lambda: tools.a_network(attempt(_CONV_DIM)), compare=False)
    yield ask("The output for 8 images", lambda: _complain_of_the_output(network))
    yield ask("The weights", lambda: tools.complain_of_weights(network))
    look = yield ask("In training it", lambda: tools.look_at(network, _IMAGES), compare=False)
    yield ask("In training, the network", lambda: tools.complain_of_randomness(look))
    yield ask("Between the layers", lambda: _complain_of_pooling(look))
    yield ask("The maps", lambda: _complain_of_the_maps(look))
    yield ask("The images", lambda: _complain_of_the_images(look))
    yield ask("In training,", lambda: _complain_of_the_layers(look))
    yield ask("The logits", lambda: _complain_of_the_logits(look))
    yield ask("Weights that", lambda: tools.complain_of_idle_weights(network, _IMAGES))
    yield ask("In inference,", lambda: tools.complain_of_inference(network, _IMAGES))


def _complain_of_the_output(network: keras.Model) -> None:
    try:
        shape = tuple(network(_IMAGES, training=False).shape)
    except Exception:
        try:
            network(_IMAGES.transpose(0, 3, 1, 2), training=False)
        except Exception:  # then the channels' place is not what is wrong
            pass
        else:
            raise Complaint(
                "is an error: your network takes images of shape (8, 3, 32, 32), not "
                "(8, 32, 32, 3).",
                mistake="channels_first",
            ) from None
        raise
    if shape == (8, 1):
        return
    mistake = "flatten_missing" if len(shape) == 4 and shape[-1] == 1 else ""
    raise Complaint(f"has shape {shape}. One logit for each makes it (8, 1).", mistake=mistake)


def _told(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes) or "none"


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
            shapes = _told([step.out.shape[1:], later.entering.shape[1:]]).replace(", ", " to ")
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
    maps = [step.out.shape[1:] for step in steps if step.out.ndim == 4]
    dense = [step.out.shape[1] for step in steps[:-1] if step.out.ndim == 2]
    if dense:
        raise Complaint(
            f"are followed by a dense layer of {dense[0]} units before the one that makes the "
            "logit.",
            mistake="hidden_dense",
        )
    remaining = iter(maps)
    if all(wanted in remaining for wanted in _MAPS):
        return
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
        f"of the convolutions are {_told(maps)} with conv_dim={_CONV_DIM}. Asked for is "
        f"{_told(_MAPS)}.",
        mistake=mistake,
    )


def _valid_sizes(kernel: int) -> list[int]:
    sizes = [32]
    while len(sizes) < 4:
        sizes.append((sizes[-1] - kernel) // 2 + 1)
    return sizes[1:]


def _complain_of_the_images(look: tools.Look) -> None:
    entering = look.first.steps[0].entering
    if tools.unchanged(_IMAGES, entering):
        return
    mean, deviation = entering.mean((0, 1, 2)), entering.std((0, 1, 2))
    normalised = np.abs(mean).max() < 0.05 and np.abs(deviation - 1).max() < 0.2
    raise Complaint(
        f"reach the first convolution changed: their mean is {entering.mean():.2f} instead of "
        f"{_IMAGES.mean():.2f}, their deviation {entering.std():.2f} instead of "
        f"{_IMAGES.std():.2f}.",
        mistake="batch_norm_on_the_images" if normalised else "images_changed",
    )


def _complain_of_the_layers(look: tools.Look) -> None:
    for number in range(len(look.first.steps) - 1):
        tools.complain_of_what_follows(look, number, normalised=number > 0, slope=0.2)


def _complain_of_the_logits(look: tools.Look) -> None:
    out, logits = look.first.steps[-1].out.ravel(), look.first.output.ravel()
    if out.shape != logits.shape:
        raise Complaint("are not what the last layer puts out.")
    if _constant(logits - out):
        return
    inside = (logits > 1e-5) & (logits < 1 - 1e-5)
    if np.ptp(logits) <= 1 and inside.sum() > 1:
        shift = np.log(logits[inside] / (1 - logits[inside])) - out[inside]
        if _constant(shift):
            best = int(np.argmax(np.abs(out)))
            raise Complaint(
                f"are probabilities: the last layer's {out[best]:.2f} comes out as "
                f"{logits[best]:.2f}.",
                mistake="sigmoid",
            )
    raise Complaint(
        f"are not what the last layer puts out: its values from {out.min():.2f} to "
        f"{out.max():.2f} become {logits.min():.2f} to {logits.max():.2f}.",
        mistake="logits_changed",
    )


def _constant(difference: np.ndarray) -> bool:
    """The same for every image, as a bias is."""
    return bool(np.ptp(difference) < 1e-2)


# --- build_discriminator: answers, right and wrong ----------------------------------------------


def _layers() -> Any:
    from helpers.keras import keras

    return keras.layers


def _conv(width: int, kernel_size: int = 4, **options: Any) -> Any:
    given = {"strides": 2, "padding": "same", "use_bias": False, **options}
    return _layers().Conv2D(width, kernel_size, **given)


def _leaky(slope: float = 0.2) -> Any:
    return _layers().LeakyReLU(negative_slope=slope)


def _built(
    *,
    before: Callable = lambda: [],
    convolution: Callable = lambda width, number: _conv(width),
    between: Callable = lambda number: [*_norm(number), _leaky()],
    head: Callable = lambda width: [_layers().Flatten(), _layers().Dense(1)],
    widths: Callable = lambda conv_dim: (conv_dim, 2 * conv_dim, 4 * conv_dim),
    shape: tuple[int, int, int] = (32, 32, 3),
    change: Callable = lambda network: None,
) -> Callable:
    """The discriminator by Sequential, with other layers in some places."""

    def build(conv_dim=32):
        from helpers.keras import keras

        parts = before()
        for number, width in enumerate(widths(conv_dim)):
            parts += [convolution(width, number), *between(number)]
        parts += head(widths(conv_dim)[-1])
        network = keras.Sequential([keras.Input(shape), *parts])
        change(network)
        return network

    return build


def _norm(number: int, **options: Any) -> list[Any]:
    return [_layers().BatchNormalization(**options)] if number else []


def _fixed_training(fixed: bool) -> Callable:
    """Subclassed, with batch normalisation told once and for all whether it trains."""

    def build(conv_dim=32):
        from helpers.keras import keras

        class Discriminator(keras.Model):
            def __init__(self):
                super().__init__()
                self.blocks = [_conv(conv_dim * 2**i) for i in range(3)]
                self.norms = [_layers().BatchNormalization() for _ in range(2)]
                self.logit = _layers().Dense(1)

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
                x = _conv(width)(x)
                for layer in _norm(number):
                    x = layer(x)
                x = _leaky()(x)
            return _layers().Dense(1)(_layers().Flatten()(x))

    return Discriminator()


def _freeze(network: Any) -> None:
    network.trainable = False


_PADDED = {"padding": "same", "use_bias": False, "strides": 1}

_WRONG = {
    "keras_slope": Mistake(
        "That is what Keras' LeakyReLU does if it is told nothing. DCGAN's passes on 0.20: "
        "`layers.LeakyReLU(negative_slope=0.2)`.",
        _built(between=lambda number: [*_norm(number), _layers().LeakyReLU()]),
    ),
    "torch_slope": Mistake(
        "That is what PyTorch's LeakyReLU does if it is told nothing. DCGAN's passes on 0.20: "
        "`layers.LeakyReLU(negative_slope=0.2)`.",
        _built(between=lambda number: [*_norm(number), _leaky(0.01)]),
    ),
    "relu": Mistake(
        "That is ReLU, for negative values of which no gradient comes back. DCGAN's discriminator "
        "has LeakyReLU, which passes on 0.20.",
        _built(between=lambda number: [*_norm(number), _layers().ReLU()]),
    ),
    "no_activation": Mistake(
        "So there is no activation, and two layers without one between them are no more than one. "
        "Put `layers.LeakyReLU(negative_slope=0.2)` there.",
        _built(between=_norm),
    ),
    "other_activation": Mistake(
        "DCGAN's discriminator has LeakyReLU in all hidden layers: it passes on positive values "
        "as they are and 0.20 of negative ones.",
        _built(between=lambda number: [*_norm(number), _layers().Activation("tanh")]),
    ),
    "no_batch_norm": Mistake(
        "Between convolution and LeakyReLU of the second and the third block belongs "
        "`layers.BatchNormalization()`.",
        _built(between=lambda number: [_leaky()]),
    ),
    "frozen_batch_norm": Mistake(
        "BatchNormalization is there, but normalises by its running statistics even in training. "
        "Leave out `training=False`, and its `trainable` True.",
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
        _built(between=lambda number: [*_norm(1), _leaky()]),
    ),
    "batch_norm_on_the_images": Mistake(
        "Batch normalisation comes before the first convolution. The discriminator has to see the "
        "images as they are: only the second and third block have one.",
        _built(before=lambda: _norm(1)),
    ),
    "images_changed": Mistake(
        "The discriminator gets images in (-1, 1), as the generator makes them: nothing comes "
        "before the first convolution.",
        _built(before=lambda: [_layers().Rescaling(1 / 127.5, -1)]),
    ),
    "batch_norm_after_the_activation": Mistake(
        "Asked for is the paper's order: convolution, batch normalisation, LeakyReLU. An "
        "`activation=` inside the convolution acts before what follows it.",
        _built(between=lambda number: [_leaky(), *_norm(number)]),
    ),
    "batch_norm_twice": Mistake(
        "Batch normalisation stands before and after the activation. Once, before it, is enough.",
        _built(between=lambda number: [*_norm(number), _leaky(), *_norm(number)]),
    ),
    "per_image": Mistake(
        "That is layer, group or instance normalisation. `layers.BatchNormalization()` takes a "
        "channel's mean and variance over the whole batch.",
        _built(between=lambda number: _per_image(number)),
    ),
    "bias_before_batch_norm": Mistake(
        "Batch normalisation subtracts the mean, and with it the bias of the convolution before "
        "it; its own beta takes the bias's place. `use_bias=False` in those convolutions.",
        _built(convolution=lambda width, number: _conv(width, use_bias=True)),
    ),
    "sigmoid": Mistake(
        "Leave out the sigmoid: the losses of this course take logits and have it inside, where "
        "it does not overflow.",
        _built(head=lambda width: [_layers().Flatten(), _layers().Dense(1, "sigmoid")]),
    ),
    "logits_changed": Mistake(
        "Nothing comes after the dense layer that makes the logit: no batch normalisation and no "
        "activation.",
        _built(head=lambda width: [_layers().Flatten(), _layers().Dense(1), *_norm(1)]),
    ),
    "max_pooling": Mistake(
        "That is max pooling. DCGAN lets the convolutions do it, with `strides=2`, so that how to "
        "halve the maps is learnt.",
        _built(
            convolution=lambda width, number: _conv(width, **_PADDED),
            between=lambda number: [*_norm(number), _leaky(), _layers().MaxPooling2D()],
        ),
    ),
    "average_pooling": Mistake(
        "That is average pooling. DCGAN lets the convolutions do it, with `strides=2`, so that "
        "how to halve the maps is learnt.",
        _built(
            convolution=lambda width, number: _conv(width, **_PADDED),
            between=lambda number: [*_norm(number), _leaky(), _layers().AveragePooling2D(2)],
        ),
    ),
    "global_pooling": Mistake(
        "That is global pooling. The paper tried the average: more stable, but slower to "
        "converge. Here all numbers of the last maps count: `layers.Flatten()`.",
        _built(head=lambda width: [_layers().GlobalAveragePooling2D(), _layers().Dense(1)]),
    ),
    "valid_padding": Mistake(
        'Without padding a convolution loses the border. `padding="same"` with `strides=2` '
        "halves the size exactly.",
        _built(convolution=lambda width, number: _conv(width, padding="valid")),
    ),
    "stride_missing": Mistake(
        "A convolution has stride 1 if it is told nothing. Each one here halves the size: "
        "`strides=2`.",
        _built(convolution=lambda width, number: _conv(width, **_PADDED)),
    ),
    "block_missing": Mistake(
        "Three blocks take 32 to 16, 8 and 4: at least one of them is missing.",
        _built(widths=lambda conv_dim: (conv_dim, 2 * conv_dim)),
    ),
    "conv_dim_ignored": Mistake(
        "The numbers of filters are written into the function. They follow from conv_dim: "
        "conv_dim, 2 * conv_dim, 4 * conv_dim.",
        _built(widths=lambda conv_dim: (32, 64, 128)),
    ),
    "other_channels": Mistake(
        "The sizes are right, the numbers of filters are not: conv_dim, 2 * conv_dim, "
        "4 * conv_dim.",
        _built(widths=lambda conv_dim: (conv_dim, conv_dim, conv_dim)),
    ),
    "channels_first": Mistake(
        "Keras' images have the channels last: `keras.Input((32, 32, 3))`.",
        _built(shape=(3, 32, 32)),
    ),
    "flatten_missing": Mistake(
        "The last maps have to become one row per image before the dense layer: "
        "`layers.Flatten()`. (After a last convolution to 1x1 it is missing just so.)",
        _built(head=lambda width: [_layers().Dense(1)]),
    ),
    "hidden_dense": Mistake(
        "DCGAN has no hidden dense layers: the flattened maps go straight to the one that makes "
        "the logit.",
        _built(
            head=lambda width: [
                _layers().Flatten(),
                _layers().Dense(10),
                _leaky(),
                _layers().Dense(1),
            ]
        ),
    ),
    "dropout": Mistake(
        "That is dropout, which DCGAN's guidelines do not have; batch normalisation already makes "
        "an image's logit depend a little on chance, on the rest of its batch. Leave it out.",
        _built(between=lambda number: [*_norm(number), _leaky(), _layers().Dropout(0.3)]),
    ),
    "not_trainable": Mistake(
        "Leave `trainable` True: the discriminator is frozen, if ever, by the optimiser that does "
        "not get its variables.",
        _built(change=_freeze),
    ),
    "layers_made_in_call": Mistake(
        "Make the layers in `__init__` and keep them in `self`: those made in `call` are new, "
        "with new weights, at each call.",
        _made_in_call,
    ),
}


def _per_image(number: int) -> list[Any]:
    return [*([_layers().GroupNormalization(1)] if number else []), _leaky()]


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
            self.blocks = [_conv(conv_dim), _conv(2 * conv_dim), _conv(4 * conv_dim)]
            self.norms = {"1": _norm(1)[0], "2": _norm(2)[0]}
            self.logit = _layers().Dense(1)

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
        parts = [_conv(width), *_norm(int(normalised)), _leaky()]
        return keras.Sequential(parts)

    network = keras.Sequential([block(conv_dim, False), block(2 * conv_dim, True)])
    network.add(block(4 * conv_dim, True))
    network.add(keras.layers.Conv2D(1, 4, padding="valid"))
    network.add(keras.layers.Flatten())
    return network


_RIGHT = [
    _built(),
    _functional,
    _activation_in_the_layer,
    _subclassed,
    _subclassed_with_tensorflow,
    _by_hand,
    _with_zero_padding_and_permutation,
    _nested,
    _built(convolution=lambda width, number: _conv(width, 5, use_bias=number == 0)),
    _built(  # a layer more, of stride 1
        convolution=lambda width, number: _conv(width, 3, strides=1 if number == 2 else 2),
        widths=lambda conv_dim: (conv_dim, 2 * conv_dim, 2 * conv_dim, 4 * conv_dim),
    ),
]


def register_build_discriminator(lesson: Lesson) -> Exercise:
    """Add the exercise ``build_discriminator`` to the lesson."""
    return lesson.exercise(
        "helpers.keras.discriminator.build_discriminator",
        probe=_probe,
        names_mistakes=True,
        mistakes=_WRONG,
        hints=[
            "It is the network of `Discriminator`, layer by layer: `layers.Conv2D(filters, 4, "
            'strides=2, padding="same", use_bias=False)`, `layers.BatchNormalization()`, '
            "`layers.LeakyReLU(...)`, `layers.Flatten()`, `layers.Dense(1)`. Keras works out the "
            "input channels itself.",
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
