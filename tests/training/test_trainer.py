"""The trainer: a run in a folder, saved, resumed, and what it shows of itself."""

import errno
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image
from torch import nn

import ganzoo
from ganzoo import Architecture, Trainer, Update, discriminate, testing
from ganzoo.cli.main import cli
from ganzoo.errors import (
    CorruptWeightsError,
    DataError,
    InvalidConfigError,
    InvalidRequestError,
    NonFiniteError,
    RunError,
    UnknownNameError,
)
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.pretrained.load import load
from ganzoo.pretrained.resolve import resolve
from ganzoo.registry import lookup
from ganzoo.registry.registry import Registry
from ganzoo.sharing.card import card_of
from ganzoo.training import checkpoints, observers, point_figure, trainer
from ganzoo.training import run as run_module
from ganzoo.training.advice import diverged_advice
from ganzoo.training.command import command_of
from ganzoo.training.plan import make_plan
from ganzoo.training.record import Record
from plugin_factory import declaring

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4}


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    images = testing.noise_data((1, 16, 16), 12).images
    for i, picture in enumerate(to_pictures(images.float() / 127.5 - 1)):
        save_picture(picture, folder / f"{i:02d}.png")
    return folder


def opened(path):
    """The size of a picture, and how many frames it has."""
    with Image.open(path) as picture:
        return picture.size, getattr(picture, "n_frames", 1)


def make_run(folder, pictures, **changes):
    usual = {"architecture": "dcgan", "data": str(pictures), "config": TINY, "iterations": 6, "batch_size": 4}
    return Trainer(folder=folder, **{**usual, "save_every": 2, "device": "cpu", **changes})


def test_a_run_leaves_what_it_promises(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures)
    steps = [record.step for record in run]
    assert steps == [1, 2, 3, 4, 5, 6]
    metrics = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in metrics if "generator/adversarial" in line] == steps
    assert [line["step"] for line in metrics if "spread" in line] == [2, 4, 6]
    assert sorted(path.name for path in (tmp_path / "run/samples").iterdir()) == [f"0000000{n}.png" for n in (2, 4, 6)]
    loaded = load(tmp_path / "run")
    with torch.inference_mode():
        expected = run.training_run.loop.average.generate(loaded.draw(3))
    assert torch.allclose(loaded.sample(3), expected, atol=1e-6)  # batch norm is folded into what is loaded


def test_a_resumed_run_is_the_same_run(tmp_path, pictures):
    whole = make_run(tmp_path / "whole", pictures)
    records = list(whole)
    stopped = make_run(tmp_path / "stopped", pictures)
    for record in stopped:
        if record.step == 3:  # the last checkpoint is of step 2
            break
    resumed = make_run(tmp_path / "stopped", pictures, resume=True)
    assert list(resumed) == records[2:]
    assert (tmp_path / "whole/model.safetensors").read_bytes() == (tmp_path / "stopped/model.safetensors").read_bytes()
    assert (tmp_path / "whole/metrics.jsonl").read_text() == (tmp_path / "stopped/metrics.jsonl").read_text()


def test_a_run_may_be_made_longer(tmp_path, pictures):
    list(make_run(tmp_path / "run", pictures, iterations=2))
    longer = make_run(tmp_path / "run", pictures, iterations=4, resume=True)
    assert [record.step for record in longer] == [3, 4]
    assert checkpoints.latest(tmp_path / "run/checkpoints").step == 4


def test_a_run_starts_from_the_networks_of_another(tmp_path, pictures):
    first = make_run(tmp_path / "first", pictures, iterations=3)
    list(first)
    options = {"iterations": 2, "schedule": "linear", "regularizers": {"r1": 0.1}, "init": str(tmp_path / "first")}
    second = make_run(tmp_path / "second", pictures, **options)
    for ours, theirs in (
        (second.training_run.loop.gan, first.training_run.loop.gan),
        (second.training_run.loop.average, first.training_run.loop.average),
    ):
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert [record.step for record in second] == [1, 2]
    with pytest.raises(StopIteration):
        next(make_run(tmp_path / "second", pictures, **options, resume=True))  # it goes on, and does not start again
    assert f"--init {tmp_path / 'first'}" in command_of(second.training_run.plan, "run")
    assert " --init first " in card_of(resolve(tmp_path / "second")).training


