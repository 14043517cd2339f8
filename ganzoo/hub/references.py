"""Models on the Hub that `ganzoo publish` wrote, by reference: ``hf:owner/repository[@revision]``.

A reference is resolved to a commit, and what the Hub says of the commit's files, their sizes and digests,
is noted: a commit does not change, so that one which is noted and cached needs no network.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, PullError, UnknownNameError
from ganzoo.hub.errors import explained
from ganzoo.hub.pins import GitFile, Pinned
from ganzoo.interface.specs import HubFile
from ganzoo.utils.files import replacing
from ganzoo.utils.names import HUB as PREFIX
from ganzoo.weights.folder import CONFIG, WEIGHTS

__all__ = ["Reference", "parse", "pin", "pinned_files"]

API_SECONDS = 10.0
MAX_CONFIG_BYTES = 1_000_000

Facts = dict[str, dict[str, Any]]
"""Size and digest of files by name."""

_REFERENCE = re.compile(r"hf:(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>[\w./-]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_log = logging.getLogger(__name__)


class Reference(NamedTuple):
    """A repository, and a branch, tag or commit of it; None is its main branch."""

    repo: str
    revision: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether it names one commit, for good."""
        return bool(self.revision and _COMMIT.fullmatch(self.revision))

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}" + (f"@{self.revision}" if self.revision else "")


def parse(name: str) -> Reference:
    """The parts of a reference.

    Raises:
        UnknownNameError: it is not written as one.
    """
    found = _REFERENCE.fullmatch(name)
    if not found:
        raise UnknownNameError(f"{name!r} names no repository - write hf:owner/repository[@commit]")
    return Reference(found["repo"], found["revision"])


def pin(asked: Reference) -> Reference:
    """Return the reference with the commit that it means now, and log that commit. A pinned reference is unchanged.

    Raises:
        PullError: the Hub cannot be asked, or has no such repository or revision.
    """
    if asked.is_pinned:
        return asked
    pinned, _ = _ask(asked)
    _log.info("%s is now at %s - write it so to keep to it", asked, pinned)
    return pinned


def pinned_files(pinned: Reference) -> tuple[Pinned, Pinned]:
    """Return the config and the weights file of a pinned reference, with the digests that the Hub states.

    Raises:
        PullError: the Hub cannot be asked, or the commit has no such files.
        CorruptWeightsError: the config is too large to be one.
    """
    facts = _read_note(pinned) or _ask(pinned)[1]
    return _file(pinned, facts[CONFIG]), _file(pinned, facts[WEIGHTS])


def _ask(asked: Reference) -> tuple[Reference, Facts]:
    """The reference's commit, and what the Hub says of its two files, which is noted.

    Raises:
        PullError: there is no answer, or not one that a published model gives.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(asked.repo, revision=asked.revision, files_metadata=True, timeout=API_SECONDS)
    except Exception as error:  # the client lets errors of httpx2 and the OS escape
        raise _unanswered(error, asked) from error
    pinned = Reference(asked.repo, str(info.sha))
    if not pinned.is_pinned:
        raise PullError(f"{asked}: the Hub answers with no commit - check HF_ENDPOINT", kind="http")
    files = {file.rfilename: _facts(file) for file in info.siblings or () if file.rfilename in (CONFIG, WEIGHTS)}
    if len(files) < 2:
        text = f"{pinned} holds no {CONFIG} and {WEIGHTS}"
        raise PullError(f"{text} - only what `ganzoo publish` wrote can be loaded from the Hub", kind="missing")
    if files[CONFIG]["size"] > MAX_CONFIG_BYTES:
        raise CorruptWeightsError(f"{pinned}: {CONFIG} has {files[CONFIG]['size']:,} bytes - no model says so much")
    with suppress(OSError), replacing(_note(pinned)) as temporary:  # a cache may be read-only
        temporary.write_text(json.dumps(files))
    return pinned, files


def _facts(file: Any) -> dict[str, Any]:
    """What the Hub says of a file: its size, and the digest of large ones as LFS has it, of others as git does."""
    digest = {"sha256": file.lfs.sha256} if file.lfs else {"oid": file.blob_id}
    return {"filename": file.rfilename, "size": file.size, **digest}


def _file(pinned: Reference, facts: dict[str, Any]) -> Pinned:
    kind: type[Pinned] = HubFile if "sha256" in facts else GitFile
    return kind(repo=pinned.repo, revision=str(pinned.revision), **facts)


def _note(pinned: Reference) -> Path:
    from huggingface_hub import cached_assets_path

    return cached_assets_path("ganzoo", "commits") / f"{pinned.repo.replace('/', '--')}@{pinned.revision}.json"


def _read_note(pinned: Reference) -> Facts | None:
    """What was noted of a commit; None if nothing was, or nothing usable."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found: Facts = json.loads(_note(pinned).read_text())
        for name in (CONFIG, WEIGHTS):
            _file(pinned, found[name])
        return found
    return None


def _noted(repo: str) -> Iterable[str]:
    """The commits of a repository that can be used offline."""
    with suppress(OSError):
        for note in _note(Reference(repo, "*")).parent.glob(f"{repo.replace('/', '--')}@*.json"):
            yield f"{PREFIX}{repo}@{note.stem.rpartition('@')[2]}"


def _unanswered(error: Exception, asked: Reference) -> PullError:
    """What is raised where the Hub does not say what a reference means."""
    from huggingface_hub.errors import RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        text = f"{asked.repo} has no branch, tag or commit {asked.revision}"
        return PullError(f"{text} - its Hub page lists those that it has", kind="missing")
    plain = GitFile(repo=asked.repo, revision=asked.revision or "main", filename=CONFIG, oid="", size=0)
    told = explained(error, plain)
    known = sorted(_noted(asked.repo))
    if told.kind in ("offline", "network") and known:
        return PullError(f"{told}; on this machine there is {' and '.join(known)}", kind=told.kind)
    return told
