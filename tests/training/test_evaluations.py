"""Evaluations while a run trains: its scores, its best model, and an end without progress."""

import json
import math

import pytest
import torch
from click.testing import CliRunner

from ganzoo import testing
from ganzoo.cli.main import cli
from ganzoo.errors import InvalidRequestError, PullError, UnknownNameError
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.repeated import RepeatedEvaluation
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.pretrained.load import load
from ganzoo.testing.asserting import assert_same_state
from ganzoo.training import checkpoints
from ganzoo.training.metrics_file import read_metrics
from ganzoo.training.trainer import Trainer

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4}


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 16, 16), 20).images.float() / 127.5 - 1)):
        save_picture(picture, folder / f"{i:02d}.png")
    return folder


@pytest.fixture
def scores(monkeypatch):
    """What the evaluations find, one after the other, in place of real scores."""
    found = []
    monkeypatch.setattr(RepeatedEvaluation, "scores", lambda evaluation: found.pop(0))
    return found


def make_run(folder, pictures, **changes):
    usual = {"architecture": "dcgan", "data": str(pictures), "config": TINY, "iterations": 4, "batch_size": 4}
    usual |= {"save_every": 100, "device": "cpu", "features": "mnist", "evaluate_samples": 10}
    return Trainer(folder=folder, **{**usual, **changes})


def lines_of(folder):
    return [(int(step), metrics) for step, metrics in read_metrics(folder / "metrics.jsonl") if "spread" not in metrics]


def test_training_is_the_same_with_evaluations(tmp_path, pictures):
    plain = list(make_run(tmp_path / "plain", pictures, iterations=3))
    followed = list(make_run(tmp_path / "run", pictures, iterations=3, evaluate_every=2, metrics=("kid", "recall")))
    assert [set(record.metrics) & {"kid", "recall"} for record in followed] == [set(), {"kid", "recall"}, set()]
    assert [record.losses for record in followed] == [record.losses for record in plain]
    ours, theirs = (checkpoints.latest(tmp_path / name / "checkpoints").networks for name in ("run", "plain"))
    for part in ours:
        assert_same_state(ours[part], theirs[part])
    assert lines_of(tmp_path / "run")[1] == (2, {**followed[1].losses, **followed[1].metrics})


def test_the_scores_are_those_of_evaluate(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures, iterations=1, evaluate_every=1, metrics=("kid", "recall"))
    found = run.run().metrics
    expected = evaluate(tmp_path / "run/best", metrics=("kid", "prdc"), count=10, features="mnist")
    for name in ("kid", "recall"):  # the layers that sample are prepared for it, so that sums are rounded otherwise
        assert found[name] == pytest.approx(expected.score(name).value, rel=1e-6)


def test_a_resumed_run_is_the_same_run(tmp_path, pictures):
    options = {"evaluate_every": 2, "metrics": ("kid",)}
    list(make_run(tmp_path / "whole", pictures, iterations=5, **options))
    run = make_run(tmp_path / "run", pictures, iterations=5, **options)
    [next(run) for _ in range(3)]
    run.save()
    next(run)  # it evaluates, and is killed before it saves
    del run
    list(make_run(tmp_path / "run", pictures, iterations=5, resume=True, **options))
    assert lines_of(tmp_path / "run") == lines_of(tmp_path / "whole")
    for name in ("model.safetensors", "scores.json"):
        ours, whole = ((tmp_path / folder / "best" / name).read_bytes() for folder in ("run", "whole"))
        assert ours.replace(b"/run", b"/whole") == whole


def test_the_best_model_is_kept(tmp_path, pictures, scores):
    run = make_run(tmp_path / "run", pictures, evaluate_every=1, metrics=("fid", "recall"), iterations=5)
    models = []
    for value in (5.0, 3.0, 4.0, math.nan, 3.0):
        scores.append({"fid": value, "recall": 0.5})
        record = next(run)
        models.append({name: tensor.clone() for name, tensor in run.training_run.loop.published().items()})
        assert ("fid" in record.metrics) == math.isfinite(value)
    assert json.loads((tmp_path / "run/best/scores.json").read_text())["step"] == 2
    assert_same_state(load(tmp_path / "run/best").gan.state_dict(), models[1])
    assert not torch.equal(models[1]["generator.0.weight"], models[-1]["generator.0.weight"])
    assert not list((tmp_path / "run").glob(".best*"))
    with pytest.raises(StopIteration):
        next(run)