def test_a_run_starts_from_a_published_model(tmp_path, pictures, caplog):
    """Its config is the default then, and the discriminator starts new."""
    first = make_run(tmp_path / "first", pictures, iterations=2)
    list(first)
    shutil.rmtree(tmp_path / "first/checkpoints")
    caplog.set_level("INFO", "ganzoo")
    second = make_run(tmp_path / "second", pictures, config={}, init=str(tmp_path / "first"))
    assert second.training_run.config == first.training_run.config
    for ours in (second.training_run.loop.gan.generator, second.training_run.loop.average.generator):
        pairs = zip(ours.parameters(), first.training_run.loop.average.generator.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert caplog.messages == [f"{tmp_path / 'first'}: the discriminator starts new"]


def test_what_does_not_fit_starts_new(tmp_path, pictures, caplog):
    first = make_run(tmp_path / "first", pictures, iterations=1)
    list(first)
    caplog.set_level("INFO", "ganzoo")
    wider = {**TINY, "latent_dim": TINY["latent_dim"] + 1}
    second = make_run(tmp_path / "second", pictures, config=wider, init=str(tmp_path / "first"))
    ours, theirs = (dict(run.training_run.loop.gan.named_parameters()) for run in (second, first))
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == ["generator.0.weight"]
    assert caplog.messages[0].startswith(f"{tmp_path / 'first'}: generator.0.weight starts new: (")


@pytest.mark.parametrize(
    ("init", "architecture", "error", "text"),
    [
        ("nothing", "dcgan", UnknownNameError, "there is no folder .*nothing"),
        ("first/checkpoints", "dcgan", CorruptWeightsError, "config.json"),
        ("first", "gan", InvalidRequestError, "first is of the architecture dcgan, not gan - train dcgan"),
    ],
)
def test_a_run_cannot_start_from_that(tmp_path, pictures, init, architecture, error, text):
    list(make_run(tmp_path / "first", pictures, iterations=1))
    with pytest.raises(error, match=text):
        Trainer(architecture, str(pictures), tmp_path / "second", init=str(tmp_path / init))
    assert not (tmp_path / "second").exists()


def test_a_run_is_not_overwritten(tmp_path, pictures):
    make_run(tmp_path / "run", pictures)
    with pytest.raises(RunError, match="--resume"):
        make_run(tmp_path / "run", pictures)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"config": {**TINY, "latent_dim": 5}}, r"config\.latent_dim: 4 then, 5 now"),
        ({"architecture": "gan", "config": {"resolution": 16}}, "architecture: dcgan then, gan now"),
        ({"loss": "minimax"}, "loss: None then, minimax now"),
        ({"limit": 5}, "limit: None then, 5 now"),
        ({"batch_size": 5}, "batch_size: 4 then, 5 now"),
        ({"augmentations": ["color"]}, r"augmentations: \[\] then, \['color'\] now"),
        ({"regularizers": {"r1": 1}}, r"regularizers\.r1: None then, 1 now"),
        ({"schedule": "cosine"}, "schedule: constant then, cosine now"),
    ],
)
def test_resuming_something_else_is_refused(tmp_path, pictures, change, named):
    make_run(tmp_path / "run", pictures)
    with pytest.raises(RunError, match=named):
        make_run(tmp_path / "run", pictures, resume=True, **change)


def test_nothing_to_resume(tmp_path, pictures):
    with pytest.raises(RunError, match="no run to resume"):
        make_run(tmp_path / "run", pictures, resume=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"architecture": "dcgam"}, UnknownNameError),
        ({"loss": "hing"}, UnknownNameError),
        ({"config": {"widht": 3}}, InvalidConfigError),
        ({"data": "fashon-mnist"}, UnknownNameError),
    ],
)
def test_a_wrong_request_leaves_no_folder(tmp_path, pictures, change, error):
    with pytest.raises(error):
        make_run(tmp_path / "run", pictures, **change)
    assert not (tmp_path / "run").exists()


def test_resuming_on_other_pictures_is_refused(tmp_path, pictures):
    list(make_run(tmp_path / "run", pictures, iterations=2))
    next(pictures.iterdir()).unlink()
    with pytest.raises(RunError, match="not the data"):
        make_run(tmp_path / "run", pictures, iterations=4, resume=True)


def test_resuming_backwards_is_refused(tmp_path, pictures):
    list(make_run(tmp_path / "run", pictures, iterations=4))
    with pytest.raises(RunError, match="is at step 4 already"):
        make_run(tmp_path / "run", pictures, iterations=2, resume=True)


def test_a_run_without_a_checkpoint_starts_again(tmp_path, pictures, caplog):
    """It was killed before the first save."""
    caplog.set_level("INFO")
    whole = list(make_run(tmp_path / "whole", pictures))
    killed = make_run(tmp_path / "killed", pictures, save_every=1000)
    assert [next(killed).step, next(killed).step] == [1, 2]
    again = make_run(tmp_path / "killed", pictures, resume=True)
    assert f"{tmp_path / 'killed'} has no checkpoint yet: it starts again at step 0" in caplog.text
    assert list(again) == whole
    both = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("killed", "whole")]
    assert both[0] == both[1]


