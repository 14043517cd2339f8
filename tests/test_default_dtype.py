"""What the host program sets as PyTorch's default dtype or device changes no images, no data and no training."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.data.batches import Batches
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.registry import lookup
from ganzoo.testing.tiny import tiny_data, tiny_gan, tiny_model
from models import publish


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    assert torch.get_default_dtype() == torch.float64
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return publish(tmp_path / "model", request.param, lookup.registry().architectures[request.param].tiny)


ARCHITECTURES = ["gan", "dcgan", "biggan", "biggan-deep"]


def sample(folder: Path) -> torch.Tensor:
    return ganzoo.load(folder, device="cpu").sample(2)


@pytest.mark.parametrize("folder", ARCHITECTURES, indirect=True)
def test_images_do_not_depend_on_the_default_dtype(folder: Path) -> None:
    expected = sample(folder)
    model = ganzoo.load(folder, device="cpu")
    torch.set_default_dtype(torch.float64)
    try:
        found, late = sample(folder), model.sample(2)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found, expected)
    assert torch.equal(late, expected)


@pytest.mark.parametrize("folder", ["biggan"], indirect=True)
def test_images_do_not_depend_on_the_default_device(folder: Path) -> None:
    expected = sample(folder)
    with torch.device("meta"):
        found = sample(folder)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("folder", ["dcgan"], indirect=True)
def test_threads_leave_the_default_dtype_as_it_was(folder: Path, float64: None) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(sample, [folder] * 12))
    assert all(torch.equal(each, found[0]) for each in found)


def test_translations_do_not_depend_on_it() -> None:
    model = tiny_model("cyclegan")
    image = torch.rand(3, 70, 45) * 2 - 1
    expected = model.translate(image, tile=32)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(model.translate(image, tile=32), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_networks_are_built_in_float32(float64: None) -> None:
    gan = ganzoo.create("dcgan", **lookup.registry().architectures["dcgan"].tiny)
    assert {p.dtype for p in gan.parameters()} == {torch.float32}
    network = load_extractor("mnist", device=torch.device("cpu"))
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_data_and_batches_are_float32(float64: None) -> None:
    points = ganzoo.load_data("ring", (2, 1, 1), limit=4)
    assert next(points.stream(iter([[0, 1]])))["image"].dtype == torch.float32
    data = ganzoo.ImageData("bytes", torch.zeros(4, 1, 2, 2, dtype=torch.uint8))
    assert next(Batches(data, 2, seed=0, device=torch.device("cpu")))["image"].dtype == torch.float32


def test_training_does_not_depend_on_it() -> None:
    def weights() -> dict[str, torch.Tensor]:
        options = ganzoo.TrainingOptions(iterations=2, batch_size=4)
        loop = ganzoo.Loop(tiny_gan("dcgan"), tiny_data("dcgan"), options)
        next(loop)
        return loop.published()

    expected = weights()
    torch.set_default_dtype(torch.float64)
    try:
        found = weights()
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
