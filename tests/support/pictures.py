"""Pictures on the disk, as a data set has them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def grey(folder: Path, **shades: int) -> Path:
    """A folder of 4x4 pictures, each of one shade."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, shade in shades.items():
        Image.new("L", (4, 4), shade).save(folder / f"{name}.png")
    return folder


def corrupt(folder: Path, *names: str) -> Path:
    """What looks like pictures until it is opened."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.png").write_bytes(b"no picture")
    return folder
