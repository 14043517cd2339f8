"""Clean resizing is PIL's, of single channels in floats, as clean-fid has it; and an evaluation says so."""

import numpy as np
import pytest
import torch
from PIL import Image

from datasets import blobs, write_pictures
from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.report import facts, rows
from ganzoo.evaluation.resizing import clean_resize
from ganzoo.testing import noise_data


def as_clean_fid_does(image, side):
    """(C, side, side) from uint8 (C, H, W): clean-fid's definition, with PIL."""
    channels = [Image.fromarray(channel.astype(np.float32)) for channel in image.numpy()]
    resized = [np.asarray(each.resize((side, side), Image.Resampling.BICUBIC)) for each in channels]
    return torch.from_numpy(np.stack(resized).clip(0, 255))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 48), (3, 299, 299), (3, 500, 310)])
def test_it_is_pils_bicubic_filter_on_floats(shape):
    image = noise_data(shape, 1).images
    found = clean_resize(image, 299)
    torch.testing.assert_close(found[0], as_clean_fid_does(image[0], 299), atol=255e-7, rtol=0)
    assert found.dtype == torch.float32


def test_it_passes_gradients():
    image = noise_data((3, 40, 40), 1).images.float().requires_grad_()
    (gradient,) = torch.autograd.grad(clean_resize(image, 20).sum(), image)
    assert bool(gradient.any())


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two folders of pictures whose lines of one pixel are lost without antialiasing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    for seed, name in enumerate(("ours", "others")):
        write_pictures(tmp_path / name, blobs(24, 48, seed=seed, channels=3))


def fid(**options):
    return evaluate("ours", against="others", features="mnist", metrics=("fid", "kid", "prdc"), **options)


@pytest.mark.usefixtures("here")
def test_a_number_with_clean_resizing_is_named_so():
    plain, clean = fid(), fid(resize="clean")
    assert clean.score("fid").value != plain.score("fid").value, "the cache keeps them apart"
    assert clean.features["resize"] == "clean"
    assert "resize" not in plain.features
    assert [row["metric"] for row in rows(clean.as_json())][:2] == ["FID (mnist, clean)", "KID (mnist, clean)"]
    assert [row["metric"] for row in rows(plain.as_json())][:3] == ["FID (mnist)", "KID (mnist)", "precision"]
    assert facts(clean.as_json())["features"] == "mnist (trained on mnist), clean resizing"
    assert clean.command.endswith("--resize clean")
    assert any("can be compared only with numbers with clean resizing" in note for note in clean.notes)
    assert fid(resize="clean").scores == clean.scores


@pytest.mark.usefixtures("here")
def test_only_inceptions_fid_by_its_own_resizing_is_called_fid():
    result = fid().as_json()
    result["features"] = {"name": "inception", "trained_on": "imagenet"}
    assert rows(result)[0]["metric"] == "FID"
    result["features"]["resize"] = "clean"
    assert rows(result)[0]["metric"] == "FID (clean)"


@pytest.mark.usefixtures("here")
def test_what_cannot_be_resized_is_refused():
    with pytest.raises(InvalidRequestError, match="lpips-vgg16 takes images of any size as they are"):
        evaluate("ours", against="others", features="lpips-vgg16", metrics=("fid",), resize="clean")
    with pytest.raises(InvalidRequestError, match="--resize clean is for metrics by features"):
        evaluate("ours", against="others", metrics=("lpips",), resize="clean")
    with pytest.raises(UnknownNameError, match="there is no resizing 'claen' - did you mean clean"):
        fid(resize="claen")
