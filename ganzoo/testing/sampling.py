"""Checks of sampling: images depend only on their seeds, on every device, and files keep the images the same."""

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
from ganzoo.sampling.requests import DIRECTION_METHODS
from ganzoo.testing.asserting import assert_raises, assert_same_state
from ganzoo.testing.tiny import make_images, make_inputs, tiny_config, tiny_loop, tiny_model, trained_model
from ganzoo.weights.folder import Description, write_folder

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose


def check_inputs_follow_their_seeds(architecture: str) -> None:
    """`draw` must use only the generator it is given: image i of seed s has the inputs of image 0 of seed s + i.

    An overridden `draw_batch` must give the same rows, bit for bit.
    """
    model = trained_model(architecture)
    if model.task.from_images:
        return
    inputs = model.draw(5, seed=3)
    for i in range(5):
        alone = model.gan.draw(model.task(), torch.Generator().manual_seed(3 + i))
        same = all(torch.equal(alone[name], inputs[name][i]) for name in inputs)
        assert same, f"image {i} of seed 3 has other inputs than image 0 of seed {3 + i}"


def check_images_follow_their_seeds(architecture: str) -> None:
    """Image i of seed s must be image 0 of seed s + i, to 1e-5, at every batch size. Two seeds must give two images.

    In eval mode, `generate` must compute each image from its own row of the inputs.
    """
    model = trained_model(architecture)
    images = make_images(model, 5, seed=3)
    for i in range(5):
        alone = make_images(model, 1, seed=3 + i)[0]
        assert torch.allclose(alone, images[i], rtol=0, atol=1e-5), f"image {i} of seed 3 is not that of seed {3 + i}"
    for batch_size in (1, 2, 5):
        again = make_images(model, 5, seed=3, batch_size=batch_size)
        assert torch.allclose(again, images, rtol=0, atol=1e-5), f"batches of {batch_size} give other images"
    assert not torch.allclose(images[0], images[1], rtol=0, atol=1e-5), "two seeds give the same image"


def check_images_are_images(architecture: str) -> None:
    """`generate` must return float32 images of the config's `image_shape`, with values in [-1, 1]."""
    model = trained_model(architecture)
    images = make_images(model, 3)
    channels, height, width = model.image_shape
    assert images.shape == (3, channels, height, width), f"three images have the shape {tuple(images.shape)}"
    assert images.dtype == torch.float32, f"images are {images.dtype}"
    assert images.abs().max() <= 1, "an image has values outside [-1, 1]"
    assert [picture.size for picture in to_pictures(images)] == [(width, height)] * 3


def check_images_move_along_directions(architecture: str) -> None:
    """Along the directions of its weights and activations, an image must move. Strength 0 must change nothing.

    `direction_layers` must give matrices (outputs, inputs) for the names of inputs; `direction_activations` must give a
    row for each image. GANs without directions pass.
    """
    model = trained_model(architecture)
    layers = {} if model.task.from_images else model.gan.direction_layers()
    if not layers:
        return
    inputs = model.gan.edit_inputs(model.draw(2, seed=3))
    for name, matrices in layers.items():
        assert name in inputs, f"`direction_layers` names {name}, which is no input: {', '.join(inputs)}"
        shapes = [tuple(matrix.shape) for matrix in matrices]
        right = shapes and all(len(shape) == 2 and shape[1] == inputs[name][0].numel() for shape in shapes)
        assert right, f"the layers behind {name} have the shapes {shapes}, not (outputs, {inputs[name][0].numel()})"
    for method in DIRECTION_METHODS:
        directions = model.directions(method, 1, inputs=inputs)
        length = directions.vectors.norm().item()
        assert abs(length - 1) < 1e-4, f"the first {method} direction has the length {length:.3g}, not 1"
        images = model.edit(inputs, directions, [0.0, 3.0])[:, 0]
        assert torch.allclose(images[:, 0], model.generate(inputs), rtol=0, atol=1e-5), "strength 0 changes the image"
        assert not torch.allclose(images[:, 0], images[:, 1], rtol=0, atol=1e-5), f"{method} does not move the image"


