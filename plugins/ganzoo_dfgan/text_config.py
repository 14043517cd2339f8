"""What the configs of all GANs share that draw texts. This module does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from ganzoo import FirstMap, FrozenRecord, Resolution, first_map, image_size
from ganzoo_dfgan.word_pieces import INSTALL, LONGEST, REQUIRES, word_pieces

__all__ = ["DOUBLINGS", "TextGANConfig", "check_at_least"]

DOUBLINGS = range(3, 7)
"""How often the first map can be doubled: 4x4 pixels up to 32x32, 64x64, 128x128 or 256x256."""


class TextGANConfig(FrozenRecord):
    """The fields that all GANs have that draw texts.

    - `resolution` is a number or height x width. The first map has 4 to 7 pixels on its shorter side, and is doubled 3
      to 6 times. `channels` are those of a pixel. `latent_dim` is the length of the latent z.
    - `vocabulary` are the words that the model knows. `words` is the number of words that a text can have. `examples`
      are a few texts to sample from when none is given. The trainer takes the first and the last from the data.
    - `text_encoder` is a bi-LSTM or a GRU, over embeddings of the words of length `embedding_dim`. Its last states are
      the sentence, of length `sentence_dim`. Or it is ``minilm``, which others trained on a billion sentences: then the
      model reads any English word, `vocabulary` stays empty, and `words` counts parts of words too.
    - For the first `matching_images` images, the text encoder learns with an encoder of pictures, whose first layer has
      `matching_width` channels, to match texts and pictures. Then both stay as they are, and the GAN is trained. With 0
      they are not trained at all: for a run that begins with the weights of another one (``--init``).
    - `matching` says how they compare a text with a picture: as a whole ``sentence``; or also each ``word`` with the
      regions of the picture that it fits (arXiv:1711.10485, section 3.2).
    - `matching_weight` is lambda of AttnGAN (arXiv:1711.10485, section 3.1): the generator then also learns that its
      pictures lie next to their texts, as the finished encoders see them.
    - `wrong_texts` says which text of the batch a real picture gets as a wrong one: the ``next`` one that differs (the
      authors take the next), or the ``nearest`` one, which has most words in common: the discriminator then learns
      about small things. Take it only if captions that differ mean different pictures.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 256
    channels: int = 3
    latent_dim: int = 100
    vocabulary: tuple[str, ...] = ()
    words: int = 18
    examples: tuple[str, ...] = ()
    text_encoder: Literal["bi-lstm", "gru", "minilm"] = "bi-lstm"
    embedding_dim: int = 300
    sentence_dim: int = 256
    matching: Literal["sentence", "word"] = "sentence"
    matching_images: int = 1_000_000
    matching_width: int = 32
    matching_learning_rate: float = 2e-3
    matching_weight: float = 0.0
    wrong_texts: Literal["next", "nearest"] = "next"

    def __post_init__(self) -> None:
        first_map(self.resolution, DOUBLINGS)
        check_at_least(1, self, "latent_dim", "embedding_dim", "words", "matching_width")
        check_at_least(0, self, "matching_images", "matching_weight")
        if self.sentence_dim < 2 or self.sentence_dim % 2:
            raise ValueError(f"sentence_dim is an even number, at least 2, not {self.sentence_dim}")

        if self.tokenizer and self.vocabulary:
            raise ValueError("vocabulary is empty with text_encoder minilm, which reads any word")
        if self.tokenizer and self.words > LONGEST:
            raise ValueError(f"words is at most {LONGEST} with text_encoder minilm, not {self.words}")

    @property
    def tokenizer(self) -> Callable[[Sequence[str]], list[int]] | None:
        """The function that returns the token ids of words, for an encoder that reads any word."""
        return word_pieces if self.text_encoder == "minilm" else None

    @property
    def requires(self) -> tuple[str, ...]:
        """The packages that the text encoder needs."""
        return REQUIRES if self.text_encoder == "minilm" else ()

    @property
    def install(self) -> str:
        """The command that installs them."""
        return INSTALL if self.text_encoder == "minilm" else ""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def first_map(self) -> FirstMap:
        """The smallest features, 4x4 pixels for square images of 32, 64, 128 or 256."""
        return first_map(self.resolution, DOUBLINGS)

    @property
    def latent_size(self) -> int:
        """The length of all that is drawn for an image."""
        return self.latent_dim


def check_at_least(least: int, config: Any, *names: str) -> None:
    """Check that fields of a config are at least `least`.

    Raises:
        ValueError: names the first that is not.
    """
    for name in names:
        if getattr(config, name) < least:
            raise ValueError(f"{name} must be at least {least}, not {getattr(config, name)}")
