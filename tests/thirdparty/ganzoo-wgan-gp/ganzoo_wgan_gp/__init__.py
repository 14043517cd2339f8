"""WGAN-GP: a Wasserstein critic with a gradient penalty (arXiv:1704.00028)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Recipe, Unconditional
from ganzoo_wgan_gp.config import WGANGPConfig

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["WGANGPConfig"]

GANZOO_API = (2, 0)


def _build(config: WGANGPConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_wgan_gp.model import WGANGP

    return WGANGP(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The paper's algorithm and networks."""
    yield Architecture(
        name="wgan-gp",
        summary="residual networks, and a critic whose gradient a penalty keeps at norm 1",
        paper="arXiv:1704.00028",
        task=Unconditional,
        config=WGANGPConfig,
        default_loss="wasserstein",
        build=_build,
        recipes={
            "cifar10": Recipe(options={"iterations": 100_000, "schedule": "linear=0"}),
            "mnist": Recipe(config={"channels": 1}, options={"iterations": 20_000}),
            "fashion-mnist": Recipe(config={"channels": 1}, options={"iterations": 20_000}),
        },
        tiny={"resolution": 8, "latent_dim": 4, "width": 4, "critic_steps": 2},
    )
