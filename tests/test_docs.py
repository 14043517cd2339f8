"""The documentation: what it shows runs, what it names is there, and what is there is named."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
import torch

import ganzoo
from ganzoo import testing
from ganzoo.cli.main import COMMANDS, cli
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.interface import hooks
from ganzoo.registry import lookup
from ganzoo.sampling.latent_files import write_latents
from ganzoo.training.plan import make_plan
from ganzoo.training.run_folder import write_plan
from in_process import ganzoo as shell
from models import publish
from plugin_factory import install

ROOT = Path(__file__).parents[1]
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
TOP = {path.name: path.read_text() for path in sorted(ROOT.glob("*.md"))}  # of the README, test_readme asks more
TUTORIAL = DOCS["write-a-plugin.md"].partition("\n## All hooks, step by step\n")[2]  # the rest: test_readme


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """The `ganzoo ...` lines of a page's blocks, also those that other commands start."""
    lines = "\n".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
    shown = [shlex.split(line, comments=True) for line in lines if "ganzoo " in line]
    return [words[words.index("ganzoo") :] for words in shown if "ganzoo" in words]


# --- the tutorial -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tutorial's package, put together from its blocks and installed."""
    site = tmp_path_factory.mktemp("tutorial")
    for block in blocks(TUTORIAL, "python"):
        header = re.match(r"# (\S+)", block)
        assert header, block
        path = site / header[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text((path.read_text() + "\n\n" if path.exists() else "") + block)
    project = tomllib.loads(blocks(TUTORIAL, "toml")[0])["project"]
    install(site, project["name"], {}, project["entry-points"]["ganzoo"], project["version"])
    sys.path.insert(0, str(site))
    lookup.use(None)
    yield site
    sys.path.remove(str(site))
    for name in [name for name in sys.modules if name.startswith("ganzoo_tutorial")]:
        del sys.modules[name]


def test_the_tutorials_commands_run(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(package)
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(package / "assets"))
    ran = commands(TUTORIAL)
    assert len(ran) == 14
    runpy.run_path("save_old.py")
    for words in ran:
        done = shell(monkeypatch, capsys, *("2" if word == "200" else word for word in words[1:]))
        assert done.code == 0, (words, done.err)
    for made in ("sheet.png", "walk.png", "imported.png", "graph.png"):
        assert (package / made).stat().st_size > 0
    assert list((package / "assets" / "ganzoo" / "engines" / "default").iterdir()), "the engine of the tutorial ran"


# What runs in processes of its own is run for all other architectures and extractors.
SLOW = {"two_processes_are_one", "declares_without_torch", "extractor_is_declared_without_torch"}


def name_of(check: Callable[[str], None]) -> str:
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", [check for check in testing.CHECKS if name_of(check) not in SLOW], ids=name_of)
def test_the_tutorials_plugin_conforms(check: Callable[[str], None], package: Path) -> None:
    check("cgan")


@pytest.mark.parametrize("check", [c for c in testing.FEATURE_CHECKS if name_of(c) not in SLOW], ids=name_of)
def test_the_tutorials_features_conform(check: Callable[[str], None], package: Path) -> None:
    check("strokes")


def test_the_tutorial_uses_every_hook(package: Path) -> None:
    used = {f"ganzoo_{kind}" for kind in hooks.KINDS}
    assert [hook for hook in used if f"def {hook}():" not in TUTORIAL] == []
    declared = next(p for p in lookup.registry().plugins if p.distribution == "ganzoo-tutorial").declares
    assert set(declared) == set(hooks.KINDS)


# --- all pages ----------------------------------------------------------------------------------


class Reached(Exception):
    """The request was accepted: what would follow takes minutes."""


def test_commands_that_are_shown_are_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What stands in their blocks is accepted: options by all, and what is asked for by those that train or sample."""

    def reached(*given: object, **options: object) -> None:
        raise Reached

    for name in COMMANDS:  # before the patch: a file that is imported later would keep the patched function for good
        import_module(f"ganzoo.cli.commands.{name}")
    monkeypatch.setattr("ganzoo.training.trainer.Trainer", reached)
    for module in ("sampling", "interpolation"):
        monkeypatch.setattr(f"ganzoo.cli.commands.{module}.load_model", reached)
    for check in ("check_source", "check_folder"):  # of the reader's own folders
        monkeypatch.setattr(f"ganzoo.cli.commands.training.{check}", lambda *_, **__: None)
    monkeypatch.setattr("ganzoo.training.plan.pin_source", lambda source: source)  # there is no Hub
    for folder in ("photos", "emoji"):
        (tmp_path / folder).mkdir()
    for name in ("photos/0.png", "emoji/0.png", "a.jpg", "b.jpg"):
        save_picture(to_pictures(torch.zeros(1, 3, 8, 8))[0], tmp_path / name)
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path / "run", make_plan("dcgan", "photos"))  # to resume
    (tmp_path / "run" / "checkpoints").mkdir()  # to start from
    publish(tmp_path / "birds", "dfgan", lookup.registry().architectures["dfgan"].tiny)
    (tmp_path / "found").mkdir()
    write_latents(tmp_path / "found" / "latents.npz", {"z": torch.zeros(2, 100)}, ["a", "b"])
    shown = [words for name, text in DOCS.items() if name != "write-a-plugin.md" for words in commands(text)]
    shown += [words for text in TOP.values() for words in commands(text)]
    assert len(shown) > 60
    for words in shown:
        command = cli.get_command(click.Context(cli), words[1])
        with monkeypatch.context() as patch:
            if words[1] not in ("train", "sample", "interpolate") or words[2].startswith(("./", "hf:")):
                patch.setattr(command, "callback", reached)
            with pytest.raises(Reached):
                command.main(words[2:], standalone_mode=False)


@pytest.mark.parametrize("name", [*ganzoo.__all__, *(f"ganzoo_{kind}" for kind in hooks.KINDS)])
def test_public_names_and_hooks_are_documented(name: str) -> None:
    assert re.search(rf"^\| .*`{name}`.* \| .{{10,}} \|$", DOCS["reference.md"], re.MULTILINE), name


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_commands_are_documented(name: str) -> None:
    assert re.search(rf"^\| `ganzoo {name}[^`]*` \| .{{10,}} \|$", DOCS["reference.md"], re.MULTILINE), name


def test_nothing_is_documented_that_is_not_there() -> None:
    rows = re.findall(r"^\| (.+?) \| .* \|$", DOCS["reference.md"], re.MULTILINE)
    named = [word for row in rows for word in re.findall(r"`([^`]+)`", row)]
    known = {*ganzoo.__all__, *(f"ganzoo_{kind}" for kind in hooks.KINDS)}
    for word in named:
        if word.startswith("ganzoo "):
            assert word.split()[1].startswith("--") or word.split()[1] in cli.list_commands(click.Context(cli)), word
        elif not word.startswith(("GANZOO_", "HF_", "-p ", "ganzoo.")):
            assert word in known, word


@pytest.mark.parametrize("page", DOCS)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", DOCS[page])
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


@pytest.mark.parametrize("page", TOP)
def test_links_of_pages_at_the_top_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", TOP[page])
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("arguments", [("--hier",), ("--here", "x")])
def test_the_checks_refuse_a_wrong_option(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([ROOT / ".ci" / "run", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f".ci/run: wrong arguments: {' '.join(arguments)} - write .ci/run, or .ci/run --here\n"


def test_the_citation_names_this_version() -> None:
    assert f"\nversion: {ganzoo.__version__}\n" in (ROOT / "CITATION.cff").read_text()
