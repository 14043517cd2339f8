"""Are DINOv2's features those of Facebook's code, which torch-fidelity runs? It gives both the same random weights.

    git clone https://github.com/facebookresearch/dinov2
    XFORMERS_DISABLED=1 python experiments/dinov2.py dinov2

It prints the largest difference of a feature, and the standard deviation of all features.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from ganzoo_features.layouts import adapt_dinov2
from ganzoo_features.resizing import as_color_square
from ganzoo_features.vit import SIDE, DinoV2

NAMES = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "mask_token": "embeddings.mask_token",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "blocks.": "encoder.layer.",
    "attn.proj": "attention.output.dense",
    "ls1.gamma": "layer_scale1.lambda1",
    "ls2.gamma": "layer_scale2.lambda1",
}
"""What Facebook's code calls parts of names, and what transformers does."""


def as_transformers(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of Facebook's network under the names of transformers' files."""
    found = {}
    for name, tensor in tensors.items():
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        if name.startswith("norm."):
            name = f"layernorm.{name.removeprefix('norm.')}"
        if "attn.qkv" in name:
            parts = zip(("query", "key", "value"), tensor.chunk(3), strict=True)
            found |= {name.replace("attn.qkv", f"attention.attention.{part}"): each for part, each in parts}
        else:
            found[name] = tensor
    return found


@torch.inference_mode()
def main() -> None:
    """Compare both networks on two random images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a checkout of facebookresearch/dinov2")
    torch.manual_seed(0)
    theirs = torch.hub.load(str(parser.parse_args().folder), "dinov2_vits14", source="local", pretrained=False).eval()
    for name, tensor in theirs.state_dict().items():
        tensor.copy_(torch.randn_like(tensor) * 0.05 + ("norm" in name and name.endswith("weight")))
    ours = DinoV2(384, 12).eval()
    ours.load_state_dict(adapt_dinov2(as_transformers(theirs.state_dict())))
    images = torch.randint(0, 256, (2, 3, 50, 40), dtype=torch.uint8)
    mean, deviation = (255 * torch.tensor(each).view(3, 1, 1) for each in (DinoV2.mean, DinoV2.deviation))
    expected = theirs((as_color_square(images, SIDE, dtype=torch.float32) - mean) / deviation)
    difference = (ours(images).features - expected).abs().max()
    print(f"largest difference {difference:.1e}, standard deviation {expected.std():.2f}")


if __name__ == "__main__":
    main()
