"""Pictures of 16 bits and of floating-point numbers, which Pillow opens, but gives in 8 bits or not in colors."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from ganzoo.images.arrays import ArrayImage, array_image, open_tiff
from ganzoo.images.tensors import MODES, to_channels

__all__ = ["LAID_ON_WHITE", "as_array", "has_16_bits", "is_deep"]

Numbers = NDArray[Any]

LAID_ON_WHITE = "had transparency, laid on white"
"""The note on a picture whose transparency was lost."""

_OPAQUE = 65_535


def is_deep(picture: Image.Image, channels: int, depth: int) -> bool:
    """Whether a picture has floating-point pixels, or 16 bits that `depth` and `channels` ask for."""
    return picture.mode == "F" or (depth == 16 and channels in MODES and has_16_bits(picture))


def as_array(picture: Image.Image, channels: int, *, name: str) -> ArrayImage:
    """A picture that `is_deep` as an array. `name` is for users.

    16 bits are converted to 1 (gray), 3 (RGB) or 4 (RGBA) `channels`, as 8 bits are.

    Raises:
        UnreadableImage: it has floating-point pixels, and other channels are wanted. Or it is a TIFF picture in
            colors, and the package that reads it is missing.
    """
    numbers = _decode(picture, name=name)
    if picture.mode == "F":
        return array_image(numbers.shape[1:], numbers.dtype, lambda: numbers, channels, name=name)
    colors = _with_alpha(numbers.astype(np.uint16), picture.info.get("transparency"))
    lost = channels != 4 and len(colors) == 4 and int(colors[3].min()) < _OPAQUE
    found = to_channels(torch.from_numpy(colors)[None], channels)[0].numpy()
    _, height, width = found.shape
    return ArrayImage(name, (channels, height, width), lambda: found, (LAID_ON_WHITE,) if lost else ())


def has_16_bits(picture: Image.Image) -> bool:
    """Whether the file of a picture has 16 bits. Pillow opens colors of 16 bits as those of 8."""
    return picture.mode.startswith("I;16") or any(";16" in str(tile[3]) for tile in getattr(picture, "tile", ()))


def _decode(picture: Image.Image, *, name: str) -> Numbers:
    """The numbers of a picture as its file has them, upright, (C, H, W) with 1 to 4 channels."""
    if picture.mode not in MODES.values():  # Pillow keeps one channel as it is
        return np.array(ImageOps.exif_transpose(picture))[None]
    file = cast("BinaryIO", picture.fp)  # type: ignore[attr-defined]
    file.seek(0)
    if picture.format == "PNG":
        from torchvision.io import ImageReadMode, decode_image

        content = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
        decoded: Numbers = decode_image(content, ImageReadMode.UNCHANGED, apply_exif_orientation=True).numpy()
        return decoded
    numbers = open_tiff(file, len(picture.getbands()), name=name).read()
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return np.stack([_upright(channel, orientation) for channel in numbers])


def _upright(channel: Numbers, orientation: int) -> Numbers:
    """One channel (H, W), turned as EXIF data says."""
    picture = Image.fromarray(np.ascontiguousarray(channel))
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    return np.array(ImageOps.exif_transpose(picture))


def _with_alpha(numbers: Numbers, key: Any) -> Numbers:
    """Gray (1, H, W), RGB (3, H, W), or RGBA (4, H, W), from these or from gray with alpha (2, H, W).

    Pixels of the color `key` are transparent, unless it is None.
    """
    if len(numbers) == 2:
        return numbers[[0, 0, 0, 1]]
    if key is None or len(numbers) == 4:
        return numbers
    alpha = np.where((numbers == np.reshape(key, (-1, 1, 1))).all(0, keepdims=True), 0, _OPAQUE)
    return np.concatenate([np.resize(numbers, (3, *numbers.shape[1:])), alpha]).astype(np.uint16)
