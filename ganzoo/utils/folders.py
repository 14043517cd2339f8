"""Replace a folder by another one, so that it exists whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

__all__ = ["recover_folder", "replaced_folder"]


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill. When the block ends, it takes the place of the folder `path`; after an error it is removed.

    If the process is killed between the two renames, `recover_folder` brings the old folder back.
    """
    temporary = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            path.rename(_old(path))
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        recover_folder(path)


def recover_folder(path: Path) -> None:
    """Finish or undo what a killed process has begun, and delete what it has left. Nobody else may write `path`."""
    old = _old(path)
    if old.exists() and not path.exists():
        old.rename(path)
    for orphan in path.parent.glob(f".{path.name}-*"):
        shutil.rmtree(orphan, ignore_errors=True)


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}-old")
