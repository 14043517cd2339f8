"""How long two commands take, compared with `import torch`: medians of several alternating runs.

"over torch" is the CPU time of the command without that of `import torch`. Modules are compiled to bytecode first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from typing import NamedTuple

SAMPLE = ["sample", "dcgan-mnist", "-n", "1", "--overwrite", "-o", os.path.join(tempfile.gettempdir(), "startup.png")]
COMMANDS = {
    "ganzoo list": [sys.executable, "-m", "ganzoo", "list"],
    "ganzoo sample dcgan-mnist -n 1": [sys.executable, "-m", "ganzoo", *SAMPLE],
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7, help="runs of each command (default: 7)")
    rounds = range(parser.parse_args().repeat)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for command in COMMANDS.values():
        measure(command)  # the first run fills the file cache, and writes bytecode
    runs = [{name: measure(command) for name, command in COMMANDS.items()} for _ in rounds]
    medians = {
        name: Timing(*map(statistics.median, zip(*(each[name] for each in runs), strict=True))) for name in COMMANDS
    }
    torch = medians["import torch"].cpu
    print(f"{'':32}{'CPU s':>8}{'wall s':>8}{'over torch':>12}")
    for name, (cpu, wall) in medians.items():
        print(f"{name:32}{cpu:8.3f}{wall:8.3f}{cpu - torch:12.3f}")


if __name__ == "__main__":
    main()
