"""What the first bytes of a picture file say: its format, and what cannot be read of it."""

from __future__ import annotations

from importlib import import_module

from PIL import Image, features

from ganzoo.errors import UnreadableImage
from ganzoo.images.limits import check_pixels

__all__ = ["KNOWN", "check_webp", "check_ycbcr", "formats_of"]

KNOWN = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # Pillow would start Ghostscript for an EPS file
"""The formats that are read, by Pillow's names."""

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")

_PHOTOMETRIC, _YCBCR = 262, 6  # a tag of TIFF, and its value


def formats_of(head: bytes, *, of: str) -> tuple[str, ...]:
    """The formats that a file with these first bytes may have. HEIC needs a package, and AVIF a new Pillow.

    Raises:
        UnreadableImage: it is missing. The message names what to install.
    """
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in _AVIF_BRANDS and not features.check("avif"):
        raise UnreadableImage(f"{of} is an AVIF picture - read it with `pip install --upgrade pillow`")
    if brand not in _HEIF_BRANDS:
        return KNOWN
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError as error:
        raise UnreadableImage(f"{of} is a HEIC picture - read it with `pip install pillow-heif`") from error
    return (*KNOWN, "HEIF")


def check_webp(head: bytes, *, of: str) -> None:
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


def check_ycbcr(picture: Image.Image, *, of: str) -> None:
    """Refuse a TIFF picture in YCbCr without compression. Pillow before 13 takes it for RGB that is cut off.

    Raises:
        UnreadableImage: it is one, and Pillow takes it for RGB.
    """
    if picture.format != "TIFF" or picture.mode != "RGB":
        return
    raw = any(tile[0] == "raw" for tile in getattr(picture, "tile", ()))
    if raw and getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _YCBCR:
        raise UnreadableImage(f"{of} is a TIFF picture in YCbCr, which this Pillow cannot read - save it in RGB")
