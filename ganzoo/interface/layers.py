"""The layers of a network, in the order in which an image passes them."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

__all__ = ["layers_in_order"]


def layers_in_order(network: nn.Module) -> list[nn.Module]:
    """The layers of `network` that have parameters, in the order of its children.

    The children of `nn.Sequential`, `nn.ModuleList` and `nn.ModuleDict` are layers of their own. What has vectors only,
    such as a norm, is a part of the layer before it.
    """
    layers: list[nn.ModuleList] = []
    for module in _opened(network):
        dimensions = [parameter.ndim for parameter in module.parameters()]
        if layers and dimensions and max(dimensions) < 2:
            layers[-1].append(module)
        elif dimensions:
            layers.append(nn.ModuleList([module]))
    return [*layers]


def _opened(network: nn.Module) -> Iterator[nn.Module]:
    """The children of a network, and those of its containers in place of them."""
    for child in network.children():
        if isinstance(child, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
            yield from _opened(child)
        else:
            yield child
