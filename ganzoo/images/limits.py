"""How large a picture may be, and how many channels it has. It imports no torch."""

from __future__ import annotations

from ganzoo.errors import UnreadableImage

__all__ = ["MAX_PIXELS", "PICTURE_CHANNELS", "check_one_piece", "check_pixels", "shown_channels"]

PICTURE_CHANNELS = (1, 3, 4)
"""Gray, RGB and RGBA: the channels that pictures have, and that convert into each other."""

MAX_PIXELS = 89_478_485  # Pillow's own limit; Pillow itself only warns about larger pictures

MAX_WHOLE_PIXELS = 2048 * 2048
"""The most pixels that a network gets at a time: its activations take about a hundred times the memory of a picture."""

MAX_WHOLE_SIDE = 16_384
"""The longest side that a network gets. A file of 3 kB can hold a picture that is 50,000 pixels wide."""


def shown_channels(channels: int) -> int:
    """How many of the channels of an image a picture shows: all of gray, RGB and RGBA.

    Of two channels, it shows the first as gray. Of more than four, it shows the first three as RGB.
    """
    return channels if channels in PICTURE_CHANNELS else 1 if channels == 2 else 3


def check_pixels(size: tuple[int, int], *, of: str) -> None:
    """Refuse a picture with this width and height that no memory holds.

    Raises:
        UnreadableImage: it has too many pixels.
    """
    width, height = size
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{of} is {width} pixels wide and {height} high, over {MAX_PIXELS:,} - make it smaller")


def check_one_piece(size: tuple[int, int], *, of: str, remedy: str) -> None:
    """Refuse a picture with this width and height that is too large for a network that gets all of it at a time.

    Raises:
        UnreadableImage: it has too many pixels, or too long a side. The message ends with `remedy`.
    """
    check_pixels(size, of=of)
    width, height = size
    if width * height > MAX_WHOLE_PIXELS or max(size) > MAX_WHOLE_SIDE:
        limits = f"{MAX_WHOLE_PIXELS:,} pixels and {MAX_WHOLE_SIDE:,} on a side"
        problem = f"{of} is {width} pixels wide and {height} high, and {limits} fit in one piece"
        raise UnreadableImage(f"{problem} - {remedy}")
