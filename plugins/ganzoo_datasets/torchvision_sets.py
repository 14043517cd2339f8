"""Data sets of torchvision: where it keeps them, and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torchvision import datasets

from ganzoo import DataError, DataRequest, ImageData, PictureSet
from ganzoo_datasets.downloads import check_reachable, extract_archives, urls_of, without_empty_folders

__all__ = ["open_arrays", "open_celeba"]

CELEBA = "celeba/img_align_celeba"
"""The folder of CelebA's picture files."""


class Kept(NamedTuple):
    """A data set of torchvision: `kind` is its class there, and `folder` is where torchvision keeps it."""

    kind: str
    folder: str


def open_arrays(kept: Kept, request: DataRequest) -> ImageData:
    """A data set that torchvision reads into memory, as (N, H, W) or (N, H, W, 3).

    Raises:
        DataError: it is not there, and cannot be downloaded.
    """
    data = _torchvision(kept, request, train=request.split == "train")
    images = torch.as_tensor(data.data)
    images = images.permute(0, 3, 1, 2).contiguous() if images.ndim == 4 else images[:, None]
    return ImageData(request.name, images, torch.as_tensor(data.targets), tuple(data.classes))


def open_celeba(kept: Kept, request: DataRequest) -> PictureSet:
    """CelebA, whose pictures are files.

    Raises:
        DataError: it is not there, and cannot be downloaded.
    """
    data = _torchvision(kept, request, split=request.split)
    return PictureSet(paths=tuple(request.root / CELEBA / file for file in data.filename))


def _torchvision(kept: Kept, request: DataRequest, **part: Any) -> Any:
    make: Callable[..., Any] = getattr(datasets, kept.kind)
    folder = Path(request.root).absolute() / kept.folder
    try:
        extract_archives(folder)
        try:
            return make(str(request.root), download=False, **part)
        except RuntimeError:  # it is not there, or not complete
            if not request.download:
                raise
            check_reachable(urls_of(make))
        with without_empty_folders(folder):
            return make(str(request.root), download=True, **part)
    except Exception as error:  # torchvision passes on the errors of urllib, tarfile and zipfile
        problem = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
        raise DataError(
            f"{request.name} is not in {folder} and could not be downloaded ({problem}) - put torchvision's files "
            f"there, or name the folder that holds {kept.folder} with --data-dir"
        ) from error
