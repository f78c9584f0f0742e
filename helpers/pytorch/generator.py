"""The DCGAN generator in PyTorch: 100 random numbers become a colour image.

Source: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2015, arXiv:1511.06434. Kernel 4, stride 2,
padding 1 instead of the paper's kernel 5: it doubles the size exactly and overlaps evenly.
"""

from __future__ import annotations

import torch
from torch import nn

#: Heights and widths that three, four or five blocks halve to 4 x 4, or reach from there.
IMAGE_SIZES = (32, 64, 128)

#: Last layers by name: what the generator's pixels can be.
LAST_ACTIVATIONS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity}


def block_widths(conv_dim: int, image_size: int) -> list[int]:
    """Channels from the image to the maps of 4 x 4: (32, 32) -> [32, 64, 128].

    The discriminator has them in this order, the generator backwards. Each doubling of image_size
    adds one. Raises ValueError for conv_dim below 1 or an image_size not in IMAGE_SIZES.
    """
    if conv_dim < 1:
        raise ValueError(f"conv_dim is 1 or more, not {conv_dim}.")
    if image_size not in IMAGE_SIZES:
        raise ValueError(
            f"image_size is 32, 64 or 128, not {image_size}: each block halves or doubles it, "
            "and the smallest maps are 4 x 4."
        )
    return [conv_dim * 2**block for block in range(3 + IMAGE_SIZES.index(image_size))]


def deconv_block(in_channels: int, out_channels: int, batch_norm: bool = True) -> nn.Sequential:
    """Transposed convolution, batch normalisation, ReLU: (N, in, H, W) -> (N, out, 2H, 2W).

    The convolution has no bias: batch normalisation subtracts the mean, and its own shift takes
    the bias's place. batch_norm : False leaves it out; then the convolution has a bias.
    """
    bias = not batch_norm
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)
    ]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers, nn.ReLU())


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

    Larger images come from one block more (64 x 64) or two (128 x 128), and from twice or four
    times as many maps of 4 x 4.

    Parameters
    ----------
    latent_dim : random numbers per image.
    conv_dim : channels after the last block; each block before it has twice as many.
    last_activation : "tanh" for images in (-1, 1), "sigmoid" for (0, 1), "linear" for any number.
    image_size : 32, 64 or 128, the images' height and width in pixels.
    batch_norm : False leaves every normalisation out; the layers before one then have a bias.

    Raises
    ------
    ValueError
        For a number below 1, an unknown activation, another image_size, and z of another shape.
    """

    def __init__(
        self,
        latent_dim: int = 100,
        conv_dim: int = 32,
        last_activation: str = "tanh",
        image_size: int = 32,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        if latent_dim < 1:
            raise ValueError(f"latent_dim is 1 or more, not {latent_dim}.")
        if last_activation not in LAST_ACTIVATIONS:
            known = ", ".join(map(repr, LAST_ACTIVATIONS))
            raise ValueError(f"last_activation is one of {known}, not {last_activation!r}.")
        widths = block_widths(conv_dim, image_size)[::-1]
        self.latent_dim = latent_dim
        self.dense = nn.Linear(latent_dim, widths[0] * 4 * 4, bias=not batch_norm)
        normalise = [nn.BatchNorm2d(widths[0])] if batch_norm else []
        self.start = nn.Sequential(nn.Unflatten(1, (widths[0], 4, 4)), *normalise, nn.ReLU())
        self.blocks = nn.Sequential(
            *[deconv_block(2 * width, width, batch_norm) for width in widths[1:]]
        )
        self.to_image = nn.ConvTranspose2d(conv_dim, 3, 4, stride=2, padding=1)
        self.activation = LAST_ACTIVATIONS[last_activation]()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z : (N, latent_dim), random numbers. Returns images (N, 3, image_size, image_size)."""
        if z.shape[1:] != (self.latent_dim,):
            raise ValueError(
                f"z has shape {tuple(z.shape)}; this generator was made for (N, {self.latent_dim})."
            )
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


def build_generator(
    latent_dim: int = 100,
    conv_dim: int = 32,
    last_activation: str = "tanh",
    image_size: int = 32,
    batch_norm: bool = True,
) -> Generator:
    """A Generator with the paper's first weights: see ``init_weights``."""
    network = Generator(latent_dim, conv_dim, last_activation, image_size, batch_norm)
    return network.apply(init_weights)
