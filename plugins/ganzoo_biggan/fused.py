"""A faster generator for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_biggan.layers import Attention, BatchNorm, ConditionalBatchNorm, SpectralLayer
from ganzoo_biggan.networks import Block, Generator, upsample

__all__ = ["fused"]


@torch.no_grad()
def fused(generator: Generator) -> Generator:
    """A copy of a generator in eval mode that samples faster. The generator itself does not change.

    Weights are divided by their spectral norms once. Each block computes all its gains and biases in one product and
    folds the batch statistics into them. Upsampling and the 3x3 convolution after it become one transposed
    convolution, with 2.25 times fewer multiplications. The three projections of attention become one convolution.

    The copy shares all tensors that stay the same with the generator; it owns only the new ones. Call it without
    gradients: it works in place where it can.
    """
    shared = {id(tensor): tensor for tensor in (*generator.parameters(), *generator.buffers())}
    faster = copy.deepcopy(generator, shared)  # the memo says that these tensors are copied already
    for layer in faster.modules():
        if isinstance(layer, SpectralLayer) and layer.spectral_norm is not None:
            layer.weight = nn.Parameter(layer.normalized_weight(), requires_grad=False)
            layer.spectral_norm = None
    for i, block in enumerate(faster.blocks):
        faster.blocks[i] = _FusedBlock(cast("Block", block))
    for resolution, attention in faster.attention.items():
        faster.attention[resolution] = _FusedAttention(cast("Attention", attention))
    return faster


class _FusedBlock(nn.Module):
    """A block whose batch norms are one scale and one shift for each channel of each image."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        norms = [norm for norm in block.norms if isinstance(norm, ConditionalBatchNorm)]
        self.upsampling = block.upsampling
        self.channels = [norm.means.shape[1] for norm in norms]
        self.norm = BatchNorm(sum(self.channels), norms[0].epsilon, len(norms[0].means))
        self.norm.means = torch.cat([norm.means for norm in norms], dim=1)
        self.norm.variances = torch.cat([norm.variances for norm in norms], dim=1)
        self.norm.eval()
        projections = [norm.gain.weight for norm in norms] + [norm.bias.weight for norm in norms]
        self.projection = nn.Parameter(torch.cat(projections), requires_grad=False)
        convs = [cast("nn.Conv2d", conv) for conv in block.convs]
        self.convs = nn.ModuleList(_upsampling(c) if i == block.upsampling else c for i, c in enumerate(convs))
        self.shortcut = block.shortcut

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor | None = None) -> Tensor:
        gain, bias = functional.linear(condition, self.projection).chunk(2, dim=1)
        folded = self.norm.fold(1 + gain, bias, truncation)
        scales, shifts = (each[:, :, None, None].split_with_sizes(self.channels, dim=1) for each in folded)
        y = x
        for scale, shift, convolve in zip(scales, shifts, self.convs, strict=True):
            y = convolve(torch.addcmul(shift, y, scale).relu_())
        x = self.shortcut(x)
        return y.add_(x if self.upsampling is None else upsample(x))


class _FusedAttention(nn.Module):
    """Attention that computes queries, keys and values in one convolution."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention
        parts = [attention.theta, attention.phi, attention.g]
        self.channels = [part.out_channels for part in parts]
        self.weight = nn.Parameter(torch.cat([part.weight for part in parts]), requires_grad=False)
        del attention.theta, attention.phi, attention.g

    def forward(self, x: Tensor) -> Tensor:
        return self.attention.attend(x, *functional.conv2d(x, self.weight).split_with_sizes(self.channels, dim=1))


def _upsampling(conv: nn.Conv2d) -> nn.ConvTranspose2d:
    """Upsampling followed by a 3x3 convolution, as one transposed convolution of the smaller input.

    Let the kernel be a, b, c along one axis. Upsampling repeats each pixel, so several weights meet the same pixel:
    an even output pixel is a times the pixel before plus (b + c) times its own pixel, an odd output pixel is
    (a + b) times its own pixel plus c times the next.
    """
    weight = conv.weight
    for axis in (2, 3):
        a, b, c = weight.unbind(axis)
        weight = torch.stack([c, b + c, a + b, a], dim=axis)
    outputs, inputs = weight.shape[:2]
    with torch.device("meta"):  # so that PyTorch does not initialise weights that are replaced at once
        transposed = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    transposed.weight = nn.Parameter(weight.transpose(0, 1).contiguous(), requires_grad=False)
    transposed.bias = conv.bias
    return transposed
