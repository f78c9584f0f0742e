"""The DCGAN generator in Keras; twin of ``helpers.pytorch.generator``.

The same layers compute the same numbers, with the channels last: the dense layer's outputs become
maps in the order H, W, C instead of C, H, W, so its weights are the PyTorch ones, sorted otherwise.

Source: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2015, arXiv:1511.06434. Kernel 4, stride 2,
padding "same" instead of the paper's kernel 5: it doubles the size exactly and overlaps evenly.
"""

from __future__ import annotations

from helpers.keras import keras, tf

layers = keras.layers

#: Heights and widths that three, four or five blocks halve to 4 x 4, or reach from there.
IMAGE_SIZES = (32, 64, 128)

#: What the generator's pixels can be.
LAST_ACTIVATIONS = ("tanh", "sigmoid", "linear")

#: Keras' own momentum and epsilon are 0.99 and 1e-3. These compute what PyTorch does, where the
#: momentum is called 0.1 because it is the share of the new batch. Only the running variance
#: still differs: PyTorch averages n / (n - 1) times the batch's variance, n values per channel.
BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


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


def deconv_block(x: tf.Tensor, out_channels: int, batch_norm: bool = True) -> tf.Tensor:
    """Transposed convolution, batch normalisation, ReLU: (N, H, W, in) -> (N, 2H, 2W, out).

    The convolution has no bias: batch normalisation subtracts the mean, and its own shift takes
    the bias's place. x : another layer's output or ``keras.Input``; every call makes new layers.
    batch_norm : False leaves it out; then the convolution has a bias.
    """
    bias = not batch_norm
    x = layers.Conv2DTranspose(out_channels, 4, strides=2, padding="same", use_bias=bias)(x)
    if batch_norm:
        x = layers.BatchNormalization(**BATCH_NORM)(x)
    return layers.ReLU()(x)


def build_generator(
    latent_dim: int = 100,
    conv_dim: int = 32,
    last_activation: str = "tanh",
    image_size: int = 32,
    batch_norm: bool = True,
) -> keras.Model:
    """Random numbers to images, (N, latent_dim) -> (N, 32, 32, 3).

    ====================================== ========================
    layer                                  shape of its output
    ====================================== ========================
    dense                                  (N, 4 * 4 * 4*conv_dim)
    reshape, batch normalisation, ReLU     (N, 4, 4, 4*conv_dim)
    ``deconv_block``                       (N, 8, 8, 2*conv_dim)
    ``deconv_block``                       (N, 16, 16, conv_dim)
    transposed convolution, activation     (N, 32, 32, 3)
    ====================================== ========================

    Larger images come from one block more (64 x 64) or two (128 x 128), and from twice or four
    times as many maps of 4 x 4. The first weights are the paper's: see ``init_weights``.

    latent_dim : random numbers per image.
    conv_dim : channels after the last block; each block before it has twice as many.
    last_activation : "tanh" for images in (-1, 1), "sigmoid" for (0, 1), "linear" for any number.
    image_size : 32, 64 or 128, the images' height and width in pixels.
    batch_norm : False leaves every normalisation out; the layers before one then have a bias.

    Raises ValueError for a number below 1, an unknown activation and another image_size.
    """
    if latent_dim < 1:
        raise ValueError(f"latent_dim is 1 or more, not {latent_dim}.")
    if last_activation not in LAST_ACTIVATIONS:
        known = ", ".join(map(repr, LAST_ACTIVATIONS))
        raise ValueError(f"last_activation is one of {known}, not {last_activation!r}.")
    widths = block_widths(conv_dim, image_size)[::-1]
    z = keras.Input((latent_dim,))
    maps = layers.Dense(4 * 4 * widths[0], use_bias=not batch_norm)(z)
    maps = layers.Reshape((4, 4, widths[0]))(maps)
    if batch_norm:
        maps = layers.BatchNormalization(**BATCH_NORM)(maps)
    maps = layers.ReLU()(maps)
    for width in widths[1:]:
        maps = deconv_block(maps, width, batch_norm)
    maps = layers.Conv2DTranspose(3, 4, strides=2, padding="same")(maps)
    network = keras.Model(z, layers.Activation(last_activation)(maps), name="generator")
    init_weights(network)
    return network


def init_weights(network: keras.Model) -> None:
    """Initialise a network as the DCGAN paper does.

    Weights of convolutions and dense layers from N(0, 0.02), their biases 0; batch normalisation's
    scale from N(1, 0.02), its shift 0. Running statistics stay as they are. Another way is to hand
    every layer its own ``kernel_initializer``; its own, because in Keras an initialiser that two
    layers share gives both the same numbers.

    Raises ValueError for a network without weights.
    """
    if not network.weights:
        raise ValueError("The network has no weights yet: call it on a batch first.")
    for weight in network.weights:
        if weight.name in ("kernel", "gamma"):
            mean = 1.0 if weight.name == "gamma" else 0.0
            weight.assign(keras.random.normal(weight.shape, mean, 0.02))
        elif weight.name in ("bias", "beta"):
            weight.assign(tf.zeros(weight.shape, weight.dtype))
