"""Read picture files safely into tensors, and write pictures to files."""

from __future__ import annotations

import io
import logging
import math
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError, features
from torch import Tensor

from ganzoo.errors import UnreadableImage, one_line
from ganzoo.images.tensors import MODES, from_bytes, to_tensor
from ganzoo.interface.picture_files import DISK, PictureFiles
from ganzoo.utils.files import atomic_write

__all__ = [
    "Picture",
    "check_one_piece",
    "check_pixels",
    "encode_picture",
    "format_of",
    "picture_size",
    "read_halves",
    "read_image",
    "read_picture",
    "save_picture",
    "take_picture",
]

MAX_PIXELS = 89_478_485  # Pillow's own limit; Pillow itself only warns about larger pictures

MAX_WHOLE_PIXELS = 2048 * 2048
"""The most pixels that a network gets at a time: its activations take about a hundred times the memory of a picture."""

MAX_WHOLE_SIDE = 16_384
"""The longest side that a network gets. A file of 3 kB can hold a picture that is 50,000 pixels wide."""

_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # Pillow would start Ghostscript for an EPS file

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")

_one_at_a_time = threading.Lock()

logging.getLogger("PIL").addHandler(logging.NullHandler())  # without a handler, its messages go to stderr


class Picture(NamedTuple):
    """The `pixels` of a picture, uint8 (channels, H, W). `notes` say what reading changed, such as "had 16 bits"."""

    pixels: Tensor
    notes: tuple[str, ...]


def read_image(
    path: Path, *, channels: int, size: tuple[int, int] | None = None, files: PictureFiles = DISK
) -> Picture:
    """Read a picture file with 1 (gray), 3 (RGB) or 4 (RGBA) channels.

    With `size`, (H, W), the largest centered part with these proportions is resized to it, with antialiasing. A JPEG
    picture is then decoded at half, a quarter or an eighth of its size, if that is still twice the wanted one; pixels
    differ by about 1 of 255 from those of the whole picture.

    `files` opens it, in an archive for instance. The content of the file decides its format, not its name. The picture
    is turned upright as its EXIF data says, transparent pixels are laid on white unless there are 4 channels, 16 bits
    are scaled to 8, and an animation becomes its first frame.

    Raises:
        UnreadableImage: the file is no regular file, no picture, damaged or too large, or its pixels have no
            defined range (32-bit integers, floating-point numbers).
    """
    with _opened(path, files) as picture:
        if size is not None:
            _decode_smaller(picture, size)
        return _prepare(picture, MODES[channels], size, of=str(path))


def read_halves(
    path: Path, *, channels: int, size: tuple[int, int], files: PictureFiles = DISK
) -> tuple[Picture, Picture]:
    """Read the left and the right half of a picture file, each as `read_image` reads a picture.

    Raises:
        UnreadableImage: as `read_image`, or the picture has no pixel in each half.
    """
    with _opened(path, files) as picture:
        _decode_smaller(picture, size)
        check_pixels(picture.size, of=str(path))
        upright = ImageOps.exif_transpose(picture)
        if upright.width < 2:
            raise UnreadableImage(f"{path} is {upright.width} pixel wide, and has no two halves")
        middle = upright.width // 2
        boxes = ((0, 0, middle, upright.height), (upright.width - middle, 0, upright.width, upright.height))
        left, right = (_prepare(upright.crop(box), MODES[channels], size, of=str(path)) for box in boxes)
        return left, right


def read_picture(path: str | Path, *, channels: int) -> Tensor:
    """What `read_image` reads, as floats (channels, H, W) in [-1, 1].

    Raises:
        UnreadableImage: as `read_image`.
    """
    return from_bytes(read_image(Path(path), channels=channels).pixels)


def picture_size(path: Path, files: PictureFiles = DISK) -> tuple[int, int]:
    """Width and height of a picture file, from its header: no pixel is decoded.

    Raises:
        UnreadableImage: as `read_image`, except that the pixels may be damaged.
    """
    with _opened(path, files) as picture:
        return picture.size


def check_pixels(size: tuple[int, int], *, of: str) -> None:
    """Refuse a picture with this width and height that no memory holds.

    Raises:
        UnreadableImage: it has too many pixels.
    """
    width, height = size
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{of} is {width} pixels wide and {height} high, over {MAX_PIXELS:,} - make it smaller")


def check_one_piece(size: tuple[int, int], *, of: str, remedy: str) -> None:
    """Refuse a picture with this width and height that is too large for a network that gets all of it at a time.

    Raises:
        UnreadableImage: it has too many pixels, or too long a side. The message ends with `remedy`.
    """
    check_pixels(size, of=of)
    width, height = size
    if width * height > MAX_WHOLE_PIXELS or max(size) > MAX_WHOLE_SIDE:
        limits = f"{MAX_WHOLE_PIXELS:,} pixels and {MAX_WHOLE_SIDE:,} on a side"
        problem = f"{of} is {width} pixels wide and {height} high, and {limits} fit in one piece"
        raise UnreadableImage(f"{problem} - {remedy}")


@contextmanager
def _opened(path: Path, files: PictureFiles) -> Iterator[Image.Image]:
    """Open a picture file. Too many pixels are refused before they are decoded, and each error becomes one line."""
    try:
        with files.open(path) as file, warnings.catch_warnings():
            head = file.read(30)
            file.seek(0)
            _check_webp(head, of=str(path))
            formats = _formats_for(head, of=str(path))
            warnings.simplefilter("ignore")  # Pillow warns about sizes, which are refused here, and damaged EXIF data
            with Image.open(file, formats=formats) as picture:
                check_pixels(picture.size, of=str(path))
                yield picture
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{path} is not a picture of a known format ({', '.join(_FORMATS)})") from error
    except Exception as error:  # for damaged files, Pillow's decoders raise almost any error
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UnreadableImage(f"{path} cannot be read: {reason}") from error


