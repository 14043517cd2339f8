"""Nearest neighbors in feature space, and the metrics that use them: precision, recall, density and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PRDC", "Neighbors", "Without", "nearest", "prdc", "prdc_without"]

BLOCK = 2**24
"""The number of distances that are in memory at a time: 64 MiB in float32."""


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


class Without(NamedTuple):
    """Recall and coverage without the generated images of each fold, (number of folds,) each."""

    recall: Tensor
    coverage: Tensor


def prdc(generated: Tensor, real: Tensor, *, k: int = 5) -> PRDC:
    """Compute PRDC from the features of generated and real images, both (n, F) with n > `k`.

    The memory that is needed grows with n, not with n squared.
    """
    return prdc_without(torch.zeros(len(generated), dtype=torch.long), generated, real, k=k)[0]


def prdc_without(folds: Tensor, generated: Tensor, real: Tensor, *, k: int = 5) -> tuple[PRDC, Without]:
    """PRDC, and what remains of recall and coverage without each fold of the generated images.

    `folds` (n,) are the folds of the generated images, from 0. The reach of a generated image is that among those left.
    """
    order = folds.argsort(stable=True)
    generated, sizes = generated[order], folds.bincount().tolist()  # each fold is a block of columns
    reach, reach_without = _reach_without(folds[order], generated, k)
    real_reach = _reach(real, k)
    in_real = torch.zeros(len(generated))  # the number of real images whose ball contains it
    covered, recalled, recalled_without = [], [], torch.zeros(len(sizes))
    for rows, distances in _blocks(real, generated):  # (rows, n)
        inside = distances <= real_reach[rows, None]
        in_real[order] += inside.sum(0, dtype=in_real.dtype)
        covered.append(_any_in_fold(inside, sizes))
        recalled.append(_any_in_fold(distances <= reach, sizes))
        recalled_without += _recalled_without(distances, recalled[-1], reach_without)
    by_fold = torch.cat(covered)  # (n, folds)
    recall, coverage = (torch.cat(each).any(1).float() for each in (recalled, covered))
    elsewhere = (by_fold.sum(1, keepdim=True) > by_fold).float().mean(0)
    return PRDC((in_real > 0).float(), recall, in_real / k, coverage), Without(recalled_without / len(real), elsewhere)


def _any_in_fold(inside: Tensor, sizes: list[int]) -> Tensor:
    """(rows, folds): whether any of the columns of each fold is true."""
    return torch.stack([columns.any(1) for columns in torch.split(inside, sizes, dim=1)], dim=1)


def _recalled_without(distances: Tensor, recalled: Tensor, reach_without: Tensor) -> Tensor:
    """(folds,): the number of rows that a generated image outside of each fold reaches.

    Without other images, the reach of an image only grows. So a row that images of two folds reach is always reached,
    and few rows need to be looked at for each fold.
    """
    always = recalled.sum(1) > 1
    never = (distances > reach_without.amax(0)).all(1)
    rest = distances[~always & ~never]
    return always.sum() + torch.stack([(rest <= reach).any(1).sum() for reach in reach_without])


def _reach_without(folds: Tensor, features: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(n,) and (number of folds, n): the distance of each image to its `k`-th nearest neighbor, and to that outside of
    each fold.

    An image in the fold itself reaches nothing. Only the nearest 4 `k` neighbors are looked at: a fold of a tenth of
    the images never holds three quarters of them.
    """
    shown = min(4 * k + 1, len(features))
    reach, without = torch.zeros(len(features)), torch.zeros(int(folds.max()) + 1, len(features))
    for rows, distances in _blocks(features, features):
        values, columns = distances.topk(shown, dim=1, largest=False)
        reach[rows] = values[:, k]  # each image is its own nearest
        for fold in range(len(without)):
            left = values.masked_fill(folds[columns] == fold, torch.inf)
            nearest_left = left.kthvalue(min(k + 1, shown), dim=1).values
            without[fold, rows] = nearest_left.masked_fill(folds[rows] == fold, -torch.inf)
    return reach, without


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
    # k + 1, because each image is its own nearest. For a small k, topk is ten times as fast as kthvalue.
    return torch.cat([d.topk(k + 1, dim=1, largest=False).values[:, k] for _, d in _blocks(features, features)])


def _blocks(features: Tensor, others: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield the Euclidean distances from some rows of `features` to all `others`, until all rows are done."""
    size = max(1, BLOCK // len(others))
    for start in range(0, len(features), size):
        rows = slice(start, min(start + size, len(features)))
        yield rows, torch.cdist(features[rows], others)
