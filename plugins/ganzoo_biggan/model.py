"""BigGAN and its training, section 3 and appendix C."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzoo import (
    GAN,
    AdversarialLoss,
    Batch,
    ClassConditional,
    DiscriminatorOutput,
    Inputs,
    Task,
    Update,
    discriminate,
    draw_latent,
    draw_truncated,
    frozen,
)
from ganzoo_biggan.config import BigGANConfig, BigGANDeepConfig
from ganzoo_biggan.layers import MOMENTUM, Norm
from ganzoo_biggan.networks import DeepGenerator, Discriminator, Generator, WideGenerator

__all__ = ["BigGAN"]


class BigGAN(GAN):
    """A generator of images of a class, and a discriminator that is told the class."""

    memory_format = torch.channels_last

    def __init__(self, config: BigGANConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator: Generator = (
            DeepGenerator(config) if isinstance(config, BigGANDeepConfig) else WideGenerator(config)
        )
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam, whose learning rate is four times as large for the discriminator."""
        return {
            "discriminator": self._adam(self.discriminator, self.config.discriminator_learning_rate),
            "generator": self._adam(self.generator, self.config.generator_learning_rate),
        }

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), rate, (self.config.beta1, self.config.beta2))

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """Several steps of D, then one of G on the last images that D has seen: their forward pass is done once.

        Generated images are of the classes of the real ones in the batch, so that D compares like with like.
        """
        for remaining in reversed(range(self.config.discriminator_steps)):
            batch = next(batches)
            with torch.set_grad_enabled(remaining == 0):
                fake = self.generator(self.noise(len(batch["label"])), self.generator.embed(batch["label"]))
            output = self._discriminate(batch, fake.detach())
            yield Update(
                "discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output]
            )
        with frozen(self.discriminator):
            fooled = self.loss.generator(self.discriminator(fake, batch["label"]))
            yield Update("generator", {"adversarial": fooled, **self._orthogonality()})

    def _discriminate(self, batch: Batch, fake: Tensor) -> DiscriminatorOutput:
        return discriminate(partial(self.discriminator, label=batch["label"]), batch["image"], fake)

    def noise(self, count: int) -> Tensor:
        """(count, latent_size) for a training step."""
        return draw_latent("normal", count, self.config.latent_size, device=self.device)

    def _orthogonality(self) -> dict[str, Tensor]:
        """Equation 3: beta |W W^T (1 - I)|^2 for every weight W of the generator, as rows, but for the embedding.

        It makes different rows orthogonal and leaves their lengths alone; truncation works better for it.
        """
        beta = self.config.orthogonal_weight
        if beta == 0:
            return {}
        weights = [p.flatten(1) for n, p in self.generator.named_parameters() if p.ndim > 1 and n[:9] != "embedding"]
        with torch.autocast(self.device.type, enabled=False):
            products = [(weight @ weight.T).fill_diagonal_(0) for weight in weights]
            return {"orthogonal": beta * torch.stack([product.square().sum() for product in products]).sum()}

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """One latent, (latent_size,), one class, (class_size,), and the truncation, a number."""
        asked = cast("ClassConditional", request)
        size, truncation = self.config.latent_size, asked.truncation
        if truncation is None:
            z = draw_latent("normal", size, random=random)
        else:
            z = draw_truncated(truncation, size, random=random)
        label = torch.randint(self.config.classes, (), generator=random)  # drawn always: a seed has one z
        label = label if asked.label is None else torch.tensor(asked.label)
        embedded = self.generator.embed(label.to(self.device)).detach().cpu()
        return {"z": z, "class": embedded, "truncation": torch.tensor(1.0 if truncation is None else truncation)}

    @torch.no_grad()
    def standing_statistics(self, samples: Callable[..., Iterator[Inputs]]) -> Mapping[str, Any]:
        """Batch statistics of samples at eleven truncations from 0 to 1, as the authors kept them at 51."""
        norms = [module for module in self.modules() if isinstance(module, Norm)]
        rows = [self._settle(norms, samples(truncation=max(row / 10, 1e-6))) for row in range(11)]
        for i, norm in enumerate(norms):
            norm.means, norm.variances = (torch.cat([row[i][which] for row in rows]) for which in (0, 1))
        return {"statistics": len(rows)}

    def _settle(self, norms: Sequence[Norm], batches: Iterable[Inputs]) -> list[tuple[Tensor, Tensor]]:
        """The mean over batches of each norm's statistics, (1, maps) each."""
        for norm in norms:
            norm.means, norm.variances = norm.means[-1:].clone(), norm.variances[-1:].clone()
            norm.train()
        for count, inputs in enumerate(batches, 1):
            for norm in norms:
                norm.momentum = 1 / count
            self.generate(inputs)
        for norm in norms:
            norm.momentum = MOMENTUM
            norm.eval()
        return [(norm.means, norm.variances) for norm in norms]

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1]."""
        images: Tensor = self.generator(inputs["z"], inputs["class"], inputs["truncation"])
        return images
