"""`ganzoo doctor`: crashes and hangs of plugins are named, which nothing inside of the process could do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from ganzoo.cli import doctor
from ganzoo.registry.discovery import find_installed
from ganzoo.utils.names import BUILTIN
from hub_server import Hub, status
from in_process import client_of, ganzoo
from plugin_factory import install_plugin, run

CRASHES = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"
LEAVES = "import os\nos._exit(3)"
HANGS = "import time\ntime.sleep(600)"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the doctor says of plugins that crash, hang and fall, beside good ones."""
    site = tmp_path_factory.mktemp("site")
    for name, code in {
        "crashes": CRASHES,
        "leaves": LEAVES,
        "hangs": HANGS,
        "raises": "raise ValueError('boom')",
    }.items():
        install_plugin(site, name, code)
    late = "@ganzoo.hookimpl\ndef ganzoo_layouts():\n    return []\n"
    install_plugin(site, "good-a", entry_point="shared")
    install_plugin(site, "good-b", late, entry_point="shared")
    install_plugin(site, "lacks", "del ganzoo_losses")  # its loss: what only shows beside the others
    done = run(site, "doctor", "--json", "--timeout", "5", HF_HUB_OFFLINE="1", HF_HOME=str(site / "hf"))
    assert done.stderr == ""
    return {"code": done.returncode, **{row["check"]: row for row in json.loads(done.stdout)}}


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("crashes", "importing it ends the process (SIGSEGV)"),
        ("leaves", "importing it ends the process (exit code 3)"),
        ("hangs", "it is still being imported after 5 s"),
        ("raises", "import: ValueError: boom"),
        ("lacks", "ganzoo_architectures: there is no loss 'lacks'"),
    ],
)
def test_what_is_wrong_is_named(name: str, detail: str, seen: dict[str, Any]) -> None:
    row = seen[f"plugin {name}:main"]
    assert row["state"] == "failed"
    assert row["detail"].startswith(detail)
    assert row["detail"].endswith(f" - silence it with GANZOO_DISABLE_PLUGINS={name}:main")


def test_good_plugins_are_well(seen: dict[str, Any]) -> None:
    own = [each.key for each in find_installed() if each.owner == BUILTIN]
    for key in (*own, "good-a:shared", "good-b:shared"):
        assert seen[f"plugin {key}"]["state"] == "ok", key
    assert seen["code"] == 1


def test_the_machine(seen: dict[str, Any]) -> None:
    assert seen["cache"]["state"] == "ok"
    assert seen["network"]["detail"] == "not used: HF_HUB_OFFLINE is set"
    assert "GB free at" in seen["disk"]["detail"]
    assert ", torch " in seen["device"]["detail"]


def test_all_well_and_plugins_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_plugin(tmp_path, "hangs", HANGS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(doctor, "_device", lambda timeout: doctor.Finding("device", "ok", "cpu"))
    done = ganzoo(monkeypatch, capsys, "--no-plugins", "doctor")
    assert done.code == 0, done.out
    assert "hangs" not in done.out


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub() as running, client_of(running, tmp_path):
        yield running


def test_the_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._network().state == "ok"
    assert "not logged in" in doctor._network().detail
    hub.break_("GET", "/api/models", status(503), server="hub")
    assert "answers HTTP 503" in doctor._network().detail
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert doctor._network().state == "warning"
    assert "cannot reach http://127.0.0.1:9" in doctor._network().detail


def test_cache_and_disk(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    assert doctor._cache().state == "failed"
    assert "set HF_HOME" in doctor._cache().detail
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 10**18)
    assert doctor._disk().state == "warning"


def test_a_torch_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_DEVICE", "raise ImportError('no such library')")
    assert doctor._device(10) == (
        "device",
        "failed",
        "torch does not work: ImportError: no such library - reinstall it",
    )
