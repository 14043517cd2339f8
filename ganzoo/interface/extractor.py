"""Networks that images are compared by: what such a network returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["Extracted", "Extractor"]


class Extracted(NamedTuple):
    """What a network sees in N images: `features` (N, F), and `logits` (N, K), its classes before the softmax."""

    features: Tensor
    logits: Tensor


class Extractor(nn.Module, ABC):
    """A network that images are compared by."""

    @abstractmethod
    def forward(self, images: Tensor) -> Extracted:
        """Of uint8 images (N, C, H, W) with 1 or 3 channels, of any size. Row i depends on image i alone."""
