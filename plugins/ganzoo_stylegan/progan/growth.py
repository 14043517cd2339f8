"""Progressive growing (section 2): which resolution is trained after how many images, and how the next one fades in."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from ganzoo_stylegan.progan.config import ProGANConfig

__all__ = ["Phase", "enlarge", "fade", "images_at", "level_at", "mix", "shrink"]


class Phase(NamedTuple):
    """What is trained: the resolution of number `stage`, where 0 is the first map, 4x4 pixels.

    `share` is its part in an image, in (0, 1]; the resolution below has the rest.
    """

    stage: int
    share: float

    @classmethod
    def of(cls, level: float) -> Phase:
        """The phase of a level of `level_at`."""
        stage = ceil(level)
        return cls(stage, 1.0 - (stage - level))


def level_at(config: ProGANConfig, images: int) -> float:
    """How far a network has grown after `images` real images, from 0 (4x4 pixels) to the number of doublings.

    1.25 is 8x8 pixels, with 16x16 pixels faded in to a quarter. The level stays for `stable_images`, then rises by 1
    over `fade_images`.
    """
    top = len(config.resolutions) - 1
    period = config.stable_images + config.fade_images
    doublings, rest = divmod(images, period) if period else (top, 0)
    faded = max(rest - config.stable_images, 0) / max(config.fade_images, 1)
    return min(doublings + faded, float(top))


def images_at(config: ProGANConfig, level: float) -> int:
    """After how many real images a network reaches a level: the inverse of `level_at`."""
    doublings, faded = divmod(level, 1)
    images = doublings * (config.stable_images + config.fade_images)
    return round(images + (config.stable_images + faded * config.fade_images if faded else 0))


def fade(images: Tensor, factor: int, share: float) -> Tensor:
    """Real images (N, C, H, W) as a phase has them, at their full size (the authors' code).

    They have 1/`factor` of the resolution, mixed with half of that.
    """
    images = shrink(images, factor)
    if share < 1:
        images = mix(enlarge(shrink(images, 2), 2), images, share)
    return enlarge(images, factor)


def mix(low: Tensor, high: Tensor, share: float) -> Tensor:
    """`low` (1 - share) + `high` share."""
    return low + (high - low) * share


def enlarge(images: Tensor, factor: int) -> Tensor:
    """Repeat each pixel: (N, C, H, W) to (N, C, factor * H, factor * W)."""
    return images if factor == 1 else functional.interpolate(images, scale_factor=factor, mode="nearest")


def shrink(images: Tensor, factor: int) -> Tensor:
    """Means of squares of pixels: (N, C, H, W) to (N, C, H / factor, W / factor)."""
    return images if factor == 1 else functional.avg_pool2d(images, factor)
