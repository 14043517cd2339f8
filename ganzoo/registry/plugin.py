"""Running one plugin in such a way that nothing it does takes the others down."""

from __future__ import annotations

import importlib
import os
import reprlib
import sys
import textwrap
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from enum import StrEnum
from traceback import TracebackException
from typing import Any

import pluggy

from ganzoo.errors import GanzooError, PluginError
from ganzoo.interface import hooks
from ganzoo.interface.specs import API

__all__ = ["SLOW_IMPORT", "Declared", "Plugin", "PluginState", "collect_records", "set_aside_on_error"]

SLOW_IMPORT = 1.0
"""Seconds above which a plugin is told of: everyone waits for it, at every command."""

Declared = dict[str, list[Any]]
"""A plugin's records by kind."""

# Frames in these folders say nothing about the plugin that they load.
_MACHINERY = tuple(
    os.path.join(folder, "")
    for folder in (
        os.path.dirname(os.path.dirname(hooks.__file__)),  # all of ganzoo
        *(os.path.dirname(module.__file__ or "") for module in (pluggy, importlib)),
    )
)


class PluginState(StrEnum):
    """What became of a plugin."""

    LOADED = "loaded"
    DISABLED = "disabled"
    INCOMPATIBLE = "incompatible"
    BROKEN = "broken"


@dataclass
class Plugin:
    """A plugin that was found: where it comes from, what it declares, and what went wrong with it, at which stage."""

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

    def describe_problem(self) -> str:
        """Two lines: what failed at which stage, and how to go on without it."""
        who = f"{self.key} {self.version}".strip()
        place = f" ({self.where})" if self.where else ""
        return (
            f"plugin {who} is set aside: {self.stage}: {self.problem}{place}\n"
            f"  upgrade it, or silence this with GANZOO_DISABLE_PLUGINS={self.key}"
        )

    def set_aside(self, error: BaseException) -> None:
        """Leave the plugin out for the fault that `error` tells of."""
        told = TracebackException.from_exception(error)  # unlike str(), it survives an error that cannot be printed
        self.state = PluginState.INCOMPATIBLE if isinstance(error, _Incompatible) else PluginState.BROKEN
        text = str(told) if isinstance(error, GanzooError) else f"{type(error).__name__}: {told}"
        self.problem = textwrap.shorten(text.removesuffix(": "), 300, placeholder=" ...")
        self.where = _find_line_at_fault(told)
        self.traceback = "".join(told.format())


class _Incompatible(PluginError):
    """The plugin was written for another version of the plugin interface."""


@contextmanager
def set_aside_on_error(plugin: Plugin) -> Iterator[None]:
    """Run code of the plugin and time it: what it raises sets it aside, what it prints goes to stderr.

    So ``--json`` stays JSON. The user's Ctrl-C is the one thing that passes.
    """
    started = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit()
        plugin.set_aside(error)
    plugin.seconds += time.perf_counter() - started


def collect_records(plugin: Plugin, import_module: Callable[[], object]) -> Declared:
    """Import one plugin, check how it was made, and collect the records that its hooks return.

    `plugin.stage` says how far it came.

    Raises:
        PluginError: it is not made as the interface wants it; besides, whatever the plugin itself raises.
    """
    plugin.stage = "import"
    module = import_module()
    plugin.stage = "version"
    plugin.api = _check_api(getattr(module, "GANZOO_API", None))
    plugin.stage = "hooks"
    manager = _check_hooks(module)
    declared: Declared = {}
    for kind, record_type in hooks.KINDS.items():
        plugin.stage = f"ganzoo_{kind}"
        hook = getattr(manager.hook, f"ganzoo_{kind}")
        results = hook()
        if len(results) < len(hook.get_hookimpls()):
            raise PluginError("it returned None, not records")
        declared[kind] = _check_records((record for result in results for record in result), record_type)
    return declared


def _check_api(api: Any) -> tuple[int, int]:
    ours = ".".join(map(str, API))
    if api is None:
        raise _Incompatible(f"it does not say GANZOO_API = (major, minor); this ganzoo speaks {ours}")
    if not (isinstance(api, tuple) and len(api) == 2 and all(isinstance(n, int) for n in api)):
        raise _Incompatible(f"GANZOO_API is {reprlib.repr(api)}, not a pair of integers")
    if api[0] != API[0] or api[1] > API[1]:
        older = "ganzoo" if api > API else "the plugin"
        raise _Incompatible(f"it needs plugin API {api[0]}.{api[1]}, this ganzoo speaks {ours}: upgrade {older}")
    return api


def _check_hooks(module: object) -> pluggy.PluginManager:
    """A manager of this plugin alone, so that its hooks are called alone and nothing is left of a broken one."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(module)
    manager.check_pending()  # a misspelt hook would be ignored in silence, and so would an unmarked one
    marked = {hook.name for hook in manager.get_hookcallers(module) or ()}
    unmarked = [name for kind in hooks.KINDS if hasattr(module, name := f"ganzoo_{kind}") and name not in marked]
    if unmarked:
        raise PluginError(f"{', '.join(unmarked)} is not marked with @ganzoo.hookimpl")
    if not marked:
        raise PluginError(f"it implements no hook - there are {', '.join(f'ganzoo_{kind}' for kind in hooks.KINDS)}")
    return manager


def _check_records(records: Iterable[Any], record_type: type) -> list[Any]:
    checked = list(records)
    for record in checked:
        if not isinstance(record, record_type):
            raise PluginError(f"it returned {reprlib.repr(record)}, which is no {record_type.__name__}")
    twice = [name for name, count in Counter(record.name for record in checked).items() if count > 1]
    if twice:
        raise PluginError(f"it declares {', '.join(twice)} twice")
    return checked


def _find_line_at_fault(told: TracebackException) -> str:
    """The line of the plugin, or of what it uses, at which the error arose; empty where there is none."""
    if isinstance(getattr(told, "filename", None), str):  # a syntax error has no frame of its own
        return f"{told.filename}:{told.lineno}"
    frames = [frame for frame in told.stack if not frame.filename.startswith(("<", *_MACHINERY))]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
