"""Requests to a model: check their options against the task, and find classes by name. It imports no torch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple
from unicodedata import normalize

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import Config, as_class_config, as_text_config, as_translation_config
from ganzoo.interface.tasks import Task
from ganzoo.interface.words import encode_text
from ganzoo.utils.commands import words_of

__all__ = [
    "DIRECTION_METHODS",
    "IMAGE_LOSSES",
    "Subject",
    "check_scale",
    "check_seeds",
    "check_whole",
    "exact_class",
    "find_class",
    "make_request",
    "parse_settings",
    "request_words",
    "with_fields",
    "with_user_names",
]

SEEDS = 2**32
"""The number of seeds. PyTorch's CPU generator reads 32 bits: seed 2**32 would give the images of seed 0."""

DIRECTION_METHODS = ("sefa", "pca")
"""The ways to find directions of latent space: from weights, and from activations."""

IMAGE_LOSSES = ("l1", "l2")
"""The losses of inversion that have a name: the mean over pixels of the absolute and of the squared difference."""

MOST_SCALE = 64
"""The largest factor by which pictures are enlarged."""

_SHOWN = 8  # the most class names that a message lists


def make_request(
    task: type[Task], options: Mapping[str, Any], *, config: Config, classes: Sequence[str], of: str
) -> Task:
    """Make a request: an instance of `task` with `options` as its fields. A class may be given by its name.

    Raises:
        InvalidRequestError: the task has no such option, or an option has a wrong value. The message calls
            the model `of`.
    """
    _check_fields(task, options, of=of)
    values = dict(options)
    if values.get("label") is not None:
        values["label"] = find_class(values["label"], classes, as_class_config(config).classes, of=of)
    if task.from_images:
        _direction(config, values.get("direction"), of=of)  # refuses an unknown one
    request = task(**values)
    if task.needs_text and values.get("text") is not None:
        encode_text(values["text"], as_text_config(config), of=of)
    return request


def with_fields(request: Task, values: Mapping[str, Any], *, of: str) -> Task:
    """The request to the model `of` with other `values` of its fields.

    Raises:
        InvalidRequestError: the task has no such field, or refuses a value.
    """
    _check_fields(type(request), values, of=of)
    return dataclasses.replace(request, **values)


def _check_fields(task: type[Task], names: Iterable[str], *, of: str) -> None:
    known = [field.name for field in dataclasses.fields(task)]
    for name in names:
        if name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no option"
            shown = "label (--class)" if name == "label" else name
            raise InvalidRequestError(f"{of} takes no {shown} - it is {task.name} and {takes}")


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """The fields of a request from texts ``FIELD=VALUE``. A value is JSON, such as a number, or else a text.

    Raises:
        InvalidRequestError: a text has another form, or a field is set twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals or name in found:
            problem = "is set twice" if name in found else "has no value"
            raise InvalidRequestError(f"--set {text}: {name or 'a field'} {problem} - write it as FIELD=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def request_words(request: Task) -> list[str]:
    """The options of the command line that make a request, such as ``--class 3 --truncation 0.4``."""
    return words_of(request, usual=type(request)(), others="--set")


def with_user_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same options under the names that users type: ``label`` becomes ``class``."""
    return {"class" if name == "label" else name: value for name, value in options.items()}


def find_class(asked: int | str, names: Sequence[str], count: int, *, of: str) -> int:
    """The index of the class that a user asked for: by index, by name, or by a part that no other name contains.

    `names` is empty if the `count` classes have no names. Upper and lower case are the same, and so are the forms in
    which Unicode writes an accent.

    Raises:
        InvalidRequestError: no class matches, or several do. The message lists classes to choose from.
    """
    if not count:
        raise InvalidRequestError(f"{of} has no classes - leave the class out")
    text = _plain(str(asked).strip())
    if isinstance(asked, int) or text.lstrip("-").isdecimal():
        return _check_index(int(asked), count, of)
    lower = [_plain(name) for name in names]
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
    """The index of the class with exactly this name; `find_class` also takes a part of a name.

    Raises:
        InvalidRequestError: no class has this name.
    """
    composed = [normalize("NFC", each) for each in names]
    if normalize("NFC", name) not in composed:
        raise InvalidRequestError(f"{of} has no class {name!r} - {_suggest(_plain(name), names, len(names))}")
    return composed.index(normalize("NFC", name))


