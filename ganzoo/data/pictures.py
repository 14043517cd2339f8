"""The pictures that a command is given: picture files, a folder, an archive, or a data set of the Hub."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ganzoo.data.packed import is_packed, record_for
from ganzoo.data.sources import check_source, expand_paths, is_packed_data
from ganzoo.errors import InvalidRequestError
from ganzoo.interface.data_sources import PictureSet
from ganzoo.interface.picture_files import FileTree, PictureList
from ganzoo.utils.image_folders import IMAGE_SUFFIXES
from ganzoo.utils.names import suggest
from ganzoo.utils.progress import Progress, silent

__all__ = ["open_pictures"]


def open_pictures(named: Sequence[str], *, names: Iterable[str] = (), progress: Progress = silent) -> FileTree:
    """The pictures of several files, or of one folder, one archive or one data set on the Hub. None is decoded.

    A pattern such as ``photos/*.png`` is expanded, if no shell has done so. What is neither a folder nor of a
    registered format counts as a picture. `names` are other texts that the user may have meant. Torch is imported for
    archives and data sets only.

    Raises:
        InvalidRequestError: there is no such file, or no picture; or a folder or an archive is not the only one.
        DataError: an archive cannot be read.
    """
    found = _open(named, names, progress)
    if not found.listing().images:
        raise InvalidRequestError(f"{named[0]} holds no picture - looked for {', '.join(sorted(IMAGE_SUFFIXES))}")
    return found


def _open(named: Sequence[str], names: Iterable[str], progress: Progress) -> FileTree:
    if len(named) == 1 and is_packed_data(named[0]):
        return _open_packed(named[0], progress)
    paths = tuple(dict.fromkeys(path for text in named for path in _existing(text, names)))
    others = [path for path in paths if path.is_dir() or record_for(path.name)]
    if not others:
        return PictureList(paths)
    if len(paths) > 1:
        raise InvalidRequestError(f"{others[0]} is no picture - name pictures, or a single folder or archive")
    return _open_packed(named[0], progress) if is_packed(others[0]) else FileTree(others[0])


def _existing(text: str, names: Iterable[str]) -> tuple[Path, ...]:
    """The files that the text means.

    Raises:
        InvalidRequestError: there are none, or one is missing.
    """
    paths = expand_paths(text) if text else ()
    missing = [str(path) for path in paths if not os.path.exists(path)] if paths else [text]
    if missing:
        close = suggest(missing[0], names) if names else " - check the path that --input names"
        raise InvalidRequestError(f"there is no file or folder {missing[0] or repr('')}{close}")
    return paths


def _open_packed(source: str, progress: Progress) -> FileTree:
    """An archive, a folder of archives, or a data set of the Hub.

    Raises:
        InvalidRequestError: its pictures are no files.
    """
    check_source(source)
    from ganzoo.data.opening import open_data

    opened = open_data(source, progress=progress)
    if isinstance(opened, PictureSet):
        opened = PictureList(opened.paths, opened.files)
    if not isinstance(opened, FileTree):
        raise InvalidRequestError(f"{source} holds arrays, not picture files - name pictures, a folder or an archive")
    return opened
