"""Pickles of networks as NVIDIA's code writes them: a record for each module, with the source code of its class."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

SOURCE = "open({marker!r}, 'w').close()\nclass Network: ...\n"
"""The source code that each record carries. Code that trusts it runs it."""


class EasyDict(dict[str, Any]):
    """A dict with attributes, as ``dnnlib.util.EasyDict``."""


class Network:
    """Stands for a network of TensorFlow."""


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> Any:
    """What NVIDIA's code does with a record: it runs the source code in it."""
    exec(meta["module_src"], {})
    return meta


def use_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules with the names that such files use, as the code that writes them has them."""
    for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util", "dnnlib.tflib.network"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for thing, module in (
        (EasyDict, "dnnlib.util"),
        (Network, "dnnlib.tflib.network"),
        (_reconstruct_persistent_obj, "torch_utils.persistence"),
    ):
        monkeypatch.setattr(thing, "__module__", module)
        setattr(sys.modules[module], thing.__name__, thing)


class Recorded(nn.Module):
    """A module that pickles itself as a record of ``torch_utils.persistence``."""

    marker, version = "", 6

    def __init__(self, *parts: nn.Module, **state: Any) -> None:
        super().__init__()
        for i, part in enumerate(parts):
            self.add_module(f"b{i}", part)
        vars(self).update(state)
        self._init_kwargs = EasyDict(layers=2)

    def __reduce__(self) -> Any:
        source = SOURCE.format(marker=self.marker)
        record = {"type": "class", "version": self.version, "module_src": source, "class_name": "Network"}
        return _reconstruct_persistent_obj, ({**record, "state": dict(vars(self))},), None


def recorded(state: Mapping[str, torch.Tensor]) -> Recorded:
    """A module with this state dict."""
    module = Recorded()
    for first in dict.fromkeys(name.partition(".")[0] for name in state):
        inner = {name.removeprefix(f"{first}."): value for name, value in state.items() if name.startswith(f"{first}.")}
        if inner:
            module.add_module(first, recorded(inner))
        else:
            module.register_buffer(first, state[first])
    return module
