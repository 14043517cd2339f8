"""The config of AttnGAN, and how to train it on each data set. This module does not import torch."""

from __future__ import annotations

from typing import Any, Literal

from ganzoo import Recipe
from ganzoo_dfgan.text_config import TextGANConfig, check_at_least

__all__ = ["RECIPES", "TINY", "AttnGANConfig"]


class AttnGANConfig(TextGANConfig):
    """The config of AttnGAN; the defaults are the authors' for birds. `TextGANConfig` explains the other fields.

    - `stages` is the number of images of growing size: the first stage sees the sentence, and each later one doubles
      the resolution and sees the words. Each has a discriminator.
    - `width` and `discriminator_width` are the numbers of channels of the networks at the resolution of an image.
      The authors call them GF_DIM and DF_DIM; their model for COCO has 48 and 96.
    - `condition_dim` is the length of the condition that is drawn around each sentence.
    - `residual_blocks` is the number of residual blocks in each stage with words; the authors have 3 for COCO.
    - `matching_weight` is lambda: 5 for birds and 50 for COCO (section 4.1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    stages: int = 3
    width: int = 32
    condition_dim: int = 100
    residual_blocks: int = 2
    discriminator_width: int = 64
    matching: Literal["sentence", "word"] = "word"
    matching_weight: float = 5.0
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(1, self, "stages", "width", "condition_dim", "residual_blocks", "discriminator_width")
        if self.stages > self.first_map.doublings:
            raise ValueError(f"stages is at most {self.first_map.doublings} at this resolution")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the images of all stages, the smallest first, if the first map has 4x4 pixels."""
        return self.first_map.sides[-self.stages :]

    @property
    def latent_size(self) -> int:
        """The length of z: the latent, and the noise of the condition behind it."""
        return self.latent_dim + self.condition_dim


RECIPES = {
    "pixelfaces": Recipe(
        config={
            **{"resolution": 32, "stages": 2, "width": 16, "condition_dim": 32, "residual_blocks": 1},
            **{"discriminator_width": 16, "text_encoder": "gru", "embedding_dim": 64, "sentence_dim": 128},
            **{"matching_images": 100_000, "matching_learning_rate": 1e-3},
        },
        options={"batch_size": 32, "ema_half_life": 10_000},
    ),
    "*": Recipe(options={"batch_size": 20, "ema": 0.999}),
}
"""How to train on each data set, by its name; ``*`` is for all others, with the batches of the authors' code."""

TINY: dict[str, Any] = {
    **{"resolution": 32, "stages": 2, "latent_dim": 4, "condition_dim": 3, "width": 2, "residual_blocks": 1},
    **{"discriminator_width": 2, "words": 4, "embedding_dim": 4, "sentence_dim": 4},
    **{"matching_images": 6, "matching_width": 2},
}
"""The config values that make the networks small enough for tests. Their first iteration of 6 images is matching."""
