"""Checks of what a plugin declares: its records agree, its configs build, and its bundled models load."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ganzoo.errors import InvalidConfigError
from ganzoo.interface.gan import GAN
from ganzoo.interface.specs import PretrainedModel
from ganzoo.interface.weights_files import BundledFile
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.registry.plugin import SLOW_IMPORT
from ganzoo.testing.asserting import assert_raises
from ganzoo.testing.tiny import tiny_gan
from ganzoo.training.plan import make_plan
from ganzoo.weights.meta import on_meta_device

__all__ = ["CHECKS", "assert_imports_no_torch"]

# ruff: noqa: S101, S603 - this package asserts on purpose, and runs only this interpreter


def check_documents_itself(architecture: str) -> None:
    """The record must have a `summary` and a `paper`; the config and the GAN must have docstrings of their own."""
    spec = lookup.registry().architectures[architecture]
    assert spec.summary, "the Architecture has no summary"
    assert spec.paper, "the Architecture has no paper"
    generated = f"{spec.config.__name__}("  # dataclasses without a docstring get this one
    assert not (spec.config.__doc__ or generated).startswith(generated), "the config has no docstring"
    assert type(tiny_gan(architecture)).__doc__ != GAN.__doc__, "the GAN has no docstring of its own"


def check_declares_without_torch(architecture: str) -> None:
    """The module that declares it must not import torch or numpy, and must import within a second.

    Import them inside `build`, since every command of ganzoo imports every plugin.
    """
    assert_imports_no_torch(lookup.registry().architectures[architecture].build.__module__)


def assert_imports_no_torch(module: str) -> None:
    """The import of `module` must not import torch or numpy, and must take less than a second of CPU time."""
    code = (
        "import ganzoo, sys, time; started = time.process_time()\n"  # CPU time: other programs may run at the same time
        f"import {module}\n"
        "print(time.process_time() - started)\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy')))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"{module} imports torch or numpy - import them in `build`: {finished.stderr}"
    seconds = float(finished.stdout.split()[-1])
    assert seconds < SLOW_IMPORT, f"the import of {module} takes {seconds:.1f} s, and every command waits for it"


def check_config_is_strict(architecture: str) -> None:
    """The config must be a frozen dataclass that can be hashed, with an `image_shape` of three positive numbers.

    `create` must refuse fields that it does not have.
    """
    spec = lookup.registry().architectures[architecture]
    config = spec.config()
    assert hash(config) == hash(spec.config()), "two equal configs have different hashes"
    assert [n >= 1 for n in config.image_shape] == [True] * 3, f"image_shape is {config.image_shape}, not (C, H, W)"
    assert dataclasses.replace(config) == config, "a copy of the config is not equal to it"
    field = dataclasses.fields(config)[0].name
    assert_raises(dataclasses.FrozenInstanceError, lambda: setattr(config, field, None))
    assert_raises(InvalidConfigError, lambda: lookup.create(architecture, no_such_field=1))


def check_recipes_can_be_followed(architecture: str) -> None:
    """Everything that its recipes name must exist: config fields, training options, losses, penalties and so on."""
    for data in lookup.registry().architectures[architecture].recipes:
        plan = make_plan(architecture, "folder" if data == "*" else data)
        assert plan.iterations >= 1, f"the recipe for {data} has no iterations"


def check_builds_at_every_known_config(architecture: str) -> None:
    """`build` must work on the meta device for the default config, `tiny`, and each config of a recipe or a model."""
    for config in _known_configs(architecture):
        with on_meta_device():
            gan = lookup.create(architecture, **config)
        assert sum(parameter.numel() for parameter in gan.parameters()) > 0, f"{config} builds no parameters"


def check_models_are_described(architecture: str) -> None:
    """Each of its models must be named ``ARCHITECTURE-something``, and have a `summary` and a `dataset`.

    Its class names must differ. Each loss, penalty, augmentation, degradation and schedule of the same plugin must have
    a `summary`.
    """
    for model in _models(architecture):
        bare = architecture.rpartition("/")[2]
        assert model.name.startswith(f"{bare}-"), f"the name {model.name} does not begin with {bare}-"
        assert model.summary, f"{model.name} has no summary"
        assert model.dataset, f"{model.name} has no dataset"
        assert len(set(model.classes)) == len(model.classes), f"{model.name} has two classes with the same name"
    for kind in ("losses", "regularizers", "augmentations", "degradations", "schedules"):
        for name in _plugin(architecture).declares.get(kind, ()):
            assert getattr(lookup.registry(), kind)[name].summary, f"{name} has no summary"


def check_bundled_models_load(architecture: str) -> None:
    """Each of its models with bundled weights must load, with the image shape and the classes that it declares."""
    for name in lookup.models(architecture=architecture):
        model = lookup.registry().models[name]
        if isinstance(model.weights, BundledFile):
            loaded = load(name, device="cpu")
            assert loaded.image_shape == lookup.config_of(model).image_shape, f"{name} has another image shape"
            assert loaded.classes == model.classes, f"{name} has other classes"


def _known_configs(architecture: str) -> Iterable[Mapping[str, Any]]:
    """All different configs that the plugin names."""
    spec = lookup.registry().architectures[architecture]
    recipes, models = spec.recipes.values(), _models(architecture)
    known = [{}, spec.tiny, *(recipe.config for recipe in recipes), *(model.config for model in models)]
    return {lookup.check_config(architecture, config)[0]: config for config in known}.values()


def _models(architecture: str) -> list[PretrainedModel]:
    return [lookup.registry().models[name] for name in lookup.models(architecture=architecture)]


def _plugin(architecture: str) -> Any:
    """The plugin that declares the architecture."""
    owner, bare = lookup.registry().architectures.owner(architecture), architecture.rpartition("/")[2]
    found = [p for p in lookup.registry().plugins if p.distribution == owner]
    return next(p for p in found if bare in p.declares.get("architectures", ()))


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module. Each takes the name of an architecture."""
