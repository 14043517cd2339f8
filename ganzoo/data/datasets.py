"""Data sets: the protocol that all of them follow, and those that are in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor

from ganzoo.data.captions import Captions

__all__ = ["Chunks", "Data", "Domains", "ImageData"]

Chunks = Iterator[Sequence[int]]
"""The indices of the images of each batch."""


class Data(Protocol):
    """A data set to train on or to compare with."""

    @property
    def name(self) -> str:
        """The name that the user gave."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty if there are no classes."""
        ...

    @property
    def labels(self) -> Tensor | None:
        """(N,) int64, the index of each image's class; None if there are no classes."""
        ...

    @property
    def captions(self) -> Captions | None:
        """The captions of each image; None if there are no captions, or nobody asked for them."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed in the images, as sentences for users. Reading more images may add notes."""
        ...

    def with_captions(self, captions: Captions, *notes: str) -> Self:
        """The same images with other captions, and more `notes`."""
        ...

    def __len__(self) -> int: ...

    def digest(self) -> str:
        """A digest that differs for data sets with different contents, even if they have the same name."""
        ...

    def stream(self, chunks: Chunks, *, workers: int = 0) -> Iterator[dict[str, Tensor]]:
        """Yield for each chunk of indices ``image``, (n, C, H, W), and ``label``, (n,), if there are labels.
        If there are captions, ``row``, (n,), says which images these are.

        Tensors are on the CPU. Images are uint8 or uint16, or floats in [-1, 1]. `workers` processes read ahead if
        the images are not in memory.
        """
        ...


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set in memory: `images` (N, C, H, W), uint8, uint16, or float32 in [-1, 1]; `labels` (N,) int64."""

    name: str
    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    captions: Captions | None = None

    def __len__(self) -> int:
        return len(self.images)

    def with_captions(self, captions: Captions, *notes: str) -> Self:
        """The same images with other captions, and more `notes`."""
        return replace(self, captions=captions, notes=(*self.notes, *notes))

    def digest(self) -> str:
        """The SHA-256 of all pixels, labels and captions."""
        digest = hashlib.sha256(self.images.contiguous().view(-1).numpy().data)  # makes no copy
        if self.labels is not None:
            digest.update(self.labels.contiguous().numpy().data)
        if self.captions is not None:
            digest.update(self.captions.digest().encode())
        return digest.hexdigest()

    def stream(self, chunks: Chunks, *, workers: int = 0) -> Iterator[dict[str, Tensor]]:
        """Yield the images of each chunk. They are in memory, so `workers` is not used."""
        for indices in chunks:
            rows = torch.as_tensor(indices, device=self.images.device)
            labels = {} if self.labels is None else {"label": self.labels[rows]}
            numbers = {} if self.captions is None else {"row": torch.as_tensor(indices)}
            yield {"image": self._taken(rows), **labels, **numbers}

    def _taken(self, rows: Tensor) -> Tensor:
        # On CPUs ten times as fast as `images[rows]`, which copies each number by itself. GPUs may lack it for uint16.
        return self.images.index_select(0, rows) if self.images.is_cpu else self.images[rows]


@dataclass(frozen=True, eq=False)
class Domains:
    """Several unpaired data sets for one training run. The keys of `parts` are their names in a batch."""

    name: str
    parts: Mapping[str, Data]
    classes: tuple[str, ...] = ()
    captions: Captions | None = None

    @property
    def stored(self) -> Mapping[str, Data]:
        """What is read in an order of its own."""
        return self.parts

    def images_of(self, key: str, images: Tensor) -> dict[str, Tensor]:
        """Images (N, C, H, W) of what is `stored` under `key`, by their names in a batch."""
        return {key: images}

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all parts."""
        return tuple(f"{key}: {note}" for key, part in self.parts.items() for note in part.notes)

    def __len__(self) -> int:
        return max(map(len, self.parts.values()))

    def digest(self) -> str:
        """The digests of all parts."""
        return "/".join(part.digest() for part in self.parts.values())
