"""Convolutions with few outputs, whose kernels are arranged so that oneDNN computes them faster.

oneDNN computes sixteen outputs in the time of one. So a convolution with few outputs computes something else in the
place of the others: other rows of its kernel, or other pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SubpixelConvolution", "has_few_outputs", "split_kernel", "subpixel_convolution", "suits_subpixels"]

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

    It is faster as its `subpixel_convolution`.
    """
    if type(layer) is not nn.ConvTranspose2d or (layer.dilation, layer.groups) != ((1, 1), 1):
        return False
    step, other = layer.stride
    fits = step == other > 1 and layer.out_channels * step**2 <= _AT_A_TIME and min(layer.kernel_size) >= step
    return fits and min(_crop(layer)) >= 0


class SubpixelConvolution(NamedTuple):
    """A convolution that is a transposed one: its kernel, bias and padding, and what makes images of its outputs."""

    kernel: Tensor
    bias: Tensor | None
    padding: tuple[int, int]
    join: Callable[[Tensor], Tensor]


def subpixel_convolution(layer: nn.ConvTranspose2d) -> SubpixelConvolution:
    """The convolution for a layer that `suits_subpixels` (arXiv:1609.05158).

    Its outputs are the pixels that one pixel of the input becomes.
    """
    step = layer.stride[0]
    kernel = _subpixel_kernel(layer.weight, step)
    bias = None if layer.bias is None else layer.bias.repeat_interleave(step**2)
    padding = (kernel.shape[2] - 1, kernel.shape[3] - 1)
    return SubpixelConvolution(kernel, bias, padding, partial(_join, step=step, crop=_crop(layer)))


def _subpixel_kernel(weight: Tensor, step: int) -> Tensor:
    """(O * step^2, I, h, w) from (I, O, H, W); h and w are H and W divided by `step`, rounded up."""
    inputs, outputs, *sides = weight.shape
    height, width = (-(-side // step) for side in sides)
    whole = functional.pad(weight, (0, width * step - sides[1], 0, height * step - sides[0]))
    parts = whole.view(inputs, outputs, height, step, width, step).flip(2, 4)
    return parts.permute(1, 3, 5, 0, 2, 4).reshape(-1, inputs, height, width)


def _crop(layer: nn.ConvTranspose2d) -> tuple[int, int, int, int]:
    """The pixels that the joined image has too many at the top, bottom, left and right."""
    borders: list[int] = []
    padding = cast("tuple[int, int]", layer.padding)
    for size, step, before, more in zip(layer.kernel_size, layer.stride, padding, layer.output_padding, strict=True):
        borders += [before, before - more + -size % step]
    top, bottom, left, right = borders
    return top, bottom, left, right


def _join(y: Tensor, *, step: int, crop: tuple[int, int, int, int]) -> Tensor:
    """Images (N, O, H', W') from (N, O * step^2, h', w')."""
    images = functional.pixel_shuffle(y, step)
    top, bottom, left, right = crop
    return images[:, :, top : images.shape[2] - bottom, left : images.shape[3] - right]
