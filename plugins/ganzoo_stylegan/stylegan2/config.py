"""The config of StyleGAN2. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ganzoo import FirstMap, FrozenRecord, Recipe, Resolution, first_map, image_size
from ganzoo_stylegan.checks import DOUBLINGS, check_at_least, check_base_width, check_share

__all__ = ["RECIPES", "StyleGAN2Config"]


class StyleGAN2Config(FrozenRecord):
    """The config of StyleGAN2. The defaults are config F of the paper, at 1024 pixels.

    - `resolution` is a number or height x width.
    - `constant` is the height and the width of the learned constant, which is doubled to the resolution. None means
      that with 4 to 7 pixels on its shorter side: 6x8 for images of 48x64. Another one, such as (3, 4), is for weights
      that have it.
    - `shown` is the height and the width of the middle part that is the image, if it is not all: weights for images of
      384x512 pixels make 512x512.
    - `base_width` divided by the resolution of a layer is its number of channels, at most `max_width`. Config E has
      16384, config F has 32768. Here, and in `resolutions`, the constant counts as 4 pixels, and each doubling doubles
      them.
    - `classes` is the number of classes. With 0, the networks receive no class.
    - `group_size` is the number of images over which the discriminator takes the minibatch standard deviation.
    - `style_mixing` is the share of training images that get the styles of two latents (arXiv:1812.04948, 3.1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 1024
    channels: int = 3
    constant: tuple[int, ...] | None = None
    shown: tuple[int, ...] = ()
    classes: int = 0
    latent_dim: int = 512
    style_dim: int = 512
    mapping_layers: int = 8
    base_width: int = 32768
    max_width: int = 512
    group_size: int = 4
    style_mixing: float = 0.9
    learning_rate: float = 2e-3
    beta2: float = 0.99

    def __post_init__(self) -> None:
        self._check_constant()
        if self.shown and (
            len(self.shown) != 2
            or any(n < 1 or n > m or (m - n) % 2 for n, m in zip(self.shown, self.canvas, strict=True))
        ):
            raise ValueError(f"shown is the height and the width of the middle of {self.canvas}, not {self.shown}")
        sizes = {"latent_dim": self.latent_dim, "style_dim": self.style_dim, "mapping_layers": self.mapping_layers}
        check_at_least(1, **sizes, max_width=self.max_width, group_size=self.group_size)
        check_base_width(self.base_width, self.resolutions[-1])
        if self.classes < 0:
            raise ValueError(f"classes is the number of classes, or 0 for no classes, not {self.classes}")
        check_share(style_mixing=self.style_mixing)

    def _check_constant(self) -> None:
        if self.constant is None:
            first_map(self.resolution, DOUBLINGS)
            return
        if len(self.constant) != 2 or min(self.constant) < 1:
            raise ValueError(f"constant is a height and a width, such as (4, 4), not {self.constant}")
        if self.canvas not in [tuple(side * 2**n for side in self.constant) for n in DOUBLINGS]:
            size = "x".join(map(str, self.canvas))
            raise ValueError(f"resolution {size} is not the constant {self.constant}, doubled several times")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        height, width = self.shown or self.canvas
        return (self.channels, height, width)

    @property
    def canvas(self) -> tuple[int, int]:
        """(H, W) of what the networks make and see. An image is its middle part."""
        return image_size(self.resolution)

    @property
    def first_map(self) -> FirstMap:
        """The learned constant."""
        if self.constant is None:
            return first_map(self.resolution, DOUBLINGS)
        height, width = self.constant
        return FirstMap((height, width), (self.canvas[0] // height).bit_length() - 1)

    @property
    def margins(self) -> tuple[int, int]:
        """The rows above an image on its canvas, and the columns to its left. There are as many on the other side."""
        height, width = self.shown or self.canvas
        return ((self.canvas[0] - height) // 2, (self.canvas[1] - width) // 2)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the blocks: 4, 8, and so on up to that of the image."""
        return self.first_map.sides

    @property
    def styles(self) -> int:
        """The number of styles of an image: one for each convolution, and one for the last layer to RGB."""
        return 2 * len(self.resolutions)

    def first_style(self, block: int) -> int:
        """The first style of a block. Its layer to RGB shares the first style of the next one."""
        return 0 if block == 0 else self.styles if block == len(self.resolutions) else 2 * block - 1

    def width(self, resolution: int) -> int:
        """The number of channels at a resolution."""
        return min(self.base_width // resolution, self.max_width)


def penalties(config: StyleGAN2Config, options: Mapping[str, Any]) -> dict[str, Any]:
    """The weight of R1 and the half-life of the average, by the resolution and the batch.

    They are the heuristics of the authors (arXiv:2006.06676, appendix C): a weight of 0.0002 * pixels / batch, and
    10,000 images for a batch of 32.
    """
    batch = options["batch_size"] * options["accumulate"]
    r1 = 2e-4 * prod(config.canvas) / batch
    return {"regularizers": {"r1": r1, "path-length": 2.0}, "ema_half_life": batch * 10_000 // 32}


def _recipe(*, ada: bool = False, **config: Any) -> Recipe:
    """Lazy regularization as in the paper (appendix B), and batches of 32."""
    options: dict[str, Any] = {"batch_size": 32, "regularize_every": 16, "regularize_generator_every": 4}
    return Recipe(config=config, options={**options, "augmentations": ("ada",)} if ada else options, rule=penalties)


PORTRAITS = Recipe(
    config={
        **{"resolution": 64, "latent_dim": 128, "style_dim": 128, "mapping_layers": 2},
        **{"base_width": 1024, "max_width": 96, "learning_rate": 2.5e-3},
    },
    options={"batch_size": 16, "regularizers": {"r1": 0.3}, "regularize_every": 16, "ema_half_life": 10_000},
)
"""Small networks for two CPU cores, as the bundled model has them; without path length regularization."""

RECIPES = {
    "config-f": _recipe(),
    "config-e": _recipe(base_width=16384),
    "config-f-ada": _recipe(ada=True),
    "config-e-ada": _recipe(ada=True, base_width=16384),
    "pixelfaces": PORTRAITS,
    "*": _recipe(),
}
"""How to train, by the names of the paper's configs (table 1), and of a data set; ``*`` is for all other data."""
