"""The losses of the GAN game on logits, in PyTorch.

With D(x) = sigmoid(logit), the discriminator minimises

    real_loss + fake_loss = -log D(real) - log(1 - D(fake))

and the generator -log D(fake), the non-saturating form of I. Goodfellow et al., "Generative
adversarial networks", 2014, arXiv:1406.2661. All are means over the batch, in nats, and finite
for every finite logit because the logarithm is taken of the sigmoid in one step. Half-precision
logits, such as autocast makes, are computed in float32.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

#: Target for real images with one-sided label smoothing (Salimans et al. 2016, arXiv:1606.03498).
SMOOTH_TARGET = 0.9


def _cross_entropy(logits: torch.Tensor, target: float) -> torch.Tensor:
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()  # bfloat16 has no 0.9: its neighbours are 0.898 and 0.902
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def real_loss(logits: torch.Tensor, smooth: bool = False) -> torch.Tensor:
    """The discriminator's loss on real images: mean of -log D(x).

    logits : any shape. smooth : aim at 0.9 instead of 1, on this side only. Returns a scalar.
    """
    return _cross_entropy(logits, SMOOTH_TARGET if smooth else 1.0)


def fake_loss(logits: torch.Tensor) -> torch.Tensor:
    """The discriminator's loss on generated images: mean of -log(1 - D(G(z))).

    logits : any shape. Returns a scalar.
    """
    return _cross_entropy(logits, 0.0)


def generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """The generator's loss: mean of -log D(G(z)), small where the fakes pass for real.

    fake_logits : the discriminator's logits for generated images, any shape. Returns a scalar.
    """
    return _cross_entropy(fake_logits, 1.0)


def saturating_generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """What the game's own value asks of the generator: mean of log(1 - D(G(z))).

    The same optimum as ``generator_loss``, but its gradient, -D(G(z)) per logit, vanishes where
    the discriminator is sure of its case. fake_logits : any shape. Returns a scalar, 0 or less.
    """
    return -fake_loss(fake_logits)
