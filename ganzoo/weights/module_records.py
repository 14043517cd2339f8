"""Read plain pickles of networks as tensors by name. Nothing that such a file carries is imported or run.

Some code bases pickle whole networks. In those of NVIDIA, ``torch_utils.persistence`` writes a record for each module,
with the source code of its class as text, and its state. The unpickler here finds the names of a fixed list only. Each
stands for code of this module that puts values together. The source code stays a text, and is dropped.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["HARMLESS", "Left", "UnknownNameInPickle", "is_plain_pickle", "read_plain_pickle"]

MAX_TENSORS = 100_000
"""The most tensors of one module. Modules that share their parts could have any number."""

_RECORD_VERSION = 6  # of torch_utils.persistence, in all that NVIDIA has published with it
_TORCH_MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa85019")  # a pickled number near the start of torch's legacy files

HARMLESS = (
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *("numpy.ndarray", "numpy.dtype", "_codecs.encode"),
)
"""The names with which numpy's numbers and arrays are pickled. Losses and options beside the weights often are some."""


class Left:
    """Stands for a value of numpy, which is left out. It keeps nothing and runs nothing of what the file says."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


class UnknownNameInPickle(pickle.UnpicklingError):
    """A file uses a function or a class that is not in the list. The argument is its name."""


def is_plain_pickle(head: bytes) -> bool:
    """Whether a file that begins with these bytes, at least 32, is a pickle that `torch.save` has not written."""
    return head[:1] == pickle.PROTO and _TORCH_MAGIC not in head[:32]


def read_plain_pickle(source: Path, *, max_bytes: int) -> Any:
    """The content of a plain pickle, where each module is a dict of its tensors. The names are those of its state dict.

    The tensors have at most `max_bytes` in all.

    Raises:
        UnknownNameInPickle: the file uses a name that is not in the list.
        Exception: of any kind, if the file is damaged.
    """
    with source.open("rb") as file:
        return _Unpickler(file, max_bytes).load()


class _Unpickler(pickle._Unpickler):  # in Python: that in C takes as much memory as a number in the file says
    def __init__(self, file: IO[bytes], room: int) -> None:
        super().__init__(file)
        self._room = room

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name; it is never imported."""
        full = f"{module}.{name}"
        if full == "torch.storage._load_from_bytes":
            return self._load_storage
        if full not in _KNOWN:
            raise UnknownNameInPickle(full)
        return _KNOWN[full]

    def _load_storage(self, content: bytes) -> Any:
        """The numbers of a tensor, from a legacy file of torch inside of the pickle."""
        import torch

        self._room -= len(content)  # the same bytes may be used many times
        if self._room < 0 or _TORCH_MAGIC not in content[:32]:
            raise pickle.UnpicklingError("the numbers of a tensor are too many, or no file of torch")
        return torch.load(BytesIO(content), map_location="cpu", weights_only=True)


class _Options(dict[str, Any]):
    """Stands for ``dnnlib.EasyDict``, a dict."""


class _Module(dict[str, "Tensor"]):
    """The tensors of a module by the names that its state dict has."""


def _make_module(record: dict[str, Any]) -> _Module:
    """A module from its record. All modules inside of it have been made before."""
    if (record["type"], record["version"]) != ("class", _RECORD_VERSION):
        raise pickle.UnpicklingError(f"a record of the unknown version {record['version']}")
    state = record["state"]
    own = {**state["_parameters"], **state["_buffers"]}
    left = state.get("_non_persistent_buffers_set", ())
    module = _Module({name: tensor for name, tensor in own.items() if tensor is not None and name not in left})
    for name, inner in state["_modules"].items():
        module.update({f"{name}.{each}": tensor for each, tensor in (inner or {}).items()})
    if len(module) > MAX_TENSORS:
        raise pickle.UnpicklingError(f"a module has more than {MAX_TENSORS:,} tensors")
    return module


def _make_tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    """A tensor in a storage.

    Raises:
        UnpicklingError: it would reach outside of its storage.
    """
    import torch

    last = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
    numbers = storage._untyped_storage.nbytes() // storage.dtype.itemsize
    if min(offset, *size, *stride, 0) < 0 or (0 not in size and last >= numbers):
        raise pickle.UnpicklingError("a tensor reaches outside of its numbers")
    return torch.empty(0, dtype=storage.dtype).set_(storage._untyped_storage, offset, size, stride)


def _make_bytes(text: str, encoding: str) -> bytes:
    """The bytes that protocol 2 writes as a text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes as a text in {encoding}")
    return text.encode("latin1")


def _make_parameter(tensor: Tensor, *_: object) -> Tensor:
    return tensor


_KNOWN: dict[str, Callable[..., Any]] = {
    "__builtin__.set": set,
    "builtins.set": set,
    "collections.OrderedDict": OrderedDict,
    "dnnlib.EasyDict": _Options,
    "dnnlib.util.EasyDict": _Options,
    "torch._utils._rebuild_parameter": _make_parameter,
    "torch._utils._rebuild_tensor_v2": _make_tensor,
    "torch_utils.persistence._reconstruct_persistent_obj": _make_module,
    **dict.fromkeys(HARMLESS, Left),
    "_codecs.encode": _make_bytes,
}
"""What stands for each name that a file may use."""
