"""A faster generator for sampling: the same function, with fewer and faster layers."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo import Inputs, fuse_layers
from ganzoo_sequential.networks import Generator, to_range

__all__ = ["FusedGenerator"]


class FusedGenerator(nn.Module):
    """A generator in eval mode that samples faster. The generator that it is made from does not change."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.layers, self.from_pixel, self.output = fuse_layers(generator), generator.from_pixel, generator.output

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from ``z``, (N, latent_dim)."""
        z = inputs["z"]
        images: Tensor = self.layers(z[:, :, None, None] if self.from_pixel else z)
        return to_range(images, self.output)
