"""How other code bases name the tensors of a DCGAN generator: one sequential, so only the prefix differs."""

from __future__ import annotations

import re

from ganzoo import FirstMap, Layout, Reading, Shapes, first_map
from ganzoo_dcgan.config import DOUBLINGS

__all__ = ["LAYOUTS", "read_huggan", "read_pytorch"]

_ENTRY = re.compile(r"(\d+)\.(weight|bias|running_mean|running_var|num_batches_tracked)")


def read_pytorch(shapes: Shapes) -> Reading | None:
    """PyTorch's DCGAN example and tutorial: ``main.0.weight``, ..."""
    return _read(shapes, "main.")


def read_huggan(shapes: Shapes) -> Reading | None:
    """The Hub's community sprint: ``model.0.weight``, ..."""
    return _read(shapes, "model.")


def _read(shapes: Shapes, prefix: str) -> Reading | None:
    """The reading of a generator whose names all start with `prefix`; None for any other checkpoint.

    A generator repeats convolution, batch norm and ReLU: its convolutions have the indices 0, 3, 6, ... The kernel of
    the first one is the first map.
    A discriminator has no norm after its first convolution: its convolutions have the indices 0, 2, 5, ...
    Generators with other kernels, or with biases, are sequences of layers that the architecture `sequential` has.
    """
    kernels = {name.removeprefix(prefix): shape for name, shape in shapes.items() if len(shape) == 4}
    stages = len(kernels)
    if stages < 2 or any(kernels.get(f"{3 * i}.weight", ())[2:] != (4, 4) for i in range(1, stages)):
        return None
    start = _first_map(kernels.get("0.weight", ()), stages - 1)
    if start is None:
        return None
    if any(f"{prefix}{3 * i}.bias" in shapes for i in range(stages)):
        return None
    entries = [_ENTRY.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None for name in shapes]
    if not all(entry and int(entry[1]) % 3 < 2 for entry in entries):  # ReLUs have no tensors
        return None
    first, last = kernels["0.weight"], kernels[f"{3 * (stages - 1)}.weight"]
    config = {
        "resolution": start.resolution,
        "channels": last[1],
        "latent_dim": first[0],
        "latent": "normal",
        "generator_width": last[0],
    }
    return Reading(config=config, tensors={"generator." + name.removeprefix(prefix): name for name in shapes})


def _first_map(kernel: tuple[int, ...], doublings: int) -> FirstMap | None:
    """The first map of a network whose first convolution has this shape; None if DCGAN has no such map."""
    if len(kernel) != 4:
        return None
    found = FirstMap((kernel[2], kernel[3]), doublings)
    try:
        return found if first_map(found.resolution, DOUBLINGS) == found else None
    except ValueError:
        return None


LAYOUTS = (
    Layout(
        name="pytorch-dcgan",
        architecture="dcgan",
        source="https://github.com/pytorch/examples/blob/main/dcgan/main.py",
        example=("main.0.weight", "main.1.running_mean"),
        read=read_pytorch,
    ),
    Layout(
        name="huggan-dcgan",
        architecture="dcgan",
        source="https://github.com/huggingface/community-events/blob/main/huggan/pytorch/dcgan/modeling_dcgan.py",
        example=("model.0.weight", "model.1.running_mean"),
        read=read_huggan,
    ),
)
"""The layouts that ganzoo can read."""
