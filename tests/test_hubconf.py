"""`hubconf.py`: `torch.hub.load` runs a checkout of ganzoo that nobody has installed."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent

UNINSTALLED = """
import importlib.metadata as metadata
import json, runpy, sys

everything = metadata.distributions
metadata.distributions = lambda **where: (each for each in everything(**where) if each.name != "ganzoo")
sys.meta_path = [each for each in sys.meta_path if "editable" not in repr(each).lower()]
sys.path = [path for path in sys.path if path not in json.loads(sys.argv[2])]

import torch

model = torch.hub.load(sys.argv[1], "load", "gan-mnist", source="local", device="cpu")
again = torch.hub.load(sys.argv[1], "create", "dcgan", source="local", resolution=16)
import ganzoo, ganzoo_gan
print(json.dumps([
    [name for name, value in runpy.run_path(sys.argv[1] + "/hubconf.py").items() if callable(value) and name[0] != "_"],
    torch.hub.load(sys.argv[1], "models", "gan-*", source="local"),
    ganzoo.__file__, ganzoo_gan.__file__,
    model.sample(1, seed=3).flatten()[:5].tolist(),
    type(again).__name__,
]))
"""


def test_torch_hub_runs_a_checkout(tmp_path):
    import ganzoo

    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("hubconf.py", "ganzoo", "plugins", "pyproject.toml"):
        (checkout / name).symlink_to(ROOT / name)
    elsewhere = json.dumps([str(ROOT), str(ROOT / "plugins"), ""])
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-c", UNINSTALLED, str(checkout), elsewhere]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    names, models, core, plugin, pixels, created = json.loads(done.stdout.splitlines()[-1])
    assert sorted(names) == ["create", "load", "models"]
    assert models == ["gan-mnist"]
    assert core.startswith(str(checkout))
    assert Path(plugin).resolve() == ROOT / "plugins" / "ganzoo_gan" / "__init__.py"
    assert pixels == ganzoo.load("gan-mnist", device="cpu").sample(1, seed=3).flatten()[:5].tolist()
    assert created == "DCGAN"


def test_its_dependencies_are_ours():
    """`torch.hub` says which of them is missing before it imports ganzoo."""
    names = {"pillow": "PIL", "huggingface-hub": "huggingface_hub", "torch-fidelity": "torch_fidelity"}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    ours = {names.get(name, name) for name in (each.partition(">")[0] for each in listed)}
    namespace = {}
    head = (ROOT / "hubconf.py").read_text().partition("_sys.path.insert")[0]
    exec(head, namespace)
    assert set(namespace["dependencies"]) == ours - {"httpx2"}  # which huggingface_hub brings
