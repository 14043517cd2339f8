"""Pictures in and out: reading any picture file safely, tensors to pictures, contact sheets."""

from __future__ import annotations

import io
import math
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ganzoo.errors import DataError, NonFiniteError, one_line
from ganzoo.files import replacing

__all__ = [
    "MODES",
    "Picture",
    "UnreadableImage",
    "contact_sheet",
    "enlargement",
    "fit",
    "from_bytes",
    "read_image",
    "resize",
    "save_animation",
    "save_picture",
    "sheet_size",
    "take_picture",
    "to_bytes",
    "to_channels",
    "to_pictures",
    "to_tensor",
]

MAX_PIXELS = 89_478_485  # Pillow's own limit, at which it only warns

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # Pillow would start Ghostscript for an EPS file
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""What Pillow calls pictures of so many channels."""


class UnreadableImage(DataError):
    """A picture file that cannot be used; the message says which and why."""


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


def to_tensor(picture: Image.Image) -> Tensor:
    """uint8 (C, H, W) of a picture of mode L, RGB or RGBA."""
    channels = len(picture.getbands())
    flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return flat.view(picture.height, picture.width, channels).permute(2, 0, 1).contiguous()


def to_pictures(images: Tensor) -> list[Image.Image]:
    """Pictures of (N, C, H, W) in [-1, 1]: grey for one channel, RGB for three, RGBA for four."""
    mode = MODES[images.shape[1]]
    size = (images.shape[3], images.shape[2])
    return [Image.frombytes(mode, size, p.numpy().tobytes()) for p in to_bytes(images).permute(0, 2, 3, 1)]


def to_bytes(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) on the CPU of (N, C, H, W) in [-1, 1].

    Raises:
        NonFiniteError: NaN or infinity, which would become black pixels.
    """
    images = images.detach().cpu().float()
    if not bool(images.isfinite().all()):
        raise NonFiniteError("images with NaN or infinity are no pictures")
    return images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def from_bytes(images: Tensor) -> Tensor:
    """Floats in [-1, 1] of uint8 pixels, any shape: what `to_bytes` came from, to a step."""
    return images.float().div(127.5).sub(1)


def enlargement(width: int, pixels: int = 64) -> int:
    """How many times as large, in whole pixels, pictures of that width are shown: about `pixels` wide, if smaller."""
    return max(1, pixels // width)


def sheet_size(count: int, width: int, height: int, columns: int | None = None) -> tuple[int, int, int]:
    """How `contact_sheet` lays out `count` pictures: the number of columns, and the sheet's width and height."""
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    gap = _gap(width)
    return columns, columns * (width + gap) + gap, rows * (height + gap) + gap


def contact_sheet(pictures: Sequence[Image.Image], *, columns: int | None = None, scale: int = 1) -> Image.Image:
    """All pictures on one sheet, row by row, as near to a square as they come; white between them.

    `scale` enlarges each picture by whole pixels.
    """
    width, height = pictures[0].width * scale, pictures[0].height * scale
    gap = _gap(width)
    columns, *size = sheet_size(len(pictures), width, height, columns)
    mode = pictures[0].mode
    white = "white" if mode != "RGBA" else (255, 255, 255, 0)
    sheet = Image.new(mode, (size[0], size[1]), white)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        enlarged = picture.resize((width, height), Image.Resampling.NEAREST) if scale > 1 else picture
        sheet.paste(enlarged, (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format of the path's ending, whole or not at all."""
    encoded = io.BytesIO()  # into a file that cannot grow, Pillow writes half a JPEG and says nothing
    kind = Image.registered_extensions()[path.suffix.lower()]
    picture.save(encoded, kind, quality=95)  # for jpg and webp, whose default blurs pictures this small
    with replacing(path, synced=False) as temporary:
        temporary.write_bytes(encoded.getvalue())


def save_animation(pictures: Sequence[Image.Image], path: Path, *, milliseconds: int, rest: int = 0) -> None:
    """Write a GIF, or a WebP, that is shown again and again, whole or not at all; it rests at its end."""
    durations = [milliseconds] * (len(pictures) - 1) + [milliseconds + rest]
    encoded = io.BytesIO()
    kind = Image.registered_extensions()[path.suffix.lower()]
    smaller: dict[str, Any] = {"optimize": True} if kind == "GIF" else {"quality": 90}
    pictures[0].save(encoded, kind, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **smaller)
    with replacing(path, synced=False) as temporary:
        temporary.write_bytes(encoded.getvalue())


def to_channels(images: Tensor, channels: int) -> Tensor:
    """uint8 (N, C, H, W) with 1, 3 or 4 channels from any of these: luma for grey, transparency laid on white."""
    if images.shape[1] == channels:
        return images
    if images.shape[1] == 4:
        colour, alpha = images[:, :3].int(), images[:, 3:].int()
        images = ((colour * alpha + 255 * (255 - alpha) + 127) // 255).to(torch.uint8)
    if channels == 1:
        red, green, blue = images.int().unbind(1)
        return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).to(torch.uint8)[:, None]  # as Pillow does
    rgb = images.expand(-1, 3, -1, -1)
    return rgb if channels == 3 else torch.cat([rgb, torch.full_like(rgb[:, :1], 255)], dim=1)


def fit(image: Tensor, size: Sequence[int]) -> Tensor:
    """The largest centred part of (C, H, W) with the wanted proportions, resized to `size`, (H, W)."""
    from torchvision.transforms.v2.functional import center_crop

    height, width = image.shape[1:]
    scale = min(height / size[0], width / size[1])
    cropped: Tensor = center_crop(image, [max(1, round(size[0] * scale)), max(1, round(size[1] * scale))])
    return resize(cropped[None], size)[0]


def resize(images: Tensor, size: Sequence[int]) -> Tensor:
    """uint8 (N, C, H, W) at another size, (H, W), with antialiasing."""
    from torchvision.transforms.v2 import functional

    if images.shape[2:] == torch.Size(size):
        return images
    # In parts: the intermediate floats of 60,000 images would take gigabytes.
    parts = [functional.resize(part, list(size), antialias=True) for part in images.split(4096)]  # type: ignore[no-untyped-call]
    return torch.cat(parts)


def _gap(width: int) -> int:
    return max(1, width // 32)


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
