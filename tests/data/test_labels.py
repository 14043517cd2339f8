"""Classes from a file beside the pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from ganzoo.data.labels import read_labels
from ganzoo.data.load import load_data
from ganzoo.errors import DataError
from ganzoo.interface.picture_files import FileTree
from pictures import grey


def load(folder: Path, **options):
    return load_data(str(folder), (1, 4, 4), **options)


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Pictures as NVIDIA's tools write them: the subfolders are no classes."""
    grey(tmp_path / "data/00000", img0=10, img1=20)
    grey(tmp_path / "data/00001", img2=30, img3=40)
    return tmp_path / "data"


def write_json(folder: Path, labels) -> None:
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))


NVIDIA = [["00000/img0.png", 10], ["00000/img1.png", 9], ["00001/img2.png", 10], ["00001/img3.png", 2]]


@pytest.mark.parametrize("memory", [2**31, 15])
def test_labels_of_nvidias_tools(sharded, monkeypatch, memory):
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", memory)
    write_json(sharded, NVIDIA)
    data = load(sharded, needs_labels=True)
    assert data.classes == ("2", "9", "10")
    assert data.labels.tolist() == [2, 1, 2, 0]
    batch = next(data.stream(iter([[1, 3]])))
    assert (batch["image"][:, 0, 0, 0].tolist(), batch["label"].tolist()) == ([20, 40], [1, 0])
    assert not any("dataset.json" in note for note in data.notes)


def test_a_run_is_not_resumed_with_other_labels(sharded, monkeypatch):
    for memory in (2**31, 15):
        monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", memory)
        write_json(sharded, NVIDIA)
        first = load(sharded, needs_labels=True).digest()
        assert load(sharded, needs_labels=True).digest() == first
        write_json(sharded, [[name, 12 - label] for name, label in NVIDIA])
        assert load(sharded, needs_labels=True).digest() != first


def test_null_labels_are_no_classes(sharded):
    write_json(sharded, None)
    assert load(sharded).classes == ()


def test_a_file_without_labels_leaves_the_folders_as_classes(sharded):
    (sharded / "dataset.json").write_text("{}")
    (sharded / "metadata.csv").write_text("file_name,text\n00000/img0.png,a boat\n")
    assert load(sharded).classes == ("00000", "00001")


@pytest.mark.parametrize("name", ["labels.csv", "metadata.csv"])
@pytest.mark.parametrize("header", ["file_name,label", "Label, File", "size,filename,class"])
def test_tables(tmp_path, name, header):
    folder = grey(tmp_path / "data", a=10, b=20, c=30)
    rows = [dict(zip(("a.png", "b.png", "c.png"), ("cat", 'a "big, wet" dog', "cat"), strict=True))]
    columns = [column.strip().lower() for column in header.split(",")]
    lines = [header]
    for file, label in rows[0].items():
        cells = [file if "file" in column else "7" if column == "size" else json.dumps(label) for column in columns]
        lines.append(",".join(cells).replace('\\"', '""'))
    (folder / name).write_text("\r\n".join(lines), encoding="utf-8-sig")
    data = load(folder)
    assert (data.classes, data.labels.tolist()) == (('a "big, wet" dog', "cat"), [1, 0, 1])


def test_pictures_without_a_label(tmp_path):
    folder = grey(tmp_path / "data", a=10, b=20, c=30)
    (folder / "labels.csv").write_text("file,label\na.png,x\nc.png,y\ngone.png,x\n\n")
    assert load(folder).classes == (), "as pictures outside of class folders"
    data = load(folder, needs_labels=True)
    assert torch.equal(data.labels, torch.tensor([0, 1]))
    assert data.notes == (
        f"1 names in {folder / 'labels.csv'} have no picture, the first: gone.png",
        f"1 without a label in {folder / 'labels.csv'} left out, the first: {folder / 'b.png'}",
    )


def test_labels_of_the_training_images(sharded, tmp_path):
    write_json(sharded, NVIDIA)
    shutil.move(sharded, tmp_path / "whole/train")
    grey(tmp_path / "whole/test", other=1)
    assert load(tmp_path / "whole").classes == ("2", "9", "10")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("dataset.json", '{"labels": 3}', "it has no list of labels"),
        ("dataset.json", '{"labels": [["a.png"]]}', r"\['a.png'\] is no pair"),
        ("dataset.json", '{"labels": [["a.png", [0.5, 1]]]}', "the label of a.png is .*and not a number or a name"),
        ("dataset.json", '{"labels": [["a.png", 1], ["a.png", 2]]}', "a.png has the labels 1 and 2"),
        ("dataset.json", '{"labels": [["b.png", 1]]}', "none of its names is a picture here, for instance b.png"),
        ("dataset.json", "[", "dataset.json cannot be used"),
        ("labels.csv", "", "does not name the columns file_name and label"),
        ("labels.csv", "a.png,cat", "does not name the columns file_name and label"),
        ("labels.csv", "file,label\na.png", "line 2 has no file or no label"),
        ("labels.csv", b"file,label\n\xff,1", "cannot be used"),
    ],
)
def test_what_is_damaged(tmp_path, name, content, problem):
    folder = grey(tmp_path / "data", a=10)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=problem) as raised:
        load(folder)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith("correct it, or move it away")


def test_no_file_at_all(tmp_path):
    tree = FileTree(tmp_path)
    assert read_labels(tree, tree.listing()) is None
