"""Check of lesson 06 on the generator in Keras; part of ``helpers.checks.generator``.

There::

    build_generator = keras_generator.register_build_generator(lesson)

Neither importing this module nor registering loads TensorFlow: the first check does. The string
below the function is what the lesson has to tell the learner about the exercise.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks import keras_networks as tools
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask

if TYPE_CHECKING:
    import keras

_LATENT_DIM, _CONV_DIM = 7, 3
_Z = tools.numbers((24, _LATENT_DIM), 2)
_MAPS = [(4, 4, 4 * _CONV_DIM), (8, 8, 2 * _CONV_DIM), (16, 16, _CONV_DIM)]


def _probe(attempt: Callable) -> Generator[Question, Any, None]:
    made = f"build_generator({_LATENT_DIM}, {_CONV_DIM})"
    network = yield ask(
        made, lambda: tools.a_network(attempt(_LATENT_DIM, _CONV_DIM)), compare=False
    )
    yield ask(f"The output for z of shape {_Z.shape}", lambda: _complain_of_the_output(network))
    yield ask("The weights", lambda: tools.complain_of_weights(network))
    look = yield ask("In training it", lambda: tools.look_at(network, _Z), compare=False)
    yield ask("In training, the network", lambda: tools.complain_of_randomness(look))
    yield ask("What the first layer gets", lambda: _complain_of_z(look))
    yield ask("Between the layers", lambda: _complain_of_growth(look))
    yield ask("The maps", lambda: _complain_of_the_maps(look))
    yield ask("In training,", lambda: _complain_of_the_layers(look))
    yield ask("The images", lambda: _complain_of_the_images(look))
    yield ask("Weights that", lambda: tools.complain_of_idle_weights(network, _Z))
    yield ask("In inference,", lambda: tools.complain_of_inference(network, _Z))


def _complain_of_the_output(network: keras.Model) -> None:
    try:
        shape = tuple(network(_Z, training=False).shape)
    except Exception:
        try:
            network(tools.numbers((2, 100), 1), training=False)
        except Exception:  # then latent_dim is not what is wrong
            pass
        else:
            raise Complaint(
                f"is an error: with latent_dim={_LATENT_DIM} your network still takes 100 numbers.",
                mistake="latent_dim_ignored",
            ) from None
        raise
    wanted = (len(_Z), 32, 32, 3)
    if shape == wanted:
        return
    mistake = ""
    if shape == (len(_Z), 3, 32, 32):
        mistake = "channels_first"
    elif len(shape) == 4 and shape[1] > shape[2] == 32:
        mistake = "reshape_channels_first"
    elif len(shape) == 4 and shape[1] == shape[2]:
        others = {16: "block_missing", 64: "block_too_many", 4: "stride_missing"}
        others |= dict.fromkeys(map(_valid_size, (3, 4, 5)), "valid_padding")
        mistake = others.get(shape[1], "")
    raise Complaint(f"has shape {shape}. Images make it {wanted}.", mistake=mistake)


def _valid_size(kernel: int) -> int:
    size = 4
    for _ in range(3):
        size = (size - 1) * 2 + kernel
    return size


def _complain_of_z(look: tools.Look) -> None:
    entering = look.first.steps[0].entering
    if not tools.unchanged(_Z, entering.reshape(len(entering), -1)):
        raise Complaint("is not z: something changes it before.")


def _told(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def _complain_of_growth(look: tools.Look) -> None:
    steps = look.first.steps
    pairs = [(step.out, later.entering) for step, later in zip(steps, steps[1:], strict=False)]
    pairs.append((steps[-1].out, look.first.output))
    for number, (out, entering) in enumerate(pairs, 1):
        if not tools.same_size(out, entering):
            larger = entering[0].size > out[0].size
            if out.ndim == entering.ndim == 4:
                larger = entering.shape[1] > out.shape[1]
            raise Complaint(
                f"what {steps[number - 1].kind} {number} puts out goes from "
                f"{_told([out.shape[1:]])} to {_told([entering.shape[1:]])} without weights.",
                mistake="upsampling" if larger else "",
            )


def _complain_of_the_maps(look: tools.Look) -> None:
    steps = look.first.steps
    for number, step in enumerate(steps, 1):
        if step.kind != "transposed convolution":
            continue
        share = (step.out == 0).all((0, 3)).mean()
        if 0.4 < share < 1:
            raise Complaint(
                f"that {step.kind} {number} puts out are 0 at {share:.0%} of the pixels, whatever "
                "it learns.",
                mistake="kernel_too_small",
            )
    maps = [step.entering.shape[1:] for step in steps[1:] if step.entering.ndim == 4]
    remaining = iter(maps)
    if all(wanted in remaining for wanted in _MAPS):
        return
    channels = [each[2] for each in maps]
    mistake = ""
    if channels == [128, 64, 32]:
        mistake = "conv_dim_ignored"
    elif [each[0] for each in maps] == [4, 8, 16]:
        mistake = "other_channels"
    raise Complaint(
        f"that enter the transposed convolutions are {_told(maps)} with conv_dim={_CONV_DIM}. "
        f"Asked for is {_told(_MAPS)}.",
        mistake=mistake,
    )


def _complain_of_the_layers(look: tools.Look) -> None:
    for number in range(len(look.first.steps) - 1):
        step, later = look.first.steps[number : number + 2]
        if number == 0 and any(
            np.allclose(u, w, 1e-3, 1e-3) for _, u, w in tools.aligned(step.out, later.entering)
        ):
            raise Complaint(
                f"what the {step.kind} puts out is only reshaped before the next layer gets it.",
                mistake="projection_bare",
            )
        tools.complain_of_what_follows(look, number, normalised=True, slope=0.0)
    _complain_of_the_bias_of_the_projection(look)


def _complain_of_the_bias_of_the_projection(look: tools.Look) -> None:
    """Where batch normalisation comes before the reshape, such a bias is idle, and told later."""
    step, relation = look.first.steps[0], look.relations(0)[0]
    biases = [each for each in look.network.trainable_variables if each.shape == step.out.shape[1:]]
    if step.out.ndim == 2 and biases and relation and relation.groups == "channel":
        raise Complaint(
            f"the dense layer adds {biases[0].path} ({biases[0].shape[0]} numbers).",
            mistake="bias_of_the_projection",
        )


# By their inverse functions: what goes into them, where that can be told.
_LAST_ACTIVATIONS = {
    "tanh": lambda y: np.arctanh(np.where(np.abs(y) < 0.999, y, np.nan)),
    "sigmoid": lambda y: np.log(y := np.where((y > 1e-3) & (y < 0.999), y, np.nan)) - np.log(1 - y),
    "linear": lambda y: y,
    "relu": lambda y: np.where(y > 0, y, np.nan),
}


def _complain_of_the_images(look: tools.Look) -> None:
    images, lines = look.first.output, {}
    reach = f"reach from {images.min():.2f} to {images.max():.2f}"
    with np.errstate(all="ignore"):
        for name, inverse in _LAST_ACTIVATIONS.items():
            lines[name] = [
                _line(seen.steps[-1].out, inverse(seen.output))
                for seen in (look.first, look.second)
            ]
    fitting = [name for name, (first, second) in lines.items() if first and second]
    if not fitting:
        raise Complaint(f"{reach}, but not by tanh alone behind the last layer.")
    name = fitting[0]
    first, second = (np.array(gains) for gains in lines[name])
    if not np.allclose(first, second, 0.05):
        raise Complaint(
            f"{reach}, and behind the last layer something normalises: weights twice as large "
            f"make its values {np.median(2 * second / first):.2f} times as large.",
            mistake="batch_norm_on_the_output",
        )
    if name == "tanh":
        return
    slugs = {"sigmoid": "sigmoid", "linear": "no_tanh", "relu": "relu_on_the_output"}
    raise Complaint(f"{reach} with weights that make large values.", mistake=slugs[name])


def _line(out: np.ndarray, v: np.ndarray) -> list[float]:
    """Each channel's gain where v is a line in out, for every channel; else empty."""
    gains = []
    for channel in range(out.shape[-1]):
        x, y = out[..., channel].ravel(), v[..., channel].ravel()
        known = np.isfinite(y)
        if known.sum() < 20:
            return []
        gain, shift = np.polyfit(x[known], y[known], 1)
        if np.abs(gain * x[known] + shift - y[known]).max() > 0.02 * max(np.ptp(y[known]), 1):
            return []
        gains.append(float(gain))
    return gains


