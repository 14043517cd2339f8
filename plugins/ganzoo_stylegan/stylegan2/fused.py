"""A faster generator for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn

from ganzoo import Inputs
from ganzoo_stylegan.fused_layers import FusedModulation, FusedToRGB, plain_convolution, plain_linear
from ganzoo_stylegan.layers import EqualLinear, blur, leaky_relu, upsample
from ganzoo_stylegan.sampling import images_of
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from ganzoo_stylegan.stylegan2.networks import Generator, SynthesisLayer, ToRGB, mapping_inputs

__all__ = ["FusedGenerator"]


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
        self.to_rgb = nn.ModuleList(_to_rgb(block.torgb) for block in blocks)

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


class FusedLayer(FusedModulation):
    """A `SynthesisLayer`, and its stored noise. The gain of its activation is sqrt(2)."""

    noise_const: Tensor

    def __init__(self, layer: SynthesisLayer) -> None:
        weight = layer.weight * layer.scale
        convolve = _doubling(weight) if layer.up else plain_convolution(weight)
        super().__init__(_linear(layer.affine), convolve, weight, layer.bias, layer.noise_strength, gain=sqrt(2))
        self.register_buffer("noise_const", layer.noise_const)


class _Blur(nn.Module):
    """The filter behind a transposed convolution."""

    def forward(self, x: Tensor) -> Tensor:
        return blur(x, 1, gain=4.0)


def _linear(layer: EqualLinear) -> nn.Linear:
    """A plain linear layer with the scaled weights."""
    return plain_linear(layer.weight * layer.scale, cast("Tensor", layer.bias) * layer.rate)


def _to_rgb(layer: ToRGB) -> FusedToRGB:
    return FusedToRGB(_linear(layer.affine), (layer.weight * layer.scale).flatten(1), layer.bias)


def _doubling(weight: Tensor) -> nn.Sequential:
    """A transposed convolution that doubles the image, and the blur behind it."""
    outputs, inputs, kernel, _ = weight.shape
    with torch.device("meta"):  # so that PyTorch does not initialize weights that are replaced at once
        transposed = nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, bias=False)
    transposed.weight = nn.Parameter(weight.transpose(0, 1).contiguous(), requires_grad=False)
    return nn.Sequential(transposed, _Blur())
