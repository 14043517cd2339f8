"""Weights files: safetensors, read strictly and copied out of the file, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, NonFiniteError, one_line
from ganzoo.interface.weights_files import Shapes
from ganzoo.utils.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor


__all__ = ["Header", "check_finite", "read_header", "read_tensors", "write_tensors"]

# safetensors itself accepts 100 MB of header: 200,000 empty tensors cost 4 s. BigGAN-deep-512 needs 80 kB.
MAX_HEADER_BYTES = 1_000_000


_DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8"},
}


class Header(NamedTuple):
    """What a safetensors file says of itself: shapes by tensor name, and free text that nobody vouches for."""

    shapes: Shapes
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The header of a safetensors file, without torch and without reading a tensor.

    Raises:
        CorruptWeightsError: the file is not safetensors, or its header is over `MAX_HEADER_BYTES`.
    """
    with path.open("rb") as file:
        prefix = file.read(8)
        size = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or not 2 <= size <= MAX_HEADER_BYTES:
            raise CorruptWeightsError(f"{path} is no safetensors file: its header would take {size:,} bytes")
        text = file.read(size)
    try:
        entries: dict[str, Any] = json.loads(text)
        metadata = entries.pop("__metadata__", {})
        shapes = {name: tuple(int(n) for n in entry["shape"]) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptWeightsError(f"{path} is no safetensors file: {one_line(error)}") from error
    return Header(shapes, metadata)


def read_tensors(path: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU, each in memory of its own.

    The bytes that are verified are the bytes that are used: the file is read once. A mapped file would change
    under the tensors when it is edited, and kill the process when it is cut short.

    Raises:
        CorruptWeightsError: not the bytes of `sha256`, or not a safetensors file.
        NonFiniteError: NaN or infinity among the weights.
    """
    from safetensors import SafetensorError, safe_open

    try:
        read_header(path)
        with safe_open(path, "pt"):  # refuses tensors that overlap or leave gaps
            pass
        tensors, found = _read_and_digest(path)
    except OSError as error:
        raise CorruptWeightsError(f"{path} cannot be read: {error.strerror}") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CorruptWeightsError(f"{path} is no safetensors file: {one_line(error)}") from error
    if sha256 is not None and found != sha256:
        raise CorruptWeightsError(f"{path} has sha256 {found[:12]}..., not {sha256[:12]}... - damaged or replaced")
    check_finite(tensors, of=str(path))
    return tensors


def _read_and_digest(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file, and the digest of all bytes that were read: of the whole file.

    Raises:
        ValueError: the file is shorter or longer than its header says.
    """
    import torch

    tensors: dict[str, Tensor] = {}
    with path.open("rb") as file:
        head = file.read(8)
        head += file.read(int.from_bytes(head, "little"))
        digest = hashlib.sha256(head)
        entries = json.loads(head[8:])
        entries.pop("__metadata__", None)
        for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
            tensors[name] = torch.empty(entry["shape"], dtype=getattr(torch, _DTYPES[entry["dtype"]]))
            part = tensors[name].flatten().view(torch.uint8).numpy().data
            if file.readinto(part) != part.nbytes:
                raise ValueError(f"{name} is cut short")
            digest.update(part)
        if file.read(1):
            raise ValueError("there is more in it than its header says")
    return tensors, digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file beside `path`, then move it into place."""
    from safetensors.torch import save

    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, dict(metadata or {}))
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def check_finite(tensors: Mapping[str, Tensor], *, of: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        NonFiniteError: names the first such tensor.
    """
    for name, tensor in sorted(tensors.items()):
        if tensor.is_floating_point() and not _is_finite(tensor):
            raise NonFiniteError(f"{of}: {name} holds NaN or infinity - these weights cannot be used")


def _is_finite(tensor: Tensor) -> bool:
    """Without a second tensor as large; NaN is the smallest and the largest of whatever it is among."""
    return tensor.numel() == 0 or all(bool(end.isfinite()) for end in tensor.aminmax())