# --- answers, right and wrong -----------------------------------------------------------------


def _layers() -> Any:
    from helpers.keras import keras

    return keras.layers


def _ops() -> Any:
    from helpers.keras import keras

    return keras.ops


def _deconv(width: int, kernel_size: int = 4, **options: Any) -> Any:
    given = {"strides": 2, "padding": "same", "use_bias": False, **options}
    return _layers().Conv2DTranspose(width, kernel_size, **given)


def _dense(width: int, **options: Any) -> list[Any]:
    layers = _layers()
    return [layers.Dense(16 * width, use_bias=False, **options), layers.Reshape((4, 4, width))]


def _norm_and_relu() -> list[Any]:
    return [_layers().BatchNormalization(), _layers().ReLU()]


def _built(
    *,
    before: Callable = lambda: [],
    start: Callable = lambda width: _dense(width),
    between: Callable = lambda number: _norm_and_relu(),
    convolution: Callable = lambda width, number: [_deconv(width)],
    widths: Callable = lambda conv_dim: (4 * conv_dim, 2 * conv_dim, conv_dim),
    last: Callable = lambda: [_deconv(3, use_bias=True, activation="tanh")],
    latent_dim: int | None = None,
    change: Callable = lambda network: None,
) -> Callable:
    """The generator by Sequential, with other layers in some places."""

    def build(latent_dim=100, conv_dim=32, fixed=latent_dim):
        from helpers.keras import keras

        first, *others = widths(conv_dim)
        parts = [*before(), *start(first), *between(0)]
        for number, width in enumerate(others, 1):
            parts += [*convolution(width, number), *between(number)]
        network = keras.Sequential([keras.Input((fixed or latent_dim,)), *parts, *last()])
        change(network)
        return network

    return build


