"""How long each metric takes, in seconds of processor time, once the features are there, which are random here.

OMP_NUM_THREADS=1 python benchmarks/evaluate.py --count 10000 --features 256
OMP_NUM_THREADS=1 python benchmarks/evaluate.py --count 50000 --metrics is fid kid
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import alternating
import torch

from ganzoo.evaluation.metrics import METRICS, Settings
from ganzoo.interface.extractor import ExtractorOutput


def random_output(count: int, features: int, shift: float, seed: int) -> ExtractorOutput:
    """Features as networks give them: correlated and not negative. Logits of 1,000 classes."""
    random = torch.Generator().manual_seed(seed)
    mix = torch.randn(64, features, generator=torch.Generator().manual_seed(99)) / 8
    hidden = (torch.randn(count, 64, generator=random) + shift) @ mix
    return ExtractorOutput(hidden.relu(), 3 * torch.randn(count, 1000, generator=random))


def measure(chosen: argparse.Namespace) -> dict[str, float]:
    """Seconds of all threads by metric. The values go to stderr, so that two checkouts can be compared."""
    ours, real = (random_output(chosen.count, chosen.features, shift, seed) for seed, shift in enumerate((0.1, 0.0)))
    seconds = {}
    for metric in chosen.metrics:
        started = time.process_time()
        found = METRICS[metric](ours, real, Settings())
        seconds[metric] = time.process_time() - started
        for name, estimate in found.items() if chosen.values else ():
            print(f"{name:14} {estimate.value:.12g} {estimate.uncertainty:.12g}", file=sys.stderr)
    return seconds | {"peak memory (GB)": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="images of each kind (default: 10000)")
    parser.add_argument("--features", type=int, default=256, help="features of an image (default: 256)")
    parser.add_argument("--metrics", nargs="*", default=list(METRICS), choices=METRICS)
    parser.add_argument("--values", action="store_true", help="print the values, too")
    alternating.main(measure, parser)
