"""How much faster a fused network samples than the network that was trained: medians of alternating rounds.

"plain" is the network that was trained, with its spectral norms and batch norms. "fused" is the function that
`ganzoo.load` uses. The weights are random.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

import ganzoo
from ganzoo.registry import lookup

CASES: list[tuple[str, int, dict[str, Any]]] = [
    ("dcgan", 1, {}),
    ("dcgan", 16, {}),
    ("biggan", 16, {"resolution": 32, "width": 64, "classes": 10}),
    ("biggan", 1, {}),
    ("biggan", 4, {}),
    ("biggan-deep", 1, {"statistics": 51}),
    ("biggan-deep", 4, {"statistics": 51}),
]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    print(f"{'':12}{'pixels':>7}{'batch':>7}{'plain':>10}{'fused':>10}{'faster':>9}   (ms per image)")
    for architecture, batch, config in CASES:
        torch.manual_seed(0)
        gan = ganzoo.create(architecture, **config).eval()
        made = {"plain": gan.generate, "fused": gan.fused()}
        request = lookup.registry().architectures[architecture].task()
        draws = [gan.draw(request, torch.Generator().manual_seed(seed)) for seed in range(batch)]
        inputs = {name: torch.stack([draw[name] for draw in draws]) for name in draws[0]}
        seconds: dict[str, list[float]] = {way: [] for way in made}
        images = {}
        with torch.inference_mode():
            for _ in range(chosen.rounds + 1):
                for way, generate in made.items():
                    started = time.perf_counter()
                    images[way] = generate(inputs)
                    seconds[way].append(time.perf_counter() - started)
        plain, fused = (statistics.median(times[1:]) * 1000 / batch for times in seconds.values())
        apart = float((images["plain"] - images["fused"]).abs().max())
        side = images["plain"].shape[-1]
        print(f"{architecture:12}{side:7}{batch:7}{plain:10.1f}{fused:10.1f}{plain / fused:8.2f}x   apart {apart:.0e}")


if __name__ == "__main__":
    main()
