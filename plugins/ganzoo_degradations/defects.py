"""The defects. Each function takes the text of a setting and the shape (C, H, W) of undamaged images."""

from __future__ import annotations

from math import ceil, isfinite

import torch
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from ganzoo import Defect, GanzooError, InvalidRequestError, read_picture

__all__ = ["blur", "box", "downsample", "gray", "mask", "noise"]

Shape = tuple[int, int, int]

LUMA = (0.299, 0.587, 0.114)


def noise(setting: str, shape: Shape) -> Defect:
    """Normal noise. Its mean is zero, so images are compared with the noisy picture as they are."""
    sigma = _positive("noise", setting)

    def add(image: Tensor, random: Generator) -> Tensor:
        return image + sigma * torch.randn(image.shape, generator=random)

    return Defect(apply=lambda images: images, noise=add)


def mask(setting: str, shape: Shape) -> Defect:
    """Pixels are missing where a picture of the same size is black, or darker than the middle gray."""
    try:
        known = read_picture(setting, channels=1) > 0  # (1, H, W)
    except GanzooError as error:
        raise InvalidRequestError(f"{error} - write mask=FILE with the path of a picture") from error
    if known.shape[1:] != shape[1:]:
        sizes = f"{setting} has {_size(known.shape)} pixels, and the pictures have {_size(shape)}"
        raise InvalidRequestError(f"{sizes} - resize the mask")
    if bool(known.all()) or not bool(known.any()):
        raise InvalidRequestError(f"{setting} has one color - a mask is black where pixels are missing, else white")
    return _missing(~known)


def box(setting: str, shape: Shape) -> Defect:
    """A rectangle is missing. It lies inside of the image, and does not cover it."""
    _, height, width = shape
    try:
        left, top, columns, rows = map(int, setting.split(","))
    except ValueError as error:
        raise InvalidRequestError(
            f"box={setting} is not a rectangle - write four whole numbers, such as box=8,8,16,16"
        ) from error
    inside = 0 <= left < left + columns <= width and 0 <= top < top + rows <= height
    if not inside or (columns, rows) == (width, height):
        text = f"box={setting} is no part of a picture that is {width} pixels wide and {height} high"
        raise InvalidRequestError(f"{text} - write the left upper corner, the width and the height of a smaller one")
    missing = torch.zeros(1, height, width, dtype=torch.bool)
    missing[:, top : top + rows, left : left + columns] = True
    return _missing(missing)


def downsample(setting: str, shape: Shape) -> Defect:
    """The mean of each square of pixels. Both sides of the image are a multiple of the square's side."""
    factor = int(setting) if setting.isascii() and setting.isdecimal() else 0
    if factor < 2 or shape[1] % factor or shape[2] % factor:
        text = f"downsample={setting} does not divide {_size(shape)} pixels"
        raise InvalidRequestError(f"{text} - write a whole number from 2 on that divides both sides, such as 2 or 4")
    return Defect(apply=lambda images: avg_pool2d(images, factor))


def blur(setting: str, shape: Shape) -> Defect:
    """A Gaussian blur, cut off at three standard deviations. Beyond its border, an image continues as a mirror."""
    sigma = _positive("blur", setting)
    radius = ceil(3 * sigma)
    if radius >= min(shape[1:]):
        raise InvalidRequestError(f"blur={setting} is too wide for {_size(shape)} pixels - write a smaller number")
    offsets = torch.arange(-radius, radius + 1) / sigma
    weights = torch.softmax(-offsets.square() / 2, 0)

    def apply(images: Tensor) -> Tensor:
        kernel = weights.to(images).expand(images.shape[1], 1, 1, -1)
        padded = pad(images, (radius,) * 4, mode="reflect")
        rows = conv2d(padded, kernel, groups=images.shape[1])
        return conv2d(rows, kernel.transpose(2, 3), groups=images.shape[1])

    return Defect(apply=apply)


def gray(setting: str, shape: Shape) -> Defect:
    """The luma of RGB images: one channel."""
    if setting:
        raise InvalidRequestError(f"gray takes no setting, not {setting!r} - write gray")
    if shape[0] != 3:
        raise InvalidRequestError(f"gray removes colors, and images with {shape[0]} channels have none - leave it out")
    return Defect(apply=lambda images: (images * images.new_tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True))


def _missing(where: Tensor) -> Defect:
    """The defect that makes pixels gray where `where`, (1, H, W), is true."""

    def apply(images: Tensor) -> Tensor:
        return images.masked_fill(where.to(images.device), 0)

    return Defect(apply=apply, known=apply)


def _positive(name: str, setting: str) -> float:
    try:
        value = float(setting)
    except ValueError:
        value = 0
    if not (value > 0 and isfinite(value)):
        raise InvalidRequestError(f"{name}={setting} is not a number above 0 - write {name}=1.0, for instance")
    return value


def _size(shape: torch.Size | Shape) -> str:
    """``HxW`` of a shape (C, H, W)."""
    return f"{shape[1]}x{shape[2]}"