def _fixed_training(fixed: bool) -> Callable:
    """Subclassed, with batch normalisation told once and for all whether it trains."""

    def build(latent_dim=100, conv_dim=32):
        from helpers.keras import keras

        class Network(keras.Model):
            def __init__(self):
                super().__init__()
                self.start = keras.Sequential(_dense(4 * conv_dim))
                self.blocks = [_deconv(2 * conv_dim), _deconv(conv_dim)]
                self.norms = [_layers().BatchNormalization() for _ in range(3)]
                self.last = _deconv(3, use_bias=True)

            def call(self, z, training=False):
                x = keras.ops.relu(self.norms[0](self.start(z), training=fixed))
                for block, norm in zip(self.blocks, self.norms[1:], strict=True):
                    x = keras.ops.relu(norm(block(x), training=fixed))
                return keras.ops.tanh(self.last(x))

        return Network()

    return build


def _upsampled(width: int) -> list[Any]:
    layers = _layers()
    return [layers.UpSampling2D(), layers.Conv2D(width, 3, padding="same", use_bias=False)]


def _last(*layers: Callable) -> Callable:
    return lambda: [_deconv(3, use_bias=True), *(layer() for layer in layers)]


def _wide_reshape(width: int) -> list[Any]:
    return [_layers().Dense(16 * width, use_bias=False), _layers().Reshape((width, 4, 4))]


def _freeze(network: Any) -> None:
    network.trainable = False


