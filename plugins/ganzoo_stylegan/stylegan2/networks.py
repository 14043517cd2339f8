"""The networks of StyleGAN2. The names of their tensors are those of the authors' PyTorch code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import one_hot

from ganzoo_stylegan.layers import (
    EPSILON,
    EqualConv2d,
    EqualLinear,
    append_deviation,
    blur,
    leaky_relu,
    normalize,
    upsample,
)
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config

__all__ = ["Discriminator", "Generator", "ModulatedConv2d", "Synthesis", "SynthesisLayer", "ToRGB", "mapping_inputs"]

MAPPING_RATE = 0.01
"""The learning rate of the mapping network, relative to the others (arXiv:1812.04948, appendix C)."""

CLASS_LAYERS = 8
"""The layers of the discriminator's mapping of labels, as in the authors' code."""


def mapping_inputs(z: Tensor | None, label: Tensor | None, embed: EqualLinear | None) -> Tensor:
    """What a mapping network gets: normalized latents, and behind them normalized embeddings of the labels."""
    parts = [] if z is None else [normalize(z)]
    if embed is not None:
        if label is None:
            raise ValueError("the networks have classes - give a label for each image")
        classes = embed.weight.shape[1]
        parts.append(normalize(embed(one_hot(label, classes).to(embed.weight.dtype))))
    return torch.cat(parts, 1)


class Mapping(nn.Module):
    """Normalized inputs through fully connected layers: (N, inputs) and class labels (N,) to (N, outputs).

    Labels are embedded, normalized, and put behind the input. Without inputs it maps the labels alone, as the
    discriminator does.
    """

    def __init__(self, inputs: int, outputs: int, layers: int, classes: int = 0, embedding: int = 0) -> None:
        super().__init__()
        self.layers = layers
        self.embed = EqualLinear(classes, embedding) if classes else None
        sizes = [inputs + (embedding if classes else 0), *[outputs] * layers]
        for i, (before, after) in enumerate(pairwise(sizes)):
            self.add_module(f"fc{i}", EqualLinear(before, after, rate=MAPPING_RATE))

    def forward(self, z: Tensor | None, label: Tensor | None = None) -> Tensor:
        """(N, outputs)."""
        x = mapping_inputs(z, label, self.embed)
        for i in range(self.layers):
            x = leaky_relu(self.get_submodule(f"fc{i}")(x))
        return x


class StyleMapping(Mapping):
    """The mapping of latents to styles w, and the running mean of w, toward which truncation moves."""

    w_avg: Tensor

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__(
            config.latent_dim, config.style_dim, config.mapping_layers, config.classes, embedding=config.style_dim
        )
        self.register_buffer("w_avg", torch.zeros(config.style_dim))


class ModulatedConv2d(nn.Module):
    """A convolution whose weights are scaled for each image by its style (section 2.2, equations 1 to 3).

    The input is scaled by the style, and the output by the demodulation: this is the same function as scaling the
    weights, and needs no weights for each image. With `up`, the image is doubled and blurred.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, style_dim: int, *, up: bool = False, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = EqualLinear(style_dim, inputs, bias=1.0)
        self.scale = 1 / sqrt(inputs * kernel**2)
        self.up, self.demodulate, self.padding = up, demodulate, kernel // 2

    def convolve(self, x: Tensor, w: Tensor) -> Tensor:
        """(N, inputs, H, W) and styles (N, style_dim) to (N, outputs, H, W), or twice H and W; without the bias."""
        weight, style = self.weight * self.scale, self.affine(w)
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            x = functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = blur(x, 1, gain=4.0)
        else:
            x = functional.conv2d(x, weight, padding=self.padding)
        return x * self.demodulation(weight, style)[:, :, None, None].to(x.dtype) if self.demodulate else x

    @staticmethod
    def demodulation(weight: Tensor, style: Tensor) -> Tensor:
        """1 / |w'| for each output channel of each image, (N, outputs), where w' is the weight times the style."""
        squares = style.square() @ weight.square().sum((2, 3)).T
        return (squares + EPSILON).rsqrt()


class SynthesisLayer(ModulatedConv2d):
    """A modulated convolution, noise of a learned strength, a bias and leaky ReLU."""

    noise_const: Tensor

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], style_dim: int, *, up: bool = False) -> None:
        super().__init__(inputs, outputs, 3, style_dim, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(size))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """`noise` is (N, 1, H, W), (1, 1, H, W), or None for no noise."""
        x = self.convolve(x, w) + self.bias[:, None, None]
        return leaky_relu(x if noise is None else x + noise * self.noise_strength)


