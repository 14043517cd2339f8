"""A plugin that ends the process at import is named at the next start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.errors import PluginWarning
from ganzoo.registry import import_markers
from ganzoo.registry.import_markers import marked_import, take_unfinished
from ganzoo.registry.registry import Registry
from plugin_factory import install_plugin, run

KILLED = """
import os, sys
from ganzoo.registry.import_markers import marked_import
with marked_import(sys.argv[1]):
    os._exit(0)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assets cache of the test's own, also for processes that it starts."""
    monkeypatch.setenv("HF_ASSETS_CACHE", str(tmp_path / "assets"))
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    return tmp_path / "assets" / "ganzoo" / "importing"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def kill_during(key: str) -> None:
    subprocess.run([sys.executable, "-c", KILLED, key], check=True)


@pytest.mark.parametrize(
    "crash", ["import os\nos._exit(0)", "import ctypes\nctypes.string_at(0)"], ids=["exit", "segfault"]
)
def test_a_plugin_that_ends_the_process_is_named_at_the_next_start(site: Path, tmp_path: Path, crash: str) -> None:
    install_plugin(site, "good")
    install_plugin(site, "killer", crash)
    assets = str(tmp_path / "assets")
    assert run(site, "list", HF_ASSETS_CACHE=assets).stdout == ""
    warning = (
        "ganzoo: warning: an earlier process ended while it imported plugin killer:main - check the plugin with "
        "`ganzoo doctor`, or disable it with GANZOO_DISABLE_PLUGINS=killer:main\n"
    )
    assert run(site, "list", HF_ASSETS_CACHE=assets).stderr.startswith(warning)
    told = run(site, "list", HF_ASSETS_CACHE=assets, GANZOO_DISABLE_PLUGINS="killer:main")
    assert "good-test" in told.stdout
    assert "killer" not in told.stderr


def test_the_library_warns_once(site: Path, cache: Path) -> None:
    install_plugin(site, "mended")
    kill_during("mended:main")
    with pytest.warns(PluginWarning, match="^an earlier process ended while it imported plugin mended:main"):
        Registry.discover()
    Registry.discover()
    assert list(cache.iterdir()) == []


def test_what_other_processes_import_now_is_no_fault() -> None:
    with marked_import("a:main"):
        code = "from ganzoo.registry.import_markers import take_unfinished; print(take_unfinished(['a:main']))"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert told.stdout == "[]\n"


def test_marks_of_plugins_that_are_not_imported_stay() -> None:
    """Environments share the cache: the plugin may be installed in another one."""
    kill_during("a:main")
    assert take_unfinished(["b:main"]) == []
    assert take_unfinished(["a:main", "b:main"]) == ["a:main"]
    assert take_unfinished(["a:main", "b:main"]) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_is_no_end_of_the_process(cache: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with marked_import("a:main"):
            assert len(list(cache.iterdir())) == 1
            raise error

    with pytest.raises(error):
        fail()
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_used_does_not_matter(site: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(site, "good")
    cache.parent.mkdir(parents=True)
    cache.write_text("a file in the place of the folder")
    assert "good-test" in Registry.discover().models
    cache.unlink()

    def unsupported(*arguments: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(import_markers.fcntl, "flock", unsupported)
    assert "good-test" in Registry.discover().models
    assert list(cache.iterdir()) == []


def test_without_third_party_plugins_nothing_is_read_or_written(cache: Path) -> None:
    Registry.discover(third_party=False)
    assert not cache.exists()
