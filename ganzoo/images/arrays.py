"""Images as arrays of numbers, with any number of channels: NumPy's files, and TIFF files that Pillow cannot read."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.errors import UnreadableImage
from ganzoo.images.limits import check_pixels
from ganzoo.images.tensors import MODES, fit, round_to_pixels

__all__ = ["ArrayImage", "array_image", "open_array", "open_tiff"]

Numbers = NDArray[Any]

_NPY = b"\x93NUMPY"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # without a handler, its messages go to stderr


@dataclass(frozen=True)
class ArrayImage:
    """An image whose numbers a file has as an array: uint8, uint16, or floats in [0, 1].

    `name` is for users, and `shape` is (C, H, W). `read` reads the numbers in this shape.
    """

    name: str
    shape: tuple[int, int, int]
    read: Callable[[], Numbers]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow has them."""
        return self.shape[2], self.shape[1]

    def halves(self) -> tuple[ArrayImage, ArrayImage]:
        """The left and the right half; a column in the middle is in neither of them."""
        channels, height, width = self.shape
        numbers, middle = self.read(), width // 2
        left, right = numbers[:, :, :middle], numbers[:, :, width - middle :]
        one = replace(self, shape=(channels, height, middle), read=lambda: left)
        return one, replace(one, read=lambda: right)

    def pixels(self, size: tuple[int, int] | None, depth: int) -> tuple[Tensor, tuple[str, ...]]:
        """The pixels (C, H, W) with `depth` bits, and notes on what was changed.

        With `size`, (H, W), the largest centered part with these proportions is resized to it. Numbers that need no
        change come back exactly.

        Raises:
            UnreadableImage: the numbers have no defined range.
        """
        numbers = self.read()
        unit = _unit(numbers, of=self.name)
        exact = unit == 2**depth - 1
        notes = (*self.notes, *(() if exact else (_scaled(numbers, depth),)))
        fits = size is None or numbers.shape[1:] == size
        if exact and fits:
            return torch.from_numpy(np.array(numbers, np.uint8 if depth == 8 else np.uint16, order="C")), notes
        floats = torch.from_numpy(numbers.astype(np.float32)).mul_(2 / unit).sub_(1)
        if size is not None and not fits:
            floats, notes = fit(floats[None], size)[0], (*notes, "had another size, cropped and resized")
        return round_to_pixels(floats, depth), notes


def _unit(numbers: Numbers, *, of: str) -> int:
    """The number that means the largest brightness."""
    if numbers.dtype.kind == "u":
        return int(np.iinfo(numbers.dtype).max)
    if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > 1:
        raise UnreadableImage(f"{of} has floating-point pixels outside of [0, 1] - scale them to this range")
    return 1


def _scaled(numbers: Numbers, depth: int) -> str:
    if numbers.dtype.kind == "f":
        return f"had floating-point pixels, scaled to {depth} bits"
    return f"had {8 * numbers.dtype.itemsize} bits, scaled to {depth}"


def open_array(file: BinaryIO, head: bytes, channels: int, *, name: str) -> ArrayImage | None:
    """Open an array of NumPy, or a TIFF file whose channels Pillow cannot read; None if the file is neither.

    `head` are its first bytes; `file` is at its start. Only the header is read. Where both orders of the axes fit, they
    are (H, W, C).

    Raises:
        UnreadableImage: as `array_image`, or the file is damaged, or the package that reads it is missing.
    """
    if head.startswith(_NPY):
        return _open_npy(file, channels, name=name)
    return open_tiff(file, channels, name=name) if head.startswith(_TIFF) and channels not in MODES else None


def _open_npy(file: BinaryIO, channels: int, *, name: str) -> ArrayImage:
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise UnreadableImage(f"{name} has no numbers that an image can have - save a plain array of them")
    shape, _, dtype = _HEADERS[version](file)
    image = array_image(shape, dtype, partial(_read_npy, file), channels, name=name)
    start = file.tell()
    if math.prod(shape) * dtype.itemsize > file.seek(0, io.SEEK_END) - start:
        raise UnreadableImage(f"{name} ends before its last number - save it again")
    return image


def _read_npy(file: BinaryIO) -> Numbers:
    file.seek(0)
    numbers: Numbers = np.lib.format.read_array(file, allow_pickle=False)
    return numbers


def open_tiff(file: BinaryIO, channels: int, *, name: str) -> ArrayImage:
    """Open the first series of a TIFF file: bands of one page, or pages of one band each.

    Raises:
        UnreadableImage: as `open_array`.
    """
    try:
        from tifffile import TiffFile
    except ImportError as error:
        text = f"{name} is a TIFF picture that Pillow cannot read"
        raise UnreadableImage(f"{text} - read it with `pip install 'ganzoo[tiff]'`") from error
    series = TiffFile(file, name=Path(name).name).series[0]  # an open file may have a number for a name
    return array_image(series.shape, series.dtype, series.asarray, channels, name=name)


def array_image(
    shape: tuple[int, ...], dtype: np.dtype[Any], read: Callable[[], Numbers], channels: int, *, name: str
) -> ArrayImage:
    """An array of this shape, (H, W, C), (C, H, W) or (H, W), as an image; `read` reads it.

    (H, W) is gray, which RGB can show too.

    Raises:
        UnreadableImage: it has another number of channels, too many pixels, or numbers without a defined range.
    """
    axes = _axes(shape, channels)
    if axes is None:
        wanted = ("(H, W), " if channels in (1, 3) else "") + f"(H, W, {channels}) or ({channels}, H, W)"
        text = f"{name} has the shape {shape}, not {wanted}"
        raise UnreadableImage(f"{text} - save it so, or choose a model with as many channels")
    whole = (1, *shape) if len(shape) == 2 else shape
    _, height, width = (whole[axis] for axis in axes)
    if min(shape) < 1:
        raise UnreadableImage(f"{name} is empty: its shape is {shape}")
    if dtype.kind != "f" and (dtype.kind, dtype.itemsize) not in (("u", 1), ("u", 2)):
        text = f"{name} has {dtype} pixels, which have no defined range"
        raise UnreadableImage(f"{text} - save uint8, uint16, or floating-point numbers in [0, 1]")
    check_pixels((width, height), of=name)
    found = (channels, height, width)
    return ArrayImage(name, found, lambda: np.broadcast_to(read().reshape(whole).transpose(axes), found))


def _axes(shape: tuple[int, ...], channels: int) -> tuple[int, int, int] | None:
    """The axes of channels, height and width; None if the shape has none with so many channels."""
    if len(shape) == 2 and channels in (1, 3):
        return 0, 1, 2
    if len(shape) == 3 and shape[2] == channels:
        return 2, 0, 1
    return (0, 1, 2) if len(shape) == 3 and shape[0] == channels else None
