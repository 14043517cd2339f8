"""Read the tensors of a checkpoint, which may be in several files that an index names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import CorruptWeightsError, one_line
from ganzoo.utils.files import sha256_of
from ganzoo.utils.json_files import read_object
from ganzoo.weights import pickles
from ganzoo.weights.tensors import read_header, read_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["read_checkpoint"]

_INDEX = ".index.json"
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.\w+)")


def read_checkpoint(source: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint in the order of the file; of all its files if `source` is their index.

    Raises:
        CorruptWeightsError: it is no checkpoint, or it is one file of several, or a file of the index is missing.
        WeightsError: it cannot be converted.
        NonFiniteError: a weight is NaN or infinite.
    """
    if source.name.endswith(_INDEX):
        return {name: tensor for shard in _shards(source) for name, tensor in _read(shard).items()}
    shard = _SHARD.fullmatch(source.name)
    if shard and int(shard[3]) > 1:
        text = f"{source} is file {int(shard[2])} of {int(shard[3])} of a checkpoint"
        raise CorruptWeightsError(f"{text} - give their index, {shard[1]}{shard[4]}{_INDEX}, in place of it")
    return _read(source)


def _shards(index: Path) -> list[Path]:
    """The files that an index names, all in its own folder."""
    try:
        names = sorted({*read_object(index)["weight_map"].values()})
        shards = [index.with_name(name) for name in names]  # it refuses names with a folder in them
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = f"{index} is no index of a checkpoint ({one_line(error)})"
        raise CorruptWeightsError(f"{text} - give the checkpoint itself") from error
    missing = [shard.name for shard in shards if not shard.is_file()]
    if missing:
        raise CorruptWeightsError(f"{index} needs {', '.join(missing[:3])} - download all files into one folder")
    return shards


def _read(path: Path) -> dict[str, Tensor]:
    converted = pickles.convert_to_safetensors(path, sha256=sha256_of(path))
    tensors = read_tensors(converted)
    return {name: tensors[name] for name in read_header(converted).shapes}
