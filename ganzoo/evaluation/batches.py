"""The images of an evaluation, batch by batch, shared by several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ganzoo.distributed.processes import ProcessGroup
from ganzoo.utils.progress import Progress, silent

__all__ = ["Batches"]

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Batches:
    """`size` images at a time, of which each of the `processes` takes its turn. `progress` counts the images."""

    size: int = 100
    progress: Progress = silent
    processes: ProcessGroup = field(default_factory=ProcessGroup)

    def map(self, what: str, count: int, compute: Callable[[Sequence[range]], Iterable[Result]]) -> list[Result] | None:
        """The results for the numbers 0 to `count` - 1, one for each batch of them, in their order.

        `compute` yields a result for each batch that it gets. All processes call this, and only the main one gets the
        results: the others get None. The batches, and so the results, are those of a single process. `what` is for
        users.
        """
        batches = [range(start, min(start + self.size, count)) for start in range(0, count, self.size)]

        def reporting(own: Sequence[range]) -> Iterator[Result]:
            for done, result in enumerate(compute(own), start=1):
                yield result
                self.progress(what, min(done * self.size * self.processes.world_size, count), count)

        self.progress(what, 0, count)
        results = self.processes.share(batches, reporting)
        return results if self.processes.is_main else None
