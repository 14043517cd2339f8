"""The networks of lucidrains' StyleGAN2: what they compute is as in that code, their structure is that of StyleGAN2."""

from __future__ import annotations

from math import prod, sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_stylegan.lucidrains.attention import AttentionLayer
from ganzoo_stylegan.lucidrains.config import LucidrainsConfig
from ganzoo_stylegan.stylegan2.networks import ModulatedConv2d as Equalized

__all__ = [
    "Discriminator",
    "Generator",
    "Mapping",
    "ModulatedConv2d",
    "Synthesis",
    "SynthesisBlock",
    "SynthesisLayer",
    "blur",
    "enlarge",
]

MAPPING_RATE = 0.1
"""The learning rate of the mapping network, relative to the others: the default of `lr_mlp` in the author's code."""


class Mapping(nn.Module):
    """Latents (N, latent_dim), scaled to length 1, through fully connected layers to styles (N, latent_dim).

    `w_avg` is the running mean of the styles, toward which truncation moves. There are no classes.
    """

    w_avg: Tensor

    def __init__(self, config: LucidrainsConfig) -> None:
        super().__init__()
        size = config.latent_dim
        self.fc = nn.ModuleList(nn.Linear(size, size) for _ in range(config.mapping_layers))
        self.register_buffer("w_avg", torch.zeros(size))

    def forward(self, z: Tensor, label: None = None) -> Tensor:
        """(N, latent_dim)."""
        x = functional.normalize(z)
        for layer in self.layers():
            x = functional.leaky_relu(layer(x) * MAPPING_RATE, 0.2)
        return x

    def layers(self) -> list[nn.Linear]:
        """The fully connected layers."""
        return [cast("nn.Linear", layer) for layer in self.fc]


class ModulatedConv2d(nn.Module):
    """A convolution whose weights are scaled for each image by 1 + a map of its style, as in arXiv:1912.04958, 2.2.

    The learning rate is not equalized.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, style_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.affine = nn.Linear(style_dim, inputs)

    def convolve(self, x: Tensor, w: Tensor, *, demodulate: bool) -> Tensor:
        """(N, inputs, H, W) and styles (N, style_dim) to (N, outputs, H, W)."""
        style = self.affine(w) + 1
        x = functional.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[2] // 2)
        return x * Equalized.demodulation(self.weight, style)[:, :, None, None] if demodulate else x


class SynthesisLayer(ModulatedConv2d):
    """A modulated convolution, noise of a learned strength for each channel, a bias and leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, style_dim: int) -> None:
        super().__init__(inputs, outputs, 3, style_dim)
        self.noise_strength, self.bias = (nn.Parameter(torch.zeros(outputs)) for _ in range(2))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        """`noise` is (N, 1, H, W)."""
        noise, bias = noise * self.noise_strength[:, None, None], self.bias[:, None, None]
        return functional.leaky_relu(self.convolve(x, w, demodulate=True) + noise + bias, 0.2)


