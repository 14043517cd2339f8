"""Geometric transformations of images, by one matrix for each image (arXiv:2006.06676, appendix B)."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ganzoo import at_least_float32
from ganzoo_ada.chance import Dice, product

__all__ = ["move", "random_matrices", "transform"]

SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
"""The lowpass filter of the sym6 wavelet: its shifts by 2 are orthonormal, so down after up changes nothing."""

CENTER = -0.25
"""How far the doubled image is from the place of the image, in pixels: the filter is not symmetric."""

MARGIN = len(SYM6) // 2
"""The pixels around an image that the filter reaches."""


def move(images: Tensor, probability: Tensor) -> Tensor:
    """Apply each transformation to each image with a probability."""
    dice = Dice(len(images), probability.to(at_least_float32(images)))
    return transform(images, random_matrices(dice, images.shape[2], images.shape[3]))


def random_matrices(dice: Dice, height: int, width: int) -> Tensor:
    """Random maps from pixels of the result to pixels of the image, both from the center on: (N, 3, 3).

    In this order: flip, quarter turns, shift by whole pixels, scale, rotation, anisotropic scale, a second rotation,
    and a shift by fractions of pixels (appendix B).
    """
    sides = torch.tensor([width, height], device=dice.probability.device)
    turning = 1 - (1 - dice.probability).sqrt()  # so that at least one of two rotations happens with the probability
    flip = dice.maybe(1 - 2 * (dice.uniform() * 2).floor(), 1)
    quarters = dice.maybe((dice.uniform() * 4).floor(), 0)
    pixels = dice.maybe(((dice.uniform(2) * 2 - 1) * 0.125 * sides).round(), 0)
    scale = dice.maybe((0.2 * dice.normal()).exp2(), 1)
    first = dice.maybe((dice.uniform() * 2 - 1) * pi, 0, turning)
    stretch = dice.maybe((0.2 * dice.normal()).exp2(), 1)
    second = dice.maybe((dice.uniform() * 2 - 1) * pi, 0, turning)
    fractions = dice.maybe(0.125 * dice.normal(2) * sides, 0)
    blitting = (_scaling(flip, torch.ones_like(flip)), _rotation(quarters * (pi / 2)), _shift(pixels))
    general = (_scaling(scale, scale), _rotation(first), _scaling(stretch, 1 / stretch), _rotation(second))
    return product(*blitting, *general, _shift(fractions))


def transform(images: Tensor, matrices: Tensor) -> Tensor:
    """Images (N, C, H, W) whose pixels are where `matrices`, (N, 3, 3), find them; differentiable twice.

    They are sampled at twice their size, between orthogonal filters, which keep them free of aliasing. What lies
    outside of an image is its reflection.
    """
    wide = at_least_float32(images)
    mode = "reflect" if min(images.shape[2:]) > MARGIN else "replicate"  # tiny images have too few pixels to reflect
    doubled = _resize(functional.pad(wide, (MARGIN,) * 4, mode=mode), up=True)
    half = wide.new_tensor([doubled.shape[3] / 4, doubled.shape[2] / 4, 1])  # in pixels of the padded image
    center = _shift(wide.new_full((1, 2), CENTER))
    theta = (product(center, matrices.to(wide), center.inverse()) * half / half[:, None])[:, :2]
    grid = functional.affine_grid(theta, list(doubled.shape), align_corners=False)
    moved = _resize(_Sample.apply(doubled, grid), up=False)
    return moved[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].to(images.dtype)


def _resize(images: Tensor, *, up: bool) -> Tensor:
    """Double or halve both sides, one after the other. To halve after doubling gives the images again."""
    apply = functional.conv_transpose2d if up else functional.conv2d
    kernel = images.new_tensor(SYM6) * (sqrt(2) if up else 1 / sqrt(2))
    channels, padding = images.shape[1], MARGIN - 1
    rows = kernel[:, None].expand(channels, 1, -1, 1)
    columns = kernel[None, :].expand(channels, 1, 1, -1)
    images = apply(images, rows, stride=(2, 1), padding=(padding, 0), groups=channels)
    return apply(images, columns, stride=(1, 2), padding=(0, padding), groups=channels)


class _Sample(torch.autograd.Function):
    """Bilinear sampling, which is linear in the images. PyTorch's own can be differentiated only once."""

    @staticmethod
    def forward(context: Any, images: Tensor, grid: Tensor) -> Tensor:
        context.save_for_backward(images, grid)
        return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        images, grid = context.saved_tensors
        return _SampleTransposed.apply(gradients[0], images.detach(), grid), None


class _SampleTransposed(torch.autograd.Function):
    """The transpose of `_Sample`: the gradient of its images. Only the shape of `images` matters."""

    @staticmethod
    def forward(context: Any, gradient: Tensor, images: Tensor, grid: Tensor) -> Tensor:
        context.save_for_backward(grid)
        bilinear, reflection = 0, 2
        wanted = [True, False]
        found: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            gradient, images, grid, bilinear, reflection, False, wanted
        )[0]
        return found

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = context.saved_tensors
        return _Sample.apply(gradients[0], grid), None, None


def _matrices(rows: list[list[Tensor]]) -> Tensor:
    """(N, 3, 3) from two rows of three tensors, (N,) each; the third row is (0, 0, 1)."""
    zero, one = torch.zeros_like(rows[0][0]), torch.ones_like(rows[0][0])
    return torch.stack([torch.stack(row, 1) for row in (*rows, [zero, zero, one])], 1)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    zero = torch.zeros_like(x)
    return _matrices([[x, zero, zero], [zero, y, zero]])


def _rotation(angle: Tensor) -> Tensor:
    zero = torch.zeros_like(angle)
    return _matrices([[angle.cos(), -angle.sin(), zero], [angle.sin(), angle.cos(), zero]])


def _shift(by: Tensor) -> Tensor:
    zero, one = torch.zeros_like(by[:, 0]), torch.ones_like(by[:, 0])
    return _matrices([[one, zero, by[:, 0]], [zero, one, by[:, 1]]])
