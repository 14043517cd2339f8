"""Directions of latent space, and `ganzoo edit` as users type it."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from PIL import Image
from torch import nn

import ganzoo
from ganzoo.errors import InvalidRequestError
from ganzoo.registry import lookup
from ganzoo.sampling.directions import Directions, factorize, principal_components, shifted
from ganzoo.sampling.editing_files import FRAMES, prepare_editing
from ganzoo.sampling.latent_files import write_latents
from ganzoo.sampling.requests import Subject
from in_process import ganzoo as shell
from models import publish


class Linear(ganzoo.GAN):
    """Images that are a linear map of the latent, so that all directions are known."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.generator = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.generator.weight.data = weight

    def optimizers(self):
        raise NotImplementedError

    def training_step(self, batches):
        raise NotImplementedError

    def draw(self, request, random):
        return {"z": torch.randn(self.generator.in_features, generator=random)}

    def generate(self, inputs):
        return self.generator(inputs["z"])[:, None, None]

    def direction_layers(self):
        weight = self.generator.weight
        return {"z": [weight[:3], weight[3:]]}


@pytest.fixture
def rotation():
    """Four orthonormal vectors, in rows."""
    return torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))[0]


@pytest.fixture
def gan(rotation):
    """A has the right singular vectors `rotation`, with the singular values 5, 3, 2 and 0."""
    left = torch.linalg.qr(torch.randn(6, 4, generator=torch.Generator().manual_seed(1)))[0]
    return Linear(left @ torch.diag(torch.tensor([5.0, 3.0, 2.0, 0.0])) @ rotation)


def same_line(found, expected):
    return bool(((found * expected).sum(1).abs() > 0.99).all())


def test_the_weights_give_the_right_singular_vectors_the_largest_first(gan, rotation):
    found = factorize(gan, 3, of="it")
    assert found.input == "z"
    assert same_line(found.vectors, rotation[:3])
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(3), rtol=0, atol=1e-5)


def test_a_direction_that_the_layers_do_not_see_is_none(gan):
    with pytest.raises(InvalidRequestError, match="it has 3 directions, not 4 - write sefa:3 or less"):
        factorize(gan, 4, of="it")


def test_the_activations_of_a_linear_layer_give_the_same_directions(gan, rotation):
    """For normal latents and a linear layer, the regression leads back to the singular vectors."""
    random = torch.Generator().manual_seed(2)
    found = principal_components(gan, {"z": torch.randn(4000, 4, generator=random)}, 3, of="it")
    assert same_line(found.vectors, rotation[:3])
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(3))


def test_signs_are_fixed(gan):
    for found in (factorize(gan, 3, of="it"), factorize(Linear(-gan.generator.weight.data), 3, of="it")):
        largest = found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True))
        assert bool((largest > 0).all())


def test_moved_inputs_are_in_the_order_of_images_directions_and_strengths():
    inputs = {"z": torch.tensor([[0.0, 0.0], [10.0, 10.0]]), "class": torch.tensor([1, 2])}
    moved = shifted(inputs, Directions("z", torch.eye(2)), [-1.0, 0.0, 2.0])
    first = [[-1, 0], [0, 0], [2, 0], [0, -1], [0, 0], [0, 2]]
    assert moved["z"].tolist() == first + [[x + 10, y + 10] for x, y in first]
    assert moved["class"].tolist() == [1] * 6 + [2] * 6


def test_inputs_of_another_model_are_refused():
    for inputs in ({"z": torch.zeros(1, 3)}, {"w": torch.zeros(1, 2)}):
        with pytest.raises(InvalidRequestError, match="the directions move z"):
            shifted(inputs, Directions("z", torch.eye(2)), [0.0])


@pytest.mark.parametrize("name", ["gan-mnist", "dcgan-fashion-mnist", "biggan-fashion-mnist"])
@pytest.mark.parametrize("method", ["sefa", "pca"])
def test_the_first_direction_of_a_trained_model_changes_more_than_a_random_one(name, method):
    model = ganzoo.load(name, device="cpu")
    inputs = model.draw(8)
    found = model.directions(method, 2, inputs=inputs)
    random = torch.randn(found.vectors.shape, generator=torch.Generator().manual_seed(4))
    random = torch.nn.functional.normalize(random, dim=1)
    (first, _), (other, another) = (
        (model.edit(inputs, Directions("z", vectors), [0.0, 2.0]).diff(dim=2).abs().mean((0, 2, 3, 4, 5)))
        for vectors in (found.vectors, random)
    )
    assert first > 1.5 * max(other, another)


