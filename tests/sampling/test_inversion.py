"""`Model.invert`: images from inputs and back, the same for every batch size, behind defects."""

import math

import pytest
import torch

import ganzoo
from ganzoo import Prior
from ganzoo.errors import InvalidRequestError, UnreadableImage
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.sampling.inversion import psnr
from ganzoo.testing import tiny_model


@pytest.fixture(scope="module")
def digits():
    return ganzoo.load("gan-mnist", device="cpu")


@pytest.fixture(scope="module")
def clothes():
    return ganzoo.load("biggan-fashion-mnist", device="cpu")


def test_own_samples_come_back(digits):
    own = digits.sample(2, seed=5)
    found = digits.invert(own, starts=4, steps=100)
    assert psnr(found.images, own).min() > 20
    assert torch.allclose(digits.generate(found.inputs), found.images, atol=1e-5)
    assert torch.allclose((found.images - own).abs().flatten(1).mean(1), found.losses, atol=1e-5)


def test_the_class_is_found_unless_it_is_given(clothes):
    own = clothes.sample(1, seed=5, label="sneaker")
    free = clothes.invert(own, starts=2, steps=5)
    given = clothes.invert(own, starts=2, steps=5, label="sneaker")
    embedding = clothes.draw(request=clothes.request(label="sneaker"))["class"]
    assert torch.equal(given.inputs["class"], embedding)
    assert not torch.allclose(free.inputs["class"], embedding, atol=1e-2)
    assert torch.equal(free.inputs["truncation"], torch.ones(1))


@pytest.mark.parametrize("name", ["gan-mnist", "biggan-fashion-mnist"])
def test_an_image_is_the_same_among_others_and_has_its_own_seed(name):
    model = ganzoo.load(name, device="cpu")
    own = model.sample(3, seed=5)
    together = model.invert(own, starts=2, steps=10)
    for i in range(3):
        alone = model.invert(own[i], starts=2, steps=10, seed=i)
        assert torch.equal(alone.images, together.images[i : i + 1])
    other = model.invert(own[2], starts=2, steps=10, seed=9)
    assert not torch.allclose(other.inputs["z"], alone.inputs["z"], atol=1e-2)


def test_the_mean_is_that_of_all_starts_and_the_best_has_the_smallest_sum(digits):
    own = digits.sample(1, seed=5)
    one = [digits.invert(own, starts=n, steps=0, prior=0.0) for n in (1, 2)]
    mean = digits.invert(own, starts=2, steps=0, prior=0.0, combine="mean")
    assert one[1].losses <= one[0].losses
    assert mean.losses != one[1].losses
    assert torch.allclose((mean.images - own).abs().mean(), mean.losses)
    assert torch.equal(mean.inputs["z"], one[1].inputs["z"])


def test_uniform_latents_stay_in_their_range(digits):
    found = digits.invert(torch.full((1, *digits.image_shape), 1.0), starts=1, steps=60, prior=0.0, learning_rate=1.0)
    limit = Prior(digits.config.latent).limit
    assert limit == (math.sqrt(3) if digits.config.latent == "uniform" else math.inf)
    assert found.inputs["z"].abs().max() <= limit


def test_a_prior_pulls_towards_its_mean(digits):
    own = digits.sample(1, seed=5)
    weak, strong = (digits.invert(own, starts=1, steps=50, prior=weight).inputs["z"] for weight in (0.0, 10.0))
    assert strong.square().mean() < 0.1 * weak.square().mean()


