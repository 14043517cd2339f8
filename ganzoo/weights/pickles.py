"""PyTorch's pickled checkpoints as safetensors: converted once, in a process of their own, and verified after.

That process reads with ``weights_only=True`` and never without; what else could be done is a way to
run the file's code. This process never imports torch.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ganzoo.errors import CorruptWeightsError, NonFiniteError, WeightsError, one_line
from ganzoo.utils.files import sha256_of
from ganzoo.weights.tensors import check_finite, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["convert_to_safetensors"]

FORMAT = 1  # of what the cache holds; another number makes every cached file anew
MAX_BYTES = 4_000_000_000
MAX_DEPTH = 3
TIMEOUT_SECONDS = 600
ORPHAN_SECONDS = 3600

_WEIGHTS, _MANIFEST = "model.safetensors", "manifest.json"
_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (CorruptWeightsError, NonFiniteError, WeightsError)
}
_FOREIGN = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"version https://git-lfs": "a Git-LFS pointer, which stands for a file that was not fetched",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a web page or XML",
}


def convert_to_safetensors(source: Path, *, sha256: str) -> Path:
    """The tensors of a checkpoint as a safetensors file, under their own names; `source` itself if it is one.

    `source` holds the bytes of `sha256`: the caller has verified that. Nested dicts become
    ``outer/inner`` names; what is no tensor is left out. The result is kept in the assets cache and
    verified at every call; several processes may call at once.

    Raises:
        CorruptWeightsError: no checkpoint, one that needs code to be read, or a bomb.
        NonFiniteError: NaN or infinity among the weights.
        WeightsError: too large, too slow, or no room to write the result.
    """
    from huggingface_hub import cached_assets_path

    if _is_safetensors(source):
        return source
    try:
        folder = cached_assets_path("ganzoo", "converted") / sha256
        if not _is_intact(folder):
            _sweep(folder.parent)
            _make(source, folder)
    except OSError as error:
        raise _no_room(error, "the assets cache") from error
    return folder / _WEIGHTS


# --- the cache -----------------------------------------------------------------------------------


def _is_intact(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
        return bool(manifest == _manifest(folder / _WEIGHTS))
    except (OSError, ValueError):
        return False


def _manifest(weights: Path) -> dict[str, int | str]:
    return {"format": FORMAT, "size": weights.stat().st_size, "sha256": sha256_of(weights)}


def _make(source: Path, folder: Path) -> None:
    """Convert beside `folder`, then rename: it appears whole or not at all."""
    aside = _aside(folder)
    aside.mkdir()
    try:
        _run(source, aside / _WEIGHTS)
        (aside / _MANIFEST).write_text(json.dumps(_manifest(aside / _WEIGHTS)))
        _publish(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _publish(aside: Path, folder: Path) -> None:
    """Rename into place; where another process was first, with the same result, that one stays.

    A damaged result makes way only now: thrown away any earlier, it could by then be another's good one.
    """
    for last in (False, False, True):
        try:
            aside.rename(folder)
            return
        except OSError:
            if _is_intact(folder):
                return
            if last:
                raise
            _throw_away(folder)


def _throw_away(folder: Path) -> None:
    """Remove a damaged result, in one step for all who look: renamed first."""
    aside = _aside(folder)
    with suppress(FileNotFoundError):
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name[:12]}.{uuid4().hex[:8]}")


def _sweep(cache: Path) -> None:
    """Remove what killed conversions left."""
    old = time.time() - ORPHAN_SECONDS
    for orphan in cache.glob(".*"):
        with suppress(OSError):
            if orphan.stat().st_mtime < old:
                shutil.rmtree(orphan)


# --- the process of its own ----------------------------------------------------------------------


def _run(source: Path, destination: Path) -> None:
    command = [sys.executable, "-P", "-m", "ganzoo.weights.pickles", os.fspath(source), os.fspath(destination)]
    root = os.fspath(Path(__file__).resolve().parents[1])  # -P leaves out the current folder: it may hold a torch.py
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, this module, two paths, no shell
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        text = f"{source} took over {TIMEOUT_SECONDS} s to convert"
        raise WeightsError(f"{text} - it is made to be slow, or the disk is") from error
    if done.returncode:
        raise _reported(done, source)


def _reported(done: subprocess.CompletedProcess[str], source: Path) -> Exception:
    """The error that the process reported in its last line; if there is none, how it ended."""
    lines = done.stderr.strip().splitlines() or [""]
    kind, _, text = lines[-1].partition(": ")
    if kind in _KINDS:
        return _KINDS[kind](text)
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    return WeightsError(f"{source} cannot be converted: its reader ended with {ended} {lines[-1]}".rstrip())


def _main(arguments: list[str]) -> int:
    """Convert in this process; the error, if any, is one line on stderr: its type and its text."""
    source, destination = map(Path, arguments)
    try:
        _convert(source, destination)
    except (WeightsError, NonFiniteError) as error:
        failure: Exception = error
    except Exception as error:  # whatever a file can make torch raise
        failure = CorruptWeightsError(f"{source} cannot be converted: {one_line(error)}")
    else:
        return 0
    sys.stderr.write(f"{type(failure).__name__}: {' '.join(str(failure).split())}\n")
    return 1


def _convert(source: Path, destination: Path) -> None:
    _check_container(source)
    pairs = list(_flat(_load(source), of=source))
    tensors = dict(pairs)
    if not 0 < len(tensors) == len(pairs):
        raise CorruptWeightsError(f"{source} holds {'two tensors of one name' if pairs else 'no tensors by name'}")
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if size > MAX_BYTES:  # a few bytes can be a view of any shape, which is written out in full
        raise CorruptWeightsError(f"{source} unfolds to {size:,} bytes, over the limit of {MAX_BYTES:,}")
    check_finite(tensors, of=str(source))
    try:
        write_tensors(destination, {name: tensor.detach().clone() for name, tensor in tensors.items()})
    except OSError as error:
        raise _no_room(error, str(destination.parent)) from error


def _no_room(error: OSError, where: str) -> WeightsError:
    return WeightsError(f"cannot write to {where} ({error.strerror}) - make room, or set HF_HOME to another disk")


# --- reading -------------------------------------------------------------------------------------


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size


def _check_container(source: Path) -> None:
    """Refuse by the outside what is no PyTorch checkpoint, before torch looks at it.

    Raises:
        CorruptWeightsError: another kind of file, TorchScript, or an archive that could be a bomb.
        WeightsError: larger than `MAX_BYTES`.
    """
    size = source.stat().st_size
    if size > MAX_BYTES:
        raise WeightsError(f"{source} has {size:,} bytes, over the limit of {MAX_BYTES:,} for a checkpoint")
    with source.open("rb") as file:
        head = file.read(512)
    kind = "empty" if not head else next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), "")
    if head[257:262] == b"ustar":
        kind = "a tar archive"
    if head.startswith(b"PK\x03\x04"):
        _check_zip(source)
    elif kind or head[0] != pickle.PROTO[0]:
        raise CorruptWeightsError(f"{source} is {kind or 'of an unknown kind'}, no PyTorch checkpoint")


def _check_zip(source: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise CorruptWeightsError(f"{source} is cut short or damaged ({error}) - fetch it again") from error
    inner = {entry.filename.partition("/")[2] for entry in entries}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise CorruptWeightsError(f"{source} is TorchScript, a program - only plain state dicts are read")
    if "data.pkl" not in inner:
        raise CorruptWeightsError(f"{source} is a zip archive without data.pkl, no PyTorch checkpoint")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CorruptWeightsError(f"{source} has compressed entries, which torch.save never writes - it may be a bomb")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise CorruptWeightsError(f"{source} unpacks to over {MAX_BYTES:,} bytes - it may be a bomb")


def _load(source: Path) -> Any:
    import torch

    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        names = _unsafe_globals(source) or re.findall(r"GLOBAL (\S+)", str(error)) or ["an unknown kind of object"]
        text = f"{source} holds more than tensors ({', '.join(names[:5])}), and reading it could run code"
        raise CorruptWeightsError(f"{text} - ask its publisher for safetensors or a plain state dict") from error
    except (EOFError, RuntimeError) as error:
        raise CorruptWeightsError(f"{source} is cut short or damaged ({one_line(error)}) - fetch it again") from error


def _unsafe_globals(source: Path) -> list[str]:
    import torch

    with suppress(Exception):  # it reads zip archives only, and this is but for the message
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(source))
    return []


def _flat(tree: Any, *, of: Path, prefix: str = "", depth: int = MAX_DEPTH) -> Iterator[tuple[str, Tensor]]:
    """Tensors by name, nested names joined by "/"; other values and other keys carry no weights."""
    from torch import Tensor

    if not isinstance(tree, Mapping):
        raise CorruptWeightsError(f"{of} holds a {type(tree).__name__}, not tensors by name")
    for name, value in tree.items():
        if isinstance(name, str) and isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(name, str) and isinstance(value, Mapping) and depth > 1:
            yield from _flat(value, of=of, prefix=f"{prefix}{name}/", depth=depth - 1)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
