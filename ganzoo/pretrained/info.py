"""What is known of a model before its weights are read. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.errors import UnknownNameError
from ganzoo.registry import lookup
from ganzoo.sampling.requests import Subject
from ganzoo.weights.folder import Description, read_description

__all__ = ["ModelInfo", "provided", "read_info"]


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What is known of a model before its weights are read.

    `name` is what users type to mean the model. `architecture` is the name that the registry in use has for it.
    `config` has the fields that the model states; the others have their defaults. `sha256` is the digest of the
    weights file, and `discriminator` that of the file with the discriminator, empty if it was not published. `depth` is
    the number of bits of each channel in the images that it learned from. Only registered models state `license` and
    `summary`.
    """

    name: str
    architecture: str
    config: Mapping[str, Any]
    dataset: str
    classes: tuple[str, ...]
    sha256: str
    discriminator: str = ""
    license: str | None = None
    summary: str = ""
    depth: int = 8

    @property
    def plugin(self) -> str:
        """The distribution that provides the architecture, empty for one of ganzoo's own."""
        return lookup.provider_of(self.architecture)

    @property
    def subject(self) -> Subject:
        """The requests that the model takes: its task, complete config and class names.

        Raises:
            InvalidConfigError: the architecture does not accept the config.
        """
        config, _ = lookup.check_config(self.architecture, self.config)
        return Subject(lookup.registry().architectures[self.architecture].task, config, self.classes)


def provided(description: Description, *, of: str) -> str:
    """Return the name that the registry in use has for the architecture of a description. `of` names the model.

    Raises:
        UnknownNameError: no loaded plugin provides it. The message names the plugin if the description does.
    """
    known, plugin = lookup.registry().architectures, description.plugin
    if not plugin:
        known[description.architecture]  # raises if it is unknown
        return description.architecture
    bare = description.architecture.rpartition("/")[2]
    if f"{plugin}/{bare}" in known:
        return known.name_for(plugin, bare)
    raise UnknownNameError(
        f"{of}: no loaded plugin provides its architecture, {bare}; its publisher names the plugin {plugin!r}"
        " - install that plugin if you trust it"
    )


def read_info(folder: Path, *, of: str) -> ModelInfo:
    """Read the description of a published folder. `of` names the model.

    Raises:
        CorruptWeightsError: the folder is not a published model.
        UnknownNameError: no loaded plugin provides the architecture.
    """
    described = read_description(folder)
    return ModelInfo(
        name=of,
        architecture=provided(described, of=of),
        config=described.config,
        dataset=described.dataset,
        classes=described.classes,
        sha256=described.sha256,
        discriminator=described.discriminator,
        depth=described.depth,
    )
