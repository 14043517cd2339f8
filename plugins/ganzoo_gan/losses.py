"""The two games of the first GAN paper, on logits: D(x) = sigmoid(score)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ganzoo import AdversarialLoss

__all__ = ["minimax", "non_saturating"]

# -log(sigmoid(s)) = softplus(-s) and -log(1 - sigmoid(s)) = softplus(s), finite for every finite score.


def _discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))], equation 1 negated. Scores of any shape; a scalar."""
    return softplus(-real).mean() + softplus(fake).mean()


def _saturating(fake: Tensor) -> Tensor:
    """E[log(1 - D(G(z)))], equation 1."""
    return -softplus(fake).mean()


def _fooling(fake: Tensor) -> Tensor:
    """-E[log D(G(z))], section 3, below equation 1."""
    return softplus(-fake).mean()


minimax = AdversarialLoss(_discriminator, _saturating)
non_saturating = AdversarialLoss(_discriminator, _fooling)
