"""The squared MMD with the cubic kernel of KID (arXiv:1801.01401), over random subsets, and its standard error.

NumPy computes it: of a product of a matrix with its own transpose, it computes only one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.evaluation.jackknife import FOLDS, spread

__all__ = ["BLOCK", "kid_standard_error", "subset_mmds"]

BLOCK = 2**22
"""The number of kernel values that are in memory at a time: 32 MiB."""

Array = NDArray[np.float64]
Subsets = Sequence[Sequence[NDArray[np.int64]]]  # for each subset, its rows in both sets


def subset_mmds(features: Tensor, reference: Tensor, *, subsets: int, size: int, seed: int) -> Tensor:
    """(subsets,) float64: the unbiased squared MMD between `size` random rows of each, (n, F) and (m, F).

    The subsets are those of torch-fidelity for this `seed`.
    """
    x, y = _array(features), _array(reference)
    random = np.random.RandomState(seed)
    drawn = [[random.choice(len(each), size, replace=False) for each in (x, y)] for _ in range(subsets)]
    # In small sets, the subsets have most pairs in common.
    sums = _shared_sums if max(len(x), len(y)) ** 2 < subsets * size**2 else _separate_sums
    inside, across = sums(x, y, drawn)
    return torch.from_numpy(inside / (size * (size - 1)) - 2 * across / size**2)


def kid_standard_error(features: Tensor, reference: Tensor) -> float | None:
    """The standard error of the unbiased squared MMD by the jackknife, from sums of the kernel over pairs of folds.

    None for too few images.
    """
    if len(features) < 2 * FOLDS:
        return None
    folds, real = [_array(features[fold::FOLDS]) for fold in range(FOLDS)], _array(reference)
    inside = np.diag([_pair_sum(fold) for fold in folds])  # the unbiased estimate leaves out each image with itself
    for i, j in zip(*np.tril_indices(FOLDS, -1), strict=True):
        inside[i, j] = inside[j, i] = _kernel(folds[i], folds[j]).sum()
    across = np.array([_kernel(fold, real).sum() for fold in folds])
    left = len(features) - np.array([len(fold) for fold in folds])
    pairs = inside.sum() - 2 * inside.sum(1) + inside.diagonal()
    without = pairs / (left * (left - 1)) - 2 * (across.sum() - across) / (left * len(real))
    return spread(torch.from_numpy(without))


def _separate_sums(x: Array, y: Array, drawn: Subsets) -> tuple[Array, Array]:
    """(subsets,) each: the sums of the kernel over the pairs of two different rows of one set, and over other pairs."""
    inside, across = [], []
    for ours, real in ((x[rows], y[columns]) for rows, columns in drawn):
        inside.append(_pair_sum(ours) + _pair_sum(real))
        across.append(_kernel(ours, real).sum())
    return np.array(inside), np.array(across)


def _shared_sums(x: Array, y: Array, drawn: Subsets) -> tuple[Array, Array]:
    """As `_separate_sums`, from kernel values that all subsets share: the sum over a subset is a quadratic form."""
    ours, real = (_members(rows, count) for rows, count in zip(zip(*drawn, strict=True), (len(x), len(y)), strict=True))
    own = _quadratic(x, ours, x, ours) - _diagonal(x) @ ours + _quadratic(y, real, y, real) - _diagonal(y) @ real
    return own, _quadratic(x, ours, y, real)


def _quadratic(x: Array, rows: Array, y: Array, columns: Array) -> Array:
    """(subsets,): the sum of the kernel over the pairs of each subset, in blocks of rows."""
    size = max(1, BLOCK // len(y))
    blocks = (slice(start, start + size) for start in range(0, len(x), size))
    return np.asarray(sum((rows[block] * (_kernel(x[block], y) @ columns)).sum(0) for block in blocks))


def _members(rows: Sequence[Any], count: int) -> Array:
    """(count, subsets): 1 where a row is in a subset, and 0 elsewhere."""
    members = np.zeros((count, len(rows)))
    for subset, each in enumerate(rows):
        members[each, subset] = 1
    return members


def _pair_sum(x: Array) -> float:
    """The sum of the kernel over all pairs of two different rows."""
    return float(_kernel(x, x).sum() - _diagonal(x).sum())


def _kernel(x: Array, y: Array) -> Array:
    """The cubic kernel of KID, (x y / F + 1)^3, for all pairs of rows."""
    base: Array = x @ y.T
    base /= x.shape[1]
    base += 1
    cube = base * base
    cube *= base  # NumPy's powers take longer than the product
    return cube


def _diagonal(x: Array) -> Array:
    """The kernel of each row with itself."""
    diagonal: Array = ((x * x).sum(1) / x.shape[1] + 1) ** 3
    return diagonal


def _array(features: Tensor) -> Array:
    array: Array = features.double().numpy()
    return array
