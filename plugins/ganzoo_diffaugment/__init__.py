"""DiffAugment: random changes to all images that discriminators see, real and generated (arXiv:2006.10738)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import ganzoo
from ganzoo import Augmentation

__all__: list[str] = []

GANZOO_API = (2, 0)

PAPER = "arXiv:2006.10738, section 3"


def _lazily(name: str) -> Callable[[], Any]:
    """A function that imports `name`, and with it torch, only when it is called."""
    return lambda: getattr(import_module("ganzoo_diffaugment.changes"), name)


@ganzoo.hookimpl
def ganzoo_augmentations() -> Iterable[Augmentation]:
    """The three augmentations of the paper."""
    yield Augmentation(
        name="color",
        summary="changes brightness by up to 1/2, scales saturation by 0 to 2 and contrast by 1/2 to 3/2",
        paper=PAPER,
        load=_lazily("color"),
    )
    yield Augmentation(
        name="translation",
        summary="shifts images by up to an eighth of each side; new pixels are gray",
        paper=PAPER,
        load=_lazily("translation"),
    )
    yield Augmentation(
        name="cutout",
        summary="makes a rectangle gray, half as high and half as wide as the image",
        paper=PAPER,
        load=_lazily("cutout"),
    )
