"""The command of an evaluation: the real command line reads back every option that decides the numbers."""

import dataclasses
import shlex

import pytest

import in_process
from ganzoo.evaluation.metrics import METRICS
from ganzoo.evaluation.options import METRIC_NAMES, EvaluationOptions

USUAL = EvaluationOptions(subject="dcgan-mnist", against="mnist", features="mnist", count=100)

CHANGED = {
    "subject": "gan-mnist",
    "against": "fashion-mnist",
    "features": "fashion-mnist",
    "count": 40,
    "seed": 7,
    "metrics": ("kid", "is"),
    "is_splits": (1, 5, 20),
    "direction": "day2night",
    "label": "ankle boot",
    "truncation": 0.5,
    "limit": 30,
    "precision": "bf16",
    "matcher": "./matcher",
    "resize": "clean",
}


@pytest.fixture
def read(monkeypatch, capsys):
    """From a command to the options that `ganzoo.evaluate` gets: the command line runs until images are compared."""

    def run(command):
        got = []

        def compare(options, model, *, reading):
            got.append(options)
            raise KeyboardInterrupt

        monkeypatch.setattr("ganzoo.evaluation.prepare.check_request", lambda *_: None)
        monkeypatch.setattr("ganzoo.evaluation.prepare.find_matcher", lambda *_: None)
        monkeypatch.setattr("ganzoo.evaluation.evaluate.load_from", lambda *_, **__: None)
        monkeypatch.setattr("ganzoo.evaluation.evaluate.compare", compare)
        program, *words = shlex.split(command)
        assert program == "ganzoo"
        in_process.ganzoo(monkeypatch, capsys, *words)
        return got[0]

    return run


def test_no_field_is_forgotten():
    assert list(CHANGED) == [field.name for field in dataclasses.fields(EvaluationOptions)]
    assert all(getattr(USUAL, name) != value for name, value in CHANGED.items())


@pytest.mark.parametrize("name", CHANGED)
def test_every_field_is_in_the_command_and_comes_back(read, name):
    options = dataclasses.replace(USUAL, **{name: CHANGED[name]})
    assert options.command != USUAL.command
    assert read(options.command) == options


def test_all_fields_together(read):
    options = EvaluationOptions(**CHANGED)
    assert options.command == (
        "ganzoo evaluate gan-mnist --against fashion-mnist --features fashion-mnist -n 40 --seed 7 --metrics kid,is "
        "--is-splits 1,5,20 --direction day2night --class 'ankle boot' --truncation 0.5 --limit 30 --precision bf16 "
        "--matcher ./matcher --resize clean"
    )
    assert read(options.command) == options


def test_defaults_that_may_change_are_written_too():
    assert USUAL.command == "ganzoo evaluate dcgan-mnist --against mnist --features mnist -n 100 --seed 0"
    assert USUAL.metrics == METRIC_NAMES == tuple(METRICS)
