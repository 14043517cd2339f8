"""Samples as bytes, which are rounded on the device, and batches of inputs."""

import pytest
import torch

from ganzoo.errors import NonFiniteError
from ganzoo.images.tensors import to_pixels
from ganzoo.testing.tiny import tiny_model


def test_samples_as_pixels_are_the_bytes_of_the_samples():
    model = tiny_model("dcgan")
    seeded = [(seed, model.request()) for seed in range(5)]
    found = torch.cat([*model.generate_each(seeded, batch_size=2, as_pixels=True)])
    assert found.dtype == torch.uint8
    assert torch.equal(found, to_pixels(model.sample(5, batch_size=2)))


def test_nan_is_no_black_picture():
    model = tiny_model("dcgan")
    with torch.no_grad():
        next(model.gan.generator.parameters()).fill_(torch.nan)
    with pytest.raises(NonFiniteError, match="produced NaN"):
        model.generate_pixels(model.draw(2))


@pytest.mark.parametrize("architecture", ["dcgan", "biggan", "biggan-deep"])
def test_the_inputs_of_a_batch_are_those_of_each_image(architecture):
    gan, request = tiny_model(architecture).gan, tiny_model(architecture).request()
    batch = gan.draw_batch([(seed, request) for seed in (3, 5, 4)])
    for row, seed in enumerate((3, 5, 4)):
        alone = gan.draw(request, torch.Generator().manual_seed(seed))
        assert batch.keys() == alone.keys()
        assert all(torch.equal(batch[name][row], alone[name]) for name in alone)
