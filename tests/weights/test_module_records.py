"""Pickles of whole networks: they are read as tensors by name, and nothing that they carry is run."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ganzoo.errors import CorruptWeightsError
from ganzoo.weights import module_records, pickles
from pickled_networks import EasyDict, Network, Recorded, use_their_names


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    use_their_names(monkeypatch)


class Layer(Recorded):
    """A leaf with a parameter, buffers and a number of numpy."""

    def __init__(self) -> None:
        super().__init__(gain=np.sqrt(2.0))
        self.weight = nn.Parameter(torch.rand(3, 2, 2).to(memory_format=torch.contiguous_format).transpose(0, 1))
        self.register_buffer("filter", torch.tensor([1.0, 3.0, 3.0, 1.0]))
        self.register_buffer("left", torch.ones(2), persistent=False)
        self.register_parameter("bias", None)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def to(thing: Any, protocol: int = 4) -> Path:
        source = tmp_path / "network.pkl"
        source.write_bytes(pickle.dumps(thing, protocol))
        return source

    return to


def read(source: Path) -> dict[str, torch.Tensor]:
    destination = source.with_suffix(".safetensors")
    pickles._convert(source, destination)
    return load_file(destination)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_networks_become_the_tensors_of_their_state_dicts(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    marker = tmp_path / "marker"
    monkeypatch.setattr(Recorded, "marker", os.fspath(marker))
    average, raw = Recorded(Recorded(Layer(), Layer()), Layer()), Recorded(Layer())
    options = EasyDict(path="photos.zip", classes=None)
    source = write({"G": raw, "G_ema": average, "training_set_kwargs": options, "augment_pipe": None}, protocol)
    tensors = read(source)
    assert not marker.exists()
    for prefix, network in (("G/", raw), ("G_ema/", average)):
        expected = {prefix + name: value for name, value in network.state_dict().items()}
        assert expected.keys() == {name for name in tensors if name.startswith(prefix)}
        assert all(torch.equal(tensors[name], value) for name, value in expected.items())
    assert len(tensors) == 2 + 6
    pickle.loads(source.read_bytes())  # the control: trusted, it runs the source code
    assert marker.exists()


def test_a_pickled_state_dict_is_read_too(write: Callable[..., Path]) -> None:
    weight = torch.arange(6.0).view(2, 3)
    assert torch.equal(read(write(OrderedDict({"weight": weight})))["weight"], weight)


class Call:
    """An object that calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("where", ["in the state", "in the buffers", "beside", "in the storage"])
def test_a_hostile_record_is_refused_by_name(write: Callable[..., Path], tmp_path: Path, where: str) -> None:
    marker = tmp_path / "marker"
    call, layer = Call(os.system, f"touch {marker}"), Layer()
    if where == "in the state":
        layer.gain = call  # type: ignore[assignment]
    elif where == "in the buffers":
        layer._buffers["filter"] = call  # type: ignore[assignment]
    elif where == "in the storage":
        layer.gain = Call(torch.storage._load_from_bytes, pickle.dumps(call))
    source = write({"G_ema": layer, "more": call if where == "beside" else None})
    words = "damaged .*no file of torch" if where == "in the storage" else r"more than tensors \(\w+\.system\).* - ask"
    with pytest.raises(CorruptWeightsError, match=words):
        read(source)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "torch.nn.modules.linear.Linear", "functools.partial"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    source = tmp_path / "network.pkl"
    source.write_bytes(b"\x80\x02c" + f"{module}\n{attribute}\n".encode() + b".")
    with pytest.raises(CorruptWeightsError, match=name.replace(".", r"\.")):
        read(source)


def test_a_network_of_tensorflow_says_what_it_is(write: Callable[..., Path]) -> None:
    with pytest.raises(CorruptWeightsError, match=r"TensorFlow \(dnnlib\.tflib\.network\.Network\).* - convert it"):
        read(write((Network(), Network(), Network())))


def rebuild(tensor: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Call:
    storage = torch.storage.TypedStorage(wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True)
    return Call(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, OrderedDict())


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(0, (5,), (1,)), (1, (4,), (1,)), (-1, (2,), (1,)), (3, (2,), (-1,)), (0, (2, 2), (3, 1)), (4, (1,), (1,))],
)
def test_a_tensor_cannot_reach_outside_of_its_numbers(
    write: Callable[..., Path], offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    source = write({"inside": rebuild(torch.arange(4.0), 1, (3,), (1,))})
    assert read(source)["inside"].tolist() == [1, 2, 3]
    source = write({"outside": rebuild(torch.arange(4.0), offset, size, stride)})
    with pytest.raises(CorruptWeightsError, match="outside of its numbers"):
        read(source)


def test_numbers_that_are_used_many_times_are_counted(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = stored(torch.rand(1000))
    calls = {str(i): Call(torch.storage._load_from_bytes, content) for i in range(100)}
    source = write(calls)
    assert source.stat().st_size < 20_000
    monkeypatch.setattr(pickles, "MAX_BYTES", 50_000)
    with pytest.raises(CorruptWeightsError, match="too many"):
        read(source)


def stored(tensor: torch.Tensor) -> bytes:
    """The numbers of a tensor as `_load_from_bytes` takes them."""
    storage = torch.storage.TypedStorage(wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True)
    return bytes(storage.__reduce__()[1][0])


def test_modules_that_share_their_parts_have_a_limit(write: Callable[..., Path]) -> None:
    module: nn.Module = Layer()
    for _ in range(30):  # 2**30 names in a file of a few kilobytes
        module = Recorded(module, module)
    with pytest.raises(CorruptWeightsError, match=f"more than {module_records.MAX_TENSORS:,} tensors"):
        read(write({"G_ema": module}))


def test_a_large_number_in_the_file_takes_no_memory(tmp_path: Path) -> None:
    source = tmp_path / "network.pkl"
    source.write_bytes(b"\x80\x02}r" + (2**31 - 1).to_bytes(4, "little") + b".")  # the place 2**31 - 1 of the memo
    with pytest.raises(CorruptWeightsError, match="no tensors by name"):
        read(source)


@pytest.mark.parametrize("keep", [0.2, 0.7, 0.99])
def test_a_cut_file_is_refused(write: Callable[..., Path], keep: float) -> None:
    source = write({"G_ema": Recorded(Layer())})
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * keep)])
    with pytest.raises(CorruptWeightsError, match="cut short or damaged"):
        read(source)


def test_an_unknown_version_is_refused(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorded, "version", 7)
    with pytest.raises(CorruptWeightsError, match="unknown version 7"):
        read(write({"G_ema": Recorded(Layer())}))
