"""Signals that wait for a good moment."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["EXIT_CODES", "catch_terminate", "postponed"]

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""What a shell expects of a program that such a signal has ended."""


def catch_terminate() -> list[signal.Signals]:
    """From now on SIGTERM cleans up as Ctrl-C does; the list that is returned tells whether it came."""
    received: list[signal.Signals] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, note)
    return received


@contextmanager
def postponed(*, patient: bool = False) -> Iterator[list[signal.Signals]]:
    """SIGINT and SIGTERM are noted in the list that is yielded, so that a step can be finished and saved.

    A second signal ends the program at once, unless `patient`: under ``torchrun`` a process gets the
    terminal's signal and then torchrun's own, which ends by itself what takes too long.
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
