"""Images that are compared with others: a model's samples, its translations, or pictures of a data set."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ganzoo.data.datasets import Data
from ganzoo.data.folders import FolderData
from ganzoo.images.tensors import from_bytes, to_bytes, to_channels
from ganzoo.sampling.model import Model
from ganzoo.utils.files import sha256_of
from ganzoo.utils.seeds import derive_seed

__all__ = ["ImageSet", "Pictures", "Samples", "Translations", "as_pictures", "shuffled", "some_rows"]


class ImageSet(ABC):
    """Images, uint8 (N, C, H, W) with 1 or 3 channels: as they would be in picture files, whatever made them."""

    name: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the pictures to get them into shape, once they are read."""
        return ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def batches(self, size: int) -> Iterator[Tensor]:
        """All images in order, at most `size` at a time."""

    @abstractmethod
    def take(self, rows: Sequence[int]) -> Tensor:
        """Some of the images."""

    def digest(self) -> str | None:
        """What the content is known again by, None where it is not worth while."""
        return None


@dataclass(frozen=True, eq=False)
class Samples(ImageSet):
    """`count` samples of a model; image i has seed `seed` + i, and `asked` are the options of all."""

    name: str
    model: Model
    count: int
    seed: int
    asked: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.count

    def batches(self, size: int) -> Iterator[Tensor]:
        """Sampled as they are asked for."""
        return map(as_pictures, self.model.stream(self.count, seed=self.seed, batch_size=size, **self.asked))

    def take(self, rows: Sequence[int]) -> Tensor:
        """Sampled again, each by its seed."""
        request = self.model.request(**self.asked)
        shots = ((self.seed + row, request) for row in rows)
        return torch.cat([as_pictures(images) for images in self.model.generate_each(shots)])


@dataclass(frozen=True, eq=False)
class Translations(ImageSet):
    """What a model makes of the images of `sources` in one of its directions."""

    name: str
    model: Model
    sources: Pictures
    direction: str

    def __len__(self) -> int:
        return len(self.sources)

    def batches(self, size: int) -> Iterator[Tensor]:
        """Translated as they are asked for."""
        return map(self._translate, self.sources.batches(size))

    def take(self, rows: Sequence[int]) -> Tensor:
        """Translated again."""
        return self._translate(self.sources.take(rows))

    def _translate(self, images: Tensor) -> Tensor:
        channels = self.model.image_shape[0]
        sources = from_bytes(to_channels(images, channels))
        made: Tensor = self.model.translate(sources, direction=self.direction, batch_size=len(sources))
        return as_pictures(made)


@dataclass(frozen=True, eq=False)
class Pictures(ImageSet):
    """The images of a data set; `workers` processes read those that are not in memory."""

    name: str
    data: Data
    workers: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the data set."""
        return self.data.notes

    def __len__(self) -> int:
        return len(self.data)

    def batches(self, size: int) -> Iterator[Tensor]:
        """Read, where they are not in memory, as they are asked for."""
        chunks = (range(start, min(start + size, len(self))) for start in range(0, len(self), size))
        return (as_pictures(batch["image"]) for batch in self.data.stream(chunks, workers=self.workers))

    def take(self, rows: Sequence[int]) -> Tensor:
        """Read again, where they are not in memory."""
        return as_pictures(next(self.data.stream(iter([list(rows)])))["image"])

    def digest(self) -> str:
        """The SHA-256 of all pixels, or, where those are not in memory, of all files and what is made of them."""
        if not isinstance(self.data, FolderData):
            return f"{self.data.digest()} {tuple(self.take([0]).shape)}"
        digest = hashlib.sha256(repr(self.data.shape).encode())
        for path in self.data.paths:
            digest.update(sha256_of(path).encode() if path.is_file() else b"absent")
        return digest.hexdigest()


def as_pictures(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) with 1 or 3 channels, of such with 4, or of floats in [-1, 1]: transparency on white."""
    pixels = images if images.dtype == torch.uint8 else to_bytes(images)
    return to_channels(pixels, 3) if pixels.shape[1] == 4 else pixels


def some_rows(count: int, of: int, *, seed: int) -> list[int]:
    """`count` different rows of so many, the same each time; all of them, in order, if there are no more."""
    return list(range(of)) if count >= of else shuffled(of, seed=seed)[:count]


def shuffled(count: int, *, seed: int) -> list[int]:
    """The rows 0 to `count` - 1 in an order that is the same each time."""
    order: list[int] = torch.randperm(
        count, generator=torch.Generator().manual_seed(derive_seed(seed, "rows"))
    ).tolist()
    return order