def test_more_is_better_for_recall(tmp_path, pictures, scores):
    scores += [{"recall": 0.25}, {"recall": 0.5}, {"recall": 0.375}]
    make_run(tmp_path / "run", pictures, evaluate_every=1, metrics=("recall",), iterations=3).run()
    assert json.loads((tmp_path / "run/best/scores.json").read_text())["scores"] == {"recall": 0.5}


def test_a_run_without_progress_ends(tmp_path, pictures, scores):
    scores += [{"fid": value} for value in (5.0, 6.0, 5.0)]
    run = make_run(tmp_path / "run", pictures, evaluate_every=2, stop_after=2, iterations=50)
    assert [record.step for record in run] == list(range(1, 8)), "the iteration after the evaluation is the last"
    assert run.stop_reason.startswith("fid was not better in 2 evaluations than its best value, 5 at step 2, in ")
    assert run.training_run.saved_step == 7
    assert (tmp_path / "run/samples/00000007.png").exists()
    scores += [{"fid": 7.0}]
    again = make_run(tmp_path / "run", pictures, evaluate_every=2, stop_after=2, iterations=50, resume=True)
    assert [record.step for record in again] == [8, 9]
    assert "in 3 evaluations" in again.stop_reason


def test_the_command_says_why_it_ends(tmp_path, pictures, scores):
    scores += [{"fid": 5.0}, {"fid": 6.0}]
    words = ["train", "dcgan", "--data", pictures, "-o", tmp_path / "run", "--workers", 0, "--device", "cpu"]
    words += [word for name, value in TINY.items() for word in ("--config", f"{name}={value}")]
    words += ["--iterations", 50, "--batch-size", 4, "--features", "mnist", "--evaluate-samples", 10]
    words += ["--evaluate-every", 1, "--metrics", "fid"]
    done = CliRunner().invoke(cli, list(map(str, [*words, "--stop-after", 1])))
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'run'}\n"), done.output
    assert done.stderr.splitlines()[-1] == (
        "ganzoo: stopped and saved after step 3: fid was not better in 1 evaluations than its best value, 5 at step 1, "
        f"in {tmp_path / 'run/best'}"
    )


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"metrics": ("fud",)}, UnknownNameError, "there is no score 'fud' - did you mean fid"),
        ({"metrics": ()}, InvalidRequestError, "no score to compute - name one of fid, kid"),
        ({"features": "eyes"}, UnknownNameError, "eyes"),
        (
            {"features": "dinov2-vit-s-14", "metrics": ("is",)},
            InvalidRequestError,
            "is no classifier, so there is no IS",
        ),
        ({"evaluate_every": -1}, InvalidRequestError, "evaluate_every and stop_after must be at least 0"),
        ({"evaluate_every": 0, "stop_after": 2}, InvalidRequestError, "add --evaluate-every N"),
        ({"evaluate_samples": 9}, InvalidRequestError, "evaluate_samples at least 10"),
    ],
)
def test_what_cannot_be(tmp_path, pictures, options, error, text):
    with pytest.raises(error, match=text):
        make_run(tmp_path / "run", pictures, **{"evaluate_every": 1, **options})
    assert not (tmp_path / "run").exists()


def test_points_are_no_pictures(tmp_path):
    with pytest.raises(InvalidRequestError, match="ring has no pictures to compare - leave out --evaluate-every"):
        Trainer("gan", "ring", tmp_path / "run", iterations=1, evaluate_every=1, device="cpu")
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_downloaded_leaves_no_folder(tmp_path, pictures, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(PullError):
        make_run(tmp_path / "run", pictures, evaluate_every=1, features="inception")
    assert not (tmp_path / "run").exists()


def test_too_few_pictures(tmp_path, pictures):
    with pytest.raises(InvalidRequestError, match="9 images are too few - use at least 10"):
        make_run(tmp_path / "run", pictures, evaluate_every=1, limit=9)
