"""`ganzoo train` and `export` as a person types them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from ganzoo import testing
from ganzoo.cli.config import parse_config
from ganzoo.cli.main import cli
from ganzoo.cli.signals import catch_terminate, postponed
from ganzoo.errors import GanzooError, InvalidConfigError, RunError
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.pretrained.load import load
from ganzoo.training.plan import make_plan
from ganzoo.training.run_folder import write_plan, write_resources

TINY = ["resolution=16", "channels=1", "latent_dim=4", "generator_width=4", "discriminator_width=4"]
SETTINGS = [argument for setting in TINY for argument in ("--config", setting)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 16, 16), 12).images / 127.5 - 1)):
        save_picture(picture, folder / f"{i:02d}.png")
    return folder


def train(photos, run, *more):
    return ["train", "dcgan", "--data", str(photos), "-o", str(run), *SETTINGS, "--batch-size", "4", *map(str, more)]


def test_train_export_and_sample(photos, tmp_path):
    runner = CliRunner()
    done = runner.invoke(cli, train(photos, tmp_path / "run", "--iterations", 4, "--save-every", 2))
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{tmp_path / 'run'}\n"
    assert "4/4" in done.stderr
    done = runner.invoke(cli, ["export", str(tmp_path / "run"), "-o", str(tmp_path / "out"), "--half"])
    assert done.exit_code == 0, done.output
    whole, half = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("run", "out"))
    assert half < 0.7 * whole
    images, halved = (load(tmp_path / name).sample(3) for name in ("run", "out"))
    assert (images - halved).abs().max() < 0.02
    with pytest.raises(GanzooError, match="--overwrite"):
        runner.invoke(cli, ["export", str(tmp_path / "run"), "-o", str(tmp_path / "out")], catch_exceptions=False)


def test_pictures_need_not_be_square(photos, tmp_path, monkeypatch):
    """Resumed with the size in another form; sampled, published to a folder and loaded again."""
    monkeypatch.chdir(tmp_path)
    more = ("--mirror", "--crop", 1.25, "--augment", "translation", "--augment", "ada", "--regularizer", "r1=1")
    words = train(photos, "run", "--iterations", 1, *more, "--config", "resolution=16x24")
    for each in (words, ["train", "--resume", "run", "--iterations", "2", "--config", "resolution=[16, 24]"]):
        done = CliRunner().invoke(cli, each, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    card = Path("run/README.md").read_text()
    assert "| images | 16x24, gray |" in card
    assert "--config resolution=16x24" in card
    assert json.loads(Path("run/run.json").read_text())["config"]["resolution"] == "16x24"
    assert json.loads(Path("run/config.json").read_text())["config"]["resolution"] == [16, 24]
    words = ["sample", "./run", "-n", "2", "-o", "two.png", "--scale", "1"]
    assert CliRunner().invoke(cli, words, catch_exceptions=False).exit_code == 0
    with Image.open("two.png") as sheet:
        assert sheet.size == (2 * 24 + 3, 16 + 2)  # with gaps of 1 pixel
    assert CliRunner().invoke(cli, ["export", "run", "-o", "out"], catch_exceptions=False).exit_code == 0
    assert load("./out").images(1)[0].size == (24, 16)


@pytest.fixture
def asked(monkeypatch):
    """What `ganzoo train` asks the trainer for."""
    seen = {}
    monkeypatch.setattr("ganzoo.training.trainer.Trainer", lambda *names, **options: seen.update(options, names=names))
    monkeypatch.setattr("ganzoo.cli.training_progress.introduce", lambda trainer: None)
    monkeypatch.setattr("ganzoo.cli.training_progress.follow", lambda trainer: 0)
    return seen


def test_the_folder_is_enough_to_resume(photos, tmp_path, monkeypatch):
    """Also in another folder: it continues with the options, the data and the device that it was started with."""
    monkeypatch.chdir(photos.parent)
    runner, run = CliRunner(), tmp_path / "run"
    runs = ("--iterations", 4, "--save-every", 2, "--device", "cpu", "--seed", 3, "--regularizer", "r1")
    whole = runner.invoke(cli, train(photos.name, tmp_path / "whole", *runs), catch_exceptions=False)
    assert whole.exit_code == 0, whole.output
    started = train(photos.name, run, "--iterations", 2, *runs[2:])
    assert runner.invoke(cli, started, catch_exceptions=False).exit_code == 0
    monkeypatch.chdir(tmp_path)
    done = runner.invoke(cli, ["train", "--resume", "run", "--iterations", "4"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "words",
    [
        ["--resume", "run"],
        ["run", "--resume"],
        ["dcgan", "--resume", "run"],
        ["--resume", "-o", "run"],
        ["dcgan", "--resume", "-o", "run"],
        ["-o", "run", "--resume", "dcgan"],
    ],
    ids=" ".join,
)
def test_what_the_run_used_is_used_again(photos, tmp_path, monkeypatch, asked, words):
    monkeypatch.chdir(tmp_path)
    plan = make_plan("dcgan", str(photos), config={"resolution": 16})
    write_plan(tmp_path / "run", plan)
    used = {"device": "cuda:1", "workers": 7, "compile": True, "save_every": 5, "track": ["mlflow"], "data_dir": "/d"}
    used |= {
        "evaluate_every": 4,
        "metrics": ["kid", "fid"],
        "evaluate_samples": 50,
        "features": "mnist",
        "stop_after": 3,
    }
    write_resources(tmp_path / "run", plan, used)
    CliRunner().invoke(cli, ["train", *words], catch_exceptions=False)
    assert asked.pop("names") == ("dcgan", str(photos), Path("run"))
    assert {name: asked[name] for name in used} == used
    others = ["--device", "cpu", "--workers", "0", "--no-compile", "--save-every", "9", "--track", "none"]
    others += ["--evaluate-every", "0", "--metrics", "fid,recall"]
    CliRunner().invoke(cli, ["train", *words, *others], catch_exceptions=False)
    changed = {"device": "cpu", "workers": 0, "compile": False, "save_every": 9, "track": ("none",)}
    changed |= {"evaluate_every": 0, "metrics": ("fid", "recall")}
    assert {name: asked[name] for name in used} == {**used, **changed}


def test_the_last_line_has_penalties_that_were_not_due(photos, tmp_path):
    rare = ["--iterations", 5, "--regularizer", "r1", "--regularize-every", 3, "--config", "beta1=0"]
    done = CliRunner().invoke(cli, train(photos, tmp_path / "run", *rare))
    assert done.exit_code == 0, done.output
    assert "discriminator/r1" in next(line for line in done.stderr.splitlines() if line.startswith("5/5"))
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert [step for step, line in enumerate(lines, 1) if "discriminator/r1" in line] == [1, 4]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        *[pytest.param(number, 128 + number, marks=pytest.mark.long) for number in (signal.SIGTERM, signal.SIGHUP)],
    ],
)
def test_a_signal_finishes_the_step_and_saves(photos, tmp_path, number, code):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "ganzoo", *train(photos, run, "--iterations", 10**6, "--save-every", 10**6)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    metrics = run / "metrics.jsonl"
    deadline = time.monotonic() + 100
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == code, told
    assert "--resume" in told
    last = json.loads(metrics.read_text().splitlines()[-1])["step"]
    assert [path.name for path in (run / "checkpoints").iterdir()] == [f"{last:08d}"]
    assert load(run).sample(1).shape == (1, 1, 16, 16)


def close_stderr():
    os.close(2)


@pytest.mark.parametrize(
    "output", ["full", *(pytest.param(o, marks=pytest.mark.long) for o in ("closed pipe", "closed"))]
)
def test_progress_that_cannot_be_written_does_not_stop_a_run(photos, tmp_path, output):
    """As with `2>&1 | head`, a full disk for logs, or `2>&-`."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "ganzoo", *train(photos, run, "--iterations", 20, "--save-every", 10)]
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "w") as full, open(writing, "w") as pipe:
        streams = {"full": full, "closed pipe": pipe, "closed": None}
        before = close_stderr if output == "closed" else None
        stdout = subprocess.PIPE if output == "closed" else streams[output]
        done = subprocess.run(command, stdout=stdout, stderr=streams[output], preexec_fn=before, check=False)
    assert done.returncode == 0
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["00000010", "00000020"]
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 22  # and two lines of spread
    assert done.stdout in (None, f"{run}\n".encode())


