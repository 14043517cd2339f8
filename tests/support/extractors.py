"""Feature extractors for tests: registered, with random weights in a file of a real package."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.interface.extractor import Extractor
from ganzoo.interface.weights_files import BundledFile
from ganzoo.registry import lookup
from ganzoo.weights.tensors import write_tensors


def register(
    name: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    build: Callable[[], Extractor] | None = None,
    **changes: Any,
) -> Extractor:
    """Give the registered extractor `name` random weights, those of `build`, in a package in `folder`.

    Returns the network with these weights.
    """
    spec = lookup.registry().feature_extractors[name]
    build = build or spec.build
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build().eval().requires_grad_(False)
    package = f"weights_of_{name.replace('-', '_')}"
    path = folder / package / "model.safetensors"
    path.parent.mkdir(parents=True)
    (path.parent / "__init__.py").touch()
    write_tensors(path, network.state_dict())
    monkeypatch.syspath_prepend(str(folder))
    file = BundledFile(package=package, path=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    changed = dataclasses.replace(spec, build=build, weights=file, heads=None, adapt=None, **changes)
    lookup.registry().feature_extractors.put("ganzoo", changed)
    return network
