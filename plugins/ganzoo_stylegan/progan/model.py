"""ProGAN and its training (section 2, appendix A.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import cast

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
    gather_rows,
)
from ganzoo_stylegan.progan.config import ProGANConfig
from ganzoo_stylegan.progan.fused import FusedGenerator
from ganzoo_stylegan.progan.growth import Phase, fade
from ganzoo_stylegan.progan.networks import Discriminator, FirstBlock, Generator

__all__ = ["ProGAN"]


class ProGAN(GAN):
    """A generator and a discriminator that grow together, from 4x4 pixels on."""

    def __init__(self, config: ProGANConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network, without momentum (appendix A.1)."""
        return {"discriminator": self._adam(self.discriminator), "generator": self._adam(self.generator)}

    def _adam(self, network: nn.Module) -> torch.optim.Optimizer:
        betas = (self.config.beta1, self.config.beta2)
        return torch.optim.Adam(network.parameters(), self.config.learning_rate, betas, fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of D, then one step of G with the same generated images, in the phase of the images seen so far."""
        image = next(batches)["image"]
        level = self.generator.level()
        phase = Phase.of(level)
        real = fade(image, 2 ** (len(self.config.resolutions) - 1 - phase.stage), phase.share)
        z, generator = self.noise(len(image)), partial(self.generator, phase=phase)
        fake = generator(z)
        output = discriminate(partial(self.discriminator, phase=phase), real, fake.detach())
        losses = {"adversarial": self.loss.discriminator(*output.logits)}
        yield Update("discriminator", losses, {"level": image.new_tensor(level)}, [output])
        # Here and not earlier: with `accumulate`, the parts of an iteration begin one after the other, in one phase.
        self.generator.images_seen += len(gather_rows(image[:, 0, 0, 0]))
        with frozen(self.discriminator):
            losses = {"adversarial": self.loss.generator(self.discriminator(fake, phase))}
            yield Update("generator", losses, generators=[GeneratorOutput(generator, z)])

    def noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_dim)."""
        return draw_latent("normal", count, self.config.latent_dim, device=self.device)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """One latent, (latent_dim,). The generator uses its direction alone: it normalizes the length."""
        return {"z": draw_latent("normal", self.config.latent_dim, random=random)}

    def fused(self) -> Callable[[Inputs], Tensor]:
        """As `generate`, in the present phase, with weights scaled and upsampling in transposed convolutions."""
        return FusedGenerator(self.generator)

    def discriminator_layers(self) -> Mapping[str, Sequence[nn.Module]]:
        """The block of each resolution, from the largest on, with the layer that takes images of this resolution."""
        pairs = zip(self.discriminator.from_rgb, self.discriminator.blocks, strict=True)
        return {"discriminator": [nn.ModuleList(pair) for pair in pairs][::-1]}

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The projection to the first map."""
        project = cast("FirstBlock", self.generator.blocks[0]).project
        return {"z": [project.weight * project.scale]}

    def direction_activations(self, inputs: Inputs) -> Mapping[str, Tensor]:
        """(N, C, H, W), the first map after its block."""
        return {"z": self.generator.features(inputs["z"], 0)[-1]}

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim), as far as the network has grown."""
        images: Tensor = self.generator(inputs["z"], Phase.of(self.generator.level()))
        return images.clamp(-1, 1)
