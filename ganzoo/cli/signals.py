"""Handle SIGINT, SIGTERM and SIGHUP, which a closed terminal sends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["EXIT_CODES", "catch_terminate", "postponed"]

_HANGUP = getattr(signal, "SIGHUP", None)
"""Not every system has this signal."""

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143} | ({_HANGUP: 129} if _HANGUP else {})
"""The exit code that shells expect from a program that the signal has ended."""


def catch_terminate() -> list[signal.Signals]:
    """From now on, handle SIGTERM and SIGHUP like Ctrl-C. The list that is returned receives each of them."""
    received: list[signal.Signals] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        raise KeyboardInterrupt

    for number in _handled():
        if number != signal.SIGINT:
            signal.signal(number, note)
    return received


@contextmanager
def postponed(*, patient: bool = False) -> Iterator[list[signal.Signals]]:
    """Collect SIGINT, SIGTERM and SIGHUP in the list that is yielded, so that the program can finish a step and save.

    A second signal ends the program at once, unless `patient` is set, or unless it is SIGHUP: when a terminal closes,
    both the system and the shell may send one. Under ``torchrun``, `patient` is needed: a
    process receives the signal of the terminal and then the signal of torchrun, which itself ends processes that
    take too long.
    """
    received: list[signal.Signals] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received and not patient and number != _HANGUP:
            sys.exit(EXIT_CODES[signal.Signals(number)])
        received.append(signal.Signals(number))

    before = {number: signal.signal(number, note) for number in _handled()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handled() -> list[signal.Signals]:
    """The signals to handle. ``nohup`` starts programs that ignore SIGHUP, and that must stay so."""
    return [number for number in EXIT_CODES if number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN]
