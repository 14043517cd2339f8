"""The truncated total variation of images."""

from __future__ import annotations

from torch import Tensor

from ganzoo import at_least_float32

__all__ = ["truncated_variation"]


def truncated_variation(images: Tensor, order: int, limit: float) -> Tensor:
    """The mean of min(|d|, limit) over the differences d between neighbors in rows, plus that in columns.

    Without the limit and with order 1, it is the anisotropic total variation of each image (Rudin, Osher and Fatemi,
    Physica D 60, 1992), divided by the number of pixels. A difference above the limit has no gradient: edges stay.

    Args:
        images: (N, C, H, W).
        order: 1 for first differences, which vanish where an image is flat; 2 for second differences, which vanish
            where a shade is even.
        limit: Above 0, on the scale of the images.
    """
    images = at_least_float32(images)
    differences = [images.diff(n=order, dim=axis) for axis in (2, 3)]
    across, down = (each.abs().clamp_max(limit).mean() for each in differences)
    return across + down
