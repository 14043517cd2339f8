"""Model cards say what the registry says."""

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from ganzoo import zoo
from ganzoo.specs import BundledFile

CARDS = Path(__file__).parents[1] / "model_cards"
BUILTIN = [name for name, model in zoo.registry().models.items() if model.architecture in zoo.registry().architectures]


def card(name):
    text = (CARDS / f"{name}.md").read_text()
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def facts(body):
    """The card's table: `| fact | value |`."""
    return dict(re.findall(r"^\| ([^|]+?) \| (.+?) \|$", body, re.MULTILINE))


def test_every_model_has_a_card_and_every_card_a_model():
    assert {path.stem for path in CARDS.glob("*.md")} == set(BUILTIN)


@pytest.mark.parametrize("name", BUILTIN)
def test_front_matter(name):
    model = zoo.registry().models[name]
    front, _ = card(name)
    assert front["license"] == (model.licence or "unknown")
    assert front["library_name"] == "ganzoo"
    assert front["datasets"] == [model.dataset]
    assert front["pipeline_tag"] == zoo.registry().architectures[model.architecture].task.pipeline_tag
    assert {"gan", model.architecture} <= set(front["tags"])
    assert ModelCard.load(CARDS / f"{name}.md").data.license == front["license"], "the Hub's own reader reads it"


@pytest.mark.parametrize("name", BUILTIN)
def test_facts(name):
    model = zoo.registry().models[name]
    stated = facts(card(name)[1])
    assert stated["architecture"] == f"`{model.architecture}`"
    assert stated["sha256"] == f"`{model.weights.sha256}`"
    assert stated["data set"] == model.dataset
    assert stated["licence"] == (model.licence or "not stated")
    assert json.loads(stated["config"].strip("`")) == json.loads(json.dumps(dict(model.config)))
    config = zoo.config_of(model)
    channels, height, width = config.image_shape
    any_size = "; any other size is padded and cropped back" if hasattr(config, "size_multiple") else ""
    assert stated["images"] == f"{height}x{width}, {'grey' if channels == 1 else 'RGB'}{any_size}"
    assert f"ganzoo sample {name}" in card(name)[1]
    assert "## Limits" in card(name)[1]


@pytest.mark.parametrize("name", BUILTIN)
def test_weights_are_pinned(name):
    weights = zoo.registry().models[name].weights
    stated = facts(card(name)[1])
    if isinstance(weights, BundledFile):
        path = zoo.weights_path(zoo.registry().models[name])
        assert hashlib.sha256(path.read_bytes()).hexdigest() == weights.sha256
        assert path.stat().st_size < 8_000_000
        assert stated["weights"] == f"bundled, {path.stat().st_size:,} bytes"
        assert "ganzoo train" in card(name)[1], "the command that trained it"
        assert (CARDS / f"{name}.png").exists(), "its sheet"
    else:
        assert stated["weights"] == f"`{weights.repo}` at `{weights.revision}`, `{weights.filename}`"
        assert "could not be checked" in card(name)[1]
