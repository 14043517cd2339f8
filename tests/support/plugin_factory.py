"""Small real plugins: as objects for a registry, and as distributions installed in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import ganzoo
from ganzoo import Architecture, HubFile, Loss, PretrainedModel, Unconditional
from ganzoo.registry.registry import Registry


@dataclass(frozen=True)
class Config:
    size: int = 8

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size is at least 1, not {self.size}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (3, self.size, self.size)


def build(config: Config, loss: Any) -> Any:
    return SimpleNamespace(config=config, loss=loss)


def architecture(name: str, **changes: Any) -> Architecture:
    facts = {"summary": "a test", "paper": "none", "task": Unconditional, "config": Config, "build": build}
    return Architecture(**({"name": name, "default_loss": "non-saturating"} | facts | changes))


def loss(name: str, **changes: Any) -> Loss:
    return Loss(**({"name": name, "summary": "a test", "paper": "none", "load": lambda: name} | changes))


def hub_file(**changes: Any) -> HubFile:
    facts = {"repo": "a/b", "revision": "1" * 40, "filename": "x.safetensors", "sha256": "0" * 64}
    return HubFile(**(facts | changes))


def model(name: str, architecture: str, **changes: Any) -> PretrainedModel:
    facts = {"summary": "a test", "dataset": "none", "license": None, "weights": hub_file()}
    return PretrainedModel(**({"name": name, "architecture": architecture} | facts | changes))


def declaring(api: Any = (2, 0), **records: Iterable[Any]) -> SimpleNamespace:
    """A plugin as an object: `declaring(losses=[...])` implements the hook ganzoo_losses."""
    hooks = {f"ganzoo_{kind}": ganzoo.hookimpl(lambda found=found: found) for kind, found in records.items()}
    return SimpleNamespace(GANZOO_API=api, **hooks)


def registry_of(plugins: Mapping[str, Any]) -> Registry:
    """A registry of these plugins by ``distribution:entry point``, in their order."""
    registry = Registry()
    for key, plugin in plugins.items():
        owner, _, name = key.partition(":")
        registry.load(owner, name or "plugin", lambda plugin=plugin: plugin)
    registry.check_references()
    return registry


def install(
    site: Path, distribution: str, modules: Mapping[str, str], entry_points: Mapping[str, str], version: str = "1.0"
) -> None:
    """Write a distribution as an installer leaves it: its modules, and its metadata beside them."""
    for module, code in modules.items():
        (site / f"{module}.py").write_text(code)
    folder = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    points = "\n".join(f"{name} = {value}" for name, value in entry_points.items())
    (folder / "entry_points.txt").write_text(f"[ganzoo]\n{points}\n")


def install_plugin(site: Path, name: str, rest: str = "", *, entry_point: str = "main", target: str = "") -> None:
    """A distribution of one module that declares an architecture, a loss and ``NAME-test``; then `rest`."""
    module = name.replace("-", "_")
    install(site, name, {module: _SOURCE.format(name=name) + dedent(rest)}, {entry_point: target or module})


_SOURCE = """
import ganzoo
from ganzoo import BundledFile
from plugin_factory import Config, architecture, hub_file, loss, model

GANZOO_API = (2, 0)

@ganzoo.hookimpl
def ganzoo_architectures():
    return [architecture("{name}", default_loss="{name}")]

@ganzoo.hookimpl
def ganzoo_losses():
    yield loss("{name}")

@ganzoo.hookimpl
def ganzoo_models():
    yield model("{name}-test", "{name}")
"""


def run(site: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`ganzoo ARGUMENTS` in a fresh interpreter that finds what is installed in `site`."""
    return run_python(site, "-m", "ganzoo", *arguments, **environment)


def run_python(site: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter that finds what is installed in `site`."""
    path = os.pathsep.join([str(site), str(Path(__file__).parent)])
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PYTHONPATH": path, "HOME": str(site), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