_WRONG = {
    "sigmoid": Mistake(
        "That is a sigmoid, or a tanh brought to (0, 1). Asked for is tanh as it is, which gives "
        "(-1, 1), the range to which this course scales the real images.",
        _built(last=_last(lambda: _layers().Activation("sigmoid"))),
    ),
    "no_tanh": Mistake(
        'No activation follows the last layer. `activation="tanh"` keeps the images in (-1, 1).',
        _built(last=_last()),
    ),
    "relu_on_the_output": Mistake(
        'That is ReLU behind the last layer. `activation="tanh"` belongs there, for images in '
        "(-1, 1).",
        _built(last=_last(lambda: _layers().ReLU())),
    ),
    "batch_norm_on_the_output": Mistake(
        "DCGAN's generator has no batch normalisation on its output layer, so that the images' "
        "own brightness and contrast are learnt. Only tanh comes after the last layer.",
        _built(
            last=_last(lambda: _layers().BatchNormalization(), lambda: _layers().Activation("tanh"))
        ),
    ),
    "projection_bare": Mistake(
        "Batch normalisation and ReLU are missing there: the dense layer is a hidden layer like "
        "the others.",
        _built(between=lambda number: _norm_and_relu() if number else []),
    ),
    "no_batch_norm": Mistake(
        "Every layer but the last is followed by `layers.BatchNormalization()` and ReLU, the "
        "dense one as well.",
        _built(between=lambda number: [_layers().ReLU()]),
    ),
    "no_activation": Mistake(
        "So there is no ReLU, and two layers without one between them are no more than one. It "
        "comes after batch normalisation.",
        _built(between=lambda number: [_layers().BatchNormalization()]),
    ),
    "leaky_relu": Mistake(
        "That is LeakyReLU as the discriminator has it. DCGAN's generator has ReLU, which passes "
        "on 0.00.",
        _built(
            between=lambda number: [
                _layers().BatchNormalization(),
                _layers().LeakyReLU(negative_slope=0.2),
            ]
        ),
    ),
    "keras_slope": Mistake(
        "That is Keras' LeakyReLU. DCGAN's generator has ReLU, which passes on 0.00.",
        _built(between=lambda number: [_layers().BatchNormalization(), _layers().LeakyReLU()]),
    ),
    "torch_slope": Mistake(
        "That is a LeakyReLU. DCGAN's generator has ReLU, which passes on 0.00.",
        _built(
            between=lambda number: [
                _layers().BatchNormalization(),
                _layers().LeakyReLU(negative_slope=0.01),
            ]
        ),
    ),
    "other_activation": Mistake(
        "DCGAN's generator has ReLU in all hidden layers, and tanh only at the end.",
        _built(
            between=lambda number: [
                _layers().BatchNormalization(),
                _layers().Activation("tanh"),
            ]
        ),
    ),
    "batch_norm_after_the_activation": Mistake(
        "Asked for is the paper's order: layer, batch normalisation, ReLU. An `activation=` "
        "inside the layer acts before what follows it.",
        _built(between=lambda number: _norm_and_relu()[::-1]),
    ),
    "activation_twice": Mistake(
        "Is there an `activation=` inside the layer? It acts before the batch normalisation that "
        "follows. Leave it out: ReLU comes once, after batch normalisation.",
        _built(convolution=lambda width, number: [_deconv(width, activation="relu")]),
    ),
    "batch_norm_twice": Mistake(
        "Batch normalisation stands before and after the activation. Once, before it, is enough.",
        _built(between=lambda number: [*_norm_and_relu(), _layers().BatchNormalization()]),
    ),
    "per_image": Mistake(
        "That is layer, group or instance normalisation. `layers.BatchNormalization()` takes a "
        "channel's mean and variance over the whole batch.",
        _built(between=lambda number: [_layers().GroupNormalization(1), _layers().ReLU()]),
    ),
    "frozen_batch_norm": Mistake(
        "BatchNormalization is there, but normalises by its running statistics even in training. "
        "Leave out `training=False`, and its `trainable` True.",
        _fixed_training(False),
    ),
    "always_training": Mistake(
        "So batch normalisation takes the batch's statistics even in inference, and an image "
        "depends on which others are made beside it. Leave out `training=True`: Keras hands on "
        "what the network is called with.",
        _fixed_training(True),
    ),
    "bias_before_batch_norm": Mistake(
        "Batch normalisation subtracts the mean, and with it the bias of the layer before it; its "
        "own beta takes the bias's place. `use_bias=False` in those layers, the dense one as well.",
        _built(convolution=lambda width, number: [_deconv(width, use_bias=True)]),
    ),
    "bias_of_the_projection": Mistake(
        "Asked for is a dense layer with `use_bias=False`. Batch normalisation takes away what the "
        "biases of a map have in common, and its own beta stands in for that.",
        _built(
            start=lambda width: [
                _layers().Dense(16 * width),
                _layers().Reshape((4, 4, width)),
            ]
        ),
    ),
    "kernel_too_small": Mistake(
        "With stride 2 a kernel of 1 reaches one pixel of four. Kernel 4 reaches all of them, and "
        "each by as many of its weights.",
        _built(convolution=lambda width, number: [_deconv(width, 1)]),
    ),
    "constant_weights": Mistake(
        "Filters that begin alike stay alike, and zeros do not even get a gradient. Leave out the "
        "initializer, or take `keras.initializers.RandomNormal(0.0, 0.02)`.",
        _built(
            start=lambda width: _dense(width, kernel_initializer="zeros"),
            convolution=lambda width, number: [_deconv(width, kernel_initializer="zeros")],
        ),
    ),
    "detached": Mistake(
        "So nothing there can learn. Leave out `stop_gradient`, and compute with `keras.ops` all "
        "the way.",
        _built(
            last=_last(
                lambda: _layers().Activation("tanh"),
                lambda: _layers().Lambda(lambda x: _ops().stop_gradient(x)),
            )
        ),
    ),
    "upsampling": Mistake(
        "That is upsampling. It is a sound way too, and makes no checkerboards, but DCGAN lets "
        "the layers learn how to double the maps: `layers.Conv2DTranspose` with `strides=2`.",
        _built(convolution=lambda width, number: _upsampled(width)),
    ),
    "reshape_channels_first": Mistake(
        "Keras' maps have the channels last, and nothing complains of another order: "
        "`layers.Reshape((4, 4, 4 * conv_dim))`, not (4 * conv_dim, 4, 4).",
        _built(start=_wide_reshape),
    ),
    "channels_first": Mistake(
        "Keras' images have the channels last. Leave them there: nothing has to be permuted.",
        _built(
            last=_last(lambda: _layers().Activation("tanh"), lambda: _layers().Permute((3, 1, 2)))
        ),
    ),
    "latent_dim_ignored": Mistake(
        "The 100 is written into the function. Use the argument: `keras.Input((latent_dim,))`.",
        _built(latent_dim=100),
    ),
    "conv_dim_ignored": Mistake(
        "The numbers of filters are written into the function. They follow from conv_dim: "
        "4 * conv_dim maps of 4x4, then 2 * conv_dim and conv_dim.",
        _built(widths=lambda conv_dim: (128, 64, 32)),
    ),
    "other_channels": Mistake(
        "The sizes are right, the numbers of maps are not: 4 * conv_dim, 2 * conv_dim, conv_dim.",
        _built(widths=lambda conv_dim: (conv_dim, conv_dim, conv_dim)),
    ),
    "block_missing": Mistake(
        "Three transposed convolutions take 4 to 8, 16 and 32: one of them is missing.",
        _built(widths=lambda conv_dim: (4 * conv_dim, 2 * conv_dim)),
    ),
    "block_too_many": Mistake(
        "Three transposed convolutions take 4 to 8, 16 and 32: there is one too many, or the "
        "first maps are 8x8 instead of 4x4.",
        _built(widths=lambda conv_dim: (4 * conv_dim, 2 * conv_dim, conv_dim, conv_dim)),
    ),
    "stride_missing": Mistake(
        "A transposed convolution has stride 1 if it is told nothing. Each one here doubles the "
        "size: `strides=2`.",
        _built(
            convolution=lambda width, number: [_deconv(width, strides=1)],
            last=lambda: [_deconv(3, strides=1, use_bias=True, activation="tanh")],
        ),
    ),
    "valid_padding": Mistake(
        'Without padding a transposed convolution adds a border. `padding="same"` with '
        "`strides=2` doubles the size exactly.",
        _built(
            convolution=lambda width, number: [_deconv(width, padding="valid")],
            last=lambda: [_deconv(3, padding="valid", use_bias=True, activation="tanh")],
        ),
    ),
    "dropout": Mistake(
        "That is dropout, which DCGAN's guidelines do not have. Leave it out: z brings all the "
        "chance that the generator needs.",
        _built(between=lambda number: [*_norm_and_relu(), _layers().Dropout(0.5)]),
    ),
    "not_trainable": Mistake(
        "Leave `trainable` True: the generator is frozen, if ever, by the optimiser that does not "
        "get its variables.",
        _built(change=_freeze),
    ),
    "layers_made_in_call": Mistake(
        "Make the layers in `__init__` and keep them in `self`: those made in `call` are new, "
        "with new weights, at each call.",
        lambda latent_dim=100, conv_dim=32: _made_in_call(conv_dim),
    ),
}


