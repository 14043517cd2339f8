"""The engines that come with ganzoo, where their libraries are installed; and one of an outside package."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import huggingface_hub.utils._cache_assets as assets
import pytest
import torch

import ganzoo
from ganzoo.registry import lookup
from ganzoo.sampling.engines import is_installed
from ganzoo.testing.engines import assert_engine_agrees
from ganzoo.testing.tiny import trained_model
from in_process import ganzoo as shell
from plugin_factory import install

ENGINES = lookup.registry().engines
INSTALLED = [name for name, engine in ENGINES.items() if engine.requires and is_installed(engine)]

installed = pytest.mark.parametrize("name", INSTALLED or [pytest.param("none", marks=pytest.mark.skip("no extras"))])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "HF_ASSETS_CACHE", str(tmp_path / "assets"))


def test_they_are_declared():
    assert {"torch", "compile", "openvino", "onnxruntime"} <= set(ENGINES)
    assert ENGINES["torch"].requires == ENGINES["compile"].requires == ()
    assert all(not engine.install or engine.install.startswith("pip install ") for engine in ENGINES.values())


@installed
@pytest.mark.parametrize("architecture", ["gan", "dcgan", "cyclegan", "biggan"])
def test_images_are_those_of_torch(name, architecture):
    assert_engine_agrees(trained_model(architecture), name)


@pytest.mark.long
@installed
@pytest.mark.parametrize("architecture", sorted(lookup.registry().architectures))
def test_every_architecture_is_taken(name, architecture):
    """The conformance suite lets an engine refuse an architecture."""
    assert_engine_agrees(trained_model(architecture), name)


@installed
def test_the_bundled_model_is_sampled(name, cache):
    plain, model = (ganzoo.load("gan-mnist", device="cpu", engine=engine) for engine in ("torch", name))
    assert torch.allclose(model.sample(9, batch_size=4), plain.sample(9), rtol=0, atol=1e-4)
    assert model.engine == name


@pytest.mark.skipif("openvino" not in INSTALLED, reason="OpenVINO is not installed")
def test_attention_of_realistic_size_is_right_on_openvino():
    """Traced, OpenVINO computes other pictures; the tiny network of the suite does not show it."""
    torch.manual_seed(0)
    gan = ganzoo.create("biggan", resolution=64, width=16, classes=3, attention=(32,)).eval()
    for parameter in gan.parameters():
        if parameter.ndim == 0:
            parameter.data.fill_(0.5)  # the strength of attention, which starts at 0
    model = ganzoo.Model(gan, ganzoo.ClassConditional, gan.config)
    assert_engine_agrees(model, "openvino")


@pytest.mark.long
@pytest.mark.parametrize("architecture", ["gan", "dcgan", "cyclegan", "biggan", "biggan-deep"])
def test_compiled_images_are_those_of_torch(architecture):
    assert_engine_agrees(trained_model(architecture), "compile")


PLUGIN = '''
import ganzoo

GANZOO_API = (2, 0)


def load():
    import torch

    def prepare(network, folder):
        print("a library that prints")
        torch.export.save(network.export(), folder / "graph.pt2")

    def open_(network, folder):
        module = torch.export.load(folder / "graph.pt2").module()
        return lambda inputs: module(**inputs)

    return ganzoo.EngineFunctions(prepare, open_)


@ganzoo.hookimpl
def ganzoo_engines():
    usage = """import numpy as np, torch
image = torch.export.load(FILE).module()(**{k: torch.as_tensor(v) for k, v in INPUTS.items()})"""
    yield ganzoo.Engine(
        name="graph",
        summary="an exported graph",
        source="none",
        devices=("cpu",),
        format=ganzoo.ExportFormat(name="graph", files=("graph.pt2",), usage=usage),
        load=load,
    )
'''


def test_an_outsider_registers_an_engine(tmp_path, cache, monkeypatch, capsys):
    install(tmp_path, "ganzoo-graph", {"ganzoo_graph": PLUGIN}, {"graph": "ganzoo_graph"})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    run = partial(shell, monkeypatch, capsys)
    assert '"installed": true' in run("info", "graph", "--json").out
    assert run("sample", "gan-mnist", "-n", "4", "--engine", "graph", "-o", "a.png") == (0, "a.png\n", "")
    assert len(list(Path("assets/ganzoo/engines/default").iterdir())) == 1
    assert run("export", "gan-mnist", "--format", "graph", "-o", "g.pt2") == (0, "g.pt2\ng.pt2.md\n", "")
