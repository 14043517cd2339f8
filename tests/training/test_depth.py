"""From folders of 16 bits or many channels to a model, and from the model to such files: what the docs type."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo import testing
from ganzoo.cli.main import cli
from ganzoo.data.load import load_data, load_opened
from ganzoo.data.pairs import Pairs
from ganzoo.errors import GanzooError, InvalidRequestError, OutputError, PluginError
from ganzoo.evaluation.channels import check_channels
from ganzoo.images.tensors import to_pixels
from ganzoo.registry import lookup
from ganzoo.training.plan import make_plan
from ganzoo.weights.folder import read_description

SMALL = ("--config", "resolution=16", "--config", "generator_width=4", "--config", "discriminator_width=4")
FAST = ("--batch-size", "8", "--workers", "0", "--device", "cpu")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ramps(count: int = 12) -> np.ndarray:
    """Smooth gradients (N, 20, 20) in [0, 1], with more levels than 8 bits have."""
    rows, columns = np.mgrid[:20, :20] / 19
    slopes = np.random.default_rng(0).uniform(0, 0.5, (count, 2, 1, 1))
    return slopes[:, 0] * rows + slopes[:, 1] * columns


def scans() -> None:
    Path("scans").mkdir()
    for number, ramp in enumerate(ramps()):
        Image.fromarray((ramp * 65_535).astype(np.uint16)).save(f"scans/{number:02}.png")


def bands() -> None:
    Path("bands").mkdir()
    for number, ramp in enumerate(ramps()):
        np.save(f"bands/{number:02}.npy", np.stack([ramp * (band + 1) / 5 for band in range(5)]))


def run(*words: str) -> str:
    """What `ganzoo` says."""
    result = CliRunner().invoke(cli, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: str) -> str:
    """The line with which `ganzoo` refuses a wrong request."""
    error = CliRunner().invoke(cli, list(words)).exception
    assert isinstance(error, GanzooError)
    assert "\n" not in str(error)
    return str(error)


def training(data: str, *options: str) -> list[str]:
    return ["train", "dcgan", "--data", data, *options, *SMALL, *FAST, "-o", "run"]


def test_gray_scans_of_16_bits():
    scans()
    run(*training("scans", "--config", "channels=1", "--depth", "16", "--iterations", "2"))
    assert read_description(Path("run")).depth == 16
    card = Path("run/README.md").read_text()
    assert "16x16, gray, 16 bits" in card
    assert " --depth 16 " in card
    assert "16 bits" in run("info", "run")
    said = run("sample", "run", "-n", "4", "-o", "samples")
    assert "shows" not in said
    model = ganzoo.load("run", device="cpu")
    assert model.depth == 16
    wanted = ((model.sample(4).double() + 1) * 32_767.5).round()
    found = [np.asarray(Image.open(f"samples/seed{seed:04}.png")) for seed in range(4)]
    assert {picture.dtype for picture in found} == {np.dtype(np.uint16)}
    assert np.abs(np.stack(found) - wanted[:, 0].numpy()).max() <= 1
    assert len(np.unique(found)) > 10 * len(np.unique(np.stack(found) >> 8))


def test_copies_of_a_model_keep_its_depth():
    scans()
    run(*training("scans", "--config", "channels=1", "--depth", "16", "--iterations", "1"))
    run("export", "run", "-o", "copy", "--half")
    assert read_description(Path("copy")).depth == 16
    path = Path("copy/config.json")
    path.write_text(path.read_text().replace('"depth": 16', '"depth": 12'))
    assert "depth must be 8 or 16, not 12" in refused("sample", "./copy")


def test_registered_models_have_a_depth_of_8_or_16():
    declared = lookup.registry().models["dcgan-mnist"]
    assert dataclasses.replace(declared, depth=16).depth == 16
    with pytest.raises(PluginError, match="PretrainedModel dcgan-mnist: depth is 8 or 16, not 12"):
        dataclasses.replace(declared, depth=12)


def test_files_of_a_model_of_16_bits():
    scans()
    run(*training("scans", "--config", "channels=1", "--depth", "16", "--iterations", "1"))
    sheet = run("sample", "run", "-n", "4", "-o", "sheet.png")
    assert "note: a sheet shows 8 of 16 bits - name a folder with -o for all" in sheet
    run("sample", "run", "-n", "4", "-o", "samples.npz")
    images = np.load("samples.npz")["images"]
    assert (images.shape, images.dtype) == ((4, 16, 16, 1), np.uint16)
    for name in ("npy", "tiff"):
        run("sample", "run", "-n", "2", "-o", name, "--format", name)
    assert np.array_equal(np.load("npy/seed0001.npy"), images[1, :, :, 0])
    assert np.array_equal(np.asarray(Image.open("tiff/seed0001.tiff")), images[1, :, :, 0])
    run("sample", "run", "-n", "1", "-o", "one.tif")
    assert np.array_equal(np.asarray(Image.open("one.tif")), images[0, :, :, 0])
    assert "tiff is a format for one image - name a folder with -o, or an .npz file" in refused(
        "sample", "run", "-n", "2", "-o", "two.tif"
    )
    assert "run makes images of 16 bits, which jpg cannot hold - use png, tiff or npy" in refused(
        "sample", "run", "-o", "jpgs", "--format", "jpg"
    )


def test_five_bands():
    bands()
    run(*training("bands", "--config", "channels=5", "--depth", "16", "--iterations", "1"))
    assert Path("run/samples/00000001.png").exists()
    sheet = run("sample", "run", "-n", "4", "-o", "sheet.png")
    assert "note: a sheet shows 3 of 5 channels and 8 of 16 bits" in sheet
    assert "run makes images with 5 channels, which no png holds - use tiff or npy" in refused(
        "sample", "run", "-n", "2", "-o", "bands5"
    )
    run("sample", "run", "-n", "2", "-o", "bands5", "--format", "npy")
    array = np.load("bands5/seed0000.npy")
    assert (array.shape, array.dtype) == ((16, 16, 5), np.uint16)
    run("invert", "run", "--input", "bands/00.npy", "-o", "found", "--starts", "1", "--steps", "1")
    assert np.load("found/pictures/00.npy").shape == (16, 16, 5)
    assert "run makes images with 5 channels, and the features inception are of 1 or 3 - name an extractor" in refused(
        "evaluate", "run", "--against", "bands", "--count", "10"
    )


def test_what_is_squeezed_to_8_bits_is_said():
    scans()
    said = run(*training("scans", "--config", "channels=1", "--iterations", "1"))
    assert "scans: 12 had 16 bits, scaled to 8" in said
    assert "scans: keep all of their bits with --depth 16" in said
    assert read_description(Path("run")).depth == 8
    assert "depth" not in json.loads(Path("run/config.json").read_text())


def test_another_depth_is_another_run():
    scans()
    run(*training("scans", "--config", "channels=1", "--depth", "16", "--iterations", "1"))
    said = refused("train", "--resume", "run", "--depth", "8", "--iterations", "2")
    assert "depth: 16 then, 8 now" in said
    run("train", "--resume", "run", "--iterations", "2", "--device", "cpu")
    plan = make_plan("dcgan", "scans", init="run")
    assert plan.depth == 16


def test_what_has_no_16_bits():
    scans()
    for words, message in (
        (("ring", "--depth", "16"), "ring has no pictures of 16 bits - leave out --depth, or name a folder"),
        (("scans", "--depth", "12"), "depth must be 8 or 16, not 12"),
        (("scans", "--config", "channels=0"), "an image has at least 1 channel and 1 pixel, not the shape (0, 16, 16)"),
    ):
        assert message in refused(*training(*words, "--iterations", "1"))
    assert not Path("run").exists()


def test_a_data_set_in_memory_has_the_bits_and_channels_that_it_has():
    data = testing.noise_data((1, 8, 8))
    with pytest.raises(InvalidRequestError, match="noise has no 5 channels - name a folder that has"):
        load_opened(data, (5, 8, 8), name="noise")
    with pytest.raises(InvalidRequestError, match="noise has no pictures of 16 bits"):
        load_opened(data, (1, 8, 8), name="noise", depth=16)
    deep = dataclasses.replace(data, images=to_pixels(data.images, 16))
    assert next(load_opened(deep, (3, 4, 4), name="noise", depth=16).stream(iter([[0]])))["image"].dtype == torch.uint16
    assert next(load_opened(deep, (3, 4, 4), name="noise").stream(iter([[0]])))["image"].dtype == torch.uint8


# --- data -------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_memory", [True, False])
def test_folders_keep_16_bits(monkeypatch, in_memory):
    if not in_memory:
        monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", 15)
    scans()
    data = load_data("scans", (1, 20, 20), depth=16)
    images = next(data.stream(iter([range(12)])))["image"]
    assert images.dtype == torch.uint16
    assert np.array_equal(images[:, 0].numpy(), (ramps() * 65_535).astype(np.uint16))
    squeezed = load_data("scans", (1, 20, 20))
    assert any("had 16 bits, scaled to 8" in note for note in squeezed.notes)


def test_memory_is_counted_in_bytes(monkeypatch):
    scans()
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", 12 * 20 * 20)
    assert "read as they are needed" not in " ".join(load_data("scans", (1, 20, 20)).notes)
    assert "read as they are needed" in " ".join(load_data("scans", (1, 20, 20), depth=16).notes)


def test_pairs_keep_16_bits():
    for folder in ("trainA", "trainB"):
        Path(folder).mkdir()
        for number, ramp in enumerate(ramps(3)):
            np.save(f"{folder}/{number}.npy", ramp if folder == "trainA" else ramp / 2)
    data = load_data(".", (1, 20, 20), parts=("a", "b"), paired=True, depth=16)
    assert isinstance(data, Pairs)
    first, second = (next(part.stream(iter([[1]])))["image"].int() for part in data.parts.values())
    assert (first - 2 * second).abs().max() <= 1
    assert first.max() > 255


# --- translations, and what looks at images ---------------------------------------------------


def test_translations_keep_16_bits(here):
    from models import publish

    scans()
    folder = publish(here / "model", "cyclegan", {"channels": 1, "resolution": 32, "width": 2, "blocks": 1})
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "depth": 16}))
    run("sample", "model", "--input", "scans", "-o", "out", "--device", "cpu")
    model = ganzoo.load("model", device="cpu")
    source = torch.from_numpy(np.asarray(Image.open("scans/03.png")) / 32_767.5 - 1).float()[None]
    wanted = ((model.translate(source) + 1) * 32_767.5).round().numpy()[0]
    found = np.asarray(Image.open("out/03.png"))
    assert found.dtype == np.uint16
    assert np.abs(found - wanted).max() <= 2
    assert len(np.unique(found)) > 256
    np.save("a.npy", ramps(1)[0])
    run("sample", "model", "--input", "a.npy", "-o", "b.npy", "--device", "cpu")
    assert np.load("b.npy").dtype == np.uint16
    assert "a sheet is a picture, and no .npy file - add --format png" in refused(
        "sample", "model", "--input", "a.npy", "--sheet", "-o", "new", "--device", "cpu"
    )


def test_extractors_take_their_channels():
    for channels in (1, 3, 4):
        check_channels("inception", channels, of="x")
    with pytest.raises(InvalidRequestError, match="x makes images with 2 channels, and the features mnist are of 1 or"):
        check_channels("mnist", 2, of="x")
    with pytest.raises(InvalidRequestError, match="5 channels"):
        ganzoo.feature_loss("mnist")(torch.zeros(1, 5, 8, 8), torch.zeros(1, 5, 8, 8))


def test_tiff_files_need_tifffile_before_anything_is_sampled(monkeypatch):
    from ganzoo.sampling.formats import check_holds

    monkeypatch.setattr("ganzoo.sampling.formats.find_spec", lambda name: None)
    check_holds("tiff", 3, 8, of="x")
    for channels, depth in ((1, 16), (5, 8)):
        with pytest.raises(OutputError, match=r"needs tifffile - `pip install 'ganzoo\[tiff\]'`, or use npy"):
            check_holds("tiff", channels, depth, of="x")
