"""The config of DF-GAN, and how to train it on each data set. This module does not import torch."""

from __future__ import annotations

from typing import Any, Literal

from ganzoo import FirstMap, FrozenRecord, Recipe, Resolution, first_map, image_size

__all__ = ["DOUBLINGS", "RECIPES", "TINY", "DFGANConfig"]

DOUBLINGS = range(3, 7)
"""How often DF-GAN can double its first map: 4x4 pixels up to 32x32, 64x64, 128x128 or 256x256."""


class DFGANConfig(FrozenRecord):
    """The config of DF-GAN; the defaults are the paper's for 256 pixels.

    - `resolution` is a number or height x width. The first map has 4 to 7 pixels on its shorter side, and is doubled 3
      to 6 times.
    - `width` is the number of channels at the full resolution; it doubles with each halving, at most 8 times as many.
    - With `fuse_latent`, the affine transformations see the latent beside the sentence, as in the authors' newer code.
      Without it they see the sentence alone, as in their first code. That has also a `first_block`, at the first map,
      and `affine_dim` hidden units in the networks of each affine transformation; None is the number of its channels.
    - `vocabulary` are the words that the model knows. `words` is the number of words that a text can have. `examples`
      are a few texts to sample from when none is given. The trainer takes the first and the last from the data.
    - `text_encoder` is a bi-LSTM or a GRU, over embeddings of the words of length `embedding_dim`. Its last states are
      the sentence, of length `sentence_dim`.
    - For the first `matching_images` images, the text encoder learns with an encoder of pictures, whose first layer has
      `matching_width` channels, to match texts and pictures. Then both stay as they are, and the GAN is trained. With 0
      they are not trained at all: for a run that begins with the weights of another one (``--init``).
    - `matching_weight` is lambda of AttnGAN (arXiv:1711.10485, section 3.1): the generator then also learns that its
      pictures lie next to their texts, as the finished encoders see them. DF-GAN has no such term.
    - `wrong_texts` says which text of the batch a real picture gets as a wrong one: the ``next`` one that differs (the
      authors take the next), or the ``nearest`` one, which has most words in common: the discriminator then learns
      about small things. Take it only if captions that differ mean different pictures.
    - `penalty_weight` and `penalty_power` are k and p of the matching-aware gradient penalty (equation 3). With weight
      0 and the loss ``non-saturating``, the objective is that of GAN-CLS (arXiv:1605.05396, algorithm 1); the recipe
      ``gan-cls`` has both.
    - `penalty_share` is the share of the iterations that have the penalty, drawn at random. Its weight is larger in
      these, so that the mean stays. The paper has the penalty in all of them.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 256
    channels: int = 3
    latent_dim: int = 100
    width: int = 32
    fuse_latent: bool = True
    first_block: bool = False
    affine_dim: int | None = None
    vocabulary: tuple[str, ...] = ()
    words: int = 18
    examples: tuple[str, ...] = ()
    text_encoder: Literal["bi-lstm", "gru"] = "bi-lstm"
    embedding_dim: int = 300
    sentence_dim: int = 256
    matching_images: int = 1_000_000
    matching_width: int = 32
    matching_learning_rate: float = 2e-3
    matching_weight: float = 0.0
    wrong_texts: Literal["next", "nearest"] = "next"
    penalty_weight: float = 2.0
    penalty_power: float = 6.0
    penalty_share: float = 1.0
    generator_learning_rate: float = 1e-4
    discriminator_learning_rate: float = 4e-4
    beta1: float = 0.0
    beta2: float = 0.9

    def __post_init__(self) -> None:
        first_map(self.resolution, DOUBLINGS)
        sizes = ("latent_dim", "width", "affine_dim", "embedding_dim", "words", "matching_width")
        if min(value for name in sizes if (value := getattr(self, name)) is not None) < 1:
            raise ValueError(f"{', '.join(sizes[:-1])} and {sizes[-1]} must be at least 1")
        if self.sentence_dim < 2 or self.sentence_dim % 2:
            raise ValueError(f"sentence_dim is an even number, at least 2, not {self.sentence_dim}")
        if min(self.matching_images, self.matching_weight, self.penalty_weight) < 0 or self.penalty_power < 1:
            raise ValueError(
                "matching_images, matching_weight and penalty_weight must be at least 0, and penalty_power at least 1"
            )
        if not 0 < self.penalty_share <= 1:
            raise ValueError(f"penalty_share is a share above 0 and at most 1, not {self.penalty_share}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def first_map(self) -> FirstMap:
        """The map that the latent is projected to, 4x4 pixels for square images of 32, 64, 128 or 256."""
        return first_map(self.resolution, DOUBLINGS)

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels at the full resolution, at half of it, and so on down to the first map."""
        return tuple(self.width * min(2**i, 8) for i in range(self.first_map.doublings + 1))

    @property
    def condition_dim(self) -> int:
        """The length of what the affine transformations see."""
        return self.sentence_dim + (self.latent_dim if self.fuse_latent else 0)


PORTRAITS = Recipe(
    config={
        **{"resolution": 32, "width": 16, "text_encoder": "gru", "embedding_dim": 64, "sentence_dim": 128},
        **{"matching_images": 100_000, "matching_learning_rate": 1e-3, "penalty_share": 0.5},
        **{"generator_learning_rate": 2e-4, "discriminator_learning_rate": 4e-4},
    },
    options={"batch_size": 32, "ema_half_life": 10_000},
)
"""Small networks for two CPU cores, as the bundled model has them."""

RECIPES = {
    "pixelfaces": PORTRAITS,
    "gan-cls": Recipe(
        config={
            "penalty_weight": 0.0,
            "generator_learning_rate": 2e-4,
            "discriminator_learning_rate": 2e-4,
            "beta1": 0.5,
            "beta2": 0.999,
        },
        options={"batch_size": 64, "loss": "non-saturating"},
    ),
    "*": Recipe(options={"batch_size": 32}),
}
"""How to train on each data set, by its name; ``*`` is for all others. ``gan-cls`` is the objective and the optimizers
of the first text-to-image GAN (arXiv:1605.05396, section 5)."""

TINY: dict[str, Any] = {
    **{"resolution": 32, "latent_dim": 4, "width": 2, "words": 4, "embedding_dim": 4, "sentence_dim": 4},
    **{"matching_images": 6, "matching_width": 2},
}
"""The config values that make the networks small enough for tests. Their first iteration of 6 images is matching."""
