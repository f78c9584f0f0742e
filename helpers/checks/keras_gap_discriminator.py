"""Check of lesson 10 on global average pooling, in Keras; part of ``helpers.checks.improvements``.

There: ``keras_gap_discriminator = keras_gap_discriminator.register(lesson)``. Neither importing
this module nor registering loads TensorFlow: the first check does. The string below is what the
lesson has to tell the learner about the exercise.

How the pooling is judged. The check sees the maps that the last convolution puts out and the row of
numbers that the dense layer gets, in train mode. It computes what the way between them could have
made of the maps, if it normalises, activates and averages as asked, or in one of the ways in which
that goes wrong, and says which of them it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks import keras_discriminator as lesson_05
from helpers.checks import keras_discriminator_parts as shared
from helpers.checks import keras_networks as tools
from helpers.checks.engine import Complaint, Exercise, Lesson, Mistake, Question, ask

if TYPE_CHECKING:
    import keras

_CONV_DIM = shared.CONV_DIM  # 3, so that there are 12 last maps of 16 pixels
_IMAGES = shared.IMAGES
_LAST = shared.MAPS[-1]


def _probe(attempt: Callable) -> Generator[Question, Any, None]:
    yield ask("keras_gap_discriminator()", lambda: _told(shared.complain_of_the_default, attempt))
    made = f"keras_gap_discriminator({_CONV_DIM})"
    network = yield ask(made, lambda: tools.a_network(attempt(_CONV_DIM)), compare=False)
    yield ask("The output for 8 images", lambda: _complain_of_the_output(network))
    yield ask("The weights", lambda: _told(tools.complain_of_weights, network))
    look = yield ask("In training it", lambda: _look_at(network), compare=False)
    yield ask("In training, the network", lambda: _told(tools.complain_of_randomness, look))
    yield ask("Between the layers", lambda: _told(_complain_of_pooling, look))
    yield ask("The last maps:", lambda: _complain_of_the_head(look))
    yield ask("The maps", lambda: _told(_complain_of_the_maps, look))
    yield ask("The images", lambda: _told(shared.complain_of_the_images, look))
    yield ask("In training,", lambda: _told(_complain_of_the_layers, look))
    yield ask("The logits", lambda: _told(_complain_of_the_logits, look))
    yield ask("Weights that", lambda: _told(tools.complain_of_idle_weights, network, _IMAGES))
    yield ask("The gradient", lambda: _told(tools.complain_of_cut_inputs, network, _IMAGES))
    yield ask("In inference,", lambda: _told(tools.complain_of_inference, network, _IMAGES))


def _told(complain: Callable, *args: Any) -> None:
    """Lesson 05's complaint; with its diagnosis, where the bank here does not have the mistake."""
    try:
        complain(*args)
    except Complaint as complaint:
        slug = complaint.mistake
        if not slug or slug in _MISTAKES:
            raise
        known = lesson_05.WRONG.get(slug)
        raise Complaint(f"{complaint} {known.diagnosis}" if known else str(complaint)) from None


def _complain_of_the_output(network: keras.Model) -> None:
    try:
        _told(shared.complain_of_the_output, network)
    except Complaint as complaint:
        shape = tuple(np.shape(network(_IMAGES, training=False)))
        if shape in ((8, 4, 4, 1), (8, 16, 1)):
            raise Complaint(
                f"has shape {shape}: a logit for every pixel of the last maps.", "pooling_missing"
            ) from None
        if shape == (8, 1, 1, 1):
            raise Complaint(f"has shape {shape}, not (8, 1).", "dimensions_kept") from None
        if shape == (8,):
            raise Complaint(f"has shape {shape}, not (8, 1).", "logits_squeezed") from None
        raise complaint from None


def _look_at(network: keras.Model) -> tools.Look:
    """A dense layer on maps multiplies rows of channels; here they are maps again."""
    look = tools.look_at(network, _IMAGES)

    def as_maps(seen: tools.Seen) -> tools.Seen:
        *others, last = seen.steps
        if not others or last.kind != "dense layer" or len(last.out) <= len(_IMAGES):
            return seen
        shape = (len(_IMAGES), *others[-1].out.shape[1:3], -1)
        if others[-1].out.ndim != 4 or last.out.shape[1] != 1:
            return seen
        arrays = [each.reshape(shape) for each in (last.entering, last.out)]
        return tools.Seen(seen.output, [*others, tools.Step("convolution", *arrays)])

    return tools.Look(network, look.watch, *map(as_maps, (look.first, look.second, look.moved)))


