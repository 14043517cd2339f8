"""Fewer and faster layers: the same function, whatever the layers are."""

import pytest
import torch
from torch import nn

from ganzoo import fuse_layers


def settled(*layers):
    """The layers in eval mode, with statistics, gains and biases that are not those of a new norm."""
    torch.manual_seed(0)
    network = nn.Sequential(*layers).eval()
    for module in network.modules():
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            if isinstance(module, nn.modules.batchnorm._NormBase) and tensor.is_floating_point():
                nn.init.uniform_(tensor, *((-1, 1) if name in ("bias", "running_mean") else (0.5, 2)))
    return network


def kinds(layers):
    return [type(layer) for layer in layers]


CASES = [
    ((5,), [nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU()], [nn.Linear, nn.ReLU]),
    ((5,), [nn.Linear(5, 8, bias=False), nn.BatchNorm1d(8, affine=False)], [nn.Linear]),
    ((5,), [nn.Linear(5, 24), nn.Unflatten(1, (4, 2, 3)), nn.BatchNorm2d(4)], [nn.Linear, nn.Unflatten]),
    (
        (3, 4, 5),
        [nn.Conv2d(3, 4, 3), nn.Dropout(), nn.BatchNorm2d(4, 0.1), nn.LeakyReLU(0.3)],
        [nn.Conv2d, nn.LeakyReLU],
    ),
    ((3, 4, 5), [nn.ConvTranspose2d(3, 4, 4, 2, 1), nn.BatchNorm2d(4)], [nn.ConvTranspose2d]),
    ((4, 4, 5), [nn.InstanceNorm2d(4, 0.1, affine=True), nn.ReLU()], [nn.GroupNorm, nn.ReLU]),
    ((4, 4, 5), [nn.InstanceNorm2d(4), nn.Identity()], [nn.GroupNorm]),
    *(
        (
            (3, 4, 5),
            [nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, kernel, padding=padding), nn.BatchNorm2d(4)],
            expected,
        )
        for expected in [[nn.ConvTranspose2d]]
        for kernel, padding in [(1, 0), (3, 1), (3, 0), (5, 2), ((3, 4), (0, 2))]
    ),
]


@pytest.mark.parametrize(("shape", "layers", "expected"), CASES)
def test_fewer_layers_compute_the_same(shape, layers, expected):
    network, x = settled(*layers), torch.randn(2, *shape)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    wanted, kept = network(x), x.clone()
    fused = fuse_layers(network)
    assert kinds(fused) == expected
    torch.testing.assert_close(fused(x), wanted, atol=1e-5, rtol=0)
    assert torch.equal(x, kept)
    assert torch.equal(network(x), wanted)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


class Halving(nn.Conv2d):
    """A convolution that is more than one."""

    def forward(self, x):
        return super().forward(x) / 2


KEPT = [
    ((5,), [nn.BatchNorm1d(5), nn.Linear(5, 2)]),
    ((3, 4), [nn.Linear(4, 6), nn.BatchNorm1d(3)]),
    ((3, 4), [nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3)]),
    ((3, 4, 5), [Halving(3, 4, 3), nn.BatchNorm2d(4)]),
    ((4, 4, 5), [nn.ConvTranspose2d(4, 4, 3, groups=2), nn.BatchNorm2d(4)]),
    ((4, 4, 5), [nn.InstanceNorm2d(4, track_running_stats=True)]),
    ((3, 4, 5), [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)]),
    ((3, 4, 5), [nn.Upsample(scale_factor=3), nn.Conv2d(3, 4, 3, padding=1)]),
    ((3, 4, 5), [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(3, 4, 3, padding=1)]),
    ((3, 4, 5), [nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")]),
    ((3, 4, 5), [nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 3, stride=2)]),
    ((3, 4, 5), [nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 3, padding=3)]),
    ((3, 4, 5), [nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 3, padding="same")]),
    ((3, 4, 5), [nn.Upsample(scale_factor=2), Halving(3, 4, 3)]),
]


@pytest.mark.parametrize(("shape", "layers"), KEPT)
def test_what_is_another_function_stays(shape, layers):
    network, x = settled(*layers), torch.randn(2, *shape)
    fused = fuse_layers(network)
    assert kinds(fused) == kinds(network)
    torch.testing.assert_close(fused(x), network(x), atol=1e-6, rtol=0)


def test_an_activation_does_not_change_what_it_is_given():
    x = torch.randn(2, 3)
    kept = x.clone()
    fuse_layers([nn.ReLU()])(x)
    assert torch.equal(x, kept)


def test_tensors_that_stay_the_same_are_shared():
    convolution, norm = nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4, affine=True)
    fused = fuse_layers([convolution, norm])
    assert fused[0] is convolution
    assert fused[1].weight is norm.weight
    doubled = fuse_layers([nn.Upsample(scale_factor=2), convolution])
    assert doubled[0].bias is convolution.bias
