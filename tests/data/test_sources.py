"""What the text after --data means, and sources that plugins declare."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.data.load import load_data
from ganzoo.data.sources import check_source, find_data, has_points, pin_source, pinned_before, with_options
from ganzoo.errors import DataError, InvalidRequestError, PluginError, UnknownNameError
from ganzoo.registry import lookup
from ganzoo.registry.registry import Registry
from packed import png, zipped
from pictures import grey
from plugin_factory import declaring

PINNED = "hf:datasets/a/b@" + "0" * 40


@pytest.mark.parametrize("name", ["mnist", "ring"])
def test_a_name_is_a_data_set_even_beside_a_folder_of_that_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert find_data(name).record.name == name
    assert find_data(f"./{name}").is_folder
    assert has_points(name) == (name == "ring")


def test_files_are_found_by_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a-00.tar", "a-01.tar", "b-01.tar", "odd{1}.zip"):
        (tmp_path / name).touch()
    for text, names in {
        "a-{00..01}.tar": ["a-00.tar", "a-01.tar"],
        "{a,b}-01.tar": ["a-01.tar", "b-01.tar"],
        "*-01.tar": ["a-01.tar", "b-01.tar"],
        "odd{1}.zip": ["odd{1}.zip"],
        f"{tmp_path}/a-0?.tar": ["a-00.tar", "a-01.tar"],
    }.items():
        assert [path.name for path in find_data(text).paths] == names
    with pytest.raises(UnknownNameError, match=r"a-\{00\.\.02\}\.tar names 3 files, and there is no a-02\.tar"):
        find_data("a-{00..02}.tar")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nothing.zip", "there is no file nothing.zip - check the path"),
        ("fashion-mnits", "'fashion-mnits' is neither a folder nor a data set - did you mean fashion-mnist"),
        ("text.rar", "text.rar is neither a folder nor a data set: its name ends in none of .parquet, .tar, .zip"),
        ("*.zip", "there is no file *.zip - check the path"),
        ("hf:datasets/a", "'hf:datasets/a' names no data set of the Hub - write hf:datasets/owner/name[@commit]"),
        ("mnist?label=x", "mnist has no options - leave out label"),
        (".?split=test", ". is a folder of pictures, without options - leave out split"),
        ("", "'' is neither a folder nor a data set"),
    ],
)
def test_what_means_nothing_is_refused_at_once(tmp_path, monkeypatch, text, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.rar").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises((UnknownNameError, InvalidRequestError)) as caught:
        check_source(text)
    assert str(caught.value).startswith(error)


def test_a_model_is_no_data_set_of_the_hub_and_the_other_way_round():
    with pytest.raises(UnknownNameError, match="is neither a folder nor a data set"):
        check_source("hf:someone/model")
    with pytest.raises(
        UnknownNameError, match=r"hf:datasets/a/b is a data set, and no model - train on it with --data"
    ):
        ganzoo.load("hf:datasets/a/b")


def test_options_are_written_and_read(tmp_path):
    text = with_options("hf:datasets/a/b", {"image": "img", "label": None})
    assert text == "hf:datasets/a/b?image=img"
    assert with_options(text, {"label": "kind"}) == "hf:datasets/a/b?image=img&label=kind"
    assert find_data(text).options == {"image": "img"}
    (tmp_path / "a?b=c.zip").touch()
    assert find_data(str(tmp_path / "a?b=c.zip")).options == {}
    for wrong in ("", "a&b", "a?b"):
        with pytest.raises(InvalidRequestError, match="cannot be an option of data"):
            with_options("a.parquet", {"image": wrong})


def test_a_commit_is_kept_when_a_run_goes_on():
    assert pinned_before("hf:datasets/a/b", PINNED) == PINNED
    assert pinned_before("hf:datasets/a/b?image=x", f"{PINNED}?image=x") == f"{PINNED}?image=x"
    for other in ("hf:datasets/a/c", "hf:datasets/a/b@main", "hf:datasets/a/b?image=x", "photos"):
        assert pinned_before(other, PINNED) == other
    assert pin_source("photos") == "photos"


# --- sources of plugins ---------------------------------------------------------------------------


@pytest.fixture
def declare():
    """A function that declares sources beside those of ganzoo, and opens `mine` with `open_data`."""

    def register(open_data, **fields) -> None:
        record = ganzoo.DataSource(name="mine", summary="a test", load=lambda: open_data, **fields)
        registry = Registry.discover(third_party=False)
        registry.load("mine", "mine", lambda: declaring(data_sources=[record]))
        assert not registry.broken
        lookup.use(registry)

    yield register
    lookup.use(None)


def test_a_name_may_bring_arrays(declare):
    asked = []

    def open_data(request):
        asked.append(request)
        images = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 3, 8, 8)
        return ganzoo.ImageData(request.name, images, torch.tensor([0, 1, 0, 1]), ("a", "b"))

    declare(open_data, splits=("train", "test"))
    data = load_data("mine", (1, 4, 4), split="test", root="somewhere", limit=3)
    assert (data.images[:, 0, 0, 0].tolist(), data.images.shape) == ([0, 1, 2], (3, 1, 4, 4))
    assert (data.labels.tolist(), data.classes) == ([0, 1, 0], ("a", "b"))
    assert data.notes == ("images were converted from 3x8x8 to 1x4x4",)
    assert (asked[0].split, asked[0].root, asked[0].files) == ("test", Path("somewhere"), ())


def test_a_name_may_bring_a_folder(declare, tmp_path):
    grey(tmp_path / "cat", a=1)
    grey(tmp_path / "dog", a=2)
    declare(lambda request: ganzoo.FileTree(tmp_path))
    assert load_data("mine", (1, 4, 4)).classes == ("cat", "dog")
    with pytest.raises(InvalidRequestError, match="mine is a data set without separate test images"):
        load_data("mine", (1, 4, 4), split="test")


class Shelf(ganzoo.PictureFiles):
    """Pictures that are computed from their names."""

    def open(self, path):
        import io

        return io.BytesIO(png(int(path.name)))

    def size(self, path):
        return 0


def test_a_format_may_bring_pictures_that_are_read_when_needed(declare, tmp_path, monkeypatch):
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", 0)
    (tmp_path / "book.shelf").write_text("7 9 8")

    def open_data(request):
        (file,) = request.files
        paths = tuple(file / number for number in file.read_text().split())
        captions = tuple((f"number {path.name}",) for path in paths) if request.needs_text else None
        return ganzoo.PictureSet(paths=paths, files=Shelf(), captions=captions, notes=("a note",))

    declare(open_data, endings=(".shelf",), captions=True)
    check_source(str(tmp_path / "book.shelf"))
    data = load_data(str(tmp_path / "book.shelf"), (1, 4, 4), needs_text=True)
    stream = data.stream(iter([[2, 0], [1]]), workers=1)
    assert [batch["image"][:, 0, 0, 0].tolist() for batch in stream] == [[8, 7], [9]]
    assert data.captions.texts[1] == ("number 9",)
    assert data.notes[0] == "a note"


def test_what_a_source_does_wrong_is_one_line(declare):
    declare(lambda request: [1, 2])
    with pytest.raises(
        PluginError, match="the data source mine returned list, not a FileTree, a PictureSet or an Image"
    ):
        load_data("mine", (1, 4, 4))

    def broken(request):
        raise KeyError("a\nb")

    declare(broken)
    with pytest.raises(DataError, match=r"^mine cannot be read as mine data: KeyError: 'a\\nb'$"):
        load_data("mine", (1, 4, 4))


def test_packages_that_are_missing_are_named_before_anything_is_opened(declare):
    declare(pytest.fail, requires=("no-such-package",))
    with pytest.raises(InvalidRequestError, match="no-such-package not installed: pip install no-such-package"):
        check_source("mine")


@pytest.mark.parametrize("ending", ["zip", ".ZIP"])
def test_an_ending_that_no_file_has_is_refused(ending):
    with pytest.raises(PluginError, match=r"is no ending - write it like '\.zip'"):
        ganzoo.DataSource(name="x", summary="x", load=lambda: abs, endings=(ending,))


def test_a_zip_beside_pictures_is_left_out_of_the_folder(tmp_path):
    zipped(grey(tmp_path / "folder", a=1), tmp_path / "folder" / "a.zip")
    data = load_data(str(tmp_path / "folder"), (1, 4, 4))
    assert len(data) == 1
    assert "no pictures (.zip)" in data.notes[0]
