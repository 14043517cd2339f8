"""The names of ImageNet's classes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["imagenet"]


@cache
def imagenet() -> tuple[str, ...]:
    """The names of the 1000 classes of ILSVRC 2012, in the usual order (by WordNet number). All names differ."""
    return tuple(files("ganzoo_biggan").joinpath("imagenet.txt").read_text(encoding="utf-8").splitlines())
