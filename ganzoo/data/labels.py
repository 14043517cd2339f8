"""The classes of pictures from files beside them: one for all of them, such as ``dataset.json``, or one for each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.errors import DataError, one_line
from ganzoo.interface.picture_files import FileTree
from ganzoo.utils.image_folders import LABEL_FILES, FolderListing, key_of
from ganzoo.utils.json_files import read_object
from ganzoo.utils.text import printable

__all__ = ["Labels", "read_beside", "read_labels"]

FILE_COLUMNS = ("file_name", "filename", "file", "image")
LABEL_COLUMNS = ("label", "class")

OPTIONAL = "metadata.csv"
"""The table that may have columns for other things than labels."""

MAX_JSON = 500_000_000
"""The most bytes of ``dataset.json``. That of ImageNet has 50 million."""

MAX_TEXT = 100_000
"""The most bytes that are read of a file beside a picture."""


class Labels(NamedTuple):
    """The label of each picture as a text, empty if it has none, in the order of the pictures.

    `file` is where they were read, as messages name it. `notes` say how many names in it have no picture.
    """

    file: str
    names: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def numbered(self) -> bool:
        """Whether all labels are numbers."""
        return all(name.isascii() and name.isdecimal() and len(name) < 19 for name in self.names if name)


def read_labels(tree: FileTree, listing: FolderListing) -> Labels | None:
    """The labels of the pictures of a folder or an archive; None if no file in it has labels.

    ``dataset.json`` is as NVIDIA's tools write it: ``{"labels": [["00000/img00000000.png", 6], ...]}``. If its labels
    are null, no picture has one. The others are tables with a column for the file, such as ``file_name``, and one for
    the ``label``; names are relative to the file. A ``metadata.csv`` without a column for the label is not used.
    Without such a file, ``0001.cls`` may hold the label of ``0001.png``, as in the shards of WebDataset.

    Raises:
        DataError: the file is damaged, names a picture twice with two labels, or names no picture at all.
    """
    for name in LABEL_FILES:
        if tree.is_file(file := tree.root / name):
            try:
                pairs = _from_json(tree, file) if name.endswith(".json") else _from_table(tree, file)
                if pairs is not None:
                    return _match(file, pairs, [tree.inside(picture).as_posix() for picture in listing.images])
            except (OSError, ValueError, csv.Error) as error:
                problem = getattr(error, "strerror", None) or str(error) or one_line(error)
                raise DataError(f"{file} cannot be used: {problem} - correct it, or move it away") from error
    labels = read_beside(tree, listing, ".cls")
    return Labels("a .cls file", labels, ()) if any(labels) else None


def read_beside(tree: FileTree, listing: FolderListing, ending: str) -> tuple[str, ...]:
    """The text of the file beside each picture with that ending, such as ``.cls``; empty if there is none.

    Raises:
        DataError: a file cannot be read, or is no UTF-8.
    """
    files = {key_of(path): path for path in listing.beside if path.suffix.lower() == ending}
    found = (files.get(key_of(path)) for path in listing.images) if files else ()
    return tuple("" if path is None else _read_text(tree, path) for path in found)


def _read_text(tree: FileTree, path: Path) -> str:
    try:
        with tree.open(path) as file:
            return file.read(MAX_TEXT).decode("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataError(f"{path} cannot be used: {problem} - correct it, or move it away") from error


def _match(file: Path, pairs: Iterable[tuple[str, str]], pictures: Sequence[str]) -> Labels:
    """The labels of `pictures`, which are paths relative to the folder of `file`."""
    found: dict[str, str] = {}
    for name, label in pairs:
        if found.setdefault(name, label) != label:
            raise ValueError(f"{printable(name)} has the labels {printable(found[name])} and {printable(label)}")
    unused = sorted(found.keys() - set(pictures))
    if found and len(unused) == len(found):
        raise ValueError(f"none of its names is a picture here, for instance {printable(unused[0])}")
    notes = [f"{len(unused)} names in {file} have no picture, the first: {printable(unused[0])}"] if unused else []
    return Labels(str(file), tuple(found.get(name, "") for name in pictures), tuple(notes))


def _from_json(tree: FileTree, file: Path) -> Iterator[tuple[str, str]] | None:
    """The names and labels of NVIDIA's ``dataset.json``; no pairs if its labels are null, and None without labels."""
    content = read_object(file, limit=MAX_JSON, open_file=tree.open)
    if "labels" not in content:
        return None
    entries = content["labels"] or []
    if not isinstance(entries, list):
        raise ValueError('it has no list of labels - write {"labels": [["0001.png", 6], ...]}')
    return map(_entry, entries)


def _entry(entry: Any) -> tuple[str, str]:
    if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
        raise ValueError(f'{printable(str(entry)[:80])} is no pair such as ["0001.png", 6]')
    name, label = entry
    if type(label) not in (int, str):
        raise ValueError(f"the label of {printable(name)} is {printable(str(label)[:80])}, and not a number or a name")
    return name, str(label)


def _from_table(tree: FileTree, file: Path) -> Iterator[tuple[str, str]] | None:
    """The names and labels of a table; None if it is no table of labels, but one with other columns."""
    with tree.open(file) as opened:
        rows = csv.reader(io.StringIO(opened.read().decode("utf-8-sig"), newline=""))
    header = [cell.strip().lower() for cell in next(rows, [])]
    files, labels = (
        [header.index(name) for name in names if name in header] for names in (FILE_COLUMNS, LABEL_COLUMNS)
    )
    if files and labels:
        return _cells(rows, files[0], labels[0])
    if file.name == OPTIONAL:
        return None
    raise ValueError("its first line does not name the columns file_name and label")


def _cells(rows: Iterable[Sequence[str]], file: int, label: int) -> Iterator[tuple[str, str]]:
    """The name and the label in each row that is not empty."""
    for number, row in enumerate(rows, start=2):
        if row:
            if len(row) <= max(file, label) or not row[file].strip():
                raise ValueError(f"line {number} has no file or no label")
            yield row[file].strip(), row[label].strip()
