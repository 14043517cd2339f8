"""Pictures: reading, scaling, transparency, refusals, and tensors as pictures."""

from __future__ import annotations

import io
import os
import resource
import struct
import sys
import threading
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import PIL
import pytest
import torch
from PIL import Image, features

from ganzoo.errors import DataError, NonFiniteError, UnreadableImage
from ganzoo.images.files import picture_size, read_image, save_picture
from ganzoo.images.sheets import contact_sheet, sheet_size
from ganzoo.images.tensors import to_channels, to_pictures, to_pixels, to_tensor

NEEDS_PILLOW_13 = pytest.mark.skipif(
    int(PIL.__version__.partition(".")[0]) < 13, reason="Pillow 12 takes such files for truncated ones"
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
COLORS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)  # higher than wide


def write(path: Path, picture: Image.Image, **options) -> Path:
    picture.save(path, **options)
    return path


def pixels(path: Path, channels: int) -> np.ndarray:
    """The pixels as (H, W, C), the usual order of picture libraries."""
    return read_image(path, channels=channels).pixels.permute(1, 2, 0).numpy()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, bits: int = 1, color: int = 0) -> bytes:
    """A black PNG file, a thousand times smaller than its pixels."""
    row = bytes(1 + (width * bits + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def encoded(fmt: str) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)  # no end that could be spared
    Image.fromarray(noise).save(file, fmt)
    return file.getvalue()


# --- what is read -----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
def test_lossless_formats_come_back_as_they_were(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", Image.fromarray(COLORS))
    assert np.array_equal(pixels(path, 3), COLORS)
    assert read_image(path, channels=3).notes == ()


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".gif"])
def test_lossy_formats_come_back_nearly(tmp_path, suffix):
    smooth = np.zeros((16, 16, 3), np.uint8) + np.array([200, 100, 50], np.uint8)
    path = write(tmp_path / f"a{suffix}", Image.fromarray(smooth))
    assert np.abs(pixels(path, 3).astype(int) - smooth).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_mode_becomes_the_channels_that_were_asked_for(tmp_path, mode, channels):
    path = write(tmp_path / "a.png", Image.fromarray(COLORS).convert(mode))
    picture = read_image(path, channels=channels)
    assert picture.pixels.shape == (channels, 6, 5)
    assert picture.pixels.dtype == torch.uint8
    assert picture.notes == ()  # nothing is transparent, so nothing is lost
    expected = Image.open(path).convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    assert torch.equal(picture.pixels, to_tensor(expected))


def test_a_single_pixel(tmp_path):
    path = write(tmp_path / "a.png", Image.new("RGB", (1, 1), (1, 2, 3)))
    assert pixels(path, 3).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize(("name", "fmt"), [("a.png", "JPEG"), ("a.jpg", "PNG"), ("a.gif", "WEBP"), ("a", "BMP")])
def test_the_content_decides_not_the_ending(tmp_path, name, fmt):
    (tmp_path / name).write_bytes(encoded(fmt))
    assert read_image(tmp_path / name, channels=3).pixels.shape == (3, 48, 40)


def test_a_link_to_a_picture(tmp_path):
    write(tmp_path / "a.png", Image.fromarray(COLORS))
    (tmp_path / "b.png").symlink_to("a.png")
    assert np.array_equal(pixels(tmp_path / "b.png", 3), COLORS)


# --- depth ------------------------------------------------------------------------------------

SHADES = np.array([[0, 128, 129, 128 * 257, 32768, 65278, 65535]], dtype=np.uint16)
SHADES_IN_8_BITS = [0, 0, 1, 128, 128, 254, 255]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("suffix", "mode"), [(".png", "I;16"), (".tif", "I;16"), (".tif", "I;16B")])
def test_16_bits_are_scaled_and_not_clipped(tmp_path, suffix, mode, channels):
    data = SHADES.astype(">u2" if mode == "I;16B" else "<u2").tobytes()
    path = write(tmp_path / f"a{suffix}", Image.frombytes(mode, (7, 1), data))
    picture = read_image(path, channels=channels)
    assert picture.pixels[0, 0].tolist() == SHADES_IN_8_BITS
    assert picture.notes == ("had 16 bits, scaled to 8",)


