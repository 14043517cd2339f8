"""The networks of CycleGAN: a residual generator and a discriminator that rates patches."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from ganzoo import changed_by, diffuse
from ganzoo_cyclegan.config import CycleGANConfig

__all__ = ["Generator", "NearestThenConv", "Normed", "PatchDiscriminator"]


class Normed(nn.Module):
    """A convolution, then instance norm and an activation, which both can be left out."""

    def __init__(
        self, conv: nn.Module, channels: int, *, affine: bool, norm: bool = True, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.InstanceNorm2d(channels, affine=affine) if norm else nn.Identity()
        self.activation = activation or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, channels, H', W')."""
        out: Tensor = self.activation(self.norm(self.conv(x)))
        return out


class Generator(nn.Module):
    """Appendix 7.2: c7s1-64, d128, d256, 9 or 6 times R256, u128, u64, c7s1-3.

    Images (N, C, H, W) in [-1, 1] to images of the same shape. H and W must be multiples of 4, and at least 8.
    """

    def __init__(self, config: CycleGANConfig, diffusion_steps: int = 0) -> None:
        super().__init__()
        widths = [config.width * 2**i for i in range(3)]  # 64, 128, 256
        stem = _reflecting(config.channels, widths[0], 7)
        self.stem = _layer(stem, widths[0], config) if config.stem_norm else Normed(stem, 0, affine=False, norm=False)
        self.down = nn.Sequential(*(_layer(_halving(i, o, config), o, config) for i, o in pairwise(widths)))
        self.blocks = nn.Sequential(*(Residual(widths[-1], config) for _ in range(config.generator_blocks)))
        self.up = nn.Sequential(*(_layer(_doubling(i, o, config), o, config) for i, o in pairwise(reversed(widths))))
        self.head = nn.Sequential(_reflecting(widths[0], config.channels, 7), nn.Tanh())
        self.skips, self.residual_output = config.skips, config.residual_output
        self.diffusion_steps, self.diffusion_contrast = diffusion_steps, config.diffusion_contrast
        self.apply(_initialize)

    def forward(self, images: Tensor) -> Tensor:
        """One translation for each image."""
        x = self.stem(images)
        skipped: list[Tensor] = []
        for layer in self.down:
            skipped.append(x)
            x = layer(x)
        x = self.blocks(x)
        for layer in self.up:
            x = layer(x) + skipped.pop() if self.skips else layer(x)
        return diffuse(self._output(x, images), self.diffusion_steps, self.diffusion_contrast)

    def _output(self, x: Tensor, images: Tensor) -> Tensor:
        """The image that the features `x` make, or by which they change `images`."""
        convolution, tanh = self.head
        out = convolution(x)
        return changed_by(images, out) if self.residual_output else cast("Tensor", tanh(out))


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), with dropout after the ReLU."""

    def __init__(self, channels: int, config: CycleGANConfig) -> None:
        super().__init__()
        self.first = _layer(_reflecting(channels, channels, 3), channels, config)
        self.dropout = nn.Dropout(config.dropout)
        self.second = Normed(_reflecting(channels, channels, 3), channels, affine=config.affine)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the same shape."""
        out: Tensor = x + self.second(self.dropout(self.first(x)))
        return out


class PatchDiscriminator(nn.Sequential):
    """Appendix 7.2: C64, C128, C256, C512 and a logit for each patch, which has 70x70 pixels with three layers.

    (N, C, H, W) in [-1, 1] to (N, 1, H', W') logits. Every convolution but the last two halves the image.
    """

    def __init__(self, config: CycleGANConfig) -> None:
        layers = config.discriminator_layers
        widths = [config.discriminator_width * min(2**i, 8) for i in range(layers + 1)]
        first = nn.Conv2d(config.channels, widths[0], 4, stride=2, padding=1)
        inner = [
            Normed(
                nn.Conv2d(inputs, outputs, 4, stride=2 if number < layers else 1, padding=1),
                outputs,
                affine=config.affine,
                norm=config.discriminator_norm,
                activation=nn.LeakyReLU(0.2, inplace=True),
            )
            for number, (inputs, outputs) in enumerate(pairwise(widths), 1)
        ]
        super().__init__(first, nn.LeakyReLU(0.2, inplace=True), *inner, nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.apply(_initialize)


class NearestThenConv(nn.Conv2d):
    """Doubles the size of the image by nearest neighbors, then applies a 3x3 convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, 2 H, 2 W)."""
        return super().forward(nn.functional.interpolate(x, scale_factor=2))


def _layer(conv: nn.Module, channels: int, config: CycleGANConfig) -> Normed:
    return Normed(conv, channels, affine=config.affine, activation=nn.ReLU(inplace=True))


def _reflecting(inputs: int, outputs: int, size: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, padding_mode="reflect")


def _halving(inputs: int, outputs: int, config: CycleGANConfig) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, padding_mode=config.down_padding)


def _doubling(inputs: int, outputs: int, config: CycleGANConfig) -> nn.Module:
    if config.upsampling == "nearest":
        return NearestThenConv(inputs, outputs, 3, padding=1, padding_mode=config.up_padding)
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)


def _initialize(layer: nn.Module) -> None:
    """Appendix 7.1: weights from N(0, 0.02), biases zero."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
