"""Contact sheets."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

__all__ = [
    "CAPTION",
    "FRAME",
    "captioned",
    "centered",
    "contact_sheet",
    "enlarged",
    "enlargement",
    "labeled",
    "sheet_size",
]

FRAME = 8
"""The width of the frame of `captioned`, in pixels."""

CAPTION = 20
"""The height of the strip above a picture that holds its caption."""

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
Color = tuple[int, int, int]


def enlargement(width: int, pixels: int = 64) -> int:
    """The whole factor that makes pictures of `width` about `pixels` wide; 1 for pictures that are as wide or wider."""
    return max(1, pixels // width)


def enlarged(picture: Image.Image, scale: int) -> Image.Image:
    """The picture with `scale` times its width and height. Each pixel becomes a square: nothing is blurred."""
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def centered(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture in the middle of a white one of this width and height; transparent white if it has transparency."""
    cell = Image.new(picture.mode, size, _white(picture.mode))
    cell.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return cell


def sheet_size(count: int, width: int, height: int, columns: int | None = None) -> tuple[int, int, int]:
    """The layout of `contact_sheet`: the number of columns, and the width and the height of the sheet in pixels.

    `width` and `height` are those of one picture. By default the sheet has about as many rows as columns.
    """
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    gap = _gap(width)
    return columns, columns * (width + gap) + gap, rows * (height + gap) + gap


def contact_sheet(pictures: Sequence[Image.Image], *, columns: int | None = None, scale: int = 1) -> Image.Image:
    """Put pictures of one size on a sheet, row by row, with white gaps between them.

    By default the sheet has about as many rows as columns. `scale` is the whole factor that enlarges each picture.
    """
    width, height = pictures[0].width * scale, pictures[0].height * scale
    gap = _gap(width)
    columns, *size = sheet_size(len(pictures), width, height, columns)
    mode = pictures[0].mode
    sheet = Image.new(mode, (size[0], size[1]), _white(mode))
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        sheet.paste(enlarged(picture, scale), (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet


def captioned(picture: Image.Image, scale: int, caption: str, color: Color) -> Image.Image:
    """The picture in RGB, enlarged, with a frame of a color and, above the picture, a caption of one line.

    A caption that is too long gets smaller letters.
    """
    large = enlarged(picture, scale)
    framed = ImageOps.expand(large.convert("RGB"), (FRAME, CAPTION, FRAME, FRAME), color)
    size = CAPTION - 6
    while (font := ImageFont.load_default(size)).getlength(caption) > large.width and size > 6:
        size -= 1
    ink = BLACK if color == WHITE else WHITE
    ImageDraw.Draw(framed).text((FRAME, CAPTION // 2), caption, fill=ink, font=font, anchor="lm")
    return framed


def labeled(rows: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Put pictures of one width below each other, each below its label."""
    line = 16
    width = max(picture.width for _, picture in rows)
    whole = Image.new("RGB", (width, sum(line + picture.height for _, picture in rows)), "white")
    draw, top = ImageDraw.Draw(whole), 0
    for text, picture in rows:
        draw.text((4, top + 2), text, fill="black")
        whole.paste(picture, (0, top + line))
        top += line + picture.height
    return whole


def _white(mode: str) -> str | tuple[int, int, int, int]:
    return "white" if mode != "RGBA" else (255, 255, 255, 0)


def _gap(width: int) -> int:
    return max(1, width // 32)
