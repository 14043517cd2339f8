"""Load the pictures of folders and archives: into memory if they fit, otherwise to be read ahead of their use."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ganzoo.data.captions import Captions, read_captions
from ganzoo.data.datasets import Data, ImageData
from ganzoo.data.layout import find_layout, limit_notes, spread
from ganzoo.data.picture_data import IndexedPictures, PictureData
from ganzoo.data.workers import Read, read_ahead
from ganzoo.errors import DataError
from ganzoo.images.tensors import DEPTHS
from ganzoo.interface.data_sources import PictureSet
from ganzoo.interface.picture_files import FileTree
from ganzoo.utils.progress import Progress

__all__ = ["load_files", "load_set", "load_tree"]

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
        images = images.index_select(0, torch.tensor(kept).argsort())
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
    pictures, failed = IndexedPictures(files), list[int]()
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
    pictures = IndexedPictures(files)
    if workers == 0:
        return map(pictures.__getitem__, order)
    chunks = (order[start : start + 64] for start in range(0, len(order), 64))
    ahead = read_ahead(pictures, chunks, workers)
    return (pair for reads, images in ahead for pair in zip(reads, images, strict=True))
