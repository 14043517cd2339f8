"""`ganzoo sample` as a person types it: what is written, what is refused, and when."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.utils.files import sha256_of
from ganzoo.weights.folder import CONFIG, WEIGHTS
from ganzoo.weights.tensors import read_tensors, write_tensors
from in_process import Outcome
from in_process import ganzoo as shell
from models import publish


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A published folder: an untrained DCGAN of 16x16 grey images, its weights enlarged so that they differ."""
    config = {"resolution": 16, "channels": 1, "generator_width": 4, "discriminator_width": 4}
    return publish(tmp_path_factory.mktemp("models") / "tiny", "dcgan", config)


@pytest.fixture
def here(tmp_path, monkeypatch, published):
    """The working directory, with the model in ./tiny."""
    (tmp_path / "tiny").symlink_to(published)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, monkeypatch, capsys):
    """The command line, in this process."""
    return partial(shell, monkeypatch, capsys)


def start(*arguments: str, **options) -> subprocess.Popen:
    """The command line, in a process of its own, which hears Ctrl-C even if the tests run in the background."""
    command = [sys.executable, "-m", "ganzoo", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_interrupts, **options)


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in ("tiny", "damaged"))


def is_one_error(outcome: Outcome) -> bool:
    """Nothing on stdout, one line on stderr."""
    return outcome.out == "" and outcome.err.startswith("ganzoo: error: ") and outcome.err.count("\n") == 1


# --- what is written --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["./tiny", "tiny", "./tiny/"])
def test_a_sheet_is_written_here(run, here, name):
    assert run("sample", name, "-n", "4") == (0, "tiny-seed0-n4.png\n", "")
    with Image.open("tiny-seed0-n4.png") as sheet:
        assert (sheet.mode, sheet.size) == ("L", (2 * 66 + 2, 2 * 66 + 2))  # 16 pixels are enlarged to 64
    assert names(here) == ["tiny-seed0-n4.png"]


def test_other_options_have_another_name_and_the_same_command_says_what_to_type(run, here):
    assert run("sample", "./tiny").out == "tiny-seed0.png\n"
    assert run("sample", "./tiny", "-n", "64", "--overwrite").out == "tiny-seed0.png\n"  # it is the default
    command = ("sample", "./tiny", "-n", "16", "--seed", "3")
    assert run(*command).out == "tiny-seed3-n16.png\n"
    refused = "tiny-seed3-n16.png exists - replace it with --overwrite, or choose another path with -o"
    assert run(*command) == (2, "", f"ganzoo: error: {refused}\n")
    assert run(*command, "--batch-size", "5", "--overwrite").out == "tiny-seed3-n16.png\n"


def test_16_bits_are_stated(run, here):
    code, out, err = run("sample", "tiny", "-n", "4", "--precision", "bf16", "-o", "a.png")
    assert (code, out) == (0, "a.png\n")
    assert "ganzoo: note: bf16 changes pixels, in [-1, 1], by up to 0.0" in err
    code, out, err = run("interpolate", "tiny", "--steps", "3", "--precision", "bf16", "-o", "b.png")
    assert (code, out) == (0, "b.png\n")
    assert "ganzoo: note: bf16 changes pixels" in err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--engine", "openvin"], "there is no engine 'openvin' - did you mean openvino?"),
        (
            ["--engine", "onnxruntime", "--precision", "bf16"],
            "the engine onnxruntime computes in fp32 - leave out bf16",
        ),
    ],
)
def test_wrong_engines_are_refused(run, here, options, error):
    outcome = run("sample", "tiny", *options)
    assert outcome.code == 2
    assert is_one_error(outcome)
    assert error in outcome.err


def test_an_absolute_path(run, here, published):
    assert run("sample", str(published), "-n", "1", "-o", "a.png").out == "a.png\n"


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_folder_of_files_and_stdout_holds_their_paths_alone(run, here, options):
    code, out, err = run("sample", "./tiny", "-n", "3", "--seed", "7", "-o", "new/deep", *options)
    expected = [f"new/deep/seed{seed:04d}.png" for seed in (7, 8, 9)]
    assert (code, err) == (0, "")
    assert (json.loads(out) if options else out.splitlines()) == expected
    assert all(Path(path).is_file() for path in expected)


def test_an_npz(run, here):
    assert run("sample", "./tiny", "-n", "5", "--seed", "3", "--format", "npz").out == "tiny-seed3-n5.npz\n"
    with np.load("tiny-seed3-n5.npz") as arrays:
        assert arrays["images"].shape == (5, 16, 16, 1)
        assert arrays["seeds"].tolist() == [3, 4, 5, 6, 7]


