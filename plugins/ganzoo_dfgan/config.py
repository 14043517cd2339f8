"""The config of DF-GAN, and how to train it on each data set. This module does not import torch."""

from __future__ import annotations

from typing import Any

from ganzoo import Recipe
from ganzoo_dfgan.text_config import TextGANConfig, check_at_least

__all__ = ["RECIPES", "TINY", "DFGANConfig"]


class DFGANConfig(TextGANConfig):
    """The config of DF-GAN; the defaults are the paper's for 256 pixels. `TextGANConfig` explains the other fields.

    - `width` is the number of channels at the full resolution; it doubles with each halving, at most 8 times as many.
    - With `fuse_latent`, the affine transformations see the latent beside the sentence, as in the authors' newer code.
      Without it they see the sentence alone, as in their first code. That has also a `first_block`, at the first map,
      and `affine_dim` hidden units in the networks of each affine transformation; None is the number of its channels.
    - The paper has no `matching_weight`.
    - `penalty_weight` and `penalty_power` are k and p of the matching-aware gradient penalty (equation 3). With weight
      0 and the loss ``non-saturating``, the objective is that of GAN-CLS (arXiv:1605.05396, algorithm 1); the recipe
      ``gan-cls`` has both.
    - `penalty_share` is the share of the iterations that have the penalty, drawn at random. Its weight is larger in
      these, so that the mean stays. The paper has the penalty in all of them.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    width: int = 32
    fuse_latent: bool = True
    first_block: bool = False
    affine_dim: int | None = None
    penalty_weight: float = 2.0
    penalty_power: float = 6.0
    penalty_share: float = 1.0
    generator_learning_rate: float = 1e-4
    discriminator_learning_rate: float = 4e-4
    beta1: float = 0.0
    beta2: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(1, self, "width", "penalty_power", *(["affine_dim"] if self.affine_dim is not None else []))
        check_at_least(0, self, "penalty_weight")
        if not 0 < self.penalty_share <= 1:
            raise ValueError(f"penalty_share is a share above 0 and at most 1, not {self.penalty_share}")

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
        **{"matching_images": 200_000, "matching_learning_rate": 1e-3, "matching_weight": 0.25, "penalty_share": 0.5},
        **{"generator_learning_rate": 2e-4, "discriminator_learning_rate": 4e-4},
    },
    options={"iterations": 36_250, "batch_size": 32, "ema_half_life": 10_000, "schedule": "linear=0.5"},
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
"""How to train on each data set, by its name; ``*`` is for all others. ``gan-cls`` has the objective of the first
text-to-image GAN (arXiv:1605.05396, algorithm 1), and the batches and optimizers of its code (reedscot/icml2016,
main_cls.lua), which also halves the learning rates every 100 epochs: see ``--schedule``."""

TINY: dict[str, Any] = {
    **{"resolution": 32, "latent_dim": 4, "width": 2, "words": 4, "embedding_dim": 4, "sentence_dim": 4},
    **{"matching_images": 6, "matching_width": 2},
}
"""The config values that make the networks small enough for tests. Their first iteration of 6 images is matching."""
