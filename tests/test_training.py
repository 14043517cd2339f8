"""The trainer: averages, non-finite losses, and runs in folders."""

import json

import pytest
import torch

from ganzoo import Trainer, TrainingOptions, Update, checkpoints, testing, zoo
from ganzoo.data import ImageData
from ganzoo.errors import InvalidConfigError, InvalidRequestError, NonFiniteError, RunError, UnknownNameError
from ganzoo.images import save_picture, to_pictures
from ganzoo.runs import Plan, Run

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4}


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    images = testing.noise_data((1, 16, 16), 12).images
    for i, picture in enumerate(to_pictures(images.float() / 127.5 - 1)):
        save_picture(picture, folder / f"{i:02d}.png")
    return folder


def make_run(folder, pictures, *, iterations=6, resume=False, save_every=2, config=TINY, **changes):
    options = TrainingOptions(iterations=iterations, batch_size=4)
    plan = Plan(**{"architecture": "dcgan", "data": str(pictures), "options": options, "config": config, **changes})
    return Run(folder, plan, data_root=folder, device=torch.device("cpu"), resume=resume, save_every=save_every)


def test_the_average_follows_the_equation():
    """ema <- d ema + (1 - d) now, with d = min(ema, t / (t + 10)), running statistics included."""
    trainer = testing.tiny_trainer("dcgan", 5, ema=0.3)
    expected = {name: t.clone() for name, t in trainer.published().items()}
    for step, _ in enumerate(trainer, 1):
        decay = min(0.3, step / (step + 10))
        for name, now in trainer.gan.state_dict().items():
            if name in expected:
                floating = now.is_floating_point()
                expected[name] = decay * expected[name] + (1 - decay) * now if floating else now.clone()
    for name, tensor in trainer.published().items():
        assert torch.allclose(tensor, expected[name], atol=1e-6), name


def test_no_average_publishes_the_weights_themselves():
    trainer = testing.tiny_trainer("dcgan", 3, ema=0.0)
    list(trainer)
    assert all(torch.equal(tensor, trainer.gan.state_dict()[name]) for name, tensor in trainer.published().items())


def test_only_published_submodules_are_published():
    assert {name.split(".")[0] for name in testing.tiny_trainer("dcgan").published()} == {"generator"}


def test_records_hold_every_loss_and_score():
    record = next(testing.tiny_trainer("gan"))
    assert record.step == 1
    assert record.losses.keys() == {"discriminator/adversarial", "generator/adversarial"}
    assert record.scores.keys() == {"D(x)", "D(G(z))"}
    assert all(0 <= score <= 1 for score in record.scores.values())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_seed_decides(precision):
    runs = [list(testing.tiny_trainer("dcgan", 3, seed=seed, precision=precision)) for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_non_finite_loss_stops_before_it_does_harm():
    trainer = testing.tiny_trainer("gan")
    before = {name: t.clone() for name, t in trainer.gan.state_dict().items()}
    losses = {
        "adversarial": sum(p.sum() for p in trainer.gan.generator.parameters()),
        "penalty": torch.tensor(torch.nan),
    }
    with pytest.raises(NonFiniteError, match=r"loss of generator is not finite .*penalty nan"):
        trainer.apply(Update("generator", losses))
    assert all(torch.equal(t, before[name]) for name, t in trainer.gan.state_dict().items())


@pytest.mark.parametrize("options", [{"iterations": -1}, {"batch_size": 0}, {"ema": 1.0}, {"ema": -0.1}])
def test_options_that_cannot_be(options):
    with pytest.raises(InvalidRequestError):
        TrainingOptions(**options)


def test_it_learns():
    """On images of one grey level the generator comes to make that level, and D ends at 1/2 (theorem 1)."""
    data = ImageData("bright", torch.full((32, 1, 8, 8), 230, dtype=torch.uint8), None, (), ())
    torch.manual_seed(0)
    gan = zoo.create("gan", resolution=8, latent_dim=4, generator_widths=(32,), discriminator_units=(16,))
    trainer = Trainer(gan, data, TrainingOptions(iterations=400, batch_size=16, ema=0.9))
    before = trainer.average.generate({"z": torch.zeros(1, 4)}).mean().item()
    last = list(trainer)[-1]
    after = trainer.average.generate({"z": torch.zeros(1, 4)}).mean().item()
    assert abs(before) < 0.1
    assert after == pytest.approx(230 / 127.5 - 1, abs=0.1)
    assert last.scores["D(x)"] == pytest.approx(0.5, abs=0.05)


def test_a_run_leaves_what_it_promises(tmp_path, pictures):
    run = make_run(tmp_path / "run", pictures)
    steps = [record.step for record in run]
    assert steps == [1, 2, 3, 4, 5, 6]
    metrics = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in metrics] == steps
    assert sorted(path.name for path in (tmp_path / "run/samples").iterdir()) == [f"0000000{n}.png" for n in (2, 4, 6)]
    loaded = zoo.load(tmp_path / "run")
    with torch.inference_mode():
        expected = run.trainer.average.generate(loaded.draw(3))
    assert torch.equal(loaded.sample(3), expected)


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
        ({"options": TrainingOptions(batch_size=5)}, r"options\.batch_size: 4 then, 5 now"),
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


def test_autocast_sees_every_update():
    """In 16 bits too, the second discriminator step judges with the weights that the first has left."""
    tiny = zoo.registry().architectures["gan"].tiny
    gan = zoo.create("gan", **{**tiny, "discriminator_steps": 2})
    trainer = Trainer(gan, testing.noise_data((1, 8, 8)), TrainingOptions(batch_size=4, precision="bf16"))
    with torch.no_grad():
        for parameter in gan.discriminator.parameters():
            parameter.fill_(0.1)
    updates = trainer._updates()
    assert next(updates).scores["D(x)"] > 0.6
    with torch.no_grad():
        for parameter in gan.discriminator.parameters():
            parameter.zero_()
    assert next(updates).scores["D(x)"] == 0.5


def test_resuming_on_other_pictures_is_refused(tmp_path, pictures):
    list(make_run(tmp_path / "run", pictures, iterations=2))
    next(pictures.iterdir()).unlink()
    with pytest.raises(RunError, match="not the data"):
        make_run(tmp_path / "run", pictures, iterations=4, resume=True)


def test_resuming_backwards_is_refused(tmp_path, pictures):
    list(make_run(tmp_path / "run", pictures, iterations=4))
    with pytest.raises(RunError, match="is at step 4 already"):
        make_run(tmp_path / "run", pictures, iterations=2, resume=True)


def test_a_run_without_a_usable_checkpoint_is_not_started_again(tmp_path, pictures):
    list(make_run(tmp_path / "run", pictures, iterations=2))
    for state in (tmp_path / "run/checkpoints").glob("*/state.pt"):
        state.write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(RunError, match="no usable checkpoint"):
        make_run(tmp_path / "run", pictures, iterations=4, resume=True)
    assert (tmp_path / "run/metrics.jsonl").read_text().count("\n") == 2


@pytest.mark.parametrize(
    "options",
    [{"precision": "fp16"}, {"seed": -1}, {"seed": None}, {"batch_size": 2.5}, {"iterations": "8"}, {"ema": "x"}],
)
def test_options_of_wrong_kinds(options):
    with pytest.raises(InvalidRequestError, match=next(iter(options))):
        TrainingOptions(**options)
