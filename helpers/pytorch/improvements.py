"""Lesson 10's answers: an augmentation that can be differentiated, and where it goes.

``diff_augment`` here is brightness and translation, as a learner writes it in a quarter of an hour;
``helpers.pytorch.augment`` has the whole policy of the paper, which the trainers use.

Source: S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu, S. Han, "Differentiable augmentation for data-efficient
GAN training", 2020, arXiv:2006.10738.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from helpers.pytorch.augment import translate
from helpers.pytorch.losses import fake_loss, generator_loss, real_loss


def diff_augment(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Make each image brighter or darker, and shift it by up to 4 pixels.

    With (u, v, w) = numbers[n], image n becomes clamp(image + u - 1/2, -1, 1), moved down by
    floor(9 v) - 4 pixels and to the right by floor(9 w) - 4; 0, mid-grey, comes in at the edges.

    images : (N, 3, 32, 32) in [-1, 1]. numbers : (N, 3), uniform in [0, 1). Returns images of the
    same shape and range; a gradient flows back to ``images`` wherever a pixel is neither clamped
    nor shifted out.
    """
    brightness = numbers[:, :1, None, None] - 0.5
    return translate((images + brightness).clamp(-1, 1), numbers[:, 1:])


def augmented_losses(
    discriminator: Callable[[torch.Tensor], torch.Tensor],
    augment: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    fakes: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both players' losses where the discriminator sees augmented images only.

        d_loss = real_loss(D(T(x))) + fake_loss(D(T(G(z)))),  g_loss = generator_loss(D(T(G(z))))

    (Zhao et al. 2020, equations 3 and 4.) No gradient of d_loss reaches the fakes; g_loss's goes
    through D and T.

    augment : T, another random one in every call. images, fakes : (N, 3, 32, 32), the fakes with
    their history. Returns (d_loss, g_loss), scalars.
    """
    d_loss = real_loss(discriminator(augment(images)))
    d_loss = d_loss + fake_loss(discriminator(augment(fakes.detach())))
    g_loss = generator_loss(discriminator(augment(fakes)))
    return d_loss, g_loss
