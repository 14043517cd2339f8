"""DF-GAN: how it is trained and how it samples (sections 3.1 to 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from ganzoo import (
    AdversarialLoss,
    Batch,
    DiscriminatorOutput,
    GeneratorOutput,
    Inputs,
    Prior,
    Update,
    encode_text,
    frozen,
)
from ganzoo_dfgan.config import DFGANConfig
from ganzoo_dfgan.fused import FusedGenerator
from ganzoo_dfgan.networks import Affine, Discriminator, Generator
from ganzoo_dfgan.penalty import gradient_penalty
from ganzoo_dfgan.text_encoders import Texts
from ganzoo_dfgan.text_gan import TextGAN, adam, with_sentence

__all__ = ["DFGAN"]


class DFGAN(TextGAN):
    """A generator and a discriminator that are given a text, and the encoders that read it."""

    config: DFGANConfig

    def __init__(self, config: DFGANConfig, loss: AdversarialLoss) -> None:
        super().__init__(config, loss)
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network (section 4), and for both encoders together."""
        config, betas = self.config, (self.config.beta1, self.config.beta2)
        return {
            "discriminator": adam(self.discriminator, config.discriminator_learning_rate, betas),
            "generator": adam(self.generator, config.generator_learning_rate, betas),
            **super().optimizers(),
        }

    def train_on(self, batch: Batch) -> Iterator[Update]:
        """One step of D on matching, mismatched and generated pairs (equation 2), then one step of G."""
        texts, wrong = self.read_texts(batch["text"])
        z = self.noise(len(texts.sentences))
        generator = partial(with_sentence, self.generator, texts.sentences)
        fake = generator(z)
        yield self._discriminator_update(batch["image"], fake.detach(), texts.sentences, wrong)
        with frozen(self.discriminator, self.matching):
            fooled = self.loss.generator(self.discriminator(fake, texts.sentences))
            losses = {"adversarial": fooled, **self.matching_loss(fake, texts)}
            yield Update("generator", losses, generators=[GeneratorOutput(generator, z)])

    def _discriminator_update(self, image: Tensor, fake: Tensor, sentence: Tensor, wrong: Tensor | None) -> Update:
        """Real pictures with their texts are real; generated ones, and real ones with wrong texts, are not."""
        # Drawn, and not counted: so a resumed run needs no state for it.
        penalized = self.config.penalty_weight > 0 and bool(torch.rand(()) < self.config.penalty_share)
        real = image.detach().requires_grad_(penalized)
        sentence = sentence.detach().requires_grad_(penalized)
        texts = [sentence] if wrong is None else [sentence, wrong]
        logits = self.discriminator(real, *texts).view(len(texts), -1)
        output = self._output(real, fake, sentence.detach(), logits[0])
        losses = self._discriminator_losses(output, logits[1:])
        if penalized:
            penalty = gradient_penalty(logits[0], real, sentence, power=self.config.penalty_power)
            losses["gradient_penalty"] = self.config.penalty_weight / self.config.penalty_share * penalty
        return Update("discriminator", losses, discriminators=[output])

    def _output(self, real: Tensor, fake: Tensor, sentence: Tensor, real_logits: Tensor) -> DiscriminatorOutput:
        discriminator = partial(with_sentence, self.discriminator, sentence)
        return DiscriminatorOutput(discriminator, real, fake, real_logits, discriminator(fake))

    def _discriminator_losses(self, output: DiscriminatorOutput, wrong: Tensor) -> dict[str, Tensor]:
        """The loss with half the weight for each kind of pairs that are not real; `wrong` are (0 or 1, N) logits."""
        generated = self.loss.discriminator(*output.logits)
        if not len(wrong):
            return {"adversarial": generated}
        return {"adversarial": generated / 2, "mismatched": self.loss.discriminator(output.real_logits, wrong[0]) / 2}

    def text_inputs(self, texts: Texts) -> Inputs:
        """The sentences (N, sentence_dim)."""
        return {"text": texts.sentences}

    def fused(self) -> Callable[[Inputs], Tensor]:
        """As `generate`, with the networks of all affine transformations computed together."""
        return FusedGenerator(self.generator)

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z`` (N, latent_dim) and ``text`` (N, sentence_dim)."""
        images: Tensor = self.generator(inputs["z"], inputs["text"])
        return images

    @torch.no_grad()
    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """A normal latent, and a sentence with the mean and the scale of the examples' unless a text is given."""
        priors = dict(super().inversion_priors(inputs))
        if "text" in priors:
            rows = [encode_text(text, self.config) for text in self.config.examples]
            sentences = self.matching.text_encoder(torch.tensor(rows, device=self.device))
            priors["text"] = Prior("normal", sentences.mean(0), sentences.std(0, correction=0))
        return priors

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The first layers behind the sentence, and behind the latent: those of all affine transformations."""
        firsts = [affine.first_weights() for affine in self.generator.modules() if isinstance(affine, Affine)]
        size = self.config.latent_dim if self.config.fuse_latent else 0
        layers = [weight for pair in firsts for weight in pair]
        latents = [weight[:, :size] for weight in layers] if size else []
        return {"z": [self.generator.project.weight, *latents], "text": [weight[:, size:] for weight in layers]}
