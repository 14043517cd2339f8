"""A faster generator for sampling: the same function, with everything that is constant computed once."""

from __future__ import annotations

from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from ganzoo import DotProductAttention, Inputs, fuse_layers
from ganzoo_biggan.layers import Attention, BatchNorm, ConditionalBatchNorm, Conv2d, SpectralLayer, attend
from ganzoo_biggan.networks import Block, Generator, side_of

__all__ = ["FusedGenerator"]

_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear)


class FusedGenerator(nn.Module):
    """A generator in eval mode that samples faster. The generator that it is made from does not change.

    Weights are divided by their spectral norms once. One product gives all gains and biases of all layers, and one step
    folds the batch statistics into them. Upsampling and the 3x3 convolution after it become one transposed convolution,
    with 2.25 times fewer multiplications. The three projections of attention become one convolution. Channels are the
    last dimension in memory, which is the fastest layout of convolutions on CPUs and on GPUs.

    Tensors that stay the same are shared with the generator. Call it without gradients: it works in place where it can.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        # Not a submodule: only its `conditions` are called, and its layers are not to be replaced by faster ones.
        self.conditions = generator.conditions
        self.first, self.first_size = _linear(generator.project), generator.first_size
        self.gains_and_biases = _GainsAndBiases(generator)
        self.blocks = nn.ModuleList(_FusedBlock(block) for block in _blocks(generator))
        self.attention = nn.ModuleDict(
            {name: _FusedAttention(cast("Attention", layer)) for name, layer in generator.attention.items()}
        )
        self.to_image = _convolution(generator.to_image)

    def forward(self, inputs: Inputs) -> Tensor:
        """The inputs of `BigGAN.generate` to images (N, C, H, W) in [-1, 1]."""
        z, classes, truncation = inputs["z"], inputs["class"], inputs["truncation"]
        first, _ = self.conditions(z, classes)
        pairs = iter(self.gains_and_biases(z, classes, truncation))
        x = self.first(first).unflatten(1, (-1, *self.first_size)).contiguous(memory_format=torch.channels_last)
        for block in (cast("_FusedBlock", block) for block in self.blocks):
            x = block(x, [next(pairs) for _ in block.convs])
            side = side_of(x, self.first_size)
            if block.upsamples and side in self.attention:
                x = self.attention[side](x)
        return torch.tanh(self.to_image(_scaled(x, *next(pairs))))


class _GainsAndBiases(nn.Module):
    """All batch norms of a generator: one scale and one shift for each channel of each image."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        blocks = _blocks(generator)
        norms = [cast("ConditionalBatchNorm", norm) for block in blocks for norm in block.norms]
        every: list[BatchNorm] = [*norms, generator.norm]
        self.channels = [norm.means.shape[1] for norm in every]
        self.norm = BatchNorm(sum(self.channels), generator.norm.epsilon, len(generator.norm.means))
        self.norm.means = torch.cat([norm.means for norm in every], dim=1)
        self.norm.variances = torch.cat([norm.variances for norm in every], dim=1)
        self.norm.eval()
        last = generator.gain.new_zeros(self.channels[-1], generator.config.latent_size + generator.config.class_size)
        chosen = [choice for choice, block in zip(_choices(generator), blocks, strict=True) for _ in block.norms]
        gains, biases = (
            [getattr(norm, side).normalized_weight() @ choice.T for norm, choice in zip(norms, chosen, strict=True)]
            for side in ("gain", "bias")
        )
        inner = sum(self.channels[:-1])
        start = [last.new_ones(inner), generator.gain, last.new_zeros(inner), generator.bias]
        self.project = _as_linear(torch.cat([*gains, last, *biases, last]), torch.cat(start))

    def forward(self, z: Tensor, classes: Tensor, truncation: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Scale and shift, (N, C, 1, 1) each, of each batch norm, in the order in which they are applied."""
        gain, bias = self.project(torch.cat([z, classes], dim=1)).chunk(2, dim=1)
        folded = self.norm.fold(gain, bias, truncation)
        scales, shifts = (each[:, :, None, None].split_with_sizes(self.channels, dim=1) for each in folded)
        return list(zip(scales, shifts, strict=True))


def _blocks(generator: Generator) -> list[Block]:
    return [cast("Block", block) for block in generator.blocks]


def _choices(generator: Generator) -> list[Tensor]:
    """For each block the matrix, of zeros and ones, that takes its condition from the rows (z, class vector)."""
    size = generator.config.latent_size
    rows = torch.eye(size + generator.config.class_size, dtype=generator.gain.dtype, device=generator.gain.device)
    return generator.conditions(rows[:, :size], rows[:, size:])[1]


class _FusedBlock(nn.Module):
    """A block that gets its scales and shifts, and never makes an upsampled image."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        convs = [_convolution(cast("Conv2d", conv)) for conv in block.convs]
        self.convs = nn.ModuleList(
            fuse_layers([nn.Upsample(scale_factor=2), conv])[0] if i == block.upsampling else conv
            for i, conv in enumerate(convs)
        )
        self.shortcut = _convolution(block.shortcut) if isinstance(block.shortcut, Conv2d) else block.shortcut
        self.upsamples = block.upsampling is not None

    def forward(self, x: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
        y = x
        for (scale, shift), convolve in zip(pairs, self.convs, strict=True):
            y = convolve(_scaled(y, scale, shift))
        x = self.shortcut(x)
        if not self.upsamples:
            return y.add_(x)
        n, channels, height, width = x.shape
        y.view(n, channels, height, 2, width, 2).add_(x[:, :, :, None, :, None])  # each pixel to its 2x2 pixels
        return y


class _FusedAttention(nn.Module):
    """Attention that computes queries, keys and values in one convolution, and applies gamma to weights."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        parts = [attention.theta, attention.phi, attention.g]
        self.channels = [part.out_channels for part in parts]
        self.find = DotProductAttention()
        self.project = _as_convolution(torch.cat([part.normalized_weight() for part in parts]), None)
        self.o = _as_convolution(attention.gamma * attention.o.normalized_weight(), None)

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = self.o(attend(self.find, *self.project(x).split_with_sizes(self.channels, dim=1)))
        return attended.add_(x)


def _scaled(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """ReLU of scale x + shift, in a new tensor."""
    return torch.addcmul(shift, x, scale).relu_()


def _convolution(layer: Conv2d) -> nn.Conv2d:
    return _as_convolution(layer.normalized_weight(), layer.bias)


def _as_convolution(weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution that keeps height and width."""
    outputs, inputs, kernel, _ = weight.shape
    with torch.device("meta"):
        layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return _with(layer, weight, bias)


def _linear(layer: SpectralLayer) -> nn.Linear:
    return _as_linear(layer.normalized_weight(), cast("Tensor", layer.bias))


def _as_linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    with torch.device("meta"):
        layer = nn.Linear(weight.shape[1], weight.shape[0])
    return _with(layer, weight, bias)


def _with(layer: _Layer, weight: Tensor, bias: Tensor | None) -> _Layer:
    """The layer with these tensors; the generator's own parameters stay what they are, and are shared."""
    layer.weight = _as_parameter(weight)
    layer.register_parameter("bias", None if bias is None else _as_parameter(bias))
    return layer


def _as_parameter(tensor: Tensor) -> nn.Parameter:
    return tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor, requires_grad=False)
