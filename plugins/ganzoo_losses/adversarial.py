"""Adversarial losses of logits of any shape. Each expectation is the mean over all logits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn.functional import relu, sigmoid, softplus

from ganzoo import AdversarialLoss, at_least_float32

__all__ = ["hinge", "least_squares", "minimax", "non_saturating", "wasserstein"]

LogitFunction = Callable[[Tensor], Tensor]
"""A function that is applied to each logit."""


def _game(
    *, real: LogitFunction, fake: LogitFunction, fool: LogitFunction, probability: LogitFunction | None = None
) -> AdversarialLoss:
    """E[real(D(x))] + E[fake(D(G(z)))] for the discriminator, E[fool(D(G(z)))] for the generator.

    All four must be functions of a module, since a loss is pickled with its GAN.
    """
    return AdversarialLoss(partial(_mean_of_both, real, fake), partial(_mean, fool), probability)


def _mean(function: LogitFunction, logits: Tensor) -> Tensor:
    return function(at_least_float32(logits)).mean()


def _mean_of_both(real: LogitFunction, fake: LogitFunction, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
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
"""The zero-sum game V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))] with D = sigmoid(logit) (arXiv:1406.2661, equation 1).

The discriminator minimizes -V, the generator E[log(1 - D(G(z)))].
"""

non_saturating = _game(real=_minus_log, fake=softplus, fool=_minus_log, probability=sigmoid)
"""As `minimax`, but the generator minimizes -E[log D(G(z))] (arXiv:1406.2661, section 3, below equation 1)."""

least_squares = _game(real=_half_square_to_one, fake=_half_square, fool=_half_square_to_one, probability=_same)
"""1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(z))^2] and 1/2 E[(D(G(z)) - 1)^2] (arXiv:1611.04076, equation 9).

This is equation 2 with a = 0, b = 1 and c = 1. CycleGAN's authors leave out the factor 1/2 for the generators.
"""

hinge = _game(real=_below_one, fake=_above_minus_one, fool=_negative)
"""E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] and -E[D(G(z))] (arXiv:1805.08318, equation 4)."""

wasserstein = _game(real=_negative, fake=_same, fool=_negative)
"""-(E[D(x)] - E[D(G(z))]) and -E[D(G(z))] (arXiv:1701.07875, equation 2 and algorithm 1).

The first is a distance only if D is 1-Lipschitz. This loss does not enforce that; a penalty such as ``wgan-gp`` does.
"""
