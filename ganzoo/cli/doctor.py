"""Whether plugins, cache, disk, network and device are in order, each tried where it can do no harm."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ganzoo.errors import OutputError, one_line
from ganzoo.registry.discovery import find_installed, is_disabled
from ganzoo.registry.plugin import SLOW_IMPORT, Plugin, PluginState, collect_records, set_aside_on_error
from ganzoo.registry.registry import Registry
from ganzoo.utils.files import check_writable
from ganzoo.utils.names import BUILTIN
from ganzoo.utils.version import __version__

__all__ = ["Finding", "examine", "versions"]

# ruff: noqa: S603 - it runs this interpreter only

LITTLE_SPACE = 1_000_000_000
NETWORK_SECONDS = 5.0
LIBRARIES = ("torch", "torchvision", "huggingface-hub", "safetensors", "accelerate", "click", "pluggy")

_DEVICE = """
import torch
from ganzoo.utils.devices import resolve_device
device = resolve_device("auto")
name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} threads"
print(f"{device} ({name}), torch {torch.__version__}")
"""


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do where it is not ``ok``."""

    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str


def versions() -> dict[str, str]:
    """The versions of ganzoo, Python, the libraries beneath and the plugins of others; nothing is imported for it."""
    found = {"ganzoo": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found | {f"plugin {each.key}": each.version for each in find_installed() if each.owner != BUILTIN}


def examine(*, timeout: float = 20.0, disabled: Iterable[str] = ()) -> Iterator[Finding]:
    """Look at everything; plugins not imported after `timeout` seconds are given up, and `disabled` are left out."""
    yield from _plugins(timeout, frozenset(disabled))
    yield from (_cache(), _disk(), _network(), _device(timeout))


def _plugins(timeout: float, disabled: frozenset[str]) -> Iterator[Finding]:
    """Each plugin in a process of its own, then all that survived it in one."""
    keys = [each.key for each in find_installed() if not is_disabled(each.owner, each.point.name, disabled)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        alone = dict(zip(keys, pool.map(lambda key: _in_process([key], timeout, disabled), keys), strict=True))
    fatal = {key for key, told in alone.items() if isinstance(told, str)}
    together = _in_process([], timeout * 2, disabled | fatal)
    for key, told in alone.items():
        if isinstance(told, dict) and not told[key]["problem"] and isinstance(together, dict):
            told = together  # it may fall only beside the others
        yield _finding(key, told)
    if isinstance(together, str):
        yield Finding("plugins", "failed", f"all of them together: {together}")


def _finding(key: str, told: dict[str, Any] | str) -> Finding:
    problem = told if isinstance(told, str) else told[key]["problem"]
    if problem or isinstance(told, str):
        return Finding(f"plugin {key}", "failed", f"{problem} - silence it with GANZOO_DISABLE_PLUGINS={key}")
    seconds = told[key]["seconds"]
    return Finding(f"plugin {key}", "ok" if seconds < SLOW_IMPORT else "warning", f"{seconds * 1000:.0f} ms to import")


def _in_process(keys: Sequence[str], timeout: float, disabled: frozenset[str]) -> dict[str, Any] | str:
    """What a process that imports the plugins has to say of each; a text where it did not live to tell."""
    command = [sys.executable, "-m", "ganzoo.cli.doctor", *keys]
    environment = {**os.environ, "GANZOO_DISABLE_PLUGINS": ",".join(sorted(disabled)), "GANZOO_STRICT_PLUGINS": "0"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"it is still being imported after {timeout:g} s"
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return f"importing it ends the process ({_ending(done.returncode)})"
    return told


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _report(keys: Sequence[str]) -> dict[str, Any]:
    """In a process of its own: import the plugins of these keys each alone, or all of them as every command does."""
    plugins = [_asked(each.owner, each.point) for each in find_installed() if each.key in keys]
    return {
        plugin.key: {
            "problem": f"{plugin.stage}: {plugin.problem}" if plugin.state is not PluginState.LOADED else "",
            "seconds": plugin.seconds,
        }
        for plugin in (plugins if keys else Registry.discover().plugins)
    }


def _asked(owner: str, point: metadata.EntryPoint) -> Plugin:
    plugin = Plugin(owner, point.name)
    with set_aside_on_error(plugin):
        collect_records(plugin, point.load)
    return plugin


def _cache() -> Finding:
    from huggingface_hub import constants

    try:
        check_writable(Path(constants.HF_HUB_CACHE))
    except OutputError as error:
        return Finding("cache", "failed", f"{error} - set HF_HOME to a folder that can be written")
    return Finding("cache", "ok", str(constants.HF_HUB_CACHE))


def _disk() -> Finding:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < LITTLE_SPACE:
        return Finding("disk", "warning", f"{free / 1e9:.1f} GB free at {existing}: large models will not fit")
    return Finding("disk", "ok", f"{free / 1e9:.1f} GB free at {existing}")


def _network() -> Finding:
    """One request, of which any answer will do."""
    from huggingface_hub import constants, get_session, get_token

    if constants.is_offline_mode():
        return Finding("network", "ok", "not used: HF_HUB_OFFLINE is set")
    try:
        status = get_session().get(f"{constants.ENDPOINT}/api/models", params={"limit": 1}, timeout=NETWORK_SECONDS)
    except Exception as error:  # the client lets errors of httpx2 and the OS escape
        text = f"cannot reach {constants.ENDPOINT} ({one_line(error)}); bundled and cached models work"
        return Finding("network", "warning", f"{text} - check the connection, your proxy and HF_ENDPOINT")
    if status.status_code >= 500:
        return Finding("network", "warning", f"{constants.ENDPOINT} answers HTTP {status.status_code} - try later")
    login = "logged in" if get_token() else "not logged in, which `ganzoo publish` and private models need"
    return Finding("network", "ok", f"{constants.ENDPOINT} answers; {login}")


def _device(timeout: float) -> Finding:
    """What ``--device auto`` would take; torch is imported elsewhere, where it may crash."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _DEVICE], capture_output=True, text=True, timeout=max(timeout, 60), check=False
        )
    except subprocess.TimeoutExpired:
        return Finding("device", "failed", "torch is still being imported after a minute - reinstall it")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [_ending(done.returncode)])[-1]
        return Finding("device", "failed", f"torch does not work: {last} - reinstall it")
    return Finding("device", "ok", done.stdout.strip())


if __name__ == "__main__":
    print(json.dumps(_report(sys.argv[1:])))  # noqa: T201 - it is read by `_in_process`
