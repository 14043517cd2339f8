"""Weights that a file holds in parts: under spectral norm (arXiv:1802.05957) or weight norm (arXiv:1602.07868).

PyTorch writes both in two ways: as ``weight_orig``, or as a parametrization. No torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Parts", "split_name", "whole_weight"]

_INNER = ".parametrizations."


class Parts(NamedTuple):
    """The names of the parts of one weight, and the function of them and of the dimension of its outputs."""

    names: tuple[str, ...]
    make: Callable[..., Tensor]


def _spectral(original: Tensor, u: Tensor, v: Tensor, *, dim: int) -> Tensor:
    """W / sigma with sigma = u^T W v, where W is a matrix with a row for each output (arXiv:1802.05957, section 2)."""
    sigma: Tensor = u @ original.movedim(dim, 0).flatten(1) @ v
    return original / sigma


def _weight_norm(gain: Tensor, direction: Tensor, *, dim: int) -> Tensor:
    """g v / |v|, with one gain for each index of the first dimension (arXiv:1602.07868, equation 2).

    PyTorch takes the first dimension for transposed convolutions as well, so that `dim` does not matter.
    """
    length: Tensor = direction.flatten(1).norm(dim=1)
    return direction * (gain / length.view(gain.shape))


_FORMS = (
    Parts(("weight_orig", "weight_u", "weight_v"), _spectral),
    Parts(tuple(f"parametrizations.weight.{own}" for own in ("original", "0._u", "0._v")), _spectral),
    Parts(("weight_g", "weight_v"), _weight_norm),
    Parts(tuple(f"parametrizations.weight.{own}" for own in ("original0", "original1")), _weight_norm),
)


def split_name(name: str) -> tuple[str, str]:
    """The name of a module, and the name of a tensor in it."""
    if _INNER in f".{name}":
        module, _, own = f".{name}".partition(_INNER)
        return module.lstrip("."), f"{_INNER[1:]}{own}"
    module, _, own = name.rpartition(".")
    return module, own


def whole_weight(tensors: Mapping[str, tuple[int, ...]]) -> tuple[dict[str, tuple[int, ...]], Parts | None]:
    """The shapes of a module's tensors with the whole weight in place of its parts, and the parts if it has some."""
    for form in _FORMS:
        if all(name in tensors for name in form.names):
            rest = {name: shape for name, shape in tensors.items() if name not in form.names}
            return {"weight": max((tensors[name] for name in form.names), key=math.prod), **rest}, form
    return dict(tensors), None
