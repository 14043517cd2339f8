"""How lucidrains' stylegan2-pytorch names the tensors of its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from ganzoo import Derived, FirstMap, GanzooError, Layout, Reading, Shapes
from ganzoo_stylegan.lucidrains.config import LucidrainsConfig

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_lucidrains"]

_LATENTS = 10_000  # of so many, the mean style is computed, which no file holds
_LEFT = ("S.", "G.", "D.", "D_aug.", "D_cl.")
_ATTENTION = {
    "norm0.weight": "0.fn.norm.g",
    "norm0.bias": "0.fn.norm.b",
    "attention.query.weight": "0.fn.fn.to_q.weight",
    "attention.neighbors.weight": "0.fn.fn.to_kv.net.0.weight",
    "attention.key_value.weight": "0.fn.fn.to_kv.net.1.weight",
    "attention.out.weight": "0.fn.fn.to_out.weight",
    "attention.out.bias": "0.fn.fn.to_out.bias",
    "norm1.weight": "1.fn.norm.g",
    "norm1.bias": "1.fn.norm.b",
    "conv0.weight": "1.fn.fn.0.weight",
    "conv0.bias": "1.fn.fn.0.bias",
    "conv1.weight": "1.fn.fn.2.weight",
    "conv1.bias": "1.fn.fn.2.bias",
}
"""Our names in a layer of attention, and theirs."""


def read_lucidrains(shapes: Shapes) -> Reading | None:
    """A checkpoint ``model_N.pt`` with all networks. The averages are read: ``SE``, the mapping, and ``GE``.

    Raises:
        GanzooError: it is of a version whose networks are others; the message says which versions can be read.
    """
    if "GE.blocks.0.to_style1.weight" not in shapes or "SE.net.0.weight" not in shapes:
        return None
    _refuse_old_versions(shapes)
    config = _config(shapes)
    names = dict(_names(config)) if config else {}
    if config is None or not set(names.values()) <= set(shapes):
        return None
    return Reading(
        config={name: getattr(config, name) for name in _IMPLIED},
        tensors={f"generator.{name}": source for name, source in _sources(shapes, config, names).items()},
        ignored=frozenset(name for name in shapes if name.startswith(_LEFT)),
        notes=(
            "it holds several networks: SE and GE are read, the averages, and S, G and D are left",
            "it does not tell lr_mlp, the learning rate of the mapping network; the default 0.1 is assumed",
        ),
    )


def _refuse_old_versions(shapes: Shapes) -> None:
    """Say of generators of other versions, which are other functions, what they are."""
    if "GE.blocks.0.to_rgb.upsample.1.f" not in shapes or "GE.initial_conv.weight" not in shapes:
        text = "the file is of lucidrains' stylegan2-pytorch before version 1.1, whose generator is another network"
        raise GanzooError(f"{text} - files of version 1.1 and later can be imported")
    attention = {name.split(".", 3)[3] for name in shapes if name.startswith("GE.attns.")}
    if attention and attention != set(_ATTENTION.values()):
        text = "the file is of lucidrains' stylegan2-pytorch before version 1.8.6, whose attention is another network"
        raise GanzooError(f"{text} - files with attention of version 1.8.6 and later can be imported")


_IMPLIED = (
    *("resolution", "channels", "latent_dim", "mapping_layers"),
    *("capacity", "max_width", "learned_constant", "attention_layers"),
)


_STARTS = ("GE.initial_block", "GE.to_initial_block.weight")
"""Where the generator begins: the last two sizes of the one that it has are the sides of its first map."""


def _config(shapes: Shapes) -> LucidrainsConfig | None:
    """The config of a generator with these tensors; None if there is none."""
    blocks = _count(shapes, "GE.blocks.{}.to_style1.weight")
    widths = [shapes.get(f"GE.blocks.{i}.conv2.weight", (0,))[0] for i in range(blocks)]
    capacity = widths[-1] // 2
    start = next((shapes[name][2:] for name in _STARTS if len(shapes.get(name, ())) == 4), ())
    if len(start) != 2:
        return None
    uncapped = widths[0] == capacity * 2**blocks
    attention = [blocks - i for i in range(blocks) if f"GE.attns.{i}.0.fn.norm.g" in shapes]
    values: dict[str, Any] = {
        "resolution": FirstMap((start[0], start[1]), blocks - 1).resolution,
        "channels": shapes.get("GE.blocks.0.to_rgb.conv.weight", (0,))[0],
        "latent_dim": shapes["SE.net.0.weight"][1],
        "mapping_layers": _count(shapes, "SE.net.{}.weight", step=2),
        "capacity": capacity,
        "max_width": max(widths[0], LucidrainsConfig.max_width) if uncapped else widths[0],
        "learned_constant": "GE.initial_block" in shapes,
        "attention_layers": tuple(sorted(attention)),
    }
    try:
        config = LucidrainsConfig(**values)
    except ValueError:
        return None
    return config if widths == [config.width(resolution) for resolution in config.resolutions] else None


def _count(shapes: Shapes, pattern: str, step: int = 1) -> int:
    """How many of the names ``pattern.format(0)``, ``pattern.format(step)``, ... there are in a row."""
    return next(i for i in count() if pattern.format(step * i) not in shapes)


def _names(config: LucidrainsConfig) -> Iterator[tuple[str, str]]:
    """Our names, and theirs."""
    for kind in ("weight", "bias"):
        for i in range(config.mapping_layers):
            yield f"mapping.fc.{i}.{kind}", f"SE.net.{2 * i}.{kind}"
        yield f"synthesis.conv.{kind}", f"GE.initial_conv.{kind}"
    if config.learned_constant:
        yield "synthesis.const", "GE.initial_block"
    else:
        yield "synthesis.project.weight", "GE.to_initial_block.weight"
    for i, resolution in enumerate(config.resolutions):
        yield from _block_names(f"synthesis.blocks.{i}", f"GE.blocks.{i}")
        if config.attends(resolution):
            for ours, theirs in _ATTENTION.items():
                yield f"synthesis.blocks.{i}.attention.{ours}", f"GE.attns.{i}.{theirs}"


def _block_names(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    for i in (0, 1):
        yield f"{ours}.conv{i}.weight", f"{theirs}.conv{i + 1}.weight"
        yield f"{ours}.conv{i}.noise_strength", f"{theirs}.to_noise{i + 1}.weight"
        yield f"{ours}.conv{i}.bias", f"{theirs}.to_noise{i + 1}.bias"
    yield f"{ours}.torgb.weight", f"{theirs}.to_rgb.conv.weight"
    for kind in ("weight", "bias"):
        yield f"{ours}.conv0.affine.{kind}", f"{theirs}.to_style1.{kind}"
        yield f"{ours}.conv1.affine.{kind}", f"{theirs}.to_style2.{kind}"
        yield f"{ours}.torgb.affine.{kind}", f"{theirs}.to_rgb.to_style.{kind}"


def _sources(shapes: Shapes, config: LucidrainsConfig, names: dict[str, str]) -> dict[str, str | Derived]:
    """Where each of our tensors comes from. Those that they keep with sides of 1 lose these."""
    sources: dict[str, str | Derived] = dict(names)
    for ours, theirs in names.items():
        if ours.endswith((".noise_strength", "norm0.weight", "norm0.bias", "norm1.weight", "norm1.bias")):
            sources[ours] = Derived((theirs,), _flat)
    if config.learned_constant:
        sources["synthesis.const"] = Derived(("GE.initial_block",), _first)
    filters = tuple(name for name in shapes if name.startswith("GE.") and name.endswith(".upsample.1.f"))
    sources["synthesis.conv.bias"] = Derived(("GE.initial_conv.bias", *filters), _compared)
    sources["synthesis.noise_const"] = Derived((), partial(_noise, config.image_shape[1:]))
    mapping = {ours.removeprefix("mapping."): theirs for ours, theirs in names.items() if ours[:8] == "mapping."}
    sources["mapping.w_avg"] = Derived(tuple(mapping.values()), partial(_mean_style, config, tuple(mapping)))
    return sources


# --- with torch ----------------------------------------------------------------------------------


def _flat(tensor: Tensor) -> Tensor:
    return tensor.flatten()


def _first(tensor: Tensor) -> Tensor:
    return tensor[0]


def _compared(bias: Tensor, *filters: Tensor) -> Tensor:
    """The bias, if all filters are the only one that our network has.

    Raises:
        GanzooError: a filter has other numbers.
    """
    for each in filters:
        if each.tolist() != [1.0, 2.0, 1.0]:
            text = "the generator blurs with another filter than [1, 2, 1]"
            raise GanzooError(f"{text} - it cannot be imported, because its images would be wrong")
    return bias


def _noise(size: tuple[int, int]) -> Tensor:
    """The fixed noise, which no file holds, the same at each call."""
    import torch

    return torch.randn(size, generator=torch.Generator().manual_seed(0))


def _mean_style(config: LucidrainsConfig, names: tuple[str, ...], *tensors: Tensor) -> Tensor:
    """The mean of the styles of 10,000 latents, the same at each call. The author's code takes 2000."""
    import torch

    from ganzoo_stylegan.lucidrains.networks import Mapping

    mapping = Mapping(config)
    mapping.load_state_dict({**dict(zip(names, tensors, strict=True)), "w_avg": mapping.w_avg})
    # Not the seed of a training: its first numbers may be the initial weights.
    z = torch.randn(_LATENTS, config.latent_dim, generator=torch.Generator().manual_seed(_LATENTS))
    with torch.inference_mode():
        styles: Tensor = mapping(z)
    return styles.mean(0).clone()


LAYOUTS = (
    Layout(
        name="lucidrains-stylegan2",
        architecture="stylegan2-lucidrains",
        source="https://github.com/lucidrains/stylegan2-pytorch",
        example=("SE.net.0.weight", "GE.blocks.0.to_style1.weight"),
        read=read_lucidrains,
    ),
)
"""The layouts that ganzoo can read."""
