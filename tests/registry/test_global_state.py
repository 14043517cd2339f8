"""A plugin cannot change settings of the whole process: they are put back, and the plugin is named."""

from __future__ import annotations

import os
import random
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.errors import PluginWarning
from ganzoo.registry import lookup
from ganzoo.registry.registry import Registry
from plugin_factory import install_plugin, run, run_python

CHANGES = {
    "PyTorch's default dtype": "import torch; torch.set_default_dtype(torch.float64)",
    "PyTorch's default device": "import torch; torch.set_default_device('meta')",
    "PyTorch's number of threads": "import torch; torch.set_num_threads(3)",
    "PyTorch's grad mode": "import torch; torch.set_grad_enabled(False)",
    "PyTorch's random state": "import torch; torch.manual_seed(3)",
    "PyTorch's deterministic mode": "import torch; torch.use_deterministic_algorithms(True)",
    "Python's random state": "import random; random.seed(3)",
    "NumPy's random state": "import numpy; numpy.random.seed(3)",
    "warnings filters": "import warnings; warnings.simplefilter('error')",
    "signal handlers": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "the working folder": "import os; os.chdir('/')",
    "Python's recursion limit": "import sys; sys.setrecursionlimit(900)",
    "Python's module search path": "import sys; sys.path.clear()",
}

STATES: list[Callable[[], Any]] = [
    torch.get_default_dtype,
    torch.get_default_device,
    torch.get_num_threads,
    torch.is_grad_enabled,
    lambda: torch.get_rng_state().tolist(),
    torch.are_deterministic_algorithms_enabled,
    random.getstate,
    lambda: str(np.random.get_state()),
    lambda: list(warnings.filters),
    lambda: signal.getsignal(signal.SIGINT),
    os.getcwd,
    sys.getrecursionlimit,
    lambda: sys.path[:],
]


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_plugin_changes_is_put_back_and_named(name: str) -> None:
    before = [read() for read in STATES]
    registry = Registry()

    def import_module() -> None:
        exec(CHANGES[name], {})
        raise ValueError("it is broken too")

    plugin = registry.load("rude", "main", import_module)
    assert [read() for read in STATES] == before
    assert plugin.changes == [name]


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_named_where_the_plugin_itself_imports_the_library(name: str, tmp_path: Path) -> None:
    install_plugin(tmp_path, "rude", CHANGES[name])
    told = run(tmp_path, "list").stderr.splitlines()
    assert [line for line in told if "takes" not in line] == [
        f"ganzoo: warning: plugin rude:main changes {name} when it is imported, which would change the results of "
        "others - ganzoo has put this back; remove it from the plugin"
    ]


def test_the_default_dtype_is_put_back_where_the_plugin_imports_torch(tmp_path: Path) -> None:
    install_plugin(tmp_path, "rude", "import torch; torch.set_default_dtype(torch.float64); torch.set_num_threads(3)")
    code = """
import warnings; warnings.simplefilter("ignore")
import ganzoo; ganzoo.models()
import torch
print(torch.get_default_dtype(), torch.get_num_threads())
"""
    fresh = "import torch; print(torch.get_default_dtype(), torch.get_num_threads())"
    assert run_python(tmp_path, "-c", code).stdout == run_python(tmp_path, "-c", fresh).stdout


@pytest.mark.long
def test_a_plugin_may_import_libraries(tmp_path: Path) -> None:
    install_plugin(tmp_path, "polite", "import random, numpy.random, torch, torchvision, matplotlib.pyplot")
    told = run(tmp_path, "list").stderr.splitlines()
    assert [line for line in told if "takes" not in line] == []


def test_the_library_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install_plugin(tmp_path, "rude_here", "import random; random.seed(3)")
    lookup.use(None)
    with pytest.warns(PluginWarning, match="plugin rude-here:main changes Python's random state"):
        lookup.models()
