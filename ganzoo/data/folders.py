"""Pictures in folders and archives: kept in memory if they fit, otherwise read ahead of their use."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganzoo.data.captions import Captions, read_captions
from ganzoo.data.datasets import Chunks, Data, ImageData
from ganzoo.data.layout import find_layout, limit_notes, spread
from ganzoo.data.workers import Read, read_ahead
from ganzoo.errors import DataError, UnreadableImage
from ganzoo.images.files import Picture, read_image
from ganzoo.images.tensors import DEPTHS
from ganzoo.interface.data_sources import PictureSet
from ganzoo.interface.picture_files import DISK, FileTree, PictureFiles
from ganzoo.utils.progress import Progress

__all__ = ["PictureData", "load_files", "load_set", "load_tree"]

MEMORY_BYTES = 2**31
"""Pictures of up to this size are kept in memory: 174,762 RGB pictures of 64x64, more than CelebA's 162,770."""

WORTH_WORKERS = 1000
"""Starting worker processes takes longer than reading fewer pictures than this."""

READING = "reading pictures"
"""The name of the work, for `Progress`."""

Shape = tuple[int, int, int]


def load_tree(
    tree: FileTree,
    shape: Shape,
    limit: int | None,
    workers: int,
    progress: Progress,
    *,
    name: str = "",
    needs_labels: bool = False,
    needs_text: bool = False,
    depth: int = 8,
) -> Data:
    """Load the pictures of a folder with its subfolders, or of an archive, in the order of their paths.

    They get `depth` bits, 8 or 16.

    `find_layout` decides which pictures are used, which folders are classes, and what `needs_labels` does. With
    `needs_text`, `read_captions` reads their captions, and folders are no classes.

    Raises:
        DataError: it contains no readable picture, or its captions are damaged.
    """
    name = name or str(tree.root)
    paths, labels, classes, notes, listed = find_layout(tree, needs_labels=needs_labels)
    files = PictureData(name, paths, shape, tree, layout_notes=notes, depth=depth)
    if needs_text:
        files = replace(files, captions=read_captions(tree, paths, name=name))
    elif labels is not None:
        files = replace(files, labels=torch.tensor(labels), classes=classes, listed=listed)
    return load_files(files, limit, workers, progress)


def load_set(
    pictures: PictureSet,
    shape: Shape,
    limit: int | None,
    workers: int,
    progress: Progress,
    *,
    name: str,
    depth: int = 8,
) -> Data:
    """Load pictures whose classes and captions are known, with `depth` bits.

    Raises:
        DataError: no picture can be read, or the captions have too many words.
    """
    captions = None if pictures.captions is None else Captions(tuple(pictures.captions))
    labels = None if pictures.labels is None else torch.tensor(pictures.labels)
    files = PictureData(
        name, pictures.paths, shape, pictures.files, labels, pictures.classes, pictures.notes, captions=captions
    )
    return load_files(replace(files, listed=True, depth=depth), limit, workers, progress)


def load_files(files: PictureData, limit: int | None, workers: int, progress: Progress) -> Data:
    """Load pictures into memory, or prepare to read them when they are needed.

    Raises:
        DataError: no picture can be read.
    """
    wanted = min(len(files), limit or len(files))
    if wanted * math.prod(files.shape) * files.depth // 8 <= MEMORY_BYTES:
        return _into_memory(files, limit, workers, progress)
    files = _without_unreadable_classes(files)
    files = files.at(sorted(_order(files, limit)[:wanted]))
    files.layout_notes += limit_notes(limit, files.labels, files.classes)
    next(files.stream(iter([[0]])))  # if no picture can be read, fail before training starts
    return files


def _order(files: PictureData, limit: int | None) -> Sequence[int]:
    """The indices of the pictures, in the order in which they are taken until there are `limit`."""
    if limit is None or files.labels is None:
        return range(len(files))
    return spread(files.labels.tolist())