def test_a_run_that_starts_again_takes_the_networks_of_another_again(tmp_path, pictures):
    make_run(tmp_path / "first", pictures, iterations=3).run()
    init = {"init": str(tmp_path / "first")}
    records = list(make_run(tmp_path / "second", pictures, **init))
    next(make_run(tmp_path / "killed", pictures, **init, save_every=1000))
    assert list(make_run(tmp_path / "killed", pictures, **init, resume=True)) == records


def test_a_checkpoint_is_written_by_time_too(tmp_path, pictures, monkeypatch):
    """The first one after half a minute, then one every three minutes, whatever save_every is."""
    seconds = [0.0]
    monkeypatch.setattr(trainer.time, "monotonic", lambda: seconds[0])
    run = make_run(tmp_path / "run", pictures, save_every=1000, iterations=100)
    saved = {}
    for now in (10, 29, 31, 60, 200, 212, 300, 393):
        seconds[0] = now
        next(run)
        saved[now] = run.training_run.saved_step
    assert saved == {10: None, 29: None, 31: 3, 60: 3, 200: 3, 212: 6, 300: 6, 393: 8}
    assert not (tmp_path / "run/samples").exists()
    resumed = make_run(tmp_path / "run", pictures, iterations=100, resume=True)
    assert resumed.step == 8


