"""The theory in pictures: p_data, p_g and D(x) on points whose distribution is known, frame by frame.

After figure 1 of arXiv:1406.2661: the discriminator follows its optimum p_data / (p_data + p_g), the
generator moves z to where it is taken for real, and in the end D is 1/2 everywhere.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.data.toy_distributions import Mixture

__all__ = ["Field", "Frame", "Measures", "field_of", "measure", "wasserstein"]

BANDWIDTH = 0.03
"""Standard deviation of the kernel that p_g is estimated with; p_data is smoothed by the same."""

KERNELS = 20_000_000
"""Kernels that may be evaluated for one estimate: in the plane not all samples are used."""

SUPPORT = 0.1
"""The support is where p_data is at least this part of its greatest value."""


class Field(NamedTuple):
    """What there is to see at points of a grid, all (points,) but for `points` itself, (points, coordinates)."""

    points: Tensor
    data: Tensor
    generated: Tensor
    probability: Tensor

    @property
    def optimum(self) -> Tensor:
        """p_data / (p_data + p_g), arXiv:1406.2661, proposition 1; 1/2 where neither is."""
        total = self.data + self.generated
        return torch.where(total > 1e-6, self.data / total.clamp_min(1e-6), 0.5)


class Frame(NamedTuple):
    """A picture of the game at one moment; `latents` are those of the samples, row by row, if they can be drawn."""

    step: int
    field: Field
    samples: Tensor
    latents: Tensor | None
    caption: str


class Measures(NamedTuple):
    """How far D is from its optimum and from 1/2, mean and most over the support, and p_g from p_data."""

    optimum: float
    optimum_most: float
    half: float
    half_most: float
    distance: float

    def __str__(self) -> str:
        return (
            f"D(x) is {self.optimum:.3f} from the optimum p_data/(p_data+p_g) and {self.half:.3f} from 1/2 "
            f"(mean over the support of p_data; at most {self.optimum_most:.3f} and {self.half_most:.3f}); "
            f"p_g is {self.distance:.3f} from p_data (Wasserstein-1)"
        )

    def figures(self) -> dict[str, float]:
        """For the metrics."""
        return {
            "D from optimum": self.optimum,
            "D from half": self.half,
            "D from half at most": self.half_most,
            "p_g from p_data": self.distance,
        }


def field_of(mixture: Mixture, samples: Tensor, grid: Tensor, probability: Tensor) -> Field:
    """The densities at the points of a grid; p_g is estimated from samples, (n, coordinates)."""
    smoothed = Mixture(mixture.centers, math.hypot(mixture.deviation, BANDWIDTH))
    return Field(grid, smoothed.density(grid), _kernel_density(samples, grid), probability)


def measure(field: Field, samples: Tensor, reference: Tensor) -> Measures:
    """The distances of a field; `reference` are as many points of the data as there are samples."""
    support = field.data >= SUPPORT * field.data.max()
    optimum = (field.probability - field.optimum).abs()[support]
    half = (field.probability - 0.5).abs()[support]
    distance = wasserstein(samples, reference)
    over = (optimum.mean(), optimum.max(), half.mean(), half.max(), torch.tensor(distance))
    return Measures._make(x.item() for x in over)


def wasserstein(samples: Tensor, reference: Tensor, directions: int = 64) -> float:
    """The Wasserstein-1 distance of two equally large sets of points, (n, coordinates).

    Of more than one coordinate it is the sliced one: the mean over projections on evenly spread directions.
    """
    if samples.shape[1] == 1:
        return float((samples.sort(0).values - reference.sort(0).values).abs().mean())
    angles = torch.arange(directions) * (math.pi / directions)
    axes = torch.stack([angles.cos(), angles.sin()])  # (2, directions)
    return float(((samples @ axes).sort(0).values - (reference @ axes).sort(0).values).abs().mean())


def _kernel_density(samples: Tensor, grid: Tensor) -> Tensor:
    """The mean of normal kernels around the samples, at each point of the grid."""
    samples = samples[: KERNELS // len(grid)]
    scale = (2 * math.pi * BANDWIDTH**2) ** (grid.shape[1] / 2)
    exponents = (torch.cdist(part, samples).square() / (-2 * BANDWIDTH**2) for part in grid.split(64))  # type: ignore[no-untyped-call]
    return torch.cat([part.exp().mean(1) / scale for part in exponents])
