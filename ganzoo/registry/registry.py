"""The registry: it holds the records of all plugins by kind. It takes all records of a plugin, or none."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from importlib.resources import files
from typing import Any, TypeVar

from ganzoo.errors import PluginError, PluginWarning, UnknownNameError
from ganzoo.interface.configs import check_contract, replace_config
from ganzoo.interface.data_sources import DataSource
from ganzoo.interface.specs import (
    Architecture,
    Augmentation,
    Degradation,
    Engine,
    FeatureExtractor,
    Loss,
    PretrainedModel,
    Regularizer,
    Schedule,
)
from ganzoo.interface.weights_files import BundledFile, HubFile, Layout, PackageFile, WeightsFile
from ganzoo.registry.discovery import InstalledPlugin, disabled_plugins, find_installed, is_disabled
from ganzoo.registry.import_markers import marked_import, take_unfinished
from ganzoo.registry.index import Index
from ganzoo.registry.plugin import Declared, Plugin, PluginState, collect_records, set_aside_on_error
from ganzoo.utils.names import BUILTIN, suggest

__all__ = ["Registry"]

Record = TypeVar("Record", Architecture, HubFile | PackageFile, Layout, PretrainedModel)


class Registry:
    """The records of all plugins, by kind, and the state of every installed plugin."""

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self.architectures: Index[Architecture] = Index("architecture", self.unknown)
        self.losses: Index[Loss] = Index("loss", self.unknown)
        self.regularizers: Index[Regularizer] = Index("regularizer", self.unknown)
        self.augmentations: Index[Augmentation] = Index("augmentation", self.unknown)
        self.degradations: Index[Degradation] = Index("degradation", self.unknown)
        self.schedules: Index[Schedule] = Index("schedule", self.unknown)
        self.models: Index[PretrainedModel] = Index("model", self.unknown)
        self.layouts: Index[Layout] = Index("layout", self.unknown)
        self.feature_extractors: Index[FeatureExtractor] = Index("feature extractor", self.unknown)
        self.engines: Index[Engine] = Index("engine", self.unknown)
        self.data_sources: Index[DataSource] = Index("data source", self.unknown)

    @classmethod
    def discover(cls, *, third_party: bool = True) -> Registry:
        """A registry of all installed plugins, which are the entry points of the group ``ganzoo``.

        The environment variable GANZOO_DISABLE_PLUGINS lists plugins to leave out, separated by commas. Each is
        written as a distribution, an entry point or ``distribution:entry point``. ``*`` means all third-party plugins.

        Raises:
            PluginError: a plugin is broken and GANZOO_STRICT_PLUGINS is 1.

        Warns:
            PluginWarning: an earlier process ended while it imported a third-party plugin, by a crash for instance.
        """
        disabled = disabled_plugins(third_party=third_party)
        installed = find_installed()
        registry = cls()
        risky = {each.key for each in installed if _is_risky(each, disabled)}
        for key in take_unfinished(risky) if risky else ():
            warnings.warn(
                f"an earlier process ended while it imported plugin {key} - check the plugin with `ganzoo doctor`, "
                f"or disable it with GANZOO_DISABLE_PLUGINS={key}",
                PluginWarning,
                stacklevel=3,
            )
        for found in installed:
            with marked_import(found.key) if found.key in risky else nullcontext():
                registry.load(found.owner, found.point.name, found.point.load, version=found.version, disabled=disabled)
        registry.check_references()
        if os.environ.get("GANZOO_STRICT_PLUGINS") == "1" and registry.broken:
            raise PluginError(" - ".join(line.strip() for line in registry.broken[0].problem_lines()))
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
        """Import one plugin and register its records. A fault in the plugin sets it aside and raises no error."""
        plugin = Plugin(owner, name, version)
        self.plugins.append(plugin)
        if is_disabled(owner, name, disabled):
            plugin.state = PluginState.DISABLED
        else:
            with set_aside_on_error(plugin):
                self._register(plugin, collect_records(plugin, import_module))
        return plugin

    def check_references(self) -> None:
        """Check the names by which records refer to each other, and set aside the plugins where one is wrong.

        Call it when all plugins are loaded, since a plugin may use records of any other plugin. If a plugin is set
        aside, the plugins that use its records are set aside too.
        """
        loaded = [plugin for plugin in self.plugins if plugin.state is PluginState.LOADED]
        for plugin in loaded:
            with set_aside_on_error(plugin):
                self._check_architectures(plugin)
                self._check_layouts(plugin)
                self._check_models(plugin)
                self._check_extractors(plugin)
        faulty = [plugin for plugin in loaded if plugin.state is not PluginState.LOADED]
        for plugin in faulty:
            self._unregister(plugin)
        if faulty:
            self.check_references()

    @property
    def broken(self) -> list[Plugin]:
        """The plugins that were set aside because of a fault."""
        return [p for p in self.plugins if p.state in (PluginState.BROKEN, PluginState.INCOMPATIBLE)]

    def named(self, name: object, kinds: Iterable[str]) -> dict[str, Any]:
        """The records of this name, by their kind, such as ``models``: of those `kinds` that have one.

        Raises:
            AmbiguousNameError: several third-party plugins declare the name.
        """
        return {kind: getattr(self, kind)[name] for kind in kinds if name in getattr(self, kind)}

    def unknown(self, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """The error for a name that nobody declares. It lists similar names, and the plugins that are not loaded."""
        absent = [f"{p.key} is {p.state}" for p in self.plugins if p.state is not PluginState.LOADED]
        hint = f"; a plugin that is not loaded may provide it: {', '.join(absent)}" if absent else ""
        return UnknownNameError(f"there is no {kind} {name!r}{suggest(name, known)}{hint}")

    def _register(self, plugin: Plugin, declared: Declared) -> None:
        """Register all records of a plugin, or none."""
        owner = plugin.distribution
        for kind, records in declared.items():
            plugin.stage = f"ganzoo_{kind}"
            taken = [record.name for record in records if f"{owner}/{record.name}" in getattr(self, kind)]
            if taken:
                raise PluginError(f"another plugin of {owner} declares {', '.join(taken)} too - rename one of them")
        for kind, records in declared.items():
            for record in records:
                getattr(self, kind).put(owner, record)
        plugin.declares = {kind: [record.name for record in records] for kind, records in declared.items() if records}

    def _unregister(self, plugin: Plugin) -> None:
        for kind, names in plugin.declares.items():
            for name in names:
                getattr(self, kind).discard(plugin.distribution, name)
        plugin.declares = {}

    def _check_architectures(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_architectures"
        for name in plugin.declares.get("architectures", ()):
            spec = self.architectures[f"{owner}/{name}"]
            spec = _changed(spec, default_loss=self.losses.name_for(owner, spec.default_loss))
            self.losses[spec.default_loss]  # raises if no plugin declares it
            _check_config(spec, {}, of=name)
            _check_config(spec, spec.tiny, of=f"{name}, tiny")
            self.architectures.put(owner, spec)

    def _check_layouts(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_layouts"
        for name in plugin.declares.get("layouts", ()):
            layout = self.layouts[f"{owner}/{name}"]
            layout = _changed(layout, architecture=self.architectures.name_for(owner, layout.architecture))
            self.architectures[layout.architecture]  # raises if no plugin declares it
            self.layouts.put(owner, layout)

    def _check_models(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_models"
        for name in plugin.declares.get("models", ()):
            model = self.models[f"{owner}/{name}"]
            model = _changed(model, architecture=self.architectures.name_for(owner, model.architecture))
            _check_config(self.architectures[model.architecture], model.config, of=name)
            _check_bundled(model.weights, of=model.name)
            self.models.put(owner, self._with_layout(owner, model))

    def _check_extractors(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_feature_extractors"
        for name in plugin.declares.get("feature_extractors", ()):
            for file in self.feature_extractors[f"{owner}/{name}"].files:
                _check_bundled(file, of=name)

    def _with_layout(self, owner: str, model: PretrainedModel) -> PretrainedModel:
        """The model with the full name of its weights' layout, which must be a layout of its architecture."""
        weights = model.weights
        if isinstance(weights, BundledFile) or weights.layout is None:
            return model
        weights = _changed(weights, layout=self.layouts.name_for(owner, weights.layout))
        of = self.layouts[str(weights.layout)].architecture
        if of != model.architecture:
            text = f"{model.name}: the layout {weights.layout} belongs to the architecture {of}"
            raise PluginError(f"{text}, not to {model.architecture}")
        return _changed(model, weights=weights)


def _is_risky(plugin: InstalledPlugin, disabled: Iterable[str]) -> bool:
    """Whether code of others will be imported, which may end the process."""
    return plugin.owner != BUILTIN and not is_disabled(plugin.owner, plugin.point.name, disabled)


def _changed(record: Record, **values: Any) -> Record:
    """The record with these values: itself if it has them, since to make a record is to check all of its fields."""
    same = all(getattr(record, name) == value for name, value in values.items())
    return record if same else replace(record, **values)


def _check_config(spec: Architecture, values: Mapping[str, Any], *, of: str) -> None:
    """Check that the config accepts `values`, and that it has what the architecture's task needs."""
    check_contract(replace_config(spec.config, values, of=of), spec.task.config, of=of)


def _check_bundled(file: WeightsFile, *, of: str) -> None:
    if isinstance(file, BundledFile) and not files(file.package).joinpath(file.path).is_file():
        raise PluginError(f"{of}: the package {file.package} has no file {file.path}")
