"""Generators that are a plain sequence of layers, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Layout, Unconditional
from ganzoo_sequential.config import RECIPES, TINY, SequentialConfig
from ganzoo_sequential.layouts import LAYOUTS

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["SequentialConfig"]

GANZOO_API = (2, 0)


def _build(config: SequentialConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_sequential.model import SequentialGAN

    return SequentialGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The sequential GAN."""
    yield Architecture(
        name="sequential",
        summary="any generator that is a plain sequence of layers",
        paper="arXiv:1406.2661",
        task=Unconditional,
        config=SequentialConfig,
        default_loss="non-saturating",
        build=_build,
        recipes=RECIPES,
        tiny=TINY,
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """Every checkpoint whose names and shapes are those of a sequence of layers."""
    yield from LAYOUTS
