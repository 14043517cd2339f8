"""The layers of BigGAN: spectral norm, batch norm whose gain and bias depend on a condition, self-attention."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import DotProductAttention
from ganzoo_biggan.config import BigGANConfig

__all__ = [
    "EPSILON",
    "MOMENTUM",
    "Attention",
    "BatchNorm",
    "ConditionalBatchNorm",
    "Conv2d",
    "Embedding",
    "Linear",
    "SpectralLayer",
    "SpectralNorm",
    "attend",
    "orthogonal",
]

EPSILON = 1e-4
"""The least length that the power method divides a vector by (appendix C); BigGAN-PyTorch has 1e-6 or 1e-8 here."""

MOMENTUM = 0.1
"""The share of a batch's statistics in the running mean and variance that training keeps."""

_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear, nn.Embedding)


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value (arXiv:1802.05957, equation 8): W / sigma(W).

    W is the weight as a matrix with a row for each output. One step of the power method (algorithm 1) estimates
    sigma from the vector `u`, (rows,), which may have any length. In training each call stores the new `u`. In eval
    mode the new `u` is not stored. A stored pair of vectors would not do: EMA averages weights and vectors, and the
    averaged pair does not give the sigma of the averaged weight. A new step does.
    """

    u: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("u", torch.randn(len(weight), device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight, divided so that its largest singular value is 1; the shape stays."""
        with torch.autocast(weight.device.type, enabled=False):  # 16 bits are too few for sums this long
            return weight / self.sigma(weight.flatten(1))

    def sigma(self, matrix: Tensor) -> Tensor:
        """The largest singular value of a matrix, a scalar. Its gradient treats the two vectors as constants."""
        with torch.no_grad():
            v = functional.normalize(self.u @ matrix, dim=0, eps=EPSILON)
            u = functional.normalize(matrix @ v, dim=0, eps=EPSILON)
            if self.training:
                self.u.copy_(u)
        return u @ matrix @ v


class SpectralLayer(nn.Module):
    """A layer that can divide its weight by the spectral norm each time it runs.

    `weight` is the weight that the optimizer trains. `spectral_norm` is None where the layer uses it as it is.
    """

    weight: Tensor
    spectral_norm: SpectralNorm | None

    def normalized_weight(self) -> Tensor:
        """The weight that the layer applies. In training each call takes a step of the power method."""
        weight: Tensor = self.weight if self.spectral_norm is None else self.spectral_norm(self.weight)
        return weight


class Linear(SpectralLayer, nn.Linear):
    """`torch.nn.Linear` with an orthogonal initial weight, under spectral norm if `normed`."""

    def __init__(self, inputs: int, outputs: int, *, normed: bool = True, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias)
        orthogonal(self)
        self.spectral_norm = SpectralNorm(self.weight.detach()) if normed else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        return functional.linear(x, self.normalized_weight(), self.bias)


class Embedding(SpectralLayer, nn.Embedding):
    """`torch.nn.Embedding` with an orthogonal initial weight, under spectral norm if `normed`."""

    def __init__(self, count: int, size: int, *, normed: bool = True) -> None:
        super().__init__(count, size)
        orthogonal(self)
        self.spectral_norm = SpectralNorm(self.weight.detach()) if normed else None

    def forward(self, index: Tensor) -> Tensor:
        """Indices (...) int64 to vectors (..., size)."""
        return functional.embedding(index, self.normalized_weight())


