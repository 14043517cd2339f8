"""StyleGAN2 and its training (arXiv:1912.04958)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ganzoo import AdversarialLoss, Inputs
from ganzoo_stylegan.style_based import StyleGAN
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from ganzoo_stylegan.stylegan2.fused import FusedGenerator
from ganzoo_stylegan.stylegan2.networks import Discriminator, Generator

__all__ = ["StyleGAN2"]


class StyleGAN2(StyleGAN):
    """A generator with a mapping to styles, and a residual discriminator."""

    config: StyleGAN2Config
    generator: Generator

    def __init__(self, config: StyleGAN2Config, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network, without momentum."""
        return {"discriminator": self._adam(self.discriminator), "generator": self._adam(self.generator)}

    def _adam(self, network: nn.Module) -> torch.optim.Optimizer:
        betas = (0.0, self.config.beta2)
        return torch.optim.Adam(network.parameters(), self.config.learning_rate, betas, eps=1e-8, fused=True)

    def fused(self) -> Callable[[Inputs], Tensor]:
        """`generate` with scaled weights, and with the sums that demodulation needs."""
        return FusedGenerator(self.generator, self.config)

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The maps from a style to the scales of each convolution (arXiv:2007.06600, section 4)."""
        return {"w": [layer.affine.weight * layer.affine.scale for layer in self.generator.synthesis.layers()]}
