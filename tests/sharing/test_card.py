"""Model cards say what the registry says."""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import ModelCard

from ganzoo.data.sources import is_named
from ganzoo.errors import DataError
from ganzoo.evaluation import report
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.interface.weights_files import BundledFile, PackageFile
from ganzoo.pretrained.files import weights_path
from ganzoo.pretrained.load import load
from ganzoo.pretrained.resolve import resolve
from ganzoo.registry import lookup
from ganzoo.sampling.sources import source_image
from ganzoo.sharing.card import card_of
from ganzoo.testing import noise_data
from ganzoo.utils.image_folders import find_images
from in_process import ganzoo
from models import publish

CARDS = Path(__file__).parents[2] / "model_cards"
BUILTIN = [
    name for name, model in lookup.registry().models.items() if model.architecture in lookup.registry().architectures
]


WRITTEN, RENDERED = "written", "rendered"


def card(name, source=WRITTEN):
    """Front matter and body of a card as it lies in the repository, or as `ganzoo card` renders it."""
    text = (CARDS / f"{name}.md").read_text() if source == WRITTEN else card_of(resolve(name)).render()
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def facts(body):
    """The card's table: `| fact | value |`."""
    return dict(re.findall(r"^\| ([^|]+?) \| (.+?) \|$", body, re.MULTILINE))


def test_every_model_has_a_card_and_every_card_a_model():
    assert {path.stem for path in CARDS.glob("*.md")} == set(BUILTIN)


@pytest.mark.parametrize("source", [WRITTEN, RENDERED])
@pytest.mark.parametrize("name", BUILTIN)
def test_front_matter(name, source):
    model = lookup.registry().models[name]
    front, _ = card(name, source)
    assert front["license"] == (model.license or "unknown")
    assert front["library_name"] == "ganzoo"
    assert front["datasets"] == [model.dataset]
    assert front["pipeline_tag"] == lookup.registry().architectures[model.architecture].task.pipeline_tag
    assert {"gan", model.architecture} <= set(front["tags"])
    assert ModelCard.load(CARDS / f"{name}.md").data.license == front["license"], "the Hub's own reader reads it"


@pytest.mark.parametrize("source", [WRITTEN, RENDERED])
@pytest.mark.parametrize("name", BUILTIN)
def test_facts(name, source):
    model = lookup.registry().models[name]
    body = card(name, source)[1]
    stated = facts(body)
    assert stated["architecture"] == f"`{model.architecture}`"
    assert stated["sha256"] == f"`{model.weights.sha256}`"
    assert stated["data set"] == model.dataset
    assert stated["license"] == (model.license or "not stated")
    words = ("vocabulary", "examples")  # a row of its own names them
    expected = {key: value for key, value in model.config.items() if key not in words}
    assert json.loads(stated["config"].strip("`")) == json.loads(json.dumps(expected))
    assert all(word in stated["texts"] for word in model.config.get("vocabulary", ()))
    config = lookup.config_of(model)
    channels, height, width = config.image_shape
    any_size = "; any other size is padded and cropped back" if hasattr(config, "size_multiple") else ""
    assert stated["images"] == f"{height}x{width}, {'gray' if channels == 1 else 'RGB'}{any_size}"
    assert f"ganzoo sample {name}" in body
    assert "## Limits" in body


@pytest.mark.parametrize("name", BUILTIN)
def test_weights_are_pinned(name):
    weights = lookup.registry().models[name].weights
    stated = facts(card(name)[1])
    if isinstance(weights, BundledFile):
        path = weights_path(lookup.registry().models[name])
        assert hashlib.sha256(path.read_bytes()).hexdigest() == weights.sha256
        assert path.stat().st_size < 8_000_000
        assert stated["weights"] == f"bundled, {path.stat().st_size:,} bytes"
        assert "ganzoo train" in card(name)[1], "the command that trained it"
        assert (CARDS / f"{name}.png").exists(), "its sheet"
    elif isinstance(weights, PackageFile):
        assert stated["weights"] == f"`{weights.location}` of the package `{weights.distribution}` {weights.version}"
        assert weights.install in card(name)[1]
    else:
        assert stated["weights"] == f"`{weights.repo}` at `{weights.revision}`, `{weights.filename}`"
        assert "could not be checked" in card(name)[1]


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: ganzoo(monkeypatch, capsys, *arguments)


