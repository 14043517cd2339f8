"""Generators of Karras et al.: ProGAN (arXiv:1710.10196) and StyleGAN2 (arXiv:1912.04958)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Layout, PretrainedModel, StyleBased, Unconditional
from ganzoo_stylegan.lucidrains.config import RECIPES as LUCIDRAINS_RECIPES
from ganzoo_stylegan.lucidrains.config import TINY as LUCIDRAINS_TINY
from ganzoo_stylegan.lucidrains.config import LucidrainsConfig
from ganzoo_stylegan.lucidrains.layouts import LAYOUTS as LUCIDRAINS_LAYOUTS
from ganzoo_stylegan.progan.config import RECIPES as PROGAN_RECIPES
from ganzoo_stylegan.progan.config import TINY as PROGAN_TINY
from ganzoo_stylegan.progan.config import ProGANConfig
from ganzoo_stylegan.progan.layouts import LAYOUTS as PROGAN_LAYOUTS
from ganzoo_stylegan.stylegan2.config import RECIPES, StyleGAN2Config
from ganzoo_stylegan.stylegan2.layouts import LAYOUTS
from ganzoo_stylegan.stylegan2.pretrained import pretrained_models

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["LucidrainsConfig", "ProGANConfig", "StyleGAN2Config"]

GANZOO_API = (2, 0)


def _build_progan(config: ProGANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_stylegan.progan.model import ProGAN

    return ProGAN(config, loss)


def _build_stylegan2(config: StyleGAN2Config, loss: AdversarialLoss) -> GAN:
    from ganzoo_stylegan.stylegan2.model import StyleGAN2

    return StyleGAN2(config, loss)


def _build_lucidrains(config: LucidrainsConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_stylegan.lucidrains.model import LucidrainsStyleGAN2

    return LucidrainsStyleGAN2(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """ProGAN, StyleGAN2, and a variant of it that many people have trained."""
    yield Architecture(
        name="progan",
        summary="both networks grow from 4x4 pixels to the full resolution",
        paper="arXiv:1710.10196",
        task=Unconditional,
        config=ProGANConfig,
        default_loss="wasserstein",
        build=_build_progan,
        recipes=PROGAN_RECIPES,
        tiny=PROGAN_TINY,
    )
    yield Architecture(
        name="stylegan2",
        summary="styles from a mapping network modulate the convolutions of a skip generator",
        paper="arXiv:1912.04958",
        task=StyleBased,
        config=StyleGAN2Config,
        default_loss="non-saturating",
        build=_build_stylegan2,
        recipes=RECIPES,
        tiny={"resolution": 8, "latent_dim": 4, "style_dim": 4, "mapping_layers": 2, "base_width": 32, "max_width": 4},
    )
    yield Architecture(
        name="stylegan2-lucidrains",
        summary="StyleGAN2 as in lucidrains' stylegan2-pytorch: bilinear upsampling, a style for each block",
        paper="arXiv:1912.04958",
        task=StyleBased,
        config=LucidrainsConfig,
        default_loss="hinge",
        build=_build_lucidrains,
        recipes=LUCIDRAINS_RECIPES,
        tiny=LUCIDRAINS_TINY,
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of generators that others publish."""
    yield from LAYOUTS
    yield from PROGAN_LAYOUTS
    yield from LUCIDRAINS_LAYOUTS


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """Weights that others have published."""
    yield from pretrained_models()
