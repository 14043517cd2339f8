"""What is known of models, architectures, features and plugins, as rows and facts for people."""

from __future__ import annotations

import dataclasses

from ganzoo.cli.display import Row
from ganzoo.hub import download
from ganzoo.interface.configs import as_translation_config
from ganzoo.interface.specs import Architecture, FeatureExtractor, PretrainedModel
from ganzoo.interface.weights_files import BundledFile, HubFile
from ganzoo.pretrained import resolve
from ganzoo.pretrained.cards import usage
from ganzoo.pretrained.load import weights_size
from ganzoo.registry import lookup
from ganzoo.registry.plugin import Plugin
from ganzoo.sampling.requests import Subject

__all__ = ["describe", "model_row", "plugin_row"]

NOT_STATED = "not stated"


def model_row(name: str) -> Row:
    """A model as `ganzoo list` shows it."""
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
    """A plugin as `ganzoo plugins` shows it."""
    return {
        "plugin": plugin.key,
        "version": plugin.version,
        "state": str(plugin.state),
        "api": ".".join(map(str, plugin.api)) if plugin.api else "",
        "import_ms": round(plugin.seconds * 1000),
        "declares": plugin.declares,
        "problem": f"{plugin.stage}: {plugin.problem}" if plugin.problem else "",
    }


def describe(name: str) -> Row:
    """All that is known of a model, by its name, its folder or its reference, of an architecture, or of features.

    Raises:
        UnknownNameError: it is none of them.
    """
    found = lookup.registry()
    if name in found.models:
        return _describe_model(name, found.models[name])
    if name in found.architectures:
        return _describe_architecture(name, found.architectures[name])
    if name in found.feature_extractors:
        return _describe_features(name, found.feature_extractors[name])
    if not resolve.is_registered(name):
        return _describe_published(name)
    known = [*found.models, *found.architectures, *found.feature_extractors]
    raise found.unknown("model, architecture or feature extractor", name, known)


def _describe_model(name: str, model: PretrainedModel) -> Row:
    spec = lookup.registry().architectures[model.architecture]
    return {
        **model_row(name),
        "summary": model.summary,
        "paper": spec.paper,
        "weights": _source(model.weights),
        "sha256": model.weights.sha256,
        **_use(name, resolve.subject_of(name)),
    }


def _describe_published(name: str) -> Row:
    described, subject = resolve.description_of(name), resolve.subject_of(name)
    channels, height, width = subject.config.image_shape
    return {
        "name": name,
        "architecture": described.architecture,
        "plugin": described.plugin or "ganzoo",
        "task": subject.task.name,
        "resolution": f"{height}x{width}x{channels}",
        "dataset": described.dataset,
        "sha256": described.sha256,
        **_use(name, subject),
    }


def _use(name: str, subject: Subject) -> Row:
    """What can be asked of a model, and how."""
    option, call = usage(subject.task)
    return {
        "classes": list(subject.classes),
        **({"directions": list(as_translation_config(subject.config).directions)} if subject.task.from_images else {}),
        "config": dataclasses.asdict(subject.config),
        "sample_it": f"ganzoo sample {name}{option}",
        "in_python": f'ganzoo.load("{name}").{call}',
    }


def _describe_architecture(name: str, spec: Architecture) -> Row:
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
        "recipes": {data: {**recipe.config, **recipe.options} for data, recipe in spec.recipes.items()},
        "config": dataclasses.asdict(spec.config()),
        "layouts": [f"{x.name} ({x.source})" for x in layouts],
        "models": lookup.models(architecture=name),
        "train_it": f"ganzoo train {name} --data FOLDER -o RUN",
        **({"import_it": f"ganzoo import {name} FILE -o FOLDER"} if layouts else {}),
    }


def _describe_features(name: str, spec: FeatureExtractor) -> Row:
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
        "weights": _source(spec.weights),
        "sha256": spec.weights.sha256,
        "evaluate_by_it": f"ganzoo evaluate MODEL --features {name}",
    }


def _source(weights: HubFile | BundledFile) -> str:
    if isinstance(weights, BundledFile):
        return f"bundled in {weights.package}"
    return f"hf:{weights.repo}@{weights.revision} {weights.filename}"


def _where(weights: HubFile | BundledFile) -> str:
    if isinstance(weights, BundledFile):
        return "bundled"
    return "cached" if download.is_cached(weights) else "hub"
