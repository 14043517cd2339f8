"""What a plugin prints goes to stderr, also what it prints at the level of file descriptors."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["stdout_to_stderr"]

_STDOUT, _STDERR = 1, 2


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Inside, everything that this process and its new subprocesses write to stdout goes to stderr.

    That includes `os.write`, the output of C libraries, and what other threads write. Several threads may be inside:
    the last one that leaves puts stdout back. In a process without a file descriptor 1, only ``sys.stdout`` changes.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


_lock = threading.Lock()
_inside = 0
_stream = sys.stdout
_descriptor: int | None = None


def _enter() -> None:
    global _inside, _stream, _descriptor
    with _lock:
        _inside += 1
        if _inside == 1:
            _flush()
            _stream, sys.stdout = sys.stdout, sys.stderr
            _descriptor = _redirected()


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            _flush()  # what C libraries and sys.__stdout__ still hold must not be written to stdout later
            sys.stdout = _stream
            if _descriptor is not None:
                os.dup2(_descriptor, _STDOUT)
                os.close(_descriptor)


def _redirected() -> int | None:
    """A copy of the descriptor of stdout, which now is that of stderr; None if there is no stdout."""
    try:
        kept = os.dup(_STDOUT)
    except OSError:
        return None
    try:
        os.dup2(_STDERR, _STDOUT)
    except OSError:  # there is no stderr
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, _STDOUT)
        os.close(null)
    return kept


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        with suppress(AttributeError, OSError, ValueError):  # it is None, cannot be written, or is closed
            stream.flush()  # type: ignore[union-attr]
    with suppress(ImportError, AttributeError, OSError):
        import ctypes

        ctypes.CDLL(None if os.name != "nt" else "ucrtbase").fflush(None)
