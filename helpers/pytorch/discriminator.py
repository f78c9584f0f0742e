"""The DCGAN discriminator in PyTorch: a 32 x 32 colour image becomes one logit, real or fake.

Source: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2015, arXiv:1511.06434.
"""

from __future__ import annotations

import torch
from torch import nn


def conv_block(in_channels: int, out_channels: int, batch_norm: bool = True) -> nn.Sequential:
    """Strided convolution, batch normalisation, LeakyReLU: (N, in, H, W) -> (N, out, H/2, W/2).

    Without bias. batch_norm : False on the input layer, so that the discriminator sees the
    images' own mean and scale.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)
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

    There is no sigmoid: it sits in the loss, where it is computed without overflow.

    Parameters
    ----------
    conv_dim : channels after the first block; 32 makes 167,809 parameters.

    Raises
    ------
    ValueError
        For conv_dim below 1.
    """

    def __init__(self, conv_dim: int = 32) -> None:
        super().__init__()
        if conv_dim < 1:
            raise ValueError(f"conv_dim is 1 or more, not {conv_dim}.")
        self.blocks = nn.Sequential(
            conv_block(3, conv_dim, batch_norm=False),
            conv_block(conv_dim, 2 * conv_dim),
            conv_block(2 * conv_dim, 4 * conv_dim),
        )
        self.dense = nn.Linear(4 * conv_dim * 4 * 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """images : (N, 3, 32, 32). Returns logits (N, 1)."""
        return self.dense(self.blocks(images).flatten(1))
