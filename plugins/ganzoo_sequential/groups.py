"""The modules of a checkpoint, in the order in which they are applied, by their names and shapes. No torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ganzoo import FrozenRecord, Shapes
from ganzoo_sequential.parts import Parts, split_name, whole_weight

__all__ = ["Group", "gap", "groups_of", "leads", "misfit", "orders"]

_TOKEN = re.compile(r"\d+|\D+")
_DIMENSIONS = re.compile(r"[123][dD]")  # the number in conv2d is none of the order


class Group(FrozenRecord, kw_only=False):
    """One module: its name, and its tensors by their own names, such as ``weight``, with their shapes.

    `parts` are those of its weight, if the file has it in parts.
    """

    name: str
    tensors: Mapping[str, tuple[int, ...]]
    parts: Parts | None = None

    @property
    def weight(self) -> tuple[int, ...]:
        """The shape of its weight; () if it has none."""
        return self.tensors.get("weight", ())

    @property
    def channels(self) -> int:
        """The channels of a norm or a PReLU."""
        return self.tensors.get("running_mean", self.weight)[0]

    @property
    def is_norm(self) -> bool:
        """Whether it is a norm: it has running statistics, or one gain and one bias for each channel."""
        names = set(self.tensors) - {"num_batches_tracked"}
        shapes = {self.tensors[name] for name in names}
        kinds = ({"weight", "bias", "running_mean", "running_var"}, {"running_mean", "running_var"}, {"weight", "bias"})
        return names in kinds and len(shapes) == 1 and len(next(iter(shapes))) == 1

    @property
    def is_prelu(self) -> bool:
        """Whether it is a PReLU: one slope, or one for each channel."""
        return set(self.tensors) == {"weight"} and len(self.weight) == 1

    @property
    def is_known(self) -> bool:
        """Whether a sequential generator has such modules."""
        return self.is_norm or self.is_weight or self.is_prelu

    @property
    def is_weight(self) -> bool:
        """Whether it is a linear map or a convolution with a square kernel."""
        shape, names = self.weight, set(self.tensors)
        square = len(shape) == 2 or (len(shape) == 4 and shape[2] == shape[3])
        return square and names in ({"weight"}, {"weight", "bias"}) and len(self.tensors.get("bias", (0,))) == 1


def groups_of(shapes: Shapes) -> list[Group]:
    """The modules of a checkpoint in the order of the file."""
    tensors: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        module, own = split_name(name)
        tensors.setdefault(module, {})[own] = tuple(shape)
    return [Group(name, *whole_weight(found)) for name, found in tensors.items()]


def orders(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The orders in which the inputs of each group can be the outputs of the one before, the most likely one first.

    Files do not keep the order of the modules, so that it comes from the numbers in their names. The numbers are tried
    first as they are, then for ``fc, conv1, bn1, conv2``, then for modules that hold linear maps before all others,
    then as the file has them. The last resort is the only order of the weights that fits.
    """
    natural = _in_natural_order(groups)
    keys = (_by_number(-1), _by_number(1_000_000), _linear_first(groups))
    candidates = [natural, *(sorted(natural, key=key) for key in keys), list(groups)]
    yield from (order for order in candidates if _fits(order))
    yield from filter(_fits, _searched(natural))


def misfit(groups: Sequence[Group]) -> tuple[Group | None, Group, int | None]:
    """In the order of the names, the first group that does not fit, with the one before it and the width of that."""
    order = _in_natural_order(groups)
    fitting = next((i for i in range(len(order)) if not _fits(order[: i + 1])), len(order) - 1)
    return (order[fitting - 1] if fitting else None), order[fitting], _walk(order[:fitting])


def gap(before: Group, after: Group) -> int | None:
    """How many modules without tensors lie between two of one `nn.Sequential`; None if their names do not tell."""
    (parent, _, first), (other, _, second) = before.name.rpartition("."), after.name.rpartition(".")
    if parent != other or not (first.isdigit() and second.isdigit()):
        return None
    return int(second) - int(first) - 1


