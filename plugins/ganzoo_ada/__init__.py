"""Adaptive discriminator augmentation (arXiv:2006.06676)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Augmentation

if TYPE_CHECKING:
    from ganzoo import AdaptiveAugmentation

__all__: list[str] = []

GANZOO_API = (2, 0)


def _load() -> AdaptiveAugmentation:
    from ganzoo_ada.adaptive import AdaptiveDiscriminatorAugmentation

    return AdaptiveDiscriminatorAugmentation()


@ganzoo.hookimpl
def ganzoo_augmentations() -> Iterable[Augmentation]:
    """Flips, shifts, rotations, scales and colors, as often as the discriminator needs them."""
    yield Augmentation(
        name="ada",
        summary="flips, shifts, rotates and recolors images, the more often the more the discriminator overfits",
        paper="arXiv:2006.06676",
        load=_load,
    )
