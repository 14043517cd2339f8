"""The config of lucidrains' StyleGAN2. This module does not import torch."""

from __future__ import annotations

from ganzoo import FirstMap, FrozenRecord, Recipe, Resolution, first_map, image_size
from ganzoo_stylegan.checks import DOUBLINGS, check_at_least, check_share

__all__ = ["RECIPES", "TINY", "LucidrainsConfig"]


class LucidrainsConfig(FrozenRecord):
    """The config of lucidrains' StyleGAN2. The defaults are those of its command line.

    - `resolution` is a number or height x width. The first map has 4 to 7 pixels on its shorter side.
    - `capacity` times twice the resolution, divided by the resolution of a layer, is its number of channels, at most
      `max_width`. Their names are `network_capacity` and `fmap_max`. Here, and in `resolutions`, the first map counts
      as 4 pixels, and each doubling doubles them.
    - `learned_constant` says whether the generator begins with a learned constant. If not, it begins with a map of the
      mean of an image's styles. Their name for that is `no_const`.
    - `attention_layers` are the blocks with attention in both networks, counted from the image: 1 is at half of its
      resolution. Their name is `attn_layers`.
    - `style_mixing` is the share of training images that get the styles of two latents.
    - `learning_rate` is that of the generator. The discriminator's is `discriminator_rate` times as large.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 128
    channels: int = 3
    latent_dim: int = 512
    mapping_layers: int = 8
    capacity: int = 16
    max_width: int = 512
    learned_constant: bool = True
    attention_layers: tuple[int, ...] = ()
    style_mixing: float = 0.9
    learning_rate: float = 2e-4
    discriminator_rate: float = 1.5

    def __post_init__(self) -> None:
        first_map(self.resolution, DOUBLINGS)
        check_at_least(1, latent_dim=self.latent_dim, mapping_layers=self.mapping_layers)
        check_at_least(1, capacity=self.capacity, max_width=self.max_width)
        check_share(style_mixing=self.style_mixing)
        most = len(self.resolutions)
        if any(not 1 <= layer <= most for layer in self.attention_layers):
            raise ValueError(f"attention_layers are numbers from 1 to {most}, not {self.attention_layers}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def first_map(self) -> FirstMap:
        """The map that the generator begins with."""
        return first_map(self.resolution, DOUBLINGS)

    @property
    def classes(self) -> int:
        """The networks know no classes."""
        return 0

    @property
    def margins(self) -> tuple[int, int]:
        """An image is all of what the networks make."""
        return (0, 0)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the blocks: 4, 8, and so on up to that of the image."""
        return self.first_map.sides

    @property
    def styles(self) -> int:
        """The number of styles of an image: one for each block."""
        return len(self.resolutions)

    def first_style(self, block: int) -> int:
        """The style of a block."""
        return block

    def width(self, resolution: int) -> int:
        """The number of channels at a resolution."""
        return min(2 * self.capacity * self.resolutions[-1] // resolution, self.max_width)

    def attends(self, resolution: int) -> bool:
        """Whether the blocks between this resolution and half of it have attention."""
        return (self.resolutions[-1] // resolution).bit_length() in self.attention_layers


RECIPES = {
    "*": Recipe(
        options={
            **{"batch_size": 5, "accumulate": 6, "iterations": 150_000, "ema": 0.9995},
            **{"regularizers": {"r1": 20.0, "path-length": 1 / 128}},
            **{"regularize_every": 4, "regularize_generator_every": 32},
        },
    ),
}
"""How to train, as the author's command line does.

The penalties have the same weights on average over the iterations, for pixels in [-1, 1] in place of [0, 1].
"""

TINY = {"resolution": 8, "latent_dim": 4, "mapping_layers": 2, "capacity": 1, "max_width": 4, "attention_layers": (1,)}
"""Config values for tests."""