def _into_memory(files: PictureData, limit: int | None, workers: int, progress: Progress) -> ImageData:
    wanted = min(len(files), limit or len(files))
    images = torch.empty(wanted, *files.shape, dtype=DEPTHS[files.depth])
    rows = images.numpy()  # PyTorch would start its threads to copy a single picture
    kept: list[int] = []
    failed: list[int] = []
    skipped: list[str] = []
    changes: Counter[str] = Counter()
    order = _order(files, limit)
    for index, (read, image) in zip(order, _read_all(files, order, workers if wanted >= WORTH_WORKERS else 0)):  # noqa: B905 - zip would read on
        if read.number is None:
            failed.append(index)
            skipped += read.problems
        else:
            rows[len(kept)] = image.numpy()
            kept.append(index)
            changes.update(read.changes)
        progress(READING, len(kept), min(wanted, len(files) - len(failed)))
        if len(kept) == wanted:
            break
    if not kept:
        raise DataError(f"{files.name} holds no readable image - the first problem: {skipped[0]}")
    if kept != sorted(kept):  # a limit takes one of each class in turn
        images = images[torch.tensor(kept).argsort()]
        kept.sort()
    notes = [f"{len(skipped)} skipped, the first: {min(skipped)}"] if skipped else []
    notes += [f"{count} {change}" for change, count in changes.items()]
    files = _without_classes(files, _unreadable_classes(files, failed), kept)
    notes += [*files.layout_notes, *limit_notes(limit, files.labels, files.classes)]
    return ImageData(files.name, images[: len(kept)], files.labels, files.classes, tuple(notes), files.captions)


def _unreadable_classes(files: PictureData, failed: Sequence[int]) -> set[int]:
    """The classes all of whose pictures are in `failed`, the indices of those that cannot be read."""
    if files.labels is None:
        return set()
    counts, failures = Counter(files.labels.tolist()), Counter(files.labels[list(failed)].tolist())
    return {label for label, count in failures.items() if count == counts[label]}


def _without_unreadable_classes(files: PictureData) -> PictureData:
    """Leave out the classes without any picture that can be read. It reads pictures until one of each class is read."""
    if files.labels is None:
        return files
    pictures, failed = _Pictures(files), list[int]()
    for label in range(len(files.classes)):
        for index in (files.labels == label).nonzero().flatten().tolist():
            if pictures[index][0].number is not None:
                break
            failed.append(index)
    unreadable = _unreadable_classes(files, failed)
    rows = [index for index, label in enumerate(files.labels.tolist()) if label not in unreadable]
    if not rows:
        return files
    return _without_classes(files, unreadable, rows)


def _without_classes(files: PictureData, classes: set[int], rows: Sequence[int]) -> PictureData:
    """The pictures with the indices `rows`, and a note that no picture of `classes` can be read."""
    files = files.at(rows)
    if files.labels is None or not classes:
        return files
    left = [label for label in range(len(files.classes)) if label not in classes]
    numbers = {label: number for number, label in enumerate(left)}
    files.labels = torch.tensor([numbers[label] for label in files.labels.tolist()])
    names = ", ".join(files.classes[label] for label in sorted(classes))
    files.classes = tuple(files.classes[label] for label in left)
    files.layout_notes += (f"left out, because no picture can be read: the classes {names}",)
    return files


def _read_all(files: PictureData, order: Sequence[int], workers: int) -> Iterator[tuple[Read, Tensor]]:
    """Read all pictures in the order of the indices `order`."""
    pictures = _Pictures(files)
    if workers == 0:
        return map(pictures.__getitem__, order)
    chunks = (order[start : start + 64] for start in range(0, len(order), 64))
    ahead = read_ahead(pictures, chunks, workers)
    return (pair for reads, images in ahead for pair in zip(reads, images, strict=True))


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
        for reads, images in read_ahead(_Pictures(self, replace=True), chunks, workers):
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


class _Pictures(Dataset[tuple[Read, Tensor]]):
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
