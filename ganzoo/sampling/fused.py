"""The fused function of a GAN: built at first use, kept, and built again after the weights have changed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from threading import Lock

from torch import Tensor

from ganzoo.interface.gan import GAN, Inputs

__all__ = ["FusedGenerator"]


class FusedGenerator:
    """Holds the function that `GAN.fused` returns, for as long as the weights stay the same.

    Copies and pickles do not contain the function: they build their own.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._function: Callable[[Inputs], Tensor] | None = None
        self._tensors: list[Tensor] = []  # kept alive, so that no new tensor gets the id of an old one
        self._versions: list[tuple[int, int, int]] = []

    def __reduce__(self) -> tuple[type[FusedGenerator], tuple[()]]:
        return FusedGenerator, ()

    def function_of(self, gan: GAN) -> Callable[[Inputs], Tensor]:
        """`gan.fused()` for the present weights, or `gan.generate` while the GAN is being trained."""
        tensors = [*chain(gan.parameters(), gan.buffers())]
        # Inference tensors do not count their changes, so that new weights could not be noticed.
        if _in_training(gan) or any(tensor.is_inference() for tensor in tensors):
            return gan.generate
        versions = [(id(tensor), tensor.data_ptr(), tensor._version) for tensor in tensors]
        with self._lock:
            if self._function is None or self._versions != versions:
                self._function = None  # free its memory before the new function needs more
                self._function = gan.fused()
                self._tensors, self._versions = tensors, versions
            return self._function


def _in_training(gan: GAN) -> bool:
    """Whether a module is in training mode, or a parameter has a gradient.

    PyTorch's fused optimizers change a parameter without counting a new version. A gradient shows that one may run.
    """
    return any(module.training for module in gan.modules()) or any(p.grad is not None for p in gan.parameters())
