"""The configs of BigGAN and BigGAN-deep, and how to train them on each data set. This module does not import torch."""

from __future__ import annotations

from typing import Any

from ganzoo import FirstMap, FrozenRecord, Recipe, Resolution, first_map, image_size

__all__ = ["DOUBLINGS", "RECIPES", "TINY", "BigGANConfig", "BigGANDeepConfig", "generator_depths"]

DOUBLINGS = range(3, 8)
"""How often BigGAN can double its first map: 4x4 pixels up to 32x32, 64x64, 128x128, 256x256 or 512x512."""

_GENERATOR = {
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
_DISCRIMINATOR = {
    32: (4, 4, 4, 4),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
    512: (1, 1, 2, 4, 8, 8, 16, 16),
}


def generator_depths(resolution: int) -> tuple[int, ...]:
    """The usual channels of a generator at 4, 8, ... pixels, as multiples of ch; (1,) for other resolutions."""
    return _GENERATOR.get(resolution, (1,))


class BigGANConfig(FrozenRecord):
    """The config of BigGAN (appendix B). The paper has no 32 and 64 pixels; those are as in BigGAN-PyTorch.

    - `resolution` is a number or height x width. The first map has 4 to 7 pixels on its shorter side, and is doubled 3
      to 7 times. Numbers of pixels below are those of the square image whose first map has 4x4 pixels.
    - `width` is the paper's ch, the unit of the channel counts. `generator_depths` are the generator's channels at
      4, 8, ... pixels, in units of ch. `discriminator_depths` are the discriminator's channels after its first layer
      and after each block, in units of `discriminator_width`. None means the usual values for so many doublings.
    - Both networks have attention at each number of pixels of `attention` that they reach.
    - `latent_dim` is the length of z. None means 20 numbers for the first layer and for each block, or 16 at
      512 pixels. If `hierarchical` is off, only the first layer gets z, and None means 128.
    - If `shared` is on, classes have one embedding of length `class_dim`, which every layer projects to its gains
      and biases. If it is off, each layer has its own gains and biases for each class.
    - `generator_spectral_norm` puts spectral norm on the generator's weights. It is off for files in which the
      weights are already divided by it.
    - `statistics` is the number of sets of batch statistics, for truncations that are spaced evenly from 0 to 1.
    - `epsilon` is the epsilon of batch norm.
    - `discriminator_steps` is the number of discriminator steps for each generator step.
    - `orthogonal_weight` is beta in the orthogonal regularization (equation 3). BigGAN-PyTorch applies half of
      its gradient.

    Three things of the training differ from the paper:

    - Batches have 64 images. The paper has 2048: see `accumulate`.
    - The average of the weights begins with the first iteration, over a time that grows with the run. The authors' code
      begins after 20,000 iterations.
    - BigGAN-deep has the learning rates of 128 pixels at all resolutions. The paper has 2.5e-5 for both networks at 256
      and 512 pixels.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 128
    channels: int = 3
    classes: int = 1000
    width: int = 96
    discriminator_width: int | None = None
    generator_depths: tuple[int, ...] | None = None
    discriminator_depths: tuple[int, ...] | None = None
    attention: tuple[int, ...] = (64,)
    latent_dim: int | None = None
    class_dim: int = 128
    hierarchical: bool = True
    shared: bool = True
    generator_spectral_norm: bool = True
    statistics: int = 1
    epsilon: float = 1e-4
    generator_learning_rate: float = 5e-5
    discriminator_learning_rate: float = 2e-4
    beta1: float = 0.0
    beta2: float = 0.999
    discriminator_steps: int = 2
    orthogonal_weight: float = 1e-4

    def __post_init__(self) -> None:
        first_map(self.resolution, DOUBLINGS)
        channels = (self.width, *self.generator_channels, *self.discriminator_channels)
        counts = (self.classes, self.class_dim, self.latent_size, self.statistics, self.discriminator_steps)
        if min(*channels, *counts) < 1:
            raise ValueError("widths, depths, classes, statistics, discriminator_steps and latents are at least 1")
        if self.epsilon <= 0 or self.orthogonal_weight < 0:
            raise ValueError("epsilon is above 0, and orthogonal_weight at least 0")
        for name, found, usual in (
            ("generator_depths", self.generator_channels, _GENERATOR),
            ("discriminator_depths", self.discriminator_channels, _DISCRIMINATOR),
        ):
            wanted = len(usual[self.pixels])
            if len(found) != wanted:
                raise ValueError(f"{name} has {wanted} numbers at {self.pixels} pixels, not {len(found)}")
        if self.latent_size % self.latent_parts:
            raise ValueError(f"latent_dim is a multiple of {self.latent_parts} here, not {self.latent_size}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def first_map(self) -> FirstMap:
        """The map that the latent is projected to."""
        return first_map(self.resolution, DOUBLINGS)

    @property
    def pixels(self) -> int:
        """The side of the square image that has as many doublings from 4x4 pixels."""
        return self.first_map.sides[-1]

    @property
    def generator_channels(self) -> tuple[int, ...]:
        """The generator's channels at 4, 8, ... pixels."""
        return tuple(depth * self.width for depth in self.generator_depths or _GENERATOR[self.pixels])

    @property
    def discriminator_channels(self) -> tuple[int, ...]:
        """The discriminator's channels, from the image on."""
        width = self.width if self.discriminator_width is None else self.discriminator_width
        return tuple(depth * width for depth in self.discriminator_depths or _DISCRIMINATOR[self.pixels])

    @property
    def downsampling_blocks(self) -> int:
        """How many of the discriminator's blocks downsample: 2 at 32 pixels, down to 8; else down to 4 pixels."""
        return 2 if self.pixels == 32 else len(self.generator_channels) - 1

    @property
    def class_size(self) -> int:
        """The length of the generator's class vector: an embedding, or a one-hot vector if classes are not shared."""
        return self.class_dim if self.shared else self.classes

    @property
    def latent_parts(self) -> int:
        """The number of parts that z is split into."""
        return len(self.generator_channels) if self.hierarchical else 1

    @property
    def latent_size(self) -> int:
        """The length of z."""
        if self.latent_dim is not None:
            return self.latent_dim
        return self.latent_parts * (16 if self.pixels == 512 else 20) if self.hierarchical else 128


class BigGANDeepConfig(BigGANConfig):
    """The config of BigGAN-deep (appendix B): bottleneck blocks, and every layer gets the whole of z.

    The fields are those of `BigGANConfig`. None for `latent_dim` means 128, and `hierarchical` has no effect.
    """

    width: int = 128

    @property
    def latent_parts(self) -> int:
        """1, since z is not split."""
        return 1

    @property
    def latent_size(self) -> int:
        """The length of z."""
        return 128 if self.latent_dim is None else self.latent_dim


def _recipe(**config: Any) -> Recipe:
    """The paper's average of the weights (appendix C), whatever the data set."""
    return Recipe(config=config, options={"ema": 0.9999})


_SMALL = {"resolution": 32, "generator_learning_rate": 2e-4, "discriminator_learning_rate": 2e-4}
RECIPES = {
    **dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), _recipe(**_SMALL, channels=1, classes=10)),
    "cifar10": _recipe(**_SMALL, width=64, classes=10, discriminator_steps=4),
    "cifar100": _recipe(**_SMALL, width=64, classes=100, discriminator_steps=4),
    "*": _recipe(),
}
"""How to train on each data set, by its name; ``*`` is for all others."""

TINY = {
    **{"resolution": 32, "width": 8, "classes": 3, "class_dim": 4, "attention": (16,), "discriminator_steps": 1},
    **{"generator_depths": (1, 1, 1, 1), "discriminator_depths": (1, 1, 1, 1)},
}
"""The config values that make a network small enough for tests."""
