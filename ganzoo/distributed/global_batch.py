"""Random draws and batch norm over the global batch, so that N processes compute what one process would.

In data-parallel training each process runs the same step on its local batch. Gradients are averaged over the processes,
but two other things still depend on the local batch: random tensors, such as latents and dropout masks, and the
statistics of batch norm. Inside of `global_batch` they do not:

- A random tensor with one row for each image is drawn for the global batch, from a seed that all processes share. Each
  process keeps its rows. So the global batch has the latents that one process with a batch N times as large would draw.
- Batch norm in training mode averages its statistics over all processes, as SyncBatchNorm does, and can be
  differentiated twice, as gradient penalties need.

This replaces functions of PyTorch while the step runs (a `TorchFunctionMode`), so architectures need no code for it.
The result equals that of one process, except for the rounding of sums, if these conditions hold:

- All processes set the same seed before the step, and draw the same random tensors in the same order.
- Every local batch has the same size, and tensors have the images in their first dimension. Several batches in one
  tensor, such as real and generated images, follow one another.
- Only batch norm mixes the images of a batch. Minibatch discrimination, for instance, sees the local batch alone;
  a GAN that needs the global batch calls `gather_rows`.
- Every function that draws is in the table `_REPLACEMENTS`. Functions of third-party extensions are not.
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
    """A context for one training step, whose local batch has `batch_size` images. A single process needs no changes."""
    return nullcontext() if processes.world_size == 1 else _GlobalBatch(processes, batch_size)


class _GlobalBatch(TorchFunctionMode):
    """Calls the function in `_REPLACEMENTS` in place of each function of PyTorch that is listed there."""

    def __init__(self, processes: ProcessGroup, batch_size: int) -> None:
        super().__init__()
        self.processes = processes
        self.batch_size = batch_size

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """PyTorch calls this for every function, and switches the mode off until it returns."""
        replacement: Callable[..., Any] = _REPLACEMENTS.get(func, _call_unchanged)
        return replacement(self, func, *args, **(kwargs or {}))

    def has_image_rows(self, shape: torch.Size | tuple[int, ...]) -> bool:
        """Whether a tensor of this shape is taken to have one row for each image of one or several local batches.

        The first dimension decides: it is a multiple of the batch size. Other tensors may have such a size by chance.
        """
        return len(shape) > 0 and shape[0] > 0 and shape[0] % self.batch_size == 0

    def global_shape(self, shape: torch.Size | tuple[int, ...]) -> tuple[int, ...]:
        """The shape that such a tensor has for the global batch."""
        return (shape[0] * self.processes.world_size, *shape[1:])

    def expand_to_global(self, value: Any) -> Any:
        """Repeat the local rows until a tensor has its global shape. Any other value is returned as it is."""
        if not isinstance(value, Tensor) or not self.has_image_rows(value.shape):
            return value
        batches = value.chunk(len(value) // self.batch_size)
        return torch.cat([batch for batch in batches for _ in range(self.processes.world_size)])

    def local_rows(self, tensor: Tensor) -> Tensor:
        """The rows of this process from a tensor of global shape, for each of the batches that it contains."""
        batches: Tensor = tensor.unflatten(0, (-1, self.processes.world_size, self.batch_size))  # type: ignore[no-untyped-call]
        return batches[:, self.processes.rank].flatten(0, 1)


def _call_unchanged(mode: _GlobalBatch, func: Any, /, *args: Any, **options: Any) -> Any:
    """For functions that handle each row on its own."""
    return func(*args, **options)


# --- random draws --------------------------------------------------------------------------------


def _draw_shape(mode: _GlobalBatch, func: Any, /, *args: Any, **options: Any) -> Any:
    """`torch.randn`, `torch.rand`, `torch.randint`, and `torch.normal` of two numbers.

    Leading numbers are bounds, or a mean and a deviation. The shape is `size`, a sequence, or the other arguments.
    """
    leading = 0 if func in (torch.randn, torch.rand) else sum(isinstance(a, (int, float)) for a in args)
    bounds, sizes = args[:leading], args[leading:]
    size = tuple(options.pop("size", sizes[0] if sizes and not isinstance(sizes[0], int) else sizes))
    if not mode.has_image_rows(size):
        return func(*bounds, size=size, **options)
    return mode.local_rows(func(*bounds, size=mode.global_shape(size), **options))


def _draw_like_tensors(mode: _GlobalBatch, func: Any, /, *args: Any, **options: Any) -> Any:
    """Functions that draw one value for each element of their tensors, such as `torch.randn_like`.

    The rows of other processes are not known here. Copies of the local rows take their part: what is drawn for a row
    depends on its position alone.
    """
    first = next((a for a in (*args, *options.values()) if isinstance(a, Tensor)), None)
    if first is None:  # torch.normal of two numbers
        return _draw_shape(mode, func, *args, **options)
    if not mode.has_image_rows(first.shape):
        return func(*args, **options)
    expanded = {name: mode.expand_to_global(value) for name, value in options.items()}
    return mode.local_rows(func(*map(mode.expand_to_global, args), **expanded))


def _draw_in_place(mode: _GlobalBatch, func: Any, tensor: Tensor, /, *args: Any, **options: Any) -> Any:
    """Methods that fill a tensor, such as `tensor.normal_()`."""
    drawn = _draw_like_tensors(mode, func, tensor, *args, **options)
    return tensor if drawn is tensor else tensor.copy_(drawn)


def _dropout(mode: _GlobalBatch, func: Any, tensor: Tensor, *args: Any, **options: Any) -> Any:
    """Dropout multiplies by a mask. The mask is the dropout of a tensor of ones, drawn for the global batch."""
    signature = inspect.signature(func).bind(tensor, *args, **options)
    signature.apply_defaults()
    if not signature.arguments["training"] or not mode.has_image_rows(tensor.shape):
        return func(tensor, *args, **options)
    signature.arguments["inplace"] = False
    # The ones keep the memory layout of the tensor, because random numbers are drawn in its order.
    signature.arguments["input"] = torch.ones_like(mode.expand_to_global(tensor.detach()))
    return tensor * mode.local_rows(func(*signature.args, **signature.kwargs))


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
    """`functional.batch_norm` with mean and variance of the global batch (arXiv:1502.03167, algorithm 1)."""
    if not training:
        normed: Tensor = func(x, running_mean, running_var, weight, bias, training, momentum, eps)
        return normed
    over = [0, *range(2, x.ndim)]
    shape = (1, -1, *[1] * (x.ndim - 2))
    wide = at_least_float32(x)
    mean = _mean(wide.mean(over), mode.processes)
    centered = wide - mean.view(shape)
    variance = _mean(centered.square().mean(over), mode.processes)
    count = mode.processes.world_size * x.numel() // x.shape[1]
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.to(running_mean), momentum)
        if running_var is not None:
            running_var.lerp_((variance * (count / max(count - 1, 1))).to(running_var), momentum)
    normed = centered * (variance + eps).rsqrt().view(shape)
    normed = normed if weight is None else normed * weight.view(shape)
    normed = normed if bias is None else normed + bias.view(shape)
    return normed.to(x.dtype)


def _mean(tensor: Tensor, processes: ProcessGroup) -> Tensor:
    """The mean over all processes, differentiable any number of times."""
    mean: Tensor = _MeanOverProcesses.apply(tensor, processes)
    return mean


class _MeanOverProcesses(torch.autograd.Function):
    """The mean over all processes is a linear function whose transpose is itself, so backward is the same mean."""

    @staticmethod
    def forward(context: Any, tensor: Tensor, processes: ProcessGroup) -> Tensor:
        context.processes = processes
        mean = tensor.clone()
        processes.average_([mean])
        return mean

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _mean(gradients[0], context.processes), None


# --- the table -----------------------------------------------------------------------------------

_FROM_SHAPE = (torch.randn, torch.rand, torch.randint)
_LIKE_TENSORS = (
    *(torch.randn_like, torch.rand_like, torch.randint_like, torch.normal, torch.bernoulli, Tensor.bernoulli),
    *(functional.alpha_dropout, functional.feature_alpha_dropout, functional.gumbel_softmax),
)
_IN_PLACE = ("normal_", "uniform_", "bernoulli_", "random_", "exponential_", "log_normal_", "cauchy_", "geometric_")
_DROPOUT = (functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d)

_REPLACEMENTS: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(_FROM_SHAPE, _draw_shape),
    **dict.fromkeys(_LIKE_TENSORS, _draw_like_tensors),
    **dict.fromkeys((getattr(Tensor, name) for name in _IN_PLACE), _draw_in_place),
    **dict.fromkeys(_DROPOUT, _dropout),
    functional.batch_norm: _batch_norm,
}
"""The functions of PyTorch that depend on the batch, and what is called in their place."""
