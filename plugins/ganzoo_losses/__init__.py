"""The adversarial losses that any GAN may be trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import ganzoo
from ganzoo import Loss

__all__: list[str] = []

GANZOO_API = (1, 0)


def _lazily(name: str) -> Callable[[], Any]:
    """What imports the loss `name`, and torch with it, when it is called."""
    return lambda: getattr(import_module("ganzoo_losses.adversarial"), name)


@ganzoo.hookimpl
def ganzoo_losses() -> Iterable[Loss]:
    """The two games of the first GAN, and three on plain scores."""
    yield Loss(
        name="minimax",
        summary="the zero-sum game: the generator minimises log(1 - D(G(z)))",
        paper="arXiv:1406.2661, equation 1",
        load=_lazily("minimax"),
    )
    yield Loss(
        name="non-saturating",
        summary="the generator maximises log D(G(z)) instead: the same fixed point, stronger early gradients",
        paper="arXiv:1406.2661, section 3",
        load=_lazily("non_saturating"),
    )
    yield Loss(
        name="least-squares",
        summary="scores are regressed to 1 for real images and to 0 for others: far from the target, large gradients",
        paper="arXiv:1611.04076, equation 9",
        load=_lazily("least_squares"),
    )
    yield Loss(
        name="hinge",
        summary="only scores on the wrong side of the margins -1 and 1 train the discriminator",
        paper="arXiv:1705.02894; arXiv:1805.08318, equation 4",
        load=_lazily("hinge"),
    )
    yield Loss(
        name="wasserstein",
        summary="the earth mover's distance, if the critic is 1-Lipschitz",
        paper="arXiv:1701.07875, equation 2",
        load=_lazily("wasserstein"),
    )
