"""The models that a page shows: which they are, and a few of them loaded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import CorruptWeightsError, GanzooError, InvalidRequestError
from ganzoo.hub import download
from ganzoo.interface.weights_files import BundledFile, PackageFile
from ganzoo.pretrained.installed import find_installed
from ganzoo.pretrained.load import load_from, pull_from
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import Folder, HubReference, Source
from ganzoo.registry import lookup
from ganzoo.sampling.engines import TORCH
from ganzoo.sampling.requests import Subject
from ganzoo.utils.names import short_name, slug
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.folder import CONFIG

if TYPE_CHECKING:
    from ganzoo.sampling.model import Model

__all__ = ["Shelf", "Shown", "choose"]

PLAN = "run.json"
"""The file that makes a folder the folder of a run."""


@dataclass(frozen=True)
class Shown:
    """A model that the page shows. `slug` is its part of the address, and differs for all models of a page."""

    source: Source
    slug: str

    @property
    def name(self) -> str:
        """What users type to mean the model."""
        return self.source.name

    @property
    def title(self) -> str:
        """The name without the path of a folder or the commit of a reference."""
        return short_name(self.name) if isinstance(self.source, Folder | HubReference) else self.name

    @property
    def page(self) -> str:
        """The path of its page. No path of the server itself begins so."""
        return f"model-{self.slug}"

    @property
    def run(self) -> Path | None:
        """The folder of the run that trains the model, if there is one."""
        is_run = isinstance(self.source, Folder) and (self.source.path / PLAN).is_file()
        return self.source.path if isinstance(self.source, Folder) and is_run else None

    @property
    def has_weights(self) -> bool:
        """Whether there is a model yet: a run writes it when it saves for the first time."""
        return not isinstance(self.source, Folder) or (self.source.path / CONFIG).is_file()

    @property
    def problem(self) -> str:
        """Why the model cannot be used, such as a plugin that is not installed; empty if it can."""
        try:
            self.source.info.subject  # noqa: B018 - it raises if the folder is damaged
        except GanzooError as error:
            return str(error)
        return ""

    @cached_property
    def subject(self) -> Subject:
        """The requests that the model takes.

        Raises:
            GanzooError: the folder is damaged, or its architecture is not installed.
        """
        return self.source.info.subject


def choose(names: Sequence[str], *, progress: Progress = silent) -> tuple[Shown, ...]:
    """The models to show: those with these names, or else all models whose weights are on this machine.

    What is named is downloaded now, so that the page itself needs no network.

    Raises:
        UnknownNameError: nothing has that name.
        WeightsError: the weights cannot be downloaded.
        InvalidRequestError: there is nothing to show.
    """
    if names:
        sources = [_named(name, progress) for name in dict.fromkeys(names)]
    else:
        sources = [source for source in map(resolve, lookup.registry().models) if _is_here(source)]
    if not sources:
        raise InvalidRequestError("no model is on this machine - name one, or get one with `ganzoo pull NAME`")
    found: dict[str, Source] = {}
    for source in sources:
        word = slug(short_name(source.name) if isinstance(source, Folder | HubReference) else source.name) or "model"
        found[word if word not in found else f"{word}-{len(found)}"] = source
    return tuple(Shown(source, word) for word, source in found.items())


def _named(name: str, progress: Progress) -> Source:
    source = resolve(name)
    if isinstance(source, HubReference):
        download.bound_client()
    if isinstance(source, Folder):
        if not any((source.path / file).is_file() for file in (PLAN, CONFIG)):
            raise CorruptWeightsError(f"{name} holds neither a model nor a run - name another folder")
        return source
    pull_from(source, progress=progress)
    return source


def _is_here(source: Source) -> bool:
    """Whether the weights of a registered model need no download."""
    weights = source.weights
    if isinstance(weights, BundledFile | Path):
        return True
    return find_installed(weights) is not None if isinstance(weights, PackageFile) else download.is_cached(weights)


@dataclass
class Shelf:
    """The models that were used last, loaded. Loading one more puts away the one that was not used for longest."""

    device: str = "auto"
    engine: str = TORCH
    size: int = 4
    _loaded: OrderedDict[tuple[str, float], Model] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def model(self, shown: Shown) -> Model:
        """The loaded model. The model of a run is loaded again once the run has saved a newer one.

        Raises:
            GanzooError: it cannot be loaded.
        """
        source = shown.source
        if not shown.has_weights:
            raise InvalidRequestError(f"{shown.title} has not saved a model yet - wait for the first one")
        if isinstance(source, Folder):
            source = Folder.at(source.path)  # its description is read once, and the run writes new ones
        key = (shown.slug, source.weights.stat().st_mtime if isinstance(source, Folder) else 0.0)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = load_from(source, device=self.device, engine=self.engine)
            self._loaded.move_to_end(key)
            while len(self._loaded) > self.size:
                self._loaded.popitem(last=False)
            return self._loaded[key]
