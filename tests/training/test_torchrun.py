"""The command for several processes that docs/training.md shows, on this machine as it is."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo import testing
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
COMMAND = shlex.split(re.search(r"^torchrun --nproc-per-node 2 .*", PAGE, re.MULTILINE)[0])

SMALL = ["resolution=16", "channels=1", "latent_dim=4", "generator_width=4", "discriminator_width=4"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
OPTIONS = ["--iterations", "6", *[word for setting in SMALL for word in ("--config", setting)]]


def losses_of(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if "generator/adversarial" in line]


def run(folder, *words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done


def save_photos(folder):
    folder.mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 16, 16), 20).images / 127.5 - 1)):
        save_picture(picture, folder / f"{i:02d}.png")


@pytest.mark.long
def test_two_processes_of_the_documented_command_train_one_model(tmp_path):
    """It names no device: with or without a GPU, the processes join one group and train like one process."""
    save_photos(tmp_path / "photos")
    program, *words = COMMAND
    assert program == "torchrun"
    done = run(tmp_path, *TORCHRUN, *words, *OPTIONS, "--batch-size", "4")
    assert done.stderr.count("batches of 8 (4 x 2 processes x 1)") == 1
    run(tmp_path, sys.executable, *words[2:-1], "alone", *OPTIONS, "--batch-size", "8")
    together, alone = losses_of(tmp_path / "run"), losses_of(tmp_path / "alone")
    assert [line["step"] for line in together] == [1, 2, 3, 4, 5, 6]
    for ours, theirs in zip(together, alone, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


@pytest.mark.long
def test_the_first_process_evaluates_and_all_end_together(tmp_path):
    """The recall of an untrained generator is 0 each time, so the second evaluation ends the run."""
    save_photos(tmp_path / "photos")
    evaluating = ["--evaluate-every", "2", "--metrics", "recall,kid", "--evaluate-samples", "10", "--features", "mnist"]
    words = [*TORCHRUN, *COMMAND[1:], *OPTIONS, "--batch-size", "4", *evaluating]
    done = run(tmp_path, *words, "--stop-after", "1")
    assert done.stderr.count("stopped and saved after step 5: recall was not better in 1 evaluations") == 1
    assert [line["step"] for line in losses_of(tmp_path / "run") if "kid" in line] == [2, 4]
    assert (tmp_path / "run/checkpoints/00000005").is_dir()
    assert (tmp_path / "run/best/model.safetensors").is_file()
