"""Training on captions: the words and examples that a model keeps, what is refused, and runs that are resumed."""

from __future__ import annotations

import json

import pytest
import torch

import ganzoo
import worded
from ganzoo import Trainer, testing
from ganzoo.errors import DataError, InvalidRequestError, RunError
from ganzoo.testing.asserting import assert_same_state
from ganzoo.training.command import command_of


@pytest.fixture(autouse=True)
def _worded():
    worded.use_it()


@pytest.fixture
def squares(tmp_path):
    return worded.write_captioned(tmp_path / "squares")


def train(folder, data, iterations=3, **options):
    trainer = Trainer("worded", str(data), folder, iterations=iterations, batch_size=4, **options)
    trainer.run()
    return trainer.training_run


def test_a_model_keeps_the_words_and_some_captions(tmp_path, squares):
    train(tmp_path / "run", squares)
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert config["vocabulary"] == ["a", "all", "blue", "green", "red", "square"]
    assert config["examples"] == ["A red square.", "A green square.", "A blue square."]
    model = ganzoo.load(str(tmp_path / "run"))
    assert torch.equal(model.sample(1, text="A RED square"), model.sample(1, text="a red, square!"))
    assert not torch.equal(model.sample(1, text="a red square"), model.sample(1, text="a blue square"))
    in_turn = torch.cat([model.sample(1, seed=i, text=text) for i, text in enumerate(model.config.examples)])
    assert torch.allclose(model.sample(3), in_turn, atol=1e-6)
    with pytest.raises(InvalidRequestError, match="run does not know 'pink' - it knows a, all"):
        model.sample(1, text="a pink square")


def test_a_resumed_run_is_the_same_run(tmp_path, squares):
    whole = train(tmp_path / "whole", squares, 7)
    train(tmp_path / "run", squares, 3)
    resumed = train(tmp_path / "run", squares, 7, resume=True)
    assert_same_state(whole.loop.gan.state_dict(), resumed.loop.gan.state_dict())


def change(folder, old, new):
    path = folder / "metadata.jsonl"
    path.write_text(path.read_text().replace(old, new))


def test_a_run_is_not_resumed_on_other_captions(tmp_path, squares):
    train(tmp_path / "run", squares)
    change(squares, "A red square", "square, red")
    with pytest.raises(RunError, match="is not the data that"):
        train(tmp_path / "run", squares, 9, resume=True)
    change(squares, "green", "pink")
    with pytest.raises(RunError, match=r"trained on \(new words pink; missing words green\) - start a new run"):
        train(tmp_path / "run", squares, 9, resume=True)


def test_a_run_from_a_model_keeps_its_vocabulary(tmp_path, squares):
    train(tmp_path / "run", squares)
    change(squares, "all ", "")
    started = train(tmp_path / "second", squares, 0, init=str(tmp_path / "run"))
    assert "all" in started.config.vocabulary
    assert "vocabulary" not in command_of(started.plan, "second")
    change(squares, "blue", "violet")
    with pytest.raises(DataError) as caught:
        train(tmp_path / "third", squares, init=str(tmp_path / "run"))
    problem = f"{squares} has words that are not in the vocabulary of {tmp_path / 'run'}: violet"
    assert str(caught.value) == f"{problem} - change the captions, or train without --init"
    assert not (tmp_path / "third").exists()


def test_a_vocabulary_of_the_config_must_have_all_words(tmp_path, squares):
    with pytest.raises(DataError, match="of the config: a, all, blue, square - leave vocabulary out of the config"):
        train(tmp_path / "run", squares, config={"vocabulary": ["green", "red"]})
    with pytest.raises(InvalidRequestError, match=r"the vocabulary of .* does not know 'pink'"):
        train(tmp_path / "run", squares, config={"examples": ["a pink square"]})


def test_too_many_words_are_refused(tmp_path, squares, monkeypatch):
    monkeypatch.setattr("ganzoo.training.captions.MOST_BYTES", 40)
    with pytest.raises(DataError, match="have 6 different words, too many for the config of a model - leave out"):
        train(tmp_path / "run", squares)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("data", ["folder", "fashion-mnist", "ring"])
def test_data_without_captions_is_refused_before_anything_is_written(tmp_path, squares, data):
    (squares / "metadata.jsonl").unlink()
    source = str(squares) if data == "folder" else data
    with pytest.raises(DataError) as caught:
        train(tmp_path / "run", source)
    form = '{"file_name": "0001.png", "text": "a caption"}'
    start = f"worded is text-to-image, and {source} has no captions - put metadata.jsonl into a folder of pictures"
    assert str(caught.value) == f"{start}, with a line {form} for each"
    assert not (tmp_path / "run").exists()


def test_captions_that_are_too_long_are_noted(tmp_path, squares):
    run = train(tmp_path / "run", squares, 1, config={"words": 2})
    assert "18 captions were cut to 2 words" in run.data.notes
    assert run.config.examples == ("a red", "a green", "a blue")
    assert run.data.captions.ids.shape == (18, 2)


SLOW = {
    "declares_without_torch",
    "two_processes_are_one",
    "engines_agree",
    "fused_is_exported",
}  # of other architectures


@pytest.mark.parametrize(
    "check",
    [each for each in testing.CHECKS if each.__name__.removeprefix("check_") not in SLOW],
    ids=lambda c: c.__name__,
)
def test_the_plugin_of_these_tests_conforms(check):
    check("worded")
