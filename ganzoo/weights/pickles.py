"""Convert PyTorch's pickled checkpoints to safetensors files, once for each checkpoint, and cache the result.

A separate process reads the checkpoint, always with ``weights_only=True``: without it, the file could run any code.
The calling process does not import torch.
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
from ganzoo.utils.json_files import read_object
from ganzoo.weights.module_records import HARMLESS, Left, UnknownNameInPickle, is_plain_pickle, read_plain_pickle
from ganzoo.weights.tensors import KINDS, check_finite, check_kinds, ordered, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["convert_to_safetensors"]

FORMAT = 2  # of the cached files; with another number, all are converted again
MAX_BYTES = 4_000_000_000
MAX_DEPTH = 6
TIMEOUT_SECONDS = 600
ORPHAN_SECONDS = 3600

_WEIGHTS, _MANIFEST = "model.safetensors", "manifest.json"
_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (CorruptWeightsError, NonFiniteError, WeightsError)
}
_TENSORFLOW = "dnnlib.tflib."
_DAMAGED = "get the file again, or ask its publisher for safetensors"
_USABLE = "use a PyTorch checkpoint (.pth, .pt, .bin, .ckpt) or a .safetensors file"
_FOREIGN = {
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file, as Keras writes it", _USABLE),
    b"version https://git-lfs": ("a Git-LFS pointer, not the file itself", "fetch the file with `git lfs pull`"),
    b"\x1f\x8b": ("a gzip archive", "unpack it first"),
    b"<": ("a web page or XML", "download the file itself, not its page"),
}
"""What begins with these bytes, and what to do."""


def convert_to_safetensors(source: Path, *, sha256: str) -> Path:
    """The path of a safetensors file with the tensors of the checkpoint `source`, or `source` if it is such a file.

    The tensors keep their names. A tensor in a nested dict gets the name ``outer/inner``. Other values are left out.
    The caller has verified that `source` has the digest `sha256`. The result is in the assets cache, and is verified
    at each call. Several processes may call this at the same time.

    Raises:
        CorruptWeightsError: it is not a checkpoint, only code can read it, or it would unpack to too many bytes.
        NonFiniteError: a weight is NaN or infinite.
        WeightsError: it is too large, the conversion takes too long, or the disk has no room for the result.
    """
    from huggingface_hub import cached_assets_path

    if _is_safetensors(source):
        return source
    try:
        folder = cached_assets_path("ganzoo", "converted") / sha256
        if not _is_intact(folder):
            _remove_leftovers(folder.parent)
            _convert_into_cache(source, folder)
    except OSError as error:
        raise _no_room(error, "the assets cache") from error
    return folder / _WEIGHTS


# --- the cache -----------------------------------------------------------------------------------


def _is_intact(folder: Path) -> bool:
    """Whether the folder holds a complete conversion, with the digest that its manifest states."""
    try:
        manifest = read_object(folder / _MANIFEST)
        return bool(manifest == _manifest(folder / _WEIGHTS))
    except (OSError, ValueError):
        return False


def _manifest(weights: Path) -> dict[str, int | str]:
    return {"format": FORMAT, "size": weights.stat().st_size, "sha256": sha256_of(weights)}


def _convert_into_cache(source: Path, folder: Path) -> None:
    """Convert into a temporary folder, then rename it to `folder`, which never holds a part of the result."""
    temporary = _temporary(folder)
    temporary.mkdir()
    try:
        _run_converter(source, temporary / _WEIGHTS)
        (temporary / _MANIFEST).write_text(json.dumps(_manifest(temporary / _WEIGHTS)))
        _move_into_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_into_place(temporary: Path, folder: Path) -> None:
    """Rename `temporary` to `folder`. If another process has been faster, its result is the same and stays.

    A damaged result is removed only here. If it were removed before the conversion, another process could have
    replaced it by a good one in between.
    """
    for last in (False, False, True):
        try:
            temporary.rename(folder)
            return
        except OSError:
            if _is_intact(folder):
                return
            if last:
                raise
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a damaged result. It is renamed first, so that other processes never see a part of it."""
    temporary = _temporary(folder)
    with suppress(FileNotFoundError):
        folder.rename(temporary)
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(folder: Path) -> Path:
    """A new path in the same folder, which `_remove_leftovers` recognizes by its leading dot."""
    return folder.with_name(f".{folder.name[:12]}.{uuid4().hex[:8]}")


