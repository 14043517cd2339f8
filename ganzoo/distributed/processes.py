"""The processes that train one model together, started by ``torchrun`` and joined by accelerate."""

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
    """One process among those that train together: its number from 0, and how many there are."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and shows."""
        return self.rank == 0

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Make every tensor its mean over all processes, in one message."""
        if self.world_size == 1 or not tensors:
            return
        from accelerate.utils import reduce

        flat = reduce(torch.cat([tensor.flatten() for tensor in tensors]), "mean")
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def main_first(self) -> AbstractContextManager[None]:
        """What is inside is done by the main process first, then by the others: a download, for instance."""
        if self.world_size == 1:
            return nullcontext()
        from accelerate import PartialState

        first: AbstractContextManager[None] = PartialState().main_process_first()
        return first

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.world_size > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()


def gather_rows(rows: Tensor) -> Tensor:
    """The rows of all processes as one process would have them: those of the first, then of the next.

    For what a GAN keeps of whole batches, such as a history of images; without other processes, `rows` itself.
    """
    if not _is_distributed():
        return rows
    parts = [torch.empty_like(rows) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


def own_rows(whole: Tensor) -> Tensor:
    """This process's rows of a whole batch: the inverse of `gather_rows`."""
    if not _is_distributed():
        return whole
    return whole.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]


def _is_distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def join_process_group(device: str) -> tuple[ProcessGroup, torch.device]:
    """The processes that ``torchrun`` has started, and the device that is this one's; else this one alone.

    Each process of a machine with GPUs has one of them.

    Raises:
        InvalidRequestError: no such device, or one device for all processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ProcessGroup(), resolve_device(device)
    if device not in ("auto", "cpu", "cuda"):
        raise InvalidRequestError(f"several processes cannot all train on {device} - say auto, cuda or cpu")
    if device == "cuda":
        resolve_device(device)
    # Imported later, as optimizers import it, it would keep the group in its default arguments, and its threads alive.
    import torch.distributed.nn.functional
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu")
    # Threads of the group that outlive the interpreter may abort the process, when all of its work is done.
    atexit.register(state.destroy_process_group)
    return ProcessGroup(state.process_index, state.num_processes), torch.device(state.device)
