"""Check plugins, cache, disk, network and device. What may crash runs in a separate process."""

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

# ruff: noqa: S603 - only this Python interpreter is run

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
    """The result of one check. `detail` says what to do if `state` is not ``ok``."""

    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str


def versions() -> dict[str, str]:
    """Return the versions of ganzoo, Python, the main dependencies and third-party plugins, without importing them."""
    found = {"ganzoo": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found | {f"plugin {each.key}": each.version for each in find_installed() if each.owner != BUILTIN}


def examine(*, timeout: float = 20.0, disabled: Iterable[str] = ()) -> Iterator[Finding]:
    """Run all checks. Each plugin may take `timeout` seconds to import. Plugins in `disabled` are not checked."""
    yield from _plugins(timeout, frozenset(disabled))
    yield from (_cache(), _disk(), _network(), _device(timeout))


def _plugins(timeout: float, disabled: frozenset[str]) -> Iterator[Finding]:
    """Import each plugin in its own process, then all plugins that survived in one process."""
    keys = [each.key for each in find_installed() if not is_disabled(each.owner, each.point.name, disabled)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        alone = dict(zip(keys, pool.map(lambda key: _in_process([key], timeout, disabled), keys), strict=True))
    fatal = {key for key, report in alone.items() if isinstance(report, str)}
    together = _in_process([], timeout * 2, disabled | fatal)
    for key, report in alone.items():
        if isinstance(report, dict) and not report[key]["problem"] and isinstance(together, dict):
            report = together  # a plugin may fail only when the others are loaded too
        yield _finding(key, report)
    if isinstance(together, str):
        yield Finding("plugins", "failed", f"importing all plugins together: {together}")


def _finding(key: str, report: dict[str, Any] | str) -> Finding:
    problem = report if isinstance(report, str) else report[key]["problem"]
    if problem or isinstance(report, str):
        return Finding(f"plugin {key}", "failed", f"{problem} - disable it with GANZOO_DISABLE_PLUGINS={key}")
    seconds = report[key]["seconds"]
    return Finding(f"plugin {key}", "ok" if seconds < SLOW_IMPORT else "warning", f"{seconds * 1000:.0f} ms to import")


def _in_process(keys: Sequence[str], timeout: float, disabled: frozenset[str]) -> dict[str, Any] | str:
    """Import plugins in another process. Returns its report on each, or a text if the process crashed or hung."""
    command = [sys.executable, "-m", "ganzoo.cli.doctor", *keys]
    environment = {**os.environ, "GANZOO_DISABLE_PLUGINS": ",".join(sorted(disabled)), "GANZOO_STRICT_PLUGINS": "0"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"the import has not finished after {timeout:g} s"
    try:
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return f"the import ends the process ({_ending(done.returncode)})"
    return report


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _report(keys: Sequence[str]) -> dict[str, Any]:
    """Import each of these plugins alone. Without keys, import all plugins together, as every command does."""
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
        return Finding("cache", "failed", f"{error} - set HF_HOME to a folder that you can write to")
    return Finding("cache", "ok", str(constants.HF_HUB_CACHE))


def _disk() -> Finding:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < LITTLE_SPACE:
        return Finding(
            "disk", "warning", f"{free / 1e9:.1f} GB free at {existing}: large models will not fit - free some space"
        )
    return Finding("disk", "ok", f"{free / 1e9:.1f} GB free at {existing}")


def _network() -> Finding:
    """Make one small request to the Hub."""
    from huggingface_hub import constants, get_session, get_token

    if constants.is_offline_mode():
        return Finding("network", "ok", "not used: HF_HUB_OFFLINE is set")
    try:
        status = get_session().get(f"{constants.ENDPOINT}/api/models", params={"limit": 1}, timeout=NETWORK_SECONDS)
    except Exception as error:  # the client also raises errors of httpx2 and of the operating system
        text = f"cannot reach {constants.ENDPOINT} ({one_line(error)}); only bundled and cached models work"
        return Finding("network", "warning", f"{text} - check the connection, your proxy and HF_ENDPOINT")
    if status.status_code >= 500:
        return Finding(
            "network", "warning", f"{constants.ENDPOINT} answers HTTP {status.status_code} - try again later"
        )
    login = "logged in" if get_token() else "not logged in: `ganzoo publish` and private models need `hf auth login`"
    return Finding("network", "ok", f"{constants.ENDPOINT} answers; {login}")


def _device(timeout: float) -> Finding:
    """Find the device that ``--device auto`` selects. torch is imported in another process, where it may crash."""
    seconds = max(timeout, 60)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _DEVICE], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding("device", "failed", f"torch has not finished importing after {seconds:g} s - reinstall it")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [_ending(done.returncode)])[-1]
        return Finding("device", "failed", f"torch does not work: {last} - reinstall it")
    return Finding("device", "ok", done.stdout.strip())


if __name__ == "__main__":
    print(json.dumps(_report(sys.argv[1:])))  # noqa: T201 - `_in_process` reads it
