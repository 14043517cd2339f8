"""How large is a FID? What known damages to real pictures cost by a classifier's features.

    OMP_NUM_THREADS=1 python experiments/damages.py

The test images, all damaged in one way, against the training images, at the size of the bundled convolutional
models: what `ganzoo evaluate` would say of a model that made them. "As they are" is the floor.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import torch
from inception_score import look  # the benchmark beside this one
from PIL import Image
from torch import Tensor

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.metrics import Settings, fid
from ganzoo.images.files import take_picture
from ganzoo.images.tensors import resize

SHAPE = (1, 32, 32)
SETS = ("mnist", "fashion-mnist")

Damage = Callable[[Tensor, Tensor], Tensor]
"""Images (N, 1, 32, 32), uint8, and their classes (N,) to the images that are left, damaged."""


def blurred(images: Tensor, classes: Tensor) -> Tensor:
    """Made smaller by an eighth, and as large again."""
    return resize(resize(images, (28, 28)), SHAPE[1:])


def shifted(images: Tensor, classes: Tensor) -> Tensor:
    """One pixel to the right."""
    return images.roll(1, dims=3)


def noisy(images: Tensor, classes: Tensor) -> Tensor:
    """With noise of a standard deviation of 2 in 255."""
    noise = 2 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def compressed(images: Tensor, classes: Tensor) -> Tensor:
    """By JPEG, as Pillow does it if it is told nothing."""

    def there_and_back(image: Tensor) -> Tensor:
        file = io.BytesIO()
        Image.fromarray(image[0].numpy()).save(file, "JPEG")
        return take_picture(Image.open(file), channels=1).pixels

    return torch.stack([there_and_back(image) for image in images])


def without_a_class(images: Tensor, classes: Tensor) -> Tensor:
    """All but those of the last of the ten classes: a mode is dropped."""
    return images[classes != 9]


def half_of_a_class(images: Tensor, classes: Tensor) -> Tensor:
    """All but about half of those of the last class."""
    return images[(classes != 9) | (torch.arange(len(classes)) % 2 == 0)]


DAMAGES: dict[str, Damage] = {
    "as they are": lambda images, classes: images,
    "noise, 2 in 255": noisy,
    "JPEG, quality 75": compressed,
    "shifted by a pixel": shifted,
    "half of a class missing": half_of_a_class,
    "28x28 and 32x32 again": blurred,
    "a class missing": without_a_class,
}


def distances(name: str, root: Path) -> list[float]:
    """FID of each damage, of a data set by its own classifier."""
    training, test = (ganzoo.load_data(name, SHAPE, root=root, split=split) for split in ("train", "test"))
    network = load_extractor(name, device=torch.device("cpu"))
    reference = look(training.images, network)
    damaged = (damage(test.images, test.labels) for damage in DAMAGES.values())
    return [fid(look(images, network), reference, Settings())["fid"].value for images in damaged]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    root = parser.parse_args().data_dir
    with torch.inference_mode():
        columns = [distances(name, root) for name in SETS]
    print("{:26}{:>16}{:>16}".format("FID of test images", *SETS))
    for damage, *values in zip(DAMAGES, *columns, strict=True):
        print("{:26}{:16.3f}{:16.3f}".format(damage, *values))


if __name__ == "__main__":
    main()
