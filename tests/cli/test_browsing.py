"""`ganzoo info` as a person types it: a name may mean several things."""

from __future__ import annotations

import dataclasses
import json
from functools import partial

import pytest

from ganzoo.cli.descriptions import describe
from ganzoo.pretrained.cache import _known
from ganzoo.registry import lookup
from ganzoo.utils.names import BUILTIN
from in_process import ganzoo as shell


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return partial(shell, monkeypatch, capsys)


@pytest.fixture
def twice():
    """A model whose name an architecture has too, and one whose name a feature extractor has."""
    models = lookup.registry().models
    names = ("dcgan", "inception")
    for name in names:
        models.put(BUILTIN, dataclasses.replace(models["dcgan-mnist.huggan"], name=name))
    yield
    for name in names:
        models.discard(BUILTIN, name)


def test_all_things_of_a_name_are_described(run):
    code, out, err = run("info", "mnist")
    assert (code, err) == (0, "")
    extractor, data = out.split("\n\n")
    assert extractor.splitlines()[1].split(maxsplit=1) == ["kind", "feature extractor"]
    assert data.splitlines()[1].split(maxsplit=1) == ["kind", "data source"]
    assert "train on it  ganzoo train ARCHITECTURE --data mnist -o RUN" in data
    said = json.loads(run("info", "mnist", "--json").out)
    assert (said["kind"], [other["kind"] for other in said["also"]]) == ("feature extractor", ["data source"])
    assert "also" not in json.loads(run("info", "cifar10", "--json").out)


@pytest.mark.parametrize(("name", "kind"), [("dcgan", "architecture"), ("inception", "feature extractor")])
def test_a_model_comes_first(twice, name, kind):
    assert [row["kind"] for row in describe(name)] == ["model", kind]


def test_the_cache_knows_the_files_of_both(twice):
    found = lookup.registry()
    assert _known()["inception"] == (*found.feature_extractors["inception"].files, found.models["inception"].weights)


def test_a_name_of_nothing_is_one_line(run):
    code, out, err = run("info", "mnst")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no model, architecture, feature extractor, engine or data source 'mnst' - did you mean mnist" in err
