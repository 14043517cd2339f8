"""The config of CycleGAN, and how to train it. This module does not import torch."""

from __future__ import annotations

import re
from math import prod
from typing import Literal

from ganzoo import FrozenRecord, Recipe, Resolution, check_multiple, image_size

__all__ = ["RECIPES", "CycleGANConfig"]

_DOMAIN = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


class CycleGANConfig(FrozenRecord):
    """The config of CycleGAN (section 4 and appendix 7), with the defaults of the authors' code.

    - `resolution` is that of training images, a number or height x width: multiples of 4.
    - `blocks` is the number of residual blocks in a generator. None means 9 for images with as many pixels as 256x256
      or more, and 6 below.
    - `upsampling` is by transposed convolutions, or by nearest neighbors and a convolution.
    - `stem_norm` and `down_padding` are for the network of the Hub's computer vision course. It has no norm and no ReLU
      after its first convolution, and it pads by reflection where the authors pad by zeros.
    - `affine` gives each instance norm a gain and a bias. `dropout` is the probability in the residual blocks.
    - `residual_output` makes a generator's output the change of its input, instead of the image: shapes and edges are
      there from the first iteration. `skips` adds what each downsampling layer reads to what the upsampling layer of
      that size returns, as the skip connections of a U-Net (arXiv:1611.07004, section 3.2.1). The paper has neither.
    - `up_padding` is the padding of the convolutions after nearest neighbors.
    - `diffusion_steps` are the numbers of steps of anisotropic diffusion (Perona and Malik, IEEE PAMI 12(7), 1990) that
      end the generators of domain a and of domain b: it makes images flat. The paper has none: 0. Differences much
      larger than `diffusion_contrast`, on the scale of [-1, 1], stay.
    - `discriminator_norm` says whether discriminators have instance norms, as in the paper. These remove mean color and
      contrast, so that a discriminator without them sees colors better, but it is less stable at high rates.
    - `domains` are the names of the images in ``trainA`` and in ``trainB``.
    - `direction` says which generators a published model holds. `first` is the default direction of a model with both.
    - `cycle_weight` is lambda in equation 3. The identity loss has the weight `cycle_weight` * `identity_weight`.
    - `adversarial_weight` is the weight of the generators' adversarial loss. It is 2 because ganzoo's least-squares
      loss has a factor 1/2 that the authors' loss does not have.
    - `variation_weights` are the weights of a penalty on small differences between neighboring pixels, in generated
      images of domain a and of domain b. The paper has none: 0. It is the total variation (Rudin, Osher and Fatemi,
      Physica D 60, 1992), but each difference counts for at most `variation_limit`, on the scale of [-1, 1], so that
      larger edges cost no more when they are sharp. `variation_orders` are 1 for first differences, which make images
      flat, or 2 for second differences, which make shades even.
    - `pool_size` is the number of earlier images that each discriminator's history holds.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 256
    channels: int = 3
    blocks: int | None = None
    width: int = 64
    upsampling: Literal["transposed", "nearest"] = "transposed"
    stem_norm: bool = True
    down_padding: Literal["zeros", "reflect"] = "zeros"
    affine: bool = False
    dropout: float = 0.0
    residual_output: bool = False
    skips: bool = False
    up_padding: Literal["zeros", "reflect"] = "zeros"
    diffusion_steps: tuple[int, ...] = (0, 0)
    diffusion_contrast: float = 0.2
    discriminator_width: int = 64
    discriminator_layers: int = 3
    discriminator_norm: bool = True
    domains: tuple[str, ...] = ("a", "b")
    direction: Literal["both", "a_to_b", "b_to_a"] = "both"
    first: Literal["a_to_b", "b_to_a"] = "a_to_b"
    cycle_weight: float = 10.0
    identity_weight: float = 0.5
    adversarial_weight: float = 2.0
    variation_weights: tuple[float, ...] = (0.0, 0.0)
    variation_orders: tuple[int, ...] = (1, 1)
    variation_limit: float = 0.1
    pool_size: int = 50
    learning_rate: float = 2e-4
    beta1: float = 0.5

    def __post_init__(self) -> None:
        if min(self.width, self.generator_blocks, self.discriminator_width, self.discriminator_layers) < 1:
            raise ValueError("width, blocks, discriminator_width and discriminator_layers must be at least 1")
        self._check_resolution()
        if min(self.cycle_weight, self.identity_weight, self.adversarial_weight, self.pool_size) < 0:
            raise ValueError("cycle_weight, identity_weight, adversarial_weight and pool_size must be at least 0")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability in [0, 1), not {self.dropout}")
        self._check_variation()
        self._check_diffusion()
        if (self.upsampling, self.up_padding) == ("transposed", "reflect"):
            raise ValueError("up_padding is zeros with transposed upsampling, not reflect")
        if len(self.domains) != 2 or not all(map(_DOMAIN.fullmatch, self.domains)) or len(set(self._names)) < 2:
            raise ValueError(f"domains are two different names in small letters, not {', '.join(self.domains)}")

    def _check_variation(self) -> None:
        if len(self.variation_weights) != 2 or min(self.variation_weights) < 0:
            raise ValueError(f"variation_weights are two numbers of at least 0, not {self.variation_weights}")
        if len(self.variation_orders) != 2 or not set(self.variation_orders) <= {1, 2}:
            raise ValueError(f"variation_orders are two numbers, each 1 or 2, not {self.variation_orders}")
        if self.variation_limit <= 0:
            raise ValueError(f"variation_limit must be above 0, not {self.variation_limit}")

    def _check_diffusion(self) -> None:
        if len(self.diffusion_steps) != 2 or min(self.diffusion_steps) < 0:
            raise ValueError(f"diffusion_steps are two numbers of at least 0, not {self.diffusion_steps}")
        if self.diffusion_contrast <= 0:
            raise ValueError(f"diffusion_contrast must be above 0, not {self.diffusion_contrast}")

    def _check_resolution(self) -> None:
        """Each layer but the last two of the discriminator halves the image; each of the last two removes one pixel."""
        least = max(self.minimum_size, 3 * 2**self.discriminator_layers)
        reason = f"with {self.discriminator_layers} discriminator_layers"
        check_multiple(self.resolution, self.size_multiple, least=least, reason=reason)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one training image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def size_multiple(self) -> int:
        """4, since a generator halves images twice."""
        return 4

    @property
    def minimum_size(self) -> int:
        """8: a quarter of it is 2 pixels, the least for padding by the reflection of one pixel."""
        return 8

    @property
    def generator_blocks(self) -> int:
        """The number of residual blocks in a generator."""
        return self.blocks if self.blocks is not None else 9 if prod(image_size(self.resolution)) >= 256**2 else 6

    @property
    def generators(self) -> tuple[str, ...]:
        """The generators that a published model holds, the default direction first."""
        held = ("a_to_b", "b_to_a") if self.direction == "both" else (self.direction,)
        return tuple(sorted(held, key=lambda name: name != self.first))

    @property
    def directions(self) -> tuple[str, ...]:
        """The names of the directions, such as ``horse2zebra``, in the order of `generators`."""
        names = dict(zip(("a_to_b", "b_to_a"), self._names, strict=True))
        return tuple(names[generator] for generator in self.generators)

    @property
    def routes(self) -> dict[str, tuple[str, str]]:
        """For each direction the domain that it reads and the domain that it generates, ``a`` or ``b``."""
        ends = {"a_to_b": ("a", "b"), "b_to_a": ("b", "a")}
        return dict(zip(self.directions, (ends[generator] for generator in self.generators), strict=True))

    @property
    def _names(self) -> tuple[str, str]:
        """The names of both directions: from a to b, and from b to a."""
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
