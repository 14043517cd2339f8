"""Which of the packages that a plugin needs are installed. None of them is imported."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

__all__ = ["missing_distributions", "not_installed"]


def missing_distributions(names: Iterable[str]) -> list[str]:
    """The distributions of these names that are not installed."""
    return [name for name in names if not _has(name)]


def not_installed(missing: Iterable[str], install: str) -> str:
    """What to tell users, and the command `install` that installs what is missing."""
    names = list(missing)
    return f"{' and '.join(names)} not installed: {install or 'pip install ' + ' '.join(names)}"


def _has(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
