"""Penalties and augmentations with state, and the average by its half-life, are those of one process in several."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from ganzoo import Loop, testing
from ganzoo.distributed.processes import ProcessGroup, join_process_group
from ganzoo.testing.asserting import assert_close_state
from ganzoo.utils.precision import in_double_precision

OPTIONS = {
    "regularizers": {"r1": 1.0, "path-length": 2.0},
    "augmentations": ("ada",),
    "ema_half_life": 50,
}


def trained(batch_size: int, processes: ProcessGroup = ProcessGroup()) -> Loop:  # noqa: B008 - frozen
    loop = testing.tiny_loop("stylegan2", 5, batch_size=batch_size, processes=processes, **OPTIONS)
    loop.techniques.adaptive()["ada"].strength.fill_(0.5)
    list(loop)
    return loop


def main(folder: str) -> None:
    """One of two processes, each with half of the batch."""
    processes, _ = join_process_group("cpu")
    torch.set_num_threads(1)
    with in_double_precision():
        checkpoint = trained(3, processes).checkpoint()
    if processes.is_main:
        torch.save(dict(checkpoint.networks), Path(folder, "networks.pt"))
    processes.wait()


@pytest.mark.long
def test_two_processes_are_one(tmp_path: Path) -> None:
    testing.run_processes(2, __file__, str(tmp_path))
    with in_double_precision():
        alone = trained(6).checkpoint().networks
    found = torch.load(tmp_path / "networks.pt", weights_only=True)
    for name in ("networks", "average", "techniques"):
        assert_close_state(alone[name], found[name])
    assert alone["techniques"]["ada.strength"] != 0.5
    assert alone["techniques"]["path-length.mean"] > 0


if __name__ == "__main__":
    main(sys.argv[1])
