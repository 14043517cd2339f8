"""Pix2pix and its training (arXiv:1611.07004, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ganzoo import (
    GAN,
    AdversarialLoss,
    Batch,
    ImageToImage,
    Inputs,
    Task,
    Update,
    discriminate,
    frozen,
)
from ganzoo_pix2pix.config import Pix2PixConfig
from ganzoo_pix2pix.fused import FusedUNet
from ganzoo_pix2pix.networks import PatchDiscriminator, UNet

__all__ = ["Pix2Pix"]


class Pix2Pix(GAN):
    """A U-Net that translates images, and a discriminator that sees an image beside its translation."""

    memory_format = torch.channels_last

    def __init__(self, config: Pix2PixConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = UNet(config)
        self.discriminator = PatchDiscriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network, by default with rate 2e-4 and beta1 0.5 (section 3.3)."""
        return {"discriminator": self._adam(self.discriminator), "generator": self._adam(self.generator)}

    def _adam(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), self.config.learning_rate, (self.config.beta1, 0.999), fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of D at half its rate, then one step of G with the same translations (section 3.3, equation 4)."""
        batch = next(batches)
        source, target = (batch[part] for part in self.config.route)
        translated = self.generator(source)
        output = discriminate(lambda images: self._rate(source, images), target, translated.detach())
        half = 0.5 * self.loss.discriminator(*output.logits)
        yield Update("discriminator", {"adversarial": half}, discriminators=[output])
        with frozen(self.discriminator):
            fooled = self.loss.generator(self._rate(source, translated))
            distance = self.config.l1_weight * l1_loss(translated, target)
            yield Update("generator", {"adversarial": fooled, "l1": distance})

    def _rate(self, source: Tensor, images: Tensor) -> Tensor:
        """Logits for `images` as translations of `source`, both (N, C, H, W)."""
        logits: Tensor = self.discriminator(torch.cat([source, images], dim=1))
        return logits

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """The image of the request, (C, H, W). Dropout is for training alone, so that there is one translation."""
        return {"image": cast("Tensor", cast("ImageToImage", request).image)}

    def generate(self, inputs: Inputs) -> Tensor:
        """The translations (N, C, H, W) in [-1, 1]."""
        images: Tensor = self.generator(inputs["image"])
        return images

    def fused(self) -> Callable[[Inputs], Tensor]:
        """As `generate`, with fewer and faster layers."""
        return FusedUNet(self.generator)

    def standing_statistics(self, samples: Callable[..., Iterator[Inputs]]) -> Mapping[str, Any]:
        """Nothing changes: images are normalized by their own statistics, or by those of training."""
        return {}
