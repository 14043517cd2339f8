"""The folder of a run: the plan and the resources that it was started with. It needs no torch."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.data.sources import find_data, is_named, pinned_before
from ganzoo.errors import OutputError, RunError, UsageError, one_line
from ganzoo.interface.configs import with_written_resolution
from ganzoo.registry import lookup
from ganzoo.training.plan import Plan, check_options, check_plan, read_entries, weights_of
from ganzoo.utils import names
from ganzoo.utils.files import atomic_write, check_writable, expand_home
from ganzoo.utils.json_files import read_object
from ganzoo.weights.folder import CONFIG, WEIGHTS

__all__ = ["check_folder", "read_resources", "resumed_plan", "write_plan", "write_resources"]

_PLAN, _RESOURCES = "run.json", "resources.json"

_FILES = (_PLAN, _RESOURCES, CONFIG, WEIGHTS, "metrics.jsonl", "progress.png", "trackers.json", ".lock")
_FOLDERS = ("checkpoints", "samples", "best")
"""What training writes into the folder, besides the card, which a person may replace by anything."""

_PATHS = ("data", "init")
"""The fields of a plan that may name a folder."""

_KINDS: dict[str, type] = {
    **{"device": str, "data_dir": str, "workers": int, "compile": bool, "save_every": int, "track": list},
    **{"evaluate_every": int, "metrics": list, "evaluate_samples": int, "features": str, "stop_after": int},
    **dict.fromkeys(_PATHS, str),
}
"""The entries of ``resources.json``."""

_MINIMA = {"workers": 0, "save_every": 1, "evaluate_every": 0, "evaluate_samples": 1, "stop_after": 0}


def check_folder(folder: Path, plan: Plan, *, resume: bool) -> None:
    """Check that a new run can start in `folder`, or that the run in it can be resumed with `plan`.

    Raises:
        OutputError: The folder cannot be made or written, or its name is not UTF-8.
        RunError: Something else is in the place of a file. Or a new run, but the folder holds a run already. Or a run
            to resume, but there is none, or its plan is damaged or differs from `plan`.
    """
    try:
        os.fspath(folder).encode()
    except UnicodeEncodeError as error:
        raise OutputError(f"{os.fspath(folder)!a} is not UTF-8 - choose another folder") from error
    check_writable(folder)
    _check_entries(folder)
    if resume:
        _check_same(folder, plan, _read_plan(folder))
    elif (folder / _PLAN).exists():
        raise RunError(f"{folder} holds a run already - continue it with --resume, or choose another folder")


def _check_entries(folder: Path) -> None:
    """Refuse a folder in which something else is in the place of a file or folder of training.

    Raises:
        RunError: a folder or a pipe is in the place of a file, for instance, or a link leads nowhere.
    """
    for name in (*_FILES, *_FOLDERS):
        path = folder / name
        if os.path.lexists(path) and not (path.is_dir() if name in _FOLDERS else path.is_file()):
            kind = "folder" if name in _FOLDERS else "regular file"
            raise RunError(f"{path} is not a {kind}, and training writes there - move it out of the folder")


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `plan` to the folder, which is made if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / _PLAN) as temporary:
        temporary.write_text(plan.as_json())


def resumed_plan(
    folder: Path,
    *,
    architecture: str | None = None,
    data: str | None = None,
    config: Mapping[str, Any] | None = None,
    **options: Any,
) -> Plan:
    """The plan that the run in `folder` was started with. What is given must be equal, except for the iterations.

    `options` are the other fields of `Plan`. An option of None counts as not given. A folder of images may be written
    in several ways: ``photos``, ``./photos/`` and its absolute path are the same data.

    Raises:
        RunError: The folder holds no run, its plan is damaged, or it was started with other options.
        UnknownNameError, InvalidConfigError, InvalidRequestError: as for `make_plan`.
    """
    check_options(options)
    before = _read_plan(folder)
    try:
        entries = {name: tuple(v) if isinstance(v, list) else v for name, v in before["config"].items()}
        stored = Plan(**{**before, "config": entries})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _damaged(folder / _PLAN, error) from error
    given = {"architecture": architecture, "data": data and pinned_before(data, stored.data), **options}
    given = {name: value for name, value in given.items() if value is not None}
    if "regularizers" in given:
        given["regularizers"] = weights_of(given["regularizers"])
    given |= _paths_now(folder, stored, given)
    kind = lookup.registry().architectures[stored.architecture].config
    changed = {**stored.config, **with_written_resolution(kind, config or {})}
    plan = dataclasses.replace(stored, **{**given, "config": changed})
    _check_same(folder, plan, before)
    check_plan(plan)
    return plan


def read_resources(folder: Path) -> dict[str, Any]:
    """What the run in `folder` used of its machine: the device, for instance. What cannot be read is left out."""
    try:
        entries = read_object(folder / _RESOURCES)
    except FileNotFoundError:
        return {}  # written by ganzoo 0.1
    except (OSError, ValueError) as error:
        warnings.warn(
            f"{folder / _RESOURCES} is damaged ({one_line(error)}) - give options such as --device again", stacklevel=2
        )
        return {}
    found = {name: entries[name] for name, kind in _KINDS.items() if type(entries.get(name)) is kind}
    return {name: value for name, value in found.items() if _is_possible(name, value)}


def _is_possible(name: str, value: Any) -> bool:
    """Whether a number is large enough, and a list holds names only."""
    if type(value) is int:
        return value >= _MINIMA[name]
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)


def write_resources(folder: Path, plan: Plan, resources: Mapping[str, Any]) -> None:
    """Write `resources`, and where the plan's folders are, so that a run can be resumed from another folder."""
    paths = {name: _location(value) for name in _PATHS if (value := getattr(plan, name)) is not None}
    with atomic_write(folder / _RESOURCES) as temporary:
        temporary.write_text(json.dumps({**resources, **paths}, indent=2) + "\n")


