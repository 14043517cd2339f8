"""Which files hold a data set: those of one registered format, of one split and one config. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeVar

from ganzoo.errors import DataError, InvalidRequestError
from ganzoo.interface.data_sources import DataSource
from ganzoo.registry import lookup
from ganzoo.utils.image_folders import HELD_OUT, IMAGE_SUFFIXES, TRAINING
from ganzoo.utils.names import BUILTIN

__all__ = ["choose_files", "find_files", "formats", "is_packed", "record_for"]

FILE_OPTIONS = ("split", "config")
"""The options that choose among several files. The others are those of a format."""

AnyPath = TypeVar("AnyPath", bound=PurePath)


def formats() -> dict[str, DataSource]:
    """The registered formats of files, by the endings of their names."""
    sources = lookup.registry().data_sources
    ours_last = sorted(sources, key=lambda name: sources.owner(name) == BUILTIN)  # those of ganzoo win
    found = {ending: sources[name] for name in ours_last for ending in sources[name].endings}
    return dict(sorted(found.items()))


def record_for(name: str) -> DataSource | None:
    """The format of a file by its name; None if it is no registered format."""
    return next((record for ending, record in formats().items() if name.lower().endswith(ending)), None)


def is_packed(folder: Path) -> bool:
    """Whether a folder holds no picture and no other folder, but files of a registered format, such as shards."""
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        return False
    names = [entry.name for entry in entries]
    pictures = any(PurePath(name).suffix.lower() in IMAGE_SUFFIXES for name in names)
    return not pictures and not any(entry.is_dir() for entry in entries) and any(map(record_for, names))


def find_files(place: str, paths: Sequence[Path], options: Mapping[str, str]) -> tuple[DataSource, tuple[Path, ...]]:
    """The format and the files of data on this machine. Files that are named are taken, whatever their names say.

    Raises:
        DataError: no file belongs to the split, or files belong to several configs.
        InvalidRequestError: the format has no such option, or files are of several formats.
    """
    if len(paths) == 1 and paths[0].is_dir():
        names = [PurePath(path.name) for path in paths[0].iterdir() if path.is_file()]
        record, chosen = choose_files(place, names, options)
        return record, tuple(paths[0] / path for path in chosen)
    records = {found.name: found for path in paths if (found := record_for(path.name)) is not None}
    if len(records) > 1:
        raise InvalidRequestError(f"{place} names files of several formats: {', '.join(records)} - name those of one")
    (record,) = records.values()
    _check_options(place, record, options, record.options)
    return record, tuple(paths)


def choose_files(
    place: str, files: Sequence[AnyPath], options: Mapping[str, str]
) -> tuple[DataSource, tuple[AnyPath, ...]]:
    """The format of a data set, and its files, of all `files` by their relative paths, sorted.

    The format is the first one that any file has, by its ending. The option ``config`` names a folder. The option
    ``split`` names a part of the data; without it, files whose path says that they are for training are taken, or all
    files if no path says such a thing.

    Raises:
        DataError, InvalidRequestError: as `find_files`.
    """
    by_format = ((record, sorted(f for f in files if f.name.lower().endswith(e))) for e, record in formats().items())
    record, found = next(((record, found) for record, found in by_format if found), (None, []))
    if record is None:
        raise DataError(f"{place} has no file that ganzoo reads - it reads {', '.join(formats())} files")
    _check_options(place, record, options, (*record.options, *FILE_OPTIONS))
    if config := options.get("config"):
        found = [path for path in found if config in path.parts[:-1]]
    found = _of_split(found, options.get("split"))
    if not found:
        asked = ", ".join(f"{name}={options[name]}" for name in FILE_OPTIONS if name in options) or "for training"
        raise DataError(f"{place} has no {record.name} files {asked} - choose others with ?split=NAME or ?config=NAME")
    configs = sorted({_config_of(path) for path in found})
    if len(configs) > 1:
        raise DataError(f"{place} has several configs: {', '.join(configs)} - add ?config=NAME")
    return record, tuple(found)


def _check_options(place: str, record: DataSource, options: Mapping[str, str], known: Sequence[str]) -> None:
    if unknown := [name for name in options if name not in known]:
        text = f"{place}: {record.name} data has no option {', '.join(unknown)}"
        remedy = f"its options are {', '.join(known)}" if known else "leave it out"
        raise InvalidRequestError(f"{text} - {remedy}")


def _of_split(files: Sequence[AnyPath], split: str | None) -> list[AnyPath]:
    """The files of a split; without a split, those for training."""
    known = TRAINING | HELD_OUT | ({split} if split else set())
    said = {path: _words(path) & known for path in files}
    if split is None and not any(said.values()):
        return list(files)
    wanted = TRAINING if split is None or split in TRAINING else {split}
    return [path for path in files if said[path] & wanted]


def _words(path: PurePath) -> set[str]:
    text = path.as_posix().lower()
    return {*re.split(r"[^a-z0-9]+", text), *re.split(r"[^a-z]+", text)}  # "train2" is a name, and it says "train"


def _config_of(path: PurePath) -> str:
    """The folder of a file, without the names of splits."""
    parts = [part for part in path.parts[:-1] if part.lower() not in TRAINING | HELD_OUT]
    return PurePosixPath(*parts).as_posix() if parts else "."
