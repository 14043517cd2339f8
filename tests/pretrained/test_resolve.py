"""What a name means: a registered model, a folder, or a repository of the Hub."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets import write_fashion_mnist
from ganzoo.errors import UnknownNameError
from ganzoo.evaluation import quiz
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.pretrained.load import load, pull
from ganzoo.pretrained.resolve import find, resolve, resolve_folder, resolve_weights
from ganzoo.pretrained.sources import Folder, HubReference, Registered, RegisteredExtractor
from ganzoo.registry import lookup
from hub_server import Hub
from in_process import Outcome, client_of, ganzoo
from models import publish

REPO = "someone/clothes"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the model ``mine``."""
    publish(tmp_path / "mine", "dcgan", lookup.registry().architectures["dcgan"].tiny, dataset="fashion-mnist")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hub(here: Path) -> Iterator[Hub]:
    """A Hub with the same model, and a client that uses it."""
    files = {path.name: path.read_bytes() for path in (here / "mine").iterdir()}
    with Hub() as running, client_of(running, here / "hf"):
        running.add(REPO, files)
        yield running


def test_a_registered_name(here: Path) -> None:
    (here / "mine").rename(here / "gan-mnist")
    source = resolve("gan-mnist")
    assert source == Registered("gan-mnist", lookup.registry().models["gan-mnist"]), "it wins over the folder"
    assert source.info.license == "apache-2.0"
    assert source.info.subject.config.image_shape == (1, 28, 28)
    assert isinstance(resolve("./gan-mnist"), Folder)
    assert isinstance(resolve(Path("gan-mnist")), Folder)


@pytest.mark.parametrize("name", ["mine", "./mine", Path("mine")])
def test_a_folder(here: Path, name: str | Path) -> None:
    source = resolve(name)
    assert source == Folder(str(name), Path("mine"))
    assert (source.model_name, source.info.dataset, source.on_hub) == ("mine", "fashion-mnist", False)
    assert source.fetch() == source.weights == Path("mine/model.safetensors")


def test_a_reference_is_not_asked_about_until_it_is_needed(hub: Hub) -> None:
    source = resolve(f"hf:{REPO}")
    assert isinstance(source, HubReference)
    assert str(source) == f"hf:{REPO}"
    assert hub.requests == []
    assert source.name == f"hf:{REPO}@{hub.repositories[REPO].revision}"
    assert source.info.architecture == "dcgan"
    assert source.weights.filename == "model.safetensors"


def test_a_feature_extractor_has_weights_but_is_not_a_model() -> None:
    assert resolve_weights("mnist") == (RegisteredExtractor("mnist", lookup.registry().feature_extractors["mnist"]),)
    with pytest.raises(UnknownNameError, match="there is no model 'mnist'"):
        resolve("mnist")


def test_a_name_that_nothing_has(here: Path) -> None:
    assert find("gan-mnits") is None
    with pytest.raises(UnknownNameError, match="there is no model 'gan-mnits' - did you mean gan-mnist"):
        resolve("gan-mnits")
    for name in ("./nowhere", "/nowhere", "~nobody/nowhere"):
        with pytest.raises(UnknownNameError, match=f"there is no folder {name} - "):
            find(name)
    with pytest.raises(UnknownNameError, match="there is no folder gan-mnist - "):
        resolve_folder("gan-mnist")
    with pytest.raises(UnknownNameError, match="write hf:owner/repo"):
        resolve("hf:nothing")


def test_functions_ask_the_hub_once(hub: Hub, here: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ganzoo")
    write_fashion_mnist(here / "data")
    pinned = f"hf:{REPO}@{hub.repositories[REPO].revision}"
    asked = quiz.prepare_quiz(
        "fashion-mnist", model=f"hf:{REPO}", seed=0, output=None, overwrite=False, data_dir="data"
    )
    names = [
        asked.source.name,
        load(f"hf:{REPO}").name,
        pull(f"hf:{REPO}").name,
        evaluate(f"hf:{REPO}", count=10, metrics=("fid",), features="mnist").subject,
    ]
    assert names == 4 * [pinned]
    assert len(caplog.messages) == 4


@pytest.mark.parametrize(
    "words",
    [
        ("info",),
        ("pull",),
        ("sample", "-n", "1"),
        ("card",),
        ("export", "-o", "out"),
        ("evaluate", "-n", "10", "--metrics", "fid", "--features", "mnist"),
        ("interpolate", "--steps", "2"),
    ],
    ids=lambda words: words[0],
)
def test_commands_ask_the_hub_once(
    words: tuple[str, ...], hub: Hub, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_fashion_mnist(here / "data")
    command, *options = words
    done: Outcome = ganzoo(monkeypatch, capsys, command, f"hf:{REPO}", *options)
    assert done.code == 0, done.err
    assert done.err.count("is now at") == 1


@pytest.mark.parametrize("name", ["gan-mnits", "incption", "./nowhere", "hf:nothing"])
def test_pull_refuses_a_wrong_name_before_it_downloads(
    name: str, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = ganzoo(monkeypatch, capsys, "pull", f"hf:{REPO}", name)
    assert (done.code, done.out, hub.requests) == (2, "", [])
