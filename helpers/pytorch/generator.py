"""The DCGAN generator in PyTorch: 100 random numbers become a 32 x 32 colour image.

Source: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2015, arXiv:1511.06434. Kernel 4, stride 2,
padding 1 instead of the paper's kernel 5: it doubles the size exactly and overlaps evenly.
"""

from __future__ import annotations

import torch
from torch import nn

#: Last layers by name: what the generator's pixels can be.
LAST_ACTIVATIONS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity}


def deconv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Transposed convolution, batch normalisation, ReLU: (N, in, H, W) -> (N, out, 2H, 2W).

    The convolution has no bias: batch normalisation subtracts the mean, and its own shift takes
    the bias's place.
    """
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class Generator(nn.Module):
    """Random numbers to images: (N, latent_dim) -> (N, 3, 32, 32).

    ====================================== ========================
    layer                                  shape of its output
    ====================================== ========================
    dense                                  (N, 4*conv_dim * 4 * 4)
    reshape, batch normalisation, ReLU     (N, 4*conv_dim, 4, 4)
    ``deconv_block``                       (N, 2*conv_dim, 8, 8)
    ``deconv_block``                       (N, conv_dim, 16, 16)
    transposed convolution, activation     (N, 3, 32, 32)
    ====================================== ========================

    Parameters
    ----------
    latent_dim : random numbers per image.
    conv_dim : channels after the last block; the earlier ones have 2 and 4 times as many.
    last_activation : "tanh" for images in (-1, 1), "sigmoid" for (0, 1), "linear" for any number.

    Raises
    ------
    ValueError
        For a size below 1 or an unknown activation.
    """

    def __init__(
        self, latent_dim: int = 100, conv_dim: int = 32, last_activation: str = "tanh"
    ) -> None:
        super().__init__()
        if latent_dim < 1 or conv_dim < 1:
            raise ValueError(
                f"latent_dim and conv_dim are 1 or more, not {latent_dim} and {conv_dim}."
            )
        if last_activation not in LAST_ACTIVATIONS:
            known = ", ".join(map(repr, LAST_ACTIVATIONS))
            raise ValueError(f"last_activation is one of {known}, not {last_activation!r}.")
        self.dense = nn.Linear(latent_dim, 4 * conv_dim * 4 * 4, bias=False)
        self.start = nn.Sequential(
            nn.Unflatten(1, (4 * conv_dim, 4, 4)), nn.BatchNorm2d(4 * conv_dim), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            deconv_block(4 * conv_dim, 2 * conv_dim), deconv_block(2 * conv_dim, conv_dim)
        )
        self.to_image = nn.ConvTranspose2d(conv_dim, 3, 4, stride=2, padding=1)
        self.activation = LAST_ACTIVATIONS[last_activation]()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z : (N, latent_dim), random numbers. Returns images (N, 3, 32, 32)."""
        maps = self.blocks(self.start(self.dense(z)))
        return self.activation(self.to_image(maps))


def init_weights(module: nn.Module) -> None:
    """Initialise one module as the DCGAN paper does; for ``network.apply(init_weights)``.

    Weights of convolutions and dense layers from N(0, 0.02), their biases 0; batch normalisation's
    scale from N(1, 0.02), its shift 0. Modules without weights of their own stay as they are.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
