"""The precision for sums and statistics."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["at_least_float32"]


def at_least_float32(x: Tensor) -> Tensor:
    """`x` in 32 bits or more. Under autocast, logits have 16: a square may overflow, and a mean is inexact."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
