"""Checkpoints: folders that are written completely or not at all, and that are checked when they are read."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import torch
from torch import Tensor

from ganzoo.errors import RunError, one_line
from ganzoo.utils.files import sha256_of
from ganzoo.utils.json_files import read_object
from ganzoo.weights.tensors import check_finite, read_tensors, write_tensors

__all__ = ["Checkpoint", "any_saved", "latest", "save"]

FULL_BYTES = 1_000_000
"""A disk with less free space than this counts as full."""

_MANIFEST, _STATE = "manifest.json", "state.pt"

_SEALED = "manifest has a digest"
"""An entry of ``state.pt``. Checkpoints of ganzoo 0.1 do not have it, and their manifests have no digest."""


class Checkpoint(NamedTuple):
    """The state of a training run after `step` iterations.

    `networks` holds tensors by file name, such as ``networks`` and ``average``, and then by tensor name. `state`
    holds the rest, such as the states of optimizers. It may hold only what ``torch.load(weights_only=True)``
    accepts.
    """

    step: int
    networks: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]


def save(folder: Path, checkpoint: Checkpoint, *, keep: int = 2) -> Path:
    """Write `checkpoint` as ``folder/<step>``, then delete all checkpoints but the newest `keep`.

    Raises:
        NonFiniteError: A weight is NaN or infinite; nothing was written.
        RunError: It could not be written, for instance because the disk is full; earlier checkpoints are intact.
    """
    for name, tensors in checkpoint.networks.items():
        check_finite(tensors, of=f"step {checkpoint.step}: {name}")
    target = folder / f"{checkpoint.step:08d}"
    # In the same folder as the target, because a rename is atomic only within one file system.
    temporary = folder / f".{target.name}-{uuid4().hex[:8]}"
    try:
        temporary.mkdir(parents=True)
        _write(temporary, checkpoint)
        if target.exists():  # the same step: a damaged one, or one from before a resume
            shutil.rmtree(target)
        temporary.rename(target)
        _sync(folder)
    except (OSError, RuntimeError) as error:
        raise RunError(
            f"cannot save {target}: {_reason(error, folder)} - earlier checkpoints are intact: "
            "continue with --resume when this is solved"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in _steps(folder)[:-keep]:
        if old != target:  # damaged checkpoints of later steps may be there, and this one is good
            shutil.rmtree(old)
    for orphan in folder.glob(".*"):  # left by saves that were killed; no other process writes here
        shutil.rmtree(orphan, ignore_errors=True)
    return target


def any_saved(folder: Path) -> bool:
    """Whether the folder has a checkpoint, damaged or not."""
    return bool(_steps(folder))


def latest(folder: Path) -> Checkpoint | None:
    """The newest undamaged checkpoint, or None if there is none. It warns of each damaged one that it skips."""
    for path in reversed(_steps(folder)):
        try:
            return _read(path)
        except Exception as error:  # what is read may be anything, and each damage raises another error
            warnings.warn(f"{path} is damaged ({one_line(error)}) - the checkpoint before it is used", stacklevel=2)
    return None


def _reason(error: Exception, folder: Path) -> str:
    """Why writing failed. `torch.save` reports a full disk as a RuntimeError about positions in a file."""
    if isinstance(error, RuntimeError) and shutil.disk_usage(folder).free < FULL_BYTES:
        return os.strerror(errno.ENOSPC)
    return getattr(error, "strerror", None) or one_line(error)


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the files of a checkpoint, then a manifest with their digests and its own, and force all to the disk."""
    for name, tensors in checkpoint.networks.items():
        write_tensors(folder / f"{name}.safetensors", tensors)
    torch.save({**checkpoint.state, _SEALED: True}, folder / _STATE)
    files = {path.name: {"size": path.stat().st_size, "sha256": sha256_of(path)} for path in sorted(folder.iterdir())}
    manifest = {"step": checkpoint.step, "files": files}
    (folder / _MANIFEST).write_text(json.dumps({**manifest, "sha256": _digest_of(manifest)}, indent=2))
    for path in (*folder.iterdir(), folder):
        _sync(path)


def _digest_of(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of a manifest's entries, however they are spaced in the file."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _read(folder: Path) -> Checkpoint:
    """Read a checkpoint, and compare the manifest with its own digest, and each file with its digest in the manifest.

    It raises some error if anything is damaged.
    """
    manifest = read_object(folder / _MANIFEST)
    digest = manifest.pop("sha256", None)
    if digest not in (None, _digest_of(manifest)):
        raise RunError(f"{_MANIFEST} has changed since it was written")
    if manifest["step"] != int(folder.name):
        raise RunError(f"{_MANIFEST} is of step {manifest['step']}")
    files: dict[str, dict[str, Any]] = manifest["files"]
    for name in {*files, _STATE}:
        if sha256_of(folder / name) != files[name]["sha256"]:
            raise RunError(f"{name} has changed since it was written")
    networks = {
        name.removesuffix(".safetensors"): read_tensors(folder / name)
        for name in files
        if name.endswith(".safetensors")
    }
    state = torch.load(folder / _STATE, weights_only=True, map_location="cpu")
    if state.pop(_SEALED, False) and digest is None:
        raise RunError(f"{_MANIFEST} has lost its digest")
    return Checkpoint(manifest["step"], networks, state)


def _steps(folder: Path) -> list[Path]:
    """The folders of all checkpoints, from the oldest to the newest."""
    return sorted(path for path in folder.glob("*") if path.name.isdecimal()) if folder.is_dir() else []


def _sync(path: Path) -> None:
    """Force a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
