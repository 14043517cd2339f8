"""From names to things: the models there are, a network, a model with its weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo import convert, hub, remote
from ganzoo.configs import replace_config
from ganzoo.errors import (
    CorruptWeightsError,
    InvalidConfigError,
    InvalidRequestError,
    PluginWarning,
    UnknownNameError,
    one_line,
)
from ganzoo.layouts import Match, find_layout, rename
from ganzoo.published import CONFIG, WEIGHTS, Description, keep_published, read_description
from ganzoo.registry import BUILTIN, Registry
from ganzoo.requests import make_request
from ganzoo.specs import BundledFile, FeatureExtractor, HubFile, Loss, PretrainedModel
from ganzoo.tasks import Task
from ganzoo.weights import read_header, read_tensors, sha256_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ganzoo.gan import GAN
    from ganzoo.sampling import Model

__all__ = [
    "Pulled",
    "Subject",
    "assemble",
    "check_config",
    "config_of",
    "create",
    "dataset_of",
    "description_of",
    "direction_of",
    "folder_of",
    "is_folder",
    "is_registered",
    "load",
    "models",
    "provider_of",
    "pull",
    "record_of",
    "registry",
    "subject_of",
    "use",
    "weights_path",
    "weights_size",
]


_registry: Registry | None = None


def registry() -> Registry:
    """The registry in use: that given to `use`, else one of all installed plugins.

    Broken plugins are warned of once and left out.
    """
    found = _registry
    if found is None:
        found = Registry.discover()
        use(found)
        for plugin in found.broken:
            warnings.warn(plugin.complaint(), PluginWarning, stacklevel=3)
    return found


def use(new: Registry | None) -> None:
    """Look all names up in this registry from now on; None discovers the installed plugins again."""
    global _registry
    _registry = new


def models(pattern: str = "*", *, architecture: str | None = None, task: str | None = None) -> list[str]:
    """The names of all pretrained models that match a shell pattern or hold a word, an architecture and a task.

    Raises:
        UnknownNameError: no such architecture, or no architecture with such a task.
    """
    found = registry()
    wanted = None if architecture is None else found.architectures[architecture]
    tasks = {a.task.name for a in found.architectures.values()}
    if task is not None and task not in tasks:
        raise UnknownNameError(f"there is no task {task!r} - there are {', '.join(sorted(tasks))}")
    return [
        name
        for name, model in found.models.items()
        if fnmatchcase(name, pattern if set(pattern) & set("*?[") else f"*{pattern}*")
        and wanted in (None, found.architectures[model.architecture])
        and (task is None or found.architectures[model.architecture].task.name == task)
    ]


def create(architecture: str, *, loss: str | None = None, **config: Any) -> GAN:
    """A new, untrained GAN. `config` overrides fields of the architecture's config, whose defaults are the paper's.

    Raises:
        UnknownNameError: no such architecture or loss.
        InvalidConfigError: a field that does not exist or a value that cannot be.
    """
    settings, chosen = check_config(architecture, config, loss)
    try:
        return registry().architectures[architecture].build(settings, chosen.load())
    except RuntimeError as error:  # what torch makes of sizes that no memory holds
        raise InvalidConfigError(f"{architecture} cannot be built with this config: {one_line(error)}") from error


def check_config(architecture: str, config: Mapping[str, Any], loss: str | None = None) -> tuple[Any, Loss]:
    """The complete config and the loss that `create` would use; refuses what it would refuse, without torch."""
    spec = registry().architectures[architecture]
    return replace_config(spec.config, config, of=architecture), registry().losses[loss or spec.default_loss]


def load(name: str | Path, *, device: str | torch.device = "cpu", progress: type | None = None) -> Model:
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
    from ganzoo.devices import resolve_device

    place = resolve_device(str(device))  # before anything is fetched or read
    if is_registered(name):
        model = _load_registered(str(name), progress)
    else:
        name = remote.pin(str(name)) if remote.is_reference(name) else name
        model = _load_folder(folder_of(name, progress=progress), name=name)
    model.fuse_at_first = True
    return model.to(place)


def is_folder(name: str | Path) -> bool:
    """Whether `name` means a published folder and not a registered model, which wins where both are there."""
    if isinstance(name, Path) or str(name).startswith((".", "/", "~")):
        return True
    return name not in registry().models and (Path(str(name)) / CONFIG).is_file()


def is_registered(name: str | Path) -> bool:
    """Whether `name` is looked up among the registered models: it is neither a folder nor on the Hub."""
    return not is_folder(name) and not remote.is_reference(name)


def description_of(name: str | Path) -> Description:
    """What a published folder or a reference to the Hub says of itself, in the names of this registry.

    Raises:
        UnknownNameError: there is no such folder, or no plugin provides its architecture.
        CorruptWeightsError: it is no published model.
        PullError: the Hub cannot be asked.
    """
    described = read_description(folder_of(name, weights=False))
    return described._replace(architecture=_provided(described, of=str(name)))


def folder_of(name: str | Path, *, weights: bool = True, progress: type | None = None) -> Path:
    """The published folder of a path, or of a reference to the Hub, which is fetched; `weights` may be left there.

    Raises:
        UnknownNameError: there is no such folder.
        WeightsError: the files cannot be fetched.
    """
    if remote.is_reference(name):
        return remote.fetch(str(name), weights=weights, progress=progress)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UnknownNameError(f"there is no folder {name} - models by name are listed by `ganzoo list`")
    return folder


def provider_of(architecture: str) -> str:
    """The distribution that provides an architecture, empty for one of ganzoo's own.

    Raises:
        UnknownNameError: no such architecture.
    """
    owner = registry().architectures.owner(architecture)
    return "" if owner == BUILTIN else owner


class Subject(NamedTuple):
    """What can be asked of a model, known before it is loaded."""

    task: type[Task]
    config: Any
    classes: tuple[str, ...]

    def request(self, name: str, **options: Any) -> Task:
        """What is asked of the model `name`.

        Raises:
            InvalidRequestError: its task has no such option, or the option no such value.
        """
        return make_request(self.task, options, config=self.config, classes=self.classes, of=name)


def subject_of(name: str | Path) -> Subject:
    """What `load` would load, as far as its description tells.

    Raises:
        UnknownNameError: nothing has that name, or there is no such folder.
        CorruptWeightsError: the folder is no published model.
    """
    model = registry().models[str(name)] if is_registered(name) else description_of(name)
    config, _ = check_config(model.architecture, model.config)
    return Subject(registry().architectures[model.architecture].task, config, model.classes)


def dataset_of(name: str) -> str:
    """What the model that `load` would load says it has learned.

    Raises:
        UnknownNameError: nothing has that name, or there is no such folder.
        CorruptWeightsError: the folder is no published model.
    """
    return (registry().models[name] if is_registered(name) else description_of(name)).dataset


def direction_of(name: str, subject: Subject, asked: str | None) -> str:
    """The direction of a translation that was asked for, or the model's first.

    Raises:
        InvalidRequestError: the model does not have it; the message says which it has.
    """
    directions: tuple[str, ...] = subject.config.directions
    if asked is not None and asked not in directions:
        raise InvalidRequestError(f"{name} does not translate {asked} - it has {' and '.join(directions)}")
    return asked or directions[0]


def config_of(model: PretrainedModel) -> Any:
    """The complete config of a registered model."""
    return check_config(model.architecture, model.config)[0]


class Pulled(NamedTuple):
    """Weights on this machine: the safetensors file, its size in bytes, and whether it was here before.

    Those of the wheel and of folders were.
    """

    name: str
    path: Path
    size: int
    bundled: bool


def pull(name: str, *, progress: type | None = None) -> Pulled:
    """Fetch and verify the weights of a model or a feature extractor, so that their use needs no network.

    Bundled ones are there already. `name` is as for `load`, or that of a feature extractor.

    `progress` is a class with tqdm's interface, shown while bytes arrive.

    Raises:
        UnknownNameError: nothing has that name.
        WeightsError: the weights cannot be fetched or read.
    """
    if not is_registered(name):
        return _pull_described(name, progress)
    record = record_of(name)
    path = weights_path(record, progress=progress)
    if isinstance(record, PretrainedModel):
        _match(record, path)
    return Pulled(name, path, path.stat().st_size, isinstance(record.weights, BundledFile))


def _pull_described(name: str, progress: type | None) -> Pulled:
    """The weights of a folder, verified, or of a reference, fetched and verified."""
    name = remote.pin(name) if remote.is_reference(name) else name
    sha256 = description_of(name).sha256
    path = folder_of(name, progress=progress) / WEIGHTS
    found = sha256_of(path)
    if found != sha256:
        raise CorruptWeightsError(f"{name}: {WEIGHTS} has sha256 {found[:12]}..., its {CONFIG} says {sha256[:12]}...")
    return Pulled(name, path, path.stat().st_size, not remote.is_reference(name))


def record_of(name: str) -> PretrainedModel | FeatureExtractor:
    """What has weights: the model of that name, or else the feature extractor.

    Raises:
        UnknownNameError: it is neither.
    """
    found = registry()
    return found.features[name] if name in found.features and name not in found.models else found.models[name]


def weights_size(record: PretrainedModel | FeatureExtractor) -> int | None:
    """The size in bytes of a weights file, None where nobody states it."""
    return weights_path(record).stat().st_size if isinstance(record.weights, BundledFile) else record.weights.size


def weights_path(model: PretrainedModel | FeatureExtractor, *, progress: type | None = None) -> Path:
    """The safetensors file of a record: bundled, or fetched, verified, and converted where it is a pickle."""
    if isinstance(model.weights, BundledFile):
        return Path(str(files(model.weights.package).joinpath(model.weights.path)))
    fetched = hub.fetch(model.weights, progress=progress)
    return convert.as_safetensors(fetched, sha256=model.weights.sha256)


def _load_registered(name: str, progress: type | None) -> Model:
    model = registry().models[name]
    path = weights_path(model, progress=progress)
    tensors = read_tensors(path, sha256=model.weights.sha256 if isinstance(model.weights, BundledFile) else None)
    config = dict(model.config)
    match = _match(model, path)
    if match is not None:
        tensors = rename(tensors, match)
        config = {**match.reading.config, **config}
    return assemble(model.architecture, config, tensors, name=name, classes=model.classes)


def _load_folder(folder: Path, *, name: str | Path) -> Model:
    name = str(name) if remote.is_reference(name) else folder.resolve().name
    description = read_description(folder)
    architecture = _provided(description, of=name)
    tensors = read_tensors(folder / WEIGHTS, sha256=description.sha256)
    return assemble(architecture, description.config, tensors, name=name, classes=description.classes)


def _provided(description: Description, *, of: str) -> str:
    """The name under which this registry has the architecture of a description.

    Raises:
        UnknownNameError: it has none; the message says which plugin provides it, where the description does.
    """
    known, plugin = registry().architectures, description.plugin
    if not plugin:
        known[description.architecture]  # refuses one that is not there
        return description.architecture
    bare = description.architecture.rpartition("/")[2]
    if f"{plugin}/{bare}" in known:
        return known.name_for(plugin, bare)
    raise UnknownNameError(
        f"{of} is a {bare}, and the plugin that provides it, {plugin!r} as its publisher says, is not loaded"
        " - install it if you trust it"
    )


def _match(model: PretrainedModel, path: Path) -> Match | None:
    """How the model's foreign layout reads the file; None where the names are ours."""
    layout = model.weights.layout if isinstance(model.weights, HubFile) else None
    if layout is None:
        return None
    return find_layout(read_header(path).shapes, [registry().layouts[layout]], of=model.name)


def assemble(
    architecture: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    name: str,
    classes: tuple[str, ...] = (),
) -> Model:
    """A model of an architecture from its published tensors, under our names.

    Raises:
        UnknownNameError: no such architecture.
        InvalidConfigError: a config that cannot be.
        MismatchError: the tensors are not those of the network; `name` names them.
    """
    from ganzoo.sampling import Model
    from ganzoo.unfilled import filled

    settings, _ = check_config(architecture, config)

    def build() -> GAN:
        gan = create(architecture, **config)
        keep_published(gan)
        return gan

    gan = filled(build, tensors, of=name)
    task = registry().architectures[architecture].task
    return Model(gan, task, settings, name=name, classes=classes)
