"""How StyleGAN2 samples: truncation, noise, mixed styles, and edits of styles."""

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.errors import InvalidRequestError
from ganzoo_stylegan.sampling import mixed_layers, styles_of
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from in_process import ganzoo as shell
from models import publish

CONFIG = {"resolution": 16, "latent_dim": 8, "style_dim": 8, "mapping_layers": 2, "base_width": 64, "max_width": 8}


@pytest.fixture(scope="module")
def model():
    """A generator whose noise and mean style are not zero."""
    torch.manual_seed(1)
    gan = ganzoo.create("stylegan2", **CONFIG)
    with torch.no_grad():
        gan.generator.mapping.w_avg.copy_(torch.randn(8) * 0.3)
        for layer in gan.generator.synthesis.layers():
            layer.noise_strength.fill_(0.3)
    config = gan.config
    return ganzoo.Model(gan, ganzoo.StyleBased, config, name="styles")


@torch.inference_mode()
def styles(model, *, seed=3, **options):
    """The style of each layer, (styles, style_dim)."""
    return styles_of(model.gan.generator, model.draw(seed=seed, request=model.request(**options)))[0]


def test_truncation_moves_styles_toward_the_mean_style(model):
    mean, full = model.gan.generator.mapping.w_avg, styles(model)
    assert torch.allclose(styles(model, truncation=0.25), mean + 0.25 * (full - mean), atol=1e-6)
    assert torch.allclose(styles(model, truncation=-1), 2 * mean - full, atol=1e-6)
    cut = styles(model, truncation=0.25, cutoff=2)
    assert torch.equal(cut[:2], styles(model, truncation=0.25)[:2])
    assert torch.allclose(cut[2:], full[2:], atol=1e-6)
    images = model.sample(2, truncation=0, noise="none")
    assert torch.allclose(images[0], images[1], atol=1e-6), "with truncation 0, all images are the mean image"


def test_noise_follows_the_seed_is_fixed_or_is_none(model):
    drawn = {kind: model.draw(2, seed=4, request=model.request(noise=kind)) for kind in ("random", "fixed", "none")}
    assert all(torch.equal(each["z"], drawn["random"]["z"]) for each in drawn.values())
    noise = {kind: each["noise"] for kind, each in drawn.items()}
    assert torch.equal(noise["random"], model.draw(2, seed=4)["noise"])
    assert not torch.equal(noise["random"][0], noise["random"][1])
    assert abs(noise["random"].std() - 1) < 0.1
    stored = torch.cat([layer.noise_const.flatten() for layer in model.gan.generator.synthesis.layers()])
    assert torch.equal(noise["fixed"], stored.expand(2, -1))
    assert not noise["none"].any()
    images = [model.generate(each) for each in drawn.values()]
    assert all((images[i] - images[j]).abs().max() > 0.01 for i, j in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize(
    ("blocks", "ends"),
    [(9, (3, 7, 18)), (7, (3, 7, 14)), (5, (3, 7, 10)), (4, (3, 5, 8)), (3, (1, 3, 6)), (2, (1, 1, 4))],
)
def test_styles_are_coarse_middle_or_fine(blocks, ends):
    """At 1024 pixels, coarse are those of 4x4 and 8x8, middle those of 16x16 and 32x32 (arXiv:1812.04948, figure 3)."""
    config = StyleGAN2Config(resolution=2 ** (blocks + 1))
    layers = list(range(config.styles))
    parts = [layers[mixed_layers(config, name)] for name in ("coarse", "middle", "fine")]
    assert [each for part in parts for each in part] == layers
    assert tuple(max(part, default=parts[0][-1]) + 1 for part in parts) == ends


@pytest.mark.parametrize("level", ["coarse", "middle", "fine"])
def test_mixed_images_have_the_styles_of_two_seeds(model, level):
    mixed = styles(model, seed=3, styles=level, styles_from=8)
    other, own = torch.zeros(6, dtype=torch.bool), styles(model, seed=3)
    other[mixed_layers(model.config, level)] = True
    assert torch.equal(mixed[other], styles(model, seed=8)[other])
    assert torch.equal(mixed[~other], own[~other])
    request = model.request(styles=level, styles_from=8)
    assert torch.equal(model.draw(seed=3, request=request)["noise"], model.draw(seed=3)["noise"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"truncation": 3}, "from -2 to 2"),
        ({"truncation": True}, "from -2 to 2"),
        ({"truncation": float("nan")}, "from -2 to 2"),
        ({"cutoff": 2}, "with a truncation"),
        ({"cutoff": 7, "truncation": 0.5}, "at most 6"),
        ({"noise": "loud"}, "fixed, random or none"),
        ({"styles": "coarse"}, "belong together"),
        ({"styles_from": 3}, "belong together"),
        ({"styles": "huge", "styles_from": 3}, "coarse, middle or fine"),
        ({"styles": "fine", "styles_from": -1}, "is a seed"),
        ({"label": 0}, "has no classes"),
    ],
)
def test_wrong_requests_are_refused(model, options, told):
    with pytest.raises(InvalidRequestError, match=told):
        model.sample(1, **options)


