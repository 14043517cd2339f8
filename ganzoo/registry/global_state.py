"""Settings of the whole process that a plugin may change when it is imported: they are put back, and named.

Nothing here imports torch or numpy. If the plugin itself imports them, its changes are compared with the state that the
library has directly after its import.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["kept_settings"]


class _Setting(NamedTuple):
    """A setting of the process: `read` returns its value, which `write` puts back."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


@contextmanager
def kept_settings(changes: list[str]) -> Iterator[None]:
    """Inside, code of a plugin runs. Afterwards all settings are as before; `changes` receives the names of the others.

    The filters of warnings are part of it. Inside, all warnings are hidden.
    """
    kept: list[tuple[_Setting, Any]] = []
    path = sys.path[:]
    watch = _Watch(kept)
    for module in ("", *(name for name in _SETTINGS if name in sys.modules)):
        kept += _values(module)
    sys.meta_path.insert(0, watch)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=".*"
            )  # unlike any filter of the plugin, so that it is found again
            ours = warnings.filters[0]
            try:
                yield
            finally:
                changes += ["warnings filters"] if _has_broad_filter(warnings.filters, ours) else []
    finally:
        with suppress(ValueError):  # the plugin may have removed it
            sys.meta_path.remove(watch)
        changes += _put_back(kept)
        if gone := [entry for entry in path if entry not in sys.path]:  # a plugin may add folders
            sys.path[:0] = gone
            changes.append("Python's module search path")


def _put_back(kept: Sequence[tuple[_Setting, Any]]) -> list[str]:
    """Put the settings back. Returns the names of those that had changed."""
    changed = []
    for setting, value in kept:
        if setting.read() != value:
            setting.write(value)
            changed.append(setting.name)
    return list(dict.fromkeys(changed))


def _has_broad_filter(filters: Sequence[Any], last: Any) -> bool:
    """Whether a filter before `last` is for Python's own kind of warnings, in all modules and with all messages.

    Many libraries add filters for their own kinds and messages.
    """
    new = filters[: filters.index(last)] if last in filters else filters
    return any(each[1] is None and each[2].__module__ == "builtins" and each[3] is None for each in new)


class _Watch(MetaPathFinder):
    """Finds no module, but notes the settings of a library directly after its import."""

    def __init__(self, kept: list[tuple[_Setting, Any]]) -> None:
        self._kept = kept
        self._inside = False

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the module's usual spec, whose loader notes the settings too; None for all other modules."""
        if fullname not in _SETTINGS or self._inside:
            return None
        self._inside = True
        try:
            spec = find_spec(fullname)
        finally:
            self._inside = False
        if spec is not None and spec.loader is not None:
            self._wrap(fullname, spec.loader)
        return spec

    def _wrap(self, module: str, loader: Any) -> None:
        execute = loader.exec_module

        def execute_and_note(loaded: ModuleType) -> None:
            execute(loaded)
            self._kept += _values(module)

        loader.exec_module = execute_and_note


def _values(module: str) -> list[tuple[_Setting, Any]]:
    return [(setting, setting.read()) for setting in (_SETTINGS[module]() if module else _OF_PYTHON)]


@cache
def _signal_numbers() -> tuple[int, ...]:
    return tuple(map(int, signal.valid_signals()))  # which makes its set anew at each call


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in _signal_numbers()}


def _set_handlers(handlers: dict[int, Any]) -> None:
    if threading.current_thread() is threading.main_thread():  # in other threads nobody can change them
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)


def _random() -> list[_Setting]:
    random = sys.modules["random"]
    return [_Setting("Python's random state", random.getstate, random.setstate)]


def _numpy() -> list[_Setting]:
    random = sys.modules["numpy.random"]

    def read() -> tuple[Any, ...]:
        kind, keys, *rest = random.get_state()
        return (kind, keys.tolist(), *rest)

    return [_Setting("NumPy's random state", read, random.set_state)]


def _torch() -> list[_Setting]:
    torch: Any = sys.modules["torch"]

    def write_random(state: list[int]) -> None:
        torch.set_rng_state(torch.tensor(state, dtype=torch.uint8, device="cpu"))

    def write_device(device: Any) -> None:
        torch.set_default_device(None if device.type == "cpu" else device)  # None costs no time at each call

    return [
        _Setting("PyTorch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        _Setting("PyTorch's default device", torch.get_default_device, write_device),
        _Setting("PyTorch's number of threads", torch.get_num_threads, torch.set_num_threads),
        _Setting("PyTorch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        _Setting("PyTorch's random state", lambda: torch.get_rng_state().tolist(), write_random),
        _Setting(
            "PyTorch's deterministic mode",
            torch.are_deterministic_algorithms_enabled,
            torch.use_deterministic_algorithms,
        ),
        _Setting(
            "PyTorch's precision of matrix products",
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
    ]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # somebody has deleted it
        return None


def _set_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


_OF_PYTHON = [
    _Setting("signal handlers", _handlers, _set_handlers),
    _Setting("the working folder", _folder, _set_folder),
    _Setting("Python's recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
]
"""Settings without a library."""

_SETTINGS: dict[str, Callable[[], list[_Setting]]] = {"random": _random, "numpy.random": _numpy, "torch": _torch}
"""The settings of each library that may be loaded."""
