"""The generator as it samples fastest: the same function, with all that is constant computed once."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from ganzoo_biggan.layers import Attention, ConditionalNorm, Norm
from ganzoo_biggan.networks import Block, Generator, double

__all__ = ["fuse"]


@torch.no_grad()
def fuse(generator: Generator) -> None:
    """Turn a generator, in evaluation mode, into one that only samples, in place; once.

    Spectral norms are divided out. Every block takes its gains and biases from one product, with the batch
    statistics folded in; a convolution behind a doubling becomes a transposed one, with 2.25 times fewer
    products; the three maps of attention come from one convolution.
    """
    for module in list(generator.modules()):
        if is_parametrized(module, "weight"):
            remove_parametrizations(module, "weight")
    for i, block in enumerate(generator.blocks):
        generator.blocks[i] = _FusedBlock(cast("Block", block))
    for side, attention in generator.attention.items():
        generator.attention[side] = _FusedAttention(cast("Attention", attention))
    generator.requires_grad_(False)


class _FusedBlock(nn.Module):
    """A block whose norms are one scale and one shift for each map of each image."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        norms = [norm for norm in block.norms if isinstance(norm, ConditionalNorm)]
        self.doubling = block.doubling
        self.maps = [norm.means.shape[1] for norm in norms]
        self.norm = Norm(sum(self.maps), norms[0].epsilon, len(norms[0].means))
        self.norm.means = torch.cat([norm.means for norm in norms], dim=1)
        self.norm.variances = torch.cat([norm.variances for norm in norms], dim=1)
        projections = [norm.gain.weight for norm in norms] + [norm.bias.weight for norm in norms]
        self.projection = nn.Parameter(torch.cat(projections))
        self.convs = nn.ModuleList(_doubling(c) if i == block.doubling else c for i, c in enumerate(block.convs))
        self.beside = block.beside

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor | None = None) -> Tensor:
        gain, bias = nn.functional.linear(condition, self.projection).chunk(2, dim=1)
        folded = self.norm.fold(1 + gain, bias, truncation)
        scales, shifts = (each[:, :, None, None].split_with_sizes(self.maps, dim=1) for each in folded)
        y = x
        for scale, shift, convolve in zip(scales, shifts, self.convs, strict=True):
            y = convolve(torch.addcmul(shift, y, scale).relu_())
        x = self.beside(x)
        return y.add_(x if self.doubling is None else double(x))


class _FusedAttention(nn.Module):
    """Attention with one convolution for queries, keys and values."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention
        parts = [attention.theta, attention.phi, attention.g]
        self.maps = [part.out_channels for part in parts]
        self.weight = nn.Parameter(torch.cat([part.weight for part in parts]))
        del attention.theta, attention.phi, attention.g

    def forward(self, x: Tensor) -> Tensor:
        return self.attention.attend(x, *nn.functional.conv2d(x, self.weight).split_with_sizes(self.maps, dim=1))


def _doubling(conv: nn.Module) -> nn.ConvTranspose2d:
    """A 3x3 convolution of maps that were doubled, of the maps as they were.

    Of taps a, b, c along an axis, an even place sees a of the pixel before and b + c of its own, an odd one
    a + b of its own and c of the next.
    """
    assert isinstance(conv, nn.Conv2d)  # noqa: S101 - for the type checker
    weight = conv.weight
    for axis in (2, 3):
        a, b, c = weight.unbind(axis)
        weight = torch.stack([c, b + c, a + b, a], dim=axis)
    outputs, inputs = weight.shape[:2]
    with torch.device("meta"):  # no initialisation
        doubled = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    doubled.weight = nn.Parameter(weight.transpose(0, 1).contiguous())
    doubled.bias = conv.bias
    return doubled
