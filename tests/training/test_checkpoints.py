"""Checkpoints exist whole or not at all, and prove it when they are read."""

import errno
import random
import subprocess
import sys
import time

import pytest
import torch

from ganzoo.errors import RunError
from ganzoo.training import checkpoints
from ganzoo.training.checkpoints import Checkpoint


def checkpoint(step, size=3):
    networks = {"networks": {"weight": torch.full((size,), float(step)), "count": torch.tensor(step)}}
    return Checkpoint(step, networks, {"position": step * 10, "optimizers": {"g": {"state": {}}}})


def assert_is(found, step):
    assert found.step == step
    assert torch.equal(found.networks["networks"]["weight"], torch.full((3,), float(step)))
    assert found.state == {"position": step * 10, "optimizers": {"g": {"state": {}}}}


def test_round_trip(tmp_path):
    checkpoints.save(tmp_path, checkpoint(7))
    assert_is(checkpoints.latest(tmp_path), 7)


def test_there_may_be_none(tmp_path):
    assert checkpoints.latest(tmp_path / "missing") is None
    assert checkpoints.latest(tmp_path) is None


def test_only_the_newest_are_kept(tmp_path):
    for step in (1, 2, 30, 4):
        checkpoints.save(tmp_path, checkpoint(step), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000004", "00000030"]


def test_saving_a_step_again_replaces_it(tmp_path):
    for _ in range(2):
        checkpoints.save(tmp_path, checkpoint(1))
    assert_is(checkpoints.latest(tmp_path), 1)


@pytest.mark.parametrize("file", ["networks.safetensors", "state.pt", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_a_damaged_one_is_passed_over_and_said(tmp_path, file, damage):
    for step in (1, 2):
        checkpoints.save(tmp_path, checkpoint(step))
    path = tmp_path / "00000002" / file
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0x40
    path.write_bytes({"flip": bytes(content), "cut": bytes(content[:-5]), "empty": b"", "remove": b""}[damage])
    if damage == "remove":
        path.unlink()
    with pytest.warns(UserWarning, match="00000002 is damaged"):
        assert_is(checkpoints.latest(tmp_path), 1)


@pytest.mark.parametrize("writer", ["write_tensors", "torch.save"])
def test_a_full_disk_keeps_the_last_good_one(tmp_path, monkeypatch, writer):
    checkpoints.save(tmp_path, checkpoint(1))

    def full(*args, **options):
        # safetensors and open() raise OSError; torch.save turns it into a RuntimeError
        raise OSError(errno.ENOSPC, "No space left") if writer == "write_tensors" else RuntimeError("unexpected pos 64")

    monkeypatch.setattr(checkpoints if writer == "write_tensors" else torch, writer.removeprefix("torch."), full)
    with pytest.raises(RunError, match=r"cannot save .* earlier checkpoints are intact"):
        checkpoints.save(tmp_path, checkpoint(2))
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]
    assert_is(checkpoints.latest(tmp_path), 1)


SAVE_FOR_EVER = """
import sys, torch
from pathlib import Path
from ganzoo.training import checkpoints
step = 0
while True:
    step += 1
    tensors = {"networks": {"weight": torch.full((500_000,), float(step))}}
    checkpoints.save(Path(sys.argv[1]), checkpoints.Checkpoint(step, tensors, {"step": step}))
    print(step, flush=True)
"""


@pytest.mark.long
def test_kill_9_while_saving_loses_nothing(tmp_path):
    """Whenever it is killed, the newest checkpoint is one that save() had reported, or the next, and is whole."""
    moments = random.Random(0)
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        reported = int(process.stdout.readline())
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        reported = max([reported, *map(int, process.communicate()[0].split())])
        found = checkpoints.latest(tmp_path)
        assert found.step >= reported
        assert torch.equal(found.networks["networks"]["weight"], torch.full((500_000,), float(found.state["step"])))
        for old in tmp_path.iterdir():
            if old.name.isdigit():
                checkpoints.shutil.rmtree(old)
