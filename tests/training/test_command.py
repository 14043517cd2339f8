"""The exact command: every field of a plan is in it, and `ganzoo train` reads it back."""

import shlex
from dataclasses import fields

import click
import pytest

from ganzoo.cli.main import cli
from ganzoo.training.command import command_of
from ganzoo.training.plan import Plan, make_plan

CHANGES = {
    "iterations": 7,
    "batch_size": 3,
    "accumulate": 2,
    "seed": 5,
    "ema": 0.25,
    "precision": "bf16",
    "schedule": "linear=0.25",
    "regularizers": {"r1": 0.5, "label-smoothing": 1e-05},
    "regularize_every": 4,
    "regularize_generator_every": 8,
    "ema_half_life": 10_000,
    "recipe": "cifar10",
    "augmentations": ("color", "cutout"),
    "freeze": 2,
    "mirror": True,
    "crop": 1.25,
    "architecture": "gan",
    "data": "kmnist",
    "config": {"latent_dim": 50, "latent": "normal"},
    "loss": "least-squares",
    "limit": 9,
    "depth": 16,
    "init": "another run",
}


@pytest.fixture(autouse=True)
def _another_run(tmp_path, monkeypatch):
    """The run to start from."""
    (tmp_path / CHANGES["init"] / "checkpoints").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def planned(monkeypatch):
    """The plan that `ganzoo train` makes of a command."""

    def parse(command):
        asked = {}
        monkeypatch.setattr(
            "ganzoo.training.trainer.Trainer", lambda *names, **options: asked.update(names=names, **options)
        )
        monkeypatch.setattr("ganzoo.cli.training_progress.introduce", lambda trainer: None)
        monkeypatch.setattr("ganzoo.cli.training_progress.follow", lambda trainer: 0)
        program, name, *words = shlex.split(command)
        assert (program, name) == ("ganzoo", "train")
        with pytest.raises(SystemExit):
            cli.get_command(click.Context(cli), "train").main(words, standalone_mode=False)
        architecture, data, _ = asked.pop("names")
        names = {field.name for field in fields(Plan)}
        return make_plan(architecture, data, **{name: value for name, value in asked.items() if name in names})

    return parse


def plan_of(**asked):
    return make_plan(**{"architecture": "dcgan", "data": "mnist", **asked})


@pytest.mark.parametrize("name", [field.name for field in fields(Plan)])
def test_every_field_of_a_plan_is_in_its_command(planned, name):
    needed = {"init": CHANGES["init"]} if name == "freeze" else {}
    plan = plan_of(**{name: CHANGES[name]}, **needed)
    assert getattr(plan, name) != getattr(plan_of(), name)
    assert planned(command_of(plan, "run")) == plan


def test_all_fields_at_once(planned):
    plan = plan_of(**{name: value for name, value in CHANGES.items() if name != "architecture"})
    assert planned(command_of(plan, "run")) == plan


def test_what_is_usual_is_not_written():
    assert command_of(plan_of(), "my run") == "ganzoo train dcgan --data mnist -o 'my run'"
