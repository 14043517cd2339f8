"""DiffAugment: discriminators see all images, real or not, through the same kind of random change."""

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
    """What imports `name`, and torch with it, when it is called."""
    return lambda: getattr(import_module("ganzoo_diffaugment.changes"), name)


@ganzoo.hookimpl
def ganzoo_augmentations() -> Iterable[Augmentation]:
    """The three policies of the paper."""
    yield Augmentation(
        name="color",
        summary="brightness by up to 1/2, saturation up to twofold, contrast from half to one and a half",
        paper=PAPER,
        load=_lazily("color"),
    )
    yield Augmentation(
        name="translation",
        summary="shifted by up to an eighth of each side; what comes in is grey",
        paper=PAPER,
        load=_lazily("translation"),
    )
    yield Augmentation(
        name="cutout",
        summary="a square of half of each side is made grey",
        paper=PAPER,
        load=_lazily("cutout"),
    )
