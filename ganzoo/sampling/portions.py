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
    """A function of inputs that computes a few images of a large batch at a time.

    A batch always has the same portions, so its images are the same bit by bit.
    """

    def __init__(self, function: Callable[[Inputs], Tensor]) -> None:
        self._function = function
        self._sizes: dict[tuple[torch.Size, ...], int] = {}

    def __call__(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) from batched inputs."""
        count = len(next(iter(inputs.values())))
        size = self._size_for(inputs) if count > 1 else 1
        if count <= size:
            return self._function(inputs)
        portions = (_rows(inputs, first, first + size) for first in range(0, count, size))
        return torch.cat([self._function(portion) for portion in portions])

    def _size_for(self, inputs: Inputs) -> int:
        """The images of a portion. For inputs of new shapes, one image shows its size."""
        shapes = tuple(value.shape[1:] for value in inputs.values())
        if shapes not in self._sizes:
            *_, height, width = self._function(_rows(inputs, 0, 1)).shape
            self._sizes[shapes] = max(1, _PIXELS // (height * width))
        return self._sizes[shapes]


def _rows(inputs: Inputs, first: int, last: int) -> Inputs:
    return {name: value[first:last] for name, value in inputs.items()}
