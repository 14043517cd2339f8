"""What is computed from the weights of a GAN: at first use, kept, and computed again after the weights have changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from threading import RLock
from typing import Any, TypeVar

import torch
from torch import Tensor

from ganzoo.interface.gan import GAN, Inputs
from ganzoo.sampling.packed import packed
from ganzoo.sampling.portions import InPortions

__all__ = ["FusedGenerator", "KeptWhileUnchanged"]

Value = TypeVar("Value")


class KeptWhileUnchanged:
    """Holds values that were computed from the weights of a GAN, for as long as the weights stay the same.

    Copies and pickles do not contain the values: they compute their own.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._values: dict[Hashable, Any] = {}
        self._tensors: list[Tensor] = []  # kept alive, so that no new tensor gets the id of an old one
        self._state: tuple[Any, ...] = ()

    def __reduce__(self) -> tuple[type[KeptWhileUnchanged], tuple[()]]:
        return KeptWhileUnchanged, ()

    def get(self, gan: GAN, key: Hashable, compute: Callable[[], Value]) -> Value | None:
        """`compute()` for the present weights; None while the GAN is being trained.

        Other threads wait until it is computed.
        """
        tensors = [*chain(gan.parameters(), gan.buffers())]
        # Inference tensors do not count their changes, so that new weights could not be noticed.
        if _in_training(gan) or any(tensor.is_inference() for tensor in tensors):
            return None
        state = _state_of(tensors)
        with self._lock:
            if self._state != state:
                self._values.clear()  # free their memory before new values need more
                self._tensors, self._state = tensors, state
            if key not in self._values:
                self._values[key] = compute()
            value: Value = self._values[key]
            return value

    def put(self, key: Hashable, value: object) -> None:
        """Hold another value until the weights change."""
        with self._lock:
            self._values[key] = value


class FusedGenerator:
    """Holds the function that `GAN.fused` returns, for as long as the weights stay the same."""

    def __init__(self) -> None:
        self._kept = KeptWhileUnchanged()

    def function_of(self, gan: GAN, *, packs: bool = True) -> Callable[[Inputs], Tensor]:
        """`gan.fused()` for the present weights; `gan.generate` while the GAN is trained.

        `packs` packs the function for the device, and on a CPU lets it compute large batches in portions. Packed layers
        compute in float32, also under autocast.
        """
        if type(gan).fused is GAN.fused:  # it computes nothing ahead, so nothing can be out of date
            return gan.generate
        found = self._kept.get(gan, packs, lambda: _prepared(gan) if packs else gan.fused())
        return found or gan.generate


def _prepared(gan: GAN) -> Callable[[Inputs], Tensor]:
    function = packed(gan.fused(), gan)
    return InPortions(function) if gan.device.type == "cpu" else function


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
