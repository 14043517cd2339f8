"""The config of CycleGAN, and how to train it. This module does not import torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ganzoo import Recipe

__all__ = ["RECIPES", "CycleGANConfig"]

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


RECIPES = {
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
}
"""How to train on each data set, by its name; ``*`` is for all."""
