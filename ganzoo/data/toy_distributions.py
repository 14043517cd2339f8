"""Points from distributions with a known density, so that a GAN can be compared with theory.

A point with one or two coordinates is an image with one pixel and as many channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from ganzoo.data.datasets import ImageData
from ganzoo.utils.seeds import derive_seed

__all__ = ["Mixture", "PointData"]

COUNT = 60_000
"""The number of points in each data set."""


@dataclass(frozen=True)
class Mixture:
    """A mixture of normal distributions with equal weights and the same standard deviation, `deviation`.

    `centers` has one point for each mode: (modes, coordinates).
    """

    centers: tuple[tuple[float, ...], ...]
    deviation: float

    @property
    def coordinates(self) -> int:
        """The number of coordinates of a point."""
        return len(self.centers[0])

    def density(self, points: Tensor) -> Tensor:
        """The density p(x), (N,), at points (N, coordinates)."""
        # Not cdist: it multiplies matrices, and is less exact for points that are close.
        squares = (points[:, None] - points.new_tensor(self.centers)).square().sum(2)  # (N, modes)
        scale: float = (2 * math.pi * self.deviation**2) ** (self.coordinates / 2)
        return torch.exp(-squares / (2 * self.deviation**2)).mean(1) / scale

    def sample(self, count: int, random: torch.Generator) -> Tensor:
        """Draw points, (count, coordinates)."""
        centers = torch.tensor(self.centers)[torch.randint(len(self.centers), (count,), generator=random)]
        return centers + self.deviation * torch.randn(centers.shape, generator=random)


@dataclass(frozen=True, eq=False)
class PointData(ImageData):
    """Points in memory, (N, coordinates, 1, 1), and the distribution that they were drawn from."""

    mixture: Mixture = field(kw_only=True)

    @classmethod
    def drawn(cls, name: str, mixture: Mixture) -> Self:
        """Draw `COUNT` points, always the same ones for the data set `name`."""
        random = torch.Generator().manual_seed(derive_seed(0, "points", name))
        points = mixture.sample(COUNT, random).clamp(-1, 1)
        return cls(name, points[:, :, None, None], mixture=mixture)
