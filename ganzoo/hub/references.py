"""Models on the Hub that `ganzoo publish` wrote, by reference: ``hf:owner/repository[@revision]``.

A reference is resolved to a commit. The sizes and digests of the commit's files are kept in a note on disk. Since a
commit never changes, a model whose note and files are on disk needs no network.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, PluginError, PullError, UnknownNameError
from ganzoo.hub.errors import explain_download_error
from ganzoo.hub.pins import GitFile, Pinned
from ganzoo.hub.retry import retried
from ganzoo.interface.weights_files import HubFile
from ganzoo.utils.files import atomic_write
from ganzoo.utils.json_files import read_object
from ganzoo.utils.names import HUB as PREFIX
from ganzoo.weights.folder import CONFIG, DISCRIMINATOR, WEIGHTS

__all__ = ["Reference", "noted_repositories", "notes_of", "parse", "pin", "pinned_discriminator", "pinned_files"]

API_SECONDS = 10.0
MAX_CONFIG_BYTES = 1_000_000

Facts = dict[str, dict[str, Any]]
"""The size and the digest of each file, by its name."""

_REFERENCE = re.compile(r"hf:(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>[\w./-]+))?")
_DIGEST = "digest"
_HEX = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_log = logging.getLogger(__name__)


class Reference(NamedTuple):
    """A repository, and a branch, tag or commit of it; None means its main branch."""

    repo: str
    revision: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit, which never changes."""
        return bool(self.revision and _COMMIT.fullmatch(self.revision))

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}" + (f"@{self.revision}" if self.revision else "")


def parse(name: str) -> Reference:
    """The parts of a reference.

    Raises:
        UnknownNameError: `name` is not written as a reference.
    """
    found = _REFERENCE.fullmatch(name)
    if not found:
        raise UnknownNameError(f"{name!r} names no repository of the Hub - write hf:owner/repository[@commit]")
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


def pinned_discriminator(pinned: Reference) -> Pinned:
    """Return the file with the discriminator of a pinned reference, with the digest that the Hub states.

    Raises:
        PullError: the Hub cannot be asked, or the commit has no such file.
    """
    facts = _read_note(pinned) or {}
    if DISCRIMINATOR not in facts:  # ganzoo 0.2 did not note it
        facts = _ask(pinned)[1]
    if DISCRIMINATOR not in facts:
        text = f"{pinned} has no {DISCRIMINATOR}, which its {CONFIG} names - report it to the publisher"
        raise PullError(text, kind="missing")
    return _file(pinned, facts[DISCRIMINATOR])


def _ask(asked: Reference) -> tuple[Reference, Facts]:
    """Ask the Hub for the reference's commit and the facts of its files, and keep them in a note.

    Raises:
        PullError: the Hub does not answer, or the repository holds no published model.
    """
    from huggingface_hub import HfApi

    try:
        info = retried(
            lambda: HfApi().model_info(asked.repo, revision=asked.revision, files_metadata=True, timeout=API_SECONDS)
        )
    except Exception as error:  # the client may also raise errors of httpx2 and the system
        raise _unanswered(error, asked) from error
    pinned = Reference(asked.repo, str(info.sha))
    if not pinned.is_pinned:
        raise PullError(f"{asked}: the answer of the Hub names no commit - check HF_ENDPOINT", kind="http")
    names = (CONFIG, WEIGHTS, DISCRIMINATOR)
    files = {file.rfilename: _facts(file) for file in info.siblings or () if file.rfilename in names}
    if not {CONFIG, WEIGHTS} <= files.keys():
        text = f"{pinned} does not have both {CONFIG} and {WEIGHTS}"
        raise PullError(f"{text} - ganzoo loads only models that `ganzoo publish` uploaded", kind="missing")
    if not _are_whole(pinned, files):
        raise PullError(f"{pinned}: the answer of the Hub has wrong sizes or digests - check HF_ENDPOINT", kind="http")
    if files[CONFIG]["size"] > MAX_CONFIG_BYTES:
        text = f"{pinned}: {CONFIG} has {files[CONFIG]['size']:,} bytes"
        raise CorruptWeightsError(f"{text}, over the limit of {MAX_CONFIG_BYTES:,} - report it to the publisher")
    with suppress(OSError), atomic_write(_note(pinned)) as temporary:  # a cache may be read-only
        temporary.write_text(json.dumps({**files, _DIGEST: _digest(files)}))
    return pinned, files


