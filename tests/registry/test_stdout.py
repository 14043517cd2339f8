"""Whatever way a plugin prints when it is imported: stdout holds only what ganzoo prints."""

import json
import os
import threading

import pytest

from ganzoo.registry.stdout import stdout_to_stderr
from plugin_factory import install_plugin, run

WAYS = {
    "python": "print('NOISE')",
    "the original stream": "import sys; sys.__stdout__.write('NOISE')",
    "descriptor": "import os; os.write(1, b'NOISE')",
    "c library": "import ctypes; ctypes.CDLL(None).printf(b'NOISE')",
    "subprocess": "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(\"NOISE\")'], check=True)",
}


@pytest.mark.parametrize("way", WAYS)
def test_json_stays_json(way, tmp_path):
    install_plugin(tmp_path, "ganzoo-loud", WAYS[way])
    done = run(tmp_path, "list", "--json")
    assert "ganzoo-loud-test" in str(json.loads(done.stdout))
    assert "NOISE" in done.stderr


def test_stdout_is_put_back_by_the_last_thread(capfd):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with stdout_to_stderr():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with stdout_to_stderr():
        thread.start()
        inside.wait(10)
    os.write(1, b"still inside")
    leave.set()
    thread.join()
    os.write(1, b"ours")
    assert capfd.readouterr() == ("ours", "still inside")
