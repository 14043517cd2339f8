"""The data sets that ganzoo knows by name, without torch: so a wrong name is refused at once."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.images.limits import PICTURE_CHANNELS
from ganzoo.utils import names
from ganzoo.utils.files import expand_home

__all__ = ["DATASETS", "Source", "check_form", "check_source"]


@dataclass(frozen=True)
class Source:
    """A data set of torchvision: `kind` is its class there.

    `folder` is where torchvision keeps it, and `image_shape` (C, H, W) is that of its images. `channels_last` says that
    torchvision has them as (N, H, W, C). `files` is the folder of its picture files, if it has them.
    """

    kind: str
    folder: str
    image_shape: tuple[int, int, int]
    channels_last: bool = False
    files: str = ""


DATASETS = {
    "mnist": Source("MNIST", "MNIST/raw", (1, 28, 28)),
    "fashion-mnist": Source("FashionMNIST", "FashionMNIST/raw", (1, 28, 28)),
    "kmnist": Source("KMNIST", "KMNIST/raw", (1, 28, 28)),
    "cifar10": Source("CIFAR10", "cifar-10-batches-py", (3, 32, 32), channels_last=True),
    "cifar100": Source("CIFAR100", "cifar-100-python", (3, 32, 32), channels_last=True),
    "celeba": Source("CelebA", "celeba", (3, 218, 178), files="celeba/img_align_celeba"),
}
"""The data sets of torchvision that ganzoo knows, by name."""


def check_form(source: str, channels: int, depth: int) -> None:
    """Refuse to read a data set by name with bits or channels that its images do not have. Folders may have them.

    Raises:
        InvalidRequestError: its pictures have 8 bits, or neither one nor three channels can become `channels`.
    """
    if source in names.DATASETS and depth > 8:
        raise InvalidRequestError(f"{source} has no pictures of {depth} bits - leave out --depth, or name a folder")
    if source in DATASETS and channels not in PICTURE_CHANNELS:
        raise InvalidRequestError(f"{source} has no {channels} channels - name a folder that has, or set channels=3")


def check_source(source: str) -> None:
    """Refuse a source that `load_data` cannot load.

    Raises:
        UnknownNameError: it is neither a known name nor a folder.
    """
    if source in names.DATASETS or (source and os.path.isdir(expand_home(source))):
        return
    raise UnknownNameError(f"{source!r} is neither a folder nor a data set{names.suggest(source, names.DATASETS)}")
