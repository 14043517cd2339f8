"""Texts from files, from the Hub and from other code, made safe to print."""

from __future__ import annotations

import re

__all__ = ["printable"]

# Control characters, line separators, marks that reverse the direction of text, and halves of surrogate pairs.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: object, *, keep: str = "") -> str:
    r"""The text with escapes such as ``\n`` and ``\x1b`` in place of control characters, except those in `keep`.

    A terminal obeys control characters: a name from a file could end our line and add a line of its own, or hide it.
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), str(text))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
