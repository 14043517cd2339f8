"""Nearest neighbors in feature space, and the metrics that use them: precision, recall, density and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PRDC", "Neighbors", "nearest", "prdc", "recall_and_coverage_without"]

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


def recall_and_coverage_without(folds: Tensor, generated: Tensor, real: Tensor, *, k: int = 5) -> tuple[Tensor, Tensor]:
    """Recall and coverage without the generated images of each fold: two tensors (number of folds,).

    `folds` (n,) are the folds of the generated images, from 0. The reach of a generated image is that among those left.
    """
    count = int(folds.max()) + 1
    reach, real_reach = _reach_without(folds, generated, k), _reach(real, k)
    recall, coverage = torch.zeros(count), torch.zeros(count)
    for rows, distances in _blocks(real, generated):
        inside = distances <= real_reach[rows, None]
        for fold in range(count):
            left = folds != fold
            recall[fold] += (distances[:, left] <= reach[fold, left]).any(1).sum()
            coverage[fold] += inside[:, left].any(1).sum()
    return recall / len(real), coverage / len(real)


def _reach_without(folds: Tensor, features: Tensor, k: int) -> Tensor:
    """(number of folds, n): the distance of each image to its `k`-th nearest neighbor outside of each fold.

    Only the nearest 4 `k` neighbors are looked at: a fold of a tenth of the images never holds three quarters of them.
    """
    shown = min(4 * k + 1, len(features))
    reach = torch.zeros(int(folds.max()) + 1, len(features))
    for rows, distances in _blocks(features, features):
        values, columns = distances.topk(shown, dim=1, largest=False)
        for fold in range(len(reach)):
            # An image is its own nearest. That of an image in the fold itself is never asked for.
            left = values.masked_fill(folds[columns] == fold, torch.inf)
            reach[fold, rows] = left.kthvalue(min(k + 1, shown), dim=1).values
    return reach


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
