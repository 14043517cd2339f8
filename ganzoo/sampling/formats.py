"""The formats of files with images, by their endings, and which images they hold. It imports no torch."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

from ganzoo.errors import OutputError
from ganzoo.images.limits import MAX_PIXELS, PICTURE_CHANNELS

__all__ = ["FORMATS", "MOVING", "SINGLE", "STILLS", "check_holds", "check_sheet"]

FORMATS = {
    **{".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".webp": "webp"},
    **{".tif": "tiff", ".tiff": "tiff", ".npy": "npy", ".npz": "npz"},
}
"""The formats that can be written, by the endings of file names."""

STILLS, MOVING = (".png", ".jpg", ".jpeg", ".webp"), (".gif", ".webp")
"""The endings of picture files, and the endings of animations."""

SINGLE = ("tiff", "npy")
"""The formats that are for one image in each file, and not for a sheet."""

_CHANNELS = {"png": PICTURE_CHANNELS, "jpg": (1, 3), "webp": PICTURE_CHANNELS}
_MOST_PIXELS = {"jpg": 65_500, "webp": 16_383}  # of one side; 65_500 is libjpeg's own limit


def check_holds(file_format: str, channels: int, depth: int, *, of: str) -> None:
    """Refuse a format that does not hold single images of the model `of` with all of their channels and bits.

    Raises:
        OutputError: channels or bits would be lost, or the package that writes the format is missing.
    """
    if (file_format, channels) == ("jpg", 4):
        raise OutputError(f"{of} makes transparent pictures, which jpg cannot hold - use png or webp")
    if channels not in _CHANNELS.get(file_format, (channels,)):
        raise OutputError(f"{of} makes images with {channels} channels, which no {file_format} holds - use tiff or npy")
    if depth > 8 and file_format in ("jpg", "webp"):
        raise OutputError(f"{of} makes images of {depth} bits, which {file_format} cannot hold - use png, tiff or npy")
    plain = depth == 8 and channels in PICTURE_CHANNELS
    if file_format == "tiff" and not plain and find_spec("tifffile") is None:
        raise OutputError("such a TIFF file needs tifffile - `pip install 'ganzoo[tiff]'`, or use npy")


def check_sheet(size: tuple[int, int], path: Path, *, scaled: bool) -> None:
    """Refuse a sheet with this width and height that its format cannot hold. `scaled` says that a user enlarged it.

    Raises:
        OutputError: it is too large.
    """
    kind = FORMATS[path.suffix.lower()]
    problem = f"a sheet {size[0]} pixels wide and {size[1]} high is too large"
    if scaled and math.prod(size) > MAX_PIXELS:
        raise OutputError(f"{problem} - use a smaller --scale")
    if max(size) > _MOST_PIXELS.get(kind, max(size)):
        raise OutputError(f"{problem} for {kind} - use png, or a folder")
