"""The check of distributed training, and how its processes are run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from ganzoo.distributed.processes import join_process_group
from ganzoo.testing.asserting import assert_close_state, assert_same_state
from ganzoo.testing.tiny import restore_from_disk, tiny_loop
from ganzoo.training import checkpoints
from ganzoo.training.record import Record
from ganzoo.utils.precision import in_double_precision

__all__ = ["CHECKS", "run_processes", "train_in_processes"]

# ruff: noqa: S101, S603 - this package asserts on purpose, and runs only this interpreter


def check_two_processes_are_one(architecture: str) -> None:
    """Two processes must train like one process with the same global batch, and must resume bit for bit.

    Losses, metrics and weights must agree to 1e-6. Use `gather_rows` and `own_rows` for whatever depends on all images
    of the batch.
    """
    with tempfile.TemporaryDirectory() as folder, in_double_precision():
        run_processes(2, "-m", "ganzoo.testing", architecture, folder)
        alone = tiny_loop(architecture, 6, batch_size=6)
        records = list(alone)
        found = checkpoints.latest(Path(folder))
    assert found is not None, "the two processes have written no checkpoint"
    distributed = [Record(*entry) for entry in found.state["records"]]
    for ours, theirs in zip(records, distributed, strict=True):
        assert ours.losses.keys() == theirs.losses.keys(), "two processes have other losses than one"
        for name, loss in {**ours.losses, **ours.metrics}.items():
            theirs_too = {**theirs.losses, **theirs.metrics}[name]
            close = abs(loss - theirs_too) < 1e-6 * max(1, abs(loss))
            assert close, f"step {ours.step}: {name} is {loss} in one process and {theirs_too} in two"
    assert_close_state(alone.gan.state_dict(), found.networks["networks"])
    assert_close_state(alone.published(), found.networks["average"])


def run_processes(size: int, *arguments: str, timeout: float = 300) -> None:
    """Run this interpreter with `arguments` in a process group of `size` processes, as ``torchrun`` does.

    Raises:
        AssertionError: a process failed; the message is its stderr.
    """
    for _ in range(3):  # another program may take the port before the first process does
        codes, errors = _run_once(size, arguments, timeout)
        if not any("EADDRINUSE" in text for text in errors):
            break
    assert not any(codes), "\n".join(errors)


def _run_once(size: int, arguments: Sequence[str], timeout: float) -> tuple[list[int], list[str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    shared |= {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    processes = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        errors = [process.communicate(timeout=timeout)[1] for process in processes]
    finally:
        for process in processes:  # a process waits for ever if another one has failed
            process.kill()
    return [process.returncode for process in processes], errors


def train_in_processes(architecture: str, folder: Path) -> None:
    """Train for six iterations with three images per process, then again with a stop after three. Rank 0 saves."""
    processes, _ = join_process_group("cpu")
    assert processes.world_size > 1, "there is no process group"
    torch.set_num_threads(1)
    # In single precision, sums in another order differ, and Adam turns tiny differences from zero into full steps.
    with in_double_precision():
        loop, first, second = (tiny_loop(architecture, 6, batch_size=3, processes=processes) for _ in range(3))
        records = list(loop)
        again = [next(first) for _ in range(3)]
        restore_from_disk(first, second)
        again += list(second)
    assert again == records, "a resumed run has other losses than a run without a stop"
    assert_same_state(loop.gan.state_dict(), second.gan.state_dict())
    if processes.is_main:
        checkpoint = loop.checkpoint()
        state = {"records": [[r.step, dict(r.losses), dict(r.metrics)] for r in records]}
        checkpoints.save(folder, checkpoint._replace(state=state))
    processes.wait()


CHECKS = (check_two_processes_are_one,)
"""The check of this module. It takes the name of an architecture."""
