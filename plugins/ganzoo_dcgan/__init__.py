"""Deep convolutional GANs (arXiv:1511.06434)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, BundledFile, HubFile, Layout, PackageFile, PretrainedModel, Unconditional
from ganzoo_dcgan.config import RECIPES, DCGANConfig
from ganzoo_dcgan.layouts import LAYOUTS

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["DCGANConfig"]

GANZOO_API = (2, 0)


def _build(config: DCGANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_dcgan.model import DCGAN

    return DCGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The deep convolutional GAN."""
    yield Architecture(
        name="dcgan",
        summary="strided convolutions and batch norm, the recipe that made GANs train",
        paper="arXiv:1511.06434",
        task=Unconditional,
        config=DCGANConfig,
        default_loss="non-saturating",
        build=_build,
        recipes=RECIPES,
        tiny={"resolution": 16, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4},
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of DCGAN generators that others publish."""
    yield from LAYOUTS


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """Two bundled models, and two that others published."""
    yield PretrainedModel(
        name="dcgan-mnist",
        architecture="dcgan",
        summary="handwritten digits",
        dataset="mnist",
        license="apache-2.0",
        config={"resolution": 32, "channels": 1, "generator_width": 48, "discriminator_width": 32},
        weights=BundledFile(
            package="ganzoo_dcgan",
            path="weights/dcgan-mnist.safetensors",
            sha256="0dbd26988a74ff7329c8cf383baec7d25ab8b0e40368b35192173061e0245027",
        ),
    )
    yield PretrainedModel(
        name="dcgan-fashion-mnist",
        architecture="dcgan",
        summary="clothes, shoes and bags",
        dataset="fashion-mnist",
        license="apache-2.0",
        config={"resolution": 32, "channels": 1, "generator_width": 64, "discriminator_width": 64},
        weights=BundledFile(
            package="ganzoo_dcgan",
            path="weights/dcgan-fashion-mnist.safetensors",
            sha256="2dae514eb103752b919b829da004d5934a1d6f6b82485ea5afac884c70004982",
        ),
    )
    yield PretrainedModel(
        name="dcgan-mnist.huggan",
        architecture="dcgan",
        summary="handwritten digits as 64x64 color pictures, from the Hub's community sprint",
        dataset="mnist",
        license=None,
        config={"resolution": 64, "channels": 3, "latent": "normal", "generator_width": 64},
        weights=HubFile(
            repo="huggan/dcgan-mnist",
            revision="3820d68775e11c73a65aa75ded8b21e7dddeb166",
            filename="pytorch_model.bin",
            sha256="1db070c594527909a4f3c5ef18df53bde9ce0c006093438b0ef2f1325ac2e242",
            layout="huggan-dcgan",
        ),
    )
    yield PretrainedModel(
        name="dcgan-digiface",
        architecture="dcgan",
        summary="faces as 64x64 color pictures, learned from synthetic faces",
        dataset="digiface-1m",
        license="mit",
        config={"resolution": 64, "channels": 3, "latent": "normal", "generator_width": 64},
        weights=PackageFile(
            distribution="gan-face-generate",
            version="1.1.1",
            package="gan_face_generate",
            path="weights.tar",
            sha256="0c3b90b138cfc4e8a73310b9fd5ce2a8f1f3a542a037de277412307fcd28771f",
            size=14_322_251,
            layout="pytorch-dcgan",
        ),
    )
