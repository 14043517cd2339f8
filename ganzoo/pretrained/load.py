"""Weights by name: brought here and verified, and models made of them that are ready to sample."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, LayoutError, MismatchError
from ganzoo.hub import download, references
from ganzoo.interface.specs import FeatureExtractor, PretrainedModel
from ganzoo.interface.weights_files import BundledFile, HubFile
from ganzoo.pretrained import resolve
from ganzoo.registry import lookup
from ganzoo.utils.files import sha256_of
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights import pickles
from ganzoo.weights.folder import CONFIG, WEIGHTS, read_description
from ganzoo.weights.layouts import Match, find_layout, rename
from ganzoo.weights.tensors import read_header, read_tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ganzoo.interface.gan import GAN
    from ganzoo.sampling.model import Model

__all__ = ["Pulled", "assemble", "assemble_published", "load", "pull", "read_weights", "weights_path", "weights_size"]


def load(name: str | Path, *, device: str | torch.device = "cpu", progress: Progress = silent) -> Model:
    """A pretrained model by its registered name, from a published folder or the Hub, verified and ready to sample.

    A path is told from a name by its start (``.``, ``/``, ``~``), or by being a folder with a ``config.json``
    where no model has that name. ``hf:owner/repository[@revision]`` is what `ganzoo publish` wrote.
    `device` may be ``auto``. `progress` is as for `pull`.

    Raises:
        UnknownNameError: nothing has that name.
        WeightsError: the weights cannot be fetched, are damaged or do not fit.
        NonFiniteError: the weights hold NaN or infinity.
        InvalidRequestError: there is no such device.
    """
    from ganzoo.utils.devices import resolve_device

    place = resolve_device(str(device))  # before anything is fetched or read
    if resolve.is_registered(name):
        model = _load_registered(str(name), progress)
    else:
        name = references.pin(str(name)) if references.is_reference(name) else name
        model = _load_folder(resolve.folder_of(name, progress=progress), name=name)
    return model.to(place)


class Pulled(NamedTuple):
    """Weights on this machine: the safetensors file, its size in bytes, and whether it was here before.

    Those of the wheel and of folders were.
    """

    name: str
    path: Path
    size: int
    bundled: bool


def pull(name: str, *, progress: Progress = silent) -> Pulled:
    """Fetch and verify the weights of a model or a feature extractor, so that their use needs no network.

    Bundled ones are there already. `name` is as for `load`, or that of a feature extractor.

    `progress` is told of the bytes that have arrived.

    Raises:
        UnknownNameError: nothing has that name.
        WeightsError: the weights cannot be fetched or read.
    """
    if not resolve.is_registered(name):
        return _pull_described(name, progress)
    record = resolve.record_of(name)
    path = weights_path(record, progress=progress)
    if isinstance(record, PretrainedModel):
        _match(record, path)
    return Pulled(name, path, path.stat().st_size, isinstance(record.weights, BundledFile))


def weights_path(model: PretrainedModel | FeatureExtractor, *, progress: Progress = silent) -> Path:
    """The safetensors file of a record: bundled, or fetched, verified, and converted where it is a pickle."""
    if isinstance(model.weights, BundledFile):
        return Path(str(files(model.weights.package).joinpath(model.weights.path)))
    fetched = download.fetch(model.weights, progress=progress)
    return pickles.convert_to_safetensors(fetched, sha256=model.weights.sha256)


def weights_size(record: PretrainedModel | FeatureExtractor) -> int | None:
    """The size in bytes of a weights file, None where nobody states it."""
    return weights_path(record).stat().st_size if isinstance(record.weights, BundledFile) else record.weights.size


def read_weights(record: PretrainedModel | FeatureExtractor, path: Path) -> dict[str, Tensor]:
    """The tensors of a record's file, which `weights_path` gave; what was fetched has been verified by that.

    Raises:
        WeightsError: a bundled file is damaged, or the file is no safetensors file.
        NonFiniteError: NaN or infinity among the weights.
    """
    return read_tensors(path, sha256=record.weights.sha256 if isinstance(record.weights, BundledFile) else None)


def assemble(
    architecture: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    name: str,
    classes: tuple[str, ...] = (),
    fuse: bool = False,
) -> Model:
    """A model of an architecture from its published tensors, under our names; `fuse` is as for `Model`.

    Raises:
        UnknownNameError: no such architecture.
        InvalidConfigError: a config that cannot be.
        MismatchError: the tensors are not those of the network; `name` names them.
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
    """As `assemble`, for the tensors of a published folder, which may be in any layout of the architecture.

    An older version of ganzoo may have published them under other names. `config` overrides that of the layout.

    Raises:
        UnknownNameError, InvalidConfigError, MismatchError: as for `assemble`.
    """
    build = partial(assemble, architecture, name=name, classes=classes, fuse=fuse)
    try:
        return build(config, tensors)
    except MismatchError:
        match = _layout_of(architecture, tensors, of=name)
        if match is None:
            raise
    return build({**match.reading.config, **config}, rename(tensors, match))


def _load_registered(name: str, progress: Progress) -> Model:
    model = lookup.registry().models[name]
    path = weights_path(model, progress=progress)
    tensors = read_weights(model, path)
    config = dict(model.config)
    match = _match(model, path)
    if match is not None:
        tensors = rename(tensors, match)
        config = {**match.reading.config, **config}
    return assemble(model.architecture, config, tensors, name=name, classes=model.classes, fuse=True)


def _load_folder(folder: Path, *, name: str | Path) -> Model:
    name = str(name) if references.is_reference(name) else folder.resolve().name
    description = read_description(folder)
    architecture = resolve.provided(description, of=name)
    tensors = read_tensors(folder / WEIGHTS, sha256=description.sha256)
    return assemble_published(
        architecture, description.config, tensors, name=name, classes=description.classes, fuse=True
    )


def _layout_of(architecture: str, tensors: Mapping[str, Tensor], *, of: str) -> Match | None:
    """How one of the architecture's layouts reads the tensors; None if none does."""
    layouts = [layout for layout in lookup.registry().layouts.values() if layout.architecture == architecture]
    try:
        return find_layout({name: tuple(tensor.shape) for name, tensor in tensors.items()}, layouts, of=of)
    except LayoutError:
        return None


def _pull_described(name: str, progress: Progress) -> Pulled:
    """The weights of a folder, verified, or of a reference, fetched and verified."""
    name = references.pin(name) if references.is_reference(name) else name
    sha256 = resolve.description_of(name).sha256
    path = resolve.folder_of(name, progress=progress) / WEIGHTS
    found = sha256_of(path)
    if found != sha256:
        raise CorruptWeightsError(f"{name}: {WEIGHTS} has sha256 {found[:12]}..., its {CONFIG} says {sha256[:12]}...")
    return Pulled(name, path, path.stat().st_size, not references.is_reference(name))


def _match(model: PretrainedModel, path: Path) -> Match | None:
    """How the model's foreign layout reads the file; None where the names are ours."""
    layout = model.weights.layout if isinstance(model.weights, HubFile) else None
    if layout is None:
        return None
    return find_layout(read_header(path).shapes, [lookup.registry().layouts[layout]], of=model.name)
