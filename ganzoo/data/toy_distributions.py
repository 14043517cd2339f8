"""Points from distributions with a known density, so that a GAN can be compared with theory.

A point with one or two coordinates is an image with one pixel and as many channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.data.datasets import ImageData
from ganzoo.errors import DataError
from ganzoo.utils.seeds import derive_seed

__all__ = ["POINTS", "Mixture", "PointData", "load_points"]

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


def _ring(modes: int, radius: float) -> tuple[tuple[float, ...], ...]:
    angles = [2 * math.pi * i / modes for i in range(modes)]
    return tuple((radius * math.cos(angle), radius * math.sin(angle)) for angle in angles)


def _grid(side: int, reach: float) -> tuple[tuple[float, ...], ...]:
    coordinates = [reach * (2 * i / (side - 1) - 1) for i in range(side)]
    return tuple((x, y) for x in coordinates for y in coordinates)


POINTS = {
    "gaussian-1d": Mixture(((0.0,),), 0.25),
    "ring": Mixture(_ring(8, 0.6), 0.06),
    "grid": Mixture(_grid(5, 0.72), 0.05),
}
"""The distributions by name: one mode on a line, 8 on a circle, 25 on a square. Nearly all points are in [-1, 1]."""


@dataclass(frozen=True, eq=False)
class PointData(ImageData):
    """Points in memory, (N, coordinates, 1, 1), and the distribution that they were drawn from."""

    mixture: Mixture = POINTS["gaussian-1d"]


def load_points(name: str, image_shape: tuple[int, int, int], limit: int | None) -> PointData:
    """The points of the distribution `name`, always the same ones; `limit` keeps the first of them.

    Raises:
        DataError: `image_shape` is not the (C, H, W) of these points.
    """
    mixture = POINTS[name]
    if image_shape != (mixture.coordinates, 1, 1):
        shown = "x".join(map(str, image_shape))
        raise DataError(
            f"{name} holds points, images of {mixture.coordinates}x1x1, not of {shown} - use a model of points"
        )
    random = torch.Generator().manual_seed(derive_seed(0, "points", name))
    points = mixture.sample(COUNT, random)[:limit].clamp(-1, 1)
    return PointData(name, points[:, :, None, None], mixture=mixture)
