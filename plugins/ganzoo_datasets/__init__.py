"""Where training pictures come from: torchvision's data sets, points, and archives that are read without unpacking."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

import ganzoo
from ganzoo import DataSource

__all__: list[str] = []

GANZOO_API = (2, 0)

_GRAY, _COLOR = (1, 28, 28), (3, 32, 32)


@ganzoo.hookimpl
def ganzoo_data_sources() -> Iterable[DataSource]:
    """Six data sets of torchvision, three distributions of points, and three formats."""
    yield _arrays("mnist", "handwritten digits", "MNIST", "MNIST/raw", _GRAY)
    yield _arrays("fashion-mnist", "clothes", "FashionMNIST", "FashionMNIST/raw", _GRAY)
    yield _arrays("kmnist", "cursive Japanese characters", "KMNIST", "KMNIST/raw", _GRAY)
    yield _arrays("cifar10", "photographs of ten classes", "CIFAR10", "cifar-10-batches-py", _COLOR)
    yield _arrays("cifar100", "photographs of a hundred classes", "CIFAR100", "cifar-100-python", _COLOR)
    yield DataSource(
        name="celeba",
        summary="faces of celebrities, aligned",
        splits=("train", "test"),
        image_shape=(3, 218, 178),
        folder="celeba",
        load=lambda: partial(_lazily("torchvision_sets", "open_celeba"), _kept("CelebA", "celeba")),
    )
    for name, summary, coordinates in (
        ("gaussian-1d", "points of a normal distribution on a line", 1),
        ("ring", "points around eight places on a circle", 2),
        ("grid", "points around 25 places on a square", 2),
    ):
        open_points = partial(_lazily, "points", "open_points")
        yield DataSource(name=name, summary=summary, image_shape=(coordinates, 1, 1), load=open_points)
    yield DataSource(
        name="zip",
        summary="pictures in a zip archive, laid out as in a folder",
        endings=(".zip",),
        captions=True,
        load=partial(_lazily, "zips", "open_zips"),
    )
    yield DataSource(
        name="webdataset",
        summary="pictures in tar archives, as WebDataset's shards or laid out as in a folder",
        endings=(".tar",),
        captions=True,
        load=partial(_lazily, "shards", "open_shards"),
    )
    yield DataSource(
        name="parquet",
        summary="pictures in a column of Parquet files, as most data sets of the Hub have them",
        endings=(".parquet",),
        captions=True,
        options=("image", "label", "text"),
        requires=("pyarrow",),
        install="pip install 'ganzoo[parquet]'",
        load=partial(_lazily, "tables", "open_tables"),
    )


def _arrays(name: str, summary: str, kind: str, folder: str, shape: tuple[int, int, int]) -> DataSource:
    """A data set that torchvision reads into memory."""
    return DataSource(
        name=name,
        summary=summary,
        splits=("train", "test"),
        image_shape=shape,
        folder=folder,
        load=lambda: partial(_lazily("torchvision_sets", "open_arrays"), _kept(kind, folder)),
    )


def _kept(kind: str, folder: str) -> Any:
    return _lazily("torchvision_sets", "Kept")(kind, folder)


def _lazily(module: str, name: str) -> Callable[..., Any]:
    """A function of the plugin, whose module imports torch and other libraries."""
    found: Callable[..., Any] = getattr(import_module(f"ganzoo_datasets.{module}"), name)
    return found
