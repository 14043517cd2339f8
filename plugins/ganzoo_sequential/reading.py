"""How the checkpoints of sequential generators are read: by names and shapes alone. No torch at import."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from ganzoo import Assumption, Derived, Reading, Shapes
from ganzoo_sequential.geometry import Plan, plans
from ganzoo_sequential.groups import Group, gap, groups_of, orders
from ganzoo_sequential.layers import (
    Activation,
    BatchNorm,
    InstanceNorm,
    Layer,
    Linear,
    TransposedConvolution,
    Upsampling,
)
from ganzoo_sequential.refusals import alien, is_cropped, shortcut

__all__ = ["read"]

_CLASSES, _LATENTS = 10, (32, 50, 62, 64, 100, 128, 256)  # of many conditional generators: a latent and a class
_UNLIKELY = 2.0  # a plan that costs so much more than the best one is no alternative


def read(shapes: Shapes) -> Reading | None:
    """A sequence of linear maps, convolutions and norms that ends in an image; None for any other checkpoint."""
    groups = groups_of(shapes)
    if alien(shapes) or not all(group.is_known for group in groups) or is_cropped(groups):
        return None
    if shortcut(groups) or sum(group.is_weight for group in groups) < 2:
        return None
    found = next(filter(None, map(plans, orders(groups))), [])
    if not found:
        return None
    best, *others = (_reading(plan) for plan in found if plan.cost <= found[0].cost + _UNLIKELY)
    sizes = {_size(plan): reading for plan, reading in zip(found[1:], others, strict=False)}
    return Reading(
        config=best.config,
        tensors=best.tensors,
        assumptions=tuple(_assumptions(found[0])),
        size=_size(found[0]),
        other_sizes=sizes,
        notes=tuple(_notes(found[0])),
    )


def _size(plan: Plan) -> str:
    return f"{plan.shape[1]}x{plan.shape[2]}"


def _reading(plan: Plan) -> Reading:
    """The config and the names of one plan."""
    values = {each.field: each.value for each in _assumptions(plan)}
    return Reading(
        config={"layers": plan.layers, **values},
        tensors={
            f"generator.{i}.{own}": _source(own, group, layer)
            for i, (layer, group) in enumerate(zip(plan.layers, plan.groups, strict=True))
            if group is not None
            for own in group.tensors
        },
        assumptions=tuple(_assumptions(plan)),
    )


def _source(own: str, group: Group, layer: Layer) -> str | Derived:
    """The name of one tensor in the file, or how it is computed from its parts."""
    if own != "weight" or group.parts is None:
        return f"{group.name}.{own}".lstrip(".")
    names = tuple(f"{group.name}.{part}".lstrip(".") for part in group.parts.names)
    return Derived(names, partial(group.parts.make, dim=int(isinstance(layer, TransposedConvolution))))


def _assumptions(plan: Plan) -> Iterator[Assumption]:
    """What names and shapes do not tell, with the values that most public code has."""
    leaky = any(isinstance(layer, Upsampling) for layer in plan.layers) or _widening(plan)
    usual, other = ("leaky-relu", "relu") if leaky else ("relu", "leaky-relu")
    yield Assumption(field="activation", value=usual, others=(other,))
    if any(isinstance(layer, Activation) and layer.projection for layer in plan.layers):
        yield Assumption(field="projection", value="same", others=("none",))
    yield Assumption(field="output", value="tanh", others=("sigmoid",))
    yield Assumption(field="latent", value="normal", others=("uniform",))
    if any(isinstance(layer, BatchNorm) for layer in plan.layers):
        large = _first_block_without_norm(plan)
        yield Assumption(field="epsilon", value=0.8 if large else 1e-5, others=(1e-5,) if large else (0.8,))


def _notes(plan: Plan) -> Iterator[str]:
    """What can be otherwise and has no option."""
    first = plan.layers[0]
    if isinstance(first, (Linear, TransposedConvolution)) and first.inputs - _CLASSES in _LATENTS:
        text = f"its first layer takes {first.inputs} numbers"
        yield f"{text}: if {_CLASSES} of them are a class, it is conditional, and its samples belong to no class"
    unused = _unused(plan)
    if unused:
        text = (
            f"the names leave room for {unused} more modules without weights, such as dropout, which sampling ignores"
        )
        yield f"{text} - if they are norms or activations, the images are wrong"
    if any(isinstance(layer, InstanceNorm) for layer in plan.layers):
        yield "its norms are read as instance norms; if they are group norms, the images are wrong"


def _unused(plan: Plan) -> int:
    """How many modules the numbers in the names leave room for that the plan does not have."""
    held = [i for i, group in enumerate(plan.groups) if group is not None]
    pairs = ((plan.groups[i], plan.groups[j], j - i - 1) for i, j in pairwise(held))
    return sum(max(0, (gap(a, b) or 0) - between) for a, b, between in pairs if a and b)


def _widening(plan: Plan) -> bool:
    """Whether it is a perceptron whose hidden layers grow, without a norm after the first of them.

    Most public code of this form has leaky ReLUs; with a norm after each layer, or layers of one width, it has ReLUs.
    """
    kinds = [type(layer) for layer, group in zip(plan.layers, plan.groups, strict=True) if group is not None]
    widths = [layer.outputs for layer in plan.layers if isinstance(layer, Linear)]
    perceptron = {*kinds} <= {Linear, BatchNorm} and kinds[1] is Linear
    return perceptron and all(before < after for before, after in pairwise(widths[:-1]))


def _first_block_without_norm(plan: Plan) -> bool:
    """Whether a perceptron has norms, but none after its first layer.

    A widely copied example has this form. Its norms have an epsilon of 0.8, since the number was meant as a momentum.
    """
    kinds = [type(layer) for layer, group in zip(plan.layers, plan.groups, strict=True) if group is not None]
    return kinds[:2] == [Linear, Linear] and BatchNorm in kinds