def check_any_size_is_translated(architecture: str) -> None:
    """A translation of an image of any size must keep its size, in each of the config's directions, also in tiles.

    Unknown directions, requests without an image and impossible tiles must be refused. GANs that do not translate
    images pass.
    """
    model = tiny_model(architecture)
    if not model.task.from_images:
        return
    config = as_translation_config(model.config)
    for direction in config.directions:
        for size in ((1, 1), (5, 3), (23, 17), (40, 64)):
            image = torch.rand(model.image_shape[0], *size) * 2 - 1
            shape = model.translate(image, direction=direction).shape
            assert shape == image.shape, f"{direction} changes the shape {tuple(image.shape)} to {tuple(shape)}"
    tile = 4 * config.size_multiple * -(-config.minimum_size // config.size_multiple)
    image = torch.rand(model.image_shape[0], 2 * tile + 3, tile + 1) * 2 - 1
    assert model.translate(image, tile=tile).shape == image.shape, f"tiles of {tile} change the size of the image"
    assert_raises(InvalidRequestError, lambda: model.translate(image, direction="no such direction"))
    assert_raises(InvalidRequestError, model.draw)
    assert_raises(InvalidRequestError, lambda: model.translate(image, tile=4 * config.size_multiple + 1))


def check_sampling_has_no_side_effects(architecture: str) -> None:
    """Sampling must not change weights, buffers or PyTorch's global random state, and must repeat its images."""
    model = trained_model(architecture)
    state = copy.deepcopy(model.gan.state_dict())
    random = torch.get_rng_state()
    assert torch.equal(make_images(model, 2), make_images(model, 2)), "the same seeds give other images"
    assert torch.equal(torch.get_rng_state(), random), "sampling changes the global random state"
    assert_same_state(model.gan.state_dict(), state)


def check_devices_and_dtypes(architecture: str) -> None:
    """`generate` must work on the device and in the precision of the parameters; training must work in bfloat16.

    So create tensors with the device and the dtype of the inputs or the parameters. The meta device is used in place
    of a GPU, until the code uses autocast, which does not support it. A GPU is tried too, if the machine has one.
    """
    model = trained_model(architecture)
    inputs = make_inputs(model)
    images = model.generate(inputs)
    double = copy.deepcopy(model.gan).double().generate(_converted(inputs, torch.float64))
    assert double.dtype == torch.float64, "a part of `generate` does not use the precision of the parameters"
    assert torch.allclose(double.float(), images, rtol=0, atol=1e-3), "double precision gives other images"
    elsewhere = _on_meta(model.gan, inputs)
    right = elsewhere is None or (elsewhere.device.type, elsewhere.shape) == ("meta", images.shape)
    assert right, "the images are not on the device of the parameters"
    assert [record.step for record in tiny_loop(architecture, 2, precision="bf16")] == [1, 2]
    if torch.cuda.is_available():
        assert torch.allclose(model.to("cuda").generate(inputs), images, rtol=0, atol=1e-2), "a GPU gives other images"


def check_bad_requests_are_refused(architecture: str) -> None:
    """Impossible counts, seeds and options must be refused at once, before the first batch is generated."""
    model = tiny_model(architecture)
    bad: list[dict[str, Any]] = [{"count": 0}, {"seed": -1}, {"seed": 2**32}, {"batch_size": 0}, {"no_such_option": 1}]
    for request in bad:
        assert_raises(InvalidRequestError, partial(model.stream, **{"count": 1, **request}))


def check_fuses(architecture: str) -> None:
    """`fused()` must return a function with the same images as `generate`, to 1e-5, and must not change the GAN."""
    model = trained_model(architecture)
    inputs = make_inputs(model)
    expected = model.generate(inputs)
    state = copy.deepcopy(model.gan.state_dict())
    for gan in (model.gan, copy.deepcopy(model.gan)):
        with torch.inference_mode():
            assert torch.allclose(gan.fused()(inputs), expected, rtol=0, atol=1e-5), "`fused` gives other images"
        assert_same_state(gan.state_dict(), state)
        assert torch.equal(gan.generate(inputs), expected), "`fused` has changed the GAN"


def check_models_are_copied(architecture: str) -> None:
    """A fused model must give the same images after pickling and deep copies, before and after its first images.

    If its weights change, its images must change too.
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


def check_own_images_are_found(architecture: str) -> None:
    """The search of `Model.invert` must find images like the model's own, by gradients that reach the latents.

    40 steps must more than halve the difference that the best of 4 drawn images has. The inputs that are found must
    generate the result, to 1e-5. GANs that translate images pass.
    """
    model = trained_model(architecture)
    if model.task.from_images:
        return
    own = model.sample(2, seed=11)
    find = partial(model.invert, own, starts=4, prior=0.0)
    before, found = find(steps=0), find(steps=40)
    for start, end in zip(before.losses.tolist(), found.losses.tolist(), strict=True):
        assert end < start / 2, f"the search ends at a mean difference of {end:g}, its best start had {start:g}"
    assert torch.allclose(model.generate(found.inputs), found.images, rtol=0, atol=1e-5), "its inputs give other images"


def check_published_round_trip(architecture: str) -> None:
    """A model that is written to a published folder and loaded again must give the same images."""
    model = trained_model(architecture)
    tensors = model.gan.state_dict()
    config = dataclasses.asdict(tiny_config(architecture))
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), tensors, Description(architecture, config, "noise"))
        loaded = load(Path(folder), device="cpu")
        damaged = Path(folder, "model.safetensors")
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x7f")
        assert_raises(GanzooError, lambda: load(Path(folder)))
    assert loaded.config == model.config, "the loaded model has another config"
    same = torch.allclose(make_images(loaded, 3), make_images(model, 3), atol=1e-5)  # the memory layout may differ
    assert same, "the loaded model gives other images - is every tensor that they depend on a parameter or a buffer?"


def _on_meta(gan: GAN, inputs: Inputs) -> Tensor | None:
    """The images on the meta device; None if `generate` uses autocast, which does not support that device."""
    try:
        return copy.deepcopy(gan).to("meta").generate({name: value.to("meta") for name, value in inputs.items()})
    except RuntimeError as error:
        if "unsupported scalarType" not in str(error):
            raise
        return None


def _converted(inputs: Inputs, dtype: torch.dtype) -> Inputs:
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module. Each takes the name of an architecture."""
