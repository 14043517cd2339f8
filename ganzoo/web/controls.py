"""The controls of a model's page, derived from the fields of its task. It imports neither torch nor gradio.

A plugin's task gets its page without a line of its own: the type of a field, and the config of the model, say what a
user can choose. So this module asks for no architecture and for no task.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import as_class_config, as_text_config
from ganzoo.interface.records import field_types
from ganzoo.sampling.requests import Subject, with_user_names

__all__ = ["Control", "Kind", "controls_of", "fields_from"]

Kind = Literal["choice", "number", "switch", "text", "whole"]

_KINDS: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text"}


@dataclass(frozen=True)
class Control:
    """One control: the task's field that it sets, its label for users, its kind, and what it starts with.

    `choices` are pairs of a text for users and a value of the field, for the kind ``choice`` only. `least` and `most`
    bound a number; None is no bound. `optional` says that the field may stay empty: it is None then. `examples` are
    texts that a user may type.
    """

    field: str
    label: str
    kind: Kind
    default: Any = None
    choices: tuple[tuple[str, Any], ...] = ()
    least: float | None = None
    most: float | None = None
    optional: bool = True
    examples: tuple[str, ...] = ()

    def value(self, raw: Any) -> Any:
        """The value of the field, from what the page has sent. An empty control is None.

        Raises:
            InvalidRequestError: it is none of the choices, or no number within the bounds.
        """
        if raw is None or raw == "":
            return None
        if self.kind == "choice":
            return self._choice(raw)
        if self.kind in ("whole", "number"):
            return self._number(raw)
        return bool(raw) if self.kind == "switch" else str(raw)[:_LONGEST]

    def _choice(self, raw: Any) -> Any:
        found = [value for text, value in self.choices if raw == text]
        if not found:
            raise InvalidRequestError(f"{self.label}: {str(raw)[:80]!r} is no choice - choose one from the list")
        return found[0]

    def _number(self, raw: Any) -> int | float:
        """A number, or the text of one: a control that may stay empty sends texts."""
        value = _parsed(raw)
        low, high = self.least, self.most
        inside = value is not None and (low is None or value >= low) and (high is None or value <= high)
        if value is None or not inside or (self.kind == "whole" and value != int(value)):
            kind = "whole number" if self.kind == "whole" else "number"
            bounds = [f"{word} {bound:g}" for word, bound in (("from", low), ("to", high)) if bound is not None]
            raise InvalidRequestError(f"{self.label} is a {' '.join([kind, *bounds])}, not {str(raw)[:80]!r}")
        return int(value) if self.kind == "whole" else float(value)


def _parsed(raw: Any) -> float | int | None:
    """The number; None if it is none, or not finite."""
    try:
        value = raw if isinstance(raw, int) else float(raw)
        finite = math.isfinite(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if finite and not isinstance(raw, bool) else None


_LONGEST = 1000
"""The most characters of a text that a page sends."""


def controls_of(subject: Subject) -> tuple[Control, ...]:
    """The controls for a model: one for each field of its task whose value a person can type or choose."""
    task: Any = subject.task
    types = field_types(task)
    found = (_control(subject, field, types[field.name]) for field in dataclasses.fields(subject.task))
    return tuple(control for control in found if control is not None)


def fields_from(controls: Sequence[Control], raw: Sequence[Any]) -> Mapping[str, Any]:
    """The fields of a request from what the page has sent, without those that have their defaults.

    Raises:
        InvalidRequestError: a value is impossible.
    """
    values = {control.field: control.value(sent) for control, sent in zip(controls, raw, strict=True)}
    defaults = {control.field: control.default for control in controls}
    return {name: value for name, value in values.items() if value is not None and value != defaults[name]}


def _control(subject: Subject, field: dataclasses.Field[Any], hint: Any) -> Control | None:
    """The control of one field; None for a field that a page has no control for, such as a tensor."""
    kinds = [each for each in (get_args(hint) or (hint,)) if each is not NoneType] if not _is_literal(hint) else [hint]
    choices = _choices(subject, field, kinds)
    if field.name == "label" and not choices:  # a model without classes
        return None
    kind: Kind | None = "choice" if choices else _KINDS.get(kinds[0])
    if kind is None:
        return None
    least, most = field.metadata.get("range", (None, None))
    label = next(iter(with_user_names({field.name: None}))).replace("_", " ")
    default = None if field.default is dataclasses.MISSING else field.default
    examples = as_text_config(subject.config).examples if field.name == "text" and subject.task.needs_text else ()
    optional = default is None
    return Control(field.name, label, kind, default, choices, least, most, optional=optional, examples=examples)


def _is_literal(hint: Any) -> bool:
    return get_origin(hint) is Literal


def _choices(subject: Subject, field: dataclasses.Field[Any], kinds: Sequence[Any]) -> tuple[tuple[str, Any], ...]:
    """What there is to choose: the classes of the model, the texts of a ``Literal``, or those that the config lists."""
    if field.name == "label":
        names = subject.classes or [f"class {index}" for index in range(as_class_config(subject.config).classes)]
        return tuple((text, index) for index, text in enumerate(_distinct(names)))
    named = field.metadata.get("choices") or getattr(subject.config, f"{field.name}s", ())
    listed = get_args(kinds[0]) if _is_literal(kinds[0]) else named
    texts = listed if isinstance(listed, tuple) and all(isinstance(each, str) for each in listed) else ()
    return tuple((text, text) for text in texts)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, each that occurs twice with its number: ImageNet has two classes ``crane``."""
    return [name if names.count(name) == 1 else f"{name} ({index})" for index, name in enumerate(names)]
