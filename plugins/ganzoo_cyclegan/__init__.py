"""CycleGAN: unpaired translation between two domains (arXiv:1703.10593)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, BundledFile, HubFile, ImageToImage, Layout, PretrainedModel
from ganzoo_cyclegan.config import RECIPES, CycleGANConfig
from ganzoo_cyclegan.layouts import LAYOUTS

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["CycleGANConfig"]

GANZOO_API = (2, 0)


def _build(config: CycleGANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_cyclegan.model import CycleGAN

    return CycleGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The cycle-consistent GAN."""
    yield Architecture(
        name="cyclegan",
        summary="translates images between two domains that are trained on without pairs",
        paper="arXiv:1703.10593",
        task=ImageToImage,
        config=CycleGANConfig,
        default_loss="least-squares",
        build=_build,
        recipes=RECIPES,
        tiny={
            "resolution": 16,
            "width": 4,
            "blocks": 1,
            "discriminator_width": 4,
            "discriminator_layers": 1,
            "pool_size": 4,
        },
    )


@ganzoo.hookimpl
def ganzoo_layouts() -> Iterable[Layout]:
    """The layouts of CycleGAN generators that others publish."""
    yield from LAYOUTS


_HORSES_AND_ZEBRAS = HubFile(
    repo="tmabraham/horse2zebra_cyclegan",
    revision="a97667461b0f57d35692c6210dd747e7e90fa056",
    filename="pytorch_model.bin",
    sha256="3d8c9ce9607ba251dd2b5016b40c8c800bc1f2ddfdd4b2e4f927ee6887dc59cb",
    layout="upit-cyclegan",
)


def _of_the_course(filename: str, sha256: str) -> HubFile:
    return HubFile(
        repo="johko/cyclegan-horse2zebra",
        revision="0328d58943d28e760954f015f6211499716e91d8",
        filename=filename,
        sha256=sha256,
        layout="course-cyclegan",
    )


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """A bundled model, and models that others published."""
    yield PretrainedModel(
        name="cyclegan-noto2twemoji",
        architecture="cyclegan",
        summary="emoji of Noto in the style of Twemoji, and the other way around, 64x64",
        dataset="emoji",
        license="cc-by-4.0",
        config={
            "resolution": 64,
            "width": 24,
            "blocks": 6,
            "upsampling": "nearest",
            "down_padding": "reflect",
            "up_padding": "reflect",
            "residual_output": True,
            "skips": True,
            "diffusion_steps": (0, 80),
            "diffusion_contrast": 0.15,
            "discriminator_width": 48,
            "discriminator_layers": 2,
            "discriminator_norm": False,
            "domains": ("noto", "twemoji"),
            "cycle_weight": 1.0,
            "adversarial_weight": 4.0,
            "variation_weights": (0.5, 6.0),
            "variation_orders": (2, 1),
            "variation_limit": 0.15,
            "learning_rate": 5e-4,
        },
        weights=BundledFile(
            package="ganzoo_cyclegan",
            path="weights/cyclegan-noto2twemoji.safetensors",
            sha256="96a4c3e47ff13682784200b4d13ab33f9e3a43c0c795f8bedff150f843d8afa7",
        ),
    )
    yield PretrainedModel(
        name="cyclegan-horse2zebra",
        architecture="cyclegan",
        summary="turns horses into zebras; the other direction is in the same file",
        dataset="horse2zebra",
        license=None,
        config={"domains": ("horse", "zebra")},
        weights=_HORSES_AND_ZEBRAS,
    )
    yield PretrainedModel(
        name="cyclegan-zebra2horse",
        architecture="cyclegan",
        summary="turns zebras into horses; the other direction is in the same file",
        dataset="horse2zebra",
        license=None,
        config={"domains": ("horse", "zebra"), "first": "b_to_a"},
        weights=_HORSES_AND_ZEBRAS,
    )
    yield PretrainedModel(
        name="cyclegan-horse2zebra.course",
        architecture="cyclegan",
        summary="turns horses into zebras, by the network of the Hub's computer vision course, trained for 20 epochs",
        dataset="horse2zebra",
        license=None,
        config={"domains": ("horse", "zebra"), "direction": "a_to_b"},
        weights=_of_the_course("gen_AB.pth", "45156accd254465d3f0e021f06ca75dfb085512f30cef16e1f5622697a2ca605"),
    )
    yield PretrainedModel(
        name="cyclegan-zebra2horse.course",
        architecture="cyclegan",
        summary="turns zebras into horses, by the network of the Hub's computer vision course, trained for 20 epochs",
        dataset="horse2zebra",
        license=None,
        config={"domains": ("zebra", "horse"), "direction": "a_to_b"},
        weights=_of_the_course("gen_BA.pth", "9298cdbd863a9ee5943d9571f3232820aabf02617a9d10e85737587797bef64f"),
    )
    yield PretrainedModel(
        name="cyclegan-sim2real",
        architecture="cyclegan",
        summary="makes simulated street scenes look real, 512x512, from the Hub's community sprint",
        dataset="sim2real",
        license="mit",
        config={"domains": ("sim", "real"), "direction": "a_to_b", "resolution": 512},
        weights=HubFile(
            repo="huggan/sim2real_cyclegan",
            revision="7c39c6e4ec0a33c7ffd152d574315cd5cb7a18f0",
            filename="pytorch_model.bin",
            sha256="402b37c79a006d6a34c91f6aadff40f9181ae9a557f141064f8c5743b5d57de3",
            layout="huggan-cyclegan",
        ),
    )
    yield PretrainedModel(
        name="cyclegan-apple2orange",
        architecture="cyclegan",
        summary="turns apples into oranges, the authors' own weights",
        dataset="apple2orange",
        license=None,
        config={"domains": ("apple", "orange"), "direction": "a_to_b"},
        weights=HubFile(
            repo="davidpiscasio/unpaired-img2img",
            repo_type="space",
            revision="3ce13dcd9fafca8f086ff5a532cf2cc34431995e",
            filename="checkpoints/apple2orange_pretrained/latest_net_G.pth",
            sha256="ff989c98f3a077cd11c2623ed8742e2ef147e81d10b4e4c2ee6935796bda957a",
            size=45_575_747,
            layout="junyanz-cyclegan",
        ),
    )
