"""The DCGAN discriminator in PyTorch: a colour image becomes one logit, real or fake.

Source: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2015, arXiv:1511.06434.
"""

from __future__ import annotations

import torch
from torch import nn

from helpers.pytorch.generator import block_widths, init_weights
from helpers.recipes import require_head


def conv_block(
    in_channels: int, out_channels: int, batch_norm: bool = True, bias: bool = False
) -> nn.Sequential:
    """Strided convolution, batch normalisation, LeakyReLU: (N, in, H, W) -> (N, out, H/2, W/2).

    batch_norm : False on the input layer, so that the discriminator sees the images' own mean and
    scale. bias : not before a normalisation, which would subtract it.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)
    ]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))


class Discriminator(nn.Module):
    """Images to logits: (N, 3, 32, 32) -> (N, 1); above 0 means "real".

    ====================================== =====================
    layer                                  shape of its output
    ====================================== =====================
    ``conv_block`` without normalisation   (N, conv_dim, 16, 16)
    ``conv_block``                         (N, 2*conv_dim, 8, 8)
    ``conv_block``                         (N, 4*conv_dim, 4, 4)
    flatten, dense                         (N, 1)
    ====================================== =====================

    Larger images go through one block more (64 x 64) or two (128 x 128), each with twice the
    channels of the one before. There is no sigmoid: it sits in the loss, where it is computed
    without overflow.

    Parameters
    ----------
    conv_dim : channels after the first block; 32 makes 167,809 parameters for 32 x 32 images.
    image_size : 32, 64 or 128, the images' height and width in pixels.
    batch_norm : False leaves every normalisation out; the hidden convolutions then have a bias.
    head : "dense" as above; "gap" has global average pooling instead of flattening, so the dense
        layer gets the mean of each of the last maps, (N, 4*conv_dim).

    Raises
    ------
    ValueError
        For conv_dim below 1, another image_size or head, and for images of another shape.
    """

    def __init__(
        self,
        conv_dim: int = 32,
        image_size: int = 32,
        batch_norm: bool = True,
        head: str = "dense",
    ) -> None:
        super().__init__()
        widths = block_widths(conv_dim, image_size)
        require_head(head)
        self.image_size, self.head = image_size, head
        self.blocks = nn.Sequential(
            conv_block(3, conv_dim, batch_norm=False),
            *[
                conv_block(width, 2 * width, batch_norm, bias=not batch_norm)
                for width in widths[:-1]
            ],
        )
        self.dense = nn.Linear(widths[-1] if head == "gap" else widths[-1] * 4 * 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """images : (N, 3, image_size, image_size). Returns logits (N, 1)."""
        if images.shape[1:] != (3, self.image_size, self.image_size):
            raise ValueError(
                f"images have shape {tuple(images.shape)}; this discriminator was made for "
                f"(N, 3, {self.image_size}, {self.image_size}): see its image_size."
            )
        maps = self.blocks(images)
        return self.dense(maps.mean((2, 3)) if self.head == "gap" else maps.flatten(1))


def build_discriminator(
    conv_dim: int = 32, image_size: int = 32, batch_norm: bool = True, head: str = "dense"
) -> Discriminator:
    """A Discriminator with the paper's first weights: see ``init_weights``."""
    return Discriminator(conv_dim, image_size, batch_norm, head).apply(init_weights)


def gap_discriminator(
    conv_dim: int = 32, image_size: int = 32, batch_norm: bool = True
) -> Discriminator:
    """A Discriminator whose logit sees the mean of each last map, and not where in it things are.

    (N, 4*conv_dim, 4, 4) -> global average pooling -> (N, 4*conv_dim) -> dense -> (N, 1). The dense
    layer has a sixteenth of the weights; for conv_dim 32 the whole has 165,889 parameters instead
    of 167,809. Arguments as in ``Discriminator``.
    """
    return build_discriminator(conv_dim, image_size, batch_norm, head="gap")
