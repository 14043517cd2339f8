"""Write images to files with all of their channels and bits."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ganzoo.images.files import encode_picture
from ganzoo.images.tensors import MODES, to_pictures
from ganzoo.utils.files import atomic_write

__all__ = ["encode_pixels", "save_pixels"]

Pixels = NDArray[Any]

_COLOR_TYPES = {1: 0, 3: 2, 4: 6}  # of PNG, by the number of channels


def save_pixels(pixels: Tensor, path: Path) -> None:
    """Write an image in the format that the ending of `path` names. The file is complete, or it is not written."""
    encoded = encode_pixels(pixels, path.suffix)
    with atomic_write(path, synced=False) as temporary:
        temporary.write_bytes(encoded)


def encode_pixels(pixels: Tensor, ending: str) -> bytes:
    """The content of a file with an image (C, H, W), uint8 or uint16, in the format that the ending names.

    ``.npy`` and ``.tif`` hold any image: arrays are (H, W, C), or (H, W) for one channel. ``.png`` holds 1, 3 or 4
    channels. `ganzoo.sampling.formats` says what other formats hold; whatever they do not is lost.
    """
    channels, deep = len(pixels), pixels.dtype == torch.uint16
    array = pixels.permute(1, 2, 0).numpy()
    array = array[:, :, 0] if channels == 1 else np.ascontiguousarray(array)
    match ending.lower():
        case ".npy":
            file = io.BytesIO()
            np.save(file, array)
            return file.getvalue()
        case ".tif" | ".tiff" if deep or channels not in MODES:
            return _encode_tiff(array, channels)
        case ".png" if deep:
            return _encode_png(array, channels)
        case _:
            whole = channels in MODES and not deep
            return encode_picture(Image.fromarray(array) if whole else to_pictures(pixels[None])[0], ending)


def _encode_tiff(array: Pixels, channels: int) -> bytes:
    from tifffile import imwrite

    file = io.BytesIO()
    layout: dict[str, Any] = {} if channels == 1 else {"planarconfig": "contig"}
    layout |= {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    colors = "rgb" if channels in (3, 4) else "minisblack"
    imwrite(file, array, photometric=colors, compression="zlib", metadata=None, software=False, **layout)
    return file.getvalue()


def _encode_png(array: Pixels, channels: int) -> bytes:
    """A PNG file of 16 bits, which Pillow writes for one channel only (PNG specification, third edition, section 4)."""
    height, width = array.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPES[channels], 0, 0, 0)
    rows = np.zeros((height, 1 + 2 * channels * width), np.uint8)  # each row begins with 0: it has no filter
    rows[:, 1:] = array.astype(">u2").reshape(height, -1).view(np.uint8)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows.tobytes())), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
