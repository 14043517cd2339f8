"""Layers that train faster: the same networks, names and results."""

import copy

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo import ImageData, Loop, TrainingOptions
from ganzoo.training.faster_layers import faster_layers


def gradients(layer, x):
    y = layer(x)
    return [y, *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(160, 144), (200, 160)),
        (nn.Conv2d(8, 3, 7, padding=3, padding_mode="reflect"), (2, 8, 12, 15)),
        (nn.Conv2d(8, 3, (5, 7), padding=(2, 3), bias=False), (2, 8, 12, 15)),
        (nn.Conv2d(8, 1, 5), (2, 8, 12, 15)),
    ],
)
def test_the_layers_compute_the_same(layer, shape):
    network = nn.Sequential(copy.deepcopy(layer))
    faster_layers(network)
    assert type(network[0]) is not type(layer)
    assert network[0].state_dict().keys() == layer.state_dict().keys()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for ours, theirs in zip(gradients(network[0], x), gradients(layer, x), strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5 * theirs.abs().max().item())


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 3, 3, padding=1),
        nn.Conv2d(8, 5, 7),
        nn.Conv2d(8, 3, 7, stride=2),
        nn.Conv2d(8, 3, 7, padding="same"),
        nn.Conv2d(8, 4, 7, groups=2),
        nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)),
        nn.Bilinear(3, 3, 3),
    ],
)
def test_other_layers_stay(layer):
    before = type(layer)
    faster_layers(nn.Sequential(layer))
    assert type(layer) is before


def test_a_loop_trains_by_them_and_publishes_layers_of_pytorch():
    images = torch.randint(0, 256, (8, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    gan = ganzoo.create("gan", resolution=8)
    loop = Loop(gan, ImageData("noise", images), TrainingOptions(iterations=1, batch_size=4))
    assert {type(layer) for layer in gan.generator.modules() if isinstance(layer, nn.Linear)} != {nn.Linear}
    assert {type(layer) for layer in loop.average.generator.modules() if isinstance(layer, nn.Linear)} == {nn.Linear}
    next(loop)
