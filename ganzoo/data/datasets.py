"""Training data: what a data set is to the trainer, and those that are in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Chunks", "Data", "Domains", "ImageData"]

Chunks = Iterator[Sequence[int]]
"""Indices of images, by batches, without end."""


class Data(Protocol):
    """A data set that a model can be trained on."""

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its labels; empty where it has none."""
        ...

    @property
    def labels(self) -> Tensor | None:
        """(N,) int64, the class of each image by its number; None where it has none."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to get the images into shape, for people to read; what is read as needed may add to them."""
        ...

    def __len__(self) -> int: ...

    def digest(self) -> str:
        """What tells two data sets apart that have one name."""
        ...

    def stream(self, chunks: Chunks, *, workers: int = 0) -> Iterator[dict[str, Tensor]]:
        """``image``, (n, C, H, W), and ``label`` if there are any, of each chunk of indices, on the CPU.

        Images are uint8, or else floats in [-1, 1].
        """
        ...


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set in memory: `images` (N, C, H, W), uint8, or float32 in [-1, 1]; `labels` (N,) int64."""

    name: str
    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def digest(self) -> str:
        """The SHA-256 of all pixels and labels."""
        digest = hashlib.sha256(self.images.contiguous().view(-1).numpy().data)  # no copy, of gigabytes perhaps
        if self.labels is not None:
            digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()

    def stream(self, chunks: Chunks, *, workers: int = 0) -> Iterator[dict[str, Tensor]]:
        """The rows of each chunk; nothing has to be read ahead."""
        for indices in chunks:
            rows = torch.as_tensor(indices)
            labels = {} if self.labels is None else {"label": self.labels[rows]}
            yield {"image": self.images[rows], **labels}


@dataclass(frozen=True, eq=False)
class Domains:
    """Several data sets that are trained on side by side, unpaired, by the name that each has in a batch."""

    name: str
    parts: Mapping[str, Data]
    classes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of each part."""
        return tuple(f"{key}: {note}" for key, part in self.parts.items() for note in part.notes)

    def __len__(self) -> int:
        return max(map(len, self.parts.values()))

    def digest(self) -> str:
        """Of all parts together."""
        return "/".join(part.digest() for part in self.parts.values())
