"""Several processes as one: what a step draws and averages over its batch, it does over the batches of all.

Each process runs the same training step on its rows of the whole batch, from the same seed. Inside
`global_batch`, random tensors with a row for each image are drawn for the whole batch, and each process keeps
its rows; batch norm takes its statistics over all rows. So an architecture gives what one process would
give with a batch as large as all together, to the rounding of sums, and need not know of the others - if
nothing but batch norm mixes the images of its batch, and nothing draws in a way that `_ANSWERS` lacks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ganzoo.distributed.processes import ProcessGroup
from ganzoo.utils.precision import at_least_float32

__all__ = ["global_batch"]


def global_batch(processes: ProcessGroup, batch_size: int) -> AbstractContextManager[object]:
    """The context of a training step whose process has `batch_size` rows of the whole batch."""
    return nullcontext() if processes.world_size == 1 else _GlobalBatch(processes, batch_size)


class _GlobalBatch(TorchFunctionMode):
    """Sees every call of a function of PyTorch, and answers those that concern the whole batch."""

    def __init__(self, processes: ProcessGroup, batch_size: int) -> None:
        super().__init__()
        self.processes = processes
        self.batch_size = batch_size

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Called by PyTorch, which leaves this mode meanwhile."""
        answer: Callable[..., Any] = _ANSWERS.get(func, _ask)
        return answer(self, func, *args, **(kwargs or {}))

    def concerns(self, shape: torch.Size | tuple[int, ...]) -> bool:
        """Whether a tensor of that shape is taken to have rows for the images of the batch, or of several in one.

        It is by its first dimension, a multiple of the batch size, which others may be by chance.
        """
        return len(shape) > 0 and shape[0] > 0 and shape[0] % self.batch_size == 0

    def whole(self, shape: torch.Size | tuple[int, ...]) -> tuple[int, ...]:
        """The shape of such a tensor for the whole batch."""
        return (shape[0] * self.processes.world_size, *shape[1:])

    def copies(self, value: Any) -> Any:
        """A tensor of the whole batch's shape whose rows are ours over and over; anything else as it is."""
        if not isinstance(value, Tensor) or not self.concerns(value.shape):
            return value
        batches = value.chunk(len(value) // self.batch_size)
        return torch.cat([batch for batch in batches for _ in range(self.processes.world_size)])

    def rows(self, whole: Tensor) -> Tensor:
        """This process's rows; where there are several batches in one, of each of them."""
        parts: Tensor = whole.unflatten(0, (-1, self.processes.world_size, self.batch_size))  # type: ignore[no-untyped-call]
        return parts[:, self.processes.rank].flatten(0, 1)


def _ask(mode: _GlobalBatch, func: Any, /, *args: Any, **options: Any) -> Any:
    """What concerns each row on its own."""
    return func(*args, **options)


# --- random numbers ------------------------------------------------------------------------------


def _create(mode: _GlobalBatch, func: Any, /, *args: Any, **options: Any) -> Any:
    """`torch.randn` and its like, with or without leading bounds: the size is what is a size or comes last."""
    leading = 0 if func in (torch.randn, torch.rand) else sum(isinstance(a, (int, float)) for a in args)
    bounds, sizes = args[:leading], args[leading:]
    size = tuple(options.pop("size", sizes[0] if sizes and not isinstance(sizes[0], int) else sizes))
    if not mode.concerns(size):
        return func(*bounds, size=size, **options)
    return mode.rows(func(*bounds, size=mode.whole(size), **options))


def _draw(mode: _GlobalBatch, func: Any, /, *args: Any, **options: Any) -> Any:
    """What draws for each element of tensors, `torch.randn_like` for instance, is given those of all processes.

    In place of the others' rows it is given copies of our own: what is drawn for a row depends on its place alone.
    """
    first = next((a for a in (*args, *options.values()) if isinstance(a, Tensor)), None)
    if first is None:  # torch.normal of two numbers
        return _create(mode, func, *args, **options)
    if not mode.concerns(first.shape):
        return func(*args, **options)
    return mode.rows(func(*map(mode.copies, args), **{name: mode.copies(value) for name, value in options.items()}))


def _fill(mode: _GlobalBatch, func: Any, tensor: Tensor, /, *args: Any, **options: Any) -> Any:
    """`tensor.normal_()` and its like."""
    drawn = _draw(mode, func, tensor, *args, **options)
    return tensor if drawn is tensor else tensor.copy_(drawn)


def _drop(mode: _GlobalBatch, func: Any, tensor: Tensor, *args: Any, **options: Any) -> Any:
    """Dropout is a product with what it makes of ones."""
    signature = inspect.signature(func).bind(tensor, *args, **options)
    signature.apply_defaults()
    if not signature.arguments["training"] or not mode.concerns(tensor.shape):
        return func(tensor, *args, **options)
    signature.arguments["inplace"] = False
    signature.arguments["input"] = torch.ones_like(mode.copies(tensor.detach()))  # numbers follow the memory layout
    return tensor * mode.rows(func(*signature.args, **signature.kwargs))


# --- batch norm ----------------------------------------------------------------------------------


def _batch_norm(
    mode: _GlobalBatch,
    func: Any,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`functional.batch_norm` with the mean and the variance over all processes, arXiv:1502.03167, algorithm 1."""
    if not training:
        normed: Tensor = func(x, running_mean, running_var, weight, bias, training, momentum, eps)
        return normed
    over = [0, *range(2, x.ndim)]
    shape = (1, -1, *[1] * (x.ndim - 2))
    wide = at_least_float32(x)
    mean = _mean(wide.mean(over), mode.processes)
    centred = wide - mean.view(shape)
    variance = _mean(centred.square().mean(over), mode.processes)
    count = mode.processes.world_size * x.numel() // x.shape[1]
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.to(running_mean), momentum)
        if running_var is not None:
            running_var.lerp_((variance * (count / max(count - 1, 1))).to(running_var), momentum)
    normed = centred * (variance + eps).rsqrt().view(shape)
    normed = normed if weight is None else normed * weight.view(shape)
    normed = normed if bias is None else normed + bias.view(shape)
    return normed.to(x.dtype)


def _mean(tensor: Tensor, processes: ProcessGroup) -> Tensor:
    mean: Tensor = _Mean.apply(tensor, processes)
    return mean


class _Mean(torch.autograd.Function):
    """The mean over all processes; its own adjoint, so that it can be differentiated again and again."""

    @staticmethod
    def forward(context: Any, tensor: Tensor, processes: ProcessGroup) -> Tensor:
        context.processes = processes
        mean = tensor.clone()
        processes.average_([mean])
        return mean

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _mean(gradients[0], context.processes), None


_IN_PLACE = ("normal_", "uniform_", "bernoulli_", "random_", "exponential_", "log_normal_", "cauchy_", "geometric_")
_OF_TENSORS = (
    *(torch.randn_like, torch.rand_like, torch.randint_like, torch.normal, torch.bernoulli, Tensor.bernoulli),
    *(functional.alpha_dropout, functional.feature_alpha_dropout, functional.gumbel_softmax),
)
_ANSWERS: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys((torch.randn, torch.rand, torch.randint), _create),
    **dict.fromkeys(_OF_TENSORS, _draw),
    **dict.fromkeys((getattr(Tensor, name) for name in _IN_PLACE), _fill),
    **dict.fromkeys((functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d), _drop),
    functional.batch_norm: _batch_norm,
}
