"""Foreign checkpoints: which are converted, which are refused, and which faults the cache survives."""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import pickle
import resource
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ganzoo.errors import CorruptWeightsError, NonFiniteError, WeightsError
from ganzoo.weights import pickles

WEIGHT = torch.arange(12.0).reshape(3, 4)


class Payload:
    """An object that writes a file when code that trusts it unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assets cache for this test. The client has read its setting already, when it was imported."""
    folder = tmp_path / "assets"
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", os.fspath(folder))
    return folder


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def to(thing: Any, name: str = "net.pth", **options: Any) -> Path:
        torch.save(thing, tmp_path / name, **options)
        return tmp_path / name

    return to


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def converted(source: Path) -> Path:
    return pickles.convert_to_safetensors(source, sha256=digest(source))


def here(source: Path, tmp_path: Path) -> dict[str, torch.Tensor]:
    """Convert in this process instead of a separate one, so that torch is not imported again."""
    destination = tmp_path / "here.safetensors"
    pickles._convert(source, destination)
    return load_file(destination)


def assert_left_nothing(cache: Path) -> None:
    assert list(cache.glob("ganzoo/converted/**/*.safetensors")) == []
    assert list(cache.glob("ganzoo/converted/**/.*")) == []


# --- what is converted ---------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_checkpoint_is_converted_once(cache: Path, save: Callable[..., Path], zipped: bool) -> None:
    source = save({"main.0.weight": WEIGHT}, _use_new_zipfile_serialization=zipped)
    result = converted(source)
    assert cache in result.parents
    assert load_file(result).keys() == {"main.0.weight"}
    assert torch.equal(load_file(result)["main.0.weight"], WEIGHT)
    first = result.stat()
    assert converted(source) == result
    assert os.path.samestat(first, result.stat())


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_names_are_kept_and_nested_ones_joined(tmp_path: Path, save: Callable[..., Path], zipped: bool) -> None:
    checkpoint = {
        "netG_state_dict": OrderedDict({"main.0.weight": WEIGHT, "main.1.num_batches_tracked": torch.tensor(7)}),
        "parameter": nn.Parameter(WEIGHT),
        "a": {"b": {"c": WEIGHT, "d": {"e": {"f": {"g": {"too deep": WEIGHT}}}}}},
        "optimizer": {"state": {0: {"exp_avg": WEIGHT}}, "lr": 2e-4},
        "epoch": 5,
        3: WEIGHT,
        "list": [WEIGHT],
    }
    tensors = here(save(checkpoint, _use_new_zipfile_serialization=zipped), tmp_path)
    names = {"netG_state_dict/main.0.weight", "netG_state_dict/main.1.num_batches_tracked", "parameter", "a/b/c"}
    assert tensors.keys() == names
    assert all(torch.equal(tensors[name], WEIGHT) for name in names if "num" not in name)
    assert tensors["netG_state_dict/main.1.num_batches_tracked"].item() == 7


def test_shared_and_strided_storages_are_written_out(tmp_path: Path, save: Callable[..., Path]) -> None:
    tensors = here(save({"one": WEIGHT, "same": WEIGHT, "part": WEIGHT[1:], "turned": WEIGHT.T}), tmp_path)
    assert torch.equal(tensors["same"], WEIGHT)
    assert torch.equal(tensors["part"], WEIGHT[1:])
    assert torch.equal(tensors["turned"], WEIGHT.T)


def test_safetensors_are_returned_as_they_are(cache: Path, tmp_path: Path) -> None:
    source = tmp_path / "model.safetensors"
    save_file({"weight": WEIGHT}, source)
    assert converted(source) == source
    assert not cache.exists()


