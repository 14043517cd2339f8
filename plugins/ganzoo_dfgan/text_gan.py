"""What GANs that draw texts share: the two phases of their training, how they sample, and how they match."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import (
    GAN,
    AdversarialLoss,
    Batch,
    Inputs,
    Task,
    TextConditional,
    Update,
    draw_latent,
    draw_text,
    draw_truncated,
    gather_rows,
)
from ganzoo_dfgan.matching import Matching, mismatched
from ganzoo_dfgan.text_config import TextGANConfig
from ganzoo_dfgan.text_encoders import Texts

__all__ = ["TextGAN", "adam", "with_sentence"]


class TextGAN(GAN):
    """A GAN with encoders that match pictures and texts. Subclasses make its generator and its discriminators."""

    published = ("generator", "matching")
    config: TextGANConfig

    def __init__(self, config: TextGANConfig, loss: AdversarialLoss) -> None:
        super().__init__()
        self.config = config
        self.loss = loss
        self.matching = Matching(config)

    @abstractmethod
    def train_on(self, batch: Batch) -> Iterator[Update]:
        """One iteration of the GAN itself, when the encoders are finished."""

    @abstractmethod
    def text_inputs(self, texts: Texts) -> Inputs:
        """What `generate` takes of the texts, by name, each (N, ...)."""

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for both encoders together; none if they are not trained."""
        if not self.config.matching_images:
            return {}
        return {"matching": adam(self.matching, self.config.matching_learning_rate, (0.5, 0.999))}

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """First the encoders learn; when they have seen their images, the GAN does."""
        batch = next(batches)
        yield from self.train_on(batch) if self.matching.is_finished() else self._train_matching(batch)
        # Here and not earlier: with `accumulate`, the parts of an iteration begin one after the other, in one phase.
        self.matching.images_seen += len(gather_rows(batch["text"]))

    def _train_matching(self, batch: Batch) -> Iterator[Update]:
        """One step of both encoders."""
        texts = self.matching.text_encoder.read(batch["text"])
        yield Update("matching", self.matching.losses(batch["image"], texts))

    @torch.no_grad()
    def read_texts(self, tokens: Tensor) -> tuple[Texts, Tensor | None]:
        """The texts of a batch, and the sentences (N, sentence_dim) of wrong texts: None if all texts are the same."""
        wrong = mismatched(tokens, self.config.wrong_texts)
        encoder = self.matching.text_encoder
        return encoder.read(tokens), None if wrong is None else encoder(wrong)

    def matching_loss(self, images: Tensor, texts: Texts) -> dict[str, Tensor]:
        """How far generated images are from their texts, as the finished encoders see them, times `matching_weight`.

        It is empty if the weight is 0.
        """
        if not self.config.matching_weight:
            return {}
        found: Tensor = sum(self.matching.losses(images, texts).values(), start=torch.zeros((), device=images.device))
        return {"matching": self.config.matching_weight * found}

    def noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_size)."""
        return draw_latent("normal", count, self.config.latent_size, device=self.device)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """A latent (latent_size,), and what the encoder reads of the text."""
        return {name: rows[0] for name, rows in self._with_texts([self._draw(request, random)]).items()}

    def draw_batch(self, seeded: Iterable[tuple[int, Task]]) -> Inputs:
        """As `draw`, with each text read once."""
        random = torch.Generator()
        return self._with_texts([self._draw(request, random.manual_seed(seed)) for seed, request in seeded])

    def _draw(self, request: Task, random: torch.Generator) -> Inputs:
        """A latent, and token ids (words,)."""
        asked, size = cast("TextConditional", request), self.config.latent_size
        if asked.truncation is None:
            z = draw_latent("normal", size, random=random)
        else:
            z = draw_truncated(asked.truncation, size, random=random)
        return {"z": z, "text": draw_text(asked.text, self.config, random)}

    def _with_texts(self, rows: Sequence[Inputs]) -> Inputs:
        """The rows as a batch, with what the encoder reads in place of token ids.

        Each text is read alone, and once: in a batch, sums would be rounded in another way.
        """
        texts = [tuple(row["text"].tolist()) for row in rows]
        read = {text: self._read(text) for text in dict.fromkeys(texts)}
        found = {name: torch.stack([read[text][name] for text in texts]) for name in read[texts[0]]}
        return {"z": torch.stack([row["z"] for row in rows]), **found}

    @torch.no_grad()
    def _read(self, tokens: Sequence[int]) -> Inputs:
        """What `generate` takes of one text, on the CPU and without the batch dimension."""
        texts = self.matching.text_encoder.read(torch.tensor([tokens], device=self.device))
        return {name: rows[0].cpu() for name, rows in self.text_inputs(texts).items()}

    def match_images(self, images: Tensor) -> Tensor:
        """Codes (N, sentence_dim) of length 1 of images (N, C, H, W) in [-1, 1]."""
        return functional.normalize(self.matching.image_encoder(images))

    def match_texts(self, tokens: Tensor) -> Tensor:
        """Codes (N, sentence_dim) of length 1 of token ids (N, words)."""
        return functional.normalize(self.matching.text_encoder(tokens))


def adam(network: nn.Module, rate: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    """Adam for all parameters of a network."""
    return torch.optim.Adam(network.parameters(), rate, betas, fused=True)


def with_sentence(network: nn.Module, sentence: Tensor, x: Tensor) -> Tensor:
    """What a network makes of x and of sentences. With the sentences bound, it is a function of x."""
    found: Tensor = network(x, sentence)
    return found