def _is_pointwise(look: tools.Look) -> bool:
    """Whether the last layer is a dense layer on every pixel, whose sums are averaged then."""
    last = look.first.steps[-1]
    return last.out.ndim == 4 and last.out.shape[3] == 1 and last.out[0].size > 1


def _complain_of_the_head(look: tools.Look) -> None:
    steps = look.first.steps
    if len(steps) < 2 or steps[0].out.ndim != 4:
        return  # told of with the maps
    if _is_pointwise(look):
        _complain_of_a_large_kernel(look)
        return
    if steps[-1].kind == "convolution" and steps[-1].entering[0, ..., 0].size > 1:
        raise Complaint(
            f"a convolution makes the logit of maps of {_told_shape(steps[-1].entering)}, with a "
            "weight for each of their numbers.",
            "convolution_in_place_of_pooling",
        )
    before = steps[-2]
    if before.out.ndim == 2:
        raise Complaint(
            f"are followed by a dense layer of {before.out.shape[1]} units before the one that "
            "makes the logit.",
            "hidden_dense",
        )
    count, (height, width, channels) = steps[-1].entering[0].size, before.out.shape[1:]
    if height * width == 1:
        raise Complaint("are of a single pixel each: nothing to average.", "nothing_to_average")
    numbers = "number" if count == 1 else "numbers"
    seen = f"the dense layer gets {count} {numbers} for {channels} maps of {height}x{width}."
    if count == height * width * channels:
        raise Complaint(seen, "flattened")
    if count == height * width and count != channels:
        raise Complaint(f"{seen} One for each pixel.", "over_the_channels")
    if count == 1:
        raise Complaint(seen, "over_everything")
    if count != channels:
        raise Complaint(
            f"{seen} One for each map makes {channels}.",
            "pooled_in_part" if count > channels and count % channels == 0 else "",
        )
    if _is_as_asked(look):
        return
    for slug, words in _stories(look):
        raise Complaint(words, slug)
    raise Complaint(
        "what the dense layer gets is not the mean of what batch normalisation and LeakyReLU(0.2) "
        "make of each map's pixels.",
        "something_between",
    )


def _told_shape(maps: np.ndarray) -> str:
    return "x".join(map(str, maps.shape[1:]))


def _complain_of_a_large_kernel(look: tools.Look) -> None:
    sizes = [each.shape[:2] for each in tools.kernels(look.network) if each.shape[-1] == 1]
    larger = [size for size in sizes if len(size) == 2 and max(size) > 1]
    if len(sizes) == 1 and larger and len(tools.kernels(look.network)[-1].shape) == 4:
        raise Complaint(
            f"the last convolution, {larger[0][0]}x{larger[0][1]}, makes a logit for each pixel.",
            "logits_averaged",
        )


# --- what may become of the last maps ----------------------------------------------------------


