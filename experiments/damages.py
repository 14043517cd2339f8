"""How large is a FID? This measures the FID of real pictures that are damaged in known ways.

    OMP_NUM_THREADS=1 python experiments/damages.py

It compares test images, all damaged in the same way, with the training images, at the size of the bundled convolutional
models. The FID is that of a model that would generate the damaged images. The row "as they are" is the floor.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.metrics import Settings, fid
from ganzoo.images.files import take_picture
from ganzoo.images.tensors import resize
from ganzoo.interface.extractor import Extractor, ExtractorOutput

SHAPE = (1, 32, 32)
SETS = ("mnist", "fashion-mnist")

Damage = Callable[[Tensor, Tensor], Tensor]
"""A function from uint8 images (N, 1, 32, 32) and their classes (N,) to the damaged images."""


def blurred(images: Tensor, classes: Tensor) -> Tensor:
    """Resize to 28x28 and back."""
    return resize(resize(images, (28, 28)), SHAPE[1:])


def shifted(images: Tensor, classes: Tensor) -> Tensor:
    """Shift by one pixel to the right."""
    return images.roll(1, dims=3)


def noisy(images: Tensor, classes: Tensor) -> Tensor:
    """Add noise with a standard deviation of 2 (of 255)."""
    noise = 2 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def compressed(images: Tensor, classes: Tensor) -> Tensor:
    """Compress as JPEG, with the defaults of Pillow."""

    def compress(image: Tensor) -> Tensor:
        file = io.BytesIO()
        Image.fromarray(image[0].numpy()).save(file, "JPEG")
        return take_picture(Image.open(file), channels=1).pixels

    return torch.stack([compress(image) for image in images])


def without_a_class(images: Tensor, classes: Tensor) -> Tensor:
    """Leave out the last of the ten classes."""
    return images[classes != 9]


def half_of_a_class(images: Tensor, classes: Tensor) -> Tensor:
    """Leave out about half of the last class."""
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
    """The FID of each damage, with the features of the data set's own classifier."""
    training, test = (ganzoo.load_data(name, SHAPE, root=root, split=split) for split in ("train", "test"))
    network = load_extractor(name, device=torch.device("cpu"))
    reference = run_in_batches(training.images, network)
    damaged = (damage(test.images, test.labels) for damage in DAMAGES.values())
    return [fid(run_in_batches(images, network), reference, Settings())["fid"].value for images in damaged]


def run_in_batches(images: Tensor, network: Extractor) -> ExtractorOutput:
    """The features and logits of all images."""
    outputs = [network(part) for part in images.split(100)]
    return ExtractorOutput(torch.cat([o.features for o in outputs]), torch.cat([o.logits for o in outputs]))


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
