"""Batch normalisation in PyTorch, written out: forward, running statistics, backward, a layer.

And two small uses of it: a network that gets it, and classification of one image at a time.

    y = gamma * (x - mean) / sqrt(var + eps) + beta

Each feature of (N, D), or each channel of (N, C, H, W), has a mean, a variance, a gamma and a
beta of its own. In training, mean and var are the batch's; in evaluation, a running average of
those seen in training. Conventions are PyTorch's: ``momentum`` is the weight of the *new* batch,
and the running variance is the unbiased one although the batch is normalised by the biased one.

Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", 2015, arXiv:1502.03167.
"""

from __future__ import annotations

import torch
from torch import nn


def batch_norm_train(
    x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """Normalise a batch by its own mean and its own biased variance, then scale and shift it.

    x : (N, D) or (N, C, H, W). gamma, beta : (D,) or (C,). eps : keeps the root off zero.
    Returns y of x's shape and type. Gradients flow through the mean and the variance too.

    Raises ValueError where a channel has a single value, whose variance is nothing to divide by.
    """
    mean, var = _batch_statistics(x)
    return batch_norm_eval(x, mean, var, gamma, beta, eps)


def update_running_stats(
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    x: torch.Tensor,
    momentum: float = 0.1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move the running mean and variance a step of size ``momentum`` towards those of a batch.

        new = (1 - momentum) * old + momentum * batch's

    The variance that enters is the unbiased one, divided by n - 1 with n values per channel.

    running_mean, running_var : (D,) or (C,), left as they are. x : (N, D) or (N, C, H, W).
    momentum : share of the new batch, 0 to 1. Returns (new mean, new variance), without a graph:
    these are statistics to keep, not something to learn through.

    Raises ValueError where a channel has a single value.
    """
    mean, var = _batch_statistics(x.detach())
    n = x.numel() // x.shape[1]
    unbiased = var * n / (n - 1)
    return (
        (1 - momentum) * running_mean.detach() + momentum * mean,
        (1 - momentum) * running_var.detach() + momentum * unbiased,
    )


def batch_norm_eval(
    x: torch.Tensor,
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
    eps: float = 1e-5,
) -> torch.Tensor:
    """Normalise by given statistics: a fixed line per channel, whatever else is in the batch.

    x : (N, D) or (N, C, H, W), N may be 1. All others but eps: (D,) or (C,).
    Returns y of x's shape and type; half-precision x is computed in float32.
    """
    mean, var, gamma, beta = (_along(x, v) for v in (running_mean, running_var, gamma, beta))
    normalised = (_wide(x) - mean) / torch.sqrt(var + eps)
    return (gamma * normalised + beta).to(x.dtype)


def batch_norm_backward(
    dy: torch.Tensor, x: torch.Tensor, gamma: torch.Tensor, eps: float = 1e-5
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of ``batch_norm_train`` by hand, with z the normalised x:

        dbeta = sum(dy)    dgamma = sum(dy * z)
        dx = gamma / sqrt(var + eps) * (dy - mean(dy) - z * mean(dy * z))

    The sums and means run over a channel. The two means are what x costs through the batch's mean
    and variance: they take out of dy its average and the part along z, the two directions that
    normalising removes.

    dy : the loss's gradient at y, of x's shape. x : (N, D) or (N, C, H, W). gamma : (D,) or (C,).
    Returns (dx, dgamma, dbeta), of the shapes of x, gamma and beta.

    Raises ValueError where a channel has a single value.
    """
    mean, var = (_along(x, v) for v in _batch_statistics(x))
    axes = _axes(x)
    dy = _wide(dy)
    z = (_wide(x) - mean) / torch.sqrt(var + eps)
    through_mean = dy.mean(axes, keepdim=True)
    through_var = z * (dy * z).mean(axes, keepdim=True)
    dx = _along(x, gamma) / torch.sqrt(var + eps) * (dy - through_mean - through_var)
    return dx.to(x.dtype), (dy * z).sum(axes), dy.sum(axes)


class BatchNorm(nn.Module):
    """A drop-in for ``nn.BatchNorm1d`` and ``nn.BatchNorm2d``: same numbers, same state_dict.

    Parameters ``weight`` (gamma, starts at 1) and ``bias`` (beta, starts at 0) are learnt. Buffers
    ``running_mean``, ``running_var`` and ``num_batches_tracked`` are only observed, in train mode,
    and used in eval mode; as buffers they are saved and moved with the model.

    num_features : D or C. eps : added to the variance. momentum : share of the new batch.

    Raises ValueError for an impossible argument, for input with another number of features, and
    in train mode for a batch with a single value per channel.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(f"num_features is 1 or more, not {num_features}.")
        if eps < 0:
            raise ValueError(f"eps is added to a variance: 0 or more, not {eps}.")
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum is the share of the new batch, 0 to 1, not {momentum}.")
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x : (N, D) or (N, C, H, W). Returns y of the same shape."""
        features = len(self.weight)
        if x.ndim < 2 or x.shape[1] != features:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this layer was made for {features} features on "
                f"axis 1, such as (N, {features}) or (N, {features}, H, W)."
            )
        if not self.training:
            return batch_norm_eval(
                x, self.running_mean, self.running_var, self.weight, self.bias, self.eps
            )
        y = batch_norm_train(x, self.weight, self.bias, self.eps)
        mean, var = update_running_stats(self.running_mean, self.running_var, x, self.momentum)
        self.running_mean.copy_(mean)
        self.running_var.copy_(var)
        self.num_batches_tracked += 1
        return y

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}, momentum={self.momentum}"


