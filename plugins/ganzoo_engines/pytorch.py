"""PyTorch as an engine: an exported graph in a file, or the compiler."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ganzoo import EngineFunctions, SamplingNetwork

__all__ = ["COMPILED", "EXPORTED"]

_FILE = "model.pt2"

Run = Callable[[Mapping[str, Tensor]], Tensor]


def _export(network: SamplingNetwork, folder: Path) -> None:
    torch.export.save(network.export(), folder / _FILE)


def _open_exported(network: SamplingNetwork, folder: Path) -> Run:
    module = torch.export.load(folder / _FILE).module()
    return torch.no_grad()(lambda inputs: module(**inputs))


def _compile(network: SamplingNetwork, folder: Path) -> None:
    """Nothing: the compiler has a cache of its own."""


def _open_compiled(network: SamplingNetwork, folder: Path) -> Run:
    device = next(iter(network.example.values())).device
    compilers = filter(None, (os.environ.get("CXX"), "g++", "clang++", "cl"))
    if device.type == "cpu" and not any(map(shutil.which, compilers)):
        raise RuntimeError("there is no C++ compiler - install one, such as g++")
    compiled = torch.compile(network, dynamic=True)
    return torch.no_grad()(lambda inputs: compiled(**inputs))


EXPORTED = EngineFunctions(_export, _open_exported)
"""The graph that `torch.export` writes, run by PyTorch's own operations."""

COMPILED = EngineFunctions(_compile, _open_compiled)
"""`torch.compile`."""
