"""Write files atomically, and check that they can be written."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from ganzoo.errors import OutputError

__all__ = [
    "atomic_write",
    "check_file",
    "check_writable",
    "expand_home",
    "open_regular",
    "read_lines",
    "read_text",
    "sha256_of",
    "write_aside",
]


MAX_TEXT_BYTES = 10_000_000
"""No text that a person writes is larger."""


def expand_home(path: str | Path) -> Path:
    """The path with the home folder in place of ``~``. Unlike `Path.expanduser`, it accepts an unknown user."""
    return Path(os.path.expanduser(path))


@contextmanager
def atomic_write(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """A temporary path to write to. When the block ends, the file replaces `path`; after an error it is removed.

    So `path` never holds a part of the new content. The temporary path is in the same folder, which makes the
    replacement atomic, and it has the same ending, by which writers choose a format. `synced` waits until the content
    is on the disk, which takes milliseconds. Switch it off for files that can be made again.
    """
    temporary = _name_aside(path)
    try:
        yield temporary
        if synced:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_aside(path: Path, content: bytes) -> Path:
    """Write the new content of `path` under another name in the same folder, and return that name.

    ``os.replace`` then makes it the content of `path`. After an error, nothing is left.
    """
    temporary = _name_aside(path)
    try:
        temporary.write_bytes(content)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _name_aside(path: Path) -> Path:
    return path.with_name(f".{os.urandom(4).hex()}.{path.name}")


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read its bytes. A pipe would be waited for without end, and a device such as /dev/zero has no end.

    Raises:
        OSError: there is no such file, or it is a folder, a device or a pipe.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file without the spaces around them, and without empty ones.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8.
    """
    lines = (line.strip() for line in read_text(path).removeprefix("\ufeff").splitlines())
    return [line for line in lines if line]


def read_text(path: Path, *, errors: str = "strict") -> str:
    """The text of a file in UTF-8.

    Raises:
        OSError: there is no such file, it is a folder, a device or a pipe, or it has more than `MAX_TEXT_BYTES`.
        UnicodeDecodeError: it is not UTF-8, and `errors` is ``strict``.
    """
    with open_regular(path) as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {MAX_TEXT_BYTES:,} bytes", str(path))
    return data.decode("utf-8", errors).replace("\r\n", "\n")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, as 64 hex digits; reads about 1.6 GB/s."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_file(path: Path, endings: Collection[str], *, overwrite: bool = False) -> None:
    """Check that the file `path` can be written, and that its name ends in one of `endings`.

    Raises:
        OutputError: it has another ending, it exists and `overwrite` is off, or its folder cannot be written to.
    """
    if path.suffix.lower() not in endings:
        raise OutputError(f"{path} ends in no known format - use {', '.join(endings)}")
    if path.is_dir() or (path.exists() and not overwrite):
        raise OutputError(f"{path} exists - replace it with --overwrite, or choose another file name")
    check_writable(path.parent)


def check_writable(folder: Path) -> None:
    """Check that `folder` can be written to, or, if it does not exist, its nearest folder that exists.

    Raises:
        OutputError: that folder cannot be written to; the message says why.
    """
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is not a folder")
        with tempfile.TemporaryFile(dir=existing):
            pass  # permission bits do not tell for root and for read-only disks
    except OSError as error:
        raise OutputError(f"cannot write to {existing}: {error.strerror} - choose another folder") from error
