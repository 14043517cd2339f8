"""The registry: finds plugins, takes each whole or sets it aside whole, and looks names up."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import metadata
from importlib.resources import files
from typing import Any, Generic, NamedTuple, TypeVar

from ganzoo import hooks
from ganzoo.configs import replace_config
from ganzoo.errors import AmbiguousNameError, PluginError, UnknownNameError
from ganzoo.names import suggest
from ganzoo.plugins import Declared, Plugin, PluginState, ask, isolated
from ganzoo.specs import (
    Architecture,
    Augmentation,
    BundledFile,
    FeatureExtractor,
    HubFile,
    Layout,
    Loss,
    PretrainedModel,
    Regularizer,
    Schedule,
)

__all__ = ["BUILTIN", "Found", "Index", "Registry", "installed", "is_refused", "refused"]

BUILTIN = "ganzoo"
"""The distribution whose names always win."""

Record = TypeVar(
    "Record", Architecture, Loss, Regularizer, Augmentation, Schedule, PretrainedModel, Layout, FeatureExtractor
)


class Index(Mapping[str, Record], Generic[Record]):
    """Records of one kind by name.

    Iterating gives one name for each record: the bare name, or ``distribution/name`` where the bare
    one is another's or is claimed by several. `unknown` makes the error for a name that nobody declares.
    """

    def __init__(self, kind: str, unknown: Callable[[str, str, Iterable[str]], UnknownNameError]) -> None:
        self.kind = kind
        self._unknown = unknown
        self._owners: dict[str, dict[str, Record]] = {}

    def put(self, owner: str, record: Record) -> None:
        """Add a record that the distribution `owner` declares, or replace its record of that name."""
        self._owners.setdefault(record.name, {})[owner] = record

    def discard(self, owner: str, name: str) -> None:
        """Forget a record of `owner`."""
        del self._owners[name][owner]
        if not self._owners[name]:
            del self._owners[name]

    def name_for(self, owner: str, name: str) -> str:
        """The name by which `owner` means `name`: its own record comes before everybody else's."""
        return f"{owner}/{name}" if owner in self._owners.get(name, ()) and owner != self._winner(name) else name

    def owner(self, name: str) -> str:
        """The distribution that declares what `name` means.

        Raises:
            As looking it up does.
        """
        self[name]
        said, _, bare = name.rpartition("/")
        return said or str(self._winner(bare))

    def __getitem__(self, name: str) -> Record:
        """The record of that name.

        Raises:
            UnknownNameError: there is none; the message suggests the nearest.
            AmbiguousNameError: several third-party plugins declare it; the message lists them.
        """
        if name not in self:
            raise self._unknown(self.kind, name, self)
        said, _, bare = name.rpartition("/")
        owner = said or self._winner(bare)
        if owner is None:
            choices = " or ".join(f"{each}/{bare}" for each in self._owners[bare])
            raise AmbiguousNameError(f"several plugins declare the {self.kind} {name} - say {choices}")
        return self._owners[bare][owner]

    def get(self, name: str, /, default: Any = None) -> Any:
        """The record of that name, or `default` where there is none."""
        try:
            return self[name]
        except UnknownNameError:
            return default

    def __contains__(self, name: object) -> bool:
        """Whether somebody declares the name; an ambiguous one, too."""
        owner, _, bare = name.rpartition("/") if isinstance(name, str) else ("", "", "")
        owners = self._owners.get(bare, {})
        return owner in owners if owner else bool(owners)

    def __iter__(self) -> Iterator[str]:
        return (self.name_for(owner, name) for name in sorted(self._owners) for owner in self._owners[name])

    def __len__(self) -> int:
        return sum(map(len, self._owners.values()))

    def _winner(self, name: str) -> str | None:
        """Who has the bare name: a built-in, or else the only one that declares it."""
        owners = self._owners[name]
        if BUILTIN in owners:
            return BUILTIN
        return next(iter(owners)) if len(owners) == 1 else None