def _leaky(slope: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda v: np.where(v > 0, v, slope * v)


_ACTIVATIONS = {
    "": _leaky(0.2),
    "relu": _leaky(0.0),
    "keras_slope": _leaky(0.3),
    "torch_slope": _leaky(0.01),
    "no_activation": _leaky(1.0),
}
_SEEN = {
    "relu": "negative pixels are set to 0 before the average.",
    "keras_slope": "0.30 of a negative pixel is passed on to the average.",
    "torch_slope": "0.01 of a negative pixel is passed on to the average.",
    "no_activation": "negative pixels are passed on to the average as they are.",
}
_MAPS = (1, 2)


def _is_as_asked(look: tools.Look) -> bool:
    out, entering = _ends(look)
    leaky = _ACTIVATIONS[""]
    return any(
        _near(leaky(gamma * _normalised(out, eps) + beta).mean(_MAPS), entering)
        for gamma, beta in _scales_and_shifts(look.network, out.shape[3])
        for eps in (0.0, 0.01, 0.1, 0.5, 0.8, 1.0)
    )


def _ends(look: tools.Look) -> tuple[np.ndarray, np.ndarray]:
    """The maps of the last convolution, and the rows that the dense layer gets."""
    before, last = look.first.steps[-2:]
    return before.out, last.entering.reshape(len(_IMAGES), -1)


def _near(values: np.ndarray, entering: np.ndarray) -> bool:
    largest = max(np.abs(entering).max(), 1e-9)
    return values.shape == entering.shape and np.abs(values - entering).max() < 0.01 * largest


def _stories(look: tools.Look) -> Iterator[tuple[str, str]]:
    """What fits instead, as (slug, words)."""
    out, entering = _ends(look)

    def fits(values: np.ndarray) -> bool:
        return _near(values, entering)

    for gamma, beta in _scales_and_shifts(look.network, out.shape[3]):
        normal = gamma * _normalised(out) + beta
        for slug, activation in _ACTIVATIONS.items():
            pixels = activation(normal)
            if fits(pixels.mean(_MAPS)):
                yield slug, _SEEN[slug]
            if fits(pixels.sum(_MAPS)):
                yield "summed", "the dense layer gets the sum of each map's pixels."
            if fits(pixels.max(_MAPS)):
                yield "maximum", "the dense layer gets the largest pixel of each map."
            if fits(pixels.min(_MAPS)):
                yield "", "the dense layer gets the smallest pixel of each map, not their mean."
            if fits(activation(normal.mean(_MAPS))):
                yield "pooled_too_early", "they are averaged before the activation acts."
            if fits(activation(gamma * _normalised(out.mean(_MAPS)) + beta)):
                yield "pooled_too_early", "they are averaged before batch normalisation."
            if fits(gamma * _normalised(activation(out)).mean(_MAPS) + beta):
                yield "", "the activation comes first and batch normalisation second."
            if fits(activation(out).mean(_MAPS)):
                yield "no_batch_norm", "they are not normalised: the batch's mean stays in them."
            for row, column in itertools.product(*map(range, out.shape[1:3])):
                if fits(pixels[:, row, column]):
                    where = f"in row {row + 1}, column {column + 1}"
                    yield "one_pixel", f"the dense layer gets the pixel {where} of each map."
            # eps counts here, where the deviations are small.
            again = _normalised(pixels.mean(_MAPS)) - _normalised(entering)
            if np.abs(again).max() < 0.02 and np.abs(entering.mean(0)).max() < 0.02:
                yield "batch_norm_twice", "their averages are normalised over the batch again."
        per_image = out - out.mean((1, 2, 3), keepdims=True)
        per_image = gamma * per_image / per_image.std((1, 2, 3), keepdims=True) + beta
        if fits(_leaky(0.2)(per_image).mean(_MAPS)):
            yield "", "each image is normalised by itself, as layer normalisation does it."


def _normalised(values: np.ndarray, eps: float = 0.0) -> np.ndarray:
    axes = tuple(range(values.ndim - 1))
    return (values - values.mean(axes)) / np.sqrt(np.maximum(values.var(axes) + eps, 1e-18))


def _scales_and_shifts(
    network: keras.Model, channels: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What may be the gamma and beta of the last normalisation."""
    vectors = [each.numpy() for each in network.trainable_variables if each.shape == (channels,)]
    yield np.ones(channels), np.zeros(channels)
    zeros = [np.zeros(channels)]
    for gamma, beta in itertools.product([*vectors, np.ones(channels)], [*vectors, *zeros]):
        if np.abs(gamma).max() > 0:
            yield gamma, beta


# --- the rest of the network -------------------------------------------------------------------


def _without_the_last(look: tools.Look) -> tools.Look:
    """The look without what happens after the last maps."""
    if _is_pointwise(look):
        return look
    cut = [
        tools.Seen(each.output, each.steps[:-1]) for each in (look.first, look.second, look.moved)
    ]
    return tools.Look(look.network, look.watch, *cut)


def _complain_of_pooling(look: tools.Look) -> None:
    operations = look.watch.operations
    look = _without_the_last(look)
    steps = look.first.steps
    for number, (step, later) in enumerate(zip(steps, steps[1:], strict=False), 1):
        if step.out.ndim == later.entering.ndim == 4 and not tools.same_size(
            step.out, later.entering
        ):
            sizes = f"{_told_shape(step.out)} to {_told_shape(later.entering)}"
            slug = "max_pooling" if "MaxPool" in operations else "average_pooling"
            raise Complaint(f"the maps of convolution {number} go from {sizes}.", slug)


def _complain_of_the_maps(look: tools.Look) -> None:
    maps = [step.out.shape[1:] for step in look.first.steps[:-1] if step.out.ndim == 4]
    if maps == shared.MAPS:
        return
    channels, sizes = [each[2] for each in maps], [each[0] for each in maps]
    slug = ""
    if channels[:3] == [32, 64, 128]:
        slug = "conv_dim_ignored"
    elif len(maps) < 3:
        slug = "block_missing"
    elif sizes[:3] != [16, 8, 4]:
        slug = "stride_missing" if 32 in sizes or sizes[1:3] == [16, 16] else "valid_padding"
    raise Complaint(
        f"of the convolutions are {shared.listed(maps)} with conv_dim={_CONV_DIM}. Asked for is "
        f"{shared.listed(shared.MAPS)}.",
        slug,
    )


def _complain_of_the_layers(look: tools.Look) -> None:
    """What follows the convolutions but the last; and that one too where no average comes next."""
    last = len(look.first.steps) - (1 if _is_pointwise(look) else 2)
    for number in range(last):
        tools.complain_of_what_follows(look, number, normalised=number > 0, slope=0.2)


def _complain_of_the_logits(look: tools.Look) -> None:
    for seen in (look.first, look.second, look.moved):
        out = seen.steps[-1].out
        if _is_pointwise(look):
            out = out.mean(_MAPS)
        shared.complain_of_changed_logits(out.ravel(), seen.output.ravel())


# --- answers, right and wrong ------------------------------------------------------------------


def _layers() -> Any:
    from helpers.keras import keras

    return keras.layers


def _gap(width: int) -> list[Any]:
    return [_layers().GlobalAveragePooling2D(), _layers().Dense(1)]


def _built(head: Callable = _gap, **parts: Callable) -> Callable:
    """Lesson 05's network with the head of this lesson, or with another one."""
    return shared.build_like(head=head, **parts)


def _head(function: Callable) -> Callable:
    """A head whose dense layer gets what ``function`` makes of the last maps."""
    return lambda width: [_layers().Lambda(function), _layers().Dense(1)]


def _ops() -> Any:
    from helpers.keras import keras

    return keras.ops


def _default_of_64(conv_dim=64):
    return _built()(conv_dim)


def _made_in_call(conv_dim=32):
    from helpers.keras import keras

    class Discriminator(keras.Model):
        def call(self, x):
            return _built()(conv_dim)(x)

    return Discriminator()


def _too_early(number: int) -> list[Any]:
    if number < 2:
        return [*shared.norm(number), shared.leaky()]
    return [*shared.norm(1), _layers().GlobalAveragePooling2D(), shared.leaky()]


_MISTAKES = {
    "flattened": Mistake(
        "That is Flatten, as in lesson 05. Average each map over its pixels instead: "
        "`keras.layers.GlobalAveragePooling2D()`.",
        _built(head=lambda width: [_layers().Flatten(), _layers().Dense(1)]),
    ),
    "pooling_missing": Mistake(
        "Keras' Dense acts on the last axis, so maps stay maps. Put "
        "`keras.layers.GlobalAveragePooling2D()` before it.",
        _built(head=lambda width: [_layers().Dense(1)]),
    ),
    "dimensions_kept": Mistake(
        "With `keepdims=True` the averages stay maps, of 1 x 1. Leave it out.",
        _built(
            head=lambda width: [
                _layers().GlobalAveragePooling2D(keepdims=True),
                _layers().Dense(1),
            ]
        ),
    ),
    "maximum": Mistake(
        "That is global max pooling, whose gradient reaches one pixel of sixteen. Asked for is the "
        "mean: `keras.layers.GlobalAveragePooling2D()`.",
        _built(head=lambda width: [_layers().GlobalMaxPooling2D(), _layers().Dense(1)]),
    ),
    "summed": Mistake(
        "Then the logit grows with the size of the maps. Take the mean: "
        "`keras.layers.GlobalAveragePooling2D()`.",
        _built(head=_head(lambda x: _ops().sum(x, (1, 2)))),
    ),
    "over_the_channels": Mistake(
        "The average is taken over the channels, the last axis. Take it over height and width, "
        "axes 1 and 2: `keras.layers.GlobalAveragePooling2D()`.",
        _built(head=_head(lambda x: _ops().reshape(_ops().mean(x, -1), (-1, 16)))),
    ),
    "over_everything": Mistake(
        "Channels are averaged too, so that what the network has told apart is mixed again. Only "
        "height and width: `keras.layers.GlobalAveragePooling2D()`.",
        _built(head=_head(lambda x: _ops().mean(x, (1, 2, 3))[:, None])),
    ),
    "pooled_in_part": Mistake(
        "Global means over the whole map: `keras.layers.GlobalAveragePooling2D()`.",
        _built(
            head=lambda width: [
                *(_layers().AveragePooling2D(2), _layers().Flatten(), _layers().Dense(1)),
            ]
        ),
    ),
    "one_pixel": Mistake(
        "The others are thrown away. All of them count: `keras.layers.GlobalAveragePooling2D()`.",
        _built(head=_head(lambda x: x[:, 0, 0])),
    ),
    "pooled_too_early": Mistake(
        "The average comes last, after batch normalisation and LeakyReLU of the third block; then "
        "the dense layer.",
        _built(between=_too_early, head=lambda width: [_layers().Dense(1)]),
    ),
    "something_between": Mistake(
        "Nothing but the average over the whole map stands between the third block and the dense "
        "layer: no other activation or normalisation, no cropping. (And in the block comes "
        "BatchNormalization, then LeakyReLU(0.2).)",
        _built(
            head=lambda width: [
                *(_layers().GlobalAveragePooling2D(), shared.leaky()),
                _layers().Dense(1),
            ]
        ),
    ),
    "convolution_in_place_of_pooling": Mistake(
        "That is a dense layer on the flattened maps in another guise, with as many weights. "
        "Average first, then one weight per map.",
        _built(head=lambda width: [_layers().Conv2D(1, 4), _layers().Flatten()]),
    ),
    "logits_averaged": Mistake(
        "Average the last maps first; then one dense layer makes the logit. (A 1 x 1 convolution "
        "to one map and its average would be the same; larger kernels are not.)",
        _built(
            head=lambda width: [
                _layers().Conv2D(1, 3, padding="same"),
                _layers().GlobalAveragePooling2D(),
            ]
        ),
    ),
    "hidden_dense": Mistake(
        "Global average pooling is there to get rid of dense layers: the averages go straight to "
        "the one that makes the logit.",
        _built(
            head=lambda width: [
                *(_layers().GlobalAveragePooling2D(), _layers().Dense(10)),
                *(shared.leaky(), _layers().Dense(1)),
            ]
        ),
    ),
    "batch_norm_twice": Mistake(
        "The averages go into the dense layer as they are.",
        _built(
            head=lambda width: [
                *(_layers().GlobalAveragePooling2D(), _layers().BatchNormalization()),
                _layers().Dense(1),
            ]
        ),
    ),
    "keras_slope": Mistake(
        "That is what Keras' LeakyReLU does if it is told nothing. DCGAN's passes on 0.20: "
        "`keras.layers.LeakyReLU(negative_slope=0.2)`.",
        _built(between=lambda number: [*shared.norm(number), _layers().LeakyReLU()]),
    ),
    "relu": Mistake(
        "That is ReLU. The blocks are lesson 05's, with LeakyReLU, which passes on 0.20.",
        _built(between=lambda number: [*shared.norm(number), _layers().ReLU()]),
    ),
    "no_batch_norm": Mistake(
        "The blocks are lesson 05's: batch normalisation between convolution and LeakyReLU of the "
        "second and the third.",
        _built(between=lambda number: [shared.leaky()]),
    ),
    "batch_norm_on_the_input_layer": Mistake(
        "Leave batch normalisation out in the first block, as in lesson 05.",
        _built(between=lambda number: [*shared.norm(1), shared.leaky()]),
    ),
    "max_pooling": Mistake(
        "That is max pooling. The convolutions make the maps smaller, with `strides=2`; only the "
        "last maps are averaged.",
        _built(
            convolution=lambda width, number: shared.conv(width, **shared.PADDED),
            between=lambda number: [
                *(*shared.norm(number), shared.leaky(), _layers().MaxPooling2D()),
            ],
        ),
    ),
    "block_missing": Mistake(
        "Three blocks take 32 to 16, 8 and 4; then comes the average.",
        _built(widths=lambda conv_dim: (conv_dim, 4 * conv_dim)),
    ),
    "conv_dim_ignored": Mistake(
        "The numbers of filters are written into the function. They follow from conv_dim: "
        "conv_dim, 2 * conv_dim, 4 * conv_dim.",
        _built(widths=lambda conv_dim: (32, 64, 128)),
    ),
    "another_default": Mistake(
        "Keep the first line as it was: `def keras_gap_discriminator(conv_dim=32):`",
        _default_of_64,
    ),
    "sigmoid": Mistake(
        "Leave out the sigmoid: the losses of this course take logits and have it inside.",
        _built(
            head=lambda width: [_layers().GlobalAveragePooling2D(), _layers().Dense(1, "sigmoid")]
        ),
    ),
    "layers_made_in_call": Mistake(
        "Make the layers in `__init__` and keep them in `self`: those made in `call` are new, "
        "with new weights, at each call.",
        _made_in_call,
    ),
}


def _functional(conv_dim=32):
    from helpers.keras import keras
    from helpers.keras.discriminator import conv_block

    images = keras.Input((32, 32, 3))
    x = conv_block(images, conv_dim, batch_norm=False)
    x = conv_block(x, 2 * conv_dim)
    x = conv_block(x, 4 * conv_dim)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(1)(x))


def _subclassed(conv_dim=32):
    from helpers.keras import keras, tf

    class Discriminator(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [shared.conv(conv_dim * 2**i) for i in range(3)]
            self.norms = [_layers().BatchNormalization(scale=False) for _ in range(2)]
            self.logit = _layers().Dense(1)

        def call(self, x, training=False):
            x = tf.nn.leaky_relu(self.blocks[0](x), 0.2)
            for block, norm in zip(self.blocks[1:], self.norms, strict=True):
                x = tf.nn.leaky_relu(norm(block(x), training=training), 0.2)
            return self.logit(tf.reduce_mean(x, axis=[1, 2]))

    return Discriminator()


def _near_1() -> Any:
    from helpers.keras import keras

    return keras.initializers.RandomNormal(1.0, 0.3, seed=2)


_RIGHT = [
    _built(),
    _functional,
    _subclassed,
    _built(
        head=lambda width: [
            *(_layers().AveragePooling2D(4), _layers().Flatten(), _layers().Dense(1))
        ]
    ),
    _built(
        head=lambda width: [
            _layers().GlobalAveragePooling2D(keepdims=True),
            *(_layers().Conv2D(1, 1), _layers().Flatten()),
        ]
    ),
    _built(head=lambda width: [_layers().Conv2D(1, 1), _layers().GlobalAveragePooling2D()]),
    _built(head=lambda width: [_layers().Dense(1), _layers().GlobalAveragePooling2D()]),
    _built(
        head=_head(lambda x: _ops().mean(x, axis=(1, 2))),
        between=lambda number: [
            *shared.norm(number, gamma_initializer=_near_1(), beta_initializer=_near_1()),
            shared.leaky(),
        ],
    ),
    _built(between=lambda number: [*shared.norm(number, center=False), shared.leaky()]),
]


def register(lesson: Lesson) -> Exercise:
    """Add the exercise ``keras_gap_discriminator`` to the lesson."""
    return lesson.exercise(
        "helpers.keras.discriminator.gap_discriminator",
        name="keras_gap_discriminator",
        probe=_probe,
        names_mistakes=True,
        mistakes=_MISTAKES,
        hints=[
            "The blocks are lesson 05's once more. In Keras what comes after them is two layers: "
            "the first is called what the exercise is about.",
            "keras.layers.GlobalAveragePooling2D() turns (N, 4, 4, C) into (N, C): no Flatten is "
            "needed. Then keras.layers.Dense(1).",
            "images = keras.Input((32, 32, 3)), x = conv_block(images, conv_dim, "
            "batch_norm=False), x = conv_block(x, 2 * conv_dim), x = conv_block(x, 4 * conv_dim), "
            "then the two layers, and keras.Model(images, x).",
        ],
        right=_RIGHT,
        returns="a network",
        seconds=10.0,
        difficulty=2,
        minutes=5,
    )


"""keras_gap_discriminator(conv_dim=32) -> a Keras model, (N, 32, 32, 3) to logits (N, 1).
(●●○, 5 min)

The twin of gap_discriminator: lesson 05's three blocks, GlobalAveragePooling2D (or the mean over
axes 1 and 2), Dense(1)."""