def plain_network(conv_dim: int = 8) -> nn.Sequential:
    """Images of 8 x 8 pixels to 10 logits, without normalisation: (N, 1, 8, 8) -> (N, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, conv_dim, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(conv_dim, 2 * conv_dim, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * conv_dim * 4 * 4, 10),
    )


def add_batch_norm(conv_dim: int = 8) -> nn.Sequential:
    """The same network with batch normalisation: convolution, BatchNorm, ReLU.

    The convolutions have no bias: the batch's mean, which contains it, is subtracted, and beta
    takes its place. The output layer keeps its bias and is not normalised, because its logits
    have to be free in mean and scale.

    conv_dim : channels after the first convolution. (N, 1, 8, 8) -> (N, 10).
    """
    return nn.Sequential(
        nn.Conv2d(1, conv_dim, 3, padding=1, bias=False),
        BatchNorm(conv_dim),
        nn.ReLU(),
        nn.Conv2d(conv_dim, 2 * conv_dim, 4, stride=2, padding=1, bias=False),
        BatchNorm(2 * conv_dim),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * conv_dim * 4 * 4, 10),
    )


def classify_one_by_one(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The class of each image, with one image in the network at a time.

    In eval mode, so that the running statistics stand in for those of a batch. The network's mode
    and statistics are afterwards as they were.

    network : (N, ...) -> (N, classes) logits. images : (N, ...), N of 1 or more.
    Returns int64 (N,), the same as eval mode gives for all images at once.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            return torch.cat([network(image[None]).argmax(1) for image in images])
    finally:
        network.train(was_training)


def _batch_statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and biased variance of each channel; in float32 where x is half precision."""
    if x.ndim < 2:
        raise ValueError(f"x is (N, D) or (N, C, H, W), not of shape {tuple(x.shape)}.")
    if x[:, :1].numel() < 2:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has {x[:, :1].numel()} value per channel, and one value "
            "has no spread to normalise by: use a larger batch, or eval mode."
        )
    x = _wide(x)
    return x.mean(_axes(x)), x.var(_axes(x), correction=0)


def _axes(x: torch.Tensor) -> tuple[int, ...]:
    """Every axis but that of the features: (0,) for (N, D), (0, 2, 3) for (N, C, H, W)."""
    return tuple(axis for axis in range(x.ndim) if axis != 1)


def _along(x: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """A vector with an entry per channel, shaped to meet x: (1, C, 1, 1) for (N, C, H, W)."""
    return vector.reshape(1, -1, *[1] * (x.ndim - 2))


def _wide(x: torch.Tensor) -> torch.Tensor:
    """Half precision made float32: a sum of many float16 or bfloat16 loses the small ones."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
