"""Contact sheets and animations."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ganzoo.utils.files import atomic_write

__all__ = ["contact_sheet", "enlargement", "save_animation", "sheet_size"]


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


def save_animation(pictures: Sequence[Image.Image], path: Path, *, milliseconds: int, rest: int = 0) -> None:
    """Write a GIF, or a WebP, that is shown again and again, whole or not at all; it rests at its end."""
    durations = [milliseconds] * (len(pictures) - 1) + [milliseconds + rest]
    encoded = io.BytesIO()
    kind = Image.registered_extensions()[path.suffix.lower()]
    smaller: dict[str, Any] = {"optimize": True} if kind == "GIF" else {"quality": 90}
    pictures[0].save(encoded, kind, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **smaller)
    with atomic_write(path, synced=False) as temporary:
        temporary.write_bytes(encoded.getvalue())


def _gap(width: int) -> int:
    return max(1, width // 32)
