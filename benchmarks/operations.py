"""Where the time of each architecture goes: its five longest operations, and the share of the machine's rate.

For every installed architecture, this program generates one image with the function that `ganzoo.load` uses, and
trains for one iteration with the defaults, on a batch of noise. It computes in one thread and counts processor time,
which other programs on the machine change least. "rate" is the share of the rate that the same processor reaches in a
3x3 convolution of 256 channels, or in a product of matrices for the perceptrons of `gan`: 1 is the floor, where nothing
but the multiplications and additions of the network takes time.

python benchmarks/operations.py                     # the tables of benchmarks/README.md
python benchmarks/operations.py --only dcgan gan
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import torch
from sample import convolution, product
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, register_flop_formula

import ganzoo
from ganzoo.registry import lookup
from ganzoo.sampling.fused import FusedGenerator
from ganzoo.testing.tiny import make_inputs, tiny_config, tiny_gan, tiny_loop

SAMPLED: dict[str, dict[str, Any]] = {
    "biggan-deep": {"statistics": 51},
    "progan": {"resolution": 256, "stable_images": 0, "fade_images": 0},
    "stylegan2": {"resolution": 256},
}
"""What differs from the defaults in the networks that generate an image."""

_CLASSES = {"resolution": 32, "channels": 1, "classes": 10, "class_dim": 32, "discriminator_depths": (1, 2, 4, 4)}
_TEXTS = {"resolution": 64, "width": 16, "matching_images": 1, "matching_width": 8}
TRAINED: dict[str, dict[str, Any]] = {
    "attngan": {**_TEXTS, "stages": 2, "discriminator_width": 16},
    "biggan": {**_CLASSES, "generator_depths": (4, 4, 2, 1), "width": 16},
    "biggan-deep": {**_CLASSES, "generator_depths": (4, 4, 2, 1), "width": 32},
    "cyclegan": {"resolution": 64, "width": 32, "blocks": 6, "discriminator_width": 32},
    "dcgan": {"resolution": 32, "channels": 1, "generator_width": 64, "discriminator_width": 64},
    "dfgan": _TEXTS,
    "pix2pix": {"resolution": 64, "width": 32, "discriminator_width": 32},
    "progan": {"resolution": 32, "max_width": 128, "stable_images": 0, "fade_images": 0},
    "stylegan2": {"resolution": 32, "max_width": 128},
    "stylegan2-lucidrains": {"resolution": 32, "capacity": 8},
}
"""What differs from the defaults in the networks that train: they are small, so that an iteration takes a second."""

BATCH_SIZE, ROUNDS = 16, 3
NAMES = {
    "transpose": "transposed convolutions",
    "conv": "convolutions",
    "linear": "products of matrices",
    "mm": "products of matrices",
    "batch_norm": "batch norm",
    "copy_": "copies",
}
"""What tables call an operation, by a part of its name in PyTorch. The first part that it contains counts."""


def main() -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    architectures = lookup.registry().architectures
    parser.add_argument("--only", nargs="+", choices=architectures, default=list(architectures))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for title, make, configs in (("One image", sampling, SAMPLED), ("One iteration", training, TRAINED)):
        print(f"\n| {title} | rate | GFLOP | where the time goes |\n|---|---|---|---|")
        for name in chosen.only:
            print(row(name, *make(name, settings(name, configs.get(name, {})))), flush=True)


def settings(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The defaults of the architecture instead of its `tiny` values, and `config`."""
    spec = lookup.registry().architectures[name]
    return {field: getattr(spec.config(), field) for field in spec.tiny} | config


def sampling(name: str, config: dict[str, Any]) -> tuple[str, Callable[[], object], Callable[[], object]]:
    """The size, a call that generates an image, and one without packed layers, which hide their arithmetic."""
    spec = lookup.registry().architectures[name]
    model = ganzoo.Model(tiny_gan(name, **config), spec.task, tiny_config(name, **config), name=name)
    inputs = {key: value[:1] for key, value in make_inputs(model).items()}
    fast = torch.inference_mode()(FusedGenerator().function_of(model.gan))
    return size(model.config), partial(fast, inputs), partial(model.gan.fused(), inputs)


def training(name: str, config: dict[str, Any]) -> tuple[str, Callable[[], object], Callable[[], object]]:
    """The size, and a call that trains for an iteration, twice."""
    loop = tiny_loop(name, 100, config=config, batch_size=BATCH_SIZE)
    next(loop)  # the first iteration makes the optimizers' state, and computes penalties that later ones leave out
    return size(loop.gan.config), loop.__next__, loop.__next__


def size(config: Any) -> str:
    """Such as ``64x64``."""
    return "{1}x{2}".format(*config.image_shape)


def row(name: str, shape: str, call: Callable[[], object], countable: Callable[[], object]) -> str:
    """A row of a table."""
    with Operations() as counted:
        countable()
    call()  # it prepares the weights
    with Operations() as timed:
        for _ in range(ROUNDS):
            call()
    longest = ", ".join(f"{each} {spent / timed.seconds.total():.0%}" for each, spent in timed.seconds.most_common(5))
    work, same = product() if name == "gan" else convolution()
    rate = counted.gflop / cpu_seconds(call) * cpu_seconds(same) / work
    return f"| `{name}` {shape} | {rate:.2f} | {counted.gflop:.3g} | {longest} |"


def cpu_seconds(call: Callable[[], object]) -> float:
    """The processor time of a call, the least of several."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        call()
        seconds.append(time.process_time() - started)
    return min(seconds)


class Operations(TorchDispatchMode):
    """Adds up the processor time in the operations of PyTorch, by their names in the tables, and their arithmetic.

    PyTorch's profiler measures what a clock on the wall shows, which includes the time of other programs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Counter[str] = Counter()
        self.gflop = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation."""
        kwargs = kwargs or {}
        started = time.process_time()
        result = func(*args, **kwargs)
        self.seconds[short(func.name())] += time.process_time() - started
        if count := flop_registry.get(func.overloadpacket):
            self.gflop += count(*args, **kwargs, out_val=result) / 1e9
        return result


@register_flop_formula(torch.ops.mkldnn._linear_pointwise)
def _linear(x: torch.Size, weight: torch.Size, *_: Any, **__: Any) -> int:
    """The multiplications and additions of a linear layer by oneDNN, which PyTorch does not count."""
    return 2 * prod(x) * weight[0]


def short(operation: str) -> str:
    """The name in the tables of an operation such as ``aten::add.Tensor``."""
    operation = operation.rpartition("::")[2].partition(".")[0]
    name = next((NAMES[part] for part in NAMES if part in operation), operation.strip("_").replace("_", " "))
    return f"{name.removesuffix(' backward')}, backward" if "backward" in operation else name


if __name__ == "__main__":
    main()
