"""The changes of DiffAugment, (N, C, H, W) to the same, each image by random numbers of its own.

They draw in the order and from the ranges of the authors' code, so that one seed gives the same images.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["color", "cutout", "translation"]


def color(images: Tensor) -> Tensor:
    """Brightness b in [-1/2, 1/2) is added, then saturation scaled by [0, 2), then contrast by [1/2, 3/2)."""
    images = images + (_uniform(images) - 0.5)
    images = _scale_around(images.mean(1, keepdim=True), images, _uniform(images) * 2)
    return _scale_around(images.mean((1, 2, 3), keepdim=True), images, _uniform(images) + 0.5)


def translation(images: Tensor, ratio: float = 0.125) -> Tensor:
    """Moved by whole pixels, up to `ratio` of each side; zeros, which are grey, come in."""
    _, _, height, width = images.shape
    down, right = round_half_up(height * ratio), round_half_up(width * ratio)
    rows = _integers(images, -down, down) + torch.arange(height, device=images.device) + down  # (N, H)
    columns = _integers(images, -right, right) + torch.arange(width, device=images.device) + right  # (N, W)
    padded = pad(images, (right, right, down, down))
    image = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.movedim(1, 3)[image, rows[:, :, None], columns[:, None, :]].movedim(3, 1).contiguous()


def cutout(images: Tensor, ratio: float = 0.5) -> Tensor:
    """A rectangle of `ratio` of each side, its centre anywhere in the image, becomes zero, which is grey."""
    rows = _covered(images, images.shape[2], ratio)
    columns = _covered(images, images.shape[3], ratio)
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)


def round_half_up(x: float) -> int:
    """To the nearest whole number, halves up, as the authors round."""
    return int(x + 0.5)


def _covered(images: Tensor, side: int, ratio: float) -> Tensor:
    """Which places along a side of each image are cut out, (N, side)."""
    length = round_half_up(side * ratio)
    start = _integers(images, 0, side - length % 2) - length // 2  # an even length has one more place
    place = torch.arange(side, device=images.device)
    return (place >= start) & (place < start + length)


def _scale_around(centre: Tensor, images: Tensor, scale: Tensor) -> Tensor:
    return (images - centre) * scale + centre


def _uniform(images: Tensor) -> Tensor:
    """(N, 1, 1, 1) in [0, 1)."""
    return torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)


def _integers(images: Tensor, least: int, most: int) -> Tensor:
    """(N, 1) in [least, most]."""
    return torch.randint(least, most + 1, (len(images), 1), device=images.device)
