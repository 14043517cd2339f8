"""Describe models, architectures, feature extractors and plugins: the rows and facts that commands print."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ganzoo.cli.arguments import bounded
from ganzoo.cli.display import Row
from ganzoo.hub import download
from ganzoo.interface.configs import (
    OF_TEXTS,
    as_text_config,
    as_translation_config,
    tokenizer_of,
    with_written_resolution,
)
from ganzoo.interface.data_sources import DataSource
from ganzoo.interface.specs import Architecture, Engine, FeatureExtractor, PretrainedModel
from ganzoo.interface.weights_files import BundledFile, PackageFile, WeightsFile
from ganzoo.pretrained.files import weights_size
from ganzoo.pretrained.installed import find_installed, install_command
from ganzoo.pretrained.resolve import find
from ganzoo.pretrained.sources import Folder, HubReference, Registered
from ganzoo.registry import lookup
from ganzoo.registry.plugin import Plugin
from ganzoo.sampling.engines import is_installed
from ganzoo.sampling.requests import Subject
from ganzoo.utils.distributions import missing_distributions
from ganzoo.utils.names import BUILTIN

__all__ = ["describe", "described_names", "model_row", "plugin_row"]

NOT_STATED = "not stated"


def model_row(name: str) -> Row:
    """The row of a registered model in `ganzoo list`."""
    model = lookup.registry().models[name]
    channels, height, width = lookup.config_of(model).image_shape
    return {
        "name": name,
        "architecture": model.architecture,
        "task": lookup.registry().architectures[model.architecture].task.name,
        "resolution": f"{height}x{width}x{channels}",
        "dataset": model.dataset,
        "size": weights_size(model),
        "where": _where(model.weights),
        "license": model.license or NOT_STATED,
    }


def plugin_row(plugin: Plugin) -> Row:
    """The row of a plugin in `ganzoo plugins`."""
    return {
        "plugin": plugin.key,
        "version": plugin.version,
        "state": str(plugin.state),
        "api": ".".join(map(str, plugin.api)) if plugin.api else "",
        "import_ms": round(plugin.seconds * 1000),
        "declares": plugin.declares,
        "problem": f"{plugin.stage}: {plugin.problem}" if plugin.problem else "",
    }


def describe(name: str) -> list[Row]:
    """All that is known of each thing with this name. A name may be that of things of several kinds.

    A model is also given by its folder or its Hub reference, if nothing has that name.

    Raises:
        UnknownNameError: nothing has that name.
    """
    registry = lookup.registry()
    declared = registry.named(name, _KINDS)
    if declared:
        return [_row(_KINDS[kind][0], _KINDS[kind][1](name, record)) for kind, record in declared.items()]
    source = bounded(find(name))
    if not isinstance(source, (Folder, HubReference)):
        *most, last = (kind for kind, _ in _KINDS.values())
        raise registry.unknown(f"{', '.join(most)} or {last}", name, described_names())
    return [_row("model", _describe_published(source))]


def described_names() -> list[str]:
    """The names of all that `describe` describes."""
    return sorted({name for kind in _KINDS for name in getattr(lookup.registry(), kind)})


def _row(kind: str, facts: Row) -> Row:
    return {"name": facts["name"], "kind": kind, **facts}


def _describe_registered(name: str, record: PretrainedModel) -> Row:
    source = Registered(name, record)
    return {
        **model_row(source.name),
        "summary": record.summary,
        "depth": f"{record.depth} bits",
        "paper": lookup.registry().architectures[record.architecture].paper,
        "weights": _location(record.weights),
        "sha256": record.weights.sha256,
        **_install_it(record.weights, source.info.subject),
        **_use(source.name, source.info.subject),
    }


def _describe_published(source: Folder | HubReference) -> Row:
    info = source.info
    subject = info.subject
    channels, height, width = subject.config.image_shape
    return {
        "name": source.name,
        "architecture": info.architecture,
        "plugin": info.plugin or BUILTIN,
        "task": subject.task.name,
        "resolution": f"{height}x{width}x{channels}",
        "depth": f"{info.depth} bits",
        "dataset": info.dataset,
        "sha256": info.sha256,
        "discriminator": "included, for ganzoo train --init" if info.discriminator else "not included",
        **_install_it(None, subject),
        **_use(source.name, subject),
    }


def _install_it(weights: WeightsFile | None, subject: Subject) -> Row:
    """How to install what a model needs, if it needs anything."""
    command = install_command(weights, subject.config)
    return {"install_it": command} if command else {}


def _use(name: str, subject: Subject) -> Row:
    """The classes, directions and config of a model, and how to sample it."""
    from ganzoo.pretrained.cards import example_of, usage  # not for `ganzoo list`

    task = subject.task
    config = with_written_resolution(type(subject.config), dataclasses.asdict(subject.config))
    option, call = usage(task, example_of(task, subject.config))
    texts: Row = {name: list(config.pop(name)) for name in OF_TEXTS} if task.needs_text else {}
    if task.needs_text and tokenizer_of(as_text_config(subject.config)):
        texts["vocabulary"] = "any word"
    return {
        "classes": list(subject.classes),
        **({"directions": list(as_translation_config(subject.config).directions)} if task.from_images else {}),
        **texts,
        "config": config,
        "sample_it": f"ganzoo sample {name}{option}",
        "in_python": f'ganzoo.load("{name}").{call}',
    }


def _describe_architecture(name: str, spec: Architecture) -> Row:
    from ganzoo.training.plan import follow_rule  # not for `ganzoo list`

    found = lookup.registry()
    layouts = [layout for layout in found.layouts.values() if layout.architecture == name]
    return {
        "name": name,
        "summary": spec.summary,
        "paper": spec.paper,
        "task": spec.task.name,
        "default_loss": spec.default_loss,
        "losses": list(found.losses),
        "regularizers": list(found.regularizers),
        "augmentations": list(found.augmentations),
        "schedules": list(found.schedules),
        "recipes": {
            data: {**recipe.config, **follow_rule(recipe, name, recipe.config, recipe.options)}
            for data, recipe in spec.recipes.items()
        },
        "config": dataclasses.asdict(spec.config()),
        "layouts": [f"{layout.name} ({layout.source})" for layout in layouts],
        "models": lookup.models(architecture=name),
        "train_it": f"ganzoo train {name} --data FOLDER -o RUN",
        **({"import_it": f"ganzoo import {name} FILE -o FOLDER"} if layouts else {}),
    }


def _describe_extractor(name: str, spec: FeatureExtractor) -> Row:
    return {
        "name": name,
        "summary": spec.summary,
        "source": spec.source,
        "dataset": spec.dataset,
        "license": spec.license or NOT_STATED,
        "features": spec.num_features,
        "classes": spec.num_classes,
        "accepts": spec.accepts,
        "size": weights_size(spec),
        "where": _where(spec.weights),
        "weights": _location(spec.weights),
        "sha256": spec.weights.sha256,
        **({"heads": _location(spec.heads), "heads_sha256": spec.heads.sha256} if spec.heads else {}),
        "evaluate_by_it": f"ganzoo evaluate MODEL --features {name}",
    }


def _describe_engine(name: str, spec: Engine) -> Row:
    return {
        "name": name,
        "summary": spec.summary,
        "source": spec.source,
        "devices": list(spec.devices),
        "requires": list(spec.requires),
        "installed": is_installed(spec),
        **({"install_it": spec.install} if spec.install and not is_installed(spec) else {}),
        "sample_with_it": f"ganzoo sample MODEL --engine {name}",
        **({"export_its_files": f"ganzoo export MODEL --format {spec.format.name} -o FILE"} if spec.format else {}),
    }


def _describe_data_source(name: str, spec: DataSource) -> Row:
    missing = missing_distributions(spec.requires)
    shape = "x".join(map(str, spec.image_shape or ()))
    return {
        "name": name,
        "summary": spec.summary,
        **({"files": list(spec.endings)} if spec.endings else {"splits": list(spec.splits)}),
        **({"images": shape} if shape else {}),
        **({"options": [f"?{option}=" for option in spec.options]} if spec.options else {}),
        **({"install_it": spec.install} if missing else {}),
        "train_on_it": f"ganzoo train ARCHITECTURE --data {f'FILE{spec.endings[0]}' if spec.endings else name} -o RUN",
    }


_KINDS: dict[str, tuple[str, Callable[[str, Any], Row]]] = {
    "models": ("model", _describe_registered),
    "architectures": ("architecture", _describe_architecture),
    "feature_extractors": ("feature extractor", _describe_extractor),
    "engines": ("engine", _describe_engine),
    "data_sources": ("data source", _describe_data_source),
}
"""What `describe` describes: for each kind of the registry, its name for users, and what gives the facts."""


def _location(weights: WeightsFile) -> str:
    if isinstance(weights, BundledFile):
        return f"bundled in {weights.package}"
    if isinstance(weights, PackageFile):
        return f"{weights.location} of the package {weights.distribution} {weights.version}"
    return f"hf:{weights.repo}@{weights.revision} {weights.filename}"


def _where(weights: WeightsFile) -> str:
    if isinstance(weights, BundledFile):
        return "bundled"
    if isinstance(weights, PackageFile):
        return "package" if find_installed(weights) is None else "installed"
    return "cached" if download.is_cached(weights) else "hub"
