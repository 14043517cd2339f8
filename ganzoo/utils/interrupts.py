"""Ctrl-C while the command line starts: one line in place of a traceback."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

__all__ = ["end_quietly_at_start", "restore"]

_NAMES = ("ganzoo", "ganzoo.exe", "ganzoo-script.py")


def end_quietly_at_start() -> None:
    """Until `restore` is called, Ctrl-C ends the process with one line, if this process is the command line.

    The package calls it before all other imports: only `restore` comes after them, where errors can be caught. In all
    other processes, and if Ctrl-C is ignored or has another handler, nothing changes.
    """
    if _is_command_line() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def restore() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command_line() -> bool:
    words = sys.orig_argv
    as_module = ["-m", "ganzoo"] in (words[i : i + 2] for i in range(1, len(words)))
    # Not sys.argv: processes that this one starts get a copy of it.
    return as_module or any(os.path.basename(word) in _NAMES for word in words[1:2])


def _end(number: int, frame: Any) -> None:
    os.write(2, b"ganzoo: error: interrupted\n")
    os._exit(130)
