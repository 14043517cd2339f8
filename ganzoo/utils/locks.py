"""Locks on folders. A lock dies with its process, however the process ends."""

from __future__ import annotations

import errno
import os
import socket
import warnings
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ganzoo.errors import one_line

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["FolderInUse", "FolderLock"]

_NAME = ".lock"


class FolderInUse(Exception):
    """Another process holds the lock. The text names it, such as ``process 4242 on somehost``."""


class FolderLock:
    """The lock of a folder, from when this is made until `release`, the end of this object, or of the process.

    The lock is of the process: it may be taken several times in one process, and forked processes do not have it. It
    is the POSIX lock of the file ``.lock``, which also works on network file systems. The file stays when the lock is
    released, because another process may be waiting to lock it.

    Raises:
        FolderInUse: Another process holds it.
        OSError: The file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        key = (os.getpid(), os.path.realpath(folder))
        file, count = _held.get(key) or (_locked(folder / _NAME), 0)
        _held[key] = (file, count + 1)
        self.release = weakref.finalize(self, _release, key)
        """Release the lock; calling it again does nothing."""


_held: dict[tuple[int, str], tuple[BinaryIO, int]] = {}
"""The file of each locked folder, by process and path, and how many objects share it.

Closing any other open file of the same path would release the lock, so there is only one.
"""


def _locked(path: Path) -> BinaryIO:
    file = path.open("ab+")
    try:
        if fcntl is not None:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            file.seek(0)
            holder = file.read(300).decode(errors="replace").strip()
            file.close()
            raise FolderInUse(holder or "another process") from error
        warnings.warn(
            f"{path.parent} cannot be locked ({one_line(error)}) - let no other process write to it", stacklevel=4
        )
    with suppress(OSError):  # on a full disk, the lock holds without a name
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        file.flush()
    return file


def _release(key: tuple[int, str]) -> None:
    if key[0] != os.getpid():
        return  # a forked process: the lock is not its own
    file, count = _held.pop(key)
    if count > 1:
        _held[key] = (file, count - 1)
        return
    with suppress(OSError):  # what could not be written before cannot be written now
        file.close()
