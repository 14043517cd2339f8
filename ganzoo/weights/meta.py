"""Networks without their numbers: built in no time and no memory, to be given weights that were read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganzoo.weights.fit import assign_into, check_fits

__all__ = ["build_and_load", "on_meta_device"]

Network = TypeVar("Network", bound=nn.Module)

_FILLERS: frozenset[Callable[..., Any]] = frozenset(
    [
        *(getattr(Tensor, f"{name}_") for name in ("normal", "uniform", "random", "bernoulli", "exponential", "fill")),
        *(getattr(torch.nn.init, name) for name in torch.nn.init.__dict__ if name.endswith("_") and name[0] != "_"),
    ]
)
_FILLED = frozenset([torch.randn, torch.rand])


class _SkipInitialization(TorchFunctionMode):
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


def build_and_load(build: Callable[[], Network], tensors: Mapping[str, Tensor], *, of: str) -> Network:
    """What `build` makes, with `tensors` for its numbers: without memory or initialisation before it is known to fit.

    Raises:
        MismatchError: the tensors are not those of the network; `of` names them.
    """
    with on_meta_device():
        network = build()
    check_fits(network, tensors, of=of)
    if network.state_dict().keys() < dict([*network.named_parameters(), *network.named_buffers()]).keys():
        with torch.random.fork_rng(devices=[]):  # it makes buffers that no file holds; the caller's randomness stays
            network = build()
    assign_into(network, tensors, of=of)
    return network


@contextmanager
def on_meta_device() -> Iterator[None]:
    """What is built inside is on the meta device, and not initialised."""
    with torch.device("meta"), _SkipInitialization():
        yield
