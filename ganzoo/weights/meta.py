"""Build a network without memory for its weights, then give it weights that were read from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganzoo.utils.precision import float32_on_cpu
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
    """Skips all functions that fill tensors with initial values.

    On the meta device they have no effect, but PyTorch loads its compiler for them, which takes seconds.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Called by PyTorch in place of each of its functions."""
        options = dict(kwargs or {})
        if func in _FILLERS:
            return args[0] if args else options["tensor"]
        if func in _FILLED:
            options.pop("generator", None)
            return torch.empty(*args, **options)
        return func(*args, **options)


@float32_on_cpu()
def build_and_load(build: Callable[[], Network], tensors: Mapping[str, Tensor], *, of: str) -> Network:
    """The network that `build` returns, with `tensors` as its weights.

    It is built on the meta device first: if the tensors do not fit, it has cost no memory and no initialization. Its
    dtype is float32, whatever the host program's default is.

    Raises:
        MismatchError: the names or shapes of the tensors are not those of the network; `of` names them.
    """
    with on_meta_device():
        network = build()
    check_fits(network, tensors, of=of)
    if network.state_dict().keys() < dict([*network.named_parameters(), *network.named_buffers()]).keys():
        # Some buffers are in no file: build the network with values, and leave the caller's random state as it is.
        with torch.random.fork_rng(devices=[]):
            network = build()
    assign_into(network, tensors, of=of)
    return network


@contextmanager
def on_meta_device() -> Iterator[None]:
    """Inside, networks are built on the meta device, without memory and without initialization."""
    with torch.device("meta"), _SkipInitialization():
        yield
