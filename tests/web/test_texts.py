"""Results of a model that reads texts, and the commands that make them again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import ganzoo
import worded
from ganzoo import InvalidRequestError
from ganzoo.sampling.requests import Subject
from ganzoo.web import results
from ganzoo.web.controls import controls_of, fields_from
from in_process import ganzoo as shell
from plugin_factory import install


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ganzoo.Model:
    """./colors paints the color that a text names."""
    (tmp_path / "site").mkdir()
    install(tmp_path / "site", "ganzoo-worded", {}, {"worded": "worded"})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    worded.write_model(tmp_path / "colors")
    return ganzoo.load("./colors", device="cpu")


def test_a_text_has_a_control_with_an_example(model: ganzoo.Model) -> None:
    controls = {each.field: each for each in controls_of(Subject(model.task, model.config, ()))}
    assert (controls["text"].kind, controls["text"].examples[0]) == ("text", "A red square.")
    assert not controls["truncation"].examples
    assert fields_from([controls["text"]], ["a red square"]) == {"text": "a red square"}
    assert fields_from([controls["text"]], [""]) == {}


def test_results_again(
    model: ganzoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sampled = results.sample(model, "./colors", tmp_path, {"text": "a red square"}, count=2, seed=3)
    ends: tuple[dict[str, str], dict[str, str]] = ({"text": "all red"}, {"text": "all blue"})
    walked = results.walk(model, "./colors", tmp_path, ends, seeds=(1, 2), steps=3)
    assert sampled.again.command == "ganzoo sample ./colors -n 2 --seed 3 --text 'a red square' -o sheet.png"
    assert "--from-text 'all red' --to-text 'all blue' -o walk.webp" in walked.again.command
    for result, file in ((sampled, "sheet.png"), (walked, "walk.webp")):
        assert shell(monkeypatch, capsys, *shlex.split(result.again.command)[1:], "--device", "cpu").code == 0
        assert Path(file).read_bytes() == result.files[0].read_bytes()
    assert "images(2, seed=3, text='a red square')" in sampled.again.python


@pytest.mark.parametrize("text", ["a pink square", "{red,blue}", "\x1b[31m", "red " * 200])
def test_what_a_page_may_send(model: ganzoo.Model, tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidRequestError):
        results.sample(model, "./colors", tmp_path, {"text": text}, count=1, seed=0)
