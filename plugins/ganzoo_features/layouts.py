"""The tensors of the networks here, from files of other code bases. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["adapt_clip", "adapt_dinov2", "adapt_lpips"]


_DINOV2 = {
    "embeddings.cls_token": "class_token",
    "embeddings.position_embeddings": "positions",
    "embeddings.patch_embeddings.projection.": "patches.",
    "encoder.layer.": "blocks.",
    "attention.attention.": "attention.",
    "attention.output.dense.": "attention.out.",
    "layer_scale1.lambda1": "scale1",
    "layer_scale2.lambda1": "scale2",
    "mlp.": "",
    "layernorm.": "norm_after.",
}
_CLIP = {
    "vision_model.": "",
    "embeddings.class_embedding": "class_token",
    "embeddings.position_embedding.weight": "positions",
    "embeddings.patch_embedding.": "patches.",
    "encoder.layers.": "blocks.",
    "self_attn.q_proj.": "attention.query.",
    "self_attn.k_proj.": "attention.key.",
    "self_attn.v_proj.": "attention.value.",
    "self_attn.out_proj.": "attention.out.",
    "layer_norm": "norm",
    "mlp.": "",
    "pre_layrnorm.": "norm_before.",  # the file spells it so
    "post_layernorm.": "norm_after.",
    "visual_projection.": "projection.",
}
"""What parts of the names in transformers' files are called here."""


def adapt_dinov2(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `DinoV2` from those of transformers' ``Dinov2Model``, without the token of masked training."""
    found = {_renamed(name, _DINOV2): tensor for name, tensor in tensors.items() if not name.endswith("mask_token")}
    return {**found, "class_token": found["class_token"].flatten(), "positions": found["positions"][0]}


def adapt_clip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `Clip` from those of transformers' ``CLIPModel``, without those that read texts."""
    own = ("vision_model.", "visual_projection.")
    kept = (name for name in tensors if name.startswith(own) and not name.endswith("position_ids"))
    return {_renamed(name, _CLIP): tensors[name] for name in kept}


def _renamed(name: str, words: Mapping[str, str]) -> str:
    for theirs, ours in words.items():
        name = name.replace(theirs, ours)
    return name


def adapt_lpips(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `Lpips` from those of VGG16, ``features.0.weight``, and those of the heads, ``0.weight``."""
    heads = (re.fullmatch(r"(\d)\.weight", name) for name in tensors)
    weights = {f"heads.{found[1]}": tensors[found[0]].flatten() for found in heads if found}
    return {name: tensor for name, tensor in tensors.items() if name.startswith("features.")} | weights
