"""All plugins of architectures have the same files, and no module of theirs imports the package that declares it."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from ganzoo.registry import lookup

PLUGINS = sorted({spec.build.__module__ for spec in lookup.registry().architectures.values()})


@pytest.mark.parametrize("name", PLUGINS)
def test_the_files_of_an_architecture(name):
    folder = Path(import_module(name).__file__).parent
    files = {path.name for path in folder.glob("*.py")}
    assert {"__init__.py", "config.py", "networks.py", "model.py", "layouts.py"} <= files
    for path in folder.glob("*.py"):
        imported = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert name not in imported, f"{path.name} imports {name}, which imports it"


@pytest.mark.parametrize("name", PLUGINS)
def test_the_layouts_that_a_plugin_declares(name):
    layouts = import_module(f"{name}.layouts").LAYOUTS
    declared = {layout.name for layout in import_module(name).ganzoo_layouts()}
    assert {layout.name for layout in layouts} == declared
    assert all(lookup.registry().layouts[layout.name] == layout for layout in layouts)
