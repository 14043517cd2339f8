"""The plugins that are installed: their entry points, and which of them the user has refused."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from importlib import metadata
from typing import NamedTuple

from ganzoo.interface.hooks import PROJECT
from ganzoo.utils.names import BUILTIN

__all__ = ["InstalledPlugin", "disabled_plugins", "find_installed", "is_disabled"]


class InstalledPlugin(NamedTuple):
    """An entry point, and the distribution that it is of."""

    owner: str
    version: str
    point: metadata.EntryPoint

    @property
    def key(self) -> str:
        """As that of the plugin that it becomes."""
        return f"{self.owner}:{self.point.name}"


def disabled_plugins(*, third_party: bool = True) -> set[str]:
    """What GANZOO_DISABLE_PLUGINS lists; all plugins of others too, unless `third_party`."""
    names = {name.strip() for name in os.environ.get("GANZOO_DISABLE_PLUGINS", "").split(",")} - {""}
    return names | (set() if third_party else {"*"})


def is_disabled(owner: str, name: str, disabled: Iterable[str]) -> bool:
    """Whether `disabled` names the entry point `name` of the distribution `owner`."""
    names = {owner, name, f"{owner}:{name}"} | ({"*"} if owner != BUILTIN else set())
    return bool({_canonical(name) for name in names} & {_canonical(name) for name in disabled})


def find_installed() -> list[InstalledPlugin]:
    """The entry points of all distributions, of each the first on the path; ganzoo's own come first."""
    found: dict[str, list[InstalledPlugin]] = {}
    for distribution in metadata.distributions():
        try:
            points = distribution.entry_points.select(group=PROJECT)
        except Exception:  # noqa: S112 - a damaged installation, of whatever package, is not ours to judge
            continue
        if points:
            owner, version = _canonical(distribution.name or "unknown"), distribution.version or ""
            found.setdefault(owner, [InstalledPlugin(owner, version, point) for point in points])
    every = [each for of_one in found.values() for each in of_one]
    return sorted(every, key=lambda each: (each.owner != BUILTIN, each.owner, each.point.name))


def _canonical(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
