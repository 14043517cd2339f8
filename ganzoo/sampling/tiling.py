"""Translate images of any size: pad them for the network and crop the results, tile by tile if they are large."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import Config, as_translation_config
from ganzoo.utils.precision import float32_on_cpu

__all__ = ["check_tile", "translate_batch"]

OVERLAP = 4
"""Neighboring tiles overlap by one OVERLAP-th of their side, a quarter. There, one tile fades into the other."""

Network = Callable[[Tensor], Tensor]


@float32_on_cpu()
def translate_batch(images: Tensor, network: Network, config: Config, *, tile: int | None = None) -> Tensor:
    """Translate images (N, C, H, W) of any size with `network`. The results have the same size.

    The images are padded by reflection to a size that the config allows, and the results are cropped back. With
    `tile`, the network gets overlapping squares of that side. Instance norm has other statistics in each tile, so
    that tiles differ: prefer tiles that are large enough to show some of the surroundings.

    Raises:
        InvalidRequestError: the network cannot take tiles of that side.
    """
    check_tile(tile, config)
    multiple, least = _geometry(config)
    height, width = (_padded(side, multiple, least) for side in images.shape[2:])
    top, left = (height - images.shape[2]) // 2, (width - images.shape[3]) // 2
    padded = _reflect(_reflect(images, 2, top, height), 3, left, width)
    made = network(padded) if tile is None else _in_tiles(padded, network, tile)
    return made[:, :, top : top + images.shape[2], left : left + images.shape[3]]


def check_tile(tile: int | None, config: Config) -> None:
    """Refuse a side that the network, or the overlap, cannot have.

    Raises:
        InvalidRequestError: the message gives the multiple and the smallest side.
    """
    multiple, least = _geometry(config)
    if tile is not None and (tile % (OVERLAP * multiple) or tile < least):
        raise InvalidRequestError(
            f"the side of a tile must be a multiple of {OVERLAP * multiple} and at least {least}, not {tile}"
        )


def _geometry(config: Config) -> tuple[int, int]:
    """The number that divides both sides, and the smallest side."""
    wanted = as_translation_config(config)
    return wanted.size_multiple, wanted.minimum_size


def _padded(side: int, multiple: int, least: int) -> int:
    """The smallest side that the network takes and that is at least `side`."""
    return -(-max(side, least) // multiple) * multiple


def _reflect(images: Tensor, dimension: int, before: int, length: int) -> Tensor:
    """Pad a dimension to `length`, `before` of it at the start; a small image is reflected several times."""
    side = images.shape[dimension]
    if side == length:
        return images
    period = max(1, 2 * side - 2)
    indices = (torch.arange(length) - before) % period
    return images.index_select(dimension, torch.minimum(indices, period - indices).clamp_max(side - 1))


def _in_tiles(images: Tensor, network: Network, tile: int) -> Tensor:
    """Translate tile by tile. Overlaps are means, weighted by the distance to the edge of each tile."""
    made, weights = torch.zeros_like(images), torch.zeros(images.shape[2:])
    for top, height in _spans(images.shape[2], tile):
        for left, width in _spans(images.shape[3], tile):
            weight = _ramp(height)[:, None] * _ramp(width)[None, :]
            part = (..., slice(top, top + height), slice(left, left + width))
            made[part] += weight * network(images[part])
            weights[part] += weight
    return made / weights


def _spans(side: int, tile: int) -> Iterator[tuple[int, int]]:
    """Start and length of the tiles that cover a side. The last tile ends with the side."""
    if side <= tile:
        yield 0, side
        return
    step = tile - tile // OVERLAP
    for start in range(0, side - tile, step):
        yield start, tile
    yield side - tile, tile


def _ramp(length: int) -> Tensor:
    """Weights that rise from near 0 at both edges to 1 over a quarter of the length."""
    position = torch.arange(length) + 0.5
    return (torch.minimum(position, length - position) / (length / OVERLAP)).clamp_max(1)
