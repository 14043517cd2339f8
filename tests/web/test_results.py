"""What a page shows of a request; and its command makes the same files, byte for byte."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo import InvalidRequestError
from ganzoo.errors import UnreadableImage
from ganzoo.sampling.latent_files import read_latents
from ganzoo.web import results
from ganzoo.web.again import Inverted
from ganzoo.web.results import Result
from in_process import Outcome
from in_process import ganzoo as shell

Shell = Callable[[Result], Outcome]


@pytest.fixture
def again(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs the command of a result in a folder that has the models in it."""
    here = tmp_path / "here"
    here.mkdir()
    for path in models.iterdir():
        (here / path.name).symlink_to(path)
    monkeypatch.chdir(here)

    def run(result: Result) -> Outcome:
        words = shlex.split(result.again.command)
        assert words[0] == "ganzoo"
        return shell(monkeypatch, capsys, *words[1:], "--device", "cpu")

    return run


def python(result: Result) -> dict[str, Any]:
    """The names that the lines of Python define."""
    names: dict[str, Any] = {}
    exec(result.again.python, names)
    return names


def test_samples_again(again: Shell, tmp_path: Path) -> None:
    model = ganzoo.load("./biggan", device="cpu")
    result = results.sample(model, "./biggan", tmp_path, {"label": 1, "truncation": 0.5}, count=3, seed=7)
    assert [caption for _, caption in result.pictures] == ["seed 7", "seed 8", "seed 9"]
    assert again(result).code == 0
    sheet, latents = result.files
    assert Path("sheet.png").read_bytes() == sheet.read_bytes()
    assert "label=1, truncation=0.5" in result.again.python
    pictures = python(result)["pictures"]
    assert [picture.tobytes() for picture in pictures] == [picture.tobytes() for picture, _ in result.pictures]
    saved = read_latents(latents)
    assert torch.equal(next(saved.batches(model, 3)), next(model.generate_each(
        ((seed, model.request(label=1, truncation=0.5)) for seed in (7, 8, 9)), as_pixels=True)))  # fmt: skip


def test_a_walk_again(again: Shell, tmp_path: Path) -> None:
    model = ganzoo.load("./biggan", device="cpu")
    ends = ({"label": 0, "truncation": 0.5}, {"label": 1, "truncation": 0.5})
    result = results.walk(model, "./biggan", tmp_path, ends, seeds=(3, 5), steps=4)
    assert again(result).code == 0
    assert Path("walk.webp").read_bytes() == result.files[0].read_bytes()
    with Image.open(result.files[0]) as film:
        assert film.n_frames == 6, "there and back"  # type: ignore[attr-defined]
    assert python(result)["images"].shape[0] == 4


