"""The first GAN: two multilayer perceptrons and the minimax game (arXiv:1406.2661)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, BundledFile, Layout, PretrainedModel, Unconditional
from ganzoo_gan.config import RECIPES, GANConfig
from ganzoo_gan.layouts import LAYOUTS

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["GANConfig"]

GANZOO_API = (2, 0)


def _build(config: GANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_gan.model import MLPGAN

    return MLPGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The multilayer perceptron GAN."""
    yield Architecture(
        name="gan",
        summary="multilayer perceptrons, the first GAN",
        paper="arXiv:1406.2661",
        task=Unconditional,
        config=GANConfig,
        default_loss="non-saturating",
        build=_build,
        recipes=RECIPES,
        tiny={"resolution": 8, "latent_dim": 4, "generator_widths": (16,), "discriminator_units": (8,)},
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of MLP GAN generators that others publish: none."""
    yield from LAYOUTS


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """A model of the paper's data set. Its networks are the paper's; its training is not."""
    yield PretrainedModel(
        name="gan-mnist",
        architecture="gan",
        summary="handwritten digits by multilayer perceptrons",
        dataset="mnist",
        license="apache-2.0",
        config={
            "input_dropout": 0.0,
            "hidden_dropout": 0.0,
            "discriminator_steps": 3,
            "optimizer": "adam",
            "generator_learning_rate": 3e-4,
            "discriminator_learning_rate": 6e-4,
            "momentum": 0.0,
        },
        weights=BundledFile(
            package="ganzoo_gan",
            path="weights/gan-mnist.safetensors",
            sha256="b87548580508c09f5ab42acda64210f2568a731e1086c7e5861ba5974d9314d0",
        ),
    )
