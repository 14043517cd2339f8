"""The layers that ProGAN and StyleGAN2 share: equalized layers, normalizations and the FIR filter of resampling."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "EqualConv2d",
    "EqualLinear",
    "append_deviation",
    "blur",
    "downsample",
    "leaky_relu",
    "normalize",
    "upsample",
]

EPSILON = 1e-8


class EqualLinear(nn.Module):
    """A linear layer with an equalized learning rate (arXiv:1710.10196, section 4.1): (N, inputs) to (N, outputs).

    The stored weight is from N(0, 1) / `rate`. The layer multiplies it by `rate` * gain / sqrt(inputs), and the bias
    by `rate`. So an optimizer such as Adam moves every layer at the same relative speed, times `rate`. `bias` is the
    initial bias, before that multiplication; None is a layer without one.
    """

    def __init__(
        self, inputs: int, outputs: int, *, bias: float | None = 0.0, rate: float = 1.0, gain: float = 1.0
    ) -> None:
        super().__init__()
        # Filled in place: a division would load the compiler of PyTorch where weights are read from a file.
        self.weight = nn.Parameter(torch.empty(outputs, inputs).normal_(std=1 / rate))
        self.bias = None if bias is None else nn.Parameter(torch.full((outputs,), float(bias)))
        self.scale, self.rate = rate * gain / sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs)."""
        bias = self.bias if self.bias is None or self.rate == 1 else self.bias * self.rate
        return functional.linear(x, self.weight * self.scale, bias)


class EqualConv2d(nn.Module):
    """A convolution of odd size with an equalized learning rate, which keeps the size of the image.

    (N, inputs, H, W) to (N, outputs, H, W). With `down`, the image is blurred and halved: (N, outputs, H / 2, W / 2).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, bias: bool = True, down: bool = False, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = gain / sqrt(inputs * kernel**2)
        self.padding, self.down = kernel // 2, down

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs, H, W), or half of H and W."""
        weight = self.weight * self.scale
        if not self.down:
            return functional.conv2d(x, weight, self.bias, padding=self.padding)
        if self.padding == 0:  # then the order does not matter, and to halve first is cheaper
            return functional.conv2d(downsample(x), weight, self.bias)
        return functional.conv2d(blur(x, self.padding + 1), weight, self.bias, stride=2)


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2, times sqrt(2): it keeps the variance (arXiv:1912.04958, authors' code)."""
    return functional.leaky_relu(x, 0.2) * sqrt(2)


def normalize(x: Tensor) -> Tensor:
    """Scale the channels of each pixel, or the entries of each row, to mean square 1 (arXiv:1710.10196, 4.2)."""
    return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


def append_deviation(x: Tensor, group: int) -> Tensor:
    """The minibatch standard deviation as one more channel (arXiv:1710.10196, section 3): (N, C + 1, H, W).

    In each group of images that follow one another, it is the deviation over the group, averaged over channels and
    pixels. A group has `group` images, or fewer if N is not a multiple of it: the largest divisor of N is taken.
    """
    count = next(size for size in range(min(group, len(x)), 0, -1) if len(x) % size == 0)
    grouped = x.reshape(-1, count, *x.shape[1:])  # (groups, count, C, H, W)
    variance = (grouped - grouped.mean(1, keepdim=True)).square().mean(1)
    deviation = (variance + EPSILON).sqrt().mean((1, 2, 3))  # (groups,)
    channel = deviation.repeat_interleave(count)[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, channel], 1)


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Filter with [1, 3, 3, 1] in both directions, times `gain`: (N, C, H + 2 * padding - 3, W + 2 * padding - 3)."""
    return functional.conv2d(x, _kernel(x, gain), padding=padding, groups=x.shape[1])


def downsample(x: Tensor) -> Tensor:
    """Filter and halve: (N, C, H / 2, W / 2)."""
    return functional.conv2d(x, _kernel(x), stride=2, padding=1, groups=x.shape[1])


def upsample(x: Tensor) -> Tensor:
    """Double and filter: (N, C, 2 * H, 2 * W). It is meant for few channels, such as those of an image."""
    return functional.conv_transpose2d(x, _kernel(x, 4.0), stride=2, padding=1, groups=x.shape[1])


def _kernel(x: Tensor, gain: float = 1.0) -> Tensor:
    """The filter for each channel of `x`, (C, 1, 4, 4), with the sum `gain`."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device)
    return (torch.outer(row, row) * (gain / 64)).expand(x.shape[1], 1, 4, 4)
