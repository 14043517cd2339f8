"""The config of the first GAN, and how to train it on each data set. This module does not import torch."""

from __future__ import annotations

from typing import Literal

from ganzoo import FrozenRecord, Recipe, Resolution, image_size

__all__ = ["RECIPES", "GANConfig"]


class GANConfig(FrozenRecord):
    """The config of the first GAN. The defaults are the MNIST experiment of section 5.

    The sizes are those of the authors' published configuration, which has batches of 100. Five things differ:

    - The learning rate stays at its first value. The authors divide it by 1.000004 at each step.
    - The momentum stays at its first value. The authors raise it to 0.7 over 250 epochs.
    - The discriminator's loss is equation 1. The authors take half of it.
    - The output bias starts at zero. The authors start it at the marginals of the data.
    - The weights are averaged, which `ema` = 0 turns off.

    The fields:

    - `resolution` is a number or height x width.
    - Weights start uniform in [-spread, spread], and biases at zero; the spread is `generator_spread` or
      `discriminator_spread`. A spread of 0 leaves both as PyTorch initializes them.
    - If `optimizer` is ``adam``, `momentum` is its beta1, and beta2 is 0.9.
    - `discriminator_steps` is the paper's k, the number of discriminator steps for each generator step.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 28
    channels: int = 1
    latent_dim: int = 100
    latent: Literal["normal", "uniform"] = "uniform"
    generator_widths: tuple[int, ...] = (1200, 1200)
    discriminator_units: tuple[int, ...] = (240, 240)
    maxout_pieces: int = 5
    input_dropout: float = 0.2
    hidden_dropout: float = 0.5
    generator_spread: float = 0.05
    discriminator_spread: float = 0.005
    discriminator_steps: int = 1
    optimizer: Literal["sgd", "adam"] = "sgd"
    generator_learning_rate: float = 0.1
    discriminator_learning_rate: float = 0.1
    momentum: float = 0.5

    def __post_init__(self) -> None:
        sizes = (*self.image_shape, self.latent_dim, self.maxout_pieces, self.discriminator_steps)
        if min(*sizes, *self.generator_widths, *self.discriminator_units) < 1:
            raise ValueError("every size and the number of discriminator steps must be at least 1")
        if min(self.generator_spread, self.discriminator_spread) < 0:
            raise ValueError("a spread must be at least 0")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))


# Toy distributions need small networks. The discriminator learns faster, so that it stays close to its optimum.
_POINTS = {
    "resolution": 1,
    "maxout_pieces": 2,
    "input_dropout": 0.0,
    "hidden_dropout": 0.0,
    "generator_spread": 0.0,
    "discriminator_spread": 0.0,
    "discriminator_steps": 5,
    "optimizer": "adam",
    "generator_learning_rate": 3e-4,
    "discriminator_learning_rate": 8e-3,
    "momentum": 0.0,
}
_LINE = {"channels": 1, "latent_dim": 1, "generator_widths": (64, 64), "discriminator_units": (64, 64)}
_PLANE = {"channels": 2, "latent_dim": 2, "generator_widths": (128, 128), "discriminator_units": (128, 128)}
_OPTIONS = {"iterations": 2000, "batch_size": 512, "ema": 0.99, "schedule": "cosine", "regularizers": {"r1": 0.01}}

RECIPES = {
    "gaussian-1d": Recipe(config=_POINTS | _LINE, options=_OPTIONS),
    "ring": Recipe(config=_POINTS | _PLANE, options=_OPTIONS),
    "grid": Recipe(config=_POINTS | _PLANE, options=_OPTIONS),
    "*": Recipe(options={"batch_size": 100}),
}
"""How to train on each data set, by its name; ``*`` is for all others."""
