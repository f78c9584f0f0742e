"""Batch normalisation in Keras, written out; twin of ``helpers.pytorch.batch_norm``.

    y = gamma * (x - mean) / sqrt(var + eps) + beta

Each feature of (N, D), or each channel of (N, H, W, C), the last axis, has a mean, a variance, a
gamma and a beta of its own. Three things differ from the PyTorch twin: the channels come last,
``momentum`` is the share of the *old* running statistics that is kept, and the running variance is
the biased one by which the batch is normalised too.

Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", 2015, arXiv:1502.03167.
"""

from __future__ import annotations

from typing import Any

from helpers.keras import keras, tf


def batch_norm_train(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, eps: float = 1e-3
) -> tf.Tensor:
    """Normalise a batch by its own mean and its own biased variance, then scale and shift it.

    x : (N, D) or (N, H, W, C). gamma, beta : (D,) or (C,). eps : keeps the root off zero.
    Returns y of x's shape and type. Gradients flow through the mean and the variance too.
    """
    mean, var = _batch_statistics(x)
    return batch_norm_eval(x, mean, var, gamma, beta, eps)


def update_running_stats(
    running_mean: tf.Tensor, running_var: tf.Tensor, x: tf.Tensor, momentum: float = 0.99
) -> tuple[tf.Tensor, tf.Tensor]:
    """Move the running mean and variance a step of size ``1 - momentum`` towards those of a batch.

        new = momentum * old + (1 - momentum) * batch's

    The variance that enters is the biased one, divided by n with n values per channel.

    running_mean, running_var : (D,) or (C,). x : (N, D) or (N, H, W, C). momentum : share that is
    kept, 0 to 1. Returns (new mean, new variance), through which no gradient flows.
    """
    mean, var = _batch_statistics(x)
    return (
        tf.stop_gradient(momentum * running_mean + (1 - momentum) * mean),
        tf.stop_gradient(momentum * running_var + (1 - momentum) * var),
    )


def batch_norm_eval(
    x: tf.Tensor,
    running_mean: tf.Tensor,
    running_var: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    eps: float = 1e-3,
) -> tf.Tensor:
    """Normalise by given statistics: a fixed line per channel, whatever else is in the batch.

    x : (N, D) or (N, H, W, C), N may be 1. All others but eps: (D,) or (C,).
    Returns y of x's shape and type; half-precision x is computed in float32.
    """
    x = tf.convert_to_tensor(x)
    normalised = (_wide(x) - running_mean) / tf.sqrt(running_var + eps)
    return tf.cast(gamma * normalised + beta, x.dtype)


def batch_norm_backward(
    dy: tf.Tensor, x: tf.Tensor, gamma: tf.Tensor, eps: float = 1e-3
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The gradients of ``batch_norm_train`` by hand, with z the normalised x:

        dbeta = sum(dy)    dgamma = sum(dy * z)
        dx = gamma / sqrt(var + eps) * (dy - mean(dy) - z * mean(dy * z))

    The sums and means run over a channel; the two means are what x costs through the batch's mean
    and variance.

    dy : the loss's gradient at y, of x's shape. x : (N, D) or (N, H, W, C). gamma : (D,) or (C,).
    Returns (dx, dgamma, dbeta), of the shapes of x, gamma and beta.
    """
    x = tf.convert_to_tensor(x)
    axes = _axes(x)
    mean, var = _batch_statistics(x)
    dy = _wide(tf.convert_to_tensor(dy))
    z = (_wide(x) - mean) / tf.sqrt(var + eps)
    through_mean = tf.reduce_mean(dy, axes)
    through_var = z * tf.reduce_mean(dy * z, axes)
    dx = gamma / tf.sqrt(var + eps) * (dy - through_mean - through_var)
    return tf.cast(dx, x.dtype), tf.reduce_sum(dy * z, axes), tf.reduce_sum(dy, axes)


class BatchNorm(keras.layers.Layer):
    """A drop-in for ``keras.layers.BatchNormalization``: same numbers, same weights, same order.

    ``gamma`` (starts at 1) and ``beta`` (starts at 0) are trainable. ``moving_mean`` and
    ``moving_variance`` are not: they are only observed, in training, and used in inference. A
    layer with ``trainable = False`` always infers, as Keras has it.

    momentum : share of the moving statistics that is kept. eps : added to the variance.
    kwargs : those of every Keras layer, such as name and dtype.

    Raises ValueError for an impossible argument.
    """

    def __init__(self, momentum: float = 0.99, eps: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum is the share that is kept, 0 to 1, not {momentum}.")
        if eps < 0:
            raise ValueError(f"eps is added to a variance: 0 or more, not {eps}.")
        self.momentum = momentum
        self.eps = eps

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the four weights, a number each per feature; float32 in mixed precision too."""

        def add(name: str, start: str, trainable: bool) -> keras.Variable:
            return self.add_weight(
                shape=(input_shape[-1],),
                initializer=start,
                trainable=trainable,
                autocast=False,
                name=name,
            )

        self.gamma = add("gamma", "ones", trainable=True)
        self.beta = add("beta", "zeros", trainable=True)
        self.moving_mean = add("moving_mean", "zeros", trainable=False)
        self.moving_variance = add("moving_variance", "ones", trainable=False)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """x : (N, D) or (N, H, W, C). training : whether to use and observe the batch's statistics.

        Keras hands training on from the model; a layer called by itself infers by default.
        """
        mean, var = self.moving_mean, self.moving_variance
        if not (training and self.trainable):
            return batch_norm_eval(x, mean, var, self.gamma, self.beta, self.eps)
        new_mean, new_var = update_running_stats(mean, var, x, self.momentum)
        mean.assign(new_mean)
        var.assign(new_var)
        return batch_norm_train(x, self.gamma, self.beta, self.eps)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The output has the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, with which Keras saves and clones the layer."""
        return {**super().get_config(), "momentum": self.momentum, "eps": self.eps}


def _batch_statistics(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and biased variance of each channel; in float32 where x is half precision."""
    x = _wide(tf.convert_to_tensor(x))
    return tf.reduce_mean(x, _axes(x)), tf.math.reduce_variance(x, _axes(x))


def _axes(x: tf.Tensor) -> list[int]:
    """Every axis but the last: [0] for (N, D), [0, 1, 2] for (N, H, W, C)."""
    if x.shape.rank is None or x.shape.rank < 2:
        raise ValueError(f"x is (N, D) or (N, H, W, C), not of shape {x.shape}.")
    return list(range(x.shape.rank - 1))


def _wide(x: tf.Tensor) -> tf.Tensor:
    """Half precision made float32: a sum of many float16 or bfloat16 loses the small ones."""
    return tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x
