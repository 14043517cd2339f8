"""Pictures in and out: reading any picture file safely, tensors to pictures, contact sheets."""

from __future__ import annotations

import math
import stat
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor

from ganzoo.errors import DataError, one_line
from ganzoo.files import replacing

__all__ = [
    "IMAGE_SUFFIXES",
    "UnreadableImage",
    "contact_sheet",
    "read_image",
    "save_picture",
    "to_bytes",
    "to_channels",
    "to_pictures",
]

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MAX_PIXELS = 89_478_485  # Pillow's own limit, at which it only warns

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class UnreadableImage(DataError):
    """A picture file that cannot be used; the message says which and why."""


def read_image(path: Path, *, channels: int) -> Tensor:
    """A picture file as uint8 (channels, H, W): turned upright, transparency laid on white.

    Raises:
        UnreadableImage: not a regular file, not a picture, damaged, too large, or of a kind that has
            no defined range (32-bit integer and floating-point pictures).
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableImage(f"{path} is not a regular file")
        with Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise UnreadableImage(f"{path} has {picture.width}x{picture.height} pixels, over {MAX_PIXELS:,}")
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            return to_tensor(_convert(upright, _MODES[channels], path))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(f"{path} cannot be read: {one_line(error)}") from error


def to_tensor(picture: Image.Image) -> Tensor:
    """uint8 (C, H, W) of a picture of mode L, RGB or RGBA."""
    channels = len(picture.getbands())
    flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return flat.view(picture.height, picture.width, channels).permute(2, 0, 1).contiguous()


def to_pictures(images: Tensor) -> list[Image.Image]:
    """Pictures of (N, C, H, W) in [-1, 1]: grey for one channel, RGB for three, RGBA for four."""
    mode = _MODES[images.shape[1]]
    size = (images.shape[3], images.shape[2])
    return [Image.frombytes(mode, size, p.numpy().tobytes()) for p in to_bytes(images).permute(0, 2, 3, 1)]


def to_bytes(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) on the CPU of (N, C, H, W) in [-1, 1]."""
    return images.detach().cpu().float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def contact_sheet(pictures: Sequence[Image.Image], *, columns: int | None = None, scale: int = 1) -> Image.Image:
    """All pictures on one sheet, row by row, as near to a square as they come; white between them.

    `scale` enlarges each picture by whole pixels.
    """
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    width, height = pictures[0].width * scale, pictures[0].height * scale
    gap = max(1, width // 32)
    mode = pictures[0].mode
    white = "white" if mode != "RGBA" else (255, 255, 255, 0)
    sheet = Image.new(mode, (columns * (width + gap) + gap, rows * (height + gap) + gap), white)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        enlarged = picture.resize((width, height), Image.Resampling.NEAREST) if scale > 1 else picture
        sheet.paste(enlarged, (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format of the path's ending, whole or not at all."""
    with replacing(path) as temporary:
        picture.save(temporary)


def to_channels(images: Tensor, channels: int) -> Tensor:
    """uint8 (N, C, H, W) with 1, 3 or 4 channels from any of these: luma for grey, opaque for alpha."""
    if images.shape[1] == channels:
        return images
    colour = images[:, :3]
    if channels == 1:
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # ITU-R 601, as Pillow's
        return colour.float().mul(weights).sum(1, keepdim=True).round().to(torch.uint8)
    rgb = colour.expand(-1, 3, -1, -1)
    return rgb if channels == 3 else torch.cat([rgb, torch.full_like(rgb[:, :1], 255)], dim=1)


def _convert(picture: Image.Image, mode: str, path: Path) -> Image.Image:
    if picture.mode in ("I", "F"):
        raise UnreadableImage(f"{path} has {picture.mode} pixels, which have no defined range - convert it to 8 bits")
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value / 257).convert("L")
    if mode != "RGBA" and (picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info):
        opaque = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    return picture.convert(mode)
