"""`ganzoo cache`: what is listed is there, what is removed is gone, and nothing outside of the cache is touched."""

import json
import os
from functools import partial

import pytest

import ganzoo
from ganzoo.pretrained import cache
from ganzoo.registry import lookup
from hub_server import Hub
from in_process import client_of
from in_process import ganzoo as shell
from models import publish

REPO = "someone/digits"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = publish(tmp_path_factory.mktemp("published"), "dcgan", lookup.registry().architectures["dcgan"].tiny)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def home(files, tmp_path):
    """A cache with one model that was loaded by its reference, and a repository of another program."""
    home = tmp_path / "home"
    with Hub() as hub, client_of(hub, home):
        hub.add(REPO, files)
        ganzoo.load(f"hf:{REPO}")
        other = home / "hub" / "models--other--program" / "blobs"
        other.mkdir(parents=True)
        (other / "a").write_bytes(b"theirs")
        yield home


@pytest.fixture
def run(monkeypatch, capsys):
    return partial(shell, monkeypatch, capsys)


def test_an_empty_cache(run, tmp_path):
    with Hub() as hub, client_of(hub, tmp_path / "none"):
        assert run("cache") == (0, "", "ganzoo: the cache is empty\n")
        assert run("cache", "--json")[:2] == (0, "[]\n")
        assert "it is empty" in run("cache", "rm", "dcgan-mnist.huggan").err


def test_the_sizes_and_the_last_use(run, home, files):
    (entry,) = json.loads(run("cache", "--json").out)
    assert entry["name"] == f"hf:{REPO}"
    assert entry["size"] == sum(len(files[name]) for name in ("config.json", "model.safetensors"))
    blobs = list((home / "hub" / "models--someone--digits" / "blobs").iterdir())
    for blob in blobs:
        os.utime(blob, (1_600_000_000, 1_500_000_000))
    assert cache.list_cache()[0].last_used == 1_600_000_000
    assert run("cache").out.splitlines()[0].split("\t") == ["name", "holds", "models", "size", "last_used"]


def test_a_registered_model_is_found_by_its_name(run, home):
    weights = lookup.registry().models["dcgan-mnist.huggan"].weights
    blobs = home / "hub" / f"models--{weights.repo.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "x").write_bytes(b"12345")
    entry = cache.find_entry("dcgan-mnist.huggan")
    assert (entry.name, entry.size) == (f"hf:{weights.repo}", 5)
    assert "dcgan-mnist.huggan" in entry.models
    assert run("cache", "rm", "dcgan-mnist.huggan")[:2] == (0, f"removed hf:{weights.repo} (5 bytes)\n")
    assert not blobs.parent.exists()


def test_what_is_removed_is_gone_and_nothing_else(run, home):
    assert run("cache", "rm", f"hf:{REPO}").code == 0
    assert not (home / "hub" / "models--someone--digits").exists()
    assert list((home / "assets" / "ganzoo" / "commits").glob("*.json")) == []
    assert (home / "hub" / "models--other--program" / "blobs" / "a").read_bytes() == b"theirs"
    assert run("cache", "--json").out == "[]\n"
    ganzoo.load(f"hf:{REPO}")  # it is downloaded again
    assert len(cache.list_cache()) == 1


def test_computed_parts(run, home):
    for name in ("features", "verified"):
        (home / "assets" / "ganzoo" / name).mkdir(parents=True)
        (home / "assets" / "ganzoo" / name / "a.safetensors").write_bytes(b"123")
    assert [entry.name for entry in cache.list_cache()] == [f"hf:{REPO}", "features"]
    assert json.loads(run("cache", "rm", "features", "--json").out)[0]["size"] == 3
    assert not (home / "assets" / "ganzoo" / "features").exists()


@pytest.mark.parametrize("link", ["folder", "file"])
def test_what_a_link_leads_to_stays(run, home, tmp_path, link):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a").write_bytes(b"mine")
    features = home / "assets" / "ganzoo" / "features"
    if link == "folder":
        features.symlink_to(mine)
    else:
        features.mkdir()
        (features / "own").write_bytes(b"1")
        (features / "a").symlink_to(mine / "a")
    assert run("cache", "rm", "features").code == 0
    assert not features.exists()
    assert (mine / "a").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hf:other/program", "the cache holds no hf:other/program"),
        ("../../mine", "the cache holds no ../../mine"),
        ("gan-mnist", "the weights of gan-mnist are part of a package"),
        ("featurse", "the cache holds no featurse"),
        (".", "the cache holds no ."),
    ],
)
def test_a_wrong_name_removes_nothing(run, home, name, told):
    code, out, err = run("cache", "rm", f"hf:{REPO}", name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert len(cache.list_cache()) == 1


def test_an_entry_outside_of_the_cache_is_refused(home, tmp_path):
    (tmp_path / "mine").mkdir()
    entry = cache.Entry("mine", "", (), tmp_path / "mine", 0, 0.0)
    with pytest.raises(ganzoo.GanzooError, match="is not in the cache"):
        cache.remove_entry(entry)
    assert (tmp_path / "mine").exists()
