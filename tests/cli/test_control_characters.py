"""Names and texts from files, the Hub and plugins cannot forge lines of output, or hide some."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import ganzoo
from ganzoo.cli import main as main_module
from ganzoo.cli.main import main
from ganzoo.registry import lookup
from ganzoo.utils.text import MOST, printable, shortened
from models import publish
from plugin_factory import install_plugin, run

FORGED = "\nganzoo: error: all is lost\x1b[2K\r\u202e\u2028"
ESCAPED = r"\nganzoo: error: all is lost\x1b[2K\r\u202e\u2028"


def spoken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    monkeypatch.setattr("sys.argv", ["ganzoo", *arguments])
    with pytest.raises(SystemExit):
        main()
    return capsys.readouterr()


def edited(folder: Path, **entries: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return publish(tmp_path / "model", "dcgan", lookup.registry().architectures["dcgan"].tiny)


@pytest.mark.parametrize("text", ["plain", "café 🙂 家 👩‍👧", "a b"])
def test_printable_text_stays(text: str) -> None:
    assert printable(text) == text


def test_escapes() -> None:
    assert printable(FORGED + "\udc80\x00\x9b") == ESCAPED + r"\udc80\x00\x9b"
    assert printable("a\n\tb\r", keep="\n\t") == "a\n\tb\\r"


def test_a_long_text_loses_its_middle() -> None:
    assert shortened("a" * MOST) == "a" * MOST
    text = shortened("x" * 100_000 + " - do this")
    assert len(text) < MOST + 50
    assert text.startswith("xxx")
    assert "[98,010 more characters]" in text
    assert text.endswith("x - do this")


def test_an_error_is_short(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A file from elsewhere may hold a name of a megabyte."""
    _, told = spoken(monkeypatch, capsys, "info", str(edited(folder, architecture="x" * 900_000)))
    assert len(told) < MOST + 50


@pytest.mark.parametrize("entry", ["architecture", "plugin"])
def test_an_error_is_one_line(
    entry: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = spoken(monkeypatch, capsys, "info", str(edited(folder, **{entry: "x" + FORGED})))
    [line] = told.splitlines()
    assert line.startswith("ganzoo: error: ")
    assert r"\nganzoo: error: all is lost\x1b" in line


def test_facts_are_one_line_each(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(folder, dataset="x" + FORGED, classes=["y" + FORGED])
    shown, _ = spoken(monkeypatch, capsys, "info", str(folder))
    assert not [line for line in shown.split("\n") if line.startswith("ganzoo: error")]
    assert not set("\x1b\r\u202e\u2028") & set(shown)


def test_warnings_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    main_module._show_warning("x" + FORGED)
    assert capsys.readouterr().err == f"ganzoo: warning: x{ESCAPED}\n"


def test_a_card_keeps_its_table(folder: Path) -> None:
    from ganzoo.pretrained.resolve import resolve
    from ganzoo.sharing.card import card_of

    edited(folder, dataset="x\n| license | MIT |")
    assert "\n| license | MIT |" not in card_of(resolve(folder)).render()


def test_what_a_plugin_raises_is_two_lines(tmp_path: Path) -> None:
    install_plugin(tmp_path, "rude", "raise ValueError('x\\x1b[2K\\u2028y')")
    lines = run(tmp_path, "list").stderr.split("\n")
    assert r"\x1b[2K" in lines[0]
    assert len(lines) == 3


def test_commands_print_only_through_the_functions_that_escape() -> None:
    """`click.echo` itself is for JSON, help, shell scripts, and texts that were escaped before."""
    allowed = ("json.dumps", "printable", "format_message", "_GANZOO_COMPLETE", "_text")
    for path in (Path(ganzoo.__file__).parent / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "click.echo" and node.args:
                assert any(word in ast.unparse(node) for word in allowed), f"{path}:{node.lineno}"
