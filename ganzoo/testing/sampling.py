"""Checks of sampling: images follow their seeds, on every device, and come out of a file as they went in."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.errors import GanzooError, InvalidRequestError
from ganzoo.images.tensors import to_pictures
from ganzoo.interface.configs import as_translation_config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.pretrained.load import load
from ganzoo.sampling.model import Model
from ganzoo.testing.asserting import assert_raises, assert_same_state
from ganzoo.testing.tiny import make_images, make_inputs, tiny_config, tiny_loop, tiny_model, trained_model
from ganzoo.weights.folder import Description, write_folder

__all__ = ["CHECKS"]

# ruff: noqa: S101 - assertions are what this package is for


def check_inputs_follow_their_seeds(architecture: str) -> None:
    """The inputs of image i of seed s are those of image 0 of seed s + i, bit for bit; a translation draws none."""
    model = trained_model(architecture)
    if model.task.from_images:
        return
    inputs = model.draw(5, seed=3)
    for i in range(5):
        alone = model.draw(1, seed=3 + i)
        assert all(torch.equal(alone[name][0], inputs[name][i]) for name in inputs)


def check_images_follow_their_seeds(architecture: str) -> None:
    """Image i of seed s is image 0 of seed s + i, at every batch size, to 1e-5; another seed gives another."""
    model = trained_model(architecture)
    images = make_images(model, 5, seed=3)
    for i in range(5):
        assert torch.allclose(make_images(model, 1, seed=3 + i)[0], images[i], rtol=0, atol=1e-5)
    for batch_size in (1, 2, 5):
        assert torch.allclose(make_images(model, 5, seed=3, batch_size=batch_size), images, rtol=0, atol=1e-5)
    assert not torch.allclose(images[0], images[1], rtol=0, atol=1e-5), "two seeds give one image"


def check_images_are_images(architecture: str) -> None:
    """Images have the config's shape and lie in [-1, 1], and PIL images come out."""
    model = trained_model(architecture)
    images = make_images(model, 3)
    channels, height, width = model.image_shape
    assert images.shape == (3, channels, height, width)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert [picture.size for picture in to_pictures(images)] == [(width, height)] * 3