def _remove_leftovers(cache: Path) -> None:
    """Remove the temporary folders that killed conversions have left."""
    old = time.time() - ORPHAN_SECONDS
    for orphan in cache.glob(".*"):
        with suppress(OSError):
            if orphan.stat().st_mtime < old:
                shutil.rmtree(orphan)


# --- the separate process ------------------------------------------------------------------------


def _run_converter(source: Path, destination: Path) -> None:
    """Run this module in a separate process, which converts `source`."""
    command = [sys.executable, "-P", "-m", "ganzoo.weights.pickles", os.fspath(source), os.fspath(destination)]
    # -P: do not import from the current folder, which may hold a torch.py
    root = os.fspath(Path(__file__).resolve().parents[2])
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
        text = f"the conversion of {source} took more than {TIMEOUT_SECONDS} s and was stopped"
        raise WeightsError(f"{text} - try again; if the disk is not slow, do not trust the file") from error
    if done.returncode:
        raise _reported_error(done, source)


def _reported_error(done: subprocess.CompletedProcess[str], source: Path) -> Exception:
    """The error in the last line of the process; without one, an error with the process's exit code or signal."""
    lines = done.stderr.strip().splitlines() or [""]
    kind, _, text = lines[-1].partition(": ")
    if kind in _KINDS:
        return _KINDS[kind](text)
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    why = f"the process ended with {ended} {lines[-1][:300]}".rstrip()
    return WeightsError(f"{source} cannot be converted: {why} - {_DAMAGED}")


def _main(arguments: list[str]) -> int:
    """Convert in this process. An error is written to stderr as one line: its type and its text."""
    source, destination = map(Path, arguments)
    try:
        _convert(source, destination)
    except (WeightsError, NonFiniteError) as error:
        failure: Exception = error
    except Exception as error:  # a file can make torch raise any error
        failure = CorruptWeightsError(f"{source} cannot be converted: {one_line(error)} - {_DAMAGED}")
    else:
        return 0
    sys.stderr.write(f"{type(failure).__name__}: {' '.join(str(failure).split())}\n")
    return 1


def _convert(source: Path, destination: Path) -> None:
    """Read the checkpoint `source`, check its tensors and write them to `destination`."""
    _check_container(source)
    pairs = list(_named_tensors(_load(source), of=source))
    tensors = dict(pairs)
    if not 0 < len(tensors) == len(pairs):
        problem = "two tensors of one name" if pairs else "no tensors by name"
        raise CorruptWeightsError(f"{source} holds {problem} - save the network's state_dict() and use that file")
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if size > MAX_BYTES:  # a tensor of a few bytes can have any shape, which is written in full
        text = f"{source} unfolds to {size:,} bytes, over the limit of {MAX_BYTES:,}"
        raise CorruptWeightsError(f"{text} - save the generator alone, and use that file")
    check_kinds({name: str(tensor.dtype).removeprefix("torch.") for name, tensor in pairs}, KINDS, of=str(source))
    check_finite(tensors, of=str(source))
    try:
        write_tensors(
            destination, {name: tensor.detach().clone() for name, tensor in tensors.items()}, ordered(tensors)
        )
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
    """Check by its first bytes and its list of entries that a file is a PyTorch checkpoint, before torch reads it.

    Raises:
        CorruptWeightsError: it is another kind of file, TorchScript, or an archive that could unpack to any size.
        WeightsError: it is larger than `MAX_BYTES`.
    """
    size = source.stat().st_size
    if size > MAX_BYTES:
        text = f"{source} has {size:,} bytes, over the limit of {MAX_BYTES:,} for a checkpoint"
        raise WeightsError(f"{text} - save the generator alone, and use that file")
    with source.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK\x03\x04"):
        _check_zip(source)
    elif head[:1] != pickle.PROTO or _is_tar(head):
        kind, remedy = _foreign(head)
        raise CorruptWeightsError(f"{source} is {kind} - {remedy}")


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _foreign(head: bytes) -> tuple[str, str]:
    """What a file is that begins with these bytes and is no checkpoint, and what to do."""
    if not head:
        return "empty", "download it again"
    if _is_tar(head):
        return "a tar archive", "unpack it first"
    found = (what for magic, what in _FOREIGN.items() if head.startswith(magic))
    return next(found, ("of an unknown kind, no PyTorch checkpoint", _USABLE))


