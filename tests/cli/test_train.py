"""`ganzoo train` and `export` as a person types them."""

import json
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from ganzoo import testing
from ganzoo.cli.commands.training import parse_settings
from ganzoo.cli.main import cli
from ganzoo.errors import GanzooError, InvalidConfigError
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.pretrained.load import load

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


def test_the_last_line_has_penalties_that_were_not_due(photos, tmp_path):
    rare = ["--iterations", 5, "--regularizer", "r1", "--regularize-every", 3, "--config", "beta1=0"]
    done = CliRunner().invoke(cli, train(photos, tmp_path / "run", *rare))
    assert done.exit_code == 0, done.output
    assert "discriminator/r1" in next(line for line in done.stderr.splitlines() if line.startswith("5/5"))
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert [step for step, line in enumerate(lines, 1) if "discriminator/r1" in line] == [1, 4]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "dcgam", "--data", "x", "-o", "r"], "did you mean dcgan"),
        (["train", "dcgan", "--data", "fashon-mnist", "-o", "r"], "did you mean fashion-mnist"),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--config", "widht=3"], "no config field widht"),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--config", "resolution"], "field=value"),
        (["train", "dcgan", "--data", "mnist", "-o", "r", "--config", "resolution=48"], "resolution is one of"),
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


def test_settings_are_json_where_they_read_as_such():
    settings = parse_settings(("a=1", "b=0.5", "c=[1, 2]", "d=normal", "e=true", "f=x=y"))
    assert settings == {"a": 1, "b": 0.5, "c": (1, 2), "d": "normal", "e": True, "f": "x=y"}
    with pytest.raises(InvalidConfigError, match="field=value"):
        parse_settings(("resolution",))
