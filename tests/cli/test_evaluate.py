"""`ganzoo evaluate` and `ganzoo quiz` as a person types them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from datasets import blobs, write_fashion_mnist, write_pictures
from ganzoo.cli import main as cli
from ganzoo.evaluation import quiz
from ganzoo.images import sheets
from ganzoo.registry import lookup
from in_process import ganzoo as shell
from models import publish


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command line, in this process, beside a small Fashion-MNIST, a model and a folder of pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "SLOW_IMPORT", 60)  # the machine may be busy
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    write_fashion_mnist(tmp_path / "data")
    grey = {"resolution": 16, "channels": 1, "generator_width": 4}
    publish(tmp_path / "model", "dcgan", grey, dataset="fashion-mnist")
    write_pictures(tmp_path / "pictures", blobs(30, 20, seed=5, channels=3))

    return partial(shell, monkeypatch, capsys)


FEW = ("-n", 20, "--metrics", "is,fid", "--is-splits", "1,5,10")


def test_a_table_with_what_it_rests_on(run):
    code, out, err = run("evaluate", "./model", *FEW)
    assert code == 0, err
    facts, table = out.split("\n\n")
    assert "20 x samples of ./model" in facts
    assert "fashion-mnist (trained on fashion-mnist)" in facts
    heading, *rows = [line.split("\t") for line in table.splitlines()]
    assert heading == ["metric", "by fashion-mnist features", "plus_minus", "floor"]
    names = ["IS, 1 split", "IS, 5 splits", "IS, 10 splits", "clarity, E H(y|x), nats", "variety, H(y), nats"]
    assert [row[0] for row in rows] == [*names, "FID (fashion-mnist)"]
    assert all(float(row[1]) >= 0 for row in rows)
    assert " ± " in rows[0][3]
    warnings = [line for line in err.splitlines() if line.startswith("ganzoo: warning: ")]
    assert len(warnings) == 1
    assert "read KID (add it with --metrics)" in warnings[0]
    notes = [line for line in err.splitlines() if line.startswith("ganzoo: note: ")]
    assert notes[0].endswith("training images: images were converted from 1x28x28 to 1x16x16")
    assert len(warnings) + len(notes) == len(err.splitlines())


def test_16_bits_are_stated(run):
    code, out, err = run("evaluate", "./model", *FEW, "--metrics", "is", "--precision", "bf16", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert any(note.startswith("bf16 changes pixels, in [-1, 1], by up to 0.0") for note in found["notes"])
    assert "--precision bf16" in found["command"]


def test_folders_have_no_precision(run):
    code, out, err = run("evaluate", "pictures", "--against", "pictures", "--precision", "bf16")
    assert (code, out) == (2, "")
    assert err == "ganzoo: error: pictures is a folder of pictures: it takes no precision - leave it out\n"


def test_one_class(run, tmp_path):
    tiny = lookup.registry().architectures["biggan"].tiny
    publish(tmp_path / "animals-model", "biggan", tiny, dataset="animals", classes=("dog", "cat", "owl"))
    for i, animal in enumerate(("cat", "dog")):
        write_pictures(tmp_path / "animals" / animal, blobs(24, 32, seed=i, channels=3))
    beside = ("--against", "animals", "--features", "mnist", *FEW)
    code, out, err = run("evaluate", "./animals-model", *beside, "--class", "cat")
    assert code == 0, err
    assert "20 x samples of ./animals-model, class cat" in out
    assert "24 x animals, class cat" in out
    assert run("evaluate", "./animals-model", *beside, "--class", "owl")[0] == 2


def test_json_and_the_file_are_the_same(run, tmp_path):
    code, out, _ = run("evaluate", "./model", *FEW, "--json", "-o", "found.json", "--sheet", "sheet.png")
    assert code == 0
    said = json.loads(out)
    assert said == json.loads((tmp_path / "found.json").read_text())
    assert said["command"].endswith("-n 20 --seed 0 --metrics is,fid --is-splits 1,5,10")
    assert len(said["copies"]) == 16
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 8 * (64 + 2) + 2
    code, _, err = run("evaluate", "./model", *FEW, "-o", "found.json")
    assert (code, err) == (
        2,
        "ganzoo: error: found.json exists - replace it with --overwrite, or choose another file name\n",
    )
    assert run("evaluate", "./model", *FEW, "-o", "found.json", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("model-x",), "there is no model 'model-x'"),
        (("pictures",), "say with --against"),
        (("./model", "--metrics", "fid,ids"), "there is no metric 'ids'"),
        (("./model", "--is-splits", "1,two"), "write whole numbers"),
        (("./model", "--features", "mnits"), "mnist"),
        (("./model", "-n", "0"), "0 is not in the range"),
        (("./model", "-o", "found.txt"), "ends in no known format - use .json"),
        (("./model", "--sheet", "no/such/../file"), "ends in no known format - use .png"),
        (("./model", "--against", "nowhere"), "'nowhere' is neither a folder nor a data set"),
        (("./model", "-n", "5"), "too few"),
    ],
)
def test_what_cannot_be_is_one_line_and_2(run, arguments, text):
    code, out, err = run("evaluate", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("ganzoo: error: ")
    assert text in err
    assert err.count("\n") == 1


def test_data_that_cannot_be_had_is_one_line_and_1(run, monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", unreachable)
    code, _, err = run("evaluate", "./model", "--data-dir", "elsewhere", "-n", 20)
    assert code == 1
    assert f"fashion-mnist is not in {Path('elsewhere').resolve()}" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["mnist", "inception"])
def test_info_tells_of_features(run, name):
    code, out, _ = run("info", name, "--json")
    said = json.loads(out)
    assert code == 0
    assert said["dataset"] == lookup.registry().feature_extractors[name].dataset
    assert said["sha256"] == lookup.registry().feature_extractors[name].weights.sha256
    assert [other["kind"] for other in said.get("also", ())] == (["data source"] if name == "mnist" else [])


def test_bundled_features_need_no_pull(run):
    assert run("pull", "fashion-mnist")[:2] == (0, "fashion-mnist (feature extractor)\tis bundled: nothing to pull\n")


# --- quiz -----------------------------------------------------------------------------------------


def shade(picture):
    """The colour of a sheet's frame, or white."""
    return picture.getpixel((0, 0))


