"""Texts from files, from the Hub and from other code, made safe to print."""

from __future__ import annotations

import re

__all__ = ["printable", "shortened"]

MOST = 2000
"""The most characters of a message. A file from elsewhere may hold a name of a megabyte."""

# Control characters, line separators, marks that reverse the direction of text, and halves of surrogate pairs.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: object, *, keep: str = "") -> str:
    r"""The text with escapes such as ``\n`` and ``\x1b`` in place of control characters, except those in `keep`.

    A terminal obeys control characters: a name from a file could end our line and add a line of its own, or hide it.
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), str(text))


def shortened(text: str) -> str:
    """The text, without its middle if it is longer than `MOST`. The end of a message says what to do."""
    if len(text) <= MOST:
        return text
    start, end = text[: MOST * 3 // 4], text[-MOST // 4 :]
    return f"{start} [{len(text) - len(start) - len(end):,} more characters] {end}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
