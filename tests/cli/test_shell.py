"""Completion, versions and `python -m ganzoo`: what a shell asks for, without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import click
import pytest

from ganzoo.cli.arguments import Name
from ganzoo.cli.main import COMMANDS, cli
from ganzoo.data.sources import data_set_names
from ganzoo.registry import lookup
from plugin_factory import install_plugin, run, run_python

COMPLETE = """
import json, os, sys
words = json.loads(sys.argv[1])
os.environ |= {"_GANZOO_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
from ganzoo.cli import main as cli
try:
    cli.cli.main(prog_name="ganzoo")
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def completed(*words: str) -> set[str]:
    """What bash is told of the last word, in this process."""
    command: Any = click.shell_completion.BashComplete(cli, {}, "ganzoo", "_GANZOO_COMPLETE")
    return {item.value for item in command.get_completions(list(words[1:-1]), words[-1])}


def test_names_are_completed() -> None:
    assert completed("ganzoo", "sample", "dcgan-m") == {"dcgan-mnist", "dcgan-mnist.huggan"}
    assert completed("ganzoo", "pull", "gan-mnist", "cyclegan-sim") == {"cyclegan-sim2real"}
    assert completed("ganzoo", "pull", "dinov2-vit-l") == {"dinov2-vit-l-14"}
    assert completed("ganzoo", "info", "dcga") == {"dcgan", *lookup.models("dcgan*")}
    assert completed("ganzoo", "info", "kmn") == {"kmnist"}
    assert completed("ganzoo", "info", "clip-vit-b") == {"clip-vit-b-32"}
    assert completed("ganzoo", "list", "--arch", "") == set(lookup.registry().architectures)
    assert completed("ganzoo", "train", "cy") == {"cyclegan"}
    assert completed("ganzoo", "train", "dcgan", "--data", "cifar") == {"cifar10", "cifar100"}
    assert completed("ganzoo", "train", "dcgan", "--loss", "h") == {"hinge"}
    assert completed("ganzoo", "train", "dcgan", "--regularizer", "r") == {"r1", "roth"}
    assert completed("ganzoo", "train", "dcgan", "--augment", "c") == {"color", "cutout"}
    assert completed("ganzoo", "train", "dcgan", "--schedule", "li") == {"linear"}
    assert completed("ganzoo", "comp") == {"completion"}


def test_paths_are_left_to_the_shell() -> None:
    assert completed("ganzoo", "sample", "./ru") == {"./ru"}
    assert completed("ganzoo", "sample", "no-such-model") == {"no-such-model"}
    assert completed("ganzoo", "publish", "ru") == {"ru"}
    assert completed("ganzoo", "train", "no-such-architecture") == set()


@pytest.mark.parametrize(
    "words",
    [("sample", "--class"), ("evaluate", "--class"), ("interpolate", "--from-class"), ("interpolate", "--to-class")],
)
def test_classes_are_those_of_the_model(words: tuple[str, str]) -> None:
    command, option = words
    known = set(lookup.registry().models["biggan-fashion-mnist"].classes)
    assert completed("ganzoo", command, "biggan-fashion-mnist", option, "") == known
    assert completed("ganzoo", command, "biggan-fashion-mnist", option, "Sn") == {"Sneaker"}
    assert completed("ganzoo", command, "no-such-model", option, "") == set()


def test_an_error_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(ctx: click.Context) -> list[str]:
        raise RuntimeError("boom")

    assert Name(broken).shell_complete(click.Context(cli), click.Option(["--x"]), "") == []
    assert capsys.readouterr() == ("", "")


def test_data_sets_are_completed_by_their_names() -> None:
    known = {"celeba", "cifar10", "cifar100", "fashion-mnist", "gaussian-1d", "grid", "kmnist", "mnist", "ring"}
    assert completed("ganzoo", "train", "dcgan", "--data", "") == known == {*data_set_names()}
    assert completed("ganzoo", "evaluate", "dcgan-mnist", "--against", "k") == {"kmnist"}


def test_completion_needs_no_torch_and_is_silent_about_plugins(tmp_path: Path) -> None:
    install_plugin(tmp_path, "bad", "raise ValueError")
    install_plugin(tmp_path, "good", "print('loud')")
    done = run_python(tmp_path, "-c", COMPLETE, json.dumps(["ganzoo", "sample", "goo"]))
    assert done.stdout == "plain,good-test\n"
    assert done.stderr.splitlines()[-1] == "False", "torch was imported"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_for_every_shell(shell: str, tmp_path: Path) -> None:
    done = run(tmp_path, "completion", shell)
    assert done.returncode == 0, done.stderr
    assert f"_GANZOO_COMPLETE={shell}_complete" in done.stdout
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=done.stdout, text=True, check=True, capture_output=True)


def test_versions(tmp_path: Path) -> None:
    install_plugin(tmp_path, "others", "raise ValueError")
    done = run(tmp_path, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    told = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert told["ganzoo"] == metadata.version("ganzoo")
    assert told["torch"] == metadata.version("torch")
    assert told["huggingface-hub"] == metadata.version("huggingface-hub")
    assert told["plugin others:main"] == "1.0"
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("module", COMMANDS)
def test_each_file_defines_the_commands_that_the_group_looks_for_in_it(module: str) -> None:
    assert (
        tuple(command.name for command in import_module(f"ganzoo.cli.commands.{module}").COMMANDS) == COMMANDS[module]
    )


def test_a_command_does_not_wait_for_the_options_of_others() -> None:
    code = (
        "import sys; sys.argv = ['ganzoo', 'list']\n"
        "from ganzoo.cli.main import main\n"
        "try: main()\n"
        "finally: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "ganzoo.cli.commands.browsing" in loaded
    assert {f"ganzoo.cli.commands.{module}" for module in COMMANDS} & loaded == {"ganzoo.cli.commands.browsing"}