def _check_zip(source: Path) -> None:
    """Check the entries of a zip archive, as `_check_container` does."""
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise CorruptWeightsError(f"{source} is cut short or damaged ({error}) - download it again") from error
    inner = {entry.filename.partition("/")[2] for entry in entries}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise CorruptWeightsError(f"{source} is TorchScript, which is a program - use a file with a plain state dict")
    if "data.pkl" not in inner:
        raise CorruptWeightsError(f"{source} is a zip archive without data.pkl, no PyTorch checkpoint - {_USABLE}")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CorruptWeightsError(
            f"{source} has compressed entries, which torch.save never writes - do not trust the file"
        )
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise CorruptWeightsError(f"{source} unpacks to over {MAX_BYTES:,} bytes - do not trust the file")


def _load(source: Path) -> Any:
    """The content of a checkpoint: a dict of tensors, as a rule. Nothing in the file is run."""
    with source.open("rb") as file:
        plain = is_plain_pickle(file.read(32))
    try:
        return _load_plain(source) if plain else _load_saved(source)
    except (EOFError, RuntimeError) as error:
        raise CorruptWeightsError(
            f"{source} is cut short or damaged ({one_line(error)}) - download it again"
        ) from error


def _load_saved(source: Path) -> Any:
    """The content of a file that `torch.save` wrote."""
    import torch

    try:
        with torch.serialization.safe_globals([(Left, name) for name in HARMLESS]):
            return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        names = _unsafe_globals(source) or re.findall(r"GLOBAL (\S+)", str(error)) or ["an unknown kind of object"]
        raise CorruptWeightsError(_more_than_tensors(source, names)) from error


def _load_plain(source: Path) -> Any:
    """The content of a pickle that `torch.save` did not write, such as a whole network of NVIDIA's code."""
    try:
        return read_plain_pickle(source, max_bytes=MAX_BYTES)
    except UnknownNameInPickle as error:
        raise CorruptWeightsError(_more_than_tensors(source, [str(error)])) from error
    except (EOFError, RuntimeError):
        raise
    except Exception as error:  # a damaged pickle can raise any error
        raise EOFError(str(error)) from error


def _more_than_tensors(source: Path, names: list[str]) -> str:
    """The message for a file that only code could read. `names` are the functions and classes that it would use."""
    if names[0].startswith(_TENSORFLOW):
        text = f"{source} is a network of NVIDIA's code for TensorFlow ({names[0]}), which only that code can read"
        return f"{text} - convert it with legacy.py of NVIDIA's code for PyTorch first"
    if any(name.startswith("torch.nn.modules.") for name in names):
        return f"{source} is a whole pickled module ({names[0]}), and reading it could run code - " + (
            "ask its author to save the module's state_dict()"
        )
    text = f"{source} holds more than tensors ({', '.join(names[:5])}), and reading it could run code"
    return f"{text} - ask its publisher for safetensors or a plain state dict"


def _unsafe_globals(source: Path) -> list[str]:
    """The names of the functions and classes that the file would use, for the error message."""
    import torch

    with suppress(Exception):  # it reads only zip archives; without it the message names less
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(source))
    return []


def _named_tensors(tree: Any, *, of: Path, prefix: str = "", depth: int = MAX_DEPTH) -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested dicts, with names such as ``outer/inner``. Other values are left out."""
    from torch import Tensor

    if not isinstance(tree, Mapping):
        raise CorruptWeightsError(
            f"{of} holds a {type(tree).__name__}, not tensors by name - use a file with a state dict"
        )
    for name, value in tree.items():
        if isinstance(name, str) and isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(name, str) and isinstance(value, Mapping) and depth > 1:
            yield from _named_tensors(value, of=of, prefix=f"{prefix}{name}/", depth=depth - 1)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
