"""The config of StyleGAN2. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any

from ganzoo import FrozenRecord, Recipe
from ganzoo_stylegan.checks import check_at_least, check_base_width, check_resolution, check_share

__all__ = ["RECIPES", "StyleGAN2Config"]


class StyleGAN2Config(FrozenRecord):
    """The config of StyleGAN2. The defaults are config F of the paper, at 1024 pixels.

    - `resolution` is that of a square image, 4 times a power of 2. `constant` is the height and the width of the
      learned constant. Another one than 4x4 gives images of its shape: (3, 4) at 64 gives 48x64 pixels.
    - `shown` is the height and the width of the middle part that is the image, if it is not all: weights for images of
      384x512 pixels make 512x512.
    - `base_width` divided by the resolution of a layer is its number of channels, at most `max_width`. Config E has
      16384, config F has 32768.
    - `classes` is the number of classes. With 0, the networks receive no class.
    - `group_size` is the number of images over which the discriminator takes the minibatch standard deviation.
    - `style_mixing` is the share of training images that get the styles of two latents (arXiv:1812.04948, 3.1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: int = 1024
    channels: int = 3
    constant: tuple[int, ...] = (4, 4)
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
        check_resolution(self.resolution)
        if len(self.constant) != 2 or min(self.constant) < 1:
            raise ValueError(f"constant is a height and a width, such as (4, 4), not {self.constant}")
        if self.shown and (
            len(self.shown) != 2
            or any(n < 1 or n > m or (m - n) % 2 for n, m in zip(self.shown, self.canvas, strict=True))
        ):
            raise ValueError(f"shown is the height and the width of the middle of {self.canvas}, not {self.shown}")
        sizes = {"latent_dim": self.latent_dim, "style_dim": self.style_dim, "mapping_layers": self.mapping_layers}
        check_at_least(1, **sizes, max_width=self.max_width, group_size=self.group_size)
        check_base_width(self.base_width, self.resolution)
        if self.classes < 0:
            raise ValueError(f"classes is the number of classes, or 0 for no classes, not {self.classes}")
        check_share(style_mixing=self.style_mixing)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        height, width = self.shown or self.canvas
        return (self.channels, height, width)

    @property
    def canvas(self) -> tuple[int, int]:
        """(H, W) of what the networks make and see. An image is its middle part."""
        height, width = self.constant
        return (height * self.resolution // 4, width * self.resolution // 4)

    @property
    def margins(self) -> tuple[int, int]:
        """The rows above an image on its canvas, and the columns to its left. There are as many on the other side."""
        height, width = self.shown or self.canvas
        return ((self.canvas[0] - height) // 2, (self.canvas[1] - width) // 2)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the blocks: 4, 8, and so on up to that of the image."""
        return tuple(4 * 2**i for i in range(int(log2(self.resolution)) - 1))

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
    r1 = 2e-4 * config.resolution**2 / batch
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
