"""StyleGAN2 and its training (arXiv:1912.04958)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ganzoo import (
    GAN,
    AdversarialLoss,
    Batch,
    GeneratorOutput,
    Inputs,
    Task,
    Update,
    discriminate,
    draw_latent,
    frozen,
)
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from ganzoo_stylegan.stylegan2.networks import Discriminator, Generator

__all__ = ["StyleGAN2"]


class StyleGAN2(GAN):
    """A generator with a mapping to styles, and a residual discriminator."""

    memory_format = torch.channels_last

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

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of D, then one step of G with the same generated images, which are computed only once."""
        batch = next(batches)
        image, label = batch["image"], batch["label"] if self.config.classes else None
        styles = self.mixed_styles(len(image), label)
        fake = self.synthesize(styles)
        output = discriminate(lambda images: self.discriminator(images, label), image, fake.detach())
        yield Update("discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output])
        with frozen(self.discriminator):
            fooled = self.loss.generator(output.discriminator(fake))
            generator = GeneratorOutput(self.synthesize, styles)
            yield Update("generator", {"adversarial": fooled}, generators=[generator])

    def synthesize(self, styles: Tensor) -> Tensor:
        """(N, C, H, W) from a style for each layer, (N, styles, style_dim), with new noise."""
        images: Tensor = self.generator.synthesis(styles, self.generator.synthesis.random_noise(len(styles)))
        return images

    def mixed_styles(self, count: int, label: Tensor | None) -> Tensor:
        """The styles of new latents, (count, styles, style_dim), some of them of two latents (arXiv:1812.04948, 3.1).

        From a random layer on, a share of `style_mixing` of the images has the styles of the second latent. The first
        latent moves the mean style.
        """
        first = self.generator.mapping(self.noise(count), label)
        self.generator.mapping.track(first.detach())
        if self.config.style_mixing == 0:
            return self.generator.broadcast(first)
        second = self.generator.mapping(self.noise(count), label)
        layers = torch.arange(self.config.styles, device=self.device)
        cut = torch.randint(1, self.config.styles, (count, 1), device=self.device)
        mixed = torch.rand(count, 1, device=self.device) < self.config.style_mixing
        return torch.where((mixed & (layers >= cut))[:, :, None], second[:, None], first[:, None])

    def noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_dim)."""
        return draw_latent("normal", count, self.config.latent_dim, device=self.device)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """One latent, (latent_dim,)."""
        return {"z": draw_latent("normal", self.config.latent_dim, random=random)}

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        noise = self.generator.synthesis.constant_noise()
        images: Tensor = self.generator(inputs["z"], noise=noise)
        return images.clamp(-1, 1)