def test_the_same_directions_each_time():
    model = ganzoo.load("dcgan-mnist", device="cpu")
    for method in ("sefa", "pca"):
        assert torch.equal(model.directions(method, 3).vectors, model.directions(method, 3).vectors)


def test_a_method_that_is_none():
    with pytest.raises(InvalidRequestError, match="no directions 'ica' - there are sefa and pca"):
        ganzoo.load("dcgan-mnist", device="cpu").directions("ica", 3)


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """./cats has classes, ./blobs has none, ./turn translates."""
    folder = tmp_path_factory.mktemp("models")
    for name, architecture in (("cats", "biggan"), ("blobs", "dcgan"), ("turn", "cyclegan")):
        tiny = lookup.registry().architectures[architecture].tiny
        publish(folder / name, architecture, tiny, classes=("cat", "dog", "owl") if name == "cats" else ())
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, models):
    for model in models.iterdir():
        (tmp_path / model.name).symlink_to(model)
    monkeypatch.chdir(tmp_path)
    return partial(shell, monkeypatch, capsys)


@pytest.mark.parametrize(("suffix", "frames", "cells"), [("png", 1, (5, 4)), ("gif", 2 * FRAMES - 2, (2, 2))])
def test_a_sheet_and_an_animation(run, suffix, frames, cells):
    asked = ("--directions", "pca:2", "--seeds", "3,7", "--columns", "5", "-o", f"new/edits.{suffix}")
    code, out, err = run("edit", "./cats", *asked, "--class", "dog")
    assert (code, out) == (0, f"new/edits.{suffix}\n")
    assert err.splitlines()[-1].startswith("rows: ")
    with Image.open(f"new/edits.{suffix}") as picture:
        assert getattr(picture, "n_frames", 1) == frames
        assert picture.size == tuple(2 + number * 66 for number in cells)


@pytest.mark.parametrize(("ending", "total"), [("png", 5), ("webp", FRAMES)])
def test_progress_counts_the_frames(models, tmp_path, ending, total):
    model, told = ganzoo.load(models / "blobs", device="cpu"), []
    subject = Subject(model.task, model.config, model.classes)
    prepared = prepare_editing("blobs", subject, tmp_path / f"film.{ending}", directions="sefa:1", columns=5)
    prepared.write(model, progress=lambda *now: told.append(now))
    assert told == [("generating", done, total) for done in range(1, total + 1)]


def test_the_middle_is_the_image_itself(run):
    assert run("edit", "./blobs", "--directions", "sefa:1", "--seeds", "5", "--columns", "3").code == 0
    expected = ganzoo.load("./blobs").images(seed=5)[0].resize((64, 64), Image.Resampling.NEAREST)
    with Image.open("blobs-edit-sefa1-seeds-5-strength3.png") as sheet:
        middle = sheet.crop((2 + 66, 2, 2 + 66 + 64, 66))
        assert middle.tobytes() == expected.tobytes()


def test_images_that_were_found_for_pictures_are_edited(run, tmp_path):
    model = ganzoo.load("./blobs")
    write_latents(tmp_path / "found.npz", model.draw(3, seed=5), ["a", "b", "c"])
    asked = ("--latents", "found.npz", "--directions", "sefa:2", "--columns", "3")
    code, out, err = run("edit", "./blobs", *asked, "--rows", "2,0")
    assert (code, out) == (0, "blobs-edit-sefa2-found-rows-2-0-strength3.png\n")
    assert err == "rows: sefa 1 to 2 for each of the rows 2, 0 of found.npz; columns: -3 to 3\n"
    assert (
        run("edit", "./blobs", "--seeds", "7,5", "--directions", "sefa:2", "--columns", "3", "-o", "same.png").code == 0
    )
    assert (tmp_path / "same.png").read_bytes() == (tmp_path / out.strip()).read_bytes()
    assert run("edit", "./blobs", *asked, "-o", "all.png").code == 0
    with Image.open("all.png") as sheet:
        assert sheet.size == (2 + 3 * 66, 2 + 6 * 66)


