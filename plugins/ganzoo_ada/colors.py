"""Color transformations of images, by one matrix for each image (arXiv:2006.06676, appendix B)."""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor

from ganzoo import at_least_float32
from ganzoo_ada.chance import Dice, product

__all__ = ["random_colors", "recolor", "transform"]


def recolor(images: Tensor, probability: Tensor) -> Tensor:
    """Apply each transformation to each image (N, C, H, W) with a probability."""
    dice = Dice(len(images), probability.to(at_least_float32(images)))
    return transform(images, random_colors(dice))


def random_colors(dice: Dice) -> Tensor:
    """Random affine maps of colors, (N, 4, 4), which act on (red, green, blue, 1).

    In this order: brightness, contrast, luma flip, hue and saturation (appendix B).
    """
    like = dice.probability
    one, luma = torch.eye(4, dtype=like.dtype, device=like.device), like.new_tensor([1, 1, 1, 0]) / sqrt(3)
    gray = torch.outer(luma, luma)  # the projection to the luma axis
    last = torch.diag(like.new_tensor([0, 0, 0, 1]))
    brightness = dice.maybe(0.2 * dice.normal(1, 1), 0) * (luma * sqrt(3))[:, None] * last[3]
    contrast = dice.maybe((0.5 * dice.normal(1, 1)).exp2(), 1) * (one - last) + last
    flip = one - 2 * gray * dice.maybe((dice.uniform(1, 1) * 2).floor(), 0)
    angle = dice.maybe((dice.uniform(1, 1) * 2 - 1) * pi, 0)
    saturation = dice.maybe(dice.normal(1, 1).exp2(), 1)
    saturated = gray + (one - last - gray) * saturation + last
    return product(saturated, _hue(angle, one, gray, last), flip, contrast, one + brightness)


def _hue(angle: Tensor, one: Tensor, gray: Tensor, last: Tensor) -> Tensor:
    """The rotation around the luma axis by an angle for each image, (N, 1, 1) to (N, 4, 4) (Rodrigues)."""
    axis = one.new_tensor([[0, -1, 1, 0], [1, 0, -1, 0], [-1, 1, 0, 0], [0, 0, 0, 0]]) / sqrt(3)
    return gray + last + (one - last - gray) * angle.cos() + axis * angle.sin()


def transform(images: Tensor, matrices: Tensor) -> Tensor:
    """Map the colors of images (N, C, H, W) by `matrices`, (N, 4, 4).

    Gray images get the mean of what red, green and blue of a gray pixel become, and so does each channel of images
    with two channels, or more than four: such channels are no colors. Transparency stays.
    """
    linear, offset = matrices[:, :3, :3].to(images.dtype), matrices[:, :3, 3:].to(images.dtype)
    if images.shape[1] not in (3, 4):
        return images * linear.sum(2).mean(1)[:, None, None, None] + offset.mean(1)[:, None, None]
    colors, others = images[:, :3], images[:, 3:]
    mapped = (linear @ colors.flatten(2) + offset).reshape(colors.shape)
    return torch.cat([mapped, others], 1)
