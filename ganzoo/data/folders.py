"""Folders of pictures: kept in memory if they fit, otherwise read when they are needed, ahead of their use."""

from __future__ import annotations

import hashlib
import math
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganzoo.data.datasets import Chunks, Data, ImageData
from ganzoo.errors import DataError, UnreadableImage, one_line
from ganzoo.images.files import read_image
from ganzoo.images.tensors import fit
from ganzoo.utils.files import IMAGE_SUFFIXES, find_images
from ganzoo.utils.progress import Progress, silent

__all__ = ["FolderData", "load_folder", "load_pictures"]

MEMORY_BYTES = 2**31
"""Pictures of up to this size are kept in memory: 174,762 RGB pictures of 64x64, more than CelebA's 162,770."""

WORTH_WORKERS = 1000
"""Starting worker processes takes longer than reading fewer pictures than this."""

READING = "reading pictures"
"""The name of the work, for `Progress`."""

Shape = tuple[int, int, int]


class _Read(NamedTuple):
    """The result of reading one picture.

    `number` is its index, or None if no picture could be read. `changes` say what was changed in it, and `problems`
    which pictures before it could not be read.
    """

    number: int | None
    changes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def load_folder(
    folder: Path, shape: Shape, limit: int | None, workers: int, progress: Progress, *, name: str = ""
) -> Data:
    """Load the pictures of a folder and its subfolders, in the order of their paths.

    If all pictures are in subfolders of `folder`, and there are several subfolders, these are the classes.

    Raises:
        DataError: the folder contains no readable picture.
    """
    paths = find_images(folder)
    if not paths:
        raise DataError(f"{folder} holds no readable image - looked for {', '.join(sorted(IMAGE_SUFFIXES))}")
    tops = ["/".join(path.relative_to(folder).parts[:-1][:1]) for path in paths]
    numbers = {top: number for number, top in enumerate(sorted(set(tops)))}
    if "" in numbers or len(numbers) == 1:
        return load_pictures(name or str(folder), paths, shape, limit=limit, workers=workers, progress=progress)
    labels = [numbers[top] for top in tops]
    return load_pictures(name or str(folder), paths, shape, labels, tuple(numbers), limit, workers, progress)


def load_pictures(
    name: str,
    paths: Sequence[Path],
    shape: Shape,
    labels: Sequence[int] | None = None,
    classes: tuple[str, ...] = (),
    limit: int | None = None,
    workers: int = 0,
    progress: Progress = silent,
) -> Data:
    """Load the pictures of `paths` with the shape `shape`, (C, H, W), into memory if they fit.

    `limit` counts readable pictures if they fit into memory, and all pictures otherwise.

    Raises:
        DataError: no picture can be read.
    """
    files = FolderData(name, tuple(paths), shape, None if labels is None else torch.tensor(labels), classes)
    wanted = min(len(paths), limit or len(paths))
    if wanted * math.prod(shape) <= MEMORY_BYTES:
        return _into_memory(files, wanted, workers, progress)
    files = files.first(wanted)
    next(files.stream(iter([[0]])))  # if no picture can be read, fail before training starts
    return files


def _into_memory(files: FolderData, wanted: int, workers: int, progress: Progress) -> ImageData:
    images = torch.empty(wanted, *files.shape, dtype=torch.uint8)
    kept: list[int] = []
    skipped: list[str] = []
    changes: Counter[str] = Counter()
    for read, image in _read_all(files, workers if wanted >= WORTH_WORKERS else 0):
        if read.number is None:
            skipped += read.problems
        else:
            images[len(kept)] = image
            kept.append(read.number)
            changes.update(read.changes)
        progress(READING, len(kept), min(wanted, len(files) - len(skipped)))
        if len(kept) == wanted:
            break
    if not kept:
        raise DataError(f"{files.name} holds no readable image - the first problem: {skipped[0]}")
    notes = [f"{len(skipped)} skipped, the first: {skipped[0]}"] if skipped else []
    notes += [f"{count} {change}" for change, count in changes.items()]
    labels = None if files.labels is None else files.labels[kept]
    return ImageData(files.name, images[: len(kept)], labels, files.classes, tuple(notes))


def _read_all(files: FolderData, workers: int) -> Iterator[tuple[_Read, Tensor]]:
    """Read all pictures, in order."""
    pictures = _Pictures(files)
    if workers == 0:
        return map(pictures.__getitem__, range(len(files)))
    chunks = (range(start, min(start + 64, len(files))) for start in range(0, len(files), 64))
    ahead = _read_ahead(pictures, chunks, workers)
    return (pair for reads, images in ahead for pair in zip(reads, images, strict=True))


