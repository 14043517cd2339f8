"""How long it takes to read a folder of JPEG pictures, in seconds, beside torchvision's ImageFolder.

`--side` is the side of the pictures in the folder, `--size` that of the images to train on. With `--packed`, the same
pictures are also read from a zip archive, a tar archive and a Parquet file, without unpacking. `--shuffled` reads them
one by one in random order, as training does with pictures that do not fit in memory.

python benchmarks/read.py --side 256 --size 64
python benchmarks/read.py --side 256 --size 256 --workers 2
python benchmarks/read.py --count 2000 --packed
python benchmarks/read.py --count 2000 --packed --shuffled
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path

import alternating
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganzoo.data import folders
from ganzoo.data.load import load_data


def make_folder(folder: Path, count: int, side: int) -> None:
    """Pictures with smooth shapes and a little noise, as photographs have them."""
    random = np.random.RandomState(0)
    (folder / "a").mkdir()
    for number in range(count):
        rough = Image.fromarray(random.randint(0, 256, (12, 12, 3), dtype=np.uint8))
        smooth = np.asarray(rough.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
        noisy = (smooth + random.normal(0, 6, smooth.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / "a" / f"{number:05}.jpg", quality=90)


def pack(folder: Path) -> dict[str, Path]:
    """The pictures of a folder in files, as their formats usually have them."""
    import pyarrow as arrow
    from pyarrow import parquet

    beside = {name: folder.with_suffix(f".{name}") for name in ("zip", "tar", "parquet")}
    pictures = sorted(folder.rglob("*.jpg"))
    with zipfile.ZipFile(beside["zip"], "w") as archive, tarfile.open(beside["tar"], "w") as shard:
        for path in pictures:
            archive.write(path, path.relative_to(folder))
            shard.add(path, path.relative_to(folder))
    rows = [{"bytes": path.read_bytes(), "path": path.name} for path in pictures]
    parquet.write_table(arrow.table({"image": rows}), beside["parquet"], row_group_size=100)
    return beside


def measure(chosen: argparse.Namespace) -> dict[str, float]:
    """Seconds of both ways in one process, each after a warm-up."""
    folders.WORTH_WORKERS = 0
    if chosen.shuffled:
        folders.MEMORY_BYTES = 0
    order = torch.randperm(chosen.count, generator=torch.Generator().manual_seed(0)).tolist()
    shape = (3, chosen.size, chosen.size)
    with tempfile.TemporaryDirectory() as name:
        photos = Path(name, "photos")
        photos.mkdir()
        make_folder(photos, chosen.count, chosen.side)

        def ours(source: Path = photos) -> torch.Tensor:
            data = load_data(str(source), shape, workers=chosen.workers)
            rows = order if chosen.shuffled else range(chosen.count)
            chunks = (rows[start : start + 64] for start in range(0, chosen.count, 64))
            images = torch.cat([batch["image"] for batch in data.stream(chunks, workers=chosen.workers)])
            return images[torch.tensor(order).argsort()] if chosen.shuffled else images

        def theirs() -> torch.Tensor:
            pixels = v2.Compose([v2.Resize(chosen.size), v2.CenterCrop(chosen.size), v2.PILToTensor()])
            data = ImageFolder(str(photos), pixels)
            return torch.cat([images for images, _ in DataLoader(data, 64, num_workers=chosen.workers)])

        seconds: dict[str, float] = {}
        packed = pack(photos) if chosen.packed else {}
        ways = {"ganzoo": ours, **{way: partial(ours, path) for way, path in packed.items()}, "ImageFolder": theirs}
        for _ in range(2):  # the first round is the warm-up
            images = []
            for way, read in ways.items():
                started = time.perf_counter()
                images.append(read().float())
                seconds[way] = time.perf_counter() - started
    assert all(torch.equal(images[0], each) for each in images[1:-1])
    apart = (images[0] - images[-1]).abs()
    print(f"pixels differ by {apart.mean():.2f} of 255 on average, by {apart.max():.0f} at most", file=sys.stderr)
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="pictures (default: 1000)")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--packed", action="store_true", help="read archives of the pictures too")
    parser.add_argument("--shuffled", action="store_true", help="read in random order, not into memory")
    alternating.main(measure, parser)
