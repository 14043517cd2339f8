"""How the authors' code names the tensors of a DF-GAN generator, in its first release and in the newer one.

Such a file holds no encoders. The text encoder is in a file of AttnGAN's code; without it, the model is a generator to
train from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ganzoo import Derived, Layout, Reading, Resolution, Shapes, read_sizes
from ganzoo_dfgan.config import DFGANConfig
from ganzoo_dfgan.encoder_layout import TEXT_ENCODER, make_encoders, our_names, read_text_encoder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_2020", "read_2022"]


def read_2022(shapes: Shapes) -> Reading | None:
    """The newer code: ``fc.weight``, ``GBlocks.0.c1.weight``, ..., ``to_rgb.1.weight``."""
    blocks = _count(shapes, r"GBlocks\.(\d+)\.c1\.weight")
    affine = "GBlocks.0.fuse1.affine0.fc_gamma.linear1.weight"
    config = _config(shapes, last="to_rgb.1.weight", affine=affine, fuse_latent=True)
    if config is None:
        return None
    names = {f"generator.{ours}": theirs for ours, theirs in our_names(shapes, _NAMES_2022).items()}
    pixels = _pixels(shapes, "GBlocks.0.c1.weight")
    return read_sizes(pixels, blocks, partial(_reading, shapes, config, names))


def read_2020(shapes: Shapes) -> Reading | None:
    """The first release: ``fc.weight``, ``block0.c1.weight``, ``block0.gamma``, ..., ``conv_img.1.weight``.

    Its blocks multiply their residual by a learned gain, which becomes a part of the last convolution.
    """
    blocks = _count(shapes, r"block(\d+)\.c1\.weight")
    config = _config(
        shapes,
        last="conv_img.1.weight",
        affine="block0.affine0.fc_gamma.linear1.weight",
        fuse_latent=False,
    )
    if config is None or any(f"block{i}.gamma" not in shapes for i in range(blocks)):
        return None
    found = our_names(shapes, _NAMES_2020)
    names: dict[str, str | Derived] = {f"generator.{ours}": theirs for ours, theirs in found.items()}
    for i in range(blocks):
        for kind in ("weight", "bias"):
            names[f"generator.blocks.{i}.conv1.{kind}"] = Derived((f"block{i}.c2.{kind}", f"block{i}.gamma"), _scaled)
    pixels = _pixels(shapes, "block0.c1.weight")
    return read_sizes(pixels, blocks - 1, partial(_reading, shapes, config, names))


_NAMES_2022 = (
    (r"fc\.(\w+)", r"project.\1"),
    (r"GBlocks\.(\d+)\.c1\.(\w+)", r"blocks.\1.conv0.\2"),
    (r"GBlocks\.(\d+)\.c2\.(\w+)", r"blocks.\1.conv1.\2"),
    (r"GBlocks\.(\d+)\.c_sc\.(\w+)", r"blocks.\1.shortcut.\2"),
    (r"to_rgb\.1\.(\w+)", r"to_rgb.\1"),
    *(
        (
            rf"GBlocks\.(\d+)\.fuse{fuse + 1}\.affine(\d)\.fc_(gamma|beta)\.linear{layer + 1}\.(\w+)",
            rf"blocks.\1.fuse{fuse}.affine\2.\3.{2 * layer}.\4",
        )
        for fuse in (0, 1)
        for layer in (0, 1)
    ),
)
_NAMES_2020 = (
    (r"fc\.(\w+)", r"project.\1"),
    (r"block(\d+)\.c1\.(\w+)", r"blocks.\1.conv0.\2"),
    (r"block(\d+)\.c2\.(\w+)", r"blocks.\1.conv1.\2"),
    (r"block(\d+)\.c_sc\.(\w+)", r"blocks.\1.shortcut.\2"),
    (r"conv_img\.1\.(\w+)", r"to_rgb.\1"),
    *(
        (
            rf"block(\d+)\.affine{2 * fuse + affine}\.fc_(gamma|beta)\.linear{layer + 1}\.(\w+)",
            rf"blocks.\1.fuse{fuse}.affine{affine}.\2.{2 * layer}.\3",
        )
        for fuse in (0, 1)
        for affine in (0, 1)
        for layer in (0, 1)
    ),
)
"""Patterns of their names, and our names in the generator."""


def _count(shapes: Shapes, pattern: str) -> int:
    """The number of blocks: their numbers are 0, 1, and so on."""
    return len({found[1] for name in shapes if (found := re.fullmatch(pattern, name))})


def _pixels(shapes: Shapes, first: str) -> int:
    """The number of pixels of the first map, which the layer ``fc`` makes and the convolution `first` takes."""
    kernel = shapes.get(first, ())
    return shapes["fc.weight"][0] // kernel[1] if len(kernel) == 4 and kernel[1] else 0


def _config(shapes: Shapes, *, last: str, affine: str, fuse_latent: bool) -> dict[str, Any] | None:
    """The config fields of a generator with these shapes but its resolution; None if there is no such generator."""
    first, rgb, hidden = (shapes.get(name, ()) for name in ("fc.weight", last, affine))
    encoder = read_text_encoder(shapes)
    if (len(first), len(rgb), len(hidden)) != (2, 4, 2) or encoder is None:
        return None
    fields: dict[str, Any] = {
        **encoder,
        "channels": rgb[0],
        "latent_dim": first[1],
        "width": rgb[1],
        "sentence_dim": hidden[1] - (first[1] if fuse_latent else 0),
        "fuse_latent": fuse_latent,
    }
    if not fuse_latent:
        fields |= {"first_block": True, "affine_dim": hidden[0]}
    agree = encoder.get("sentence_dim", fields["sentence_dim"]) == fields["sentence_dim"]
    return fields if agree else None


def _reading(
    shapes: Shapes, fields: Mapping[str, Any], names: Mapping[str, str | Derived], resolution: Resolution
) -> Reading | None:
    """The reading for images of this size; None if the generator has more or fewer tensors, or other values."""
    config = {**fields, "resolution": resolution}
    try:
        made = DFGANConfig(**config)
    except ValueError:
        return None
    blocks = len(made.widths) - 1 + made.first_block
    shortcuts = len(set(made.widths)) - 1
    if len(names) != 4 + 36 * blocks + 2 * shortcuts:
        return None
    encoders = make_encoders("dfgan", made, shapes)
    return Reading(config=config, tensors={**names, **encoders.tensors}, lists=encoders.lists, notes=encoders.notes)


def _scaled(weight: Tensor, gain: Tensor) -> Tensor:
    return weight * gain


LAYOUTS = (
    Layout(
        name="df-gan",
        architecture="dfgan",
        source="https://github.com/tobran/DF-GAN",
        example=("fc.weight", "GBlocks.0.c1.weight", "to_rgb.1.weight"),
        read=read_2022,
        beside=TEXT_ENCODER,
    ),
    Layout(
        name="df-gan-2020",
        architecture="dfgan",
        source="https://github.com/tobran/DF-GAN, commit 9015356 and older",
        example=("fc.weight", "block0.c1.weight", "conv_img.1.weight"),
        read=read_2020,
        beside=TEXT_ENCODER,
    ),
)
"""The layouts that ganzoo can read."""
