"""`ganzoo new-plugin NAME` writes a package that passes its own tests as generated."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ganzoo.cli.scaffold import write_plugin
from in_process import ganzoo
from plugin_factory import install
from plugin_suites import SLOWEST, pytest_of


@pytest.mark.long
def test_it_passes_its_own_tests(tmp_path: Path) -> None:
    written = write_plugin("ganzoo-plain-swish", tmp_path / "new")
    folder = tmp_path / "new"
    assert {str(path.relative_to(folder)) for path in written} == {
        ".gitignore",
        "README.md",
        "ganzoo_plain_swish/__init__.py",
        "ganzoo_plain_swish/config.py",
        "ganzoo_plain_swish/model.py",
        "ganzoo_plain_swish/networks.py",
        "ganzoo_plain_swish/py.typed",
        "model_cards/plain-swish-mnist.md",
        "pyproject.toml",
        "tests/test_conformance.py",
    }
    assert not any("$" in path.read_text() for path in written)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    install(folder, project["name"], {}, project["entry-points"]["ganzoo"], project["version"])
    done = pytest_of(folder, "-k", SLOWEST)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "ganzoo_plain_swish"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Bad Name",), "'Bad Name' cannot be the name of a plugin"),
        (("class",), "'class' cannot be the name of a plugin"),
        (("../up",), "cannot be the name of a plugin"),
        (("dcgan",), "dcgan is an architecture of ganzoo - choose another name"),
        (("swish", "-o", "full"), "full already exists"),
        (("swish", "-o", "full/file"), "full/file already exists"),
        (("swish", "-o", "full/file/deep"), "full/file: it is not a folder"),
    ],
)
def test_bad_input(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    monkeypatch.chdir(tmp_path)
    done = ganzoo(monkeypatch, capsys, "new-plugin", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]
