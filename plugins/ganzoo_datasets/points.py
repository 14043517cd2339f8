"""Distributions of points with a known density, so that a GAN can be compared with theory."""

from __future__ import annotations

import math

from ganzoo import DataRequest, Mixture, PointData

__all__ = ["POINTS", "open_points"]


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


def open_points(request: DataRequest) -> PointData:
    """The points of a distribution."""
    return PointData.drawn(request.name, POINTS[request.name])