def test_large_checkpoints_are_written_less_often(tmp_path, pictures, monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr(trainer.time, "monotonic", lambda: seconds[0])
    run = make_run(tmp_path / "run", pictures, save_every=1000, iterations=100)

    def slow():
        seconds[0] += 60

    monkeypatch.setattr(run.training_run, "save_checkpoint", slow)
    saves = []
    for _ in range(20):
        seconds[0] += 100
        before = seconds[0]
        next(run)
        saves.append(seconds[0] > before)
    assert saves == [True, *[False] * 11, True, *[False] * 7]


def test_a_run_without_a_usable_checkpoint_is_not_started_again(tmp_path, pictures):
    list(make_run(tmp_path / "run", pictures, iterations=2))
    for state in (tmp_path / "run/checkpoints").glob("*/state.pt"):
        state.write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(RunError, match="no usable checkpoint"):
        make_run(tmp_path / "run", pictures, iterations=4, resume=True)
    assert (tmp_path / "run/metrics.jsonl").read_text().count("adversarial") == 4


def wait_for_metrics(run, process):
    metrics = run / "metrics.jsonl"
    deadline = time.monotonic() + 100
    while not (metrics.exists() and metrics.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def test_two_processes_do_not_train_in_one_folder(tmp_path, pictures):
    """The other one is named; its lock dies with it."""
    run = tmp_path / "run"
    command = [*COMMAND, *arguments(pictures, run, "--iterations", 10**6, "--workers", 0)]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    wait_for_metrics(run, process)
    with pytest.raises(RunError, match=f"is used by process {process.pid} on {socket.gethostname()} - wait until"):
        make_run(run, pictures, resume=True, iterations=10**6)
    process.kill()
    process.wait()
    assert next(make_run(run, pictures, resume=True, iterations=10**6)).step >= 1


def test_a_run_that_was_started_meanwhile_is_not_overwritten(tmp_path, pictures, monkeypatch):
    """Another process started one while this one read its data, and ended."""
    load_data = run_module.load_data

    def slowly(*names, **options):
        monkeypatch.setattr(run_module, "load_data", load_data)
        make_run(tmp_path / "run", pictures, iterations=2).run()
        return load_data(*names, **options)

    monkeypatch.setattr(run_module, "load_data", slowly)
    with pytest.raises(RunError, match="holds a run already"):
        make_run(tmp_path / "run", pictures, seed=3)
    assert checkpoints.latest(tmp_path / "run/checkpoints").step == 2


def test_a_finished_run_is_not_locked(tmp_path, pictures):
    """It can be made longer in another process while the first one goes on, as a notebook does."""
    trainer = make_run(tmp_path / "run", pictures, iterations=2)
    trainer.run()
    command = [*COMMAND, *arguments(pictures, tmp_path / "run", "--iterations", 3, "--resume")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- what a run shows of itself ------------------------------------------------------------------


def test_run_trains_to_the_end(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures)
    assert run.run().step == 6
    assert run.run() is None


def test_sheets_are_of_the_same_seeds_through_time(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures, ema=0.0)
    sheets = []
    for _ in run:
        if run.step % 2 == 0:
            sheets.append(to_pictures(run.model().sample(64)))
    for path, pictures_then in zip(sorted((tmp_path / "run/samples").iterdir()), sheets, strict=True):
        with Image.open(path) as sheet:
            sheet.load()
        assert sheet.crop((2, 2, 66, 66)).resize((16, 16), Image.Resampling.NEAREST) == pictures_then[0]


@pytest.mark.figures
def test_curves_are_drawn_and_survive_a_resume(tmp_path, pictures):
    make_run(tmp_path / "run", pictures, iterations=3).run()
    run = make_run(tmp_path / "run", pictures, resume=True)
    run.run()
    assert opened(tmp_path / "run/progress.png")[0] == (900, 600)
    [curves] = [each for each in run._observers if isinstance(each, observers.Curves)]
    assert list(curves.steps["generator/adversarial"]) == [1, 2, 3, 4, 5, 6]
    assert list(curves.steps["spread"]) == [2, 3, 4, 6]


def test_a_collapse_is_said(tmp_path, pictures, monkeypatch):
    """The samples of an untrained generator are nearly one image; 1000 iterations later that is no good sign."""
    make_run(tmp_path / "young", pictures, iterations=2).run()
    monkeypatch.setattr(observers, "FIRST_COLLAPSE_CHECK", 2)
    with pytest.warns(UserWarning, match=r"step 2: the samples have 0% of the data's variance.* collapsed"):
        make_run(tmp_path / "old", pictures, iterations=2).run()


@pytest.mark.parametrize(("shares", "said"), [((0.5, 0.9), 0), ((0.05,), 1), ((0.9, 0.2), 1), ((0.9, 0.23), 0)])
def test_what_counts_as_collapse(tmp_path, pictures, monkeypatch, shares, said):
    """Below a tenth of the data's variance, or below a quarter of what it has been."""
    monkeypatch.setattr(observers, "FIRST_COLLAPSE_CHECK", 0)
    run = make_run(tmp_path / "run", pictures).training_run
    sheets = observers.Sheets(run, run.data)
    if said:
        with pytest.warns(UserWarning, match="collapsed") as caught:
            [sheets._check_collapse(share) for share in shares]
        assert len(caught) == said
    else:
        [sheets._check_collapse(share) for share in shares]


def test_a_generator_that_does_not_learn_yet_has_not_collapsed(tmp_path, pictures, monkeypatch):
    """As in a phase in which other networks learn."""
    monkeypatch.setattr(observers, "FIRST_COLLAPSE_CHECK", 2)
    run = make_run(tmp_path / "run", pictures).training_run
    sheets = observers.Sheets(run, run.data)
    for step in (1, 2, 3):
        sheets.record(Record(step, {"matching/text": 0.5}, {}))
    sheets._check_collapse(0.0)
    for step in (4, 5):
        sheets.record(Record(step, {}, {"D(G(z))": 0.5}))
    with pytest.warns(UserWarning, match="collapsed"):
        sheets._check_collapse(0.0)


def test_spread():
    """Two images, of zeros and of ones: the variance of each pixel is 1/4."""
    assert observers.spread(torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2)])) == 0.25
    assert observers.spread(torch.ones(5, 1, 2, 2)) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iterations": 3, "seed": 7, "ema": 0.5, "precision": "bf16", "accumulate": 2, "limit": 9},
        {"mirror": True, "crop": 1.25},
        {"loss": "least-squares", "schedule": "linear=0.25", "regularizers": {"r1": 0.5, "label-smoothing": None}},
        {"regularizers": {"r1": 2}, "regularize_every": 4},
        {"augmentations": ("color", "cutout"), "config": {**TINY, "latent": "normal"}},
    ],
    ids=str,
)
def test_the_card_holds_the_exact_command(tmp_path, pictures, monkeypatch, changes):
    """What it says, typed again, makes the same plan."""
    run = make_run(tmp_path / "my run", pictures, **changes)
    run.save()
    card = (tmp_path / "my run/README.md").read_text()
    command = next(line for line in card.splitlines() if line.startswith("ganzoo train "))
    seen = {}
    monkeypatch.setattr(
        "ganzoo.training.trainer.Trainer", lambda *names, **options: seen.update(names=names, **options)
    )
    monkeypatch.setattr("ganzoo.cli.commands.training.check_folder", lambda *names, **options: None)  # it is there
    monkeypatch.setattr("ganzoo.cli.training_progress.introduce", lambda trainer: None)
    monkeypatch.setattr("ganzoo.cli.training_progress.follow", lambda trainer: 0)
    with pytest.raises(SystemExit):
        cli.main(shlex.split(command)[1:], standalone_mode=False)
    fields = {name: seen[name] for name in seen.keys() & vars(run.training_run.plan).keys()}
    assert make_plan(*seen["names"][:2], **fields) == run.training_run.plan
    assert seen["names"][2] == tmp_path / "my run"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_somebody_has_put_in_the_place_of_the_card_is_left_alone(tmp_path, pictures, make):
    (tmp_path / "run").mkdir()
    make(tmp_path / "run/README.md")
    make_run(tmp_path / "run", pictures, iterations=2).run()
    assert not (tmp_path / "run/README.md").is_file()


