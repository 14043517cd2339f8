"""Checkpoints exist whole or not at all, and prove it when they are read."""

import errno
import json
import random
import subprocess
import sys
import time
import warnings

import pytest
import torch

from ganzoo.errors import RunError
from ganzoo.training import checkpoints
from ganzoo.training.checkpoints import Checkpoint
from ganzoo.utils.files import sha256_of


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


def damaged_manifest(folder, change):
    path = folder / "manifest.json"
    path.write_text(change(json.loads(path.read_text())))


def without(name):
    return lambda manifest: json.dumps({key: value for key, value in manifest.items() if key != name})


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: "[]",
        lambda manifest: "null",
        lambda manifest: "7",
        lambda manifest: '"text"',
        lambda manifest: "{}",
        lambda manifest: "[" * 100_000,
        without("step"),
        without("files"),
        without("sha256"),
        lambda manifest: json.dumps({**manifest, "step": 3}),
        lambda manifest: json.dumps({**manifest, "step": "2"}),
        lambda manifest: json.dumps({**manifest, "sha256": None, "step": 3}),
        lambda manifest: json.dumps({**manifest, "files": {}}),
        lambda manifest: json.dumps({**manifest, "files": list(manifest["files"])}),
        lambda manifest: json.dumps({**manifest, "files": dict.fromkeys(manifest["files"])}),
    ],
)
def test_any_damage_of_the_manifest_falls_back(tmp_path, change):
    for step in (1, 2):
        checkpoints.save(tmp_path, checkpoint(step))
    damaged_manifest(tmp_path / "00000002", change)
    with pytest.warns(UserWarning, match="00000002 is damaged"):
        assert_is(checkpoints.latest(tmp_path), 1)


@pytest.mark.parametrize("bit", [0, 5])  # another digit or letter, and a letter's other case
def test_a_flipped_bit_anywhere_in_the_manifest_falls_back_or_changes_nothing(tmp_path, bit):
    """A flip may leave the same entries, such as one that makes a space of a line break."""
    for step in (1, 2):
        checkpoints.save(tmp_path, checkpoint(step))
    path = tmp_path / "00000002/manifest.json"
    content = path.read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << bit
        path.write_bytes(flipped)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = checkpoints.latest(tmp_path)
        assert_is(found, 1 if caught else 2)


def test_a_checkpoint_under_another_step_is_damaged(tmp_path):
    for step in (1, 2):
        checkpoints.save(tmp_path, checkpoint(step))
    (tmp_path / "00000002").rename(tmp_path / "00000009")
    with pytest.warns(UserWarning, match=r"00000009 is damaged .*is of step 2"):
        assert_is(checkpoints.latest(tmp_path), 1)


def test_a_checkpoint_of_version_0_1_is_read(tmp_path):
    """It has no digest of the manifest, and its state does not say that there is one."""
    checkpoints.save(tmp_path, checkpoint(7))
    folder = tmp_path / "00000007"
    torch.save(checkpoint(7).state, folder / "state.pt")

    def as_then(manifest):
        files = {name: {**entry, "sha256": sha256_of(folder / name)} for name, entry in manifest["files"].items()}
        return json.dumps({"step": 7, "files": files})

    damaged_manifest(folder, as_then)
    assert_is(checkpoints.latest(tmp_path), 7)


def test_a_new_checkpoint_is_kept_beside_damaged_later_ones(tmp_path):
    """A run that fell back to an earlier step saves before it has reached the damaged steps again."""
    for step in (2, 3):
        checkpoints.save(tmp_path, checkpoint(step))
        (tmp_path / f"{step:08d}/manifest.json").write_text("")
    checkpoints.save(tmp_path, checkpoint(1))
    with pytest.warns(UserWarning, match="is damaged"):
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
