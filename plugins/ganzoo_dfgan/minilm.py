"""MiniLM, a text encoder that others have trained on a billion sentences, so that a GAN reads free text.

It is all-MiniLM-L6-v2: BERT (arXiv:1810.04805) with 6 layers of 384, distilled (arXiv:2002.10957) and then trained to
give sentences of one meaning one direction. Its weights stay as they are. They are no part of a model's file: they are
verified in the package that has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganzoo import verified_path
from ganzoo_dfgan.text_config import TextGANConfig
from ganzoo_dfgan.text_encoders import TextEncoder, Texts
from ganzoo_dfgan.word_pieces import in_package

__all__ = ["MiniLM", "MiniLMEncoder"]

WIDTH, LAYERS, HEADS = 384, 6, 12
"""The length of a state, and the numbers of layers and of heads."""

_CLS, _SEP = 101, 102
"""The token ids of the marks before and after each text."""

WEIGHTS = in_package(
    path="model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    size=90_868_376,
)


class MiniLM(nn.Module):
    """Token ids (N, words) int64, 0 for padding after the text, to states (N, words + 2, 384) and a mask of them.

    The first state is that of the mark before the text; that of the mark after it follows its last word. The mask
    (N, words + 2) is 1 for the words and both marks.
    """

    def __init__(self, vocabulary: int = 30_522, longest: int = 512) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(longest, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The states of the last layer, and which of them belong to a text."""
        marked, mask = with_marks(tokens)
        positions = torch.arange(marked.shape[1], device=tokens.device)
        embedded = self.words(marked) + self.positions(positions) + self.kinds.weight[0]
        states: Tensor = self.layers(self.norm(embedded), src_key_padding_mask=~mask)
        return states, mask


class MiniLMEncoder(TextEncoder):
    """MiniLM's states behind a linear layer, which learns with the picture encoder.

    A sentence is the mean of all states (the pooling of all-MiniLM-L6-v2). States and sentences get the length
    sqrt(384) before the layer, so that their values are about 1.
    """

    def __init__(self, config: TextGANConfig) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, config.sentence_dim)

    def read(self, tokens: Tensor) -> Texts:
        """The states at each word, and the sentences."""
        with torch.no_grad(), torch.autocast(tokens.device.type, enabled=False):
            states, mask = pretrained(tokens.device)(tokens)
        words = self._projected(states[:, 1:-1]) * tokens.ne(0)[:, :, None]
        return Texts(tokens, words, self._projected(mean_of(states, mask)))

    def _projected(self, states: Tensor) -> Tensor:
        scaled = normalize(states, dim=-1) * WIDTH**0.5
        projected: Tensor = self.project(scaled.to(self.project.weight.dtype))
        return projected


def with_marks(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Token ids (N, words) between both marks, (N, words + 2), and the mask of what is no padding."""
    marked = nn.functional.pad(tokens, (1, 1))
    marked[:, 0] = _CLS
    ends = tokens.ne(0).sum(1, keepdim=True) + 1
    marked.scatter_(1, ends, _SEP)
    return marked, torch.arange(marked.shape[1], device=tokens.device) <= ends


def mean_of(states: Tensor, mask: Tensor) -> Tensor:
    """The mean of the states (N, L, D) that the mask (N, L) has, (N, D)."""
    return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


@lru_cache(maxsize=2)
def pretrained(device: torch.device) -> MiniLM:
    """MiniLM with its weights, in eval mode. All models of a process share it.

    Raises:
        PullError: the package with the weights is not installed.
        CorruptWeightsError: its file has another digest.
    """
    with torch.device("meta"):
        network = MiniLM()
    network.load_state_dict(renamed(load_file(verified_path(WEIGHTS))), assign=True)
    return network.requires_grad_(False).eval().to(device)


def renamed(theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a BERT of the transformers library under our names."""
    names = {
        "words.weight": "embeddings.word_embeddings.weight",
        "positions.weight": "embeddings.position_embeddings.weight",
        "kinds.weight": "embeddings.token_type_embeddings.weight",
        "norm.weight": "embeddings.LayerNorm.weight",
        "norm.bias": "embeddings.LayerNorm.bias",
    }
    found = {ours: theirs[name] for ours, name in names.items()}
    for number in range(LAYERS):
        found |= _layer(number, theirs)
    return found


def _layer(number: int, theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one layer. PyTorch has the three projections of attention in one."""
    place = f"encoder.layer.{number}"
    names = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    found: dict[str, Tensor] = {}
    for kind in ("weight", "bias"):
        found |= {f"{ours}.{kind}": theirs[f"{place}.{name}.{kind}"] for ours, name in names.items()}
        parts = [theirs[f"{place}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
        found[f"self_attn.in_proj_{kind}"] = torch.cat(parts)
    return {f"layers.layers.{number}.{name}": tensor for name, tensor in found.items()}
