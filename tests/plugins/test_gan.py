"""The first GAN: its layers and its algorithm."""

import math

import pytest
import torch

import ganzoo
from ganzoo import testing
from ganzoo.registry import lookup
from ganzoo_gan.networks import Maxout


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
    tiny = lookup.registry().architectures["gan"].tiny
    gan = lookup.create("gan", **{**tiny, "discriminator_steps": steps})
    loop = ganzoo.Loop(gan, testing.noise_data((1, 8, 8)), ganzoo.TrainingOptions(batch_size=4))
    groups = [update.group for update in gan.training_step(loop.batches)]
    assert groups == ["discriminator"] * steps + ["generator"]
    assert loop.batches.position == 4 * steps, "each step sees new data"


def test_paper_sizes():
    gan = lookup.create("gan")
    shapes = [tuple(p.shape) for p in gan.parameters() if p.ndim == 2]
    assert shapes == [(1200, 100), (1200, 1200), (784, 1200), (1200, 784), (1200, 240), (1, 240)]


def test_uniform_latents_have_unit_variance():
    random = torch.Generator().manual_seed(0)
    z = ganzoo.draw_latent("uniform", 100_000, random=random)
    assert z.abs().max() <= math.sqrt(3)
    assert z.mean().abs() < 0.02
    assert z.var().item() == pytest.approx(1, abs=0.02)
