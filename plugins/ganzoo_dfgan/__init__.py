"""DF-GAN: pictures from texts (arXiv:2008.05865)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Layout, PretrainedModel, TextConditional
from ganzoo_dfgan.config import RECIPES, TINY, DFGANConfig
from ganzoo_dfgan.layouts import LAYOUTS
from ganzoo_dfgan.pretrained import pretrained_models

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["DFGANConfig"]

GANZOO_API = (2, 0)


def _build(config: DFGANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_dfgan.model import DFGAN

    return DFGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """DF-GAN."""
    yield Architecture(
        name="dfgan",
        summary="pictures from texts: every block of the generator sees the sentence",
        paper="arXiv:2008.05865",
        task=TextConditional,
        config=DFGANConfig,
        default_loss="hinge",
        build=_build,
        recipes=RECIPES,
        tiny=TINY,
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of the authors' generators."""
    yield from LAYOUTS


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """Our own model."""
    yield from pretrained_models()
