"""Known defects of pictures, which a generator can undo: noise, missing parts, fewer pixels, blur, no color."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import ganzoo
from ganzoo import Degradation

__all__: list[str] = []

GANZOO_API = (2, 0)


def _lazily(name: str) -> Callable[[], Any]:
    """A function that imports `name`, and with it torch, only when it is called."""
    return lambda: getattr(import_module("ganzoo_degradations.defects"), name)


@ganzoo.hookimpl
def ganzoo_degradations() -> Iterable[Degradation]:
    """Six defects; gray has two spellings."""
    yield Degradation(
        name="noise",
        summary="normal noise is added, with standard deviation SIGMA, where black is -1 and white is 1",
        setting="SIGMA",
        load=_lazily("noise"),
    )
    yield Degradation(
        name="mask", summary="the pixels are missing where FILE is black", setting="FILE", load=_lazily("mask")
    )
    yield Degradation(
        name="box",
        summary="a rectangle is missing: its left upper corner, its width and its height, in pixels",
        setting="X,Y,W,H",
        load=_lazily("box"),
    )
    yield Degradation(
        name="downsample",
        summary="each square of FACTOR x FACTOR pixels became one pixel, their mean",
        setting="FACTOR",
        load=_lazily("downsample"),
    )
    yield Degradation(
        name="blur",
        summary="blurred by a Gaussian with a standard deviation of SIGMA pixels",
        setting="SIGMA",
        load=_lazily("blur"),
    )
    for spelling in ("gray", "grey"):
        yield Degradation(name=spelling, summary="the colors are missing", load=_lazily("gray"))
