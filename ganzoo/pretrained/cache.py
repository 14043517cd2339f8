"""What ganzoo keeps on this machine: repositories of the Hub, and what it computed. It leaves others' files alone.

Importing this module does not import torch.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.hub import notes
from ganzoo.hub.download import assets_folder, repository_folder
from ganzoo.interface.weights_files import HubFile, WeightsFile
from ganzoo.registry import lookup
from ganzoo.utils.names import HUB, HUB_DATA, suggest

__all__ = ["Entry", "find_entry", "list_cache", "remove_entry"]

_COMPUTED = {
    "converted": "checkpoints of other code bases, converted",
    "engines": "networks that were prepared for engines",
    "features": "features of data sets, for metrics",
    "quarantine": "damaged downloads",
}
"""What the folders of the assets cache hold. The others hold notes of a few bytes, which belong to a repository."""


@dataclass(frozen=True)
class Entry:
    """One part of the cache. It is removed as a whole.

    `name` is what users type. `models` are the registered names whose weights are in it. `last_used` is a time in
    seconds, as of `os.stat`; some systems note it once a day.
    """

    name: str
    holds: str
    models: tuple[str, ...]
    path: Path
    size: int
    last_used: float


def list_cache() -> list[Entry]:
    """Everything that the cache holds, the largest first."""
    found = [entry for entry in (*_repositories(), *_computed()) if entry is not None]
    return sorted(found, key=lambda entry: (-entry.size, entry.name))


def find_entry(name: str) -> Entry:
    """The entry that a name means: that of an entry, or of a registered model or feature extractor.

    Raises:
        UnknownNameError: there is no such entry.
        InvalidRequestError: the weights of the model are not in the cache, but in a package.
    """
    entries = {entry.name: entry for entry in list_cache()}
    weights = _known().get(name, (None,))[0]
    if name not in entries and name in _known() and not isinstance(weights, HubFile):
        raise InvalidRequestError(f"the weights of {name} are part of a package, not of the cache - leave it out")
    asked = f"{HUB}{weights.repo}" if isinstance(weights, HubFile) else name.partition("@")[0]
    if asked not in entries:
        raise UnknownNameError(f"the cache holds no {name}{suggest(asked, entries) if entries else ': it is empty'}")
    return entries[asked]


def remove_entry(entry: Entry) -> None:
    """Remove an entry. What lies outside of the cache stays, even if a link in the cache leads there.

    Raises:
        InvalidRequestError: the entry is not a folder of the cache.
        OSError: it cannot be removed.
    """
    roots = {root.resolve() for root in (assets_folder(), repository_folder("a/b").parent) if root.exists()}
    if entry.path.parent.resolve() not in roots:
        raise InvalidRequestError(f"{entry.path} is not in the cache - remove it yourself, if it is yours")
    if entry.path.is_symlink():
        entry.path.unlink()
    else:
        shutil.rmtree(entry.path)
    kind = "dataset" if entry.name.startswith(HUB_DATA) else "model"
    repo = entry.name.removeprefix(HUB_DATA).removeprefix(HUB)
    for note in notes.notes_of(repo, kind) if entry.name.startswith(HUB) else ():
        note.unlink(missing_ok=True)


def _repositories() -> Iterator[Entry | None]:
    """The repositories that registered weights are in, and those that were used by their reference."""
    names: dict[tuple[str, str], list[str]] = {("model", repo): [] for repo in notes.noted_repositories()}
    for name, file in _hub_files():
        names.setdefault((file.repo_type, file.repo), []).append(name)
    for (kind, repo), models in names.items():
        yield _entry(f"{HUB}{repo}", "weights", tuple(models), repository_folder(repo, kind))
    for repo in notes.noted_repositories("dataset"):
        yield _entry(f"{HUB_DATA}{repo}", "data set", (), repository_folder(repo, "dataset"))


def _computed() -> Iterator[Entry | None]:
    for name, holds in _COMPUTED.items():
        yield _entry(name, holds, (), assets_folder() / name)


def _hub_files() -> Iterator[tuple[str, HubFile]]:
    """The weights files on the Hub, each with the name of the model or extractor that has it."""
    return ((name, file) for name, files in _known().items() for file in files if isinstance(file, HubFile))


def _known() -> dict[str, tuple[WeightsFile, ...]]:
    """The weights files of registered extractors and models, by the name, which both may have."""
    found = lookup.registry()
    known = {name: extractor.files for name, extractor in found.feature_extractors.items()}
    for name, model in found.models.items():
        known[name] = (*known.get(name, ()), model.weights)
    return known


def _entry(name: str, holds: str, models: tuple[str, ...], path: Path) -> Entry | None:
    """The entry of a folder; None if it holds nothing."""
    sizes, times = [], []
    for status in _files(path):
        sizes.append(status.st_size)
        times.append(max(status.st_atime, status.st_mtime))
    return Entry(name, holds, models, path, sum(sizes), max(times)) if sizes else None


def _files(folder: Path) -> Iterable[os.stat_result]:
    """The files below a folder, without the links, which name the same content a second time."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(OSError):
                if not path.is_symlink():
                    yield path.lstat()
