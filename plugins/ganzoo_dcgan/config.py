"""The config of DCGAN, and how to train it on each data set. This module does not import torch."""

from __future__ import annotations

from typing import Any, Literal

from ganzoo import FirstMap, FrozenRecord, Recipe, Resolution, first_map, image_size

__all__ = ["DOUBLINGS", "RECIPES", "DCGANConfig"]

DOUBLINGS = range(2, 6)
"""How often DCGAN can double its first map: 4x4 pixels up to 128x128."""


class DCGANConfig(FrozenRecord):
    """The config of DCGAN (section 3 and figure 1).

    - `resolution` is a number or height x width. The first map has 4 to 7 pixels on its shorter side, and is doubled 2
      to 5 times.
    - `generator_width` and `discriminator_width` are the channels of the layer next to the image. Each halving of the
      image doubles them.
    - The kernels are 4x4, as in the PyTorch example and in all weights that others publish. The authors' code has 5x5.
    - The uniform latent has variance 1. The paper's range does not matter: batch norm after the first layer removes
      the scale.

    Two things of the training differ from the paper: the weights are averaged, which `ema` = 0 turns off, and both
    networks learn from the same generated images, as in the PyTorch example.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 64
    channels: int = 3
    latent_dim: int = 100
    latent: Literal["normal", "uniform"] = "uniform"
    generator_width: int = 128
    discriminator_width: int = 128
    learning_rate: float = 2e-4
    beta1: float = 0.5

    def __post_init__(self) -> None:
        first_map(self.resolution, DOUBLINGS)
        if min(self.latent_dim, self.generator_width, self.discriminator_width) < 1:
            raise ValueError("latent_dim, generator_width and discriminator_width must be at least 1")
        if self.latent not in ("normal", "uniform"):
            raise ValueError(f"latent is 'normal' or 'uniform', not {self.latent!r}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def first_map(self) -> FirstMap:
        """The map that the latent is projected to, 4x4 pixels for square images of 16, 32, 64 or 128."""
        return first_map(self.resolution, DOUBLINGS)

    @property
    def depths(self) -> tuple[int, ...]:
        """The width of each inner layer as a multiple of the smallest, from the image on: (1, 2, 4, 8) at 64 pixels."""
        return tuple(2**i for i in range(self.first_map.doublings))


def _recipe(**config: Any) -> Recipe:
    """Batches as in the paper (section 4), whatever the data set."""
    return Recipe(config=config, options={"batch_size": 128})


RECIPES = {
    **dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), _recipe(resolution=32, channels=1)),
    **dict.fromkeys(("cifar10", "cifar100"), _recipe(resolution=32)),
    "*": _recipe(),
}
"""How to train on each data set, by its name; ``*`` is for all others."""
