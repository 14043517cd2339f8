"""Adversarial losses of raw scores of any shape; the expectation is the mean over all of them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, sigmoid, softplus

from ganzoo import AdversarialLoss, at_least_float32

__all__ = ["hinge", "least_squares", "minimax", "non_saturating", "wasserstein"]

OfScore = Callable[[Tensor], Tensor]


def _game(*, real: OfScore, fake: OfScore, fool: OfScore, probability: OfScore | None = None) -> AdversarialLoss:
    """E[real(D(x))] + E[fake(D(G(z)))] for the discriminator, E[fool(D(G(z)))] for the generator."""

    def discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return real(at_least_float32(real_logits)).mean() + fake(at_least_float32(fake_logits)).mean()

    def generator(fake_logits: Tensor) -> Tensor:
        return fool(at_least_float32(fake_logits)).mean()

    return AdversarialLoss(discriminator, generator, probability)


# Of a logit, -log(sigmoid(s)) = softplus(-s) and -log(1 - sigmoid(s)) = softplus(s): finite for every finite s.

minimax = _game(real=lambda s: softplus(-s), fake=softplus, fool=lambda s: -softplus(s), probability=sigmoid)
"""Both sides of V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))], arXiv:1406.2661, equation 1, with D = sigmoid(score).

The discriminator minimises -V, the generator E[log(1 - D(G(z)))].
"""

non_saturating = _game(real=lambda s: softplus(-s), fake=softplus, fool=lambda s: softplus(-s), probability=sigmoid)
"""The same discriminator; the generator minimises -E[log D(G(z))], section 3, below equation 1."""

least_squares = _game(
    real=lambda s: (s - 1).square() / 2,
    fake=lambda s: s.square() / 2,
    fool=lambda s: (s - 1).square() / 2,
    probability=lambda s: s,
)
"""1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(z))^2] and 1/2 E[(D(G(z)) - 1)^2], arXiv:1611.04076, equation 9.

That is a = 0, b = 1 and c = 1 in equation 2. CycleGAN's generators are trained without the half.
"""

hinge = _game(real=lambda s: relu(1 - s), fake=lambda s: relu(1 + s), fool=lambda s: -s)
"""E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] and -E[D(G(z))], arXiv:1805.08318, equation 4."""

wasserstein = _game(real=lambda s: -s, fake=lambda s: s, fool=lambda s: -s)
"""-(E[D(x)] - E[D(G(z))]) and -E[D(G(z))], arXiv:1701.07875, equation 2 and algorithm 1.

Both are a distance only if D is 1-Lipschitz, which this loss does not see to.
"""
