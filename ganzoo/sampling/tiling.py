"""Translating images of any size: padded for the network and cropped back, in tiles where they are too large."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import Config, as_translation_config

__all__ = ["check_tile", "translate_batch"]

OVERLAP = 4
"""Tiles overlap by this part of their side, a quarter, and fade into each other there."""

Network = Callable[[Tensor], Tensor]


def translate_batch(images: Tensor, network: Network, config: Config, *, tile: int | None = None) -> Tensor:
    """What `network` makes of images (N, C, H, W) of any size, the same size again.

    They are padded by reflection to a size that the config allows, and the result is cropped back. With
    `tile`, the network sees squares of that side only, which overlap and fade into each other: norms that
    look at the whole image differ from tile to tile, so a tile should show something of what is around.

    Raises:
        InvalidRequestError: a tile that the network cannot take.
    """
    check_tile(tile, config)
    multiple, least = _geometry(config)
    height, width = (_padded(side, multiple, least) for side in images.shape[2:])
    top, left = (height - images.shape[2]) // 2, (width - images.shape[3]) // 2
    padded = _reflect(_reflect(images, 2, top, height), 3, left, width)
    made = network(padded) if tile is None else _in_tiles(padded, network, tile)
    return made[:, :, top : top + images.shape[2], left : left + images.shape[3]]


def check_tile(tile: int | None, config: Config) -> None:
    """Refuse a tile that the network cannot take.

    Raises:
        InvalidRequestError: says which it can.
    """
    multiple, least = _geometry(config)
    if tile is not None and (tile % (OVERLAP * multiple) or tile < least):
        raise InvalidRequestError(
            f"a tile has a side that is a multiple of {OVERLAP * multiple} and at least {least}, not {tile}"
        )


def _geometry(config: Config) -> tuple[int, int]:
    """The number that both sides must be multiples of, and the smallest side."""
    wanted = as_translation_config(config)
    return wanted.size_multiple, wanted.minimum_size


def _padded(side: int, multiple: int, least: int) -> int:
    """The smallest side that the network takes and that is no smaller than `side`."""
    return -(-max(side, least) // multiple) * multiple


def _reflect(images: Tensor, dimension: int, before: int, length: int) -> Tensor:
    """Padded to `length`, `before` of it in front; again and again where the image is smaller than the padding."""
    side = images.shape[dimension]
    if side == length:
        return images
    period = max(1, 2 * side - 2)
    places = (torch.arange(length) - before) % period
    return images.index_select(dimension, torch.minimum(places, period - places).clamp_max(side - 1))


def _in_tiles(images: Tensor, network: Network, tile: int) -> Tensor:
    """Tile by tile; where they overlap, the mean weighted by the distance from each tile's edge."""
    made, weights = torch.zeros_like(images), torch.zeros(images.shape[2:])
    for top, height in _spans(images.shape[2], tile):
        for left, width in _spans(images.shape[3], tile):
            weight = _ramp(height)[:, None] * _ramp(width)[None, :]
            part = (..., slice(top, top + height), slice(left, left + width))
            made[part] += weight * network(images[part])
            weights[part] += weight
    return made / weights


def _spans(side: int, tile: int) -> Iterator[tuple[int, int]]:
    """Start and length of tiles that cover a side; the last one ends where the side does."""
    if side <= tile:
        yield 0, side
        return
    step = tile - tile // OVERLAP
    for start in range(0, side - tile, step):
        yield start, tile
    yield side - tile, tile


def _ramp(length: int) -> Tensor:
    """From near 0 at the edges up to 1 over a quarter of the length."""
    place = torch.arange(length) + 0.5
    return (torch.minimum(place, length - place) / (length / OVERLAP)).clamp_max(1)
