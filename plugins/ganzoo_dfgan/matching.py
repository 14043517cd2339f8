"""The matching of pictures and texts: two encoders, trained so that a picture lies next to its text.

This is DAMSM (arXiv:1711.10485, section 3.2). Its encoder of pictures is Inception-v3; ours is small and learns from
the same data.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import gather_rows, own_rows
from ganzoo_dfgan.matching_losses import sentence_losses, word_losses
from ganzoo_dfgan.minilm import MiniLMEncoder
from ganzoo_dfgan.text_config import TextGANConfig
from ganzoo_dfgan.text_encoders import RecurrentEncoder, TextEncoder, Texts

__all__ = ["ImageEncoder", "Matching", "mismatched"]


class ImageEncoder(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to codes (N, sentence_dim), and their regions to codes of the same length.

    An image has 8x8 regions, or 16x16 at 256 pixels.
    """

    def __init__(self, config: TextGANConfig) -> None:
        super().__init__()
        widths = [config.matching_width * min(2**i, 8) for i in range(config.first_map.doublings)]
        layers: list[nn.Module] = []
        for before, width in pairwise([config.channels, *widths]):
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        self.features = nn.Sequential(*layers)
        self.code = nn.Linear(widths[-1] * config.first_map.pixels, config.sentence_dim)
        halvings = min(len(widths) - 1, 4)
        self.before_regions = 2 * halvings
        if config.matching == "word":
            self.regions = nn.Conv2d(widths[halvings - 1], config.sentence_dim, 1)

    def forward(self, images: Tensor) -> Tensor:
        """One code for each image."""
        return cast("Tensor", self.code(self.features(images).flatten(1)))

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The codes of the regions (N, regions, sentence_dim), and those of the images."""
        x = self.features[: self.before_regions](images)
        regions = self.regions(x).flatten(2).transpose(1, 2)
        return regions, self.code(self.features[self.before_regions :](x).flatten(1))


class Matching(nn.Module):
    """Both encoders, and the count of the real images of the training, which decides when they are finished.

    As a buffer, the count is a part of checkpoints and of published files.
    """

    images_seen: Tensor

    def __init__(self, config: TextGANConfig) -> None:
        super().__init__()
        self.images = config.matching_images
        self.reads_words = config.matching == "word"
        kind = MiniLMEncoder if config.text_encoder == "minilm" else RecurrentEncoder
        self.text_encoder: TextEncoder = kind(config)
        self.image_encoder = ImageEncoder(config)
        self.register_buffer("images_seen", torch.zeros((), dtype=torch.int64))
        self.requires_grad_(self.images > 0)

    def is_finished(self) -> bool:
        """Whether the encoders have seen all their images, so that the GAN is trained."""
        return int(self.images_seen) >= self.images

    def losses(self, images: Tensor, texts: Texts) -> dict[str, Tensor]:
        """How far images (N, C, H, W) are from their texts: those of sentences and, with ``word``, those of words."""
        if not self.reads_words:
            return sentence_losses(self.image_encoder(images), texts.sentences, texts.tokens)
        regions, codes = self.image_encoder.read(images)
        words = word_losses(regions, texts.words, texts.tokens)
        return {**sentence_losses(codes, texts.sentences, texts.tokens), **words}


def mismatched(tokens: Tensor, choice: str = "next") -> Tensor | None:
    """For each text (N, words) of the global batch another one that differs from it, (N, words).

    It is the ``next`` one in the batch, or the ``nearest`` one: that with most words in common, and of these the next.
    It is None if all texts are the same.
    """
    everybody = gather_rows(tokens)
    count = len(everybody)
    same = (everybody[:, None] == everybody).all(2)
    if bool(same.all()):
        return None
    rows = torch.arange(count, device=tokens.device)
    distance = (rows - rows[:, None]) % count
    if choice == "nearest":
        distance = distance - count * _words_in_common(everybody)
    return own_rows(everybody[distance.masked_fill(same, count).argmin(1)])


def _words_in_common(tokens: Tensor) -> Tensor:
    """How many words two texts share, (N, N), for all pairs of the texts (N, words)."""
    _, numbers = torch.unique(tokens, return_inverse=True)  # as few columns as there are words
    words = (functional.one_hot(numbers) * tokens.ne(0)[:, :, None]).sum(1)
    return torch.minimum(words[:, None], words).sum(2)
