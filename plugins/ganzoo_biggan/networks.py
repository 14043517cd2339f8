"""The networks of BigGAN and BigGAN-deep (appendix B); one class serves all resolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_biggan.config import BigGANConfig, BigGANDeepConfig
from ganzoo_biggan.layers import Attention, BatchNorm, ConditionalBatchNorm, Conv2d, Embedding, Linear, orthogonal

__all__ = ["Block", "DeepGenerator", "Discriminator", "Generator", "WideGenerator", "side_of", "upsample"]


class Generator(nn.Module):
    """From a latent and a class to an image, through residual blocks (`blocks`) that enlarge the first map.

    `inputs` is the length of the vector that enters the first layer.
    """

    def __init__(self, config: BigGANConfig, inputs: int) -> None:
        super().__init__()
        self.config = config
        normed = config.generator_spectral_norm
        channels = config.generator_channels
        if config.shared:
            self.embedding = orthogonal(nn.Embedding(config.classes, config.class_dim))
        self.first_size = config.first_map.size
        self.project = Linear(inputs, config.first_map.pixels * channels[0], normed=normed)
        self.blocks = nn.ModuleList(self.make_blocks())
        self.attention = nn.ModuleDict(
            {
                str(side): Attention(count, normed=normed)
                for side, count in zip(config.first_map.sides[1:], channels[1:], strict=True)
                if side in config.attention
            }
        )
        self.norm = BatchNorm(channels[-1], config.epsilon, config.statistics)
        self.gain, self.bias = (nn.Parameter(start(channels[-1])) for start in (torch.ones, torch.zeros))
        self.to_image = Conv2d(channels[-1], config.channels, normed=normed)

    def embed(self, label: Tensor) -> Tensor:
        """Labels (...) int64 to the class vectors that `forward` takes, (..., class_size)."""
        if self.config.shared:
            embedded: Tensor = self.embedding(label)
            return embedded
        return functional.one_hot(label, self.config.classes).to(self.project.bias.dtype)

    def make_blocks(self) -> Iterator[nn.Module]:
        """All residual blocks, in order."""
        raise NotImplementedError

    def conditions(self, z: Tensor, classes: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The input of the first layer, (N, inputs), and the condition of each block, (N, condition)."""
        raise NotImplementedError

    def forward(self, z: Tensor, classes: Tensor, truncation: Tensor | None = None) -> Tensor:
        """Latents (N, latent_size) and class vectors (N, class_size) to images (N, C, H, W) in [-1, 1].

        `truncation`, (N,) in [0, 1], selects the batch statistics in eval mode; None means 1.
        """
        first, conditions = self.conditions(z, classes)
        x = self.project(first).unflatten(1, (-1, *self.first_size))
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = block(x, condition, truncation)
            side = side_of(x, self.first_size)
            if block.upsampling is not None and side in self.attention:
                x = self.attention[side](x)
        x = self.norm(x, self.gain[None], self.bias[None], truncation).relu()
        return torch.tanh(self.to_image(x))

    @torch.no_grad()
    def latent_weight(self) -> Tensor:
        """The weight of the first layer as a function of all of z, (outputs, latent_size)."""
        weight = self.project.normalized_weight()
        unit = torch.eye(self.config.latent_size, dtype=weight.dtype, device=weight.device)
        first, _ = self.conditions(unit, unit.new_zeros(len(unit), self.config.class_size))
        return weight @ first.T  # a row of `first` is what the layer gets of one component of z

    def first_block(self, z: Tensor, classes: Tensor, truncation: Tensor | None = None) -> Tensor:
        """(N, C, H, W) after the first block, from what `forward` takes."""
        first, conditions = self.conditions(z, classes)
        x: Tensor = self.blocks[0](self.project(first).unflatten(1, (-1, *self.first_size)), conditions[0], truncation)
        return x.relu()


