"""The precision that sums and statistics are computed in."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["at_least_float32"]


def at_least_float32(x: Tensor) -> Tensor:
    """`x` in 32 bits or more: under autocast scores have 16, which a square overflows and a mean wears off."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
