"""How fast ganzoo samples, beside the network that was trained and beside other code bases, in medians of alternating
rounds.

"plain" is the network that was trained, with its spectral norms and batch norms. "ours" is the function that
`ganzoo.load` uses. With REFERENCE, a folder of checkouts (see references.py), "reference" is the same network with the
same weights in the code of others. The weights are random. GFLOP counts the multiplications and additions of "ours";
"rate" is the share of the rate that this machine reaches in a 3x3 convolution of 256 channels (for the perceptron, in a
product of two matrices of 1024 rows).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from references import REFERENCES
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import ganzoo
from ganzoo.pretrained.load import assemble
from ganzoo.registry import lookup
from ganzoo.sampling.fused import FusedGenerator
from ganzoo.weights.layouts import find_layout, rename

CASES: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("gan", (1, 64), {}),
    ("dcgan", (1, 16, 64), {"generator_width": 64}),
    ("biggan", (1, 16), {}),
    ("biggan-deep", (1, 16), {"statistics": 51}),
    ("cyclegan", (1,), {}),
    ("stylegan2", (1,), {"resolution": 256}),
]
COLUMNS = ("reference", "plain", "ours")


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
    print(
        f"{rates['']:.0f} GFLOP/s in convolutions, {rates['gan']:.0f} in products of matrices, {chosen.threads} threads"
    )
    print(f"{'ms per image':12}{'batch':>6}" + "".join(f"{column:>11}" for column in COLUMNS), end="")
    print(f"{'ratio':>8}{'vs plain':>10}{'difference':>12}{'GFLOP':>9}{'rate':>7}")
    for architecture, batches, config in CASES:
        if chosen.only is None or architecture in chosen.only:
            model, reference = build(architecture, config, chosen.reference)
            for batch in batches:
                inputs = draw(model, architecture, batch)
                rate = rates.get(architecture, rates[""])
                report(model, reference, inputs, chosen.rounds, rate, (architecture, batch))


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
        return {"a": torch.rand(batch, *model.image_shape) * 2 - 1}
    return model.draw(batch, request=model.request(truncation=0.4) if architecture == "biggan-deep" else None)


def report(
    model: ganzoo.Model,
    reference: Callable[[dict[str, Tensor]], Tensor] | None,
    inputs: dict[str, Tensor],
    rounds: int,
    rate: float,
    case: tuple[str, int],
) -> None:
    """Measure one case and print its line."""
    ours = FusedGenerator().function_of(model.gan)
    ways: dict[str, Any] = {"reference": reference, "plain": model.gan.generate, "ours": ours}
    ways = {name: partial(way, inputs) for name, way in ways.items() if way is not None}
    with torch.inference_mode():
        seconds, images = alternate(ways, rounds if case[0].startswith(("big", "cycle", "style")) else 10 * rounds)
        with FlopCounterMode(display=False) as counter:
            model.gan.fused()(inputs)
        gflop = counter.get_total_flops() / 1e9 / case[1]
        medians = {name: statistics.median(times) * 1000 / case[1] for name, times in seconds.items()}
        first = next(iter(ways))
        apart = float((images[first] - images["ours"]).abs().max())
        print(
            f"{case[0]:12}{case[1]:6}",
            "".join(f"{medians.get(name, float('nan')):11.2f}" for name in COLUMNS),
            sep="",
            end="",
        )
        print(f"{medians[first] / medians['ours']:8.2f}{medians['plain'] / medians['ours']:10.2f}", end="")
        print(f"{apart:12.0e}{gflop:9.3f}{gflop / medians['ours'] * 1000 / rate:7.2f}", flush=True)


def alternate(ways: dict[str, Callable[[], Tensor]], rounds: int) -> tuple[dict[str, list[float]], dict[str, Tensor]]:
    """Seconds of each round of each way, and the images. The first round is a warm-up and not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    images = {}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            images[name] = way()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds, images


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
    seconds, _ = alternate({"": call}, 15)
    return gflop / statistics.median(seconds[""])


if __name__ == "__main__":
    main()
