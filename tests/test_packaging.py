"""What is shipped, what is public, and that the core knows no architecture by name."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ganzoo
from ganzoo.interface import hooks
from ganzoo.registry import lookup

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def name_of(path: Path) -> str:
    """The module of a file: ``ganzoo.hub.download``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {name_of(path): ast.parse(path.read_text()) for path in sorted((ROOT / "ganzoo").rglob("*.py"))}
"""Every module of the core, those of all sub-packages too."""

MODULES = [name for name in TREES if not name.endswith("__main__") and (ast.unparse(TREES[name]).count("\n"))]
"""Those that define something: packages hold nothing but a docstring."""


def plugin_folders() -> set[str]:
    return {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}


def test_every_plugin_is_an_entry_point() -> None:
    assert set(PROJECT["project"]["entry-points"]["ganzoo"].values()) == plugin_folders()


def test_every_plugin_is_in_the_wheel() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert len(packages) == len(set(packages))
    assert set(packages) == {"ganzoo", *(f"plugins/{name}" for name in plugin_folders())}


def test_every_plugin_is_type_checked() -> None:
    assert set(PROJECT["tool"]["mypy"]["packages"]) == {"ganzoo", *plugin_folders()}


@pytest.mark.parametrize("package", ["ganzoo", *sorted(plugin_folders())])
def test_packages_are_typed(package: str) -> None:
    folder = ROOT if package == "ganzoo" else ROOT / "plugins"
    assert (folder / package / "py.typed").is_file()


def test_the_dockerfile_copies_what_is_there() -> None:
    lines = [line.split() for line in (ROOT / "Dockerfile").read_text().splitlines()]
    copied = {name for line in lines if line[:1] == ["COPY"] for name in line[1:-1]}
    assert {"ganzoo", "plugins", "pyproject.toml", "README.md", "LICENSE"} == copied
    assert all((ROOT / name).exists() for name in copied)
    assert copied == {name[1:] for name in (ROOT / ".dockerignore").read_text().split("\n") if name.startswith("!")}


def text_for_people(tree: ast.AST) -> set[ast.AST]:
    """The strings that only people read: docstrings, and the help of options."""
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    helps = (node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "help")
    return {child for node in (*statements, *helps) for child in ast.walk(node) if isinstance(child, ast.Constant)}


def words_of_code(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every name and string of the code that a program reads, in lower case, with its line."""
    ignored = text_for_people(tree)
    for node in ast.walk(tree):
        if node in ignored:
            continue
        for value in vars(node).values():
            if isinstance(value, str):
                yield getattr(node, "lineno", 0), value.lower()


# "gan" is no word to look for: it is what this is all about, and a module of the core. PyTorch has a `Sequential`.
ARCHITECTURES = sorted(set(lookup.registry().architectures) - {"gan", "sequential"})


def test_the_core_is_seen_whole() -> None:
    assert len(TREES) == len(list((ROOT / "ganzoo").rglob("*.py")))
    assert {"ganzoo", "ganzoo.hub.download", "ganzoo.cli.commands.training", "ganzoo.interface.gan"} <= TREES.keys()


@pytest.mark.parametrize("module", TREES)
def test_core_knows_no_architecture_by_name(module: str) -> None:
    plugins = plugin_folders() - set(vars(hooks))  # a package may be called what a hook is
    known = [
        f"line {line}: {word}"
        for line, word in words_of_code(TREES[module])
        if any(name in word for name in (*ARCHITECTURES, *plugins))
    ]
    assert not known


def test_architecture_in_code_would_be_noticed() -> None:
    tree = ast.parse(
        '"""dcgan"""\ndef f(kind):\n    "dcgan"\n    option(help="a dcgan")\n    return kind == "dcgan" or DCGAN()'
    )
    assert list(words_of_code(tree)).count((5, "dcgan")) == 2
    assert {line for line, word in words_of_code(tree) if "dcgan" in word} == {5}


# Public names.


def exported(module: str) -> list[str]:
    return list(import_module(module).__all__)


def called_by_others(node: Any) -> bool:
    """Whether a function is reached through what it is registered with: a command group, or pluggy."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(text.startswith(("cli.command", "click.", "hookspec")) for text in decorators)


def public_definitions(tree: ast.Module) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {
        n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_") and not called_by_others(n)
    }


def documented(tree: ast.Module) -> set[str]:
    """The definitions with a docstring, and the assignments that are followed by one."""
    names = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(n)}
    for node, following in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(node, ast.Assign)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


@pytest.mark.parametrize("module", MODULES)
def test_all_is_exact(module: str) -> None:
    names = exported(module)
    home = import_module(module)
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(home, name)] == []
    collections = [value for name in names if isinstance(value := getattr(home, name), tuple)]
    collected = {getattr(item, "__name__", "") for items in collections for item in items}
    assert public_definitions(TREES[module]) - set(names) - collected == set()


@pytest.mark.parametrize("name", ganzoo.__all__)
def test_public_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(ganzoo, name)
    library = [module for module in MODULES if module.startswith("ganzoo.") and not module.startswith("ganzoo.cli.")]
    homes = [module for module in library if name in exported(module)]
    [home] = [module for module in homes if name in documented(TREES[module])]
    assert getattr(import_module(home), name) is value
    assert name in dir(ganzoo)


def test_absent_public_name() -> None:
    with pytest.raises(AttributeError, match="module 'ganzoo' has no attribute 'no_such_name'"):
        ganzoo.no_such_name  # noqa: B018


# Layers.


def test_the_drawing_of_the_layers_is_the_contract() -> None:
    contract = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    design = (ROOT / "docs" / "design.md").read_text()
    assert f"```\n{chr(10).join(contract['layers'])}\n```\n" in design
    rows = [row.split("`")[1] for row in design.splitlines() if row.startswith("| `")]
    assert rows == [package for layer in contract["layers"] for package in layer.split(" | ")]


def test_every_package_is_in_a_layer() -> None:
    contract = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    drawn = {package for layer in contract["layers"] for package in layer.split(" | ")}
    assert {path.stem for path in (ROOT / "ganzoo").iterdir() if path.suffix == ".py" or path.is_dir()} - drawn == {
        "__init__",
        "__main__",
        *({"__pycache__"} & {path.stem for path in (ROOT / "ganzoo").iterdir()}),
    }


def test_packages_hold_nothing_but_a_docstring() -> None:
    packages = [
        path for path in (ROOT / "ganzoo").rglob("__init__.py") if path.parent.name not in ("ganzoo", "testing")
    ]
    assert len(packages) >= 14
    for path in packages:
        tree = ast.parse(path.read_text())
        assert len(tree.body) == 1, path
        assert ast.get_docstring(tree), path


def test_the_journeys_pass_files_that_exist() -> None:
    design = (ROOT / "docs" / "design.md").read_text()
    journeys = design[design.index("### A name becomes") : design.index("## Plugins all the way")]
    named = re.findall(r"`([a-z_/]+\.py)`", journeys)
    assert len(named) > 15
    for journey in journeys.split("### ")[1:]:
        files = re.findall(r"`([a-z_/]+\.py)`", journey)
        assert len(files) == len(set(files)), "a journey passes each file once"
    assert [name for name in named if not (ROOT / "ganzoo" / name).is_file()] == []


def test_dir_shows_the_public_names_alone() -> None:
    assert [name for name in dir(ganzoo) if not name.startswith("__")] == sorted(ganzoo.__all__)
