"""The check of images that are not square, for architectures that say that they can make them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from ganzoo.errors import InvalidConfigError
from ganzoo.interface.configs import takes_rectangles
from ganzoo.interface.resolutions import Resolution, image_size
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.testing.tiny import make_images, make_inputs, tiny_config, trained_model
from ganzoo.weights.folder import Description, write_folder

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose


def check_makes_rectangles(architecture: str) -> None:
    """If the config's `resolution` has the type `ganzoo.Resolution`, images must not have to be square.

    At its `tiny` size, with one side half or twice as long, it must train, sample, fuse, and be published and loaded:
    wide and high. All other architectures pass.
    """
    if not takes_rectangles(lookup.registry().architectures[architecture].config):
        return
    for resolution in _rectangles(architecture):
        model = trained_model(architecture, resolution=resolution)
        images, shape = make_images(model, 3), (model.image_shape[0], *image_size(resolution))
        assert model.image_shape[1:] == image_size(resolution), f"image_shape is {model.image_shape} at {resolution}"
        assert images.shape == (3, *shape), f"three images have the shape {tuple(images.shape)} at {resolution}"
        inputs = make_inputs(model)
        with torch.inference_mode():
            fused, expected = model.gan.fused()(inputs), model.gan.generate(inputs)
        assert torch.allclose(fused, expected, rtol=0, atol=1e-5), f"`fused` gives other images at {resolution}"
        with tempfile.TemporaryDirectory() as folder:
            config = dataclasses.asdict(model.config)
            write_folder(Path(folder), model.gan.state_dict(), Description(architecture, config, "noise"))
            loaded = load(Path(folder), device="cpu")
        assert loaded.config == model.config, f"the loaded model has another config at {resolution}"
        assert torch.allclose(make_images(loaded, 3), images, atol=1e-5), f"the loaded model differs at {resolution}"


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
    raise AssertionError(f"`resolution` has the type Resolution, but neither {side}x{side * 3 // 2} nor twice is taken")


CHECKS = (check_makes_rectangles,)
"""The check of this module. It takes the name of an architecture."""
