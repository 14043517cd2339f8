"""Measures several ways to do the same in turn, each in a process of its own, so that none disturbs the others.

In one process, the waiting threads of one library keep a core busy while another one computes, and all ways share the
settings of the process, such as those of its memory.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["alternate"]

Call = Callable[[], object]


def alternate(
    ways: Mapping[str, Callable[[], Call]], rounds: int, calls: int = 1
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of a call of each way in each round, and what its first call returned.

    Each value of `ways` is called in a new process and returns the call to measure; all must be picklable. The first
    round warms up and is not counted. Each round begins with another way. A round is the mean of so many `calls`.
    """
    with _workers(ways) as workers:
        try:
            results = {name: worker.recv() for name, worker in workers.items()}
        except EOFError:
            sys.exit("a way to measure has failed - its error is above")
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            order = deque(workers.items())
            order.rotate(number)
            for name, worker in order:
                worker.send(calls)
                seconds[name].append(worker.recv() / calls)
        return {name: times[1:] for name, times in seconds.items()}, results


@contextmanager
def _workers(ways: Mapping[str, Callable[[], Call]]) -> Iterator[dict[str, Connection]]:
    """A process for each way, and the connections to them."""
    context = multiprocessing.get_context("spawn")
    workers = {}
    for name, make in ways.items():
        workers[name], theirs = context.Pipe()
        context.Process(target=_work, args=(make, theirs), daemon=True).start()
        theirs.close()  # so that `recv` fails if the process ends
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def _work(make: Callable[[], Call], parent: Connection) -> None:
    """Send the result of the first call; then the seconds of as many calls as the parent asks for, until it goes."""
    call = make()
    parent.send(call())
    while True:
        try:
            calls = parent.recv()
        except EOFError:
            return
        call()  # it wakes the threads and fills the caches, which other processes have used since
        started = time.perf_counter()
        for _ in range(calls):
            call()
        parent.send(time.perf_counter() - started)
