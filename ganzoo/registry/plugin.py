"""One plugin: import it and collect its records, so that a fault in it does not stop the other plugins."""

from __future__ import annotations

import importlib
import os
import reprlib
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from traceback import TracebackException
from typing import Any

import pluggy

from ganzoo.errors import GanzooError, PluginError
from ganzoo.interface import hooks
from ganzoo.interface.specs import API
from ganzoo.registry.global_state import kept_settings
from ganzoo.registry.stdout import stdout_to_stderr
from ganzoo.utils.names import BUILTIN

__all__ = ["SLOW_IMPORT", "Declared", "Plugin", "PluginState", "collect_records", "set_aside_on_error"]

SLOW_IMPORT = 1.0
"""Seconds above which `ganzoo doctor` reports a plugin as slow, since every command waits for every plugin."""

MOST_RECORDS = 10_000
"""The most records of a kind that a plugin may declare. A generator may have no end."""

Declared = dict[str, list[Any]]
"""A plugin's records by kind."""

# Lines in these folders are not the plugin's own: they only load it.
_MACHINERY = tuple(
    os.path.join(folder, "")
    for folder in (
        os.path.dirname(os.path.dirname(hooks.__file__)),  # all of ganzoo
        *(os.path.dirname(module.__file__ or "") for module in (pluggy, importlib)),
    )
)


class PluginState(StrEnum):
    """Whether a plugin is in use, and if not, why."""

    LOADED = "loaded"
    DISABLED = "disabled"
    INCOMPATIBLE = "incompatible"
    BROKEN = "broken"


