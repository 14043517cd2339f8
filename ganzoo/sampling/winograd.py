"""Convolutions of 3x3 pixels by Winograd's algorithm (arXiv:1509.09308): four times fewer multiplications.

Each 4x4 pixels of the output come from 6x6 pixels of the input. Both sides of the convolution are polynomials; their
product is known from its values at six points, where it is a plain product. With many channels the products of matrices
that remain take nearly all of the time.
"""

from __future__ import annotations

from functools import cache
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.utils.products import multiply

__all__ = ["WinogradConvolution", "suits_winograd"]

_POINTS = (0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)
"""Where the polynomials are evaluated, beside infinity. With 1 and 2 as points, rounding errors are twice as large."""

_OUT, _IN = 4, 6
"""The sides of a tile of the output and of the input."""

_CHANNELS = 192
"""With fewer channels, the transforms cost more than the multiplications that they save."""

_PRODUCT = 2**23
"""Multiplications at each point, for one image, below which calling so many products costs more than they save."""

_BLOCK = 10 * 2**20
"""Bytes of the transformed tiles that are computed at a time. They should fit into the cache."""


def suits_winograd(layer: nn.Module) -> bool:
    """Whether a layer is a convolution that this algorithm can compute, with enough channels to be faster by it."""
    return (
        type(layer) is nn.Conv2d
        and (layer.kernel_size, layer.stride, layer.dilation, layer.groups) == ((3, 3), (1, 1), (1, 1), 1)
        and not isinstance(layer.padding, str)
        and min(layer.in_channels, layer.out_channels) >= _CHANNELS
    )


class WinogradConvolution(nn.Module):
    """The function of a convolution that `suits_winograd`, in float32, without gradients.

    It computes one image after the other, so an image does not depend on its batch. `prepare` comes first: the
    transformed weight has four times the size of the weight, and is worth it only where `is_faster` says so.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.bias, self.outputs, self.padding = layer.bias, layer.out_channels, layer._reversed_padding_repeated_twice
        self.mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
        self.weights: list[Tensor] = []

    def prepare(self, weight: Tensor) -> None:
        """Transform the weight of the layer, (outputs, inputs, 3, 3)."""
        _, kernel, _ = _transforms()
        # In float64, because it is done once and every image has its error.
        values = torch.einsum("ai,ocij,bj->aboc", kernel, weight.detach().double(), kernel)
        reorder = torch.ops.mkldnn._reorder_linear_weight
        self.weights = [reorder(each.float().contiguous()) for each in values.flatten(0, 1)]

    def is_faster(self, x: Tensor) -> bool:
        """Whether images (N, C, H, W) are large enough."""
        rows, columns = self._tiles(x)
        return rows * columns * x.shape[1] * self.outputs >= _PRODUCT

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs, H', W') in channels_last from (N, inputs, H, W)."""
        rows, columns = self._tiles(x)
        left, right, top, bottom = self.padding
        height, width = x.shape[2] + top + bottom - 2, x.shape[3] + left + right - 2
        padded = functional.pad(x, self.padding, self.mode) if any(self.padding) else x
        padded = functional.pad(padded.permute(0, 2, 3, 1), (0, 0, 0, _OUT * columns - width, 0, _OUT * rows - height))
        padded, y = padded.contiguous(), x.new_empty(len(x), rows * _OUT, columns * _OUT, self.outputs)
        step = max(1, _BLOCK // (4 * _IN**2 * columns * max(x.shape[1], self.outputs)))
        for image, result in zip(padded, y, strict=True):
            for first in range(0, rows, step):
                count = min(step, rows - first)
                block = image[_OUT * first : _OUT * (first + count) + 2]
                self._convolve(block, result[_OUT * first : _OUT * (first + count)])
        return y[:, :height, :width].permute(0, 3, 1, 2)

    def _tiles(self, x: Tensor) -> tuple[int, int]:
        """How many tiles the output has, from top to bottom and from left to right."""
        left, right, top, bottom = self.padding
        return -(-(x.shape[2] + top + bottom - 2) // _OUT), -(-(x.shape[3] + left + right - 2) // _OUT)

    def _convolve(self, block: Tensor, result: Tensor) -> None:
        """Write the convolution of some rows of a padded image, (4 R + 2, 4 C + 2, inputs), to (4 R, 4 C, outputs)."""
        data, output = _transforms_of_tiles()
        height, width, inputs = block.shape
        rows, columns = height // _OUT, width // _OUT
        strides = (width * inputs, inputs, _OUT * width * inputs, _OUT * inputs, 1)
        tiles = block.as_strided((_IN, _IN, rows, columns, inputs), strides, block.storage_offset()).reshape(_IN**2, -1)
        values = multiply(data, tiles.t()).view(_IN**2, rows * columns, inputs)
        products = torch.stack([multiply(*pair) for pair in zip(values, self.weights, strict=True)]).flatten(1)
        pixels = multiply(output, products.t()).view(_OUT, _OUT, rows, columns, self.outputs)
        target = result.view(rows, _OUT, columns, _OUT, self.outputs)
        target.copy_(pixels.permute(2, 0, 3, 1, 4))
        if self.bias is not None:
            result.add_(self.bias)


@cache
def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """The matrices for the input (6, 6), the kernel (6, 3) and the output (4, 6), in float64."""
    others = [[other for other in _POINTS if other != point] for point in _POINTS]
    data = [np.poly(roots)[::-1] for roots in (*others, _POINTS)]
    scales = [1 / prod(point - other for other in rest) for point, rest in zip(_POINTS, others, strict=True)]
    kernel = [[scale * point**i for i in range(3)] for point, scale in zip(_POINTS, scales, strict=True)]
    output = [[point**i for point in _POINTS] for i in range(_OUT)]
    return (
        torch.tensor([[*row, *[0.0] * (_IN - len(row))] for row in data], dtype=torch.float64),
        torch.tensor([*kernel, [0.0, 0.0, 1.0]], dtype=torch.float64),
        torch.tensor([[*row, float(i == _OUT - 1)] for i, row in enumerate(output)], dtype=torch.float64),
    )


@cache
def _transforms_of_tiles() -> tuple[Tensor, Tensor]:
    """Those for the input and the output, for rows and columns at once, each as one matrix of float32."""
    data, _, output = _transforms()
    return torch.kron(data, data).float(), torch.kron(output, output).float()
