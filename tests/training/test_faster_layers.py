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
    weights = torch.arange(float(y.numel())).cos().view_as(y)  # the sum of squares of a norm is constant
    return [y, *torch.autograd.grad((y.square() * weights).sum(), [x, *layer.parameters()])]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(160, 144), (200, 160)),
        (nn.Conv2d(8, 3, 7, padding=3, padding_mode="reflect"), (2, 8, 12, 15)),
        (nn.Conv2d(8, 3, (5, 7), padding=(2, 3), bias=False), (2, 8, 12, 15)),
        (nn.Conv2d(8, 1, 5), (2, 8, 12, 15)),
        (nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1, bias=False), (2, 8, 12, 15)),
        (nn.ConvTranspose2d(8, 4, 5, stride=2, padding=2, output_padding=1), (2, 8, 12, 15)),
        (nn.ConvTranspose2d(8, 1, (5, 4), stride=4, padding=(0, 1), output_padding=(3, 0)), (2, 8, 6, 5)),
        (nn.InstanceNorm2d(8), (2, 8, 12, 15)),
        (nn.InstanceNorm2d(8, affine=True, eps=1e-3), (2, 8, 12, 15)),
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
        nn.ConvTranspose2d(8, 3, 4),
        nn.ConvTranspose2d(8, 5, 4, stride=2, padding=1),
        nn.ConvTranspose2d(8, 2, 2, stride=3, padding=1),
        nn.ConvTranspose2d(8, 3, 4, stride=(2, 1), padding=1),
        nn.ConvTranspose2d(8, 3, 4, stride=2, output_padding=1),
        nn.ConvTranspose2d(8, 2, 4, stride=2, groups=2),
        nn.InstanceNorm2d(8, track_running_stats=True),
    ],
)
def test_other_layers_stay(layer):
    before = type(layer)
    faster_layers(nn.Sequential(layer))
    assert type(layer) is before


def test_inputs_that_the_faster_way_does_not_suit():
    transposed, norm = (nn.ConvTranspose2d(8, 3, 4, stride=2), nn.InstanceNorm2d(8))
    network = nn.Sequential(copy.deepcopy(transposed), copy.deepcopy(norm))
    faster_layers(network)
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network[0](x, [15, 15]), transposed(x, [15, 15]))
    far = (x + 300).to(memory_format=torch.channels_last)  # far from 0, PyTorch's variances of groups are wrong
    assert torch.equal(network[1](far), norm(far))
    assert torch.equal(network[1](x[0]), norm(x[0]))


def test_a_loop_trains_by_them_and_publishes_layers_of_pytorch():
    images = torch.randint(0, 256, (8, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    gan = ganzoo.create("gan", resolution=8)
    loop = Loop(gan, ImageData("noise", images), TrainingOptions(iterations=1, batch_size=4))
    assert {type(layer) for layer in gan.generator.modules() if isinstance(layer, nn.Linear)} != {nn.Linear}
    assert {type(layer) for layer in loop.average.generator.modules() if isinstance(layer, nn.Linear)} == {nn.Linear}
    next(loop)
