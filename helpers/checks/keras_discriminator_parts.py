"""What the checks of discriminators in Keras share: complaints, and parts of banked answers.

Lesson 05 asks for a DCGAN discriminator, lesson 10 for one that ends in an average. A complaint
looks at what a network computes (see ``keras_networks``) and names the mistake as lesson 05's bank
does. Importing this loads no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks import keras_networks as tools
from helpers.checks.engine import Complaint

if TYPE_CHECKING:
    import keras


CONV_DIM = 3  # of the networks that are looked at
IMAGES = np.tanh(0.2 + 0.6 * tools.numbers((8, 32, 32, 3), 1))
MAPS = [(16, 16, CONV_DIM), (8, 8, 2 * CONV_DIM), (4, 4, 4 * CONV_DIM)]  # in a right answer
PADDED = {"padding": "same", "use_bias": False, "strides": 1}


# --- complaints ---------------------------------------------------------------------------------


def complain_of_the_default(attempt: Callable) -> None:
    """conv_dim may be left out, and is 32 then."""
    try:
        network = tools.a_network(attempt())
    except TypeError as error:
        if "required positional argument" not in str(error):
            raise
        raise Complaint(f"raised TypeError: {error}.", mistake="another_default") from error
    try:
        network(IMAGES[:2])  # or a subclass has no weights yet
    except Exception:  # told of where its images are
        return
    widths = [each.shape[-1] for each in network.weights if len(each.shape) == 4]
    if 32 not in widths and widths:
        raise Complaint(
            f"has convolutions of {_counted(widths)} filters. Left out, conv_dim is 32.",
            mistake="another_default",
        )


def _counted(widths: Sequence[int]) -> str:
    return ", ".join(map(str, widths))


def complain_of_the_output(network: keras.Model) -> None:
    """Anything but one logit for each of 8 images."""
    try:
        shape = tuple(network(IMAGES, training=False).shape)
    except Exception:
        try:
            network(IMAGES.transpose(0, 3, 1, 2), training=False)
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


def listed(shapes: Sequence[Sequence[int]]) -> str:
    """[(4, 4, 3)] in words: 4x4x3."""
    return ", ".join("x".join(map(str, shape)) for shape in shapes) or "none"


def complain_of_the_images(look: tools.Look) -> None:
    """Images that do not reach the first convolution as they are."""
    entering = look.first.steps[0].entering
    if tools.unchanged(IMAGES, entering):
        return
    if entering.size == IMAGES.size and np.allclose(
        np.sort(entering, axis=None), np.sort(IMAGES, axis=None), 1e-4, 1e-4
    ):
        raise Complaint(
            "reach the first convolution with their numbers in another order: flipped, transposed, "
            "reshaped, or with the colours swapped.",
            mistake="images_changed",
        )
    mean, deviation = entering.mean((0, 1, 2)), entering.std((0, 1, 2))
    normalised = np.abs(mean).max() < 0.05 and np.abs(deviation - 1).max() < 0.2
    raise Complaint(
        f"reach the first convolution changed: their mean is {entering.mean():.2f} instead of "
        f"{IMAGES.mean():.2f}, their deviation {entering.std():.2f} instead of "
        f"{IMAGES.std():.2f}.",
        mistake="batch_norm_on_the_images" if normalised else "images_changed",
    )


def complain_of_changed_logits(out: np.ndarray, logits: np.ndarray) -> None:
    """Something between the last layer, which puts out ``out``, and the logits."""
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


# --- parts of banked answers --------------------------------------------------------------------


def layers() -> Any:
    """``keras.layers``; loads TensorFlow."""
    from helpers.keras import keras

    return keras.layers


def conv(width: int, kernel_size: int = 4, **options: Any) -> Any:
    """A convolution that halves a map's sides, as DCGAN's do."""
    given = {"strides": 2, "padding": "same", "use_bias": False, **options}
    return layers().Conv2D(width, kernel_size, **given)


def leaky(slope: float = 0.2) -> Any:
    """DCGAN's activation."""
    return layers().LeakyReLU(negative_slope=slope)


def norm(number: int, **options: Any) -> list[Any]:
    """Batch normalisation after every convolution but the first."""
    return [layers().BatchNormalization(**options)] if number else []


def build_like(
    *,
    before: Callable = lambda: [],
    convolution: Callable = lambda width, number: conv(width),
    between: Callable = lambda number: [*norm(number), leaky()],
    head: Callable = lambda width: [layers().Flatten(), layers().Dense(1)],
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
