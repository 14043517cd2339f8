"""The networks of pix2pix (arXiv:1611.07004, appendix 6.1): a U-Net, and a discriminator of patches of a pair."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import changed_by, diffuse
from ganzoo_pix2pix.config import WIDEST, Pix2PixConfig

__all__ = ["SLOPE", "OwnBatchNorm", "PatchDiscriminator", "UNet"]

SLOPE = 0.2
"""That of the leaky ReLUs on their negative side."""


class OwnBatchNorm(nn.BatchNorm2d):
    """Batch norm in training. In eval mode, it uses those of each image, as in a batch of one (section 3.4)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if self.training:
            return super().forward(x)
        return functional.group_norm(x, self.num_features, self.weight, self.bias, self.eps)


class UNet(nn.Module):
    """C64-C128-C256-C512-C512-C512-C512-C512, and a decoder that also reads the encoder's layer of its size.

    Images (N, C, H, W) in [-1, 1] to images of the same shape. H and W must be multiples of `config.size_multiple`.
    """

    def __init__(self, config: Pix2PixConfig) -> None:
        super().__init__()
        widths, last = config.widths, config.depth - 1
        self.down = nn.ModuleList(
            _Down(inputs, outputs, config, norm=0 < i < last)
            for i, (inputs, outputs) in enumerate(pairwise((config.channels, *widths)))
        )
        self.up = nn.ModuleList(
            _Up(inputs * (1 if i == 0 else 2), outputs, config, dropout=i < config.dropped)
            for i, (inputs, outputs) in enumerate(pairwise(reversed(widths)))
        )
        self.head = _head(2 * widths[0], config)
        self.residual_output = config.residual_output
        self.diffusion_steps, self.diffusion_contrast = config.diffusion_steps, config.diffusion_contrast
        self.skip_slope = 0.0 if config.skip_activation == "relu" else SLOPE
        self.apply(_initialize)

    def forward(self, images: Tensor) -> Tensor:
        """One translation for each image."""
        skips = []
        x = images
        for number, layer in enumerate(self.down):
            x = layer(x if number == 0 else functional.leaky_relu(x, SLOPE))
            skips.append(x)
        x = functional.leaky_relu(skips.pop(), self.skip_slope)
        for layer in self.up:
            x = torch.cat([functional.leaky_relu(skips.pop(), self.skip_slope), layer(x).relu()], dim=1)
        out: Tensor = self.head(x)
        out = changed_by(images, out) if self.residual_output else out.tanh()
        return diffuse(out, self.diffusion_steps, self.diffusion_contrast)


class _Down(nn.Module):
    """A convolution that halves images, and a norm, which can be left out."""

    def __init__(self, inputs: int, outputs: int, config: Pix2PixConfig, *, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=config.conv_bias)
        self.norm = _norm(outputs, config) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / 2, W / 2)."""
        out: Tensor = self.norm(self.conv(x))
        return out


class _Up(nn.Module):
    """A transposed convolution that doubles images, a norm, and dropout in training."""

    def __init__(self, inputs: int, outputs: int, config: Pix2PixConfig, *, dropout: bool) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=config.conv_bias)
        self.norm = _norm(outputs, config)
        self.dropout = nn.Dropout(config.dropout if dropout else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, 2 H, 2 W)."""
        out: Tensor = self.dropout(self.norm(self.conv(x)))
        return out


class PatchDiscriminator(nn.Sequential):
    """C64-C128-C256-C512 and a logit for each patch, which has 70x70 pixels with three layers (appendix 6.1.2).

    It takes the image that is translated and a translation, (N, 2 C, H, W) in [-1, 1], and returns (N, 1, H', W').
    """

    def __init__(self, config: Pix2PixConfig) -> None:
        layers = config.discriminator_layers
        widths = [config.discriminator_width * min(2**i, WIDEST) for i in range(layers + 1)]
        first = nn.Conv2d(2 * config.channels, widths[0], 4, 2, 1)
        blocks: list[nn.Module] = [first, nn.LeakyReLU(SLOPE, inplace=True)]
        for number, (inputs, outputs) in enumerate(pairwise(widths), 1):
            conv = nn.Conv2d(inputs, outputs, 4, 2 if number < layers else 1, 1, bias=config.norm == "instance")
            blocks += [conv, _norm(outputs, config), nn.LeakyReLU(SLOPE, inplace=True)]
        super().__init__(*blocks, nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.apply(_initialize)


def _norm(channels: int, config: Pix2PixConfig) -> nn.Module:
    if config.norm == "instance":
        return nn.GroupNorm(channels, channels, affine=False)  # instance norm, which PyTorch computes more slowly
    return OwnBatchNorm(channels) if config.own_statistics else nn.BatchNorm2d(channels)


def _head(inputs: int, config: Pix2PixConfig) -> nn.Sequential:
    """The last layer: it doubles images too. A tanh follows."""
    if config.upsampling == "transposed":
        return nn.Sequential(nn.ConvTranspose2d(inputs, config.channels, 4, stride=2, padding=1))
    convolution = nn.Conv2d(inputs, config.channels, 4, padding=1)
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.ZeroPad2d((1, 0, 1, 0)), convolution)


def _initialize(layer: nn.Module) -> None:
    """Section 3.3 and appendix 6.2: weights from N(0, 0.02), those of batch norm from N(1, 0.02), biases zero."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
        nn.init.normal_(layer.weight, float(isinstance(layer, nn.BatchNorm2d)), 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
