"""How another code base names the tensors of a ProGAN generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganzoo import Derived, Layout, Reading, Shapes
from ganzoo_stylegan.progan.config import ProGANConfig

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_genforce"]


def read_genforce(shapes: Shapes) -> Reading | None:
    """GenForce's conversions of the authors' files: ``layer0.weight``, ..., ``output0.weight``, ..., and ``lod``."""
    blocks = sum(name.startswith("output") and name.endswith(".weight") for name in shapes)
    config = _config(shapes, blocks)
    if config is None or shapes.keys() != {"lod", *_theirs(blocks).values()}:
        return None
    tensors: dict[str, str | Derived] = dict(_theirs(blocks))
    tensors["generator.blocks.0.project.weight"] = Derived(("layer0.weight",), _projection)
    tensors["generator.images_seen"] = Derived(("lod",), lambda lod: _images_seen(lod, blocks))
    return Reading(config=config, tensors=tensors)


def _theirs(blocks: int) -> dict[str, str]:
    """Their names, by ours."""
    names: dict[str, str] = {}
    for i in range(blocks):
        convs = ("conv0", "conv1") if i else ("project", "conv")
        pairs = {f"blocks.{i}.{conv}": f"layer{2 * i + j}" for j, conv in enumerate(convs)}
        for ours, layer in {**pairs, f"to_rgb.{i}": f"output{i}"}.items():
            names |= {f"generator.{ours}.{kind}": f"{layer}.{kind}" for kind in ("weight", "bias")}
    names["generator.blocks.0.bias"] = names.pop("generator.blocks.0.project.bias")
    return names


def _config(shapes: Shapes, blocks: int) -> dict[str, Any] | None:
    """The config that the shapes imply; None if they are not those of a ProGAN."""
    widths = [shapes.get(f"output{i}.weight", ())[1:2] for i in range(blocks)]
    first = shapes.get("layer0.weight", ())
    if blocks < 2 or len(first) != 4 or first[2:] != (4, 4) or not all(widths):
        return None
    resolution, last = 2 ** (blocks + 1), widths[-1][0]
    config = {
        "resolution": resolution,
        "channels": shapes["output0.weight"][0],
        "latent_dim": first[1],
        "base_width": last * resolution,
        "max_width": widths[0][0],
    }
    return config if _fits(config, widths) else None


def _fits(config: dict[str, Any], widths: list[tuple[int, ...]]) -> bool:
    try:
        expected = ProGANConfig(**config)
    except ValueError:
        return False
    return widths == [(expected.width(resolution),) for resolution in expected.resolutions]


def _projection(weight: Tensor) -> Tensor:
    """Their 4x4 kernel (C, latent_dim, 4, 4) of a 1x1 image as a matrix (16 C, latent_dim), pixel after pixel.

    A convolution reaches its first pixel with the last weight of the kernel, hence the flip.
    """
    return weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2)


def _images_seen(lod: Tensor, blocks: int) -> Tensor:
    """Their level of detail counts the doublings that are missing."""
    import torch

    from ganzoo_stylegan.progan.growth import images_at

    config = ProGANConfig(resolution=2 ** (blocks + 1))
    return torch.tensor(images_at(config, max(blocks - 1 - float(lod), 0.0)))


LAYOUTS = (
    Layout(
        name="genforce-pggan",
        architecture="progan",
        source="https://github.com/genforce/sefa/blob/master/models/pggan_generator.py",
        example=("lod", "layer0.weight", "output0.weight"),
        read=read_genforce,
    ),
)
"""The layouts that ganzoo can read."""
