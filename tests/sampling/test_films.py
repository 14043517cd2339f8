"""The options of films, as users type them: what they make, and what is refused before a model is loaded."""

import sys
from functools import partial

import av
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
    """./cats has three classes and ./blobs has none."""
    folder = tmp_path_factory.mktemp("models")
    for name, architecture in (("cats", "biggan"), ("blobs", "dcgan")):
        tiny = lookup.registry().architectures[architecture].tiny
        publish(folder / name, architecture, tiny, classes=CLASSES if name == "cats" else ())
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, models):
    for model in models.iterdir():
        (tmp_path / model.name).symlink_to(model)
    monkeypatch.chdir(tmp_path)
    return partial(shell, monkeypatch, capsys)


def frames_of(path):
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_image()).astype(int) for frame in container.decode(video=0)]


def image_of(name, seed, scale, **options):
    picture = ganzoo.load(name).images(seed=seed, **options)[0].convert("RGB")
    return np.asarray(picture).astype(int).repeat(scale, 0).repeat(scale, 1)


def is_in(frame, expected, left=0, top=0):
    """Whether a frame has this image there. A video stores colors coarsely, so it is compared on the mean."""
    part = frame[top : top + len(expected), left : left + expected.shape[1]]
    return np.abs(part - expected).mean() < 8


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_a_film_through_three_seeds_and_back(run, ending):
    asked = ("--seeds", "3,7,1", "--seconds", "2", "--fps", "10", "--scale", "8", "-o", f"walk.{ending}")
    assert run("interpolate", "./blobs", *asked)[:2] == (0, f"walk.{ending}\n")
    frames = frames_of(f"walk.{ending}")
    assert len(frames) == 20  # 11 there, and 9 back
    first, last = image_of("./blobs", 3, 8), image_of("./blobs", 1, 8)
    assert frames[0].shape == first.shape
    assert is_in(frames[0], first)
    assert is_in(frames[10], last)
    assert not is_in(frames[0], last)
    assert any(is_in(frame, image_of("./blobs", 7, 8)) for frame in frames[1:10])
    assert np.abs(frames[9] - frames[11]).mean() < 3  # it runs back


def test_a_loop_goes_on_to_the_first(run):
    assert run("interpolate", "./blobs", "--seeds", "3,7,1", "--loop", "--steps", "12", "-o", "loop.gif").code == 0
    with Image.open("loop.gif") as film:
        assert film.n_frames == 12


def test_a_grid_shares_the_seeds(run):
    asked = ("--seeds", "0-7", "--grid", "2x2", "--scale", "8", "--seconds", "1", "--fps", "8", "-o", "grid.mp4")
    assert run("interpolate", "./blobs", *asked).code == 0
    frames = frames_of("grid.mp4")
    side = len(image_of("./blobs", 0, 1))
    for cell, (begin, end) in enumerate([(0, 1), (2, 3), (4, 5), (6, 7)]):
        row, column = divmod(cell, 2)
        left, top = (8 * (1 + place * (side + 1)) for place in (column, row))  # with gaps between the cells
        assert is_in(frames[0], image_of("./blobs", begin, 8), left, top)
        assert is_in(frames[4], image_of("./blobs", end, 8), left, top)


