"""Lists such as ``1-5,9``: what they mean, how they are written, and what is refused in one line."""

from random import Random

import pytest

from ganzoo.errors import InvalidRequestError
from ganzoo.sampling.number_lists import MOST, parse_numbers, parse_seeds, written_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("7", (7,)), ("1-5,9", (1, 2, 3, 4, 5, 9)), (" 3 , 1 - 2 ", (3, 1, 2)), ("5-3,3", (5, 4, 3, 3)), ("0-0", (0,))],
)
def test_a_list(text, numbers):
    assert parse_numbers("--rows", text) == numbers


@pytest.mark.parametrize("text", ["", ",", "1,,2", "a,b", "-1", "1-", "1-2-3", "1.5", "1;2", "٣", "9" * 19])
def test_what_is_no_list(text):
    with pytest.raises(InvalidRequestError, match=r"^--rows .*is not a list of rows - write whole numbers and ranges"):
        parse_numbers("--rows", text)


@pytest.mark.parametrize("text", [f"0-{MOST}", "0-999999999999999999", f"1-{MOST},5"])
def test_a_range_without_end_takes_no_memory(text):
    with pytest.raises(InvalidRequestError, match="has more than 100,000 numbers"):
        parse_numbers("--seeds", text)
    assert len(parse_numbers("--seeds", f"1-{MOST}")) == MOST


def test_seeds_exist():
    assert parse_seeds("4294967295,0") == (2**32 - 1, 0)
    with pytest.raises(InvalidRequestError, match="seeds go up to 4294967295"):
        parse_seeds("0,4294967296")


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_reads_the_same(seed):
    random = Random(seed)
    numbers = [random.randrange(12) for _ in range(random.randrange(1, 20))]
    assert parse_numbers("--seeds", written_numbers(numbers)) == tuple(numbers)


def test_it_is_written_shortly():
    assert written_numbers([1, 2, 3, 4, 5, 9, 10]) == "1-5,9,10"