@dataclass
class Plugin:
    """An installed plugin: where it comes from, what it declares, and what failed.

    `api` is its GANZOO_API. `seconds` is the time that its import and its hooks took. `declares` maps each kind of
    record to the names of its records. `changes` names the settings of the whole process that it changed, and that were
    put back. `stage` is the last stage that it reached: ``import``, ``version``, ``hooks``
    or the name of a hook. `problem` says what failed, `where` is the line that failed, and `traceback` is complete.
    """

    distribution: str
    entry_point: str
    version: str = ""
    state: PluginState = PluginState.LOADED
    api: tuple[int, int] | None = None
    seconds: float = 0.0
    declares: dict[str, list[str]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    stage: str = ""
    problem: str = ""
    where: str = ""
    traceback: str = ""

    @property
    def key(self) -> str:
        """``distribution:entry point``, which no two plugins share."""
        return f"{self.distribution}:{self.entry_point}"

    def describe_problem(self) -> str:
        """The two lines of `problem_lines` as one text."""
        return "\n".join(self.problem_lines())

    def problem_lines(self) -> tuple[str, str]:
        """Two lines: which stage of the plugin failed and why, and what the user can do."""
        who = f"{self.key} {self.version}".strip()
        where = f" ({self.where})" if self.where else ""
        return (
            f"plugin {who} is not loaded: {self.stage}: {self.problem}{where}",
            f"  upgrade it, or hide this message with GANZOO_DISABLE_PLUGINS={self.key}",
        )

    def describe_changes(self) -> str:
        """One line: which settings of the whole process the plugin changed."""
        return (
            f"plugin {self.key} changes {', '.join(dict.fromkeys(self.changes))} when it is imported, "
            "which would change the results of others - ganzoo has put this back; remove it from the plugin"
        )

    def set_aside(self, error: BaseException) -> None:
        """Leave the plugin out because of `error`."""
        traceback = TracebackException.from_exception(error)  # str(error) itself may raise
        self.state = PluginState.INCOMPATIBLE if isinstance(error, _Incompatible) else PluginState.BROKEN
        text = str(traceback) if isinstance(error, GanzooError) else f"{type(error).__name__}: {traceback}"
        self.problem = textwrap.shorten(text.removesuffix(": "), 300, placeholder=" ...")
        self.where = _find_line_at_fault(traceback)
        self.traceback = "".join(traceback.format())


class _Incompatible(PluginError):
    """The plugin was written for another version of the plugin interface."""


@contextmanager
def set_aside_on_error(plugin: Plugin) -> Iterator[None]:
    """Inside, code of the plugin runs. An error in it sets the plugin aside, except for the user's Ctrl-C.

    What the code of a third-party plugin prints goes to stderr, so that the output of ``--json`` stays JSON. Its
    warnings are hidden. Settings of the whole process are put back, and named in `plugin.changes`. Our own plugins
    print nothing and change no setting, as tests check. The time that the code takes is added to `plugin.seconds`.
    """
    started = time.perf_counter()
    try:
        with nullcontext() if plugin.distribution == BUILTIN else _contained(plugin):
            yield
    except KeyboardInterrupt as error:
        if plugin.distribution != BUILTIN:  # the user may have lost patience with it, or it raised this itself
            error.add_note(f"while plugin {plugin.key} was loaded - hide it with GANZOO_DISABLE_PLUGINS={plugin.key}")
        raise
    except BaseException as error:  # a plugin may even call sys.exit()
        plugin.set_aside(error)
    plugin.seconds += time.perf_counter() - started


@contextmanager
def _contained(plugin: Plugin) -> Iterator[None]:
    """Inside, code of a third-party plugin runs; what it prints and changes stays inside."""
    with stdout_to_stderr(), kept_settings(plugin.changes):
        yield


def collect_records(plugin: Plugin, import_module: Callable[[], object]) -> Declared:
    """Import one plugin, check it, and collect the records that its hooks return.

    `plugin.stage` is set to each stage before it begins.

    Raises:
        PluginError: the plugin does not follow the interface. The plugin itself may raise any other error.
    """
    plugin.stage = "import"
    module = import_module()
    plugin.stage = "version"
    plugin.api = _check_api(getattr(module, "GANZOO_API", None))
    plugin.stage = "hooks"
    with _registered(module) as manager:
        return {kind: _call_hook(plugin, manager, kind) for kind in hooks.KINDS}


def _check_api(api: Any) -> tuple[int, int]:
    ours = ".".join(map(str, API))
    if api is None:
        raise _Incompatible(f"it does not define GANZOO_API = (major, minor) - this ganzoo has plugin API {ours}")
    if not (isinstance(api, tuple) and len(api) == 2 and all(isinstance(n, int) for n in api)):
        raise _Incompatible(f"GANZOO_API is {reprlib.repr(api)}, not a pair of whole numbers such as {API}")
    if api[0] != API[0] or api[1] > API[1]:
        older = "ganzoo" if api > API else "the plugin"
        raise _Incompatible(f"it needs plugin API {api[0]}.{api[1]}, this ganzoo has {ours} - upgrade {older}")
    return api


@contextmanager
def _registered(module: object) -> Iterator[pluggy.PluginManager]:
    """Inside, a manager holds this plugin alone: only its hooks are called, and a broken one leaves nothing behind."""
    manager = _manager()
    manager.register(module)
    try:
        manager.check_pending()  # pluggy itself ignores a misspelled hook; the check below finds unmarked ones
        _check_hooks(module, {hook.name for hook in manager.get_hookcallers(module) or ()})
        yield manager
    finally:
        manager.unregister(module)


@cache
def _manager() -> pluggy.PluginManager:
    """A manager that knows the hooks. Plugins are loaded one after the other, so that one manager is enough."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    return manager


def _check_hooks(module: object, marked: set[str]) -> None:
    unmarked = [name for kind in hooks.KINDS if hasattr(module, name := f"ganzoo_{kind}") and name not in marked]
    if unmarked:
        raise PluginError(f"{', '.join(unmarked)} is not marked with @ganzoo.hookimpl - write it above the function")
    if not marked:
        raise PluginError(f"it implements no hook - the hooks are {', '.join(f'ganzoo_{k}' for k in hooks.KINDS)}")


def _call_hook(plugin: Plugin, manager: pluggy.PluginManager, kind: str) -> list[Any]:
    """The records of one kind."""
    plugin.stage = f"ganzoo_{kind}"
    hook = getattr(manager.hook, plugin.stage)
    results = hook()
    if len(results) < len(hook.get_hookimpls()):
        raise PluginError("it returned None, not records - return a list, or yield each record")
    return _check_records((record for result in results for record in result), hooks.KINDS[kind])


def _check_records(records: Iterable[Any], record_type: type) -> list[Any]:
    checked: list[Any] = []
    for record in records:
        if not isinstance(record, record_type):
            raise PluginError(f"it returned {reprlib.repr(record)}, which is not of type {record_type.__name__}")
        if len(checked) == MOST_RECORDS:
            raise PluginError(f"it returns more than {MOST_RECORDS:,} records - does its loop end?")
        checked.append(record)
    twice = [name for name, count in Counter(record.name for record in checked).items() if count > 1]
    if twice:
        raise PluginError(f"it declares {', '.join(twice)} twice - give each record another name")
    return checked


def _find_line_at_fault(traceback: TracebackException) -> str:
    """``file:line`` of the last line outside ganzoo that ran; empty if there is none."""
    if isinstance(getattr(traceback, "filename", None), str):  # a syntax error names its line itself
        return f"{traceback.filename}:{traceback.lineno}"
    frames = [frame for frame in traceback.stack if not frame.filename.startswith(("<", *_MACHINERY))]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
