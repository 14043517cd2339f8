"""Published folders: their descriptions are checked strictly."""

import json

import pytest
import torch

import ganzoo
from ganzoo.errors import GanzooError, MismatchError, NonFiniteError, UnknownNameError
from ganzoo.registry import lookup
from ganzoo.weights.folder import Description, read_description, write_folder
from models import publish


@pytest.fixture
def folder(tmp_path):
    return publish(tmp_path / "model", "dcgan", lookup.registry().architectures["dcgan"].tiny, classes=("a", "b"))


def rewrite(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_round_trip(folder):
    description = read_description(folder)
    assert description.architecture == "dcgan"
    assert description.classes == ("a", "b")
    assert ganzoo.load(folder).classes == ("a", "b")


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": None},
        {"sha256": 5},
        {"sha256": ""},
        {"sha256": "0" * 64},
        {"architecture": None},
        {"architecture": ["dcgan"]},
        {"architecture": "no-such"},
        {"classes": "abc"},
        {"classes": [1, 2]},
        {"config": []},
        {"config": {"resolution": 16.0}},
        {"config": {"generator_width": 3_000_000_000}},
        {"config": {"latent_dim": True}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_hostile_descriptions_are_one_error(folder, changes):
    rewrite(folder, **changes)
    with pytest.raises(GanzooError):
        ganzoo.load(folder)


@pytest.mark.parametrize("text", ["", "[]", "null", "{" * 10_000, '{"architecture": "dcgan"}', "[" * 100_000])
def test_what_is_no_description(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(GanzooError, match="no published model"):
        ganzoo.load(folder)


def test_a_size_that_does_not_fit_the_file_costs_no_memory(folder):
    """The described network needs 10^15 bytes. The tensors are compared before memory is allocated."""
    config = {
        **lookup.registry().architectures["dcgan"].tiny,
        "discriminator_width": 3_000_000,
        "generator_width": 3_000_000,
    }
    rewrite(folder, config=config)
    with pytest.raises(MismatchError):
        ganzoo.load(folder)


def test_missing_weights(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(GanzooError, match="No such file"):
        ganzoo.load(folder)


def test_no_folder():
    with pytest.raises(UnknownNameError, match="there is no folder"):
        ganzoo.load("./nowhere")


def test_half_precision_refuses_what_it_cannot_hold(tmp_path):
    tensors = {"generator.0.weight": torch.tensor([1e6])}
    with pytest.raises(NonFiniteError):
        write_folder(tmp_path / "model", tensors, Description("dcgan", {}, "noise"), half=True)
    assert not (tmp_path / "model" / "model.safetensors").exists()


def test_loading_does_not_touch_the_callers_random_state(folder):
    before = torch.get_rng_state()
    ganzoo.load(folder)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
def test_a_device_that_is_not_there(folder, device):
    with pytest.raises(GanzooError):
        ganzoo.load(folder, device=device)


def test_a_registered_name_wins_over_a_folder_of_that_name(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder.rename(tmp_path / "gan-mnist")
    assert ganzoo.load("gan-mnist").image_shape == (1, 28, 28)
    assert ganzoo.load("./gan-mnist").image_shape == (3, 16, 16)
