"""The DCGAN discriminator in Keras; twin of ``helpers.pytorch.discriminator``.

The same layers compute the same numbers, with two things to know. Images are (N, H, W, C), the
channels last, so flattening lines up the features of the last maps in the order H, W, C instead
of C, H, W: the dense layer's weights are the PyTorch ones, sorted otherwise. And with kernel 4,
stride 2 and an even size, padding "same" adds one pixel on every side, as padding=1 does there;
with a kernel of 3 or 5 the two frameworks would pad differently.

Source: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2015, arXiv:1511.06434.
"""

from __future__ import annotations

from helpers.keras import keras, tf
from helpers.keras.generator import BATCH_NORM, block_widths, init_weights
from helpers.recipes import require_head

layers = keras.layers


def conv_block(
    x: tf.Tensor, out_channels: int, batch_norm: bool = True, bias: bool = False
) -> tf.Tensor:
    """Strided convolution, batch normalisation, LeakyReLU: (N, H, W, in) -> (N, H/2, W/2, out).

    x : another layer's output or ``keras.Input``; every call makes new layers. batch_norm : False
    on the input layer, so that the discriminator sees the images' own mean and scale. bias : not
    before a normalisation, which would subtract it.
    """
    x = layers.Conv2D(out_channels, 4, strides=2, padding="same", use_bias=bias)(x)
    if batch_norm:
        x = layers.BatchNormalization(**BATCH_NORM)(x)
    return layers.LeakyReLU(negative_slope=0.2)(x)


def build_discriminator(
    conv_dim: int = 32, image_size: int = 32, batch_norm: bool = True, head: str = "dense"
) -> keras.Model:
    """Images to logits, (N, 32, 32, 3) -> (N, 1); above 0 means "real".

    ====================================== =====================
    layer                                  shape of its output
    ====================================== =====================
    ``conv_block`` without normalisation   (N, 16, 16, conv_dim)
    ``conv_block``                         (N, 8, 8, 2*conv_dim)
    ``conv_block``                         (N, 4, 4, 4*conv_dim)
    flatten, dense                         (N, 1)
    ====================================== =====================

    Larger images go through one block more (64 x 64) or two (128 x 128), each with twice the
    channels of the one before. There is no sigmoid: it sits in the loss, where it is computed
    without overflow. The first weights are the paper's: see ``init_weights``.

    conv_dim : channels after the first block; 32 makes 167,809 trainable parameters at 32 x 32.
    image_size : 32, 64 or 128, the images' height and width in pixels.
    batch_norm : False leaves every normalisation out; the hidden convolutions then have a bias.
    head : "dense" as above; "gap" has global average pooling instead of flattening, so the dense
        layer gets the mean of each of the last maps, (N, 4*conv_dim).

    Raises ValueError for conv_dim below 1 and for another image_size or head.
    """
    widths = block_widths(conv_dim, image_size)
    require_head(head)
    images = keras.Input((image_size, image_size, 3))
    maps = conv_block(images, conv_dim, batch_norm=False)
    for width in widths[1:]:
        maps = conv_block(maps, width, batch_norm, bias=not batch_norm)
    pool = layers.GlobalAveragePooling2D() if head == "gap" else layers.Flatten()
    logits = layers.Dense(1)(pool(maps))
    network = keras.Model(images, logits, name="discriminator")
    init_weights(network)
    return network


def gap_discriminator(
    conv_dim: int = 32, image_size: int = 32, batch_norm: bool = True
) -> keras.Model:
    """A discriminator whose logit sees the mean of each last map, and not where in it things are.

    (N, 4, 4, 4*conv_dim) -> GlobalAveragePooling2D -> (N, 4*conv_dim) -> dense -> (N, 1). The dense
    layer has a sixteenth of the weights; for conv_dim 32 the whole has 165,889 trainable parameters
    instead of 167,809. Arguments as in ``build_discriminator``.
    """
    return build_discriminator(conv_dim, image_size, batch_norm, head="gap")
