"""Adversarial examples, in Python and as a person types it."""

from __future__ import annotations

import json
import shutil
from functools import partial

import pytest
import torch
from PIL import Image

import ganzoo
from datasets import blobs, write_fashion_mnist, write_pictures
from ganzoo.cli import main as cli
from ganzoo.errors import InvalidRequestError, PluginError, UnknownNameError
from ganzoo.evaluation.attack import parse_epsilon
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.images.sheets import CAPTION, FRAME
from ganzoo.registry import lookup
from in_process import ganzoo as shell

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images():
    """Pictures that the classifier of clothes is not sure of, so that a small change is enough."""
    return blobs(12, 28, seed=3)


def loss(images, labels):
    logits = load_extractor("fashion-mnist", device=CPU)(images).logits
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none")


def test_one_step_is_the_sign_of_the_gradient(images):
    """Equation of arXiv:1412.6572, section 4, computed here in the range [0, 1]."""
    made = ganzoo.fool("fashion-mnist", images, epsilon=3 / 255)
    pixels = (images / 255).requires_grad_()
    logits = load_extractor("fashion-mnist", device=CPU)(pixels * 255).logits
    said = logits.argmax(1)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, said, reduction="sum"), pixels)
    expected = (images.float() + 3 * gradient.sign()).clamp(0, 255)
    assert (made.images.float() == expected).float().mean() > 0.999  # the sign of a gradient near 0 may be rounding
    assert bool((loss(made.images, said) > loss(images, said)).all())


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("epsilon", [1 / 255, 0.01, 8 / 255, 1.0])
def test_no_pixel_changes_by_more_than_epsilon(images, steps, epsilon):
    made = ganzoo.fool("fashion-mnist", images, epsilon=epsilon, steps=steps)
    assert made.images.dtype == torch.uint8
    assert 0 < (made.images.int() - images.int()).abs().max() <= epsilon * 255 + 1e-6


def test_the_result_is_what_the_classifier_says_of_the_picture_files(images):
    made = ganzoo.fool("fashion-mnist", images, epsilon=8 / 255, steps=5)
    network = load_extractor("fashion-mnist", device=CPU)
    torch.testing.assert_close(made.before, network(images).logits.softmax(1))
    torch.testing.assert_close(made.after, network(made.images).logits.softmax(1))
    assert torch.equal(made.fooled, made.before.argmax(1) != made.after.argmax(1))
    assert made.share == made.fooled.float().mean().item()


def test_several_steps_fool_at_least_as_often_and_raise_the_loss_further(images):
    once, often = (ganzoo.fool("fashion-mnist", images, epsilon=4 / 255, steps=steps) for steps in (1, 20))
    said = once.before.argmax(1)
    assert loss(often.images, said).sum() > loss(once.images, said).sum()
    assert often.share >= once.share > 0


def test_a_target_is_what_the_classifier_says_then(images):
    made = ganzoo.fool("fashion-mnist", images, epsilon=32 / 255, steps=20, target=6)
    assert made.after[:, 6].mean() > made.before[:, 6].mean()
    reached = (made.after.argmax(1) == 6) & (made.before.argmax(1) != 6)
    assert torch.equal(made.fooled, reached)
    assert made.share > 0


