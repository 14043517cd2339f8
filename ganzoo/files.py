"""Files that appear whole or not at all, and where pictures are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

__all__ = ["IMAGE_SUFFIXES", "expanded", "pictures_in", "replacing"]

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""How the names of picture files end."""


def expanded(path: str | Path) -> Path:
    """With the home folder for ``~``; what names no user stays as it is, where pathlib's own would raise."""
    return Path(os.path.expanduser(path))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder and its subfolders, by their endings, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


@contextmanager
def replacing(path: Path, *, synced: bool = True) -> Iterator[Path]:
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
