"""How the authors' code names the tensors of a DF-GAN generator, in its first release and in the newer one.

Such a file holds no encoders of texts and pictures: they are as before training. It is a generator to train from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ganzoo import Derived, Layout, Reading, Shapes
from ganzoo_dfgan.config import DFGANConfig

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_2020", "read_2022"]

_NOTE = (
    "the file holds no text encoder, so the model knows no words: train it on captions with "
    "ganzoo train dfgan --init FOLDER --data CAPTIONED_FOLDER"
)


def read_2022(shapes: Shapes) -> Reading | None:
    """The newer code: ``fc.weight``, ``GBlocks.0.c1.weight``, ..., ``to_rgb.1.weight``."""
    blocks = _count(shapes, r"GBlocks\.(\d+)\.c1\.weight")
    affine = "GBlocks.0.fuse1.affine0.fc_gamma.linear1.weight"
    config = _config(shapes, last="to_rgb.1.weight", affine=affine, doublings=blocks, fuse_latent=True)
    if config is None:
        return None
    names = {f"generator.{ours}": theirs for ours, theirs in _pairs(shapes, _NAMES_2022)}
    return _reading(config, names)


def read_2020(shapes: Shapes) -> Reading | None:
    """The first release: ``fc.weight``, ``block0.c1.weight``, ``block0.gamma``, ..., ``conv_img.1.weight``.

    Its blocks multiply their residual by a learned gain, which becomes a part of the last convolution.
    """
    blocks = _count(shapes, r"block(\d+)\.c1\.weight")
    config = _config(
        shapes,
        last="conv_img.1.weight",
        affine="block0.affine0.fc_gamma.linear1.weight",
        doublings=blocks - 1,
        fuse_latent=False,
    )
    if config is None or any(f"block{i}.gamma" not in shapes for i in range(blocks)):
        return None
    names: dict[str, str | Derived] = {f"generator.{ours}": theirs for ours, theirs in _pairs(shapes, _NAMES_2020)}
    for i in range(blocks):
        for kind in ("weight", "bias"):
            names[f"generator.blocks.{i}.conv1.{kind}"] = Derived((f"block{i}.c2.{kind}", f"block{i}.gamma"), _scaled)
    return _reading(config, names)


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


def _pairs(shapes: Shapes, names: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """Our name and theirs of each tensor that a pattern knows."""
    return [
        (found.expand(ours), theirs)
        for theirs in shapes
        for pattern, ours in names
        if (found := re.fullmatch(pattern, theirs))
    ]


def _count(shapes: Shapes, pattern: str) -> int:
    """The number of blocks: their numbers are 0, 1, and so on."""
    return len({found[1] for name in shapes if (found := re.fullmatch(pattern, name))})


def _config(shapes: Shapes, *, last: str, affine: str, doublings: int, fuse_latent: bool) -> Mapping[str, Any] | None:
    """The config fields of a generator with these shapes; None if there is no such generator."""
    first, rgb, hidden = (shapes.get(name, ()) for name in ("fc.weight", last, affine))
    if (len(first), len(rgb), len(hidden)) != (2, 4, 2):
        return None
    fields: dict[str, Any] = {
        "resolution": 4 * 2**doublings,
        "channels": rgb[0],
        "latent_dim": first[1],
        "width": rgb[1],
        "sentence_dim": hidden[1] - (first[1] if fuse_latent else 0),
        "fuse_latent": fuse_latent,
    }
    if not fuse_latent:
        fields |= {"first_block": True, "affine_dim": hidden[0]}
    try:
        DFGANConfig(**fields)
    except ValueError:
        return None
    return fields


def _reading(config: Mapping[str, Any], names: Mapping[str, str | Derived]) -> Reading | None:
    """The reading, with encoders as before training; None if the generator has more or fewer tensors."""
    made = DFGANConfig(**config)
    blocks = len(made.widths) - 1 + made.first_block
    shortcuts = len(set(made.widths)) - 1
    if len(names) != 4 + 36 * blocks + 2 * shortcuts:
        return None
    encoders = {name: Derived((), _initial(config, name)) for name in _encoder_names(made)}
    return Reading(config=config, tensors={**names, **encoders}, notes=(_NOTE,))


def _scaled(weight: Tensor, gain: Tensor) -> Tensor:
    return weight * gain


def _encoder_names(config: DFGANConfig) -> list[str]:
    """The names of all tensors of the encoders."""
    parts = [*(f"features.{2 * i}" for i in range(len(config.widths) - 1)), "code"]
    ends = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return [
        "matching.images_seen",
        "matching.text_encoder.embedding.weight",
        *(f"matching.text_encoder.rnn.{end}{reverse}" for reverse in ("", "_reverse") for end in ends),
        *(f"matching.image_encoder.{part}.{kind}" for part in parts for kind in ("weight", "bias")),
    ]


def _initial(config: Mapping[str, Any], name: str) -> Callable[[], Tensor]:
    """A function that returns a tensor of the encoders as before training, the same at each call."""

    def make() -> Tensor:
        import torch

        from ganzoo_dfgan.matching import Matching

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tensors: dict[str, Tensor] = Matching(DFGANConfig(**config)).state_dict()
        return tensors[name.removeprefix("matching.")]

    return make


LAYOUTS = (
    Layout(
        name="df-gan",
        architecture="dfgan",
        source="https://github.com/tobran/DF-GAN",
        example=("fc.weight", "GBlocks.0.c1.weight", "to_rgb.1.weight"),
        read=read_2022,
    ),
    Layout(
        name="df-gan-2020",
        architecture="dfgan",
        source="https://github.com/tobran/DF-GAN, commit 9015356 and older",
        example=("fc.weight", "block0.c1.weight", "conv_img.1.weight"),
        read=read_2020,
    ),
)
"""The layouts that ganzoo can read."""