def _made_in_call(conv_dim: int) -> Any:
    from helpers.keras import keras

    class Network(keras.Model):
        def call(self, x):
            for layer in [*_dense(4 * conv_dim), *_norm_and_relu()]:
                x = layer(x)
            for width in (2 * conv_dim, conv_dim):
                for layer in [_deconv(width), *_norm_and_relu()]:
                    x = layer(x)
            return keras.ops.tanh(_deconv(3)(x))

    return Network()


def _functional(latent_dim=100, conv_dim=32):
    from helpers.keras import keras

    layers = keras.layers
    z = keras.Input((latent_dim,))
    x = layers.Dense(4 * 4 * 4 * conv_dim, use_bias=False)(z)
    x = layers.ReLU()(layers.BatchNormalization()(x))  # a mean and variance for each unit
    x = layers.Reshape((4, 4, 4 * conv_dim))(x)
    for width in (2 * conv_dim, conv_dim):
        x = layers.Conv2DTranspose(width, 5, 2, "same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.8, epsilon=1e-5)(x)
        x = layers.Activation("relu")(x)
    x = layers.Conv2DTranspose(3, 5, 2, "same", use_bias=False)(x)
    return keras.Model(z, layers.Activation("tanh")(x))


def _subclassed(latent_dim=100, conv_dim=32):
    from helpers.keras import keras

    layers = keras.layers

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = layers.Conv2DTranspose(3, 4, strides=2, padding="same")
            self.norms = [layers.BatchNormalization() for _ in range(3)]
            self.blocks = [
                layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)
                for width in (2 * conv_dim, conv_dim)
            ]
            self.project = layers.Dense(64 * conv_dim, use_bias=False)

        def call(self, z, training=None):
            x = keras.ops.reshape(self.project(z), (-1, 4, 4, 4 * conv_dim))
            x = keras.ops.relu(self.norms[0](x, training=training))
            for block, norm in zip(self.blocks, self.norms[1:], strict=True):
                x = keras.ops.maximum(norm(block(x), training=training), 0)
            return keras.ops.tanh(self.last(x))

    return Network()


