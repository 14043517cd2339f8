"""Generators that are a plain sequence of layers, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Layout, Unconditional
from ganzoo_sequential.config import RECIPES, TINY, SequentialConfig

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss, Reading, Shapes

__all__ = ["SequentialConfig"]

GANZOO_API = (2, 0)


def _build(config: SequentialConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_sequential.model import SequentialGAN

    return SequentialGAN(config, loss)


# `ganzoo list` waits for no module that reads checkpoints.
def _read(shapes: Shapes) -> Reading | None:
    from ganzoo_sequential.layouts import read

    return read(shapes)


def _explain(shapes: Shapes) -> str:
    from ganzoo_sequential.layouts import explain

    return explain(shapes)


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
    yield Layout(
        name="sequence",
        architecture="sequential",
        source="any code whose generator is a sequence of layers",
        example=("model.0.weight", "fc1.weight", "net.0.weight"),
        read=_read,
        general=True,
        explain=_explain,
    )