def test_a_card_that_somebody_has_written_is_left_alone(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures)
    run.save()
    card = tmp_path / "run/README.md"
    assert "datasets:" in card.read_text()
    card.write_text("mine")
    run.run()
    assert card.read_text() == "mine"


def test_bytes_that_are_no_utf_8_stop_no_run(tmp_path, pictures):
    """A card in another encoding is a person's; a damaged line of metrics is left out."""
    whole = list(make_run(tmp_path / "whole", pictures))
    run = make_run(tmp_path / "run", pictures)
    next(run), next(run)
    card, metrics = tmp_path / "run/README.md", tmp_path / "run/metrics.jsonl"
    card.write_bytes("Schöne Bilder".encode("latin-1"))
    metrics.write_bytes(metrics.read_bytes() + b'{"step": 2, "D\xff(x)": 0.5}\n{"step": 3, "D(x)"')
    with pytest.warns(UserWarning, match="2 lines"):
        resumed = make_run(tmp_path / "run", pictures, resume=True)
    assert list(resumed) == whole[2:]
    assert card.read_bytes() == "Schöne Bilder".encode("latin-1")
    assert metrics.read_bytes() == (tmp_path / "whole/metrics.jsonl").read_bytes()


# --- faults --------------------------------------------------------------------------------------


def test_a_non_finite_loss_stops_the_run_and_keeps_what_is_good(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures)
    next(run), next(run), next(run)
    with torch.no_grad():
        next(run.training_run.loop.gan.generator.parameters()).fill_(torch.nan)
    with pytest.raises(NonFiniteError, match=r"step 4: .* is nan - the checkpoint of step 2 is intact"):
        next(run)
    assert checkpoints.latest(tmp_path / "run/checkpoints").step == 2
    assert load(tmp_path / "run").sample(1).isfinite().all()


def test_the_advice_for_nan_does_not_repeat_the_step(tmp_path, pictures):
    """On the CPU, --resume computes the same NaN again: another run from its weights, with a smaller rate, need not."""
    fast = {"config": {**TINY, "learning_rate": 3e8}, "loss": "wasserstein", "save_every": 1, "iterations": 60}
    with pytest.raises(NonFiniteError):
        make_run(tmp_path / "run", pictures, **fast).run()
    told = []
    for _ in range(2):
        with pytest.raises(NonFiniteError) as again:
            make_run(tmp_path / "run", pictures, **fast, resume=True).run()
        told.append(str(again.value))
    assert told[0] == told[1]
    rates = r"smaller learning rates, such as --config learning_rate=1\.5e\+08"
    advice = rf"but --resume repeats the step: .* with {rates}, from its weights \(--init {tmp_path}/run\) or anew"
    assert re.search(advice, told[1])


def test_the_advice_for_nan_before_the_first_checkpoint(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures)
    with torch.no_grad():
        next(run.training_run.loop.gan.generator.parameters()).fill_(torch.nan)
    with pytest.raises(
        NonFiniteError, match=r"no checkpoint .* in another folder with smaller .*learning_rate=0\.0001"
    ):
        next(run)


def test_the_advice_for_nan_names_all_rates():
    config = lookup.check_config("biggan", {})[0]
    rates = "--config generator_learning_rate=2.5e-05 --config discriminator_learning_rate=0.0001"
    advice = diverged_advice(Path("my run"), 7, config)
    assert advice.endswith(f"such as {rates}, from its weights (--init 'my run') or anew")


def test_non_finite_weights_are_not_saved(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures)
    next(run), next(run)
    with torch.no_grad():
        next(run.training_run.loop.gan.discriminator.parameters()).fill_(torch.inf)
    with pytest.raises(NonFiniteError, match=r"holds NaN or infinity - the checkpoint of step 2 is intact.*--init"):
        run.save()
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["00000002"]


