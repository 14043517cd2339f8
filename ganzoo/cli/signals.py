"""Handle SIGINT and SIGTERM."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["EXIT_CODES", "catch_terminate", "postponed"]

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""The exit code that shells expect from a program that the signal has ended."""


def catch_terminate() -> list[signal.Signals]:
    """From now on, handle SIGTERM like Ctrl-C. The list that is returned receives each SIGTERM."""
    received: list[signal.Signals] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, note)
    return received


@contextmanager
def postponed(*, patient: bool = False) -> Iterator[list[signal.Signals]]:
    """Collect SIGINT and SIGTERM in the list that is yielded, so that the program can finish a step and save.

    A second signal ends the program at once, unless `patient` is set. Under ``torchrun``, `patient` is needed: a
    process receives the signal of the terminal and then the signal of torchrun, which itself ends processes that
    take too long.
    """
    received: list[signal.Signals] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received and not patient:
            sys.exit(EXIT_CODES[signal.Signals(number)])
        received.append(signal.Signals(number))

    before = {number: signal.signal(number, note) for number in EXIT_CODES}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
