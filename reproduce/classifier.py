"""Train the small classifiers whose features `ganzoo evaluate` compares images by.

    python reproduce/classifier.py mnist plugins/ganzoo_features/weights/mnist.safetensors --epochs 5
    python reproduce/classifier.py fashion-mnist plugins/ganzoo_features/weights/fashion-mnist.safetensors --mirror

The weights are written in 16 bits. The last line shows the accuracy of these weights on the test images, which are used
for nothing else.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.utils.files import sha256_of
from ganzoo.weights.tensors import read_tensors, write_tensors
from ganzoo_features.classifier import Classifier

SHAPE = (1, 28, 28)
SHIFT = 2


def augment(images: Tensor, *, mirror: bool) -> Tensor:
    """Shift a uint8 batch (N, 1, 28, 28) by up to two pixels. `mirror` mirrors a random half of the images."""
    padded = nn.functional.pad(images, [SHIFT] * 4)
    top, left = torch.randint(0, 2 * SHIFT + 1, (2,)).tolist()
    moved = padded[:, :, top : top + SHAPE[1], left : left + SHAPE[2]]
    mirrored = torch.rand(len(images), 1, 1, 1) < 0.5
    return torch.where(mirrored, moved.flip(3), moved) if mirror else moved


def accuracy(network: nn.Module, data: ganzoo.ImageData) -> float:
    """The share of the images for which the network's most likely class is right."""
    network.eval()
    with torch.inference_mode():
        found = torch.cat([network(images).logits.argmax(1) for images in data.images.split(1000)])
    return (found == data.labels).float().mean().item()


def train(data: ganzoo.ImageData, *, epochs: int, batch_size: int, mirror: bool) -> Classifier:
    """Train with AdamW, one cycle of the learning rate, labels smoothed by 0.05, and autocast to bf16."""
    network = Classifier(len(data.classes)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    steps = len(data) // batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, epochs=epochs, steps_per_epoch=steps)
    started = time.monotonic()
    for epoch in range(1, epochs + 1):
        network.train()
        for rows in torch.randperm(len(data))[: steps * batch_size].split(batch_size):
            images = augment(data.images[rows], mirror=mirror)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(images).logits
            loss = nn.functional.cross_entropy(logits.float(), data.labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch}/{epochs}: loss {loss.item():.3f}, {time.monotonic() - started:.0f} s", flush=True)
    return network


def main() -> None:
    """Train, write and test one classifier."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=("mnist", "fashion-mnist"))
    parser.add_argument("output", type=Path)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--mirror", action="store_true")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    training, test = (
        ganzoo.load_data(chosen.data, SHAPE, root=chosen.data_dir, split=split) for split in ("train", "test")
    )
    network = train(training, epochs=chosen.epochs, batch_size=chosen.batch_size, mirror=chosen.mirror)
    tensors = {name: t.half() if t.is_floating_point() else t for name, t in network.state_dict().items()}
    write_tensors(chosen.output, tensors)
    network.load_state_dict(read_tensors(chosen.output))
    print(f"{chosen.output}: {chosen.output.stat().st_size:,} bytes, sha256 {sha256_of(chosen.output)}")
    print(f"test accuracy {accuracy(network, test):.4f}")


if __name__ == "__main__":
    main()
