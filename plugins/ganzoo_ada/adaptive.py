"""The augmentation pipeline with a strength that follows the overfitting of the discriminator."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo import AdaptiveAugmentation, DiscriminatorOutput, gather_rows
from ganzoo_ada.colors import recolor
from ganzoo_ada.geometry import move

__all__ = ["AdaptiveDiscriminatorAugmentation"]

TARGET = 0.6
"""The wanted share by which more real images have a positive logit than a negative one (section 3.1)."""

IMAGES = 500_000
"""The real images in which the strength can rise from 0 to 1 (section 3.1)."""

INTERVAL = 4
"""The batches from one adaptation to the next (section 3.1)."""


class AdaptiveDiscriminatorAugmentation(AdaptiveAugmentation):
    """Pixel blitting, geometric and color transformations, each with probability `strength` (section 2.2).

    The discriminator overfits if it calls nearly all real images real. So the strength rises while the mean sign of
    their logits, r_t, is above `TARGET`, and falls while it is below (section 3.1, equation 1).
    """

    signs: Tensor
    images: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("images", torch.zeros((), dtype=torch.int64))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1]. With strength 0 they are returned as they are."""
        if not self.strength:
            return images
        return recolor(move(images, self.strength), self.strength)

    @torch.no_grad()
    def observe(self, output: DiscriminatorOutput) -> None:
        """Count the signs of the logits of real images, and adapt the strength after every `INTERVAL` batches."""
        signs = gather_rows(output.real_logits.float().sign().reshape(len(output.real), -1).mean(1))
        self.signs += signs.sum()
        self.images += len(signs)
        self.batches += 1
        if self.batches >= INTERVAL:
            self._adapt()

    def _adapt(self) -> None:
        step = (self.signs / self.images - TARGET).sign() * self.images / IMAGES
        self.strength.copy_((self.strength + step).clamp(0, 1))
        for counter in (self.signs, self.images, self.batches):
            counter.zero_()
