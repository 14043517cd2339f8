"""Notes of commits: the sizes and digests of their files, on disk. So each commit is asked for only once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.errors import PluginError
from ganzoo.hub.pins import GitFile, Pinned
from ganzoo.interface.weights_files import HubFile
from ganzoo.utils.files import atomic_write
from ganzoo.utils.json_files import read_object
from ganzoo.utils.names import HUB, HUB_DATA

__all__ = [
    "Facts",
    "Reference",
    "are_whole",
    "file_of",
    "noted_repositories",
    "notes_of",
    "read_note",
    "write_note",
]

MAX_BYTES = 100_000_000
"""The most bytes of a note. A data set may have many thousand files."""

Facts = dict[str, dict[str, Any]]
"""The size and the digest of each file, by its name."""

_DIGEST = "digest"
_HEX = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Reference(NamedTuple):
    """A repository, and a branch, tag or commit of it; None means its main branch.

    `repo_type` is ``model`` or ``dataset``.
    """

    repo: str
    revision: str | None = None
    repo_type: str = "model"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit, which never changes."""
        return bool(self.revision and _COMMIT.fullmatch(self.revision))

    def __str__(self) -> str:
        prefix = HUB_DATA if self.repo_type == "dataset" else HUB
        return f"{prefix}{self.repo}" + (f"@{self.revision}" if self.revision else "")


def file_of(pinned: Reference, facts: dict[str, Any]) -> Pinned:
    """The pin of a file of a commit, from the facts that the Hub states.

    Raises:
        PluginError, TypeError: the facts are none of a file.
    """
    kind: type[Pinned] = HubFile if "sha256" in facts else GitFile
    return kind(repo=pinned.repo, revision=str(pinned.revision), repo_type=pinned.repo_type, **facts)


def _note(pinned: Reference) -> Path:
    from huggingface_hub import cached_assets_path

    folder = cached_assets_path("ganzoo", "commits" if pinned.repo_type == "model" else "data-commits")
    return folder / f"{pinned.repo.replace('/', '--')}@{pinned.revision}.json"


def write_note(pinned: Reference, files: Facts) -> None:
    """Keep the facts of a commit's files."""
    with suppress(OSError), atomic_write(_note(pinned)) as temporary:  # a cache may be read-only
        temporary.write_text(json.dumps({**files, _DIGEST: _digest(files)}))


def read_note(pinned: Reference, needed: Collection[str]) -> Facts | None:
    """The note of a commit; None if there is no note, it is damaged, or it lacks a file that is `needed`."""
    with suppress(OSError, ValueError, TypeError):
        found: Facts = read_object(_note(pinned), limit=MAX_BYTES)
        stated: Any = found.pop(_DIGEST, None)  # notes of 0.1 have none
        if stated not in (None, _digest(found)):
            return None
        if are_whole(pinned, found, needed):
            return found
    return None


def _digest(facts: Facts) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def are_whole(pinned: Reference, files: Facts, needed: Collection[str]) -> bool:
    """Whether facts, which come from the network or from a note, are those of files, and all `needed` are there."""
    try:
        return all(_is_whole(file_of(pinned, files[name]), name) for name in {*needed, *files})
    except (TypeError, KeyError, PluginError):
        return False


def _is_whole(file: Pinned, name: str) -> bool:
    """Whether a file of a note has the name, a size and a digest that it can have."""
    digest = file.oid if isinstance(file, GitFile) else file.sha256
    sized = type(file.size) is int and 0 <= file.size < 2**63
    return file.filename == name and sized and isinstance(digest, str) and bool(_HEX.fullmatch(digest))


def notes_of(repo: str, repo_type: str = "model") -> list[Path]:
    """The notes of the commits of a repository."""
    try:
        return list(_note(Reference(repo, "*", repo_type)).parent.glob(f"{repo.replace('/', '--')}@*.json"))
    except OSError:
        return []


def noted_repositories(repo_type: str = "model") -> set[str]:
    """The repositories that have a note: those that were used by their reference. No name of the Hub has two dashes."""
    found: set[str] = set()
    with suppress(OSError):
        for note in _note(Reference("*/*", None, repo_type)).parent.glob("*--*@*.json"):
            found.add(note.stem.rpartition("@")[0].replace("--", "/", 1))
    return found
