"""Standing statistics: statistics of batch norm over samples replace the running statistics of training."""

import dataclasses
import json

import pytest
import torch
from torch import nn

from ganzoo import testing
from ganzoo.errors import InvalidRequestError
from ganzoo.pretrained.exporting import export
from ganzoo.pretrained.load import load
from ganzoo.pretrained.sources import Folder
from ganzoo.weights.folder import Description, write_folder


def test_they_are_means_over_batches_of_samples():
    model = testing.tiny_model("dcgan")
    norm = next(module for module in model.gan.generator.modules() if isinstance(module, nn.BatchNorm2d))
    with torch.no_grad():
        inputs = [model.draw(8, seed=seed)["z"] for seed in (0, 8)]
        means = [model.gan.generator[0](z[:, :, None, None]).mean((0, 2, 3)) for z in inputs]
    weights = {name: tensor.clone() for name, tensor in model.gan.named_parameters()}
    model.standing_statistics(2, batch_size=8)
    assert torch.allclose(norm.running_mean, sum(means) / 2, atol=1e-6)
    assert norm.momentum == 0.1
    assert not any(module.training for module in model.gan.modules())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.gan.named_parameters())


def test_they_follow_from_the_weights_alone():
    first, second = (testing.tiny_model("dcgan") for _ in range(2))
    torch.manual_seed(5)
    first.standing_statistics(2, batch_size=8)
    second.standing_statistics(2, batch_size=8)
    assert torch.equal(first.sample(2), second.sample(2))


def test_translations_have_none():
    with pytest.raises(InvalidRequestError, match="it has no samples to compute standing statistics from"):
        testing.tiny_model("cyclegan").standing_statistics()


def test_a_copy_may_have_them(tmp_path):
    loop = testing.tiny_loop("biggan")
    next(loop)
    config = dataclasses.asdict(loop.gan.config)
    write_folder(tmp_path / "run", loop.published(), Description("biggan", config, "noise"))
    export(Folder.at(tmp_path / "run"), tmp_path / "copy", standing=1)
    assert json.loads((tmp_path / "copy/config.json").read_text())["config"]["statistics"] == 11
    images = [load(tmp_path / name).sample(2, truncation=0.3) for name in ("run", "copy")]
    assert not torch.allclose(*images, atol=1e-3)
