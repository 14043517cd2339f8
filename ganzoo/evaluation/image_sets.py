"""Sets of images to compare: samples of a model, its translations, or the pictures of a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganzoo.data.datasets import Data
from ganzoo.data.picture_data import PictureData
from ganzoo.images.tensors import from_pixels, to_channels, to_pixels
from ganzoo.interface.configs import as_text_config
from ganzoo.interface.extractor import ExtractorOutput
from ganzoo.interface.tasks import Task
from ganzoo.interface.words import cut_text
from ganzoo.sampling.model import Model
from ganzoo.utils.seeds import derive_seed

__all__ = ["ImageSet", "Part", "Pictures", "Samples", "Translations", "as_pictures", "random_rows", "shuffled_rows"]


class ImageSet(ABC):
    """Images as 8 bits hold them: uint8 (N, C, H, W), RGB in place of RGBA. `name` is for users."""

    name: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed in the pictures when they were read, as sentences for users."""
        return ()

    @property
    def texts(self) -> Sequence[str]:
        """The caption of each image, the first one if there are several; empty if there are no captions."""
        return ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, chunks: Iterable[Sequence[int]]) -> Iterator[Tensor]:
        """Yield the images with the indices of each chunk, one chunk at a time."""

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield all images in order, at most `size` at a time."""
        return self.read(range(start, min(start + size, len(self))) for start in range(0, len(self), size))

    def take(self, rows: Sequence[int]) -> Tensor:
        """The images with these indices."""
        return next(self.read([rows]))

    def digest(self) -> str | None:
        """A digest of the content, by which cached features are found; None if they are not to be cached."""
        return None


@dataclass(frozen=True, eq=False)
class Samples(ImageSet):
    """`count` samples of a model. Image i has seed `seed` + i; `request` holds the options of all samples.

    Of a model that reads texts, image i shows text i of `texts`.
    """

    name: str
    model: Model
    count: int
    seed: int
    request: Mapping[str, Any] = field(default_factory=dict)
    texts: Sequence[str] = ()

    def __len__(self) -> int:
        return self.count

    def read(self, chunks: Iterable[Sequence[int]]) -> Iterator[Tensor]:
        """Sample one chunk at a time, from the seeds of its images."""
        for rows in chunks:
            yield from map(
                as_pictures,
                self.model.generate_each(self._seeded(rows), batch_size=len(rows), as_pixels=True),
            )

    def _seeded(self, rows: Iterable[int]) -> Iterator[tuple[int, Task]]:
        """The seed and the request of each image. A caption is cut to what the model reads."""
        if not self.texts:
            request = self.model.request(**self.request)
            return ((self.seed + row, request) for row in rows)
        config = as_text_config(self.model.config)
        asked = ((row, cut_text(self.texts[row], config)) for row in rows)
        return ((self.seed + row, self.model.request(**self.request, text=text)) for row, text in asked)


@dataclass(frozen=True, eq=False)
class Translations(ImageSet):
    """The translations of the images in `sources`, in one of the model's directions."""

    name: str
    model: Model
    sources: Pictures
    direction: str

    def __len__(self) -> int:
        return len(self.sources)

    def read(self, chunks: Iterable[Sequence[int]]) -> Iterator[Tensor]:
        """Translate one chunk at a time."""
        return map(self._translate, self.sources.read(chunks))

    def _translate(self, images: Tensor) -> Tensor:
        channels = self.model.image_shape[0]
        sources = from_pixels(to_channels(images, channels))
        made: Tensor = self.model.translate(sources, direction=self.direction, batch_size=len(sources))
        return as_pictures(made)


@dataclass(frozen=True, eq=False)
class Pictures(ImageSet):
    """The images of a data set. `workers` processes read them if they are not in memory."""

    name: str
    data: Data
    workers: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of the data set."""
        return self.data.notes

    @property
    def texts(self) -> Sequence[str]:
        """The first caption of each picture."""
        return () if self.data.captions is None else [texts[0] for texts in self.data.captions.texts]

    def __len__(self) -> int:
        return len(self.data)

    def read(self, chunks: Iterable[Sequence[int]]) -> Iterator[Tensor]:
        """Read one chunk at a time, if the images are not in memory."""
        return (as_pictures(batch["image"]) for batch in self.data.stream(iter(chunks), workers=self.workers))

    def take(self, rows: Sequence[int]) -> Tensor:
        """Read a few images in this process."""
        return as_pictures(next(self.data.stream(iter([list(rows)])))["image"])

    def digest(self) -> str:
        """The SHA-256 of all pixels; or, if they are not in memory, of the image shape and all files."""
        if isinstance(self.data, PictureData):
            return self.data.content_digest()
        return f"{self.data.digest()} {tuple(self.take([0]).shape)}"


class Part(NamedTuple):
    """Some images of a set: all of them, or those with the indices `rows`. `name` is for users."""

    name: str
    images: ImageSet
    rows: Sequence[int] | None = None

    @property
    def size(self) -> int:
        """The number of images."""
        return len(self.images) if self.rows is None else len(self.rows)

    @property
    def texts(self) -> Sequence[str]:
        """The caption of each image; empty if there are no captions."""
        every = self.images.texts
        return every if self.rows is None or not every else [every[row] for row in self.rows]

    def rows_of(self, output: ExtractorOutput) -> ExtractorOutput:
        """The rows of this part, from the features and logits of the whole set."""
        return output if self.rows is None else ExtractorOutput(*(each[list(self.rows)] for each in output))

    def at(self, positions: Sequence[int], name: str) -> Part:
        """The images at some positions in this part, from 0 to `size` - 1."""
        rows = range(self.size) if self.rows is None else self.rows
        return Part(name, self.images, [rows[position] for position in positions])

    def subset(self, count: int, *, seed: int) -> Part:
        """`count` of these images, chosen at random; all of them if there are no more."""
        return self.at(random_rows(count, self.size, seed=seed), self.name)


def as_pictures(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W), from pixels or floats in [-1, 1]. Transparent pixels become white: of RGBA, RGB is left.

    Feature extractors have learned from 8 bits.
    """
    pixels = images if images.dtype == torch.uint8 else to_pixels(images)
    return to_channels(pixels, 3) if pixels.shape[1] == 4 else pixels


def random_rows(count: int, of: int, *, seed: int) -> list[int]:
    """`count` different rows from 0 to `of` - 1, which depend on the seed alone; if `count` >= `of`, all in order."""
    return list(range(of)) if count >= of else shuffled_rows(of, seed=seed)[:count]


def shuffled_rows(count: int, *, seed: int) -> list[int]:
    """The rows 0 to `count` - 1 in an order that depends on the seed alone."""
    order: list[int] = torch.randperm(
        count, generator=torch.Generator().manual_seed(derive_seed(seed, "rows"))
    ).tolist()
    return order
