"""The registry: takes each plugin whole or sets it aside whole, and keeps what all of them declare, by kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any

from ganzoo.errors import PluginError, UnknownNameError
from ganzoo.interface.configs import check_contract, replace_config
from ganzoo.interface.specs import (
    Architecture,
    Augmentation,
    FeatureExtractor,
    Loss,
    PretrainedModel,
    Regularizer,
    Schedule,
)
from ganzoo.interface.weights_files import BundledFile, HubFile, Layout
from ganzoo.registry.discovery import disabled_plugins, find_installed, is_disabled
from ganzoo.registry.index import Index
from ganzoo.registry.plugin import Declared, Plugin, PluginState, collect_records, set_aside_on_error
from ganzoo.utils.names import suggest

__all__ = ["Registry"]


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
        self.feature_extractors: Index[FeatureExtractor] = Index("feature extractor", self.unknown)

    @classmethod
    def discover(cls, *, third_party: bool = True) -> Registry:
        """A registry of every installed plugin, found through the entry points of the group ``ganzoo``.

        GANZOO_DISABLE_PLUGINS lists those to leave out, separated by commas: distributions, entry points
        or ``distribution:entry point``; ``*`` stands for all third-party plugins.

        Raises:
            PluginError: a plugin is broken and GANZOO_STRICT_PLUGINS is 1.
        """
        disabled = disabled_plugins(third_party=third_party)
        registry = cls()
        for found in find_installed():
            registry.load(found.owner, found.point.name, found.point.load, version=found.version, disabled=disabled)
        registry.check_references()
        if os.environ.get("GANZOO_STRICT_PLUGINS") == "1" and registry.broken:
            raise PluginError(registry.broken[0].describe_problem())
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
        if is_disabled(owner, name, disabled):
            plugin.state = PluginState.DISABLED
        else:
            with set_aside_on_error(plugin):
                self._register(plugin, collect_records(plugin, import_module))
        return plugin

    def check_references(self) -> None:
        """Set aside every plugin with a record that cannot be used beside all the others.

        This must wait until all are loaded: a plugin may rest on another, whatever their order, and
        falls with it.
        """
        standing = [plugin for plugin in self.plugins if plugin.state is PluginState.LOADED]
        for plugin in standing:
            with set_aside_on_error(plugin):
                self._check_architectures(plugin)
                self._check_layouts(plugin)
                self._check_models(plugin)
                self._check_extractors(plugin)
        fallen = [plugin for plugin in standing if plugin.state is not PluginState.LOADED]
        for plugin in fallen:
            self._unregister(plugin)
        if fallen:
            self.check_references()

    @property
    def broken(self) -> list[Plugin]:
        """The plugins that were set aside for a fault of their own."""
        return [p for p in self.plugins if p.state in (PluginState.BROKEN, PluginState.INCOMPATIBLE)]

    def unknown(self, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """The error for a name that nobody declares: the nearest names, and who was not asked."""
        absent = [f"{p.key} is {p.state}" for p in self.plugins if p.state is not PluginState.LOADED]
        hint = f"; a plugin that is not loaded may provide it: {', '.join(absent)}" if absent else ""
        return UnknownNameError(f"there is no {kind} {name!r}{suggest(name, known)}{hint}")

    def _register(self, plugin: Plugin, declared: Declared) -> None:
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

    def _unregister(self, plugin: Plugin) -> None:
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
            _check_config(spec, spec.tiny, of=f"{name}, tiny")
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

    def _check_extractors(self, plugin: Plugin) -> None:
        owner, plugin.stage = plugin.distribution, "ganzoo_feature_extractors"
        for name in plugin.declares.get("feature_extractors", ()):
            _check_bundled(self.feature_extractors[f"{owner}/{name}"])

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
    """The config with `values` can be made, and says what the architecture's task needs."""
    check_contract(replace_config(spec.config, values, of=of), spec.task.config, of=of)


def _check_bundled(record: PretrainedModel | FeatureExtractor) -> None:
    weights = record.weights
    if isinstance(weights, BundledFile) and not files(weights.package).joinpath(weights.path).is_file():
        raise PluginError(f"{record.name}: there is no {weights.path} in {weights.package}")
