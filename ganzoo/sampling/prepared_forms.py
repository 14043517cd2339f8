"""The cache of prepared networks: what an engine wrote for some weights, whole and verified, or not there."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from itertools import chain
from pathlib import Path
from uuid import uuid4

import torch
from torch import Tensor

from ganzoo.interface.configs import Config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.specs import Engine
from ganzoo.registry import lookup
from ganzoo.utils.files import sha256_of
from ganzoo.utils.json_files import read_object
from ganzoo.utils.version import __version__

__all__ = ["add_tensor", "add_weights", "facts_of", "find_form", "form_folder", "keep_form"]

FORMAT = 1
"""The format of the cache. A new number makes ganzoo prepare all networks again."""

KEPT = 20
"""The number of prepared networks that are kept. Those that were not used for the longest time are removed."""

_MANIFEST = "prepared.json"


def form_folder(engine: Engine, gan: GAN, config: Config, inputs: Inputs) -> Path:
    """The folder for the prepared form of a GAN's sampling function, in ganzoo's part of the assets cache.

    Its name is a digest of the weights, the config, the names and shapes of the inputs, this kind of machine, and the
    versions of ganzoo, PyTorch, the engine and the distributions that it needs.

    Raises:
        OSError: the cache cannot be written.
    """
    from huggingface_hub import cached_assets_path

    digest = hashlib.sha256(json.dumps([*_versions(engine), *facts_of(gan, config, inputs)]).encode())
    add_weights(digest, gan)
    return cached_assets_path("ganzoo", "engines") / digest.hexdigest()


def _versions(engine: Engine) -> Iterable[str]:
    engines = lookup.registry().engines
    name = next(each for each in engines if engines[each] is engine)
    owner = engines.owner(name)
    plugins = sorted(f"{p.key} {p.version}" for p in lookup.registry().plugins if p.distribution == owner)
    needed = (f"{each} {metadata.version(each)}" for each in engine.requires)
    return [str(FORMAT), __version__, torch.__version__, name, *plugins, *needed]


def facts_of(gan: GAN, config: Config, inputs: Inputs) -> list[str]:
    """What a result depends on beside the weights: the code, the config, the machine, and the shapes of the inputs."""
    kind = type(gan)
    machine = [platform.system(), platform.machine(), torch.backends.cpu.get_cpu_capability(), gan.device.type]
    shapes = [f"{name} {value.dtype} {tuple(value.shape[1:])}" for name, value in inputs.items()]
    return [f"{kind.__module__}.{kind.__qualname__}", repr(config), *machine, *shapes]


def add_weights(digest: hashlib._Hash, gan: GAN) -> None:
    """Add all parameters and buffers to a digest."""
    for name, tensor in chain(gan.named_parameters(), gan.named_buffers()):
        add_tensor(digest, name, tensor)


def add_tensor(digest: hashlib._Hash, name: str, tensor: Tensor) -> None:
    """Add a tensor to a digest: its name, its data type, its shape and its bytes."""
    digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
    digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)


def find_form(folder: Path) -> bool:
    """Whether the folder holds a prepared form, and all of its files are as they were written."""
    try:
        files = read_object(folder / _MANIFEST)
        intact = bool(files) and all(sha256_of(folder / name) == digest for name, digest in files.items())
        os.utime(folder)
    except (OSError, ValueError, TypeError):
        return False
    return intact


def keep_form(form: Path, folder: Path) -> None:
    """Copy the files in `form` to the cache, as `folder`: all of them, or nothing. An empty form is not kept.

    If the cache cannot be written, nothing is kept. Of two processes that prepare the same form, one wins.
    """
    files = sorted(path.name for path in form.iterdir())
    temporary = folder.with_name(f".{uuid4().hex[:8]}")
    with suppress(OSError):
        try:
            if files:
                shutil.copytree(form, temporary)
                digests = {name: sha256_of(temporary / name) for name in files}
                (temporary / _MANIFEST).write_text(json.dumps(digests))
                shutil.rmtree(folder, ignore_errors=True)  # a damaged one
                temporary.rename(folder)
                _remove_oldest(folder.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _remove_oldest(cache: Path) -> None:
    """Remove all but the `KEPT` folders that were used last, and what interrupted processes left."""
    newest_first = sorted(cache.iterdir(), key=lambda folder: -folder.stat().st_mtime)
    for folder in newest_first[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
