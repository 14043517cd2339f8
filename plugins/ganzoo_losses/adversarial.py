"""Adversarial losses of raw scores of any shape; the expectation is the mean over all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn.functional import relu, sigmoid, softplus

from ganzoo import AdversarialLoss, at_least_float32

__all__ = ["hinge", "least_squares", "minimax", "non_saturating", "wasserstein"]

OfScore = Callable[[Tensor], Tensor]


def _game(*, real: OfScore, fake: OfScore, fool: OfScore, probability: OfScore | None = None) -> AdversarialLoss:
    """E[real(D(x))] + E[fake(D(G(z)))] for the discriminator, E[fool(D(G(z)))] for the generator.

    All four are functions of a module: a loss is pickled with the GAN that it trains.
    """
    return AdversarialLoss(partial(_mean_of_both, real, fake), partial(_mean, fool), probability)


def _mean(of_score: OfScore, scores: Tensor) -> Tensor:
    return of_score(at_least_float32(scores)).mean()


def _mean_of_both(real: OfScore, fake: OfScore, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return _mean(real, real_logits) + _mean(fake, fake_logits)


def _same(s: Tensor) -> Tensor:
    return s


def _negative(s: Tensor) -> Tensor:
    return -s


def _half_square(s: Tensor) -> Tensor:
    return s.square() / 2


def _half_square_to_one(s: Tensor) -> Tensor:
    return (s - 1).square() / 2


def _above_minus_one(s: Tensor) -> Tensor:
    return relu(1 + s)


def _below_one(s: Tensor) -> Tensor:
    return relu(1 - s)


# For a logit s, -log(sigmoid(s)) = softplus(-s) and -log(1 - sigmoid(s)) = softplus(s). Both are finite for finite s.


def _minus_log(s: Tensor) -> Tensor:
    return softplus(-s)


def _log_of_rest(s: Tensor) -> Tensor:
    return -softplus(s)


minimax = _game(real=_minus_log, fake=softplus, fool=_log_of_rest, probability=sigmoid)
"""Both sides of V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))], arXiv:1406.2661, equation 1, with D = sigmoid(score).

The discriminator minimises -V, the generator E[log(1 - D(G(z)))].
"""

non_saturating = _game(real=_minus_log, fake=softplus, fool=_minus_log, probability=sigmoid)
"""The same discriminator; the generator minimises -E[log D(G(z))], section 3, below equation 1."""

least_squares = _game(real=_half_square_to_one, fake=_half_square, fool=_half_square_to_one, probability=_same)
"""1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(z))^2] and 1/2 E[(D(G(z)) - 1)^2], arXiv:1611.04076, equation 9.

That is a = 0, b = 1 and c = 1 in equation 2. CycleGAN's generators are trained without the half.
"""

hinge = _game(real=_below_one, fake=_above_minus_one, fool=_negative)
"""E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] and -E[D(G(z))], arXiv:1805.08318, equation 4."""

wasserstein = _game(real=_negative, fake=_same, fool=_negative)
"""-(E[D(x)] - E[D(G(z))]) and -E[D(G(z))], arXiv:1701.07875, equation 2 and algorithm 1.

Both are a distance only if D is 1-Lipschitz, which this loss does not see to.
"""
