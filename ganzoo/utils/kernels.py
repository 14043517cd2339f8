"""Convolutions with few outputs, whose kernels are arranged so that oneDNN computes them faster.

oneDNN computes sixteen outputs in the time of one. So a convolution with few outputs computes something else in the
place of the others: other rows of its kernel, or other pixels.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["crop_subpixels", "has_few_outputs", "join_subpixels", "split_kernel", "subpixel_kernel", "suits_subpixels"]

_AT_A_TIME = 16


def has_few_outputs(layer: nn.Module) -> bool:
    """Whether a layer is a convolution with a large kernel and few outputs, such as the last one of CycleGAN.

    It is faster by its `split_kernel`.
    """
    if type(layer) is not nn.Conv2d or layer.out_channels > 4 or min(layer.kernel_size) < 5:
        return False
    return (layer.stride, layer.dilation, layer.groups) == ((1, 1), (1, 1), 1) and not isinstance(layer.padding, str)


def split_kernel(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Two kernels in place of one, (O, I, H, W): one along rows, (H * O, I, 1, W), then one along columns.

    The first has the outputs of all rows of the kernel. The second, (O, H * O, H, 1), shifts each of them to its row
    and adds them up; it consists of zeros and ones.
    """
    outputs, inputs, height, width = weight.shape
    rows = weight.permute(2, 0, 1, 3).reshape(height * outputs, inputs, 1, width)
    ones = torch.eye(height * outputs, dtype=weight.dtype, device=weight.device).view(height, outputs, -1)
    return rows, ones.permute(1, 2, 0)[..., None]


def suits_subpixels(layer: nn.Module) -> bool:
    """Whether a layer is a transposed convolution with a stride and few outputs, such as the last one of DCGAN.

    It is faster as a convolution by its `subpixel_kernel` (arXiv:1609.05158), followed by `join_subpixels`.
    """
    if type(layer) is not nn.ConvTranspose2d or (layer.dilation, layer.groups) != ((1, 1), 1):
        return False
    step, other = layer.stride
    fits = step == other > 1 and layer.out_channels * step**2 <= _AT_A_TIME and min(layer.kernel_size) >= step
    return fits and min(crop_subpixels(layer)) >= 0


def subpixel_kernel(weight: Tensor, step: int) -> Tensor:
    """The kernel (O * step^2, I, h, w) of a convolution, from that of a transposed one, (I, O, H, W), of a stride.

    Its outputs are the step * step pixels that one pixel of the input becomes. The images have a border of h - 1 and
    w - 1 zeros on each side; h and w are H and W divided by `step`, rounded up.
    """
    inputs, outputs, *sides = weight.shape
    height, width = (-(-side // step) for side in sides)
    whole = functional.pad(weight, (0, width * step - sides[1], 0, height * step - sides[0]))
    parts = whole.view(inputs, outputs, height, step, width, step).flip(2, 4)
    return parts.permute(1, 3, 5, 0, 2, 4).reshape(-1, inputs, height, width)


def crop_subpixels(layer: nn.ConvTranspose2d) -> tuple[int, int, int, int]:
    """The pixels that `join_subpixels` leaves out at the top, bottom, left and right of a layer that suits it."""
    borders: list[int] = []
    padding = cast("tuple[int, int]", layer.padding)
    for size, step, before, more in zip(layer.kernel_size, layer.stride, padding, layer.output_padding, strict=True):
        borders += [before, before - more + -size % step]
    top, bottom, left, right = borders
    return top, bottom, left, right


def join_subpixels(y: Tensor, step: int, crop: tuple[int, int, int, int]) -> Tensor:
    """Images (N, O, H', W') from (N, O * step^2, h', w'), without the borders of `crop_subpixels`."""
    images = functional.pixel_shuffle(y, step)
    top, bottom, left, right = crop
    return images[:, :, top : images.shape[2] - bottom, left : images.shape[3] - right]
