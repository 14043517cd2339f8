"""`ganzoo sample NAME --input` as a person types it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.errors import Interrupted, OutputError, UnfinishedError
from ganzoo.interface.picture_files import FileTree
from ganzoo.sampling import translated_files
from ganzoo.sampling.translated_files import match_files, translate_files
from in_process import ganzoo as shell
from models import publish


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """An untrained CycleGAN of a tiny size, its weights enlarged so that it shows."""
    config = {"resolution": 32, "width": 4, "blocks": 1, "domains": ("horse", "zebra"), "direction": "a_to_b"}
    return publish(tmp_path_factory.mktemp("models") / "tiny", "cyclegan", config, dataset="horse2zebra", scale=10)


@pytest.fixture
def here(tmp_path, monkeypatch, published):
    (tmp_path / "tiny").symlink_to(published)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, monkeypatch, capsys):
    return partial(shell, monkeypatch, capsys)


@pytest.fixture
def photos(here):
    """Pictures of several sizes and kinds, one of them in a subfolder; two that cannot be read; a text."""
    folder = here / "photos"
    (folder / "more").mkdir(parents=True)
    noise = torch.randint(0, 256, (30, 30, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8).numpy()
    Image.fromarray(noise[:21, :13, :3]).save(folder / "a.png")
    Image.fromarray(noise[:16, :16, 0]).save(folder / "b.jpg")
    Image.fromarray(noise[:9, :30]).save(folder / "more" / "c.webp")
    Image.fromarray(noise[:, :, 1]).save(folder / "d.bmp")
    (folder / "e.png").write_text("no picture")
    os.mkfifo(folder / "f.png")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def size(path):
    with Image.open(path) as picture:
        return picture.size


def test_a_file(run, photos):
    code, out, err = run("sample", "./tiny", "--input", "photos/a.png")
    assert (code, out, err) == (0, "a-horse2zebra.png\n", "")
    assert size("a-horse2zebra.png") == (13, 21)
    expected = ganzoo.load("./tiny").translate(photos / "a.png")
    assert Image.open("a-horse2zebra.png").tobytes() == expected.tobytes()


@pytest.mark.parametrize(("output", "written"), [("out.jpg", "out.jpg"), ("folder", "folder/a.png")])
def test_where_a_file_goes(run, photos, output, written):
    assert run("sample", "./tiny", "--input", "photos/a.png", "-o", output)[:2] == (0, f"{written}\n")
    assert size(written) == (13, 21)


def test_a_folder_keeps_names_and_sizes_and_says_what_it_skipped(run, photos):
    code, out, err = run("sample", "./tiny", "--input", "photos", "-o", "out")
    assert code == 1
    assert out.splitlines() == ["out/a.png", "out/b.jpg", "out/d.png", "out/more/c.webp"]
    assert [size(path) for path in out.splitlines()] == [(13, 21), (16, 16), (30, 30), (30, 9)]
    assert [line.startswith("ganzoo: skipped: photos/") for line in err.splitlines()] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert "e.png is not a picture" in err
    assert "f.png cannot be read: it is not a regular file" in err
    assert err.splitlines()[2:] == [
        "ganzoo: note: 1 left out, because they are no pictures (.txt): photos/notes.txt",
        "ganzoo: note: 1 had transparency, laid on white",
        "ganzoo: 4 written, 2 skipped",
    ]


def test_hidden_pictures_are_not_translated_and_unread_formats_are_told(run, photos):
    (photos / ".thumbnails").mkdir()
    for name in ("._a.png", ".thumbnails/a.png"):
        Image.new("RGB", (4, 4)).save(photos / name)
    (photos / "g.svg").write_text("<svg/>")
    (photos / "h.heic").write_bytes(b"\0\0\0\x1cftypheic" + bytes(20))
    _, out, err = run("sample", "./tiny", "--input", "photos", "-o", "out")
    assert len(out.splitlines()) == 4
    assert "ganzoo: note: 2 hidden pictures of other programs were left out, the first: photos/._a.png" in err
    assert "skipped: photos/g.svg is not a picture of a known format" in err
    assert "skipped: photos/h.heic " in err
    assert "ganzoo: 4 written, 4 skipped" in err


@pytest.mark.parametrize(
    "named", [("photos/a.png", "photos/b.jpg", "photos/more/c.webp"), ("photos/{a.p,b.j,more/c}*",)]
)
def test_several_files(run, photos, named):
    """As shells expand a pattern, or as a quoted one."""
    code, out, err = run("sample", "./tiny", "--input", *named, "--device", "cpu")
    assert code == 0
    written = ["a.png", "b.jpg", "more/c.webp"]
    assert out.splitlines() == [f"photos-horse2zebra/{name}" for name in written]
    assert "ganzoo: 3 written, 0 skipped" in err
    assert run("sample", "./tiny", "--input", *named, "-o", "all.png", "--sheet")[:2] == (0, "all.png\n")


def test_files_may_be_translated_into_their_own_folder(run, photos, monkeypatch):
    monkeypatch.chdir(photos)
    code, out, _ = run("sample", "../tiny", "--input", "a.png", "--input", "b.jpg", "-o", "out")
    assert (code, out.splitlines()) == (0, ["out/a.png", "out/b.jpg"])


@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_an_archive_is_translated_as_its_folder(run, photos, ending):
    (photos / "f.png").unlink()
    shutil.make_archive("photos", ending, "photos")
    code, out, err = run("sample", "./tiny", "--input", f"photos.{ending}")
    assert code == 1
    names = ["a.png", "b.jpg", "d.png", "more/c.webp"]
    assert out.splitlines() == [f"photos-horse2zebra/{name}" for name in names]
    assert f"skipped: photos.{ending}/e.png is not a picture" in err
    assert "ganzoo: 4 written, 1 skipped" in err
    run("sample", "./tiny", "--input", "photos", "-o", "unpacked")
    for name in names:
        assert Path("photos-horse2zebra", name).read_bytes() == Path("unpacked", name).read_bytes()
    assert run("sample", "./tiny", "--input", f"photos.{ending}", "--skip-existing")[1] == ""


def test_it_goes_on_where_it_stopped(run, photos):
    (photos / "e.png").unlink(), (photos / "f.png").unlink()
    assert run("sample", "./tiny", "--input", "photos", "-o", "out")[0] == 0
    Path("out/b.jpg").unlink()
    before = Path("out/a.png").stat().st_mtime_ns
    code, _, err = run("sample", "./tiny", "--input", "photos", "-o", "out")
    assert code == 2
    assert "out/a.png exists - replace such files with --overwrite, or leave them with --skip-existing" in err
    assert run("sample", "./tiny", "--input", "photos", "-o", "out", "--skip-existing")[:2] == (0, "out/b.jpg\n")
    assert Path("out/a.png").stat().st_mtime_ns == before
    code, out, _ = run("sample", "./tiny", "--input", "photos", "-o", "out", "--overwrite", "--json")
    assert (code, len(json.loads(out))) == (0, 4)
    assert Path("out/a.png").stat().st_mtime_ns != before


def test_options(run, photos):
    run("sample", "./tiny", "--input", "photos/a.png", "-o", "small.png", "--resize", "8")
    assert size("small.png") == (8, 13)
    run("sample", "./tiny", "--input", "photos/a.png", "-o", "tiled.png", "--tile", "16", "--batch-size", "2")
    assert size("tiled.png") == (13, 21)
    run("sample", "./tiny", "--input", "photos/a.png", "-o", "both.png", "--sheet")
    with Image.open("both.png") as sheet, Image.open(photos / "a.png") as source:
        assert sheet.size == (2 * 13 + 3, 21 + 2)
        assert sheet.crop((1, 1, 14, 22)).tobytes() == source.tobytes()
    code, out, _ = run("sample", "./tiny", "--input", "photos/d.bmp", "--format", "webp", "--direction", "horse2zebra")
    assert (code, out) == (0, "d-horse2zebra.webp\n")


@pytest.mark.parametrize(("options", "columns"), [((), 2), (("--sheet",), 4)])
def test_a_folder_on_one_sheet(run, photos, options, columns):
    code, out, err = run("sample", "./tiny", "--input", "photos", "-o", "new/all.png", "--scale", "2", *options)
    assert (code, out) == (1, "new/all.png\n")
    assert "ganzoo: 1 written, 2 skipped" in err
    run("sample", "./tiny", "--input", "photos", "-o", "single", "--format", "png")
    made = {path.stem: Image.open(path).copy() for path in Path("single").rglob("*.png")}
    width, height = (max(picture.size[side] for picture in made.values()) for side in (0, 1))
    gap = max(1, 2 * width // 32)
    with Image.open("new/all.png") as sheet:
        rows = -(-len(made) * (2 if options else 1) // columns)
        assert sheet.size == (columns * (2 * width + gap) + gap, rows * (2 * height + gap) + gap)
        place = 1 if options else 0  # the translation stands to the right of its source
        left = gap + place * (2 * width + gap)
        cell = sheet.crop((left, gap, left + 2 * width, gap + 2 * height)).resize((width, height), 0)
    first = made[min(made)]
    corner = ((width - first.width) // 2, (height - first.height) // 2)
    assert cell.crop((*corner, corner[0] + first.width, corner[1] + first.height)).tobytes() == first.tobytes()
    code, _, err = run("sample", "./tiny", "--input", "photos", "-o", "new/all.png")
    assert (code, "exists - replace it with --overwrite" in err) == (2, True)


def test_too_many_for_one_sheet(run, photos, monkeypatch):
    monkeypatch.setattr("ganzoo.sampling.translated_sheet.MOST_PICTURES", 7)
    code, out, err = run("sample", "./tiny", "--input", "photos", "-o", "all.png", "--sheet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pictures, and 3 fit on one sheet - name a folder with -o" in err


def test_a_sheet_of_one_picture_is_enlarged(run, photos):
    run("sample", "./tiny", "--input", "photos/a.png", "-o", "both.png", "--sheet", "--scale", "3")
    assert size("both.png") == (2 * 39 + 3, 63 + 2)


REFUSED = {
    "no input": ([], "translates pictures - name pictures, a folder or an archive with --input"),
    "missing": (["--input", "nowhere"], "there is no file or folder nowhere"),
    "no path": (["--input", ""], "there is no file or folder ''"),
    "one missing": (["--input", "photos/a.png", "nowhere.png"], "there is no file or folder nowhere.png"),
    "no match": (["--input", "photos/*.xyz"], "there is no file or folder photos/*.xyz"),
    "a folder too": (
        ["--input", "photos/a.png", "photos/more"],
        "photos/more is no picture - name pictures, or a single",
    ),
    "no file of the Hub": (["--input", "hf:datasets/x"], "hf:datasets/x"),
    "words": (["photos/a.png"], "unexpected extra argument (photos/a.png) - name pictures with --input"),
    "empty": (["--input", "empty"], "empty holds no picture"),
    "other direction": (["--input", "photos", "--direction", "zebra2horse"], "does not translate zebra2horse - it has"),
    "count": (["--input", "photos", "-n", "3"], "takes no -n: it is image-to-image"),
    "seed": (["--input", "photos", "--seed", "0"], "takes no --seed"),
    "no format of sheets": (["--input", "photos", "-o", "out.npz"], "out.npz cannot hold several pictures"),
    "two formats of a sheet": (["--input", "photos", "-o", "o.png", "--format", "jpg"], "--format says jpg"),
    "a sheet of nothing": (["--input", "empty", "-o", "out.png"], "empty holds no picture"),
    "half a sheet": (["--input", "photos", "-o", "out.png", "--skip-existing"], "--skip-existing is for single files"),
    "no sheet": (["--input", "photos", "-o", "out", "--scale", "2"], "--scale is for sheets - add --sheet"),
    "scale": (["--input", "photos", "-o", "out.png", "--scale", "65"], "write a whole number from 1 to 64"),
    "unknown format": (["--input", "photos/a.png", "-o", "out.gif"], "ends in no format that pictures have"),
    "two formats": (["--input", "photos/a.png", "-o", "o.png", "--format", "jpg"], "--format says jpg"),
    "arrays": (["--input", "photos", "--format", "npz"], "translations are single images"),
    "into itself": (["--input", "photos", "-o", "photos/out"], "is inside of photos"),
    "onto itself": (["--input", "photos/a.png", "-o", "photos", "--overwrite"], "replaced by its own translation"),
    "tile": (["--input", "photos", "-o", "out", "--tile", "17"], "the side of a tile must be a multiple of 16"),
    "device": (["--input", "photos", "-o", "out", "--device", "cuda:99"], "cuda:99"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_one_line_and_leaves_nothing(run, photos, here, case):
    (here / "empty").mkdir()
    before = sorted(here.rglob("*"))
    options, told = REFUSED[case]
    code, out, err = run("sample", "./tiny", *options)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1
    assert sorted(here.rglob("*")) == before


def test_a_broken_archive_is_one_line(run, here):
    (here / "broken.zip").write_text("no archive")
    code, out, err = run("sample", "./tiny", "--input", "broken.zip")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "broken.zip cannot be read as a zip archive" in err


def test_other_models_take_no_pictures(run, photos):
    code, _, err = run("sample", "gan-mnist", "--input", "photos", "--sheet")
    assert code == 2
    assert "gan-mnist takes no --input and no --sheet: it is unconditional" in err


def test_two_pictures_for_one_file_get_two_names(photos):
    for name in ("a.jpg", "d.png", "d.gif", "d.GIF"):
        Image.new("RGB", (4, 4)).save(photos / name)
    jobs = match_files(FileTree(photos), Path("out"), "tiny").each
    names = {job.source.name: job.target.name for job in jobs}
    assert [names[name] for name in ("a.png", "a.jpg", "d.png", "d.bmp")] == ["a.png", "a.jpg", "d.png", "d-bmp.png"]
    assert {names["d.gif"], names["d.GIF"]} == {"d-gif.png", "d-GIF.png"}
    jobs = match_files(FileTree(photos), Path("out"), "tiny", "webp").each
    names = {job.source.name: job.target.name for job in jobs}
    assert (names["a.png"], names["a.jpg"], names["b.jpg"]) == ("a-png.webp", "a-jpg.webp", "b.webp")
    assert len({job.target for job in jobs}) == len(jobs)


@pytest.mark.parametrize("skip_existing", [False, True])
def test_what_another_process_wrote_meanwhile_is_not_replaced(photos, skip_existing):
    """While the model was loaded."""
    jobs = match_files(FileTree(photos), Path("out"), "tiny", skip_existing=skip_existing)
    Path("out").mkdir()
    Path("out/a.png").write_text("of another process")
    if skip_existing:
        assert [path.name for path in translate_files(ganzoo.load("./tiny"), jobs).written] == [
            "b.jpg",
            "d.png",
            "c.webp",
        ]
    else:
        with pytest.raises(OutputError, match=r"out/a\.png exists - replace such files with --overwrite"):
            translate_files(ganzoo.load("./tiny"), jobs)
        assert os.listdir("out") == ["a.png"]
    assert Path("out/a.png").read_text() == "of another process"


# --- interrupted ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (KeyboardInterrupt(), Interrupted, "interrupted: 1 of 4 written - go on with --skip-existing"),
        (
            OSError(errno.ENOSPC, "full"),
            UnfinishedError,
            "disk is full; 1 of 4 written - go on with --skip-existing",
        ),
    ],
)
def test_what_is_finished_stays(photos, monkeypatch, fault, error, told):
    (photos / "e.png").unlink(), (photos / "f.png").unlink()
    write, written = translated_files._write, []

    def failing(model, target, images, scale):
        if written:
            raise fault
        written.append(target)
        write(model, target, images, scale)

    monkeypatch.setattr(translated_files, "_write", failing)
    with pytest.raises(error, match=told):
        translate_files(ganzoo.load("./tiny"), match_files(FileTree(photos), Path("out"), "tiny"))
    assert [path.name for path in Path("out").rglob("*") if path.is_file()] == ["a.png"]
