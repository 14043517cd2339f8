"""The precision of sums and statistics, and of everything that ganzoo computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

import torch
from torch import Tensor

__all__ = ["at_least_float32", "float32_by_default", "float32_on_cpu", "in_double_precision", "without_tf32"]


def at_least_float32(x: Tensor) -> Tensor:
    """`x` in 32 bits or more. Under autocast, logits have 16: a square may overflow, and a mean is inexact."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class _Float32:
    """Makes float32 PyTorch's default dtype, and puts the default of the host program back.

    The default belongs to all threads. So the first thread that enters changes it, and the last one that leaves puts it
    back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before = torch.float32
        self.dtype = torch.float32  # only `in_double_precision` changes it

    def enter(self) -> bool:
        """Returns whether `leave` must be called."""
        # `_inside` grows before the dtype changes, and shrinks after it: no thread sees float32 and 0 in between.
        if torch.get_default_dtype() == self.dtype and not self._inside:
            return False
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = torch.get_default_dtype()
                torch.set_default_dtype(self.dtype)
        return True

    def leave(self) -> None:
        with self._lock:
            if self._inside == 1:
                torch.set_default_dtype(self._before)
            self._inside -= 1


_float32 = _Float32()


@contextmanager
def in_double_precision() -> Iterator[None]:
    """Inside, ganzoo trains in float64, for tests that compare sums in different orders. Not for several threads."""
    before, _float32.dtype = torch.get_default_dtype(), torch.float64
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        _float32.dtype = torch.float32
        torch.set_default_dtype(before)


@contextmanager
def float32_by_default() -> Iterator[None]:
    """Inside, tensors without a stated dtype are float32, whatever the host program gave `torch.set_default_dtype`.

    Another dtype changes the weights that a network starts with, and the random numbers that its inputs are drawn from.
    """
    counted = _float32.enter()
    try:
        yield
    finally:
        if counted:
            _float32.leave()


@contextmanager
def float32_on_cpu() -> Iterator[None]:
    """As `float32_by_default`, and tensors without a stated device are on the CPU: `torch.set_default_device`."""
    with ExitStack() as stack:
        stack.enter_context(float32_by_default())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


@contextmanager
def without_tf32() -> Iterator[None]:
    """Inside, convolutions on NVIDIA's GPUs compute in full 32 bits. By default they round their inputs to 10 bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
