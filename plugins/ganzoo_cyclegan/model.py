"""CycleGAN and its training (section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

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
from ganzoo_cyclegan.config import CycleGANConfig
from ganzoo_cyclegan.fused import FusedGenerators
from ganzoo_cyclegan.networks import Generator, PatchDiscriminator
from ganzoo_cyclegan.pool import ImagePool
from ganzoo_cyclegan.variation import truncated_variation

__all__ = ["CycleGAN"]


class CycleGAN(GAN):
    """Two generators, which translate in opposite directions, and a discriminator for each domain."""

    discriminators = ("discriminator_a", "discriminator_b")

    def __init__(self, config: CycleGANConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.published = config.generators
        steps_a, steps_b = config.diffusion_steps
        self.a_to_b, self.b_to_a = Generator(config, steps_b), Generator(config, steps_a)
        self.discriminator_a, self.discriminator_b = PatchDiscriminator(config), PatchDiscriminator(config)
        self.pool_a, self.pool_b = (ImagePool(config.pool_size, config.image_shape) for _ in "ab")

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One Adam for both generators and one for both discriminators, by default with rate 2e-4 and beta1 0.5."""
        return {
            "generators": self._adam(self.a_to_b, self.b_to_a),
            "discriminators": self._adam(self.discriminator_a, self.discriminator_b),
        }

    def _adam(self, *networks: nn.Module) -> torch.optim.Optimizer:
        parameters = [parameter for network in networks for parameter in network.parameters()]
        return torch.optim.Adam(parameters, self.config.learning_rate, (self.config.beta1, 0.999), fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of the generators (equation 3), then one step of the discriminators, with images of the history."""
        batch = next(batches)
        a, b = batch["a"], batch["b"]
        fake_b, fake_a = self.a_to_b(a), self.b_to_a(b)
        with frozen(self.discriminator_a, self.discriminator_b):
            losses = self._fool(fake_a, fake_b) | self._cycle(a, b, fake_a, fake_b) | self._identity(a, b)
            yield Update("generators", losses | self._variation(fake_a, fake_b))
        outputs = [
            discriminate(self.discriminator_a, a, self.pool_a.exchange(fake_a), "a"),
            discriminate(self.discriminator_b, b, self.pool_b.exchange(fake_b), "b"),
        ]
        yield Update(
            "discriminators",
            {each.name: self.loss.discriminator(*each.logits) for each in outputs},
            discriminators=outputs,
        )

    def _fool(self, fake_a: Tensor, fake_b: Tensor) -> dict[str, Tensor]:
        """The generators' parts of L_GAN(G, D_Y, X, Y) and L_GAN(F, D_X, Y, X) (equation 1)."""
        weight = self.config.adversarial_weight
        return {
            "fool_a": weight * self.loss.generator(self.discriminator_a(fake_a)),
            "fool_b": weight * self.loss.generator(self.discriminator_b(fake_b)),
        }

    def _cycle(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor) -> dict[str, Tensor]:
        """E |F(G(x)) - x| and E |G(F(y)) - y| (equation 2), times lambda."""
        weight = self.config.cycle_weight
        return {
            "cycle_a": weight * l1_loss(self.b_to_a(fake_b), a),
            "cycle_b": weight * l1_loss(self.a_to_b(fake_a), b),
        }

    def _identity(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """E |F(x) - x| and E |G(y) - y| (section 5.2): images that are in the target domain should not change."""
        weight = self.config.cycle_weight * self.config.identity_weight
        if weight == 0:
            return {}
        return {
            "identity_a": weight * l1_loss(self.b_to_a(a), a),
            "identity_b": weight * l1_loss(self.a_to_b(b), b),
        }

    def _variation(self, fake_a: Tensor, fake_b: Tensor) -> dict[str, Tensor]:
        """The truncated total variation of generated images. The paper has none."""
        config = self.config
        parts = zip("ab", (fake_a, fake_b), config.variation_weights, config.variation_orders, strict=True)
        return {
            f"variation_{domain}": weight * truncated_variation(images, order, config.variation_limit)
            for domain, images, weight, order in parts
            if weight > 0
        }

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """The image of the request, (C, H, W), under the name of its domain, ``a`` or ``b``."""
        wanted = cast(ImageToImage, request)
        generators = dict(zip(self.config.directions, self.config.generators, strict=True))
        generator = generators[wanted.direction or self.config.directions[0]]
        return {generator[0]: cast(Tensor, wanted.image)}

    def fused(self) -> Callable[[Inputs], Tensor]:
        """As `generate`, with faster instance norms."""
        return FusedGenerators({name[0]: getattr(self, name) for name in self.config.generators})

    def generate(self, inputs: Inputs) -> Tensor:
        """Images (N, C, H, W) in [-1, 1]: from ``a`` their translations to domain b, from ``b`` those to domain a."""
        images: Tensor = self.a_to_b(inputs["a"]) if "a" in inputs else self.b_to_a(inputs["b"])
        return images
