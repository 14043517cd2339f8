"""How translations change their images: by what a network adds, and by diffusion."""

import math

import pytest
import torch

from ganzoo import changed_by, diffuse


def test_a_change_of_zero_changes_nothing():
    images = torch.tensor([-1.0, -0.5, 0.0, 0.7, 1.0]).view(1, 1, 1, 5)
    assert torch.allclose(changed_by(images, torch.zeros_like(images)), images, rtol=0, atol=1.1e-3)
    assert torch.allclose(changed_by(images, torch.full_like(images, 0.5))[..., 2], torch.tensor(0.5).tanh())
    assert torch.equal(changed_by(images, torch.full_like(images, 50.0)), torch.ones_like(images))


def test_a_step_of_diffusion_by_hand():
    """0.24 * exp(-(d / contrast)^2) * d flows over each of the differences 0.1 and 1."""
    image = torch.tensor([[0.0, 0.1, 1.1]] * 2)[None, None]
    small, large = 0.24 * 0.1 * math.exp(-0.25), 0.24 * math.exp(-25)
    expected = torch.tensor([[small, 0.1 - small + large, 1.1 - large]] * 2)
    assert torch.allclose(diffuse(image, 1, 0.2)[0, 0], expected, rtol=0, atol=1e-6)
    assert torch.equal(diffuse(image, 0, 0.2), image)


def test_channels_keep_the_same_edges():
    image = torch.zeros(1, 2, 4, 4)
    image[:, 0, :, 2:], image[:, 1, :, 2:] = 0.03, 0.4
    flow = diffuse(image, 1, 0.2)[0, 0, 0, 1].item()
    assert flow == pytest.approx(0.24 * 0.03 * math.exp(-(0.03**2 + 0.4**2) / 0.04))


def test_diffusion_keeps_means_bounds_and_edges():
    torch.manual_seed(0)
    image = torch.where(torch.arange(16) < 8, -0.9, 0.9).expand(1, 3, 16, 16) + 0.1 * torch.rand(1, 3, 16, 16)
    flat = diffuse(image, 50, 0.2)
    assert torch.allclose(flat.mean((2, 3)), image.mean((2, 3)), atol=1e-5)
    assert image.min() <= flat.min() < flat.max() <= image.max()
    assert flat[..., :8].std() < image[..., :8].std() / 5
    assert (flat[..., 8] - flat[..., 7]).min() > 1.6