def _read_plan(folder: Path) -> dict[str, Any]:
    """The content of ``run.json``.

    Raises:
        RunError: There is none, or it is damaged.
    """
    path = folder / _PLAN
    if not path.exists():
        raise RunError(f"{folder} holds no run to resume - omit --resume to start one")
    return read_entries(path)


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(f"{path} is damaged ({one_line(error)}) - start a new run in another folder")


def _check_same(folder: Path, plan: Plan, before: Mapping[str, Any]) -> None:
    """Compare `plan` with the entries of ``run.json``.

    Raises:
        RunError: They differ; the message names each difference.
    """
    located = read_resources(folder)
    same = {
        name: ours
        for name in _PATHS
        if (ours := getattr(plan, name)) and _location(ours) == _location_then(before.get(name), located.get(name))
    }
    differences = plan.differences({**before, **same})
    if differences:
        raise RunError(
            f"{folder} was started with other options: {'; '.join(differences)} - use the same options again, "
            f"or start a new run in another folder from its weights, with --init {folder}"
        )


def _paths_now(folder: Path, stored: Plan, given: Mapping[str, Any]) -> dict[str, str]:
    """How to name the plan's folders now: as before where that still leads to them, else as given or absolute."""
    located, paths = read_resources(folder), dict[str, str]()
    for name in _PATHS:
        text, asked = getattr(stored, name), given.get(name)
        then = _location_then(text, located.get(name))
        if then is not None and (asked is None or _location(asked) == then):
            paths[name] = text if _location(text) == then else asked or then
        elif asked is not None and asked == text:  # typed elsewhere: as a whole path, it is seen to differ
            paths[name] = _location(asked)
    return paths


def _location(source: str) -> str:
    """The absolute path of a folder. The name of a data set, of a model or of a repository stays as it is."""
    named = is_named(source) or source.startswith(names.HUB) or source in lookup.registry().models
    return source if named else os.path.realpath(expand_home(source))


def _location_then(text: Any, located: str | None) -> str | None:
    """Where a folder was when the run was started. If it is no longer there, `text` may lead to it, as after a move."""
    if not isinstance(text, str):
        return None
    return located if located and _is_there(located) else _location(text)


def _is_there(located: str) -> bool:
    """Whether a folder, or the files of a pattern, are there."""
    try:
        return os.path.isdir(located) or bool(find_data(located).paths)
    except UsageError:
        return False
