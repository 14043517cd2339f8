"""Convolutions whose kernels are split, so that oneDNN computes them faster."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["has_few_outputs", "split_kernel"]


def has_few_outputs(layer: nn.Module) -> bool:
    """Whether a layer is a convolution with a large kernel and few outputs, such as the last one of CycleGAN.

    oneDNN computes sixteen outputs in the time of one. So it is faster by its `split_kernel`.
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
