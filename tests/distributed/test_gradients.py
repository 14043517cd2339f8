"""The gradients of several processes are averaged during the backward pass; the result is that of one process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ganzoo import testing
from ganzoo.distributed.gradients import averaged_gradients
from ganzoo.distributed.processes import ProcessGroup, join_process_group

BUCKETS = {"one for each tensor": 1, "two": 700, "one for all": 10**9}


def gradients(network: nn.Module, rows: torch.Tensor) -> list[torch.Tensor | None]:
    """Those of a loss with a penalty: the network runs twice, and is differentiated twice."""
    rows.requires_grad_()
    (slope,) = torch.autograd.grad(network(rows).sum(), rows, create_graph=True)
    (network(rows).square().mean() + slope.square().sum(1).mean()).backward()
    return [parameter.grad for parameter in network.parameters()]


def main(folder: str) -> None:
    """One of two processes: write the largest difference to the gradients of all rows, for each size of buckets."""
    processes, _ = join_process_group("cpu")
    images = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    found = {}
    for name, size in BUCKETS.items():
        torch.manual_seed(1)
        network = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
        wanted = [gradient.clone() for gradient in gradients(network, images.clone())]
        network.zero_grad()
        with averaged_gradients(network.parameters(), processes, bucket_bytes=size):
            ours = gradients(network, images.chunk(2)[processes.rank].clone())
        found[name] = max((a - b).abs().max().item() for a, b in zip(ours, wanted, strict=True))
    Path(folder, str(processes.rank)).write_text(json.dumps(found))


def test_the_mean_over_two_processes_is_the_gradient_of_the_global_batch(tmp_path: Path) -> None:
    testing.run_processes(2, __file__, str(tmp_path))
    for rank in "01":
        assert json.loads((tmp_path / rank).read_text()) == pytest.approx(dict.fromkeys(BUCKETS, 0.0), abs=1e-6)


def test_one_process_sends_nothing() -> None:
    layer = nn.Linear(2, 1)
    with averaged_gradients(layer.parameters(), ProcessGroup()):
        layer(torch.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[1, 1]]


if __name__ == "__main__":
    main(sys.argv[1])
