"""Layers that train faster on CPUs. They are the same functions, by operations that oneDNN has fast code for."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from ganzoo.utils.kernels import has_few_outputs, split_kernel, subpixel_convolution, suits_subpixels
from ganzoo.utils.products import linear

__all__ = ["faster_layers"]


def faster_layers(network: nn.Module) -> None:
    """Let the layers of a network compute faster on a CPU, in place.

    Their names, parameters and results stay as they are, up to the rounding of sums. Parametrized layers stay as they
    are.
    """
    for layer in network.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = _Linear
        elif has_few_outputs(layer):
            layer.__class__ = _FewOutputs
        elif suits_subpixels(layer):
            layer.__class__ = _Subpixels
        elif type(layer) is nn.InstanceNorm2d and not layer.track_running_stats:
            layer.__class__ = _InstanceNorm


class _Linear(nn.Linear):
    """A linear layer whose products are those of oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., outputs) from (..., inputs)."""
        return linear(x, self.weight, self.bias)


class _FewOutputs(nn.Conv2d):
    """A convolution by a kernel along rows, then one along columns. Both are computed from the weight at each call."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs, H', W') from (N, inputs, H, W)."""
        vertical, horizontal = cast("tuple[int, int]", self.padding)
        if self.padding_mode != "zeros":
            x, vertical, horizontal = functional.pad(x, self._reversed_padding_repeated_twice, self.padding_mode), 0, 0
        rows, columns = split_kernel(self.weight)
        x = functional.conv2d(x, rows, padding=(0, horizontal))
        return functional.conv2d(x, columns, self.bias, padding=(vertical, 0))


class _Subpixels(nn.ConvTranspose2d):
    """A transposed convolution as a convolution with more outputs, whose kernel comes from the weight at each call."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, outputs, H', W') from (N, inputs, H, W)."""
        if output_size is not None:
            return super().forward(x, output_size)
        kernel, bias, padding, join = subpixel_convolution(self)
        return join(functional.conv2d(x, kernel, bias, padding=padding))


class _InstanceNorm(nn.InstanceNorm2d):
    """The norm of each channel as a group, which takes half of the time: PyTorch has it without copies."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if x.ndim != 4 or not x.is_contiguous():  # in channels_last, PyTorch's variances of groups are less precise
            return super().forward(x)
        return functional.group_norm(x, self.num_features, self.weight, self.bias, self.eps)