@pytest.mark.parametrize(("channels", "expected"), [(1, [0, 255, 255]), (4, [255, 0, 255])])
def test_a_transparent_shade_of_16_bits_is_that_shade_alone(tmp_path, channels, expected):
    shades = np.array([[0, 1000, 65535]], dtype=np.uint16)
    path = write(tmp_path / "a.png", Image.fromarray(shades), transparency=1000)
    picture = read_image(path, channels=channels)
    assert picture.pixels[-1, 0].tolist() == expected  # grey on white, or alpha
    assert ("had transparency, laid on white" in picture.notes) == (channels == 1)


@pytest.mark.parametrize("depth", [8, 16])
def test_32_bits_have_no_defined_range(tmp_path, depth):
    path = write(tmp_path / "a.tif", Image.fromarray(np.ones((4, 4), np.int32)))
    with pytest.raises(UnreadableImage, match=r"a.tif has 32-bit integer pixels.*convert it to 16 bits"):
        read_image(path, channels=3, depth=depth)


# --- transparency and color ------------------------------------------------------------------

LAID = ("had transparency, laid on white",)


def test_rgba_is_laid_on_white_and_hidden_colors_stay_hidden(tmp_path):
    values = np.array([[[*RED, 255], [*RED, 0], [0, 0, 0, 51]]], np.uint8)
    path = write(tmp_path / "a.png", Image.fromarray(values))
    assert pixels(path, 3).tolist() == [[[255, 0, 0], [255, 255, 255], [204, 204, 204]]]
    assert pixels(path, 1).ravel().tolist() == [76, 255, 204]
    assert read_image(path, channels=3).notes == LAID
    assert np.array_equal(pixels(path, 4), values)
    assert read_image(path, channels=4).notes == ()


def test_grey_with_alpha(tmp_path):
    path = write(tmp_path / "a.png", Image.fromarray(np.array([[[0, 255], [0, 0], [0, 102]]], np.uint8), "LA"))
    assert pixels(path, 1).ravel().tolist() == [0, 255, 153]
    assert read_image(path, channels=1).notes == LAID
    assert pixels(path, 4).tolist() == [[[0, 0, 0, 255], [0, 0, 0, 0], [0, 0, 0, 102]]]


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_palette_with_a_transparent_entry(tmp_path, suffix):
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putdata([0, 1])
    path = write(tmp_path / f"a{suffix}", picture, transparency=1)
    assert pixels(path, 3).tolist() == [[[*RED], [*WHITE]]]
    assert read_image(path, channels=3).notes == LAID
    assert pixels(path, 4)[0, :, 3].tolist() == [255, 0]


@pytest.mark.parametrize(("mode", "key", "shades"), [("RGB", BLUE, [RED, BLUE]), ("L", 7, [0, 7]), ("1", 1, [0, 1])])
def test_a_transparent_color(tmp_path, mode, key, shades):
    picture = Image.new(mode, (2, 1))
    picture.putdata(shades)
    path = write(tmp_path / "a.png", picture, transparency=key)
    assert pixels(path, 3)[0, 1].tolist() == [*WHITE]
    assert read_image(path, channels=3).notes == LAID
    assert pixels(path, 4)[0, :, 3].tolist() == [255, 0]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("mode", "suffix", "value"),
    [
        ("CMYK", ".tif", (0, 255, 255, 0)),
        ("CMYK", ".jpg", (0, 255, 255, 0)),
        ("LAB", ".tif", (136, 208, 195)),
        pytest.param("YCbCr", ".tif", (76, 85, 255), marks=NEEDS_PILLOW_13),
    ],
)
def test_other_color_spaces_are_converted_and_noted(tmp_path, mode, suffix, value, channels):
    path = write(tmp_path / f"a{suffix}", Image.new(mode, (8, 8), value))
    picture = read_image(path, channels=channels)
    assert picture.notes == (f"had {mode} colors, converted without a profile",)
    found = picture.pixels[:, 4, 4].int()
    expected = torch.tensor({1: [76], 3: [*RED], 4: [*RED, 255]}[channels])
    assert (found - expected).abs().max() <= 12  # LAB is coarse in 8 bits, JPEG loses a little


