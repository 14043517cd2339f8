"""What configs say about the texts that their models read."""

from collections.abc import Sequence
from typing import NamedTuple


class KnownWords(NamedTuple):
    """A model that knows the words of a vocabulary."""

    vocabulary: tuple[str, ...]
    words: int


class Letters(NamedTuple):
    """A model that reads any word, letter by letter."""

    words: int
    vocabulary: tuple[str, ...] = ()

    def tokenizer(self, words: Sequence[str]) -> list[int]:
        """The code of each letter."""
        return [ord(letter) for word in words for letter in word]
