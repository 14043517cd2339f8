"""Pictures in a column of Parquet files, as most data sets of the Hub have them."""

from __future__ import annotations

import io
import json
import os
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as arrow
from pyarrow import parquet

from ganzoo import DataError, DataRequest, PictureFiles, PictureSet, UnreadableImage

__all__ = ["open_tables"]

TEXT_COLUMNS = ("text", "caption", "captions")
"""The usual names of the column with captions."""


def open_tables(request: DataRequest) -> PictureSet:
    """The pictures in the rows of Parquet files, with their classes and captions.

    The columns are those that the user names, or else the only one with pictures, the only one with classes, and one of
    `TEXT_COLUMNS`.

    Raises:
        DataError: a file is damaged, or a column is missing or could be one of several.
    """
    tables = _Tables(request)
    paths = tuple(file / f"{row:06d}" for file in request.files for row in range(tables.rows[file]))
    files = _Rows(tables.column("image", tables.is_pictures, needed=True), request.files)
    labels, classes, kept = _classes(tables, request)
    captions = _captions(tables) if request.needs_text else None
    if len(kept) == len(paths):
        return PictureSet(paths=paths, files=files, labels=labels, classes=classes, captions=captions)
    note = f"{len(paths) - len(kept)} without a label left out, the first: {paths[_first_gap(kept)]}"
    return PictureSet(
        paths=tuple(paths[row] for row in kept), files=files, labels=labels, classes=classes, notes=(note,)
    )


class _Tables:
    """What the files say of their columns. `rows` is the number of rows of each file."""

    def __init__(self, request: DataRequest) -> None:
        self.request = request
        opened = {file: parquet.ParquetFile(file) for file in request.files}
        self.rows = {file: each.metadata.num_rows for file, each in opened.items()}
        self.schema = next(iter(opened.values())).schema_arrow
        stated = (self.schema.metadata or {}).get(b"huggingface", b"{}")
        self.features: Mapping[str, Any] = json.loads(stated).get("info", {}).get("features", {})

    def column(self, kind: str, fits: Callable[[str], bool], *, needed: bool) -> str:
        """The column that the user names for this purpose, or the only one that fits; empty if there is none.

        Raises:
            DataError: there is no such column; or it is `needed`, and not exactly one fits.
        """
        asked, known = self.request.options.get(kind), list(self.schema.names)
        if asked is not None and asked not in known:
            raise DataError(f"{self.request.name} has no column {asked} - its columns are {', '.join(known)}")
        found = [asked] if asked else [name for name in known if fits(name)]
        if kind in found:
            found = [kind]
        if len(found) != 1 and needed:
            which = f"several columns that may be it: {', '.join(found)}" if found else "no such column"
            text = f"{self.request.name} has {which}, of {', '.join(known)}"
            raise DataError(f"the {kind} column is not clear: {text} - name one with --{kind}-column")
        return found[0] if len(found) == 1 else ""

    def is_pictures(self, name: str) -> bool:
        """Whether the column holds picture files: their bytes, or their bytes and path as the Hub has them."""
        kind = self.schema.field(name).type
        if arrow.types.is_struct(kind):
            return bool(kind.get_field_index("bytes") >= 0)
        return bool(arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind))

    def is_classes(self, name: str) -> bool:
        """Whether the column holds classes whose names the file states."""
        return bool(self.names_of(name))

    def names_of(self, name: str) -> tuple[str, ...]:
        """The names of the classes of a column; empty if the file does not state them."""
        feature = self.features.get(name, {})
        return tuple(feature.get("names") or ()) if isinstance(feature, dict) else ()

    def values(self, name: str) -> list[Any]:
        """All values of a column."""
        return [
            value
            for file in self.request.files
            for value in parquet.read_table(file, columns=[name]).column(0).to_pylist()
        ]


def _classes(tables: _Tables, request: DataRequest) -> tuple[tuple[int, ...] | None, tuple[str, ...], Sequence[int]]:
    """The labels, the names of their classes, and the rows that are kept: those with a label, if labels are needed."""
    every = range(sum(tables.rows.values()))
    if request.needs_text:
        return None, (), every
    several = sum(map(tables.is_classes, tables.schema.names)) > 1
    column = tables.column("label", tables.is_classes, needed=request.needs_labels and several)
    if not column:
        return None, (), every
    values, names = tables.values(column), tables.names_of(column)
    if names:
        numbers = {number: number for number in range(len(names))}
    else:
        found = sorted({value for value in values if value is not None})
        names, numbers = tuple(map(str, found)), {value: number for number, value in enumerate(found)}
    kept = [row for row, value in enumerate(values) if value in numbers]
    if len(kept) < len(values) and not request.needs_labels:
        return None, (), every
    return tuple(numbers[values[row]] for row in kept), names, kept


def _captions(tables: _Tables) -> tuple[tuple[str, ...], ...] | None:
    """The captions of each row: a text, or a list of texts.

    Raises:
        DataError: a row has none.
    """
    column = tables.column("text", lambda name: name in TEXT_COLUMNS, needed=False)
    if not column:
        return None
    values = (value if isinstance(value, list) else [value] for value in tables.values(column))
    texts = [tuple(text for text in each if isinstance(text, str) and text.strip()) for each in values]
    if () in texts:
        text = f"row {texts.index(()):,} of {tables.request.name} has no caption in the column {column}"
        raise DataError(f"{text} - give it one, or leave the row out")
    return tuple(texts)


def _first_gap(kept: Sequence[int]) -> int:
    """The first row that is not in `kept`, which is sorted."""
    return next((row for row, each in enumerate(kept) if row != each), len(kept))


class _Rows(PictureFiles):
    """Opens the picture in a row, ``train.parquet/000042``. Rows are read in groups, and the last group is kept."""

    def __init__(self, column: str, files: Sequence[Path]) -> None:
        self.column, self.files = column, files
        self._process, self._opened, self._group = 0, dict[Path, tuple[Any, list[int]]](), (Path(), -1, list[Any]())

    def __getstate__(self) -> dict[str, Any]:
        return {"column": self.column, "files": self.files, "_process": 0}

    def open(self, path: Path) -> BinaryIO:
        file, row = path.parent, int(path.name)
        try:
            value = self._value(file, row)
        except (OSError, arrow.ArrowException) as error:
            raise UnreadableImage(f"{path} cannot be read: {str(error).splitlines()[0][:300]}") from error
        content = value.get("bytes") if isinstance(value, dict) else value
        if not content:
            raise UnreadableImage(f"{path} holds no picture, only its name" if value else f"{path} holds no picture")
        return io.BytesIO(content)

    def size(self, path: Path) -> int:
        """The size of the whole file: it differs if a picture in it does."""
        return path.parent.stat().st_size

    def _value(self, file: Path, row: int) -> Any:
        if self._process != os.getpid():  # a forked process opens the files anew
            self._process, self._opened, self._group = os.getpid(), {}, (Path(), -1, [])
        if file not in self._opened:
            opened = parquet.ParquetFile(file)
            sizes = (opened.metadata.row_group(number).num_rows for number in range(opened.num_row_groups))
            self._opened[file] = (opened, list(accumulate(sizes)))
        opened, ends = self._opened[file]
        group = bisect_right(ends, row)
        if self._group[:2] != (file, group):
            values = opened.read_row_group(group, columns=[self.column], use_threads=False).column(0)
            self._group = (file, group, values)
        return self._group[2][row - (ends[group - 1] if group else 0)].as_py()
