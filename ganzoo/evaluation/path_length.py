"""Perceptual path length (arXiv:1812.04948, section 4.1): how evenly images change on the way between two latents."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganzoo.evaluation.metrics import Estimate
from ganzoo.evaluation.pairs import Array, DrawnPairs, Measure, mean_estimate
from ganzoo.sampling.interpolation import between, moved_ends
from ganzoo.utils.precision import without_tf32
from ganzoo.utils.seeds import derive_seed

__all__ = ["EPSILON", "path_length"]

EPSILON = 1e-4
"""The step along the path, as a part of the whole."""

PERCENTILES = (1, 99)
"""Distances outside of these percentiles are left out, as in StyleGAN's code."""


def path_length(pairs: DrawnPairs, measure: Measure, *, whole: bool) -> Estimate | None:
    """The mean of d(G(x(t)), G(x(t + e))) / e² over paths x between the inputs of pairs, with its standard error.

    d is the distance between images, and e is `EPSILON`. With `whole`, t is random on each path, and else 0, at the
    path's beginning. The paths are those of `Model.interpolate`: of the inputs that the GAN moves, such as the styles
    of StyleGAN; a latent moves on a great circle, and noise stays. Other processes than the main one get None.
    """
    count = len(pairs.requests)
    random = torch.Generator().manual_seed(derive_seed(pairs.seed, "path"))
    starts = torch.rand(count, generator=random, dtype=torch.float64) * (1 - EPSILON) * whole
    where = "anywhere on paths" if whole else "at the ends of paths"

    def images(numbers: range) -> tuple[Tensor, Tensor]:
        ends = moved_ends(pairs.model.gan, *pairs.draw(numbers))
        at = starts[numbers.start : numbers.stop]
        both = [between(*ends, t) for t in (at, at + EPSILON)]
        made = pairs.model.generate({name: torch.cat([each[name] for each in both]) for name in both[0]})
        first, second = made.add(1).mul(127.5).chunk(2)
        return first, second

    with without_tf32():  # its rounding is larger than the steps
        distances = measure(f"path lengths {where}", count, images)
    return None if distances is None else _filtered_mean(distances / EPSILON**2)


def _filtered_mean(distances: Array) -> Estimate:
    """The mean of the distances between two percentiles, and its standard error."""
    low = np.percentile(distances, PERCENTILES[0], method="lower")
    high = np.percentile(distances, PERCENTILES[1], method="higher")
    return mean_estimate(distances[(low <= distances) & (distances <= high)])
