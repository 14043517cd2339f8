"""What identifies the bytes of a file on the Hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ganzoo.interface.weights_files import HubFile

__all__ = ["GitFile", "Pinned", "git_digest"]


@dataclass(frozen=True, kw_only=True)
class GitFile:
    """A small file, which the Hub keeps in git and knows by git's digest of it, 40 hex digits; see `git_digest`."""

    repo: str
    revision: str
    filename: str
    oid: str
    size: int
    repo_type: str = "model"


Pinned = HubFile | GitFile
"""A file by commit and content."""


def git_digest(path: Path) -> str:
    """The SHA-1 of a file's length and content, as git names it."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
