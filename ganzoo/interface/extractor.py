"""Networks whose features images are compared by, and what such a network returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

__all__ = ["Extractor", "ExtractorOutput", "ImageDistance"]


class ExtractorOutput(NamedTuple):
    """What a feature extractor returns for N images: `features` (N, F) and `logits` (N, K) of its classes.

    The logits of a network that is no classifier are (N, 0).
    """

    features: Tensor
    logits: Tensor


class Extractor(nn.Module, ABC):
    """A network whose features images are compared by."""

    @abstractmethod
    def forward(self, images: Tensor) -> ExtractorOutput:
        """Takes images (N, C, H, W) of any size, with the channels that its record declares.

        Row i depends on image i alone.

        Images are uint8, or floats in [0, 255] with the same result. Floats get gradients, which `ganzoo fool` and
        `Model.invert` need.
        """


@runtime_checkable
class ImageDistance(Protocol):
    """What an `Extractor` has besides, that measures how different two images look."""

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        """(N,): the distance between each image and the other one in its row, both as in `Extractor.forward`."""
        ...
