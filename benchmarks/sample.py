"""How fast ganzoo samples, beside the network that was trained and beside other code bases, in medians of alternating
rounds of processes, one for each column.

"plain" is the network that was trained, with its spectral norms and batch norms. "ours" is the function that
`ganzoo.load` uses; the engines that are installed follow. With REFERENCE, a folder of checkouts (see references.py),
"reference" is the same network with the same weights in the code of others. The weights are random.

"ratio" compares ours with the reference, or else with "plain"; "best" does so with the best engine. GFLOP counts the
multiplications and additions of "ours", with its convolutions computed directly; "rate" is the share of the rate that
this machine reaches in a direct 3x3 convolution of 256 channels (for the perceptron, in a product of two matrices of
1024 rows). By Winograd's algorithm it may be above 1.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from processes import alternate
from references import REFERENCES
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import ganzoo
from ganzoo.pretrained.load import assemble
from ganzoo.registry import lookup
from ganzoo.sampling.engines import why_unusable
from ganzoo.sampling.fused import FusedGenerator
from ganzoo.utils.memory import keep_freed_memory
from ganzoo.weights.layouts import find_layout, rename

CASES: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("gan", (1, 64), {}),
    ("dcgan", (1, 16, 64), {"generator_width": 64}),
    ("biggan", (1, 16), {}),
    ("biggan-deep", (1, 16), {"statistics": 51}),
    ("cyclegan", (1,), {}),
    ("stylegan2", (1,), {"resolution": 256}),
    ("pix2pix", (1,), {}),
    ("stylegan2-lucidrains", (1, 8), {}),
    ("sequential", (1, 64), {}),
]
COLUMNS = ("reference", "plain", "ours")
ENGINES = ("openvino", "onnxruntime")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", nargs="?", type=Path, help="a folder of checkouts of other code bases")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="names of architectures")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    rates = {"gan": rate_of(*product()), "": rate_of(*convolution())}
    engines = [name for name in ENGINES if not why_unusable(lookup.registry().engines[name], "cpu")]
    print(
        f"{rates['']:.0f} GFLOP/s in convolutions, {rates['gan']:.0f} in products of matrices, {chosen.threads} threads"
    )
    print(f"{'ms per image':20}{'batch':>6}" + "".join(f"{column:>12}" for column in (*COLUMNS, *engines)), end="")
    print(f"{'ratio':>8}{'vs plain':>10}{'best':>7}{'difference':>12}{'GFLOP':>9}{'rate':>7}")
    for architecture, batches, config in CASES:
        if chosen.only is None or architecture in chosen.only:
            for batch in batches:
                case = Case(architecture, config, batch, chosen.reference, chosen.threads)
                report(case, engines, chosen.rounds, rates.get(architecture, rates[""]))


class Case(NamedTuple):
    """What is measured: an architecture with a config, the batch, and the folder of the references."""

    architecture: str
    config: dict[str, Any]
    batch: int
    folder: Path | None
    threads: int


def start(case: Case, column: str) -> Callable[[], Any]:
    """The call that a column measures, in a process of its own, set up as its user has it."""
    torch.set_num_threads(case.threads)
    if column not in COLUMNS[:2]:
        keep_freed_memory()  # as `ganzoo sample` does, and a script does not
    model, reference = build(case.architecture, case.config, case.folder)
    inputs = draw(model, case.architecture, case.batch)
    ways: dict[str, Any] = {"reference": reference, "plain": model.gan.generate}
    if column == "ours":
        ways[column] = FusedGenerator().function_of(model.gan)
    way = ways.get(column) or model.use(engine=column).generate

    def call() -> Any:
        with torch.inference_mode():
            images = way(inputs)
        # None where the engine was refused, and PyTorch took its place
        return images.numpy() if column in COLUMNS or model.engine == column else None

    return call


def build(architecture: str, config: dict[str, Any], folder: Path | None) -> tuple[ganzoo.Model, Any]:
    """Our model, and the call of the reference with the same weights, if there is one."""
    torch.manual_seed(0)
    if folder is None or architecture not in REFERENCES:
        gan = nudge(ganzoo.create(architecture, **config))
        task = lookup.registry().architectures[architecture].task
        return ganzoo.Model(gan, task, gan.config, name=architecture), None
    network, call = REFERENCES[architecture](folder)
    nudge(network).eval()
    tensors = network.state_dict()
    layouts = [each for each in lookup.registry().layouts.values() if each.architecture == architecture]
    match = find_layout({name: tuple(each.shape) for name, each in tensors.items()}, layouts, of=architecture)
    return assemble(architecture, match.reading.config, rename(tensors, match), name=architecture), call


def nudge(network: Any) -> Any:
    """Attention starts without effect; give it some."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("gamma"):
                parameter.fill_(0.5)
    return network