def test_interpolations_move_styles_and_keep_the_noise(model):
    start, end = model.draw(seed=1), model.draw(seed=2)
    images = model.interpolate(start, end, steps=3)
    middle = torch.lerp(model.gan.edit_inputs(start)["w"], model.gan.edit_inputs(end)["w"], 0.5)
    still = {"truncation": start["truncation"], "noise": start["noise"]}
    assert torch.allclose(images[1:2], model.generate({"w": middle, **still}), atol=1e-5)
    assert torch.allclose(images[:1], model.generate(start), atol=1e-5)
    assert torch.allclose(images[2:], model.generate({**end, "noise": start["noise"]}), atol=1e-5)
    with pytest.raises(InvalidRequestError, match="nothing moves"):
        model.interpolate(start, end, steps=3, hold=["z"])


def test_edits_move_all_styles_of_an_image(model):
    found = model.directions("sefa", 2)
    layers = model.gan.generator.synthesis.layers()
    moved = [sum((layer.affine.weight @ vector).square().sum() for layer in layers) for vector in found.vectors]
    others = [sum((layer.affine.weight @ vector).square().sum() for layer in layers) for vector in torch.eye(8)]
    assert moved[0] >= max(moved[1], *others) * (1 - 1e-5), "the first direction changes the scales most"
    inputs = model.draw(seed=3)
    edited = model.edit(inputs, found, [0.0, 2.0])
    each = model.gan.inversion_inputs(inputs)  # a style for each layer, as an inversion finds
    assert torch.allclose(model.edit(each, found, [0.0, 2.0]), edited, atol=1e-5)
    w = each["w"] + 2 * found.vectors[0]
    assert torch.allclose(edited[0, 0, 1:], model.generate({**each, "w": w}), atol=1e-5)
    assert model.directions("pca", 2).input == "w"


def test_the_margins_of_a_canvas_are_cut_off():
    whole = ganzoo.create("stylegan2", **CONFIG)
    shown = ganzoo.create("stylegan2", **CONFIG, shown=(12, 16))
    shown.load_state_dict(whole.state_dict())
    inputs = whole.eval().draw_batch([(0, ganzoo.StyleBased())])
    assert torch.equal(shown.eval().generate(inputs), whole.generate(inputs)[:, :, 2:14])
    with pytest.raises(ValueError, match="middle"):
        ganzoo.create("stylegan2", **CONFIG, shown=(13, 16))


# --- the command line ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return publish(tmp_path / "faces", "stylegan2", {**CONFIG, "classes": 3}, classes=("cat", "dog", "wild"), scale=1)


def test_the_sheet_of_mixed_styles(folder, monkeypatch, capsys):
    options = ("--mix", "2,3", "--styles", "middle", "--class", "dog", "--truncation", "0.7", "--scale", "1")
    done = shell(monkeypatch, capsys, "sample", "./faces", *options, "--seed", "5", "-o", "sheet.png")
    assert done.code == 0, done.err
    sheet = Image.open("sheet.png")
    model = ganzoo.load(folder, device="cpu")
    shared = {"label": "dog", "truncation": 0.7}
    gap = (sheet.width - 4 * 16) // 5
    for row, column, image in (
        (0, 1, model.images(1, seed=7, **shared)),
        (1, 0, model.images(1, seed=5, **shared)),
        (2, 3, model.images(1, seed=6, styles="middle", styles_from=9, **shared)),
    ):
        at = (gap + column * (16 + gap), gap + row * (16 + gap))
        cut = np.asarray(sheet.crop((*at, at[0] + 16, at[1] + 16)), dtype=int)
        assert np.abs(cut - np.asarray(image[0], dtype=int)).max() <= 1, (row, column)
    assert sheet.getpixel((8, 8)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--mix", "3"), "--mix 3 is not ROWS,COLUMNS"),
        (("--mix", "0,2"), "number of rows is a whole number of at least 1"),
        (("--mix", "2,2", "-n", "4"), "leave out -n"),
        (("--mix", "2,2", "--class", "cat", "--class", "dog"), "all but one --class"),
        (("--styles", "fine"), "--mix gives both"),
        (("--noise", "loud"), "--noise"),
        (("--class", "3"), "has no class 3"),
    ],
)
def test_wrong_options_are_refused(folder, monkeypatch, capsys, options, told):
    done = shell(monkeypatch, capsys, "sample", "./faces", *options)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert sorted(path.name for path in folder.parent.iterdir()) == ["faces"]


def test_a_model_without_styles_names_the_architecture_that_has_them(monkeypatch, capsys):
    done = shell(monkeypatch, capsys, "sample", "dcgan-mnist", "--mix", "2,2")
    assert done.code == 2
    assert "leave out --mix, or choose a model of stylegan2" in done.err


def test_a_model_with_styles_is_exported(folder, monkeypatch, capsys):
    """For any number of images. The command compares the images of the file with those of PyTorch."""
    done = shell(monkeypatch, capsys, "export", "./faces", "-o", "faces.pt2", "--format", "torch-export")
    assert done.code == 0, done.err
    text = (folder.parent / "faces.pt2.md").read_text()
    assert "| input `noise` | float32 (N, 656): noise, standard normal |" in text
    assert "| input `class`" in text or "| input `label`" in text
