"""What things are called, and help for names that were typed wrong."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = ["BUILTIN", "DATASETS", "HUB", "short_name", "strip_path", "suggest"]

BUILTIN = "ganzoo"
"""The distribution whose names always win."""

HUB = "hf:"
"""How the names of what is on the Hub begin."""

DATASETS = ("celeba", "cifar10", "cifar100", "fashion-mnist", "gaussian-1d", "grid", "kmnist", "mnist", "ring")
"""The data sets that are known by name; `ganzoo.data.load` and `ganzoo.data.toy_distributions` know what they are."""


def short_name(name: str) -> str:
    """What files made with a model are called: a folder's or a repository's own name."""
    if name.startswith(HUB):
        return name.partition("@")[0].rpartition("/")[2]
    return Path(name).resolve().name


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known names closest to `name`, or else all of them."""
    choices = sorted(known)
    close = get_close_matches(str(name).lower(), choices, n=3, cutoff=0.5)
    if close:
        return " - did you mean " + " or ".join(close) + "?"
    return f" - there are {', '.join(choices)}" if choices else " - none is registered"


def strip_path(dataset: str) -> str:
    """A data set as others may read it: of a folder its last part, not where it lies on this machine."""
    return Path(dataset).name or dataset
