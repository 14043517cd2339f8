"""Worker processes that read pictures ahead of their use."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from multiprocessing.queues import Queue
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader, Dataset

from ganzoo.data.datasets import Chunks
from ganzoo.errors import DataError, one_line

__all__ = ["Read", "read_ahead"]

LONGEST_BATCH = 300
"""The seconds after which a batch that workers read is given up."""

_REMEDY = "use --workers 0 or fewer workers, or enlarge /dev/shm, in Docker with --shm-size 2g"


class Read(NamedTuple):
    """The result of reading one picture.

    `number` is its index, or None if no picture could be read. `changes` say what was changed in it, and `problems`
    which pictures before it could not be read.
    """

    number: int | None
    changes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class _ChunkSampler:
    """A sampler for `DataLoader` that yields the chunks of an iterator."""

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[list[int]]:
        return map(list, self.chunks)


def read_ahead(
    pictures: Dataset[tuple[Read, Tensor]], chunks: Chunks, workers: int
) -> Iterator[tuple[list[Read], Tensor]]:
    """Yield the pictures of each chunk of indices. `workers` processes read them, or this process if it is 0.

    Raises:
        DataError: a worker process died, usually because the memory was full, or it could not pass on its pictures,
            usually because the shared memory was full, or it was silent for too long.
    """
    loader = DataLoader(
        pictures,
        batch_sampler=_ChunkSampler(chunks),
        num_workers=workers,
        collate_fn=_pack,
        worker_init_fn=_start_worker,
        timeout=LONGEST_BATCH if workers else 0,
        # Without its own generator, a loader draws from the global one and so changes the noise of training.
        generator=torch.Generator(),
    )
    batches = iter(loader)
    try:
        yield from batches
    except RuntimeError as error:
        _end(batches)
        if not isinstance(error, _LostBatch) and not str(error).startswith(
            ("DataLoader worker (pid", "DataLoader timed")
        ):
            raise
        text = str(error).strip().splitlines()[-1] if isinstance(error, _LostBatch) else one_line(error)
        raise DataError(f"reading pictures failed: {text} - {_REMEDY}") from error


def _end(batches: Any) -> None:
    """End the worker processes of a loader's iterator, which an error keeps alive with the frames that it names.

    Otherwise they end when Python finds that circle, and then wait for 5 s each.
    """
    shut_down = getattr(batches, "_shutdown_workers", None)  # it exists if there are workers, in PyTorch as we know it
    if shut_down is not None:
        shut_down()


def _pack(pairs: Sequence[tuple[Read, Tensor]]) -> tuple[list[Read], Tensor]:
    """Put all images in one tensor: each tensor from a worker keeps a file open, and a process may open only 1024."""
    reads, images = zip(*pairs, strict=True)
    return list(reads), torch.stack(images)


class _LostBatch(RuntimeError):
    """A worker process could not pass on a batch."""


def _start_worker(worker: int) -> None:
    """Prepare a worker process.

    It ignores Ctrl-C, which reaches all processes of a terminal, because the trainer must end its step first. And it
    tells the trainer when the thread that passes batches on fails: by itself, that thread would print its error and
    drop the batch, for which the trainer would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Queue._on_queue_feeder_error = _pass_error_on  # type: ignore[attr-defined]


def _pass_error_on(queue: Queue[Any], error: Exception, batch: tuple[int, Any]) -> None:
    """Put the error into the queue in place of the batch."""
    lost = _LostBatch(one_line(error))
    queue.put((batch[0], ExceptionWrapper((_LostBatch, lost, None))))  # type: ignore[no-untyped-call]
