"""The layers of BigGAN: spectral norm, batch norm that a class controls, self-attention."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import register_parametrization

__all__ = ["MOMENTUM", "Attention", "ConditionalNorm", "Norm", "Spectral", "conv", "orthogonal", "spectral"]

MOMENTUM = 0.1
"""How far a batch moves the statistics that are kept in training."""

_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear, nn.Embedding)


class Spectral(nn.Module):
    """A weight divided by its largest singular value (arXiv:1802.05957): W / sigma(W), W as a matrix of rows.

    Each use in training takes a step of the power method from `u`, (rows,), of any length, and keeps it. Otherwise the
    same step is taken and forgotten: of averaged weights that step finds sigma, which a stored pair of
    vectors, averaged too, would not.
    """

    u: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("u", torch.randn(len(weight), device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with a largest singular value of 1."""
        with torch.autocast(weight.device.type, enabled=False):  # its sums are too long for 16 bits
            return weight / self.sigma(weight.flatten(1))

    def sigma(self, matrix: Tensor) -> Tensor:
        """The largest singular value of a matrix, by one step; its gradient takes the vectors as given."""
        with torch.no_grad():
            v = functional.normalize(self.u @ matrix, dim=0)
            u = functional.normalize(matrix @ v, dim=0)
            if self.training:
                self.u.copy_(u)
        return u @ matrix @ v


def orthogonal(layer: _Layer) -> _Layer:
    """The layer with an orthogonal weight, and no bias yet; on the meta device as it is, for that only takes time."""
    if layer.weight.is_meta:
        return layer
    nn.init.orthogonal_(layer.weight)
    if getattr(layer, "bias", None) is not None:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def spectral(layer: _Layer, normed: bool = True) -> _Layer:
    """The layer with an orthogonal weight under spectral norm."""
    orthogonal(layer)
    if normed:
        register_parametrization(layer, "weight", Spectral(layer.weight.detach()), unsafe=True)  # no use of it yet
    return layer


def conv(inputs: int, outputs: int, kernel: int = 3, *, normed: bool = True, bias: bool = True) -> nn.Conv2d:
    """A convolution that keeps the size of its maps."""
    return spectral(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias), normed)


class Norm(nn.Module):
    """Batch norm whose gain and bias are given: (N, C, H, W) and (N or 1, C) to gain (x - mean) / std + bias.

    `means` and `variances` are (statistics, C): one row for all images, or a row for each of as many
    truncations from 0 to 1, between which it interpolates.
    """

    means: Tensor
    variances: Tensor

    def __init__(self, maps: int, epsilon: float, statistics: int = 1) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.momentum = MOMENTUM
        self.register_buffer("means", torch.zeros(statistics, maps))
        self.register_buffer("variances", torch.ones(statistics, maps))

    def forward(self, x: Tensor, gain: Tensor, bias: Tensor, truncation: Tensor | None = None) -> Tensor:
        """Normalised by the batch in training, which moves the last row; else by what was kept."""
        if self.training:
            means, variances = self.means[-1], self.variances[-1]
            x = functional.batch_norm(x, means, variances, training=True, momentum=self.momentum, eps=self.epsilon)
            return x * gain[:, :, None, None] + bias[:, :, None, None]
        scale, shift = self.fold(gain, bias, truncation)
        return torch.addcmul(shift[:, :, None, None], x, scale[:, :, None, None])

    def fold(self, gain: Tensor, bias: Tensor, truncation: Tensor | None) -> tuple[Tensor, Tensor]:
        """Scale and shift, (N or 1, C), that do the whole norm."""
        mean, variance = self.at(truncation)
        scale = gain * torch.rsqrt(variance + self.epsilon)
        return scale, bias - mean * scale

    def at(self, truncation: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance, (N or 1, C), for truncations (N,); None for 1.

        Row k of n is that of truncation k / (n - 1), and a place between two rows is as near to each as the
        truncation is. The authors of the stored tables, and the code that most use with them, weigh the wrong row.
        """
        last = len(self.means) - 1
        if last == 0 or truncation is None:
            return self.means[-1:], self.variances[-1:]
        place = truncation * last
        place = torch.where((place - place.round()).abs() < 1e-4, place.round(), place)  # 0.58 x 50 is not quite 29
        below = place.floor().long().clamp(max=last - 1)
        weight = (place - below)[:, None]
        mean, variance = (torch.lerp(rows[below], rows[below + 1], weight) for rows in (self.means, self.variances))
        return mean, variance


class ConditionalNorm(Norm):
    """Batch norm whose gain, 1 + A c, and bias, B c, a condition c determines, (N, condition)."""

    def __init__(self, maps: int, condition: int, config: Any) -> None:
        super().__init__(maps, config.epsilon, config.statistics)
        normed = config.generator_spectral_norm and config.shared
        self.gain, self.bias = (spectral(nn.Linear(condition, maps, bias=False), normed) for _ in "ab")

    def forward(self, x: Tensor, condition: Tensor, truncation: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """(N, C, H, W) to the same."""
        return super().forward(x, 1 + self.gain(condition), self.bias(condition), truncation)


class Attention(nn.Module):
    """Self-attention over places (arXiv:1805.08318), keys and values at half the resolution.

    x + gamma o(g beta), beta = softmax(theta^T phi) over keys; gamma begins at 0.
    """

    def __init__(self, maps: int, *, normed: bool = True) -> None:
        super().__init__()
        keys, values = max(1, maps // 8), max(1, maps // 2)
        self.theta, self.phi = (conv(maps, keys, 1, normed=normed, bias=False) for _ in "ab")
        self.g = conv(maps, values, 1, normed=normed, bias=False)
        self.o = conv(values, maps, 1, normed=normed, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return self.attend(x, self.theta(x), self.phi(x), self.g(x))

    def attend(self, x: Tensor, theta: Tensor, phi: Tensor, g: Tensor) -> Tensor:
        """What is seen from each place, added to what is there."""
        queries = theta.flatten(2).transpose(1, 2)  # (N, HW, C/8)
        keys = functional.max_pool2d(phi, 2).flatten(2).transpose(1, 2)  # (N, HW/4, C/8)
        values = functional.max_pool2d(g, 2).flatten(2).transpose(1, 2)  # (N, HW/4, C/2)
        seen = functional.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        attended: Tensor = x + self.gamma * self.o(seen.transpose(1, 2).reshape(g.shape[0], -1, *x.shape[2:]))
        return attended
