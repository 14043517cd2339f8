"""Help for names that were typed wrong."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["suggest"]


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known names closest to `name`, or else all of them."""
    choices = sorted(known)
    close = get_close_matches(str(name).lower(), choices, n=3, cutoff=0.5)
    if close:
        return " - did you mean " + " or ".join(close) + "?"
    return f" - there are {', '.join(choices)}" if choices else " - none is registered"
