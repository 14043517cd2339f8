"""What a name means: a registered model, a folder, or a repository of the Hub.

A name is resolved once, when a command or a function of the public API receives it. All other code takes the source
that `resolve` returns. Importing this module does not import torch.
"""

from __future__ import annotations

from pathlib import Path

from ganzoo.hub import references
from ganzoo.pretrained.sources import Folder, HubReference, Registered, RegisteredExtractor, Source
from ganzoo.registry import lookup
from ganzoo.utils.names import HUB
from ganzoo.weights.folder import CONFIG

__all__ = ["find", "names_of_weights", "resolve", "resolve_folder", "resolve_weights"]

_PATH = (".", "/", "~")
"""A name that begins so is a path."""

_WITH_WEIGHTS = {"models": Registered, "feature_extractors": RegisteredExtractor}
"""The kinds of records that have weights."""


def resolve(name: str | Path) -> Source:
    """Return the model that a name means.

    ``hf:owner/repository[@revision]`` is a repository of the Hub. A path is a folder; a text is a path if it begins
    with ``.``, ``/`` or ``~``. Any other text is a registered model, or else a folder that has a ``config.json``.

    Raises:
        UnknownNameError: no model has that name, there is no such folder, or the reference is malformed.
        AmbiguousNameError: several plugins declare the name.
    """
    found = find(name)
    return Registered(str(name), lookup.registry().models[str(name)]) if found is None else found


def find(name: str | Path) -> Source | None:
    """As `resolve`, but return None if no model has that name.

    Raises:
        UnknownNameError: there is no such folder, or the reference is malformed.
        AmbiguousNameError: several plugins declare the name.
    """
    if isinstance(name, Path) or name.startswith((HUB, *_PATH)):
        return resolve_folder(name)
    models = lookup.registry().models
    if name in models:
        return Registered(name, models[name])
    return Folder.at(name) if (Path(name) / CONFIG).is_file() else None


def resolve_folder(name: str | Path) -> Folder | HubReference:
    """As `resolve`, for commands that take no registered model: a text that is not a reference is a path.

    Raises:
        UnknownNameError: there is no such folder, or the reference is malformed.
    """
    if isinstance(name, str) and name.startswith(HUB):
        return HubReference(references.parse(name))
    return Folder.at(name)


def resolve_weights(name: str | Path) -> tuple[Source | RegisteredExtractor, ...]:
    """Return all that has weights under this name: a model as for `resolve` first, then a feature extractor.

    Raises:
        UnknownNameError, AmbiguousNameError: as for `resolve`.
    """
    registry = lookup.registry()
    declared = registry.named(name, _WITH_WEIGHTS)
    if declared:
        return tuple(_WITH_WEIGHTS[kind](str(name), record) for kind, record in declared.items())
    source = find(name)
    if source is None:
        raise registry.unknown("model or feature extractor", str(name), names_of_weights())
    return (source,)


def names_of_weights() -> list[str]:
    """All registered names that `resolve_weights` takes."""
    return sorted({name for kind in _WITH_WEIGHTS for name in getattr(lookup.registry(), kind)})
