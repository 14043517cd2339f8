"""Lists of numbers as users type them, such as ``1-5,9``: the seeds of images, or the rows of saved latents."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ganzoo.errors import InvalidRequestError
from ganzoo.sampling.requests import check_seeds

__all__ = ["MOST", "label_numbers", "parse_numbers", "parse_seeds", "written_numbers"]

MOST = 100_000
"""The most numbers in a list. More are a range without gaps, which `-n` and `--seed` say."""

_PART = re.compile(r"\s*([0-9]{1,18})(?:\s*-\s*([0-9]{1,18}))?\s*")


def parse_numbers(option: str, text: str) -> tuple[int, ...]:
    """The numbers of a list such as ``1-5,9``. A range holds both of its ends, and may run down: ``5-1``.

    `option` is the one whose value `text` is, such as ``--seeds``.

    Raises:
        InvalidRequestError: it is no such list, or it has more than `MOST` numbers.
    """
    numbers: list[int] = []
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            kind = option.lstrip("-")
            raise InvalidRequestError(
                f"{option} {text} is not a list of {kind} - write whole numbers and ranges, such as 1-5,9"
            )
        first = int(found[1])
        last = int(found[2] or first)
        if len(numbers) + abs(last - first) >= MOST:
            raise InvalidRequestError(f"{option} {text} has more than {MOST:,} numbers - write a shorter list")
        numbers += range(first, last + 1) if first <= last else range(first, last - 1, -1)
    return tuple(numbers)


def parse_seeds(text: str, option: str = "--seeds") -> tuple[int, ...]:
    """The seeds of a list such as ``1-5,9``.

    Raises:
        InvalidRequestError: it is no such list, or a seed does not exist.
    """
    seeds = parse_numbers(option, text)
    check_seeds(1, max(seeds), 1)
    return seeds


def written_numbers(numbers: Sequence[int]) -> str:
    """The shortest list that `parse_numbers` reads as these numbers: ``1-5,9``. Two neighbors are no range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def label_numbers(numbers: Sequence[int]) -> str:
    """The same for file names, where commas become dashes: ``1to5,9``."""
    return written_numbers(numbers).replace("-", "to")