def _with_tensorflow(latent_dim=100, conv_dim=32):
    """TensorFlow's functions, batch normalisation of the course's own, a compiled function."""
    from helpers.keras import keras, tf
    from helpers.keras.batch_norm import BatchNorm

    squash = tf.function(tf.tanh)

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.norms = [BatchNorm() for _ in range(3)]
            self.matrix = self.add_weight(
                shape=(latent_dim, 64 * conv_dim), initializer="glorot_uniform"
            )
            widths = (4 * conv_dim, 2 * conv_dim, conv_dim, 3)
            self.kernels = [
                self.add_weight(shape=(4, 4, b, a), initializer="glorot_uniform")
                for a, b in zip(widths, widths[1:], strict=False)
            ]

        def call(self, z, training=False):
            x = tf.reshape(z @ self.matrix, (-1, 4, 4, 4 * conv_dim))
            for norm, kernel in zip(self.norms, self.kernels, strict=True):
                x = tf.nn.relu(norm(x, training=training))
                shape = [tf.shape(x)[0], 2 * x.shape[1], 2 * x.shape[2], kernel.shape[2]]
                x = tf.nn.conv2d_transpose(x, kernel, shape, strides=2)
            return squash(x)

    return Network()


def _from_maps_of_one_pixel(latent_dim=100, conv_dim=32):
    from helpers.keras import keras

    layers = keras.layers
    parts = [layers.Reshape((1, 1, latent_dim))]
    for number, width in enumerate((4 * conv_dim, 2 * conv_dim, conv_dim)):
        options = {"strides": 2, "padding": "same"} if number else {}
        parts.append(layers.Conv2DTranspose(width, 4, use_bias=False, **options))
        parts += [layers.BatchNormalization(), layers.ReLU()]
    parts.append(layers.Conv2DTranspose(3, 4, 2, "same", activation="tanh"))
    return keras.Sequential(parts)


