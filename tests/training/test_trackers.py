"""Trackers: what accelerate's classes get of a run, and what happens when they fail."""

import json
from typing import ClassVar

import pytest
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker
from PIL import Image

from ganzoo import Trainer, testing
from ganzoo.errors import InvalidRequestError, RunError, UnknownNameError
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.training import trackers
from ganzoo.training.tracker_services import SERVICES, Session

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4}


class Diary(GeneralTracker):
    """A tracker that keeps all that it gets, as an outsider would register it with accelerate."""

    name = "diary"
    requires_logging_directory = True
    broken = ""
    written: ClassVar = []

    def __init__(self, project, folder):
        super().__init__()
        self._write("made", project, folder)

    def _write(self, what, *details):
        if what == self.broken:
            raise ConnectionError("no network\nat all")
        self.written.append((what, *details))

    @property
    def tracker(self):
        return self

    def start(self):
        self._write("start")

    def store_init_configuration(self, values):
        self._write("settings", values)

    def log(self, values, step=None, **kwargs):
        self._write("log", step, values)

    def log_images(self, values, step=None, **kwargs):
        self._write("images", step, {name: [image.size for image in images] for name, images in values.items()})

    def finish(self):
        self._write("finish")


@pytest.fixture
def diary(monkeypatch):
    kind = type("Fresh", (Diary,), {"written": []})
    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "diary", kind)
    return kind


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 16, 16), 4).images.float() / 127.5 - 1)):
        save_picture(picture, folder / f"{i}.png")
    return folder


def make_run(folder, pictures, **changes):
    usual = {"architecture": "dcgan", "data": str(pictures), "config": TINY, "iterations": 4, "batch_size": 2}
    return Trainer(folder=folder, **{**usual, "save_every": 2, "device": "cpu", **changes})


def test_a_registered_tracker_gets_settings_metrics_and_sheets(tmp_path, pictures, diary):
    make_run(tmp_path / "run", pictures, track=["diary", "diary"]).run()
    assert [entry[0] for entry in diary.written][:3] == ["made", "start", "settings"]
    assert diary.written[0][1:] == ("ganzoo", str(tmp_path / "run"))
    settings = diary.written[2][1]
    assert {"batch_size": 2, "config.latent_dim": 4, "config.beta1": 0.5, "loss": "non-saturating"}.items() <= (
        settings.items()
    )
    assert all(isinstance(value, (bool, int, float, str, type(None))) for value in settings.values())
    logged = [(step, set(values)) for what, step, values in diary.written[3:-1] if what == "log"]
    assert [step for step, names in logged if "D(x)" in names] == [1, 2, 3, 4]
    assert [step for step, names in logged if "spread" in names] == [2, 4]
    with Image.open(tmp_path / "run/samples/00000004.png") as sheet:
        assert diary.written[-2] == ("images", 4, {"samples": [sheet.size]})
    assert diary.written[-1] == ("finish",)


def test_tensorboard_continues_its_run(tmp_path, pictures):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    make_run(tmp_path / "run", pictures, iterations=3, track=("tensorboard",)).run()
    make_run(tmp_path / "run", pictures, resume=True, iterations=4, track=("tensorboard",)).run()
    events = EventAccumulator(str(tmp_path / "run/tensorboard"))
    events.Reload()
    assert {"generator/adversarial", "D(x)", "spread"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("D(x)")] == [1, 2, 3, 4]
    assert [event.step for event in events.Images("samples")] == [2, 3, 4]
    assert len(list((tmp_path / "run/tensorboard").rglob("hparams.yml"))) == 1


@pytest.mark.parametrize("name", ["wandb", "comet_ml", "trackio", "swanlab"])
def test_the_id_of_a_run_stays(tmp_path, pictures, monkeypatch, name):
    """Trackers that are not installed here: their arguments, by a class that takes any."""
    made = []

    class Open(Diary):
        def __init__(self, **arguments):
            made.append(arguments)

    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, name, Open)
    monkeypatch.setattr(trackers, "find_spec", lambda package: package)
    monkeypatch.setitem(SERVICES, name, SERVICES[name]._replace(log_picture=lambda tracker, path, step: None))
    make_run(tmp_path / "run", pictures, iterations=1, track=name).run()
    make_run(tmp_path / "run", pictures, iterations=2, resume=True, track=name).run()
    assert made[0] == made[1]
    assert json.loads((tmp_path / "run/trackers.json").read_text())[name][:8] in str(made[0])


def test_trackers_that_choose_ids_get_theirs_again(tmp_path):
    session = Session(tmp_path, 7, "theirs", resumed=True)
    new = session._replace(resumed=False)
    for name, field in {"aim": "run_hash", "clearml": "continue_last_task", "mlflow": "run_id"}.items():
        assert SERVICES[name].arguments(session)[field] == "theirs"
        assert not SERVICES[name].arguments(new)[field]


def test_all_trackers_of_accelerate_are_known():
    assert set(SERVICES) == {str(name) for name in LOGGER_TYPE_TO_CLASS if name != "diary"}


def test_a_tracker_that_fails_stops_no_run(tmp_path, pictures, diary):
    """One warning. It is tried again at each save, so that it has what comes after the network is back."""
    run = make_run(tmp_path / "run", pictures, iterations=8, save_every=3, track=["diary"])
    diary.broken = "log"
    with pytest.warns(UserWarning, match="diary failed at step 1 .*no network.* training goes on") as caught:
        [next(run) for _ in range(4)]
    assert len(caught) == 1
    assert [entry[:2] for entry in diary.written[3:]] == [("images", 3)]
    diary.broken = ""
    run.run()
    assert [entry[1] for entry in diary.written if entry[0] == "log"] == [7, 8, 8]


def test_a_tracker_that_does_not_start_stops_the_run_before_it_trains(tmp_path, pictures, diary):
    diary.broken = "start"
    with pytest.raises(RunError, match="diary cannot start: ConnectionError: no network - solve this and continue"):
        make_run(tmp_path / "run", pictures, track=["diary"])
    diary.broken = ""
    make_run(tmp_path / "run", pictures, resume=True, track=["diary"]).run()
    assert diary.written[-1] == ("finish",)


def test_names_are_checked_before_anything_else(tmp_path, pictures, monkeypatch):
    with pytest.raises(UnknownNameError, match="no tracker 'wand' - did you mean wandb"):
        make_run(tmp_path / "run", pictures, track=["wand"])
    monkeypatch.setattr(trackers, "find_spec", lambda package: None)
    with pytest.raises(InvalidRequestError, match="--track wandb needs the package wandb - pip install wandb"):
        make_run(tmp_path / "run", pictures, track="wandb")
    assert not (tmp_path / "run").exists()
    make_run(tmp_path / "run", pictures, track="none")


def test_a_stopped_run_ends_the_trackers_once(tmp_path, pictures, diary):
    run = make_run(tmp_path / "run", pictures, track=["diary"])
    next(run)
    run.close()
    run.close()
    run.save()
    assert [entry[0] for entry in diary.written].count("finish") == 1
    assert diary.written[-1] == ("finish",)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("D(G(z))", "D_G_z"), ("generator/adversarial", "generator/adversarial"), ("fid 1.5", "fid 1.5")],
)
def test_plain_names(name, plain):
    assert trackers._plain(name) == plain
