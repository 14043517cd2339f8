"""`ganzoo export --format`: files that work without ganzoo, as the text next to them says."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.errors import EngineError
from ganzoo.interface.engine import EngineFunctions
from ganzoo.registry import lookup
from ganzoo.sampling.engines import why_unusable
from in_process import ganzoo as shell
from models import publish

SMALL = {
    "gan": {"generator_widths": (8,), "resolution": 8},
    "dcgan": {"resolution": 16, "channels": 1, "generator_width": 4, "discriminator_width": 4},
    "biggan": lookup.registry().architectures["biggan"].tiny,
    "cyclegan": {"resolution": 32, "width": 4, "blocks": 1, "domains": ("day", "night")},
}
CLASSES = {"biggan": ("cat", "dog", "owl")}
FORMATS = {"torch-export": "pt2", "onnx": "onnx", "openvino": "xml"}

needs = {
    name: pytest.mark.skipif(bool(why_unusable(engine, "cpu")), reason=f"{name} is not installed")
    for name, engine in lookup.registry().engines.items()
}
every_format = pytest.mark.parametrize(
    "file_format",
    [
        "torch-export",
        pytest.param("onnx", marks=needs["onnxruntime"]),
        pytest.param("openvino", marks=needs["openvino"]),
    ],
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        name: publish(folder / name, name, config, classes=CLASSES.get(name, ()), scale=3)
        for name, config in SMALL.items()
    }


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return partial(shell, monkeypatch, capsys)


def follow(card: Path) -> dict:
    """Run the Python code of a card, word by word."""
    [code] = re.findall(r"```python\n(.*?)```", card.read_text(), re.DOTALL)
    assert code.count("\n") == 2
    names: dict = {}
    exec(code, names)
    return names


@every_format
@pytest.mark.parametrize("architecture", SMALL)
def test_the_file_runs_as_its_card_says(run, published, architecture, file_format):
    ending = FORMATS[file_format]
    done = run("export", published[architecture], "--format", file_format, "-o", f"out/model.{ending}")
    files = sorted(os.listdir("out"))
    assert sorted(Path(line).name for line in done.out.splitlines()) == files, done.err
    assert files == sorted({f"model.{ending}", f"model.{ending}.md", *(["model.bin"] if ending == "xml" else [])})
    os.chdir("out")
    images = torch.as_tensor(follow(Path(f"model.{ending}.md"))["image"])
    shape = ganzoo.load(published[architecture], device="cpu").image_shape
    assert images.shape == (2, *shape)
    assert images.dtype == torch.float32
    assert -1 <= images.min() < images.max() <= 1


def test_its_images_are_those_of_the_model(run, published):
    assert run("export", published["biggan"], "--format", "torch-export", "-o", "b.pt2").code == 0
    model = ganzoo.load(published["biggan"], device="cpu")
    module = torch.export.load("b.pt2").module()
    for label, truncation in ((2, 1.0), (0, 0.5)):
        z = model.draw(4, seed=9, request=model.request(label=label, truncation=truncation))["z"]
        labels = torch.full((4,), label)
        images = module(z=z, truncation=torch.full((4,), truncation), label=labels)
        expected = model.sample(4, seed=9, label=label, truncation=truncation)
        assert torch.allclose(images, expected, rtol=0, atol=1e-5)
    card = Path("b.pt2.md").read_text()
    assert "| input `label` | int64 (N,): the class: 0 cat, 1 dog, 2 owl |" in card
    assert "latents, standard normal" in card


@pytest.mark.parametrize(("direction", "name"), [(None, "day2night"), ("night2day", "night2day")])
def test_a_translation_takes_any_size(run, published, direction, name):
    asked = ["--direction", direction] if direction else []
    assert run("export", published["cyclegan"], "--format", "torch-export", "-o", "c.pt2", *asked).code == 0
    model = ganzoo.load(published["cyclegan"], device="cpu")
    module = torch.export.load("c.pt2").module()
    for size in ((1, 3, 8, 8), (3, 3, 64, 20)):
        images = torch.rand(size) * 2 - 1
        expected = model.translate(images, direction=name)
        assert torch.allclose(module(source_image=images), expected, rtol=0, atol=1e-5)
    assert f"cyclegan, {name}, as torch-export" in Path("c.pt2.md").read_text()


def test_uniform_latents_are_called_so(run, published):
    assert run("export", published["gan"], "--format", "torch-export", "-o", "g.pt2").code == 0
    text = Path("g.pt2.md").read_text()
    uniform = ganzoo.load(published["gan"]).config.latent == "uniform"
    assert ("uniform in [-1.732, 1.732)" in text) is uniform


def test_a_registered_model_is_exported(run):
    assert run("export", "gan-mnist", "--format", "torch-export", "-o", "g.pt2").out == "g.pt2\ng.pt2.md\n"
    assert "| license | " in Path("g.pt2.md").read_text()
    assert sorted(os.listdir()) == ["g.pt2", "g.pt2.md"]


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--format", "onyx", "-o", "a.onnx"], "there is no format 'onyx' - did you mean onnx?"),
        (["--format", "torch-export", "-o", "a.onnx"], "a.onnx ends in no known format - use .pt2"),
        (["--format", "torch-export", "-o", "old.pt2"], "old.pt2 exists - replace it with --overwrite"),
        (["--format", "torch-export", "-o", "a.pt2", "--half"], "--half and --standing-stats are for folders"),
        (["--format", "torch-export", "-o", "a.pt2", "--direction", "x"], "takes no direction: it is unconditional"),
        (["-o", "folder", "--direction", "x"], "--direction is for files - leave it out, or add --format"),
    ],
)
def test_wrong_requests_are_refused(run, published, arguments, error):
    Path("old.pt2").write_text("old")
    done = run("export", published["dcgan"], *arguments)
    assert (done.code, done.out) == (2, "")
    assert error in done.err
    assert os.listdir() == ["old.pt2"]


def test_a_library_that_is_not_installed_is_named(run, published, monkeypatch):
    from importlib import metadata

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("ganzoo.utils.distributions.metadata.distribution", absent)
    done = run("export", published["dcgan"], "--format", "openvino", "-o", "a.xml")
    assert done.code == 2
    assert done.err == (
        "ganzoo: error: the format openvino cannot be written: openvino not installed: pip install openvino\n"
    )


@pytest.mark.parametrize("fault", ["cannot", "differs"])
def test_what_cannot_be_exported_leaves_nothing(published, tmp_path, monkeypatch, fault):
    from ganzoo.pretrained.portable import export_file
    from ganzoo.pretrained.resolve import resolve

    engine = lookup.registry().engines["torch"]
    right = engine.load()

    def prepare(network, folder):
        if fault == "cannot":
            raise ValueError("it branches on values")
        right.prepare(network, folder)

    def wrong(network, folder):
        run = right.open(network, folder)
        return lambda inputs: run(inputs) + 0.27

    monkeypatch.setattr(type(engine), "load", lambda self: EngineFunctions(prepare, wrong), raising=False)
    object.__delattr__(engine, "load")
    reason = {
        "cannot": "ValueError: it branches on values",
        "differs": "its images differ from PyTorch's by up to 0.27",
    }
    with pytest.raises(EngineError, match=f"dcgan cannot be exported as torch-export: {reason[fault]} - try another"):
        export_file(resolve(published["dcgan"]), tmp_path / "a.pt2", "torch-export")
    assert list(tmp_path.iterdir()) == []
    lookup.use(None)
