"""The config of pix2pix. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Literal

from ganzoo import Recipe, Resolution, check_multiple, image_size

__all__ = ["EMOJI", "RECIPES", "WIDEST", "Pix2PixConfig"]

WIDEST = 8
"""The most channels of a layer, in multiples of the width."""


@dataclass(frozen=True)
class Pix2PixConfig:
    """Values of arXiv:1611.07004 for images of 256x256, by section and appendix.

    - `resolution` is that of training images, a number or height x width.
    - `halvings` is how often the U-Net halves images; None means until a side is odd: down to one pixel for
      256x256 (appendix 6.1.1).
    - `norm` is ``batch``, or ``instance`` without parameters. With `own_statistics`, batch norm uses those of each
      image when it samples, as the paper does (section 3.4), and otherwise those of training.
    - `dropped` is the number of layers of the decoder that have dropout in training (appendix 6.1.1).
    - `upsampling` is that of the last layer: a transposed convolution, or ``nearest`` neighbors and a convolution.
    - `residual_output` makes the U-Net's output the change of its input, instead of the image: shapes and edges are
      there from the first iteration. `diffusion_steps` are those of the anisotropic diffusion that ends the U-Net
      (Perona and Malik, IEEE PAMI 12(7), 1990): it makes images flat, and differences much larger than
      `diffusion_contrast`, on the scale of [-1, 1], stay. The paper has neither.
    - `skip_activation` is that of the encoder's layers before the decoder reads them; the paper has ``relu``.
    - `conv_bias` is whether convolutions before a norm have biases.
    - `direction` is that of training: from the first of the `domains` to the second, or the other way around.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 256
    channels: int = 3
    width: int = 64
    halvings: int | None = None
    norm: Literal["batch", "instance"] = "batch"
    own_statistics: bool = True
    dropped: int = 3
    dropout: float = 0.5
    upsampling: Literal["transposed", "nearest"] = "transposed"
    residual_output: bool = False
    diffusion_steps: int = 0
    diffusion_contrast: float = 0.2
    skip_activation: Literal["relu", "leaky-relu"] = "relu"
    conv_bias: bool = False
    discriminator_width: int = 64
    discriminator_layers: int = 3
    l1_weight: float = 100.0
    domains: tuple[str, ...] = ("a", "b")
    direction: Literal["a_to_b", "b_to_a"] = "a_to_b"
    learning_rate: float = 2e-4
    beta1: float = 0.5

    def __post_init__(self) -> None:
        if min(self.width, self.discriminator_width, self.discriminator_layers) < 1:
            raise ValueError("width, discriminator_width and discriminator_layers must be at least 1")
        if self.halvings is not None and self.halvings < 2:
            raise ValueError(f"halvings must be at least 2, not {self.halvings}")
        least = max(4, 3 * 2**self.discriminator_layers)
        reason = f"with {self.depth} halvings and {self.discriminator_layers} discriminator_layers"
        check_multiple(self.resolution, self.size_multiple, least=least, reason=reason)
        if not 0 <= self.dropout < 1 or self.dropped < 0:
            raise ValueError("dropout is a share from 0 to below 1, and dropped is at least 0")
        if self.diffusion_steps < 0 or self.diffusion_contrast <= 0:
            raise ValueError("diffusion_steps must be at least 0, and diffusion_contrast above 0")
        if self.l1_weight < 0:
            raise ValueError(f"l1_weight must be at least 0, not {self.l1_weight}")
        if len(self.domains) != 2 or self.domains[0] == self.domains[1] or not all(self.domains):
            raise ValueError(f"domains are two different names, not {self.domains}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one training image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def depth(self) -> int:
        """How often the U-Net halves images. By default, it is until a side is odd."""
        both = gcd(*image_size(self.resolution))
        return self.halvings or max(2, (both & -both).bit_length() - 1)

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of channels behind each halving."""
        return tuple(self.width * min(2**i, WIDEST) for i in range(self.depth))

    @property
    def size_multiple(self) -> int:
        """The U-Net must be able to halve both sides of an image."""
        return 1 << self.depth

    @property
    def minimum_size(self) -> int:
        """The smallest side: one pixel is left in the middle."""
        return self.size_multiple

    @property
    def route(self) -> tuple[str, str]:
        """The part of a batch that is read, and the part that is made: ``a`` and ``b``, or the other way around."""
        return ("a", "b") if self.direction == "a_to_b" else ("b", "a")

    @property
    def directions(self) -> tuple[str, ...]:
        """The name of the only direction, such as ``noto2twemoji``."""
        names = dict(zip("ab", self.domains, strict=True))
        source, target = self.route
        return (f"{names[source]}2{names[target]}",)

    @property
    def routes(self) -> dict[str, tuple[str, str]]:
        """The direction, with the parts of a batch that it leads from and to."""
        return {self.directions[0]: self.route}


EMOJI = {
    **{"resolution": 64, "width": 40, "halvings": 4, "own_statistics": False, "dropped": 2, "upsampling": "nearest"},
    **{"residual_output": True, "diffusion_steps": 20, "diffusion_contrast": 0.15},
    **{"discriminator_width": 32, "discriminator_layers": 2, "l1_weight": 60.0, "learning_rate": 4e-4},
    "domains": ("noto", "twemoji"),
}
"""Small networks for two CPU cores. Patches have 34x34 of 64x64 pixels."""

RECIPES = {
    "emoji": Recipe(
        config=EMOJI,
        options={
            **{"iterations": 12_000, "batch_size": 8, "ema": 0.999, "schedule": "linear=0.5"},
            **{"mirror": True, "crop": 72 / 64},
        },
    ),
    "*": Recipe(
        options={"iterations": 200_000, "batch_size": 1, "ema": 0.0, "mirror": True, "crop": 286 / 256},
    ),
}
"""How to train on each data set, by its name; ``*`` is for all: batches of 1 and jitter (section 3.3, appendix 6.2)."""
