"""Load data sets: those of torchvision by name, folders of pictures, and points from known distributions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from ganzoo.data.datasets import Data, Domains, ImageData
from ganzoo.data.downloads import check_reachable, extract_archives, urls_of, without_empty_folders
from ganzoo.data.folders import load_folder, load_pictures
from ganzoo.data.known import DATASETS, Source, check_source
from ganzoo.data.layout import limit_notes
from ganzoo.data.pairs import load_pairs
from ganzoo.data.toy_distributions import POINTS, load_points
from ganzoo.errors import DataError, InvalidRequestError, one_line
from ganzoo.images.tensors import fit, to_channels
from ganzoo.utils.files import expand_home
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent

__all__ = ["Split", "domain_folders", "load_data"]

Shape = tuple[int, int, int]
Split = Literal["train", "test"]
"""The two parts of a data set."""


@float32_on_cpu()
def load_data(
    source: str,
    image_shape: Shape,
    *,
    parts: Sequence[str] = ("image",),
    paired: bool = False,
    split: Split = "train",
    root: str | Path = "data",
    limit: int | None = None,
    workers: int = 0,
    needs_labels: bool = False,
    needs_text: bool = False,
    download: bool = True,
    progress: Progress = silent,
) -> Data | Domains:
    """Load a data set by name, or a folder of images, with the shape `image_shape` (C, H, W).

    A named data set is read from `root`, in the layout of torchvision. With `download`, it is downloaded there if it
    is missing. A folder is read with all its subfolders; `ganzoo.data.layout.find_layout` says which of them are
    classes, and what `needs_labels` does. With `needs_text`, the captions of a folder are read from ``metadata.jsonl``,
    if there is one. Several `parts`, such as ``a`` and ``b``, need a folder with ``trainA`` and
    ``trainB``. If they are `paired`, `load_pairs` says which pictures are pairs.

    `split` chooses the training or the test images of a named data set, and of a folder with several parts; other
    folders have training images only. `limit` keeps that many images from the start; of a folder with classes, it
    takes one of each class in turn. Images that do not fit in memory are read when they are needed. `workers`
    processes read files, and `progress` counts the pictures.

    Raises:
        UnknownNameError: `source` is neither a known name nor a folder.
        DataError: the data cannot be read or downloaded, contains no image, or lacks a part.
        InvalidRequestError: the limit is below 1, or `split` is "test" for a folder of images.
    """
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InvalidRequestError(f"the limit is a whole number of at least 1, not {limit}")
    check_source(source)
    if paired:
        return load_pairs(source, expand_home(source), image_shape, limit, workers, progress)
    if len(parts) > 1:
        folders = domain_folders(source, parts, split)
        return Domains(source, {p: load_folder(f, image_shape, limit, workers, progress) for p, f in folders.items()})
    if source in POINTS:
        return load_points(source, image_shape, limit)
    if source in DATASETS:
        return _from_torchvision(source, expand_home(root), image_shape, split, limit, workers, download, progress)
    if split != "train":
        raise InvalidRequestError(f"{source} is a folder without separate {split} images - use a data set by name")
    needs = {"needs_labels": needs_labels, "needs_text": needs_text}
    return load_folder(expand_home(source), image_shape, limit, workers, progress, name=source, **needs)


def domain_folders(source: str, parts: Sequence[str], split: Split = "train") -> dict[str, Path]:
    """The folders of unpaired domains, by their names in a batch: ``a`` is in ``trainA`` or ``testA``.

    Raises:
        DataError: a folder is missing.
    """
    folders = {part: expand_home(source) / f"{split}{part.upper()}" for part in parts}
    missing = [folder.name for folder in folders.values() if not folder.is_dir()]
    if missing:
        wanted = " and ".join(folder.name for folder in folders.values())
        raise DataError(f"{source} has no {' and no '.join(missing)} - unpaired training needs a folder with {wanted}")
    return folders


def _from_torchvision(
    name: str,
    root: Path,
    shape: Shape,
    split: Split,
    limit: int | None,
    workers: int,
    download: bool,
    progress: Progress,
) -> Data:
    source = DATASETS[name]
    data = _torchvision(name, source, root, split, download)
    if source.files:
        paths = [root / source.files / file for file in data.filename]
        return load_pictures(name, paths, shape, limit=limit, workers=workers, progress=progress)
    images = torch.as_tensor(data.data)[:limit]
    images = images.permute(0, 3, 1, 2).contiguous() if source.channels_last else images[:, None]
    resized = fit(to_channels(images, shape[0]), shape[1:])
    labels = torch.as_tensor(data.targets)[:limit]
    notes = [] if images.shape == resized.shape else [f"images were converted from {_size(images)} to {_size(resized)}"]
    notes += limit_notes(limit, labels, data.classes)
    return ImageData(name, resized, labels, tuple(data.classes), tuple(notes))


def _torchvision(name: str, source: Source, root: Path, split: Split, download: bool) -> Any:
    from torchvision import datasets

    make: Callable[..., Any] = getattr(datasets, source.kind)
    part: dict[str, Any] = {"split": split} if source.files else {"train": split == "train"}
    folder = root.absolute() / source.folder
    try:
        extract_archives(folder)
        try:
            return make(str(root), download=False, **part)
        except RuntimeError:  # it is not there, or not complete
            if not download:
                raise
            check_reachable(urls_of(make))
        with without_empty_folders(folder):
            return make(str(root), download=True, **part)
    except Exception as error:  # torchvision passes on the errors of urllib, tarfile and zipfile
        raise DataError(
            f"{name} is not in {folder} and could not be downloaded ({one_line(error)}) - put torchvision's files "
            f"there, or name the folder that holds {source.folder} with --data-dir"
        ) from error


def _size(images: torch.Tensor) -> str:
    return "x".join(str(n) for n in images.shape[1:])