def test_the_weights_and_the_random_state_stay(digits):
    before = {name: value.clone() for name, value in digits.gan.state_dict().items()}
    state = torch.get_rng_state()
    with torch.inference_mode():
        digits.invert(digits.sample(1), starts=1, steps=2, loss=lambda a, b: (a * b).flatten(1).mean(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in digits.gan.state_dict().items())
    assert all(parameter.grad is None for parameter in digits.gan.parameters())


def test_missing_pixels_are_filled_in(digits):
    own = digits.sample(1, seed=5)
    damaged = own.clone()
    damaged[..., 10:14, 10:14] = 1  # what is there does not matter
    one, other = (
        digits.invert(images, starts=4, steps=60, degradation="box=10,10,4,4").images for images in (own, damaged)
    )
    assert torch.equal(one, other)
    assert psnr(one, own) > 17


def test_features_as_the_loss(digits):
    own = digits.sample(1, seed=5)
    loss = ganzoo.feature_loss("mnist")
    before, after = (digits.invert(own, starts=2, steps=steps, loss=loss).losses for steps in (0, 20))
    assert after < before


def test_pictures_are_fitted_unless_they_are_damaged(digits, tmp_path):
    path = tmp_path / "x.png"
    save_picture(to_pictures(torch.zeros(1, 1, 40, 50))[0], path)
    assert digits.invert(path, starts=1, steps=0).images.shape == (1, *digits.image_shape)
    with pytest.raises(UnreadableImage, match=r"x.png has 40x50 pixels, but 28x28 are needed here - resize it first"):
        digits.invert([path], starts=1, steps=0, degradation="noise=1")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"starts": 0}, "number of starts is a whole number of at least 1"),
        ({"steps": -1}, "number of steps is a whole number of at least 0"),
        ({"prior": -1.0}, "weight of the prior is a number of at least 0"),
        ({"learning_rate": float("nan")}, "learning rate is a number of at least 0"),
        ({"combine": "worst"}, "combine is 'mean' or 'best'"),
        ({"loss": "l3"}, "there is no loss 'l3'"),
        ({"seed": -1}, "seed"),
        ({"label": 3}, "takes no label"),
        ({"degradation": "noise"}, "write noise=SIGMA"),
    ],
)
def test_wrong_values(digits, options, text):
    with pytest.raises(InvalidRequestError, match=text):
        digits.invert(torch.zeros(1, *digits.image_shape), **options)


def test_what_cannot_be_inverted():
    with pytest.raises(InvalidRequestError, match="no latents to find"):
        tiny_model("cyclegan").invert(torch.zeros(3, 32, 32))
    with pytest.raises(InvalidRequestError, match="at least one"):
        tiny_model("gan").invert([])


@pytest.mark.long
@pytest.mark.parametrize("name", ["dcgan-fashion-mnist", "biggan-fashion-mnist", "gan-mnist"])
def test_own_samples_of_bundled_models_come_back(name):
    model = ganzoo.load(name, device="cpu")
    own = model.sample(4, seed=1000)
    assert psnr(model.invert(own).images, own).mean() > 25


@pytest.mark.parametrize("cut", ["gradient", "error", "other"])
def test_a_fused_function_with_other_gradients_is_not_used(cut, monkeypatch):
    """The search takes the network itself then, and finds the same."""
    model = ganzoo.load("gan-mnist")
    goal, options = model.sample(1), {"starts": 2, "steps": 3}
    wanted = model.invert(goal, **options)
    fused = model.gan.fused()

    def other(inputs):
        if cut == "error":
            raise KeyError("z")
        images = fused(inputs)
        return images.detach() if cut == "gradient" else images + 0.1 * (images - images.detach())

    model = ganzoo.load("gan-mnist")
    monkeypatch.setattr(type(model.gan), "fused", lambda self: other)
    found = model.invert(goal, **options)
    assert torch.allclose(found.images, wanted.images, atol=1e-4)
    assert torch.allclose(found.inputs["z"], wanted.inputs["z"], atol=1e-4)


def test_the_search_goes_through_the_fused_function(monkeypatch):
    model, calls = ganzoo.load("gan-mnist"), []
    fused = model.gan.fused()
    monkeypatch.setattr(type(model.gan), "fused", lambda self: lambda inputs: calls.append(1) or fused(inputs))
    model.invert(model.sample(1), starts=2, steps=5)
    assert len(calls) >= 7
