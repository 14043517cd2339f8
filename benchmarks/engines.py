"""How fast each installed engine samples, beside PyTorch's own operations: medians of alternating rounds.

The weights are random. "first" is the time of the first images, in which the engine prepares the network or opens what
it kept. The factor is the median of the ratios of neighboring rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

import ganzoo
from ganzoo.registry import lookup
from ganzoo.sampling.engines import why_unusable

CASES: list[tuple[str, int, dict[str, Any]]] = [
    ("gan", 1, {}),
    ("gan", 64, {}),
    ("dcgan", 1, {"resolution": 64}),
    ("dcgan", 64, {"resolution": 64}),
    ("cyclegan", 1, {}),
    ("biggan-deep", 1, {}),
    ("biggan", 1, {}),
]


def main() -> None:
    """Print a line for each engine and case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", metavar="ARCHITECTURE")
    parser.add_argument("--engines", default="openvino,onnxruntime", help="separated by commas")
    chosen = parser.parse_args()
    engines = lookup.registry().engines
    names = [name for name in chosen.engines.split(",") if not why_unusable(engines[name], "cpu")]
    print(f"{'':12}{'batch':>6}{'engine':>13}{'first, s':>10}{'ms/image':>10}{'faster':>9}")
    for architecture, batch, config in CASES:
        if chosen.only in (None, architecture):
            measure(architecture, batch, config, ["torch", *names], chosen.rounds)


def measure(architecture: str, batch: int, config: dict[str, Any], names: list[str], rounds: int) -> None:
    """Print the lines of one case."""
    torch.manual_seed(0)
    gan = ganzoo.create(architecture, **config).eval()
    task, settings = lookup.registry().architectures[architecture].task, lookup.check_config(architecture, config)[0]
    models = {name: ganzoo.Model(gan, task, settings, fuse=True).use(engine=name) for name in names}
    inputs = inputs_of(models["torch"], batch)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds + 1):
        for name, model in models.items():
            started = time.perf_counter()
            model.generate(inputs)
            seconds[name].append(time.perf_counter() - started)
    for name, (first, *times) in seconds.items():
        faster = [ours / theirs for ours, theirs in zip(seconds["torch"][1:], times, strict=True)]
        per_image = 1000 * statistics.median(times or [first]) / batch
        used = name if models[name].engine == name else "(refused)"
        ratio = statistics.median(faster or [1.0])
        print(f"{architecture:12}{batch:6}{used:>13}{first:10.1f}{per_image:10.2f}{ratio:8.2f}x", flush=True)


def inputs_of(model: ganzoo.Model, count: int) -> ganzoo.Inputs:
    """Drawn inputs; noise for a model that translates."""
    if not model.task.from_images:
        return model.draw(count)
    random = torch.Generator().manual_seed(0)
    images = torch.rand(count, *model.image_shape, generator=random) * 2 - 1
    rows = [model.gan.draw(model.request(image=image), random) for image in images]
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


if __name__ == "__main__":
    main()
