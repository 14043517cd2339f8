"""How near a GAN is to the theory: p_data, p_g and D(x) on points whose distribution is known.

The theory is that of arXiv:1406.2661, figure 1: the discriminator approaches its optimum p_data / (p_data + p_g),
the generator moves its points to where the discriminator takes them for real, and at the end D is 1/2 everywhere.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.data.toy_distributions import Mixture

__all__ = ["Field", "Frame", "Measures", "field_of", "measure", "wasserstein"]

BANDWIDTH = 0.03
"""The standard deviation of the kernels that estimate p_g. For a fair comparison, they smooth p_data too."""

KERNELS = 20_000_000
"""The limit of kernel evaluations for one estimate. Because of it, only some of the samples are used in the plane."""

SUPPORT = 0.1
"""The support of p_data is where it is at least this part of its maximum."""


class Field(NamedTuple):
    """Densities and D(x) at the points of a grid.

    `points` is (points, coordinates). All others are (points,): `data` is the density p_data, `generated` the
    density p_g, `probability` is D(x).
    """

    points: Tensor
    data: Tensor
    generated: Tensor
    probability: Tensor

    @property
    def optimum(self) -> Tensor:
        """The optimal D(x), p_data / (p_data + p_g), arXiv:1406.2661, proposition 1; 1/2 where both are 0."""
        total = self.data + self.generated
        return torch.where(total > 1e-6, self.data / total.clamp_min(1e-6), 0.5)


class Frame(NamedTuple):
    """The state of the game at one step, ready to be drawn.

    `samples` is (n, coordinates). `latents` has the same shape, row i for sample i, or is None if the latents
    have another number of coordinates.
    """

    step: int
    field: Field
    samples: Tensor
    latents: Tensor | None
    caption: str


class Measures(NamedTuple):
    """How far D is from its optimum and from 1/2, and how far p_g is from p_data.

    `optimum` and `half` are mean absolute differences over the support of p_data, `optimum_most` and `half_most`
    are the largest ones. `distance` is the Wasserstein-1 distance of p_g and p_data.
    """

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

    def metrics(self) -> dict[str, float]:
        """The distances by the names under which a run records them."""
        return {
            "D from optimum": self.optimum,
            "D from half": self.half,
            "D from half at most": self.half_most,
            "p_g from p_data": self.distance,
        }


def field_of(mixture: Mixture, samples: Tensor, grid: Tensor, probability: Tensor) -> Field:
    """The field at the points of `grid` (points, coordinates).

    p_g is estimated from `samples` (n, coordinates). `probability` is D(x) at these points, (points,).
    """
    smoothed = Mixture(mixture.centers, math.hypot(mixture.deviation, BANDWIDTH))
    return Field(grid, smoothed.density(grid), _kernel_density(samples, grid), probability)


def measure(field: Field, samples: Tensor, reference: Tensor) -> Measures:
    """Measure a field. `samples` are generated points, `reference` as many points of the data, (n, coordinates)."""
    support = field.data >= SUPPORT * field.data.max()
    optimum = (field.probability - field.optimum).abs()[support]
    half = (field.probability - 0.5).abs()[support]
    distance = wasserstein(samples, reference)
    values = (optimum.mean(), optimum.max(), half.mean(), half.max(), torch.tensor(distance))
    return Measures._make(value.item() for value in values)


def wasserstein(samples: Tensor, reference: Tensor, directions: int = 64) -> float:
    """The Wasserstein-1 distance of two sets with the same number of points, (n, coordinates).

    For two coordinates it is the sliced distance: the mean over projections on evenly spread directions.
    """
    if samples.shape[1] == 1:
        return float((samples.sort(0).values - reference.sort(0).values).abs().mean())
    angles = torch.arange(directions) * (math.pi / directions)
    axes = torch.stack([angles.cos(), angles.sin()])  # (2, directions)
    return float(((samples @ axes).sort(0).values - (reference @ axes).sort(0).values).abs().mean())


def _kernel_density(samples: Tensor, grid: Tensor) -> Tensor:
    """The mean of normal densities around the samples (n, coordinates), at each point of the grid: (points,)."""
    samples = samples[: KERNELS // len(grid)]
    scale = (2 * math.pi * BANDWIDTH**2) ** (grid.shape[1] / 2)
    exponents = (torch.cdist(part, samples).square() / (-2 * BANDWIDTH**2) for part in grid.split(64))  # type: ignore[no-untyped-call]
    return torch.cat([part.exp().mean(1) / scale for part in exponents])
