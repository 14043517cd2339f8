"""The encoders of a model whose generator somebody else trained: AttnGAN's text encoder, or both as before training."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo import Derived, Shapes
from ganzoo_dfgan.text_config import TextGANConfig

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TEXT_ENCODER", "Encoders", "make_encoders", "our_names", "read_text_encoder"]

_CELL = [f"{kind}_l0{way}" for way in ("", "_reverse") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
_NAMES = {"encoder.weight": "embedding.weight", **{f"rnn.{name}": f"rnn.{name}" for name in _CELL}}

TEXT_ENCODER = tuple(_NAMES)
"""The names of the tensors in a file of AttnGAN's bi-LSTM. DF-GAN's authors use the same files."""

NOTE = (
    "the file holds no text encoder, so the model knows no words: import it with --beside TEXT_ENCODER_FILE, or train "
    "it on captions with ganzoo train {architecture} --init FOLDER --data CAPTIONED_FOLDER"
)


class Encoders(NamedTuple):
    """The tensors of both encoders by our names, how many words the text encoder knows, and what a user must know."""

    tensors: Mapping[str, str | Derived]
    lists: Mapping[str, int]
    notes: tuple[str, ...]


def read_text_encoder(shapes: Shapes) -> Mapping[str, Any] | None:
    """The config fields of the text encoder beside a generator: none without one, None if it is of another kind."""
    found = [shapes.get(name, ()) for name in TEXT_ENCODER]
    if not any(found):
        return {}
    embedding, inwards, across = found[:3]
    if not all(found) or (len(embedding), len(across)) != (2, 2) or inwards != (4 * across[1], embedding[1]):
        return None
    return {"text_encoder": "bi-lstm", "embedding_dim": embedding[1], "sentence_dim": 2 * across[1]}


def make_encoders(architecture: str, config: TextGANConfig, shapes: Shapes) -> Encoders:
    """The encoders of a model with this config: both as before training, but for a text encoder in `shapes`."""
    tensors: dict[str, str | Derived] = {
        name: Derived((), _initial(config, name)) for name in (*_text_names(config), *_image_names(config))
    }
    if TEXT_ENCODER[0] not in shapes:
        return Encoders(tensors, {}, (NOTE.format(architecture=architecture),))
    tensors |= {f"matching.text_encoder.{ours}": theirs for theirs, ours in _NAMES.items()}
    return Encoders(tensors, {"vocabulary": shapes[TEXT_ENCODER[0]][0] - 1}, ())


def our_names(shapes: Shapes, patterns: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Their name of each tensor that a pattern knows, by ours. `patterns` are pairs of both."""
    return {
        found.expand(ours): theirs
        for theirs in shapes
        for pattern, ours in patterns
        if (found := re.fullmatch(pattern, theirs))
    }


def _text_names(config: TextGANConfig) -> list[str]:
    """The names of the tensors of the text encoder."""
    cell = _CELL if config.text_encoder == "bi-lstm" else _CELL[:4]
    return [f"matching.text_encoder.{name}" for name in ("embedding.weight", *(f"rnn.{name}" for name in cell))]


def _image_names(config: TextGANConfig) -> list[str]:
    """The names of the tensors of the encoder of pictures, and of the count of its images."""
    halvings = config.first_map.doublings
    parts = [
        *(f"features.{2 * i}" for i in range(halvings)),
        "code",
        *(["regions"] if config.matching == "word" else []),
    ]
    return [
        "matching.images_seen",
        *(f"matching.image_encoder.{p}.{kind}" for p in parts for kind in ("weight", "bias")),
    ]


def _initial(config: TextGANConfig, name: str) -> Callable[[], Tensor]:
    """A function that returns a tensor of the encoders as before training, the same at each call."""

    def make() -> Tensor:
        import torch

        from ganzoo_dfgan.matching import Matching

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tensors: dict[str, Tensor] = Matching(config).state_dict()
        return tensors[name.removeprefix("matching.")]

    return make
