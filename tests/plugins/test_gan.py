"""What is special to the first GAN: its two games, its layers and its algorithm."""

import math

import pytest
import torch

import ganzoo
from ganzoo import testing, zoo
from ganzoo_gan.losses import minimax, non_saturating
from ganzoo_gan.networks import Maxout

REAL = torch.tensor([2.0, -1.0])
FAKE = torch.tensor([0.5, -3.0])


def sigmoid(score):
    return 1 / (1 + math.exp(-score))


def test_equation_1_discriminator():
    value = sum(math.log(sigmoid(s)) for s in (2, -1)) / 2 + sum(math.log(1 - sigmoid(s)) for s in (0.5, -3)) / 2
    for loss in (minimax, non_saturating):
        assert loss.discriminator(REAL, FAKE).item() == pytest.approx(-value, rel=1e-6)


def test_equation_1_generator():
    value = sum(math.log(1 - sigmoid(s)) for s in (0.5, -3)) / 2
    assert minimax.generator(FAKE).item() == pytest.approx(value, rel=1e-6)


def test_non_saturating_generator():
    value = sum(math.log(sigmoid(s)) for s in (0.5, -3)) / 2
    assert non_saturating.generator(FAKE).item() == pytest.approx(-value, rel=1e-6)


def test_the_optimal_discriminator_cannot_tell():
    """At D = 1/2 equation 1 has the value -log 4 (theorem 1)."""
    undecided = torch.zeros(3)
    assert minimax.discriminator(undecided, undecided).item() == pytest.approx(math.log(4))


def test_why_the_generator_does_not_play_the_minimax_game():
    """Where D is sure of a fake, minimax gives almost no gradient, the other game a full one (section 3)."""
    gradients = []
    for loss in (minimax, non_saturating):
        score = torch.tensor([-10.0], requires_grad=True)
        loss.generator(score).backward()
        gradients.append(score.grad.abs().item())
    assert gradients[0] == pytest.approx(sigmoid(-10), rel=1e-3)
    assert gradients[1] == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("score", [-1e4, 1e4])
def test_losses_stay_finite(score):
    scores = torch.tensor([score])
    for loss in (minimax, non_saturating):
        assert loss.discriminator(scores, scores).isfinite()
        assert loss.generator(scores).isfinite()


def test_maxout_is_the_largest_of_its_pieces():
    layer = Maxout(2, 1, 3)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
        layer.linear.bias.copy_(torch.tensor([0.0, 0.0, 0.5]))
    x = torch.tensor([[3.0, 1.0], [1.0, 4.0], [-2.0, -2.0]])
    assert layer(x).tolist() == [[3.0], [4.0], [4.5]]


@pytest.mark.parametrize("steps", [1, 3])
def test_algorithm_1_takes_k_discriminator_steps(steps):
    torch.manual_seed(0)
    tiny = zoo.registry().architectures["gan"].tiny
    gan = zoo.create("gan", **{**tiny, "discriminator_steps": steps})
    trainer = ganzoo.Trainer(gan, testing.noise_data((1, 8, 8)), ganzoo.TrainingOptions(batch_size=4))
    groups = [update.group for update in gan.training_step(trainer.batches)]
    assert groups == ["discriminator"] * steps + ["generator"]
    assert trainer.batches.position == 4 * steps, "each step sees new data"


def test_paper_sizes():
    gan = zoo.create("gan")
    shapes = [tuple(p.shape) for p in gan.parameters() if p.ndim == 2]
    assert shapes == [(1200, 100), (1200, 1200), (784, 1200), (1200, 784), (1200, 240), (1, 240)]


def test_uniform_latents_have_unit_variance():
    random = torch.Generator().manual_seed(0)
    z = ganzoo.draw_latent("uniform", 100_000, random=random)
    assert z.abs().max() <= math.sqrt(3)
    assert z.mean().abs() < 0.02
    assert z.var().item() == pytest.approx(1, abs=0.02)
