"""Products of float32 matrices on CPUs by oneDNN, the library behind PyTorch's convolutions there.

PyTorch multiplies float32 matrices by Intel's MKL. On processors of other makers MKL does not use AVX-512, and takes
up to twice as long as oneDNN. On Intel's processors the two are about as fast.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["linear", "product"]

_SMALLEST = 2**22
"""The multiplications below which a product takes less time than the Python function around it."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b, (..., outputs), of `x` (..., inputs) and a weight (outputs, inputs), as in a linear layer."""
    if not _is_faster(x, weight, len(weight)):
        return functional.linear(x, weight, bias)
    y = cast("Tensor", _Linear.apply(x.flatten(0, -2), weight, bias))
    return y.view(*x.shape[:-1], len(weight))


def product(a: Tensor, b: Tensor) -> Tensor:
    """The product (N, M) of two matrices (N, K) and (K, M), differentiable any number of times."""
    return linear(a, b.t())


def _is_faster(a: Tensor, b: Tensor, columns: int) -> bool:
    """Whether a product of `a` and `b` that has so many columns is one for oneDNN."""
    fits = a.device.type == b.device.type == "cpu" and a.dtype == b.dtype == torch.float32
    return (
        fits and a.ndim > 1 and a.numel() * columns >= _SMALLEST and not torch.is_autocast_enabled("cpu") and _works()
    )


class _Linear(torch.autograd.Function):
    """The product of `linear`. Its gradients are such products too, so they have gradients themselves."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _multiply(x, weight.t(), bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        multiply = product if torch.is_grad_enabled() else _multiply  # the former costs more, and has a gradient
        return (
            multiply(gradient, weight) if for_x else None,
            multiply(gradient.t(), x) if for_weight else None,
            gradient.sum(0) if for_bias else None,
        )


def _multiply(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a b + bias, without a gradient."""
    y: Tensor = torch.ops.mkldnn._linear_pointwise.default(a, b.t(), bias, "none", [], "")
    return y


@cache
def _works() -> bool:
    """Whether the operation exists here and gives right results. PyTorch does not promise to keep it as it is."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x, weight, bias = (torch.arange(float(n)).sin().view(shape) for n, shape in ((6, (2, 3)), (12, (4, 3)), (4, (4,))))
    try:
        ours = torch.ops.mkldnn._linear_pointwise(x, weight.t().contiguous().t(), bias, "none", [], "")
        return torch.allclose(ours, torch.addmm(bias, x, weight.t()), atol=1e-6)
    except (AttributeError, RuntimeError, TypeError):
        return False
