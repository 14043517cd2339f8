"""What a name means, a registered model, a folder or a repository of the Hub, and what can be asked of it. No torch."""

from __future__ import annotations

from pathlib import Path

from ganzoo.errors import UnknownNameError
from ganzoo.hub import references
from ganzoo.interface.specs import FeatureExtractor, PretrainedModel
from ganzoo.registry import lookup
from ganzoo.sampling.requests import Subject
from ganzoo.utils.files import expand_home
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.folder import CONFIG, Description, read_description

__all__ = [
    "dataset_of",
    "description_of",
    "folder_of",
    "is_folder",
    "is_registered",
    "provided",
    "record_of",
    "subject_of",
]


def subject_of(name: str | Path) -> Subject:
    """What `load` would load, as far as its description tells.

    Raises:
        UnknownNameError: nothing has that name, or there is no such folder.
        CorruptWeightsError: the folder is no published model.
    """
    model = lookup.registry().models[str(name)] if is_registered(name) else description_of(name)
    config, _ = lookup.check_config(model.architecture, model.config)
    return Subject(lookup.registry().architectures[model.architecture].task, config, model.classes)


def dataset_of(name: str) -> str:
    """What the model that `load` would load says it has learned.

    Raises:
        UnknownNameError: nothing has that name, or there is no such folder.
        CorruptWeightsError: the folder is no published model.
    """
    return (lookup.registry().models[name] if is_registered(name) else description_of(name)).dataset


def is_folder(name: str | Path) -> bool:
    """Whether `name` means a published folder and not a registered model, which wins where both are there."""
    if isinstance(name, Path) or str(name).startswith((".", "/", "~")):
        return True
    return name not in lookup.registry().models and (Path(str(name)) / CONFIG).is_file()


def is_registered(name: str | Path) -> bool:
    """Whether `name` is looked up among the registered models: it is neither a folder nor on the Hub."""
    return not is_folder(name) and not references.is_reference(name)


def record_of(name: str) -> PretrainedModel | FeatureExtractor:
    """What has weights: the model of that name, or else the feature extractor.

    Raises:
        UnknownNameError: it is neither.
    """
    found = lookup.registry()
    return (
        found.feature_extractors[name]
        if name in found.feature_extractors and name not in found.models
        else found.models[name]
    )


def description_of(name: str | Path) -> Description:
    """What a published folder or a reference to the Hub says of itself, in the names of this registry.

    Raises:
        UnknownNameError: there is no such folder, or no plugin provides its architecture.
        CorruptWeightsError: it is no published model.
        PullError: the Hub cannot be asked.
    """
    described = read_description(folder_of(name, weights=False))
    return described._replace(architecture=provided(described, of=str(name)))


def folder_of(name: str | Path, *, weights: bool = True, progress: Progress = silent) -> Path:
    """The published folder of a path, or of a reference to the Hub, which is fetched; `weights` may be left there.

    Raises:
        UnknownNameError: there is no such folder.
        WeightsError: the files cannot be fetched.
    """
    if references.is_reference(name):
        return references.fetch(str(name), weights=weights, progress=progress)
    folder = expand_home(name)
    if not folder.is_dir():
        raise UnknownNameError(f"there is no folder {name} - models by name are listed by `ganzoo list`")
    return folder


def provided(description: Description, *, of: str) -> str:
    """The name under which this registry has the architecture of a description.

    Raises:
        UnknownNameError: it has none; the message says which plugin provides it, where the description does.
    """
    known, plugin = lookup.registry().architectures, description.plugin
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
