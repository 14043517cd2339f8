"""Fine-tuning with frozen layers of the discriminator."""

import pytest
import torch

from ganzoo import testing
from ganzoo.errors import InvalidRequestError, MismatchError
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.testing.training import check_discriminator_layers_are_in_order, check_freezes_layers
from ganzoo.training import checkpoints
from ganzoo.training.plan import make_plan
from ganzoo.training.trainer import Trainer
from ganzoo_dcgan.model import DCGAN

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4}


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 16, 16), 4).images.float() / 127.5 - 1)):
        save_picture(picture, folder / f"{i}.png")
    return folder


def make_run(folder, pictures, **changes):
    usual = {"architecture": "dcgan", "data": str(pictures), "iterations": 2, "batch_size": 2, "device": "cpu"}
    return Trainer(folder=folder, **{**usual, **changes})


def networks_of(folder):
    return checkpoints.latest(folder / "checkpoints").networks["networks"]


def test_frozen_layers_stay_as_the_first_run_left_them(tmp_path, pictures):
    make_run(tmp_path / "run", pictures, config=TINY).run()
    make_run(tmp_path / "tuned", pictures, init=str(tmp_path / "run"), freeze=2).run()
    make_run(tmp_path / "tuned", pictures, resume=True, iterations=3).run()
    before, after = networks_of(tmp_path / "run"), networks_of(tmp_path / "tuned")
    frozen = {"0.weight", "2.weight", "3.weight", "3.bias"}
    learned = {name for name in before if name.endswith(("weight", "bias"))} - {f"discriminator.{n}" for n in frozen}
    assert all(torch.equal(before[f"discriminator.{name}"], after[f"discriminator.{name}"]) for name in frozen)
    assert not any(torch.equal(before[name], after[name]) for name in learned)
    assert "--freeze 2" in (tmp_path / "tuned/README.md").read_text()


def test_something_must_learn(tmp_path, pictures):
    make_run(tmp_path / "run", pictures, config=TINY).run()
    with pytest.raises(InvalidRequestError, match=r"has 3 layers, and freeze is 3, .* - freeze at most 2"):
        make_run(tmp_path / "tuned", pictures, init=str(tmp_path / "run"), freeze=3)
    assert not (tmp_path / "tuned").exists()


def test_untrained_layers_are_not_frozen(tmp_path, pictures):
    with pytest.raises(InvalidRequestError, match="--init RUN"):
        make_plan("dcgan", str(pictures), freeze=1)
    with pytest.raises(InvalidRequestError, match="freeze must be a whole number"):
        make_plan("dcgan", str(pictures), init="dcgan-mnist", freeze=-1)
    with pytest.raises(MismatchError, match=r"dcgan-mnist has no discriminator\.0\.weight .* leave out --freeze"):
        make_run(tmp_path / "tuned", pictures, init="dcgan-mnist", freeze=1)
    assert not (tmp_path / "tuned").exists()


def test_the_conformance_check_sees_layers_in_a_wrong_order(monkeypatch):
    usual = DCGAN.discriminator_layers
    check_discriminator_layers_are_in_order("dcgan")
    monkeypatch.setattr(
        DCGAN, "discriminator_layers", lambda gan: {name: layers[::-1] for name, layers in usual(gan).items()}
    )
    with pytest.raises(AssertionError, match="are called in the order"):
        check_discriminator_layers_are_in_order("dcgan")


def test_the_conformance_check_of_freezing_can_fail(monkeypatch):
    monkeypatch.setattr("ganzoo.training.loop.freeze_layers", lambda gan, count: None)
    with pytest.raises(AssertionError, match="no parameter is frozen"):
        check_freezes_layers("dcgan")
