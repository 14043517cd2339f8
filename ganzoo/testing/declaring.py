"""Checks of what a plugin declares: records that agree with each other, configs that build, models that load."""

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

# ruff: noqa: S101, S603 - assertions are what this package is for, and it runs this interpreter only


def check_documents_itself(architecture: str) -> None:
    """It has a summary and names its paper; config, networks and model are documented."""
    spec = lookup.registry().architectures[architecture]
    assert spec.summary
    assert spec.paper
    generated = f"{spec.config.__name__}("  # what a dataclass without a docstring is given
    assert not (spec.config.__doc__ or generated).startswith(generated), "the config has no docstring"
    assert type(tiny_gan(architecture)).__doc__ != GAN.__doc__, "the GAN has no docstring of its own"


def check_declares_without_torch(architecture: str) -> None:
    """Importing the module that declares it imports neither torch nor numpy, and takes less than a second."""
    assert_imports_no_torch(lookup.registry().architectures[architecture].build.__module__)


def assert_imports_no_torch(module: str) -> None:
    """Importing `module` imports neither torch nor numpy, and takes less than a second of the processor."""
    code = (
        "import ganzoo, sys, time; started = time.process_time()\n"  # of the processor: other work may run beside
        f"import {module}\n"
        "print(time.process_time() - started)\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy')))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"importing {module} imports torch or numpy: {finished.stderr}"
    seconds = float(finished.stdout.split()[-1])
    assert seconds < SLOW_IMPORT, f"importing {module} takes {seconds:.1f} s, for which every command waits"


def check_config_is_strict(architecture: str) -> None:
    """Its config can be hashed, cannot be changed, knows its image shape, and refuses fields that do not exist."""
    spec = lookup.registry().architectures[architecture]
    config = spec.config()
    assert hash(config) == hash(spec.config())
    assert [n >= 1 for n in config.image_shape] == [True] * 3
    assert dataclasses.replace(config) == config
    field = dataclasses.fields(config)[0].name
    assert_raises(dataclasses.FrozenInstanceError, lambda: setattr(config, field, None))
    assert_raises(InvalidConfigError, lambda: lookup.create(architecture, no_such_field=1))


def check_recipes_can_be_followed(architecture: str) -> None:
    """What its recipes name exists: fields, options, losses, regularizers, augmentations and schedules."""
    for data in lookup.registry().architectures[architecture].recipes:
        plan = make_plan(architecture, "folder" if data == "*" else data)
        assert plan.iterations >= 1


def check_builds_at_every_known_config(architecture: str) -> None:
    """The paper's config, the tiny one, those of its recipes and of its models build; on the meta device."""
    for config in _known_configs(architecture):
        with on_meta_device():
            gan = lookup.create(architecture, **config)
        assert sum(parameter.numel() for parameter in gan.parameters()) > 0, config


def check_models_are_described(architecture: str) -> None:
    """Its models are called after it and say what they make of what; what its plugin declares beside is described."""
    for model in _models(architecture):
        bare = architecture.rpartition("/")[2]
        assert model.name.startswith(f"{bare}-"), f"{model.name} is not called {bare}-something"
        assert model.summary, model.name
        assert model.dataset, model.name
        assert len(set(model.classes)) == len(model.classes), f"{model.name} has a class twice"
    for kind in ("losses", "regularizers", "augmentations", "schedules"):
        for name in _plugin(architecture).declares.get(kind, ()):
            assert getattr(lookup.registry(), kind)[name].summary, f"{name} has no summary"


def check_bundled_models_load(architecture: str) -> None:
    """Each of its models whose weights are in the package loads, and has the image shape of its config."""
    for name in lookup.models(architecture=architecture):
        model = lookup.registry().models[name]
        if isinstance(model.weights, BundledFile):
            loaded = load(name)
            assert loaded.image_shape == lookup.config_of(model).image_shape
            assert loaded.classes == model.classes


def _known_configs(architecture: str) -> Iterable[Mapping[str, Any]]:
    """Each different one once."""
    spec = lookup.registry().architectures[architecture]
    recipes, models = spec.recipes.values(), _models(architecture)
    known = [{}, spec.tiny, *(recipe.config for recipe in recipes), *(model.config for model in models)]
    return {lookup.check_config(architecture, config)[0]: config for config in known}.values()


def _models(architecture: str) -> list[PretrainedModel]:
    return [lookup.registry().models[name] for name in lookup.models(architecture=architecture)]


def _plugin(architecture: str) -> Any:
    """The plugin that declares it."""
    owner, bare = lookup.registry().architectures.owner(architecture), architecture.rpartition("/")[2]
    found = [p for p in lookup.registry().plugins if p.distribution == owner]
    return next(p for p in found if bare in p.declares.get("architectures", ()))


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module, functions of the architecture's name."""
