"""The notebooks run from top to bottom, each in a fresh process and an empty folder, and show what they say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUNNER = ROOT / "tests" / "support" / "run_notebook.py"
SHOWN = {
    "tour": ["Model"],
    "train_and_measure": ["Trainer", "Model", "Evaluation"],
    "write_a_plugin": ["Model"],
}
"""What each notebook shows as HTML."""


def cells(name):
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]


def test_all_notebooks_are_run():
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == set(SHOWN)


@pytest.mark.parametrize(
    "name",
    ["tour", *(pytest.param(each, marks=pytest.mark.long) for each in ("train_and_measure", "write_a_plugin"))],
)
def test_it_runs_from_top_to_bottom(name, tmp_path):
    command = [sys.executable, str(RUNNER), str(ROOT / "notebooks" / f"{name}.ipynb")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = re.findall(r": (\w+) [1-9]\d* '<div><b>", done.stdout)
    assert set(shown) == set(SHOWN[name]), done.stdout


@pytest.mark.parametrize("name", SHOWN)
def test_it_is_small_and_holds_no_results(name):
    assert (ROOT / "notebooks" / f"{name}.ipynb").stat().st_size < 20_000
    assert all(cell["outputs"] == [] for cell in cells(name) if cell["cell_type"] == "code")


def test_the_plugin_is_that_of_the_documentation():
    page = (ROOT / "docs" / "write-a-plugin.md").read_text()
    written = ["".join(cell["source"]).partition("\n")[2] for cell in cells("write_a_plugin")]
    blocks = [text.strip() for text in written if text.startswith("# ganzoo_swish/")]
    assert len(blocks) == 2
    assert all(f"```python\n{block}\n```" in page for block in blocks)
