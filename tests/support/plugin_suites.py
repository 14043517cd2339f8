"""Running the tests that a plugin's package has of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SLOWEST = "not two_processes_are_one"  # by far; it is run too where the package is installed by pip


def pytest_of(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
