"""Weights files: which files the reader accepts, and which damaged and hostile files it refuses."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

from ganzoo.errors import CorruptWeightsError, MismatchError, NonFiniteError
from ganzoo.utils.files import sha256_of
from ganzoo.weights.fit import load_into
from ganzoo.weights.tensors import MAX_HEADER_BYTES, read_header, read_tensors, write_tensors

WEIGHT = torch.arange(4.0)
ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


def packed(header: Any, data: bytes = bytes(16)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(**changes: Any) -> dict[str, Any]:
    return {"weight": {**ENTRY, **changes}}


def two(first: list[int], second: list[int], size: int) -> bytes:
    entries = {"a": {**ENTRY, "data_offsets": first}, "b": {**ENTRY, "data_offsets": second}}
    return packed(entries, bytes(size))


MALFORMED = {
    "empty": b"",
    "short": b"\x01\x02\x03",
    "no header": struct.pack("<Q", 0),
    "header beyond the file": struct.pack("<Q", 5000) + b"{}",
    "header over 100 MB": struct.pack("<Q", 200_000_000) + b"{}",
    "header of 2^63": struct.pack("<Q", 2**63) + b"{}",
    "not JSON": packed(b"this is no JSON"),
    "not UTF-8": packed(b'{"\xff\xfe": {}}'),
    "a list": packed(b"[1, 2]"),
    "null": packed(b"null"),
    "a web page": b"<!doctype html><title>Log in</title>",
    "Git-LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "pickle": b"\x80\x02}q\x00." + bytes(50),
    "zip": b"PK\x03\x04" + bytes(50),
    "data cut short": packed(entry(), bytes(15)),
    "trailing bytes": packed(entry(), bytes(17)),
    "gap": two([0, 16], [20, 36], 36),
    "overlap": two([0, 16], [8, 24], 24),
    "same offsets": two([0, 16], [0, 16], 16),
    "start after end": packed(entry(data_offsets=[16, 0])),
    "negative offset": packed(entry(data_offsets=[-16, 0])),
    "offset overflow": packed(entry(data_offsets=[0, 2**64])),
    "shape overflow": packed(entry(shape=[2**32, 2**32])),
    "negative shape": packed(entry(shape=[-4])),
    "shape of text": packed(entry(shape=["four"])),
    "size against shape": packed(entry(shape=[5])),
    "unknown dtype": packed(entry(dtype="F33")),
    "no shape": packed({"weight": {"dtype": "F32", "data_offsets": [0, 16]}}),
    "no offsets": packed({"weight": {"dtype": "F32", "shape": [4]}}),
    "metadata of numbers": packed({"__metadata__": {"n": 1}, **entry()}),
    "deep nesting": packed(b'{"a":' * 5000 + b"1" + b"}" * 5000),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_malformed_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CorruptWeightsError, match=r"model\.safetensors"):
        read_tensors(path)


def test_the_table_is_damaged_and_not_merely_foreign(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(packed(entry()))
    assert torch.equal(read_tensors(path)["weight"], torch.zeros(4))
    path.write_bytes(two([0, 16], [16, 32], 32))
    assert read_tensors(path).keys() == {"a", "b"}


@pytest.mark.parametrize("padding", [b" " * MAX_HEADER_BYTES, b""], ids=["padded", "200,000 empty tensors"])
def test_a_huge_header_is_refused_at_once(tmp_path: Path, padding: bytes) -> None:
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps(entry() if padding else dict.fromkeys(map(str, range(200_000)), empty)).encode() + padding
    path = tmp_path / "model.safetensors"
    path.write_bytes(packed(header, bytes(16) if padding else b""))
    begun = time.perf_counter()
    with pytest.raises(CorruptWeightsError, match="header"):
        read_tensors(path)
    assert time.perf_counter() - begun < 0.5


def test_reading_returns_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_tensors(path, {"weight": WEIGHT, "../../x": WEIGHT.reshape(2, 2).T}, {"ganzoo_format": "1"})
    header = read_header(path)
    assert header.shapes == {"weight": (4,), "../../x": (2, 2)}
    assert header.metadata == {"ganzoo_format": "1"}
    tensors = read_tensors(path, sha256=sha256_of(path))
    assert torch.equal(tensors["weight"], WEIGHT)
    assert torch.equal(tensors["../../x"], WEIGHT.reshape(2, 2).T)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_tensors(path, {"weight": WEIGHT})
    pinned, content = sha256_of(path), path.read_bytes()
    for position in range(0, len(content) * 8, 7):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        path.write_bytes(changed)
        with pytest.raises(CorruptWeightsError):
            read_tensors(path, sha256=pinned)


def test_tensors_outlive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_tensors(path, {"weight": WEIGHT})
    tensors = read_tensors(path)
    path.write_bytes(bytes(path.stat().st_size))
    path.write_bytes(b"")  # under a mapped file this kills the process
    assert torch.equal(tensors["weight"], WEIGHT)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float, dtype: torch.dtype) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(save({"good": WEIGHT, "bad": torch.tensor([value], dtype=dtype)}))
    with pytest.raises(NonFiniteError, match="bad holds NaN or infinity"):
        read_tensors(path)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    write_tensors(path, {"weight": WEIGHT})
    before = path.read_bytes()

    def fails(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OSError, match="No space"):
        write_tensors(path, {"weight": WEIGHT + 1})
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_loading_lists_all_that_does_not_fit() -> None:
    module = nn.Linear(4, 2)
    before = module.weight.detach().clone()
    tensors = {"weight": torch.ones(2, 5), "extra": WEIGHT}
    with pytest.raises(MismatchError, match=r"missing bias.*unexpected extra.*weight is.*\(2, 5\), not.*\(2, 4\)"):
        load_into(module, tensors, of="horses")
    assert torch.equal(module.weight, before)


def test_integers_do_not_become_weights() -> None:
    module = nn.Linear(4, 2, bias=False)
    with pytest.raises(MismatchError, match=r"weight is torch\.int8"):
        load_into(module, {"weight": torch.ones(2, 4, dtype=torch.int8)}, of="horses")


def test_loading_copies() -> None:
    module, weight = nn.Linear(4, 2, bias=False), torch.ones(2, 4)
    load_into(module, {"weight": weight}, of="horses")
    weight.zero_()
    assert torch.equal(module.weight.detach(), torch.ones(2, 4))
