"""Which images are most like a training image: over-fitting, which IS cannot see, is seen here by eye."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.evaluation.comparison import Part
from ganzoo.evaluation.neighbors import nearest
from ganzoo.images.files import save_picture
from ganzoo.images.sheets import contact_sheet, enlargement
from ganzoo.images.tensors import from_bytes, to_channels, to_pictures

__all__ = ["SHOWN", "Copy", "closest", "write_sheet"]

SHOWN = 16
"""So many pairs are on a sheet."""

PAIRS_A_ROW = 4
SHEET_PIXELS = 64


class Copy(NamedTuple):
    """An image, the training image nearest to it, how far they are apart, and how far that is from its own nearest.

    `ratio` is of the two distances: 0 for a copy, about 1 for another image of the same kind.
    """

    image: int
    training_image: int
    distance: float
    ratio: float


def closest(features: Tensor, training: Tensor, count: int = SHOWN) -> list[Copy]:
    """The images whose ratio is the smallest, the most suspicious first; of features (n, F) and (m, F)."""
    found = nearest(features, training)
    own = nearest(training[found.rows], training, skip=found.rows).distances
    ratios = found.distances / own.clamp_min(torch.finfo(own.dtype).tiny)  # two equal training images
    order = ratios.argsort(stable=True)[:count].tolist()
    return [Copy(i, int(found.rows[i]), found.distances[i].item(), ratios[i].item()) for i in order]


def write_sheet(images: Part, training: Part, copies: list[Copy], path: Path) -> None:
    """Each of `copies` with its training image at its right, four pairs a row."""
    ours = _pixels(images, [copy.image for copy in copies])
    theirs = _pixels(training, [copy.training_image for copy in copies])
    pairs = torch.stack([ours, theirs], dim=1).flatten(0, 1)
    pictures = to_pictures(from_bytes(pairs))
    scale = enlargement(pictures[0].width, SHEET_PIXELS)
    save_picture(contact_sheet(pictures, columns=2 * PAIRS_A_ROW, scale=scale), path)


def _pixels(part: Part, rows: list[int]) -> Tensor:
    """In colour, so that both have the same channels."""
    return to_channels(part.images.take(rows if part.rows is None else [part.rows[row] for row in rows]), 3)
