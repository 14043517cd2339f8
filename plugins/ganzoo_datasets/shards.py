"""Tar archives of pictures, such as the shards of WebDataset, read without unpacking.

A tar archive has no directory, so its headers are read once, and each file is found by its position from then on. The
library webdataset reads shards from beginning to end and shuffles in a buffer: it gives no picture by its number, and
so no exact order for a run that is resumed, or for several processes.

The headers are read again at each start: about a second for 50,000 files, once they are in the system's cache. To sort
the names of these files takes as long, and would not be saved by an index that is kept.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ganzoo import Archive, DataError, DataRequest, Progress, UnreadableImage

__all__ = ["open_shards"]

_TOLD_EVERY = 1000


class _Span(NamedTuple):
    """Where the content of a file is in its archive, in bytes."""

    offset: int
    size: int


def open_shards(request: DataRequest) -> Archive:
    """The files in tar archives.

    Raises:
        DataError: an archive is damaged, compressed, or no archive.
    """
    return _Shards({path: _members(path, request.progress) for path in request.files})


def _members(path: Path, progress: Progress) -> Iterable[tuple[str, _Span]]:
    found = []
    try:
        with tarfile.open(path, "r:") as archive:
            for number, info in enumerate(archive):
                if info.isreg():
                    found.append((info.name, _Span(info.offset_data, info.size)))
                vars(archive)["members"] = []  # it would keep all headers
                if number % _TOLD_EVERY == 0:
                    progress(f"listing {path.name}", archive.offset, path.stat().st_size)
    except (tarfile.TarError, OSError, ValueError) as error:
        text = f"{path} cannot be read as a tar archive: {getattr(error, 'strerror', None) or error}"
        raise DataError(f"{text} - it must be whole and not compressed") from error
    return found


class _Shards(Archive):
    def read(self, path: Path) -> bytes:
        archive, span = self.entries[path]
        try:
            with archive.open("rb") as file:
                file.seek(span.offset)
                content = file.read(span.size)
        except OSError as error:
            raise UnreadableImage(f"{path} cannot be read: {error.strerror}") from error
        if len(content) < span.size:
            raise UnreadableImage(f"{path} cannot be read: the archive ends inside of it")
        return content

    def size(self, path: Path) -> int:
        size: int = self.entries[path][1].size
        return size