@pytest.mark.skipif(int(PIL.__version__.partition(".")[0]) >= 13, reason="Pillow 13 reads it")
def test_ycbcr_that_pillow_takes_for_a_file_that_is_cut_off_is_named(tmp_path):
    path = write(tmp_path / "a.tif", Image.new("YCbCr", (8, 8), (76, 85, 255)))
    with pytest.raises(UnreadableImage, match=r"a\.tif is a TIFF picture in YCbCr.* - save it in RGB"):
        read_image(path, channels=3)


# --- orientation and frames -------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, lambda a: a.swapaxes(0, 1)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a, 2).swapaxes(0, 1)),
        (8, np.rot90),
    ],
)
def test_exif_rotation_is_applied(tmp_path, suffix, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if suffix == ".webp" else {}
    path = write(tmp_path / f"a{suffix}", Image.fromarray(COLORS), exif=exif, **lossless)
    assert np.array_equal(pixels(path, 3), turn(COLORS))


def test_a_photograph_on_its_side(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    left_red = Image.new("RGB", (64, 32), BLUE)
    left_red.paste(RED, (0, 0, 32, 32))
    path = write(tmp_path / "a.jpg", left_red, exif=exif, quality=95)
    found = pixels(path, 3)
    assert found.shape == (64, 32, 3)
    assert found[8, 16, 0] > 200 > 60 > found[56, 16, 0]  # the left was turned to the top


def test_damaged_exif_data_is_no_damage_to_the_picture(tmp_path):
    """Pillow warns about it, and warnings are errors in tests."""
    path = write(tmp_path / "a.png", Image.fromarray(COLORS), exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    assert np.array_equal(pixels(path, 3), COLORS)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tif"])
def test_of_several_frames_the_first_is_taken(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, GREEN, BLUE)]
    lossless = {"lossless": True} if suffix == ".webp" else {}
    path = write(tmp_path / f"a{suffix}", frames[0], save_all=True, append_images=frames[1:], **lossless)
    picture = read_image(path, channels=3)
    assert picture.pixels[:, 3, 3].tolist() == [*RED]
    assert picture.notes == ("had several frames, the first was taken",)


def test_all_that_happened_is_noted(tmp_path):
    frames = [Image.new("RGBA", (8, 8), (*color, 128)) for color in (RED, GREEN)]
    path = write(tmp_path / "a.png", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path, channels=3).notes == ("had several frames, the first was taken", *LAID)


# --- what is refused --------------------------------------------------------------------------

NO_PICTURES = {
    "text": b"no picture\n",
    "html": b"<!doctype html><title>Log in</title>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
    "empty": b"",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n",
    "portable grey map": b"P5 2 2 255\n" + bytes(4),
    "git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
}


@pytest.mark.parametrize("kind", NO_PICTURES)
def test_what_is_no_picture_is_refused(tmp_path, kind):
    path = tmp_path / "a.png"
    path.write_bytes(NO_PICTURES[kind])
    with pytest.raises(UnreadableImage, match=r"a\.png is not a picture of a known format \(AVIF, BMP, GIF") as caught:
        read_image(path, channels=3)
    assert isinstance(caught.value, DataError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_truncated_pictures_are_refused(tmp_path, fmt, part):
    whole = encoded(fmt)
    path = tmp_path / "a.png"
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(UnreadableImage, match=r"a\.png") as caught:
        read_image(path, channels=3)
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_in_a_png_is_found(tmp_path):
    damaged = bytearray(encoded("PNG"))
    damaged[len(damaged) // 2] ^= 0xFF
    path = tmp_path / "a.png"
    path.write_bytes(damaged)
    with pytest.raises(UnreadableImage, match=r"a\.png cannot be read: "):
        read_image(path, channels=3)


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_damage_anywhere_is_either_survived_or_refused(tmp_path, fmt):
    """No damage raises another error, or a warning: warnings are errors in tests."""
    random = np.random.default_rng(1)
    whole = encoded(fmt)[:4000]
    path = tmp_path / "a.png"
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(whole)
        for position in random.integers(0, random.choice([64, len(whole)]), 3):
            damaged[position] = random.integers(256)
        if struct.unpack("<II", bytes(damaged[18:26]))[0] > 10_000 and fmt == "BMP":
            continue  # it would be read, and be large
        path.write_bytes(damaged)
        try:
            outcomes.add(read_image(path, channels=3).pixels.dtype)
        except UnreadableImage:
            outcomes.add("refused")
    assert "refused" in outcomes


@pytest.mark.parametrize("limit", [Image.MAX_IMAGE_PIXELS, None], ids=["Pillow's limit", "no limit"])
@pytest.mark.parametrize("side", [10_000, 20_000], ids=["100 MP", "400 MP"])
def test_decompression_bombs_are_refused_before_they_are_decoded(tmp_path, monkeypatch, side, limit):
    """Up to twice its limit Pillow only warns. Above, it raises an error that is no OSError."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(
        UnreadableImage, match=r"bomb\.png (is \d+ pixels wide and \d+ high, over 89,478,485|.*decompression bomb)"
    ):
        read_image(path, channels=1)


def gif(width: int, height: int, *, frame: tuple[int, int] | None = None) -> bytes:
    """A GIF file whose pixels are missing. `frame` is the size of its first frame, if it is another one."""
    size, frame_size = struct.pack("<HH", width, height), struct.pack("<HH", *(frame or (width, height)))
    return b"GIF89a" + size + b"\x80\0\0" + bytes(6) + b",\0\0\0\0" + frame_size + b"\0\x02\x00;"


def webp(kind: bytes, width: int, height: int) -> bytes:
    """The first bytes of a WebP file of any of its three kinds."""
    if kind == b"VP8X":
        body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little") + bytes(20)
    else:
        body = bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(20)
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


BOMBS = {
    "gif": gif(50_000, 50_000),
    "gif, frame": gif(1, 1, frame=(60_000, 60_000)),
    "bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "tiff": b"II*\0\x08\0\0\0\x06\0"
    + b"".join(
        struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in ((256, 60_000), (257, 60_000), (258, 8), (259, 1), (262, 1), (273, 8))
    )
    + bytes(4),
    **{f"webp {kind.decode().strip()}": webp(kind, 16_000, 16_000) for kind in (b"VP8X", b"VP8L", b"VP8 ")},
    "jpeg": b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 60_000, 60_000) + b"\3\1\x22\0\2\x11\1\3\x11\1",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_of_every_format_are_refused_by_their_header(tmp_path, kind):
    """They take less memory than their pixels would."""
    (tmp_path / "bomb.png").write_bytes(BOMBS[kind])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (partial(picture_size, channels=3), partial(read_image, channels=3)):
        # Pillow 12 does not know a JPEG that ends after its size.
        with pytest.raises(UnreadableImage, match=r"high, over 89,478,485|decompression bomb|of a known format"):
            read(tmp_path / "bomb.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_the_header_gives_the_size(tmp_path):
    path = write(tmp_path / "a.webp", Image.new("RGB", (7, 5)))
    assert picture_size(path, channels=3) == (7, 5)
    for options in ({"lossless": True}, {"save_all": True, "append_images": [Image.new("RGB", (7, 5), "red")]}):
        assert picture_size(write(path, Image.new("RGB", (7, 5)), **options), channels=3) == (7, 5)


AVIF_HEAD, HEIC_HEAD = (b"\0\0\0\x1cftyp" + brand + bytes(20) for brand in (b"avif", b"heic"))


def test_avif_is_read_where_pillow_can(tmp_path, monkeypatch):
    if features.check("avif"):
        assert (pixels(write(tmp_path / "a.avif", Image.new("RGB", (8, 8), WHITE)), 3) > 250).all()
    (tmp_path / "b.png").write_bytes(AVIF_HEAD)
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    with pytest.raises(
        UnreadableImage, match=r"b\.png is an AVIF picture - read it with `pip install --upgrade pillow`"
    ):
        read_image(tmp_path / "b.png", channels=3)


def test_heic_names_the_package_and_uses_it(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(HEIC_HEAD)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnreadableImage, match=r"a\.heic is a HEIC picture - read it with `pip install pillow-heif`"):
        read_image(tmp_path / "a.heic", channels=3)
    registered = []
    package = SimpleNamespace(register_heif_opener=lambda: registered.append(True))
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    with pytest.raises(UnreadableImage, match=r"a\.heic (cannot be read|is not a picture)"):
        read_image(tmp_path / "a.heic", channels=3)
    assert registered == [True]


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_decoders_print_nothing(tmp_path, capfd, compression):
    """libtiff writes its own messages to stderr."""
    random = np.random.default_rng(0)
    file = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file, "TIFF", compression=compression)
    for _ in range(40):
        damaged = bytearray(file.getvalue())
        for position in random.integers(8, len(damaged), 8):
            damaged[position] = random.integers(256)
        (tmp_path / "a.tif").write_bytes(damaged)
        with suppress(UnreadableImage):
            read_image(tmp_path / "a.tif", channels=3)
    os.write(2, b"stderr works")
    assert capfd.readouterr().err == "stderr works"


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name, words in [
        ("folder.png", "cannot be read: it is not a regular file"),
        ("dangling.png", "cannot be read: No such file or directory"),
        ("missing.png", "cannot be read: No such file or directory"),
        ("loop.png", "cannot be read: .*symbolic links"),
    ]:
        with pytest.raises(UnreadableImage, match=f"{name} {words}"):
            read_image(tmp_path / name, channels=3)


def test_a_fifo_is_never_opened(tmp_path):
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    caught: list[BaseException] = []

    def read() -> None:
        try:
            read_image(path, channels=3)
        except UnreadableImage as error:
            caught.append(error)

    thread = threading.Thread(target=read, daemon=True)  # would block for ever
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert "is not a regular file" in str(caught[0])


# --- tensors and pictures ---------------------------------------------------------------------


def test_bytes_span_the_range():
    values = torch.tensor([-1.0, 0.0, 1.0, -1.5, 1.5, 0.5]).view(1, 1, 1, 6)
    assert to_pixels(values).ravel().tolist() == [0, 128, 255, 0, 255, 191]


def test_every_byte_survives_a_round_trip():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_pixels(every.float().div(127.5).sub(1)), every)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_never_become_a_black_picture(bad):
    images = torch.zeros(2, 3, 4, 4)
    images[1, 2, 3, 3] = bad
    with pytest.raises(NonFiniteError):
        to_pictures(images)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pictures_of_tensors(channels, mode):
    images = torch.rand(2, channels, 3, 5) * 2 - 1
    pictures = to_pictures(images)
    assert [(p.mode, p.size) for p in pictures] == [(mode, (5, 3))] * 2
    assert torch.equal(torch.stack([to_tensor(p) for p in pictures]), to_pixels(images))


@pytest.mark.parametrize("images", [torch.zeros(1, 3, 4, 4, requires_grad=True), torch.zeros(1, 3, 4, 4).bfloat16()])
def test_pictures_of_what_networks_return(images):
    assert to_pictures(images)[0].getpixel((0, 0)) == (128, 128, 128)


def test_channels_are_made_as_pillow_makes_them():
    images = torch.from_numpy(np.random.default_rng(2).integers(0, 256, (1, 3, 64, 64), dtype=np.uint8))
    picture = to_pictures(images.float() / 127.5 - 1)[0]
    for channels, mode in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        assert torch.equal(to_channels(images, channels)[0], to_tensor(picture.convert(mode)))


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_is_repeated(channels):
    grey = torch.tensor([[[[7, 200]]]], dtype=torch.uint8)
    expected = [[7, 200]] * 3 + [[255, 255]] * (channels == 4)
    assert to_channels(grey, channels)[0, :, 0].tolist() == expected


@pytest.mark.parametrize(("channels", "expected"), [(1, [76, 255, 204]), (3, [255, 255, 204])])
def test_an_alpha_channel_is_laid_on_white(channels, expected):
    rgba = torch.tensor([[[255, 255, 0]], [[0, 0, 0]], [[0, 0, 0]], [[255, 0, 51]]], dtype=torch.uint8)[None]
    assert to_channels(rgba, channels)[0, 0, 0].tolist() == expected


# --- sheets and files -------------------------------------------------------------------------


def shades(count: int, mode: str = "L", size: tuple[int, int] = (4, 3)) -> list[Image.Image]:
    return [Image.new("L", size, 10 * i).convert(mode) for i in range(count)]


@pytest.mark.parametrize(("count", "columns", "layout"), [(1, None, (1, 1)), (4, None, (2, 2)), (5, None, (3, 2))])
@pytest.mark.parametrize("scale", [1, 3])
def test_a_sheet_holds_all_pictures_in_reading_order(count, columns, layout, scale):
    sheet = contact_sheet(shades(count), columns=columns, scale=scale)
    width, height, gap = 4 * scale, 3 * scale, 1
    assert sheet.size == (layout[0] * (width + gap) + gap, layout[1] * (height + gap) + gap)
    array = np.asarray(sheet).copy()
    for index in range(count):
        row, column = divmod(index, layout[0])
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        cell = array[top : top + height, left : left + width]
        assert (cell == 10 * index).all()
        cell[:] = 255
    assert (array == 255).all()  # white between them, and where none is


def test_columns_can_be_chosen():
    assert contact_sheet(shades(6), columns=6).size == (6 * 5 + 1, 5)
    assert sheet_size(6, 4, 3, columns=6) == (6, 31, 5)


def test_the_gap_grows_with_the_pictures():
    assert contact_sheet(shades(2, size=(64, 64))).size == (2 * 66 + 2, 66 + 2)


def test_between_transparent_pictures_nothing_is_painted():
    sheet = contact_sheet(shades(2, "RGBA"))
    assert sheet.getpixel((0, 0)) == (255, 255, 255, 0)
    assert sheet.getpixel((1, 1)) == (0, 0, 0, 255)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG"])
def test_saved_pictures_can_be_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_picture(Image.new("RGB", (16, 16), (200, 100, 50)), path)
    assert np.abs(pixels(path, 3).astype(int) - (200, 100, 50)).max() <= 4
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_who_reads_the_old_picture_reads_it_to_its_end(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"what was there")
    with path.open("rb") as reader:
        save_picture(Image.new("L", (8, 8)), path)
        assert reader.read() == b"what was there"
    assert pixels(path, 1).shape == (8, 8, 1)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("before", [b"what was there", None], ids=["old", "new"])
def test_a_picture_that_cannot_be_saved_leaves_all_as_it_was(tmp_path, suffix, before):
    """Pillow itself writes a part of a JPEG file, without an error."""
    path = tmp_path / f"a{suffix}"
    if before:
        path.write_bytes(before)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as on a full disk, writing ends in the middle
    try:
        with pytest.raises(OSError, match="File too large"):
            save_picture(noise, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == ({path.name: before} if before else {})


# --- smaller pictures ----------------------------------------------------------------------------


@pytest.mark.parametrize("turned", [False, True], ids=["upright", "turned by EXIF data"])
@pytest.mark.parametrize("size", [(512, 512), (700, 300), (300, 700), (90, 80)])
def test_a_picture_is_cropped_and_resized_as_if_it_had_been_decoded_whole(tmp_path, size, turned):
    """A JPEG picture is decoded at a part of its size; a PNG picture is not."""
    random = np.random.RandomState(0)
    rough = Image.fromarray(random.randint(0, 256, (9, 9, 3), dtype=np.uint8))
    picture, exif = rough.resize(size, Image.Resampling.BICUBIC), Image.Exif()
    exif[0x0112] = 6 if turned else 1
    picture.save(tmp_path / "a.jpg", quality=95, exif=exif)
    with Image.open(tmp_path / "a.jpg") as same:
        same.load()
        same.save(tmp_path / "a.png", exif=exif)
    jpg, png = (read_image(tmp_path / name, channels=3, size=(48, 48)) for name in ("a.jpg", "a.png"))
    assert jpg.pixels.shape == (3, 48, 48)
    apart = (jpg.pixels.float() - png.pixels.float()).abs()
    assert apart.mean() < 1
    assert apart.max() < 12
    assert jpg.notes == png.notes == ("had another size, cropped and resized",)


def test_a_picture_of_the_right_size_keeps_its_pixels(tmp_path):
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png", channels=1, size=(8, 8))
    assert read.pixels.flatten().tolist() == list(range(64))
    assert read.notes == ()
