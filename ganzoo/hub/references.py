"""Repositories of the Hub by reference: ``hf:owner/repository[@revision]``, or ``hf:datasets/...`` for a data set.

A reference is resolved to a commit. The sizes and digests of the commit's files are kept in a note on disk. Since a
commit never changes, a repository whose note and files are on disk needs no network.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

from ganzoo.errors import CorruptWeightsError, PullError, UnknownNameError
from ganzoo.hub.errors import explain_download_error
from ganzoo.hub.notes import Facts, Reference, are_whole, file_of, notes_of, read_note, write_note
from ganzoo.hub.pins import GitFile, Pinned
from ganzoo.hub.retry import retried
from ganzoo.utils.names import HUB_DATA
from ganzoo.weights.folder import CONFIG, DISCRIMINATOR, WEIGHTS

__all__ = [
    "Reference",
    "data_files",
    "parse",
    "parse_data",
    "pin",
    "pinned_discriminator",
    "pinned_files",
]

MODEL = (CONFIG, WEIGHTS)
"""The files that every published model has."""

API_SECONDS = 10.0
MAX_CONFIG_BYTES = 1_000_000

_REFERENCE = re.compile(r"hf:(?P<data>datasets/)?(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>[\w./-]+))?")
_log = logging.getLogger(__name__)


def parse(name: str) -> Reference:
    """The parts of a reference to a model.

    Raises:
        UnknownNameError: `name` is not written as a reference, or it is a data set.
    """
    found = _REFERENCE.fullmatch(name)
    if not found:
        raise UnknownNameError(f"{name!r} names no repository of the Hub - write hf:owner/repository[@commit]")
    if found["data"]:
        raise UnknownNameError(f"{name} is a data set, and no model - train on it with --data")
    return Reference(found["repo"], found["revision"])


def parse_data(name: str) -> Reference:
    """The parts of a reference to a data set.

    Raises:
        UnknownNameError: `name` is not written as one.
    """
    found = _REFERENCE.fullmatch(name)
    if not found or not found["data"]:
        text = f"{name!r} names no data set of the Hub"
        raise UnknownNameError(f"{text} - write {HUB_DATA}owner/name[@commit]")
    return Reference(found["repo"], found["revision"], "dataset")


def pin(asked: Reference) -> Reference:
    """Return the reference with the commit that it means now, and log that commit. A pinned reference is unchanged.

    Raises:
        PullError: the Hub cannot be asked, or has no such repository or revision.
    """
    if asked.is_pinned:
        return asked
    pinned = (_ask(asked) if asked.repo_type == "model" else _ask_data(asked))[0]
    _log.info("%s is now at %s - write it so to keep to it", asked, pinned)
    return pinned


def pinned_files(pinned: Reference) -> tuple[Pinned, Pinned]:
    """Return the config and the weights file of a pinned reference, with the digests that the Hub states.

    Raises:
        PullError: the Hub cannot be asked, or the commit has no such files.
        CorruptWeightsError: the config is too large to be one.
    """
    facts = read_note(pinned, MODEL) or _ask(pinned)[1]
    return file_of(pinned, facts[CONFIG]), file_of(pinned, facts[WEIGHTS])


def pinned_discriminator(pinned: Reference) -> Pinned:
    """Return the file with the discriminator of a pinned reference, with the digest that the Hub states.

    Raises:
        PullError: the Hub cannot be asked, or the commit has no such file.
    """
    facts = read_note(pinned, MODEL) or {}
    if DISCRIMINATOR not in facts:  # ganzoo 0.2 did not note it
        facts = _ask(pinned)[1]
    if DISCRIMINATOR not in facts:
        text = f"{pinned} has no {DISCRIMINATOR}, which its {CONFIG} names - report it to the publisher"
        raise PullError(text, kind="missing")
    return file_of(pinned, facts[DISCRIMINATOR])


def data_files(pinned: Reference) -> dict[str, Pinned]:
    """Return all files of a data set at a pinned commit by their names, with the digests that the Hub states.

    Raises:
        PullError: the Hub cannot be asked.
    """
    facts = read_note(pinned, ()) or _ask_data(pinned)[1]
    return {name: file_of(pinned, each) for name, each in facts.items()}


def _ask_data(asked: Reference) -> tuple[Reference, Facts]:
    """Ask the Hub for the commit of a data set and the facts of its files, and keep them in a note.

    Raises:
        PullError: the Hub does not answer, or answers nonsense.
    """
    pinned, files = _list_files(asked)
    if not are_whole(pinned, files, ()):
        raise PullError(f"{pinned}: the answer of the Hub has wrong sizes or digests - check HF_ENDPOINT", kind="http")
    write_note(pinned, files)
    return pinned, files


def _list_files(asked: Reference) -> tuple[Reference, Facts]:
    """Ask the Hub for the reference's commit and the facts of its files.

    Raises:
        PullError: the Hub does not answer.
    """
    from huggingface_hub import HfApi

    def request() -> Any:
        return HfApi().repo_info(
            asked.repo, revision=asked.revision, repo_type=asked.repo_type, files_metadata=True, timeout=API_SECONDS
        )

    try:
        info = retried(request)
    except Exception as error:  # the client may also raise errors of httpx2 and the system
        raise _unanswered(error, asked) from error
    pinned = asked._replace(revision=str(info.sha))
    if not pinned.is_pinned:
        raise PullError(f"{asked}: the answer of the Hub names no commit - check HF_ENDPOINT", kind="http")
    return pinned, {file.rfilename: _facts(file) for file in info.siblings or ()}


def _ask(asked: Reference) -> tuple[Reference, Facts]:
    """Ask the Hub for the commit of a model and the facts of its files, and keep them in a note.

    Raises:
        PullError: the Hub does not answer, or the repository holds no published model.
    """
    pinned, listed = _list_files(asked)
    files = {name: facts for name, facts in listed.items() if name in (CONFIG, WEIGHTS, DISCRIMINATOR)}
    if not {*MODEL} <= files.keys():
        text = f"{pinned} does not have both {CONFIG} and {WEIGHTS}"
        raise PullError(f"{text} - ganzoo loads only models that `ganzoo publish` uploaded", kind="missing")
    if not are_whole(pinned, files, MODEL):
        raise PullError(f"{pinned}: the answer of the Hub has wrong sizes or digests - check HF_ENDPOINT", kind="http")
    if files[CONFIG]["size"] > MAX_CONFIG_BYTES:
        text = f"{pinned}: {CONFIG} has {files[CONFIG]['size']:,} bytes"
        raise CorruptWeightsError(f"{text}, over the limit of {MAX_CONFIG_BYTES:,} - report it to the publisher")
    write_note(pinned, files)
    return pinned, files


def _facts(file: Any) -> dict[str, Any]:
    """A file's size and its digest: the SHA-256 of a large file, which is in LFS, or the git digest of a small one."""
    digest = {"sha256": file.lfs.sha256} if file.lfs else {"oid": file.blob_id}
    return {"filename": file.rfilename, "size": file.size, **digest}


def _noted(asked: Reference) -> Iterable[str]:
    """References to the commits of a repository that have a note, which can be used offline."""
    for note in notes_of(asked.repo, asked.repo_type):
        yield str(asked._replace(revision=note.stem.rpartition("@")[2]))


def _unanswered(error: Exception, asked: Reference) -> PullError:
    """The error to raise if the Hub does not resolve a reference."""
    from huggingface_hub.errors import RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        text = f"{asked.repo} has no branch, tag or commit {asked.revision}"
        return PullError(f"{text} - its page at the Hub lists them", kind="missing")
    plain = GitFile(
        repo=asked.repo,
        revision=asked.revision or "main",
        filename=CONFIG if asked.repo_type == "model" else "*",
        oid="",
        size=0,
        repo_type=asked.repo_type,
    )
    explained = explain_download_error(error, plain)
    known = sorted(_noted(asked))
    if explained.kind in ("offline", "network") and known:
        return PullError(f"{explained}; offline you can use {' or '.join(known)}", kind=explained.kind)
    return explained
