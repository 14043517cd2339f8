"""BigGAN: how it is trained and how it samples (section 3, appendix C)."""

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
    GeneratorOutput,
    Inputs,
    Prior,
    Task,
    Update,
    discriminate,
    draw_latent,
    draw_truncated,
    frozen,
)
from ganzoo_biggan.config import BigGANConfig, BigGANDeepConfig
from ganzoo_biggan.fused import FusedGenerator
from ganzoo_biggan.layers import MOMENTUM, BatchNorm
from ganzoo_biggan.networks import DeepGenerator, Discriminator, Generator, WideGenerator

__all__ = ["BigGAN"]


class BigGAN(GAN):
    """A class-conditional generator and a class-conditional discriminator."""

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
        """Adam for each network, with its own learning rate (appendix C)."""
        return {
            "discriminator": self._adam(self.discriminator, self.config.discriminator_learning_rate),
            "generator": self._adam(self.generator, self.config.generator_learning_rate),
        }

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), rate, (self.config.beta1, self.config.beta2), fused=True)

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """Several discriminator steps, then one generator step (appendix C).

        The generator step reuses the fake images of the last discriminator step, which saves a forward pass. Fake
        images have the classes of the real images in the same batch.
        """
        for remaining in reversed(range(self.config.discriminator_steps)):
            batch = next(batches)
            with torch.set_grad_enabled(remaining == 0):
                z, label = self.noise(len(batch["label"])), self.generator.embed(batch["label"])
                fake = self.generator(z, label)
            discriminator = partial(self.discriminator, label=batch["label"])
            output = discriminate(discriminator, batch["image"], fake.detach())
            yield Update(
                "discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output]
            )
        with frozen(self.discriminator):
            fooled = self.loss.generator(self.discriminator(fake, batch["label"]))
            generator = GeneratorOutput(lambda latents: self.generator(latents, label), z)
            yield Update("generator", {"adversarial": fooled, **self._orthogonality()}, generators=[generator])

    def noise(self, count: int) -> Tensor:
        """Latents for a training step, (count, latent_size), from N(0, 1)."""
        return draw_latent("normal", count, self.config.latent_size, device=self.device)

    def _orthogonality(self) -> dict[str, Tensor]:
        """The orthogonal regularization (equation 3): beta |W W^T (1 - I)|^2, summed over the generator's weights W.

        Each W is a matrix with a row for each output; the class embedding is left out. The penalty makes the rows
        orthogonal to each other and does not change their lengths. It makes truncation work better.
        """
        beta = self.config.orthogonal_weight
        if beta == 0:
            return {}
        weights = [p.flatten(1) for n, p in self.generator.named_parameters() if p.ndim > 1 and n[:9] != "embedding"]
        with torch.autocast(self.device.type, enabled=False):
            return {"orthogonal": beta * torch.stack([_overlap(weight) for weight in weights]).sum()}

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """A latent (latent_size,), a class vector (class_size,), and the truncation, a number in (0, 1]."""
        return self._with_class_vectors(self._draw(request, random))

    def draw_batch(self, seeded: Iterable[tuple[int, Task]]) -> Inputs:
        """As `draw`, with the class vectors of all rows embedded at a time."""
        random = torch.Generator()
        rows = [self._draw(request, random.manual_seed(seed)) for seed, request in seeded]
        return self._with_class_vectors({name: torch.stack([row[name] for row in rows]) for name in rows[0]})

    def _with_class_vectors(self, drawn: Inputs) -> Inputs:
        return {**drawn, "class": self.generator.embed(drawn["class"].to(self.device)).detach().cpu()}

    def _draw(self, request: Task, random: torch.Generator) -> Inputs:
        """As `draw`, but the class is a number."""
        asked = cast("ClassConditional", request)
        size, truncation = self.config.latent_size, asked.truncation
        if truncation is None:
            z = draw_latent("normal", size, random=random)
        else:
            z = draw_truncated(truncation, size, random=random)
        # Drawn even if the request names a class: the same seed then uses the same random numbers.
        label = torch.randint(self.config.classes, (), generator=random)
        label = label if asked.label is None else torch.tensor(asked.label)
        return {"z": z, "class": label, "truncation": torch.tensor(1.0 if truncation is None else truncation)}

    @torch.no_grad()
    def standing_statistics(self, samples: Callable[..., Iterator[Inputs]]) -> Mapping[str, Any]:
        """Standing statistics (appendix C) at eleven truncations, 0, 0.1, ..., 1; the authors' tables have 51."""
        norms = [module for module in self.modules() if isinstance(module, BatchNorm)]
        rows = [self._statistics(norms, samples(truncation=max(row / 10, 1e-6))) for row in range(11)]
        for i, norm in enumerate(norms):
            norm.means, norm.variances = (torch.cat([row[i][which] for row in rows]) for which in (0, 1))
        return {"statistics": len(rows)}

    def _statistics(self, norms: Sequence[BatchNorm], batches: Iterable[Inputs]) -> list[tuple[Tensor, Tensor]]:
        """Mean and variance, (1, channels) each, of each batch norm, averaged over the batches."""
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

    def fused(self) -> Callable[[Inputs], Tensor]:
        """`generate` with spectral norms divided out, batch norms folded, and upsampling in transposed convolutions."""
        return FusedGenerator(self.generator)

    @torch.no_grad()
    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """A normal latent, and a class vector with the mean and the scale of all classes unless a class is given."""
        priors = dict(super().inversion_priors(inputs))
        if "class" in priors:
            classes = self.generator.embed(torch.arange(self.config.classes, device=self.device))
            scale = classes.std(0, correction=0)
            priors["class"] = Prior("normal", classes.mean(0), scale)
        return priors

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The projection to 4x4 pixels."""
        return {"z": [self.generator.latent_weight()]}

    def direction_activations(self, inputs: Inputs) -> Mapping[str, Tensor]:
        """(N, C, H, W) after the first block."""
        return {"z": self.generator.first_block(inputs["z"], inputs["class"], inputs["truncation"])}

    def generate(self, inputs: Inputs) -> Tensor:
        """Images (N, C, H, W) in [-1, 1]; the inputs are those of `draw`, with a batch dimension."""
        images: Tensor = self.generator(inputs["z"], inputs["class"], inputs["truncation"])
        return images


def _overlap(weight: Tensor) -> Tensor:
    """|W W^T (1 - I)|^2 of a matrix W.

    A matrix with more rows than columns has the smaller product W^T W, which has the same norm as W W^T.
    """
    rows, columns = weight.shape
    if rows <= columns:
        return (weight @ weight.T).fill_diagonal_(0).square().sum()
    return (weight.T @ weight).square().sum() - weight.square().sum(1).square().sum()
