"""Pins of files on the Hub: what tells one exact content of a file from any other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ganzoo.interface.weights_files import HubFile
from ganzoo.utils.files import open_regular

__all__ = ["GitFile", "Pinned", "git_digest"]


@dataclass(frozen=True, kw_only=True)
class GitFile:
    """A small file, which the Hub keeps in git. `oid` is its git digest, 40 hex digits; see `git_digest`."""

    repo: str
    revision: str
    filename: str
    oid: str
    size: int
    repo_type: str = "model"


Pinned = HubFile | GitFile
"""A file, pinned by its commit and its digest."""


def git_digest(path: Path) -> str:
    """The digest that git gives to a file: the SHA-1 of its length and its content."""
    with open_regular(path) as file:
        content = file.read()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
