"""Pictures from texts: DF-GAN (arXiv:2008.05865) and AttnGAN (arXiv:1711.10485)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Layout, PretrainedModel, TextConditional
from ganzoo_dfgan.attngan.config import RECIPES as ATTNGAN_RECIPES
from ganzoo_dfgan.attngan.config import TINY as ATTNGAN_TINY
from ganzoo_dfgan.attngan.config import AttnGANConfig
from ganzoo_dfgan.attngan.layouts import LAYOUTS as ATTNGAN_LAYOUTS
from ganzoo_dfgan.config import RECIPES, TINY, DFGANConfig
from ganzoo_dfgan.layouts import LAYOUTS
from ganzoo_dfgan.pretrained import pretrained_models

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["AttnGANConfig", "DFGANConfig"]

GANZOO_API = (2, 0)


def _build_dfgan(config: DFGANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_dfgan.model import DFGAN

    return DFGAN(config, loss)


def _build_attngan(config: AttnGANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_dfgan.attngan.model import AttnGAN

    return AttnGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """DF-GAN, and AttnGAN, from which it has its text encoder."""
    yield Architecture(
        name="dfgan",
        summary="pictures from texts: every block of the generator sees the sentence",
        paper="arXiv:2008.05865",
        task=TextConditional,
        config=DFGANConfig,
        default_loss="hinge",
        build=_build_dfgan,
        recipes=RECIPES,
        tiny=TINY,
    )
    yield Architecture(
        name="attngan",
        summary="pictures from texts: each part of a picture looks for its words",
        paper="arXiv:1711.10485",
        task=TextConditional,
        config=AttnGANConfig,
        default_loss="non-saturating",
        build=_build_attngan,
        recipes=ATTNGAN_RECIPES,
        tiny=ATTNGAN_TINY,
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of the authors' generators."""
    yield from LAYOUTS
    yield from ATTNGAN_LAYOUTS


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """Our own model."""
    yield from pretrained_models()
