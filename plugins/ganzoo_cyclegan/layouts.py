"""How other code bases name the tensors of CycleGAN generators, and how their networks differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo import Layout, Reading, Shapes

__all__ = ["LAYOUTS", "read_course", "read_huggan", "read_junyanz", "read_upit"]

_ENTRY = re.compile(r"(\d+)(?:\.(?:conv_block|block)\.(\d+))?\.(weight|bias)")
_STATISTIC = re.compile(r"\d+\.(?:(?:conv_block|block)\.\d+\.)?(running_mean|running_var|num_batches_tracked)")
_FIRST_BLOCK = 10  # after the first padding, the stem and two downsampling layers of three modules each
_COURSE = {
    "upfeature.conv": "stem.conv",
    "encoder1.conv1": "down.0.conv",
    "encoder2.conv1": "down.1.conv",
    "decoder1.conv1": "up.0.conv",
    "decoder2.conv1": "up.1.conv",
    "downfeature.conv": "head.0",
}


def read_junyanz(shapes: Shapes) -> Reading | None:
    """The authors' code: a sequential with transposed convolutions, ``model.0`` to ``model.27``."""
    return _read_one(shapes, upsampling="transposed")


def read_huggan(shapes: Shapes) -> Reading | None:
    """The Hub's community sprint: the same, with an Upsample and a convolution in place of a transposed convolution.

    That code pads at both ends by as many pixels as an image has channels, so only images of three channels fit.
    """
    reading = _read_one(shapes, upsampling="nearest")
    return reading if reading and reading.config["channels"] == 3 else None


def read_upit(shapes: Shapes) -> Reading | None:
    """UPIT: ``G_A`` and ``G_B`` are the authors' generators. ``G_B`` translates a to b. Discriminators are ignored."""
    theirs = {"a_to_b": "G_B.", "b_to_a": "G_A."}
    parts = {ours: _part(shapes, prefix) for ours, prefix in theirs.items()}
    read = {ours: _read_sequential(part, "transposed") for ours, part in parts.items()}
    configs = [each[0] for each in read.values() if each is not None]
    if len(configs) != 2 or configs[0] != configs[1]:
        return None
    tensors = {
        f"{ours}.{name}": theirs[ours] + entry
        for ours, each in read.items()
        for name, entry in (each[1] if each else {}).items()
    }
    discriminators = {name for name in shapes if name.startswith(("D_A.", "D_B."))}
    return Reading(
        config=configs[0], tensors=tensors, ignored=frozenset(discriminators | _statistics(shapes, *theirs.values()))
    )


def read_course(shapes: Shapes) -> Reading | None:
    """The Hub's computer vision course. Its tensors have the shapes of the authors' network, but it is another one."""
    blocks = {name.partition(".")[0] for name in shapes if name.startswith("res")}
    names = _COURSE | {
        f"res{i}.conv{j}": f"blocks.{i}.{which}.conv"
        for i in range(len(blocks))
        for j, which in ((1, "first"), (2, "second"))
    }
    tensors = {f"{ours}.{kind}": f"{theirs}.{kind}" for theirs, ours in names.items() for kind in ("weight", "bias")}
    if not blocks or set(tensors.values()) != set(shapes):
        return None
    stem = shapes["upfeature.conv.weight"]
    config = {
        "channels": stem[1],
        "width": stem[0],
        "blocks": len(blocks),
        "stem_norm": False,
        "down_padding": "reflect",
    }
    return _one_direction(config, tensors)


def _read_one(shapes: Shapes, upsampling: str) -> Reading | None:
    read = _read_sequential(_part(shapes, "model."), upsampling)
    if read is None:
        return None
    config, entries = read
    tensors = {ours: "model." + theirs for ours, theirs in entries.items()}
    return _one_direction(config, tensors, ignored=_statistics(shapes, "model."))


def _one_direction(
    config: dict[str, Any], tensors: Mapping[str, str], ignored: frozenset[str] = frozenset()
) -> Reading:
    """The reading of a file with one generator. The file does not show its direction, so it is taken as a to b."""
    named = {f"a_to_b.{ours}": theirs for ours, theirs in tensors.items()}
    return Reading(config={**config, "direction": "a_to_b"}, tensors=named, ignored=ignored)


