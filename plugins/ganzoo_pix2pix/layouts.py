"""How other code bases name the tensors of pix2pix generators, and how their networks differ."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from ganzoo import Derived, Layout, Reading, Shapes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_huggan", "read_junyanz"]

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def read_junyanz(shapes: Shapes) -> Reading | None:
    """The authors' PyTorch code: each block of the U-Net holds the next smaller one.

    Files with batch norm have running statistics. That code samples with those of each image, unless told otherwise.
    """
    depth = next(i for i in count() if f"{_block(i)}.{_down_of(i)}.weight" not in shapes)
    convolutions, norms = dict(_convolutions(depth)), dict(_norms(depth))
    batch = any(f"{theirs}.weight" in shapes for theirs in norms.values())
    bias = f"{_block(1)}.1.bias" in shapes
    tensors = {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in convolutions.items()}
    tensors |= {f"{ours}.bias": f"{theirs}.bias" for ours, theirs in convolutions.items() if bias or ours == "head.0"}
    if batch:
        kinds = ("weight", "bias", *_STATISTICS)
        tensors |= {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in norms.items() for kind in kinds}
    if depth < 2 or set(tensors.values()) != set(shapes):
        return None
    config = {"norm": "batch" if batch else "instance", "conv_bias": bias}
    return _reading(shapes[f"{_block(0)}.0.weight"], depth, config, tensors)


def _block(number: int) -> str:
    """The name of a block, the largest one first: ``model.model``, ``model.model.1.model``, ``....3.model``."""
    return "model.model" if number == 0 else "model.model.1.model" + ".3.model" * (number - 1)


def _down_of(number: int) -> int:
    """The place in a block of the convolution that halves: an activation comes first, except in the largest one."""
    return 0 if number == 0 else 1


def _convolutions(depth: int) -> Iterator[tuple[str, str]]:
    """Our name of each convolution, and theirs."""
    for i in range(depth):
        yield f"down.{i}.conv", f"{_block(i)}.{_down_of(i)}"
    yield "up.0.conv", f"{_block(depth - 1)}.3"
    for i in range(1, depth - 1):
        yield f"up.{i}.conv", f"{_block(depth - 1 - i)}.5"
    yield "head.0", f"{_block(0)}.3"


def _norms(depth: int) -> Iterator[tuple[str, str]]:
    """Our name of each norm, and theirs."""
    for i in range(1, depth - 1):
        yield f"down.{i}.norm", f"{_block(i)}.2"
    yield "up.0.norm", f"{_block(depth - 1)}.4"
    for i in range(1, depth - 1):
        yield f"up.{i}.norm", f"{_block(depth - 1 - i)}.6"


def read_huggan(shapes: Shapes) -> Reading | None:
    """The Hub's community sprint: instance norm, and a last layer of nearest neighbors and a convolution.

    Its decoder has the channels of the encoder behind its own ones.
    """
    depth = next(i for i in count() if f"down{i + 1}.model.0.weight" not in shapes)
    tensors: dict[str, Any] = {f"down.{i}.conv.weight": f"down{i + 1}.model.0.weight" for i in range(depth)}
    tensors |= {f"up.{i}.conv.weight": f"up{i + 1}.model.0.weight" for i in range(depth - 1)}
    tensors |= {f"head.2.{kind}": f"final.2.{kind}" for kind in ("weight", "bias")}
    if depth < 2 or set(tensors.values()) != set(shapes):
        return None
    for ours in [f"up.{i}.conv.weight" for i in range(1, depth - 1)]:
        tensors[ours] = Derived((tensors[ours],), partial(_swapped, dim=0))
    tensors["head.2.weight"] = Derived((tensors["head.2.weight"],), partial(_swapped, dim=1))
    config = {"norm": "instance", "upsampling": "nearest", "skip_activation": "leaky-relu"}
    return _reading(shapes["down1.model.0.weight"], depth, config, tensors)


def _swapped(weight: Tensor, dim: int) -> Tensor:
    """The weight with the halves of its input channels the other way around."""
    return weight.roll(weight.shape[dim] // 2, dim)


def _reading(first: tuple[int, ...], depth: int, config: dict[str, Any], tensors: dict[str, Any]) -> Reading:
    """The reading of a file whose first convolution has the shape `first`; it does not show its direction."""
    sizes = {"width": first[0], "channels": first[1], "halvings": depth, "resolution": max(2**depth, 32)}
    named = {f"generator.{ours}": theirs for ours, theirs in tensors.items()}
    return Reading(config={**config, **sizes}, tensors=named)


LAYOUTS = (
    Layout(
        name="junyanz-pix2pix",
        architecture="pix2pix",
        source="https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/models/networks.py",
        example=("model.model.0.weight", "model.model.1.model.1.weight", "model.model.3.weight"),
        read=read_junyanz,
    ),
    Layout(
        name="huggan-pix2pix",
        architecture="pix2pix",
        source="https://github.com/huggingface/community-events/blob/main/huggan/pytorch/pix2pix/modeling_pix2pix.py",
        example=("down1.model.0.weight", "up1.model.0.weight", "final.2.weight"),
        read=read_huggan,
    ),
)
"""The layouts that ganzoo can read."""
