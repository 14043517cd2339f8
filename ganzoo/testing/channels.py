"""The check of images with many channels, such as those of a satellite."""

from __future__ import annotations

import dataclasses

import torch

from ganzoo.errors import InvalidConfigError
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.testing.tiny import make_images, make_inputs, tiny_config, tiny_loop

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose

MANY = {"channels": 5}


def check_many_channels(architecture: str) -> None:
    """With five channels it must train, with every registered augmentation too, and make images with five channels.

    `fused` must give the same images, to 1e-5. Architectures whose config has no field `channels`, or refuses five,
    pass.
    """
    spec = lookup.registry().architectures[architecture]
    if "channels" not in {field.name for field in dataclasses.fields(spec.config)}:
        return
    try:
        config = tiny_config(architecture, **MANY)
    except InvalidConfigError:
        return
    for name in ("", *lookup.registry().augmentations):
        loop = tiny_loop(architecture, 2, config=MANY, augmentations=(name,) if name else ())
        assert [record.step for record in loop] == [1, 2], f"two iterations with {name or 'no augmentation'} do not run"
    model = Model(loop.average, spec.task, config, name=architecture)
    images = make_images(model, 2)
    assert images.shape[:2] == (2, 5), f"two images with five channels have the shape {tuple(images.shape)}"
    inputs = make_inputs(model)
    with torch.inference_mode():
        same = torch.allclose(model.gan.fused()(inputs), model.generate(inputs), rtol=0, atol=1e-5)
    assert same, "`fused` gives other images with five channels"


CHECKS = (check_many_channels,)
