"""Tests of what the conformance suite cannot know: the paper's equation and algorithm."""

import pytest
import torch
from ganzoo_wgan_gp import WGANGPConfig
from ganzoo_wgan_gp.model import gradient_penalty

import ganzoo


def critic_of(slope):
    """A critic whose gradient is `slope` for every image."""
    return lambda images: (images * slope).flatten(1).sum(1)


def test_the_penalty_is_that_of_equation_3():
    real, fake = torch.randn(5, 1, 3, 3), torch.randn(5, 1, 3, 3)
    slope = torch.randn(1, 3, 3)
    expected = (slope.norm() - 1) ** 2
    assert torch.allclose(gradient_penalty(critic_of(slope), real, fake), expected)
    assert gradient_penalty(critic_of(slope / slope.norm()), real, fake) < 1e-10


def test_the_penalty_is_taken_between_the_two():
    """The gradient of D(u) = |u|^2 / 2 is u. If real = fake, it is the image itself."""
    images = torch.randn(5, 1, 3, 3)
    norms = images.flatten(1).norm(dim=1)
    found = gradient_penalty(lambda u: u.square().flatten(1).sum(1) / 2, images, images)
    assert torch.allclose(found, ((norms - 1) ** 2).mean())


def test_the_algorithm_has_the_papers_settings():
    gan = ganzoo.create("wgan-gp", width=4)
    groups = {name: optimizer.defaults for name, optimizer in gan.optimizers().items()}
    assert {(group["lr"], group["betas"]) for group in groups.values()} == {(1e-4, (0.0, 0.9))}
    batches = iter([{"image": torch.rand(2, 3, 32, 32) * 2 - 1}] * 5)
    updates = list(gan.training_step(batches))
    assert [update.group for update in updates] == ["critic"] * 5 + ["generator"]
    assert gan.config.penalty == 10
    assert all({"adversarial", "penalty"} == set(update.losses) for update in updates[:5])


def test_the_critic_rates_each_image_alone():
    critic = ganzoo.create("wgan-gp", resolution=8, width=4).critic
    images = torch.randn(4, 3, 8, 8)
    assert torch.allclose(critic(images)[:1], critic(images[:1]), atol=1e-6)


@pytest.mark.parametrize("values", [{"resolution": 13}, {"resolution": 4}, {"penalty": -1.0}, {"critic_steps": 0}])
def test_impossible_configs_are_refused(values):
    with pytest.raises(ValueError, match=r"at least|nearest"):
        WGANGPConfig(**values)
