"""Networks that images are compared by: what they return, and how one is loaded with its pinned weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganzoo import loading, zoo
from ganzoo.unfilled import filled

__all__ = ["Extracted", "Extractor", "load_extractor"]


class Extracted(NamedTuple):
    """What a network sees in N images: `features` (N, F), and `logits` (N, K), its classes before the softmax."""

    features: Tensor
    logits: Tensor


class Extractor(nn.Module, ABC):
    """A network that images are compared by."""

    @abstractmethod
    def forward(self, images: Tensor) -> Extracted:
        """Of uint8 images (N, C, H, W) with 1 or 3 channels, of any size. Row i depends on image i alone."""


def load_extractor(name: str, *, device: torch.device, progress: type | None = None) -> Extractor:
    """The registered network of that name with its weights, verified, in eval mode and without gradients.

    Raises:
        UnknownNameError: there is none.
        WeightsError: its weights cannot be fetched, are damaged or do not fit.
    """
    spec = zoo.registry().features[name]
    tensors = loading.read_weights(spec, loading.weights_path(spec, progress=progress))
    network: Extractor = filled(spec.build, tensors, of=name)
    return network.eval().requires_grad_(False).to(device)
