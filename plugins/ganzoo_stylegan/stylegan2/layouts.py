"""Layouts of StyleGAN2 generators: the names and shapes of their tensors in the files of other code bases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from ganzoo import Derived, GanzooError, Layout, Reading, Shapes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_authors", "read_rosinality"]

Source = str | Derived

_BLOCK = re.compile(r"synthesis\.b(\d+)\.conv1\.weight")
_FILTER = (1.0, 3.0, 3.0, 1.0)
_LATENTS = 10_000  # of so many, the mean style is computed where a file does not hold it
_ALL = slice(None)


def read_authors(shapes: Shapes) -> Reading | None:
    """The authors' PyTorch code: stylegan2-ada-pytorch, and the configs for StyleGAN2 of stylegan3; StudioGAN too.

    ganzoo has the same names. The filters of resampling, which the files hold for each layer, are only compared.

    Raises:
        GanzooError: it is a relative of StyleGAN2 with skip connections; the message names it.
    """
    _refuse_relatives(shapes)
    if "synthesis.b4.const" not in shapes or "mapping.fc0.weight" not in shapes:
        return None
    filters = [name for name in shapes if name.endswith(".resample_filter")]
    return _reading(shapes, {name: (name, _ALL) for name in shapes if name not in filters}, filters, gain=1)


def _refuse_relatives(shapes: Shapes) -> None:
    """Say of generators that are similar, but another function, what they are."""
    if "synthesis.input.freqs" in shapes:
        raise GanzooError("the file holds a generator of StyleGAN3 - only generators of StyleGAN2 can be imported")
    if "synthesis.b4.const" in shapes and "synthesis.b4.torgb.weight" not in shapes:
        text = "the file holds a StyleGAN2 generator of the architecture `orig` or `resnet`"
        raise GanzooError(f"{text} - only those of the architecture `skip` can be imported")


def read_rosinality(shapes: Shapes) -> Reading | None:
    """rosinality's code: converted files ``{"g_ema": ..., "latent_avg": ...}``, and checkpoints without that mean."""
    if "input.input" not in shapes or "conv1.conv.modulation.weight" not in shapes:
        return None
    names = dict(_rosinality_names(shapes))
    filters = [name for name in shapes if name.endswith(".kernel")]
    return _reading(shapes, names, filters, gain=4) if {theirs for theirs, _ in names.values()} <= set(shapes) else None


def _rosinality_names(shapes: Shapes) -> Iterator[tuple[str, tuple[str, slice]]]:
    """For each of our names: theirs, and which part of its shape is ours; the other sides are 1."""
    yield "synthesis.b4.const", ("input.input", slice(1, None))
    for i in range(1, 1 + _count(shapes, "style.{}.weight", first=1)):
        for kind in ("weight", "bias"):
            yield f"mapping.fc{i - 1}.{kind}", (f"style.{i}.{kind}", _ALL)
    if "latent_avg" in shapes:
        yield "mapping.w_avg", ("latent_avg", slice(-1, None))
    yield from _rosinality_layer(shapes, "synthesis.b4.conv1", "conv1", 0)
    yield from _rosinality_rgb("synthesis.b4.torgb", "to_rgb1")
    for k in range(_count(shapes, "to_rgbs.{}.bias")):
        for i in range(2):
            yield from _rosinality_layer(shapes, f"synthesis.b{8 * 2**k}.conv{i}", f"convs.{2 * k + i}", 2 * k + i + 1)
        yield from _rosinality_rgb(f"synthesis.b{8 * 2**k}.torgb", f"to_rgbs.{k}")


def _rosinality_layer(shapes: Shapes, ours: str, theirs: str, index: int) -> Iterator[tuple[str, tuple[str, slice]]]:
    yield from _rosinality_affine(ours, theirs)
    yield f"{ours}.bias", (f"{theirs}.activate.bias", _ALL)
    yield f"{ours}.noise_strength", (f"{theirs}.noise.weight", slice(1, None))
    if f"noises.noise_{index}" in shapes:
        yield f"{ours}.noise_const", (f"noises.noise_{index}", slice(2, None))


def _rosinality_rgb(ours: str, theirs: str) -> Iterator[tuple[str, tuple[str, slice]]]:
    yield from _rosinality_affine(ours, theirs)
    yield f"{ours}.bias", (f"{theirs}.bias", slice(1, 2))


def _rosinality_affine(ours: str, theirs: str) -> Iterator[tuple[str, tuple[str, slice]]]:
    yield f"{ours}.weight", (f"{theirs}.conv.weight", slice(1, None))
    for kind in ("weight", "bias"):
        yield f"{ours}.affine.{kind}", (f"{theirs}.conv.modulation.{kind}", _ALL)


def _count(shapes: Shapes, pattern: str, first: int = 0) -> int:
    """How many of the names ``pattern.format(first)``, ``pattern.format(first + 1)``, ... there are in a row."""
    return next(i for i in count() if pattern.format(first + i) not in shapes)


# --- from names to a reading ---------------------------------------------------------------------


