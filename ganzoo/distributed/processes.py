"""The process group that trains or evaluates a model: ``torchrun`` starts the processes, accelerate joins them."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.utils.devices import resolve_device

__all__ = ["ProcessGroup", "gather_rows", "is_main_process", "join_process_group", "own_rows"]

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = timedelta(hours=3)
"""How long processes wait for each other: the main one may evaluate or save. NCCL gives up after 10 minutes."""


@dataclass(frozen=True)
class ProcessGroup:
    """A process group as one of its processes sees it: `rank` is its number, from 0 to `world_size` - 1."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the main process: it writes files and shows progress."""
        return self.rank == 0

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, with a single all-reduce."""
        if self.world_size == 1 or not tensors:
            return
        from accelerate.utils import reduce

        flat = reduce(torch.cat([tensor.flatten() for tensor in tensors]), "mean")
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def main_first(self) -> AbstractContextManager[None]:
        """A context that the main process enters and leaves before the others enter, for instance to download."""
        if self.world_size == 1:
            return nullcontext()
        from accelerate import PartialState

        first: AbstractContextManager[None] = PartialState().main_process_first()
        return first

    def share(self, items: Sequence[Item], compute: Callable[[Sequence[Item]], Iterable[Result]]) -> list[Result]:
        """One result for each of `items`, in their order. Each process computes every `world_size`-th of them.

        Only the main process gets the results; the list of the others is empty. So each item is computed as one
        process computes it. `compute` yields a result for each item that it gets.
        """
        own = list(compute(items[self.rank :: self.world_size]))
        if self.world_size == 1:
            return own
        parts: list[Any] | None = [None] * self.world_size if self.is_main else None
        torch.distributed.gather_object(own, parts)
        return [] if parts is None else [parts[i % self.world_size][i // self.world_size] for i in range(len(items))]

    def from_main(self, value: Result) -> Result:
        """What the main process gives as `value`, in all processes."""
        if self.world_size == 1:
            return value
        shared: list[Any] = [value]
        torch.distributed.broadcast_object_list(shared)
        received: Result = shared[0]
        return received

    def wait(self) -> None:
        """Wait until all processes have called this: a barrier."""
        if self.world_size > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()


def is_main_process() -> bool:
    """Whether this process is the main one, or the only one. It must have joined the process group, if there is one."""
    return not _is_distributed() or torch.distributed.get_rank() == 0


def gather_rows(rows: Tensor) -> Tensor:
    """The global batch: the rows of all processes, (N, ...) from each, in the order of their ranks.

    A GAN calls it for state that depends on the global batch, such as a history of images. Without a process group
    it returns `rows` itself.
    """
    if not _is_distributed():
        return rows
    parts = [torch.empty_like(rows) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


def own_rows(batch: Tensor) -> Tensor:
    """The rows of this process from a global batch: the inverse of `gather_rows`."""
    if not _is_distributed():
        return batch
    return batch.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]


def _is_distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def join_process_group(device: str) -> tuple[ProcessGroup, torch.device]:
    """Join the process group that ``torchrun`` has started; without it, this process is the only one.

    The environment variable WORLD_SIZE, which ``torchrun`` sets, says how many processes there are. They communicate
    with NCCL on GPUs and with Gloo on CPUs.

    Returns the group and the device of this process. On a machine with GPUs each process has one of them.

    Raises:
        InvalidRequestError: there is no such device, or `device` names a single device for several processes. Or
            the process group does not have WORLD_SIZE processes.
    """
    world_size = _number_in_environment("WORLD_SIZE")
    if world_size == 1:
        return ProcessGroup(), resolve_device(device)
    if device not in ("auto", "cpu", "cuda"):
        raise InvalidRequestError(f"several processes cannot all compute on {device} - use auto, cuda or cpu")
    # "auto" may also mean mps, which a machine has once: several processes compute on its CPU.
    on_gpus = resolve_device(device).type == "cuda"
    if on_gpus:
        _check_gpus(_number_in_environment("LOCAL_WORLD_SIZE"))
    # Import it before the group exists. Optimizers import it later, and it then keeps the group alive, with its
    # threads, in default arguments.
    import torch.distributed.nn.functional
    from accelerate import PartialState

    # Without `cpu`, accelerate joins no group on a machine without a GPU, and says nothing.
    state = PartialState(cpu=not on_gpus, backend="nccl" if on_gpus else "gloo", timeout=PATIENCE)
    if state.num_processes != world_size:  # each process would train a model of its own, all in one folder
        raise InvalidRequestError(
            f"the process group has {state.num_processes} processes, but WORLD_SIZE is {world_size} - "
            "start all processes with torchrun, or unset WORLD_SIZE to work in one process"
        )
    # Threads of the group that outlive the interpreter may abort the process after all its work is done.
    atexit.register(state.destroy_process_group)
    return ProcessGroup(state.process_index, state.num_processes), torch.device(state.device)


def _number_in_environment(name: str) -> int:
    """The value of an environment variable that ``torchrun`` sets; 1 without ``torchrun``."""
    text = os.environ.get(name) or "1"
    if not text.isdecimal() or int(text) < 1:
        raise InvalidRequestError(f"the environment variable {name} is {text!r} - unset it, or start with torchrun")
    return int(text)


def _check_gpus(processes: int) -> None:
    """Check that each of this machine's processes has a GPU of its own.

    Raises:
        InvalidRequestError: there are fewer GPUs.
    """
    gpus = torch.cuda.device_count()
    if processes > gpus:
        raise InvalidRequestError(
            f"torchrun has started {processes} processes on a machine with {gpus} GPUs - "
            f"start it with --nproc-per-node {gpus}, or use --device cpu"
        )
