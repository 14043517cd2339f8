"""Load tensors into networks: all of them, or those that fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ganzoo.errors import MismatchError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["assign_into", "check_fits", "load_fitting", "load_into"]


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], *, of: str) -> None:
    """Copy `tensors` into `module`. Every name and shape must match.

    Raises:
        MismatchError: see `check_fits`.
    """
    check_fits(module, tensors, of=of)
    module.load_state_dict(dict(tensors))


def load_fitting(module: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """Copy the tensors that have a name and a shape of `module`. Returns the names in it that keep their values."""
    expected = module.state_dict()
    fitting = {name: tensors[name] for name in expected if name in tensors and _fits(expected[name], tensors[name])}
    module.load_state_dict(fitting, strict=False)
    return [name for name in expected if name not in fitting]


def assign_into(module: nn.Module, tensors: Mapping[str, Tensor], *, of: str) -> None:
    """Replace the tensors of `module` by `tensors`. Only tensors of another data type are copied.

    The module may be on the meta device before.

    Raises:
        MismatchError: see `check_fits`.
    """
    check_fits(module, tensors, of=of)
    kinds = {name: tensor.dtype for name, tensor in module.state_dict().items()}
    module.load_state_dict({name: tensor.to(kinds[name]) for name, tensor in tensors.items()}, assign=True)


def check_fits(module: nn.Module, tensors: Mapping[str, Tensor], *, of: str) -> None:
    """Check that `tensors` have the names and shapes of `module`, which may be on the meta device.

    Floating-point tensors must be floating-point in both. `of` names the tensors in the error.

    Raises:
        MismatchError: lists every missing tensor, every unexpected one, and every one of another shape.
    """
    expected = module.state_dict()
    problems = [f"missing {name} {tuple(expected[name].shape)}" for name in expected if name not in tensors]
    problems += [f"unexpected {name} {tuple(tensors[name].shape)}" for name in tensors if name not in expected]
    for name in expected.keys() & tensors.keys():
        ours, theirs = expected[name], tensors[name]
        if not _fits(ours, theirs):
            problems.append(f"{name} is {theirs.dtype} {tuple(theirs.shape)}, not {ours.dtype} {tuple(ours.shape)}")
    if problems:
        remedy = "it is of another architecture or config"
        raise MismatchError(f"{of} does not fit the network: {'; '.join(sorted(problems))} - {remedy}")


def _fits(ours: Tensor, theirs: Tensor) -> bool:
    return ours.shape == theirs.shape and ours.is_floating_point() == theirs.is_floating_point()
