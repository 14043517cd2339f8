"""Data sets of the Hub: pinned, verified and read where the client keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ganzoo.data.load import load_captions, load_data
from ganzoo.data.sources import pin_source
from ganzoo.errors import CorruptWeightsError, DataError, InvalidRequestError, PullError
from ganzoo.pretrained.cache import find_entry, list_cache, remove_entry
from hub_server import Hub, body
from in_process import client_of, ganzoo
from packed import png, shard, table, zipped
from pictures import grey

REPO = "someone/shades"
SHAPE = (1, 4, 4)
TINY = [
    "--config",
    "resolution=16",
    "--config",
    "generator_width=4",
    "--config",
    "discriminator_width=4",
    "--batch-size",
    "2",
]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        labels = (["dark", "light"], [0, 1, 0])
        files = {
            "README.md": b"---\nlicense: mit\n---\n",
            "data/train-00000-of-00002.parquet": table([10, 20, 30], label=labels, text=["a", "b", "c"]),
            "data/train-00001-of-00002.parquet": table([40, 50, 60], label=labels, text=["d", "e", "f"]),
            "data/test-00000-of-00001.parquet": table([99], label=(labels[0], [0]), text=["z"]),
        }
        running.add(REPO, files, kind="dataset")
        yield running


def shades(data) -> list[int]:
    return next(data.stream(iter([range(len(data))])))["image"][:, 0, 0, 0].tolist()


def repository(hub: Hub):
    return hub.repositories[f"datasets/{REPO}"]


def test_the_training_files_are_downloaded_and_nothing_else(hub, tmp_path):
    told = []
    with client_of(hub, tmp_path):
        data = load_data(f"hf:datasets/{REPO}", SHAPE, progress=lambda what, done, total: told.append(what))
        assert shades(data) == [10, 20, 30, 40, 50, 60]
        assert (data.classes, data.labels.tolist()) == (("dark", "light"), [0, 1, 0, 0, 1, 0])
        assert load_captions(f"hf:datasets/{REPO}").texts[3] == ("d",)
    assert not hub.seen("GET", "test-00000-of-00001.parquet")
    assert len(hub.seen("GET", "train-00000-of-00002.parquet")) == 1
    assert f"downloading {REPO}/data/train-00000-of-00002.parquet" in told


def test_a_pinned_data_set_needs_no_network(hub, tmp_path):
    with client_of(hub, tmp_path):
        pinned = pin_source(f"hf:datasets/{REPO}?split=test")
        assert pinned == f"hf:datasets/{REPO}@{repository(hub).revision}?split=test"
        assert pin_source(pinned) == pinned
        assert shades(load_data(pinned, SHAPE)) == [99]
    repository(hub).commit({"data/test-00000-of-00001.parquet": table([1])})
    asked = len(hub.requests)
    with client_of(hub, tmp_path, offline=True):
        assert shades(load_data(pinned, SHAPE)) == [99]
        with pytest.raises(PullError, match=rf"offline you can use hf:datasets/{REPO}@\w{{40}}$"):
            load_data(f"hf:datasets/{REPO}", SHAPE)
    assert len(hub.requests) == asked


def test_a_run_keeps_its_commit(hub, tmp_path, monkeypatch, capsys):
    first = repository(hub).revision
    words = ["train", "dcgan", "--data", f"hf:datasets/{REPO}", "--label-column", "label", *TINY]
    run = tmp_path / "run"
    with client_of(hub, tmp_path):
        done = ganzoo(monkeypatch, capsys, *words, "--iterations", "1", "--workers", "0", "--device", "cpu", "-o", run)
        assert done.code == 0, done.err
        data = f"hf:datasets/{REPO}@{first}?label=label"
        assert json.loads((run / "run.json").read_text())["data"] == data
        assert json.loads((run / "config.json").read_text())["dataset"] == data
        card = (run / "README.md").read_text()
        assert f"datasets:\n- {REPO}\n" in card
        repository(hub).commit({"data/train-00000-of-00002.parquet": table([1])})
        for more in ([], words[2:6]):
            done = ganzoo(monkeypatch, capsys, "train", "--resume", run, *more, "--iterations", "2")
            assert done.code == 0, done.err
        done = ganzoo(monkeypatch, capsys, "train", "--resume", run, *words[2:4], "--iterations", "3")
        assert done.code == 1
        assert "was started with other options: data: " in done.err


def test_shards_and_archives_of_the_hub_are_read_as_they_are(hub, tmp_path):
    samples = {"0": {"png": png(7), "cls": b"0"}, "1": {"png": png(8), "cls": b"1"}}
    tar = shard(tmp_path / "a.tar", samples).read_bytes()
    folder = grey(tmp_path / "folder" / "cat", a=3) and grey(tmp_path / "folder" / "dog", b=4).parent
    hub.add("someone/shards", {"train/0.tar": tar, "val/0.tar": tar}, kind="dataset")
    hub.add("someone/zip", {"photos.zip": zipped(folder, tmp_path / "a.zip").read_bytes()}, kind="dataset")
    with client_of(hub, tmp_path):
        data = load_data("hf:datasets/someone/shards", SHAPE)
        assert (shades(data), data.classes) == ([7, 8], ("0", "1"))
        data = load_data("hf:datasets/someone/zip", SHAPE)
        assert (shades(data), data.classes) == ([3, 4], ("cat", "dog"))


@pytest.mark.parametrize(
    ("files", "reference", "error"),
    [
        ({"a.png": b""}, "", "has no file that ganzoo reads - it reads .parquet, .tar, .zip files"),
        ({"x/train.parquet": b"", "y/train.parquet": b""}, "", "has several configs: x, y - add ?config=NAME"),
        ({"x/train.parquet": b""}, "?config=z", "has no parquet files config=z - choose others with ?split=NAME"),
    ],
)
def test_files_that_cannot_be_chosen_are_one_line(hub, tmp_path, files, reference, error):
    hub.add("someone/odd", files, kind="dataset")
    with client_of(hub, tmp_path), pytest.raises(DataError) as caught:
        load_data(f"hf:datasets/someone/odd{reference}", SHAPE)
    assert str(caught.value).startswith(f"hf:datasets/someone/odd {error}")


def test_a_config_is_chosen_by_its_folder(hub, tmp_path):
    hub.add("someone/two", {f"{n}/train.parquet": table([s]) for n, s in (("x", 1), ("y", 2))}, kind="dataset")
    with client_of(hub, tmp_path):
        assert shades(load_data("hf:datasets/someone/two?config=y", SHAPE)) == [2]


def test_refusals_of_the_hub_are_one_line(hub, tmp_path):
    hub.add("someone/secret", {"a.parquet": b""}, kind="dataset", access="GatedRepo")
    with client_of(hub, tmp_path):
        with pytest.raises(PullError, match="someone/secret is gated - accept its terms"):
            load_data("hf:datasets/someone/secret", SHAPE)
        with pytest.raises(PullError, match="the Hub finds no dataset repository no/where"):
            load_data("hf:datasets/no/where", SHAPE)
        with pytest.raises(PullError, match=f"{REPO} has no branch, tag or commit other"):
            load_data(f"hf:datasets/{REPO}@other", SHAPE)


def test_a_damaged_download_is_not_read(hub, tmp_path):
    hub.break_("GET", "train-00000-of-00002.parquet", body(lambda content: b"x" * len(content)))
    with client_of(hub, tmp_path), pytest.raises(CorruptWeightsError, match="was wrong twice: its sha256 is"):
        load_data(f"hf:datasets/{REPO}", SHAPE)


def test_nothing_is_downloaded_without_pyarrow(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("ganzoo.data.sources.missing_distributions", lambda names: list(names))
    with client_of(hub, tmp_path), pytest.raises(InvalidRequestError, match="pyarrow not installed: pip install 'gan"):
        load_data(f"hf:datasets/{REPO}", SHAPE)
    assert not hub.seen("GET", ".parquet", server="hub")


def test_the_cache_lists_data_sets_and_removes_them(hub, tmp_path):
    with client_of(hub, tmp_path):
        load_data(f"hf:datasets/{REPO}", SHAPE)
        entry = find_entry(f"hf:datasets/{REPO}")
        assert (entry.name, entry.holds) == (f"hf:datasets/{REPO}", "data set")
        remove_entry(entry)
        assert [each.name for each in list_cache()] == []
        assert not list((tmp_path / "assets" / "ganzoo" / "data-commits").rglob("*.json"))
