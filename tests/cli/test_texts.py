"""Texts on the command line: sheets, films, cards, and the words that shells complete."""

from __future__ import annotations

from functools import partial

import click.shell_completion
import numpy as np
import pytest
from PIL import Image

import worded
from ganzoo.cli.main import cli
from in_process import ganzoo as shell
from plugin_factory import install


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command line, in this process, where ./colors paints the color that a text names."""
    site = tmp_path / "site"
    site.mkdir()
    install(site, "ganzoo-worded", {}, {"worded": "worded"})
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    worded.write_model(tmp_path / "colors")
    return partial(shell, monkeypatch, capsys)


def colors(path, columns: int, rows: int = 1) -> list[str]:
    """The color of each picture on a sheet of plain pictures."""
    sheet = Image.open(path).convert("RGB")
    middles = (
        sheet.getpixel(((2 * column + 1) * sheet.width // (2 * columns), (2 * row + 1) * sheet.height // (2 * rows)))
        for row in range(rows)
        for column in range(columns)
    )
    return [worded.COLORS[middle.index(max(middle))] for middle in middles]


def test_a_row_for_each_text(run):
    done = run("sample", "./colors", "--text", "a red square", "--text", "all {blue,green}", "-n", "2")
    assert (done.code, done.err) == (0, "rows: a red square; all blue; all green\n")
    assert done.out == "colors-seed0-n2-a-red-square-all-blue-green.png\n"
    assert colors(done.out.strip(), 2, 3) == ["red", "red", "blue", "blue", "green", "green"]


def test_words_against_words(run):
    done = run("sample", "./colors", "--text", "{all,square} {blue,red,green}", "-o", "grid.png")
    assert done.err == "rows: all, square; columns: blue, red, green\n"
    assert colors("grid.png", 3, 2) == ["blue", "red", "green"] * 2


def test_texts_of_a_file(run, tmp_path):
    (tmp_path / "texts.txt").write_text("green\nred\n")
    assert run("sample", "./colors", "--texts", "texts.txt", "--text", "blue", "-n", "1", "-o", "made").code == 0
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert names == ["text1-blue-seed0000.png", "text2-green-seed0000.png", "text3-red-seed0000.png"]
    assert run("sample", "./colors", "--texts", "texts.txt", "-n", "1", "-o", "made.npz").code == 0
    assert np.load("made.npz")["text"].tolist() == ["green", "red"]


def test_without_a_text_the_examples_are_shown(run):
    done = run("sample", "./colors", "-n", "4", "-o", "sheet.png")
    assert done.err == "ganzoo: note: no --text: the images show the examples of `ganzoo info ./colors` in turn\n"
    assert colors("sheet.png", 2, 2) == ["red", "blue"] * 2


def test_from_text_to_text(run):
    line = ["interpolate", "./colors", "--hold", "z", "--steps", "3", "--scale", "1"]
    assert (
        run(*line, "--from-text", "red", "--to-text", "blue").out
        == "colors-walk-from-red-to-blue-steps3-hold-z-scale1.png\n"
    )
    assert colors("colors-walk-from-red-to-blue-steps3-hold-z-scale1.png", 3)[::2] == ["red", "blue"]
    assert run(*line, "--text", "red", "--text", "green", "--text", "blue", "-o", "three.gif").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sample", "./colors", "--text", "pink"], "./colors does not know 'pink'"),
        (["sample", "./colors", "--text", ""], "the text has no word"),
        (["sample", "./colors", "--text", "red \udcff"], "the text holds '\\udcff', which is no word"),
        (["sample", "./colors", "--text", "red " * 2500], "the text has 2500 words, and ./colors reads at most 6"),
        (["sample", "./colors", "--texts", "none.txt"], "cannot read none.txt: No such file or directory"),
        (["sample", "./colors", "--class", "3"], "it is text-to-image - leave out --class"),
        (["sample", "dcgan-mnist", "--text", "red"], "it is unconditional - leave out --text"),
        (["interpolate", "./colors", "--text", "red", "--to-text", "blue"], "leave out --from-text and --to-text"),
        (["interpolate", "./colors", "--from-text", "red", "--hold", "z"], "nothing moves"),
        (["interpolate", "./colors", "--text", "red", "--text", "blue", "--seeds", "1-3"], "2 texts and 3 images"),
        (["invert", "./colors", "--input", "x.png", "--text", "pink"], "./colors does not know 'pink'"),
        (["edit", "./colors", "--directions", "sefa:1", "--text", "pink"], "./colors does not know 'pink'"),
    ],
)
def test_one_line_says_what_is_wrong(run, arguments, told):
    done = run(*arguments)
    assert done.code in (1, 2)
    assert told in done.err
    assert done.err.count("\n") == 1


def test_info_and_card_tell_the_words(run):
    told = [" ".join(line.split()) for line in run("info", "./colors").out.splitlines()]
    assert "vocabulary a, all, blue, green, red, square" in told
    assert "sample it ganzoo sample ./colors --text 'A red square.'" in told
    assert run("card", "./colors", "-o", "card.md").code == 0
    with open("card.md") as file:
        card = file.read()
    assert "pipeline_tag: text-to-image" in card
    assert "| texts | at most 6 words, of these 6: a, all, blue, green, red, square |" in card
    assert 'pictures = model.images(8, text="A red square.")' in card
    assert '"vocabulary"' not in card


def completed(*words: str) -> set[str]:
    command = click.shell_completion.BashComplete(cli, {}, "ganzoo", "_GANZOO_COMPLETE")
    return {item.value for item in command.get_completions(list(words[1:-1]), words[-1])}


def test_words_are_completed(run, tmp_path):
    name = str(tmp_path / "colors")
    assert completed("ganzoo", "sample", name, "--text", "a") == {"a", "all"}
    assert completed("ganzoo", "sample", name, "--text", "a red s") == {"a red square"}
    assert completed("ganzoo", "interpolate", name, "--to-text", "gr") == {"green"}
    assert completed("ganzoo", "sample", "dcgan-mnist", "--text", "a") == set()
