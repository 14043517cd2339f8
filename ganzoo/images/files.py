"""Pictures in and out: reading any picture file safely, tensors to pictures, contact sheets."""

from __future__ import annotations

import io
import stat
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ganzoo.errors import UnreadableImage, one_line
from ganzoo.images.tensors import MODES, to_tensor
from ganzoo.utils.files import atomic_write

__all__ = ["Picture", "read_image", "save_picture", "take_picture"]

MAX_PIXELS = 89_478_485  # Pillow's own limit, at which it only warns

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # Pillow would start Ghostscript for an EPS file


class Picture(NamedTuple):
    """A picture file's `pixels`, uint8 (channels, H, W); `notes` say what reading changed, as "had transparency"."""

    pixels: Tensor
    notes: tuple[str, ...]


def read_image(path: Path, *, channels: int) -> Picture:
    """A picture file with 1 (grey), 3 (RGB) or 4 (RGBA) channels: turned upright, transparency laid on white.

    The content decides on the format, not the name. Of several frames the first is taken, and 16 bits
    are scaled to 8.

    Raises:
        UnreadableImage: not a regular file, not a picture, damaged, too large, or of a kind that has
            no defined range (32-bit integer and floating-point pictures).
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableImage(f"{path} is not a regular file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's: of sizes, refused below, and of damaged EXIF data
            return _read(path, MODES[channels])
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{path} is not a picture of a known format ({', '.join(_FORMATS)})") from error
    except Exception as error:  # damaged files make Pillow's decoders raise almost anything
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UnreadableImage(f"{path} cannot be read: {reason}") from error


def take_picture(picture: Image.Image, *, channels: int) -> Picture:
    """As `read_image`, of a picture that Pillow holds already.

    Raises:
        UnreadableImage: it is too large, or of a kind that has no defined range.
    """
    return _prepare(picture, MODES[channels], of="the picture")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format of the path's ending, whole or not at all."""
    encoded = io.BytesIO()  # into a file that cannot grow, Pillow writes half a JPEG and says nothing
    kind = Image.registered_extensions()[path.suffix.lower()]
    picture.save(encoded, kind, quality=95)  # for jpg and webp, whose default blurs pictures this small
    with atomic_write(path, synced=False) as temporary:
        temporary.write_bytes(encoded.getvalue())


def _read(path: Path, mode: str) -> Picture:
    with Image.open(path, formats=_FORMATS) as picture:
        return _prepare(picture, mode, of=str(path))


def _prepare(picture: Image.Image, mode: str, *, of: str) -> Picture:
    if picture.width * picture.height > MAX_PIXELS:
        raise UnreadableImage(f"{of} has {picture.width}x{picture.height} pixels, over {MAX_PIXELS:,}")
    if picture.mode in ("I", "F"):
        kind = "32-bit integer" if picture.mode == "I" else "floating-point"
        raise UnreadableImage(f"{of} has {kind} pixels, which have no defined range - convert it to 8 bits")
    notes = ["had several frames, the first was taken"] if getattr(picture, "is_animated", False) else []
    picture.load()
    converted = _convert(ImageOps.exif_transpose(picture), mode, notes)
    return Picture(to_tensor(converted), tuple(notes))


def _convert(picture: Image.Image, mode: str, notes: list[str]) -> Image.Image:
    if picture.mode.startswith("I;16"):
        picture = _to_8_bits(picture)
        notes.append("had 16 bits, scaled to 8")
    if picture.mode in ("CMYK", "LAB", "YCbCr"):
        notes.append(f"had {picture.mode} colours, converted without a profile")
        picture = picture.convert("RGB")
    if mode != "RGBA" and picture.has_transparency_data:
        opaque = picture.convert("RGBA")
        if opaque.getchannel("A").getextrema() != (255, 255):
            notes.append("had transparency, laid on white")
        picture = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    return picture.convert(mode)


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """A 16-bit grey picture, which Pillow would clip at 255, with its transparent shade if it has one."""
    values = np.asarray(picture)
    grey = Image.fromarray((values / 257).round().astype(np.uint8))
    if "transparency" in picture.info:
        grey.putalpha(Image.fromarray(np.where(values == picture.info["transparency"], 0, 255).astype(np.uint8)))
    return grey
