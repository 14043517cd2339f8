"""Zip archives of pictures, read without unpacking."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ganzoo import Archive, DataError, DataRequest, UnreadableImage

__all__ = ["MAX_BYTES", "open_zips"]

MAX_BYTES = 2**29
"""The most bytes of a file in an archive. A file of a megabyte can hold a gigabyte of zeros."""


def open_zips(request: DataRequest) -> Archive:
    """The files in zip archives.

    Raises:
        DataError: an archive is damaged, or no archive.
    """
    return _Zips({path: _members(path) for path in request.files})


def _members(path: Path) -> Iterable[tuple[str, zipfile.ZipInfo]]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [(info.filename, info) for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        text = f"{path} cannot be read as a zip archive: {getattr(error, 'strerror', None) or error}"
        raise DataError(f"{text} - copy or download it again") from error


class _Zips(Archive):
    """Each process opens each archive once: forked processes would share the position in an open file."""

    def __init__(self, members: dict[Path, Any]) -> None:
        super().__init__(members)
        self._opened: dict[tuple[int, Path], zipfile.ZipFile] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_opened": {}}

    def read(self, path: Path) -> bytes:
        archive, info = self.entries[path]
        if info.flag_bits & 1:
            raise UnreadableImage(f"{path} is encrypted - unpack the archive, and name the folder")
        if info.file_size > MAX_BYTES:
            raise UnreadableImage(f"{path} has {info.file_size:,} bytes, over {MAX_BYTES:,}")
        try:
            with self._archive(archive).open(info) as file:
                content = file.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
            raise UnreadableImage(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
        return content

    def size(self, path: Path) -> int:
        size: int = self.entries[path][1].file_size
        return size

    def _archive(self, path: Path) -> zipfile.ZipFile:
        key = (os.getpid(), path)
        if key not in self._opened:
            self._opened[key] = zipfile.ZipFile(path)
        return self._opened[key]
