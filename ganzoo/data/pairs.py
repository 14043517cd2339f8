"""Pairs of pictures, such as a drawing and its photo. A pair is read as one image with the channels of both.

So both pictures of a pair have the same place in the order of training, and are flipped and cropped together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, cast

import torch
from torch import Tensor

from ganzoo.data.captions import Captions
from ganzoo.data.datasets import Chunks, Data, Domains
from ganzoo.data.folders import FolderData, load_files
from ganzoo.data.layout import find_layout
from ganzoo.errors import DataError
from ganzoo.images.files import Picture, read_halves, read_image
from ganzoo.utils.progress import Progress

__all__ = ["Pairs", "load_pairs"]

Shape = tuple[int, int, int]

FOLDERS = ("trainA", "trainB")
"""The folders whose pictures with equal names are pairs."""


class Pairs(Domains):
    """Two paired data sets for one training run: image i of one belongs to image i of the other.

    `Pairs.of` makes them.
    """

    @classmethod
    def of(cls, both: Data) -> Pairs:
        """Pairs from images with the channels of the first picture of each pair, then those of the second."""
        return cls(both.name, {key: _Half(both, number) for number, key in enumerate(("a", "b"))})

    @property
    def both(self) -> Data:
        """The pairs as one data set."""
        return cast("_Half", self.parts["a"]).both

    @property
    def stored(self) -> Mapping[str, Data]:
        """The pairs, which are read together."""
        return {"pair": self.both}

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes on the pairs."""
        return self.both.notes

    def digest(self) -> str:
        """The digest of the pairs."""
        return self.both.digest()

    def images_of(self, key: str, images: Tensor) -> dict[str, Tensor]:
        """The pictures of pairs (N, 2 C, H, W), each (N, C, H, W), by their names in a batch."""
        return dict(zip(self.parts, images.chunk(len(self.parts), dim=1), strict=True))


@dataclass(frozen=True, eq=False)
class _Half:
    """One picture of each pair, as a data set."""

    both: Data
    number: int
    classes: tuple[str, ...] = ()
    labels: Tensor | None = None
    captions: Captions | None = None

    @property
    def name(self) -> str:
        return self.both.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self.both.notes

    def with_captions(self, captions: Captions, *notes: str) -> Self:
        raise NotImplementedError("pairs have no captions")

    def __len__(self) -> int:
        return len(self.both)

    def digest(self) -> str:
        return f"{self.both.digest()}.{self.number}"

    def stream(self, chunks: Chunks, *, workers: int = 0) -> Iterator[dict[str, Tensor]]:
        for rows in self.both.stream(chunks, workers=workers):
            yield {"image": rows["image"].chunk(2, dim=1)[self.number]}


def load_pairs(
    source: str,
    folder: Path,
    shape: Shape,
    limit: int | None,
    workers: int,
    progress: Progress,
    *,
    depth: int = 8,
) -> Pairs:
    """Load the pairs of a folder, whose pictures get the shape (C, H, W) and `depth` bits.

    With folders ``trainA`` and ``trainB``, pictures with equal names are pairs; their endings may differ. Otherwise
    each picture is a pair: its left half is the first one, its right half the second one.

    Raises:
        DataError: it is no folder, a picture has no partner, or there is no picture that can be read.
    """
    if not folder.is_dir():
        raise DataError(f"{source} has no pairs - name a folder with trainA and trainB, or with pictures of two halves")
    channels, height, width = shape
    both = (2 * channels, height, width)
    if all((folder / name).is_dir() for name in FOLDERS):
        first, second = _matched(*(folder / name for name in FOLDERS))
        files: FolderData = _TwoFiles(source, first, both, partners=second, depth=depth)
    else:
        layout = find_layout(folder)
        files = _Halves(source, layout.paths, both, layout_notes=layout.notes, depth=depth)
    return Pairs.of(load_files(files, limit, workers, progress))


def _matched(first: Path, second: Path) -> tuple[tuple[Path, ...], dict[Path, Path]]:
    """The pictures of the first folder, and the one with the same name in the second folder for each of them.

    Raises:
        DataError: a picture of one folder is missing in the other.
    """
    ours, theirs = (
        {path.relative_to(folder).with_suffix(""): path for path in find_layout(folder).paths}
        for folder in (first, second)
    )
    for name in sorted({*ours} ^ {*theirs}):
        path, other = (ours[name], second) if name in ours else (theirs[name], first)
        raise DataError(f"{path} has no partner in {other} - give both pictures of a pair the same name")
    return tuple(ours.values()), {path: theirs[name] for name, path in ours.items()}


@dataclass(eq=False)
class _TwoFiles(FolderData):
    """Pairs of two files: the first one is in `paths`, and `partners` has the other one."""

    partners: Mapping[Path, Path] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.paths, *(self.partners[path] for path in self.paths))

    def reader(self) -> Callable[[int], Picture]:
        return partial(_read_two, self.paths, self.partners, self.shape, self.depth)


@dataclass(eq=False)
class _Halves(FolderData):
    """Pairs that are the left and the right half of a picture."""

    def reader(self) -> Callable[[int], Picture]:
        return partial(_read_halves, self.paths, self.shape, self.depth)


def _read_two(paths: Sequence[Path], partners: Mapping[Path, Path], shape: Shape, depth: int, number: int) -> Picture:
    both = (paths[number], partners[paths[number]])
    return _joined(*(read_image(path, channels=shape[0] // 2, size=shape[1:], depth=depth) for path in both))


def _read_halves(paths: Sequence[Path], shape: Shape, depth: int, number: int) -> Picture:
    return _joined(*read_halves(paths[number], channels=shape[0] // 2, size=shape[1:], depth=depth))


def _joined(first: Picture, second: Picture) -> Picture:
    """The pixels of both in one image, and what was changed in either."""
    return Picture(torch.cat([first.pixels, second.pixels]), tuple(dict.fromkeys((*first.notes, *second.notes))))
