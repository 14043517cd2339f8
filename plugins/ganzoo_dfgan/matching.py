"""The matching of pictures and texts: two encoders, trained so that a picture lies next to its text.

This is the sentence-level half of DAMSM (arXiv:1711.10485, section 3.2). Its encoder of pictures is Inception-v3; ours
is small and learns from the same data.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from ganzoo import gather_rows, own_rows
from ganzoo_dfgan.config import DFGANConfig

__all__ = ["ImageEncoder", "Matching", "TextEncoder", "matching_losses", "mismatched"]

SHARPNESS = 10.0
"""gamma_3 of DAMSM: the factor of cosines before the softmax (equation 12)."""


class TextEncoder(nn.Module):
    """Token ids (N, words) int64, 0 for padding after the text, to sentences (N, sentence_dim)."""

    def __init__(self, config: DFGANConfig) -> None:
        super().__init__()
        both = config.text_encoder == "bi-lstm"
        kind: type[nn.LSTM | nn.GRU] = nn.LSTM if both else nn.GRU
        self.embedding = nn.Embedding(len(config.vocabulary) + 1, config.embedding_dim, padding_idx=0)
        self.rnn = kind(config.embedding_dim, config.sentence_dim // (1 + both), batch_first=True, bidirectional=both)

    def forward(self, tokens: Tensor) -> Tensor:
        """The last states, of both directions for the bi-LSTM. Padding changes nothing."""
        lengths = tokens.ne(0).sum(1).clamp(min=1).cpu()
        words = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        with torch.autocast(tokens.device.type, enabled=False):  # CPUs have no LSTM in 16 bits
            _, state = self.rnn(words)
        last: Tensor = state[0] if isinstance(state, tuple) else state
        return last.transpose(0, 1).flatten(1)


class ImageEncoder(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to codes (N, sentence_dim)."""

    def __init__(self, config: DFGANConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = config.channels
        for i in range(len(config.widths) - 1):
            before, width = width, config.matching_width * min(2**i, 8)
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        self.features = nn.Sequential(*layers)
        self.code = nn.Linear(width * config.first_map.pixels, config.sentence_dim)

    def forward(self, images: Tensor) -> Tensor:
        """One code for each image."""
        return cast("Tensor", self.code(self.features(images).flatten(1)))


class Matching(nn.Module):
    """Both encoders, and the count of the real images of the training, which decides when they are finished.

    As a buffer, the count is a part of checkpoints and of published files.
    """

    images_seen: Tensor

    def __init__(self, config: DFGANConfig) -> None:
        super().__init__()
        self.images = config.matching_images
        self.text_encoder = TextEncoder(config)
        self.image_encoder = ImageEncoder(config)
        self.register_buffer("images_seen", torch.zeros((), dtype=torch.int64))
        self.requires_grad_(self.images > 0)

    def is_finished(self) -> bool:
        """Whether the encoders have seen all their images, so that the GAN is trained."""
        return int(self.images_seen) >= self.images


def matching_losses(images: Tensor, sentences: Tensor, tokens: Tensor) -> dict[str, Tensor]:
    """-log P(text | picture) and -log P(picture | text) over the global batch (equations 11 to 13).

    `images` and `sentences` are codes (N, D), `tokens` are the texts (N, words). Pairs of a picture with the same text
    of another picture are left out, as the authors leave out those of the same class.
    """
    tokens, count = gather_rows(tokens), len(tokens)
    images, sentences = (_global(functional.normalize(codes)) for codes in (images, sentences))
    same = (tokens[:, None] == tokens).all(2).fill_diagonal_(fill_value=False)
    logits = (SHARPNESS * images @ sentences.T).masked_fill(same, -torch.inf)
    target = torch.arange(len(tokens), device=tokens.device)
    # The gradients of several processes are averaged, but here each has a part of the sum: its own rows.
    return {
        name: _amplify(functional.cross_entropy(rows, target), len(tokens) / count)
        for name, rows in (("text", logits), ("image", logits.T))
    }


def _global(rows: Tensor) -> Tensor:
    """The rows of all processes. Gradients flow to those of this process."""
    everybody = gather_rows(rows.detach())
    if len(everybody) == len(rows):
        return rows
    start = own_rows(torch.arange(len(everybody)))[0]
    return torch.cat([everybody[:start], rows, everybody[start + len(rows) :]])


def _amplify(loss: Tensor, factor: float) -> Tensor:
    """The same value with a gradient `factor` times as large."""
    return loss if factor == 1 else loss.detach() + factor * (loss - loss.detach())


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
    words = functional.one_hot(tokens).sum(1)[:, 1:]
    return torch.minimum(words[:, None], words).sum(2)
