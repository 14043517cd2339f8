"""A faster DF-GAN for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import Inputs, fuse_layers
from ganzoo_dfgan.networks import Affine, Generator, UpBlock, activate

__all__ = ["FusedGenerator", "add_enlarged"]

_PER_BLOCK = 4  # affine transformations


class FusedGenerator(nn.Module):
    """A generator that samples faster. The generator that it is made from does not change.

    The networks of all affine transformations see the same condition, so their first layers are computed as one, and
    the second layers of each transformation as another. Upsampling and the convolution after it become one transposed
    convolution, with 2.25 times fewer multiplications.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.fuse_latent, self.first_size = generator.fuse_latent, generator.first_size
        self.project, self.to_rgb = generator.project, generator.to_rgb
        affines = [module for module in generator.modules() if isinstance(module, Affine)]
        networks = [part for affine in affines for part in (affine.gamma, affine.beta)]
        firsts, seconds = ([cast("nn.Linear", network[i]) for network in networks] for i in (0, 2))
        pairs = list(zip(seconds[::2], seconds[1::2], strict=True))
        self.first = _linear(torch.cat([layer.weight for layer in firsts]), firsts)
        self.hidden = [gamma.in_features + beta.in_features for gamma, beta in pairs]
        self.second = nn.ModuleList(_side_by_side(*pair) for pair in pairs)
        self.blocks = nn.ModuleList(_FusedBlock(cast("UpBlock", block)) for block in generator.blocks)

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z`` (N, latent_dim) and ``text`` (N, sentence_dim)."""
        z, sentence = inputs["z"], inputs["text"]
        affines = self._affines(torch.cat([z, sentence], 1) if self.fuse_latent else sentence)
        x = self.project(z).view(z.shape[0], -1, *self.first_size).contiguous(memory_format=torch.channels_last)
        for i, block in enumerate(self.blocks):
            x = block(x, affines[_PER_BLOCK * i : _PER_BLOCK * (i + 1)])
        images: Tensor = self.to_rgb(activate(x)).tanh()
        return images

    def _affines(self, condition: Tensor) -> list[Sequence[Tensor]]:
        """gamma and beta (N, width, 1, 1) of each affine transformation."""
        hidden = self.first(condition).relu().split(self.hidden, 1)
        pairs = zip(self.second, hidden, strict=True)
        return [layer(part)[:, :, None, None].chunk(2, 1) for layer, part in pairs]


class _FusedBlock(nn.Module):
    """An `UpBlock` that is given gamma and beta."""

    def __init__(self, block: UpBlock) -> None:
        super().__init__()
        self.enlarges = block.factor > 1
        self.conv0 = fuse_layers([nn.Upsample(scale_factor=2), block.conv0]) if self.enlarges else block.conv0
        self.conv1, self.shortcut = block.conv1, block.shortcut

    def forward(self, x: Tensor, affines: Sequence[Sequence[Tensor]]) -> Tensor:
        y = self.conv0(_modulate(x, affines[:2]))
        y = self.conv1(_modulate(y, affines[2:]))
        return add_enlarged(y, self.shortcut(x)) if self.enlarges else y + self.shortcut(x)


def _modulate(x: Tensor, affines: Sequence[Sequence[Tensor]]) -> Tensor:
    """Two affine transformations, each with an activation."""
    for gamma, beta in affines:
        x = functional.leaky_relu_(torch.addcmul(beta, x, gamma), 0.2)
    return x


def add_enlarged(y: Tensor, x: Tensor) -> Tensor:
    """y (N, C, 2 H, 2 W) plus x (N, C, H, W), each pixel of it to 2x2 pixels; it changes y."""
    n, channels, height, width = x.shape
    y.view(n, channels, height, 2, width, 2).add_(x[:, :, :, None, :, None])
    return y


def _side_by_side(*layers: nn.Linear) -> nn.Linear:
    """Linear layers of several inputs as one layer of all of them."""
    weight: Tensor = torch.block_diag(*(layer.weight for layer in layers))  # type: ignore[no-untyped-call]
    return _linear(weight, layers)


def _linear(weight: Tensor, layers: Sequence[nn.Linear]) -> nn.Linear:
    """A linear layer with this weight and the biases of `layers`."""
    with torch.device("meta"):
        joined = nn.Linear(weight.shape[1], weight.shape[0])
    joined.weight = nn.Parameter(weight, requires_grad=False)
    joined.bias = nn.Parameter(torch.cat([layer.bias for layer in layers]), requires_grad=False)
    return joined
