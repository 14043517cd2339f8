"""The program that prepares the two emoji sets, and its measures of translations."""

import importlib.util
import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.pretrained.load import load

PROGRAM = Path(__file__).parents[2] / "reproduce" / "emoji.py"


@pytest.fixture(scope="module")
def emoji():
    spec = importlib.util.spec_from_file_location("reproduce_emoji", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(levels):
    """One image, (1, 3, H, W), gray with the given levels of 255."""
    return torch.tensor(levels, dtype=torch.float32).expand(1, 3, -1, -1) / 127.5 - 1


def test_flat_patches_are_counted_among_those_that_are_not_white(emoji):
    """Four rows and six columns have 2 x 4 patches. The middle of two is white; two more have a white edge."""
    levels = [[255.0, 255, 90, 90, 90, 90]] + [[255.0, 255, 90, 90, 90, 90] for _ in range(3)]
    assert emoji.flat_share(picture(levels)) == pytest.approx(4 / 6)
    levels[3][5] = 97.0  # one level more than a flat patch may have
    assert emoji.flat_share(picture(levels)) == pytest.approx(3 / 6)
    levels[3][5] = 96.0
    assert emoji.flat_share(picture(levels)) == pytest.approx(4 / 6)


def test_a_single_channel_is_enough_to_be_not_flat(emoji):
    image = picture([[90.0] * 3] * 3).clone()
    assert emoji.flat_share(image) == 1
    image[0, 2, 0, 0] += 0.1
    assert emoji.flat_share(image) == 0


def test_an_even_shade_is_smooth_and_not_flat(emoji):
    shade = torch.arange(8.0).mul(5) + torch.arange(8.0)[:, None] * 3 + 50
    assert emoji.flat_share(picture(shade.tolist())) == 0
    assert emoji.flat_share(picture(shade.tolist()), shaded=True) == 1
    mottled = shade + 8 * (torch.arange(64) % 2).view(8, 8).roll(1, 0) * (torch.arange(8) % 2)[:, None]
    assert emoji.flat_share(picture(mottled.tolist()), shaded=True) < 1


def test_the_gap_of_the_other_set_is_zero(emoji):
    source, target = {"L1": 0.4, "flat": 0.3, "smooth": 0.4}, {"L1": 0.0, "flat": 0.5, "smooth": 0.6}
    assert emoji.gap(target, source, target) == 0
    assert emoji.gap(source, source, target) == pytest.approx(1 + 0.2 + 0.2)
    assert emoji.gap({"L1": 0.3, "flat": 0.6, "smooth": 0.6}, source, target) == pytest.approx(0.75 + 0.1)


def test_each_name_is_in_one_part_and_in_both_sets(emoji, tmp_path, monkeypatch):
    monkeypatch.setattr(emoji, "TEST", 3)
    monkeypatch.setattr(emoji, "VALIDATION", 2)
    names = [f"1f60{digit}.png" for digit in range(9)]
    for maker in ("google", "twitter"):
        folder = tmp_path / maker / "img" / maker / "64"
        folder.mkdir(parents=True)
        for name in [*names, "1f44b-1f3fb.png", "flag.png", f"{maker}.png"]:
            Image.new("RGBA", (8, 8)).save(folder / name)
    (tmp_path / "google" / "emoji.json").write_text(json.dumps([{"category": "Flags", "image": "flag.png"}]))
    emoji.prepare(tmp_path / "google", tmp_path / "twitter", tmp_path / "emoji")
    parts = {part.name: {path.name for path in part.iterdir()} for part in (tmp_path / "emoji").iterdir()}
    sizes = {"train": 4, "validation": 2, "test": 3}
    assert {name: len(part) for name, part in parts.items()} == {f"{p}{d}": n for p, n in sizes.items() for d in "AB"}
    assert all(parts[f"{part}A"] == parts[f"{part}B"] for part in sizes)
    assert set().union(*parts.values()) == set(names)


@pytest.fixture(scope="module")
def held_out(emoji):
    """The held-out pictures of both sets, as `prepare` wrote them: ``emoji`` in the folder that GANZOO_DATA names."""
    folder = Path(os.environ.get("GANZOO_DATA", "data"), "emoji")
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return [emoji.load(folder / f"test{domain}") for domain in "AB"]


def redrawn(name, source):
    return load(name).translate(source, direction="noto2twemoji", batch_size=20)


@pytest.mark.long
@pytest.mark.parametrize("name", ["cyclegan-noto2twemoji", "pix2pix-noto2twemoji"])
def test_the_bundled_models_make_flat_pictures(emoji, held_out, name):
    source, target = held_out
    before, after, wanted = map(emoji.flat_share, (source, redrawn(name, source), target))
    assert before + 0.03 < after < wanted


@pytest.mark.long
def test_pairs_teach_colors(held_out):
    """pix2pix comes nearer to the other set than CycleGAN, and makes the gray key of the first picture blue."""
    source, target = held_out
    paired, unpaired = (redrawn(f"{kind}-noto2twemoji", source) for kind in ("pix2pix", "cyclegan"))
    assert (paired - target).abs().mean() < 0.95 * (unpaired - target).abs().mean()
    red, _, blue = paired[0].mean((1, 2))
    assert blue - red > 0.4 > (source[0].mean((1, 2))[2] - source[0].mean((1, 2))[0])