def _plain(name: str) -> str:
    """A name as names are compared: in lower case, each accent in one character with its letter."""
    return normalize("NFC", name).lower()


def _check_index(index: int, count: int, of: str) -> int:
    if not 0 <= index < count:
        raise InvalidRequestError(f"{of} has no class {index} - its classes are 0 to {count - 1}")
    return index


def _suggest(text: str, names: Sequence[str], count: int) -> str:
    lower = {_plain(name): i for i, name in enumerate(names)}
    close = [lower[name] for name in get_close_matches(text, lower, _SHOWN, cutoff=0.5)]
    if close:
        return f"did you mean {_list(names, close)}?"
    if names:
        return f"it has {_list(names, range(len(names)))}"
    return f"its classes have no names, use a number from 0 to {count - 1}"


def _list(names: Sequence[str], indices: Sequence[int]) -> str:
    shown = ", ".join(f"{names[i]} ({i})" for i in indices[:_SHOWN])
    return shown if len(indices) <= _SHOWN else f"{shown}, ... ({len(indices)} in all)"


def check_whole(what: str, value: Any, least: int) -> None:
    """Refuse a value that is not a whole number of at least `least`.

    Raises:
        InvalidRequestError: gives the name `what`, the smallest value and the wrong one.
    """
    if not hasattr(value, "__index__") or isinstance(value, bool) or value < least:
        raise InvalidRequestError(f"the {what} is a whole number of at least {least}, not {value!r}")


def check_scale(scale: int | None) -> None:
    """Refuse a scale that is no whole factor from 1 on, or too large.

    Raises:
        InvalidRequestError: it is.
    """
    if scale is not None and not 1 <= scale <= MOST_SCALE:
        raise InvalidRequestError(f"--scale {scale} is no factor - write a whole number from 1 to {MOST_SCALE}")


def check_seeds(count: int, seed: int, batch_size: int) -> None:
    """Refuse a count or a batch size below 1, and seeds outside of [0, 2**32). Image i has seed `seed` + i.

    Raises:
        InvalidRequestError: names the value and its range.
    """
    for what, value, least in (("count", count, 1), ("seed", seed, 0), ("batch size", batch_size, 1)):
        check_whole(what, value, least)
    if seed + count > SEEDS:
        last = seed + count - 1
        raise InvalidRequestError(f"seeds go up to {SEEDS - 1}, but the last image has seed {last} - use smaller seeds")


class Subject(NamedTuple):
    """A model's task, config and class names, known before it is loaded."""

    task: type[Task]
    config: Config
    classes: tuple[str, ...]

    def request(self, name: str, **options: Any) -> Task:
        """Make a request to the model `name`.

        Raises:
            InvalidRequestError: the task has no such option, or an option has a wrong value.
        """
        return make_request(self.task, options, config=self.config, classes=self.classes, of=name)

    def direction(self, name: str, asked: str | None) -> str:
        """The direction in which the model `name` shall translate: `asked`, or its first one if `asked` is None.

        Raises:
            InvalidRequestError: the model does not have this direction. The message lists those that it has.
        """
        return _direction(self.config, asked, of=name)


def _direction(config: Config, asked: str | None, *, of: str) -> str:
    directions = as_translation_config(config).directions
    if asked is not None and asked not in directions:
        raise InvalidRequestError(f"{of} does not translate {asked} - it has {' and '.join(directions)}")
    return asked or directions[0]