class WideGenerator(Generator):
    """The generator of BigGAN (figure 15): one block for each upsampling.

    If the config is `hierarchical`, each block gets its own part of z.
    """

    def __init__(self, config: BigGANConfig) -> None:
        super().__init__(config, config.latent_size // config.latent_parts)

    def make_blocks(self) -> Iterator[nn.Module]:
        """One block for each upsampling."""
        part = self.config.latent_size // self.config.latent_parts if self.config.hierarchical else 0
        for inputs, outputs in pairwise(self.config.generator_channels):
            yield wide_block(inputs, outputs, self.config.class_size + part, self.config)

    def conditions(self, z: Tensor, classes: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The first part of z for the first layer; the class vector and one more part of z for each block."""
        if not self.config.hierarchical:
            return z, [classes] * len(self.blocks)
        first, *parts = z.chunk(self.config.latent_parts, dim=1)
        return first, [torch.cat([classes, part], dim=1) for part in parts]


class DeepGenerator(Generator):
    """The generator of BigGAN-deep (figure 16): two bottleneck blocks for each upsampling.

    The first layer and every block get all of z and the class vector.
    """

    def __init__(self, config: BigGANDeepConfig) -> None:
        super().__init__(config, config.latent_size + config.class_size)

    def make_blocks(self) -> Iterator[nn.Module]:
        """For each upsampling, a block that keeps the resolution and then one that upsamples."""
        condition = self.config.latent_size + self.config.class_size
        for inputs, outputs in pairwise(self.config.generator_channels):
            yield deep_block(inputs, inputs, condition, self.config, upsamples=False)
            yield deep_block(inputs, outputs, condition, self.config, upsamples=True)

    def conditions(self, z: Tensor, classes: Tensor) -> tuple[Tensor, list[Tensor]]:
        """z and the class vector together, for the first layer and for each block."""
        whole = torch.cat([z, classes], dim=1)
        return whole, [whole] * len(self.blocks)


class Block(nn.Module):
    """A residual block: (conditional batch norm, ReLU, convolution) several times, plus a shortcut.

    `layers` gives the input channels, output channels and kernel of each convolution. The input is upsampled before
    convolution number `upsampling`; None means that the block keeps the resolution.
    """

    def __init__(
        self,
        layers: Sequence[tuple[int, int, int]],
        condition: int,
        config: BigGANConfig,
        *,
        shortcut: nn.Module,
        upsampling: int | None,
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ConditionalBatchNorm(inputs, condition, config) for inputs, _, _ in layers)
        self.convs = nn.ModuleList(Conv2d(*layer, normed=config.generator_spectral_norm) for layer in layers)
        self.shortcut = shortcut
        self.upsampling = upsampling

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor | None = None) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W), or to (N, outputs, 2H, 2W) if it upsamples."""
        y = x
        for i, (norm, convolve) in enumerate(zip(self.norms, self.convs, strict=True)):
            y = norm(y, condition, truncation).relu()
            y = convolve(upsample(y) if i == self.upsampling else y)
        x = self.shortcut(x)  # a 1x1 convolution before upsampling gives the same as after it, and is cheaper
        return y + (x if self.upsampling is None else upsample(x))


def wide_block(inputs: int, outputs: int, condition: int, config: BigGANConfig) -> Block:
    """A block of BigGAN: two 3x3 convolutions, the first after upsampling, and a 1x1 convolution as the shortcut."""
    shortcut = Conv2d(inputs, outputs, 1, normed=config.generator_spectral_norm)
    return Block([(inputs, outputs, 3), (outputs, outputs, 3)], condition, config, shortcut=shortcut, upsampling=0)


def deep_block(inputs: int, outputs: int, condition: int, config: BigGANConfig, *, upsamples: bool) -> Block:
    """A block of BigGAN-deep: a bottleneck with a quarter of the channels.

    The shortcut keeps the first `outputs` channels and drops the others.
    """
    inner = max(1, inputs // 4)
    layers = [(inputs, inner, 1), (inner, inner, 3), (inner, inner, 3), (inner, outputs, 1)]
    return Block(layers, condition, config, shortcut=FirstChannels(outputs), upsampling=1 if upsamples else None)


class FirstChannels(nn.Module):
    """The first `count` channels."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, count, H, W)."""
        return x[:, : self.count]


class Discriminator(nn.Module):
    """A projection discriminator (arXiv:1802.05637): images (N, C, H, W) in [-1, 1] and labels (N,) to logits (N,)."""

    def __init__(self, config: BigGANConfig) -> None:
        super().__init__()
        self.features = nn.Sequential(*_feature_layers(config))
        self.score = Linear(config.discriminator_channels[-1], 1)
        self.embedding = Embedding(config.classes, config.discriminator_channels[-1])

    def forward(self, images: Tensor, label: Tensor) -> Tensor:
        """One logit for each image: psi(h) + <v(label), h>, where h is summed over all pixels."""
        h = self.features(images).relu().sum((2, 3))
        logits: Tensor = self.score(h).squeeze(1) + (self.embedding(label) * h).sum(1)
        return logits


def _feature_layers(config: BigGANConfig) -> Iterator[nn.Module]:
    """The discriminator's blocks from the image on: one at each resolution, or two for BigGAN-deep."""
    deep = isinstance(config, BigGANDeepConfig)
    channels = config.discriminator_channels if deep else (config.channels, *config.discriminator_channels)
    if deep:
        yield Conv2d(config.channels, channels[0])
    for i, (inputs, outputs) in enumerate(pairwise(channels)):
        downsamples = i < config.downsampling_blocks
        if deep:
            yield DeepDown(inputs, outputs, downsamples=downsamples)
            yield DeepDown(outputs, outputs, downsamples=False)
        else:
            yield WideDown(inputs, outputs, downsamples=downsamples, first=i == 0)
        if downsamples and config.pixels >> (i + 1) in config.attention:
            yield Attention(outputs)


class WideDown(nn.Module):
    """A discriminator block of BigGAN (figure 15): two 3x3 convolutions, then downsampling if `downsamples`.

    The shortcut is a 1x1 convolution where channels or resolution change. The `first` block takes the image itself
    and has no ReLU before its first convolution.
    """

    def __init__(self, inputs: int, outputs: int, *, downsamples: bool, first: bool) -> None:
        super().__init__()
        self.downsamples, self.first = downsamples, first
        self.convs = nn.ModuleList(Conv2d(channels, outputs) for channels in (inputs, outputs))
        self.shortcut = Conv2d(inputs, outputs, 1) if downsamples or inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W), or to (N, outputs, H/2, W/2) if it downsamples."""
        y = self.convs[1](self.convs[0](x if self.first else x.relu()).relu())
        if self.downsamples:
            x, y = _downsample(x), _downsample(y)
        output: Tensor = y + self.shortcut(x)  # a 1x1 convolution gives the same after the mean, and is cheaper there
        return output


class DeepDown(nn.Module):
    """A discriminator block of BigGAN-deep (figure 16): a bottleneck with a quarter of the channels.

    The shortcut is the input. Where the block has more output than input channels, a 1x1 convolution of the input
    gives the extra channels.
    """

    def __init__(self, inputs: int, outputs: int, *, downsamples: bool) -> None:
        super().__init__()
        self.downsamples = downsamples
        inner = max(1, outputs // 4)
        layers = [(inputs, inner, 1), (inner, inner, 3), (inner, inner, 3), (inner, outputs, 1)]
        self.convs = nn.ModuleList(Conv2d(*layer) for layer in layers)
        self.extra_channels = Conv2d(inputs, outputs - inputs, 1) if outputs > inputs else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W), or to (N, outputs, H/2, W/2) if it downsamples."""
        y = x
        for i, convolve in enumerate(self.convs):
            y = y.relu()
            y = convolve(_downsample(y) if self.downsamples and i == 3 else y)
        x = _downsample(x) if self.downsamples else x
        return y + (x if self.extra_channels is None else torch.cat([x, self.extra_channels(x)], dim=1))


def side_of(x: Tensor, first_size: tuple[int, int]) -> str:
    """The name of the attention for features (N, C, H, W): their side if the first map had 4x4 pixels."""
    return str(4 * x.shape[-1] // first_size[1])


def upsample(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C, 2H, 2W): each pixel becomes 2x2 equal pixels."""
    return functional.interpolate(x, scale_factor=2.0)


def _downsample(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C, H/2, W/2): the mean of each 2x2 pixels."""
    return functional.avg_pool2d(x, 2)
