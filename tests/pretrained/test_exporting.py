"""`ganzoo export` of registered models: the folder has the same images, and says all that the registry says."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

import ganzoo
from in_process import ganzoo as shell


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return partial(shell, monkeypatch, capsys)


@pytest.mark.parametrize("name", ["gan-mnist", "biggan-fashion-mnist", "cyclegan-noto2twemoji"])
def test_a_registered_model_becomes_a_folder(run, name):
    code, out, err = run("export", name, "-o", "mine")
    model, copy = ganzoo.load(name, device="cpu"), ganzoo.load("./mine", device="cpu")
    assert (code, out) == (0, "mine\n")
    assert err == f"ganzoo: note: the license of these weights is {model.license}\n"
    assert (copy.config, copy.classes, copy.task) == (model.config, model.classes, model.task)
    if model.task.from_images:
        source = torch.rand(3, 32, 32) * 2 - 1
        assert torch.equal(copy.translate(source), model.translate(source))
    else:
        assert torch.equal(copy.sample(2, seed=5), model.sample(2, seed=5))
    assert json.loads(Path("mine/config.json").read_text())["plugin"] == ""
    assert run("info", "./mine").code == 0


def test_options_and_names(run):
    assert run("export", "gan-mnist", "-o", "half", "--half").code == 0
    assert Path("half/model.safetensors").stat().st_size < 1e6 * 100
    code, out, err = run("export", "gan-mnsit", "-o", "mine")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "did you mean gan-mnist" in err
    code, _, err = run("export", "gan-mnist", "-o", "half")
    assert (code, "half holds a model - replace it with --overwrite" in err) == (2, True)
