"""Modulated layers for sampling, with everything that is constant computed once."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_stylegan.layers import EPSILON

__all__ = ["FusedModulation", "FusedToRGB", "plain_convolution", "plain_linear"]


class FusedModulation(nn.Module):
    """A modulated and demodulated convolution, noise, a bias and leaky ReLU times `gain` (arXiv:1912.04958, 2.2).

    The sums of squares that demodulation needs are computed once, and the gain is a part of what comes before the
    activation. `affine` maps a style to the scales of the inputs. `convolve` is the convolution with `weight`,
    (outputs, inputs, K, K), and all resampling. `strength` is that of the noise, a number or one for each output.
    """

    squares: Tensor
    bias: Tensor
    strength: Tensor

    def __init__(
        self,
        affine: nn.Linear,
        convolve: nn.Module,
        weight: Tensor,
        bias: Tensor,
        strength: Tensor,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.affine, self.convolve, self.epsilon = affine, convolve, EPSILON / gain**2
        self.register_buffer("squares", weight.square().sum((2, 3)) / gain**2)
        self.register_buffer("bias", (bias * gain).view(1, -1, 1, 1))
        self.register_buffer("strength", (strength * gain).view(-1, 1, 1))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """Features (N, inputs, H, W), styles (N, style_dim) and noise (N or 1, 1, H', W') to (N, outputs, H', W')."""
        style = self.affine(w)
        x = self.convolve(x * style[:, :, None, None])
        scale = (functional.linear(style.square(), self.squares) + self.epsilon).rsqrt()
        x = torch.addcmul(self.bias, x, scale[:, :, None, None])
        return functional.leaky_relu_(x if noise is None else x.addcmul_(noise, self.strength), 0.2)


class FusedToRGB(nn.Module):
    """A modulated 1x1 convolution without demodulation: a product of a matrix for each image and its features.

    It scales its few weights, (outputs, inputs), instead of all features. `bias` has one number for each output.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, affine: nn.Linear, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.affine = affine
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias.view(1, -1, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N, outputs, H, W)."""
        weight = self.weight * self.affine(w)[:, None]  # (N, outputs, inputs)
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, H * W, inputs), as they are in memory
        image = (pixels @ weight.transpose(1, 2)).transpose(1, 2).reshape(x.shape[0], -1, *x.shape[2:])
        return cast("Tensor", image + self.bias)


def plain_linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """The linear layer with these tensors."""
    with torch.device("meta"):  # so that PyTorch does not initialize weights that are replaced at once
        layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight, layer.bias = (nn.Parameter(tensor, requires_grad=False) for tensor in (weight, bias))
    return layer


def plain_convolution(weight: Tensor) -> nn.Conv2d:
    """The convolution with this weight, which keeps the size of the image; without a bias."""
    outputs, inputs, kernel, _ = weight.shape
    with torch.device("meta"):
        layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer
