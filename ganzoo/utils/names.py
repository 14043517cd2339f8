"""Names that several packages use, and suggestions for names with typing errors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = ["BUILTIN", "HUB", "HUB_DATA", "join_label", "name_on_hub", "short_name", "slug", "strip_path", "suggest"]

BUILTIN = "ganzoo"
"""The distribution whose records have the bare names, even if other distributions declare the same names."""

HUB = "hf:"
"""The names of models on the Hub begin with this."""

HUB_DATA = "hf:datasets/"
"""The names of data sets on the Hub begin with this."""


_LONGEST_LABEL = 80  # characters; a file name may have 255 bytes, and the name of the model stands in it too


def short_name(name: str) -> str:
    """The name for files that are made with a model: the name of its folder or its repository, without the path."""
    if name.startswith(HUB):
        return name.partition("@")[0].rpartition("/")[2]
    return Path(name).resolve().name


def slug(name: str) -> str:
    """`name` with only the characters that are safe in a file name."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")


def join_label(parts: Iterable[str]) -> str:
    """The parts of a file name that are not empty, joined. A label that is too long ends in a digest of the whole."""
    label = slug("-".join(filter(None, parts)))
    if len(label) <= _LONGEST_LABEL:
        return label
    return f"{label[:_LONGEST_LABEL].rstrip('-.')}-{hashlib.sha256(label.encode()).hexdigest()[:6]}"


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error message about the unknown `name`: the most similar known names, or else all known names."""
    choices = sorted(set(known))  # two kinds may share a name
    close = get_close_matches(str(name).lower(), choices, n=3, cutoff=0.5)
    if close:
        return " - did you mean " + " or ".join(close) + "?"
    return f" - there are {', '.join(choices)}" if choices else " - none is registered"


def name_on_hub(dataset: str) -> str:
    """How cards on the Hub name a data set: one on the Hub by its owner and its name, others as they are."""
    return re.sub(r"[@?].*", "", dataset.removeprefix(HUB_DATA)) if dataset.startswith(HUB_DATA) else dataset


def strip_path(dataset: str) -> str:
    """The name of a data set for publication: of a path only the last part, without the folders of this machine."""
    return dataset if dataset.startswith(HUB) else Path(dataset).name or dataset
