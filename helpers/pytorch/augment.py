"""Augmentations that a gradient passes through, in PyTorch.

    from helpers.pytorch.augment import diff_augment

    logits = discriminator(diff_augment(fakes))

An augmented image is another image of the same thing. A discriminator that sees the real images
augmented, and the fakes as they are, takes holes and shifts for signs of the real, and the
generator learns to draw them. If both are augmented, neither gives itself away; but then the
generator's gradient has to come back through the augmentation, so each is made of operations that
have one: sums, products, selected pixels.

Every image has eight random numbers of its own, uniform in [0, 1): see ``draw``. Given the same
ones, ``helpers.keras.augment`` computes the same.

Source: S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu, S. Han, "Differentiable augmentation for data-efficient
GAN training", 2020, arXiv:2006.10738. Other than theirs, ``color`` keeps pixels in [-1, 1], where
a generator that ends in tanh can follow.
"""

from __future__ import annotations

import torch

from helpers.recipes import AUGMENTATIONS, DIFF_POLICY, NUMBERS, require_policy


def draw(count: int, device: str | torch.device | None = None) -> torch.Tensor:
    """Random numbers for ``count`` images: (count, 8), uniform in [0, 1)."""
    return torch.rand(count, NUMBERS, device=device)


def diff_augment(
    images: torch.Tensor,
    policy: tuple[str, ...] = DIFF_POLICY,
    numbers: torch.Tensor | None = None,
) -> torch.Tensor:
    """Augment every image of a batch in its own way.

    Parameters
    ----------
    images : floats in [-1, 1], (N, 3, H, W). They stay as they are.
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
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images have shape (N, 3, H, W), not {tuple(images.shape)}.")
    if numbers is None:
        numbers = draw(len(images), images.device)
    if numbers.shape != (len(images), NUMBERS):
        raise ValueError(
            f"{len(images)} images take numbers of shape ({len(images)}, {NUMBERS}), not "
            f"{tuple(numbers.shape)}: every image has its own."
        )
    for name in policy:
        images = _BY_NAME[name](images, numbers[:, AUGMENTATIONS[name]])
    return images


def color(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Brightness, saturation, contrast: three random numbers u per image.

    Brightness adds u0 - 1/2. Saturation multiplies by 2 u1 what a pixel's channels differ from
    their mean: 0 is grey. Contrast multiplies by u2 + 1/2 what the pixels differ from the image's
    mean. Then values are cut off at -1 and 1, where the gradient ends too.

    images : (N, 3, H, W) in [-1, 1]. numbers : (N, 3). Returns the same shape and range.
    """
    brightness, saturation, contrast = numbers.to(images.dtype)[:, :, None, None, None].unbind(1)
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = torch.lerp(grey, images, 2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = torch.lerp(mean, images, contrast + 0.5)
    return images.clamp(-1, 1)


def translate(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Move by up to an eighth of the size, down or up and right or left; grey (0) comes in.

    images : (N, 3, H, W). numbers : (N, 2), for down and right: 0 moves furthest up and left, just
    below 1 furthest down and right. Returns the same shape.
    """
    for axis, number in zip((2, 3), numbers.unbind(1), strict=True):
        size = images.shape[axis]
        most = round(size / 8)
        shifts = _whole(number, 2 * most + 1) - most
        # Where each row or column comes from; outside the image there is grey.
        source = torch.arange(size, device=images.device) - shifts[:, None]
        shape = [len(images), 1, 1, 1]
        shape[axis] = size
        inside = ((source >= 0) & (source < size)).view(shape)
        chosen = source.clamp(0, size - 1).view(shape).expand(images.shape)
        images = images.gather(axis, chosen) * inside
    return images


def cutout(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Paint a rectangle of half the height and half the width grey (0); the border may cut it off.

    images : (N, 3, H, W). numbers : (N, 2), for the row and the column of its centre, which lies
    anywhere in the image. Returns the same shape.
    """
    keep = torch.zeros((), dtype=torch.bool, device=images.device)
    for axis, number in zip((2, 3), numbers.unbind(1), strict=True):
        size = images.shape[axis]
        hole = size // 2
        first = _whole(number, size + 1)[:, None] - hole // 2
        place = torch.arange(size, device=images.device)
        shape = [len(images), 1, 1, 1]
        shape[axis] = size
        keep = keep | ((place < first) | (place >= first + hole)).view(shape)
    return images * keep


def flip(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Mirror every image left to right whose number is below 1/2.

    images : (N, 3, H, W). numbers : (N, 1). Returns the same shape.
    """
    return torch.where(numbers[:, :, None, None] < 0.5, images.flip(3), images)


def _whole(number: torch.Tensor, count: int) -> torch.Tensor:
    """Uniform in [0, 1) to one of 0 ... count - 1. A number just below 1 may round up to count."""
    return (number * count).long().clamp(max=count - 1)


_BY_NAME = {"color": color, "translation": translate, "cutout": cutout, "flip": flip}
