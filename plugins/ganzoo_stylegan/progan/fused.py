"""A faster generator for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from math import prod
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from ganzoo import Inputs, fuse_layers
from ganzoo_stylegan.layers import EqualConv2d, normalize
from ganzoo_stylegan.progan.growth import Phase, enlarge
from ganzoo_stylegan.progan.networks import FirstBlock, Generator, UpBlock

__all__ = ["FusedGenerator"]

_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear)


class FusedGenerator(nn.Module):
    """A generator that samples faster, as far as it has grown. The generator that it is made from does not change.

    Weights are scaled once. Upsampling and the convolution after it become one transposed convolution, with 2.25 times
    fewer multiplications. The shares of a fade are a part of the last weights. Channels are the last dimension in
    memory, which is the fastest layout of convolutions on CPUs and on GPUs.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        stage, share = Phase.of(generator.level())
        first, *ups = list(generator.blocks)[: stage + 1]
        self.first, self.first_size = _projection(cast("FirstBlock", first)), cast("FirstBlock", first).size
        self.convs = nn.ModuleList([_convolution(cast("FirstBlock", first).conv)])
        for block in (cast("UpBlock", up) for up in ups):
            self.convs += [
                fuse_layers([nn.Upsample(scale_factor=2), _convolution(block.conv0)]),
                _convolution(block.conv1),
            ]
        rgb = [cast("EqualConv2d", layer) for layer in generator.to_rgb]
        self.high = _convolution(rgb[stage], share)
        self.low = _convolution(rgb[stage - 1], 1 - share) if share < 1 else None
        self.factor = 2 ** (len(generator.blocks) - 1 - stage)

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        x: Tensor = self.first(normalize(inputs["z"]))
        x = below = _normalized(x.view(x.shape[0], *self.first_size, -1).permute(0, 3, 1, 2))
        for i, conv in enumerate(self.convs):
            below = x if i == len(self.convs) - 2 else below
            x = _normalized(conv(x))
        image: Tensor = self.high(x)
        if self.low is not None:
            image = image + enlarge(self.low(below), 2)
        return enlarge(image.clamp(-1, 1), self.factor)


def _normalized(x: Tensor) -> Tensor:
    """Leaky ReLU, then pixel norm."""
    return normalize(nn.functional.leaky_relu_(x, 0.2))


def _projection(block: FirstBlock) -> nn.Linear:
    """The projection of the latent, with the pixels first and the channels last."""
    pixels, latent_dim = prod(block.size), block.project.weight.shape[1]
    weight = (block.project.weight * block.project.scale).view(-1, pixels, latent_dim).transpose(0, 1)
    with torch.device("meta"):  # so that PyTorch does not initialize weights that are replaced at once
        layer = nn.Linear(latent_dim, weight.shape[0] * weight.shape[1])
    return _with(layer, weight.reshape(-1, latent_dim), block.bias.repeat(pixels))


def _convolution(layer: EqualConv2d, share: float = 1.0) -> nn.Conv2d:
    """A plain convolution with the scaled weights; weights and biases are multiplied by `share`."""
    outputs, inputs, kernel, _ = layer.weight.shape
    with torch.device("meta"):
        plain = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return _with(plain, layer.weight * (layer.scale * share), cast("Tensor", layer.bias) * share)


def _with(layer: _Layer, weight: Tensor, bias: Tensor) -> _Layer:
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.bias = nn.Parameter(bias.clone(), requires_grad=False)
    return layer
