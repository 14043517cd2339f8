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

__all__ = ["linear", "multiply"]

_SMALLEST = 2**22
"""The multiplications below which a product takes less time than the Python function around it."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b, (..., outputs), of `x` (..., inputs) and a weight (outputs, inputs), as in a linear layer."""
    if not _is_faster(x, weight, len(weight)):
        return functional.linear(x, weight, bias)
    y = cast("Tensor", _Linear.apply(x.flatten(0, -2), weight, bias))
    return y.view(*x.shape[:-1], len(weight))


def multiply(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As `linear` of a matrix `x`, always by oneDNN, in float32 and without a gradient."""
    y: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, "none", [], "")
    return y


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
        return multiply(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        product = linear if torch.is_grad_enabled() else multiply  # the former costs more, and has a gradient
        return (
            product(gradient, weight.t()) if for_x else None,
            product(gradient.t(), x.t()) if for_weight else None,
            gradient.sum(0) if for_bias else None,
        )


@cache
def _works() -> bool:
    """Whether the operation exists here and gives right results. PyTorch does not promise to keep it as it is."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x, weight, bias = (torch.arange(float(n)).sin().view(shape) for n, shape in ((6, (2, 3)), (12, (4, 3)), (4, (4,))))
    try:
        ours = multiply(x, weight.t().contiguous().t(), bias)
        return torch.allclose(ours, torch.addmm(bias, x, weight.t()), atol=1e-6)
    except (AttributeError, RuntimeError, TypeError):
        return False
