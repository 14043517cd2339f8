"""Random numbers for each image, and the chance that a transformation happens."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Dice", "product"]


class Dice:
    """Draws for `count` images, with the data type and on the device of `probability`, which is a scalar."""

    def __init__(self, count: int, probability: Tensor) -> None:
        self.count, self.probability = count, probability

    def uniform(self, *shape: int) -> Tensor:
        """(count, *shape) in [0, 1)."""
        return torch.rand(self.count, *shape, dtype=self.probability.dtype, device=self.probability.device)

    def normal(self, *shape: int) -> Tensor:
        """(count, *shape) from N(0, 1)."""
        return torch.randn(self.count, *shape, dtype=self.probability.dtype, device=self.probability.device)

    def maybe(self, value: Tensor, otherwise: float, probability: Tensor | None = None) -> Tensor:
        """`value`, (count, ...), for each image with the probability, else `otherwise`."""
        chosen = self.uniform(*[1] * (value.ndim - 1)) < (self.probability if probability is None else probability)
        return torch.where(chosen, value, otherwise)


def product(first: Tensor, *others: Tensor) -> Tensor:
    """The matrix product from left to right."""
    for other in others:
        first = first @ other
    return first
