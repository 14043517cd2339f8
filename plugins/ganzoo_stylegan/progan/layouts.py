"""How another code base names the tensors of a ProGAN generator."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

from ganzoo import Derived, FirstMap, Layout, Reading, Shapes
from ganzoo_stylegan.progan.config import ProGANConfig

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_genforce"]

_IMPLIED = ("resolution", "channels", "latent_dim", "base_width", "max_width")


def read_genforce(shapes: Shapes) -> Reading | None:
    """GenForce's conversions of the authors' files: ``layer0.weight``, ..., ``output0.weight``, ..., and ``lod``."""
    blocks = sum(name.startswith("output") and name.endswith(".weight") for name in shapes)
    config = _config(shapes, blocks)
    if config is None or dict(shapes) != _shapes(config):
        return None
    tensors: dict[str, str | Derived] = dict(_names(blocks))
    tensors["generator.blocks.0.project.weight"] = Derived(("layer0.weight",), _projection)
    tensors["generator.images_seen"] = Derived(("lod",), partial(_images_seen, config))
    return Reading(config={name: getattr(config, name) for name in _IMPLIED}, tensors=tensors)


def _config(shapes: Shapes, blocks: int) -> ProGANConfig | None:
    """The config of a generator whose first and last layers have these shapes; None if there is no such generator."""
    first, last = shapes.get("layer0.weight", ()), shapes.get(f"output{blocks - 1}.weight", ())
    if len(first) != 4 or len(last) != 4:
        return None
    start = FirstMap((first[2], first[3]), blocks - 1)
    try:
        found = ProGANConfig(
            resolution=start.resolution,
            channels=last[0],
            latent_dim=first[1],
            base_width=last[1] * start.sides[-1],
            max_width=first[0],
        )
    except ValueError:
        return None
    return found if found.first_map == start else None


def _shapes(config: ProGANConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors in their file of a generator."""
    widths = [config.width(resolution) for resolution in config.resolutions]
    weights: dict[str, tuple[int, ...]] = {"layer0": (widths[0], config.latent_dim, *config.first_map.size)}
    for i, (before, width) in enumerate(pairwise([config.latent_dim, *widths])):
        weights.setdefault(f"layer{2 * i}", (width, before, 3, 3))
        weights |= {f"layer{2 * i + 1}": (width, width, 3, 3), f"output{i}": (config.channels, width, 1, 1)}
    biases = {f"{name}.bias": shape[:1] for name, shape in weights.items()}
    return {"lod": (), **{f"{name}.weight": shape for name, shape in weights.items()}, **biases}


def _names(blocks: int) -> dict[str, str]:
    """Their names, by ours."""
    names: dict[str, str] = {}
    for i in range(blocks):
        convs = ("conv0", "conv1") if i else ("project", "conv")
        layers = {f"blocks.{i}.{conv}": f"layer{2 * i + j}" for j, conv in enumerate(convs)}
        for ours, layer in {**layers, f"to_rgb.{i}": f"output{i}"}.items():
            names |= {f"generator.{ours}.{kind}": f"{layer}.{kind}" for kind in ("weight", "bias")}
    names["generator.blocks.0.bias"] = names.pop("generator.blocks.0.project.bias")
    return names


def _projection(weight: Tensor) -> Tensor:
    """Their kernel (C, latent_dim, H, W) of a 1x1 image as a matrix (C * H * W, latent_dim), pixel after pixel.

    A convolution reaches its first pixel with the last weight of the kernel, hence the flip. They scale a kernel by the
    number of all of its weights, and our projection by that of a kernel of 4x4.
    """
    height, width = weight.shape[2:]
    return weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2) * (4 / sqrt(height * width))


def _images_seen(config: ProGANConfig, lod: Tensor) -> Tensor:
    """The images after which our generator has grown as far. Their level of detail counts the missing doublings."""
    import torch

    from ganzoo_stylegan.progan.growth import images_at

    return torch.tensor(images_at(config, max(len(config.resolutions) - 1 - float(lod), 0.0)))


LAYOUTS = (
    Layout(
        name="genforce-pggan",
        architecture="progan",
        source="https://github.com/genforce/sefa; such weights of faces: huggan/pggan-celebahq-1024 on the Hub",
        example=("lod", "layer0.weight", "output0.weight"),
        read=read_genforce,
    ),
)
"""The layouts that ganzoo can read."""
