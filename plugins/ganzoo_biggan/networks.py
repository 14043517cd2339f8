"""The networks of BigGAN and BigGAN-deep, appendix B: one class for each at every resolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_biggan.config import BigGANConfig, BigGANDeepConfig
from ganzoo_biggan.layers import Attention, ConditionalNorm, Norm, conv, orthogonal, spectral

__all__ = ["Block", "DeepGenerator", "Discriminator", "Generator", "WideGenerator", "double"]


class Generator(nn.Module):
    """From a latent and a class to an image; residual blocks that double its size, `blocks`, one after the other."""

    def __init__(self, config: BigGANConfig, first: int) -> None:
        super().__init__()
        self.config = config
        normed = config.generator_spectral_norm
        if config.shared:
            self.embedding = orthogonal(nn.Embedding(config.classes, config.class_dim))
        self.project = spectral(nn.Linear(first, 16 * config.maps[0]), normed)
        self.blocks = nn.ModuleList(self.make_blocks())
        self.attention = nn.ModuleDict(
            {
                str(side): Attention(maps, normed=normed)
                for side, maps in zip(self.sides, config.maps[1:], strict=True)
                if side in config.attention
            }
        )
        self.norm = Norm(config.maps[-1], config.epsilon, config.statistics)
        self.gain, self.bias = (nn.Parameter(start(config.maps[-1])) for start in (torch.ones, torch.zeros))
        self.to_image = conv(config.maps[-1], config.channels, normed=normed)

    @property
    def sides(self) -> tuple[int, ...]:
        """The resolutions that are reached: 8, 16, ..."""
        return tuple(8 * 2**i for i in range(len(self.config.maps) - 1))

    def embed(self, label: Tensor) -> Tensor:
        """Labels (...) int64 as what `forward` takes for classes, (..., class_size)."""
        if self.config.shared:
            embedded: Tensor = self.embedding(label)
            return embedded
        return functional.one_hot(label, self.config.classes).to(self.project.bias.dtype)

    def make_blocks(self) -> Iterator[nn.Module]:
        """All residual blocks, in their order."""
        raise NotImplementedError

    def conditions(self, z: Tensor, classes: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What enters the first layer, (N, first), and each block, (N, condition)."""
        raise NotImplementedError

    def forward(self, z: Tensor, classes: Tensor, truncation: Tensor | None = None) -> Tensor:
        """(N, latent_size) and (N, class_size) to (N, C, H, W) in [-1, 1]; `truncation` (N,) selects statistics."""
        first, conditions = self.conditions(z, classes)
        x = self.project(first).unflatten(1, (-1, 4, 4))
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = block(x, condition, truncation)
            side = str(x.shape[-1])
            if block.doubling is not None and side in self.attention:
                x = self.attention[side](x)
        x = self.norm(x, self.gain[None], self.bias[None], truncation).relu()
        return torch.tanh(self.to_image(x))


