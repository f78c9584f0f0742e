"""Augmentations that a gradient passes through, in Keras; twin of ``helpers.pytorch.augment``.

    from helpers.keras.augment import diff_augment

    logits = discriminator(diff_augment(fakes), training=True)

An augmented image is another image of the same thing. A discriminator that sees the real images
augmented, and the fakes as they are, takes holes and shifts for signs of the real, and the
generator learns to draw them. If both are augmented, neither gives itself away; but then the
generator's gradient has to come back through the augmentation, so each is made of operations that
have one: sums, products, selected pixels.

Every image has eight random numbers of its own, uniform in [0, 1): see ``draw``. Given the same
ones, the PyTorch twin computes the same. Under ``tf.function`` they are drawn anew in every call.

Source: S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu, S. Han, "Differentiable augmentation for data-efficient
GAN training", 2020, arXiv:2006.10738. Other than theirs, ``color`` keeps pixels in [-1, 1], where
a generator that ends in tanh can follow.
"""

from __future__ import annotations

from helpers.keras import tf
from helpers.recipes import AUGMENTATIONS, DIFF_POLICY, NUMBERS, require_policy


def draw(count: int | tf.Tensor) -> tf.Tensor:
    """Random numbers for ``count`` images: (count, 8), uniform in [0, 1)."""
    return tf.random.uniform((count, NUMBERS))


def diff_augment(
    images: tf.Tensor,
    policy: tuple[str, ...] = DIFF_POLICY,
    numbers: tf.Tensor | None = None,
) -> tf.Tensor:
    """Augment every image of a batch in its own way.

    Parameters
    ----------
    images : floats in [-1, 1], (N, H, W, 3). They stay as they are.
    policy : what to do, names from ``helpers.recipes.AUGMENTATIONS``, in this order.
    numbers : (N, 8) in [0, 1), as ``draw`` gives; by default drawn anew in every call.

    Returns
    -------
    Images of the same shape, type and range. The gradient goes from them to ``images``.

    Raises
    ------
    ValueError
        For an augmentation that there is not, and for images or numbers of another shape.
    """
    require_policy(policy)
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or images.shape[3] != 3:
        raise ValueError(f"images have shape (N, H, W, 3), not {tuple(images.shape)}.")
    numbers = draw(tf.shape(images)[0]) if numbers is None else tf.convert_to_tensor(numbers)
    if not numbers.shape.is_compatible_with((images.shape[0], NUMBERS)):
        raise ValueError(
            f"{images.shape[0]} images take numbers of shape ({images.shape[0]}, {NUMBERS}), not "
            f"{tuple(numbers.shape)}: every image has its own."
        )
    for name in policy:
        images = _BY_NAME[name](images, numbers[:, AUGMENTATIONS[name]])
    return images


def color(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Brightness, saturation, contrast: three random numbers u per image.

    Brightness adds u0 - 1/2. Saturation multiplies by 2 u1 what a pixel's channels differ from
    their mean: 0 is grey. Contrast multiplies by u2 + 1/2 what the pixels differ from the image's
    mean. Then values are cut off at -1 and 1, where the gradient ends too.

    images : (N, H, W, 3) in [-1, 1]. numbers : (N, 3). Returns the same shape and range.
    """
    numbers = tf.cast(numbers, images.dtype)[:, :, None, None, None]
    brightness, saturation, contrast = tf.unstack(numbers, axis=1)
    images += brightness - 0.5
    grey = tf.reduce_mean(images, 3, keepdims=True)
    images = grey + 2 * saturation * (images - grey)
    mean = tf.reduce_mean(images, (1, 2, 3), keepdims=True)
    images = mean + (contrast + 0.5) * (images - mean)
    return tf.clip_by_value(images, -1, 1)


def translate(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Move by up to an eighth of the size, down or up and right or left; grey (0) comes in.

    images : (N, H, W, 3). numbers : (N, 2), for down and right: 0 moves furthest up and left, just
    below 1 furthest down and right. Returns the same shape.
    """
    for axis, number in zip((1, 2), tf.unstack(numbers, axis=1), strict=True):
        size = images.shape[axis]
        most = round(size / 8)
        shifts = _whole(number, 2 * most + 1) - most
        # Where each row or column comes from; outside the image there is grey.
        source = tf.range(size) - shifts[:, None]
        inside = tf.cast((source >= 0) & (source < size), images.dtype)
        chosen = tf.clip_by_value(source, 0, size - 1)
        images = tf.gather(images, chosen, axis=axis, batch_dims=1)
        images *= tf.reshape(inside, _along(axis, size))
    return images


def cutout(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Paint a rectangle of half the height and half the width grey (0); the border may cut it off.

    images : (N, H, W, 3). numbers : (N, 2), for the row and the column of its centre, which lies
    anywhere in the image. Returns the same shape.
    """
    keep = tf.constant(False)
    for axis, number in zip((1, 2), tf.unstack(numbers, axis=1), strict=True):
        size = images.shape[axis]
        hole = size // 2
        first = _whole(number, size + 1)[:, None] - hole // 2
        place = tf.range(size)
        keep |= tf.reshape((place < first) | (place >= first + hole), _along(axis, size))
    return images * tf.cast(keep, images.dtype)


def flip(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Mirror every image left to right whose number is below 1/2.

    images : (N, H, W, 3). numbers : (N, 1). Returns the same shape.
    """
    return tf.where(numbers[:, :, None, None] < 0.5, tf.reverse(images, [2]), images)


def _along(axis: int, size: int) -> list[int]:
    """The shape of one number per image and place on this axis, to be multiplied with images."""
    shape = [-1, 1, 1, 1]
    shape[axis] = size
    return shape


def _whole(number: tf.Tensor, count: int) -> tf.Tensor:
    """Uniform in [0, 1) to one of 0 ... count - 1. A number just below 1 may round up to count."""
    return tf.minimum(tf.cast(number * count, tf.int32), count - 1)


_BY_NAME = {"color": color, "translation": translate, "cutout": cutout, "flip": flip}
