"""A faster generator for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import Inputs
from ganzoo_stylegan.layers import EPSILON, EqualLinear, blur, leaky_relu, upsample
from ganzoo_stylegan.sampling import images_of
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from ganzoo_stylegan.stylegan2.networks import Generator, ModulatedConv2d, SynthesisLayer, ToRGB, mapping_inputs

__all__ = ["FusedGenerator"]

_Layer = TypeVar("_Layer", nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


class FusedGenerator(nn.Module):
    """A generator that samples faster. It shares what does not change with the one that it is made from.

    Weights are scaled once, and so are the sums of their squares, which demodulation needs. The gain of the activations
    is a part of what comes before them. The layers to RGB scale their few weights instead of all features.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        self.mapping, self.synthesis = FusedMapping(generator), FusedSynthesis(generator)

    def broadcast(self, w: Tensor) -> Tensor:
        """The same style for all layers: (N, style_dim) to (N, styles, style_dim)."""
        return w[:, None].expand(-1, self.config.styles, -1)

    @torch.no_grad()
    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from the inputs of `ganzoo_stylegan.sampling`."""
        return images_of(self, self.config, inputs)


class FusedMapping(nn.Module):
    """The mapping network with plain linear layers: latents (N, latent_dim) and labels (N,) to (N, style_dim)."""

    w_avg: Tensor

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        mapping = generator.mapping
        self.register_buffer("w_avg", mapping.w_avg)
        self.embed = mapping.embed
        layers = [cast("EqualLinear", mapping.get_submodule(f"fc{i}")) for i in range(mapping.layers)]
        self.fc = nn.ModuleList(map(_linear, layers))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, style_dim)."""
        x = mapping_inputs(z, label, self.embed)
        for layer in self.fc:
            x = leaky_relu(layer(x))
        return x


class FusedSynthesis(nn.Module):
    """Styles (N, styles, style_dim) and noise to images (N, C, H, W), as `Synthesis`."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        blocks = generator.synthesis.blocks()
        self.const = blocks[0].const
        self.convs = nn.ModuleList(FusedLayer(layer) for layer in generator.synthesis.layers())
        self.to_rgb = nn.ModuleList(FusedToRGB(block.torgb) for block in blocks)

    def constant_noise(self) -> list[Tensor]:
        """The stored noise of each convolution, (1, 1, H, W)."""
        return [cast("FusedLayer", layer).noise_const[None, None] for layer in self.convs]

    def forward(self, styles: Tensor, noise: Sequence[Tensor | None] | None = None) -> Tensor:
        """`noise` has one tensor for each convolution, (N or 1, 1, H, W); None is no noise."""
        w, each = styles.unbind(1), noise or [None] * len(self.convs)
        x = self.const.expand(styles.shape[0], -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.convs[0](x, w[0], each[0])
        image: Tensor = self.to_rgb[0](x, w[1])
        for i in range(1, len(self.to_rgb)):
            for j in (2 * i - 1, 2 * i):
                x = self.convs[j](x, w[j], each[j])
            image = upsample(image) + self.to_rgb[i](x, w[2 * i + 1])
        return image


class FusedLayer(nn.Module):
    """A modulated convolution, noise, a bias and leaky ReLU, as `SynthesisLayer`."""

    noise_const: Tensor
    squares: Tensor
    bias: Tensor
    strength: Tensor

    def __init__(self, layer: SynthesisLayer) -> None:
        super().__init__()
        weight = layer.weight * layer.scale
        self.affine, self.conv, self.up = _linear(layer.affine), _convolution(layer, weight), layer.up
        self.register_buffer("squares", weight.square().sum((2, 3)) / 2)  # so that demodulation has the gain sqrt(2)
        self.register_buffer("bias", (layer.bias * sqrt(2)).view(1, -1, 1, 1))
        self.register_buffer("strength", layer.noise_strength * sqrt(2))
        self.register_buffer("noise_const", layer.noise_const)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """(N, outputs, H, W), or twice H and W."""
        style = self.affine(w)
        x = self.conv(x * style[:, :, None, None])
        x = blur(x, 1, gain=4.0) if self.up else x
        scale = (functional.linear(style.square(), self.squares) + EPSILON / 2).rsqrt()
        x = torch.addcmul(self.bias, x, scale[:, :, None, None])
        return functional.leaky_relu_(x if noise is None else x.add_(noise * self.strength), 0.2)


class FusedToRGB(nn.Module):
    """A modulated 1x1 convolution, as `ToRGB`: a product of a matrix for each image and its features."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: ToRGB) -> None:
        super().__init__()
        self.affine = _linear(layer.affine)
        self.register_buffer("weight", (layer.weight * layer.scale).flatten(1))
        self.register_buffer("bias", layer.bias.view(1, -1, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N, outputs, H, W)."""
        weight = self.weight * self.affine(w)[:, None]  # (N, outputs, inputs)
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, H * W, inputs), as they are in memory
        image = (pixels @ weight.transpose(1, 2)).transpose(1, 2).reshape(len(x), -1, *x.shape[2:])
        return cast("Tensor", image + self.bias)


def _linear(layer: EqualLinear) -> nn.Linear:
    """A plain linear layer with the scaled weights."""
    with torch.device("meta"):  # so that PyTorch does not initialize weights that are replaced at once
        plain = nn.Linear(layer.weight.shape[1], layer.weight.shape[0])
    return _with(plain, layer.weight * layer.scale, cast("Tensor", layer.bias) * layer.rate)


def _convolution(layer: ModulatedConv2d, weight: Tensor) -> nn.Conv2d | nn.ConvTranspose2d:
    """A plain convolution, or a transposed one that doubles the image."""
    outputs, inputs, kernel, _ = weight.shape
    with torch.device("meta"):
        if layer.up:
            transposed = nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, bias=False)
            return _with(transposed, weight.transpose(0, 1).contiguous(), None)
        return _with(nn.Conv2d(inputs, outputs, kernel, padding=layer.padding, bias=False), weight, None)


def _with(layer: _Layer, weight: Tensor, bias: Tensor | None) -> _Layer:
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer
