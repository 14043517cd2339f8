"""The multilayer perceptrons of the first GAN."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganzoo_gan.config import GANConfig

__all__ = ["Discriminator", "Generator", "Maxout"]


class Generator(nn.Module):
    """Linear layers with ReLU, then a sigmoid: (N, latent_dim) to (N, C, H, W) in [-1, 1]."""

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        channels, height, width = config.image_shape
        sizes = (config.latent_dim, *config.generator_widths)
        hidden = [layer for i, o in pairwise(sizes) for layer in (nn.Linear(i, o), nn.ReLU(inplace=True))]
        self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], channels * height * width), nn.Sigmoid())
        self.image_shape = config.image_shape
        _initialize(self, config.generator_spread)

    def forward(self, z: Tensor) -> Tensor:
        """One image for each row of `z`."""
        pixels: Tensor = self.layers(z)  # (N, C * H * W) in [0, 1], as in the paper
        return pixels.mul(2).sub(1).view(-1, *self.image_shape)


class Maxout(nn.Module):
    """Each unit is the largest of `pieces` linear maps: max_j (x W_j + b_j) (arXiv:1302.4389, section 3)."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) to (N, units)."""
        values: Tensor = self.linear(x)  # (N, units * pieces)
        return values.view(len(x), -1, self.pieces).amax(dim=2)


class Discriminator(nn.Module):
    """Maxout layers, each after dropout, then a linear layer: (N, C, H, W) in [-1, 1] to (N,) logits."""

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        channels, height, width = config.image_shape
        sizes = (channels * height * width, *config.discriminator_units)
        layers: list[nn.Module] = [nn.Flatten(), nn.Dropout(config.input_dropout)]
        for inputs, units in pairwise(sizes):
            layers += [Maxout(inputs, units, config.maxout_pieces), nn.Dropout(config.hidden_dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))
        _initialize(self, config.discriminator_spread)

    def forward(self, images: Tensor) -> Tensor:
        """One logit for each image."""
        logits: Tensor = self.layers(images.add(1).div(2))  # pixels in [0, 1], as in the paper
        return logits.squeeze(1)


def _initialize(module: nn.Module, spread: float) -> None:
    """Weights uniform in [-spread, spread] and biases zero, as in the authors' configuration (`irange`).

    A spread of 0 leaves both as PyTorch initializes them.
    """
    for layer in module.modules() if spread else ():
        if isinstance(layer, nn.Linear):
            torch.nn.init.uniform_(layer.weight, -spread, spread)
            torch.nn.init.zeros_(layer.bias)
