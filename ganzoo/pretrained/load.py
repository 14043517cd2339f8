"""Load pretrained models and pull their weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import LayoutError, MismatchError
from ganzoo.pretrained.resolve import resolve, resolve_weights
from ganzoo.pretrained.sources import RegisteredExtractor, Source
from ganzoo.registry import lookup
from ganzoo.sampling.engines import TORCH, check_engine
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.layouts import Match, find_layout, rename

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ganzoo.interface.gan import GAN
    from ganzoo.sampling.model import Model

__all__ = ["Pulled", "assemble", "assemble_published", "load", "load_from", "pull", "pull_from"]


def load(
    name: str | Path,
    *,
    device: str | torch.device = "auto",
    engine: str = TORCH,
    precision: str = "fp32",
    progress: Progress = silent,
) -> Model:
    """Load a pretrained model that is ready to sample, by its registered name, its folder or its Hub reference.

    A text that begins with ``.``, ``/`` or ``~`` is a path. Any other text is a registered model, or else a folder
    that has a ``config.json``. ``hf:owner/repository[@revision]`` is a repository that `ganzoo publish` wrote.
    The weights are verified. `device` is ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``auto`` chooses the best
    one here. `engine` and `precision` are those of `Model.use`. `progress` counts the bytes of the download.

    Raises:
        UnknownNameError: nothing has that name, or there is no such engine.
        WeightsError: the weights cannot be downloaded, are damaged, or do not fit the network.
        NonFiniteError: the weights contain NaN or infinity.
        InvalidRequestError: there is no such device or precision.
    """
    return load_from(resolve(name), device=device, engine=engine, precision=precision, progress=progress)


def load_from(
    source: Source,
    *,
    device: str | torch.device = "cpu",
    engine: str = TORCH,
    precision: str = "fp32",
    progress: Progress = silent,
) -> Model:
    """As `load`, from a source that `resolve` returned."""
    from ganzoo.utils.devices import resolve_device

    check_engine(engine, precision)

    target = resolve_device(str(device))  # a wrong device is refused before anything is downloaded or read
    info = source.info
    config, tensors = source.read(source.fetch(progress=progress))
    name, classes = source.model_name, info.classes
    model = assemble_published(info.architecture, config, tensors, name=name, classes=classes, fuse=True)
    model.license, model.depth = info.license, info.depth
    return model.to(target).use(engine=engine, precision=precision)


class Pulled(NamedTuple):
    """Weights on this machine.

    `path` is the safetensors file and `size` its length in bytes. `bundled` says that there was nothing to
    fetch or to verify: it is part of the plugin, or in a folder.
    """

    name: str
    path: Path
    size: int
    bundled: bool


def pull(name: str | Path, *, progress: Progress = silent) -> Pulled:
    """Download and verify the weights of a model or a feature extractor, so that using it needs no network.

    `name` is as for `load`, or names a feature extractor. If both have the name, both are pulled, and the model's file
    is returned. `progress` counts the bytes of the download.

    Raises:
        UnknownNameError: nothing has that name.
        WeightsError: the weights cannot be downloaded or read.
    """
    first, *_ = [pull_from(source, progress=progress) for source in resolve_weights(name)]
    return first


def pull_from(source: Source | RegisteredExtractor, *, progress: Progress = silent) -> Pulled:
    """As `pull`, from a source that `resolve_weights` returned."""
    path = source.fetch(progress=progress)
    source.check(path)
    return Pulled(source.name, path, path.stat().st_size, source.bundled)


def assemble(
    architecture: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    name: str,
    classes: tuple[str, ...] = (),
    fuse: bool = False,
) -> Model:
    """Build a model of an architecture from tensors that have ganzoo's names.

    `name` is the name of the model. `fuse` is as for `Model`.

    Raises:
        UnknownNameError: there is no such architecture.
        InvalidConfigError: the architecture does not accept the config.
        MismatchError: the tensors do not fit the network. The message starts with `name`.
    """
    from ganzoo.interface.gan import keep_published
    from ganzoo.sampling.model import Model
    from ganzoo.weights.meta import build_and_load

    settings, _ = lookup.check_config(architecture, config)

    def build() -> GAN:
        gan = lookup.create(architecture, **config)
        keep_published(gan)
        return gan

    gan = build_and_load(build, tensors, of=name)
    task = lookup.registry().architectures[architecture].task
    return Model(gan, task, settings, name=name, classes=classes, fuse=fuse)


def assemble_published(
    architecture: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    name: str,
    classes: tuple[str, ...] = (),
    fuse: bool = False,
) -> Model:
    """As `assemble`, for published tensors: an older version of ganzoo may have given them other names.

    Tensors that do not fit under ganzoo's present names are read by the layout of the architecture that fits them.
    `config` overrides the config of the layout.
    """
    build = partial(assemble, architecture, name=name, classes=classes, fuse=fuse)
    try:
        return build(config, tensors)
    except MismatchError:
        match = _layout_of(architecture, tensors, of=name)
        if match is None:
            raise
    return build({**match.reading.config, **config}, rename(tensors, match))


def _layout_of(architecture: str, tensors: Mapping[str, Tensor], *, of: str) -> Match | None:
    """Find the layout of the architecture that the tensors are in; None if there is none."""
    layouts = [layout for layout in lookup.registry().layouts.values() if layout.architecture == architecture]
    try:
        return find_layout({name: tuple(tensor.shape) for name, tensor in tensors.items()}, layouts, of=of)
    except LayoutError:
        return None
