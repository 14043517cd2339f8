"""A sequential generator, its mirrored discriminator, and their training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ganzoo import (
    GAN,
    AdversarialLoss,
    Batch,
    GeneratorOutput,
    Inputs,
    Prior,
    Task,
    Update,
    discriminate,
    draw_latent,
    frozen,
)
from ganzoo_sequential.config import SequentialConfig
from ganzoo_sequential.fused import FusedGenerator
from ganzoo_sequential.networks import Discriminator, Generator

__all__ = ["SequentialGAN"]


class SequentialGAN(GAN):
    """Any generator that is a plain sequence of layers, and a discriminator with the same layers in reverse order."""

    def __init__(self, config: SequentialConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network, by default with learning rate 2e-4 and beta1 0.5, as for DCGAN (arXiv:1511.06434)."""
        return {"discriminator": self._adam(self.discriminator), "generator": self._adam(self.generator)}

    def _adam(self, network: nn.Module) -> torch.optim.Optimizer:
        betas = (self.config.beta1, 0.999)
        return torch.optim.Adam(network.parameters(), self.config.learning_rate, betas, fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of D, then one step of G with the same generated images, which are computed only once."""
        image = next(batches)["image"]
        z = self._noise(len(image))
        fake = self.generator(z)
        output = discriminate(self.discriminator, image, fake.detach())
        yield Update("discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output])
        with frozen(self.discriminator):
            fooled = self.loss.generator(self.discriminator(fake))
            yield Update("generator", {"adversarial": fooled}, generators=[GeneratorOutput(self.generator, z)])

    def _noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_dim)."""
        if self.config.latent == "normal":
            return draw_latent("normal", count, self.config.latent_dim, device=self.device)
        return torch.rand(count, self.config.latent_dim, device=self.device).mul_(2).sub_(1)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """One latent, (latent_dim,)."""
        if self.config.latent == "normal":
            return {"z": draw_latent("normal", self.config.latent_dim, random=random)}
        return {"z": torch.rand(self.config.latent_dim, generator=random).mul_(2).sub_(1)}

    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """The latent has the distribution of training; a uniform one in [-1, 1) has the variance 1/3."""
        return {"z": Prior(self.config.latent, scale=1.0 if self.config.latent == "normal" else 3**-0.5)}

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The first layer: a linear map, or a transposed convolution of one pixel, which is one too."""
        weight = cast("nn.Linear | nn.ConvTranspose2d", self.generator[0]).weight
        return {"z": [weight.flatten(1).T if self.generator.from_pixel else weight]}

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        images: Tensor = self.generator(inputs["z"])
        return images

    def fused(self) -> Callable[[Inputs], Tensor]:
        """As `generate`, with fewer and faster layers."""
        return FusedGenerator(self.generator)
