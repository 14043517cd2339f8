"""Standard streams that cannot be written: a closed pipe, a full disk, or a terminal that is gone."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast

__all__ = ["open_missing", "tolerate"]


def open_missing() -> None:
    """Open the null device in place of each standard stream that the caller has closed.

    Otherwise the next file that is opened gets the number of the stream, and output would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - it is for the whole process
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def tolerate(name: str) -> None:
    """From now on, what cannot be written to ``sys.<name>`` is lost, and the program goes on."""
    stream = getattr(sys, name)
    if not isinstance(stream, _Tolerant):
        setattr(sys, name, cast(TextIO, _Tolerant(stream)))


class _Tolerant:
    """A text stream whose `write` and `flush` never fail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose, `text`."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # ValueError: it was closed in this process
            return len(text)

    def flush(self) -> None:
        """Flush what can be written."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
