"""DF-GAN generators in the authors' names: both graphs by hand, in the containers of their files, and refused files."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

import ganzoo
from ganzoo.errors import InvalidRequestError, LayoutError
from ganzoo.pretrained.importing import import_checkpoint
from ganzoo.registry import lookup
from ganzoo.weights.layouts import find_layout, find_layouts, rename
from ganzoo_dfgan.config import DFGANConfig
from ganzoo_dfgan.layouts import LAYOUTS, read_2020, read_2022

Z, SENTENCE, WIDTH = 5, 6, 2


def random(*shape):
    return torch.randn(*shape) / shape[-1] ** 0.5


def widths(doublings):
    return [WIDTH * min(2**i, 8) for i in range(doublings + 1)][::-1]


def layer(name, outputs, inputs, *kernel):
    return {f"{name}.weight": random(outputs, inputs, *kernel), f"{name}.bias": random(outputs)}


def affine(name, condition, hidden, channels):
    tensors = {}
    for part in (f"{name}.fc_gamma", f"{name}.fc_beta"):
        tensors |= {**layer(f"{part}.linear1", hidden, condition), **layer(f"{part}.linear2", channels, hidden)}
    return tensors


def newer(doublings=3, pixels=16):
    """A file of the newer code: c is latent and sentence, hidden layers are as wide as the features."""
    tensors = {**layer("fc", pixels * 8 * WIDTH, Z), **layer("to_rgb.1", 3, WIDTH, 3, 3)}
    for i, (a, b) in enumerate(pairwise(widths(doublings))):
        name = f"GBlocks.{i}"
        tensors |= {**layer(f"{name}.c1", b, a, 3, 3), **layer(f"{name}.c2", b, b, 3, 3)}
        tensors |= layer(f"{name}.c_sc", b, a, 1, 1) if a != b else {}
        for fuse, channels in ((1, a), (2, b)):
            for j in (0, 1):
                tensors |= affine(f"{name}.fuse{fuse}.affine{j}", Z + SENTENCE, channels, channels)
    return tensors


def older(doublings=3, pixels=16):
    """A file of the first release: c is the sentence, 7 hidden units, a gain for each block, and a block at 4x4."""
    tensors = {**layer("fc", pixels * 8 * WIDTH, Z), **layer("conv_img.1", 3, WIDTH, 3, 3)}
    for i, (a, b) in enumerate(pairwise([8 * WIDTH, *widths(doublings)])):
        name = f"block{i}"
        tensors |= {f"{name}.gamma": random(1), **layer(f"{name}.c1", b, a, 3, 3), **layer(f"{name}.c2", b, b, 3, 3)}
        tensors |= layer(f"{name}.c_sc", b, a, 1, 1) if a != b else {}
        for j in range(4):
            tensors |= affine(f"{name}.affine{j}", SENTENCE, 7, a if j < 2 else b)
    return tensors


# --- both graphs by hand -------------------------------------------------------------------------


def conv(t, name, x):
    weight = t[f"{name}.weight"]
    return functional.conv2d(x, weight, t[f"{name}.bias"], padding=weight.shape[-1] // 2)


def modulate(t, name, x, c):
    gain, bias = (
        functional.linear(
            functional.linear(c, t[f"{name}.{p}.linear1.weight"], t[f"{name}.{p}.linear1.bias"]).relu(),
            t[f"{name}.{p}.linear2.weight"],
            t[f"{name}.{p}.linear2.bias"],
        )[:, :, None, None]
        for p in ("fc_gamma", "fc_beta")
    )
    return functional.leaky_relu(gain * x + bias, 0.2)


def block(t, name, affines, x, c):
    residual = x
    for convolution, pair in (("c1", affines[:2]), ("c2", affines[2:])):
        for each in pair:
            residual = modulate(t, f"{name}.{each}", residual, c)
        residual = conv(t, f"{name}.{convolution}", residual)
    shortcut = conv(t, f"{name}.c_sc", x) if f"{name}.c_sc.weight" in t else x
    return shortcut + t.get(f"{name}.gamma", 1) * residual


def by_hand(t, z, sentence, first=(4, 4)):
    """The images of a file, with its own names."""
    new = "to_rgb.1.weight" in t
    affines = [f"fuse{i}.affine{j}" for i in (1, 2) for j in (0, 1)] if new else [f"affine{j}" for j in range(4)]
    condition = torch.cat([z, sentence], 1) if new else sentence
    x = functional.linear(z, t["fc.weight"], t["fc.bias"]).view(len(z), -1, *first)
    for i in range(3 if new else 4):
        x = functional.interpolate(x, scale_factor=2.0) if new or i else x
        x = block(t, f"GBlocks.{i}" if new else f"block{i}", affines, x, condition)
    return conv(t, "to_rgb.1" if new else "conv_img.1", functional.leaky_relu(x, 0.2)).tanh()


@pytest.mark.parametrize(
    ("name", "make", "prefix", "beside"),
    [
        ("df-gan", newer, "model/netG/", {"model/netD/conv_img.weight": (2, 3, 3, 3), "epoch": ()}),
        ("df-gan", newer, "module.", {}),
        ("df-gan-2020", older, "", {}),
    ],
    ids=["checkpoint", "parallel", "first release"],
)
def test_a_file_gives_the_images_of_its_graph(name, make, prefix, beside):
    torch.manual_seed(0)
    tensors = make()
    file = {
        **{prefix + key: tensor for key, tensor in tensors.items()},
        **{k: random(*v, 1) for k, v in beside.items()},
    }
    match = find_layout({key: tuple(tensor.shape) for key, tensor in file.items()}, LAYOUTS, of="the file")
    assert match.layout.name == name
    gan = lookup.create("dfgan", **match.reading.config)
    kept = {key: t for key, t in gan.state_dict().items() if key.startswith(("generator.", "matching."))}
    renamed = rename(file, match)
    assert {key: t.shape for key, t in renamed.items()} == {key: t.shape for key, t in kept.items()}
    gan.load_state_dict(renamed, strict=False)
    z, sentence = torch.randn(2, Z).double(), torch.randn(2, SENTENCE).double()
    images = gan.double().generate({"z": z, "text": sentence})
    expected = by_hand({key: tensor.double() for key, tensor in tensors.items()}, z, sentence)
    torch.testing.assert_close(images, expected, rtol=0, atol=1e-5)  # gains are multiplied in single precision
    assert images.std() > 0.05


@pytest.mark.parametrize("make", [newer, older])
@pytest.mark.parametrize(("size", "first"), [("", (6, 4)), ("32x48", (4, 6)), ("96x16", None)], ids=str)
def test_pictures_may_be_rectangles(tmp_path, make, size, first):
    """The file tells that the first map has 24 pixels, and not which of its sides is longer."""
    torch.manual_seed(0)
    file = make(pixels=24)
    save_file(file, tmp_path / "netG.safetensors")
    if first is None:
        with pytest.raises(InvalidRequestError, match="cannot make images of 96x16 - possible are 48x32, 32x48"):
            import_checkpoint(None, tmp_path / "netG.safetensors", tmp_path / "mine", size=size)
        return
    made = import_checkpoint(None, tmp_path / "netG.safetensors", tmp_path / "mine", size=size)
    assert (made.size, made.other_sizes) == (("", ()) if size else ("48x32", ("32x48",)))
    z, sentence = torch.randn(2, Z).double(), torch.randn(2, SENTENCE).double()
    images = ganzoo.load(made.folder, device="cpu").gan.double().generate({"z": z, "text": sentence})
    expected = by_hand({key: tensor.double() for key, tensor in file.items()}, z, sentence, first)
    torch.testing.assert_close(images, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pixels", [12, 15, 17, 64], ids=["3x4", "3x5", "a prime number", "8x8"])
def test_other_first_maps_are_refused(pixels):
    shapes = {name: tuple(tensor.shape) for name, tensor in newer(pixels=pixels).items()}
    with pytest.raises(LayoutError):
        find_layout(shapes, LAYOUTS, of="the file")


def test_an_imported_generator_knows_no_words():
    """It has encoders as before training, the same at each reading, and can be trained from."""
    file = newer()
    match = find_layout({key: tuple(tensor.shape) for key, tensor in file.items()}, LAYOUTS, of="the file")
    assert "no text encoder" in match.reading.notes[0]
    one, two = rename(file, match), rename(file, match)
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert int(one["matching.images_seen"]) == 0
    spec = lookup.registry().architectures["dfgan"]
    model = ganzoo.Model(lookup.create("dfgan", **match.reading.config), spec.task, DFGANConfig(), name="birds")
    with pytest.raises(InvalidRequestError, match="knows no words before it is trained"):
        model.sample(text="a bird")


@pytest.mark.parametrize("make", [newer, older])
def test_the_text_encoder_that_it_was_trained_with_may_be_in_another_file(make):
    """It is AttnGAN's. The words must be given; a text encoder of other sentences does not belong to the generator."""
    torch.manual_seed(0)
    file, lstm = make(), nn.LSTM(4, SENTENCE // 2, batch_first=True, bidirectional=True)
    encoder = {"encoder.weight": random(9, 4), **{f"rnn.{name}": t for name, t in lstm.state_dict().items()}}
    shapes, beside = ({name: tuple(t.shape) for name, t in found.items()} for found in (file, encoder))
    (match,) = find_layouts(shapes, LAYOUTS, of="the file", beside=beside)
    assert (match.reading.lists, match.reading.notes) == ({"vocabulary": 8}, ())
    gan = lookup.create("dfgan", **match.reading.config, vocabulary=tuple("abcdefgh"))
    gan.load_state_dict(rename({**file, **encoder}, match), strict=False)
    _, (last, _) = lstm(encoder["encoder.weight"][[3, 8, 1]][None])
    found = gan.matching.text_encoder(torch.tensor([[3, 8, 1, 0, 0]]))
    torch.testing.assert_close(found, last.transpose(0, 1).flatten(1))
    other = nn.LSTM(4, SENTENCE, bidirectional=True).state_dict()
    wrong = {"encoder.weight": (9, 4), **{f"rnn.{name}": tuple(t.shape) for name, t in other.items()}}
    with pytest.raises(LayoutError):
        find_layouts(shapes, LAYOUTS, of="the file", beside=wrong)


@pytest.mark.parametrize("make", [newer, older])
def test_files_with_more_or_fewer_tensors_are_refused(make):
    shapes = {name: tuple(tensor.shape) for name, tensor in make().items()}
    name = next(name for name in shapes if "linear2" in name)
    less = {key: shape for key, shape in shapes.items() if key != name}
    assert find_layout(shapes, LAYOUTS, of="it").reading.config["resolution"] == 32
    for wrong in (less, {**shapes, "more.weight": (2, 2)}):
        with pytest.raises(LayoutError):
            find_layout(wrong, LAYOUTS, of="it")
    assert (read_2022(shapes) is None) != (read_2020(shapes) is None)
