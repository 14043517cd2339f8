"""Layers in oneDNN's layouts: the same numbers, for any size, and nothing of the GAN is touched."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo.sampling import packed as packing
from ganzoo.sampling.packed import packed

pytestmark = pytest.mark.skipif(not packing._works(nn.Linear), reason="PyTorch has no oneDNN here")


class Function(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    @torch.no_grad()
    def forward(self, inputs):
        return self.layers(inputs["x"])


class NoGAN(nn.Module):
    """All that `packed` asks of a GAN."""

    device = torch.device("cpu")


def pack(*layers, gan=None):
    return packed(Function(*layers), gan or NoGAN())


LAYERS = [
    lambda: nn.Conv2d(6, 10, 3, padding=1),
    lambda: nn.Conv2d(6, 10, 3, stride=2, padding=1, bias=False),
    lambda: nn.Conv2d(6, 10, 7, padding=3, padding_mode="reflect"),
    lambda: nn.Conv2d(6, 10, 3, dilation=2),
    lambda: nn.ConvTranspose2d(6, 10, 4, stride=2, padding=1),
    lambda: nn.ConvTranspose2d(6, 10, 3, stride=2, padding=1, output_padding=1, bias=False),
]


@pytest.mark.parametrize("make", LAYERS)
def test_convolutions_of_any_size_and_batch(make):
    torch.manual_seed(0)
    layer = make()
    function = pack(layer, nn.ReLU())
    assert isinstance(function.layers[0], packing._Packed)
    assert isinstance(function.layers[1], nn.ReLU if isinstance(layer, nn.ConvTranspose2d) else nn.Identity)
    for shape in ((1, 6, 8, 8), (5, 6, 8, 8), (2, 6, 12, 9), (1, 6, 8, 8)):
        for layout in (torch.contiguous_format, torch.channels_last):
            x = torch.randn(shape).to(memory_format=layout)
            assert torch.allclose(function({"x": x}), layer(x).relu(), atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.ConvTranspose2d(6, 3, 4, stride=2, padding=1),
        lambda: nn.ConvTranspose2d(6, 4, 5, stride=2, padding=2, output_padding=1, bias=False),
        lambda: nn.ConvTranspose2d(6, 1, (5, 4), stride=4, padding=(0, 1), output_padding=(3, 0)),
    ],
)
def test_transposed_convolutions_with_few_outputs_are_convolutions(make):
    torch.manual_seed(0)
    layer = make()
    function = pack(layer, nn.ReLU())
    assert not isinstance(function.layers[0], packing._Packed)
    assert [type(each) for each in function.layers[0]] == [packing._PackedConvolution, packing._JoinSubpixels]
    for shape in ((1, 6, 8, 8), (5, 6, 8, 8), (2, 6, 12, 9)):
        x = torch.randn(shape)
        assert torch.allclose(function({"x": x}), layer(x).relu(), atol=1e-5)


def test_linear_layers():
    layer = nn.Linear(7, 9)
    function = pack(layer, nn.Tanh())
    assert isinstance(function.layers[0], packing._Packed)
    x = torch.randn(4, 7)
    assert torch.allclose(function({"x": x}), layer(x).tanh(), atol=1e-6)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(6, 6, 3, groups=2), nn.Conv2d(6, 6, 3, padding="same"), nn.Linear(6, 6).double()]
)
def test_other_layers_stay(layer):
    function = pack(layer)
    assert function.layers[0] is layer


def test_modules_of_the_gan_stay():
    gan = NoGAN()
    gan.network = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    layers = list(gan.network)
    assert isinstance(pack(*layers, gan=gan).layers[0], packing._Packed)
    pack(gan.network, gan=gan)
    assert list(gan.network) == layers


def test_what_is_no_module_stays():
    def function(inputs):
        return inputs["x"]

    assert packed(function, NoGAN()) is function


def test_on_cuda_weights_are_channels_last_and_shared_ones_stay():
    shared = nn.Conv2d(6, 10, 3)
    held = shared.weight
    gan = SimpleNamespace(device=torch.device("cuda"), modules=lambda: ())
    function = packed(Function(nn.Linear(3, 3), shared), gan)
    assert function.layers[1].weight.is_contiguous(memory_format=torch.channels_last)
    assert shared.weight is held
    assert held.is_contiguous()
    assert torch.equal(function.layers[1].weight, held)


def test_operations_that_are_missing_or_wrong_are_not_used(monkeypatch):
    broken = torch.ops.mkldnn._linear_pointwise
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", lambda *arguments: broken(*arguments) + 1e-3)
    packing._works.cache_clear()
    try:
        layer = nn.Linear(3, 3)
        assert pack(layer).layers[0] is layer
    finally:
        packing._works.cache_clear()


def test_finding_out_whether_it_works_draws_nothing_from_the_programs_seed():
    packing._works.cache_clear()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert packing._works(nn.ConvTranspose2d)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("size", [(1, 600, 300), (3, 1100, 64), (2, 1500, 700), (2, 70, 40)])
def test_attention_in_blocks(size):
    images, queries, keys = size
    torch.manual_seed(0)
    attention = ganzoo.DotProductAttention()
    faster = pack(attention).layers[0]
    assert type(faster) is packing._BlockwiseAttention
    rows = torch.randn(images, queries, 24)[:, :, :8]  # as a part of a projection of all three
    inputs = (rows, torch.randn(images, 8, keys).transpose(1, 2), torch.randn(images, keys, 16))
    with torch.no_grad():
        assert torch.allclose(faster(*inputs), attention(*inputs), atol=1e-5)
