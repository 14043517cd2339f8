"""The registry: finds plugins, takes each whole or sets it aside whole, and looks names up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Generic, NamedTuple, TypeVar

import pluggy

from ganzoo import hooks
from ganzoo.errors import AmbiguousNameError, PluginError, UnknownNameError
from ganzoo.names import suggest
from ganzoo.plugins import Plugin, PluginState, load_plugin
from ganzoo.specs import Architecture, Layout, Loss, PretrainedModel

__all__ = ["BUILTIN", "Index", "Registry"]

BUILTIN = "ganzoo"
"""The distribution whose names always win."""

Record = TypeVar("Record", Architecture, Loss, PretrainedModel, Layout)


class _Entry(NamedTuple):
    owner: str
    record: Any


class Index(Mapping[str, Record], Generic[Record]):
    """Records of one kind by name.

    Iterating gives one name for each record: the bare name, or ``distribution/name`` where the bare
    one is another's or is claimed by several.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, list[_Entry]] = {}

    def add(self, owner: str, records: Iterable[Record]) -> None:
        """Add what the distribution `owner` declares."""
        for record in records:
            self._entries.setdefault(record.name, []).append(_Entry(owner, record))

    def __getitem__(self, name: str) -> Record:
        """The record of that name.

        Raises:
            UnknownNameError: there is none; the message suggests the nearest.
            AmbiguousNameError: several third-party plugins declare it; the message lists them.
        """
        owner, _, bare = name.rpartition("/")
        entries = [entry for entry in self._entries.get(bare, ()) if owner in ("", entry.owner)]
        winner = self._winner(entries)
        if winner is not None:
            return winner.record  # type: ignore[no-any-return]
        if entries:
            choices = " or ".join(f"{entry.owner}/{bare}" for entry in entries)
            raise AmbiguousNameError(f"several plugins declare the {self.kind} {name} - say {choices}")
        raise UnknownNameError(f"there is no {self.kind} {name!r}{suggest(name, self)}")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.rpartition("/")[2] in self._entries

    def __iter__(self) -> Iterator[str]:
        for name in sorted(self._entries):
            entries = self._entries[name]
            winner = self._winner(entries)
            yield from (name if entry is winner else f"{entry.owner}/{name}" for entry in entries)

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._entries.values())

    @staticmethod
    def _winner(entries: list[_Entry]) -> _Entry | None:
        """Who has the bare name: a built-in, or else the only one that declares it."""
        if len(entries) == 1:
            return entries[0]
        return next((entry for entry in entries if entry.owner == BUILTIN), None)


@dataclass
class Registry:
    """What all plugins declare, by kind, and the state of every plugin that was found."""

    architectures: Index[Architecture] = field(default_factory=lambda: Index("architecture"))
    losses: Index[Loss] = field(default_factory=lambda: Index("loss"))
    models: Index[PretrainedModel] = field(default_factory=lambda: Index("model"))
    layouts: Index[Layout] = field(default_factory=lambda: Index("layout"))
    plugins: list[Plugin] = field(default_factory=list)

    @classmethod
    def discover(cls, disabled: Iterable[str] | None = None) -> Registry:
        """A registry of every installed plugin, found through the entry points of the group ``ganzoo``.

        `disabled` holds distributions, entry points or ``distribution:entry point``; ``*`` stands for
        all third-party plugins. None reads the list from GANZOO_DISABLE_PLUGINS.

        Raises:
            PluginError: a plugin is broken and GANZOO_STRICT_PLUGINS is 1.
        """
        if disabled is None:
            disabled = os.environ.get("GANZOO_DISABLE_PLUGINS", "").split(",")
        refused = {name.strip() for name in disabled} - {""}
        registry = cls()
        # Sorted, with our own first, so that every run sees the plugins in one order.
        points = sorted(_entry_points(), key=lambda p: (_owner(p) != BUILTIN, _owner(p), p.name))
        for point in points:
            registry.load(_owner(point), point.name, point.load, version=_version(point), disabled=refused)
        if os.environ.get("GANZOO_STRICT_PLUGINS") == "1" and registry.broken:
            raise PluginError(registry.broken[0].complaint())
        return registry

    def load(
        self,
        owner: str,
        name: str,
        import_module: Callable[[], object],
        *,
        version: str = "",
        disabled: Iterable[str] = (),
    ) -> Plugin:
        """Import one plugin and take all that it declares, or set it aside; never raises for its faults."""
        plugin = Plugin(owner, name, version)
        names = {owner, name, plugin.key} | ({"*"} if owner != BUILTIN else set())
        if names & set(disabled):
            plugin.state = PluginState.DISABLED
        else:
            declared = load_plugin(plugin, import_module, self._manager())
            for kind, records in declared.items():
                getattr(self, kind).add(owner, records)
        self.plugins.append(plugin)
        return plugin

    @property
    def broken(self) -> list[Plugin]:
        """The plugins that were set aside for a fault of their own."""
        return [p for p in self.plugins if p.state in (PluginState.BROKEN, PluginState.INCOMPATIBLE)]

    @staticmethod
    def _manager() -> pluggy.PluginManager:
        # One manager a plugin: its hooks are checked and called alone, and nothing is left of a broken one.
        manager = pluggy.PluginManager(hooks.PROJECT)
        manager.add_hookspecs(hooks)
        return manager


def _entry_points() -> metadata.EntryPoints:
    return metadata.entry_points(group=hooks.PROJECT)


def _owner(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def _version(point: metadata.EntryPoint) -> str:
    return point.dist.version if point.dist else ""