def test_image_i_is_of_seed_plus_i_whatever_the_batch_size(run, here):
    run("sample", "./tiny", "-n", "4", "--seed", "2", "-o", "one", "--batch-size", "1")
    run("sample", "./tiny", "-n", "3", "--seed", "3", "-o", "two", "--batch-size", "3")
    ours, theirs = (
        {path.name: np.asarray(Image.open(path)).astype(int) for path in Path(folder).iterdir()}
        for folder in ("one", "two")
    )
    assert all(np.abs(ours[name] - theirs[name]).max() <= 1 for name in theirs)  # rounding
    assert np.abs(ours["seed0003.png"] - ours["seed0004.png"]).mean() > 20


def test_the_same_command_writes_the_same_bytes(run, here):
    run("sample", "./tiny", "-n", "9", "-o", "a.png")
    first = Path("a.png").read_bytes()
    assert run("sample", "./tiny", "-n", "9", "-o", "a.png", "--overwrite").code == 0
    assert Path("a.png").read_bytes() == first


# --- what is refused, before the weights are looked at ----------------------------------------


@pytest.fixture
def damaged(here, published):
    """A model whose weights cannot be read: an error that is not about them came before they were."""
    folder = here / "damaged"
    shutil.copytree(published, folder)
    (folder / WEIGHTS).write_bytes(b"damaged")
    return "./damaged"


REFUSED = {
    "seed of nan": (["--seed", "nan"], "'nan' is not a valid integer"),
    "seed of text": (["--seed", "x"], "'x' is not a valid integer"),
    "fraction": (["--seed", "1.5"], "'1.5' is not a valid integer"),
    "negative seed": (["--seed", "-1"], "-1 is not in the range x>=0"),
    "seed beyond the last": (["--seed", "4294967296"], "seeds go up to 4294967295"),
    "seeds beyond the last": (["--seed", "4294967290", "-n", "7"], "seeds go up to 4294967295"),
    "no images": (["-n", "0"], "0 is not in the range x>=1"),
    "negative count": (["-n", "-1"], "-1 is not in the range x>=1"),
    "count of 1e9": (["-n", "1e9"], "'1e9' is not a valid integer"),
    "a billion": (["-n", "1000000000"], "do not fit on one sheet"),
    "a billion files": (["-n", "1000000000", "-o", "new"], "too many for one folder"),
    "no batch": (["--batch-size", "0"], "0 is not in the range x>=1"),
    "gpu": (["--device", "gpu"], "'gpu' is not a device - use auto, cpu, cuda"),
    "meta": (["--device", "meta"], "this machine has no device meta"),
    "format": (["--format", "bmp"], "'bmp' is not one of 'png', 'jpg', 'webp', 'tiff', 'npy', 'npz'"),
    "contradiction": (["-o", "a.png", "--format", "npz"], "a.png ends in .png, but --format says npz"),
    "ending": (["-o", "a.exe"], "a.exe ends in no known format"),
    "file as folder": (["-o", "file"], "cannot write to file: it is not a folder"),
    "file as parent": (["-o", "file/a.png"], "cannot write to file: it is not a folder"),
    "unwritable": (["-o", "/proc/a.png"], "cannot write to /proc: "),
    "existing": (["-o", "old.png"], "old.png exists - replace it with --overwrite"),
    "misspelt option": (["--overwrit", "1"], "No such option '--overwrit'. Did you mean '--overwrite'?"),
    "too much": (["another"], "unexpected extra argument (another)\n"),
    "no value": (["--seed"], "'--seed' requires an argument"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_refused_before_the_weights_are_read(run, here, damaged, case):
    options, words = REFUSED[case]
    Path("file").write_text("old")
    Path("old.png").write_text("old")
    outcome = run("sample", damaged, *options)
    assert outcome.code == 2
    assert is_one_error(outcome)
    assert words in outcome.err
    assert names(here) == ["file", "old.png"]
    assert Path("file").read_text() == Path("old.png").read_text() == "old"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_cuda_where_there_is_none(run, damaged):
    outcome = run("sample", damaged, "--device", "cuda")
    assert outcome.code == 2
    assert is_one_error(outcome)
    assert "this machine has no device cuda" in outcome.err
    assert outcome.err.endswith(" - use --device cpu\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample"], "Missing argument 'NAME'"),
        (["sample", "dcgan-mnistt.huggan"], "there is no model 'dcgan-mnistt.huggan' - did you mean dcgan-mnist"),
        (["sample", "no-such-plugin/tiny"], "there is no model 'no-such-plugin/tiny'"),
        (["sampel", "./tiny"], "No such command 'sampel' - did you mean sample?"),
        (["--sample"], "No such option"),
    ],
)
def test_what_is_not_there(run, here, arguments, words):
    outcome = run(*arguments)
    assert outcome.code == 2
    assert is_one_error(outcome)
    assert words in outcome.err


