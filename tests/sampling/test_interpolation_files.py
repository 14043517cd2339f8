"""`ganzoo interpolate`, and `ganzoo sample` with classes and truncations, as users type them."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.registry import lookup
from in_process import ganzoo as shell
from models import publish

CLASSES = ("cat", "big dog", "small dog")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """./cats has three classes, ./blobs has none, ./turn translates."""
    folder = tmp_path_factory.mktemp("models")
    for name, architecture in (("cats", "biggan"), ("blobs", "dcgan"), ("turn", "cyclegan")):
        tiny = lookup.registry().architectures[architecture].tiny
        publish(folder / name, architecture, tiny, classes=CLASSES if name == "cats" else ())
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, models):
    """The command line, in this process, where the models are."""
    for model in models.iterdir():
        (tmp_path / model.name).symlink_to(model)
    monkeypatch.chdir(tmp_path)

    return partial(shell, monkeypatch, capsys)


@pytest.mark.parametrize(("suffix", "frames"), [("png", 1), ("jpg", 1), ("gif", 8), ("webp", 8)])
def test_a_walk(run, suffix, frames):
    code, out, _ = run("interpolate", "./cats", "--steps", "5", "--seeds", "3,7", "-o", f"new/walk.{suffix}")
    assert (code, out) == (0, f"new/walk.{suffix}\n")
    with Image.open(f"new/walk.{suffix}") as picture:
        assert getattr(picture, "n_frames", 1) == frames  # there, and back without the ends
        assert picture.width > 5 * 64 if frames == 1 else picture.width < 100


def test_a_walk_between_classes_with_the_latent_held(run):
    model = ganzoo.load("./cats")
    name = "cats-walk-seeds5-9-from-cat-to-big-steps3-hold-z.png"
    options = ("--from-class", "cat", "--to-class", "big", "--hold", "z", "--steps", "3", "--seeds", "5,9")
    assert run("interpolate", "./cats", *options)[:2] == (0, f"{name}\n")
    with Image.open(name) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    for place, label in ((0, 0), (2, 1)):
        expected = model.images(seed=5, label=label)[0].resize((64, 64), Image.Resampling.NEAREST)
        left = 2 + place * 66
        found = pixels[2:66, left : left + 64]
        assert abs(found - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["interpolate", "./turn"], "it has no latents to interpolate"),
        (["interpolate", "./blobs", "--from-class", "cat"], "takes no --from-class"),
        (["interpolate", "./blobs", "--hold", "z"], "nothing moves"),
        (["interpolate", "./blobs", "--hold", "w"], "there is no input w to hold - there are z"),
        (["interpolate", "./cats", "--to-class", "bird"], "has no class 'bird'"),
        (["interpolate", "./cats", "--seeds", "a,b"], "write whole numbers and ranges, such as 1-5,9"),
        (["interpolate", "./cats", "--seeds", "-1,2"], "is not a list of seeds"),
        (["interpolate", "./cats", "-o", "a.txt"], "ends in no known format"),
        (["interpolate", "./cats", "-o", "a-folder"], "ends in no known format"),
        (["interpolate", "./cats", "--truncation", "2"], "truncation is a number above 0 and at most 1"),
        (["sample", "./cats", "--class", "dog"], r"may be big dog (1), small dog (2)"),
        (["sample", "./cats", "--class", "3"], "has no class 3 - its classes are 0 to 2"),
        (["sample", "./cats", "--truncation", "nan"], "truncation is a number above 0 and at most 1"),
        (["sample", "./blobs", "--class", "1"], "./blobs takes no --class: it is unconditional"),
        (["sample", "./blobs", "--truncation", "0.5"], "./blobs takes no --truncation: it is unconditional"),
        (["sample", "./blobs", "--per-class", "2"], "./blobs takes no --per-class: it is unconditional"),
        (["sample", "./turn", "--sweep", "truncation=1"], "./turn takes no --sweep: it is image-to-image"),
    ],
)
def test_what_cannot_be_asked(run, tmp_path, arguments, told):
    before = sorted(tmp_path.iterdir())
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_is_not_replaced_unasked(run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    assert run("interpolate", "./cats", "-o", "a.png")[0] == 2
    assert (tmp_path / "a.png").read_bytes() == b"mine"
    assert run("interpolate", "./cats", "-o", "a.png", "--steps", "2", "--overwrite")[0] == 0


def test_rows_of_classes_in_a_folder(run, tmp_path):
    _, out, err = run("sample", "./cats", "--per-class", "2", "--truncation", "0.5", "-o", "all")
    assert err == "rows: 0-cat, 1-big-dog, 2-small-dog\n"
    assert out.split() == [
        f"all/{name}-seed000{seed}.png" for name in ("0-cat", "1-big-dog", "2-small-dog") for seed in (0, 1)
    ]
    model = ganzoo.load("./cats")
    with Image.open(tmp_path / "all/1-big-dog-seed0001.png") as picture:
        expected = model.images(seed=1, label="big dog", truncation=0.5)[0]
        assert np.array_equal(picture, expected)


def test_a_list_of_seeds_in_a_folder(run):
    assert run("sample", "./blobs", "--seeds", "7,2-3", "-o", "few")[1].split() == [
        f"few/seed000{seed}.png" for seed in (7, 2, 3)
    ]
    with Image.open("few/seed0003.png") as picture:
        assert np.array_equal(picture, ganzoo.load("./blobs").images(seed=3)[0])
    assert run("sample", "./blobs", "--seeds", "1-2,9")[:2] == (0, "blobs-seeds1-2-9.png\n")


def test_a_sheet_of_truncations_holds_the_latent(run):
    run("sample", "./cats", "--class", "cat", "--sweep", "truncation=0.1,1.0", "-n", "3", "-o", "sweep.npz")
    found = np.load("sweep.npz")
    assert found["seeds"].tolist() == [0, 1, 2, 0, 1, 2]
    assert found["truncation"].tolist() == [0.1] * 3 + [1.0] * 3
    assert found["label"].tolist() == [0] * 6
    model = ganzoo.load("./cats")
    expected = model.images(3, label=0, truncation=0.1)
    assert all((np.asarray(e) == f).all() for e, f in zip(expected, found["images"], strict=False))


def test_exporting_with_standing_statistics(run, tmp_path):
    assert run("export", "./cats", "-o", "standing", "--standing-stats", "1")[0] == 0
    assert ganzoo.load(tmp_path / "standing").config.statistics == 11
    assert run("export", "./turn", "-o", "turned", "--standing-stats", "1")[0] == 2
    assert not (tmp_path / "turned").exists()