class Conv2d(SpectralLayer, nn.Conv2d):
    """A convolution that keeps height and width, with an orthogonal initial weight, under spectral norm if `normed`."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, normed: bool = True, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
        orthogonal(self)
        self.spectral_norm = SpectralNorm(self.weight.detach()) if normed else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        y: Tensor = self._conv_forward(x, self.normalized_weight(), self.bias)
        return y


def orthogonal(layer: _Layer) -> _Layer:
    """Give the layer an orthogonal weight and a zero bias. On the meta device nothing is done, to save time."""
    if layer.weight.is_meta:
        return layer
    nn.init.orthogonal_(layer.weight)
    if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class BatchNorm(nn.Module):
    """Batch norm that gets its gain and bias as arguments: gain (x - mean) / std + bias.

    `means` and `variances` are (statistics, C). A single row serves all images. Several rows belong to truncations
    that are spaced evenly from 0 to 1; between two of them the statistics are interpolated.
    """

    means: Tensor
    variances: Tensor

    def __init__(self, channels: int, epsilon: float, statistics: int = 1) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.momentum = MOMENTUM
        self.register_buffer("means", torch.zeros(statistics, channels))
        self.register_buffer("variances", torch.ones(statistics, channels))

    def forward(self, x: Tensor, gain: Tensor, bias: Tensor, truncation: Tensor | None = None) -> Tensor:
        """(N, C, H, W), with gain and bias (N or 1, C), to (N, C, H, W).

        In training the statistics are those of the batch, and the last stored row moves towards them. In eval mode
        they are the stored ones for `truncation`, (N,).
        """
        if self.training:
            means, variances = self.means[-1], self.variances[-1]
            x = functional.batch_norm(x, means, variances, training=True, momentum=self.momentum, eps=self.epsilon)
            return x * gain[:, :, None, None] + bias[:, :, None, None]
        scale, shift = self.fold(gain, bias, truncation)
        return torch.addcmul(shift[:, :, None, None], x, scale[:, :, None, None])

    def fold(self, gain: Tensor, bias: Tensor, truncation: Tensor | None) -> tuple[Tensor, Tensor]:
        """Scale and shift, (N or 1, C) each, such that scale x + shift is the whole batch norm in eval mode."""
        mean, variance = self.at(truncation)
        scale = gain * torch.rsqrt(variance + self.epsilon)
        return scale, bias - mean * scale

    def at(self, truncation: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance, (N or 1, C) each, for truncations (N,) in [0, 1]; None means 1.

        Row k of n belongs to truncation k / (n - 1). Between two rows the nearer one gets the larger weight. (The
        authors' code, and the ports of it, give the larger weight to the farther row.)
        """
        last = len(self.means) - 1
        if last == 0 or truncation is None:
            return self.means[-1:], self.variances[-1:]
        position = truncation * last
        rounded = position.round()
        position = torch.where((position - rounded).abs() < 1e-4, rounded, position)  # 0.58 x 50 is not exactly 29
        below = position.floor().long().clamp(max=last - 1)
        weight = (position - below)[:, None]
        mean, variance = (torch.lerp(rows[below], rows[below + 1], weight) for rows in (self.means, self.variances))
        return mean, variance


class ConditionalBatchNorm(BatchNorm):
    """Batch norm whose gain, 1 + A c, and bias, B c, depend on a condition c, (N, condition) (appendix B)."""

    def __init__(self, channels: int, condition: int, config: BigGANConfig) -> None:
        super().__init__(channels, config.epsilon, config.statistics)
        normed = config.generator_spectral_norm and config.shared
        self.gain, self.bias = (Linear(condition, channels, normed=normed, bias=False) for _ in range(2))

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """(N, C, H, W) to (N, C, H, W)."""
        return super().forward(x, 1 + self.gain(condition), self.bias(condition), truncation)


class Attention(nn.Module):
    """Self-attention over pixels (arXiv:1805.08318); keys and values have half the resolution.

    x + gamma o(g beta), where beta = softmax(theta^T phi) over the keys (equations 1 to 3). gamma starts at 0.
    """

    def __init__(self, channels: int, *, normed: bool = True) -> None:
        super().__init__()
        keys, values = max(1, channels // 8), max(1, channels // 2)
        self.theta, self.phi = (Conv2d(channels, keys, 1, normed=normed, bias=False) for _ in range(2))
        self.g = Conv2d(channels, values, 1, normed=normed, bias=False)
        self.o = Conv2d(values, channels, 1, normed=normed, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))
        self.find = DotProductAttention()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W)."""
        attended: Tensor = x + self.gamma * self.o(attend(self.find, self.theta(x), self.phi(x), self.g(x)))
        return attended


def attend(find: nn.Module, theta: Tensor, phi: Tensor, g: Tensor) -> Tensor:
    """What each pixel finds, (N, C/2, H, W). theta and phi are (N, C/8, H, W), g is (N, C/2, H, W)."""
    queries = theta.flatten(2).transpose(1, 2)  # (N, HW, C/8)
    keys = functional.max_pool2d(phi, 2).flatten(2).transpose(1, 2)  # (N, HW/4, C/8)
    values = functional.max_pool2d(g, 2).flatten(2).transpose(1, 2)  # (N, HW/4, C/2)
    found: Tensor = find(queries, keys, values)
    return found.transpose(1, 2).reshape(*g.shape)
