"""The losses of the GAN game on logits, in Keras; twin of ``helpers.pytorch.losses``.

With D(x) = sigmoid(logit), the discriminator minimises

    real_loss + fake_loss = -log D(real) - log(1 - D(fake))

and the generator -log D(fake), the non-saturating form of I. Goodfellow et al., "Generative
adversarial networks", 2014, arXiv:1406.2661. All are means over the batch, in nats, and finite
for every finite logit because the logarithm is taken of the sigmoid in one step. Half-precision
logits, such as mixed precision makes, are computed in float32.
"""

from __future__ import annotations

from helpers.keras import tf

#: Target for real images with one-sided label smoothing (Salimans et al. 2016, arXiv:1606.03498).
SMOOTH_TARGET = 0.9


def _cross_entropy(logits: tf.Tensor, target: float) -> tf.Tensor:
    logits = tf.convert_to_tensor(logits)
    if logits.dtype in (tf.float16, tf.bfloat16):
        logits = tf.cast(logits, tf.float32)  # bfloat16 has no 0.9: it has 0.898 and 0.902
    targets = tf.fill(tf.shape(logits), tf.constant(target, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


def real_loss(logits: tf.Tensor, smooth: bool = False) -> tf.Tensor:
    """The discriminator's loss on real images: mean of -log D(x).

    logits : any shape. smooth : aim at 0.9 instead of 1, on this side only. Returns a scalar.
    """
    return _cross_entropy(logits, SMOOTH_TARGET if smooth else 1.0)


def fake_loss(logits: tf.Tensor) -> tf.Tensor:
    """The discriminator's loss on generated images: mean of -log(1 - D(G(z))).

    logits : any shape. Returns a scalar.
    """
    return _cross_entropy(logits, 0.0)


def generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """The generator's loss: mean of -log D(G(z)), small where the fakes pass for real.

    fake_logits : the discriminator's logits for generated images, any shape. Returns a scalar.
    """
    return _cross_entropy(fake_logits, 1.0)


def saturating_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """What the game's own value asks of the generator: mean of log(1 - D(G(z))).

    The same optimum as ``generator_loss``, but its gradient, -D(G(z)) per logit, vanishes where
    the discriminator is sure of its case. fake_logits : any shape. Returns a scalar, 0 or less.
    """
    return -fake_loss(fake_logits)
