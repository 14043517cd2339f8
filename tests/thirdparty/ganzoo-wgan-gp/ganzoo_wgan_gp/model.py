"""WGAN-GP and its training (algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ganzoo import (
    GAN,
    AdversarialLoss,
    Batch,
    Inputs,
    Task,
    Update,
    at_least_float32,
    discriminate,
    draw_latent,
    frozen,
)
from ganzoo_wgan_gp.config import WGANGPConfig
from ganzoo_wgan_gp.networks import Critic, Generator

__all__ = ["WGANGP", "gradient_penalty"]


class WGANGP(GAN):
    """A generator, and a critic that takes `critic_steps` steps for each step of the generator."""

    discriminators = ("critic",)

    def __init__(self, config: WGANGPConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.critic = Critic(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam without momentum for each network."""
        rate, betas = self.config.learning_rate, (self.config.beta1, self.config.beta2)
        networks = {"critic": self.critic, "generator": self.generator}
        return {name: torch.optim.Adam(net.parameters(), rate, betas, fused=True) for name, net in networks.items()}

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """Algorithm 1: n_critic steps of the critic, each with new data and noise, then one step of the generator."""
        for _ in range(self.config.critic_steps):
            real = next(batches)["image"]
            with torch.no_grad():
                fake = self.generator(self.noise(len(real)))
            output = discriminate(self.critic, real, fake)
            penalty = self.config.penalty * gradient_penalty(self.critic, real, fake)
            losses = {"adversarial": self.loss.discriminator(*output.logits), "penalty": penalty}
            yield Update("critic", losses, discriminators=[output])
        with frozen(self.critic):
            logits = self.critic(self.generator(self.noise(len(real))))
            yield Update("generator", {"adversarial": self.loss.generator(logits)})

    def noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_dim)."""
        return draw_latent("normal", count, self.config.latent_dim, device=self.device)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """One latent, (latent_dim,)."""
        return {"z": draw_latent("normal", self.config.latent_dim, random=random)}

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        images: Tensor = self.generator(inputs["z"])
        return images


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D(u)|_2 - 1)^2 with u = e x + (1 - e) G(z) and e uniform in [0, 1): equation 3 without lambda.

    `real` and `fake` are (N, C, H, W). The critic returns logits (N,).
    """
    real, fake = at_least_float32(real), at_least_float32(fake)
    share = torch.rand(len(real), 1, 1, 1, dtype=real.dtype, device=real.device)
    between = torch.lerp(fake, real, share).requires_grad_()
    with torch.autocast(real.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (torch.linalg.vector_norm(gradient.flatten(1), dim=1) - 1).square().mean()
