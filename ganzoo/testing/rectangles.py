"""The check of images that are not square, for architectures that say that they can make them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.errors import InvalidConfigError
from ganzoo.interface.configs import takes_rectangles
from ganzoo.interface.resolutions import Resolution, image_size
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.testing.tiny import make_images, make_inputs, tiny_config, trained_model
from ganzoo.weights.folder import Description, write_folder

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose


def check_makes_rectangles(architecture: str) -> None:
    """If the config's `resolution` has the type `ganzoo.Resolution`, it must train and sample images of any shape.

    It is tried at its `tiny` size with one side half as long again, or twice as long: with wide and with high images.
    `fused` and a published folder must give the same images. All other architectures pass.
    """
    if not takes_rectangles(lookup.registry().architectures[architecture].config):
        return
    for resolution in _rectangles(architecture):
        model, size = trained_model(architecture, resolution=resolution), image_size(resolution)
        assert model.image_shape[1:] == size, f"image_shape is {model.image_shape} at the resolution {resolution}"
        images = make_images(model, 3)
        assert images.shape == (3, *model.image_shape), f"images at {resolution} have the shape {tuple(images.shape)}"
        inputs = make_inputs(model)
        with torch.inference_mode():
            same = torch.allclose(model.gan.fused()(inputs), model.gan.generate(inputs), rtol=0, atol=1e-5)
        assert same, f"`fused` gives other images at the resolution {resolution}"
        _check_folder(architecture, model, images)


def _check_folder(architecture: str, model: Model, images: Tensor) -> None:
    """The model must have the same config and images after it was written to a folder."""
    with tempfile.TemporaryDirectory() as folder:
        description = Description(architecture, dataclasses.asdict(model.config), "noise")
        write_folder(Path(folder), model.gan.state_dict(), description)
        loaded = load(Path(folder), device="cpu")
    assert loaded.config == model.config, "the loaded model has another config"
    assert torch.allclose(make_images(loaded, len(images)), images, atol=1e-5), "the loaded model gives other images"


def _rectangles(architecture: str) -> Iterator[Resolution]:
    """A wide and a high resolution near that of the `tiny` config."""
    side = min(tiny_config(architecture).image_shape[1:])
    for longer in (side * 3 // 2, side * 2):
        try:
            tiny_config(architecture, resolution=(side, longer))
        except InvalidConfigError:
            continue
        yield from ((side, longer), (longer, side))
        return
    sizes = f"{side}x{side * 3 // 2} nor {side}x{side * 2}"
    raise AssertionError(f"`resolution` has the type Resolution, but can be neither {sizes} in the `tiny` config")


CHECKS = (check_makes_rectangles,)
"""The check of this module. It takes the name of an architecture."""
