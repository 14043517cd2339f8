"""The augmentations of DiffAugment: images (N, C, H, W) to the same shape, with other random numbers for each image.

The order and the ranges of the random numbers are those of the authors' code, so the same seed gives the same images.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["color", "cutout", "translation"]


def color(images: Tensor) -> Tensor:
    """Add a brightness in [-1/2, 1/2), then scale saturation by [0, 2), then contrast by [1/2, 3/2)."""
    images = images + (_uniform(images) - 0.5)
    images = _scale_around(images.mean(1, keepdim=True), images, _uniform(images) * 2)
    return _scale_around(images.mean((1, 2, 3), keepdim=True), images, _uniform(images) + 0.5)


def translation(images: Tensor, ratio: float = 0.125) -> Tensor:
    """Shift each image by whole pixels, by up to `ratio` of each side. New pixels are 0, which is gray."""
    _, _, height, width = images.shape
    down, right = round_half_up(height * ratio), round_half_up(width * ratio)
    rows = _integers(images, -down, down) + torch.arange(height, device=images.device) + down  # (N, H)
    columns = _integers(images, -right, right) + torch.arange(width, device=images.device) + right  # (N, W)
    padded = pad(images, (right, right, down, down))
    image = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.movedim(1, 3)[image, rows[:, :, None], columns[:, None, :]].movedim(3, 1).contiguous()


def cutout(images: Tensor, ratio: float = 0.5) -> Tensor:
    """Set a rectangle to 0, which is gray. Its sides are `ratio` of the image's, its center anywhere in the image."""
    rows = _covered(images, images.shape[2], ratio)
    columns = _covered(images, images.shape[3], ratio)
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)


def round_half_up(x: float) -> int:
    """Round to the nearest whole number, and halves up, as the authors' code does."""
    return int(x + 0.5)


def _covered(images: Tensor, side: int, ratio: float) -> Tensor:
    """For each image, which positions along a side are in the rectangle, (N, side)."""
    length = round_half_up(side * ratio)
    start = _integers(images, 0, side - length % 2) - length // 2  # an even length has one more start
    position = torch.arange(side, device=images.device)
    return (position >= start) & (position < start + length)


def _scale_around(center: Tensor, images: Tensor, scale: Tensor) -> Tensor:
    return (images - center) * scale + center


def _uniform(images: Tensor) -> Tensor:
    """A random number in [0, 1) for each image, (N, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)


def _integers(images: Tensor, least: int, most: int) -> Tensor:
    """A random whole number in [least, most] for each image, (N, 1)."""
    return torch.randint(least, most + 1, (len(images), 1), device=images.device)
