"""`ganzoo invert` as a person types it, and the commands that read its latents."""

from __future__ import annotations

import json
import re
from functools import partial
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.errors import Interrupted
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.interface.picture_files import FileTree
from ganzoo.sampling.inverted_files import prepare_files
from ganzoo.sampling.model import Model
from in_process import ganzoo as shell

QUICK = ("--starts", "2", "--steps", "3", "--device", "cpu")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return partial(shell, monkeypatch, capsys)


@pytest.fixture
def digits(tmp_path):
    """Three samples of gan-mnist as files, one of them in a folder, and a file that is no picture."""
    model = ganzoo.load("gan-mnist", device="cpu")
    (tmp_path / "digits" / "more").mkdir(parents=True)
    for name, picture in zip(("a", "b", "more/c"), model.images(3, seed=5), strict=True):
        picture.save(tmp_path / "digits" / f"{name}.png")
    (tmp_path / "digits" / "broken.png").write_text("no picture")
    return tmp_path / "digits"


@pytest.mark.parametrize("named", [("digits/a.png", "digits/b.png"), ("digits/?.png",), ("two.zip",)])
def test_several_files_and_an_archive(run, digits, named):
    with ZipFile("two.zip", "w") as archive:
        for name in ("a.png", "b.png"):
            archive.write(digits / name, name)
    code, out, err = run("invert", "gan-mnist", "--input", *named, "-o", "found", "--json", *QUICK)
    assert (code, [row["result"] for row in json.loads(out)]) == (0, ["found/pictures/a.png", "found/pictures/b.png"])
    assert "skipped" not in err


def test_a_folder_and_what_reads_its_latents(run, digits):
    code, out, err = run("invert", "gan-mnist", "--input", "digits", "-o", "found", "--json", *QUICK)
    rows = json.loads(out)
    assert code == 1, err  # one was skipped
    assert "skipped: digits/broken.png is not a picture" in err
    assert [row["result"] for row in rows] == [f"found/pictures/{name}.png" for name in ("a", "b", "more/c")]
    assert all(row.keys() == {"picture", "result", "loss", "psnr"} for row in rows)
    with np.load("found/latents.npz") as saved:
        assert saved["z"].shape == (3, 100)
        assert saved["names"].tolist() == ["a", "b", "c"]
    with Image.open("found/sheet.png") as sheet:
        assert sheet.width < sheet.height * 1.1  # three rows of picture, result and difference
    assert run("sample", "gan-mnist", "--latents", "found/latents.npz", "-o", "again")[0] == 0
    for name, other in (("a", "a"), ("b", "b"), ("more/c", "c")):
        with Image.open(f"found/pictures/{name}.png") as one, Image.open(f"again/{other}.png") as same:
            assert abs(np.asarray(one).astype(int) - np.asarray(same)).max() <= 1
    walk = run("interpolate", "gan-mnist", "--latents", "found/latents.npz", "--rows", "0,2", "--steps", "3")
    assert walk[:2] == (0, "gan-mnist-walk-rows0-2-steps3.png\n")


def test_one_picture_that_is_damaged_first(run, digits):
    options = ("--degradation", "noise=1.0", "--damage", *QUICK)
    code, out, err = run("invert", "gan-mnist", "--input", "digits/a.png", *options, "--json")
    assert code == 0, err
    assert 3 < json.loads(out)[0]["psnr_damaged"] < 13
    assert "mean PSNR of the damaged pictures" in err
    with Image.open("a-gan-mnist/sheet.png") as sheet:
        assert sheet.width > 3.5 * sheet.height  # true, damaged, restored, difference
    assert run("invert", "gan-mnist", "--input", "digits/a.png", *options)[0] == 2  # it exists
    assert run("invert", "gan-mnist", "--input", "digits/a.png", *options, "--overwrite")[0] == 0


def test_a_damaged_picture_of_another_size(run, tmp_path):
    save_picture(to_pictures(torch.zeros(1, 1, 7, 7))[0], tmp_path / "small.png")
    save_picture(to_pictures(torch.zeros(1, 1, 28, 28))[0], tmp_path / "large.png")
    options = ("--degradation", "downsample=4", *QUICK)
    code, out, err = run("invert", "gan-mnist", "--input", "small.png", "-o", "found", *options)
    assert code == 0, err
    with Image.open("found/pictures/small.png") as picture:
        assert picture.size == (28, 28)
    assert "psnr" not in out
    code, out, err = run("invert", "gan-mnist", "--input", "large.png", "-o", "other", *options)
    assert (code, out) == (1, "")
    assert "large.png has 28x28 pixels, but 7x7 are needed here" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--input", "none.png"), "there is no file or folder none.png"),
        (("--input", "digits", "--damage"), "--damage needs a defect"),
        (("--input", "digits", "--degradation", "nois=1"), "did you mean noise"),
        (("--input", "digits", "--degradation", "mask=none.png"), "none.png cannot be read"),
        (("--input", "digits", "-o", "x.png"), "x.png is not a folder"),
        (("--input", "digits", "--class", "3"), "takes no --class"),
        (("--input", "digits", "--loss", "l3"), "there is no loss 'l3'"),
        (("--input", "digits", "--loss", "features:mnst"), "did you mean mnist"),
    ],
)
def test_what_is_refused(run, digits, arguments, text):
    code, out, err = run("invert", "gan-mnist", *arguments)
    assert code in (1, 2)
    assert out == ""
    assert text in err
    assert not (digits.parent / "digits-gan-mnist").exists()


def test_ctrl_c_leaves_nothing(digits, monkeypatch):
    files = prepare_files(FileTree(digits), digits.parent / "found", "x")

    def stop(*given, **options):
        raise KeyboardInterrupt

    model = ganzoo.load("gan-mnist", device="cpu")
    monkeypatch.setattr(Model, "invert", stop)
    with pytest.raises(Interrupted, match="interrupted: nothing was written"):
        files.write(model)
    assert not (digits.parent / "found").exists()


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"z": np.zeros((2, 7), "float32")}, r"holds z \(7,\), and gan-mnist takes z \(100,\)"),
        ({"z": np.full((2, 100), np.nan, "float32")}, "NaN or infinity"),
        ({"z": np.zeros((2, 100)), "names": np.asarray(["a", "../b"])}, "names are not a file name"),
        ({"z": np.zeros((2, 100)), "names": np.asarray(["a", "a"])}, "names are not a file name"),
        ({"z": np.asarray([None])}, "is no file of latents"),
        ({"z": np.zeros(())}, "one number of rows"),
        ({}, "one number of rows"),
    ],
)
def test_files_that_are_no_latents(run, tmp_path, arrays, text):
    np.savez(tmp_path / "x.npz", **arrays)
    code, out, err = run("sample", "gan-mnist", "--latents", "x.npz")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert re.search(text, err)


def test_latents_are_complete(run, tmp_path):
    np.savez(tmp_path / "x.npz", z=np.zeros((2, 100), "float32"))
    assert "leave out --seed" in run("sample", "gan-mnist", "--latents", "x.npz", "--seed", "3")[2]
    assert "leave out seeds" in run("interpolate", "gan-mnist", "--latents", "x.npz", "--seeds", "3,4")[2]
    assert "has no row 2" in run("interpolate", "gan-mnist", "--latents", "x.npz", "--rows", "0,2")[2]
    assert "has no latents" in run("interpolate", "gan-mnist", "--rows", "0,2")[2]
    assert "is no file of latents" in run("sample", "gan-mnist", "--latents", "none.npz")[2]
