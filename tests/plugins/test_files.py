"""All architectures have the same files, and no module of theirs imports the package that declares it."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from ganzoo.registry import lookup

PLUGINS = sorted({spec.build.__module__ for spec in lookup.registry().architectures.values()})
PACKAGES = sorted({spec.config.__module__.rpartition(".")[0] for spec in lookup.registry().architectures.values()})
"""The package of each architecture: the plugin itself, or a package in a plugin that has several."""


@pytest.mark.parametrize("name", PACKAGES)
def test_the_files_of_an_architecture(name):
    folder = Path(import_module(name).__file__).parent
    assert {"__init__.py", "config.py", "networks.py", "model.py", "layouts.py"} <= {p.name for p in folder.iterdir()}


@pytest.mark.parametrize("name", PLUGINS)
def test_no_module_imports_what_declares_it(name):
    for path in Path(import_module(name).__file__).parent.rglob("*.py"):
        imported = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert name not in imported, f"{path} imports {name}, which imports it"


@pytest.mark.parametrize("name", PLUGINS)
def test_the_layouts_that_a_plugin_declares(name):
    modules = [import_module(f"{each}.layouts") for each in PACKAGES if each.partition(".")[0] == name]
    layouts = [layout for module in modules for layout in module.LAYOUTS]
    declared = {layout.name for layout in import_module(name).ganzoo_layouts()}
    assert {layout.name for layout in layouts} == declared
    assert all(lookup.registry().layouts[layout.name] == layout for layout in layouts)
