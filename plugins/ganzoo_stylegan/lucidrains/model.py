"""lucidrains' StyleGAN2 and its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ganzoo import AdversarialLoss, Inputs
from ganzoo_stylegan.lucidrains.config import LucidrainsConfig
from ganzoo_stylegan.lucidrains.fused import FusedGenerator
from ganzoo_stylegan.lucidrains.networks import Discriminator, Generator
from ganzoo_stylegan.style_based import StyleGAN

__all__ = ["LucidrainsStyleGAN2"]


class LucidrainsStyleGAN2(StyleGAN):
    """A generator with a style for each block, and a residual discriminator."""

    config: LucidrainsConfig
    generator: Generator

    def __init__(self, config: LucidrainsConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network, with a higher learning rate for the discriminator."""
        rate = self.config.learning_rate
        return {
            "discriminator": _adam(self.discriminator, rate * self.config.discriminator_rate),
            "generator": _adam(self.generator, rate),
        }

    def fused(self) -> Callable[[Inputs], Tensor]:
        """`generate` with the sums that demodulation needs, and the first map."""
        return FusedGenerator(self.generator, self.config)

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The maps from a style to the scales of each convolution (arXiv:2007.06600, section 4)."""
        return {"w": self.generator.synthesis.style_maps()}


def _adam(network: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), learning_rate, betas=(0.5, 0.9), fused=True)
