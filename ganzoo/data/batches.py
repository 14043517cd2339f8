"""Batches: an endless, shuffled sequence that can start at any position and is shared by all processes."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ganzoo.data.datasets import Data, Domains, ImageData
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.images.tensors import from_pixels
from ganzoo.interface.gan import Batch
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.seeds import derive_seed

__all__ = ["Batches"]


class Batches(Iterator[Batch]):
    """Batches that depend on the seed and the position alone.

    `position` counts the images of each data set in all batches so far, over all processes. Setting it continues
    exactly from there. `batch_size` is that of each process: the process gets its rows of the global batch, which is
    `processes.world_size` times as large. `workers` processes read ahead for each data set that is not in memory.

    `mirror` flips half of the images left to right, other images in each epoch. `crop` cuts a part out of each image,
    at another position in each epoch; height and width of the part are `crop` times smaller. The captions of an image
    come in turn, one in each epoch.
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
        parts: Mapping[str, Data] = data.stored if isinstance(data, Domains) else {"image": data}
        parts = {key: _on_device(part, device) for key, part in parts.items()}
        self._parts = {key: (part, _Order(len(part), seed, key)) for key, part in parts.items()}
        self._position = 0
        self._streams: dict[str, Iterator[dict[str, Tensor]]] = {}
        # The garbage collector may free a reference cycle, such as a trainer, in any order, and worker processes do
        # not survive that. So a finalizer ends them; the streams must not refer to this object.
        weakref.finalize(self, self._streams.clear)

    @property
    def position(self) -> int:
        """The number of images of each data set in all batches so far."""
        return self._position

    @position.setter
    def position(self, value: int) -> None:
        self._position = value
        self.close()

    def close(self) -> None:
        """End the processes that read ahead. The next batch starts new ones."""
        self._streams.clear()

    @float32_on_cpu()
    def __next__(self) -> Batch:
        if not self._streams:
            self._streams.update(self._open())
        batch: dict[str, Tensor] = {}
        for key, stream in self._streams.items():
            rows = next(stream)
            part, order = self._parts[key]
            images = self._prepare(rows["image"], order)
            batch |= self.data.images_of(key, images) if isinstance(self.data, Domains) else {key: images}
            if part.captions is not None:
                tokens = part.captions.tokens(rows["row"], order.epochs(self._start, self.batch_size))
                batch["text"] = self._moved(tokens)
            if "label" in rows and key == "image":  # unpaired domains have no labels in common
                batch["label"] = self._moved(rows["label"])
        self._position += self._step
        return batch

    @property
    def _step(self) -> int:
        """The number of images in the global batch."""
        return self.batch_size * self.processes.world_size

    @property
    def _start(self) -> int:
        """The position of this process's first image in the next batch."""
        return self.position + self.processes.rank * self.batch_size

    def _open(self) -> dict[str, Iterator[dict[str, Tensor]]]:
        return {
            key: part.stream(order.chunks(self._start, self.batch_size, self._step), workers=self.workers)
            for key, (part, order) in self._parts.items()
        }

    def _prepare(self, images: Tensor, order: _Order) -> Tensor:
        """Crop and flip images, move them to the device, and scale them to [-1, 1]."""
        images = self._cut(images, order)
        if images.dtype == torch.uint16:  # GPUs lack operations on it
            images = from_pixels(images)
        images = self._moved(images)
        if images.dtype == torch.uint8:
            images = from_pixels(images)
        if self.mirror:
            flipped = self._moved(order.coins(self._start, self.batch_size))
            images = torch.where(flipped[:, None, None, None], images.flip(3), images)
        return images

    def _moved(self, tensor: Tensor) -> Tensor:
        """The tensor on the device. The copy to a GPU is not waited for: it comes from pinned memory."""
        if self.device.type == "cuda" and tensor.device.type == "cpu":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def _cut(self, images: Tensor, order: _Order) -> Tensor:
        """Cut a part out of each image, `crop` times smaller."""
        if self.crop == 1:
            return images
        height, width = (round(side / self.crop) for side in images.shape[2:])
        tops = order.offsets("top", self._start, self.batch_size, images.shape[2] - height + 1)
        lefts = order.offsets("left", self._start, self.batch_size, images.shape[3] - width + 1)
        corners = zip(images, tops, lefts, strict=True)
        return torch.stack([image[:, top : top + height, left : left + width] for image, top, left in corners])


def _on_device(data: Data, device: torch.device) -> Data:
    """The data set on a GPU, if it is in memory and takes at most an eighth of the GPU's free memory.

    Batches then need no copy. Elsewhere, the data set stays where it is, and images of 16 bits do, for which GPUs lack
    operations.
    """
    if device.type != "cuda" or not isinstance(data, ImageData) or data.images.dtype == torch.uint16:
        return data
    if data.images.nbytes > torch.cuda.mem_get_info(device)[0] // 8:
        return data
    labels = None if data.labels is None else data.labels.to(device)
    return replace(data, images=data.images.to(device), labels=labels)


class _Order:
    """The order of the images in each epoch, and random choices for each image in each epoch.

    All of them come from permutations of 0 to `count` - 1, so that each value occurs equally often in an epoch.
    """

    def __init__(self, count: int, seed: int, key: str) -> None:
        self.count = count
        self.seed = seed
        self.key = key
        self._epochs: dict[tuple[str, int], Tensor] = {}

    def chunks(self, position: int, count: int, step: int) -> Iterator[list[int]]:
        """The indices of `count` images at `position`, then of those `step` positions later, and so on without end."""
        while True:
            yield self._slice("order", position, count).tolist()  # a batch may cross epochs
            position += step

    def coins(self, position: int, count: int) -> Tensor:
        """A bool for each of `count` images at `position`. Half of an epoch's images have True.

        With an odd number of images, this is rounded down and up in turn, so that a single image has True in every
        other epoch.
        """
        return self._slice("mirror", position, count) < (self.count + self.epochs(position, count) % 2) // 2

    def epochs(self, position: int, count: int) -> Tensor:
        """The epoch of each of `count` images at `position`."""
        return torch.arange(position, position + count) // self.count

    def offsets(self, purpose: str, position: int, count: int, limit: int) -> list[int]:
        """A whole number in [0, `limit`) for each of `count` images at `position`."""
        offsets: list[int] = (self._slice(purpose, position, count) * limit // self.count).tolist()
        return offsets

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
            # Keep earlier epochs: reading ahead may be one epoch further than the batches.
            self._epochs = {key: order for key, order in self._epochs.items() if key[1] >= epoch - 2}
            random = torch.Generator().manual_seed(derive_seed(self.seed, purpose, self.key, epoch))
            self._epochs[purpose, epoch] = torch.randperm(self.count, generator=random)
        return self._epochs[purpose, epoch]
