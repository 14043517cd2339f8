"""The pictures that a command is given, of whatever kind they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets import blobs, write_pictures
from ganzoo.data.pictures import open_pictures
from ganzoo.errors import GanzooError
from ganzoo.images.files import read_image
from packed import png, shard, table, tarred, zipped


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "photos" / "a", blobs(2, 8, seed=1, channels=3))
    write_pictures(tmp_path / "photos" / "b", blobs(1, 8, seed=2, channels=3))
    zipped(Path("photos"), Path("photos.zip"))
    tarred(Path("photos"), Path("photos.tar"))
    Path("rows.parquet").write_bytes(table([10, 20, 30]))
    Path("shards").mkdir()
    for number in range(2):
        shard(Path(f"shards/{number}.tar"), {f"{number}-{key}": {"png": png(key)} for key in range(2)})
    return tmp_path


NAMES = ["a/0000.png", "a/0001.png", "b/0000.png"]

KINDS = [
    (["photos"], "photos", NAMES),
    (["photos.zip"], "photos", NAMES),
    (["photos.tar"], "photos", NAMES),
    (["photos/*/*.png"], "photos", NAMES),
    (["photos/b/0000.png", "photos/a/0001.png", "photos/b/0000.png"], "photos", ["b/0000.png", "a/0001.png"]),
    (["photos/b/0000.png"], "0000", ["0000.png"]),
    (["rows.parquet"], "rows.parquet", ["000000", "000001", "000002"]),
    (["shards"], "shards", ["0-0.png", "0-1.png", "1-0.png", "1-1.png"]),
    (["shards/{0..1}.tar"], "shards", ["0-0.png", "0-1.png", "1-0.png", "1-1.png"]),
]


@pytest.mark.parametrize(("named", "label", "names"), KINDS, ids=[named[0] for named, _, _ in KINDS])
def test_pictures_of_every_kind_are_files_with_names(here, named, label, names):
    found = open_pictures(named)
    paths = found.listing().images
    assert found.label == label
    assert [found.inside(path).as_posix() for path in paths] == names
    assert found.single == (paths[0] if len(named) == len(paths) == 1 else None)
    for path in paths:
        assert len(read_image(path, channels=3, files=found).pixels) == 3


WRONG = {
    "nowhere": "there is no file or folder nowhere - check the path",
    "": "there is no file or folder ''",
    "photos/*.jpg": r"there is no file or folder photos/\*.jpg",
    "nowhere.zip": "there is no file nowhere.zip",
    "{a,b}.png": "there is no file or folder a.png",
    "photos/a photos/b": "photos/a is no picture - name pictures, or a single folder or archive",
    "photos/a/0000.png photos.zip": "photos.zip is no picture",
    "empty": "empty holds no picture",
    "photos.zip?image=x": "has no option image",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_picture_is_refused(here, line):
    Path("empty").mkdir()
    with pytest.raises(GanzooError, match=WRONG[line]):
        open_pictures(line.split() or [""])


def test_a_name_that_was_meant_is_suggested(here):
    with pytest.raises(GanzooError, match="no file or folder minst - did you mean mnist"):
        open_pictures(["minst"], names=["mnist", "cifar10"])
