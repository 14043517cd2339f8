"""Open a data source: what its files or its name hold, before any picture is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ganzoo.data.datasets import ImageData
from ganzoo.data.packed import choose_files, find_files
from ganzoo.data.sources import DataPlace, check_installed, find_data
from ganzoo.errors import DataError, GanzooError, InvalidRequestError, PluginError, one_line
from ganzoo.hub import references
from ganzoo.hub.download import fetch
from ganzoo.interface.data_sources import DataRequest, DataSource, PictureSet, Split
from ganzoo.interface.picture_files import FileTree
from ganzoo.utils.files import expand_home
from ganzoo.utils.progress import Progress, silent

__all__ = ["Opened", "open_data"]

Opened = FileTree | PictureSet | ImageData
"""A folder or an archive; pictures with what is known of them; or images in memory."""


def open_data(
    source: str,
    *,
    split: Split = "train",
    root: str | Path = "data",
    download: bool = True,
    progress: Progress = silent,
    **needs: bool,
) -> Opened:
    """What `source` holds. `ganzoo.data.load.load_data` explains the arguments.

    Raises:
        UnknownNameError, InvalidRequestError, DataError: as `load_data`.
        PluginError: the source returned something else.
    """
    place = find_data(source)
    if split not in place.splits:
        what = "data set" if place.record else "folder" if place.is_folder else "source"
        raise InvalidRequestError(f"{source} is a {what} without separate {split} images - use a data set by name")
    if place.is_folder:
        return FileTree(place.paths[0])
    record, files = _locate(place, progress)
    check_installed(record)
    request = DataRequest(
        name=source,
        split=split,
        files=files,
        root=expand_home(root),
        download=download,
        options=place.options,
        progress=progress,
        **needs,
    )
    with _explained(record, source):
        opened = record.load()(request)
    if not isinstance(opened, Opened):
        text = f"the data source {record.name} returned {type(opened).__name__}"
        raise PluginError(f"{text}, not a FileTree, a PictureSet or an ImageData - report it to its author")
    return opened


def _locate(place: DataPlace, progress: Progress) -> tuple[DataSource, tuple[Path, ...]]:
    """The source that reads the data, and its files on this machine, to which those of the Hub are downloaded."""
    if place.record is not None:
        return place.record, ()
    if not place.on_hub:
        return find_files(place.place, place.paths, place.options)
    pinned = references.pin(references.parse_data(place.place))
    listed = references.data_files(pinned)
    record, chosen = choose_files(place.place, [PurePosixPath(name) for name in listed], place.options)
    check_installed(record)  # nobody shall wait for a download
    return record, tuple(fetch(listed[path.as_posix()], progress=progress) for path in chosen)


@contextmanager
def _explained(record: DataSource, source: str) -> Iterator[Any]:
    """Make one line of an error of a source, which may be any error of any library."""
    try:
        yield
    except GanzooError:
        raise
    except Exception as error:
        raise DataError(f"{source} cannot be read as {record.name} data: {one_line(error)}") from error
