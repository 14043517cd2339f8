"""Tiny data sets where torchvision, or a user, keeps them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures


def idx(values: Tensor) -> bytes:
    """The format that MNIST's files have."""
    header = b"\0\0\x08" + bytes([values.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in values.shape) + bytes(values.flatten().tolist())


def blobs(count: int, side: int, seed: int, channels: int = 1) -> Tensor:
    """uint8 pictures of coarse spots, no two alike."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 4, 4, generator=random)
    return (255 * torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")).to(torch.uint8)


def write_fashion_mnist(root: Path, train: int = 60, test: int = 30) -> Path:
    """As torchvision's FashionMNIST, of spots."""
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count, seed in (("train", train, 1), ("t10k", test, 2)):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(blobs(count, 28, seed)[:, 0]))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(torch.arange(count) % 10))
    return root


def write_pictures(folder: Path, images: Tensor) -> Path:
    """uint8 images as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(to_pictures(images / 127.5 - 1)):
        save_picture(picture, folder / f"{i:04d}.png")
    return folder
