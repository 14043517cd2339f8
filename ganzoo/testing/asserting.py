"""Assertions that several checks make."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

__all__ = ["assert_close_state", "assert_raises", "assert_same_state"]

# ruff: noqa: S101 - assertions are what this package is for


def assert_raises(error: type[Exception], call: Callable[[], object]) -> None:
    """`call()` raises an error of this type."""
    try:
        call()
    except error:
        return
    raise AssertionError(f"the call must raise {error.__name__}, but it raised nothing")


def assert_same_state(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Two state dicts are equal bit for bit."""
    assert ours.keys() == theirs.keys()
    different = [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])]
    assert not different, f"these tensors differ: {', '.join(different)}"


def assert_close_state(ours: dict[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    """Two state dicts are equal to 1e-6."""
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        difference = (tensor.double() - theirs[name].double()).abs().max().item() if tensor.numel() else 0
        assert difference < 1e-6, f"{name} differs by {difference:g}"
