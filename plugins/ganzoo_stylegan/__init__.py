"""Generators of Karras et al.: StyleGAN2 (arXiv:1912.04958)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Unconditional
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["StyleGAN2Config"]

GANZOO_API = (2, 0)


def _build_stylegan2(config: StyleGAN2Config, loss: AdversarialLoss) -> GAN:
    from ganzoo_stylegan.stylegan2.model import StyleGAN2

    return StyleGAN2(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """StyleGAN2."""
    yield Architecture(
        name="stylegan2",
        summary="styles from a mapping network modulate the convolutions of a skip generator",
        paper="arXiv:1912.04958",
        task=Unconditional,
        config=StyleGAN2Config,
        default_loss="non-saturating",
        build=_build_stylegan2,
        tiny={"resolution": 8, "latent_dim": 4, "style_dim": 4, "mapping_layers": 2, "base_width": 32, "max_width": 4},
    )
