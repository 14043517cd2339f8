"""How long it takes to read a folder of JPEG pictures, in seconds, beside torchvision's ImageFolder.

`--side` is the side of the pictures in the folder, `--size` that of the images to train on.

python benchmarks/read.py --side 256 --size 64
python benchmarks/read.py --side 256 --size 256 --workers 2
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import alternating
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganzoo.data import folders


def make_folder(folder: Path, count: int, side: int) -> None:
    """Pictures with smooth shapes and a little noise, as photographs have them."""
    random = np.random.RandomState(0)
    (folder / "a").mkdir()
    for number in range(count):
        rough = Image.fromarray(random.randint(0, 256, (12, 12, 3), dtype=np.uint8))
        smooth = np.asarray(rough.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
        noisy = (smooth + random.normal(0, 6, smooth.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / "a" / f"{number:05}.jpg", quality=90)


def measure(chosen: argparse.Namespace) -> dict[str, float]:
    """Seconds of both ways in one process, each after a warm-up."""
    folders.WORTH_WORKERS = 0
    shape = (3, chosen.size, chosen.size)
    with tempfile.TemporaryDirectory() as name:
        make_folder(Path(name), chosen.count, chosen.side)

        def ours() -> torch.Tensor:
            data = folders.load_folder(Path(name), shape, None, chosen.workers, lambda what, done, total: None)
            return torch.cat([batch["image"] for batch in data.stream(iter([range(chosen.count)]))])

        def theirs() -> torch.Tensor:
            pixels = v2.Compose([v2.Resize(chosen.size), v2.CenterCrop(chosen.size), v2.PILToTensor()])
            data = ImageFolder(name, pixels)
            return torch.cat([images for images, _ in DataLoader(data, 64, num_workers=chosen.workers)])

        seconds: dict[str, float] = {}
        for _ in range(2):  # the first round is the warm-up
            images = []
            for way, read in (("ganzoo", ours), ("ImageFolder", theirs)):
                started = time.perf_counter()
                images.append(read().float())
                seconds[way] = time.perf_counter() - started
    apart = (images[0] - images[1]).abs()
    print(f"pixels differ by {apart.mean():.2f} of 255 on average, by {apart.max():.0f} at most", file=sys.stderr)
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="pictures (default: 1000)")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0)
    alternating.main(measure, parser)
