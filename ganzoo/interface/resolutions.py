"""The sizes of images that a config may ask for, square or not, and which of them a network reaches. No torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

__all__ = [
    "FirstMap",
    "Resolution",
    "check_multiple",
    "first_map",
    "first_maps",
    "image_size",
    "parse_resolution",
    "write_resolution",
]

Resolution = int | tuple[int, int]
"""The size of images in pixels: a number for square ones, else height and width.

Users of a config field of this type may also write a text: ``64``, or ``96x64`` for 96 rows of 64 pixels.
"""

SHORTER_SIDES = range(4, 8)
"""The shorter side of a first map. From 8 pixels on, there is one doubling more."""

_TEXT = re.compile(r"([0-9]{1,9})(?:x([0-9]{1,9}))?")


class FirstMap(NamedTuple):
    """The height and the width, `size`, of the features that a network enlarges to an image by `doublings`."""

    size: tuple[int, int]
    doublings: int

    @property
    def pixels(self) -> int:
        """The number of pixels of the first map."""
        return math.prod(self.size)

    @property
    def resolution(self) -> Resolution:
        """The resolution of the image."""
        height, width = (side * 2**self.doublings for side in self.size)
        return height if height == width else (height, width)

    @property
    def sides(self) -> tuple[int, ...]:
        """The side before and after each doubling if the first map has 4x4 pixels: 4, 8, ...

        Papers give widths and other settings by these numbers. They name the blocks of images of every shape.
        """
        return tuple(4 * 2**i for i in range(self.doublings + 1))


def parse_resolution(value: Any) -> Resolution:
    """A resolution from a number, a text, or a list or tuple of height and width. Square sizes become a number.

    Raises:
        ValueError: it is something else, or a side is below 1.
    """
    found = _TEXT.fullmatch(value) if isinstance(value, str) else None
    read = value if found is None else [int(side) for side in found.groups() if side is not None]
    sides = list(read) if isinstance(read, (list, tuple)) else [read]
    if len(sides) not in (1, 2) or any(type(side) is not int or side < 1 for side in sides):
        raise ValueError(f"{value!r} is no resolution")
    return sides[0] if len(set(sides)) == 1 else (sides[0], sides[1])


def write_resolution(resolution: Resolution) -> int | str:
    """A resolution as users write it: 64, or ``96x64``. It undoes `parse_resolution`."""
    return resolution if isinstance(resolution, int) else "x".join(map(str, resolution))


def image_size(resolution: Resolution) -> tuple[int, int]:
    """(H, W) of images with this resolution."""
    return (resolution, resolution) if isinstance(resolution, int) else resolution


def first_map(resolution: Resolution, doublings: range) -> FirstMap:
    """The first map that is doubled to `resolution`. Its shorter side has 4 to 7 pixels.

    `doublings` are the numbers of doublings that the network can have. So 64 is 4x4 doubled 4 times, and 96x64 is 6x4.

    Raises:
        ValueError: there is none. The message names the nearest resolutions that there are.
    """
    height, width = image_size(resolution)
    for count in doublings:
        step = 2**count
        if min(height, width) // step in SHORTER_SIDES and height % step == width % step == 0:
            return FirstMap((height // step, width // step), count)
    powers = f"a power of 2 from {2 ** doublings[0]} to {2 ** doublings[-1]}"
    rule = f"the shorter side must be 4 to 7 times {powers}, and the longer side a multiple of that power"
    raise _unreachable(resolution, rule, _doubled(resolution, doublings))


def first_maps(pixels: int, doublings: int) -> list[FirstMap]:
    """The first maps of so many pixels, those next to a square first, and of two such maps the higher one.

    There is none if the map next to a square is none that `first_map` gives, such as 8x8: then a longer one, such as
    16x4, would be a bad guess.
    """
    shorter = [side for side in range(math.isqrt(pixels), 0, -1) if pixels % side == 0]
    if not shorter or shorter[0] not in SHORTER_SIDES:
        return []
    sides = [side for side in shorter if side in SHORTER_SIDES]
    sizes = (size for side in sides for size in dict.fromkeys([(pixels // side, side), (side, pixels // side)]))
    return [FirstMap(size, doublings) for size in sizes]


def check_multiple(resolution: Resolution, multiple: int, *, least: int, reason: str = "") -> None:
    """Check that both sides are multiples of a number, and at least `least`.

    `reason` says what these numbers follow from, such as ``with 3 discriminator_layers``.

    Raises:
        ValueError: they are not. The message names the nearest resolutions that are possible.
    """
    sides = image_size(resolution)
    if any(side < least or side % multiple for side in sides):
        rule = f"both sides must be multiples of {multiple}, from {least} on {reason}".rstrip()
        height, width = (_multiples(side, multiple, -(-least // multiple)) for side in sides)
        raise _unreachable(resolution, rule, product(height, width))


def _doubled(resolution: Resolution, doublings: range) -> Iterator[tuple[int, int]]:
    """Heights and widths that doublings of a first map reach, of these sides or near them."""
    height, width = image_size(resolution)
    for count, least in product(doublings, SHORTER_SIDES):
        shorter = least * 2**count
        for longer in (shorter, *_multiples(max(height, width), 2**count, least)):
            yield (shorter, longer) if height <= width else (longer, shorter)


def _multiples(side: int, step: int, least: int) -> set[int]:
    """The multiples of `step` next to `side`, of at least `least` steps."""
    return {max(count, least) * step for count in (side // step, side // step + 1)}


def _unreachable(resolution: Resolution, rule: str, possible: Iterable[tuple[int, int]]) -> ValueError:
    """The error that states the rule, and the two nearest of the `possible` sizes: square ones for a square one."""
    wanted = image_size(resolution)

    def distance(size: tuple[int, int]) -> float:
        return sum(abs(math.log(side / max(asked, 1))) for side, asked in zip(size, wanted, strict=True))

    alike = {size for size in possible if size[0] == size[1] or wanted[0] != wanted[1]}
    nearest = sorted(alike, key=lambda size: (distance(size), size))[:2]
    names = [str(write_resolution(parse_resolution(size))) for size in nearest]
    verb = "is" if len(names) == 1 else "are"
    problem = f"resolution {write_resolution(resolution)} cannot be reached: {rule}"
    return ValueError(f"{problem} - the nearest {verb} {' and '.join(names)}")
