"""Interpolations: the path of the latent, the path of other inputs, and inputs that are held."""

import math

import pytest
import torch

from ganzoo import testing
from ganzoo.errors import InvalidRequestError
from ganzoo.sampling.interpolation import joined, path_through, slerp


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


def whole(path, size=64):
    return joined(list(path.batches(size)))


def test_only_the_latent_turns():
    start = {"z": torch.tensor([[1.0, 0.0]]), "class": torch.tensor([[1.0, 0.0]])}
    end = {"z": torch.tensor([[0.0, 1.0]]), "class": torch.tensor([[0.0, 1.0]])}
    way = whole(path_through(joined([start, end]), 3))
    assert torch.allclose(way["class"][1], torch.tensor([0.5, 0.5]))
    assert torch.allclose(way["z"][1], torch.tensor([0.5, 0.5]).sqrt())


def test_what_is_held_stays():
    start = {"z": torch.tensor([[1.0, 0.0]]), "class": torch.tensor([[1.0, 0.0]])}
    end = {"z": torch.tensor([[0.0, 1.0]]), "class": torch.tensor([[0.0, 1.0]])}
    way = whole(path_through(joined([start, end]), 4, hold=["z"]))
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
        path_through(joined(ends), steps, hold)


@pytest.mark.parametrize("architecture", ["gan", "dcgan", "biggan", "biggan-deep"])
def test_both_ends_are_the_two_images(architecture):
    model = testing.tiny_model(architecture)
    start, end = (model.draw(seed=seed) for seed in (3, 7))
    for batch_size in (2, 64):
        images = model.interpolate(start, end, steps=5, batch_size=batch_size)
        assert len(images) == 5
        assert torch.allclose(images[0], model.sample(seed=3)[0], atol=1e-5)
        assert torch.allclose(images[-1], model.sample(seed=7)[0], atol=1e-5)


# --- through more than two --------------------------------------------------------------------


def on_the_circle(*degrees):
    angles = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return {"z": torch.stack([angles.cos(), angles.sin()], dim=1).float()}


def degrees(path, size=64):
    z = whole(path, size)["z"].double()
    return torch.atan2(z[:, 1], z[:, 0]).rad2deg()


@pytest.mark.parametrize("size", [1, 4, 64])
def test_all_steps_have_one_length(size):
    found = degrees(path_through(on_the_circle(0, 20, 50, 140), 15), size)
    assert torch.allclose(found, torch.arange(0, 141, 10).double(), atol=1e-4)


def test_every_point_is_met_and_the_speed_hardly_differs():
    points = {"z": torch.randn(6, 100, generator=torch.Generator().manual_seed(0))}
    path = path_through(points, 251)
    z = whole(path)["z"]
    assert len(path) == len(z) == 251
    assert torch.equal(z[list(path.places)], points["z"])
    steps = torch.cosine_similarity(z[1:].double(), z[:-1].double()).arccos()
    assert steps.max() / steps.min() < 1.05


def test_a_loop_leads_back_without_a_second_first_image():
    found = degrees(path_through(on_the_circle(0, 90, 170, -90), 36, loop=True))
    assert len(found) == 36
    steps = (found.diff(append=found[:1]) + 180) % 360 - 180
    assert torch.allclose(steps, torch.full_like(steps, 10), atol=0.7)


def test_a_point_that_comes_twice_takes_one_step():
    path = path_through(on_the_circle(0, 0, 0, 90), 12)
    assert path.places == (0, 1, 2, 11)


def test_a_step_for_each_point_at_least():
    points = on_the_circle(0, 1, 2, 90)
    assert path_through(points, 4).places == (0, 1, 2, 3)
    with pytest.raises(InvalidRequestError, match="through 4 images has at least 4 steps, not 3"):
        path_through(points, 3)


def test_a_model_interpolates_through_a_batch_of_inputs():
    model = testing.tiny_model("dcgan")
    images = model.interpolate(model.draw(2, seed=5), model.draw(seed=1), steps=9, loop=True)
    assert len(images) == 9
    assert torch.allclose(images[0], model.sample(seed=5)[0], atol=1e-5)
    for seed in (6, 1):
        assert (images - model.sample(seed=seed)).abs().amax((1, 2, 3)).min() < 1e-5
    with pytest.raises(InvalidRequestError, match="name two or more"):
        model.interpolate()
