"""BigGAN and BigGAN-deep: class-conditional images at scale (arXiv:1809.11096)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, BundledFile, ClassConditional, HubFile, Layout, PretrainedModel
from ganzoo_biggan.config import RECIPES, TINY, BigGANConfig, BigGANDeepConfig
from ganzoo_biggan.imagenet import imagenet
from ganzoo_biggan.layouts import LAYOUTS

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["BigGANConfig", "BigGANDeepConfig"]

GANZOO_API = (2, 0)


def _build(config: BigGANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_biggan.model import BigGAN

    return BigGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """BigGAN and BigGAN-deep."""
    yield Architecture(
        name="biggan",
        summary="images of a class at scale, with the truncation trick",
        paper="arXiv:1809.11096",
        task=ClassConditional,
        config=BigGANConfig,
        default_loss="hinge",
        build=_build,
        recipes=RECIPES,
        tiny={**TINY, "latent_dim": 8},
    )
    yield Architecture(
        name="biggan-deep",
        summary="BigGAN with bottleneck blocks: four times as deep, with half the parameters",
        paper="arXiv:1809.11096",
        task=ClassConditional,
        config=BigGANDeepConfig,
        default_loss="hinge",
        build=_build,
        recipes=RECIPES,
        tiny={**TINY, "latent_dim": 6},
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of BigGAN generators that others publish, and of those that ganzoo 0.1 published."""
    yield from LAYOUTS


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """Our own model, and the authors' weights in a conversion by others."""
    yield PretrainedModel(
        name="biggan-fashion-mnist",
        architecture="biggan",
        summary="clothes, shoes and bags of the class that you name",
        dataset="fashion-mnist",
        license="apache-2.0",
        config={
            "resolution": 32,
            "channels": 1,
            "classes": 10,
            "width": 32,
            "class_dim": 64,
            "generator_depths": (4, 4, 2, 1),
            "discriminator_depths": (1, 2, 4, 4),
            "statistics": 11,
        },
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        weights=BundledFile(
            package="ganzoo_biggan",
            path="weights/biggan-fashion-mnist.safetensors",
            sha256="7d420978a721c8e233b1b6716bae1f4cd25a900fb982f7ce26aee116eaf4251d",
        ),
    )
    yield PretrainedModel(
        name="biggan-deep-128",
        architecture="biggan-deep",
        summary="the thousand classes of ImageNet at 128x128, DeepMind's own weights",
        dataset="imagenet",
        license=None,
        config={"statistics": 51},
        classes=imagenet(),
        weights=HubFile(
            repo="osanseviero/BigGAN-deep-128",
            revision="af0640a119a2486b24eed0985d6d54e734890bff",
            filename="pytorch_model.bin",
            sha256="b86146a8cfcde4cda135adba4b2806f78b3abe2dac9d0fd090cc3ab318604ad9",
            layout="pretrained-biggan",
        ),
    )
