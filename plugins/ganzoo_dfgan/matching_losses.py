"""The losses of DAMSM: of all pairs in a batch, a picture and its own text are the nearest (arXiv:1711.10485)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ganzoo import gather_rows, own_rows

__all__ = ["present_words", "sentence_losses", "word_losses"]

REGION_SHARPNESS = 5.0
"""gamma_1: how much attention goes to the regions that fit a word best (equation 9)."""

WORD_SHARPNESS = 5.0
"""gamma_2: how much the words that fit best count for the text (equation 10)."""

SHARPNESS = 10.0
"""gamma_3: the factor of similarities before the softmax (equation 11)."""


def sentence_losses(images: Tensor, sentences: Tensor, tokens: Tensor) -> dict[str, Tensor]:
    """-log P(text | picture) and -log P(picture | text) over the global batch (equations 11 to 13).

    `images` and `sentences` are codes (N, D), `tokens` are the texts (N, words). Pairs of a picture with the same text
    of another picture are left out, as the authors leave out those of the same class.
    """
    codes, texts = (_global(functional.normalize(each)) for each in (images, sentences))
    text, image = _contrast(codes @ texts.T, tokens)
    return {"text": text, "image": image}


def word_losses(regions: Tensor, words: Tensor, tokens: Tensor) -> dict[str, Tensor]:
    """As `sentence_losses`, where each word looks for its place in the picture (equations 7 to 13).

    `regions` are codes (N, regions, D), `words` are states (N, words, D), `tokens` are the texts (N, words).
    """
    present = present_words(gather_rows(tokens))
    text, image = _contrast(_word_similarity(_global(regions), _global(words), present), tokens)
    return {"word_text": text, "word_image": image}


def present_words(tokens: Tensor) -> Tensor:
    """Which of the tokens (N, words) are words and not padding; the first one always, so that none has no word."""
    present = tokens.ne(0)
    return torch.cat([torch.ones_like(present[:, :1]), present[:, 1:]], 1)


def _word_similarity(regions: Tensor, words: Tensor, present: Tensor) -> Tensor:
    """R(Q, D) of equation 10 for each picture and each text, (pictures, texts)."""
    absent = ~present[:, :, None]
    similar = torch.einsum("prd,twd->ptwr", regions, words)  # equation 7
    similar = similar.masked_fill(absent, -torch.inf).softmax(2)  # equation 8: for each region over the words
    attention = (REGION_SHARPNESS * similar).softmax(3)  # equation 9: for each word over the regions
    contexts = torch.einsum("ptwr,prd->ptwd", attention, regions)
    fits = functional.cosine_similarity(contexts, words[None], dim=3).masked_fill(absent[:, :, 0], -torch.inf)
    return (WORD_SHARPNESS * fits).logsumexp(2) / WORD_SHARPNESS


def _contrast(similarity: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """-log P(text | picture) and -log P(picture | text) for similarities (pictures, texts) of the global batch."""
    count, tokens = len(tokens), gather_rows(tokens)
    same = (tokens[:, None] == tokens).all(2).fill_diagonal_(fill_value=False)
    logits = (SHARPNESS * similarity).masked_fill(same, -torch.inf)
    target = torch.arange(len(tokens), device=tokens.device)
    # The gradients of several processes are averaged, but here each has a part of the sum: its own rows.
    text, image = (_amplify(functional.cross_entropy(rows, target), len(tokens) / count) for rows in (logits, logits.T))
    return text, image


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
