"""A faster generator for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from math import prod
from typing import cast

import torch
from torch import Tensor, nn

from ganzoo import Inputs, fuse_layers
from ganzoo_dcgan.networks import Generator

__all__ = ["FusedGenerator"]


class FusedGenerator(nn.Module):
    """A generator in eval mode that samples faster. The generator that it is made from does not change.

    Each batch norm is folded into the convolution before it. The first layer is a matrix product. Its rows are in such
    an order that channels are the last dimension in memory, the fastest layout of convolutions on CPUs and on GPUs.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        projection, relu, *rest = fuse_layers(generator)
        first = cast("nn.ConvTranspose2d", projection)
        self.first, self.first_size = nn.Sequential(_linear(first), relu), first.kernel_size
        self.rest = nn.Sequential(*rest)

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        x: Tensor = self.first(inputs["z"]).unflatten(1, (*self.first_size, -1)).permute(0, 3, 1, 2)
        images: Tensor = self.rest(x)
        return images


def _linear(conv: nn.ConvTranspose2d) -> nn.Linear:
    """A transposed convolution of a 1x1 image, (N, inputs, 1, 1), as a linear layer: (N, inputs) to (N, H W outputs).

    The outputs of pixel 0 are first, then those of pixel 1.
    """
    weight = conv.weight.permute(2, 3, 1, 0)  # (H, W, outputs, inputs)
    with torch.device("meta"):  # so that PyTorch does not initialise weights that are replaced at once
        layer = nn.Linear(conv.in_channels, weight[..., 0].numel())
    layer.weight = nn.Parameter(weight.reshape(-1, conv.in_channels), requires_grad=False)
    layer.bias = nn.Parameter(cast("Tensor", conv.bias).repeat(prod(conv.kernel_size)), requires_grad=False)
    return layer