def check_any_size_is_translated(architecture: str) -> None:
    """A translation keeps the size of its image, whatever it is, in tiles too; it has all that it names."""
    model = tiny_model(architecture)
    if not model.task.from_images:
        return
    config = as_translation_config(model.config)
    for direction in config.directions:
        for size in ((1, 1), (5, 3), (23, 17), (40, 64)):
            image = torch.rand(model.image_shape[0], *size) * 2 - 1
            assert model.translate(image, direction=direction).shape == image.shape
    tile = 4 * config.size_multiple * -(-config.minimum_size // config.size_multiple)
    image = torch.rand(model.image_shape[0], 2 * tile + 3, tile + 1) * 2 - 1
    assert model.translate(image, tile=tile).shape == image.shape
    assert_raises(InvalidRequestError, lambda: model.translate(image, direction="no such direction"))
    assert_raises(InvalidRequestError, lambda: model.translate(image, tile=4 * config.size_multiple + 1))


def check_sampling_has_no_side_effects(architecture: str) -> None:
    """Sampling twice gives the same, changes no weight, and leaves the caller's random state alone."""
    model = trained_model(architecture)
    state = copy.deepcopy(model.gan.state_dict())
    random = torch.get_rng_state()
    assert torch.equal(make_images(model, 2), make_images(model, 2))
    assert torch.equal(torch.get_rng_state(), random)
    assert_same_state(model.gan.state_dict(), state)


def check_devices_and_dtypes(architecture: str) -> None:
    """It generates wherever its parameters are and in their precision, and trains in bfloat16.

    The meta device stands for every device but the CPU, up to where autocast is used, which it does not know;
    a GPU is tried too if there is one.
    """
    model = trained_model(architecture)
    inputs = make_inputs(model)
    images = model.generate(inputs)
    double = copy.deepcopy(model.gan).double().generate(_converted(inputs, torch.float64))
    assert double.dtype == torch.float64, "some part of it is in a precision of its own"
    assert torch.allclose(double.float(), images, rtol=0, atol=1e-3)
    elsewhere = _on_meta(model.gan, inputs)
    assert elsewhere is None or (elsewhere.device.type, elsewhere.shape) == ("meta", images.shape)
    assert [record.step for record in tiny_loop(architecture, 2, precision="bf16")] == [1, 2]
    if torch.cuda.is_available():
        assert torch.allclose(model.to("cuda").generate(inputs), images, rtol=0, atol=1e-2)


def check_bad_requests_are_refused(architecture: str) -> None:
    """Counts, seeds and options that cannot be are refused at once, not when the first batch is made."""
    model = tiny_model(architecture)
    bad: list[dict[str, Any]] = [{"count": 0}, {"seed": -1}, {"seed": 2**32}, {"batch_size": 0}, {"no_such_option": 1}]
    for request in bad:
        assert_raises(InvalidRequestError, partial(model.stream, **{"count": 1, **request}))


def check_fuses(architecture: str) -> None:
    """What `fused` gives makes the same images, to 1e-5, also of a deep copy; the GAN itself does not change."""
    model = trained_model(architecture)
    inputs = make_inputs(model)
    expected = model.generate(inputs)
    state = copy.deepcopy(model.gan.state_dict())
    for gan in (model.gan, copy.deepcopy(model.gan)):
        with torch.inference_mode():
            assert torch.allclose(gan.fused()(inputs), expected, rtol=0, atol=1e-5)
        assert_same_state(gan.state_dict(), state)
        assert torch.equal(gan.generate(inputs), expected)


def check_models_are_copied(architecture: str) -> None:
    """A model that samples fused is pickled and deep-copied, before and after its first images; it follows its weights.

    All copies give the same images. Where the weights change, so do the images.
    """
    plain = trained_model(architecture)
    model = Model(plain.gan, plain.task, plain.config, name=plain.name, fuse=True)
    expected = make_images(plain, 2)
    for _ in ("before", "after"):
        unpickled = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
        for copied in (unpickled, copy.deepcopy(model)):
            assert torch.allclose(make_images(copied, 2), expected, rtol=0, atol=1e-5)
            assert_same_state(copied.gan.state_dict(), model.gan.state_dict())
        assert torch.allclose(make_images(model, 2), expected, rtol=0, atol=1e-5)
    with torch.no_grad():
        for parameter in model.gan.parameters():
            parameter.mul_(1.5)
    changed = make_images(plain, 2)
    assert not torch.allclose(changed, expected, rtol=0, atol=1e-3), "its images do not depend on its weights"
    assert torch.allclose(make_images(model, 2), changed, rtol=0, atol=1e-4), "it samples old weights"


def check_published_round_trip(architecture: str) -> None:
    """What is written to a published folder loads into a model that gives the same images."""
    model = trained_model(architecture)
    tensors = model.gan.state_dict()
    config = dataclasses.asdict(tiny_config(architecture))
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), tensors, Description(architecture, config, "noise"))
        loaded = load(Path(folder))
        damaged = Path(folder, "model.safetensors")
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x7f")
        assert_raises(GanzooError, lambda: load(Path(folder)))
    assert torch.allclose(
        make_images(loaded, 3), make_images(model, 3), atol=1e-5
    )  # its memory may be in another order


def _on_meta(gan: GAN, inputs: Inputs) -> Tensor | None:
    """What it generates on the meta device; None if it got as far as PyTorch's autocast, which knows no meta device."""
    try:
        return copy.deepcopy(gan).to("meta").generate({name: value.to("meta") for name, value in inputs.items()})
    except RuntimeError as error:
        if "unsupported scalarType" not in str(error):
            raise
        return None


def _converted(inputs: Inputs, dtype: torch.dtype) -> Inputs:
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module, functions of the architecture's name."""
