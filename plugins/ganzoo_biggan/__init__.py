"""BigGAN and BigGAN-deep: class-conditional images at scale (arXiv:1809.11096)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, BundledFile, ClassConditional, HubFile, Layout, PretrainedModel, Recipe
from ganzoo_biggan.config import BigGANConfig, BigGANDeepConfig
from ganzoo_biggan.imagenet import imagenet
from ganzoo_biggan.layouts import read_deep_0_1, read_pretrained, read_pytorch, read_wide_0_1

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["BigGANConfig", "BigGANDeepConfig"]

GANZOO_API = (2, 0)

_SMALL = {"resolution": 32, "generator_learning_rate": 2e-4, "discriminator_learning_rate": 2e-4}
_RECIPES = {
    **dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), Recipe(config={**_SMALL, "channels": 1, "classes": 10})),
    "cifar10": Recipe(config={**_SMALL, "width": 64, "classes": 10, "discriminator_steps": 4}),
    "cifar100": Recipe(config={**_SMALL, "width": 64, "classes": 100, "discriminator_steps": 4}),
    "*": Recipe(options={"ema": 0.9999}),
}
_TINY = {
    **{"resolution": 32, "width": 8, "classes": 3, "class_dim": 4, "attention": (16,), "discriminator_steps": 1},
    **{"generator_depths": (1, 1, 1, 1), "discriminator_depths": (1, 1, 1, 1)},
}


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
        recipes=_RECIPES,
        tiny={**_TINY, "latent_dim": 8},
    )
    yield Architecture(
        name="biggan-deep",
        summary="BigGAN with bottleneck blocks: four times as deep, with half the parameters",
        paper="arXiv:1809.11096",
        task=ClassConditional,
        config=BigGANDeepConfig,
        default_loss="hinge",
        build=_build,
        recipes=_RECIPES,
        tiny={**_TINY, "latent_dim": 6},
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of BigGAN generators that others publish, and of those that ganzoo 0.1 published."""
    yield Layout(
        name="pretrained-biggan",
        architecture="biggan-deep",
        source="https://github.com/huggingface/pytorch-pretrained-BigGAN/blob/master/pytorch_pretrained_biggan/model.py",
        example=("embeddings.weight", "generator.gen_z.weight_orig", "generator.layers.0.bn_0.running_means"),
        read=read_pretrained,
    )
    yield Layout(
        name="biggan-pytorch",
        architecture="biggan",
        source="https://github.com/ajbrock/BigGAN-PyTorch/blob/master/BigGAN.py",
        example=("linear.weight", "linear.u0", "blocks.0.0.conv1.weight", "output_layer.2.weight"),
        read=read_pytorch,
    )
    for architecture, read in (("biggan", read_wide_0_1), ("biggan-deep", read_deep_0_1)):
        yield Layout(
            name=f"ganzoo-0.1-{architecture}",
            architecture=architecture,
            source="ganzoo 0.1",
            example=("generator.project.parametrizations.weight.original", "generator.norm.means"),
            read=read,
        )


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
