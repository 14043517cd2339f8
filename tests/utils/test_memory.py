"""Freed memory that is kept for later."""

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import numpy as np
from ganzoo.utils.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def faults():
    blocks = [np.ones(2**20) for _ in range(3)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
faults()
first = faults()
for _ in range(20):
    last = faults()
print(last - first)
"""


def pages(mode, **variables):
    """How many pages the system had to give for the same blocks, again and again."""
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name} | variables
    run = subprocess.run(
        [sys.executable, "-c", COUNT, mode], env=environment, capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can")
def test_the_same_pages_are_used_again():
    kept = pages("keep")
    assert kept < 1000
    assert pages("keep", MALLOC_MMAP_THRESHOLD_="1048576") > 10 * (kept + 1000)  # what the user has chosen stays
