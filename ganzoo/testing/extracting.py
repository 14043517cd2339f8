"""Checks of feature extractors, the networks whose features image sets are compared by."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.evaluation.extractors import load_extractor
from ganzoo.interface.extractor import Extractor, ImageDistance
from ganzoo.interface.weights_files import BundledFile
from ganzoo.registry import lookup
from ganzoo.testing.declaring import assert_imports_no_torch
from ganzoo.testing.tiny import noise_data

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose

SIZES = ((28, 28), (32, 20), (64, 64), (7, 7))
"""Some sizes of images that an extractor must accept: small and large, and not square."""


def check_extractor_is_declared_without_torch(name: str) -> None:
    """The module that declares it must not import torch or numpy, and must import within a second.

    Import them inside `build`, since every command of ganzoo imports every plugin.
    """
    assert_imports_no_torch(lookup.registry().feature_extractors[name].build.__module__)


def check_extractor_is_described(name: str) -> None:
    """The record must have `summary`, `source`, `dataset`, `accepts` and counts; the network must have a docstring."""
    spec = lookup.registry().feature_extractors[name]
    for fact in ("summary", "source", "dataset", "accepts"):
        assert getattr(spec, fact), f"{name} has no {fact}"
    assert spec.num_features >= 1, "num_features must be at least 1"
    assert spec.num_classes >= 0, "num_classes must be at least 0, for a network that is no classifier"
    assert type(spec.build()).__doc__ != Extractor.__doc__, "the network has no docstring of its own"


def check_extractor_takes_any_image(name: str) -> None:
    """For images of any size with its `channels`, it must return finite (N, num_features) and (N, num_classes)."""
    spec, network = lookup.registry().feature_extractors[name], _network(name)
    for shape in ((channels, *size) for channels in spec.channels for size in SIZES):
        output = network(_images(shape))
        shapes = [tuple(tensor.shape) for tensor in output]
        declared = [(4, spec.num_features), (4, spec.num_classes)]
        assert shapes == declared, f"4 images of shape {shape} give {shapes}, not {declared}"
        assert all(bool(tensor.isfinite().all()) for tensor in output), f"images of shape {shape} give NaN or infinity"


def check_extractor_looks_at_each_image_alone(name: str) -> None:
    """Features and logits of an image must not depend on the other images of its batch, to 1e-4, and never vary."""
    network, images = _network(name), _images(_shape(name))
    together = network(images)
    assert all(torch.equal(*pair) for pair in zip(together, network(images), strict=True)), "the same images vary"
    for row in range(len(images)):
        for whole, alone in zip(together, network(images[row : row + 1]), strict=True):
            same = torch.allclose(whole[row], alone[0], rtol=1e-4, atol=1e-4)
            assert same, "an image alone gives other features or logits than in a batch"


def check_extractor_passes_gradients_to_images(name: str) -> None:
    """Floats in [0, 255] must give the same output as uint8 images, and must get finite gradients that are not all 0.

    `ganzoo fool` and `Model.invert` change images by these gradients.
    """
    network, images = _network(name), _images(_shape(name))
    floats = images.float().requires_grad_()
    output = torch.cat(network(floats), dim=1)
    expected = torch.cat(network(images), dim=1)
    assert torch.allclose(output, expected, rtol=1e-4, atol=1e-4), "floats give another output than uint8"
    assert output.requires_grad, "the images get no gradient: `forward` must not detach or round them"
    (gradient,) = torch.autograd.grad(output.square().sum(), floats)
    assert bool(gradient.isfinite().all()), "a gradient is NaN or infinite"
    assert bool(gradient.any()), "all gradients are 0"


def check_extractor_tells_images_apart(name: str) -> None:
    """Two different images must have different features."""
    features = _network(name)(_images(_shape(name))).features
    assert not torch.allclose(features[0], features[1]), "two different images have the same features"


def check_extractor_measures_distances(name: str) -> None:
    """The distance of an `ImageDistance` must be symmetric, 0 between equal images, and larger between others.

    It must be of the same length as the batch, and depend on its own row alone. Other extractors have no distance.
    """
    network = _network(name)
    if not isinstance(network, ImageDistance):
        return
    images = _images((3, 32, 32))
    found = network.distance(images, images.flip(0))
    assert found.shape == (len(images),), f"distances of {len(images)} pairs have the shape {tuple(found.shape)}"
    assert torch.allclose(found, network.distance(images.flip(0), images), rtol=1e-4), "the distance is not symmetric"
    alone = network.distance(images[:1], images[-1:])
    assert torch.allclose(found[:1], alone, rtol=1e-4), "a pair alone has another distance than in a batch"
    assert bool((found > 0).all()), "two different images have no distance"
    assert not network.distance(images, images).any(), "equal images have a distance"


def _network(name: str) -> Extractor:
    """The network with its bundled weights, or with random weights if they are on the Hub: checks download nothing."""
    spec = lookup.registry().feature_extractors[name]
    if isinstance(spec.weights, BundledFile):
        return load_extractor(name, device=torch.device("cpu"))
    torch.manual_seed(0)
    return spec.build().eval().requires_grad_(False)


def _shape(name: str) -> tuple[int, int, int]:
    """The shape of images of 32x32 pixels, with the most channels that it takes."""
    return max(lookup.registry().feature_extractors[name].channels), 32, 32


def _images(shape: tuple[int, int, int]) -> Tensor:
    return noise_data(shape, 4).images


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module. Each takes the name of a feature extractor."""