def test_what_is_asked_for_must_be_written():
    """Only messages may be lost: a list that cannot be printed is an error."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ganzoo", "list"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"No space left" in done.stderr


def test_a_terminal_that_closes_may_tell_twice():
    """The system and the shell each send SIGHUP; the second must not end the program before it has saved."""
    with postponed() as received:
        for _ in range(3):
            signal.raise_signal(signal.SIGHUP)
    assert received == [signal.SIGHUP] * 3


def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with postponed() as received:
            signal.raise_signal(signal.SIGHUP)
        assert received == []
        terminating = signal.getsignal(signal.SIGTERM)
        caught = catch_terminate()
        signal.raise_signal(signal.SIGHUP)
        assert caught == []
        signal.signal(signal.SIGTERM, terminating)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "dcgam", "--data", "x", "-o", "r"], "did you mean dcgan"),
        (["train", "dcgan", "--data", "fashon-mnist", "-o", "r"], "did you mean fashion-mnist"),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--config", "widht=3"], "no config field widht"),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--config", "resolution"], "field=value"),
        (
            ["train", "dcgan", "--data", "mnist", "-o", "r", "--config", "resolution=100x60"],
            "the nearest are 96x64 and 104x56",
        ),
        (
            ["train", "dcgan", "--data", "mnist", "-o", "r", "--config", "resolution=6,4"],
            "height x width such as 96x64",
        ),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--loss", "minmax"], "did you mean minimax"),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--ema", "nan"], "ema must be a number from 0 to below 1"),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--device", "cuda:99"], "cuda:99"),
    ],
)
def test_wrong_usage_leaves_no_folder(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GanzooError, match=told) as caught:
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument 'ARCHITECTURE'"),
        (["dcgan"], "Missing option '--data'"),
        (["dcgan", "--data", "mnist"], "Missing option '-o' / '--output'"),
        (["--resume"], "--resume needs the folder of a run - write: ganzoo train --resume RUN"),
    ],
)
def test_what_is_missing_is_named(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["train", *arguments])
    assert done.exit_code == 2
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_another_architecture_is_named(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path / "run", make_plan("dcgan", str(photos), config={"resolution": 16}))
    done = CliRunner().invoke(cli, ["train", "gan", "--resume", "run"])
    assert isinstance(done.exception, RunError)
    assert "run was started with other options: architecture: dcgan then, gan now - use" in str(done.exception)


def test_two_runs_are_not_resumed_together(tmp_path):
    done = CliRunner().invoke(cli, ["train", "dcgan", "--resume", "run", "-o", "other"])
    assert done.exit_code == 2
    assert "--resume names run, and -o names other - name one run, with --resume" in done.stderr


def test_settings_are_json_where_they_read_as_such():
    settings = parse_config(("a=1", "b=0.5", "c=[1, 2]", "d=normal", "e=true", "f=x=y"))
    assert settings == {"a": 1, "b": 0.5, "c": (1, 2), "d": "normal", "e": True, "f": "x=y"}
    with pytest.raises(InvalidConfigError, match="field=value"):
        parse_config(("resolution",))
