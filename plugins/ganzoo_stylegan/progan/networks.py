"""The networks of ProGAN (table 2), at every stage of their growth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import FirstMap
from ganzoo_stylegan.layers import EqualConv2d, EqualLinear, append_deviation, normalize
from ganzoo_stylegan.progan.config import ProGANConfig
from ganzoo_stylegan.progan.growth import Phase, enlarge, level_at, mix, shrink

__all__ = ["Discriminator", "Generator", "activate"]

GAIN = sqrt(2)
"""The gain of layers with a leaky ReLU (He et al., section 4.1)."""


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2."""
    return functional.leaky_relu(x, 0.2)


class FirstBlock(nn.Module):
    """Normalized latents (N, latent_dim) to features (N, width, H, W) of the first map.

    The gain of the projection is a quarter of that of the others, as in the authors' code: it is a convolution with 16
    times as many inputs, of which all but the latent are zero.
    """

    def __init__(self, latent_dim: int, width: int, first_map: FirstMap) -> None:
        super().__init__()
        self.size = first_map.size
        self.project = EqualLinear(latent_dim, width * first_map.pixels, bias=None, gain=GAIN / 4)
        self.bias = nn.Parameter(torch.zeros(width))
        self.conv = EqualConv2d(width, width, 3, gain=GAIN)

    def forward(self, z: Tensor) -> Tensor:
        """Pixel norm follows each activation (section 4.2)."""
        x: Tensor = self.project(z).unflatten(1, (-1, *self.size))
        x = normalize(activate(x + self.bias[:, None, None]))
        return normalize(activate(self.conv(x)))


class UpBlock(nn.Module):
    """Features (N, inputs, H, W) to (N, outputs, 2 * H, 2 * W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = EqualConv2d(inputs, outputs, 3, gain=GAIN)
        self.conv1 = EqualConv2d(outputs, outputs, 3, gain=GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Pixel norm follows each activation (section 4.2)."""
        x = normalize(activate(self.conv0(enlarge(x, 2))))
        return normalize(activate(self.conv1(x)))


class Generator(nn.Module):
    """Latents (N, latent_dim) to images (N, C, H, W), which are about in [-1, 1].

    `images_seen` counts the real images of the training. It decides how far the network has grown. As a buffer, it is a
    part of checkpoints and of published files.
    """

    images_seen: Tensor

    def __init__(self, config: ProGANConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width(resolution) for resolution in config.resolutions]
        ups = [UpBlock(before, after) for before, after in pairwise(widths)]
        self.blocks = nn.ModuleList([FirstBlock(config.latent_dim, widths[0], config.first_map), *ups])
        self.to_rgb = nn.ModuleList(EqualConv2d(width, config.channels, 1) for width in widths)
        self.register_buffer("images_seen", torch.zeros((), dtype=torch.int64))

    def level(self) -> float:
        """How far the network has grown (see `level_at`). On the meta device, where there are no values: to the end."""
        if self.images_seen.is_meta:
            return len(self.blocks) - 1.0
        return level_at(self.config, int(self.images_seen))

    def forward(self, z: Tensor, phase: Phase) -> Tensor:
        """Images have the full size in every phase: pixels of a smaller resolution are repeated."""
        stage, share = phase
        features = self.features(z, stage)
        image: Tensor = self.to_rgb[stage](features[-1])
        if share < 1:
            image = mix(enlarge(self.to_rgb[stage - 1](features[-2]), 2), image, share)
        return enlarge(image, 2 ** (len(self.blocks) - 1 - stage))

    def features(self, z: Tensor, stage: int) -> Sequence[Tensor]:
        """The features of each resolution up to the one of number `stage`, (N, C, H, W) each."""
        x, found = normalize(z), []
        for block in list(self.blocks)[: stage + 1]:
            x = block(x)
            found.append(x)
        return found


class DownBlock(nn.Module):
    """Features (N, inputs, H, W) to (N, outputs, H / 2, W / 2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = EqualConv2d(inputs, inputs, 3, gain=GAIN)
        self.conv1 = EqualConv2d(inputs, outputs, 3, gain=GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Two convolutions, then the means of squares of pixels."""
        return shrink(activate(self.conv1(activate(self.conv0(x)))), 2)


class LastBlock(nn.Module):
    """Features (N, width, H, W) to logits (N,), with the minibatch standard deviation as a feature (section 3)."""

    def __init__(self, width: int, hidden: int, group: int, pixels: int) -> None:
        super().__init__()
        self.group = group
        self.conv = EqualConv2d(width + 1, width, 3, gain=GAIN)
        self.hidden = EqualLinear(width * pixels, hidden, gain=GAIN)
        self.logit = EqualLinear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """One logit for each image."""
        x = activate(self.conv(append_deviation(x, self.group)))
        logits: Tensor = self.logit(activate(self.hidden(x.flatten(1))))
        return logits.squeeze(1)


class Discriminator(nn.Module):
    """Images (N, C, H, W) of the full size to logits (N,). It mirrors the generator and grows with it."""

    def __init__(self, config: ProGANConfig) -> None:
        super().__init__()
        widths = [config.width(resolution) for resolution in config.resolutions]
        downs = [DownBlock(after, before) for before, after in pairwise(widths)]
        last = LastBlock(widths[0], config.width(2), config.group_size, config.first_map.pixels)
        self.blocks = nn.ModuleList([last, *downs])
        self.from_rgb = nn.ModuleList(EqualConv2d(config.channels, width, 1, gain=GAIN) for width in widths)

    def forward(self, images: Tensor, phase: Phase) -> Tensor:
        """It sees the images at the resolution of the phase."""
        stage, share = phase
        images = shrink(images, 2 ** (len(self.blocks) - 1 - stage))
        x = activate(self.from_rgb[stage](images))
        for i in range(stage, 0, -1):
            x = self.blocks[i](x)
            if i == stage and share < 1:
                x = mix(activate(self.from_rgb[i - 1](shrink(images, 2))), x, share)
        return cast("Tensor", self.blocks[0](x))
