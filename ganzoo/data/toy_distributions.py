"""Distributions of points that are known exactly, so that a GAN on them can be held against theory.

A point of one or two coordinates is an image of as many channels and one pixel.
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
"""How many points a data set has."""


@dataclass(frozen=True)
class Mixture:
    """Normal distributions of equal weight and one standard deviation: `centres` is (modes, coordinates)."""

    centres: tuple[tuple[float, ...], ...]
    deviation: float

    @property
    def coordinates(self) -> int:
        """How many numbers make a point."""
        return len(self.centres[0])

    def density(self, points: Tensor) -> Tensor:
        """p(x) of points (N, coordinates)."""
        # Not cdist, which multiplies matrices: its squares are less exact where points are near.
        squares = (points[:, None] - points.new_tensor(self.centres)).square().sum(2)  # (N, modes)
        scale: float = (2 * math.pi * self.deviation**2) ** (self.coordinates / 2)
        return torch.exp(-squares / (2 * self.deviation**2)).mean(1) / scale

    def sample(self, count: int, random: torch.Generator) -> Tensor:
        """(count, coordinates)."""
        centres = torch.tensor(self.centres)[torch.randint(len(self.centres), (count,), generator=random)]
        return centres + self.deviation * torch.randn(centres.shape, generator=random)


def _ring(modes: int, radius: float) -> tuple[tuple[float, ...], ...]:
    angles = [2 * math.pi * i / modes for i in range(modes)]
    return tuple((radius * math.cos(angle), radius * math.sin(angle)) for angle in angles)


def _grid(side: int, reach: float) -> tuple[tuple[float, ...], ...]:
    places = [reach * (2 * i / (side - 1) - 1) for i in range(side)]
    return tuple((x, y) for x in places for y in places)


POINTS = {
    "gaussian-1d": Mixture(((0.0,),), 0.25),
    "ring": Mixture(_ring(8, 0.6), 0.06),
    "grid": Mixture(_grid(5, 0.72), 0.05),
}
"""The distributions by name: one normal on a line, 8 on a circle, 25 on a square; all but inside [-1, 1]."""


@dataclass(frozen=True, eq=False)
class PointData(ImageData):
    """Points in memory, (N, coordinates, 1, 1), and the distribution that they are from."""

    mixture: Mixture = POINTS["gaussian-1d"]


def load_points(name: str, image_shape: tuple[int, int, int], limit: int | None) -> PointData:
    """The points of that name, always the same.

    Raises:
        DataError: the architecture makes images, not such points.
    """
    mixture = POINTS[name]
    if image_shape != (mixture.coordinates, 1, 1):
        shown = "x".join(map(str, image_shape))
        raise DataError(f"{name} holds points, images of {mixture.coordinates}x1x1, not of {shown}")
    random = torch.Generator().manual_seed(derive_seed(0, "points", name))
    points = mixture.sample(COUNT, random)[:limit].clamp(-1, 1)
    return PointData(name, points[:, :, None, None], mixture=mixture)