@pytest.mark.parametrize(
    ("model", "arguments", "text"),
    [
        ("./blobs", ("--latents", "found.npz", "--seeds", "1"), "the latents of a file are complete"),
        ("./blobs", ("--latents", "found.npz", "--rows", "3"), "has no row 3 - its rows are 0 to 2"),
        ("./blobs", ("--latents", "found.npz", "--rows", "x"), "write whole numbers"),
        ("./blobs", ("--latents", "no.npz"), "no.npz is no file of latents"),
        ("./blobs", ("--rows", "1"), "name their file with --latents"),
        ("./cats", ("--latents", "found.npz"), "name the model that the latents were found for"),
    ],
)
def test_latents_that_cannot_be_edited(run, tmp_path, model, arguments, text):
    write_latents(tmp_path / "found.npz", ganzoo.load("./blobs").draw(3, seed=5), ["a", "b", "c"])
    code, out, err = run("edit", model, "--directions", "sefa:1", *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("./blobs", "--directions", "sefa"), "write sefa:5 or pca:5"),
        (("./blobs", "--directions", "ica:3"), "write sefa:5 or pca:5"),
        (("./blobs", "--directions", "sefa:0"), "write sefa:5 or pca:5"),
        (("./blobs", "--directions", "sefa:99"), "has 4 directions, not 99"),
        (("./blobs", "--directions", "pca:99"), "has 4 directions, not 99"),
        (("./blobs", "--directions", "pca:2", "--seeds", "a"), "write whole numbers and ranges, such as 1-5,9"),
        (("./blobs", "--directions", "pca:2", "--seeds", "-1"), "seed"),
        (("./blobs", "--directions", "pca:2", "--columns", "4"), "has no middle"),
        (("./blobs", "--directions", "pca:2", "--strength", "0"), "above 0"),
        (("./blobs", "--directions", "pca:2", "--class", "cat"), "takes no --class"),
        (("./blobs", "--directions", "pca:2", "-o", "walk.avi"), "ends in no known format"),
        (("./turn", "--directions", "pca:2"), "has no latents to edit"),
    ],
)
def test_what_cannot_be_is_one_line_and_2(run, arguments, text):
    code, out, err = run("edit", *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.startswith("ganzoo: error: ")
    assert err.count("\n") == 1


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """The folder of the cache, which is empty at first."""
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    return tmp_path / "assets/ganzoo/directions/default"


def files(folder):
    return sorted(folder.glob("*.safetensors"))


@pytest.mark.parametrize(("method", "function"), [("sefa", "factorize"), ("pca", "principal_components")])
def test_directions_are_computed_once(kept, monkeypatch, method, function):
    model = ganzoo.load("biggan-fashion-mnist")
    found = model.directions(method, 2)
    monkeypatch.setattr(f"ganzoo.sampling.model.{function}", None)  # a call would fail
    again = ganzoo.load("biggan-fashion-mnist").directions(method, 2)
    assert again.input == found.input
    assert torch.equal(again.vectors, found.vectors)
    assert len(files(kept)) == 1


@pytest.mark.long
def test_other_weights_counts_and_classes_have_other_directions(kept):
    model = ganzoo.load("biggan-fashion-mnist")
    model.directions("pca", 2)
    model.directions("pca", 1)
    model.directions("pca", 2, inputs=model.draw(request=model.request(label=3)))
    assert len(files(kept)) == 3
    with torch.no_grad():
        next(model.gan.parameters()).mul_(2)
    model.directions("pca", 2)
    assert len(files(kept)) == 4


DAMAGE = {
    "cut": lambda data: data[:-3],
    "changed": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_directions_are_computed_again(kept, damage):
    found = ganzoo.load("gan-mnist").directions("sefa", 2)
    (file,) = files(kept)
    file.write_bytes(damage(file.read_bytes()))
    assert torch.equal(ganzoo.load("gan-mnist").directions("sefa", 2).vectors, found.vectors)
    assert files(kept) == [file]


def test_a_cache_that_cannot_be_written_is_no_fault(kept):
    kept.parent.mkdir(parents=True)
    kept.write_text("a file in place of the folder")
    assert len(ganzoo.load("gan-mnist").directions("sefa", 2).vectors) == 2


def test_only_some_directions_are_kept(kept, monkeypatch):
    monkeypatch.setattr("ganzoo.sampling.kept_directions.KEPT", 2)
    for count in (1, 2, 3, 4):
        ganzoo.load("gan-mnist").directions("sefa", count)
    assert len(files(kept)) == 2
