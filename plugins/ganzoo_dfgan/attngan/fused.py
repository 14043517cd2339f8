"""A faster AttnGAN for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ganzoo import Inputs, fuse_layers
from ganzoo_dfgan.attngan.networks import Generator, NextStage, ResidualBlock

__all__ = ["FusedGenerator"]


class FusedGenerator(nn.Module):
    """A generator in eval mode that samples faster. The generator that it is made from does not change.

    Each batch norm is folded into the layer before it. Upsampling and the convolution after it become one transposed
    convolution, with 2.25 times fewer multiplications. Only the largest image is made.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.latent_dim, self.conditioning = generator.latent_dim, generator.conditioning
        first = generator.first
        self.first_size = first.size
        self.project = fuse_layers([first.project, first.norm])
        self.upsamplings = nn.Sequential(*(fuse_layers(cast("nn.Sequential", block)) for block in first.blocks))
        self.stages = nn.ModuleList(_FusedStage(cast("NextStage", stage)) for stage in generator.stages)
        self.to_image = generator.to_images[-1]

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, ``sentence``, ``words`` and ``present``."""
        latent, noise = inputs["z"][:, : self.latent_dim], inputs["z"][:, self.latent_dim :]
        condition = self.conditioning.condition(inputs["sentence"], noise)
        x = nn.functional.glu(self.project(torch.cat([condition, latent], 1)), 1)
        x = self.upsamplings(x.view(x.shape[0], -1, *self.first_size).contiguous(memory_format=torch.channels_last))
        for stage in self.stages:
            x = stage(x, inputs["words"], inputs["present"])
        images: Tensor = self.to_image(x).tanh()
        return images


class _FusedStage(nn.Module):
    """A `NextStage` without batch norms."""

    def __init__(self, stage: NextStage) -> None:
        super().__init__()
        self.attention = stage.attention
        self.blocks = nn.ModuleList(fuse_layers(cast("ResidualBlock", block).layers) for block in stage.blocks)
        self.upsampling = fuse_layers(stage.upsampling)

    def forward(self, x: Tensor, words: Tensor, present: Tensor) -> Tensor:
        x = torch.cat([x, self.attention(x, words, present)], 1)
        for block in self.blocks:
            x = block(x).add_(x)
        return cast("Tensor", self.upsampling(x))