class Registry:
    """What all plugins declare, by kind, and the state of every plugin that was found."""

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self.architectures: Index[Architecture] = Index("architecture", self.unknown)
        self.losses: Index[Loss] = Index("loss", self.unknown)
        self.regularizers: Index[Regularizer] = Index("regularizer", self.unknown)
        self.augmentations: Index[Augmentation] = Index("augmentation", self.unknown)
        self.schedules: Index[Schedule] = Index("schedule", self.unknown)
        self.models: Index[PretrainedModel] = Index("model", self.unknown)
        self.layouts: Index[Layout] = Index("layout", self.unknown)
        self.features: Index[FeatureExtractor] = Index("feature extractor", self.unknown)

    @classmethod
    def discover(cls, *, third_party: bool = True) -> Registry:
        """A registry of every installed plugin, found through the entry points of the group ``ganzoo``.

        GANZOO_DISABLE_PLUGINS lists those to leave out, separated by commas: distributions, entry points
        or ``distribution:entry point``; ``*`` stands for all third-party plugins.

        Raises:
            PluginError: a plugin is broken and GANZOO_STRICT_PLUGINS is 1.
        """
        disabled = refused(third_party=third_party)
        registry = cls()
        for found in installed():
            registry.load(found.owner, found.point.name, found.point.load, version=found.version, disabled=disabled)
        registry.settle()
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
        self.plugins.append(plugin)
        if is_refused(owner, name, disabled):
            plugin.state = PluginState.DISABLED
        else:
            with isolated(plugin):
                self._take(plugin, ask(plugin, import_module))
        return plugin

    def settle(self) -> None:
        """Set aside every plugin with a record that cannot be used beside all the others.

        This must wait until all are loaded: a plugin may rest on another, whatever their order, and
        falls with it.
        """
        standing = [plugin for plugin in self.plugins if plugin.state is PluginState.LOADED]
        for plugin in standing:
            with isolated(plugin):
                self._check_architectures(plugin)
                self._check_layouts(plugin)
                self._check_models(plugin)
                self._check_features(plugin)
        fallen = [plugin for plugin in standing if plugin.state is not PluginState.LOADED]
        for plugin in fallen:
            self._drop(plugin)
        if fallen:
            self.settle()

    @property
    def broken(self) -> list[Plugin]:
        """The plugins that were set aside for a fault of their own."""
        return [p for p in self.plugins if p.state in (PluginState.BROKEN, PluginState.INCOMPATIBLE)]

    def unknown(self, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """The error for a name that nobody declares: the nearest names, and who was not asked."""
        absent = [f"{p.key} is {p.state}" for p in self.plugins if p.state is not PluginState.LOADED]
        hint = f"; a plugin that is not loaded may provide it: {', '.join(absent)}" if absent else ""
        return UnknownNameError(f"there is no {kind} {name!r}{suggest(name, known)}{hint}")

    def _take(self, plugin: Plugin, declared: Declared) -> None:
        """Register all records of a plugin, or none."""
        owner = plugin.distribution
        for kind, records in declared.items():
            plugin.stage = f"ganzoo_{kind}"
            again = [record.name for record in records if f"{owner}/{record.name}" in getattr(self, kind)]
            if again:
                raise PluginError(f"another plugin of {owner} declares {', '.join(again)} too")
        for kind, records in declared.items():
            for record in records:
                getattr(self, kind).put(owner, record)
        plugin.declares = {kind: [record.name for record in records] for kind, records in declared.items() if records}

    def _drop(self, plugin: Plugin) -> None:
        for kind, names in plugin.declares.items():
            for name in names:
                getattr(self, kind).discard(plugin.distribution, name)
        plugin.declares = {}

    def _check_architectures(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_architectures"
        for name in plugin.declares.get("architectures", ()):
            spec = self.architectures[f"{owner}/{name}"]
            spec = replace(spec, default_loss=self.losses.name_for(owner, spec.default_loss))
            self.losses[spec.default_loss]  # refuses one that is not there
            _check_config(spec, {}, of=name)
            self.architectures.put(owner, spec)

    def _check_layouts(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_layouts"
        for name in plugin.declares.get("layouts", ()):
            layout = self.layouts[f"{owner}/{name}"]
            layout = replace(layout, architecture=self.architectures.name_for(owner, layout.architecture))
            self.architectures[layout.architecture]  # refuses one that is not there
            self.layouts.put(owner, layout)

    def _check_models(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_models"
        for name in plugin.declares.get("models", ()):
            model = self.models[f"{owner}/{name}"]
            model = replace(model, architecture=self.architectures.name_for(owner, model.architecture))
            _check_config(self.architectures[model.architecture], model.config, of=name)
            _check_bundled(model)
            self.models.put(owner, self._with_layout(owner, model))

    def _check_features(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_features"
        for name in plugin.declares.get("features", ()):
            _check_bundled(self.features[f"{owner}/{name}"])

    def _with_layout(self, owner: str, model: PretrainedModel) -> PretrainedModel:
        weights = model.weights
        if not isinstance(weights, HubFile) or weights.layout is None:
            return model
        weights = replace(weights, layout=self.layouts.name_for(owner, weights.layout))
        of = self.layouts[str(weights.layout)].architecture
        if of != model.architecture:
            raise PluginError(f"{model.name}: the layout {weights.layout} is of {of}, not of {model.architecture}")
        return replace(model, weights=weights)


def _check_config(spec: Architecture, values: Mapping[str, Any], *, of: str) -> None:
    shape = replace_config(spec.config, values, of=of).image_shape
    if len(shape) != 3:
        raise PluginError(f"{of}: image_shape {shape!r} is not (C, H, W)")


def _check_bundled(record: PretrainedModel | FeatureExtractor) -> None:
    weights = record.weights
    if isinstance(weights, BundledFile) and not files(weights.package).joinpath(weights.path).is_file():
        raise PluginError(f"{record.name}: there is no {weights.path} in {weights.package}")


class Found(NamedTuple):
    """An entry point, and the distribution that it is of."""

    owner: str
    version: str
    point: metadata.EntryPoint

    @property
    def key(self) -> str:
        """As that of the plugin that it becomes."""
        return f"{self.owner}:{self.point.name}"


def refused(*, third_party: bool = True) -> set[str]:
    """What GANZOO_DISABLE_PLUGINS lists; all plugins of others too, unless `third_party`."""
    names = {name.strip() for name in os.environ.get("GANZOO_DISABLE_PLUGINS", "").split(",")} - {""}
    return names | (set() if third_party else {"*"})


def is_refused(owner: str, name: str, disabled: Iterable[str]) -> bool:
    """Whether `disabled` names the entry point `name` of the distribution `owner`."""
    names = {owner, name, f"{owner}:{name}"} | ({"*"} if owner != BUILTIN else set())
    return bool({_canonical(name) for name in names} & {_canonical(name) for name in disabled})


def installed() -> list[Found]:
    """The entry points of all distributions, of each the first on the path; ganzoo's own come first."""
    found: dict[str, list[Found]] = {}
    for distribution in metadata.distributions():
        try:
            points = distribution.entry_points.select(group=hooks.PROJECT)
        except Exception:  # noqa: S112 - a damaged installation, of whatever package, is not ours to judge
            continue
        if points:
            owner, version = _canonical(distribution.name or "unknown"), distribution.version or ""
            found.setdefault(owner, [Found(owner, version, point) for point in points])
    every = [each for of_one in found.values() for each in of_one]
    return sorted(every, key=lambda each: (each.owner != BUILTIN, each.owner, each.point.name))


def _canonical(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
