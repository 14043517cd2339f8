"""The config of DCGAN, and how to train it on each data set. This module does not import torch."""

from __future__ import annotations

from typing import Any, Literal

from ganzoo import FrozenRecord, Recipe

__all__ = ["RECIPES", "RESOLUTIONS", "DCGANConfig"]

RESOLUTIONS = (16, 32, 64, 128)
"""The sizes of the images that DCGAN can generate, in pixels."""


class DCGANConfig(FrozenRecord):
    """The config of DCGAN (section 3 and figure 1).

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
        """The width of each inner layer as a multiple of the smallest, from the image on: (1, 2, 4, 8) at 64 pixels."""
        return tuple(2**i for i in range(self.resolution.bit_length() - 3))


def _recipe(**config: Any) -> Recipe:
    """Batches as in the paper (section 4), whatever the data set."""
    return Recipe(config=config, options={"batch_size": 128})


RECIPES = {
    **dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), _recipe(resolution=32, channels=1)),
    **dict.fromkeys(("cifar10", "cifar100"), _recipe(resolution=32)),
    "*": _recipe(),
}
"""How to train on each data set, by its name; ``*`` is for all others."""