def test_an_image_changes_in_the_same_way_whatever_its_batch(images):
    whole = ganzoo.fool("fashion-mnist", images, steps=3, seed=5)
    parts = ganzoo.fool("fashion-mnist", images, steps=3, seed=5, batch_size=5)
    assert (whole.images == parts.images).float().mean() > 0.99
    other = ganzoo.fool("fashion-mnist", images, steps=3, seed=6)
    assert not torch.equal(whole.images, other.images)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"epsilon": 0}, "from 1/255 to 1"),
        ({"epsilon": 0.5 / 255}, "from 1/255 to 1"),
        ({"epsilon": 1.1}, "from 1/255 to 1"),
        ({"steps": 0}, "at least 1"),
        ({"target": 10}, "its classes are 0 to 9"),
        ({"batch_size": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_asked(images, options, text):
    with pytest.raises(InvalidRequestError, match=text):
        ganzoo.fool("mnist", images, **options)


def test_images_that_cannot_be_changed(images):
    for wrong in (images.float(), images[0], images[:0], images.expand(-1, 4, -1, -1)):
        with pytest.raises(InvalidRequestError, match="uint8"):
            ganzoo.fool("mnist", wrong)
    with pytest.raises(UnknownNameError):
        ganzoo.fool("mnits", images)


@pytest.mark.parametrize(("text", "value"), [("8/255", 8 / 255), ("0.03", 0.03), ("1", 1.0)])
def test_epsilon_is_a_number_or_a_fraction(text, value):
    assert parse_epsilon(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["8/0", "eight", "", "nan", "1e999"])
def test_other_epsilons(text):
    with pytest.raises(InvalidRequestError, match="--epsilon"):
        parse_epsilon(text)


def test_a_record_names_all_its_classes_or_none():
    spec = lookup.registry().feature_extractors["mnist"]
    values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    with pytest.raises(PluginError, match="names 2 classes and has 10"):
        type(spec)(**{**values, "classes": ("zero", "one")})


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "SLOW_IMPORT", 60)  # the machine may be busy
    write_fashion_mnist(tmp_path / "data")
    write_pictures(tmp_path / "pictures", blobs(3, 20, seed=5, channels=3))
    return partial(shell, monkeypatch, capsys)


def test_a_sheet_and_a_table(run, tmp_path):
    code, out, err = run("fool", "fashion-mnist", "--input", "fashion-mnist", "-n", 3, "--steps", 4, "-o", "s.png")
    assert code == 0, err
    table, facts = out.split("\n\n")
    heading, *rows = [line.split("\t") for line in table.splitlines()]
    assert heading == ["picture", "before", "before_probability", "after", "after_probability", "fooled"]
    names = lookup.registry().feature_extractors["fashion-mnist"].classes
    assert {row[1] for row in rows} | {row[3] for row in rows} <= set(names)
    assert "epsilon   8/255\n" in facts
    share = sum(row[5] == "True" for row in rows) / 3
    assert f"fooled    {share:.1%} of 3\n" in facts
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (3 * (140 + 2 * FRAME + 4) + 4, 3 * (140 + FRAME + CAPTION + 4) + 4)
        frames = [sheet.getpixel((2 * (160) + 5, 4 + i * 172)) for i in range(3)]
    assert frames == [(200, 0, 0) if row[5] == "True" else (0, 140, 0) for row in rows]


def test_json_of_a_folder_and_of_a_file(run):
    asked = ("fool", "fashion-mnist", "--epsilon", "0.1", "--target", "bag", "--json")
    found = json.loads(run(*asked, "--input", "pictures", "-n", 2).out)
    assert [row["picture"] for row in found["pictures"]] == ["pictures/0000.png", "pictures/0001.png"]
    assert (found["target"], found["epsilon"], found["count"]) == ("Bag", 0.1, 2)
    assert found["sheet"] == "fool-fashion-mnist-pictures-epsilon0.1-steps1-seed0-target8.png"
    assert json.loads(run(*asked, "--input", "pictures/0002.png").out)["count"] == 1
    named = json.loads(run(*asked, "--input", "pictures/0000.png", "pictures/0002.png", "-o", "named.png").out)
    assert [row["picture"] for row in named["pictures"]] == ["pictures/0000.png", "pictures/0002.png"]
    shutil.make_archive("packed", "zip", "pictures")
    packed = json.loads(run(*asked, "--input", "packed.zip", "-n", 2).out)
    assert [row["picture"] for row in packed["pictures"]] == ["packed.zip/0000.png", "packed.zip/0001.png"]
    assert [row["after"] for row in packed["pictures"]] == [row["after"] for row in found["pictures"]]
    code, _, err = run(*asked, "--input", "pictures", "-n", 2)
    assert (code, err.count("\n")) == (2, 1)
    assert "--overwrite" in err


def test_what_names_no_classes_cannot_be_fooled(images):
    with pytest.raises(InvalidRequestError, match="clip-vit-b-32 names no classes - use one of fashion-mnist"):
        ganzoo.fool("clip-vit-b-32", images)
