"""How to make a result again: the command, and the lines of Python. Both are written from the same fields."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ganzoo.interface.tasks import Task
from ganzoo.sampling.requests import request_words
from ganzoo.utils.commands import flag, keywords_of, words_of

__all__ = [
    "ENDS",
    "Again",
    "Edited",
    "Inverted",
    "Sampled",
    "Translated",
    "Walked",
    "edit",
    "invert",
    "sample",
    "translate",
    "walk",
]


ENDS = frozenset({"label", "text"})
"""The fields that may differ at the ends of a walk. `ganzoo interpolate` has two options for each."""


class Again(NamedTuple):
    """A command line and lines of Python that make the same result."""

    command: str
    python: str


@dataclass(frozen=True)
class Sampled:
    """The options of samples."""

    count: int = field(metadata=flag("-n", always=True))
    seed: int = field(metadata=flag(always=True))


@dataclass(frozen=True)
class Translated:
    """The options of a translation."""

    resize: int | None = None
    tile: int | None = None


@dataclass(frozen=True)
class Walked:
    """The options of a walk: two seeds, and the number of images."""

    seeds: str = field(metadata=flag(always=True))
    steps: int = field(metadata=flag(always=True))


@dataclass(frozen=True)
class Edited:
    """The options of images along directions."""

    directions: str = field(metadata=flag(always=True))
    seeds: str = field(metadata=flag(always=True))
    strength: float = field(metadata=flag(always=True))
    columns: int = field(default=7, metadata=flag(always=True))


@dataclass(frozen=True)
class Inverted:
    """The options of an inversion; `ganzoo.Model.invert` explains them."""

    degradation: tuple[str, ...] = ()
    damage: bool = False
    starts: int = field(default=8, metadata=flag(always=True))
    steps: int = field(default=200, metadata=flag(always=True))
    seed: int = field(default=0, metadata=flag(always=True))


def sample(name: str, options: Sampled, request: Task) -> Again:
    """For samples: `ganzoo sample NAME -n 8 --seed 3`."""
    words = [*words_of(options, usual=options), *request_words(request), "-o", "sheet.png"]
    python = _call("images", str(options.count), f"seed={options.seed}", *_keywords(request))
    return Again(_line("sample", name, words), f"{_load(name)}\npictures = {python}")


def translate(name: str, options: Translated, request: Task, picture: str) -> Again:
    """For a translation of the file `picture`."""
    more = words_of(options, usual=Translated())
    words = ["--input", picture, *request_words(request), *more, "-o", "translated.png"]
    call = _call("translate", repr(picture), *_keywords(request), *keywords_of(options, usual=Translated()))
    return Again(_line("sample", name, words), f"{_load(name)}\npicture = {call}")


def walk(name: str, options: Walked, requests: Sequence[Task]) -> Again:
    """For a walk between two images, each with a request of its own. The requests differ in class or text only."""
    ends = [word for field_, kind in (("label", "class"), ("text", "text")) for word in _ends(requests, field_, kind)]
    other: dict[str, Any] = dict.fromkeys(ENDS & set(vars(requests[0])))
    shared = replace(requests[0], **other)
    words = [*words_of(options, usual=options), *ends, *request_words(shared), "-o", "walk.webp"]
    drawn = (
        f"model.draw(seed={seed}, request=model.request({', '.join(_keywords(request))}))"
        for seed, request in zip(options.seeds.split(","), requests, strict=True)
    )
    lines = [f"{end} = {call}" for end, call in zip(("first", "last"), drawn, strict=True)]
    lines = [_load(name), *lines, f"images = model.interpolate(first, last, steps={options.steps})"]
    return Again(_line("interpolate", name, words), "\n".join(lines))


def _ends(requests: Sequence[Task], name: str, kind: str) -> list[str]:
    """The options for the field `name` of both ends, such as ``--from-text``; none if it is None."""
    values = [getattr(request, name, None) for request in requests]
    ends = zip((f"--from-{kind}", f"--to-{kind}"), values, strict=True)
    return [word for flag_, value in ends if value is not None for word in (flag_, str(value))]


def edit(name: str, options: Edited, request: Task) -> Again:
    """For images along directions."""
    method, _, count = options.directions.partition(":")
    words = [*words_of(options, usual=options), *request_words(request), "-o", "edited.png"]
    side = options.columns // 2
    lines = [
        _load(name),
        f"inputs = model.draw(seed={options.seeds}, request=model.request({', '.join(_keywords(request))}))",
        f"directions = model.directions({method!r}, {count}, inputs=inputs)",
        f"strengths = [{options.strength:g} * column / {side} for column in range({-side}, {side + 1})]",
        "images = model.edit(inputs, directions, strengths)",
    ]
    return Again(_line("edit", name, words), "\n".join(lines))


def invert(name: str, options: Inverted, request: Task, picture: str) -> Again:
    """For an inversion of the file `picture`."""
    words = ["--input", picture, *words_of(options, usual=Inverted()), *request_words(request), "-o", "found"]
    damage = f", degradation={list(options.degradation)}" if options.degradation else ""
    search = f"starts={options.starts}, steps={options.steps}, seed={options.seed}"
    call = _call("invert", f"{picture!r}, {search}{damage}", *_keywords(request))
    note = "# this expects a picture that is damaged already\n" if options.damage else ""
    return Again(_line("invert", name, words), f"{_load(name)}\n{note}found = {call}")


def _line(command: str, name: str, words: Sequence[str]) -> str:
    return shlex.join(["ganzoo", command, name, *words])


def _load(name: str) -> str:
    return f"import ganzoo\n\nmodel = ganzoo.load({name!r})"


def _call(method: str, *arguments: Any) -> str:
    return f"model.{method}({', '.join(arguments)})"


def _keywords(request: Task) -> list[str]:
    return keywords_of(request, usual=type(request)())
