"""Networks without their numbers: built in no time and no memory, to be given weights that were read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["unfilled"]

_FILLERS: frozenset[Callable[..., Any]] = frozenset(
    [
        *(getattr(Tensor, f"{name}_") for name in ("normal", "uniform", "random", "bernoulli", "exponential", "fill")),
        *(getattr(torch.nn.init, name) for name in torch.nn.init.__dict__ if name.endswith("_") and name[0] != "_"),
    ]
)
_FILLED = frozenset([torch.randn, torch.rand])


class _Unfilled(TorchFunctionMode):
    """Leaves tensors as they are where they would be filled.

    On the meta device there is nothing to fill, and to ask PyTorch to do it loads its compiler, which takes seconds.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Called by PyTorch for every function of its own."""
        options = dict(kwargs or {})
        if func in _FILLERS:
            return args[0] if args else options["tensor"]
        if func in _FILLED:
            options.pop("generator", None)
            return torch.empty(*args, **options)
        return func(*args, **options)


@contextmanager
def unfilled() -> Iterator[None]:
    """What is built inside is on the meta device, and not initialised."""
    with torch.device("meta"), _Unfilled():
        yield
