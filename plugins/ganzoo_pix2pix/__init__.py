"""Pix2pix: translation that learns from pairs of images (arXiv:1611.07004)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, BundledFile, HubFile, Layout, PairedTranslation, PretrainedModel
from ganzoo_pix2pix.config import EMOJI, RECIPES, Pix2PixConfig
from ganzoo_pix2pix.layouts import LAYOUTS

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["Pix2PixConfig"]

GANZOO_API = (2, 0)


def _build(config: Pix2PixConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_pix2pix.model import Pix2Pix

    return Pix2Pix(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The conditional GAN for pairs."""
    yield Architecture(
        name="pix2pix",
        summary="translates images from one domain to another, trained on pairs of images",
        paper="arXiv:1611.07004",
        task=PairedTranslation,
        config=Pix2PixConfig,
        default_loss="non-saturating",
        build=_build,
        recipes=RECIPES,
        tiny={"resolution": 16, "width": 4, "halvings": 3, "discriminator_width": 4, "discriminator_layers": 1},
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of pix2pix generators that others publish."""
    yield from LAYOUTS


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """Our own model, and one that others published."""
    yield PretrainedModel(
        name="pix2pix-noto2twemoji",
        architecture="pix2pix",
        summary="emoji of one set, redrawn toward another: learned from pairs",
        dataset="emoji",
        license="cc-by-4.0",
        config={**EMOJI, "diffusion_steps": 100},
        weights=BundledFile(
            package="ganzoo_pix2pix",
            path="weights/pix2pix-noto2twemoji.safetensors",
            sha256="c356bc714a3a4140ff1f254c4524b94078bc0358367a5006fc0787cf8b929fa6",
        ),
    )
    yield PretrainedModel(
        name="pix2pix-night2day",
        architecture="pix2pix",
        summary="turns photos of the night into photos of the day, of the Hub's community sprint",
        dataset="night2day",
        license="mit",
        config={"domains": ("night", "day")},
        weights=HubFile(
            repo="huggan/pix2pix-night2day",
            revision="168d6806038e048d6d29e8590d691bdb32318283",
            filename="pytorch_model.bin",
            sha256="c8ab79327a12be06863d2e79c10a5f11d5604bfeebd63aff91b95ef6a200defa",
            size=217_623_794,
            layout="huggan-pix2pix",
        ),
    )
