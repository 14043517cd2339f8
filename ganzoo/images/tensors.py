"""Images as tensors: conversions between pictures, pixels and floats, and to other channels and sizes.

Pixels are whole numbers, uint8 or uint16, from 0 to the largest one. Floats are in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.errors import NonFiniteError
from ganzoo.images.limits import shown_channels

__all__ = [
    "DEPTHS",
    "MODES",
    "fit",
    "from_pixels",
    "resize",
    "round_to_pixels",
    "to_channels",
    "to_pictures",
    "to_pixels",
    "to_tensor",
    "visible",
]

DEPTHS = {8: torch.uint8, 16: torch.uint16}
"""The type of pixels, by the bits of each channel."""

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name for the mode of a picture, by its number of channels."""


def to_tensor(picture: Image.Image) -> Tensor:
    """uint8 (C, H, W) from a picture of mode L, RGB or RGBA."""
    mode = picture.mode if picture.mode == "L" else f"{picture.mode};L"  # Pillow's name for each row by channels
    rows = np.frombuffer(picture.tobytes("raw", mode), np.uint8).reshape(picture.height, -1, picture.width)
    # NumPy copies in one thread: PyTorch's threads would get into each other's way in each small picture.
    return torch.from_numpy(rows.transpose(1, 0, 2).copy())


def to_pictures(images: Tensor) -> list[Image.Image]:
    """Pictures to look at, of 8 bits, from (N, C, H, W), floats or pixels. They show the `visible` channels."""
    shown = to_pixels(visible(images))
    mode = MODES[shown.shape[1]]
    size = (shown.shape[3], shown.shape[2])
    return [Image.frombytes(mode, size, p.numpy().tobytes()) for p in shown.permute(0, 2, 3, 1)]


def visible(images: Tensor) -> Tensor:
    """The channels of (N, C, H, W) that a picture shows, as `shown_channels` says."""
    return images[:, : shown_channels(images.shape[1])]


def to_pixels(images: Tensor, depth: int = 8) -> Tensor:
    """Pixels (N, C, H, W) of 8 or 16 bits on the CPU, from floats, or from pixels of any depth.

    Raises:
        NonFiniteError: an image holds NaN or infinity, which would become black pixels.
    """
    if images.dtype == DEPTHS[depth]:
        return images.cpu()
    images = images.detach() if images.is_floating_point() else from_pixels(images)
    if not bool(images.isfinite().all()):
        raise NonFiniteError("images with NaN or infinity cannot become pictures - check the weights that made them")
    return round_to_pixels(images, depth).cpu()


def round_to_pixels(images: Tensor, depth: int = 8) -> Tensor:
    """Pixels from finite floats of any shape, on their device: a quarter or half of the bytes to copy."""
    dtype = DEPTHS[depth]
    return images.float().add(1).mul_(_half(dtype)).round_().clamp_(0, 2 * _half(dtype)).to(dtype)


def from_pixels(images: Tensor) -> Tensor:
    """Floats from pixels of any shape, in PyTorch's default type. It undoes `to_pixels`, except for the rounding."""
    return images.to(torch.get_default_dtype()).div_(_half(images.dtype)).sub_(1)


def _half(dtype: torch.dtype) -> float:
    """Half of the largest pixel: the one that is 0 as a float."""
    return torch.iinfo(dtype).max / 2


def to_channels(images: Tensor, channels: int) -> Tensor:
    """Pixels (N, C, H, W) with 1, 3 or 4 channels, from any of these. Gray is the luma; transparency becomes white.

    Images that have the channels already may have any number of them.
    """
    if images.shape[1] == channels:
        return images
    dtype, top = images.dtype, torch.iinfo(images.dtype).max
    wide = torch.int32 if dtype == torch.uint8 else torch.int64  # for products of two pixels
    if images.shape[1] == 4:
        color, alpha = images[:, :3].to(wide), images[:, 3:].to(wide)
        images = ((color * alpha + top * (top - alpha) + top // 2) // top).to(dtype)
    if channels == 1:
        red, green, blue = images.to(wide).unbind(1)
        return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).to(dtype)[:, None]  # as Pillow does
    rgb = images.expand(-1, 3, -1, -1)
    return rgb if channels == 3 else torch.cat([rgb, torch.full_like(rgb[:, :1], top)], dim=1)


def fit(images: Tensor, size: Sequence[int]) -> Tensor:
    """The largest centered part of images (N, C, H, W) with the proportions of `size`, (H, W), resized to it."""
    from torchvision.transforms.v2.functional import center_crop

    height, width = images.shape[2:]
    scale = min(height / size[0], width / size[1])
    return resize(center_crop(images, [max(1, round(side * scale)) for side in size]), size)


def resize(images: Tensor, size: Sequence[int]) -> Tensor:
    """Resize images (N, C, H, W), pixels or floats, to `size`, (H, W), with antialiasing."""
    from torchvision.transforms.v2 import functional

    if images.shape[2:] == torch.Size(size):
        return images
    if images.dtype == torch.uint16:  # torchvision does not take it
        return to_pixels(resize(from_pixels(images), size), 16)
    # In parts, because the intermediate floats of 60,000 images would take gigabytes.
    parts = [functional.resize(part, list(size), antialias=True) for part in images.split(4096)]  # type: ignore[no-untyped-call]
    resized = torch.cat(parts)
    return resized.clamp_(-1, 1) if resized.is_floating_point() else resized  # rounding may leave the range