def _reading(
    shapes: Shapes, names: Mapping[str, tuple[str, slice]], filters: Iterable[str], *, gain: float
) -> Reading | None:
    """The reading of a generator: for each of our names, theirs, and the part of its shape that is ours.

    What sampling can do without, a file may lack: noise, and the mean style, which is then computed. `filters` are the
    names of the filters of resampling, which have the sum `gain`.
    """
    ours = {name: tuple(shapes[theirs][part]) for name, (theirs, part) in names.items()}
    config = _config(ours)
    if config is None:
        return None
    tensors = {name: _source(theirs, part, ours[name]) for name, (theirs, part) in names.items()}
    for name, shape in _noise(config):
        tensors.setdefault(name, Derived((), partial(_zeros, shape)))
    mapping = {name.removeprefix("mapping."): theirs for name, (theirs, _) in names.items() if name[:8] == "mapping."}
    if "w_avg" not in mapping:
        tensors["mapping.w_avg"] = Derived(tuple(mapping.values()), partial(_mean_style, config, tuple(mapping)))
    constant, (theirs, _) = "synthesis.b4.const", names["synthesis.b4.const"]
    tensors[constant] = Derived((theirs, *filters), partial(_compared, gain, ours[constant]))
    return Reading(config=config, tensors={f"generator.{name}": source for name, source in tensors.items()})


def _source(theirs: str, part: slice, shape: tuple[int, ...]) -> Source:
    return theirs if part == _ALL else Derived((theirs,), lambda tensor: tensor.reshape(shape))


def _config(shapes: Shapes) -> dict[str, Any] | None:
    """The config of a generator with these tensors, under our names; None if there is none."""
    resolutions = sorted(int(found[1]) for name in shapes if (found := _BLOCK.fullmatch(name)))
    widths = {each: shapes[f"synthesis.b{each}.conv1.weight"][0] for each in resolutions}
    base, most = max(each * width for each, width in widths.items()), widths[4]
    if any(min(base // each, most) != width for each, width in widths.items()):
        return None
    embedding, classes = shapes.get("mapping.embed.weight", (0, 0))
    constant = shapes["synthesis.b4.const"][1:]
    return {
        "resolution": tuple(side * resolutions[-1] // 4 for side in constant),
        "channels": shapes["synthesis.b4.torgb.bias"][0],
        "constant": constant,
        "classes": classes,
        "latent_dim": shapes["mapping.fc0.weight"][1] - embedding,
        "style_dim": shapes["synthesis.b4.conv1.affine.weight"][1],
        "mapping_layers": _count(shapes, "mapping.fc{}.weight"),
        "base_width": base,
        "max_width": most,
    }


def _noise(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of the tensors for noise."""
    for doublings in range((config["resolution"][0] // config["constant"][0]).bit_length()):
        size = tuple(side * 2**doublings for side in config["constant"])
        for i in range(0 if doublings else 1, 2):
            yield f"synthesis.b{4 * 2**doublings}.conv{i}.noise_strength", ()
            yield f"synthesis.b{4 * 2**doublings}.conv{i}.noise_const", size


# --- with torch ----------------------------------------------------------------------------------


def _zeros(shape: tuple[int, ...]) -> Tensor:
    import torch

    return torch.zeros(shape)


def _compared(gain: float, shape: tuple[int, ...], constant: Tensor, *filters: Tensor) -> Tensor:
    """The constant, if all filters are the only one that our network has.

    Raises:
        GanzooError: a filter has other numbers.
    """
    import torch

    line = torch.tensor(_FILTER)
    expected = gain * line.outer(line) / line.sum() ** 2
    for each in filters:
        if each.shape != expected.shape or not torch.allclose(each.float(), expected, rtol=1e-4, atol=0):
            text = "the generator resamples with another filter than [1, 3, 3, 1]"
            raise GanzooError(f"{text} - it cannot be imported, because its images would be wrong")
    return constant.reshape(shape)


def _mean_style(config: Mapping[str, Any], names: tuple[str, ...], *tensors: Tensor) -> Tensor:
    """The mean of the styles of 10,000 latents, of all classes in turn, which are the same at each call."""
    import torch

    from ganzoo_stylegan.stylegan2.networks import Mapping as MappingNetwork

    style, classes = config["style_dim"], config["classes"]
    network = MappingNetwork(config["latent_dim"], style, config["mapping_layers"], classes, embedding=style)
    network.load_state_dict(dict(zip(names, tensors, strict=True)))
    z = torch.randn(_LATENTS, config["latent_dim"], generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        styles: Tensor = network(z, torch.arange(_LATENTS) % classes if classes else None)
    return styles.mean(0).clone()


LAYOUTS = (
    Layout(
        name="stylegan2-pytorch",
        architecture="stylegan2",
        source="https://github.com/NVlabs/stylegan2-ada-pytorch/blob/main/training/networks.py",
        example=("mapping.fc0.weight", "synthesis.b4.conv1.affine.weight"),
        read=read_authors,
    ),
    Layout(
        name="rosinality-stylegan2",
        architecture="stylegan2",
        source="https://github.com/rosinality/stylegan2-pytorch/blob/master/model.py",
        example=("style.1.weight", "convs.0.conv.modulation.weight"),
        beside=("latent_avg",),
        read=read_rosinality,
    ),
)
"""The layouts that ganzoo can read."""
