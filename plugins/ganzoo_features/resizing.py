"""How networks that were ported from TensorFlow, and torch-fidelity's, bring images to the size that they take."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

__all__ = ["as_color_square"]


def as_color_square(images: Tensor, side: int, *, dtype: torch.dtype) -> Tensor:
    """Images (N, C, H, W) as floats (N, 3, side, side): bilinear without antialiasing, as TensorFlow 1 does.

    The channel of gray images is repeated. Images of this size stay as they are.
    """
    pixels = images.to(dtype).expand(-1, 3, -1, -1)
    resized: Tensor = interpolate_bilinear_2d_like_tensorflow1x(pixels, size=(side, side), align_corners=False)
    return resized