def test_the_calling_process_never_imports_torch(save: Callable[..., Path], tmp_path: Path) -> None:
    source = save({"weight": WEIGHT})
    code = """
import sys
from pathlib import Path
from ganzoo.weights.pickles import convert_to_safetensors
print(convert_to_safetensors(Path(sys.argv[1]), sha256=sys.argv[2]).exists(), "torch" in sys.modules)
"""
    (tmp_path / "torch.py").write_text("raise SystemExit('a module of the current folder was imported')")
    root = os.fspath(Path(pickles.__file__).parents[2])
    environment = {**os.environ, "HF_HOME": os.fspath(tmp_path / "home"), "PYTHONPATH": root}
    command = [sys.executable, "-P", "-c", code, os.fspath(source), digest(source)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


# --- what is refused -----------------------------------------------------------------------------


def test_a_refusal_crosses_the_process_boundary(cache: Path, save: Callable[..., Path], tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    source = save({"weight": WEIGHT, "bad": Payload(marker)})
    with pytest.raises(CorruptWeightsError, match=r"net\.pth holds more than tensors \(.*system\).* - ask"):
        converted(source)
    assert not marker.exists()
    assert_left_nothing(cache)
    torch.load(source, weights_only=False)  # the control: trusted, it does run
    assert marker.exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    ("thing", "named"),
    [
        ({"weight": WEIGHT, "options": argparse.Namespace(lr=1)}, "argparse.Namespace"),
        (nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
    ],
    ids=["options", "module"],
)
def test_objects_are_refused_by_name(
    save: Callable[..., Path], tmp_path: Path, thing: Any, named: str, zipped: bool
) -> None:
    with pytest.raises(CorruptWeightsError, match=r"holds more than tensors|is a whole pickled module") as caught:
        here(save(thing, _use_new_zipfile_serialization=zipped), tmp_path)
    assert named in str(caught.value)


@pytest.mark.parametrize("code", [b"cos\nsystem\n(S'touch {}'\ntR.", b"\x80\x02cos\nsystem\n(S'touch {}'\ntR."])
def test_a_bare_pickle_runs_nothing(tmp_path: Path, code: bytes) -> None:
    marker, source = tmp_path / "marker", tmp_path / "net.pth"
    source.write_bytes(code.replace(b"{}", os.fsencode(marker)))
    with pytest.raises(CorruptWeightsError):
        here(source, tmp_path)
    assert not marker.exists()
    pickle.loads(source.read_bytes())  # the control
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "HDF5"),
        (bytes(257) + b"ustar" + bytes(600), "tar archive"),
        (b"\x80\x02".ljust(257, b"x") + b"ustar" + bytes(600), "tar archive"),
        (b"<!doctype html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
        (b"\x1f\x8b" + bytes(20), "gzip"),
        (b"GIF89a", "unknown kind"),
        (b"\x80\x02", "cut short or damaged"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    source = tmp_path / "net.pth"
    source.write_bytes(content)
    with pytest.raises(CorruptWeightsError, match=words):
        here(source, tmp_path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_cut_checkpoint_is_refused(save: Callable[..., Path], tmp_path: Path, zipped: bool, keep: float) -> None:
    source = save({"weight": torch.rand(100, 100)}, _use_new_zipfile_serialization=zipped)
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(CorruptWeightsError, match="cut short or damaged"):
        here(source, tmp_path)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
def test_torchscript_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "net.pt"
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), source)
    with pytest.raises(CorruptWeightsError, match="TorchScript"):
        here(source, tmp_path)


@pytest.mark.parametrize("part", ["constants.pkl", "code/__torch__.py"])
def test_any_part_of_torchscript_is_refused(save: Callable[..., Path], tmp_path: Path, part: str) -> None:
    source = save({"weight": WEIGHT})
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(f"net/{part}", "")
    with pytest.raises(CorruptWeightsError, match="TorchScript"):
        here(source, tmp_path)


def test_a_compressed_checkpoint_is_refused(save: Callable[..., Path], tmp_path: Path) -> None:
    plain, bomb = save({"weight": torch.zeros(1_000_000)}), tmp_path / "bomb.pth"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert bomb.stat().st_size < plain.stat().st_size / 100
    assert torch.load(bomb, weights_only=True)["weight"].numel() == 1_000_000  # the control: torch unpacks it
    with pytest.raises(CorruptWeightsError, match="compressed entries"):
        here(bomb, tmp_path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "net.pth"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with pytest.raises(CorruptWeightsError, match=r"without data\.pkl"):
        here(source, tmp_path)


@pytest.mark.parametrize("limit", ["file", "entries", "unfolded"])
def test_limits_of_size(save: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    thing = torch.zeros(1).expand(10**6, 10**6) if limit == "unfolded" else torch.zeros(100_000)
    source = save({"weight": thing})
    if limit == "unfolded":
        words = "unfolds to 4,000,000,000,000 bytes"
    else:
        monkeypatch.setattr(pickles, "MAX_BYTES", 50_000)
        words = "over the limit of 50,000"
    if limit == "entries":  # two entries of one name and content, the second of which overlaps the first
        monkeypatch.setattr(pickles, "MAX_BYTES", source.stat().st_size)
        repeat_an_entry(source)
        monkeypatch.setattr(pickles, "MAX_BYTES", source.stat().st_size)
        words = "unpacks to over"
    with pytest.raises(WeightsError, match=words):
        here(source, tmp_path)


def repeat_an_entry(source: Path) -> None:
    """List the largest entry twice in the zip's directory, as an overlapping bomb does a thousand times."""
    with zipfile.ZipFile(source, "a") as archive:
        archive.filelist.append(max(archive.filelist, key=lambda entry: entry.file_size))
        archive._didModify = True  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(save: Callable[..., Path], tmp_path: Path, value: float) -> None:
    with pytest.raises(NonFiniteError, match="generator/bad"):
        here(save({"generator": {"good": WEIGHT, "bad": torch.tensor([1.0, value])}}), tmp_path)


@pytest.mark.parametrize("thing", [[WEIGHT], WEIGHT, {"epoch": 3}, {}, {1: WEIGHT}], ids=repr)
def test_a_checkpoint_without_names_is_refused(save: Callable[..., Path], tmp_path: Path, thing: Any) -> None:
    with pytest.raises(CorruptWeightsError, match="tensors by name"):
        here(save(thing), tmp_path)


def test_two_tensors_of_one_name_are_refused(save: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(CorruptWeightsError, match="two tensors of one name"):
        here(save({"a/b": WEIGHT, "a": {"b": WEIGHT + 1}}), tmp_path)


# --- the process of its own ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("raise SystemExit(7)", "exit code 7"),
        ("raise ImportError('no torch')", "exit code 1 ImportError: no torch"),
        ("import time; time.sleep(60)", r"took more than 0\.5 s"),
    ],
    ids=["killed", "gave up", "crashed", "hangs"],
)
def test_how_the_process_ended_is_said(
    cache: Path, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, words: str
) -> None:
    source = save({"weight": WEIGHT})
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(program))
    if "sleep" in code:
        monkeypatch.setattr(pickles, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(WeightsError, match=words):
        converted(source)
    assert_left_nothing(cache)


def test_the_report_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "two\nlines.pth"
    source.write_bytes(b"")
    assert pickles._main([os.fspath(source), os.fspath(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"CorruptWeightsError: {tmp_path}/two lines.pth is empty - download it again"
    ]


def test_the_process_finds_the_package_and_no_module_by_a_package_name(
    cache: Path, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder on its path holds `ganzoo`. With `ganzoo` itself on the path, `ganzoo.data` would also be `data`."""
    found: list[str] = []

    def look(command: list[str], *, env: dict[str, str], **_: Any) -> subprocess.CompletedProcess[str]:
        found.append(env["PYTHONPATH"].split(os.pathsep)[0])
        return subprocess.CompletedProcess(command, 1, "", "WeightsError: enough")

    monkeypatch.setattr(subprocess, "run", look)
    with pytest.raises(WeightsError, match="enough"):
        converted(save({"weight": WEIGHT}))
    assert found == [os.fspath(Path(pickles.__file__).parents[2])]


def test_a_full_disk_is_one_clear_line(
    save: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = save({"weight": torch.zeros(100_000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # no room beyond a page
    try:
        code = pickles._main([os.fspath(source), os.fspath(tmp_path / "out.safetensors")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"WeightsError: cannot write to {tmp_path} (File too large) - make room")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.pth"]


# --- the cache of results ------------------------------------------------------------------------


def spoil(result: Path, damage: str) -> None:
    manifest = result.with_name("manifest.json")
    if damage == "flip":
        content = bytearray(result.read_bytes())
        content[-1] ^= 1
        result.write_bytes(content)
    elif damage == "cut":
        result.write_bytes(result.read_bytes()[:-1])
    elif damage == "gone":
        result.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "not json":
        manifest.write_text("{")
    else:
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": pickles.FORMAT - 1}))


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "no manifest", "not json", "older format"])
def test_a_damaged_result_is_made_again(
    cache: Path, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(pickles, "_run_converter", pickles._convert)
    source = save({"weight": WEIGHT})
    result = converted(source)
    spoil(result, damage)
    assert torch.equal(load_file(converted(source))["weight"], WEIGHT)
    files = [path.name for path in result.parents[1].rglob("*") if path.is_file()]
    assert sorted(files) == ["manifest.json", result.name]


def test_several_at_once_make_one_result(
    cache: Path, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickles, "_run_converter", pickles._convert)
    source = save({"weight": torch.rand(300, 300)})
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(converted, [source] * 8))
    assert len(results) == 1
    assert load_file(results.pop())["weight"].shape == (300, 300)
    assert len(list(cache.glob("ganzoo/converted/*/*"))) == 1


def test_what_killed_conversions_left_is_swept_when_old(
    cache: Path, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickles, "_run_converter", pickles._convert)
    folder = converted(save({"weight": WEIGHT})).parents[1]
    old, young = folder / ".old", folder / ".young"
    for orphan in (old, young):
        orphan.mkdir()
        (orphan / "model.safetensors").touch()
    past = time.time() - 2 * pickles.ORPHAN_SECONDS
    os.utime(old, (past, past))
    converted(save({"weight": WEIGHT + 1}))
    assert young.exists()
    assert not old.exists()


def test_a_cache_that_cannot_be_written(save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: str) -> Path:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("huggingface_hub.cached_assets_path", fails)
    with pytest.raises(WeightsError, match=r"cannot write to the assets cache \(Read-only.* HF_HOME"):
        converted(save({"weight": WEIGHT}))