def leads(group: Group) -> bool:
    """Whether modules without tensors come before it in its own `nn.Sequential`, as its number tells."""
    own = group.name.rpartition(".")[2]
    return own.isdigit() and int(own) > 0


def _in_natural_order(groups: Sequence[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: _natural(group.name))


def _natural(name: str) -> tuple[Any, ...]:
    """A key that sorts numbers in names as numbers."""
    return tuple((0, int(token), "") if token.isdigit() else (1, 0, token) for token in _TOKEN.findall(name))


def _numbers(group: Group) -> list[int]:
    return [int(token) for token in _TOKEN.findall(_DIMENSIONS.sub("", group.name)) if token.isdigit()]


def _by_number(without: int) -> Callable[[Group], Any]:
    """For names such as ``fc1, bn1, conv2``: by number, each weight before its norm, and that before its PReLU.

    `without` is the number of names without one.
    """
    return lambda group: (_numbers(group) or [without], not group.is_weight, group.is_prelu)


def _linear_first(groups: Sequence[Group]) -> Callable[[Group], Any]:
    """For names such as ``l1.0, conv_blocks.0``: the parts that hold a linear map come first."""
    linear = {group.name.partition(".")[0] for group in groups if len(group.weight) == 2}
    return lambda group: group.name.partition(".")[0] not in linear


def _fits(order: Sequence[Group]) -> bool:
    """Whether each norm has the channels that come before it, and each weight takes what comes before it.

    A PReLU at the end would have a place elsewhere, or several: one module can be applied after many layers.
    """
    return order[0].is_weight and not order[-1].is_prelu and _walk(order) is not None


def _walk(order: Sequence[Group]) -> int | None:
    """The number of features or channels after all groups; None if they do not fit each other."""
    width: int | None = None
    for group in order:
        options = [outputs for inputs, outputs in _ends(group, width) if width is None or _takes(width, inputs, group)]
        if not group.is_weight:
            options = [width] if width is not None and width % group.channels == 0 else []
        if not options:
            return None
        width = options[0]
    return width


def _ends(group: Group, width: int | None = None) -> list[tuple[int, int]]:
    """(inputs, outputs) of a weight, both ways for a convolution, which may be transposed; `width` as inputs first."""
    if len(group.weight) < 4:
        return [(group.weight[1], group.weight[0])] if group.is_weight else []
    bias = group.tensors.get("bias")
    both = (group.weight[:2], group.weight[1::-1])
    return sorted(((i, o) for i, o in both if bias in (None, (o,))), key=lambda ends: ends[0] != width)


def _takes(width: int, inputs: int, group: Group) -> bool:
    """Whether a weight takes `width` features or channels. A convolution also takes a vector that becomes an image."""
    return width == inputs or (len(group.weight) == 4 and width % inputs == 0)


def _searched(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The only order of the weights in which they fit, each followed by the norm of its channels."""
    weights = [group for group in groups if group.is_weight]
    norms = {group.channels: group for group in groups if group.is_norm}
    found = list(_chains([], weights)) if len(weights) <= 8 else []
    if len(found) == 1 and len(weights) + len(norms) == len(groups):
        order = []
        for weight in found[0]:
            norm = next((norms.pop(outputs) for _, outputs in _ends(weight) if outputs in norms), None)
            order += [weight] if norm is None else [weight, norm]
        yield order


def _chains(chosen: list[Group], left: list[Group]) -> Iterator[list[Group]]:
    """All orders of `left` after `chosen` in which each weight takes what the one before it makes."""
    if not left:
        yield chosen
    for group in left:
        if not chosen or any(_chained(a, b, group) for a in _ends(chosen[-1]) for b in _ends(group)):
            yield from _chains([*chosen, group], [each for each in left if each is not group])


def _chained(before: tuple[int, int], after: tuple[int, int], group: Group) -> bool:
    return _takes(before[1], after[0], group)
