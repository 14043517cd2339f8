"""The networks of DF-GAN: a generator that fuses text into every block, and a one-way discriminator (section 3)."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_dfgan.config import DFGANConfig

__all__ = ["Affine", "Discriminator", "Fusion", "Generator"]

FIRST_SCALE = 0.3
"""The last convolution begins with smaller weights than PyTorch's: small models otherwise begin in the flat part of
tanh, and stay there, if the background of most pictures is white."""


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2."""
    return functional.leaky_relu(x, 0.2)


class Affine(nn.Module):
    """x gamma(c) + beta(c) for each channel, with gamma and beta from small networks (equation 4).

    It begins as the identity, whatever the condition.
    """

    def __init__(self, condition_dim: int, width: int, hidden: int | None = None) -> None:
        super().__init__()
        self.gamma = _small_network(condition_dim, hidden or width, width, bias=1.0)
        self.beta = _small_network(condition_dim, hidden or width, width, bias=0.0)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(N, width, H, W) from features of that shape and conditions (N, condition_dim)."""
        gamma, beta = self.gamma(condition), self.beta(condition)
        return torch.addcmul(beta[:, :, None, None], x, gamma[:, :, None, None])

    def first_weights(self) -> tuple[Tensor, Tensor]:
        """The weights (hidden, condition_dim) of the layers that see the condition."""
        return cast("Tensor", self.gamma[0].weight), cast("Tensor", self.beta[0].weight)


def _small_network(inputs: int, hidden: int, outputs: int, *, bias: float) -> nn.Sequential:
    """Two layers whose output is `bias` at the start."""
    last = nn.Linear(hidden, outputs)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), last)


class Fusion(nn.Module):
    """The deep text-image fusion of section 3.3: two affine transformations, each with an activation."""

    def __init__(self, condition_dim: int, width: int, hidden: int | None = None) -> None:
        super().__init__()
        self.affine0 = Affine(condition_dim, width, hidden)
        self.affine1 = Affine(condition_dim, width, hidden)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(N, width, H, W) from features of that shape and conditions (N, condition_dim)."""
        x = activate(self.affine0(x, condition))
        return activate(self.affine1(x, condition))


class UpBlock(nn.Module):
    """Features (N, inputs, H, W) to (N, outputs, F * H, F * W), with text fused before each convolution.

    The factor F is 2, or 1 for a block that enlarges nothing.
    """

    def __init__(self, config: DFGANConfig, inputs: int, outputs: int, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor
        self.fuse0 = Fusion(config.condition_dim, inputs, config.affine_dim)
        self.conv0 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.fuse1 = Fusion(config.condition_dim, outputs, config.affine_dim)
        self.conv1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """The shortcut plus the residual, both of the enlarged features."""
        # The paper enlarges first. What handles each pixel alone gives the same before, on a quarter of the pixels.
        residual = self.conv0(self._enlarge(self.fuse0(x, condition)))
        residual = self.conv1(self.fuse1(residual, condition))
        enlarged: Tensor = self._enlarge(self.shortcut(x)) + residual
        return enlarged

    def _enlarge(self, x: Tensor) -> Tensor:
        """Repeat each pixel."""
        return x if self.factor == 1 else functional.interpolate(x, scale_factor=float(self.factor))


class Generator(nn.Module):
    """Latents (N, latent_dim) and sentences (N, sentence_dim) to images (N, C, H, W) in [-1, 1]."""

    def __init__(self, config: DFGANConfig) -> None:
        super().__init__()
        self.fuse_latent, first_map = config.fuse_latent, config.first_map
        widths = config.widths[::-1]
        self.first_size = first_map.size
        self.project = nn.Linear(config.latent_dim, widths[0] * first_map.pixels)
        first = [UpBlock(config, widths[0], widths[0], factor=1)] if config.first_block else []
        self.blocks = nn.ModuleList([*first, *(UpBlock(config, *pair) for pair in pairwise(widths))])
        self.to_rgb = nn.Conv2d(widths[-1], config.channels, 3, padding=1)
        with torch.no_grad():
            self.to_rgb.weight.mul_(FIRST_SCALE)

    def forward(self, z: Tensor, sentence: Tensor) -> Tensor:
        """Every block sees the sentence, and z beside it if `fuse_latent` is on."""
        condition = torch.cat([z, sentence], 1) if self.fuse_latent else sentence
        x: Tensor = self.project(z).unflatten(1, (-1, *self.first_size))
        for block in self.blocks:
            x = block(x, condition)
        images: Tensor = self.to_rgb(activate(x)).tanh()
        return images


class DownBlock(nn.Module):
    """Features (N, inputs, H, W) to (N, outputs, H / 2, W / 2). It begins as its shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        self.conv1 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """The shortcut plus the residual times a learned gain."""
        residual = activate(self.conv1(activate(self.conv0(x))))
        # A 1x1 convolution and a mean of squares may change places: after the mean there are fewer pixels.
        shortcut: Tensor = self.shortcut(functional.avg_pool2d(x, 2))
        return torch.addcmul(shortcut, residual, self.gain)


class Discriminator(nn.Module):
    """Images (N, C, H, W) and sentences to logits: one output for "real and of this text" (section 3.2)."""

    def __init__(self, config: DFGANConfig) -> None:
        super().__init__()
        widths = config.widths
        self.from_rgb = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(DownBlock(*pair) for pair in pairwise(widths))
        self.joint = nn.Conv2d(widths[-1] + config.sentence_dim, 2 * config.width, 3, padding=1, bias=False)
        self.logit = nn.Conv2d(2 * config.width, 1, config.first_map.size, bias=False)

    def forward(self, images: Tensor, *sentences: Tensor) -> Tensor:
        """Logits (K, N), with a row for each of K sets of sentences (N, sentence_dim); (N,) for a single set."""
        x = self.from_rgb(images)
        for block in self.blocks:
            x = block(x)
        logits = [self._judge(x, sentence) for sentence in sentences]
        return logits[0] if len(logits) == 1 else torch.stack(logits)

    def _judge(self, x: Tensor, sentence: Tensor) -> Tensor:
        """Logits (N,) from features (N, width, H, W): every pixel has the sentence beside it."""
        everywhere = sentence[:, :, None, None].expand(-1, -1, *x.shape[2:])
        logits: Tensor = self.logit(activate(self.joint(torch.cat([x, everywhere], 1))))
        return logits.flatten()
