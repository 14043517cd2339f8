"""Read and write safetensors files. Reading verifies them, and writing is atomic."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, NonFiniteError, one_line
from ganzoo.interface.weights_files import Shapes
from ganzoo.utils.files import atomic_write, open_regular
from ganzoo.utils.json_files import parse_object

if TYPE_CHECKING:
    from torch import Tensor


__all__ = ["KINDS", "Header", "check_finite", "check_kinds", "ordered", "read_header", "read_tensors", "write_tensors"]

# safetensors itself accepts headers of 100 MB, but 200,000 empty tensors take 4 s. BigGAN-deep-512 needs 80 kB.
MAX_HEADER_BYTES = 1_000_000


_DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8"},
}


KINDS = frozenset(_DTYPES.values())
"""The data types that ganzoo reads, as torch names them."""

_ORDER = "order"


def ordered(names: Iterable[str]) -> dict[str, str]:
    """Metadata that keep the order of tensors, which safetensors files lose."""
    return {_ORDER: "\n".join(names)}


class Header(NamedTuple):
    """The header of a safetensors file: the shape of each tensor, and texts that may be wrong.

    The tensors come in the order that `ordered` has kept, if it has.
    """

    shapes: Shapes
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """Read the header of a safetensors file. This does not import torch and reads no tensor.

    Raises:
        CorruptWeightsError: the file is not safetensors, its header is over `MAX_HEADER_BYTES`, or it has numbers of a
            kind that ganzoo does not read.
    """
    with open_regular(path) as file:
        prefix = file.read(8)
        size = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or not 2 <= size <= MAX_HEADER_BYTES:
            problem = f"{path} is not a safetensors file: its header would have {size:,} bytes"
            raise CorruptWeightsError(f"{problem} - download or export it again")
        text = file.read(size)
    try:
        entries = parse_object(text)
        metadata = _checked_metadata(entries.pop("__metadata__", {}))
        names = [name for name in metadata.get(_ORDER, "").split("\n") if name in entries]
        shapes = {name: _checked_shape(entries[name]["shape"]) for name in dict.fromkeys([*names, *entries])}
        kinds = {name: str(entry["dtype"]) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptWeightsError(
            f"{path} is not a safetensors file ({one_line(error)}) - download or export it again"
        ) from error
    check_kinds(kinds, _DTYPES, of=str(path))
    return Header(shapes, metadata)


def check_kinds(kinds: Mapping[str, str], known: Container[str], *, of: str) -> None:
    """Check that the numbers of each tensor are of a known kind. `kinds` are the kinds by the tensors' names.

    Raises:
        CorruptWeightsError: names the first tensor with another kind of numbers.
    """
    for name, kind in kinds.items():
        if kind not in known:
            text = f"{of}: {name} holds numbers of the kind {kind}, which ganzoo does not read"
            raise CorruptWeightsError(f"{text} - get the weights in 16 or 32 bits, from before they were made smaller")


def _checked_metadata(metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise TypeError("its metadata are not texts")
    return metadata


def _checked_shape(shape: Any) -> tuple[int, ...]:
    """The shape of a tensor. Empty tensors too may have no side that PyTorch cannot count."""
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise TypeError("a shape is not a list of whole numbers")
    if math.prod(side or 1 for side in shape) >= 2**60:
        raise ValueError("a shape has more numbers than a file can hold")
    return tuple(shape)


def read_tensors(path: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file to the CPU, and verify the file.

    The file is read once, so that the verified bytes are the ones that are used. It is not mapped into memory: the
    tensors would change if somebody edits the file, and the process would crash if somebody shortens it.

    Raises:
        CorruptWeightsError: the digest is not `sha256`, the file is not a safetensors file, or it holds numbers of a
            kind that ganzoo does not read.
        NonFiniteError: a weight is NaN or infinite.
    """
    from safetensors import SafetensorError, safe_open

    try:
        read_header(path)
        with safe_open(path, "pt"):  # it raises for tensors that overlap or have gaps between them
            pass
        tensors, found = _read_and_digest(path)
    except OSError as error:
        raise CorruptWeightsError(f"{path} cannot be read: {error.strerror} - download or export it again") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CorruptWeightsError(
            f"{path} is not a safetensors file ({one_line(error)}) - download or export it again"
        ) from error
    if sha256 is not None and found != sha256:
        text = f"{path} has the sha256 {found[:12]}..., not {sha256[:12]}..."
        raise CorruptWeightsError(f"{text} - it is damaged or another file; download or export it again")
    check_finite(tensors, of=str(path))
    return tensors


def _read_and_digest(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file, and the SHA-256 of the whole file.

    Raises:
        ValueError: the file is shorter or longer than its header says.
    """
    import torch

    tensors: dict[str, Tensor] = {}
    with open_regular(path) as file:
        head = file.read(8)
        head += file.read(int.from_bytes(head, "little"))
        digest = hashlib.sha256(head)
        entries = parse_object(head[8:])
        entries.pop("__metadata__", None)
        for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
            tensors[name] = torch.empty(entry["shape"], dtype=getattr(torch, _DTYPES[entry["dtype"]]), device="cpu")
            part = tensors[name].flatten().view(torch.uint8).numpy().data
            if file.readinto(part) != part.nbytes:
                raise ValueError(f"the file ends inside the tensor {name}")
            digest.update(part)
        if file.read(1):
            raise ValueError("the file is longer than its header says")
    return tensors, digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file. `path` never holds a part of it, even if the writing fails."""
    from safetensors.torch import save

    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, dict(metadata or {}))
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def check_finite(tensors: Mapping[str, Tensor], *, of: str) -> None:
    """Check that no value is NaN or infinite.

    Raises:
        NonFiniteError: names the first tensor with such a value.
    """
    for name, tensor in sorted(tensors.items()):
        if tensor.is_floating_point() and not _is_finite(tensor):
            raise NonFiniteError(f"{of}: {name} holds NaN or infinity - these weights cannot be used")


def _is_finite(tensor: Tensor) -> bool:
    """Whether all values are finite. `aminmax` needs no second tensor of that size, and returns NaN if any value is."""
    return tensor.numel() == 0 or all(bool(end.isfinite()) for end in tensor.aminmax())
