"""Adaptive augmentation: what it does to images, and how its strength follows the discriminator."""

import math

import pytest
import torch

import ganzoo
from ganzoo import testing
from ganzoo_ada import colors, geometry
from ganzoo_ada.adaptive import AdaptiveDiscriminatorAugmentation
from ganzoo_ada.chance import Dice


def images(count=3, channels=3, height=16, width=12, dtype=torch.float64):
    return torch.rand(count, channels, height, width, dtype=dtype, generator=torch.Generator().manual_seed(0)) * 2 - 1


def always(count, probability=1.0):
    return Dice(count, torch.tensor(probability, dtype=torch.float64))


def test_without_strength_no_image_changes():
    x = images()
    assert AdaptiveDiscriminatorAugmentation()(x) is x
    assert torch.equal(geometry.random_matrices(always(5, 0.0), 16, 12), torch.eye(3).double().expand(5, 3, 3))
    torch.testing.assert_close(colors.random_colors(always(5, 0.0)), torch.eye(4).double().expand(5, 4, 4))


def test_the_filters_around_a_motion_cancel():
    x = images()
    torch.testing.assert_close(geometry.transform(x, torch.eye(3).double().expand(3, 3, 3)), x)


@pytest.mark.parametrize(
    ("matrix", "wanted"),
    [
        ([[-1, 0, 0], [0, 1, 0], [0, 0, 1]], lambda x: x.flip(3)),
        ([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], lambda x: x.flip(2, 3)),
        ([[1, 0, 3], [0, 1, -2], [0, 0, 1]], lambda x: x.roll((2, -3), (2, 3))),
        ([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], lambda x: torch.rot90(x, -1, (2, 3))),
    ],
)
def test_a_matrix_says_where_pixels_come_from(matrix, wanted):
    """A smooth image, because the filter is off by a tenth of a pixel; away from the edges."""
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    image = torch.stack([(x / 5).sin(), (y / 7).cos(), (x / 9 + y / 4).sin()])[None].double()
    moved = geometry.transform(image, torch.tensor([matrix], dtype=torch.float64))
    inside = (..., slice(5, -5), slice(5, -5))
    torch.testing.assert_close(moved[inside], wanted(image)[inside], atol=0.04, rtol=0)


def test_motions_can_be_differentiated_twice():
    """As R1 needs it. Sampling is linear in the image, so its second derivative along the image is zero."""
    matrices = geometry.random_matrices(always(1), 7, 7)
    x = images(1, 1, 7, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda each: geometry.transform(each, matrices), x)
    assert torch.autograd.gradgradcheck(lambda each: geometry.transform(each, matrices).square(), x)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_at_full_strength_images_change_and_gradients_flow(channels):
    augmentation = AdaptiveDiscriminatorAugmentation()
    augmentation.strength.fill_(1)
    x = images(channels=channels).requires_grad_()
    changed = augmentation(x)
    assert changed.shape == x.shape
    assert changed.dtype == x.dtype
    assert not torch.allclose(changed, x)
    (gradient,) = torch.autograd.grad(changed.square().sum(), x)
    assert (gradient.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize("side", [1, 4, 6, 7])
def test_images_may_be_tiny(side):
    x = images(height=side, width=side)
    torch.testing.assert_close(geometry.transform(x, torch.eye(3).double().expand(3, 3, 3)), x)
    augmentation = AdaptiveDiscriminatorAugmentation()
    augmentation.strength.fill_(1)
    assert augmentation(x).isfinite().all()


def test_hue_turns_around_the_gray_axis():
    one, luma = torch.eye(4).double(), torch.tensor([1, 1, 1, 0]).double() / math.sqrt(3)
    third = torch.full((1, 1, 1), 2 * math.pi / 3, dtype=torch.float64)
    turned = colors._hue(third, one, torch.outer(luma, luma), torch.diag(torch.tensor([0, 0, 0, 1.0]).double()))
    red = torch.tensor([1.0, 0, 0, 1]).double()
    torch.testing.assert_close(turned[0] @ red, torch.tensor([0, 1.0, 0, 1]).double())


def output(logits):
    logits = torch.as_tensor(logits)
    real = torch.zeros(len(logits), 1, 8, 8)
    return ganzoo.DiscriminatorOutput(lambda x: x, real, real, logits, logits)


@pytest.mark.parametrize(("positive", "direction"), [(10, 1), (9, 1), (7, -1), (0, -1)])
def test_the_strength_follows_the_signs_of_real_logits(positive, direction):
    """r_t is the mean sign: 0.8 for nine positive logits of ten, above the target, and 0.4 for seven."""
    augmentation = AdaptiveDiscriminatorAugmentation()
    augmentation.strength.fill_(0.5)
    logits = [1.0] * positive + [-1.0] * (10 - positive)
    for _ in range(3):
        augmentation.observe(output(logits))
    assert augmentation.strength == 0.5  # after every fourth batch
    augmentation.observe(output(logits))
    assert augmentation.strength.item() == pytest.approx(0.5 + direction * 40 / 500_000)


def test_the_strength_stays_a_probability():
    augmentation = AdaptiveDiscriminatorAugmentation()
    for _ in range(4):
        augmentation.observe(output([-1.0]))
    assert augmentation.strength == 0


def test_a_resumed_run_continues_with_the_strength():
    """The counters too: the run stops between two adaptations."""
    whole, first, second = (testing.tiny_loop("dcgan", 12, augmentations=("ada",)) for _ in range(3))
    for loop in (whole, first, second):
        loop.techniques.augmentations["ada"].strength.fill_(0.3)
    second.techniques.augmentations["ada"].strength.fill_(0.9)
    records = list(whole)
    again = [next(first) for _ in range(6)]
    second.restore(first.checkpoint())
    assert again + list(second) == records
    assert records[-1].metrics["strength(ada)"] != pytest.approx(0.3, abs=1e-9)


def test_channels_that_are_no_colors_change_as_gray_does():
    images, matrices = torch.rand(3, 5, 4, 4), colors.random_colors(Dice(3, torch.ones(())))
    alone = torch.cat([colors.transform(images[:, channel : channel + 1], matrices) for channel in range(5)], 1)
    assert torch.allclose(colors.transform(images, matrices), alone)
