"""Memorized training images: for the samples that are nearest to a training image, show both.

A generator that copies training images has a good IS, FID and KID. People see such copies when both images are shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.evaluation.image_sets import Part
from ganzoo.evaluation.neighbors import nearest
from ganzoo.images.files import save_picture
from ganzoo.images.sheets import contact_sheet, enlargement
from ganzoo.images.tensors import from_pixels, to_channels, to_pictures, visible

__all__ = ["SHOWN", "NearestTrainingImage", "most_memorized", "write_sheet"]

SHOWN = 16
"""The number of pairs on a sheet."""

PAIRS_A_ROW = 4
SHEET_PIXELS = 64


class NearestTrainingImage(NamedTuple):
    """An image and the training image that is nearest to it in feature space, both as indices.

    `distance` is between these two. `ratio` is this distance, divided by the distance from the training image to the
    nearest other training image: 0 for a copy, about 1 for another image of the same kind.
    """

    image: int
    training_image: int
    distance: float
    ratio: float


def most_memorized(features: Tensor, training: Tensor, count: int = SHOWN) -> list[NearestTrainingImage]:
    """The `count` images with the smallest ratios, the smallest first, from features (n, F) and (m, F)."""
    found = nearest(features, training)
    own = nearest(training[found.rows], training, skip=found.rows).distances
    ratios = found.distances / own.clamp_min(torch.finfo(own.dtype).tiny)  # 0 for two equal training images
    order = ratios.argsort(stable=True)[:count].tolist()
    return [NearestTrainingImage(i, int(found.rows[i]), found.distances[i].item(), ratios[i].item()) for i in order]


def write_sheet(images: Part, training: Part, *, found: list[NearestTrainingImage], path: Path) -> None:
    """Write a sheet with four pairs in each row: an image, and its training image to the right."""
    ours = _pixels(images, [each.image for each in found])
    theirs = _pixels(training, [each.training_image for each in found])
    pairs = torch.stack([ours, theirs], dim=1).flatten(0, 1)
    pictures = to_pictures(from_pixels(pairs))
    scale = enlargement(pictures[0].width, SHEET_PIXELS)
    save_picture(contact_sheet(pictures, columns=2 * PAIRS_A_ROW, scale=scale), path)


def _pixels(part: Part, positions: list[int]) -> Tensor:
    """As RGB, so that gray and color pictures fit on one sheet."""
    rows = positions if part.rows is None else [part.rows[position] for position in positions]
    return to_channels(visible(part.images.take(rows)), 3)
