"""Files of images with all of their channels and bits: other programs read them back to the last bit."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from ganzoo.images.encoding import encode_pixels, save_pixels
from ganzoo.images.files import read_image
from ganzoo.images.tensors import from_pixels, resize, to_channels, to_pictures, to_pixels


def noise(channels: int, depth: int) -> torch.Tensor:
    values = torch.randint(0, 2**depth, (channels, 6, 7), generator=torch.Generator().manual_seed(0))
    return values.to(torch.uint8 if depth == 8 else torch.uint16)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("ending", [".png", ".tif", ".TIFF", ".npy"])
def test_every_bit_comes_back(tmp_path, ending, channels, depth):
    if ending == ".png" and channels in (2, 5):
        pytest.skip("no PNG file has so many channels")
    pixels, path = noise(channels, depth), tmp_path / f"a{ending}"
    save_pixels(pixels, path)
    found = read_image(path, channels=channels, depth=depth)
    assert torch.equal(found.pixels, pixels)
    assert found.notes == ()


@pytest.mark.parametrize("channels", [1, 5])
def test_the_shape_of_arrays(channels):
    array = np.load(io.BytesIO(encode_pixels(noise(channels, 16), ".npy")))
    assert array.shape == ((6, 7) if channels == 1 else (6, 7, 5))
    assert array.dtype == np.uint16


def test_pillow_and_tifffile_read_16_bits(tmp_path):
    gray = noise(1, 16)
    save_pixels(gray, tmp_path / "a.png")
    save_pixels(gray, tmp_path / "a.tif")
    for name in ("a.png", "a.tif"):
        with Image.open(tmp_path / name) as picture:
            assert picture.mode == "I;16"
            assert np.array_equal(np.asarray(picture), gray[0].numpy())
    save_pixels(noise(4, 16), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert (file.pages[0].photometric.name, file.pages[0].extrasamples[0].name) == ("RGB", "UNASSALPHA")


def test_the_same_image_gives_the_same_bytes():
    for ending in (".png", ".tif", ".npy"):
        assert encode_pixels(noise(3, 16), ending) == encode_pixels(noise(3, 16), ending)


def test_pillow_alone_reads_and_writes_what_it_can():
    """Programs without tifffile write TIFF files of 8 bits, and do not wait for its import."""
    code = (
        "import sys, torch; sys.modules['tifffile'] = None\n"
        "from ganzoo.images.encoding import encode_pixels\n"
        "assert encode_pixels(torch.zeros(3, 4, 4, dtype=torch.uint8), '.tif')[:4] == b'II*\\0'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- tensors ----------------------------------------------------------------------------------


def test_floats_and_pixels_are_the_same_numbers():
    every = torch.arange(65_536, dtype=torch.int32).to(torch.uint16).view(1, 1, 256, 256)
    assert torch.equal(to_pixels(from_pixels(every), 16), every)
    assert (from_pixels(every).min().item(), from_pixels(every).max().item()) == (-1, 1)
    assert torch.equal(to_pixels(to_pixels(every), 16), (every.int() / 257).round().mul(257).to(torch.uint16))
    assert to_pixels(torch.tensor([-1.5, -1, 0, 1, 1.5]), 16).tolist() == [0, 0, 32_768, 65_535, 65_535]


def test_channels_of_16_bits_convert_as_those_of_8():
    shallow = noise(4, 8)[None]
    deep = to_pixels(shallow, 16)
    for channels in (1, 3, 4):
        difference = to_channels(deep, channels).int() / 257 - to_channels(shallow, channels).int()
        assert difference.abs().max() <= 1
    assert resize(deep, (3, 3)).dtype == torch.uint16


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGBA"), (5, "RGB"), (12, "RGB")])
def test_pictures_show_the_first_channels(channels, mode):
    (picture,) = to_pictures(noise(channels, 16)[None])
    assert picture.mode == mode
    shown = np.asarray(picture).reshape(6, 7, -1)
    assert np.array_equal(shown, to_pixels(noise(channels, 16)[None])[0, : shown.shape[2]].permute(1, 2, 0).numpy())