class WideGenerator(Generator):
    """Figure 15 of BigGAN: one block at each resolution, each with a part of z if `hierarchical`."""

    def __init__(self, config: BigGANConfig) -> None:
        super().__init__(config, config.latent_size // config.latent_parts)

    def make_blocks(self) -> Iterator[nn.Module]:
        """One for each doubling."""
        part = self.config.latent_size // self.config.latent_parts if self.config.hierarchical else 0
        for inputs, outputs in pairwise(self.config.maps):
            yield wide_block(inputs, outputs, self.config.class_size + part, self.config)

    def conditions(self, z: Tensor, classes: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The first part of z, and the class with each of the others."""
        if not self.config.hierarchical:
            return z, [classes] * len(self.blocks)
        first, *parts = z.chunk(self.config.latent_parts, dim=1)
        return first, [torch.cat([classes, part], dim=1) for part in parts]


class DeepGenerator(Generator):
    """Figure 16 of BigGAN-deep: two bottleneck blocks at each resolution, all with all of z and the class."""

    def __init__(self, config: BigGANDeepConfig) -> None:
        super().__init__(config, config.latent_size + config.class_size)

    def make_blocks(self) -> Iterator[nn.Module]:
        """One that keeps the size, then one that doubles it."""
        condition = self.config.latent_size + self.config.class_size
        for inputs, outputs in pairwise(self.config.maps):
            yield deep_block(inputs, inputs, condition, self.config, doubles=False)
            yield deep_block(inputs, outputs, condition, self.config, doubles=True)

    def conditions(self, z: Tensor, classes: Tensor) -> tuple[Tensor, list[Tensor]]:
        """All of it, everywhere."""
        whole = torch.cat([z, classes], dim=1)
        return whole, [whole] * len(self.blocks)


class Block(nn.Module):
    """Norm, ReLU and convolution, for each of `ends`: inputs, outputs and kernel; and something `beside` them.

    `doubling` is the convolution that sees maps of twice the size, None if all have the same.
    """

    def __init__(
        self,
        ends: Sequence[tuple[int, int, int]],
        condition: int,
        config: BigGANConfig,
        *,
        beside: nn.Module,
        doubling: int | None,
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ConditionalNorm(inputs, condition, config) for inputs, _, _ in ends)
        self.convs = nn.ModuleList(conv(*end, normed=config.generator_spectral_norm) for end in ends)
        self.beside = beside
        self.doubling = doubling

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor | None = None) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W), or (N, outputs, 2H, 2W)."""
        y = x
        for i, (norm, convolve) in enumerate(zip(self.norms, self.convs, strict=True)):
            y = norm(y, condition, truncation).relu()
            y = convolve(double(y) if i == self.doubling else y)
        x = self.beside(x)  # before the doubling it is the same as after, for less
        return y + (x if self.doubling is None else double(x))


def wide_block(inputs: int, outputs: int, condition: int, config: BigGANConfig) -> Block:
    """Two 3x3 convolutions, which double, and a 1x1 beside them."""
    beside = conv(inputs, outputs, 1, normed=config.generator_spectral_norm)
    return Block([(inputs, outputs, 3), (outputs, outputs, 3)], condition, config, beside=beside, doubling=0)


def deep_block(inputs: int, outputs: int, condition: int, config: BigGANConfig, *, doubles: bool) -> Block:
    """A bottleneck to a quarter of the channels; beside it, as many of the channels as are wanted."""
    inner = max(1, inputs // 4)
    ends = [(inputs, inner, 1), (inner, inner, 3), (inner, inner, 3), (inner, outputs, 1)]
    return Block(ends, condition, config, beside=First(outputs), doubling=1 if doubles else None)


class First(nn.Module):
    """The first `count` channels."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, count, H, W)."""
        return x[:, : self.count]


class Discriminator(nn.Module):
    """(N, C, H, W) in [-1, 1] and labels (N,) to (N,) logits, by projection (arXiv:1802.05637)."""

    def __init__(self, config: BigGANConfig) -> None:
        super().__init__()
        self.features = nn.Sequential(*_judging(config))
        self.score = spectral(nn.Linear(config.judge_maps[-1], 1))
        self.embedding = spectral(nn.Embedding(config.classes, config.judge_maps[-1]))

    def forward(self, images: Tensor, label: Tensor) -> Tensor:
        """One logit for each image: psi(h) + <v(label), h>, h summed over places."""
        h = self.features(images).relu().sum((2, 3))
        logits: Tensor = self.score(h).squeeze(1) + (self.embedding(label) * h).sum(1)
        return logits


def _judging(config: BigGANConfig) -> Iterator[nn.Module]:
    """What a discriminator passes an image through: one block at each resolution, or two of the deep kind."""
    deep = isinstance(config, BigGANDeepConfig)
    maps = config.judge_maps if deep else (config.channels, *config.judge_maps)
    if deep:
        yield conv(config.channels, maps[0])
    for i, (inputs, outputs) in enumerate(pairwise(maps)):
        halves = i < config.halvings
        if deep:
            yield DeepDown(inputs, outputs, halves=halves)
            yield DeepDown(outputs, outputs, halves=False)
        else:
            yield WideDown(inputs, outputs, halves=halves, first=i == 0)
        if halves and config.resolution >> (i + 1) in config.attention:
            yield Attention(outputs)


class WideDown(nn.Module):
    """Two convolutions, then half the size; beside them a 1x1 where the channels or the size change.

    The first block takes an image as it is, without a ReLU.
    """

    def __init__(self, inputs: int, outputs: int, *, halves: bool, first: bool) -> None:
        super().__init__()
        self.halves, self.first = halves, first
        self.convs = nn.ModuleList(conv(maps, outputs) for maps in (inputs, outputs))
        self.shortcut = conv(inputs, outputs, 1) if halves or inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W), or (N, outputs, H/2, W/2)."""
        y = self.convs[1](self.convs[0](x if self.first else x.relu()).relu())
        halve = _halve if self.halves else nn.Identity()
        halved: Tensor = halve(y) + self.shortcut(halve(x))  # 1x1 behind the mean, which is the same for less
        return halved


class DeepDown(nn.Module):
    """A bottleneck to a quarter of the channels; beside it the input, with what channels it lacks made by 1x1."""

    def __init__(self, inputs: int, outputs: int, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        inner = max(1, outputs // 4)
        ends = [(inputs, inner, 1), (inner, inner, 3), (inner, inner, 3), (inner, outputs, 1)]
        self.convs = nn.ModuleList(conv(*end) for end in ends)
        self.lacking = conv(inputs, outputs - inputs, 1) if outputs > inputs else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W), or (N, outputs, H/2, W/2)."""
        y = x
        for i, convolve in enumerate(self.convs):
            y = y.relu()
            y = convolve(_halve(y) if self.halves and i == 3 else y)
        x = _halve(x) if self.halves else x
        return y + (x if self.lacking is None else torch.cat([x, self.lacking(x)], dim=1))


def double(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C, 2H, 2W): every value four times."""
    return functional.interpolate(x, scale_factor=2.0)


def _halve(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 2)
