"""Adversarial losses for the training of any GAN, and penalties on its discriminator and on its generator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import ganzoo
from ganzoo import Loss, Regularizer

__all__: list[str] = []

GANZOO_API = (2, 0)


# The losses that have a target for real images. Only such a target can be smoothed.
TARGETS = ("minimax", "non-saturating", "least-squares")


def _lazily(module: str, name: str) -> Callable[[], Any]:
    """A function that imports `name`, and with it torch, only when it is called."""
    return lambda: getattr(import_module(f"ganzoo_losses.{module}"), name)


@ganzoo.hookimpl
def ganzoo_losses() -> Iterable[Loss]:
    """The two losses of the first GAN, and three later ones."""
    yield Loss(
        name="minimax",
        summary="the zero-sum game: the generator minimizes log(1 - D(G(z)))",
        paper="arXiv:1406.2661, equation 1",
        load=_lazily("adversarial", "minimax"),
    )
    yield Loss(
        name="non-saturating",
        summary="the generator maximizes log D(G(z)) instead: the same fixed point, larger gradients at the start",
        paper="arXiv:1406.2661, section 3",
        load=_lazily("adversarial", "non_saturating"),
    )
    yield Loss(
        name="least-squares",
        summary="regression to 1 for real images and to 0 for generated ones: large gradients far from the target",
        paper="arXiv:1611.04076, equation 9",
        load=_lazily("adversarial", "least_squares"),
    )
    yield Loss(
        name="hinge",
        summary="only logits on the wrong side of the margins -1 and 1 train the discriminator",
        paper="arXiv:1705.02894; arXiv:1805.08318, equation 4",
        load=_lazily("adversarial", "hinge"),
    )
    yield Loss(
        name="wasserstein",
        summary="the earth mover's distance, if the critic is 1-Lipschitz",
        paper="arXiv:1701.07875, equation 2",
        load=_lazily("adversarial", "wasserstein"),
    )


@ganzoo.hookimpl
def ganzoo_regularizers() -> Iterable[Regularizer]:
    """Three penalties on the discriminator's gradient, two on its logits, and path length regularization."""
    yield Regularizer(
        name="r1",
        summary="the discriminator's squared gradient at real images",
        paper="arXiv:1801.04406, equation 9",
        weight=10.0,
        load=_lazily("penalties", "r1"),
    )
    yield Regularizer(
        name="wgan-gp",
        summary="keeps the norm of the critic's gradient at 1, on images between real and generated ones",
        paper="arXiv:1704.00028, equation 3",
        weight=10.0,
        load=_lazily("penalties", "wgan_gp"),
    )
    yield Regularizer(
        name="roth",
        summary="has the effect of noise on all images, as a penalty on the squared gradient",
        paper="arXiv:1705.09367, algorithm 1",
        weight=0.1,
        losses=("minimax", "non-saturating"),
        load=_lazily("penalties", "roth"),
    )
    yield Regularizer(
        name="label-smoothing",
        summary="the target of real images is 1 minus the weight",
        paper="arXiv:1606.03498, section 3.4",
        weight=0.1,
        losses=TARGETS,
        load=_lazily("penalties", "label_smoothing"),
    )
    yield Regularizer(
        name="drift",
        summary="keeps the logits of real images near zero",
        paper="arXiv:1710.10196, appendix A.1",
        weight=0.001,
        load=_lazily("penalties", "drift"),
    )
    yield Regularizer(
        name="path-length",
        summary="a step in latent space changes all images equally much",
        paper="arXiv:1912.04958, equation 4",
        weight=2.0,
        on_generator=True,
        load=lambda: _lazily("penalties", "PathLength")()(),
    )
