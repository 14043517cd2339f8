"""The first GAN and its training (algorithm 1)."""

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
from ganzoo_gan.config import GANConfig
from ganzoo_gan.fused import FusedGenerator
from ganzoo_gan.networks import Discriminator, Generator

__all__ = ["MLPGAN"]


class MLPGAN(GAN):
    """A generator and a discriminator, both multilayer perceptrons."""

    def __init__(self, config: GANConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """For each network, stochastic gradient descent with momentum, as in algorithm 1, or Adam."""
        return {
            "discriminator": self._optimizer(self.discriminator, self.config.discriminator_learning_rate),
            "generator": self._optimizer(self.generator, self.config.generator_learning_rate),
        }

    def _optimizer(self, network: nn.Module, rate: float) -> torch.optim.Optimizer:
        if self.config.optimizer == "adam":
            return torch.optim.Adam(network.parameters(), rate, (self.config.momentum, 0.9), fused=True)
        return torch.optim.SGD(network.parameters(), rate, self.config.momentum, fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """Algorithm 1: k steps of D, each with new data and new noise, then one step of G.

        As in the authors' code, the step of G has the generated images of the last step of D.
        """
        for remaining in reversed(range(self.config.discriminator_steps)):
            image = next(batches)["image"]
            z = self.noise(len(image))
            with torch.set_grad_enabled(remaining == 0):
                fake = self.generator(z)
            output = discriminate(self.discriminator, image, fake.detach())
            yield Update(
                "discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output]
            )
        with frozen(self.discriminator):
            fooled = self.loss.generator(self.discriminator(fake))
            yield Update("generator", {"adversarial": fooled}, generators=[GeneratorOutput(self.generator, z)])

    def noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_dim)."""
        return draw_latent(self.config.latent, count, self.config.latent_dim, device=self.device)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """One latent, (latent_dim,)."""
        return {"z": draw_latent(self.config.latent, self.config.latent_dim, random=random)}

    def fused(self) -> Callable[[Inputs], Tensor]:
        """As `generate`, with the sigmoid and the change of its range as one function."""
        return FusedGenerator(self.generator)

    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """The latent has the distribution of training."""
        return {"z": Prior(self.config.latent)}

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The first linear layer."""
        return {"z": [cast("nn.Linear", self.generator.layers[0]).weight]}

    def direction_activations(self, inputs: Inputs) -> Mapping[str, Tensor]:
        """(N, width) after the first ReLU."""
        return {"z": self.generator.layers[:2](inputs["z"])}

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        images: Tensor = self.generator(inputs["z"])
        return images
