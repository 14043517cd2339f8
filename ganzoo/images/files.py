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
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ganzoo.errors import UnreadableImage, one_line
from ganzoo.images.arrays import ArrayImage, open_array
from ganzoo.images.deep import LAID_ON_WHITE, as_array, has_16_bits, is_deep
from ganzoo.images.headers import KNOWN, check_webp, check_ycbcr, formats_of
from ganzoo.images.limits import check_pixels
from ganzoo.images.tensors import MODES, from_pixels, to_pixels, to_tensor
from ganzoo.interface.picture_files import DISK, PictureFiles
from ganzoo.utils.files import atomic_write

__all__ = [
    "Picture",
    "encode_picture",
    "format_of",
    "picture_size",
    "read_halves",
    "read_image",
    "read_picture",
    "save_picture",
    "take_picture",
]

_one_at_a_time = threading.Lock()

logging.getLogger("PIL").addHandler(logging.NullHandler())  # without a handler, its messages go to stderr


class Picture(NamedTuple):
    """The `pixels` of a picture (channels, H, W), uint8 or uint16. `notes` say what reading changed."""

    pixels: Tensor
    notes: tuple[str, ...]


def read_image(
    path: Path,
    *,
    channels: int,
    size: tuple[int, int] | None = None,
    depth: int = 8,
    files: PictureFiles = DISK,
) -> Picture:
    """Read a picture file with 1 (gray), 3 (RGB) or 4 (RGBA) channels, or an array with any number of channels.

    With `size`, (H, W), the largest centered part with these proportions is resized to it, with antialiasing. A JPEG
    picture is then decoded at half, a quarter or an eighth of its size, if that is still twice the wanted one; pixels
    differ by about 1 of 255 from those of the whole picture.

    `files` opens it, in an archive for instance. The content of the file decides its format, not its name. The picture
    is turned upright as its EXIF data says, transparent pixels are laid on white unless there are 4 channels, and an
    animation becomes its first frame. The pixels get `depth` bits, 8 or 16.

    An array is a ``.npy`` file, a TIFF picture with floating-point numbers, or, where Pillow knows no such number of
    channels, any TIFF picture. It has exactly the wanted channels, as (H, W, C), (C, H, W), or for one channel (H, W),
    in uint8, uint16, or floating-point numbers in [0, 1].

    Raises:
        UnreadableImage: the file is no regular file, no picture, damaged or too large, or its pixels have no
            defined range (32-bit integers, floating-point numbers outside of [0, 1]).
    """
    with _opened(path, channels, files) as picture:
        if size is not None and isinstance(picture, Image.Image):
            _decode_smaller(picture, size)
        return _prepare(picture, channels, size, depth, of=str(path))


def read_halves(
    path: Path, *, channels: int, size: tuple[int, int], depth: int = 8, files: PictureFiles = DISK
) -> tuple[Picture, Picture]:
    """Read the left and the right half of a picture file, each as `read_image` reads a picture.

    Raises:
        UnreadableImage: as `read_image`, or the picture has no pixel in each half.
    """
    with _opened(path, channels, files) as picture:
        if isinstance(picture, Image.Image):
            _decode_smaller(picture, size)
            check_pixels(picture.size, of=str(path))
            picture = _deep(picture, channels, depth, of=str(path)) or ImageOps.exif_transpose(picture)
        if picture.size[0] < 2:
            raise UnreadableImage(f"{path} is {picture.size[0]} pixel wide, and has no two halves")
        halves = _halves(picture) if isinstance(picture, Image.Image) else picture.halves()
        left, right = (_prepare(half, channels, size, depth, of=str(path)) for half in halves)
        return left, right


def read_picture(path: str | Path, *, channels: int) -> Tensor:
    """What `read_image` reads, as floats (channels, H, W) in [-1, 1].

    Raises:
        UnreadableImage: as `read_image`.
    """
    return from_pixels(read_image(Path(path), channels=channels).pixels)


def picture_size(path: Path, *, channels: int, files: PictureFiles = DISK) -> tuple[int, int]:
    """Width and height of a picture file, from its header: no pixel is decoded.

    Raises:
        UnreadableImage: as `read_image`, except that the pixels may be damaged.
    """
    with _opened(path, channels, files) as picture:
        return picture.size