def _read_sequential(shapes: Shapes, upsampling: str) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The config of a generator, and its tensors' names by ganzoo's; None if it is not such a sequential."""
    kernels = {name.removesuffix(".weight"): shape for name, shape in shapes.items() if len(shape) == 4}
    blocks = len({name.partition(".")[0] for name in kernels if ".conv_block." in name or ".block." in name})
    convolutions = dict(_convolutions(kernels, blocks, upsampling))
    if not blocks or convolutions.keys() != kernels.keys() or not _fits(kernels, blocks, upsampling):
        return None
    norms = {_next(theirs): ours.replace(".conv", ".norm") for theirs, ours in convolutions.items() if ours != "head.0"}
    affine = any(f"{theirs}.weight" in shapes for theirs in norms)
    named = convolutions | (norms if affine else {})
    entries = {f"{ours}.{kind}": f"{theirs}.{kind}" for theirs, ours in named.items() for kind in ("weight", "bias")}
    if set(entries.values()) != {name for name in shapes if _ENTRY.fullmatch(name)}:
        return None
    if not all(_ENTRY.fullmatch(name) or _STATISTIC.fullmatch(name) for name in shapes):
        return None
    width, channels = kernels["1"][:2]
    config = {"channels": channels, "width": width, "blocks": blocks, "upsampling": upsampling, "affine": affine}
    return config, entries


def _convolutions(kernels: Mapping[str, Any], blocks: int, upsampling: str) -> Iterator[tuple[str, str]]:
    """The index of each convolution in their sequential, and ganzoo's name for it.

    In a block with dropout, the index of the second convolution is larger by one. Each convolution of a block follows
    a module that pads by reflection. In networks that pad by zeros, the indices are others.
    """
    yield from {"1": "stem.conv", "4": "down.0.conv", "7": "down.1.conv"}.items()
    kind = "conv_block" if f"{_FIRST_BLOCK}.conv_block.1" in kernels else "block"
    second = 6 if f"{_FIRST_BLOCK}.{kind}.6" in kernels else 5
    for i in range(blocks):
        yield f"{_FIRST_BLOCK + i}.{kind}.1", f"blocks.{i}.first.conv"
        yield f"{_FIRST_BLOCK + i}.{kind}.{second}", f"blocks.{i}.second.conv"
    step = 3 if upsampling == "transposed" else 4
    first = _FIRST_BLOCK + blocks + (step - 3)
    yield str(first), "up.0.conv"
    yield str(first + step), "up.1.conv"
    yield str(first + step + 4), "head.0"


def _fits(kernels: Mapping[str, tuple[int, ...]], blocks: int, upsampling: str) -> bool:
    """Whether the first upsampling layer is of this kind: a transposed convolution has its input channels first."""
    width = kernels["1"][0] if "1" in kernels else 0
    first = kernels.get(str(_FIRST_BLOCK + blocks + (upsampling == "nearest")), ())
    wanted = (4 * width, 2 * width, 3, 3) if upsampling == "transposed" else (2 * width, 4 * width, 3, 3)
    return first == wanted


def _next(name: str) -> str:
    """The name of the next module in a sequential. After a convolution, this is its norm."""
    head, dot, index = name.rpartition(".")
    return f"{head}{dot}{int(index) + 1}"


def _part(shapes: Shapes, prefix: str) -> Shapes:
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def _statistics(shapes: Shapes, *prefixes: str) -> frozenset[str]:
    """The names of running statistics. Before PyTorch 0.4, instance norm saved them, but they have no effect."""
    return frozenset(
        name
        for prefix in prefixes
        for name in shapes
        if name.startswith(prefix) and _STATISTIC.fullmatch(name.removeprefix(prefix))
    )


LAYOUTS = (
    Layout(
        name="junyanz-cyclegan",
        architecture="cyclegan",
        source="https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/models/networks.py",
        example=("model.1.weight", "model.10.conv_block.1.weight", "model.19.weight"),
        read=read_junyanz,
    ),
    Layout(
        name="upit-cyclegan",
        architecture="cyclegan",
        source="https://github.com/tmabraham/UPIT/blob/main/upit/models/cyclegan.py",
        example=("G_A.1.weight", "G_B.10.conv_block.1.weight", "D_A.0.weight"),
        read=read_upit,
    ),
    Layout(
        name="huggan-cyclegan",
        architecture="cyclegan",
        source="https://github.com/huggingface/community-events/blob/main/huggan/pytorch/cyclegan/modeling_cyclegan.py",
        example=("model.1.weight", "model.10.block.1.weight", "model.20.weight"),
        read=read_huggan,
    ),
    Layout(
        name="course-cyclegan",
        architecture="cyclegan",
        source="https://github.com/johko/computer-vision-course",
        example=("upfeature.conv.weight", "encoder1.conv1.weight", "res0.conv1.weight"),
        read=read_course,
    ),
)
"""The layouts that ganzoo can read."""
