"""AttnGAN: how it is trained and how it samples (section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import (
    AdversarialLoss,
    Batch,
    DiscriminatorOutput,
    GeneratorOutput,
    Inputs,
    Prior,
    Update,
    frozen,
)
from ganzoo_dfgan.attngan.config import AttnGANConfig
from ganzoo_dfgan.attngan.fused import FusedGenerator
from ganzoo_dfgan.attngan.networks import Discriminator, Generator
from ganzoo_dfgan.matching_losses import present_words
from ganzoo_dfgan.text_encoders import Texts
from ganzoo_dfgan.text_gan import TextGAN, adam, with_sentence

__all__ = ["AttnGAN"]


class AttnGAN(TextGAN):
    """A generator of several stages that sees the words, a discriminator for each stage, and the encoders of texts."""

    config: AttnGANConfig

    def __init__(self, config: AttnGANConfig, loss: AdversarialLoss) -> None:
        super().__init__(config, loss)
        self.generator = Generator(config)
        self.discriminators = tuple(f"discriminator{resolution}" for resolution in config.resolutions)
        for name, resolution in zip(self.discriminators, config.resolutions, strict=True):
            self.add_module(name, Discriminator(config, resolution))

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One Adam for all discriminators, one for the generator, and one for both encoders."""
        config, betas = self.config, (self.config.beta1, self.config.beta2)
        return {
            "discriminators": adam(nn.ModuleList(self._discriminators()), config.learning_rate, betas),
            "generator": adam(self.generator, config.learning_rate, betas),
            **super().optimizers(),
        }

    def train_on(self, batch: Batch) -> Iterator[Update]:
        """One step of all discriminators (equation 5), then one step of the generator (equations 3, 4 and 14)."""
        texts, wrong = self.read_texts(batch["text"])
        z = self.noise(len(texts.sentences))
        inputs = self.text_inputs(texts)
        fakes = self.generator.images(z, **inputs)
        yield self._discriminators_update(batch["image"], fakes, texts.sentences, wrong)
        with frozen(self.matching, *self._discriminators()):
            losses = {
                f"adversarial{resolution}": self.loss.generator(discriminator(fake, texts.sentences))
                for resolution, discriminator, fake in self._stages(fakes)
            }
            losses["divergence"] = self.generator.conditioning.divergence(texts.sentences)
            losses |= self.matching_loss(fakes[-1], texts)
            generator = partial(self.generator, **inputs)
            yield Update("generator", losses, generators=[GeneratorOutput(generator, z)])

    def _stages(self, fakes: Sequence[Tensor]) -> Iterator[tuple[int, nn.Module, Tensor]]:
        """The resolution of each stage, by which it is named, its discriminator and its generated images."""
        return zip(self.config.resolutions, self._discriminators(), fakes, strict=True)

    def _discriminators_update(
        self, image: Tensor, fakes: Sequence[Tensor], sentence: Tensor, wrong: Tensor | None
    ) -> Update:
        """Each discriminator sees real and generated images, without a text, with theirs, and with a wrong one."""
        losses, outputs = {}, []
        for resolution, discriminator, fake in self._stages(fakes):
            real = functional.adaptive_avg_pool2d(image, (fake.shape[2], fake.shape[3]))
            texts = [sentence] if wrong is None else [sentence, wrong]
            real_logits, fake_logits = discriminator(real, *texts), discriminator(fake.detach(), sentence)
            # The mean over two kinds of real pairs and over three kinds of others, as in the authors' code.
            others = torch.cat([fake_logits, real_logits[2:]])
            losses[f"adversarial{resolution}"] = self.loss.discriminator(real_logits[:2], others)
            bound = partial(with_sentence, discriminator, sentence)
            outputs.append(
                DiscriminatorOutput(bound, real, fake.detach(), real_logits[:2], fake_logits, name=str(resolution))
            )
        return Update("discriminators", losses, discriminators=outputs)

    def _discriminators(self) -> list[nn.Module]:
        """The discriminators, that of the smallest images first."""
        return [self.get_submodule(name) for name in self.discriminators]

    def text_inputs(self, texts: Texts) -> Inputs:
        """The sentences, the words, and which of them are words and not padding, (N, words) in {0, 1}."""
        present = present_words(texts.tokens).to(texts.words.dtype)
        return {"sentence": texts.sentences, "words": texts.words, "present": present}

    def fused(self) -> Callable[[Inputs], Tensor]:
        """As `generate`, with batch norms folded into the layers before them, and only the last image made."""
        return FusedGenerator(self.generator)

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, ``sentence``, ``words`` and ``present``."""
        images: Tensor = self.generator(**inputs)
        return images

    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """The latent. What was read of a text stays: words that no text has would be found otherwise."""
        return {"z": Prior()}

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The first layer behind the latent. The noise of the condition counts as if the variance were 1."""
        weight, size = self.generator.first.project.weight, self.config.condition_dim
        return {"z": [torch.cat([weight[:, size:], weight[:, :size]], 1)]}