def test_what_is_wrong_is_refused_without_torch(here):
    """At once, that is: importing torch takes seconds."""
    script = """
import sys
from ganzoo.cli.main import cli
try:
    cli(["sample", "./tiny", "-o", "a.exe"], standalone_mode=False)
except Exception as error:
    print(error.exit_code, "torch" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "2 False\n"


# --- weights that cannot be used --------------------------------------------------------------


def edited(folder: Path, name: str, value: float | None) -> None:
    """The weights with one tensor filled with `value`, or left out, under a digest that fits them."""
    tensors = read_tensors(folder / WEIGHTS)
    old = tensors.pop(name)
    changed = {} if value is None else {name: torch.full_like(old, value)}
    write_tensors(folder / WEIGHTS, {**tensors, **changed})  # write_folder would refuse some of it
    description = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**description, "sha256": sha256_of(folder / WEIGHTS)}))


def flipped(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / WEIGHTS).write_bytes(data)


DAMAGES = {
    "bit flip": (flipped, "damaged/model.safetensors has the sha256"),
    "truncated": (lambda f: os.truncate(f / WEIGHTS, 1000), "damaged/model.safetensors"),
    "cut in the header": (
        lambda f: os.truncate(f / WEIGHTS, 100),
        "damaged/model.safetensors is not a safetensors file",
    ),
    "empty": (lambda f: os.truncate(f / WEIGHTS, 0), "damaged/model.safetensors is not a safetensors file"),
    "a web page": (lambda f: (f / WEIGHTS).write_text("<!doctype html>"), "damaged/model.safetensors is not a safe"),
    "NaN inside": (
        lambda f: edited(f, "generator.1.running_mean", float("nan")),
        "damaged/model.safetensors: generator.1.running_mean holds NaN or infinity",
    ),
    "infinity inside": (
        lambda f: edited(f, "generator.0.weight", float("inf")),
        "damaged/model.safetensors: generator.0.weight holds NaN or infinity",
    ),
    "missing tensor": (
        lambda f: edited(f, "generator.1.running_var", None),
        "damaged does not fit the network: missing generator.1.running_var (8,)",
    ),
    "missing weights": (lambda f: (f / WEIGHTS).unlink(), "damaged/model.safetensors"),
    "config cut short": (lambda f: os.truncate(f / CONFIG, 20), "damaged is no published model - its config.json"),
    "no config": (lambda f: (f / CONFIG).unlink(), "damaged is no published model - its config.json"),
    "NaN comes out": (lambda f: edited(f, "generator.1.running_var", -1.0), "damaged produced NaN or infinity"),
}


@pytest.mark.parametrize("options", [["-o", "a.png"], ["-o", "new"], ["-o", "a.npz"]], ids=["sheet", "folder", "npz"])
@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_weights_make_no_picture(run, here, published, case, options):
    damage, words = DAMAGES[case]
    shutil.copytree(published, "damaged")
    damage(Path("damaged"))
    outcome = run("sample", "./damaged", "-n", "2", *options)
    assert outcome.code == 1
    assert is_one_error(outcome)
    assert words in outcome.err
    assert [p for p in here.rglob("*") if p.suffix in (".png", ".npz")] == []


def test_debug_shows_the_traceback_too(run, here):
    outcome = run("--debug", "sample", "./tiny", "-o", "a.exe")
    assert outcome.err.startswith("Traceback")
    assert outcome.err.splitlines()[-1].startswith("ganzoo: error: a.exe ends in")


# --- processes of their own -------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_the_finished_pictures(here, number, code):
    """Ctrl-C says how to go on, too."""
    command = ["sample", "./tiny", "-n", "90000", "--batch-size", "8", "--device", "cpu", "-o", "new"]
    process = start(*command, stdout=subprocess.PIPE, cwd=here)
    deadline = time.monotonic() + 60
    while not list(here.glob("new/seed*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    written = sorted(path.name for path in (here / "new").iterdir())
    assert written == [f"seed{i:05d}.png" for i in range(len(written))]  # no gap, no temporary file
    for name in written:
        with Image.open(here / "new" / name) as picture:
            picture.load()
    if number == signal.SIGINT:
        done = int(err.removeprefix("ganzoo: error: interrupted: ").partition(" ")[0])
        assert len(written) - done in (0, 1)  # it may hit between a picture and its count
        assert err == (
            f"ganzoo: error: interrupted: {done} of 90000 written - go on with --seed {done} -n {90000 - done}\n"
        )


def test_a_reader_that_leaves_is_no_traceback(here):
    """`ganzoo sample ... | true`: the pictures are there, nobody wants to read their names."""
    reading, writing = os.pipe()
    os.close(reading)
    process = start("sample", "./tiny", "-n", "1", "-o", "new", stdout=writing, cwd=here)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode in (0, 1)
    assert names(here / "new") == ["seed0000.png"]


def test_a_full_standard_output_is_an_error_in_one_line(here):
    with Path("/dev/full").open("w") as full:
        process = start("sample", "./tiny", "-n", "1", "-o", "new", stdout=full, cwd=here)
        _, err = process.communicate(timeout=60)
    assert err == "ganzoo: error: [Errno 28] No space left on device\n"
    assert process.returncode == 1
