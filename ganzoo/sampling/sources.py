"""The images that a model translates or inverts: read from files or pictures, resized, and put into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ganzoo.errors import InvalidRequestError, UnreadableImage
from ganzoo.images.files import Picture, picture_size, read_image, take_picture
from ganzoo.images.limits import check_one_piece, check_pixels
from ganzoo.images.tensors import fit, from_pixels, resize
from ganzoo.interface.picture_files import DISK, PictureFiles
from ganzoo.sampling.requests import check_whole

__all__ = ["Source", "batched", "check_resize", "fitted", "read_source", "source_image", "target_images"]

Source = str | Path | Image.Image | Tensor
"""An image to translate: the path of a picture file, a PIL picture, or floats (C, H, W) in [-1, 1]."""


def source_image(
    image: Source, channels: int, shorter_side: int | None = None, *, tiled: bool = False, depth: int = 8
) -> Tensor:
    """An image to translate as floats (C, H, W) in [-1, 1], with C = `channels`. Of files, `depth` bits are read.

    With `shorter_side`, the image is resized with antialiasing until its shorter side has this length in pixels.
    A picture that is too large for the network is refused before it is decoded, unless it will be `tiled`.

    Raises:
        InvalidRequestError: `image` is nothing of that kind, has another number of channels, or
            `shorter_side` is less than 1.
        UnreadableImage: a picture cannot be read, or is too large.
    """
    return read_source(image, channels, shorter_side, tiled=tiled, depth=depth).pixels


def read_source(
    image: Source,
    channels: int,
    shorter_side: int | None = None,
    *,
    tiled: bool = False,
    depth: int = 8,
    files: PictureFiles = DISK,
) -> Picture:
    """What `source_image` gives, with notes on what reading changed. `files` opens a path."""
    check_resize(shorter_side)
    _check_size(image, channels, shorter_side, tiled=tiled, files=files)
    pixels, notes = _read(image, channels, depth, files)
    if shorter_side is not None:
        pixels = resize(pixels[None], _resized((pixels.shape[1], pixels.shape[2]), shorter_side))[0]
    return Picture(pixels if pixels.is_floating_point() else from_pixels(pixels), notes)


def _resized(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """Both sides, with the same proportions, so that the shorter one has this length."""
    scale = shorter_side / min(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _check_size(image: Source, channels: int, shorter_side: int | None, *, tiled: bool, files: PictureFiles) -> None:
    """Refuse a picture that is too large before or after it is resized. Only the header of a file is read."""
    if not isinstance(image, (str, Path, Image.Image)):
        return
    if isinstance(image, Image.Image):
        size, name = image.size, "the picture"
    else:
        size, name = picture_size(Path(image), channels=channels, files=files), str(image)
    if shorter_side is not None:
        size, name = _resized(size, shorter_side), f"{name}, resized,"
    if tiled:
        check_pixels(size, of=name)
    else:
        check_one_piece(size, of=name, remedy="translate it in tiles with --tile 512, or make it smaller")


def check_resize(shorter_side: int | None) -> None:
    """Refuse a length in pixels that no side can have.

    Raises:
        InvalidRequestError: it is not a whole number, or less than 1.
    """
    if shorter_side is not None:
        check_whole("resized length of the shorter side", shorter_side, 1)


def target_images(
    images: Source | Sequence[Source], shape: tuple[int, int, int], *, exact: bool, depth: int = 8
) -> Tensor:
    """Images to invert, (N, C, H, W) in [-1, 1] with the given (C, H, W); a single one is N = 1.

    Pictures of another size are cropped and resized, unless the size must be `exact`. Tensors always have it.

    Raises:
        InvalidRequestError: there is no image, or an image has another shape.
        UnreadableImage: a picture cannot be read, or has another size where it must be exact.
    """
    if isinstance(images, Tensor) and images.ndim == 4:
        images = list(images)
    listed: list[Any] = list(images) if isinstance(images, (list, tuple)) else [images]
    if not listed:
        raise InvalidRequestError("there are no images to invert - give at least one")
    found = []
    for image in listed:
        pixels = source_image(image, shape[0], tiled=True, depth=depth)
        name = f"{image}" if isinstance(image, (str, Path)) else "an image"
        found.append(fitted(pixels, shape, exact=exact or isinstance(image, Tensor), of=name))
    return torch.stack(found)


def fitted(image: Tensor, shape: tuple[int, int, int], *, exact: bool, of: str) -> Tensor:
    """An image (C, H, W), cropped and resized to the size of `shape`; if `exact`, it must have the size.

    Raises:
        UnreadableImage: it has another size; the message calls it `of`.
    """
    if image.shape[1:] == torch.Size(shape[1:]):
        return image
    if exact:
        sizes = [f"{height}x{width}" for height, width in (image.shape[1:], shape[1:])]
        raise UnreadableImage(f"{of} has {sizes[0]} pixels, but {sizes[1]} are needed here - resize it first")
    return fit(image[None], shape[1:])[0]


def batched(images: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Batches (n, C, H, W) of successive images (C, H, W) with the same shape, at most `size` in each."""
    for _, group in groupby(images, key=lambda image: image.shape):
        while chunk := list(islice(group, size)):
            yield torch.stack(chunk)


def _read(image: Source, channels: int, depth: int, files: PictureFiles) -> Picture:
    """(C, H, W): pixels from a file or a picture, or the floats that were given."""
    if isinstance(image, (str, Path)):
        return read_image(Path(image), channels=channels, depth=depth, files=files)
    if isinstance(image, Image.Image):
        return take_picture(image, channels=channels, depth=depth)
    if isinstance(image, Tensor) and image.ndim == 3 and len(image) == channels and image.is_floating_point():
        return Picture(image, ())
    shown = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
    raise InvalidRequestError(f"an image is a path, a picture, or floats ({channels}, H, W), not {shown}")
