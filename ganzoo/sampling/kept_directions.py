"""The cache of directions: a small file for each model, method and number of directions, under the weights' digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.errors import CorruptWeightsError, NonFiniteError
from ganzoo.interface.configs import Config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.sampling.directions import Directions
from ganzoo.sampling.prepared_forms import add_tensor, add_weights, facts_of
from ganzoo.utils.version import __version__
from ganzoo.weights.tensors import read_header, read_tensors, write_tensors

__all__ = ["kept_directions"]

KEPT = 100
"""The number of files that are kept. Those that were written first are removed."""


def kept_directions(
    gan: GAN, config: Config, method: str, count: int, held: Inputs, compute: Callable[[], Directions]
) -> Directions:
    """The directions from the cache, or else those that `compute` returns, which the cache then keeps.

    `held` are the inputs that `compute` holds, such as a class. The name of the file is a digest of the weights, the
    config, `held`, the method, the count, and the versions of ganzoo and PyTorch. A damaged file is replaced. If the
    cache cannot be written, nothing is kept.
    """
    facts = [__version__, torch.__version__, method, str(count), *facts_of(gan, config, held)]
    digest = hashlib.sha256(json.dumps(facts).encode())
    add_weights(digest, gan)
    for each, value in sorted(held.items()):
        add_tensor(digest, each, value)
    name = f"{digest.hexdigest()}.safetensors"
    with suppress(OSError, ValueError, KeyError, CorruptWeightsError, NonFiniteError):
        return _read(_folder() / name)
    found = compute()
    with suppress(OSError, ValueError):  # a ValueError if a file is in place of the folder
        _write(_folder() / name, found)
    return found


def _folder() -> Path:
    from huggingface_hub import cached_assets_path

    return cached_assets_path("ganzoo", "directions")


def _read(path: Path) -> Directions:
    """The directions in a file, which holds the digest of its vectors too."""
    facts = read_header(path).metadata
    vectors = read_tensors(path)["vectors"]
    if facts["digest"] != _digest(vectors):
        raise CorruptWeightsError(f"{path} is damaged")
    return Directions(facts["input"], vectors)


def _write(path: Path, found: Directions) -> None:
    write_tensors(path, {"vectors": found.vectors}, {"input": found.input, "digest": _digest(found.vectors)})
    for old in sorted(path.parent.glob("*.safetensors"), key=lambda each: -each.stat().st_mtime)[KEPT:]:
        old.unlink(missing_ok=True)


def _digest(vectors: Tensor) -> str:
    digest = hashlib.sha256()
    add_tensor(digest, "vectors", vectors)
    return digest.hexdigest()
