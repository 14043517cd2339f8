"""Several processes share an evaluation, and find the numbers of one."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ganzoo
import worded
from datasets import blobs, write_pictures
from ganzoo.evaluation.image_sets import Samples
from models import publish

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
LAUNCHER, *COMMAND = shlex.split(re.search(r"^torchrun --nproc-per-node 2 .*", PAGE, re.MULTILINE)[0])
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


@pytest.fixture
def folder(tmp_path):
    publish(tmp_path / "run", "dcgan", {"resolution": 16, "channels": 3, "generator_width": 4})
    write_pictures(tmp_path / "photos", blobs(45, 16, seed=1, channels=3))
    return tmp_path


def run(folder, home, *words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / home)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_batches_are_the_same_whoever_computes_them(folder):
    """The images of every second batch are those of these batches when one process computes all."""
    samples = Samples("sampling", ganzoo.load(folder / "run"), 25, seed=0)
    batches = [range(start, min(start + 6, 25)) for start in range(0, 25, 6)]
    whole = list(samples.batches(6))
    for rank in range(2):
        for ours, theirs in zip(samples.read(batches[rank::2]), whole[rank::2], strict=True):
            assert torch.equal(ours, theirs)


@pytest.mark.long
def test_two_processes_find_the_numbers_of_one(folder):
    """By the command of the page. Only the first process prints, and only it writes the cache and the file."""
    assert LAUNCHER == "torchrun"
    small = ["--features", "mnist", "-n", "45", "--batch-size", "7", "--is-splits", "1", "-o", "two.json"]
    two = run(folder, "home-of-two", *TORCHRUN, *COMMAND, *small)
    one = run(folder, "home-of-one", sys.executable, "-m", "ganzoo", "evaluate", *COMMAND[5:], *small[:-1], "one.json")
    results = [json.loads((folder / f"{name}.json").read_text()) for name in ("one", "two")]
    assert results[0] == results[1]
    assert two.stdout == one.stdout
    assert two.stdout.count("FID (mnist)") == 1


DISTANCES = """
import json, os, sys
from pathlib import Path
import pytest
sys.path.insert(0, sys.argv[1])
from extractors import register
from ganzoo import evaluate
from ganzoo_features.lpips import Lpips
packages = Path(f"packages{os.environ.get('RANK')}")
register("lpips-vgg16", packages.resolve(), pytest.MonkeyPatch(), build=lambda: Lpips((4, 8, 8, 8, 8)))
found = evaluate("./run", against="photos", metrics=("ppl", "ppl-full", "lpips"), count=25, batch_size=4)
print(json.dumps(found.as_json()["scores"]))
"""


@pytest.mark.long
def test_two_processes_measure_the_distances_of_one(folder):
    """Both processes get the result."""
    (folder / "distances.py").write_text(DISTANCES)
    words = ("distances.py", str(Path(__file__).parents[1] / "support"))
    two = run(folder, "home-of-two", *TORCHRUN, "--nproc-per-node", "2", *words)
    one = run(folder, "home-of-one", sys.executable, *words)
    assert two.stdout == 2 * one.stdout


CAPTIONS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import worded
from ganzoo import evaluate
from ganzoo.evaluation import r_precision
worded.use_it()
r_precision.CANDIDATES = 3
found = evaluate("faces", against="squares", metrics=("r-precision",), matcher="matcher", count=24, batch_size=5)
print(json.dumps(found.as_json()["scores"]))
"""


@pytest.mark.long
def test_two_processes_find_the_r_precision_of_one(tmp_path):
    worded.use_it()
    worded.write_captioned(tmp_path / "squares", 30)
    worded.write_model(tmp_path / "matcher", right=True)
    worded.write_model(tmp_path / "faces", right=True)
    (tmp_path / "captions.py").write_text(CAPTIONS)
    words = ("captions.py", str(Path(__file__).parents[1] / "support"))
    two = run(tmp_path, "home-of-two", *TORCHRUN, "--nproc-per-node", "2", *words)
    one = run(tmp_path, "home-of-one", sys.executable, *words)
    assert two.stdout == 2 * one.stdout
    assert json.loads(one.stdout)["r-precision"]["value"] == 1
