"""Loading one plugin in such a way that nothing it does takes the others down."""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pluggy

from ganzoo.errors import PluginError, one_line
from ganzoo.hooks import KINDS
from ganzoo.specs import API

__all__ = ["Plugin", "PluginState", "load_plugin"]

Declared = dict[str, list[Any]]


class PluginState(StrEnum):
    """What became of a plugin."""

    LOADED = "loaded"
    DISABLED = "disabled"
    INCOMPATIBLE = "incompatible"
    BROKEN = "broken"


@dataclass
class Plugin:
    """A plugin that was found: where it comes from, what it declares, and what went wrong with it."""

    distribution: str
    entry_point: str
    version: str = ""
    state: PluginState = PluginState.LOADED
    api: tuple[int, int] | None = None
    seconds: float = 0.0
    declares: dict[str, list[str]] = field(default_factory=dict)
    stage: str = ""
    problem: str = ""
    where: str = ""
    traceback: str = ""

    @property
    def key(self) -> str:
        """What no two plugins share: distributions may use one entry-point name."""
        return f"{self.distribution}:{self.entry_point}"

    def complaint(self) -> str:
        """Two lines: what failed at which stage, and how to go on without it."""
        place = f" ({self.where})" if self.where else ""
        return (
            f"plugin {self.key} {self.version} is set aside: {self.stage}: {self.problem}{place}\n"
            f"  upgrade it, or silence this with GANZOO_DISABLE_PLUGINS={self.key}"
        )


class _Incompatible(PluginError):
    """The plugin was written for another version of the plugin interface."""


def load_plugin(plugin: Plugin, import_module: Callable[[], object], manager: pluggy.PluginManager) -> Declared:
    """Import, check and ask one plugin; `plugin` is filled in, and nothing is returned of a broken one.

    What the plugin prints goes to stderr, so that ``--json`` stays JSON.
    """
    started = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            declared = _load(plugin, import_module, manager)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit()
        _set_aside(plugin, error)
        declared = {}
    plugin.seconds = time.perf_counter() - started
    plugin.declares = {kind: [record.name for record in records] for kind, records in declared.items() if records}
    return declared


def _load(plugin: Plugin, import_module: Callable[[], object], manager: pluggy.PluginManager) -> Declared:
    plugin.stage = "import"
    module = import_module()
    plugin.stage = "version"
    plugin.api = _check_api(getattr(module, "GANZOO_API", None))
    plugin.stage = "hooks"
    manager.register(module, plugin.key)
    manager.check_pending()  # a misspelt hook would be ignored in silence
    if not manager.get_hookcallers(module):
        raise PluginError("it implements no hook - mark its functions with @ganzoo.hookimpl")
    declared: Declared = {}
    for kind, record_type in KINDS.items():
        plugin.stage = f"ganzoo_{kind}"
        results = getattr(manager.hook, f"ganzoo_{kind}")()
        declared[kind] = _check_records((record for result in results for record in result), record_type)
    plugin.stage = ""
    return declared


def _check_api(api: Any) -> tuple[int, int]:
    ours = ".".join(map(str, API))
    if api is None:
        raise _Incompatible(f"it does not say GANZOO_API = (major, minor); this ganzoo speaks {ours}")
    if not (isinstance(api, tuple) and len(api) == 2 and all(isinstance(n, int) for n in api)):
        raise _Incompatible(f"GANZOO_API is {api!r}, not a pair of integers")
    if api[0] != API[0] or api[1] > API[1]:
        older = "ganzoo" if api > API else "the plugin"
        raise _Incompatible(f"it needs plugin API {api[0]}.{api[1]}, this ganzoo speaks {ours}: upgrade {older}")
    return api


def _check_records(records: Iterable[Any], record_type: type) -> list[Any]:
    checked = list(records)
    for record in checked:
        if not isinstance(record, record_type):
            raise PluginError(f"it returned {record!r}, which is no {record_type.__name__}")
    twice = [name for name, count in Counter(record.name for record in checked).items() if count > 1]
    if twice:
        raise PluginError(f"it declares {', '.join(twice)} twice")
    return checked


def _set_aside(plugin: Plugin, error: BaseException) -> None:
    plugin.state = PluginState.INCOMPATIBLE if isinstance(error, _Incompatible) else PluginState.BROKEN
    plugin.problem = str(error) if isinstance(error, PluginError) else one_line(error)
    frames = traceback.extract_tb(error.__traceback__)
    # Our own frames and importlib's say nothing about the plugin.
    theirs = [f for f in frames if f.filename != __file__ and "importlib" not in f.filename]
    plugin.where = f"{theirs[-1].filename}:{theirs[-1].lineno}" if theirs else ""
    plugin.traceback = "".join(traceback.format_exception(error))
