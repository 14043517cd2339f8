"""The fused function of a GAN: built at first use, kept, and built again after the weights have changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from ganzoo.interface.gan import GAN, Inputs
from ganzoo.sampling.packed import packed

__all__ = ["FusedGenerator"]


class FusedGenerator:
    """Holds the function that `GAN.fused` returns, packed, for as long as the weights stay the same.

    Copies and pickles do not contain the function: they build their own.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._function: Callable[[Inputs], Tensor] | None = None
        self._tensors: list[Tensor] = []  # kept alive, so that no new tensor gets the id of an old one
        self._state: tuple[Any, ...] = ()

    def __reduce__(self) -> tuple[type[FusedGenerator], tuple[()]]:
        return FusedGenerator, ()

    def function_of(self, gan: GAN) -> Callable[[Inputs], Tensor]:
        """`gan.fused()` for the present weights, packed for the device; `gan.generate` while the GAN is trained."""
        if type(gan).fused is GAN.fused:  # it computes nothing ahead, so nothing can be out of date
            return gan.generate
        tensors = [*chain(gan.parameters(), gan.buffers())]
        # Inference tensors do not count their changes, so that new weights could not be noticed.
        if _in_training(gan) or any(tensor.is_inference() for tensor in tensors):
            return gan.generate
        state = _state_of(tensors)
        with self._lock:
            if self._function is None or self._state != state:
                self._function = None  # free its memory before the new function needs more
                self._function = packed(gan.fused(), gan)
                self._tensors, self._state = tensors, state
            return self._function


def _state_of(tensors: Sequence[Tensor]) -> tuple[Any, ...]:
    """Numbers that differ after a change of the tensors, and cost little: no tensor is read as a whole.

    PyTorch's fused optimizers, and changes of `Tensor.data`, count no new version; the first value of each tensor
    shows them.
    """
    with torch.no_grad():
        values = torch.stack([tensor.flatten()[0].double() for tensor in tensors if tensor.numel()])
    return [(id(tensor), tensor.data_ptr(), tensor._version) for tensor in tensors], values.tolist()


def _in_training(gan: GAN) -> bool:
    """Whether a module is in training mode, or a parameter has a gradient, as between two steps of an optimizer."""
    return any(module.training for module in gan.modules()) or any(p.grad is not None for p in gan.parameters())
