"""How the authors' code names the tensors of an AttnGAN generator, and those of the text encoder beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ganzoo import Derived, Layout, Reading, Resolution, Shapes, read_sizes
from ganzoo_dfgan.attngan.config import AttnGANConfig
from ganzoo_dfgan.encoder_layout import TEXT_ENCODER, make_encoders, our_names, read_text_encoder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read"]

_NORM = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
_PATTERNS = (
    (r"ca_net\.fc\.(weight|bias)", r"conditioning.project.\1"),
    (r"h_net1\.fc\.0\.weight", "first.project.weight"),
    (rf"h_net1\.fc\.1\.{_NORM}", r"first.norm.\1"),
    *((rf"h_net1\.upsample{i + 1}\.(.*)", rf"first.blocks.{i}.\1") for i in range(4)),
    *(
        pattern
        for i in range(2)
        for pattern in (
            (rf"h_net{i + 2}\.att\.conv_context\.weight", f"stages.{i}.attention.project.weight"),
            (rf"h_net{i + 2}\.residual\.(\d+)\.block\.(.*)", rf"stages.{i}.blocks.\1.layers.\2"),
            (rf"h_net{i + 2}\.upsample\.(.*)", rf"stages.{i}.upsampling.\1"),
        )
    ),
    *((rf"img_net{i + 1}\.img\.0\.weight", f"to_images.{i}.weight") for i in range(3)),
)
"""Patterns of their names, and our names in the generator."""


def read(shapes: Shapes) -> Reading | None:
    """``ca_net.fc.weight``, ``h_net1.fc.0.weight``, ``h_net2.att.conv_context.weight``, ``img_net1.img.0.weight``."""
    fields = _config(shapes)
    if fields is None:
        return None
    pixels = shapes["h_net1.fc.0.weight"][0] // (32 * fields["width"])  # twice 16 times the width, for a gated unit
    return read_sizes(pixels, 3 + fields["stages"], partial(_reading, shapes, fields))


def _reading(shapes: Shapes, values: Mapping[str, Any], resolution: Resolution) -> Reading | None:
    """The reading for images of this size; None if the generator has more or fewer tensors, or other values."""
    fields = {**values, "resolution": resolution}
    try:
        config = AttnGANConfig(**fields)
    except ValueError:
        return None
    names = our_names(shapes, _PATTERNS)
    counted = [ours for ours in names if not ours.endswith("num_batches_tracked")]
    if len(counted) != _tensors(config):
        return None
    tensors: dict[str, str | Derived] = {f"generator.{ours}": _tensor(theirs) for ours, theirs in names.items()}
    encoders = make_encoders("attngan", config, shapes)
    return Reading(config=fields, tensors={**tensors, **encoders.tensors}, lists=encoders.lists, notes=encoders.notes)


def _config(shapes: Shapes) -> dict[str, Any] | None:
    """The config fields of a generator with these shapes but its resolution; None if there is no such generator."""
    condition, rgb, first = (shapes.get(f"{n}.weight", ()) for n in ("ca_net.fc", "img_net1.img.0", "h_net1.fc.0"))
    encoder = read_text_encoder(shapes)
    if (len(condition), len(rgb), len(first)) != (2, 4, 2) or encoder is None:
        return None
    stages = sum(f"img_net{i}.img.0.weight" in shapes for i in (1, 2, 3))
    fields: dict[str, Any] = {
        **encoder,
        "stages": stages,
        "channels": rgb[0],
        "latent_dim": first[1] - condition[0] // 4,
        "condition_dim": condition[0] // 4,
        "width": rgb[1],
        "sentence_dim": condition[1],
        "residual_blocks": max(_count(shapes, r"h_net2\.residual\.(\d+)\..*"), 1),
    }
    agree = encoder.get("sentence_dim", condition[1]) == condition[1]
    return fields if agree and rgb[1] else None


def _count(shapes: Shapes, pattern: str) -> int:
    """The number of blocks: their numbers are 0, 1, and so on."""
    return len({found[1] for name in shapes if (found := re.fullmatch(pattern, name))})


def _tensors(config: AttnGANConfig) -> int:
    """The number of the generator's tensors without the counts of its norms."""
    upsampling = 5
    return 2 + 5 + 4 * upsampling + (config.stages - 1) * (1 + 10 * config.residual_blocks + upsampling) + config.stages


def _tensor(theirs: str) -> str | Derived:
    """Their tensor; the map of words is a 1x1 convolution there."""
    return Derived((theirs,), _as_matrix) if theirs.endswith("conv_context.weight") else theirs


def _as_matrix(weight: Tensor) -> Tensor:
    return weight.flatten(1)


LAYOUTS = (
    Layout(
        name="attngan",
        architecture="attngan",
        source="https://github.com/taoxugit/AttnGAN",
        example=("ca_net.fc.weight", "h_net1.fc.0.weight", "img_net1.img.0.weight"),
        read=read,
        beside=TEXT_ENCODER,
    ),
)
"""The layouts that ganzoo can read."""