@dataclass(eq=False)
class FolderData:
    """Pictures that are read when they are needed. The next readable picture replaces an unreadable one.

    `skipped` collects the problem of each unreadable picture.
    """

    name: str
    paths: tuple[Path, ...]
    shape: Shape
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    skipped: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def notes(self) -> tuple[str, ...]:
        """One note that the pictures are not in memory, and one about those that were skipped so far."""
        skipped = (f"{len(self.skipped)} skipped, the first: {min(self.skipped)}",) if self.skipped else ()
        return ("the pictures are read as they are needed: too many to keep in memory", *skipped)

    def first(self, count: int) -> FolderData:
        """The first `count` of the pictures."""
        labels = None if self.labels is None else self.labels[:count]
        return FolderData(self.name, self.paths[:count], self.shape, labels, self.classes)

    def digest(self) -> str:
        """The SHA-256 of all file sizes and paths, relative to their common folder. It reads no pixels."""
        root = os.path.commonpath([path.parent for path in self.paths])
        listing = "".join(f"{path.relative_to(root).as_posix()}\0{_size(path)}\n" for path in self.paths)
        return hashlib.sha256(os.fsencode(listing)).hexdigest()

    def stream(self, chunks: Chunks, *, workers: int = 0) -> Iterator[dict[str, Tensor]]:
        """Yield the images of each chunk of indices. `workers` processes read ahead.

        Raises:
            DataError: no picture can be read, or a worker process died.
        """
        for reads, images in _read_ahead(_Pictures(self, replace=True), chunks, workers):
            yield self._batch(reads, images)

    def _batch(self, reads: Sequence[_Read], images: Tensor) -> dict[str, Tensor]:
        self.skipped.update(problem for read in reads for problem in read.problems)
        numbers = [read.number for read in reads if read.number is not None]
        if len(numbers) < len(reads):
            raise DataError(f"{self.name} holds no readable image - the first problem: {min(self.skipped)}")
        labels = {} if self.labels is None else {"label": self.labels[numbers]}
        return {"image": images, **labels}


class _Pictures(Dataset[tuple[_Read, Tensor]]):
    """Reads pictures by index, in the worker processes. With `replace`, the next readable picture replaces an
    unreadable one; an image that is missing is black.
    """

    def __init__(self, files: FolderData, *, replace: bool = False) -> None:
        self.paths, self.shape, self.replace = files.paths, files.shape, replace

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[_Read, Tensor]:
        problems: list[str] = []
        for candidate in range(index, index + (len(self) if self.replace else 1)):
            number = candidate % len(self)
            try:
                image, changes = self._read(number)
                return _Read(number, changes, tuple(problems)), image
            except UnreadableImage as error:
                problems.append(str(error))
        return _Read(None, problems=tuple(problems)), torch.zeros(self.shape, dtype=torch.uint8)

    def _read(self, number: int) -> tuple[Tensor, tuple[str, ...]]:
        pixels, notes = read_image(self.paths[number], channels=self.shape[0])
        if pixels.shape != self.shape:
            notes = (*notes, "had another size, cropped and resized")
        return fit(pixels, self.shape[1:]), notes


class _ChunkSampler:
    """A sampler for `DataLoader` that yields the chunks of an iterator."""

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[list[int]]:
        return map(list, self.chunks)


def _read_ahead(pictures: _Pictures, chunks: Chunks, workers: int) -> Iterator[tuple[list[_Read], Tensor]]:
    """Yield the pictures of each chunk of indices. `workers` processes read them, or this process if it is 0.

    Raises:
        DataError: a worker process died, usually because the memory was full.
    """
    loader = DataLoader(
        pictures,
        batch_sampler=_ChunkSampler(chunks),
        num_workers=workers,
        collate_fn=_pack,
        worker_init_fn=_leave_interrupts,
        # Without its own generator, a loader draws from the global one and so changes the noise of training.
        generator=torch.Generator(),
    )
    try:
        yield from loader
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker (pid"):
            raise
        raise DataError(f"reading pictures failed: {one_line(error)} - try fewer --workers, or 0") from error


def _pack(pairs: Sequence[tuple[_Read, Tensor]]) -> tuple[list[_Read], Tensor]:
    """Put all images in one tensor: each tensor from a worker keeps a file open, and a process may open only 1024."""
    reads, images = zip(*pairs, strict=True)
    return list(reads), torch.stack(images)


def _leave_interrupts(worker: int) -> None:
    """Ignore Ctrl-C in a worker. It reaches all processes of a terminal, but the trainer must end its step first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _size(path: Path) -> int:
    """The size in bytes. A missing file, such as a broken link, has 0; reading will skip it."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
