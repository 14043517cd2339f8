"""How long `ganzoo list` takes, compared with `import torch`: medians of several alternating runs."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from typing import NamedTuple

COMMANDS = {
    "ganzoo list": [sys.executable, "-m", "ganzoo", "list"],
    "import torch": [sys.executable, "-c", "import torch"],
}


class Timing(NamedTuple):
    """Seconds of one process: CPU time (user and system), and elapsed time."""

    cpu: float
    wall: float


def measure(command: list[str]) -> Timing:
    """Run a command without its output, and measure it."""
    silence = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    started = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=silence)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return Timing(usage.ru_utime + usage.ru_stime, wall)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7, help="runs of each command (default: 7)")
    rounds = range(parser.parse_args().repeat)
    for command in COMMANDS.values():
        measure(command)  # the first run fills the file cache
    runs = [{name: measure(command) for name, command in COMMANDS.items()} for _ in rounds]
    print(f"{'':14}{'CPU s':>8}{'wall s':>8}")
    for name in COMMANDS:
        cpu, wall = (statistics.median(column) for column in zip(*(timings[name] for timings in runs), strict=True))
        print(f"{name:14}{cpu:8.2f}{wall:8.2f}")


if __name__ == "__main__":
    main()
