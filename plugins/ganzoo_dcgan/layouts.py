"""How other code bases name a DCGAN generator: one sequential, so only the prefix differs."""

from __future__ import annotations

import re

from ganzoo import Reading, Shapes

__all__ = ["read_huggan", "read_pytorch"]

_ENTRY = re.compile(r"(\d+)\.(weight|bias|running_mean|running_var|num_batches_tracked)")


def read_pytorch(shapes: Shapes) -> Reading | None:
    """PyTorch's DCGAN example and tutorial: ``main.0.weight``, ..."""
    return _read(shapes, "main.")


def read_huggan(shapes: Shapes) -> Reading | None:
    """The Hub's community sprint: ``model.0.weight``, ..."""
    return _read(shapes, "model.")


def _read(shapes: Shapes, prefix: str) -> Reading | None:
    """A generator alternates convolution, batch norm and ReLU: its convolutions are at 0, 3, 6, ...

    A discriminator has no norm behind its first convolution (indices 0, 2, 3, 5, ...), which tells
    the two apart.
    """
    kernels = {name.removeprefix(prefix): shape for name, shape in shapes.items() if len(shape) == 4}
    stages = len(kernels)
    if stages < 2 or any(f"{3 * i}.weight" not in kernels for i in range(stages)):
        return None
    if not all(name.startswith(prefix) and _ENTRY.fullmatch(name.removeprefix(prefix)) for name in shapes):
        return None
    first, last = kernels["0.weight"], kernels[f"{3 * (stages - 1)}.weight"]
    config = {
        "resolution": 2 ** (stages + 1),
        "channels": last[1],
        "latent_dim": first[0],
        "latent": "normal",
        "generator_width": last[0],
    }
    return Reading(config=config, tensors={"generator." + name.removeprefix(prefix): name for name in shapes})
