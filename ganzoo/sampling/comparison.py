"""Compare an engine with PyTorch: its images, for a few seeds, batch sizes and picture sizes, and its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from ganzoo.errors import EngineError
from ganzoo.interface.configs import Config, as_translation_config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.tasks import Task

__all__ = ["TOLERANCE", "check_same_images", "is_faster", "other_inputs", "trial_inputs"]

TOLERANCE = 1e-4
"""The largest difference of a pixel, of values in [-1, 1], between an engine's image and PyTorch's."""

_ROWS = 3
_ROUNDS = 3


def trial_inputs(gan: GAN, task: type[Task], config: Config, inputs: Inputs) -> Inputs:
    """The inputs of three images to compare, on the device of the GAN, with the names of `inputs`.

    They are those of the seeds 0, 1 and 2, the second one with truncation if the task has it. A model that translates
    images gets noise.
    """
    random = torch.Generator().manual_seed(0)
    if task.from_images:
        shape = config.image_shape
        rows = {
            name: torch.rand(_ROWS, *shape, generator=random) * 2 - 1
            if value.ndim == 4
            else value[:1].repeat_interleave(_ROWS, 0)
            for name, value in inputs.items()
        }
    else:
        rows = _drawn(gan, task, inputs)
    return {name: rows[name].to(gan.device) for name in inputs}


def _drawn(gan: GAN, task: type[Task], like: Inputs) -> Inputs:
    """Drawn inputs, in the form that `like` has: as they are, or as edits or inversions change them."""
    truncated: dict[str, Any] = {"truncation": 0.5} if "truncation" in {field.name for field in fields(task)} else {}
    requests = (task(), task(**truncated), task())
    rows = [gan.draw(request, torch.Generator().manual_seed(seed)) for seed, request in enumerate(requests)]
    drawn = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    forms = (drawn, gan.edit_inputs(drawn), gan.inversion_inputs(drawn))
    return next((form for form in forms if _has_form(form, like)), drawn)


def _has_form(inputs: Inputs, like: Inputs) -> bool:
    return all(name in inputs and inputs[name].shape[1:] == value.shape[1:] for name, value in like.items())


def other_inputs(inputs: Inputs, task: type[Task], config: Config) -> Iterator[Inputs]:
    """Inputs of one image and of three, and of two pictures of another size if the model translates pictures."""
    yield _rows(inputs, 1)
    yield inputs
    if task.from_images:
        yield {name: _resized(value[:2], config) if value.ndim == 4 else value[:2] for name, value in inputs.items()}


def _rows(inputs: Inputs, count: int) -> Inputs:
    return {name: value[:count] for name, value in inputs.items()}


def _resized(images: Tensor, config: Config) -> Tensor:
    """Another size that the network takes: higher by one step, and about half as wide."""
    wanted = as_translation_config(config)
    multiple, least = wanted.size_multiple, -(-wanted.minimum_size // wanted.size_multiple) * wanted.size_multiple
    height = images.shape[2] + multiple
    width = max(least, images.shape[3] // 2 // multiple * multiple)
    return torch.nn.functional.interpolate(images, size=(height, width), mode="nearest")


@torch.no_grad()
def check_same_images(
    function: Callable[[Inputs], Tensor], reference: Callable[[Inputs], Tensor], batches: Sequence[Inputs]
) -> None:
    """Check that `function` gives the images of `reference` for each batch of inputs.

    Raises:
        EngineError: an image has another shape, or a pixel differs by more than `TOLERANCE`.
    """
    for inputs in batches:
        expected, images = reference(inputs), function(inputs)
        if images.shape != expected.shape:
            raise EngineError(f"its images have the shape {tuple(images.shape)}, not {tuple(expected.shape)}")
        difference = float((images.float() - expected.float()).abs().max())
        if not difference <= TOLERANCE:  # NaN too
            raise EngineError(f"its images differ from PyTorch's by up to {difference:.2g}")


@torch.no_grad()
def is_faster(function: Callable[[Inputs], Tensor], other: Callable[[Inputs], Tensor], inputs: Inputs) -> bool:
    """Whether `function` generates the images of `inputs` in less time than `other`: the best of a few rounds of each.

    They run in turn, because the first calls prepare what later ones keep, and other programs come and go.
    """
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_ROUNDS):
        for is_first, generate in ((True, function), (False, other)):
            started = time.perf_counter()
            generate(inputs).cpu()  # a GPU has only begun when the call returns
            times[is_first].append(time.perf_counter() - started)
    return min(times[True]) < min(times[False])
