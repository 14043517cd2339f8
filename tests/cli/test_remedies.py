"""What people type who come from other tools: one line says what to type here, and torch is not imported for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ganzoo.cli import remedies
from ganzoo.cli.main import cli
from ganzoo.utils.device_names import TYPES
from in_process import ganzoo as shell

REMEDIES = {
    "sample gan-mnist --num 4": "No such option '--num' - use -n",
    "sample gan-mnist --num_samples=4": "use -n",
    "sample gan-mnist --batch_size 4": "use --batch-size",
    "sample gan-mnist --batchSize 4": "use --batch-size",
    "sample gan-mnist --outdir=out": "use -o",
    "sample gan-mnist --results_dir out": "use -o",
    "sample gan-mnist --gpu_ids 0": "use --device cuda, cuda:1, mps or cpu",
    "sample biggan-fashion-mnist --psi 0.7": "use --truncation",
    "sample biggan-fashion-mnist --label 3": "use --class",
    "sample cyclegan-horse2zebra --dataroot x": "use --input",
    "sample cyclegan-horse2zebra --load_size 256": "use --resize",
    "sample --network=x.pkl": "write it without an option: ganzoo sample NAME",
    "interpolate gan-mnist -n 9": "use --steps",
    "interpolate gan-mnist --seed 9": "'--seeds'",
    "evaluate gan-mnist --num 9": "use -n",
    "evaluate gan-mnist --dataset mnist": "use --against",
    "train dcgan --dataset mnist": "use --data",
    "train dcgan --lr 0.1": "use --config FIELD=VALUE, such as learning_rate=0.0002",
    "train dcgan --learning-rate 0.1": "use --config FIELD=VALUE",
    "train dcgan --epochs 5": "use --iterations: an epoch is the number of images divided by the batch size",
    "train dcgan --max_train_steps 5": "use --iterations",
    "train dcgan --kimg 5": "use --iterations",
    "train dcgan --fp16": "use --precision",
    "train dcgan --num-workers 2": "use --workers",
    "train --model dcgan": "write it without an option: ganzoo train ARCHITECTURE",
    "train dcgan --zzz": "`ganzoo train --help` lists the options",
    "translate gan-mnist x.png": "use `ganzoo sample MODEL --input PICTURES`",
    "generate gan-mnist": "use `ganzoo sample`",
    "download gan-mnist": "use `ganzoo pull`",
    "sample cyclegan-horse2zebra -n 4": "leave out -n; name the pictures to translate with --input",
    "sample cyclegan-horse2zebra": "name pictures, a folder or an archive with --input",
    "sample dcgan-mnist --input x.png": "or choose a model of `ganzoo list --task image-to-image`",
    "sample dcgan-mnist --class 3": "or choose a model of `ganzoo list --task class-conditional`",
    "interpolate dcgan-mnist --to-class 3": "or choose a model of `ganzoo list --task class-conditional`",
    "evaluate dcgan-mnist --class 3": "takes no label (--class) - it is unconditional",
}


@pytest.mark.parametrize("line", REMEDIES)
def test_one_line_says_what_to_type(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = shell(monkeypatch, capsys, *line.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("ganzoo: error: ")
    assert done.err.count("\n") == 1
    assert REMEDIES[line] in done.err
    assert list(tmp_path.iterdir()) == []


def test_every_remedy_is_an_option_and_no_word_shadows_one() -> None:
    commands = [cli.get_command(click.Context(cli), name) for name in cli.list_commands(click.Context(cli))]
    flags = {
        flag
        for command in commands
        if command
        for each in command.params
        for flag in (*each.opts, *each.secondary_opts)
    }
    named = {option for options, _ in remedies._OPTIONS for option in options.split()}
    assert named - flags == set()
    assert {option for option, _ in remedies._SENTENCES} - flags == set()
    assert {ours.split()[0] for ours in remedies._COMMANDS} <= set(cli.list_commands(click.Context(cli)))


def test_the_types_of_devices_are_those_of_pytorch() -> None:
    import torch

    with pytest.raises(RuntimeError) as refused:
        torch.device("nonsense")
    listed = str(refused.value).partition("Expected one of ")[2].partition(" device type")[0]
    assert set(listed.split(", ")) == TYPES


WRONG = [
    "list foo",
    "sample gan-mnist --device gpu",
    "sample gan-mnist --class 3",
    "sample biggan-fashion-mnist --class nonsense",
    "sample biggan-fashion-mnist --truncation 3",
    "sample gan-mnist -o a.exe",
    "sample cyclegan-noto2twemoji --input missing.png",
    "sample cyclegan-noto2twemoji --input . --direction up",
    "interpolate gan-mnist --seeds x",
    "interpolate gan-mnist -o a.exe",
    "interpolate gan-mnist --fps 5",
    "interpolate gan-mnist --seconds 2 --steps 9 -o a.gif",
    "interpolate gan-mnist --grid 2 -o a.mp4",
    "sample gan-mnist --seeds 1,1",
    "sample gan-mnist --scale 99",
    "cache rm nothing",
    "edit gan-mnist --directions foo",
    "edit gan-mnist --directions pca:3 --seeds x",
    "edit gan-mnist --directions pca:3 -o a.avi",
    "edit cyclegan-noto2twemoji --directions pca:3",
    "evaluate gan-mnist --metrics foo",
    "evaluate gan-mnist --features foo",
    "evaluate gan-mnist --against foo",
    "evaluate gan-mnist --class 3",
    "evaluate gan-mnist --is-splits 0",
    "evaluate gan-mnist --device gpu",
    "evaluate biggan-fashion-mnist --truncation 3",
    "quiz foo",
    "quiz mnist --model foo",
    "quiz mnist -o a.txt",
    "fool foo --input mnist",
    "fool mnist --input foo",
    "fool mnist --input ring",
    "fool mnist --input mnist --epsilon foo",
    "fool mnist --input mnist --epsilon 0",
    "fool mnist --input mnist --target foo",
    "fool mnist --input mnist -o a.txt",
    "train foo --data mnist -o run",
    "train dcgan --data foo -o run",
    "train dcgan --data mnist -o run --loss foo",
    "train dcgan --data mnist -o run --regularizer foo",
    "train dcgan --data mnist -o run --augment foo",
    "train dcgan --data mnist -o run --schedule foo",
    "train dcgan --data mnist -o run --ema 2",
    "train dcgan --data mnist -o run --config foo=2",
    "train dcgan --data mnist -o run --device gpu",
    "train dcgan --data mnist -o file/run",
    "train --resume missing",
    "import foo x.pth -o out",
    "export missing -o out",
    "publish missing a/b --dry-run",
    "card foo",
    "pull foo",
]

WITHOUT_TORCH = """
import json, sys, click
from ganzoo.cli.main import cli
found = {}
for line in json.loads(sys.argv[1]):
    try:
        found[line] = cli(line.split(), standalone_mode=False)
    except (SystemExit, Exception) as error:
        found[line] = str(error)
    if "torch" in sys.modules:
        sys.exit(f"{line} imported torch")
