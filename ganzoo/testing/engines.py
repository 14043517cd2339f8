"""Checks of engines: whatever computes the images of an architecture, they are the same."""

from __future__ import annotations

import torch
from torch import nn

from ganzoo.interface.configs import as_translation_config
from ganzoo.interface.gan import Inputs
from ganzoo.registry import lookup
from ganzoo.sampling.comparison import TOLERANCE
from ganzoo.sampling.engine_generator import function_on
from ganzoo.sampling.engines import why_unusable
from ganzoo.sampling.model import Model
from ganzoo.testing.tiny import make_inputs, trained_model

__all__ = ["CHECKS", "assert_engine_agrees"]

# ruff: noqa: S101 - this package asserts on purpose


def check_engines_agree(architecture: str) -> None:
    """Each installed engine must give the images of PyTorch, to 1e-4, at any batch size and picture size.

    Engines that cannot take the network, for instance because `generate` branches on the values of tensors, are not
    used for it, and pass. So do engines that write no files: they take too long to prepare.
    """
    model = trained_model(architecture)
    for name, engine in lookup.registry().engines.items():
        if engine.format is not None and not why_unusable(engine, "cpu"):
            assert_engine_agrees(model, name, required=False)


def check_fused_is_exported(architecture: str) -> None:
    """If `fused()` returns a module, `torch.export` must take it, for any number of images.

    An engine would not say so: it falls back to `generate`. Take sizes from `x.shape[0]`; `len(x)` is a constant.
    """
    model = trained_model(architecture)
    fused, pair = model.gan.fused(), make_inputs(model)
    if not isinstance(fused, nn.Module):
        return
    batch = torch.export.Dim("batch")
    program = torch.export.export(fused, (pair,), dynamic_shapes=({name: {0: batch} for name in pair},))
    three = {name: value[[0, 1, 0]] for name, value in pair.items()}
    with torch.inference_mode():
        found, expected = program.module()(three), model.generate(three)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5), "the exported function gives other images"


def assert_engine_agrees(model: Model, name: str, *, required: bool = True) -> None:
    """One engine gives the images of PyTorch. It may refuse the model, unless it is `required`."""
    engine = lookup.registry().engines[name]
    inputs = make_inputs(model)
    try:
        function = function_on(engine, model.gan, model.task, model.config, inputs, cached=False)
    except Exception:
        if required:
            raise
        return
    for batch in _batches(model, inputs):
        with torch.inference_mode():
            expected, images = model.gan.generate(batch), function(batch)
        shape = {each: tuple(value.shape) for each, value in batch.items()}
        assert images.shape == expected.shape, f"{name} gives {tuple(images.shape)} for {shape}"
        difference = float((images - expected).abs().max())
        assert difference <= TOLERANCE, f"{name} differs from PyTorch by {difference:.2g} for {shape}"


def _batches(model: Model, inputs: Inputs) -> list[Inputs]:
    """Inputs of 1, 2, 5 and 7 images; and of two sizes of pictures that the engine was not compared at."""
    repeated = {name: value.repeat(4, *[1] * (value.ndim - 1)) for name, value in inputs.items()}
    batches = [{name: value[-count:] for name, value in repeated.items()} for count in (1, 2, 5, 7)]
    if not model.task.from_images:
        return batches
    config = as_translation_config(model.config)
    least = -(-config.minimum_size // config.size_multiple) * config.size_multiple
    sizes = ((least, least), (least + 5 * config.size_multiple, least + 2 * config.size_multiple))
    return batches + [{name: torch.rand(3, value.shape[1], *size) for name, value in inputs.items()} for size in sizes]


CHECKS = (check_engines_agree, check_fused_is_exported)
"""The check of this module. It takes the name of an architecture."""
