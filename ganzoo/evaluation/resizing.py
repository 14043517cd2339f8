"""Clean resizing (arXiv:2104.11222): images are resized to the size that an extractor takes, with antialiasing.

Inception's own resizing, TensorFlow's of 2015, is bilinear without antialiasing. So the distances of image sets depend
on details that no eye sees.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["clean_resize"]


def clean_resize(images: Tensor, side: int) -> Tensor:
    """Images (N, C, H, W) with pixels from 0 to 255 as floats (N, C, side, side) in this range.

    Each channel is resized by a bicubic filter with antialiasing, without rounding to whole numbers, and cut to the
    range. It is the resizing that clean-fid calls ``clean``: PIL's, of single channels as floats, to 1e-7 of the range.
    """
    exact = images.float() if images.device.type == "mps" else images.double()  # MPS computes in 32 bits only
    return interpolate(exact, (side, side), mode="bicubic", antialias=True).clamp(0, 255).float()
