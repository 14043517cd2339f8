"""Remember which plugin is being imported, so that a plugin that ends the process is named at the next start.

While a plugin is imported, a small file in the assets cache names it. The process holds a lock on the file. A file that
nobody locks is left from a process that ended during the import. Process numbers would not do: containers and the
machines of a shared home folder have numbers of their own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

try:
    import fcntl
except ImportError:  # Windows has no such locks: nothing is remembered
    fcntl = None  # type: ignore[assignment]

__all__ = ["marked_import", "take_unfinished"]

_LONGEST = 1000


@contextmanager
def marked_import(key: str) -> Iterator[None]:
    """Inside, the plugin `key` is imported. If the process ends there, `take_unfinished` will name the plugin.

    A cache that cannot be written to does not matter.
    """
    marker = None
    with suppress(OSError):
        marker = _write(key)
    try:
        yield
    finally:
        if marker is not None:
            path, file = marker
            _remove(path, file)


def take_unfinished(keys: Collection[str]) -> list[str]:
    """Those of the plugins `keys` during whose import a process ended. Each is returned once, and then forgotten."""
    found: set[str] = set()
    with suppress(OSError):
        for path in _folder().glob("*.txt"):
            with suppress(OSError):
                found |= _take(path, keys)
    return sorted(found)


def _folder() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_ASSETS_CACHE, "ganzoo", "importing")


def _write(key: str) -> tuple[Path, BinaryIO] | None:
    if fcntl is None:
        return None
    path = _folder() / f"{uuid4().hex}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_suffix(".new")  # until it is locked, or another process would take it for a left one
    file = hidden.open("xb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.write(key.encode(errors="surrogateescape"))
        file.flush()
        hidden.rename(path)
    except OSError:  # a full disk, or a file system without locks
        _remove(hidden, file)
        raise
    return path, file


def _take(path: Path, keys: Collection[str]) -> set[str]:
    """The key that a file names, in a set, if the file is a left one; the file is deleted."""
    if fcntl is None:
        return set()
    with path.open("rb") as file:
        key = file.read(_LONGEST).decode(errors="surrogateescape")
        if key not in keys:
            return set()  # another environment's: the cache is shared
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises an OSError if another process imports the plugin
        os.unlink(path)  # raises an OSError if that process has just removed it
    return {key}


def _remove(path: Path, file: BinaryIO) -> None:
    with suppress(OSError):
        path.unlink()  # while the lock is held
    with suppress(OSError):  # on a full disk
        file.close()
