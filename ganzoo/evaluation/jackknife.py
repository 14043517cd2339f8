"""Standard errors by the jackknife: how much a number changes without each tenth of the images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["FOLDS", "fold_sums", "spread"]

FOLDS = 10
"""The folds of the jackknife: each estimate leaves out another tenth of the images. Image i is in fold i modulo 10."""


def fold_sums(rows: Tensor) -> Tensor:
    """(FOLDS, ...): the sums of `rows`, (n, ...), over each fold."""
    return torch.stack([rows[fold::FOLDS].sum(0) for fold in range(FOLDS)])


def spread(values: Tensor) -> float:
    """The standard error, from the values that a statistic has without each fold."""
    return math.sqrt((FOLDS - 1) * values.double().var(correction=0).item())