class SynthesisBlock(nn.Module):
    """The layers of one resolution: features and an image at half of the resolution to both at all of it."""

    def __init__(self, config: LucidrainsConfig, resolution: int) -> None:
        super().__init__()
        inputs, outputs, style = config.width(max(resolution // 2, 4)), config.width(resolution), config.latent_dim
        self.enlarges = resolution > 4
        self.attention = AttentionLayer(inputs) if config.attends(resolution) else nn.Identity()
        self.conv0 = SynthesisLayer(inputs, outputs, style)
        self.conv1 = SynthesisLayer(outputs, outputs, style)
        self.torgb = ModulatedConv2d(outputs, config.channels, 1, style)

    def forward(self, x: Tensor, image: Tensor | None, w: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Of the noise, (N, 1, H, W), a block takes the upper left part."""
        x = self.attention(x)
        x = enlarge(x) if self.enlarges else x
        noise = noise[:, :, : x.shape[2], : x.shape[3]]
        x = self.conv1(self.conv0(x, w, noise), w, noise)
        rgb = self.torgb.convolve(x, w, demodulate=False)
        return x, rgb if image is None else blur(enlarge(image)) + rgb


class Synthesis(nn.Module):
    """Styles (N, styles, style_dim) and noise to images (N, C, H, W), which are about in [-1, 1]."""

    noise_const: Tensor

    def __init__(self, config: LucidrainsConfig) -> None:
        super().__init__()
        width, size = config.width(4), config.first_map.size
        if config.learned_constant:
            self.const = nn.Parameter(torch.randn(width, *size))
        else:
            self.project = nn.ConvTranspose2d(config.latent_dim, width, size, bias=False)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.blocks = nn.ModuleList(SynthesisBlock(config, resolution) for resolution in config.resolutions)
        self.register_buffer("noise_const", torch.randn(config.image_shape[1:]))

    def style_maps(self) -> list[Tensor]:
        """The matrices that map a style to the scales of each convolution, (inputs, style_dim)."""
        blocks = [cast("SynthesisBlock", block) for block in self.blocks]
        return [layer.affine.weight for block in blocks for layer in (block.conv0, block.conv1)]

    def random_noise(self, count: int) -> list[Tensor]:
        """New noise for `count` images, one tensor (count, 1, H, W) for all layers."""
        return [torch.randn_like(self.noise_const.expand(count, 1, -1, -1))]

    def constant_noise(self) -> list[Tensor]:
        """The stored noise, which is the same for all images, (1, 1, H, W)."""
        return [self.noise_const[None, None]]

    def forward(self, styles: Tensor, noise: list[Tensor]) -> Tensor:
        """`noise` has one tensor of normal numbers, (N or 1, 1, H, W), for all layers.

        The layers take uniform numbers in [0, 1]: the probability that a normal number is smaller.
        """
        uniform, x, image = 0.5 + torch.erf(noise[0] / sqrt(2)) / 2, self._first(styles), None
        for block, w in zip(self.blocks, styles.unbind(1), strict=True):
            x, image = block(x, image, w, uniform)
        return cast("Tensor", image) * 2 - 1

    def _first(self, styles: Tensor) -> Tensor:
        """(N, C, H, W), the first map."""
        if hasattr(self, "const"):
            x = self.const.expand(styles.shape[0], -1, -1, -1)
        else:
            x = self.project(styles.mean(1)[:, :, None, None])
        return cast("Tensor", self.conv(x))


def enlarge(x: Tensor) -> Tensor:
    """Double an image bilinearly: (N, C, 2 * H, 2 * W)."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def blur(x: Tensor) -> Tensor:
    """Filter an image with [1, 2, 1] in both directions, reflected at the edges: (N, C, H, W)."""
    line = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype, device=x.device)
    kernel = line.outer(line).expand(x.shape[1], 1, 3, 3)
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, groups=x.shape[1])


class Generator(nn.Module):
    """The mapping of latents to styles, and the synthesis of images from styles."""

    def __init__(self, config: LucidrainsConfig) -> None:
        super().__init__()
        self.mapping, self.synthesis = Mapping(config), Synthesis(config)
        self.styles = config.styles
        self.apply(_initialize)

    def broadcast(self, w: Tensor) -> Tensor:
        """The same style for all blocks: (N, style_dim) to (N, styles, style_dim)."""
        return w[:, None].expand(-1, self.styles, -1)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut: (N, inputs, H, W) to (N, outputs, H / 2, W / 2), or of the same size."""

    def __init__(self, inputs: int, outputs: int, *, down: bool) -> None:
        super().__init__()
        self.skip, self.stride = nn.Conv2d(inputs, outputs, 1), 2 if down else 1
        self.conv0 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.halve = nn.Conv2d(outputs, outputs, 3, stride=2, padding=1) if down else None

    def forward(self, x: Tensor) -> Tensor:
        """The sum is divided by sqrt(2), so that the variance stays."""
        main = functional.leaky_relu(self.conv1(functional.leaky_relu(self.conv0(x), 0.2)), 0.2)
        main = main if self.halve is None else self.halve(blur(main))
        # Not a convolution with a stride: its gradient with few channels, channels last, crashes PyTorch 2.14 on CPUs.
        shortcut = self.skip(x[:, :, :: self.stride, :: self.stride])
        return cast("Tensor", main + shortcut) / sqrt(2)


class Discriminator(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to logits (N,)."""

    def __init__(self, config: LucidrainsConfig) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs = config.channels
        for resolution in (*config.resolutions[::-1], 2):
            outputs = config.width(resolution // 2)
            blocks.append(ResidualBlock(inputs, outputs, down=resolution > 2))
            blocks += [AttentionLayer(outputs)] if config.attends(resolution) else []
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.logit = nn.Linear(inputs * prod(-(-side // 2) for side in config.first_map.size), 1)
        self.apply(_initialize)

    def forward(self, images: Tensor, label: None = None) -> Tensor:
        """(N,)."""
        x = self.conv(self.blocks((images + 1) / 2))
        return cast("Tensor", self.logit(x.flatten(1))).squeeze(1)


def _initialize(module: nn.Module) -> None:
    """Draw the weights of a module as the author's code does."""
    if isinstance(module, (nn.Conv2d, nn.Linear, ModulatedConv2d)):
        nn.init.kaiming_normal_(module.weight)
    if isinstance(module, Mapping):  # after its layers
        for layer in module.layers():
            nn.init.normal_(layer.weight)
            nn.init.zeros_(layer.bias)
