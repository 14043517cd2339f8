"""Which images a command makes: rows that differ in what is asked for, columns that differ in their seed. No torch."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.tasks import Task

__all__ = ["Row", "Series", "Shot", "plan_series"]

Ask = Callable[..., Task]
"""From options to a request, refusing what cannot be asked."""

_ALONE, _ABREAST = 64, 8  # how many images, by default: of one row, and of each of several


@dataclass(frozen=True)
class Row:
    """What is asked for; `name` tells it from the other rows in file names, empty where there is one alone."""

    request: Task
    name: str = ""


@dataclass(frozen=True)
class Shot:
    """One image: its seed, what is asked for, and what its file is called."""

    seed: int
    request: Task
    name: str


@dataclass(frozen=True)
class Series:
    """Every row with the seeds from `seed` on, `count` of them: what is in one column shares its latent."""

    rows: tuple[Row, ...]
    count: int
    seed: int = 0

    def __len__(self) -> int:
        return len(self.rows) * self.count

    def __iter__(self) -> Iterator[Shot]:
        digits = max(4, len(str(self.seed + self.count - 1)))
        for row in self.rows:
            prefix = f"{row.name}-" if row.name else ""
            for seed in range(self.seed, self.seed + self.count):
                yield Shot(seed, row.request, f"{prefix}seed{seed:0{digits}d}")

    @property
    def columns(self) -> int | None:
        """How wide a sheet of it is, None where it does not matter."""
        return self.count if len(self.rows) > 1 else None

    def rest(self, done: int) -> str | None:
        """The options that go on behind the first `done` images, None where none do."""
        return f"--seed {self.seed + done} -n {self.count - done}" if len(self.rows) == 1 else None

    def numbers(self) -> dict[str, list[float]]:
        """The seed of every image, and each option that all rows give as a number."""
        found: dict[str, list[float]] = {"seeds": [shot.seed for shot in self]}
        for field in dataclasses.fields(self.rows[0].request):
            values = [getattr(row.request, field.name) for row in self.rows]
            if all(isinstance(value, (int, float)) for value in values):
                found[field.name] = [value for value in values for _ in range(self.count)]
        return found


def plan_series(
    ask: Ask,
    class_names: Sequence[str],
    *,
    count: int | None = None,
    seed: int = 0,
    classes: Sequence[str] = (),
    per_class: int | None = None,
    sweep: str | None = None,
    **options: Any,
) -> Series:
    """The series that these options of `ganzoo sample` mean, by default 64 images of nothing in particular.

    `classes`, named or numbered, have a row each of `per_class` images, by default 8; one alone has `count`.
    `per_class` without classes is of all that are in `class_names`. `sweep` has a row for each of several values of an
    option: ``truncation=0.1,0.4``.

    Raises:
        InvalidRequestError: what cannot be asked for, or not together.
    """
    several = len(classes) > 1 or per_class is not None
    if several and sweep is not None:
        raise InvalidRequestError(
            "a sweep is of one class or of a mix - leave out --per-class, and all but one --class"
        )
    if several and count is not None:
        raise InvalidRequestError("with several classes, --per-class says how many of each - leave out -n")
    if sweep is not None:
        rows = _sweep(ask, sweep, {**options, **({"label": classes[0]} if classes else {})})
        return Series(rows, _ABREAST if count is None else count, seed)
    if several:
        rows = _class_rows(ask, class_names, classes, options)
        return Series(rows, _ABREAST if per_class is None else per_class, seed)
    request = ask(**options, **({"label": classes[0]} if classes else {}))
    return Series((Row(request),), _ALONE if count is None else count, seed)


def _class_rows(ask: Ask, names: Sequence[str], classes: Sequence[str], options: dict[str, Any]) -> tuple[Row, ...]:
    if not classes and not names:
        raise InvalidRequestError("its classes have no names - say which ones with --class, by number")
    requests = [ask(label=label, **options) for label in (classes or range(len(names)))]
    labels: list[Any] = [getattr(request, "label", None) for request in requests]
    if len(set(labels)) < len(labels):
        raise InvalidRequestError("a class is named twice")
    return tuple(
        Row(request, _slug(f"{label}-{names[label]}" if names else f"class{label}"))
        for request, label in zip(requests, labels, strict=True)
    )


def _sweep(ask: Ask, text: str, options: dict[str, Any]) -> tuple[Row, ...]:
    name, equals, values = text.partition("=")
    if not equals or not values.strip(","):
        raise InvalidRequestError(f"--sweep {text}: write it as OPTION=VALUE,VALUE,...")
    field = "label" if name == "class" else name
    if options.get(field) is not None:
        raise InvalidRequestError(f"--{name} and a sweep of it contradict each other")
    options.pop(field, None)
    return tuple(Row(ask(**{**options, field: _value(value)}), _slug(f"{name}{value}")) for value in values.split(","))


def _value(text: str) -> Any:
    """A number where it reads as one, else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def _slug(name: str) -> str:
    """A part of a file name."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
