"""The words of a text, and their numbers in a vocabulary. It needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import groupby
from unicodedata import category, normalize

from ganzoo.errors import InvalidRequestError
from ganzoo.utils.text import printable

__all__ = ["encode_text", "numbered", "split_words", "token_ids"]

_SHOWN = 8
"""The most words that a message lists."""

_ASCII_WORD = re.compile("[a-z0-9]+")

_NO_TEXT = ("Cc", "Cn", "Co", "Cs", "So")
"""The categories of characters of which no word and no punctuation is made."""

_LONGEST = 40
"""The most characters of a word in a message."""


def split_words(text: str) -> list[str]:
    """The words of a text, in lower case: letters, their accents, and digits. Everything else separates words.

    Upper and lower case are the same, and so are the forms in which Unicode writes an accent.
    """
    if text.isascii():  # the same, twenty times as fast
        return _ASCII_WORD.findall(text.lower())
    plain = normalize("NFC", normalize("NFC", text).casefold())
    runs = ("".join(run) for is_word, run in groupby(plain, _is_part_of_word) if is_word)
    return [run for run in runs if any(category(character)[0] in "LN" for character in run)]


def numbered(vocabulary: Sequence[str]) -> dict[str, int]:
    """The token id of each word: that of word i is i + 1."""
    return {word: number for number, word in enumerate(vocabulary, start=1)}


def token_ids(words: Iterable[str], numbers: Mapping[str, int], length: int) -> list[int]:
    """The `length` token ids of words: first those of the words, without the words beyond `length`, and then zeros.

    Raises:
        KeyError: a word is not in `numbers`.
    """
    found = [numbers[word] for word in words][:length]
    return found + [0] * (length - len(found))


def encode_text(text: str, vocabulary: Sequence[str], length: int, *, of: str = "the model") -> list[int]:
    """The `length` token ids of a text: i + 1 for word i of the `vocabulary`, and 0 for padding at the end.

    `of` names the model in errors.

    Raises:
        InvalidRequestError: the text is empty, holds control characters, emoji or braces, has more than `length` words,
            or has a word that is not in `vocabulary`. The message names the nearest known words.
    """
    words = split_words(text)
    _check_characters(text)
    if not words:
        raise InvalidRequestError("the text has no word - describe the image in a few words")
    if len(words) > length:
        raise InvalidRequestError(f"the text has {len(words)} words, and {of} reads at most {length} - write fewer")
    numbers = numbered(vocabulary)
    unknown = list(dict.fromkeys(word for word in words if word not in numbers))
    if unknown:
        raise InvalidRequestError(f"{of} does not know {_quoted(unknown)} - {_suggest(unknown, vocabulary)}")
    return token_ids(words, numbers, length)


def _is_part_of_word(character: str) -> bool:
    return category(character)[0] in "LMN"


def _check_characters(text: str) -> None:
    """Refuse control characters, halves of surrogate pairs, emoji and braces: a user meant something by them.

    Raises:
        InvalidRequestError: names the first one.
    """
    for character in text:
        if character in "{}" or (category(character) in _NO_TEXT and not character.isspace()):
            shown = f"{character!a}" if category(character)[0] == "C" else f"{character!r}"
            raise InvalidRequestError(f"the text holds {shown}, which is no word - leave it out")


def _suggest(unknown: Sequence[str], vocabulary: Sequence[str]) -> str:
    """The known words that are spelled most like the unknown ones, or else the first words that are known."""
    close = [near for word in unknown[:_SHOWN] for near in get_close_matches(word, vocabulary, 3)]
    if close:
        return f"did you mean {_quoted(list(dict.fromkeys(close)), ' or ')}?"
    if not vocabulary:
        return "it knows no words before it is trained"
    more = f", ... ({len(vocabulary)} in all)" if len(vocabulary) > _SHOWN else ""
    return f"it knows {', '.join(vocabulary[:_SHOWN])}{more}"


def _quoted(words: Sequence[str], last: str = ", ") -> str:
    shown = [f"'{printable(word[:_LONGEST])}{'...' if len(word) > _LONGEST else ''}'" for word in words[:_SHOWN]]
    text = last.join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
    return f"{text}, ..." if len(words) > _SHOWN else text
