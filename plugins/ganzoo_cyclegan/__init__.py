"""CycleGAN: unpaired translation between two domains (arXiv:1703.10593)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import ganzoo
from ganzoo import Architecture, BundledFile, HubFile, ImageToImage, Layout, PretrainedModel, Recipe
from ganzoo_cyclegan.layouts import read_course, read_huggan, read_junyanz, read_upit

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["CycleGANConfig"]

GANZOO_API = (2, 0)

_DOMAIN = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class CycleGANConfig:
    """Section 4 and appendix 7 of the paper, as in the authors' code.

    `blocks` are the generator's residual blocks: None for 9 from 256 pixels on, else 6. `upsampling`
    is by transposed convolutions, or by nearest neighbours and a convolution. `stem_norm` and
    `down_padding` tell the network of the Hub's computer vision course from the authors': it has no
    norm and no ReLU after its first convolution, and pads by reflection where they pad by zeros.

    `domains` name what is in ``trainA`` and ``trainB``; a model holds both directions, or one, and
    `first` is the usual one. Weights of the losses: the cycle's, the identity's as a part of the
    cycle's, and that of the adversarial loss of the generators, which the authors take without the half
    that least squares has here.
    """

    resolution: int = 256
    channels: int = 3
    blocks: int | None = None
    width: int = 64
    upsampling: Literal["transposed", "nearest"] = "transposed"
    stem_norm: bool = True
    down_padding: Literal["zeros", "reflect"] = "zeros"
    affine: bool = False
    dropout: float = 0.0
    discriminator_width: int = 64
    discriminator_layers: int = 3
    domains: tuple[str, ...] = ("a", "b")
    direction: Literal["both", "a_to_b", "b_to_a"] = "both"
    first: Literal["a_to_b", "b_to_a"] = "a_to_b"
    cycle_weight: float = 10.0
    identity_weight: float = 0.5
    adversarial_weight: float = 2.0
    pool_size: int = 50
    learning_rate: float = 2e-4
    beta1: float = 0.5

    def __post_init__(self) -> None:
        if self.channels not in (1, 3, 4):
            raise ValueError(f"channels is 1 (grey), 3 (RGB) or 4 (RGBA), not {self.channels}")
        if min(self.width, self.generator_blocks, self.discriminator_width, self.discriminator_layers) < 1:
            raise ValueError("width, blocks, discriminator_width and discriminator_layers must be at least 1")
        self._check_resolution()
        if min(self.cycle_weight, self.identity_weight, self.adversarial_weight, self.pool_size) < 0:
            raise ValueError("cycle_weight, identity_weight, adversarial_weight and pool_size must be at least 0")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability in [0, 1), not {self.dropout}")
        if len(self.domains) != 2 or not all(map(_DOMAIN.fullmatch, self.domains)) or len(set(self._names)) < 2:
            raise ValueError(f"domains are two different names in small letters, not {', '.join(self.domains)}")

    def _check_resolution(self) -> None:
        """The discriminator's last two convolutions take a pixel each from what all others have halved."""
        least = max(self.minimum_size, 3 * 2**self.discriminator_layers)
        if self.resolution < least or self.resolution % self.size_multiple:
            wanted = f"a multiple of {self.size_multiple} from {least} on with {self.discriminator_layers}"
            raise ValueError(f"resolution is {wanted} discriminator_layers, not {self.resolution}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one training image."""
        return (self.channels, self.resolution, self.resolution)

    @property
    def size_multiple(self) -> int:
        """Images are halved twice."""
        return 4

    @property
    def minimum_size(self) -> int:
        """A quarter of it must be 2 pixels at least, for a reflection of 1."""
        return 8

    @property
    def generator_blocks(self) -> int:
        """How many residual blocks a generator has."""
        return self.blocks if self.blocks is not None else 9 if self.resolution >= 256 else 6

    @property
    def generators(self) -> tuple[str, ...]:
        """The submodules that a published model holds, the usual one first."""
        held = ("a_to_b", "b_to_a") if self.direction == "both" else (self.direction,)
        return tuple(sorted(held, key=lambda name: name != self.first))

    @property
    def directions(self) -> tuple[str, ...]:
        """What users call them: ``horse2zebra``."""
        names = dict(zip(("a_to_b", "b_to_a"), self._names, strict=True))
        return tuple(names[generator] for generator in self.generators)

    @property
    def routes(self) -> dict[str, tuple[str, str]]:
        """The domain that each direction reads, and the one that it makes: ``a`` and ``b``, or the other way round."""
        ends = {"a_to_b": ("a", "b"), "b_to_a": ("b", "a")}
        return dict(zip(self.directions, (ends[generator] for generator in self.generators), strict=True))

    @property
    def _names(self) -> tuple[str, str]:
        """From a to b, and from b to a."""
        a, b = self.domains
        return (f"{a}2{b}", f"{b}2{a}")


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
        recipes={
            "*": Recipe(
                options={
                    "iterations": 200_000,
                    "batch_size": 1,
                    "ema": 0.0,
                    "schedule": "linear=0.5",
                    "mirror": True,
                    "crop": 286 / 256,
                }
            )
        },
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
    """The namings that CycleGAN generators are exchanged in."""
    yield Layout(
        name="junyanz-cyclegan",
        architecture="cyclegan",
        source="https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/models/networks.py",
        example=("model.1.weight", "model.10.conv_block.1.weight", "model.19.weight"),
        read=read_junyanz,
    )
    yield Layout(
        name="upit-cyclegan",
        architecture="cyclegan",
        source="https://github.com/tmabraham/UPIT/blob/main/upit/models/cyclegan.py",
        example=("G_A.1.weight", "G_B.10.conv_block.1.weight", "D_A.0.weight"),
        read=read_upit,
    )
    yield Layout(
        name="huggan-cyclegan",
        architecture="cyclegan",
        source="https://github.com/huggingface/community-events/blob/main/huggan/pytorch/cyclegan/modeling_cyclegan.py",
        example=("model.1.weight", "model.10.block.1.weight", "model.20.weight"),
        read=read_huggan,
    )
    yield Layout(
        name="course-cyclegan",
        architecture="cyclegan",
        source="https://github.com/johko/computer-vision-course",
        example=("upfeature.conv.weight", "encoder1.conv1.weight", "res0.conv1.weight"),
        read=read_course,
    )


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
    """Our own model, and the weights that others published."""
    yield PretrainedModel(
        name="cyclegan-noto2twemoji",
        architecture="cyclegan",
        summary="emoji of Noto in the style of Twemoji, and the other way round, 64x64",
        dataset="emoji",
        license="cc-by-4.0",
        config={
            "resolution": 64,
            "width": 24,
            "blocks": 6,
            "upsampling": "nearest",
            "discriminator_width": 48,
            "discriminator_layers": 2,
            "domains": ("noto", "twemoji"),
            "cycle_weight": 4.0,
        },
        weights=BundledFile(
            package="ganzoo_cyclegan",
            path="weights/cyclegan-noto2twemoji.safetensors",
            sha256="063c1587f622924c467085cbf5f05ea7fcc0ae5ea689a952df5299014c48b5d9",
        ),
    )
    yield PretrainedModel(
        name="cyclegan-horse2zebra",
        architecture="cyclegan",
        summary="makes zebras of horses; the other direction is in the same file",
        dataset="horse2zebra",
        license=None,
        config={"domains": ("horse", "zebra")},
        weights=_HORSES_AND_ZEBRAS,
    )
    yield PretrainedModel(
        name="cyclegan-zebra2horse",
        architecture="cyclegan",
        summary="makes horses of zebras; the other direction is in the same file",
        dataset="horse2zebra",
        license=None,
        config={"domains": ("horse", "zebra"), "first": "b_to_a"},
        weights=_HORSES_AND_ZEBRAS,
    )
    yield PretrainedModel(
        name="cyclegan-horse2zebra.course",
        architecture="cyclegan",
        summary="makes zebras of horses, by the network of the Hub's computer vision course, trained for 20 epochs",
        dataset="horse2zebra",
        license=None,
        config={"domains": ("horse", "zebra"), "direction": "a_to_b"},
        weights=_of_the_course("gen_AB.pth", "45156accd254465d3f0e021f06ca75dfb085512f30cef16e1f5622697a2ca605"),
    )
    yield PretrainedModel(
        name="cyclegan-zebra2horse.course",
        architecture="cyclegan",
        summary="makes horses of zebras, by the network of the Hub's computer vision course, trained for 20 epochs",
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
        summary="makes oranges of apples, the authors' own weights",
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
