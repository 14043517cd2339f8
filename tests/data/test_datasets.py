"""Data sets in memory, and several unpaired data sets."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ganzoo.data.datasets import Domains, ImageData

IMAGES = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)
DATA = ImageData("numbers", IMAGES, torch.tensor([0, 1]), ("even", "odd"), ("a note",))


def changed(images: torch.Tensor) -> torch.Tensor:
    images = images.clone()
    images[1, 2, 3, 3] += 1
    return images


def test_rows_are_those_that_were_asked_for():
    batches = list(DATA.stream(iter([[1, 0, 1], range(2)])))
    assert [batch["label"].tolist() for batch in batches] == [[1, 0, 1], [0, 1]]
    assert torch.equal(batches[0]["image"], IMAGES[[1, 0, 1]])
    assert set(next(dataclasses.replace(DATA, labels=None).stream(iter([[0]])))) == {"image"}


def test_the_digest_is_of_the_content_alone():
    again = ImageData("other", IMAGES.clone(), DATA.labels.clone())
    assert again.digest() == DATA.digest()
    assert ImageData("view", IMAGES[:1].expand(2, -1, -1, -1)).digest() == ImageData("", IMAGES[[0, 0]]).digest()


@pytest.mark.parametrize(
    "changes",
    [{"images": changed(IMAGES)}, {"images": IMAGES[:1]}, {"labels": torch.tensor([1, 0])}, {"labels": None}],
    ids=["pixel", "count", "label", "no labels"],
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
def test_the_digest_tells_data_apart(changes, dtype):
    data, other = DATA, dataclasses.replace(DATA, **changes)
    pair = [dataclasses.replace(d, images=d.images.to(dtype)) for d in (data, other)]
    assert pair[0].digest() != pair[1].digest()


def test_domains_are_as_long_as_the_longest_and_carry_all_notes():
    data = Domains("two", {"a": DATA, "b": ImageData("one", IMAGES[:1], notes=("b note", "c note"))})
    assert len(data) == 2
    assert data.notes == ("a: a note", "b: b note", "b: c note")
    assert data.classes == ()


def test_the_digest_of_domains_changes_with_either():
    other = dataclasses.replace(DATA, images=changed(IMAGES))
    pairs = [(DATA, DATA), (DATA, other), (other, DATA), (other, other)]
    assert len({Domains("two", {"a": a, "b": b}).digest() for a, b in pairs}) == 4
