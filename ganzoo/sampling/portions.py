"""Large batches on CPUs, computed in portions that stay in the cache of the processor."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganzoo.interface.gan import Inputs

__all__ = ["InPortions"]

_PIXELS = 2**16
"""The pixels that a portion generates, at least one image: 64 channels of so many take 16 MiB in float32.

The maps between two layers, larger than the cache, would have to be fetched from memory.
"""


class InPortions:
    """A function of inputs that computes a few images of a large batch at a time. The last images show their size."""

    def __init__(self, function: Callable[[Inputs], Tensor]) -> None:
        self._function, self._pixels = function, _PIXELS

    def __call__(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) from batched inputs."""
        images: list[Tensor] = []
        first, count = 0, len(next(iter(inputs.values())))
        while first < count:
            last = first + max(1, _PIXELS // self._pixels)
            images.append(self._function({name: value[first:last] for name, value in inputs.items()}))
            first, self._pixels = last, images[-1].shape[-2] * images[-1].shape[-1]
        return images[0] if len(images) == 1 else torch.cat(images)
