"""The speed of training with a penalty on the discriminator in every iteration, and in some: `--regularize-every`.

It trains a DCGAN of 32x32 pixels in float32 and in bfloat16, without a penalty and with R1 in every, every 4th and
every 16th iteration. It prints medians of alternating rounds. A round has a multiple of 16 iterations, so that all
rounds have the same number of penalties.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from train import Step, measure, networks, parts  # benchmarks/train.py

from ganzoo import Loop, TrainingOptions

NAME, ROUND = "dcgan", 16
WAYS = {
    "none": {},
    **{f"every {every}": {"regularizers": {"r1": 1.0}, "regularize_every": every} for every in (1, 4, 16)},
}


def steps(precision: str, options: dict[str, object], device: torch.device) -> Step:
    """One iteration of the training loop with these options."""
    chosen = TrainingOptions(iterations=10**9, precision=precision, **options)
    return Loop(networks(NAME, device), parts(NAME)["image"], chosen).__next__


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each way (default: 5)")
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    print(f"{'':6}" + "".join(f"{way:>10}" for way in WAYS) + "   (steps/s)")
    for precision in ("fp32", "bf16"):
        ways = {way: steps(precision, options, device) for way, options in WAYS.items()}
        rates = measure(ways, chosen.rounds, ROUND, device)
        print(f"{precision:6}" + "".join(f"{statistics.median(values):10.1f}" for values in rates.values()))


if __name__ == "__main__":
    main()
