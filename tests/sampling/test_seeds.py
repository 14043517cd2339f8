"""What the README promises of seeds: inputs bit for bit the same, 8-bit pixels within one step."""

import pytest
import torch

import ganzoo
from ganzoo.images.tensors import to_pixels
from ganzoo.interface.weights_files import BundledFile
from ganzoo.registry import lookup

BUNDLED = [name for name, model in lookup.registry().models.items() if isinstance(model.weights, BundledFile)]
TRANSLATES = {
    name
    for name in BUNDLED
    if lookup.registry().architectures[lookup.registry().models[name].architecture].task.from_images
}


def difference(first, second):
    return (to_pixels(first).int() - to_pixels(second).int()).abs().max().item()


@pytest.mark.parametrize("name", [name for name in BUNDLED if name not in TRANSLATES])
def test_samples(name):
    model = ganzoo.load(name, device="cpu")
    whole, drawn = model.sample(8, seed=5, batch_size=8), model.draw(8, seed=5)
    for size in (1, 3):
        assert difference(whole, model.sample(8, seed=5, batch_size=size)) <= 1
    for key, values in model.draw(1, seed=9).items():
        assert torch.equal(values[0], drawn[key][4])
    assert difference(whole[4:5], model.sample(1, seed=9)) <= 1
    assert difference(whole[:1], whole[1:2]) > 1  # seeds matter


@pytest.mark.parametrize("name", sorted(TRANSLATES))
def test_translations(name):
    model = ganzoo.load(name, device="cpu")
    sources = torch.rand(3, *model.image_shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = model.translate(sources, batch_size=3)
    for size in (1, 2):
        assert difference(whole, model.translate(sources, batch_size=size)) <= 1
    assert difference(whole[:1], whole[1:2]) > 1
