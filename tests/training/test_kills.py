"""kill -9 of two processes and of the workers that read ahead for them, at any moment: the run resumes bit for bit."""

import os
import random
import subprocess
import sys
import time

import psutil
import pytest

from ganzoo import testing
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.training import checkpoints

KILLS = 10

# Workers read ahead only for pictures that do not fit into memory.
TRAIN = """
from ganzoo.data import folders
folders.MEMORY_BYTES = 0
from ganzoo.cli.main import main
if __name__ == "__main__":
    main()
"""

SETTINGS = ["resolution=16", "channels=1", "latent_dim=4", "generator_width=4", "discriminator_width=4"]
OPTIONS = [
    *["--batch-size", "4", "--save-every", "3", "--workers", "1", "--mirror", "--crop", "1.25", "--augment", "color"]
]
OPTIONS += [word for setting in SETTINGS for word in ("--config", setting)]


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 20, 20), 22).images / 127.5 - 1)):
        save_picture(picture, tmp_path / "pictures" / f"{i:02d}.png")
    (tmp_path / "train.py").write_text(TRAIN)


def start(folder, run, *more):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "train.py", "train", "dcgan"]
    return subprocess.Popen(
        [*command, "--data", "pictures", "-o", run, *OPTIONS, *map(str, more)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(happened, process):
    deadline = time.monotonic() + 200
    while not happened():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.0005)


def kill_all(process):
    """Kill torchrun, both trainers, which outlive it, and their workers. Return how many there were."""
    started = psutil.Process(process.pid)
    everybody = [started, *started.children(recursive=True)]
    for each in everybody:
        each.kill()
    process.communicate()
    psutil.wait_procs(everybody, timeout=20)
    return len(everybody)


def killed(folder, run, moment, *more):
    """Train until some new steps are done, then kill at a random moment, or while a checkpoint is written."""
    metrics, saved = folder / run / "metrics.jsonl", folder / run / "checkpoints"
    before = metrics.stat().st_size if metrics.exists() else 0
    process = start(folder, run, "--iterations", 10**6, *more)
    wait_until(lambda: metrics.exists() and metrics.stat().st_size > before, process)
    if moment is None:
        wait_until(lambda: any(name.startswith(".") for name in os.listdir(saved)) if saved.exists() else 0, process)
    else:
        time.sleep(moment)
    return kill_all(process)


def finish(folder, run, step, *more):
    process = start(folder, run, "--iterations", step, *more)
    told = process.communicate(timeout=300)[1]
    assert process.returncode == 0, told


def content(folder):
    """What a run computed, as bytes, without the measurement of the sheets: a kill may come before it."""
    last = checkpoints._steps(folder / "checkpoints")[-1]
    files = {path.name: path.read_bytes() for path in (*last.iterdir(), folder / "model.safetensors")}
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return {**files, "metrics.jsonl": [line for line in lines if "spread" not in line]}


@pytest.mark.long
@pytest.mark.usefixtures("pictures")
def test_two_processes_that_are_killed_ten_times_train_the_same_model(tmp_path):
    """Every other kill comes while a checkpoint is written."""
    moments = random.Random(0)
    for kill in range(KILLS):
        moment = None if kill % 2 else moments.uniform(0, 2)
        count = killed(tmp_path, "killed", moment, *(["--resume"] if kill else []))
        assert count >= 5  # torchrun, two trainers, and a worker of each
    step = checkpoints.latest(tmp_path / "killed/checkpoints").step + 7
    assert step > KILLS
    finish(tmp_path, "killed", step, "--resume")
    finish(tmp_path, "whole", step)
    ours, theirs = content(tmp_path / "killed"), content(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
