"""The process group that trains one model: ``torchrun`` starts the processes, accelerate joins them."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.utils.devices import resolve_device

__all__ = ["ProcessGroup", "gather_rows", "join_process_group", "own_rows"]


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

    def wait(self) -> None:
        """Wait until all processes have called this: a barrier."""
        if self.world_size > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()


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

    Returns the group and the device of this process. On a machine with GPUs each process has one of them.

    Raises:
        InvalidRequestError: there is no such device, or `device` names a single device for several processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ProcessGroup(), resolve_device(device)
    if device not in ("auto", "cpu", "cuda"):
        raise InvalidRequestError(f"several processes cannot all train on {device} - use auto, cuda or cpu")
    if device == "cuda":
        resolve_device(device)
    # Import it before the group exists. Optimizers import it later, and it then keeps the group alive, with its
    # threads, in default arguments.
    import torch.distributed.nn.functional
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu")
    # Threads of the group that outlive the interpreter may abort the process after all its work is done.
    atexit.register(state.destroy_process_group)
    return ProcessGroup(state.process_index, state.num_processes), torch.device(state.device)
