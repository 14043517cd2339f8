"""Pictures of 16 bits, arrays, and TIFF pictures with many channels: what is read, to the last bit, and refused."""

from __future__ import annotations

import builtins
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from ganzoo.errors import UnreadableImage
from ganzoo.images.files import picture_size, read_halves, read_image, take_picture

RANDOM = np.random.default_rng(0)
DEEP = RANDOM.integers(0, 65_536, (6, 5), dtype=np.uint16)  # higher than wide
BANDS = RANDOM.integers(0, 65_536, (6, 7, 5), dtype=np.uint16)


def png16(path: Path, values: np.ndarray, **chunks: bytes) -> Path:
    """A PNG file of 16 bits with any colors, which Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, channels = values.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    body = [chunk(b"IHDR", header), *(chunk(name.encode(), data) for name, data in chunks.items())]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join([*body, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]))
    return path


def pixels(path: Path, channels: int, **options) -> np.ndarray:
    """The pixels of 16 bits as (H, W, C)."""
    return read_image(path, channels=channels, depth=16, **options).pixels.permute(1, 2, 0).numpy()


# --- pictures of 16 bits ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_gray_of_16_bits_is_kept_exactly(tmp_path, suffix, mode):
    data = DEEP.astype(">u2" if mode == "I;16B" else "<u2").tobytes()
    Image.frombytes(mode, (5, 6), data).save(tmp_path / f"a{suffix}")
    picture = read_image(tmp_path / f"a{suffix}", channels=1, depth=16)
    assert picture.pixels.dtype == torch.uint16
    assert np.array_equal(picture.pixels[0].numpy(), DEEP)
    assert picture.notes == ()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colors_that_lose_bits_are_noted(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    png16(path, BANDS[:, :, :3]) if suffix == ".png" else tifffile.imwrite(path, BANDS[:, :, :3], photometric="rgb")
    assert read_image(path, channels=3).notes == ("had 16 bits, scaled to 8",)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colors_of_16_bits_are_kept_exactly(tmp_path, suffix, channels):
    """Pillow opens them as colors of 8 bits."""
    path, values = tmp_path / f"a{suffix}", BANDS[:, :, :channels]
    if suffix == ".png":
        png16(path, values)
    else:
        tifffile.imwrite(path, values, photometric="rgb", compression="zlib")
    assert np.array_equal(pixels(path, channels), values)
    if channels == 3:
        assert np.array_equal(pixels(path, 4)[:, :, 3], np.full((6, 7), 65_535))
        luma = values @ np.array([0.299, 0.587, 0.114])
        assert np.abs(pixels(path, 1)[:, :, 0] - luma).max() <= 1


def test_transparency_of_16_bits_is_laid_on_white(tmp_path):
    clear = png16(tmp_path / "a.png", np.array([[[1000, 0], [1000, 65_535]]], np.uint16))  # gray with alpha
    keyed = png16(tmp_path / "b.png", np.array([[[7], [1000]]], np.uint16), tRNS=struct.pack(">H", 7))
    for path in (clear, keyed):
        assert pixels(path, 1).ravel().tolist() == [65_535, 1000]
        assert read_image(path, channels=1, depth=16).notes == ("had transparency, laid on white",)
        assert pixels(path, 4)[0, :, 3].tolist() == [0, 65_535]
        assert read_image(path, channels=4, depth=16).notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("suffix", "colors"), [(".png", 1), (".png", 3), (".tif", 3)])
def test_exif_rotation_is_that_of_8_bits(tmp_path, suffix, colors, orientation):
    path, values = tmp_path / f"a{suffix}", BANDS[:, :, :colors]
    exif = Image.Exif()
    exif[0x0112] = orientation
    if suffix == ".png":
        png16(path, values, eXIf=exif.tobytes().removeprefix(b"Exif\0\0"))
    else:
        tifffile.imwrite(path, values, photometric="rgb", extratags=[(0x0112, "H", 1, orientation, True)])
    deep, shallow = (read_image(path, channels=colors, depth=depth).pixels.int() for depth in (16, 8))
    assert (deep / 257 - shallow).abs().max() <= 1


def test_pictures_of_8_bits_fill_the_range_of_16(tmp_path):
    Image.fromarray(np.array([[0, 128, 255]], np.uint8)).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png", channels=1, depth=16)
    assert picture.pixels.dtype == torch.uint16
    assert picture.pixels.ravel().tolist() == [0, 128 * 257, 65_535]
    assert picture.notes == ("had 8 bits, scaled to 16",)


def test_resizing_keeps_levels_between_those_of_8_bits(tmp_path):
    """A ramp over 4 levels of 8 bits has hundreds of levels, at half of its size too."""
    ramp = np.linspace(30_000, 31_000, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png", channels=1, size=(32, 32), depth=16)
    expected = ramp.reshape(32, 2, 32, 2).mean((1, 3))
    inside = (slice(1, -1), slice(1, -1))  # at the border, the filter has fewer pixels
    assert np.abs(picture.pixels[0].numpy()[inside] - expected[inside]).max() <= 1
    assert len(picture.pixels.int().unique()) > 256
    assert picture.notes == ("had another size, cropped and resized",)


def test_the_part_that_is_cropped_is_that_of_8_bits(tmp_path):
    wide = np.repeat(np.linspace(0, 65_535, 48).astype(np.uint16)[None], 24, 0)
    Image.fromarray(wide).save(tmp_path / "a.png")
    deep, shallow = (read_image(tmp_path / "a.png", channels=1, size=(8, 8), depth=d).pixels.float() for d in (16, 8))
    assert (deep / 257 - shallow).abs().max() <= 1


def test_a_picture_that_is_open():
    picture = take_picture(Image.fromarray(DEEP), channels=1, depth=16)
    assert np.array_equal(picture.pixels[0].numpy(), DEEP)


def test_halves(tmp_path):
    Image.fromarray(DEEP).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", BANDS)
    left, right = read_halves(tmp_path / "a.png", channels=1, size=(6, 2), depth=16)
    assert np.array_equal(left.pixels[0].numpy(), DEEP[:, :2])
    assert np.array_equal(right.pixels[0].numpy(), DEEP[:, 3:])
    left, right = read_halves(tmp_path / "b.npy", channels=5, size=(6, 3), depth=16)
    assert np.array_equal(right.pixels.numpy(), BANDS[:, 4:].transpose(2, 0, 1))


# --- arrays -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["(H, W, C)", "(C, H, W)"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float32, np.float64])
def test_arrays_of_any_number_of_channels(tmp_path, dtype, order):
    dtype = np.dtype(dtype)
    values = (BANDS / 65_535 if dtype.kind == "f" else BANDS >> (16 - 8 * dtype.itemsize)).astype(dtype)
    np.save(tmp_path / "a.npy", values if order == "(H, W, C)" else values.transpose(2, 0, 1))
    assert picture_size(tmp_path / "a.npy", channels=5) == (7, 6)
    expected = values.astype(int) * 257 if dtype == np.uint8 else BANDS
    assert np.array_equal(pixels(tmp_path / "a.npy", 5), expected)
    shallow = read_image(tmp_path / "a.npy", channels=5)
    assert shallow.pixels.dtype == torch.uint8
    assert np.abs(shallow.pixels.permute(1, 2, 0).numpy() - BANDS / 257).max() <= 1
    had = "had floating-point pixels, scaled to 8 bits" if dtype.kind == "f" else "had 16 bits, scaled to 8"
    assert shallow.notes == (() if dtype == np.uint8 else (had,))


def test_gray_arrays(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(DEEP))
    np.save(tmp_path / "b.npy", DEEP[:, :, None])
    assert np.array_equal(pixels(tmp_path / "a.npy", 1)[:, :, 0], DEEP)
    assert np.array_equal(pixels(tmp_path / "b.npy", 1)[:, :, 0], DEEP)
    assert np.array_equal(pixels(tmp_path / "a.npy", 3), DEEP[:, :, None].repeat(3, 2))


def test_channels_come_last_where_both_orders_fit(tmp_path):
    values = RANDOM.integers(0, 256, (5, 9, 5), dtype=np.uint8)
    np.save(tmp_path / "a.npy", values)
    assert np.array_equal(read_image(tmp_path / "a.npy", channels=5).pixels.permute(1, 2, 0).numpy(), values)


def test_arrays_are_resized_channel_by_channel(tmp_path):
    flat = np.broadcast_to(np.array([0, 10_000, 20_000, 30_000, 65_535], np.uint16), (8, 16, 5))
    np.save(tmp_path / "a.npy", flat)
    found = pixels(tmp_path / "a.npy", 5, size=(4, 4))
    assert found.shape == (4, 4, 5)
    assert np.array_equal(found, flat[:4, :4])


@pytest.mark.parametrize("layout", ["one page", "pages", "planes"])
def test_bands_of_a_tiff_file(tmp_path, layout):
    options = {"one page": {"planarconfig": "contig"}, "pages": {}, "planes": {"planarconfig": "separate"}}[layout]
    values = BANDS if layout == "one page" else BANDS.transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", compression="zlib", **options)
    assert np.array_equal(pixels(tmp_path / "a.tif", 5), BANDS)
    assert picture_size(tmp_path / "a.tif", channels=5) == (7, 6)


def test_floating_point_numbers_in_a_tiff_file(tmp_path):
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(tmp_path / "a.tif")
    assert pixels(tmp_path / "a.tif", 1).ravel().tolist() == [0, 32_768, 65_535]
    assert read_image(tmp_path / "a.tif", channels=1).pixels.ravel().tolist() == [0, 128, 255]


# --- what is refused --------------------------------------------------------------------------


def saved(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


REFUSED = {
    "another number": (saved(BANDS[:, :, :4]), r"has the shape \(6, 7, 4\), not \(H, W, 5\) or \(5, H, W\)"),
    "no channel": (saved(DEEP), r"has the shape \(6, 5\)"),
    "many axes": (saved(BANDS[None]), r"has the shape \(1, 6, 7, 5\)"),
    "empty": (saved(BANDS[:0]), r"is empty: its shape is \(0, 7, 5\)"),
    "objects": (saved(np.full((2, 2, 5), None)), "has object pixels, which have no defined range"),
    "signed": (saved(BANDS.astype(np.int16)), "has int16 pixels, which have no defined range - save uint8, uint16"),
    "yes or no": (saved(BANDS > 9), "has bool pixels"),
    "complex": (saved(BANDS.astype(np.complex64)), "has complex64 pixels"),
    "negative": (saved(BANDS / 65_535 - 0.1), r"has floating-point pixels outside of \[0, 1\] - scale them"),
    "above 1": (saved(BANDS / 255), r"has floating-point pixels outside of \[0, 1\]"),
    "NaN": (saved(np.full((2, 2, 5), np.nan)), r"has floating-point pixels outside of \[0, 1\]"),
    "a million millions": (header((10**6, 10**6, 5)), "is 1000000 pixels wide and 1000000 high, over 89,478,485"),
    "cut off": (header((4000, 4000, 5)) + bytes(100), "ends before its last number"),
    "no header": (b"\x93NUMPY\x01\0", "cannot be read: ValueError"),
    "a long header": (b"\x93NUMPY\x01\0\xff\xff" + b"(" * 65_535, "cannot be read: ValueError"),
    "another version": (b"\x93NUMPY\x09\0" + bytes(100), "has no numbers that an image can have"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_are_no_images(tmp_path, case):
    content, words = REFUSED[case]
    (tmp_path / "a.npy").write_bytes(content)
    for size in (None, (4, 4)):
        with pytest.raises(UnreadableImage, match=f"a.npy {words}") as caught:
            read_image(tmp_path / "a.npy", channels=5, size=size, depth=16)
        assert "\n" not in str(caught.value)


def test_pictures_have_no_five_channels(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(UnreadableImage, match=r"a\.png is a picture without 5 channels - save them as \.npy or TIFF"):
        read_image(tmp_path / "a.png", channels=5)


def test_damaged_files_are_one_line(tmp_path, capfd):
    png = png16(tmp_path / "a.png", BANDS[:, :, :3])
    tifffile.imwrite(tmp_path / "a.tif", BANDS, photometric="minisblack", planarconfig="contig")
    for path, channels in ((png, 3), (tmp_path / "a.tif", 5)):
        path.write_bytes(path.read_bytes()[:-90])
        with pytest.raises(UnreadableImage, match=f"{path.name} cannot be read: ") as caught:
            read_image(path, channels=channels, depth=16)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_what_reads_bands_may_be_missing(tmp_path, monkeypatch):
    """A test file for a package that is not installed."""
    tifffile.imwrite(tmp_path / "a.tif", BANDS, photometric="minisblack", planarconfig="contig")
    found = builtins.__import__

    def without(name, *rest):
        if name == "tifffile":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnreadableImage, match=r"cannot read - read it with `pip install 'ganzoo\[tiff\]'`"):
        read_image(tmp_path / "a.tif", channels=5)