def draw(model: ganzoo.Model, architecture: str, batch: int) -> dict[str, Tensor]:
    """Inputs of a batch."""
    if model.task.from_images:
        return {"a" if architecture == "cyclegan" else "image": torch.rand(batch, *model.image_shape) * 2 - 1}
    return model.draw(batch, request=model.request(truncation=0.4) if architecture == "biggan-deep" else None)


def report(case: Case, engines: list[str], rounds: int, rate: float) -> None:
    """Measure one case and print its line."""
    first = "reference" if case.folder is not None and case.architecture in REFERENCES else "plain"
    columns = (*COLUMNS[COLUMNS.index(first) :], *engines)
    large = case.architecture.startswith(("big", "cycle", "pix", "style"))
    ways = {column: partial(start, case, column) for column in columns}
    seconds, images = alternate(ways, rounds, calls=1 if large else 10)
    ms = {
        column: statistics.median(seconds[column]) * 1000 / case.batch
        for column in columns
        if images[column] is not None
    }
    gflop = flop_of(case) / 1e9
    apart = abs(images[first] - images["ours"]).max()
    best = min(ms[column] for column in ("ours", *engines) if column in ms)
    print(f"{case.architecture:20}{case.batch:6}", end="")
    print("".join(f"{ms.get(column, float('nan')):12.2f}" for column in (*COLUMNS, *engines)), end="")
    print(f"{ms[first] / ms['ours']:8.2f}{ms['plain'] / ms['ours']:10.2f}{ms[first] / best:7.2f}", end="")
    print(f"{apart:12.0e}{gflop:9.3f}{gflop / ms['ours'] * 1000 / rate:7.2f}", flush=True)


def flop_of(case: Case) -> float:
    """The multiplications and additions of an image by "ours", with its convolutions computed directly."""
    model, _ = build(case.architecture, case.config, case.folder)
    model.gan.requires_grad_(False)  # the counter looks for the graph of what has a gradient
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model.gan.fused()(draw(model, case.architecture, case.batch))
    return counter.get_total_flops() / case.batch


def convolution() -> tuple[float, Callable[[], Tensor]]:
    """The GFLOP of a 3x3 convolution of 256 channels at 64x64 pixels, and a call of it."""
    layer = nn.Conv2d(256, 256, 3, padding=1).requires_grad_(False).to(memory_format=torch.channels_last)
    x = torch.randn(1, 256, 64, 64).to(memory_format=torch.channels_last)
    return 2 * 9 * 256**2 * 64**2 / 1e9, partial(layer, x)


def product() -> tuple[float, Callable[[], Tensor]]:
    """The GFLOP of a product of two matrices, and a call of it."""
    a = torch.randn(1024, 1024)
    return 2 * 1024**3 / 1e9, partial(torch.mm, a, a)


def rate_of(gflop: float, call: Callable[[], Tensor]) -> float:
    """GFLOP/s, from the median of 15 calls."""
    call()
    seconds = []
    for _ in range(15):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return gflop / statistics.median(seconds)


if __name__ == "__main__":
    main()
