"""Gradients of inversion: through a GAN's own network, or through its fused one? Right, and how fast.

    OMP_NUM_THREADS=1 python benchmarks/gradients.py

A row is one forward and backward pass for eight starts: the largest difference of the gradients in z, relative to the
largest gradient, and the CPU time of both, as medians of rounds in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor

import ganzoo

ROUNDS = 25


def measured(function: Callable[[Any], Tensor], inputs: ganzoo.Inputs) -> tuple[float, Tensor]:
    """The CPU time of a forward and a backward pass, and the gradient in z."""
    z = inputs["z"].clone().requires_grad_()
    start = time.process_time()
    function({**inputs, "z": z}).square().mean().backward()
    assert z.grad is not None
    return time.process_time() - start, z.grad


def main() -> None:
    """Print a row for each bundled generator."""
    torch.set_num_threads(1)
    for name in ("gan-mnist", "dcgan-mnist", "biggan-fashion-mnist"):
        model = ganzoo.load(name)
        model.gan.requires_grad_(False)
        fused: Any = model.gan.fused()
        functions = (model.gan.generate, fused)
        inputs = model.draw(8)
        gradients = [measured(function, inputs)[1] for function in functions]
        times = [[measured(function, inputs)[0] for function in functions] for _ in range(ROUNDS)]
        own, other = (1000 * median(column) for column in zip(*times, strict=True))
        difference = (gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max()
        print(
            f"{name:22} difference {difference:.0e}  unfused {own:5.1f} ms  fused {other:5.1f} ms  {own / other:.2f}x"
        )


if __name__ == "__main__":
    main()
