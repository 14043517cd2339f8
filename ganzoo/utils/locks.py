"""Locks on folders and files. A lock dies with its process, however the process ends."""

from __future__ import annotations

import errno
import os
import socket
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ganzoo.errors import OutputError, one_line

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileLock", "FolderLock", "InUse", "locked_output"]


class InUse(Exception):
    """Another process holds the lock. The text names it, such as ``process 4242 on somehost``."""


class FileLock:
    """The lock of the file `path`, from when this is made until `release`, the end of this object, or of the process.

    The lock is of the process: it may be taken several times in one process, and forked processes do not have it. It
    is the POSIX lock of a hidden file beside the locked one, such as ``.a.png.lock``, which also works on network file
    systems. The hidden file is deleted when the lock is released.

    Raises:
        InUse: Another process holds it.
        OSError: The hidden file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._take(path, path.with_name(f".{path.name}.lock"))

    def _take(self, subject: Path, path: Path) -> None:
        key = (os.getpid(), os.path.realpath(path))
        file, count = _held.get(key) or (_locked(subject, path), 0)
        _held[key] = (file, count + 1)
        self.release = weakref.finalize(self, _release, key)
        """Release the lock; calling it again does nothing."""


class FolderLock(FileLock):
    """The lock of a folder. It is like `FileLock`; its hidden file is ``.lock`` in the folder."""

    def __init__(self, folder: Path) -> None:
        self._take(folder, folder / ".lock")


@contextmanager
def locked_output(path: Path, *, is_folder: bool, shared: bool = False) -> Iterator[None]:
    """Inside, no other process that asks for this lock writes to the folder or the file `path`.

    Folders that are missing are made. Those that are still empty at the end are removed. With `shared`, nothing is
    locked.

    Raises:
        OutputError: Another process writes there.
        OSError: A folder cannot be made.
    """
    folder = path if is_folder else path.parent
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = None if shared else _output_lock(path, is_folder=is_folder)
    try:
        yield
    finally:
        if lock:
            lock.release()
        with suppress(OSError):  # the first one that is not empty ends it
            for each in missing:
                each.rmdir()


def _output_lock(path: Path, *, is_folder: bool) -> FileLock:
    try:
        return FolderLock(path) if is_folder else FileLock(path)
    except InUse as error:
        remedy = f"wait until it ends, or choose another {'folder' if is_folder else 'file'} with -o"
        raise OutputError(f"{path} is used by {error} - {remedy}") from error


_held: dict[tuple[int, str], tuple[BinaryIO, int]] = {}
"""The hidden file of each lock, by process and path, and how many objects share it.

Closing any other open file of the same path would release the lock, so there is only one.
"""


def _locked(subject: Path, path: Path) -> BinaryIO:
    while True:
        file = path.open("ab+")
        _lock(file, subject)
        if _is_at(path, file):
            break
        file.close()  # another process released its lock, and deleted the file, before this one had the lock
    with suppress(OSError):  # on a full disk, the lock holds without a name
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        file.flush()
    return file


def _lock(file: BinaryIO, subject: Path) -> None:
    try:
        if fcntl is not None:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            file.seek(0)
            holder = file.read(300).decode(errors="replace").strip()
            file.close()
            raise InUse(holder or "another process") from error
        text = f"{subject} cannot be locked ({one_line(error)}) - let no other process write to it"
        warnings.warn(text, stacklevel=6)


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _release(key: tuple[int, str]) -> None:
    if key[0] != os.getpid():
        return  # a forked process: the lock is not its own
    file, count = _held.pop(key)
    if count > 1:
        _held[key] = (file, count - 1)
        return
    with suppress(OSError):  # the disk may be read-only by now
        os.unlink(key[1])  # while the lock is held, so that it is not the file of another process
    with suppress(OSError):  # what could not be written before cannot be written now
        file.close()
