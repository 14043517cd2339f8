"""StyleGAN2 and its training (arXiv:1912.04958)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ganzoo import GAN, AdversarialLoss, Batch, Inputs, Task, Update, discriminate, draw_latent, frozen
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from ganzoo_stylegan.stylegan2.networks import Discriminator, Generator

__all__ = ["StyleGAN2"]


class StyleGAN2(GAN):
    """A generator with a mapping to styles, and a residual discriminator."""

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
        return torch.optim.Adam(network.parameters(), self.config.learning_rate, betas, fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of D, then one step of G with the same generated images, which are computed only once."""
        image = next(batches)["image"]
        z = draw_latent("normal", len(image), self.config.latent_dim, device=self.device)
        fake = self.generator(z, noise=self.generator.synthesis.random_noise(len(image)))
        output = discriminate(self.discriminator, image, fake.detach())
        yield Update("discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output])
        with frozen(self.discriminator):
            yield Update("generator", {"adversarial": self.loss.generator(self.discriminator(fake))})

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """One latent, (latent_dim,)."""
        return {"z": draw_latent("normal", self.config.latent_dim, random=random)}

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        noise = self.generator.synthesis.constant_noise()
        images: Tensor = self.generator(inputs["z"], noise=noise)
        return images.clamp(-1, 1)