class ToRGB(ModulatedConv2d):
    """A modulated 1x1 convolution without demodulation, from features to an image."""

    def __init__(self, inputs: int, outputs: int, style_dim: int) -> None:
        super().__init__(inputs, outputs, 1, style_dim, demodulate=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N, outputs, H, W)."""
        return self.convolve(x, w) + self.bias[:, None, None]


class SynthesisBlock(nn.Module):
    """The layers of one resolution (figure 7b): features and an image at half of the resolution to both at all of it.

    The first block has a learned constant in place of features, and only one convolution.
    """

    def __init__(self, config: StyleGAN2Config, resolution: int) -> None:
        super().__init__()
        height, width = (side * resolution // 4 for side in config.first_map.size)
        outputs, style = config.width(resolution), config.style_dim
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(outputs, height, width))
        else:
            self.conv0 = SynthesisLayer(config.width(resolution // 2), outputs, (height, width), style, up=True)
        self.conv1 = SynthesisLayer(outputs, outputs, (height, width), style)
        self.torgb = ToRGB(outputs, config.channels, style)

    @property
    def layers(self) -> tuple[SynthesisLayer, ...]:
        """The convolutions, in their order."""
        return (self.conv1,) if hasattr(self, "const") else (self.conv0, self.conv1)

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Sequence[Tensor], noise: Sequence[Tensor | None]
    ) -> tuple[Tensor, Tensor]:
        """`styles` has one (N, style_dim) for each convolution, then that of the layer to RGB; `noise` has one each."""
        for layer, style, each in zip(self.layers, styles, noise, strict=False):
            x = layer(x, style, each)
        rgb = self.torgb(x, styles[-1])
        return x, rgb if image is None else upsample(image) + rgb


class Synthesis(nn.Module):
    """Styles (N, styles, style_dim) to images (N, C, H, W), which are about in [-1, 1] (figure 7b)."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(config, resolution))

    def blocks(self) -> list[SynthesisBlock]:
        """The blocks, from 4 pixels on."""
        return [cast("SynthesisBlock", block) for block in self.children()]

    def layers(self) -> list[SynthesisLayer]:
        """The convolutions that take noise, in their order."""
        return [layer for block in self.blocks() for layer in block.layers]

    def random_noise(self, count: int) -> list[Tensor]:
        """New noise for `count` images, (count, 1, H, W) for each convolution."""
        return [
            torch.randn(count, 1, *layer.noise_const.shape, device=layer.bias.device, dtype=layer.bias.dtype)
            for layer in self.layers()
        ]

    def constant_noise(self) -> list[Tensor]:
        """The stored noise, which is the same for all images, (1, 1, H, W) for each convolution."""
        return [layer.noise_const[None, None] for layer in self.layers()]

    def forward(self, styles: Tensor, noise: Sequence[Tensor | None] | None = None) -> Tensor:
        """`noise` has one tensor for each of `layers`, (N or 1, 1, H, W); None is no noise."""
        blocks, each_style = self.blocks(), styles.unbind(1)
        each_noise = noise or [None] * (len(each_style) - 1)
        x, image = blocks[0].const.expand(styles.shape[0], -1, -1, -1), None
        start = 0
        for block in blocks:
            end = start + len(block.layers)
            x, image = block(x, image, each_style[start : end + 1], each_noise[start:end])
            start = end
        return cast("Tensor", image)


class Generator(nn.Module):
    """The mapping of latents to styles, and the synthesis of images from styles."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.mapping = StyleMapping(config)
        self.synthesis = Synthesis(config)
        self.styles = config.styles

    def forward(self, z: Tensor, label: Tensor | None = None, noise: Sequence[Tensor | None] | None = None) -> Tensor:
        """Latents (N, latent_dim) and class labels (N,) to images (N, C, H, W)."""
        images: Tensor = self.synthesis(self.broadcast(self.mapping(z, label)), noise)
        return images

    def broadcast(self, w: Tensor) -> Tensor:
        """The same style for all layers: (N, style_dim) to (N, styles, style_dim)."""
        return w[:, None].expand(-1, self.styles, -1)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut, which halve the image (figure 7c): (N, inputs, H, W) to (N, outputs, H/2, W/2).

    The first block of a discriminator also turns the image into features.
    """

    def __init__(self, inputs: int, outputs: int, channels: int = 0) -> None:
        super().__init__()
        if channels:
            self.fromrgb = EqualConv2d(channels, inputs, 1)
        self.conv0 = EqualConv2d(inputs, inputs, 3)
        self.conv1 = EqualConv2d(inputs, outputs, 3, down=True)
        self.skip = EqualConv2d(inputs, outputs, 1, bias=False, down=True)

    def forward(self, x: Tensor) -> Tensor:
        """The sum is divided by sqrt(2), so that the variance stays."""
        x = leaky_relu(self.fromrgb(x)) if hasattr(self, "fromrgb") else x
        main, shortcut = leaky_relu(self.conv1(leaky_relu(self.conv0(x)))), self.skip(x)
        return cast("Tensor", main + shortcut) / sqrt(2)


class FinalBlock(nn.Module):
    """The minibatch standard deviation and the last layers: (N, C, H, W) to (N, outputs)."""

    def __init__(self, config: StyleGAN2Config, outputs: int) -> None:
        super().__init__()
        width = config.width(4)
        self.group = config.group_size
        self.conv = EqualConv2d(width + 1, width, 3)
        self.fc = EqualLinear(width * config.first_map.pixels, width)
        self.out = EqualLinear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs)."""
        x = leaky_relu(self.conv(append_deviation(x, self.group)))
        return cast("Tensor", self.out(leaky_relu(self.fc(x.flatten(1)))))


class Discriminator(nn.Module):
    """Images (N, C, H, W) and class labels (N,) to logits (N,) (figure 7c).

    With classes, the logit is the product of the last features and the mapped label (arXiv:2006.06676, appendix).
    """

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.classes, final = config.classes, config.width(4)
        for resolution, smaller in pairwise(config.resolutions[::-1]):
            channels = config.channels if resolution == config.resolutions[-1] else 0
            block = ResidualBlock(config.width(resolution), config.width(smaller), channels)
            self.add_module(f"b{resolution}", block)
        self.add_module("b4", FinalBlock(config, final if config.classes else 1))
        if config.classes:
            self.mapping = Mapping(0, final, CLASS_LAYERS, config.classes, embedding=final)

    def forward(self, images: Tensor, label: Tensor | None = None) -> Tensor:
        """(N,)."""
        x = images
        for name, block in self.named_children():
            x = block(x) if name != "mapping" else x
        if not self.classes:
            return x.squeeze(1)
        features: Tensor = self.mapping(None, label)
        return (x * features).sum(1) / sqrt(x.shape[1])
