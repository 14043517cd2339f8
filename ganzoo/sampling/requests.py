"""What is asked of a model: options checked against its task, classes found by name. No torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import Config, as_class_config, as_translation_config
from ganzoo.interface.tasks import Task

__all__ = ["Subject", "exact_class", "find_class", "make_request", "spoken"]

_SHOWN = 8


def make_request(
    task: type[Task], options: Mapping[str, Any], *, config: Config, classes: Sequence[str], of: str
) -> Task:
    """The task with `options` as its fields; a class may be given by its name.

    Raises:
        InvalidRequestError: the task has no such option, or the option no such value; `of` names the model.
    """
    known = [field.name for field in dataclasses.fields(task)]
    for name in options:
        if name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no option"
            raise InvalidRequestError(f"{of} takes no {name} - it is {task.name} and {takes}")
    values = dict(options)
    if values.get("label") is not None:
        values["label"] = find_class(values["label"], classes, as_class_config(config).classes, of=of)
    return task(**values)


def spoken(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a request by the names that people type: a label is a class."""
    return {"class" if name == "label" else name: value for name, value in options.items()}


def find_class(asked: int | str, names: Sequence[str], count: int, *, of: str) -> int:
    """The index of a class, given as such or by its name, or by a part of the name that no other one has.

    `names` may be empty, where nobody named the `count` classes. Case does not matter.

    Raises:
        InvalidRequestError: there is none, or several; the message says which there are.
    """
    text = str(asked).strip().lower()
    if isinstance(asked, int) or text.lstrip("-").isdecimal():
        return _check_index(int(asked), count, of)
    lower = [name.lower() for name in names]
    for found in (
        [i for i, name in enumerate(lower) if name == text],
        [i for i, name in enumerate(lower) if text in map(str.strip, name.split(","))],
        [i for i, name in enumerate(lower) if text in name],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidRequestError(f"{of}: class {asked!r} may be {_list(names, found)} - name one, or its number")
    raise InvalidRequestError(f"{of} has no class {asked!r} - {_suggest(text, names, count)}")


def exact_class(name: str, names: Sequence[str], *, of: str) -> int:
    """The index of the class of just this name; `find_class` guesses what a person means, and takes part of a name.

    Raises:
        InvalidRequestError: there is none.
    """
    if name not in names:
        raise InvalidRequestError(f"{of} has no class {name!r} - {_suggest(name.lower(), names, len(names))}")
    return names.index(name)


def _check_index(index: int, count: int, of: str) -> int:
    if not 0 <= index < count:
        raise InvalidRequestError(f"{of} has classes 0 to {count - 1}, no {index}")
    return index


def _suggest(text: str, names: Sequence[str], count: int) -> str:
    lower = {name.lower(): i for i, name in enumerate(names)}
    close = [lower[name] for name in get_close_matches(text, lower, _SHOWN, cutoff=0.5)]
    if close:
        return f"is it {_list(names, close)}?"
    return f"it has {_list(names, range(len(names)))}" if names else f"it has classes 0 to {count - 1}, without names"


def _list(names: Sequence[str], indices: Sequence[int]) -> str:
    shown = ", ".join(f"{names[i]} ({i})" for i in indices[:_SHOWN])
    return shown if len(indices) <= _SHOWN else f"{shown}, ... ({len(indices)} in all)"


class Subject(NamedTuple):
    """What can be asked of a model, known before it is loaded."""

    task: type[Task]
    config: Config
    classes: tuple[str, ...]

    def request(self, name: str, **options: Any) -> Task:
        """What is asked of the model `name`.

        Raises:
            InvalidRequestError: its task has no such option, or the option no such value.
        """
        return make_request(self.task, options, config=self.config, classes=self.classes, of=name)

    def direction(self, name: str, asked: str | None) -> str:
        """The direction of a translation that was asked of the model `name`, or its first.

        Raises:
            InvalidRequestError: it does not have it; the message says which it has.
        """
        directions = as_translation_config(self.config).directions
        if asked is not None and asked not in directions:
            raise InvalidRequestError(f"{name} does not translate {asked} - it has {' and '.join(directions)}")
        return asked or directions[0]
