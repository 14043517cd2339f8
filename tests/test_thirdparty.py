"""An outside package, WGAN-GP: it imports public names alone, passes the suite, and is served by every command."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo import testing
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from hub_server import Hub
from hub_uploads import TOKEN
from plugin_factory import install
from plugin_suites import SLOWEST, pytest_of

ROOT = Path(__file__).parents[1]
PACKAGE = Path(__file__).parent / "thirdparty" / "ganzoo-wgan-gp"


def test_it_imports_only_public_names() -> None:
    found = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not [alias.name for alias in node.names if alias.name.startswith("ganzoo.")], path
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ganzoo":
                assert node.module == "ganzoo", path
                assert {alias.name for alias in node.names} <= set(ganzoo.__all__), path
                found += 1
    assert found


@pytest.mark.long
def test_it_passes_its_tests_and_the_suite(tmp_path: Path) -> None:
    """Through pytest's plugin, as its pyproject asks for it; the check of two processes is left to the long test."""
    folder = tmp_path / "package"
    shutil.copytree(PACKAGE, folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    install(folder, project["name"], {}, project["entry-points"]["ganzoo"], project["version"])
    done = pytest_of(folder, "-k", SLOWEST, "-vv")
    assert done.returncode == 0, done.stdout[-3000:]
    for check in testing.CHECKS:
        title = f"wgan-gp[{check.__name__.removeprefix('check_')}]"
        assert title in done.stdout or "two_processes" in title


# Everything below is done by people, and takes minutes: pip install, train, stop, resume, sample, publish, pull.


class Machine:
    """A fresh environment with ganzoo and the package installed by pip, and a Hub."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.folder, self.hub = folder, hub
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        self.bin = folder / "env" / "bin"
        for package in (ROOT, PACKAGE):
            self.pip("install", "--no-deps", str(package))
        site = next((folder / "env").rglob("site-packages"))
        large = {
            Path(torch.__file__).parents[1],
            Path(pytest.__file__).parents[1],
        }  # they are those of this environment
        (site / "shared.pth").write_text("".join(f"{path}\n" for path in large))

    def pip(self, *arguments: str) -> None:
        done = subprocess.run([self.bin / "pip", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str, code: int = 0, home: str = "home", **more: str) -> subprocess.CompletedProcess[str]:
        environment = self.hub.environment(self.folder / home, OMP_NUM_THREADS="1", HF_TOKEN=TOKEN, **more)
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [self.bin / arguments[0], *arguments[1:]],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "photos").mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((3, 8, 8), 20).images / 127.5 - 1)):
        save_picture(picture, folder / "photos" / f"{i}.png")
    with Hub() as hub:
        yield Machine(folder, hub)


TINY = [f"--config={name}={value}" for name, value in {"resolution": 8, "width": 8, "critic_steps": 2}.items()]


@pytest.mark.long
def test_the_installed_package_is_served_by_every_command(machine: Machine) -> None:
    assert "arXiv:1704.00028" in machine.run("ganzoo", "info", "wgan-gp").stdout
    assert "plugin ganzoo-wgan-gp:wgan-gp 0.1.0" in machine.run("ganzoo", "--version").stdout
    train = ["ganzoo", "train", "wgan-gp", "--data", "photos", "--batch-size", "4", *TINY]
    machine.run(*train, "--iterations", "6", "-o", "whole")
    machine.run(*train, "--iterations", "3", "-o", "run")
    machine.run(*train, "--iterations", "6", "-o", "run", "--resume")
    for run in ("whole", "run"):
        machine.run("ganzoo", "sample", f"./{run}", "-n", "3", "-o", f"{run}.npz")
    assert (machine.folder / "run.npz").read_bytes() == (machine.folder / "whole.npz").read_bytes()
    published = machine.run("ganzoo", "publish", "run", "someone/wgan-gp-noise", "--json")
    pin = json.loads(published.stdout)
    name = f"hf:someone/wgan-gp-noise@{pin['revision']}"
    machine.run("ganzoo", "sample", name, "-n", "3", "-o", "pulled.npz", home="elsewhere")
    assert (machine.folder / "pulled.npz").read_bytes() == (machine.folder / "whole.npz").read_bytes()
    judge = ["ganzoo", "evaluate", name, "--against", "photos", "--features", "mnist", "--metrics", "fid,kid"]
    said = machine.run(*judge, "--is-splits", "1", "-n", "20", "-o", "said.json", home="elsewhere")
    assert "FID" in said.stdout
    machine.run("ganzoo", "card", name, "-o", "card.md", "--evaluation", "said.json", home="elsewhere")
    assert "| FID |" in (machine.folder / "card.md").read_text()
    assert "It needs the plugin `ganzoo-wgan-gp`" in (machine.folder / "card.md").read_text()
    without = machine.run("ganzoo", "--no-plugins", "sample", name, home="elsewhere", code=2)
    assert "its publisher names the plugin 'ganzoo-wgan-gp' - install that plugin" in without.stderr


@pytest.mark.long
def test_its_tests_pass_where_it_is_installed(machine: Machine) -> None:
    shutil.copytree(PACKAGE / "tests", machine.folder / "suite" / "tests")
    shutil.copy(PACKAGE / "pyproject.toml", machine.folder / "suite")
    done = machine.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=suite", "suite")
    assert " passed" in done.stdout


@pytest.mark.long
def test_a_generated_package_is_installed_and_passes(machine: Machine) -> None:
    machine.run("ganzoo", "new-plugin", "fresh")
    machine.pip("install", "--no-deps", str(machine.folder / "ganzoo-fresh"))
    machine.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "ganzoo-fresh")
    checked = machine.run("python", "-m", "mypy", "--strict", "--cache-dir", os.devnull, "ganzoo-fresh/ganzoo_fresh")
    assert "no issues found" in checked.stdout
    machine.run("ganzoo", "train", "fresh", "--data", "photos", "--iterations", "2", "--batch-size", "4", "-o", "fresh")
    machine.run("ganzoo", "sample", "./fresh")
