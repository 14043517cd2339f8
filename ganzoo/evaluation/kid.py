"""The squared MMD with the cubic kernel of KID (arXiv:1801.01401), over random subsets, and its standard error.

Products of features have the precision of the features, float32; everything after them is float64. Products in float64
would take twice the time, and change KID by less than a millionth of its standard deviation over the subsets. NumPy
computes them: of a product of a matrix with its own transpose, it computes only one half.
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

BLOCK = 2**20
"""The number of kernel values that are in memory at a time: 8 MiB, and as much again for those to be added up."""

SLICE = 2**18
"""The number of products that become kernel values at a time: 2 MiB, which stay in the cache of the processor."""

Array = NDArray[np.floating[Any]]
Subsets = Sequence[Sequence[NDArray[np.int64]]]  # for each subset, its rows in both sets


def subset_mmds(features: Tensor, reference: Tensor, *, subsets: int, size: int, seed: int) -> Tensor:
    """(subsets,) float64: the unbiased squared MMD between `size` random rows of each, (n, F) and (m, F).

    The subsets are those of torch-fidelity for this `seed`.
    """
    x, y = _array(features), _array(reference)
    random = np.random.RandomState(seed)
    drawn = [[random.choice(len(each), size, replace=False) for each in (x, y)] for _ in range(subsets)]
    # In small sets, the subsets have most pairs in common. A pair that is shared takes about twice the time.
    sums = _shared_sums if 2 * max(len(x), len(y)) ** 2 < subsets * size**2 else _separate_sums
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
        inside[i, j] = inside[j, i] = _sum(folds[i], folds[j])
    across = np.array([_sum(fold, real) for fold in folds])
    left = len(features) - np.array([len(fold) for fold in folds])
    pairs = inside.sum() - 2 * inside.sum(1) + inside.diagonal()
    without = pairs / (left * (left - 1)) - 2 * (across.sum() - across) / (left * len(real))
    return spread(torch.from_numpy(without))


def _separate_sums(x: Array, y: Array, drawn: Subsets) -> tuple[Array, Array]:
    """(subsets,) each: the sums of the kernel over the pairs of two different rows of one set, and over other pairs."""
    inside, across = [], []
    for ours, real in ((x[rows], y[columns]) for rows, columns in drawn):
        inside.append(_pair_sum(ours) + _pair_sum(real))
        across.append(_sum(ours, real))
    return np.array(inside), np.array(across)


def _shared_sums(x: Array, y: Array, drawn: Subsets) -> tuple[Array, Array]:
    """As `_separate_sums`, from kernel values that all subsets share: the sum over a subset is a quadratic form."""
    ours, real = (_members(rows, count) for rows, count in zip(zip(*drawn, strict=True), (len(x), len(y)), strict=True))
    return _pairs(x, ours) + _pairs(y, real), _quadratic(x, ours, y, real)


def _quadratic(x: Array, rows: Array, y: Array, columns: Array) -> Array:
    """(subsets,): the sum of the kernel over the pairs of a row and a column of each subset."""
    return np.asarray(sum(_form(rows[b], _kernel(x[b], y), columns) for b in _blocks(len(x), len(y))))


def _pairs(x: Array, rows: Array) -> Array:
    """(subsets,): the sum of the kernel over the pairs of two different rows of each subset."""
    sums = -(_diagonal(x) @ rows)
    for block in _blocks(len(x), len(x)):
        columns = np.concatenate([2 * rows[: block.start], rows[block]])  # each pair of two blocks occurs once
        sums += _form(rows[block], _kernel(x[block], x[: block.stop]), columns)
    return sums


def _form(rows: Array, kernel: Array, columns: Array) -> Array:
    form: Array = (rows * (kernel @ columns)).sum(0)
    return form


def _blocks(count: int, others: int) -> list[slice]:
    """Blocks of `count` rows: kernel values of a block and all `others` are in memory at a time."""
    size = max(1, BLOCK // others)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _members(rows: Sequence[Any], count: int) -> Array:
    """(count, subsets): 1 where a row is in a subset, and 0 elsewhere."""
    members = np.zeros((count, len(rows)))
    for subset, each in enumerate(rows):
        members[each, subset] = 1
    return members


def _pair_sum(x: Array) -> float:
    """The sum of the kernel over all pairs of two different rows."""
    return float(_sum(x, x) - _diagonal(x).sum())


def _sum(x: Array, y: Array) -> float:
    """The sum of the kernel over all pairs of rows."""
    products = (x @ y.T).ravel()
    slices = (products[start : start + SLICE] for start in range(0, len(products), SLICE))
    return float(sum(_cubes(each, x.shape[1]).sum() for each in slices))


def _kernel(x: Array, y: Array) -> Array:
    """The cubic kernel of KID, (x y / F + 1)^3, for all pairs of rows, in float64."""
    return _cubes(x @ y.T, x.shape[1])


def _cubes(products: Array, features: int) -> Array:
    base: Array = products.astype(np.float64)
    base /= features
    base += 1
    cubes = base * base
    cubes *= base  # NumPy's powers take longer than the product
    return cubes


def _diagonal(x: Array) -> Array:
    """The kernel of each row with itself."""
    diagonal: Array = (np.square(x, dtype=np.float64).sum(1) / x.shape[1] + 1) ** 3
    return diagonal


def _array(features: Tensor) -> Array:
    array: Array = features.numpy()
    return array