def _facts(file: Any) -> dict[str, Any]:
    """A file's size and its digest: the SHA-256 of a large file, which is in LFS, or the git digest of a small one."""
    digest = {"sha256": file.lfs.sha256} if file.lfs else {"oid": file.blob_id}
    return {"filename": file.rfilename, "size": file.size, **digest}


def _file(pinned: Reference, facts: dict[str, Any]) -> Pinned:
    kind: type[Pinned] = HubFile if "sha256" in facts else GitFile
    return kind(repo=pinned.repo, revision=str(pinned.revision), **facts)


def _note(pinned: Reference) -> Path:
    from huggingface_hub import cached_assets_path

    return cached_assets_path("ganzoo", "commits") / f"{pinned.repo.replace('/', '--')}@{pinned.revision}.json"


def _read_note(pinned: Reference) -> Facts | None:
    """The note of a commit; None if there is no note, or it is damaged."""
    with suppress(OSError, ValueError, TypeError):
        found: Facts = read_object(_note(pinned))
        stated: Any = found.pop(_DIGEST, None)  # notes of 0.1 have none
        if stated not in (None, _digest(found)):
            return None
        if _are_whole(pinned, found):
            return found
    return None


def _digest(facts: Facts) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _are_whole(pinned: Reference, files: Facts) -> bool:
    """Whether facts, which come from the network or from a note, are those of the model's files."""
    try:
        return all(_is_whole(_file(pinned, files[name]), name) for name in {CONFIG, WEIGHTS, *files})
    except (TypeError, KeyError, PluginError):
        return False


def _is_whole(file: Pinned, name: str) -> bool:
    """Whether a file of a note has the name, a size and a digest that it can have."""
    digest = file.oid if isinstance(file, GitFile) else file.sha256
    sized = type(file.size) is int and 0 <= file.size < 2**63
    return file.filename == name and sized and isinstance(digest, str) and bool(_HEX.fullmatch(digest))


def _noted(repo: str) -> Iterable[str]:
    """References to the commits of a repository that have a note, which can be used offline."""
    for note in notes_of(repo):
        yield f"{PREFIX}{repo}@{note.stem.rpartition('@')[2]}"


def notes_of(repo: str) -> list[Path]:
    """The notes of the commits of a repository."""
    try:
        return list(_note(Reference(repo, "*")).parent.glob(f"{repo.replace('/', '--')}@*.json"))
    except OSError:
        return []


def noted_repositories() -> set[str]:
    """The repositories that have a note: those that were used by their reference. No name of the Hub has two dashes."""
    found: set[str] = set()
    with suppress(OSError):
        for note in _note(Reference("*/*")).parent.glob("*--*@*.json"):
            found.add(note.stem.rpartition("@")[0].replace("--", "/", 1))
    return found


def _unanswered(error: Exception, asked: Reference) -> PullError:
    """The error to raise if the Hub does not resolve a reference."""
    from huggingface_hub.errors import RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        text = f"{asked.repo} has no branch, tag or commit {asked.revision}"
        return PullError(f"{text} - its page at the Hub lists them", kind="missing")
    plain = GitFile(repo=asked.repo, revision=asked.revision or "main", filename=CONFIG, oid="", size=0)
    explained = explain_download_error(error, plain)
    known = sorted(_noted(asked.repo))
    if explained.kind in ("offline", "network") and known:
        return PullError(f"{explained}; offline you can use {' or '.join(known)}", kind=explained.kind)
    return explained
