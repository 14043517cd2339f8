"""Deep convolutional GANs (arXiv:1511.06434)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import ganzoo
from ganzoo import Architecture, BundledFile, HubFile, Layout, PretrainedModel, Recipe, Unconditional
from ganzoo_dcgan.layouts import read_huggan, read_pytorch

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["DCGANConfig"]

GANZOO_API = (2, 0)

RESOLUTIONS = (16, 32, 64, 128)


@dataclass(frozen=True, kw_only=True)
class DCGANConfig:
    """Section 3 and figure 1. `*_width` is the number of maps next to the image, doubled at each halving.

    Kernels are 4x4, as in the PyTorch example and every set of weights that the field exchanges; the
    authors' own code used 5x5. The uniform latent has variance 1; its scale is lost in the batch norm
    behind the first layer. The paper's batches are of 128.
    """

    resolution: int = 64
    channels: int = 3
    latent_dim: int = 100
    latent: Literal["normal", "uniform"] = "uniform"
    generator_width: int = 128
    discriminator_width: int = 128
    learning_rate: float = 2e-4
    beta1: float = 0.5

    def __post_init__(self) -> None:
        if self.resolution not in RESOLUTIONS:
            raise ValueError(f"resolution is one of {', '.join(map(str, RESOLUTIONS))}, not {self.resolution}")
        if self.channels not in (1, 3, 4):
            raise ValueError(f"channels is 1 (grey), 3 (RGB) or 4 (RGBA), not {self.channels}")
        if min(self.latent_dim, self.generator_width, self.discriminator_width) < 1:
            raise ValueError("latent_dim, generator_width and discriminator_width must be at least 1")
        if self.latent not in ("normal", "uniform"):
            raise ValueError(f"latent is 'normal' or 'uniform', not {self.latent!r}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, self.resolution, self.resolution)

    @property
    def depths(self) -> tuple[int, ...]:
        """How often each inner layer's width is doubled, from the image inwards: (1, 2, 4, 8) at 64 pixels."""
        return tuple(2**i for i in range(self.resolution.bit_length() - 3))


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
        recipes={
            **dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), Recipe(config={"resolution": 32, "channels": 1})),
            **dict.fromkeys(("cifar10", "cifar100"), Recipe(config={"resolution": 32})),
        },
        tiny={"resolution": 16, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4},
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The two namings that DCGAN weights are exchanged in."""
    yield Layout(
        name="pytorch-dcgan",
        architecture="dcgan",
        source="https://github.com/pytorch/examples/blob/main/dcgan/main.py",
        read=read_pytorch,
        example=("main.0.weight", "main.1.running_mean"),
    )
    yield Layout(
        name="huggan-dcgan",
        architecture="dcgan",
        source="https://github.com/huggingface/community-events/blob/main/huggan/pytorch/dcgan/modeling_dcgan.py",
        read=read_huggan,
        example=("model.0.weight", "model.1.running_mean"),
    )


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """Our own models, and the weights that others published."""
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
        summary="handwritten digits as 64x64 colour pictures, from the Hub's community sprint",
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