@pytest.mark.parametrize("installed", [True, False])
def test_a_walk_is_a_video_too_if_one_can_be_written(
    again: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    if installed:
        pytest.importorskip("av", reason="pip install 'ganzoo[video]'")
    monkeypatch.setattr("ganzoo.sampling.films.can_write_videos", lambda: installed)
    result = results.walk(ganzoo.load("./dcgan"), "./dcgan", tmp_path, ({}, {}), seeds=(0, 1), steps=3)
    assert [path.suffix for path in result.files] == [".webp", *([".mp4"] if installed else [])]
    assert all(path.stat().st_size > 100 for path in result.files)


def test_a_walk_without_classes(again: Shell, tmp_path: Path) -> None:
    result = results.walk(ganzoo.load("./dcgan"), "./dcgan", tmp_path, ({}, {}), seeds=(0, 1), steps=3)
    assert again(result).code == 0
    assert Path("walk.webp").read_bytes() == result.files[0].read_bytes()


def test_directions_again(again: Shell, tmp_path: Path) -> None:
    model = ganzoo.load("./biggan", device="cpu")
    result = results.edit(model, "./biggan", tmp_path, {"label": 1}, method="sefa", count=2, seed=4, strength=2.5)
    assert again(result).code == 0
    assert Path("edited.png").read_bytes() == result.files[0].read_bytes()
    assert python(result)["images"].shape[:3] == (1, 2, 7)


def test_a_translation_again(again: Shell, tmp_path: Path) -> None:
    model = ganzoo.load("./cyclegan", device="cpu")
    direction = model.config.directions[1]  # type: ignore[attr-defined]
    result = results.translate(
        model, "./cyclegan", tmp_path, {"direction": direction}, Path("photo.png"), resize=24, tile=None
    )
    assert again(result).code == 0
    assert Path("translated.png").read_bytes() == result.files[0].read_bytes()
    assert python(result)["picture"].tobytes() == result.pictures[1][0].tobytes()


def test_an_inversion_again(again: Shell, tmp_path: Path) -> None:
    model = ganzoo.load("./dcgan", device="cpu")
    options = Inverted(("noise=0.5",), True, starts=2, steps=3, seed=5)
    result = results.invert(model, "./dcgan", tmp_path, {}, Path("photo.png"), options)
    assert again(result).code == 0
    for path in result.files:
        assert (Path("found") / path.relative_to(tmp_path / "found")).read_bytes() == path.read_bytes(), path
    assert result.note.startswith("From left to right: true, damaged, restored, difference. Loss 0.")
    plain = results.invert(model, "./dcgan", tmp_path, {}, Path("photo.png"), Inverted(starts=2, steps=3))
    found = python(plain)["found"]
    saved = read_latents(plain.files[1])
    assert all(torch.equal(found.inputs[name], value) for name, value in saved.inputs.items())


def refusals(model: Any, folder: Path) -> dict[str, Callable[[], Result]]:
    photo = folder / "photo.png"
    return {
        "the number of images is a whole number from 1 to 64, not 65": lambda: results.sample(
            model, "x", folder, {}, count=65, seed=0
        ),
        "the number of images is a whole number from 2 to 64, not 1": lambda: results.walk(
            model, "x", folder, ({}, {}), seeds=(0, 1), steps=1
        ),
        "seeds go up to": lambda: results.sample(model, "x", folder, {}, count=1, seed=2**32),
        "the number of directions is a whole number from 1 to 8": lambda: results.edit(
            model, "x", folder, {}, method="sefa", count=9, seed=0, strength=1
        ),
        "the number of starts is a whole number from 1 to 16": lambda: results.invert(
            model, "x", folder, {}, photo, Inverted(starts=17)
        ),
        "the number of steps is a whole number from 0 to 1000": lambda: results.invert(
            model, "x", folder, {}, photo, Inverted(steps=1001)
        ),
        "mask reads a file of this machine": lambda: results.invert(
            model, "x", folder, {}, photo, Inverted(("mask=/etc/passwd",))
        ),
    }


@pytest.mark.parametrize("message", refusals(None, Path()))
def test_sizes_are_bounded(message: str, models: Path, tmp_path: Path) -> None:
    model = ganzoo.load(models / "dcgan", device="cpu")
    (tmp_path / "photo.png").symlink_to(models / "photo.png")
    with pytest.raises(InvalidRequestError) as raised:
        refusals(model, tmp_path)[message]()
    assert str(raised.value).startswith(message)


def test_what_is_uploaded_is_read_strictly(models: Path, tmp_path: Path) -> None:
    model = ganzoo.load(models / "cyclegan", device="cpu")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")  # Pillow would start Ghostscript
    with pytest.raises(UnreadableImage):
        results.translate(model, "x", tmp_path, {}, bad, resize=None, tile=None)
    with pytest.raises(InvalidRequestError):
        results.invert(ganzoo.load(models / "dcgan"), "x", tmp_path, {}, bad, Inverted(steps=0))


def test_no_degradation_that_reads_a_file_is_offered() -> None:
    assert "noise=SIGMA" in results.degradations()
    assert not any("mask" in each for each in results.degradations())
