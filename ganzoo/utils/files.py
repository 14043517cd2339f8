"""Files that appear whole or not at all, and where pictures are."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ganzoo.errors import OutputError

__all__ = ["IMAGE_SUFFIXES", "atomic_write", "check_file", "check_writable", "expand_home", "find_images", "sha256_of"]

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""How the names of picture files end."""


def expand_home(path: str | Path) -> Path:
    """With the home folder for ``~``; what names no user stays as it is, where pathlib's own would raise."""
    return Path(os.path.expanduser(path))


def find_images(folder: Path) -> list[Path]:
    """The picture files of a folder and its subfolders, by their endings, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


@contextmanager
def atomic_write(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`: moved onto it when the block ends well, else removed.

    It lies in the same folder, so that the move is atomic, and ends as `path` does, for writers that
    choose a format by the ending. `synced` forces the content to the disk first, which takes
    milliseconds: for what cannot be made again.
    """
    temporary = path.with_name(f".{uuid4().hex[:8]}.{path.name}")
    try:
        yield temporary
        if synced:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, as 64 hex digits; reads about 1.6 GB/s."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_file(path: Path, endings: Collection[str], *, overwrite: bool = False) -> None:
    """Refuse a file of another kind, one that exists and may not be replaced, or one that cannot be written.

    Raises:
        OutputError: says which, and what to do.
    """
    if path.suffix.lower() not in endings:
        raise OutputError(f"{path} ends in no known format - use {', '.join(endings)}")
    if path.is_dir() or (path.exists() and not overwrite):
        raise OutputError(f"{path} exists - replace it with --overwrite, or choose another place")
    check_writable(path.parent)


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be made or written; its nearest existing ancestor decides.

    Raises:
        OutputError: says which one, and why.
    """
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is not a folder")
        with tempfile.TemporaryFile(dir=existing):
            pass  # the only test that root and read-only disks both pass
    except OSError as error:
        raise OutputError(f"cannot write to {existing}: {error.strerror}") from error