@contextmanager
def _opened(path: Path, channels: int, files: PictureFiles) -> Iterator[Image.Image | ArrayImage]:
    """Open a picture file. Too many pixels are refused before they are decoded, and each error becomes one line."""
    try:
        with files.open(path) as file, warnings.catch_warnings():
            # Pillow warns about sizes, which are refused here, and damaged EXIF data, and NumPy about old headers
            warnings.simplefilter("ignore")
            head = file.read(30)
            file.seek(0)
            array = open_array(file, head, channels, name=str(path))
            if array is not None:
                yield array
                return
            check_webp(head, of=str(path))
            formats = formats_of(head, of=str(path))
            with Image.open(file, formats=formats) as picture:
                check_pixels(picture.size, of=str(path))
                check_ycbcr(picture, of=str(path))
                yield picture
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{path} is not a picture of a known format ({', '.join(KNOWN)})") from error
    except Exception as error:  # for damaged files, Pillow's decoders raise almost any error
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UnreadableImage(f"{path} cannot be read: {reason}") from error


def take_picture(picture: Image.Image, *, channels: int, depth: int = 8) -> Picture:
    """Do what `read_image` does, for a PIL picture.

    Raises:
        UnreadableImage: the picture is too large, or its pixels have no defined range.
    """
    return _prepare(picture, channels, None, depth, of="the picture")


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
    if part != picture.size:
        # Not `resize` with a box: its antialiasing would mix in what lies outside of the part.
        picture = picture.crop((left, top, left + part[0], top + part[1]))
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def _halves(picture: Image.Image) -> Iterator[Image.Image]:
    """The left and the right half; a column in the middle is in neither of them."""
    middle = picture.width // 2
    for left in (0, picture.width - middle):
        yield picture.crop((left, 0, left + middle, picture.height))


def _deep(picture: Image.Image, channels: int, depth: int, *, of: str) -> ArrayImage | None:
    """The picture as an array, if Pillow's 8 bits do not hold it."""
    if not is_deep(picture, channels, depth):
        return None
    with _without_noise(picture):
        return as_array(picture, channels, name=of)


def _prepare(
    picture: Image.Image | ArrayImage, channels: int, size: tuple[int, int] | None, depth: int, *, of: str
) -> Picture:
    check_pixels(picture.size, of=of)
    notes = ["had several frames, the first was taken"] if getattr(picture, "is_animated", False) else []
    if isinstance(picture, Image.Image):
        picture = _deep(picture, channels, depth, of=of) or picture
    if isinstance(picture, ArrayImage):
        pixels, changes = picture.pixels(size, depth)
        return Picture(pixels, (*notes, *changes))
    if channels not in MODES:
        raise UnreadableImage(f"{of} is a picture without {channels} channels - save them as .npy or TIFF")
    if picture.mode == "I":
        raise UnreadableImage(f"{of} has 32-bit integer pixels, which have no defined range - convert it to 16 bits")
    notes += ["had 16 bits, scaled to 8"] if has_16_bits(picture) else []
    with _without_noise(picture):
        picture.load()
    upright = ImageOps.exif_transpose(picture) if ExifTags.Base.Orientation in picture.getexif() else picture
    converted = _convert(upright, MODES[channels], notes)
    if size is not None and converted.size != (size[1], size[0]):
        converted = _fit(converted, size)
        notes.append("had another size, cropped and resized")
    if depth == 8:
        return Picture(to_tensor(converted), tuple(notes))
    return Picture(to_pixels(to_tensor(converted), depth), (*notes, f"had 8 bits, scaled to {depth}"))


def _convert(picture: Image.Image, mode: str, notes: list[str]) -> Image.Image:
    if picture.mode.startswith("I;16"):
        picture = _to_8_bits(picture)
    if picture.mode in ("CMYK", "LAB", "YCbCr"):
        notes.append(f"had {picture.mode} colors, converted without a profile")
        picture = picture.convert("RGB")
    if mode != "RGBA" and picture.has_transparency_data:
        opaque = picture.convert("RGBA")
        if opaque.getchannel("A").getextrema() != (255, 255):
            notes.append(LAID_ON_WHITE)
        picture = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    return picture if picture.mode == mode else picture.convert(mode)  # no copy without need


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Scale a 16-bit gray picture to 8 bits, where Pillow would clip it at 255. Keep its transparent shade."""
    values = np.asarray(picture)
    gray = Image.fromarray((values / 257).round().astype(np.uint8))
    if "transparency" in picture.info:
        gray.putalpha(Image.fromarray(np.where(values == picture.info["transparency"], 0, 255).astype(np.uint8)))
    return gray