def _reshaped_as_pytorch_does(latent_dim=100, conv_dim=32):
    return _built(
        start=lambda width: [
            _layers().Dense(16 * width, use_bias=False),
            _layers().Reshape((width, 4, 4)),
            _layers().Permute((2, 3, 1)),
        ]
    )(latent_dim, conv_dim)


def _nested(latent_dim=100, conv_dim=32):
    from helpers.keras import keras

    def block(width):
        return keras.Sequential([_deconv(width), *_norm_and_relu()])

    start = keras.Sequential([*_dense(4 * conv_dim), *_norm_and_relu()])
    last = keras.Sequential([_deconv(3, use_bias=True), keras.layers.Lambda(keras.ops.tanh)])
    return keras.Sequential([start, block(2 * conv_dim), block(conv_dim), last])


def _cropped(latent_dim=100, conv_dim=32):
    return _built(
        convolution=lambda width, number: [
            _deconv(width, padding="valid"),
            _layers().Cropping2D(1),
        ]
    )(latent_dim, conv_dim)


_RIGHT = [
    _built(),
    _functional,
    _subclassed,
    _with_tensorflow,
    _from_maps_of_one_pixel,
    _reshaped_as_pytorch_does,
    _nested,
    _cropped,
    _built(  # a layer more, of stride 1, before the last
        last=lambda: [
            _deconv(3 * 4, strides=1),
            *_norm_and_relu(),
            _deconv(3, use_bias=True, activation="tanh"),
        ]
    ),
    _built(start=lambda width: _dense(width, kernel_initializer="orthogonal")),
]


def register_build_generator(lesson: Lesson) -> Exercise:
    """Add the exercise ``build_generator`` to the lesson."""
    return lesson.exercise(
        "helpers.keras.generator.build_generator",
        probe=_probe,
        names_mistakes=True,
        mistakes=_WRONG,
        hints=[
            "It is the network of `Generator`, layer by layer: `layers.Dense(...)`, "
            "`layers.Reshape((4, 4, 4 * conv_dim))`, and `layers.Conv2DTranspose(filters, 4, "
            'strides=2, padding="same", use_bias=False)`, each followed by '
            "`layers.BatchNormalization()` and `layers.ReLU()`. Keras works out the input "
            "channels itself.",
            "Two things differ from PyTorch: maps are (4, 4, channels), the channels last, and "
            "an `activation=` inside a layer acts before the batch normalisation that follows. "
            'The last layer has none, so `activation="tanh"` is right there.',
            "keras.Sequential([keras.Input((latent_dim,)), Dense(4 * 4 * 4 * conv_dim) and "
            "Reshape, BatchNormalization, ReLU; twice Conv2DTranspose, BatchNormalization, ReLU "
            "with 2 and 1 times conv_dim filters; then Conv2DTranspose with 3 filters and tanh]).",
        ],
        right=_RIGHT,
        difficulty=3,
        minutes=12,
        seconds=10,
    )


"""build_generator(latent_dim=100, conv_dim=32) -> a Keras model, z (N, latent_dim) to images
(N, 32, 32, 3) in (-1, 1). (●●●, 12 min)

Dense to 4 * 4 * 4 * conv_dim numbers, reshaped to (4, 4, 4 * conv_dim), BatchNormalization (before
or after the reshape), ReLU; two Conv2DTranspose, stride 2, padding "same", to 8 x 8 with
2 * conv_dim and 16 x 16 with conv_dim filters, each followed by BatchNormalization and ReLU; a
third to 32 x 32 with 3, followed by tanh alone. Kernel 4 (5 passes too). No bias where
BatchNormalization follows. Sequential, functional or subclassed."""
