"""The captions of pictures, from files beside them, and as the token ids that a model reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.data.labels import read_beside
from ganzoo.errors import DataError, InvalidRequestError
from ganzoo.interface.configs import TextConfig
from ganzoo.interface.picture_files import FileTree
from ganzoo.interface.words import caption_ids, cut_text, encode_text, split_words, word_ids
from ganzoo.utils.image_folders import METADATA
from ganzoo.utils.json_files import parse_object
from ganzoo.utils.text import printable

__all__ = ["Captions", "read_captions"]

MAX_LINE = 100_000
"""The most bytes of a line."""

FORM = '{"file_name": "0001.png", "text": "a caption"}'
"""A line of the file, for messages."""


@dataclass(frozen=True, eq=False)
class Captions:
    """The captions of N pictures: `texts` has those of each picture, at least one.

    `ids` (M, words) int64 are the token ids of all texts in their order; None before `encoded`.
    """

    texts: tuple[tuple[str, ...], ...]
    ids: Tensor | None = None

    def at(self, rows: Sequence[int]) -> Captions:
        """Those of the pictures with the indices `rows`, not encoded."""
        return Captions(tuple(self.texts[row] for row in rows))

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """All words of all texts, sorted."""
        return tuple(sorted({word for text in self._all() for word in split_words(text)}))

    def digest(self) -> str:
        """The SHA-256 of all texts."""
        return hashlib.sha256(json.dumps(self.texts).encode()).hexdigest()

    def encoded(self, config: TextConfig) -> Captions:
        """The same captions with the token ids that a model reads: the rest of a longer text is left out."""
        return replace(self, ids=torch.tensor([caption_ids(text, config) for text in self._all()]))

    def too_long(self, config: TextConfig) -> int:
        """The number of texts that are longer than a model reads."""
        return sum(len(word_ids(split_words(text), config)) > config.words for text in self._all())

    def examples(self, count: int, config: TextConfig) -> tuple[str, ...]:
        """At most `count` different texts from all parts of the data, which a model can read as a whole.

        A text that a user could not ask for, because it is longer or holds emoji, is reduced to its words.
        """
        firsts = [texts[0] for texts in self.texts]
        step = max(1, len(firsts) // count)
        found: dict[str, None] = {}
        for text in dict.fromkeys([*firsts[::step], *firsts]):
            found[_readable(text, config)] = None
            if len(found) == count:
                break
        return tuple(found)

    def tokens(self, rows: Tensor, epochs: Tensor) -> Tensor:
        """(n, words) int64, one caption of each of the pictures `rows` (n,) in the epochs `epochs` (n,).

        The captions of a picture come in turn, one in each epoch.
        """
        if self.ids is None:
            raise DataError("captions are encoded before batches are made of them")
        return self.ids[self._first[rows] + (rows + epochs) % self._counts[rows]]

    @cached_property
    def _counts(self) -> Tensor:
        return torch.tensor([len(texts) for texts in self.texts])

    @cached_property
    def _first(self) -> Tensor:
        """The index of each picture's first text."""
        return self._counts.cumsum(0) - self._counts

    def _all(self) -> Iterator[str]:
        return (text for texts in self.texts for text in texts)


def read_captions(tree: FileTree, pictures: Sequence[Path], *, name: str) -> Captions | None:
    """The captions of `pictures` in a folder or an archive; None if there are none.

    They are in a file ``metadata.jsonl`` beside them or above. Each line of it names a picture, `file_name`, relative
    to the file, and its `text`, a text or a list of them. Several lines may name the same picture. Other entries are
    not read. Without such a file, ``0001.txt`` may hold the caption of ``0001.png``, as in the shards of WebDataset.

    Raises:
        DataError: a line is damaged or names no picture, or a picture has no caption. The message names the line.
    """
    folders = {parent for picture in pictures for parent in picture.parents if parent.is_relative_to(tree.root)}
    files = sorted(file for each in folders if tree.is_file(file := each / METADATA))
    texts = _listed(tree, pictures, files) if files else _beside(tree, pictures)
    missing = [picture for picture, each in zip(pictures, texts, strict=True) if not each]
    if len(missing) == len(pictures) and not files:
        return None
    if missing:
        place, remedy = (files[0], f"add a line {FORM}") if files else ("a .txt file of its name", "add it")
        more = f", and {len(missing) - 1} more have none" if len(missing) > 1 else ""
        raise DataError(f"{missing[0]} has no caption in {place}{more} - {remedy}, or remove the picture")
    return Captions(tuple(texts))


def _listed(tree: FileTree, pictures: Sequence[Path], files: Iterable[Path]) -> list[tuple[str, ...]]:
    """The captions of each picture in the files ``metadata.jsonl``."""
    found: dict[Path, list[str]] = {}
    for file in files:
        for picture, texts in _read_file(tree, file):
            found.setdefault(picture, []).extend(texts)
    return [tuple(found.get(picture, ())) for picture in pictures]


def _beside(tree: FileTree, pictures: Sequence[Path]) -> list[tuple[str, ...]]:
    """The caption of each picture in a file beside it."""
    listing = tree.listing()
    texts = dict(zip(listing.images, read_beside(tree, listing, ".txt"), strict=False))
    return [(text,) if split_words(text := texts.get(picture, "")) else () for picture in pictures]


def _read_file(tree: FileTree, path: Path) -> Iterator[tuple[Path, list[str]]]:
    """The picture and the texts of each line."""
    for number, line in enumerate(_lines(tree, path), start=1):
        if line.strip():
            try:
                yield _read_line(tree, path, line)
            except ValueError as error:
                raise DataError(f"{path}, line {number}: {_problem(error)} - write {FORM}") from error


def _lines(tree: FileTree, path: Path) -> Iterator[bytes]:
    """The lines of a file of any size. One that is too long ends after so many bytes: who reads it refuses it."""
    try:
        with tree.open(path) as file:
            yield from iter(lambda: file.readline(MAX_LINE + 1), b"")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _read_line(tree: FileTree, path: Path, line: bytes) -> tuple[Path, list[str]]:
    if len(line) > MAX_LINE:
        raise ValueError(f"it has more than {MAX_LINE:,} bytes")
    entries = parse_object(line)
    return _picture_of(tree, path, entries), list(_texts_of(entries))


def _problem(error: ValueError) -> str:
    """What is wrong with a line. The decoder counts lines too, but it has seen one only."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return str(error)


def _picture_of(tree: FileTree, path: Path, entries: Mapping[str, Any]) -> Path:
    name = entries.get("file_name")
    if not isinstance(name, str) or not name:
        raise ValueError("it has no file_name")
    picture = path.parent / name
    if not tree.is_file(picture):
        raise ValueError(f"there is no picture {printable(name)}")
    return picture


def _texts_of(entries: Mapping[str, Any]) -> Iterable[str]:
    found = entries.get("text")
    texts: list[Any] = found if isinstance(found, list) else [found]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("it has no text")
    if not all(map(split_words, texts)):
        raise ValueError("its text has no word")
    return texts


def _readable(text: str, config: TextConfig) -> str:
    """The text, or its first words if a request of it would be refused."""
    try:
        encode_text(text, config)
    except InvalidRequestError:
        return cut_text(text, config)
    return text
