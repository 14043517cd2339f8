"""Batches: an endless, shuffled sequence that can start anywhere, and that several processes share."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ganzoo.data.datasets import Data, Domains
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.interface.gan import Batch
from ganzoo.utils.seeds import derive_seed

__all__ = ["Batches"]


class Batches(Iterator[Batch]):
    """Batches that are a function of the seed and the position alone.

    `position` counts the images of each data set that all processes have handed out together; setting
    it continues from there exactly. Each process of the processes gets its rows of what one process would
    get as a batch `processes.world_size` times as large. `workers` processes read ahead for each data set that is
    not in memory. `mirror` turns half of the images, other ones in each epoch, left to right; `crop`
    takes another part of each in each epoch, so many times smaller.
    """

    def __init__(
        self,
        data: Data | Domains,
        batch_size: int,
        *,
        seed: int,
        device: torch.device,
        processes: ProcessGroup = ProcessGroup(),  # noqa: B008 - frozen
        workers: int = 0,
        mirror: bool = False,
        crop: float = 1.0,
    ) -> None:
        self.data = data
        self.batch_size = batch_size
        self.device = device
        self.processes = processes
        self.workers = workers
        self.mirror = mirror
        self.crop = crop
        parts: Mapping[str, Data] = data.parts if isinstance(data, Domains) else {"image": data}
        self._parts = {key: (part, _Order(len(part), seed, key)) for key, part in parts.items()}
        self._position = 0
        self._streams: dict[str, Iterator[dict[str, Tensor]]] = {}
        # What is collected as part of a cycle, as a trainer is, cannot end its workers in good order:
        # they are held from outside, and nothing that they hold may hold this.
        weakref.finalize(self, self._streams.clear)

    @property
    def position(self) -> int:
        """How many images of each data set have been handed out."""
        return self._position

    @position.setter
    def position(self, value: int) -> None:
        self._position = value
        self.close()

    def close(self) -> None:
        """End the processes that read ahead; the next batch starts others."""
        self._streams.clear()

    def __next__(self) -> Batch:
        if not self._streams:
            self._streams.update(self._open())
        batch: dict[str, Tensor] = {}
        for key, stream in self._streams.items():
            rows = next(stream)
            batch[key] = self._prepare(rows["image"], self._parts[key][1])
            if "label" in rows and key == "image":  # domains have none in common
                batch["label"] = rows["label"].to(self.device, non_blocking=True)
        self._position += self._step
        return batch

    @property
    def _step(self) -> int:
        """How many images a batch of all processes has."""
        return self.batch_size * self.processes.world_size

    @property
    def _start(self) -> int:
        """Where this process's rows of the next batch begin."""
        return self.position + self.processes.rank * self.batch_size

    def _open(self) -> dict[str, Iterator[dict[str, Tensor]]]:
        return {
            key: part.stream(order.chunks(self._start, self.batch_size, self._step), workers=self.workers)
            for key, (part, order) in self._parts.items()
        }

    def _prepare(self, images: Tensor, order: _Order) -> Tensor:
        """On the device, and in [-1, 1]."""
        images = self._cut(images, order).to(self.device, non_blocking=True)
        if images.dtype == torch.uint8:
            images = images.to(torch.get_default_dtype()).div_(127.5).sub_(1)
        if self.mirror:
            turned = order.coins(self._start, self.batch_size).to(self.device)
            images = torch.where(turned[:, None, None, None], images.flip(3), images)
        return images

    def _cut(self, images: Tensor, order: _Order) -> Tensor:
        """A part of each image, `crop` times smaller."""
        if self.crop == 1:
            return images
        height, width = (round(side / self.crop) for side in images.shape[2:])
        tops = order.places("top", self._start, self.batch_size, images.shape[2] - height + 1)
        lefts = order.places("left", self._start, self.batch_size, images.shape[3] - width + 1)
        corners = zip(images, tops, lefts, strict=True)
        return torch.stack([image[:, top : top + height, left : left + width] for image, top, left in corners])


class _Order:
    """The order of a data set in each epoch, and a coin and places for each of its images in each.

    All follow from permutations, whose numbers are evenly spread.
    """

    def __init__(self, count: int, seed: int, key: str) -> None:
        self.count = count
        self.seed = seed
        self.key = key
        self._epochs: dict[tuple[str, int], Tensor] = {}

    def chunks(self, position: int, count: int, step: int) -> Iterator[list[int]]:
        """The indices of `count` images from `position` on, then from `step` further on, without end."""
        while True:
            yield self._slice("order", position, count).tolist()  # a batch may cross epochs
            position += step

    def coins(self, position: int, count: int) -> Tensor:
        """Heads or tails, for each of `count` images from `position` on."""
        return self._slice("mirror", position, count) < self.count // 2

    def places(self, purpose: str, position: int, count: int, most: int) -> list[int]:
        """Whole numbers from 0 up to, but without, `most`, for each of `count` images from `position` on."""
        places: list[int] = (self._slice(purpose, position, count) * most // self.count).tolist()
        return places

    def _slice(self, purpose: str, position: int, count: int) -> Tensor:
        parts = []
        while count:
            epoch, offset = divmod(position, self.count)
            part = self._permutation(purpose, epoch)[offset : offset + count]
            parts.append(part)
            position += len(part)
            count -= len(part)
        return torch.cat(parts)

    def _permutation(self, purpose: str, epoch: int) -> Tensor:
        if (purpose, epoch) not in self._epochs:
            # What reads ahead may be an epoch further than what is handed out.
            self._epochs = {place: order for place, order in self._epochs.items() if place[1] >= epoch - 2}
            random = torch.Generator().manual_seed(derive_seed(self.seed, purpose, self.key, epoch))
            self._epochs[purpose, epoch] = torch.randperm(self.count, generator=random)
        return self._epochs[purpose, epoch]
