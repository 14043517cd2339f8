"""Pictures that are read when they are needed: by their index, in this process or in workers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganzoo.data.captions import Captions
from ganzoo.data.datasets import Chunks
from ganzoo.data.workers import Read, read_ahead
from ganzoo.errors import DataError, UnreadableImage
from ganzoo.images.files import Picture, read_image
from ganzoo.images.tensors import DEPTHS
from ganzoo.interface.picture_files import DISK, PictureFiles

__all__ = ["IndexedPictures", "PictureData"]

Shape = tuple[int, int, int]


@dataclass(eq=False)
class PictureData:
    """Pictures that are read when they are needed. The next readable picture replaces an unreadable one.

    `files` opens the `paths`. `layout_notes` say which pictures are not used. `skipped` collects the problem of each
    unreadable picture, and `changed` what was changed in others. `listed` says that the paths do not tell the labels.
    `depth` is the number of bits of each channel.
    """

    name: str
    paths: tuple[Path, ...]
    shape: Shape
    files: PictureFiles = DISK
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    layout_notes: tuple[str, ...] = ()
    skipped: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    captions: Captions | None = None
    listed: bool = False
    depth: int = 8

    def __len__(self) -> int:
        return len(self.paths)

    def with_captions(self, captions: Captions, *notes: str) -> Self:
        """The same pictures with other captions, and more `notes`."""
        return replace(self, captions=captions, layout_notes=(*self.layout_notes, *notes))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the layout, that the pictures are not in memory, and on those changed or skipped so far."""
        streamed = "the pictures are read as they are needed: too many to keep in memory"
        changed = (f"some {change}" for change in sorted(self.changed))
        skipped = (f"{len(self.skipped)} skipped, the first: {min(self.skipped)}",) if self.skipped else ()
        return (*self.layout_notes, streamed, *changed, *skipped)

    @property
    def all_paths(self) -> tuple[Path, ...]:
        """The paths of all files that are read."""
        return self.paths

    def reader(self) -> Callable[[int], Picture]:
        """A function that reads the picture with an index. Worker processes get it."""
        return partial(_read_picture, self.files, self.paths, self.shape, self.depth)

    def at(self, rows: Sequence[int]) -> PictureData:
        """The pictures with the indices `rows`."""
        labels = None if self.labels is None else self.labels[list(rows)]
        captions = None if self.captions is None else self.captions.at(rows)
        paths = tuple(self.paths[row] for row in rows)
        return replace(self, paths=paths, labels=labels, captions=captions, skipped=set(), changed=set())

    def digest(self) -> str:
        """The SHA-256 of file sizes, paths from their common folder on, captions, and labels that paths do not tell.

        It reads no pixels.
        """
        root = os.path.commonpath([path.parent for path in self.all_paths])
        sizes = ((path.relative_to(root).as_posix(), self.files.size(path)) for path in self.all_paths)
        listing = "".join(f"{name}\0{size}\n" for name, size in sizes)
        listing += "" if self.captions is None else self.captions.digest()
        listing += repr(self.labels.tolist()) if self.listed and self.labels is not None else ""
        return hashlib.sha256(os.fsencode(listing)).hexdigest()

    def content_digest(self) -> str:
        """The SHA-256 of the shape of images and of all files. It reads all of them."""
        digest = hashlib.sha256(repr(self.shape).encode())
        for path in self.all_paths:
            try:
                with self.files.open(path) as file:
                    digest.update(hashlib.sha256(file.read()).hexdigest().encode())
            except (OSError, UnreadableImage):
                digest.update(b"absent")
        return digest.hexdigest()

    def stream(self, chunks: Chunks, *, workers: int = 0) -> Iterator[dict[str, Tensor]]:
        """Yield the images of each chunk of indices. `workers` processes read ahead.

        Raises:
            DataError: no picture can be read, or a worker process died.
        """
        for reads, images in read_ahead(IndexedPictures(self, replace=True), chunks, workers):
            yield self._batch(reads, images)

    def _batch(self, reads: Sequence[Read], images: Tensor) -> dict[str, Tensor]:
        self.skipped.update(problem for read in reads for problem in read.problems)
        self.changed.update(change for read in reads for change in read.changes)
        numbers = [read.number for read in reads if read.number is not None]
        if len(numbers) < len(reads):
            raise DataError(f"{self.name} holds no readable image - the first problem: {min(self.skipped)}")
        labels = {} if self.labels is None else {"label": self.labels[numbers]}
        rows = {} if self.captions is None else {"row": torch.tensor(numbers)}
        return {"image": images, **labels, **rows}


class IndexedPictures(Dataset[tuple[Read, Tensor]]):
    """Reads pictures by index, in the worker processes. With `replace`, the next readable picture replaces an
    unreadable one; an image that is missing is black.
    """

    def __init__(self, files: PictureData, *, replace: bool = False) -> None:
        self.count, self.read, self.replace = len(files), files.reader(), replace
        self.missing = torch.zeros(files.shape, dtype=DEPTHS[files.depth])

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Read, Tensor]:
        problems: list[str] = []
        for candidate in range(index, index + (len(self) if self.replace else 1)):
            number = candidate % len(self)
            try:
                image, changes = self.read(number)
                return Read(number, changes, tuple(problems)), image
            except UnreadableImage as error:
                problems.append(str(error))
        return Read(None, problems=tuple(problems)), self.missing


def _read_picture(files: PictureFiles, paths: Sequence[Path], shape: Shape, depth: int, number: int) -> Picture:
    return read_image(paths[number], channels=shape[0], size=shape[1:], depth=depth, files=files)