def test_classes_with_one_seed(run):
    asked = (
        "--seeds",
        "5",
        "--class",
        "cat",
        "--class",
        "big",
        "--class",
        "small",
        "--steps",
        "5",
        "-o",
        "classes.png",
    )
    assert run("interpolate", "./cats", *asked).code == 0
    with Image.open("classes.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    scale = 64 // len(image_of("./cats", 5, 1, label=0))
    side = len(image_of("./cats", 5, scale, label=0))
    gap = max(1, side // 32)
    for row, column, label in ((0, 0, 0), (0, 2, 1), (1, 1, 2)):  # three in a row: a row for each way
        left, top = gap + column * (side + gap), gap + row * (side + gap)
        assert (
            np.abs(pixels[top : top + side, left : left + side] - image_of("./cats", 5, scale, label=label)).max() <= 1
        )


def test_an_edit_as_a_video_in_a_grid(run):
    film = ("--grid", "2x2", "--seconds", "1", "--fps", "8", "--scale", "8", "-o", "edit.mp4")
    code, out, err = run("edit", "./blobs", "--directions", "sefa:1", "--seeds", "3-6", "--strength", "2", *film)
    assert (code, out) == (0, "edit.mp4\n")
    assert err == "row by row: sefa 1 for each of the seeds 3, 4, 5, 6\n"
    frames = frames_of("edit.mp4")
    assert len(frames) == 8
    side = len(image_of("./blobs", 0, 1))
    for cell, seed in enumerate((3, 4, 5, 6)):  # the images themselves stand half-way
        row, column = divmod(cell, 2)
        assert is_in(frames[2], image_of("./blobs", seed, 8), 8 * (1 + column * (side + 1)), 8 * (1 + row * (side + 1)))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fps", "20"], "--fps is for films - name a .gif, .webp, .mp4 or .webm file with -o"),
        (["--seconds", "2", "--grid", "2x2", "-o", "a.png"], "--seconds and --grid is for films"),
        (["--seconds", "2", "--steps", "9", "-o", "a.mp4"], "leave out one of them"),
        (["--fps", "60", "-o", "a.gif"], "--fps 60 cannot be - write a number above 0, and at most 50"),
        (["--fps", "0", "-o", "a.mp4"], "--fps 0 cannot be"),
        (["--fps", "nan", "-o", "a.mp4"], "--fps nan cannot be"),
        (["--seconds", "inf", "-o", "a.mp4"], "--seconds inf cannot be - write a number above 0, and at most 600"),
        (["--grid", "3", "-o", "a.mp4"], "--grid 3 is no grid - write columns and rows, such as 3x2"),
        (["--grid", "0x2", "-o", "a.mp4"], "is no grid"),
        (["--grid", "2x2", "--seeds", "1-7", "-o", "a.mp4"], "4 cells cannot share 7 images - name 4, 8, ..."),
        (["--seeds", "3"], "name two or more for each, such as 3,7 or 1-5"),
        (["--scale", "65"], "65"),
        (["--scale", "64", "--grid", "50x50", "-o", "a.mp4"], "high is too large, 8192 on a side are the most"),
        (["--seconds", "600", "--fps", "50", "--scale", "60", "-o", "a.gif"], "GB of memory"),
        (["--steps", "2", "--seeds", "1-3"], "has at least 3 steps, not 2"),
        (["-o", "a.avi"], "ends in no known format - use .png, .jpg, .jpeg, .gif, .webp, .mp4, .webm"),
        (["--class", "cat"], "takes no --class"),
    ],
)
def test_what_cannot_be_asked(run, tmp_path, arguments, told):
    before = sorted(tmp_path.iterdir())
    code, out, err = run("interpolate", "./blobs", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--class", "cat", "--to-class", "big"], "leave out --from-class and --to-class"),
        (["--class", "cat", "--class", "big", "--seeds", "1-3"], "2 classes and 3 images are not as many"),
    ],
)
def test_what_classes_cannot_be(run, arguments, told):
    code, _, err = run("interpolate", "./cats", *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert told in err


def test_a_grid_of_edits_has_a_cell_for_each(run):
    code, _, err = run("edit", "./blobs", "--directions", "sefa:2", "--seeds", "1-3", "--grid", "2x2", "-o", "a.gif")
    assert (code, err.count("\n")) == (2, 1)
    assert "--grid 2x2 has 4 cells, and there are 6 images" in err


@pytest.mark.parametrize("command", [("interpolate",), ("edit", "--directions", "sefa:1")])
def test_without_the_encoder_one_line_says_what_to_install(run, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "av", None)
    code, _, err = run(command[0], "./blobs", *command[1:], "-o", "a.webm")
    assert (code, err.count("\n")) == (2, 1)
    assert "a.webm: a video needs the package av - `pip install 'ganzoo[video]'`, or name a .gif or .webp file" in err
