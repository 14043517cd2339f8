"""Ctrl-C while the command line starts: one line, no traceback, exit code 130."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_factory import install_plugin

SCRIPT = str(Path(sys.executable).with_name("ganzoo"))
WAYS = {"module": ["-m", "ganzoo"], "script": [SCRIPT]}


def interrupted(command: list[str], after: str, **environment: str) -> tuple[int, list[str]]:
    """The exit code and the lines on stderr of a command that gets SIGINT after the import of the module `after`."""
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1", **environment}
    words = [sys.executable, *command, "list"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.split("|")[-1].strip() == after:
                run.send_signal(signal.SIGINT)
                break
        lines = [line for line in run.stderr.read().splitlines() if line and not line.startswith("import time:")]
        return run.wait(timeout=60), lines


@pytest.mark.parametrize("after", ["ganzoo.errors", "pluggy", "ganzoo", "click"])
@pytest.mark.parametrize("way", WAYS)
def test_it_ends_with_one_line(way: str, after: str) -> None:
    if way == "script" and not shutil.which(SCRIPT):
        pytest.skip("the script is not installed")
    command = WAYS[way] if way == "module" else [SCRIPT]
    assert interrupted(command, after) == (130, ["ganzoo: error: interrupted"])


def test_a_plugin_that_is_imported_then_is_interrupted(tmp_path: Path) -> None:
    # Many short sleeps: Python looks for a signal that came just before a sleep only when that sleep is over.
    install_plugin(tmp_path, "slow", "import wave, time\nfor _ in range(300): time.sleep(0.1)")
    support = Path(__file__).parent.parent / "support"
    found = interrupted(["-m", "ganzoo"], "wave", PYTHONPATH=f"{tmp_path}{os.pathsep}{support}")
    remedy = "hide it with GANZOO_DISABLE_PLUGINS=slow:main"
    assert found == (130, [f"ganzoo: error: interrupted while plugin slow:main was loaded - {remedy}"])


@pytest.mark.parametrize("code", ["import ganzoo", "import ganzoo.cli.main", "import ganzoo.pretrained.load"])
def test_a_library_does_not_touch_signals(code: str) -> None:
    code += "; import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code, "ganzoo"], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
