"""Texts of several rows: one text for each of the words in braces, and files of texts. No torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from ganzoo.errors import InvalidRequestError
from ganzoo.utils.files import read_lines
from ganzoo.utils.names import slug

__all__ = ["choices_in", "expand", "legend_of", "read_texts", "row_names"]

MOST_TEXTS = 10_000
"""The most texts of one command."""

_LONGEST_NAME = 60

_BRACES = re.compile(r"\{([^{}]*)\}")


def choices_in(text: str) -> list[list[str]]:
    """The words in each pair of braces: ``a {red,dark blue} shirt`` has ``red`` and ``dark blue`` in its only pair.

    Raises:
        InvalidRequestError: a brace has no partner, or has one inside, or braces hold fewer than two words.
    """
    found = [[each.strip() for each in inside.split(",")] for inside in _BRACES.findall(text)]
    if any(len(words) < 2 for words in found) or re.search("[{}]", _BRACES.sub("", text)):
        raise InvalidRequestError(f"--text {text}: braces hold words to choose from - write them as {{red,green,blue}}")
    return found


def expand(text: str) -> list[str]:
    """The text with each combination of the words in its braces; those of the last pair change first.

    Raises:
        InvalidRequestError: as for `choices_in`, or they are more than 10,000.
    """
    between = _BRACES.split(text)[::2]
    made = []
    for words in product(*choices_in(text)):
        made.append("".join(part for pair in zip(between, (*words, ""), strict=True) for part in pair))
        if len(made) > MOST_TEXTS:
            raise InvalidRequestError(f"--text {text} means more than {MOST_TEXTS:,} texts - use fewer braces")
    return made


def legend_of(choices: Sequence[Sequence[str]]) -> str:
    """What the rows and columns of a sheet are that has the words of the last pair of braces side by side."""
    rows = ", ".join(" ".join(words) for words in product(*choices[:-1]))
    columns = f"columns: {', '.join(choices[-1])}"
    return f"rows: {rows}; {columns}" if len(choices) > 1 else columns


def read_texts(path: Path) -> list[str]:
    """The texts of a file, one in each line that is not empty.

    Raises:
        InvalidRequestError: it cannot be read, or holds no text, or too many.
    """
    try:
        texts = read_lines(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InvalidRequestError(f"cannot read {path}: {reason} - name a file with a text in each line") from error
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise InvalidRequestError(f"{path} holds {len(texts):,} texts - write 1 to {MOST_TEXTS:,}, one in each line")
    return texts


def row_names(texts: Sequence[str]) -> list[str]:
    """A different name for each text, for file names: its number, and its Latin letters as far as there is room."""
    digits = len(str(len(texts)))
    pairs = (
        (f"text{number:0{digits}d}", slug(text)[:_LONGEST_NAME].strip("-.")) for number, text in enumerate(texts, 1)
    )
    return ["-".join(filter(None, pair)) for pair in pairs]
