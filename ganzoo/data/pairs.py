"""Pairs of pictures, such as a drawing and its photo. A pair is read as one image with the channels of both.

So both pictures of a pair have the same place in the order of training, and are flipped and cropped together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self, cast

import torch
from torch import Tensor

from ganzoo.data.captions import Captions
from ganzoo.data.datasets import Chunks, Data, Domains
from ganzoo.data.folders import load_files
from ganzoo.data.layout import domain_trees, find_layout, has_domains
from ganzoo.data.picture_data import PictureData
from ganzoo.errors import DataError
from ganzoo.images.files import Picture, read_halves, read_image
from ganzoo.interface.picture_files import FileTree, PictureFiles
from ganzoo.utils.progress import Progress

__all__ = ["Pairs", "load_pairs"]

Shape = tuple[int, int, int]

PARTS = ("a", "b")
"""The two pictures of a pair, by their names in a batch."""


class Pairs(Domains):
    """Two paired data sets for one training run: image i of one belongs to image i of the other.

    `Pairs.of` makes them.
    """

    @classmethod
    def of(cls, both: Data) -> Pairs:
        """Pairs from images with the channels of the first picture of each pair, then those of the second."""
        return cls(both.name, {key: _Half(both, number) for number, key in enumerate(PARTS)})

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
    tree: FileTree,
    shape: Shape,
    limit: int | None,
    workers: int,
    progress: Progress,
    *,
    depth: int = 8,
) -> Pairs:
    """Load the pairs of a folder or an archive, whose pictures get the shape (C, H, W) and `depth` bits.

    With folders ``trainA`` and ``trainB``, pictures with equal names are pairs; their endings may differ. Otherwise
    each picture is a pair: its left half is the first one, its right half the second one.

    Raises:
        DataError: a picture has no partner, or there is no picture that can be read.
    """
    channels, height, width = shape
    both = (2 * channels, height, width)
    if has_domains(tree, PARTS):
        files: PictureData = _match(source, tree, both)
    else:
        layout = find_layout(tree)
        files = _Halves(source, layout.paths, both, tree, layout_notes=layout.notes)
    return Pairs.of(load_files(replace(files, depth=depth), limit, workers, progress))


def _match(source: str, tree: FileTree, shape: Shape) -> _TwoFiles:
    """The pictures of the first folder, with the picture of the same name in the second folder.

    Raises:
        DataError: a picture of one folder is missing in the other.
    """
    folders = tuple(domain_trees(source, tree, PARTS).values())
    layouts = [find_layout(folder) for folder in folders]
    ours, theirs = (
        {folder.inside(path).with_suffix(""): path for path in layout.paths}
        for folder, layout in zip(folders, layouts, strict=True)
    )
    for name in sorted({*ours} ^ {*theirs}):
        path, other = (ours[name], folders[1]) if name in ours else (theirs[name], folders[0])
        raise DataError(f"{path} has no partner in {other.root} - give both pictures of a pair the same name")
    partners = {path: theirs[name] for name, path in ours.items()}
    notes = tuple(note for layout in layouts for note in layout.notes)
    return _TwoFiles(source, tuple(ours.values()), shape, tree, layout_notes=notes, partners=partners)


@dataclass(eq=False)
class _TwoFiles(PictureData):
    """Pairs of two files: the first one is in `paths`, and `partners` has the other one."""

    partners: Mapping[Path, Path] = field(default_factory=dict)

    @property
    def all_paths(self) -> tuple[Path, ...]:
        return (*self.paths, *(self.partners[path] for path in self.paths))

    def reader(self) -> Callable[[int], Picture]:
        return partial(_read_two, self.files, self.paths, self.partners, self.shape, self.depth)


@dataclass(eq=False)
class _Halves(PictureData):
    """Pairs that are the left and the right half of a picture."""

    def reader(self) -> Callable[[int], Picture]:
        return partial(_read_halves, self.files, self.paths, self.shape, self.depth)


def _read_two(
    files: PictureFiles, paths: Sequence[Path], partners: Mapping[Path, Path], shape: Shape, depth: int, number: int
) -> Picture:
    read = partial(read_image, channels=shape[0] // 2, size=shape[1:], depth=depth, files=files)
    return _joined(read(paths[number]), read(partners[paths[number]]))


def _read_halves(files: PictureFiles, paths: Sequence[Path], shape: Shape, depth: int, number: int) -> Picture:
    return _joined(*read_halves(paths[number], channels=shape[0] // 2, size=shape[1:], depth=depth, files=files))


def _joined(first: Picture, second: Picture) -> Picture:
    """The pixels of both in one image, and what was changed in either."""
    return Picture(torch.cat([first.pixels, second.pixels]), tuple(dict.fromkeys((*first.notes, *second.notes))))
