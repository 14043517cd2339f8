"""Nearest neighbors in feature space, and the metrics that use them: precision, recall, density and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PRDC", "Neighbors", "nearest", "prdc"]

BLOCK = 2**24
"""The number of distances that are in memory at a time."""


class PRDC(NamedTuple):
    """Four values for each image. The metrics are their means.

    The ball of an image has the radius of its distance to its k-th nearest neighbor: of a real image among the real
    images, of a generated image among the generated images.

    - `precision` (n,): 1 if a generated image lies in the ball of a real image (arXiv:1904.06991, equation 1).
    - `recall` (n,): 1 if a real image lies in the ball of a generated image.
    - `density` (n,): the number of real images whose balls contain a generated image, divided by k
      (arXiv:2002.09797, equation 3).
    - `coverage` (n,): 1 if the ball of a real image contains a generated image (equation 4).
    """

    precision: Tensor
    recall: Tensor
    density: Tensor
    coverage: Tensor


class Neighbors(NamedTuple):
    """The nearest other image of each image: its index, `rows` (n,), and its distance, `distances` (n,)."""

    rows: Tensor
    distances: Tensor


def prdc(generated: Tensor, real: Tensor, *, k: int = 5) -> PRDC:
    """Compute PRDC from the features of generated and real images, both (n, F) with n > `k`.

    The memory that is needed grows with n, not with n squared.
    """
    generated_reach, real_reach = (_reach(features, k) for features in (generated, real))
    in_real = torch.zeros(len(generated))  # the number of real images whose ball contains it
    recall, coverage = torch.zeros(len(real)), torch.zeros(len(real))
    for rows, distances in _blocks(real, generated):  # (rows, n)
        inside = distances <= real_reach[rows, None]
        in_real += inside.sum(0)
        coverage[rows] = inside.any(1).float()
        recall[rows] = (distances <= generated_reach).any(1).float()
    return PRDC((in_real > 0).float(), recall, in_real / k, coverage)


def nearest(features: Tensor, others: Tensor, *, skip: Tensor | None = None) -> Neighbors:
    """The nearest of `others`, (m, F), to each of `features`, (n, F).

    `skip` (n,) is the row of `others` that each image ignores, such as the image itself.
    """
    found, least = torch.zeros(len(features), dtype=torch.long), torch.zeros(len(features))
    for rows, distances in _blocks(features, others):
        if skip is not None:
            distances.scatter_(1, skip[rows, None], torch.inf)
        least[rows], found[rows] = distances.min(1)
    return Neighbors(found, least)


def _reach(features: Tensor, k: int) -> Tensor:
    """The distance of each image to its `k`-th nearest neighbor."""
    # k + 1, because each image is its own nearest
    return torch.cat([d.kthvalue(k + 1, dim=1).values for _, d in _blocks(features, features)])


def _blocks(features: Tensor, others: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield the Euclidean distances from some rows of `features` to all `others`, until all rows are done."""
    size = max(1, BLOCK // len(others))
    for start in range(0, len(features), size):
        rows = slice(start, min(start + size, len(features)))
        yield rows, torch.cdist(features[rows], others)
