"""Distributions of points: samples agree with the density."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from ganzoo.data.batches import Batches
from ganzoo.data.load import load_data
from ganzoo.data.toy_distributions import COUNT, PointData
from ganzoo.errors import DataError
from ganzoo_datasets.points import POINTS

NAMES = sorted(POINTS)
SIGMAS = 5  # how far an estimate may be from its expectation, in its own standard deviations


def load(name: str, **options) -> PointData:
    return load_data(name, (POINTS[name].coordinates, 1, 1), **options)


@pytest.mark.parametrize(("name", "coordinates", "modes"), [("gaussian-1d", 1, 1), ("ring", 2, 8), ("grid", 2, 25)])
def test_points_are_images_of_one_pixel(name, coordinates, modes):
    data = load(name)
    assert (data.images.shape, data.images.dtype) == ((COUNT, coordinates, 1, 1), torch.float32)
    assert (data.name, data.labels, data.classes, data.notes) == (name, None, (), ())
    assert data.mixture is POINTS[name]
    assert len(data.mixture.centers) == modes
    assert data.images.abs().max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_the_points_are_always_the_same(name):
    torch.manual_seed(1)
    first, state = load(name), torch.get_rng_state()
    assert torch.equal(load(name).images, first.images)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(load(name, limit=10).images, first.images[:10])
    assert load(name, limit=10).digest() != first.digest() == load(name).digest()


@pytest.mark.parametrize("name", NAMES)
def test_they_are_spread_as_the_mixture_is(name):
    mixture, points = POINTS[name], load(name).images[:, :, 0, 0]
    centers = torch.tensor(mixture.centers)
    nearest = torch.cdist(points, centers).argmin(1)
    share = 1 / len(centers)
    counts = nearest.bincount(minlength=len(centers))
    assert (counts - COUNT * share).abs().max() <= SIGMAS * math.sqrt(COUNT * share * (1 - share))
    for mode, count in enumerate(counts.tolist()):
        away = points[nearest == mode] - centers[mode]
        assert away.mean(0).abs().max() < SIGMAS * mixture.deviation / math.sqrt(count)
        assert away.var(0).sqrt().numpy() == pytest.approx(mixture.deviation, rel=SIGMAS / math.sqrt(2 * count))


@pytest.mark.parametrize("name", NAMES)
def test_the_density_integrates_to_one(name):
    mixture = POINTS[name]
    line = torch.linspace(-1.5, 1.5, 301, dtype=torch.float64)
    places = torch.cartesian_prod(*[line] * mixture.coordinates).view(-1, mixture.coordinates)
    assert mixture.density(places).sum() * 0.01**mixture.coordinates == pytest.approx(1, abs=1e-6)


def test_on_a_line_it_is_the_normal_density():
    places = torch.linspace(-2, 2, 401, dtype=torch.float64)
    expected = Normal(torch.tensor(0.0, dtype=torch.float64), 0.25).log_prob(places).exp()
    assert torch.allclose(POINTS["gaussian-1d"].density(places[:, None]), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_enough(name):
    mixture, points = POINTS[name], load(name).images[:, :, 0, 0]
    assert torch.allclose(mixture.density(points).double(), mixture.density(points.double()), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_images_are_not_made_of_points(name):
    wanted = POINTS[name].coordinates
    with pytest.raises(DataError) as caught:
        load_data(name, (3, 32, 32))
    assert str(caught.value) == f"{name} holds points, images of {wanted}x1x1, not of 3x32x32 - use a model of points"


@pytest.mark.parametrize("mirror", [False, True])
def test_batches_hand_them_out_as_they_are(mirror):
    data = load("ring", limit=10)
    image = next(Batches(data, 10, seed=0, device=torch.device("cpu"), mirror=mirror))["image"]
    assert image.dtype == torch.float32
    assert sorted(image.flatten(1).tolist()) == sorted(data.images.flatten(1).tolist())
