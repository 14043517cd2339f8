"""Each augmentation of DiffAugment matches its definition."""

import math
from collections import Counter

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import pad

from ganzoo.registry import lookup

ZOO = lookup.registry()
NAMES = ("color", "translation", "cutout")
CHANGES = {name: ZOO.augmentations[name].load() for name in NAMES}

every_change = pytest.mark.parametrize("name", NAMES)
SHAPES = [(1, 8, 8), (3, 8, 8), (4, 8, 8), (3, 16, 8), (3, 5, 12), (3, 7, 7), (1, 1, 1), (2, 2, 9)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def pictures(count, *shape, seed=1, dtype=torch.float32):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def changed(name, images, seed=0):
    torch.manual_seed(seed)
    return CHANGES[name](images)


@every_change
def test_each_names_its_paper(name):
    assert ZOO.augmentations[name].summary
    assert ZOO.augmentations[name].paper.startswith("arXiv:2006.10738")


# Any change.


@every_change
@every_shape
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_images_keep_their_shape_and_kind(name, shape, dtype):
    images = pictures(3, *shape, dtype=dtype)
    given = images.clone()
    result = changed(name, images)
    assert (result.shape, result.dtype, result.device) == (images.shape, dtype, images.device)
    assert torch.equal(images, given)


@every_change
def test_numbers_are_drawn_where_the_images_are(name):
    """The meta device refuses operations that mix it with another device."""
    images = torch.empty(3, 3, 8, 8, device="meta")
    assert CHANGES[name](images).device == images.device


@every_change
def test_each_image_has_numbers_of_its_own(name):
    images = pictures(1, 3, 16, 16).expand(20, -1, -1, -1)
    results = changed(name, images)
    assert len({tuple(image.flatten().tolist()) for image in results}) > 10
    assert torch.equal(results, changed(name, images))
    assert not torch.equal(results, changed(name, images, seed=1))


@every_change
def test_no_image_looks_at_another(name):
    first, second = pictures(4, 3, 8, 8), pictures(4, 3, 8, 8, seed=2)
    second[2] = first[2]
    assert torch.equal(changed(name, first)[2], changed(name, second)[2])


@every_change
@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 3, 5)], ids=str)
def test_gradients(name, shape):
    assert gradcheck(lambda images: changed(name, images), pictures(2, *shape, dtype=torch.float64).requires_grad_())


# Color.


@every_shape
def test_color_is_brightness_then_saturation_then_contrast(shape):
    images = pictures(5, *shape, dtype=torch.float64)
    torch.manual_seed(0)
    brightness, saturation, contrast = (torch.rand(5, 1, 1, 1, dtype=torch.float64).flatten() for _ in range(3))
    for image, result, b, s, c in zip(
        images, changed("color", images), brightness - 0.5, 2 * saturation, contrast + 0.5, strict=True
    ):
        image = image + b
        image = torch.stack([sum(image) / len(image) * (1 - s) + channel * s for channel in image])
        image = image.mean() * (1 - c) + image * c
        torch.testing.assert_close(result, image)


def assert_uniform(values, least, most):
    """The Kolmogorov-Smirnov distance, which exceeds 2 / sqrt(N) with a probability below 1/1000."""
    values = values.sort().values
    assert least <= values[0]
    assert values[-1] <= most
    parts = (values - least) / (most - least)
    assert (parts - torch.linspace(0, 1, len(parts))).abs().max() < 2 / math.sqrt(len(parts))


def test_ranges_of_color():
    grey = torch.full((2000, 3, 2, 2), 0.25)
    assert_uniform(changed("color", grey)[:, 0, 0, 0] - 0.25, -0.5, 0.5)
    signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    stripes = signs.expand(2000, 3, 2, 2)  # without colour
    contrast = changed("color", stripes).std((1, 2, 3)) / stripes.std((1, 2, 3))
    assert_uniform(contrast, 0.5, 1.5)
    tint = torch.tensor([1.0, 0.0, -1.0])[:, None, None].expand(2000, 3, 2, 2)  # nothing but colour
    both = changed("color", tint).std((1, 2, 3)) / tint.std((1, 2, 3))
    assert_uniform(both / contrast, 0, 2)


# Translation.


def shifted(image, down, right):
    """The pixel at (row, column) moves to (row + down, column + right)."""
    _, height, width = image.shape
    room = max(height, width)
    return pad(image, [room] * 4)[:, room - down : room - down + height, room - right : room - right + width]


@pytest.mark.parametrize(
    ("shape", "down", "right"),
    # an eighth of each side, halves up
    [((1, 3, 3), 0, 0), ((1, 4, 4), 1, 1), ((3, 11, 12), 1, 2), ((2, 16, 8), 2, 1), ((1, 4, 24), 1, 3)],
    ids=str,
)
def test_translation_is_every_shift_alike(shape, down, right):
    image = pictures(1, *shape)[0]
    shifts = {(i, j): shifted(image, i, j) for i in range(-down, down + 1) for j in range(-right, right + 1)}
    results = changed("translation", image.expand(100 * len(shifts), *shape))
    seen = Counter(next(way for way, wanted in shifts.items() if torch.equal(result, wanted)) for result in results)
    assert seen.keys() == shifts.keys()
    assert all(50 < count < 150 for count in seen.values())


def test_gradients_go_to_the_pixels_that_stay():
    image = (1 + torch.arange(16.0)).view(1, 1, 4, 4).expand(50, -1, -1, -1).clone().requires_grad_()
    result = changed("translation", image)
    result.sum().backward()
    for before, after, gradient in zip(image, result, image.grad, strict=True):
        stays = torch.isin(before, after)
        assert torch.equal(gradient, stays.float())


# Cutout.


def holes(results):
    """The first and last row and column of the zeros in each image of ones."""
    for result in results:
        rows, columns = (1 - result[0]).amax(1), (1 - result[0]).amax(0)
        assert torch.equal(result, (1 - rows[:, None] * columns[None, :]).expand_as(result))
        yield tuple((int(line.argmax()), len(line) - 1 - int(line.flip(0).argmax())) for line in (rows, columns))


def places(side, length):
    """All positions of a hole whose center is in the image. An even length has one more position."""
    starts = range(-(length // 2), side - length // 2 + (length + 1) % 2)
    return [(max(start, 0), min(start + length, side) - 1) for start in starts]


@pytest.mark.parametrize(
    ("shape", "rows", "columns"), [((3, 4, 4), 2, 2), ((1, 6, 3), 3, 2), ((2, 2, 5), 1, 3), ((1, 1, 1), 1, 1)], ids=str
)
def test_cutout_is_a_rectangle_of_half_of_each_side_anywhere(shape, rows, columns):
    wanted = [(i, j) for i in places(shape[1], rows) for j in places(shape[2], columns)]
    assert len(set(wanted)) == len(wanted)
    seen = Counter(holes(changed("cutout", torch.ones(100 * len(wanted), *shape))))
    assert seen.keys() == set(wanted)
    assert all(50 < count < 150 for count in seen.values())


def test_cutout_changes_nothing_else():
    images = pictures(50, 3, 8, 8)
    results = changed("cutout", images)
    gone = changed("cutout", torch.ones_like(images)) == 0
    assert torch.equal(results, torch.where(gone, 0, images))
    assert (gone.sum((1, 2, 3)) >= 3 * 2 * 2).all()
    assert (gone.sum((1, 2, 3)) <= 3 * 4 * 4).all()
