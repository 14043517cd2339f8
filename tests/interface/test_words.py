"""Words of texts, and their token ids: what users type, in any script, and what is refused."""

from __future__ import annotations

import unicodedata

import pytest

import ganzoo
from ganzoo.errors import InvalidRequestError
from ganzoo.interface.words import caption_ids, cut_text
from text_configs import KnownWords, Letters

VOCABULARY = ("a", "blue", "face", "red", "shirt", "with")


def ids(text: str, length: int = 5) -> list[int]:
    return ganzoo.encode_text(text, KnownWords(VOCABULARY, length), of="tiny")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A dark face, with RED hair!", ["a", "dark", "face", "with", "red", "hair"]),
        ("don't (2nd try)", ["don", "t", "2nd", "try"]),
        ("Straße", ["strasse"]),
        (unicodedata.normalize("NFD", "Café"), ["café"]),
        ("हिन्दी 東京", ["हिन्दी", "東京"]),  # vowel signs belong to their words
        ("a\tred\nface", ["a", "red", "face"]),
        ("❤️ 🙂", []),  # the mark after a heart is no word
        ("", []),
    ],
)
def test_words(text, words):
    assert ganzoo.split_words(text) == words


def test_word_i_of_the_vocabulary_is_i_plus_1_and_0_is_padding():
    assert ids("A red, RED face") == [1, 4, 4, 3, 0]
    assert ids("shirt", length=1) == [5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text has no word - describe the image in a few words"),
        (" ... ", "the text has no word - describe the image in a few words"),
        ("a rde face", "tiny does not know 'rde' - did you mean 'red'?"),
        ("a violet hat", "tiny does not know 'violet', 'hat' - it knows a, blue, face, red, shirt, with"),
        ("a red face with a shirt", "the text has 6 words, and tiny reads at most 5 - write fewer"),
        ("a red \x1b[31m face", r"the text holds '\x1b', which is no word - leave it out"),
        ("a \udcff", r"the text holds '\udcff', which is no word - leave it out"),
        ("a {red,blue} face", "the text holds '{', which is no word - leave it out"),
        ("a red 🙂", "the text holds '🙂', which is no word - leave it out"),
        ("a " * 5000, "the text has 5000 words, and tiny reads at most 5 - write fewer"),
        ("x" * 10_000, f"tiny does not know '{'x' * 40}...' - it knows a, blue, face, red, shirt, with"),
    ],
)
def test_what_is_refused_in_one_line(text, message):
    with pytest.raises(InvalidRequestError) as caught:
        ids(text)
    assert str(caught.value) == message


def test_many_unknown_words_are_shortened():
    known = KnownWords(tuple(f"w{i:02d}" for i in range(30)), 9)
    with pytest.raises(InvalidRequestError, match=r"'u7', \.\.\. - it knows w00, .*, w07, \.\.\. \(30 in all\)$"):
        ganzoo.encode_text(" ".join(f"u{i}" for i in range(9)), known)


def test_an_untrained_model_knows_no_words():
    with pytest.raises(InvalidRequestError, match="it knows no words before it is trained"):
        ganzoo.encode_text("red", KnownWords((), 3))


def test_a_caption_counts_as_far_as_the_model_reads():
    known = KnownWords(VOCABULARY, 2)
    assert caption_ids("a 🙂 red, unknown {face}", known) == [1, 4]
    assert cut_text("a 🙂 red, unknown {face}", known) == "a red"


def test_a_tokenizer_reads_any_word():
    """A word has one token or several, which count."""
    assert ganzoo.encode_text("To be!", Letters(5)) == [116, 111, 98, 101, 0]
    with pytest.raises(InvalidRequestError) as caught:
        ganzoo.encode_text("violet hat", Letters(5), of="tiny")
    assert str(caught.value) == "the text has 9 parts of words, and tiny reads at most 5 - write fewer"
    assert cut_text("to be or not", Letters(5)) == "to be"
    assert cut_text("violet", Letters(5)) == "violet"
    assert caption_ids("violet", Letters(5)) == [ord(letter) for letter in "viole"]
