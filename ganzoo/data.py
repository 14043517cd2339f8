"""Training data: whole data sets in memory as uint8, and batches of them that can start anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganzoo.errors import DataError, InvalidRequestError, UnknownNameError, one_line
from ganzoo.gan import Batch
from ganzoo.images import IMAGE_SUFFIXES, UnreadableImage, read_image, to_channels
from ganzoo.names import suggest
from ganzoo.randomness import derive

__all__ = ["DATASETS", "Batches", "ImageData", "load_data"]


class ImageData(NamedTuple):
    """A data set in memory: uint8 `images` (N, C, H, W), and what was done to get them into that shape."""

    name: str
    images: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """A torchvision data set: its class there, and what its items look like."""

    kind: str
    channels_last: bool = False


DATASETS = {
    "mnist": _Source("MNIST"),
    "fashion-mnist": _Source("FashionMNIST"),
    "kmnist": _Source("KMNIST"),
    "cifar10": _Source("CIFAR10", channels_last=True),
    "cifar100": _Source("CIFAR100", channels_last=True),
}
"""The torchvision data sets that are known by name."""


def load_data(
    source: str, image_shape: tuple[int, int, int], *, root: str | Path = "data", limit: int | None = None
) -> ImageData:
    """A data set by name, or a folder of images, as `image_shape` (C, H, W).

    A named set is looked for under `root` as torchvision keeps it, and downloaded there if missing.
    A folder is read with all its subfolders. `limit` keeps the first so many images.

    Raises:
        UnknownNameError: neither a known name nor a folder.
        DataError: the data cannot be read or downloaded, or holds no image.
        InvalidRequestError: a limit below 1.
    """
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InvalidRequestError(f"the limit is a whole number of at least 1, not {limit}")
    if source in DATASETS:
        images, labels, classes = _from_torchvision(source, Path(root))
        notes: list[str] = []
    elif source and Path(source).expanduser().is_dir():
        images, notes = _from_folder(Path(source).expanduser(), image_shape, limit)
        labels, classes = None, ()
    else:
        raise UnknownNameError(f"{source!r} is neither a folder nor a data set{suggest(source, DATASETS)}")
    images = images[:limit]
    resized = _resize(to_channels(images, image_shape[0]), image_shape[1:])
    if images.shape[1:] != resized.shape[1:]:
        notes.append(f"images are {_size(images)} and were made {_size(resized)}")
    return ImageData(source, resized, None if labels is None else labels[:limit], classes, tuple(notes))


class Batches(Iterator[Batch]):
    """An endless, shuffled sequence of batches that is a function of the seed and the position alone.

    `position` counts the images handed out so far; setting it continues from there exactly.
    """

    def __init__(self, data: ImageData, batch_size: int, *, seed: int, device: torch.device) -> None:
        self.data = data
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.position = 0
        self._orders: dict[int, Tensor] = {}

    def __next__(self) -> Batch:
        indices = torch.tensor([self._index(self.position + i) for i in range(self.batch_size)])
        self.position += self.batch_size
        batch = {"image": self.data.images[indices].to(self.device).float().div_(127.5).sub_(1)}
        if self.data.labels is not None:
            batch["label"] = self.data.labels[indices].to(self.device)
        return batch

    def _index(self, position: int) -> int:
        epoch, offset = divmod(position, len(self.data.images))
        if epoch not in self._orders:
            random = torch.Generator().manual_seed(derive(self.seed, "order", epoch))
            # A batch spans two epochs at most, unless the data set is smaller than a batch.
            self._orders = {e: o for e, o in self._orders.items() if e == epoch - 1}
            self._orders[epoch] = torch.randperm(len(self.data.images), generator=random)
        return int(self._orders[epoch][offset])


def _from_torchvision(name: str, root: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    from torchvision import datasets

    source = DATASETS[name]
    make: Callable[..., Any] = getattr(datasets, source.kind)
    try:
        data = make(str(root), download=True)
    except Exception as error:  # torchvision lets urllib, tarfile, zipfile and RuntimeError through
        raise DataError(
            f"{name} is not in {root} and could not be downloaded ({one_line(error)}) - "
            "put torchvision's files there, or name their folder with --data-dir"
        ) from error
    images = torch.as_tensor(data.data)
    images = images.permute(0, 3, 1, 2).contiguous() if source.channels_last else images[:, None]
    return images, torch.as_tensor(data.targets), tuple(data.classes)


def _from_folder(folder: Path, image_shape: tuple[int, int, int], limit: int | None) -> tuple[Tensor, list[str]]:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    images: list[Tensor] = []
    skipped: list[str] = []
    changes: Counter[str] = Counter()
    for path in paths:
        if len(images) == limit:
            break
        try:
            pixels, notes = read_image(path, channels=image_shape[0])
        except UnreadableImage as error:
            skipped.append(str(error))
            continue
        changes.update(notes)
        changes["had another size, cropped and resized"] += pixels.shape != image_shape
        images.append(_square(pixels, image_shape[1:]))
    if not images:
        reason = f"the first problem: {skipped[0]}" if skipped else f"looked for {', '.join(sorted(IMAGE_SUFFIXES))}"
        raise DataError(f"{folder} holds no readable image - {reason}")
    counted = [f"{count} {change}" for change, count in changes.items() if count]
    return torch.stack(images), ([f"{len(skipped)} skipped, the first: {skipped[0]}"] if skipped else []) + counted


def _square(image: Tensor, size: tuple[int, ...]) -> Tensor:
    """The largest centred part of (C, H, W) with the wanted proportions, resized to `size`."""
    from torchvision.transforms.v2.functional import center_crop

    height, width = image.shape[1:]
    scale = min(height / size[0], width / size[1])
    cropped: Tensor = center_crop(image, [max(1, round(size[0] * scale)), max(1, round(size[1] * scale))])
    return _resize(cropped[None], size)[0]


def _resize(images: Tensor, size: tuple[int, ...]) -> Tensor:
    from torchvision.transforms.v2.functional import resize

    if images.shape[2:] == torch.Size(size):
        return images
    # In parts: the intermediate floats of 60,000 images would take gigabytes.
    return torch.cat([resize(part, list(size), antialias=True) for part in images.split(4096)])  # type: ignore[no-untyped-call]


def _size(images: Tensor) -> str:
    return "x".join(str(n) for n in images.shape[1:])
