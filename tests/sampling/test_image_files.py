"""Files of samples: the path is checked before a model is loaded, and each file is complete or not written."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import ganzoo
from ganzoo import GAN, Inputs, Model, Unconditional
from ganzoo.errors import GanzooError, Interrupted, InvalidRequestError, OutputError, UnfinishedError, UsageError
from ganzoo.images.sheets import contact_sheet
from ganzoo.images.tensors import to_pictures, to_pixels
from ganzoo.sampling.grid import Row, SampleGrid
from ganzoo.sampling.image_files import MAX_FILES, MAX_SHEET, Target, choose_target


class Config(NamedTuple):
    channels: int
    size: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.channels, self.size, self.size)


class Noise(GAN):
    """Every pixel of an image is its latent. `stop` is raised instead of image number `after`."""

    def __init__(self, channels: int, size: int, after: int | None = None, stop: BaseException | None = None) -> None:
        super().__init__()
        self.generator = nn.Linear(1, 1)
        self.shape = (channels, size, size)
        self.made = 0
        self.after = after
        self.stop = stop
        self.alive: list[int] = []
        self.batches: list[weakref.ref[torch.Tensor]] = []

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {}

    def training_step(self, batches: Iterator) -> Iterator:
        yield from ()

    def draw(self, request: Unconditional, random: torch.Generator) -> Inputs:
        return {"z": torch.rand(self.shape, generator=random) * 2 - 1}

    def generate(self, inputs: Inputs) -> torch.Tensor:
        if self.stop and self.made + len(inputs["z"]) > self.after:
            raise self.stop
        self.made += len(inputs["z"])
        self.alive.append(sum(batch() is not None for batch in self.batches))
        images = inputs["z"].clone()
        self.batches.append(weakref.ref(images))
        return images


def model(channels: int = 1, size: int = 4, **failure) -> Model:
    return Model(Noise(channels, size, **failure), Unconditional, Config(channels, size), name="noise")


def grid(count: int, seed: int) -> SampleGrid:
    return SampleGrid((Row(Unconditional()),), range(seed, seed + count))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def small_disk():
    """No file can grow beyond 4 kB: writing fails in the middle, as on a full disk.

    Not a fixture: pytest's own report may be such a file, and is written between a test and its fixtures' end.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# --- the target -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "asked", "expected"),
    [
        (None, None, Target(Path("noise-seed7.png"), grid(3, 7), "png", False)),
        (None, "npz", Target(Path("noise-seed7.npz"), grid(3, 7), "npz", False)),
        ("a.png", None, Target(Path("a.png"), grid(3, 7), "png", False)),
        ("a.JPEG", None, Target(Path("a.JPEG"), grid(3, 7), "jpg", False)),
        ("new/deep/a.webp", "webp", Target(Path("new/deep/a.webp"), grid(3, 7), "webp", False)),
        ("a.npz", None, Target(Path("a.npz"), grid(3, 7), "npz", False)),
        ("new", None, Target(Path("new"), grid(3, 7), "png", True)),
        ("new/deep", "webp", Target(Path("new/deep"), grid(3, 7), "webp", True)),
        ("folder.png", "jpg", Target(Path("folder.png"), grid(3, 7), "jpg", True)),  # it exists, and is a folder
        (".", None, Target(Path(), grid(3, 7), "png", True)),
    ],
)
def test_the_ending_decides(here, output, asked, expected):
    (here / "folder.png").mkdir()
    assert choose_target(output and Path(output), "noise", grid(3, 7), asked) == expected
    assert names(here) == ["folder.png"]  # choosing makes nothing


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("plugin/noise", "noise-seed0.png"),
        ("./runs/first", "first-seed0.png"),
        ("./", "here-seed0.png"),
        ("..", "above-seed0.png"),
    ],
)
def test_the_file_is_named_after_the_model(here, monkeypatch, name, file):
    (here / "above" / "here").mkdir(parents=True)
    monkeypatch.chdir(here / "above" / "here")
    assert choose_target(None, name, grid(1, 0), None).path == Path(file)