def cut(path):
    """The 16 pictures of a sheet, with their frames."""
    with Image.open(path) as sheet:
        width, height = ((side - 5 * gap(sheet)) // 4 for side in sheet.size)
        across, down = width + gap(sheet), height + gap(sheet)
        corners = [(gap(sheet) + across * (i % 4), gap(sheet) + down * (i // 4)) for i in range(16)]
        return [sheet.convert("RGB").crop((x, y, x + width, y + height)) for x, y in corners]


def gap(sheet):
    return 3


def test_a_quiz_of_8_real_and_8_generated_and_its_answers(run, tmp_path):
    code, out, err = run("quiz", "fashion-mnist", "--model", "./model", "-o", "which.png")
    assert (code, out) == (0, "which.png\nwhich-answers.png\n"), err
    asked, answered = cut("which.png"), cut("which-answers.png")
    assert {shade(picture) for picture in asked} == {(255, 255, 255)}
    colours = [shade(picture) for picture in answered]
    assert (colours.count(quiz.REAL), colours.count(quiz.GENERATED)) == (8, 8)
    inside = (sheets.FRAME, sheets.CAPTION, 96 + sheets.FRAME, 96 + sheets.CAPTION)
    assert [a.crop(inside).tobytes() for a in asked] == [a.crop(inside).tobytes() for a in answered]
    test_images = blobs(30, 28, seed=2)
    from ganzoo.images.tensors import resize

    known = {bytes(image.flatten().tolist()) for image in resize(test_images, (16, 16))}
    for picture, colour in zip(asked, colours, strict=True):
        small = picture.crop(inside).convert("L").resize((16, 16), Image.Resampling.NEAREST)
        assert (small.tobytes() in known) == (colour == quiz.REAL)


def captions(pictures):
    """The strip above each picture, as black ink on white."""
    strips = [picture.crop((sheets.FRAME, 0, 96 + sheets.FRAME, sheets.CAPTION)) for picture in pictures]
    return [strip.convert("L") for strip in strips]


def test_the_pictures_of_a_quiz_have_numbers_and_the_answers_the_same(run):
    assert run("quiz", "fashion-mnist", "--model", "./model", "-o", "which.png")[0] == 0
    asked, answered = (captions(cut(path)) for path in ("which.png", "which-answers.png"))
    assert all(strip.getextrema()[0] < 64 for strip in asked)  # there is ink in every strip
    assert len({strip.tobytes() for strip in asked}) == 16
    widths = [ImageOps.invert(strip).getbbox()[2] for strip in asked]
    assert max(widths[:9]) < min(widths[9:])  # 1 to 9, row by row, then 10 to 16
    assert len({strip.tobytes() for strip in answered}) == 16


def test_a_quiz_has_its_model_in_its_name(run):
    assert run("quiz", "fashion-mnist", "--model", "./model", "--seed", "2").out.startswith(
        "quiz-fashion-mnist-seed2-model.png\n"
    )


def test_a_quiz_of_pairs_of_an_original_and_its_restoration(run):
    arguments = ("quiz", "fashion-mnist", "--model", "./model", "-o", "which.png", "--restored", "box=4,4,8,8")
    code, out, err = run(*arguments)
    assert (code, out) == (0, "which.png\nwhich-answers.png\n"), err
    colours = [shade(picture) for picture in cut("which-answers.png")]
    pairs = [set(colours[i : i + 2]) for i in range(0, 16, 2)]
    assert pairs == [{quiz.REAL, quiz.GENERATED}] * 8
    assert len(set(colours[::2])) == 2  # the original is not always on the same side


def test_another_seed_is_another_quiz(run):
    places = []
    for seed in (0, 1):
        assert run("quiz", "fashion-mnist", "--model", "./model", "--seed", seed, "-o", f"{seed}.png")[0] == 0
        places.append([shade(picture) for picture in cut(f"{seed}-answers.png")])
    assert places[0] != places[1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("fashion",), "neither a folder nor a data set"),
        (("kmnist",), "no model here has learned kmnist"),
        (("pictures",), "has no test images"),
        (("fashion-mnist", "--model", "cyclegan-horse2zebra"), "translates"),
        (("fashion-mnist", "-o", "quiz.txt"), "ends in no known format"),
        (("fashion-mnist", "--restored", "nois=1"), "did you mean noise"),
    ],
)
def test_a_quiz_that_cannot_be(run, arguments, text):
    code, out, err = run("quiz", *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1


def test_a_quiz_takes_what_needs_no_download():
    chosen = quiz.prepare_quiz("mnist", model=None, seed=0, output=None, overwrite=False, data_dir="data").source.name
    assert lookup.registry().models[chosen].weights.__class__.__name__ == "BundledFile"
