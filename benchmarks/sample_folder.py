"""How long it takes to sample into a folder with one file for each image, in seconds, beside the network alone.

python benchmarks/sample_folder.py dcgan-mnist --count 4000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import alternating

import ganzoo
from ganzoo.pretrained.resolve import resolve
from ganzoo.sampling.grid import make_grid
from ganzoo.sampling.image_files import choose_target


def measure(chosen: argparse.Namespace) -> dict[str, float]:
    """Seconds of `ganzoo sample NAME -n COUNT -o FOLDER` without its start, and of the network alone."""
    source = resolve(chosen.name)
    model = ganzoo.load(chosen.name)
    subject = source.info.subject
    model.sample(64)  # a warm-up
    started = time.perf_counter()
    for _ in model.stream(chosen.count):
        pass
    network = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        grid = make_grid(partial(subject.request, source.name), subject.classes, count=chosen.count, seed=0)
        target = choose_target(Path(folder) / "samples", source.name, grid, None)
        started = time.perf_counter()
        target.write(model, batch_size=64)
        return {"network": network, "into a folder": time.perf_counter() - started}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="dcgan-mnist")
    parser.add_argument("--count", type=int, default=4000, help="images (default: 4000)")
    alternating.main(measure, parser)
