"""Strides, paddings and reshapes, which no file tells: the most usual ones that lead to an image. No torch.

Each choice has a cost: 0 for the choice that nearly all code makes, more for rarer ones. The sequence of choices with
the lowest sum wins, and the size of the image counts as well. The numbers say only which choice is more usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from math import isqrt, prod
from typing import Any, NamedTuple

from ganzoo import FrozenRecord
from ganzoo_sequential.groups import Group, gap, leads
from ganzoo_sequential.layers import (
    Activation,
    BatchNorm,
    Convolution,
    InstanceNorm,
    Layer,
    LayerNorm,
    Linear,
    PReLU,
    Reshape,
    Shape,
    TransposedConvolution,
    Upsampling,
)

__all__ = ["Plan", "plans"]

_SIZES = {28: 0.0, 32: 0.0, 64: 0.0, 128: 0.0, 256: 0.0, 512: 1.0, 16: 1.0, 48: 1.0, 96: 1.0, 1024: 1.0}
_OTHER_SIZE = 2.0
_CHANNELS = (1, 3, 4)

# Kernels, strides and paddings of code that many people have copied, where the usual choices would lead elsewhere.
_COPIED: dict[tuple[int, ...], tuple[tuple[int, int, int], ...]] = {
    (3, 4, 3, 4): ((2, 0, 0), (1, 0, 0), (2, 0, 0), (2, 0, 0))
}
"""28x28 pixels from one pixel, as a widespread course on GANs teaches."""


class Plan(FrozenRecord, kw_only=False):
    """Layers, the group of each (None for those without tensors), what they cost, and the image that they make."""

    layers: tuple[Layer, ...] = ()
    groups: tuple[Group | None, ...] = ()
    cost: float = 0.0
    shape: Shape = ()

    def then(self, layer: Layer, group: Group | None = None, cost: float = 0.0) -> Plan:
        """The plan with one more layer."""
        return Plan(
            (*self.layers, layer), (*self.groups, group), self.cost + cost, layer.output(self.shape or _start(layer))
        )


def _start(layer: Layer) -> Shape:
    """The latent that a first layer takes."""
    return (layer.inputs,) if isinstance(layer, (Linear, TransposedConvolution)) else ()


def plans(order: Sequence[Group]) -> list[Plan]:
    """The best plan for each size of the image, the best of all first."""
    found = [Plan()]
    for i, group in enumerate(order):
        spaced = [s for plan in found for s in _between(plan, order[i - 1] if i else None, group)]
        grown = [made for plan in spaced for made in _with_group(plan, order, i)]
        found = _cheapest(grown)
    complete = [whole for plan in found for whole in _images(plan)]
    return sorted(_cheapest(complete), key=lambda plan: plan.cost)


def _cheapest(found: Sequence[Plan]) -> list[Plan]:
    """One plan for each shape; of two with the same cost, the one that was tried first."""
    best: dict[Shape, Plan] = {}
    for plan in found:
        if plan.shape not in best or plan.cost < best[plan.shape].cost:
            best[plan.shape] = plan
    return list(best.values())


def _between(plan: Plan, before: Group | None, group: Group) -> Iterator[Plan]:
    """The layers without tensors that may come before a group: an activation, a reshape, upsampling.

    If the names tell how many modules there are, each one that stays unexplained has a cost.
    """
    if before is None:
        yield plan
        return
    for activated, upsampled, cost in _fillings(plan, before, group):
        for shaped in _shaped(plan.then(_activation(before, group), cost=cost) if activated else plan, group):
            if not upsampled:
                yield shaped
            elif len(shaped.shape) == 3:
                yield shaped.then(Upsampling(), cost=0.0 if activated else cost)


def _activation(before: Group, group: Group) -> Activation:
    """The activation between two groups. Right before a reshape, many people have none, so it can be changed alone."""
    projection = gap(before, group) is None and len(before.weight) == 2 and len(group.weight) == 4
    return Activation(projection=projection)


def _fillings(plan: Plan, before: Group, group: Group) -> list[tuple[bool, bool, float]]:
    """Whether there is an activation and upsampling before a group, with the cost of each possibility."""
    free = gap(before, group)
    if free and _needs_reshape(plan, group):
        free -= 1
    activated = not _is_activated(plan, group) and (group.is_weight if free is None else free > 0)
    if len(group.weight) < 4 or group.weight[2] % 2 == 0 or group.weight[2] == 1:
        return [(activated, False, 0.0)]
    if free is None:
        leading = leads(group)
        return [(activated, False, 0.7 if leading else 0.0), (activated, True, 0.0 if leading else 0.7)]
    if _is_activated(plan, group):
        return [(False, free > 0, 0.0)]
    bare = before.is_norm and isinstance(plan.layers[0], Linear) and not _has_convolution(plan)  # a norm of the reshape
    bare = bare and len(plan.shape) == 3
    found = [(False, True, 0.0 if bare else 0.5), (True, False, 0.6 * (free - 1 + bare)), (True, True, 0.0)]
    return [each for each in found if each[0] + each[1] <= free] or [(False, False, 0.0)]


def _needs_reshape(plan: Plan, group: Group) -> bool:
    """Whether a vector must become an image before a group."""
    return len(plan.shape) == 1 and (len(group.weight) == 4 or (group.is_norm and group.channels != plan.shape[0]))


def _is_activated(plan: Plan, group: Group) -> bool:
    """Whether there is an activation after the last layer with weights already, or the group is one."""
    after = takewhile(
        lambda each: not isinstance(each, (Linear, Convolution, TransposedConvolution)), plan.layers[::-1]
    )
    return group.is_prelu or any(isinstance(layer, (Activation, PReLU)) for layer in after)


def _has_convolution(plan: Plan) -> bool:
    return any(isinstance(layer, (Convolution, TransposedConvolution)) for layer in plan.layers)


def _shaped(plan: Plan, group: Group) -> Iterator[Plan]:
    """A vector becomes a square image before the first group that needs one."""
    features = plan.shape[0]
    channels = max(_inputs(group, features), default=0) if group.is_weight else group.channels
    if len(plan.shape) == 3 or channels in (features, 0) or len(group.weight) == 2 or group.tensors == {"weight": (1,)}:
        yield plan
        return
    side = isqrt(features // channels)
    if channels * side * side == features:
        yield plan.then(Reshape(channels=channels, height=side, width=side))


def _inputs(group: Group, features: int) -> list[int]:
    """The channels that a convolution may take, if a vector of `features` numbers becomes its input."""
    found = []
    for channels in group.weight[:2] if len(group.weight) == 4 else ():
        square = features % channels == 0 and isqrt(features // channels) ** 2 * channels == features
        found += [channels] if square else []
    return found


def _with_group(plan: Plan, order: Sequence[Group], i: int) -> Iterator[Plan]:
    """The plan with the layer of group i, in each way that fits."""
    for layer, cost in _layers(plan, order, i):
        try:
            yield plan.then(layer, order[i], cost)
        except ValueError:
            continue


def _layers(plan: Plan, order: Sequence[Group], i: int) -> Iterator[tuple[Layer, float]]:
    """The layers that a group may be, with the cost of each."""
    group = order[i]
    bias = "bias" in group.tensors
    if group.is_norm:
        affine = "weight" in group.tensors
        if "running_mean" in group.tensors:
            yield BatchNorm(channels=group.channels, affine=affine), 0.0
        elif len(plan.shape) == 1:
            yield LayerNorm(features=group.channels), 0.0
        else:
            yield InstanceNorm(channels=group.channels, affine=affine), 0.0
    elif group.is_prelu:
        yield PReLU(channels=group.channels), 0.0
    elif len(group.weight) == 2:
        yield Linear(inputs=group.weight[1], outputs=group.weight[0], bias=bias), 0.0
    else:
        yield from _convolutions(plan, order, i, bias)


class _Choice(NamedTuple):
    """Stride, padding and output padding, with their cost."""

    stride: int
    padding: int
    output_padding: int = 0
    cost: float = 0.0


def _convolutions(plan: Plan, order: Sequence[Group], i: int, bias: bool) -> Iterator[tuple[Layer, float]]:
    """A convolution or a transposed one.

    Where the shape fits both, even kernels are more often transposed, and so are those that another transposed one has.
    """
    first, second, kernel, _ = order[i].weight
    channels = plan.shape[0] if plan.shape else first
    biased = order[i].tensors.get("bias")
    kernels = [group.weight[2] for group in order if len(group.weight) == 4]
    both = first == second
    transposed = kernel % 2 == 0 or any(
        isinstance(layer, TransposedConvolution) and layer.kernel == kernel for layer in plan.layers
    )
    sizes: dict[str, Any]
    if channels == first and biased in (None, (second,)):
        sizes = {"inputs": first, "outputs": second, "kernel": kernel, "bias": bias}
        cost = (
            2.0
            if any(isinstance(layer, Upsampling) for layer in plan.layers[-1:]) or (both and not transposed)
            else 0.0
        )
        for choice in _transposed(plan, kernels, _index(order, i), second):
            options: dict[str, Any] = {
                "stride": choice.stride,
                "padding": choice.padding,
                "output_padding": choice.output_padding,
            }
            yield TransposedConvolution(**sizes, **options), choice.cost + cost
    if channels == second and plan.shape[1:] and biased in (None, (first,)):
        sizes = {"inputs": second, "outputs": first, "kernel": kernel, "bias": bias}
        cost = (2.0 if both and transposed else 0.0) + (1.0 if isinstance(plan.layers[-1], Reshape) else 0.0)
        for choice in _plain(kernel):
            yield Convolution(**sizes, stride=choice.stride, padding=choice.padding), choice.cost + cost


def _index(order: Sequence[Group], i: int) -> int:
    """The index of a convolution among the convolutions."""
    return sum(len(group.weight) == 4 for group in order[:i])


def _transposed(plan: Plan, kernels: Sequence[int], i: int, outputs: int) -> list[_Choice]:
    """The usual choices of a transposed convolution: doubling, keeping the size, and growth by the kernel."""
    copied = _COPIED.get(tuple(kernels))
    if copied and (i or not plan.shape[1:]) and _follows(plan, copied[:i]):
        return [_Choice(*copied[i], cost=-1.0)]
    k = kernels[i]
    if len(plan.shape) < 2 or plan.shape[1:] == (1, 1):
        return [_Choice(1, 0), _Choice(2, (k - 2) // 2, k % 2, 2.0)] if k > 1 else [_Choice(1, 0)]
    if k == 1:
        last = i == len(kernels) - 1 and outputs == 1  # 32 to 28 pixels, as in a widespread example for MNIST
        return [_Choice(1, 0, 0, 1.0 if last else 0.0), _Choice(1, 2, 0, 0.0 if last else 3.0)]
    if k % 2 == 0:
        half = k // 2 - 1
        doubling = _Choice(2, half)
        trimmed = _Choice(2, half + 2, 0, 2.5)  # 16 to 28 pixels
        return [doubling, _Choice(1, 0, 0, 1.5), _Choice(2, 0, 0, 2.0), _Choice(1, half, 0, 2.0), trimmed]
    half, mixed = k // 2, len({*kernels[1:]} | {k}) > 1 and k == 3
    return [
        _Choice(1, half, 0, 0.5 + 0.01 * i),  # if only one keeps the size, it is the first
        _Choice(2, half, 1, 1.0 if mixed else 0.4),
        _Choice(2, half, 0, 0.2 if mixed else 1.0),  # 4 to 7 pixels
        _Choice(1, 0, 0, 1.5),
        _Choice(2, 0, 0, 1.5),
        _Choice(2, half - 1, 0, 2.0),
    ]


def _follows(plan: Plan, copied: Sequence[tuple[int, int, int]]) -> bool:
    """Whether a plan has made the copied choices so far."""
    made = [layer for layer in plan.layers if isinstance(layer, TransposedConvolution)]
    return [(each.stride, each.padding, each.output_padding) for each in made] == list(copied)


def _plain(kernel: int) -> list[_Choice]:
    """The usual choices of a convolution in a generator: it keeps the size."""
    if kernel % 2:
        return [_Choice(1, kernel // 2), _Choice(1, 0, 0, 2.0)]
    return [_Choice(1, kernel // 2, 0, 2.0), _Choice(1, kernel // 2 - 1, 0, 2.0)]


def _images(plan: Plan) -> Iterator[Plan]:
    """The plan with a reshape at the end if it needs one, and the cost of its image's size, if it is an image."""
    if len(plan.shape) == 3:
        channels, height, width = plan.shape
        if channels in _CHANNELS and height == width and height >= 8 and not _is_autoencoder(plan):
            yield replace(plan, cost=plan.cost + _SIZES.get(height, _OTHER_SIZE))
        return
    for channels in _CHANNELS:
        side = isqrt(plan.shape[0] // channels)
        if channels * side * side == plan.shape[0] and side >= 8 and not _is_autoencoder(plan):
            cost = _SIZES.get(side, _OTHER_SIZE) + (0.5 if channels == _CHANNELS[-1] else 0.0)
            yield plan.then(Reshape(channels=channels, height=side, width=side), cost=cost)


def _is_autoencoder(plan: Plan) -> bool:
    """Whether it takes as many numbers as it makes, and a layer between makes fewer."""
    linear = [layer for layer in plan.layers if isinstance(layer, Linear)]
    ends = bool(linear) and linear[0] is plan.layers[0] and linear[0].inputs == prod(plan.shape)
    return ends and min(layer.outputs for layer in linear) < linear[0].inputs
