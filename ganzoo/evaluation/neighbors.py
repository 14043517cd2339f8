"""Precision, recall, density and coverage: what the neighbourhoods of images in feature space say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PRDC", "Neighbours", "nearest", "prdc"]

BLOCK = 2**24
"""So many distances are in memory at a time."""


class PRDC(NamedTuple):
    """What holds of each image; the metrics are the means.

    `precision` (n,): whether a generated image lies in the ball of some real one (arXiv:1904.06991, equation 1);
    `recall` (n,): whether a real image lies in the ball of some generated one; `density` (n,): in how many balls of
    real images a generated one lies, by k (arXiv:2002.09797, equation 3); `coverage` (n,): whether a generated image
    lies in the ball of a real one (equation 4). A ball reaches to the k-th nearest of its own kind.
    """

    precision: Tensor
    recall: Tensor
    density: Tensor
    coverage: Tensor


class Neighbours(NamedTuple):
    """The nearest image to each: its `rows` (n,) among the others, and its `distances` (n,)."""

    rows: Tensor
    distances: Tensor


def prdc(generated: Tensor, real: Tensor, *, k: int = 5) -> PRDC:
    """Of features (n, F) of as many generated as real images, more than `k`. Memory does not grow with n squared."""
    generated_reach, real_reach = (_reach(features, k) for features in (generated, real))
    in_real = torch.zeros(len(generated))  # in how many balls of real images each generated one lies
    recall, coverage = torch.zeros(len(real)), torch.zeros(len(real))
    for rows, distances in _blocks(real, generated):  # (rows, n)
        inside = distances <= real_reach[rows, None]
        in_real += inside.sum(0)
        coverage[rows] = inside.any(1).float()
        recall[rows] = (distances <= generated_reach).any(1).float()
    return PRDC((in_real > 0).float(), recall, in_real / k, coverage)


def nearest(features: Tensor, others: Tensor, *, skip: Tensor | None = None) -> Neighbours:
    """The nearest of (m, F) to each of (n, F); `skip` (n,) are rows of `others` left out, such as the image itself."""
    found, least = torch.zeros(len(features), dtype=torch.long), torch.zeros(len(features))
    for rows, distances in _blocks(features, others):
        if skip is not None:
            distances.scatter_(1, skip[rows, None], torch.inf)
        least[rows], found[rows] = distances.min(1)
    return Neighbours(found, least)


def _reach(features: Tensor, k: int) -> Tensor:
    """The distance of each to the `k`-th nearest of the others."""
    return torch.cat([d.kthvalue(k + 1, dim=1).values for _, d in _blocks(features, features)])  # itself is one


def _blocks(features: Tensor, others: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """All Euclidean distances, some rows at a time."""
    size = max(1, BLOCK // len(others))
    for start in range(0, len(features), size):
        rows = slice(start, min(start + size, len(features)))
        yield rows, torch.cdist(features[rows], others)
