"""Winograd's algorithm: the function of the convolution, to a few times its rounding errors."""

import pytest
import torch
from torch import nn

from ganzoo.sampling import packed as packing
from ganzoo.sampling import winograd
from ganzoo.sampling.winograd import WinogradConvolution, suits_winograd

needs_onednn = pytest.mark.skipif(not packing._works(nn.Linear), reason="PyTorch has no oneDNN here")


def convolution(inputs=192, outputs=200, **options):
    torch.manual_seed(0)
    return nn.Conv2d(inputs, outputs, 3, **options).requires_grad_(False)


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_the_transforms_are_those_of_a_convolution():
    data, kernel, output = winograd._transforms()
    x, w = random(6).double(), random(3).double()
    expected = torch.stack([x[i : i + 3] @ w for i in range(4)])
    assert torch.allclose(output @ ((kernel @ w) * (data @ x)), expected, rtol=0, atol=1e-14)


def prepared(layer):
    faster = WinogradConvolution(layer)
    faster.prepare(layer.weight)
    return faster


@needs_onednn
@pytest.mark.parametrize("size", [(60, 64), (61, 70), (64, 63)])
@pytest.mark.parametrize("padding", [{"padding": 1}, {"padding": 1, "padding_mode": "reflect", "bias": False}, {}])
def test_it_is_the_convolution_at_any_size(padding, size):
    layer, x = convolution(**padding), random(2, 192, *size)
    faster = prepared(layer)
    assert faster.is_faster(x)
    exact = layer.double()(x.double())
    for layout in (torch.contiguous_format, torch.channels_last):
        y = faster(x.to(memory_format=layout))
        assert y.shape == exact.shape
        assert (y - exact).abs().max() < 3e-5 * exact.std()
        assert (y - exact).std() < 2e-6 * exact.std()


@needs_onednn
def test_blocks_of_rows_make_no_difference(monkeypatch):
    faster, x = prepared(convolution(padding=1)), random(1, 192, 62, 64)
    whole = faster(x)
    monkeypatch.setattr(winograd, "_BLOCK", 2**20)
    assert torch.allclose(faster(x), whole, rtol=0, atol=1e-5)


@needs_onednn
def test_an_image_does_not_depend_on_its_batch():
    faster, x = prepared(convolution(padding=1)), random(3, 192, 60, 64)
    assert torch.equal(faster(x)[1], faster(x[1:2])[0])


@needs_onednn
def test_packing_chooses_it_for_large_images_and_computes_the_activation():
    layer = convolution(padding=1)
    packed = packing._pack(layer)
    packed.activation = "relu"
    for side, by_winograd in ((8, False), (64, True)):
        x = random(1, 192, side, side)
        assert packed.winograd.is_faster(x) is by_winograd
        assert torch.allclose(packed(x), layer(x).relu(), rtol=0, atol=3e-5)
        assert bool(packed.winograd.weights) is by_winograd  # they take much memory


@needs_onednn
def test_autocast_changes_nothing():
    packed, x = packing._pack(convolution(padding=1)), random(1, 192, 64, 64)
    expected = packed(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(packed(x), expected)
        assert torch.equal(packed(x.bfloat16()), packed(x.bfloat16().float()))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(192, 192, 1),
        nn.Conv2d(192, 192, 3, stride=2),
        nn.Conv2d(192, 192, 3, dilation=2),
        nn.Conv2d(192, 192, 3, groups=2),
        nn.Conv2d(192, 192, 3, padding="same"),
        nn.Conv2d(64, 192, 3),
        nn.ConvTranspose2d(192, 192, 3),
        nn.Linear(192, 192),
    ],
)
def test_it_is_for_wide_convolutions_of_3x3_pixels(layer):
    assert not suits_winograd(layer)


@needs_onednn
def test_a_convolution_with_few_outputs_is_two():
    layer = nn.Conv2d(8, 3, 7, padding=3, padding_mode="reflect").requires_grad_(False)
    packed = packing._pack(layer)
    assert len(packed) == 2
    for size in ((1, 8, 9, 12), (4, 8, 16, 16)):
        x = random(*size)
        assert torch.allclose(packed(x), layer(x), rtol=0, atol=1e-5)
