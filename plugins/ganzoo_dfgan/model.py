"""DF-GAN: how it is trained and how it samples (sections 3.1 to 3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import (
    GAN,
    AdversarialLoss,
    Batch,
    DiscriminatorOutput,
    GeneratorOutput,
    Inputs,
    Prior,
    Task,
    TextConditional,
    Update,
    draw_latent,
    draw_text,
    draw_truncated,
    encode_text,
    frozen,
    gather_rows,
)
from ganzoo_dfgan.config import DFGANConfig
from ganzoo_dfgan.matching import Matching, matching_losses, mismatched
from ganzoo_dfgan.networks import Affine, Discriminator, Generator
from ganzoo_dfgan.penalty import gradient_penalty

__all__ = ["DFGAN"]


class DFGAN(GAN):
    """A generator and a discriminator that are given a text, and the encoders that read it."""

    published = ("generator", "matching")

    def __init__(self, config: DFGANConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.generator = Generator(config)
        self.discriminator = Discriminator(config)
        self.matching = Matching(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for each network (section 4), and for both encoders together."""
        config, betas = self.config, (self.config.beta1, self.config.beta2)
        found: dict[str, torch.optim.Optimizer] = {
            "discriminator": _adam(self.discriminator, config.discriminator_learning_rate, betas),
            "generator": _adam(self.generator, config.generator_learning_rate, betas),
        }
        if config.matching_images:
            found["matching"] = _adam(self.matching, config.matching_learning_rate, (0.5, 0.999))
        return found

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """First the encoders learn; when they have seen their images, the GAN does."""
        batch = next(batches)
        yield from self._train_gan(batch) if self.matching.is_finished() else self._train_matching(batch)
        # Here and not earlier: with `accumulate`, the parts of an iteration begin one after the other, in one phase.
        self.matching.images_seen += len(gather_rows(batch["text"]))

    def _train_matching(self, batch: Batch) -> Iterator[Update]:
        """One step of both encoders."""
        images = self.matching.image_encoder(batch["image"])
        sentences = self.matching.text_encoder(batch["text"])
        yield Update("matching", matching_losses(images, sentences, batch["text"]))

    def _train_gan(self, batch: Batch) -> Iterator[Update]:
        """One step of D on matching, mismatched and generated pairs (equation 2), then one step of G."""
        sentence, wrong = self._sentences(batch["text"])
        z = self.noise(len(sentence))
        generator = partial(_swapped, self.generator, sentence)
        fake = generator(z)
        yield self._discriminator_update(batch["image"], fake.detach(), sentence, wrong)
        with frozen(self.discriminator, self.matching):
            losses = {"adversarial": self.loss.generator(self.discriminator(fake, sentence))}
            if self.config.matching_weight:
                losses["matching"] = self.config.matching_weight * self._mismatch(fake, sentence, batch["text"])
            yield Update("generator", losses, generators=[GeneratorOutput(generator, z)])

    def _mismatch(self, images: Tensor, sentence: Tensor, tokens: Tensor) -> Tensor:
        """How far generated images are from their texts, as the finished encoders see them."""
        found: Tensor = sum(matching_losses(self.matching.image_encoder(images), sentence, tokens).values())
        return found

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
        discriminator = partial(_swapped, self.discriminator, sentence)
        return DiscriminatorOutput(discriminator, real, fake, real_logits, discriminator(fake))

    def _discriminator_losses(self, output: DiscriminatorOutput, wrong: Tensor) -> dict[str, Tensor]:
        """The loss with half the weight for each kind of pairs that are not real; `wrong` are (0 or 1, N) logits."""
        generated = self.loss.discriminator(*output.logits)
        if not len(wrong):
            return {"adversarial": generated}
        return {"adversarial": generated / 2, "mismatched": self.loss.discriminator(output.real_logits, wrong[0]) / 2}

    @torch.no_grad()
    def _sentences(self, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """The sentences (N, sentence_dim) of the texts, and of wrong texts: None if all texts are the same."""
        wrong = mismatched(tokens, self.config.wrong_texts)
        sentence = self.matching.text_encoder(tokens)
        return sentence, None if wrong is None else self.matching.text_encoder(wrong)

    def noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_dim)."""
        return draw_latent("normal", count, self.config.latent_dim, device=self.device)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """A latent (latent_dim,) and the sentence (sentence_dim,) of the text."""
        return {name: rows[0] for name, rows in self._with_sentences([self._draw(request, random)]).items()}

    def draw_batch(self, seeded: Iterable[tuple[int, Task]]) -> Inputs:
        """As `draw`, with each text read once."""
        random = torch.Generator()
        return self._with_sentences([self._draw(request, random.manual_seed(seed)) for seed, request in seeded])

    def _draw(self, request: Task, random: torch.Generator) -> Inputs:
        """As `draw`, but with token ids (words,)."""
        asked, size = cast("TextConditional", request), self.config.latent_dim
        if asked.truncation is None:
            z = draw_latent("normal", size, random=random)
        else:
            z = draw_truncated(asked.truncation, size, random=random)
        return {"z": z, "text": draw_text(asked.text, self.config, random)}

    def _with_sentences(self, rows: Sequence[Inputs]) -> Inputs:
        """The rows as a batch, with sentences in place of token ids.

        Each text is read alone, and once: in a batch, sums would be rounded in another way.
        """
        texts = [tuple(row["text"].tolist()) for row in rows]
        sentences = {text: self._sentence(text) for text in dict.fromkeys(texts)}
        return {"z": torch.stack([row["z"] for row in rows]), "text": torch.stack([sentences[text] for text in texts])}

    @torch.no_grad()
    def _sentence(self, tokens: Sequence[int]) -> Tensor:
        """The sentence (sentence_dim,), on the CPU, of token ids."""
        sentences: Tensor = self.matching.text_encoder(torch.tensor([tokens], device=self.device))
        return sentences[0].cpu()

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z`` (N, latent_dim) and ``text`` (N, sentence_dim)."""
        images: Tensor = self.generator(inputs["z"], inputs["text"])
        return images

    @torch.no_grad()
    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """A normal latent, and a sentence with the mean and the scale of the examples' unless a text is given."""
        priors = dict(super().inversion_priors(inputs))
        if "text" in priors:
            rows = [encode_text(text, self.config.vocabulary, self.config.words) for text in self.config.examples]
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

    def match_images(self, images: Tensor) -> Tensor:
        """Codes (N, sentence_dim) of length 1 of images (N, C, H, W) in [-1, 1]."""
        return functional.normalize(self.matching.image_encoder(images))

    def match_texts(self, tokens: Tensor) -> Tensor:
        """Codes (N, sentence_dim) of length 1 of token ids (N, words)."""
        return functional.normalize(self.matching.text_encoder(tokens))


def _swapped(network: nn.Module, sentence: Tensor, x: Tensor) -> Tensor:
    """A network of what it sees first and of sentences, with the sentences bound."""
    found: Tensor = network(x, sentence)
    return found


def _adam(network: nn.Module, rate: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), rate, betas, fused=True)
