"""Checks of feature extractors: networks that images are compared by."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.evaluation.extractors import load_extractor
from ganzoo.interface.extractor import Extractor
from ganzoo.interface.weights_files import BundledFile
from ganzoo.registry import lookup
from ganzoo.testing.declaring import assert_imports_no_torch
from ganzoo.testing.tiny import noise_data

__all__ = ["CHECKS"]

# ruff: noqa: S101 - assertions are what this package is for

SHAPES = ((1, 28, 28), (3, 28, 28), (1, 32, 20), (3, 64, 64), (1, 7, 7))
"""Some of the images that an extractor takes: grey and in colour, small and large."""


def check_extractor_is_declared_without_torch(name: str) -> None:
    """Importing the module that declares it imports neither torch nor numpy, and takes less than a second."""
    assert_imports_no_torch(lookup.registry().feature_extractors[name].build.__module__)


def check_extractor_is_described(name: str) -> None:
    """It has a summary, and says where it comes from, what it learned, and what becomes of images of other sizes."""
    spec = lookup.registry().feature_extractors[name]
    for fact in ("summary", "source", "dataset", "accepts"):
        assert getattr(spec, fact), f"{name} has no {fact}"
    assert min(spec.num_features, spec.num_classes) >= 1
    assert type(spec.build()).__doc__ != Extractor.__doc__, "the network has no docstring of its own"


def check_extractor_takes_any_image(name: str) -> None:
    """Images of any size, grey and in colour, give as many finite features and classes as it declares."""
    spec, network = lookup.registry().feature_extractors[name], _network(name)
    for shape in SHAPES:
        seen = network(_images(shape))
        assert [tuple(each.shape) for each in seen] == [(4, spec.num_features), (4, spec.num_classes)], (
            f"images of {shape}"
        )
        assert all(bool(each.isfinite().all()) for each in seen), f"images of {shape}"


def check_extractor_looks_at_each_image_alone(name: str) -> None:
    """What it sees in an image does not depend on the others of its batch, to 1e-4, and is the same each time."""
    network, images = _network(name), _images((3, 32, 32))
    together = network(images)
    assert all(torch.equal(*pair) for pair in zip(together, network(images), strict=True))
    for row in range(len(images)):
        for whole, alone in zip(together, network(images[row : row + 1]), strict=True):
            assert torch.allclose(whole[row], alone[0], rtol=1e-4, atol=1e-4)


def check_extractor_tells_images_apart(name: str) -> None:
    """Two different images have different features."""
    features = _network(name)(_images((3, 32, 32))).features
    assert not torch.allclose(features[0], features[1]), "it sees the same in different images"


def _network(name: str) -> Extractor:
    """With its weights where they are bundled, else with random ones: nothing is fetched for a check."""
    spec = lookup.registry().feature_extractors[name]
    if isinstance(spec.weights, BundledFile):
        return load_extractor(name, device=torch.device("cpu"))
    torch.manual_seed(0)
    return spec.build().eval().requires_grad_(False)


def _images(shape: tuple[int, int, int]) -> Tensor:
    return noise_data(shape, 4).images


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module, functions of the extractor's name."""
