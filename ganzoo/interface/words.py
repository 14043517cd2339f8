"""The words of a text, and the token ids that a model reads. It needs no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import groupby
from unicodedata import category, normalize

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import TextConfig, tokenizer_of
from ganzoo.utils.text import printable

__all__ = ["caption_ids", "cut_text", "encode_text", "split_words", "word_ids"]

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


def encode_text(text: str, config: TextConfig, *, of: str = "the model") -> list[int]:
    """The token ids of a text that a user asks for, `config.words` of them: 0 is padding at the end.

    `of` names the model in errors.

    Raises:
        InvalidRequestError: the text is empty, holds control characters, emoji or braces, is longer than the model
            reads, or has a word that is not in the vocabulary. The message names the nearest known words.
    """
    words = split_words(text)
    _check_characters(text)
    if not words:
        raise InvalidRequestError("the text has no word - describe the image in a few words")
    _check_length(len(words), "words", config, of=of)
    found = word_ids(words, config, of=of)
    _check_length(len(found), "parts of words", config, of=of)
    return _padded(found, config)


def caption_ids(text: str, config: TextConfig, *, of: str = "the model") -> list[int]:
    """The `config.words` token ids of a caption, of which only as much counts as the model reads.

    Raises:
        InvalidRequestError: a word is not in the vocabulary.
    """
    return _padded(word_ids(split_words(text)[: config.words], config, of=of), config)


def cut_text(text: str, config: TextConfig) -> str:
    """The first words of a text, as many as a model reads, and nothing else."""
    words = split_words(text)[: config.words]
    while tokenizer_of(config) and len(words) > 1 and len(word_ids(words, config)) > config.words:
        words.pop()
    return " ".join(words)


def word_ids(words: Sequence[str], config: TextConfig, *, of: str = "the model") -> list[int]:
    """The token ids of words: those of the config's own tokenizer, or else i + 1 for word i of its vocabulary.

    Raises:
        InvalidRequestError: a word is not in the vocabulary.
    """
    if tokenizer := tokenizer_of(config):
        return list(tokenizer(words))
    numbers = _numbered(config.vocabulary)
    unknown = list(dict.fromkeys(word for word in words if word not in numbers))
    if unknown:
        raise InvalidRequestError(f"{of} does not know {_quoted(unknown)} - {_suggest(unknown, config.vocabulary)}")
    return [numbers[word] for word in words]


@lru_cache(maxsize=8)
def _numbered(vocabulary: Sequence[str]) -> Mapping[str, int]:
    return {word: number for number, word in enumerate(vocabulary, start=1)}


def _padded(ids: Sequence[int], config: TextConfig) -> list[int]:
    found = list(ids[: config.words])
    return found + [0] * (config.words - len(found))


def _check_length(count: int, what: str, config: TextConfig, *, of: str) -> None:
    if count > config.words:
        raise InvalidRequestError(f"the text has {count} {what}, and {of} reads at most {config.words} - write fewer")


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
