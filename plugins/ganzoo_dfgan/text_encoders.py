"""What reads texts, and the recurrent networks that read the words of a vocabulary."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ganzoo_dfgan.text_config import TextGANConfig

__all__ = ["RecurrentEncoder", "TextEncoder", "Texts"]


class Texts(NamedTuple):
    """N texts as a text encoder reads them.

    `tokens` are their ids (N, words) int64, 0 for padding. `words` (N, words, sentence_dim) are the states of the
    encoder at each word, 0 for padding. `sentences` (N, sentence_dim) are its last states, or their mean for MiniLM.
    """

    tokens: Tensor
    words: Tensor
    sentences: Tensor


class TextEncoder(nn.Module):
    """Token ids (N, words) int64, 0 for padding after the text, to sentences (N, sentence_dim)."""

    @abstractmethod
    def read(self, tokens: Tensor) -> Texts:
        """What it knows of each word, and of the whole text. Padding changes nothing."""

    def forward(self, tokens: Tensor) -> Tensor:
        """The sentences alone."""
        return self.read(tokens).sentences


class RecurrentEncoder(TextEncoder):
    """A bi-LSTM or a GRU over embeddings of the words of a vocabulary."""

    def __init__(self, config: TextGANConfig) -> None:
        super().__init__()
        both = config.text_encoder == "bi-lstm"
        kind: type[nn.LSTM | nn.GRU] = nn.LSTM if both else nn.GRU
        self.embedding = nn.Embedding(len(config.vocabulary) + 1, config.embedding_dim, padding_idx=0)
        self.rnn = kind(config.embedding_dim, config.sentence_dim // (1 + both), batch_first=True, bidirectional=both)

    def read(self, tokens: Tensor) -> Texts:
        """The states at each word, and the last ones, of both directions for the bi-LSTM."""
        lengths = tokens.ne(0).sum(1).clamp(min=1).cpu()
        words = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        with torch.autocast(tokens.device.type, enabled=False):  # CPUs have no LSTM in 16 bits
            states, state = self.rnn(words)
        last: Tensor = state[0] if isinstance(state, tuple) else state
        found, _ = pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])
        return Texts(tokens, found, last.transpose(0, 1).flatten(1))
