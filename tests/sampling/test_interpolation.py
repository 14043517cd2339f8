"""Interpolations: the path of the latent, the path of other inputs, and inputs that are held."""

import math

import pytest
import torch

from ganzoo import testing
from ganzoo.errors import InvalidRequestError
from ganzoo.sampling.interpolation import interpolate_inputs, slerp


def test_a_quarter_circle():
    way = slerp(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]]), torch.linspace(0, 1, 3))
    assert torch.allclose(way, torch.tensor([[2.0, 0.0], [math.sqrt(2), math.sqrt(2)], [0.0, 2.0]]), atol=1e-6)


def test_equal_angles():
    a, b = torch.randn(2, 1, 100, generator=torch.Generator().manual_seed(0))
    b *= a.norm() / b.norm()
    way = slerp(a, b, torch.linspace(0, 1, 7))
    assert torch.allclose(way.norm(dim=1), a.norm().expand(7), rtol=1e-5)
    steps = torch.cosine_similarity(way[1:], way[:-1])
    assert torch.allclose(steps, steps[0].expand(6), atol=1e-6)


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0])
def test_where_there_is_no_one_circle_the_way_is_straight(factor):
    a = torch.tensor([[3.0, 4.0]])
    assert torch.allclose(slerp(a, factor * a, torch.tensor([0.5])), (1 + factor) / 2 * a)


def test_only_the_latent_turns():
    start = {"z": torch.tensor([[1.0, 0.0]]), "class": torch.tensor([[1.0, 0.0]])}
    end = {"z": torch.tensor([[0.0, 1.0]]), "class": torch.tensor([[0.0, 1.0]])}
    way = interpolate_inputs(start, end, 3)
    assert torch.allclose(way["class"][1], torch.tensor([0.5, 0.5]))
    assert torch.allclose(way["z"][1], torch.tensor([0.5, 0.5]).sqrt())


def test_what_is_held_stays():
    start = {"z": torch.tensor([[1.0, 0.0]]), "class": torch.tensor([[1.0, 0.0]])}
    end = {"z": torch.tensor([[0.0, 1.0]]), "class": torch.tensor([[0.0, 1.0]])}
    way = interpolate_inputs(start, end, 4, hold=["z"])
    assert torch.equal(way["z"], start["z"].expand(4, 2))
    assert torch.equal(way["class"][-1], end["class"][0])


@pytest.mark.parametrize(
    ("steps", "hold", "told"),
    [
        (1, [], "at least 2 steps, not 1"),
        (4, ["noise"], "there is no input noise to hold - there are z, class"),
        (4, ["z", "class"], "nothing moves"),
    ],
)
def test_ways_that_cannot_be(steps, hold, told):
    ends = [{"z": torch.ones(1, 2) * i, "class": torch.ones(1, 2) * i} for i in (1, 2)]
    with pytest.raises(InvalidRequestError, match=told):
        interpolate_inputs(*ends, steps, hold)


@pytest.mark.parametrize("architecture", ["gan", "dcgan", "biggan", "biggan-deep"])
def test_both_ends_are_the_two_images(architecture):
    model = testing.tiny_model(architecture)
    start, end = (model.draw(seed=seed) for seed in (3, 7))
    for batch_size in (2, 64):
        images = model.interpolate(start, end, steps=5, batch_size=batch_size)
        assert len(images) == 5
        assert torch.allclose(images[0], model.sample(seed=3)[0], atol=1e-5)
        assert torch.allclose(images[-1], model.sample(seed=7)[0], atol=1e-5)
