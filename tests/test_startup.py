"""What only tells or declares starts without torch: each time in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata

import pytest

from ganzoo.registry import lookup

HEAVY = {"torch", "torchvision", "numpy"}

RUN = """
import json, runpy, sys
sys.argv = ["ganzoo", *json.loads(sys.argv[1])]
code = None
try:
    runpy.run_module("ganzoo", run_name="__main__")
except SystemExit as error:
    code = error.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def modules_after(command: list[str]) -> set[str]:
    """The modules that are loaded at the end of `ganzoo COMMAND`, which must succeed."""
    finished = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(command)], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(finished.stderr.splitlines()[-1])
    assert code == 0, finished.stderr
    assert finished.stdout
    return set(modules)


def modules_after_import(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["--version"],
        ["completion", "bash"],
        ["list"],
        ["list", "--json"],
        ["list", "--help"],
        ["plugins"],
        ["info", "dcgan"],
        ["info", "inception"],
        ["evaluate", "--help"],
        ["quiz", "--help"],
        ["fool", "--help"],
        ["info", lookup.models()[0], "--json"],
    ],
    ids=" ".join,
)
def test_command_needs_no_torch(command: list[str]) -> None:
    assert not HEAVY & modules_after(command)


@pytest.mark.parametrize("module", ["ganzoo", "ganzoo.registry.lookup", "ganzoo.cli.main"])
def test_core_imports_no_torch(module: str) -> None:
    assert not HEAVY & modules_after_import(module)


@pytest.mark.parametrize("module", [point.value for point in metadata.entry_points(group="ganzoo")])
def test_declaring_imports_no_torch(module: str) -> None:
    assert not HEAVY & modules_after_import(module)


def test_torch_is_noticed() -> None:
    assert "torch" in modules_after_import("ganzoo.interface.gan")