print(json.dumps(found))
"""


def test_every_wrong_option_is_refused_without_torch(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-c", WITHOUT_TORCH, json.dumps(WRONG)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [line for line, error in found.items() if not error] == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_wrong_option_takes_little_time(tmp_path: Path) -> None:
    """CPU time, of the process and its threads: about 0.25 s here, and 2 s if torch is imported."""
    code = (
        "import os, sys; sys.argv = ['ganzoo', 'evaluate', 'gan-mnist', '--metrics', 'foo']\n"
        "from ganzoo.cli.main import main\n"
        "try: main()\n"
        "finally: print(sum(os.times()[:2]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert float(done.stdout) < 1.0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("foo",), "ganzoo: no model matches 'foo' - `ganzoo list` shows all models\n"),
        (("dcgan-mnits",), "ganzoo: no model matches 'dcgan-mnits' - did you mean dcgan-mnist"),
        (("gan-mnist", "--task", "image-to-image"), "ganzoo: no model matches 'gan-mnist'"),
    ],
)
def test_a_list_of_nothing_says_so(
    words: tuple[str, ...], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = shell(monkeypatch, capsys, "list", *words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(text)
    assert done.err.count("\n") == 1
    as_json = shell(monkeypatch, capsys, "list", *words, "--json")
    assert (as_json.code, as_json.out) == (1, "[]\n")
