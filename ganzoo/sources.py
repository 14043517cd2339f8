"""Where training data comes from: torchvision's data sets by name, folders, and distributions of points."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganzoo.data import Data, Domains, ImageData
from ganzoo.errors import DataError, InvalidRequestError, UnknownNameError, one_line
from ganzoo.folders import Tell, load_folder, load_pictures
from ganzoo.images import resize, to_channels
from ganzoo.names import suggest
from ganzoo.points import POINTS, load_points

__all__ = ["DATASETS", "check_source", "load_data"]

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class _Source:
    """A torchvision data set: its class there, what its items look like, and where single files are kept."""

    kind: str
    channels_last: bool = False
    files: str = ""


DATASETS = {
    "mnist": _Source("MNIST"),
    "fashion-mnist": _Source("FashionMNIST"),
    "kmnist": _Source("KMNIST"),
    "cifar10": _Source("CIFAR10", channels_last=True),
    "cifar100": _Source("CIFAR100", channels_last=True),
    "celeba": _Source("CelebA", files="celeba/img_align_celeba"),
}
"""The torchvision data sets that are known by name."""


def check_source(source: str) -> None:
    """Refuse what `load_data` does not know.

    Raises:
        UnknownNameError: neither a known name nor a folder.
    """
    if source in DATASETS or source in POINTS or (source and os.path.isdir(_expanded(source))):
        return
    raise UnknownNameError(f"{source!r} is neither a folder nor a data set{suggest(source, [*DATASETS, *POINTS])}")


def load_data(
    source: str,
    image_shape: Shape,
    *,
    parts: Sequence[str] = ("image",),
    root: str | Path = "data",
    limit: int | None = None,
    workers: int = 0,
    tell: Tell = lambda done, total: None,
) -> Data | Domains:
    """A data set by name, or a folder of images, as `image_shape` (C, H, W).

    A named set is looked for under `root` as torchvision keeps it, and downloaded there if missing. A
    folder is read with all its subfolders; where every image is in one, those are its classes. With
    several `parts`, ``a`` and ``b``, a folder with ``trainA`` and ``trainB`` is wanted. `limit` keeps
    the first so many images. What does not fit in memory is read as it is needed. `workers` processes
    read files; `tell` is told how many of how many are done.

    Raises:
        UnknownNameError: neither a known name nor a folder.
        DataError: the data cannot be read or downloaded, holds no image, or has no such parts.
        InvalidRequestError: a limit below 1.
    """
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InvalidRequestError(f"the limit is a whole number of at least 1, not {limit}")
    check_source(source)
    if len(parts) > 1:
        folders = _domain_folders(source, parts)
        return Domains(source, {p: load_folder(f, image_shape, limit, workers, tell) for p, f in folders.items()})
    if source in POINTS:
        return load_points(source, image_shape, limit)
    if source in DATASETS:
        return _from_torchvision(source, _expanded(root), image_shape, limit, workers, tell)
    return load_folder(_expanded(source), image_shape, limit, workers, tell, name=source)


def _expanded(path: str | Path) -> Path:
    """With the home folder for ``~``; what names no user stays as it is, where pathlib's own would raise."""
    return Path(os.path.expanduser(path))


def _domain_folders(source: str, parts: Sequence[str]) -> dict[str, Path]:
    folders = {part: _expanded(source) / f"train{part.upper()}" for part in parts}
    missing = [folder.name for folder in folders.values() if not folder.is_dir()]
    if missing:
        wanted = " and ".join(folder.name for folder in folders.values())
        raise DataError(f"{source} has no {' and no '.join(missing)} - unpaired training wants a folder with {wanted}")
    return folders


def _from_torchvision(name: str, root: Path, shape: Shape, limit: int | None, workers: int, tell: Tell) -> Data:
    source = DATASETS[name]
    data = _torchvision(name, source.kind, root)
    if source.files:
        paths = [root / source.files / file for file in data.filename]
        return load_pictures(name, paths, shape, limit=limit, workers=workers, tell=tell)
    images = torch.as_tensor(data.data)[:limit]
    images = images.permute(0, 3, 1, 2).contiguous() if source.channels_last else images[:, None]
    resized = resize(to_channels(images, shape[0]), shape[1:])
    notes = () if images.shape == resized.shape else (f"images are {_size(images)} and were made {_size(resized)}",)
    return ImageData(name, resized, torch.as_tensor(data.targets)[:limit], tuple(data.classes), notes)


def _torchvision(name: str, kind: str, root: Path) -> Any:
    from torchvision import datasets

    make: Callable[..., Any] = getattr(datasets, kind)
    try:
        return make(str(root), download=True)
    except Exception as error:  # torchvision lets urllib, tarfile, zipfile and RuntimeError through
        raise DataError(
            f"{name} is not in {root} and could not be downloaded ({one_line(error)}) - "
            "put torchvision's files there, or name their folder with --data-dir"
        ) from error


def _size(images: torch.Tensor) -> str:
    return "x".join(str(n) for n in images.shape[1:])