REFUSED = {
    "contradiction": ("a.png", 1, "jpg", r"a\.png ends in \.png, but --format says jpg"),
    "unknown ending": ("a.bmp", 1, None, r"a\.bmp ends in no known format - use \.png"),
    "unknown ending, known format": ("a.xyz", 1, "png", r"a\.xyz ends in no known format"),
    "npz in a folder": ("folder", 1, "npz", r"npz is one file .* name it, such as folder/samples\.npz"),
    "npz in a new folder": ("new", 1, "npz", r"name it, such as new/samples\.npz"),
    "sheet": ("a.png", MAX_SHEET + 1, None, "10001 pictures do not fit on one sheet - give a folder"),
    "default sheet": (None, MAX_SHEET + 1, None, "do not fit on one sheet"),
    "folder": ("new", MAX_FILES + 1, None, "100001 files are too many for one folder"),
    "a billion": ("new", 10**9, None, "too many for one folder"),
    "file as folder": ("file", 1, None, "cannot write to .*file: it is not a folder"),
    "file as parent": ("file/a.png", 1, None, "cannot write to .*file: it is not a folder"),
    "file as ancestor": ("file/deep/er/a.png", 1, None, "cannot write to .*file: it is not a folder"),
    "device": ("/dev/null", 1, None, "cannot write to /dev/null: it is not a folder"),
    "unwritable": ("/proc/a.png", 1, None, "cannot write to /proc: "),
    "unwritable folder": ("/proc/new/deep", 1, None, "cannot write to /proc: "),
    "long name": ("a" * 300 + ".png", 1, None, "cannot write aaa.*: File name too long"),
    "long folder": ("a" * 300, 1, None, "cannot write aaa.*: File name too long"),
    "existing file": ("old.png", 1, None, r"old\.png exists - replace it with --overwrite"),
    "existing in folder": ("folder", 5, None, r"folder/seed0002\.png exists - replace it with --overwrite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(here, case):
    output, count, asked, words = REFUSED[case]
    (here / "folder").mkdir()
    for file in ("file", "old.png", "folder/seed0002.png"):
        (here / file).write_text("old")
    with pytest.raises(OutputError, match=words) as caught:
        choose_target(output and Path(output), "noise", grid(count, 0), asked)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert names(here) == ["file", "folder", "old.png"]
    assert names(here / "folder") == ["seed0002.png"]


def test_a_folder_that_may_not_be_written(here, monkeypatch):
    """A test file shows it. File modes do not: root may ignore them, and on a read-only disk nobody can write."""

    def read_only(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(OutputError, match=r"cannot write to .*: Read-only file system"):
        choose_target(Path("a.png"), "noise", grid(1, 0), None)


def test_files_beside_the_chosen_ones_are_no_hindrance(here):
    (here / "folder").mkdir()
    (here / "folder" / "seed0003.png").touch()
    (here / "folder" / "seed0000.jpg").touch()
    assert choose_target(Path("folder"), "noise", grid(3, 0), None).grid == grid(3, 0)
    assert choose_target(Path("folder"), "noise", grid(4, 0), None, overwrite=True).grid == grid(4, 0)


@pytest.mark.parametrize(("seed", "count"), [(2**32, 1), (2**32 - 1, 2), (0, 2**32 + 1)])
def test_seeds_that_do_not_exist_are_refused_with_the_rest(seed, count):
    with pytest.raises(InvalidRequestError, match="seeds go up to 4294967295"):
        choose_target(Path("a.npz"), "noise", grid(count, seed), None)
    assert choose_target(Path("a.npz"), "noise", grid(1, 2**32 - 1), None)


@pytest.mark.parametrize(
    ("seed", "count", "expected"),
    [
        (7, 2, ["seed0007.png", "seed0008.png"]),
        (9999, 2, ["seed09999.png", "seed10000.png"]),
        (2**32 - 1, 1, ["seed4294967295.png"]),
    ],
)
def test_names_sort_as_seeds_do(seed, count, expected):
    files = choose_target(Path("new"), "noise", grid(count, seed), None).files()
    assert [file.name for file in files] == expected
    assert files == sorted(files)


@pytest.mark.parametrize("name", ["new", "a.jpg"])
def test_transparent_pictures_are_no_jpg(name):
    transparent = model(channels=4, after=0, stop=AssertionError("sampled"))
    with pytest.raises(OutputError, match="noise makes transparent pictures, which jpg cannot hold - use png"):
        choose_target(Path(name), "noise", grid(2, 0), "jpg").write(transparent, batch_size=2)
    assert not Path(name).exists()


@pytest.mark.parametrize("name", ["new", "a.png"])
def test_points_of_the_plane_are_no_pictures(name):
    points = model(channels=2, size=1)
    with pytest.raises(OutputError, match=r"makes images with 2 channels, which no picture has - name an \.npz file"):
        choose_target(Path(name), "noise", grid(2, 0), None).write(points, batch_size=2)
    assert not Path(name).exists()
    [written] = choose_target(Path("a.npz"), "noise", grid(2, 0), None).write(points, batch_size=2)
    assert np.load(written)["images"].shape == (2, 1, 1, 2)


@pytest.mark.parametrize(("suffix", "count"), [("jpg", 10_000), ("webp", 4000)])
def test_a_sheet_too_large_for_its_format_is_refused_before_it_is_sampled(suffix, count):
    large = model(size=1024, after=0, stop=AssertionError("sampled"))
    with pytest.raises(OutputError, match=rf"a sheet \d+ pixels wide and \d+ high is too large for {suffix} - use png"):
        choose_target(Path(f"a.{suffix}"), "noise", grid(count, 0), None).write(large, batch_size=8)


def note(told, what, done, total):
    told.append((what, done, total))


# --- what is written --------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_folder_gets_a_file_for_each_seed(here, channels):
    noise = model(channels)
    told: list[tuple[str, int, int]] = []
    written = choose_target(Path("new/deep"), "noise", grid(5, 7), None).write(
        noise, batch_size=2, progress=lambda *said: told.append(said)
    )
    assert written == [Path(f"new/deep/seed{seed:04d}.png") for seed in range(7, 12)]
    assert names(here / "new" / "deep") == [path.name for path in written]
    for seed, path in enumerate(written, 7):
        assert np.array_equal(pixels(path), np.asarray(noise.images(1, seed=seed)[0]))
    assert told[-1] == ("sampling", 5, 5)


@pytest.mark.parametrize(("channels", "suffix"), [(1, "png"), (3, "png"), (4, "png"), (4, "webp")])
def test_a_sheet_holds_all_seeds_in_order(here, channels, suffix):
    noise = model(channels, size=24)
    told: list[tuple[str, int, int]] = []
    target = choose_target(Path(f"new/a.{suffix}"), "noise", grid(5, 3), None)
    assert target.write(noise, batch_size=2, progress=partial(note, told)) == [target.path]
    sheet = pixels(target.path).astype(int)
    gap, cell = 1, 48  # 24 pixels are enlarged to twice their size
    assert sheet.shape[:2] == (2 * (cell + gap) + gap, 3 * (cell + gap) + gap)
    for index, image in enumerate(noise.images(5, seed=3)):
        row, column = divmod(index, 3)
        top, left = gap + row * (cell + gap), gap + column * (cell + gap)
        found = sheet[top : top + cell, left : left + cell]
        expected = np.kron(np.asarray(image).reshape(24, 24, -1), np.ones((2, 2, 1), int)).reshape(found.shape)
        if suffix == "png":
            assert np.array_equal(found, expected)
        else:  # lossy: 42 at most, where the noise of another seed differs by 75
            assert np.abs(found - expected).mean() < 60
    assert told[-1] == ("sampling", 5, 5)
    assert names(here / "new") == [target.path.name]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_npz_holds_bytes_and_seeds(here, channels):
    noise = model(channels, size=6)
    told: list[tuple[str, int, int]] = []
    choose_target(Path("new/a.npz"), "noise", grid(5, 3), None).write(
        noise, batch_size=2, progress=lambda *said: told.append(said)
    )
    with np.load("new/a.npz") as arrays:
        assert sorted(arrays) == ["images", "seeds"]
        images, seeds = arrays["images"], arrays["seeds"]
    assert (images.shape, images.dtype) == ((5, 6, 6, channels), np.uint8)
    assert seeds.tolist() == [3, 4, 5, 6, 7]
    assert np.array_equal(images, to_pixels(noise.sample(5, seed=3)).permute(0, 2, 3, 1).numpy())
    assert told == [("sampling", 2, 5), ("sampling", 4, 5), ("sampling", 5, 5)]


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.npz", "new"])
def test_the_same_seed_gives_the_same_bytes(here, name):
    for folder, batch_size in (("one", 1), ("two", 3)):
        choose_target(Path(folder, name), "noise", grid(4, 5), None).write(model(3), batch_size=batch_size)
    ones, twos = (sorted(p for p in Path(folder).rglob("*") if p.is_file()) for folder in ("one", "two"))
    assert [p.read_bytes() for p in ones] == [p.read_bytes() for p in twos]
    assert len(ones) == (4 if name == "new" else 1)


@pytest.mark.parametrize("name", ["a.png", "a.npz", "new"])
def test_batches_are_let_go(name):
    """The memory does not grow with the number of images: while a batch is made, only the one before is alive."""
    noise = model()
    choose_target(Path(name), "noise", grid(40, 0), None).write(noise, batch_size=4)
    assert len(noise.gan.alive) == 10
    assert max(noise.gan.alive) <= 1


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.npz"])
@pytest.mark.parametrize("before", [b"what was there", None], ids=["old", "new"])
def test_a_file_that_cannot_be_finished_leaves_all_as_it_was(here, name, before):
    if before:
        Path(name).write_bytes(before)
    target = choose_target(Path(name), "noise", grid(9, 0), None, overwrite=True)
    refused = pytest.raises(UnfinishedError, match=f"cannot write {name}: File too large; nothing was written")
    with refused as caught, small_disk():
        target.write(model(3, size=64), batch_size=3)
    assert caught.value.exit_code == 1
    assert {p.name: p.read_bytes() for p in here.iterdir()} == ({name: before} if before else {})


def test_a_full_disk_keeps_the_finished_pictures(here, monkeypatch):
    saved: list[Path] = []
    move = os.replace

    def fill(source: Path, target: Path) -> None:
        saved.append(target)
        if len(saved) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        move(source, target)

    monkeypatch.setattr("os.replace", fill)
    with pytest.raises(UnfinishedError) as caught:
        choose_target(Path("new"), "noise", grid(10, 7), None).write(model(), batch_size=4)
    assert str(caught.value) == "cannot write new: the disk is full; 3 of 10 written - go on with --seed 10 -n 7"
    assert names(here / "new") == ["seed0007.png", "seed0008.png", "seed0009.png"]


def test_an_interruption_keeps_the_finished_pictures(here):
    stopped = model(after=4, stop=KeyboardInterrupt())
    with pytest.raises(Interrupted) as caught:
        choose_target(Path("new"), "noise", grid(10, 9995), None).write(stopped, batch_size=2)
    assert str(caught.value) == "interrupted: 4 of 10 written - go on with --seed 9999 -n 6"
    assert caught.value.exit_code == 130
    assert len(names(here / "new")) == 4

    choose_target(Path("new"), "noise", grid(6, 9999), None).write(model(), batch_size=2)  # as it says
    choose_target(Path("whole"), "noise", grid(10, 9995), None).write(model(), batch_size=10)
    assert {p.name: p.read_bytes() for p in Path("new").iterdir()} == {
        p.name: p.read_bytes() for p in Path("whole").iterdir()
    }


@pytest.mark.parametrize("name", ["a.png", "a.npz"])
def test_an_interruption_leaves_no_half_of_a_file(here, name):
    Path(name).write_bytes(b"old")
    stopped = model(after=4, stop=KeyboardInterrupt())
    with pytest.raises(Interrupted, match=r"^interrupted: nothing was written$"):
        choose_target(Path(name), "noise", grid(10, 0), None, overwrite=True).write(stopped, batch_size=2)
    assert {p.name: p.read_bytes() for p in here.iterdir()} == {name: b"old"}


def test_an_interruption_before_the_first_picture():
    stopped = model(after=0, stop=KeyboardInterrupt())
    with pytest.raises(Interrupted, match=r"^interrupted: nothing was written$"):
        choose_target(Path("new"), "noise", grid(10, 0), None).write(stopped, batch_size=2)


@pytest.mark.parametrize("name", ["a.png", "a.npz", "new"])
def test_any_other_error_passes_and_leaves_nothing_half(here, name):
    broken = model(after=2, stop=GanzooError("the generator broke"))
    with pytest.raises(GanzooError, match="the generator broke"):
        choose_target(Path(name), "noise", grid(10, 0), None).write(broken, batch_size=2)
    assert sorted(p.name for p in here.rglob("*") if p.is_file()) == (
        ["seed0000.png", "seed0001.png"] if name == "new" else []
    )


def test_a_folder_that_appears_in_the_place_of_a_file(here):
    """A folder may appear after the path was checked."""
    target = choose_target(Path("a.png"), "noise", grid(4, 0), None, overwrite=True)
    (here / "a.png").mkdir()
    with pytest.raises(UnfinishedError, match=r"cannot write a\.png: Is a directory; nothing was written"):
        target.write(model(), batch_size=4)
    assert names(here) == ["a.png"]


@pytest.mark.parametrize(("name", "file"), [("a.png", "a.png"), ("new", "new/seed0001.png")])
def test_what_another_process_wrote_meanwhile_is_not_replaced(here, name, file):
    """While the model was loaded."""
    target = choose_target(Path(name), "noise", grid(3, 0), None)
    (here / file).parent.mkdir(exist_ok=True)
    (here / file).write_text("of another process")
    with pytest.raises(OutputError, match=f"{file} exists - replace it with --overwrite"):
        target.write(model(), batch_size=4)
    assert [path for path in here.rglob("*") if path.is_file()] == [here / file]
    assert (here / file).read_text() == "of another process"


SAMPLE = """
import sys, time
sys.argv = ["ganzoo", "sample", "gan-mnist", "-n", "100", "--batch-size", "1", "--seed", sys.argv[1], "-o", "new"]
from pathlib import Path
from ganzoo.cli.commands import sampling
load = sampling.load_model
def wait_for_the_other(*arguments, **options):
    model = load(*arguments, **options)
    Path(f"ready{sys.argv[8]}").touch()
    end = time.monotonic() + 100
    while len(list(Path().glob("ready*"))) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    return model
sampling.load_model = wait_for_the_other
from ganzoo.cli.main import main
main()
"""


@pytest.mark.long
def test_two_commands_do_not_write_into_one_folder(here):
    """Both have checked the folder, and loaded the model, before one of them writes."""
    words = [[sys.executable, "-c", SAMPLE, seed] for seed in ("0", "1000")]
    both = [subprocess.Popen(each, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for each in words]
    told = [each.communicate()[1] for each in both]
    assert sorted(each.returncode for each in both) == [0, 2]
    [(first, message)] = [(both[1 - i].pid, told[i]) for i in (0, 1) if both[i].returncode]
    assert f"ganzoo: error: new is used by process {first} on" in message
    assert len(names(here / "new")) == 100


def test_sheets_of_the_run_and_of_the_command_are_the_same(here):
    noise = model(size=32)
    choose_target(Path("a.png"), "noise", grid(4, 0), None).write(noise, batch_size=4)
    expected = contact_sheet(to_pictures(noise.sample(4)), scale=2)
    assert np.array_equal(pixels(here / "a.png"), np.asarray(expected))


# --- the scale of a sheet ---------------------------------------------------------------------


def test_a_sheet_is_enlarged(tmp_path):
    model = ganzoo.load("gan-mnist", device="cpu")
    target = choose_target(tmp_path / "a.png", "gan-mnist", grid(4, 0), None, scale=3)
    target.write(model, batch_size=4)
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.size == (3 * 2 + 2 * 84, 3 * 2 + 2 * 84)
        first = sheet.crop((2, 2, 86, 86)).resize((28, 28), Image.Resampling.NEAREST)
    assert first.tobytes() == model.images(1)[0].tobytes()


@pytest.mark.parametrize(
    ("name", "scale", "told"),
    [
        ("folder", 2, "--scale is for sheets, and .*folder is none"),
        ("a.npz", 2, "--scale is for sheets"),
        ("a.png", 65, "write a whole number from 1 to 64"),
    ],
)
def test_a_scale_that_cannot_be(tmp_path, name, scale, told):
    with pytest.raises(UsageError, match=told):
        choose_target(tmp_path / name, "gan-mnist", grid(4, 0), None, scale=scale)


def test_a_sheet_that_no_memory_holds(tmp_path):
    target = choose_target(tmp_path / "a.png", "gan-mnist", grid(64, 0), None, scale=64)
    with pytest.raises(OutputError, match=r"high is too large - use a smaller --scale"):
        target.write(ganzoo.load("gan-mnist", device="cpu"), batch_size=4)
