"""Texts with braces, files of texts, and the rows and columns that they make."""

from __future__ import annotations

from functools import partial

import pytest

import worded
from ganzoo import TextConditional
from ganzoo.errors import InvalidRequestError
from ganzoo.sampling import texts as module
from ganzoo.sampling.grid import make_grid
from ganzoo.sampling.requests import make_request
from ganzoo.sampling.texts import expand, read_texts

CONFIG = worded.Config(vocabulary=worded.WORDS, examples=("a red square",))

planned = partial(
    make_grid, lambda **options: make_request(TextConditional, options, config=CONFIG, classes=(), of="it"), ()
)


def asked(grid) -> list[str]:
    return [row.request.text for row in grid.rows]


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("a red hat", ["a red hat"]),
        ("a {red,dark blue} hat", ["a red hat", "a dark blue hat"]),
        ("{a, b} {c,d}", ["a c", "a d", "b c", "b d"]),
        ("{red ,}hat", ["redhat", "hat"]),
    ],
)
def test_braces(text, texts):
    assert expand(text) == texts


@pytest.mark.parametrize("text", ["a {red} hat", "{", "}", "{a,{b,c}}", "{}", "a} {b,c"])
def test_wrong_braces(text):
    with pytest.raises(InvalidRequestError, match="braces hold words to choose from - write"):
        expand(text)


def test_braces_do_not_explode():
    with pytest.raises(InvalidRequestError, match="means more than 10,000 texts - use fewer braces"):
        expand(" ".join(["{a,b}"] * 60))


def test_a_text_is_one_row_of_64_and_several_are_rows_of_8():
    one = planned(texts=["a red square"])
    assert (asked(one), len(one), one.columns, one.file_label) == (["a red square"], 64, None, "seed0-a-red-square")
    two = planned(texts=["a red square", "a {blue,green} one"[:-4]])
    assert asked(two) == ["a red square", "a blue", "a green"]
    assert (len(two), two.columns, two.legend) == (24, 8, "rows: a red square; a blue; a green")
    assert planned(texts=["a", "red"], count=3).columns == 3


def test_two_pairs_of_braces_are_rows_and_columns():
    grid = planned(texts=["a {red,blue,green} {square,all}"])
    assert (len(grid), grid.columns, grid.seeds) == (6, 2, range(1))
    assert grid.legend == "rows: red, blue, green; columns: square, all"
    several = planned(texts=["a {red,blue,green} {square,all}"], count=4)
    assert (len(several), several.columns) == (24, 4)
    flat = planned(texts=["a {red,blue,green}"], seeds="7")
    assert (len(flat), flat.columns, flat.legend) == (3, 3, "columns: red, blue, green")


def test_names_of_files_differ():
    """Also for texts that differ in punctuation alone, in another script, or at the end."""
    names = module.row_names(["a red square", "a red, square", "東京", "x" * 300])
    assert names == ["text1-a-red-square", "text2-a-red-square", "text3", "text4-" + "x" * 60]
    grid = planned(texts=["red", "blue"], count=1)
    assert grid.names == ["text1-red-seed0000", "text2-blue-seed0000"]


def test_an_array_has_the_text_of_each_image():
    found = planned(texts=["red", "blue"], count=2).numbers()
    assert found == {"seeds": [0, 1, 0, 1], "text": ["red", "red", "blue", "blue"]}
    assert "text" not in planned().numbers()


def test_examples_are_shown_if_there_is_no_text():
    assert planned().shows_examples
    assert not planned(texts=["red"]).shows_examples


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"texts": ["red", "red"]}, "a text is given twice - give each text once"),
        ({"texts": ["red", "pink"]}, "it does not know 'pink'"),
        ({"texts": ["red", "blue"], "sweep": "truncation=0.1,1"}, "a sweep takes at most one text"),
        ({"texts": ["red"], "sweep": "text=blue,green"}, "--text and a sweep of it contradict each other"),
        ({"texts": ["red"], "truncation": 2}, "truncation is a number above 0"),
        ({"texts": [""]}, "the text has no word"),
        ({"text": 3}, "text is a text of a few words, not 3"),
    ],
)
def test_what_is_refused(options, told):
    with pytest.raises(InvalidRequestError, match=told):
        planned(**options)


def test_a_sweep_of_another_option_has_the_text_in_all_rows():
    grid = planned(texts=["red"], sweep="truncation=0.1,1")
    assert asked(grid) == ["red", "red"]
    assert asked(planned(sweep="text=red,all blue")) == ["red", "all blue"]


def test_a_file_has_a_text_in_each_line(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\ufeffa red square\r\n\n  blue \n", encoding="utf-8")
    assert read_texts(path) == ["a red square", "blue"]


@pytest.mark.parametrize(
    ("content", "told"), [(b"\n \n", "holds 0 texts"), (b"\xff\xfe", "cannot read"), (None, "cannot read")]
)
def test_a_file_without_texts(tmp_path, content, told):
    path = tmp_path / "texts.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=told):
        read_texts(path)


def test_a_file_with_too_many_texts(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_TEXTS", 2)
    path = tmp_path / "texts.txt"
    path.write_text("a\nb\nc\n")
    with pytest.raises(InvalidRequestError, match="holds 3 texts - write 1 to 2, one in each line"):
        read_texts(path)
