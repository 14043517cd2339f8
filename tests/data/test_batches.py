"""Batches depend on seed and position alone, for every number of processes and every batch size."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from ganzoo.data.batches import Batches
from ganzoo.data.datasets import Domains, ImageData
from ganzoo.distributed.processes import ProcessGroup

CPU = torch.device("cpu")


def numbered(count: int, *, labelled: bool = True) -> ImageData:
    """Image i is of shade i and has label 100 + i."""
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return ImageData("numbers", images, torch.arange(count) + 100 if labelled else None, (), ())


def numbers(batch) -> list[int]:
    return batch["image"][:, 0, 0, 0].add(1).mul(127.5).round().int().tolist()


def make(data, size: int = 4, *, seed: int = 0, **options) -> Batches:
    return Batches(data, size, seed=seed, device=CPU, **options)


def stream(data: ImageData, size: int, count: int, *, seed: int = 0) -> list[int]:
    """The first `count` numbers."""
    batches = make(data, size, seed=seed)
    found: list[int] = []
    while len(found) < count:
        found += numbers(next(batches))
    return found[:count]


@pytest.mark.parametrize("size", [1, 3, 10, 11, 25])
def test_every_epoch_shows_every_image_once(size):
    """For every batch size: batches cross epochs, and may be larger than the data set."""
    shown = stream(numbered(10), size, 50)
    epochs = [shown[i : i + 10] for i in range(0, 50, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 5  # each in an order of its own


def test_the_order_does_not_depend_on_the_batch_size():
    orders = {tuple(stream(numbered(10), size, 60)) for size in (1, 4, 10, 60)}
    assert len(orders) == 1


def test_the_order_depends_on_the_seed_alone():
    torch.manual_seed(1)
    first = stream(numbered(50), 5, 50)
    torch.manual_seed(2)
    assert stream(numbered(50), 5, 50) == first
    assert stream(numbered(50), 5, 50, seed=1) != first


def test_batches_leave_the_global_randomness_alone():
    state = torch.get_rng_state()
    stream(numbered(10), 4, 40)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("position", [0, 4, 7, 10, 12, 23, 40])
@pytest.mark.parametrize("size", [4, 25])
def test_setting_the_position_continues_exactly(position, size):
    whole = stream(numbered(10), 1, position + 2 * size)
    batches = make(numbered(10), size)
    next(batches)  # a used one is set as well as a new one
    batches.position = position
    assert numbers(next(batches)) + numbers(next(batches)) == whole[position:]
    assert batches.position == position + 2 * size


def test_labels_follow_their_images():
    batches = make(numbered(10))
    for _ in range(10):
        batch = next(batches)
        assert batch["label"].tolist() == [100 + number for number in numbers(batch)]


def test_without_labels_there_is_no_label():
    assert set(next(make(numbered(3, labelled=False), 2))) == {"image"}


def test_values_span_minus_one_to_one():
    data = ImageData("x", torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1), None, (), ())
    image = next(make(data, 3))["image"]
    assert image.dtype == torch.float32
    assert sorted(image.ravel().tolist()) == pytest.approx([-1, -0.6, 1])
    assert data.images.ravel().tolist() == [0, 51, 255]  # the data set is untouched


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_floats_are_handed_out_as_they_are(dtype):
    images = torch.linspace(-1, 1, 12, dtype=dtype).view(3, 1, 2, 2)
    image = next(make(ImageData("x", images), 3))["image"]
    assert image.dtype == dtype
    assert sorted(image.flatten(1).tolist()) == images.flatten(1).tolist()


def test_only_a_few_orders_are_kept():
    """An order of a million images takes eight megabytes."""
    batches = make(numbered(5), 7, mirror=True)
    for batch in islice(batches, 100):
        assert len(batch["image"]) == 7
    assert all(len(order._epochs) <= 8 for _, order in batches._parts.values())
    batches.position = 0
    next(batches)
    assert all(len(order._epochs) <= 12 for _, order in batches._parts.values())


# --- mirrored ---------------------------------------------------------------------------------


def arrows(count: int) -> ImageData:
    """Image i is (i, 200, 255) from left to right, and has label 100 + i."""
    images = torch.tensor([[i, 200, 255] for i in range(count)], dtype=torch.uint8)
    return ImageData("arrows", images[:, None, None].expand(-1, 1, 2, -1).contiguous(), torch.arange(count) + 100)


def seen(batches: Batches, count: int) -> list[tuple[int, bool]]:
    """The number of each of `count` images in order, and whether it was flipped."""
    found: list[tuple[int, bool]] = []
    while len(found) < count:
        batch = next(batches)
        pixels = batch["image"].add(1).mul(127.5).round().int()
        turned = pixels[:, 0, 0, 0] == 255
        rows = torch.where(turned[:, None], pixels[:, 0, 0].flip(1), pixels[:, 0, 0])
        assert torch.equal(pixels[:, 0, 0], pixels[:, 0, 1])
        assert (rows[:, 1:] == torch.tensor([200, 255])).all()
        assert (batch["label"] - 100).tolist() == rows[:, 0].tolist()
        found += zip(rows[:, 0].tolist(), turned.tolist(), strict=True)
    return found[:count]


@pytest.mark.parametrize("count", [1, 2, 3, 10, 11])
def test_half_of_every_epoch_is_mirrored(count):
    shown = seen(make(arrows(count), mirror=True), 20 * count)
    epochs = [shown[i : i + count] for i in range(0, len(shown), count)]
    assert [sum(turned for _, turned in epoch) for epoch in epochs] == [count // 2, (count + 1) // 2] * 10
    if count > 1:
        assert len({frozenset(number for number, turned in epoch if turned) for epoch in epochs}) > 1
    assert not any(turned for _, turned in seen(make(arrows(count)), 20 * count))


def test_mirroring_changes_neither_the_order_nor_the_images():
    plain, mirrored = (seen(make(arrows(10), mirror=mirror), 50) for mirror in (False, True))
    assert [number for number, _ in plain] == [number for number, _ in mirrored]
    data = arrows(10)
    seen(make(data, mirror=True), 10)
    assert torch.equal(data.images, arrows(10).images)


@pytest.mark.parametrize("size", [1, 3, 11, 30])
def test_what_is_mirrored_does_not_depend_on_the_batch_size(size):
    assert seen(make(arrows(11), size, mirror=True), 60) == seen(make(arrows(11), 4, mirror=True), 60)


@pytest.mark.parametrize("position", [0, 5, 11, 40])
def test_what_is_mirrored_depends_on_the_position(position):
    whole = seen(make(arrows(11), mirror=True), position + 30)
    batches = make(arrows(11), mirror=True)
    seen(batches, 25)
    batches.position = position
    assert seen(batches, 30) == whole[position:]


# --- domains ----------------------------------------------------------------------------------


def test_domains_are_handed_out_side_by_side_each_in_its_own_order():
    sizes = {"a": 10, "b": 6}
    batches = make(Domains("two", {key: numbered(size) for key, size in sizes.items()}), 5)
    shown: dict[str, list[int]] = {"a": [], "b": []}
    for batch in islice(batches, 12):
        assert set(batch) == {"a", "b"}
        for key in shown:
            shown[key] += numbers({"image": batch[key]})
    assert batches.position == 60
    for key, size in sizes.items():
        epochs = [shown[key][i : i + size] for i in range(0, 60, size)]
        assert all(sorted(epoch) == list(range(size)) for epoch in epochs)


@pytest.mark.parametrize("mirror", [False, True])
def test_domains_of_one_size_are_not_paired(mirror):
    """With the same order, unpaired training would see the same pairs in every epoch."""
    batches = make(Domains("two", {"a": arrows(20), "b": arrows(20)}), 20, mirror=mirror)
    pairs = [next(batches) for _ in range(3)]
    assert not any(torch.equal(batch["a"], batch["b"]) for batch in pairs)
    batches.position = 20
    again = next(batches)
    assert all(torch.equal(again[key], pairs[1][key]) for key in ("a", "b"))


# --- several processes ------------------------------------------------------------------------


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("processes", "size"), [(2, 3), (3, 2), (2, 12)])
def test_a_crew_shares_the_batches_of_one_process(processes, size, mirror):
    """Also across epochs, and if the global batch is larger than the data set."""
    data = Domains("two", {"image": arrows(10), "b": arrows(7)})
    alone = make(data, processes * size, mirror=mirror)
    ranks = [make(data, size, mirror=mirror, processes=ProcessGroup(rank, processes)) for rank in range(processes)]
    for position in (0, processes * size, 2 * processes * size, 35):
        for batches in (alone, *ranks):
            if position == 35:
                batches.position = position
            assert batches.position == position
        whole, parts = next(alone), [next(batches) for batches in ranks]
        assert set(whole) == {"image", "b", "label"}
        for key, rows in whole.items():
            assert torch.equal(torch.cat([part[key] for part in parts]), rows)


# --- crops ------------------------------------------------------------------------------------


def plane(count, height, width=None):
    """Each pixel holds its row in one channel, its column in another, and the number of its image in a third."""
    rows, columns = (torch.arange(side, dtype=torch.uint8) for side in (height, width or height))
    numbers = torch.arange(count, dtype=torch.uint8)[:, None, None].expand(count, len(rows), len(columns))
    places = torch.meshgrid(rows, columns, indexing="ij")
    return ImageData("plane", torch.stack([*(each.expand_as(numbers) for each in places), numbers], dim=1))


def corners(batch):
    """Top, left and number of each image, and its size. Each part is contiguous."""
    images = batch["image"].add(1).mul(127.5).round().int()
    for image in images:
        assert (image[0].diff(dim=0) == 1).all()
        assert (image[1].diff(dim=1) == 1).all()
    return [tuple(image[:, 0, 0].tolist()) for image in images], tuple(images.shape[2:])


ALONE = ProcessGroup()


def cropped(data, size, processes=ALONE, position=0, crop=1.5):
    batches = Batches(data, size, seed=0, device=CPU, crop=crop, processes=processes)
    batches.position = position
    return batches


def test_parts_are_taken_everywhere():
    """30 images of 12 pixels, parts of 8: each of the 5 offsets is used equally often, and differs between epochs."""
    batches = cropped(plane(30, 12), 30)
    first, size = corners(next(batches))
    assert size == (8, 8)
    assert all(sorted(corner[axis] for corner in first) == sorted([*range(5)] * 6) for axis in (0, 1))
    second, _ = corners(next(batches))
    assert {c[2]: c[:2] for c in first} != {c[2]: c[:2] for c in second}


def test_parts_of_rectangles_have_their_proportions():
    """Of 12x24 pixels, 8x16: each of 5 offsets of rows and of 9 offsets of columns is used."""
    places, size = corners(next(cropped(plane(45, 12, 24), 45)))
    assert size == (8, 16)
    assert [sorted({place[axis] for place in places}) for axis in (0, 1)] == [[*range(5)], [*range(9)]]


@pytest.mark.parametrize("size", [1, 4, 7])
def test_parts_do_not_depend_on_the_batch_size_or_the_start(size):
    whole, _ = corners(next(cropped(plane(30, 12), 28)))
    batches = cropped(plane(30, 12), size, position=size)
    assert corners(next(batches))[0] == whole[size : 2 * size]


def test_parts_of_several_processes_are_those_of_one():
    whole, _ = corners(next(cropped(plane(30, 12), 6)))
    parts = [corners(next(cropped(plane(30, 12), 3, ProcessGroup(rank, 2))))[0] for rank in (0, 1)]
    assert parts[0] + parts[1] == whole


@pytest.mark.parametrize("side", [8, 16, 24, 64, 100, 256])
@pytest.mark.parametrize("crop", [1.0, 286 / 256, 1.25, 2.0])
def test_the_part_has_the_size_that_was_wanted(side, crop):
    data = plane(1, round(side * crop)) if side * crop < 256 else None
    if data is not None:
        assert next(cropped(data, 1, crop=crop))["image"].shape[2:] == (side, side)
    assert round(round(side * crop) / crop) == side
