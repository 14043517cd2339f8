"""Images as tensors: conversions between pictures, bytes and floats, and to other channels and sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.errors import NonFiniteError

__all__ = [
    "MODES",
    "fit",
    "from_bytes",
    "resize",
    "round_to_bytes",
    "to_bytes",
    "to_channels",
    "to_pictures",
    "to_tensor",
]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name for the mode of a picture, by its number of channels."""


def to_tensor(picture: Image.Image) -> Tensor:
    """uint8 (C, H, W) from a picture of mode L, RGB or RGBA."""
    # Channel by channel, as tensors have them. NumPy copies in one thread: PyTorch's threads would get into each
    # other's way in each small picture.
    channels = [np.frombuffer(channel.tobytes(), np.uint8) for channel in picture.split()]
    return torch.from_numpy(np.stack(channels).reshape(-1, picture.height, picture.width))


def to_pictures(images: Tensor) -> list[Image.Image]:
    """Pictures from (N, C, H, W), floats in [-1, 1] or uint8: gray for one channel, RGB for three, RGBA for four."""
    mode = MODES[images.shape[1]]
    size = (images.shape[3], images.shape[2])
    return [Image.frombytes(mode, size, p.numpy().tobytes()) for p in to_bytes(images).permute(0, 2, 3, 1)]


def to_bytes(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) on the CPU, from floats (N, C, H, W) in [-1, 1]; uint8 images stay as they are.

    Raises:
        NonFiniteError: an image holds NaN or infinity, which would become black pixels.
    """
    if images.dtype == torch.uint8:
        return images.cpu()
    images = images.detach()
    if not bool(images.isfinite().all()):
        raise NonFiniteError("images with NaN or infinity cannot become pictures - check the weights that made them")
    return round_to_bytes(images).cpu()


def round_to_bytes(images: Tensor) -> Tensor:
    """uint8 from finite floats in [-1, 1], of any shape and on their device: a quarter of the bytes to copy."""
    return images.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def from_bytes(images: Tensor) -> Tensor:
    """Floats in [-1, 1] from uint8 pixels of any shape. It undoes `to_bytes`, except for the rounding."""
    return images.float().div(127.5).sub(1)


def to_channels(images: Tensor, channels: int) -> Tensor:
    """uint8 (N, C, H, W) with 1, 3 or 4 channels, from any of these. Gray is the luma; transparency becomes white."""
    if images.shape[1] == channels:
        return images
    if images.shape[1] == 4:
        color, alpha = images[:, :3].int(), images[:, 3:].int()
        images = ((color * alpha + 255 * (255 - alpha) + 127) // 255).to(torch.uint8)
    if channels == 1:
        red, green, blue = images.int().unbind(1)
        return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).to(torch.uint8)[:, None]  # as Pillow does
    rgb = images.expand(-1, 3, -1, -1)
    return rgb if channels == 3 else torch.cat([rgb, torch.full_like(rgb[:, :1], 255)], dim=1)


def fit(images: Tensor, size: Sequence[int]) -> Tensor:
    """The largest centered part of images (N, C, H, W) with the proportions of `size`, (H, W), resized to it."""
    from torchvision.transforms.v2.functional import center_crop

    height, width = images.shape[2:]
    scale = min(height / size[0], width / size[1])
    return resize(center_crop(images, [max(1, round(side * scale)) for side in size]), size)


def resize(images: Tensor, size: Sequence[int]) -> Tensor:
    """Resize images (N, C, H, W) to `size`, (H, W), with antialiasing: uint8, or floats in [-1, 1]."""
    from torchvision.transforms.v2 import functional

    if images.shape[2:] == torch.Size(size):
        return images
    # In parts, because the intermediate floats of 60,000 images would take gigabytes.
    parts = [functional.resize(part, list(size), antialias=True) for part in images.split(4096)]  # type: ignore[no-untyped-call]
    resized = torch.cat(parts)
    return resized.clamp_(-1, 1) if resized.is_floating_point() else resized  # rounding may leave the range
