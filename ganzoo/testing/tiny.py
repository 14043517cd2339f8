"""Small networks, data and training loops for the checks: each architecture at its `tiny` size, on noise."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ganzoo.data.captions import Captions
from ganzoo.data.datasets import Domains, ImageData
from ganzoo.data.pairs import Pairs
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.interface.configs import Config, TextConfig, as_text_config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.tasks import Task
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.training import checkpoints
from ganzoo.training.loop import Loop
from ganzoo.training.plan import TrainingOptions

__all__ = [
    "make_images",
    "make_inputs",
    "noise_data",
    "restore_from_disk",
    "tiny_config",
    "tiny_data",
    "tiny_gan",
    "tiny_loop",
    "tiny_model",
    "tiny_settings",
    "trained_model",
]

# ruff: noqa: S101 - this package asserts on purpose


TEXTS = ("blue circle", "red circle", "small blue square", "small red square")
"""The captions of noise for an architecture that reads texts, if its `tiny` config gives no vocabulary and examples."""


def noise_data(image_shape: tuple[int, int, int], count: int = 20) -> ImageData:
    """A data set of `count` random images of two classes, the same at each call."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *image_shape), generator=random, dtype=torch.uint8)
    return ImageData("noise", images, torch.arange(count) % 2, ("even", "odd"))


def tiny_data(architecture: str, **config: Any) -> ImageData | Domains:
    """Noise for the architecture at its `tiny` size: one data set, or one for each domain.

    Here and below, `config` replaces values of the `tiny` config.
    """
    return _noise_for(lookup.registry().architectures[architecture].task, tiny_config(architecture, **config))


def _noise_for(task: type[Task], config: Config) -> ImageData | Domains:
    parts, shape = task.trains_on, config.image_shape
    if task.needs_text:
        return _with_captions(noise_data(shape), as_text_config(config))
    if len(parts) == 1:
        return noise_data(shape)
    if task.paired:
        return Pairs.of(noise_data((2 * shape[0], *shape[1:])))
    return Domains("noise", {part: noise_data(shape, 20 + 3 * i) for i, part in enumerate(parts)})


def _with_captions(data: ImageData, config: TextConfig) -> ImageData:
    """The images with one or two of the config's examples as the captions of each."""
    count = len(config.examples)
    texts = [(config.examples[i % count], config.examples[-i % count])[: 1 + i % 2] for i in range(len(data))]
    return data.with_captions(Captions(tuple(texts)).encoded(config))


def tiny_gan(architecture: str, loss: str | None = None, **config: Any) -> GAN:
    """The architecture at its `tiny` size, with the same initial weights at each call."""
    torch.manual_seed(0)
    return lookup.create(architecture, loss=loss, **tiny_settings(architecture, **config))


def tiny_model(architecture: str) -> Model:
    """An untrained model at its `tiny` size."""
    spec = lookup.registry().architectures[architecture]
    return Model(tiny_gan(architecture), spec.task, tiny_config(architecture), name=architecture)


def tiny_loop(
    architecture: str,
    iterations: int = 6,
    *,
    loss: str | None = None,
    config: Mapping[str, Any] = MappingProxyType({}),
    processes: ProcessGroup = ProcessGroup(),  # noqa: B008 - frozen
    batch_size: int = 6,
    **options: Any,
) -> Loop:
    """A training loop of the architecture at its `tiny` size, on noise."""
    options = {"iterations": iterations, "batch_size": batch_size, **options}
    gan = tiny_gan(architecture, loss, **config).to(torch.get_default_dtype())
    return Loop(gan, tiny_data(architecture, **config), TrainingOptions(**options), processes=processes)


def tiny_config(architecture: str, **config: Any) -> Config:
    """The config of the architecture at its `tiny` size."""
    return lookup.check_config(architecture, tiny_settings(architecture, **config))[0]


def tiny_settings(architecture: str, **config: Any) -> Mapping[str, Any]:
    """The values of the `tiny` config; one that reads texts gets words and examples if it has none."""
    spec = lookup.registry().architectures[architecture]
    if not spec.task.needs_text or (spec.tiny.get("vocabulary") and spec.tiny.get("examples")):
        return {**spec.tiny, **config}
    return {**spec.tiny, "vocabulary": Captions((TEXTS,)).vocabulary, "examples": TEXTS, **config}


def trained_model(architecture: str, **config: Any) -> Model:
    """A model after a few iterations, so that its running statistics and averages are not the initial ones."""
    loop = tiny_loop(architecture, config=config)
    list(loop)
    spec = lookup.registry().architectures[architecture]
    return Model(loop.average, spec.task, tiny_config(architecture, **config), name=architecture)


def make_images(model: Model, count: int, *, seed: int = 0, batch_size: int = 64) -> Tensor:
    """`count` images, for the seeds from `seed` on. A model that translates images translates noise of these seeds."""
    if not model.task.from_images:
        return model.sample(count, seed=seed, batch_size=batch_size)
    noise = [torch.rand(model.image_shape, generator=torch.Generator().manual_seed(seed + i)) for i in range(count)]
    return torch.stack(list(model.translations([2 * image - 1 for image in noise], batch_size=batch_size)))


def make_inputs(model: Model) -> Inputs:
    """The inputs of two images. A model that translates images gets noise."""
    if not model.task.from_images:
        return model.draw(2)
    random = torch.Generator().manual_seed(0)
    images = [torch.rand(model.image_shape, generator=random) for _ in range(2)]
    rows = [model.gan.draw(model.request(image=2 * image - 1), random) for image in images]
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def restore_from_disk(source: Loop, target: Loop) -> None:
    """Write a checkpoint of `source` to disk, read it, and continue from it in `target`."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(Path(folder), source.checkpoint())
        checkpoint = checkpoints.latest(Path(folder))
    assert checkpoint is not None, "no checkpoint was written"
    target.restore(checkpoint)