def test_a_card_is_written_with_its_sheet(shell, tmp_path):
    assert shell("card", "gan-mnist") == (0, "gan-mnist.md\ngan-mnist.png\n", "")
    text = (tmp_path / "gan-mnist.md").read_text()
    assert "![64 samples at seed 0](gan-mnist.png)" in text
    assert shell("sample", "gan-mnist", "-o", "again.png").code == 0
    assert (tmp_path / "gan-mnist.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    refused = shell("card", "gan-mnist")
    assert (refused.code, refused.out) == (2, "")
    assert "gan-mnist.md exists - replace it with --overwrite" in refused.err
    assert shell("card", "gan-mnist", "--overwrite").code == 0


def test_a_card_quotes_an_evaluation(shell, tmp_path):
    """What stands in the repository's card stands in this one."""
    said = str(CARDS / "gan-mnist.json")
    assert shell("card", "gan-mnist", "--evaluation", said).code == 0
    section = (CARDS / "gan-mnist.md").read_text().partition("## Evaluation\n")[2].partition("\n## ")[0]
    assert f"## Evaluation\n{section}\n## Limits" in (tmp_path / "gan-mnist.md").read_text()


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read"), ("{}", "not the result of an evaluation"), ("[", "not the result of an evaluation")],
)
def test_what_is_no_evaluation(shell, tmp_path, content, told):
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    done = shell("card", "gan-mnist", "--evaluation", "a.json")
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert not (tmp_path / "gan-mnist.md").exists()


def use_of(text):
    """The Python that a card shows."""
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


def test_how_to_use_it_runs(shell, tmp_path):
    namespace = {}
    exec(use_of(card_of(resolve("dcgan-mnist")).render()), namespace)
    assert len(namespace["pictures"]) == 8


def test_the_card_of_a_translation(shell, tmp_path, translation):
    for i, picture in enumerate(to_pictures(noise_data((3, 32, 32), 2).images / 127.5 - 1)):
        save_picture(picture, tmp_path / ("photo.jpg" if i else "other.jpg"))
    assert shell("card", translation, "-o", "plain.md") == (0, "plain.md\n", "")
    assert "![" not in (tmp_path / "plain.md").read_text()
    assert shell("card", translation, "-o", "card.md", "--input", "photo.jpg") == (0, "card.md\ncard.png\n", "")
    text = (tmp_path / "card.md").read_text()
    assert f"ganzoo sample {translation} --input photo.jpg" in text
    namespace = {}
    exec(use_of(text), namespace)
    assert namespace["pictures"].size == (32, 32)


@pytest.fixture
def translation(tmp_path):
    """A small CycleGAN in a folder."""
    publish(tmp_path / "model", "cyclegan", {"resolution": 32, "width": 4, "blocks": 1})
    return "./model"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing",), "there is no model 'nothing'"),
        (("./nothing",), "there is no folder ./nothing"),
        (("gan-mnist", "-o", "card.txt"), "card.txt ends in no known format"),
        (("hf:nothing",), "names no repository"),
    ],
)
def test_bad_input(shell, arguments, words):
    done = shell("card", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1


# What an evaluation said.

BUNDLED = [
    name
    for name in BUILTIN
    if isinstance(lookup.registry().models[name].weights, BundledFile)
    and is_named(lookup.registry().models[name].dataset)
]
MULTIPLE = {"dcgan-mnist": 10, "biggan-fashion-mnist": 20, "dcgan-fashion-mnist": 28, "gan-mnist": 42}
"""The FID that each may have at most, in multiples of the floor: what its architecture should reach."""


def evaluation(name):
    return json.loads((CARDS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", BUNDLED)
def test_numbers_are_those_of_the_evaluation(name):
    said = evaluation(name)
    assert report.markdown(said) in card(name)[1]
    assert said["subject"] == name
    assert said["images"]["judged"] == {"what": f"samples of {name}", "count": 10_000}
    features = lookup.registry().feature_extractors[said["features"]["name"]]
    assert said["features"]["weights_sha256"] == features.weights.sha256, "by the features of today"
    assert features.dataset == lookup.registry().models[name].dataset


@pytest.mark.parametrize("name", MULTIPLE)
def test_fid_is_a_small_multiple_of_the_floor(name):
    fid = evaluation(name)["scores"]["fid"]
    assert fid["floor"]["value"] < fid["value"] <= MULTIPLE[name] * fid["floor"]["value"]


@pytest.mark.parametrize("name", MULTIPLE)
def test_the_multiple_is_stated(name):
    fid = evaluation(name)["scores"]["fid"]
    times = fid["value"] / fid["floor"]["value"]
    row = f"| [`{name}`](../model_cards/{name}.md) | {fid['value']:.3f} | {times:.0f} | {MULTIPLE[name]} |\n"
    assert row in (CARDS.parent / "docs" / "evaluation.md").read_text()


@pytest.mark.long
def test_numbers_can_be_computed_again():
    """Takes some minutes, and Fashion-MNIST: in the folder that GANZOO_DATA names, or from the network."""
    said = evaluation("dcgan-fashion-mnist")
    try:
        found = evaluate("dcgan-fashion-mnist", data_dir=os.environ.get("GANZOO_DATA", "data")).as_json()
    except DataError as error:
        pytest.skip(str(error))
    assert found["scores"].keys() == said["scores"].keys()
    for metric, score in said["scores"].items():
        assert found["scores"][metric]["value"] == pytest.approx(score["value"], rel=1e-3, abs=1e-5), metric


@pytest.mark.long
@pytest.mark.parametrize(("direction", "domains"), [("noto2twemoji", "AB"), ("twemoji2noto", "BA")])
def test_emoji_come_nearer_to_those_of_the_other_set(direction, domains):
    """Wants what `reproduce/emoji.py prepare` wrote, as ``emoji`` in the folder that GANZOO_DATA names."""
    folders = [Path(os.environ.get("GANZOO_DATA", "data"), "emoji", f"test{domain}") for domain in domains]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip(f"there is no {folders[0]}")
    source, target = (torch.stack([source_image(path, 3) for path in find_images(folder)]) for folder in folders)
    made = load("cyclegan-noto2twemoji").translate(source, direction=direction, batch_size=20)
    untranslated, translated = ((images - target).abs().mean().item() for images in (source, made))
    assert translated < 0.97 * untranslated
