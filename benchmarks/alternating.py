"""Run one measurement in this checkout and in another one, in turn, and print the medians side by side."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def main(measure: Callable[[argparse.Namespace], dict[str, float]], parser: argparse.ArgumentParser) -> None:
    """Run `measure`, which returns seconds by name, in new processes. The program of the caller is started again."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--beside", type=Path, help="another checkout of ganzoo to measure in turn")
    parser.add_argument("--rounds", type=int, default=3, help="runs in each checkout (default: 3)")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        print(json.dumps(measure(chosen)))
        return
    checkouts = {"here": HERE} | ({"beside": chosen.beside.resolve()} if chosen.beside else {})
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(chosen.rounds):
        for name, checkout in checkouts.items():
            runs[name].append(_run(checkout))
    _print(runs)


def _run(checkout: Path) -> dict[str, float]:
    """One measurement in a new process, which imports the packages of `checkout`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (checkout, checkout / "plugins")))}
    command = [sys.executable, *sys.argv, "--once"]
    printed = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
    seconds: dict[str, float] = json.loads(printed.splitlines()[-1])
    return seconds


def _print(runs: dict[str, list[dict[str, float]]]) -> None:
    print(f"{'':24}" + "".join(f"{name:>12}" for name in runs) + ("      faster" if len(runs) > 1 else ""))
    for what in runs["here"][0]:
        medians = [statistics.median(run[what] for run in each) for each in runs.values()]
        ratio = f"{medians[1] / medians[0]:11.2f}x" if len(medians) > 1 else ""
        print(f"{what:24}" + "".join(f"{median:12.4g}" for median in medians) + ratio)
