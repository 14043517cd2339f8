"""Attention over all pixels whose cost is linear in their number, and the layer that both networks have of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AttentionLayer", "LinearAttention"]

HEADS, HEAD_DIM = 8, 64
NORM_EPSILON = 1e-5


class ChannelNorm(nn.Module):
    """Normalize the channels of each pixel to mean 0 and variance 1, then scale and shift each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W)."""
        last = functional.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, NORM_EPSILON)
        return last.movedim(-1, 1)


class LinearAttention(nn.Module):
    """Efficient attention (arXiv:1812.01243, section 3.1) with 8 heads: (N, C, H, W) to (N, C, H, W).

    Keys and values see the neighbors of a pixel too, by a depthwise convolution.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_DIM
        self.query = nn.Conv2d(width, inner, 1, bias=False)
        self.neighbors = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.key_value = nn.Conv2d(width, 2 * inner, 1, bias=False)
        self.out = nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W)."""
        key, value = map(_heads, self.key_value(self.neighbors(x)).chunk(2, 1))
        query = _heads(self.query(x)).softmax(2) * HEAD_DIM**-0.5
        context = key.softmax(3) @ value.transpose(2, 3)  # (N, heads, d, d): keys by values
        found = (context.transpose(2, 3) @ query).reshape(x.shape[0], -1, *x.shape[2:])
        attended: Tensor = self.out(functional.gelu(found))
        return attended


def _heads(x: Tensor) -> Tensor:
    """(N, heads * d, H, W) to (N, heads, d, H * W)."""
    return x.reshape(x.shape[0], HEADS, HEAD_DIM, -1)  # not len(x), which is a constant in an exported graph


class AttentionLayer(nn.Module):
    """Attention, then two convolutions of single pixels, each added to what it gets: (N, C, H, W) to (N, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm0, self.attention = ChannelNorm(width), LinearAttention(width)
        self.norm1 = ChannelNorm(width)
        self.conv0, self.conv1 = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W)."""
        x = x + self.attention(self.norm0(x))
        hidden = functional.leaky_relu(self.conv0(self.norm1(x)), 0.2)
        changed: Tensor = x + self.conv1(hidden)
        return changed
