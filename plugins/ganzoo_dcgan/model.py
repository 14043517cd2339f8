"""DCGAN and its training (section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

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
from ganzoo_dcgan.config import DCGANConfig
from ganzoo_dcgan.fused import FusedGenerator
from ganzoo_dcgan.networks import Discriminator, Generator

__all__ = ["DCGAN"]


class DCGAN(GAN):
    """A convolutional generator, and a convolutional discriminator with the same layers in reverse order."""

    memory_format = torch.channels_last

    def __init__(self, config: DCGANConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network, by default with learning rate 2e-4 and beta1 0.5."""
        return {"discriminator": self._adam(self.discriminator), "generator": self._adam(self.generator)}

    def _adam(self, network: nn.Module) -> torch.optim.Optimizer:
        betas = (self.config.beta1, 0.999)
        return torch.optim.Adam(network.parameters(), self.config.learning_rate, betas, fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of D, then one step of G with the same generated images, which are computed only once."""
        image = next(batches)["image"]
        z = self.noise(len(image))
        fake = self.generator(z)
        output = discriminate(self.discriminator, image, fake.detach())
        yield Update("discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output])
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
        """As `generate`, with batch norms folded into the layers before them, and z projected by one linear layer."""
        return FusedGenerator(self.generator)

    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """The latent has the distribution of training."""
        return {"z": Prior(self.config.latent)}

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The projection to the first map, with the batch norm behind it, which is linear in eval mode."""
        convolution, norm = cast("nn.ConvTranspose2d", self.generator[0]), cast("nn.BatchNorm2d", self.generator[1])
        return {"z": [fuse_conv_bn_eval(convolution, norm, transpose=True).weight.flatten(1).T]}

    def direction_activations(self, inputs: Inputs) -> Mapping[str, Tensor]:
        """(N, C, H, W), the first map after its ReLU."""
        x = inputs["z"][:, :, None, None]
        for layer in list(self.generator)[:3]:
            x = layer(x)
        return {"z": x}

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        images: Tensor = self.generator(inputs["z"])
        return images
