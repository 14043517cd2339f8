"""The diversity of images: how different two of them look on average, by LPIPS (arXiv:1801.03924)."""

from __future__ import annotations

from torch import Tensor

from ganzoo.evaluation.image_sets import Part
from ganzoo.evaluation.metrics import Estimate
from ganzoo.evaluation.pairs import DrawnPairs, Measure, mean_estimate, picture_pairs

__all__ = ["diversity_of_pictures", "diversity_of_samples"]


def diversity_of_samples(pairs: DrawnPairs, measure: Measure) -> Estimate | None:
    """The mean distance of two samples of one class, or of one text; None in other processes than the main one."""
    distances = measure("distances of samples", len(pairs.requests), pairs.images)
    return None if distances is None else mean_estimate(distances)


def diversity_of_pictures(part: Part, measure: Measure, *, of_one_class: bool, seed: int) -> Estimate | None:
    """The mean distance of two pictures; None if there are no pairs, for instance none of one class."""
    positions = picture_pairs(part, of_one_class=of_one_class, seed=seed)
    if positions is None or not len(positions):
        return None

    def images(numbers: range) -> tuple[Tensor, Tensor]:
        chosen = positions[numbers.start : numbers.stop].flatten().tolist()
        rows = chosen if part.rows is None else [part.rows[position] for position in chosen]
        taken = part.images.take(rows)
        return taken[::2], taken[1::2]

    distances = measure(f"distances in {part.name}", len(positions), images)
    return None if distances is None else mean_estimate(distances)
