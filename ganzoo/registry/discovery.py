"""Which plugins are installed, and which of them the user has disabled."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from ganzoo.interface.hooks import PROJECT
from ganzoo.utils.names import BUILTIN
from ganzoo.utils.version import __version__

__all__ = ["InstalledPlugin", "disabled_plugins", "find_installed", "is_disabled"]


class InstalledPlugin(NamedTuple):
    """An entry point of the group ``ganzoo``, and the distribution that it belongs to."""

    owner: str
    version: str
    point: metadata.EntryPoint

    @property
    def key(self) -> str:
        """``distribution:entry point``, as in `Plugin.key`."""
        return f"{self.owner}:{self.point.name}"


def disabled_plugins(*, third_party: bool = True) -> set[str]:
    """The names in GANZOO_DISABLE_PLUGINS. If `third_party` is False, also ``*``: all third-party plugins."""
    names = {name.strip() for name in os.environ.get("GANZOO_DISABLE_PLUGINS", "").split(",")} - {""}
    return names | (set() if third_party else {"*"})


def is_disabled(owner: str, name: str, disabled: Iterable[str]) -> bool:
    """Whether `disabled` lists the entry point `name` of the distribution `owner`, in any of the ways to write it."""
    names = {owner, name, f"{owner}:{name}"} | ({"*"} if owner != BUILTIN else set())
    return bool({_canonical(name) for name in names} & {_canonical(name) for name in disabled})


def find_installed() -> list[InstalledPlugin]:
    """The entry points of all distributions; ganzoo's own come first.

    If a distribution is installed twice, the first one on the path counts, as for imports. If ganzoo itself is not
    installed, but runs from a checkout, its own entry points are those in ``pyproject.toml``.
    """
    found: dict[str, list[InstalledPlugin]] = {}
    for distribution in metadata.distributions():
        try:
            points = distribution.entry_points.select(group=PROJECT)
        except Exception:  # noqa: S112 - any package may be damaged; the others still work
            continue
        if points:
            owner, version = _canonical(distribution.name or "unknown"), distribution.version or ""
            found.setdefault(owner, [InstalledPlugin(owner, version, point) for point in points])
    if BUILTIN not in found:
        found[BUILTIN] = _find_in_checkout()
    plugins = [plugin for of_one in found.values() for plugin in of_one]
    return sorted(plugins, key=lambda each: (each.owner != BUILTIN, each.owner, each.point.name))


def _find_in_checkout() -> list[InstalledPlugin]:
    """ganzoo's own entry points, from the checkout that this file is in; none if it is in no checkout.

    `torch.hub` runs a checkout in this way, with the folder of the plugins on the module search path.
    """
    import tomllib  # only here, because `ganzoo list` does not wait for it

    try:
        text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
        points: dict[str, str] = tomllib.loads(text)["project"]["entry-points"][PROJECT]
    except (OSError, ValueError, KeyError):
        return []
    each = (metadata.EntryPoint(name, module, PROJECT) for name, module in points.items())
    return [InstalledPlugin(BUILTIN, __version__, point) for point in each]


def _canonical(name: str) -> str:
    """A distribution's name in the form in which package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()
