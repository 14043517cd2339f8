"""Find the pictures of a folder: one rule for training, evaluation and translation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

__all__ = [
    "HELD_OUT",
    "IMAGE_SUFFIXES",
    "LABEL_FILES",
    "METADATA",
    "TRAINING",
    "FolderListing",
    "find_images",
    "is_hidden",
    "key_of",
    "list_folder",
    "sort_files",
]

_JPEG = {".jfif", ".jpe", ".jpeg", ".jpg"}

IMAGE_SUFFIXES = frozenset(
    {*_JPEG, ".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".png", ".tif", ".tiff", ".webp"}
)
"""The endings of the names of image files."""

_RAW = {".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf"}
_NET = {".pbm", ".pgm", ".pnm", ".ppm"}

UNREAD_SUFFIXES = frozenset(
    {*_RAW, *_NET, ".eps", ".exr", ".hdr", ".ico", ".jp2", ".jxl", ".psd", ".svg", ".tga", ".xcf"}
)
"""The endings of pictures in formats that ganzoo does not read. They are listed, so that users learn why."""

METADATA = "metadata.jsonl"
"""The file that describes the pictures beside it, in the Hub's convention for folders of pictures."""

LABEL_FILES = ("dataset.json", "labels.csv", "metadata.csv")
"""The files that may hold the classes of the pictures beside them and below, the first one that does."""

BESIDE = frozenset({".cls", ".txt"})
"""The endings of files that hold the class and the caption of the picture of the same name, as WebDataset has them."""

SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"})
"""Folders that archive tools, network storage and operating systems make. They hold copies and thumbnails."""

TRAINING = frozenset({"train", "training"})
HELD_OUT = frozenset({"dev", "test", "testing", "val", "valid", "validation"})
"""The usual names of folders, and of parts of data sets, with training images, and with images that are held out."""

_SHOWN = 5


class FolderListing(NamedTuple):
    """What a folder and its subfolders hold, each sorted by path.

    `images` are files with the ending of a picture, of any format. `hidden` are such files that are left out, because
    they or a folder above them are hidden. `beside` are files with an ending of `BESIDE` and the name of a picture.
    `others` are all other files that are not hidden, except `METADATA` and `LABEL_FILES`. `closed` are folders that may
    not be read.
    """

    images: tuple[Path, ...]
    hidden: tuple[Path, ...]
    beside: tuple[Path, ...]
    others: tuple[Path, ...]
    closed: tuple[Path, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of `images`, as sentences for users."""
        notes = [f"{folder} may not be read: its pictures are left out" for folder in self.closed]
        if self.hidden:
            text = "hidden pictures of other programs were left out"
            notes.append(f"{len(self.hidden)} {text}, the first: {self.hidden[0]}")
        if self.others:
            endings = ", ".join(sorted({path.suffix.lower() or "no ending" for path in self.others})[:_SHOWN])
            notes.append(f"{len(self.others)} left out, because they are no pictures ({endings}): {self.others[0]}")
        return tuple(notes)


def list_folder(folder: Path) -> FolderListing:
    """List the files of a folder and its subfolders. Links to folders are followed; only names are looked at.

    Hidden are `SYSTEM_FOLDERS` and all names that begin with a dot, such as ``.thumbnails``, ``.ipynb_checkpoints``,
    and ``._a.png`` and ``.x.a.png``, which macOS and interrupted programs leave. `folder` itself may be hidden.
    """
    closed: list[Path] = []
    found = [path for path in sorted(_walk(folder, (), closed)) if _is_picture(path) or not path.is_dir()]
    return sort_files(found, lambda path: path.relative_to(folder))._replace(closed=tuple(sorted(closed)))


def sort_files(files: Sequence[Path], inside: Callable[[Path], PurePath]) -> FolderListing:
    """Sort out the files of a folder or an archive. `inside` gives a path in it, which may be hidden."""
    images = [path for path in files if _is_picture(path)]
    hidden = {path for path in images if is_hidden(inside(path))}
    shown = tuple(path for path in images if path not in hidden)
    rest = [path for path in files if not _is_picture(path) and path.name not in (METADATA, *LABEL_FILES)]
    keys = {key_of(path) for path in shown} if any(path.suffix.lower() in BESIDE for path in rest) else set()
    beside = {path for path in rest if path.suffix.lower() in BESIDE and key_of(path) in keys}
    others = tuple(path for path in rest if path not in beside and not is_hidden(inside(path)))
    return FolderListing(shown, tuple(path for path in images if path in hidden), tuple(sorted(beside)), others, ())


def key_of(path: Path) -> Path:
    """The path up to the first dot of its name, which a picture and the files beside it have in common."""
    return path.with_name(path.name.partition(".")[0] or path.name)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES | UNREAD_SUFFIXES


def find_images(folder: Path) -> list[Path]:
    """The image files of a folder and its subfolders, sorted by path. Only names are looked at."""
    return list(list_folder(folder).images)


def is_hidden(path: PurePath) -> bool:
    """Whether a part of the relative `path` is hidden, or a folder of the operating system."""
    return any(part.startswith(".") or part in SYSTEM_FOLDERS for part in path.parts)


def _walk(folder: Path, above: tuple[tuple[int, int], ...], closed: list[Path]) -> Iterator[Path]:
    """Yield all entries below `folder`. `above` are the folders that lead to it: a link to one of them ends there."""
    try:
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        entries = list(os.scandir(folder))
    except OSError:
        closed.append(folder)
        return
    for entry in entries:
        yield folder / entry.name
        if _is_folder(entry):
            yield from _walk(folder / entry.name, (*above, identity), closed)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
