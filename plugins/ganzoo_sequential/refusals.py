"""Why a checkpoint is no sequence of layers: names of parts that a sequence lacks, or layers that do not fit. No torch.

Names matter, because shapes do not tell everything: a residual block has the same shapes without its shortcut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ganzoo import Shapes
from ganzoo_sequential.groups import Group, groups_of, misfit, orders

__all__ = ["alien", "explain", "is_cropped", "shortcut"]

_CROPPING = (5, 5, 8)
"""The kernels of a widespread WGAN-GP example for MNIST, which crops features of 8 pixels to 7 after the first."""

_WORDS = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r"(?i)\w*emb(ed(der|ding)?s?)?\d*|(label|class|cond)\w*", "takes a class or another condition"),
        (
            r"(?i)res(idual|net|_?block)?s?_?\d*|\w*(skip|shortcut)\w*",
            "belongs to a residual block or a skip connection",
        ),
        (r"(?i)(self_?)?att(e?n(tion)?)?_?\d*", "belongs to an attention layer"),
        (r"(?i)(\w*_)?(net_?d|d_?net|dis|disc|discriminator|critic)(_\w+)?|D", "belongs to a discriminator"),
        (r"(?i)(\w*_)?enc(oder)?(_\w+)?", "belongs to an encoder"),
        (r"weight_[ih]h_l\d+", "belongs to a recurrent layer"),
    )
)


def alien(names: Iterable[str]) -> str:
    """What a sequence of layers lacks, by the first word that says so in the names; an empty text if none does."""
    words = ((name, part) for name in names if not name.endswith("num_batches_tracked") for part in name.split("."))
    found = (f"{name} {what}" for name, part in words for pattern, what in _WORDS if pattern.fullmatch(part))
    return next(found, "")


def is_cropped(groups: Iterable[Group]) -> bool:
    """Whether the code that has these kernels crops between them, so that other strides would give wrong images."""
    return tuple(group.weight[2] for group in groups if len(group.weight) == 4) == _CROPPING


_ONE_OF_SEVERAL = re.compile(r"(.*\.)?\w*\d")
"""The name of one module of a list, such as ``main.3``, or of several that are alike, such as ``block2``."""

_COLORS = (1, 3, 4)


def shortcut(groups: Iterable[Group]) -> str:
    """The name of a module that looks like a residual block, whose shortcut has no tensors; empty if none does.

    Such a module is one of several, and holds two or more layers that lead from some channels back to as many without
    a change of size. A plain sequence may have such a part too, but nobody can tell, and the images would be wrong.
    """
    held: dict[str, list[Group]] = {}
    for group in groups:
        parts = group.name.split(".") if group.is_weight else []
        for i in range(1, len(parts)):
            held.setdefault(".".join(parts[:i]), []).append(group)
    return next((name for name, layers in held.items() if _ONE_OF_SEVERAL.fullmatch(name) and _returns(layers)), "")


def _returns(layers: list[Group]) -> bool:
    """Whether layers of one kind, all of which may keep the size, end with as many channels as they begin with."""
    shapes = [layer.weight for layer in layers]
    keep = all(len(shape) == len(shapes[0]) and (len(shape) == 2 or shape[2] % 2) for shape in shapes)
    begin, end = shapes[0][1], shapes[-1][0]
    return keep and len(shapes) > 1 and begin == end and end not in _COLORS


def explain(shapes: Shapes) -> str:
    """One line that says why a checkpoint is no sequential generator."""
    found = alien(shapes)
    if found:
        return f"{found}, which plain sequences of layers do not have"
    groups = groups_of(shapes)
    unknown = next((group for group in groups if not group.is_known), None)
    if unknown is not None:
        return f"{unknown.name or 'the top'} with {', '.join(unknown.tensors)} is no layer of a plain sequence"
    if is_cropped(groups):
        return "code with these kernels crops its features between them, which no layer of a plain sequence does"
    block = shortcut(groups)
    if block:
        return f"{block} ends with as many channels as it begins with: it may be a residual block, and no name tells"
    if sum(group.is_weight for group in groups) < 2:
        return "a generator has at least two linear maps or convolutions"
    order = next(orders(groups), None)
    return _misfit(groups) if order is None else _no_picture(order)


def _misfit(groups: list[Group]) -> str:
    """The first layer that does not fit, in the order of the names."""
    before, layer, width = misfit(groups)
    if before is None:
        return f"its first layer cannot be {layer.name} {layer.weight}"
    return f"{layer.name} {layer.weight} does not take the {width} numbers or channels that {before.name} makes"


def _no_picture(order: list[Group]) -> str:
    """For layers that follow each other, but do not lead from a latent to a picture."""
    first, last = order[0], [group for group in order if group.is_weight][-1]
    if len(first.weight) == 4 and first.weight[1] in (1, 3, 4):
        return f"its first layer {first.name} {first.weight} takes an image: it looks like a discriminator"
    return f"its layers do not lead from a latent to a square picture: the last one is {last.name} {last.weight}"
