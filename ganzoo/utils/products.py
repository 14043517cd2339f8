"""Products of float32 matrices on CPUs by oneDNN, the library behind PyTorch's convolutions there.

PyTorch multiplies float32 matrices by Intel's MKL. On processors of other makers MKL does not use AVX-512, and takes
up to twice as long as oneDNN. On Intel's processors the two are about as fast.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn

__all__ = ["faster_linear_layers", "product"]

_SMALLEST = 2**22
"""The multiplications below which a product takes less time than the Python function around it."""


def faster_linear_layers(network: nn.Module) -> None:
    """Let the linear layers of a network on a CPU compute their products, and the gradients of these, by oneDNN.

    Their names, parameters and results stay as they are, up to the rounding of sums. Parametrized layers remain as they
    are, and small products too.
    """
    for layer in network.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = _Linear


def product(a: Tensor, b: Tensor) -> Tensor:
    """The product (N, M) of two matrices (N, K) and (K, M), differentiable any number of times."""
    if _is_faster(a, b, b.shape[1]):
        return cast("Tensor", _Product.apply(a, b.t(), None))  # type: ignore[no-untyped-call]
    return a @ b


def _is_faster(a: Tensor, b: Tensor, columns: int) -> bool:
    """Whether oneDNN is used for the product of `a` and `b`, which has so many columns."""
    fits = a.device.type == b.device.type == "cpu" and a.dtype == b.dtype == torch.float32
    return fits and a.numel() * columns >= _SMALLEST and not torch.is_autocast_enabled("cpu") and _works()


class _Linear(nn.Linear):
    """A linear layer by oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., outputs) from (..., inputs)."""
        if not _is_faster(x, self.weight, self.out_features):
            return super().forward(x)
        y: Tensor = _Product.apply(x.flatten(0, -2), self.weight, self.bias)  # type: ignore[no-untyped-call]
        return y.unflatten(0, x.shape[:-1]) if x.ndim != 2 else y


class _Product(torch.autograd.Function):
    """x W^T + b, as in a linear layer. Its gradients are such products too, so they have gradients themselves."""

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
