"""Networks that are built without memory for their weights."""

import subprocess
import sys

import torch
from torch import nn

from ganzoo.weights.meta import on_meta_device


class Everything(nn.Module):
    """A network that uses every kind of initialization."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.Conv2d(3, 4, 3), nn.Embedding(5, 6), nn.BatchNorm2d(3))
        nn.init.orthogonal_(self.layers[0].weight)
        nn.init.normal_(self.layers[1].weight, 0.0, 0.02)
        nn.init.xavier_uniform_(tensor=self.layers[2].weight)
        self.register_buffer("u", torch.randn(4, generator=torch.Generator()))
        self.scale = nn.Parameter(torch.rand(2).uniform_(-1, 1))


def test_nothing_is_filled_and_all_is_there():
    with on_meta_device():
        network = Everything()
    assert all(tensor.is_meta for tensor in network.state_dict().values())
    shapes = {name: tensor.shape for name, tensor in Everything().state_dict().items()}
    assert {name: tensor.shape for name, tensor in network.state_dict().items()} == shapes


def test_outside_it_all_is_as_ever():
    with on_meta_device():
        pass
    assert not torch.equal(torch.zeros(8).normal_(), torch.zeros(8))


def test_loading_does_not_load_the_compiler():
    code = "import sys, ganzoo; ganzoo.load('dcgan-mnist'); sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
