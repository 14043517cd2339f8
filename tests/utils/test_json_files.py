"""The one reader of small JSON files: it returns an object that can be used, or says in one line what is wrong."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.errors import CorruptWeightsError, GanzooError, InvalidConfigError, InvalidRequestError, RunError
from ganzoo.evaluation import report
from ganzoo.interface.configs import replace_config
from ganzoo.pretrained.resolve import resolve
from ganzoo.registry import lookup
from ganzoo.sharing.card import card_of
from ganzoo.training.plan import make_plan
from ganzoo.training.run_folder import check_folder
from ganzoo.utils.files import sha256_of
from ganzoo.utils.json_files import MAX_DEPTH, parse_object, read_object
from ganzoo.weights.folder import read_description
from ganzoo.weights.tensors import read_header, read_tensors
from models import publish

DAMAGED = {
    "empty": (b"", "Expecting value"),
    "a list": (b"[]", "a list, not an object"),
    "null": (b"null", "null, not an object"),
    "a text": (b'"x"', "a text, not an object"),
    "a number": (b"3", "a number, not an object"),
    "true": (b"true", "true or false, not an object"),
    "infinity": (b'{"a": Infinity}', "Infinity"),
    "NaN": (b'{"a": NaN}', "NaN"),
    "1e999": (b'{"a": 1e999}', "1e999"),
    "2^63": (b'{"a": 9223372036854775808}', "64 bits"),
    "10^400": (b'{"a": 1' + b"0" * 400 + b"}", "64 bits"),
    "10^9999": (b'{"a": 1' + b"0" * 9999 + b"}", "64 bits"),
    "lone surrogate": (b'{"a": "\\ud800"}', "surrogates not allowed"),
    "lone surrogate as a key": (b'{"\\ud800": 1}', "surrogates not allowed"),
    "not UTF-8": (b'{"a": "\xff"}', "utf-8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "utf-8"),
    "deep": (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "levels"),
    "very deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "levels"),
    "deep list": (b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "levels"),
    "large": (b'{"a": "' + b"x" * 1_000_000 + b'"}', "more than 1,000,000 bytes"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    content, cause = DAMAGED[name]
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ValueError, match=cause):
        read_object(tmp_path / "x.json")


def test_usual_files_are_read(tmp_path: Path) -> None:
    content = {"a": [1, -2.5, None, True], "é🙂": {"b": 2**63 - 1, "c": -(2**63)}}
    (tmp_path / "x.json").write_text(json.dumps(content))
    assert read_object(tmp_path / "x.json") == content
    (tmp_path / "x.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert read_object(tmp_path / "x.json") == content


def odd_files(folder: Path) -> list[Path]:
    """A pipe, a device without end, and a folder."""
    (folder / "odd").mkdir()
    os.mkfifo(folder / "odd" / "pipe")
    (folder / "odd" / "device").symlink_to("/dev/zero")
    (folder / "odd" / "folder").mkdir()
    return sorted((folder / "odd").iterdir())


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    for path in odd_files(tmp_path):
        for read in (read_object, sha256_of):
            with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
                read(path)
        with pytest.raises(CorruptWeightsError):
            read_tensors(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return publish(tmp_path / "model", "dcgan", lookup.registry().architectures["dcgan"].tiny)


def replace(path: Path, by: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(by)


def test_a_pipe_or_a_device_in_place_of_a_file(folder: Path, tmp_path: Path) -> None:
    plan = make_plan("dcgan", "mnist")
    for odd in odd_files(tmp_path):
        replace(folder / "run.json", odd)
        with pytest.raises(RunError, match=r"run\.json is (damaged|not a regular file)"):
            check_folder(folder, plan, resume=True)
        with pytest.raises(RunError, match=r"run\.json is damaged"):
            card_of(resolve(folder))
        with pytest.raises(InvalidRequestError, match="cannot be read"):
            report.read(odd)
    for odd in sorted((tmp_path / "odd").iterdir()):
        replace(folder / "config.json", odd)
        with pytest.raises(CorruptWeightsError, match="no published model"):
            read_description(folder)


@pytest.mark.parametrize("name", DAMAGED)
def test_every_reader_says_so(name: str, folder: Path) -> None:
    content, _ = DAMAGED[name]
    (folder / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        check_folder(folder, make_plan("dcgan", "mnist"), resume=True)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        card_of(resolve(folder))
    (folder / "results.json").write_bytes(content)
    with pytest.raises(InvalidRequestError, match="is not the result of an evaluation"):
        report.read(folder / "results.json")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(CorruptWeightsError, match="no published model"):
        read_description(folder)


@pytest.mark.parametrize("content", [{}, {"architecture": "dcgan"}, {"iterations": []}, {"scores": {}}], ids=str)
def test_objects_of_other_kinds_are_refused(content: dict[str, Any], folder: Path) -> None:
    (folder / "run.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        card_of(resolve(folder))
    (folder / "results.json").write_text(json.dumps(content))
    with pytest.raises(InvalidRequestError, match="is not the result of an evaluation"):
        report.read(folder / "results.json")


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**62, 2**63, float("inf")], ids=lambda value: str(value)[:9])
def test_huge_values_of_a_config_are_refused(value: float) -> None:
    spec = lookup.registry().architectures["dcgan"]
    for field in spec.config.__dataclass_fields__:
        try:
            replace_config(spec.config, {field: value}, of="dcgan")
            lookup.create("dcgan", **{field: value})
        except InvalidConfigError:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_object_or_refused(data: bytes) -> None:
    try:
        found = parse_object(data)
    except ValueError:
        return
    assert isinstance(found, dict)
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8")


SIDE = st.integers(-2, 5) | st.sampled_from([2**31, 2**62, 2**63, 10**400, None, "x", True, 1.5]) | st.floats()
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "I64", "BOOL", "F33", 3, None]),
        "shape": st.lists(SIDE, max_size=3) | JSON,
        "data_offsets": st.lists(SIDE, min_size=1, max_size=3) | st.just([0, 16]),
    },
)
HEADER = st.dictionaries(st.text(st.characters(exclude_categories=[]), max_size=5), ENTRY | JSON, max_size=3)


@settings(max_examples=150, deadline=None)
@given(HEADER.map(lambda header: json.dumps(header).encode()) | st.binary(max_size=40), st.integers(0, 40))
def test_any_header_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: bytes, size: int) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(size))
    try:
        shapes = read_header(path).shapes
    except CorruptWeightsError:
        shapes = None
    try:
        tensors = read_tensors(path)
    except GanzooError:
        return
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == shapes
