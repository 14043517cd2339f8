"""R-precision: which captions are compared, and that it is 1 for pictures that show their captions, and chance else."""

from __future__ import annotations

import json
import re

import pytest

import worded
from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation import r_precision as module
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.report import markdown, rows
from ganzoo.pretrained.load import load


@pytest.fixture(autouse=True)
def _worded(monkeypatch):
    worded.use_it()
    monkeypatch.setattr(module, "CANDIDATES", 3)


@pytest.fixture
def squares(tmp_path):
    return worded.write_captioned(tmp_path / "squares", 30)


def measure(subject, squares, **options):
    return evaluate(subject, against=squares, metrics=["r-precision"], count=12, **options)


def test_pictures_of_their_captions_have_1_and_others_0(tmp_path, squares):
    right, wrong = (worded.write_model(tmp_path / str(right), right=right) for right in (True, False))
    found = measure(right, squares)
    assert found.score("r-precision").value == 1
    assert found.score("r-precision").baselines["floor"].value == 1
    score = measure(wrong, squares, matcher=right).score("r-precision")
    assert (score.value, score.uncertainty) == (0, 0)


def test_the_result_tells_the_matcher_and_the_command(tmp_path, squares):
    right, wrong = (worded.write_model(tmp_path / str(right), right=right) for right in (True, False))
    found = measure(wrong, squares, matcher=right)
    assert f"--metrics r-precision --matcher {right}" in found.command
    assert not found.warnings
    section = markdown(found.as_json())
    assert "| R-precision | 0.00000 | 0.00000 | 1.000 ± 0.00000 |" in section
    assert f"- matcher: {right} (trained on squares)" in section
    assert "- features" not in section
    own = measure(wrong, squares)
    assert own.score("r-precision").value == 0
    assert "a model that was trained apart" in own.warnings[0]


def test_it_stands_beside_other_metrics(tmp_path, squares):
    found = evaluate(
        worded.write_model(tmp_path / "x", right=True),
        against=squares,
        metrics=["kid", "r-precision"],
        count=12,
        features="mnist",
    )
    assert [row["metric"] for row in rows(found.as_json())] == ["KID (mnist)", "R-precision"]
    assert found.features["name"] == "mnist"
    assert found.matcher["name"].endswith("x")


def test_a_folder_of_pictures_has_captions_of_its_own(tmp_path, squares):
    matcher = worded.write_model(tmp_path / "x", right=True)
    score = evaluate(squares, against=squares, metrics=["r-precision"], matcher=matcher).score("r-precision")
    assert score.value == 1
    (squares / "metadata.jsonl").rename(squares / "away")
    with pytest.raises(InvalidRequestError, match="has no captions, which r-precision needs"):
        measure(matcher, squares)


def test_a_caption_is_never_compared_with_those_of_its_own_pictures(tmp_path, squares, monkeypatch):
    """Red pictures have two captions, which are equally near: with both as candidates, each would be a tie."""
    monkeypatch.setattr(module, "CANDIDATES", 5)
    assert measure(worded.write_model(tmp_path / "x", right=True), squares).score("r-precision").value == 1
    monkeypatch.setattr(module, "CANDIDATES", 6)
    with pytest.raises(InvalidRequestError, match="compares 6 different captions, and there are 6"):
        measure(str(tmp_path / "x"), squares)


def test_long_captions_are_cut_for_the_matcher(tmp_path, squares):
    """With two words, the matcher reads "a red" and "a square" of the captions."""
    short = worded.write_model(tmp_path / "short", right=True, words=2)
    matcher = module.MatchingModel(load(short))
    assert matcher.ids("A red square.") == (1, 5)
    assert matcher.ids("a square, all red") == (1, 6)


def test_samples_show_the_captions_of_the_data(tmp_path, squares):
    """Also for other metrics; and their captions are those of all pictures in turn."""
    from ganzoo.data.captions import Captions
    from ganzoo.evaluation.comparison import _texts

    captions = Captions((("a", "b"), ("c",), ("d", "e", "f")))
    texts = _texts(captions, 9, seed=0)
    assert sorted(texts[:3]) == ["a", "c", "d"]
    assert sorted(texts[3:6]) == ["b", "c", "e"]
    assert sorted(texts[6:]) == ["a", "c", "f"]
    name = worded.write_model(tmp_path / "x", right=True)
    found = evaluate(name, against=squares, metrics=["kid"], count=12, features="mnist")
    assert found.images["judged"]["what"] == f"samples of {name}, captions of {squares}"
    (squares / "metadata.jsonl").unlink()
    found = evaluate(name, against=squares, metrics=["kid"], count=12, features="mnist")
    assert any("the images show only 2 different texts" in warning for warning in found.warnings)


def add_caption(folder, text):
    """Give the first picture of the folder another caption, in front of all."""
    from PIL import Image

    with Image.open(next(folder.glob("*.png"))) as picture:
        picture.save(folder / "new.png")
    lines = (folder / "metadata.jsonl").read_text()
    (folder / "metadata.jsonl").write_text(json.dumps({"file_name": "new.png", "text": text}) + "\n" + lines)


def test_captions_with_unknown_words_stop_r_precision_alone(tmp_path, squares):
    """For other metrics they are left out, and a note says how many."""
    name = worded.write_model(tmp_path / "x", right=True)
    add_caption(squares, "a purple square")
    with pytest.raises(InvalidRequestError, match="purple"):
        measure(name, squares)
    found = evaluate(name, against=squares, metrics=["kid"], count=12, features="mnist")
    [note] = [note for note in found.notes if "captions" in note]
    assert re.search(r"1 of \d+ captions were left out, which x cannot read: .*purple", note)
    worded.write_captioned(tmp_path / "unknown", 12)
    lines = (tmp_path / "unknown" / "metadata.jsonl").read_text()
    (tmp_path / "unknown" / "metadata.jsonl").write_text(lines.replace("square", "circle"))
    with pytest.raises(InvalidRequestError, match=r"no caption that .* can read: .*circle"):
        evaluate(name, against=tmp_path / "unknown", metrics=["kid"], count=12, features="mnist")


def test_the_command_names_features_only_if_they_are_used(tmp_path, squares):
    name = worded.write_model(tmp_path / "x", right=True)
    assert "--features" not in measure(name, squares).command
    both = evaluate(name, against=squares, metrics=["kid", "r-precision"], count=12, features="mnist")
    assert "--features mnist" in both.command


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["kid"], "matcher": "dcgan-mnist"}, "--matcher is for the metric r-precision - add it"),
        ({"metrics": ["r-precision"]}, "dcgan-mnist compares no images with texts - name a model that does"),
        ({"metrics": ["r-precision"], "matcher": "gan-mnist"}, "gan-mnist compares no images with texts"),
    ],
)
def test_impossible_wishes_are_refused_at_once(options, message):
    with pytest.raises(InvalidRequestError, match=message):
        evaluate("dcgan-mnist", count=12, **options)