def test_no_room_for_the_metrics(tmp_path, pictures, monkeypatch):
    run = make_run(tmp_path / "run", pictures)
    next(run), next(run)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(observers.Metrics, "log", full)
    with pytest.raises(RunError, match=r"cannot write to .*No space left.* checkpoint of step 2 is intact"):
        next(run)


COMMAND = [sys.executable, "-m", "ganzoo"]
SETTINGS = [word for name, value in TINY.items() for word in ("--config", f"{name}={value}")]


def arguments(pictures, run, *more):
    words = ["train", "dcgan", "--data", pictures, "-o", run, *SETTINGS, "--batch-size", 4, "--device", "cpu", *more]
    return list(map(str, words))


def environment(**more):
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB, which holds two checkpoints."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "ganzoo", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.long
def test_a_full_file_system_keeps_the_last_good_checkpoint(pictures, small_disk, tmp_path):
    """TMPDIR is on another file system, and cannot be written either."""
    run = small_disk / "run"
    more = environment(TMPDIR="/proc/nowhere")
    command = arguments(pictures, run, "--iterations", 6, "--save-every", 2)
    (small_disk / "filling").write_bytes(bytes(200_000))
    done = subprocess.run([*COMMAND, *command], env=more, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ganzoo: error: cannot" in done.stderr
    assert "No space left" in done.stderr
    assert "intact" in done.stderr
    assert len(done.stderr.splitlines()) < 6
    kept = checkpoints.latest(run / "checkpoints")
    assert kept is not None
    assert [path for path in (run / "checkpoints").iterdir() if path.name.startswith(".")] == []
    (small_disk / "filling").unlink()
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    done = subprocess.run([*COMMAND, *command, "--resume"], env=more, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole = make_run(tmp_path / "whole", pictures)
    whole.run()
    assert (run / "model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def killed_and_resumed(launcher, pictures, run):
    """Train, kill -9 after step 10 was saved, resume to 24."""
    command = [*launcher, *arguments(pictures, run, "--save-every", 10, "--schedule", "linear=0.2", "--mirror")]
    process = subprocess.Popen([*command, "--iterations", "24"], env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not (run / "checkpoints/00000010").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    started = psutil.Process(process.pid)
    for each in (started, *started.children(recursive=True)):  # torchrun's workers outlive it
        each.kill()
    process.communicate()
    for late in ("00000020", "00000024"):  # it was too fast for us: as if it had been killed before
        shutil.rmtree(run / "checkpoints" / late, ignore_errors=True)
    command += ["--iterations", "24", "--resume"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "launcher",
    [COMMAND, [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "ganzoo"]],
    ids=["alone", "torchrun"],
)
def test_a_killed_run_resumes_bit_for_bit(launcher, pictures, tmp_path):
    killed_and_resumed(launcher, pictures, tmp_path / "killed")
    whole = [*launcher, *arguments(pictures, tmp_path / "whole", "--save-every", 10, "--schedule", "linear=0.2")]
    done = subprocess.run([*whole, "--mirror", "--iterations", "24"], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("model.safetensors", "checkpoints/00000024/networks.safetensors"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    killed, whole = ((tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("killed", "whole"))
    # It may have been killed between the checkpoint and the sheet, whose spread is then missing.
    assert [line for line in killed if "spread" not in line] == [line for line in whole if "spread" not in line]


@pytest.mark.long
def test_torchrun_trains_as_one_and_stops_on_a_signal(pictures, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "ganzoo"]
    command = [*launcher, *arguments(pictures, tmp_path / "run", "--iterations", 10**6)]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    metrics = tmp_path / "run/metrics.jsonl"
    deadline = time.monotonic() + 100
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=60)[1]
    assert "batches of 8 (4 x 2 processes x 1)" in told
    assert told.count("stopped and saved") == 1
    assert checkpoints.latest(tmp_path / "run/checkpoints").step > 0


# --- data that some architectures need -----------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """Two pixels."""

    image_shape: tuple[int, int, int] = (1, 2, 2)
    classes: int = 2
    directions: tuple[str, ...] = ("a2b",)
    size_multiple: int = 1
    minimum_size: int = 1

    @property
    def routes(self):
        return {"a2b": ("a", "b")}


class Shifts(ganzoo.GAN):
    """A translation of two domains into each other by a shift; each has a discriminator."""

    published = ("a_to_b", "b_to_a")
    discriminators = ("discriminator_a", "discriminator_b")

    def __init__(self, loss):
        super().__init__()
        self.loss = loss
        self.a_to_b, self.b_to_a = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
        self.discriminator_a, self.discriminator_b = (nn.Sequential(nn.Flatten(), nn.Linear(4, 1)) for _ in range(2))

    def optimizers(self):
        makers, critics = (
            [*self.a_to_b.parameters(), *self.b_to_a.parameters()],
            [self.discriminator_a, self.discriminator_b],
        )
        return {
            "generators": torch.optim.Adam(makers, 1e-2),
            "discriminators": torch.optim.Adam([p for j in critics for p in j.parameters()], 1e-2),
        }

    def training_step(self, batches):
        batch = next(batches)
        fake_a, fake_b = self.b_to_a(batch["b"]), self.a_to_b(batch["a"])
        with ganzoo.frozen(self.discriminator_a, self.discriminator_b):
            fool = self.loss.generator(self.discriminator_a(fake_a)) + self.loss.generator(self.discriminator_b(fake_b))
            yield Update("generators", {"fool": fool})
        outputs = [
            discriminate(self.discriminator_a, batch["a"], fake_a.detach(), "a"),
            discriminate(self.discriminator_b, batch["b"], fake_b.detach(), "b"),
        ]
        losses = {each.name: self.loss.discriminator(*each.logits) for each in outputs}
        yield Update("discriminators", losses, discriminators=outputs)

    def draw(self, request, random):
        return {"a": request.image}

    def generate(self, inputs):
        return self.a_to_b(inputs["a"]).tanh()


@pytest.fixture
def registry():
    """The built-in plugins, and two toys: one wants unpaired domains, one wants classes."""
    found = Registry.discover()
    facts = {"summary": "toy", "paper": "none", "config": Shape, "default_loss": "least-squares"}
    toys = [
        Architecture(name="shifts", task=ganzoo.ImageToImage, build=lambda config, loss: Shifts(loss), **facts),
        Architecture(name="classy", task=ganzoo.ClassConditional, build=lambda config, loss: Shifts(loss), **facts),
    ]
    found.load("toys", "toys", lambda: declaring(architectures=toys))
    found.check_references()
    lookup.use(found)


def shades(folder, *values):
    folder.mkdir(parents=True)
    for value in values:
        Image.new("L", (2, 2), value).save(folder / f"{value}.png")


def test_unpaired_domains(tmp_path, registry):
    shades(tmp_path / "data/trainA", 10, 20, 30)
    shades(tmp_path / "data/trainB", 200, 220)
    settings = {"batch_size": 2, "iterations": 4, "device": "cpu", "regularizers": {"r1": 1}}
    run = Trainer("shifts", str(tmp_path / "data"), tmp_path / "run", **settings)
    record = run.run()
    assert record.losses.keys() == {"generators/fool", "discriminators/a", "discriminators/b", "discriminators/r1"}
    assert record.metrics.keys() == {"D_a(x)", "D_a(G(z))", "D_b(x)", "D_b(G(z))"}
    assert "a_to_b" in str(sorted(checkpoints.latest(tmp_path / "run/checkpoints").networks["average"]))
    with Image.open(tmp_path / "run/samples/00000004.png") as sheet:
        sheet.load()
    assert [sheet.getpixel((x, 4)) for x in (4, 70, 136)] == [10, 20, 30]  # the sources; below, what became of them
    shades(tmp_path / "data/other", 1)
    shutil.rmtree(tmp_path / "data/trainB")
    with pytest.raises(DataError, match="has no trainB - unpaired training needs a folder with trainA and trainB"):
        Trainer("shifts", str(tmp_path / "data"), tmp_path / "again", **settings)


def test_classes_are_wanted_where_they_are_needed(tmp_path, registry, pictures):
    with pytest.raises(DataError, match=r"classy is class-conditional, and .* has no classes - put the pictures"):
        Trainer("classy", str(pictures), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


# --- points --------------------------------------------------------------------------------------


@pytest.mark.figures
@pytest.mark.parametrize(("name", "coordinates"), [("gaussian-1d", 1), ("ring", 2)])
def test_points_are_drawn_frame_by_frame(tmp_path, name, coordinates, caplog, monkeypatch):
    monkeypatch.setattr(point_figure, "SAMPLES", 1000)
    small = {"generator_widths": (8,), "discriminator_units": (8,)}
    caplog.set_level("INFO")
    run = Trainer("gan", name, tmp_path / "run", config=small, iterations=4, batch_size=8, device="cpu")
    run.run()
    assert run.training_run.config.image_shape == (coordinates, 1, 1)
    assert len(list((tmp_path / "run/frames").iterdir())) == 4
    assert opened(tmp_path / "run/figure.gif")[1] == 4
    assert "from the optimum p_data/(p_data+p_g)" in caplog.text
    told = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in told if "D from optimum" in line] == [1, 2, 3, 4]


@pytest.mark.figures
def test_frames_after_a_resume_are_drawn_again(tmp_path):
    settings = {"iterations": 4, "batch_size": 8, "save_every": 2, "device": "cpu"}
    run = Trainer("gan", "gaussian-1d", tmp_path / "run", **settings)
    next(run), next(run), next(run)
    run = Trainer("gan", "gaussian-1d", tmp_path / "run", resume=True, **settings)
    assert sorted(path.stem for path in (tmp_path / "run/frames").iterdir()) == ["00000001", "00000002"]
    run.run()
    assert opened(tmp_path / "run/figure.gif")[1] == 4


@pytest.mark.figures
@pytest.mark.long
def test_damaged_frames_do_not_end_a_run(tmp_path, caplog):
    settings = {"batch_size": 8, "save_every": 2, "device": "cpu", "schedule": "constant"}
    Trainer("gan", "gaussian-1d", tmp_path / "run", iterations=4, **settings).run()
    frames = tmp_path / "run/frames"
    (frames / "00000001.png").write_bytes(b"no picture")
    Image.new("L", (5, 5)).save(frames / "00000002.png")
    (frames / "copy.png").write_bytes(b"")
    Trainer("gan", "gaussian-1d", tmp_path / "run", iterations=6, resume=True, **settings).run()
    assert opened(tmp_path / "run/figure.gif")[1] == 4  # of steps 3 to 6
    assert "00000001.png" in caplog.text
    assert (frames / "copy.png").exists()


def test_points_want_an_architecture_of_their_shape(tmp_path):
    with pytest.raises(DataError, match="gaussian-1d holds points, images of 1x1x1, not of 3x64x64"):
        Trainer("dcgan", "gaussian-1d", tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_recipe_may_be_switched_off(tmp_path, monkeypatch):
    """CycleGAN's recipe mirrors and crops; the command says so where a run does not."""
    shades(tmp_path / "data/trainA", 10, 20)
    shades(tmp_path / "data/trainB", 200, 220)
    small = {"resolution": 16, "width": 2, "blocks": 1, "discriminator_layers": 1, "discriminator_width": 2}
    options = {"config": small, "mirror": False, "crop": 1.0, "iterations": 1, "device": "cpu"}
    Trainer("cyclegan", str(tmp_path / "data"), tmp_path / "run", **options).run()
    card = (tmp_path / "run/README.md").read_text()
    assert "--no-mirror" in card
    assert "--crop 1.0" in card
    with Image.open(tmp_path / "run/samples/00000001.png") as sheet:
        assert sheet.size[0] > 100


# --- too little memory ---------------------------------------------------------------------------


MEMORY_ERRORS = {
    "gpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)"),
    "python": MemoryError(),
}


@pytest.mark.parametrize("kind", MEMORY_ERRORS)
@pytest.mark.parametrize("step", [0, 3])
def test_too_little_memory_names_the_options_and_the_checkpoint(tmp_path, pictures, monkeypatch, kind, step):
    def full(self, update):
        if self.step == step:
            raise MEMORY_ERRORS[kind]
        return {}

    monkeypatch.setattr("ganzoo.training.loop.Loop._penalties", full)
    with pytest.raises(RunError) as caught:
        list(make_run(tmp_path / "run", pictures))
    remedy = "use a smaller --batch-size, and --accumulate to add up several batches, in another folder"
    after = f"start from the checkpoint of step 2 with --init {tmp_path / 'run'}"
    expected = f"cpu has too little memory for batches of 4 images - {remedy}"
    assert str(caught.value) == f"{expected}; {after if step else 'no checkpoint was written yet'}"


@pytest.mark.parametrize("kind", MEMORY_ERRORS)
def test_too_little_memory_for_the_networks(tmp_path, pictures, monkeypatch, kind):
    def full(self, device):
        raise MEMORY_ERRORS[kind]

    monkeypatch.setattr("torch.nn.Module.to", full)
    with pytest.raises(RunError) as caught:
        make_run(tmp_path / "run", pictures)
    remedy = "make them smaller with --config, or choose another --device"
    assert str(caught.value) == f"cpu has too little memory for the networks of dcgan - {remedy}"
    assert not (tmp_path / "run").exists()


def test_other_errors_keep_their_type(tmp_path, pictures, monkeypatch):
    def broken(self, update):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("ganzoo.training.loop.Loop._penalties", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(make_run(tmp_path / "run", pictures))
