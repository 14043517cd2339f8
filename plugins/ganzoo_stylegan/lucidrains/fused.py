"""A faster generator for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import Inputs
from ganzoo_stylegan.fused_layers import FusedModulation, FusedToRGB, plain_convolution, plain_linear
from ganzoo_stylegan.lucidrains.config import LucidrainsConfig
from ganzoo_stylegan.lucidrains.networks import (
    MAPPING_RATE,
    Generator,
    Mapping,
    ModulatedConv2d,
    Synthesis,
    SynthesisBlock,
    SynthesisLayer,
    blur,
    enlarge,
)
from ganzoo_stylegan.sampling import images_of

__all__ = ["FusedGenerator"]


class FusedGenerator(nn.Module):
    """A generator that samples faster. It shares what does not change with the one that it is made from.

    The sums of squares that demodulation needs are computed once, and so is the first map if it is a learned constant.
    Features are scaled before they are enlarged, and the mapping's learning rate is a part of its weights.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator, config: LucidrainsConfig) -> None:
        super().__init__()
        self.config, self.styles = config, generator.styles
        self.mapping, self.synthesis = FusedMapping(generator.mapping), FusedSynthesis(generator.synthesis)

    def broadcast(self, w: Tensor) -> Tensor:
        """The same style for all blocks: (N, style_dim) to (N, styles, style_dim)."""
        return w[:, None].expand(-1, self.styles, -1)

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from the inputs of `ganzoo_stylegan.sampling`."""
        return images_of(self, self.config, inputs)


class FusedMapping(nn.Module):
    """The mapping network, as `Mapping`."""

    w_avg: Tensor

    def __init__(self, mapping: Mapping) -> None:
        super().__init__()
        self.register_buffer("w_avg", mapping.w_avg)
        self.fc = nn.ModuleList(
            plain_linear(layer.weight * MAPPING_RATE, layer.bias * MAPPING_RATE) for layer in mapping.layers()
        )

    def forward(self, z: Tensor, label: None = None) -> Tensor:
        """(N, latent_dim)."""
        x = functional.normalize(z)
        for layer in self.fc:
            x = functional.leaky_relu(layer(x), 0.2)
        return x


class FusedSynthesis(nn.Module):
    """Styles (N, styles, style_dim) and noise to images (N, C, H, W), as `Synthesis`."""

    noise_const: Tensor
    first: Tensor

    def __init__(self, synthesis: Synthesis) -> None:
        super().__init__()
        self.register_buffer("noise_const", synthesis.noise_const)
        self.constant = hasattr(synthesis, "const")
        if self.constant:
            self.register_buffer("first", synthesis.conv(synthesis.const[None]))
        else:
            self.project, self.conv = synthesis.project, synthesis.conv
        self.blocks = nn.ModuleList(_FusedBlock(cast("SynthesisBlock", block)) for block in synthesis.blocks)

    def constant_noise(self) -> list[Tensor]:
        """The stored noise, (1, 1, H, W)."""
        return [self.noise_const[None, None]]

    def forward(self, styles: Tensor, noise: list[Tensor]) -> Tensor:
        """`noise` has one tensor of normal numbers, (N or 1, 1, H, W), for all layers."""
        uniform, image = 0.5 + torch.erf(noise[0] / sqrt(2)) / 2, None
        x = self._first(styles).contiguous(memory_format=torch.channels_last)
        for block, w in zip(self.blocks, styles.unbind(1), strict=True):
            x, image = block(x, image, w, uniform)
        return cast("Tensor", image) * 2 - 1

    def _first(self, styles: Tensor) -> Tensor:
        """(N, C, H, W), the first map."""
        if self.constant:
            return self.first.expand(styles.shape[0], -1, -1, -1)
        x: Tensor = self.conv(self.project(styles.mean(1)[:, :, None, None]))
        return x


class _FusedBlock(nn.Module):
    """A `SynthesisBlock`."""

    def __init__(self, block: SynthesisBlock) -> None:
        super().__init__()
        self.attention = block.attention
        self.conv0, self.conv1 = _layer(block.conv0, enlarges=block.enlarges), _layer(block.conv1)
        rgb = block.torgb
        self.to_rgb = FusedToRGB(_scales(rgb), rgb.weight.flatten(1), torch.zeros_like(rgb.weight[:, 0, 0, 0]))
        self.factor = 2 if block.enlarges else 1

    def forward(self, x: Tensor, image: Tensor | None, w: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Of the noise, (N, 1, H, W), a block takes the upper left part."""
        x = self.attention(x)
        noise = noise[:, :, : self.factor * x.shape[2], : self.factor * x.shape[3]]
        x = self.conv1(self.conv0(x, w, noise), w, noise)
        rgb: Tensor = self.to_rgb(x, w)
        return x, rgb if image is None else blur(enlarge(image)) + rgb


def _layer(layer: SynthesisLayer, *, enlarges: bool = False) -> FusedModulation:
    convolution = plain_convolution(layer.weight)
    larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    convolve = nn.Sequential(larger, convolution) if enlarges else convolution
    return FusedModulation(_scales(layer), convolve, layer.weight, layer.bias, layer.noise_strength)


def _scales(layer: ModulatedConv2d) -> nn.Linear:
    """The map of a style to the scales of the inputs, with the 1 in its bias."""
    return plain_linear(layer.affine.weight, layer.affine.bias + 1)
