"""The check that several processes train as one, and how such processes are run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from ganzoo.distributed.processes import join_process_group
from ganzoo.testing.asserting import assert_close_state, assert_same_state
from ganzoo.testing.tiny import restore_from_disk, tiny_loop
from ganzoo.training import checkpoints
from ganzoo.training.record import Record

__all__ = ["CHECKS", "run_processes", "train_in_processes"]

# ruff: noqa: S101, S603 - assertions are what this package is for, and it runs this interpreter only


def check_two_processes_are_one(architecture: str) -> None:
    """Two processes give the losses and weights of one whose batch is twice as large, and resume bit for bit."""
    with tempfile.TemporaryDirectory() as folder, _in_double_precision():
        run_processes(2, "-m", "ganzoo.testing", architecture, folder)
        alone = tiny_loop(architecture, 6, batch_size=6)
        records = list(alone)
        found = checkpoints.latest(Path(folder))
    assert found is not None
    told = [Record(*entry) for entry in found.state["records"]]
    for ours, theirs in zip(records, told, strict=True):
        assert ours.losses.keys() == theirs.losses.keys()
        for name, loss in {**ours.losses, **ours.metrics}.items():
            theirs_too = {**theirs.losses, **theirs.metrics}[name]
            assert abs(loss - theirs_too) < 1e-6 * max(1, abs(loss)), f"step {ours.step}: {name}"
    assert_close_state(alone.gan.state_dict(), found.networks["networks"])
    assert_close_state(alone.published(), found.networks["average"])


def run_processes(size: int, *arguments: str, timeout: float = 300) -> None:
    """Run this interpreter with `arguments` in several processes that find each other, as under ``torchrun``.

    Raises:
        AssertionError: one of them failed; the message is what it wrote to stderr.
    """
    for _ in range(3):  # another program may take the port before the first process does
        codes, told = _run_once(size, arguments, timeout)
        if not any("EADDRINUSE" in text for text in told):
            break
    assert not any(codes), "\n".join(told)


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
        told = [process.communicate(timeout=timeout)[1] for process in processes]
    finally:
        for process in processes:  # one waits for ever where the other has failed
            process.kill()
    return [process.returncode for process in processes], told


def train_in_processes(architecture: str, folder: Path) -> None:
    """Train three images a process for six iterations; then again, with a stop after three. The main one saves."""
    processes, _ = join_process_group("cpu")
    assert processes.world_size > 1
    torch.set_num_threads(1)
    with _in_double_precision():
        loop, first, second = (tiny_loop(architecture, 6, batch_size=3, processes=processes) for _ in range(3))
        records = list(loop)
        again = [next(first) for _ in range(3)]
        restore_from_disk(first, second)
        again += list(second)
    assert again == records, "resumed otherwise"
    assert_same_state(loop.gan.state_dict(), second.gan.state_dict())
    if processes.is_main:
        checkpoint = loop.checkpoint()
        state = {"records": [[r.step, dict(r.losses), dict(r.metrics)] for r in records]}
        checkpoints.save(folder, checkpoint._replace(state=state))
    processes.wait()


@contextmanager
def _in_double_precision() -> Iterator[None]:
    """Sums in another order differ in the last bit, and Adam makes steps of full length of what should be zero."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


CHECKS = (check_two_processes_are_one,)
"""The check of this module, a function of the architecture's name."""