def take_picture(picture: Image.Image, *, channels: int) -> Picture:
    """Do what `read_image` does, for a PIL picture.

    Raises:
        UnreadableImage: the picture is too large, or its pixels have no defined range.
    """
    return _prepare(picture, MODES[channels], of="the picture")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format that the ending of `path` names. The file is complete, or it is not written."""
    encoded = encode_picture(picture, path.suffix)
    with atomic_write(path, synced=False) as temporary:
        temporary.write_bytes(encoded)


def format_of(path: Path) -> str:
    """Pillow's name of the format that the ending of `path` names."""
    Image.preinit()  # PNG and other common formats only: loading all of Pillow's formats takes a tenth of a second
    ending = path.suffix.lower()
    return Image.EXTENSION.get(ending) or Image.registered_extensions()[ending]


def encode_picture(picture: Image.Image, ending: str) -> bytes:
    """The content of a picture file, in the format that the ending, such as ``.png``, names."""
    encoded = io.BytesIO()  # on a full disk, Pillow writes half a JPEG without an error
    picture.save(encoded, format_of(Path(f"picture{ending}")), quality=95)  # the default blurs small pictures
    return encoded.getvalue()


def _formats_for(head: bytes, *, of: str) -> tuple[str, ...]:
    """The formats that a file with these first bytes may have. HEIC needs a package, and AVIF a new Pillow.

    Raises:
        UnreadableImage: it is missing. The message names what to install.
    """
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in _AVIF_BRANDS and not features.check("avif"):
        raise UnreadableImage(f"{of} is an AVIF picture - read it with `pip install --upgrade pillow`")
    if brand not in _HEIF_BRANDS:
        return _FORMATS
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError as error:
        raise UnreadableImage(f"{of} is a HEIC picture - read it with `pip install pillow-heif`") from error
    return (*_FORMATS, "HEIF")


@contextmanager
def _without_noise(picture: Image.Image) -> Iterator[None]:
    """Keep away from stderr what libtiff prints there on damaged files; the error that Pillow raises says enough.

    All other decoders are silent, so only TIFF pictures close stderr for a moment.
    """
    if not any(tile[0] == "libtiff" for tile in getattr(picture, "tile", ())):
        yield
        return
    with _one_at_a_time:
        try:
            stderr = os.dup(2)
        except OSError:  # stderr is closed
            yield
            return
        try:
            with open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _check_webp(head: bytes, *, of: str) -> None:
    """Refuse a WebP picture with too many pixels. Pillow would get memory for all of them to open it."""
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return
    if head[12:16] == b"VP8X":
        size = (1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little"))
    elif head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        size = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    else:
        size = (int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF)
    check_pixels(size, of=of)


def _decode_smaller(picture: Image.Image, size: tuple[int, int]) -> None:
    """Let a JPEG picture be decoded at a part of its size, not below twice `size`, (H, W), in any orientation."""
    # EXIF data may turn the picture, so the smaller side must have twice the larger one.
    factor = min(picture.size) / (2 * max(size))
    if factor >= 2:
        picture.draft(None, (math.ceil(picture.width / factor), math.ceil(picture.height / factor)))


def _fit(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The largest centered part with the proportions of `size`, (H, W), resized to it with antialiasing."""
    height, width = size
    scale = min(picture.height / height, picture.width / width)
    part = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (round((whole - side) / 2) for whole, side in zip(picture.size, part, strict=True))
    # Not `resize` with a box: its antialiasing would mix in what lies outside of the part.
    cropped = picture.crop((left, top, left + part[0], top + part[1]))
    return cropped.resize((width, height), Image.Resampling.BILINEAR)


def _prepare(picture: Image.Image, mode: str, size: tuple[int, int] | None = None, *, of: str) -> Picture:
    check_pixels(picture.size, of=of)
    if picture.mode in ("I", "F"):
        kind = "32-bit integer" if picture.mode == "I" else "floating-point"
        raise UnreadableImage(f"{of} has {kind} pixels, which have no defined range - convert it to 8 bits")
    notes = ["had several frames, the first was taken"] if getattr(picture, "is_animated", False) else []
    with _without_noise(picture):
        picture.load()
    upright = ImageOps.exif_transpose(picture) if ExifTags.Base.Orientation in picture.getexif() else picture
    converted = _convert(upright, mode, notes)
    if size is not None and converted.size != (size[1], size[0]):
        converted = _fit(converted, size)
        notes.append("had another size, cropped and resized")
    return Picture(to_tensor(converted), tuple(notes))


def _convert(picture: Image.Image, mode: str, notes: list[str]) -> Image.Image:
    if picture.mode.startswith("I;16"):
        picture = _to_8_bits(picture)
        notes.append("had 16 bits, scaled to 8")
    if picture.mode in ("CMYK", "LAB", "YCbCr"):
        notes.append(f"had {picture.mode} colors, converted without a profile")
        picture = picture.convert("RGB")
    if mode != "RGBA" and picture.has_transparency_data:
        opaque = picture.convert("RGBA")
        if opaque.getchannel("A").getextrema() != (255, 255):
            notes.append("had transparency, laid on white")
        picture = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    return picture if picture.mode == mode else picture.convert(mode)  # no copy without need


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Scale a 16-bit gray picture to 8 bits, where Pillow would clip it at 255. Keep its transparent shade."""
    values = np.asarray(picture)
    gray = Image.fromarray((values / 257).round().astype(np.uint8))
    if "transparency" in picture.info:
        gray.putalpha(Image.fromarray(np.where(values == picture.info["transparency"], 0, 255).astype(np.uint8)))
    return gray
